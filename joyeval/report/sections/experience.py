"""Staff experience: questionnaires, scores over waves, reliability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval import disclosure, report
from joyeval.exhibits import surveys as exhibits
from joyeval.measurement import surveys
from joyeval.measurement.scores import ScoreChange
from joyeval.measurement.spread import answer_counts
from joyeval.report.audiences import section
from joyeval.report.messages import MINUS
from joyeval.report.sections.words import mean, rule, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.disclosure import Shown
    from joyeval.instruments.model import Instrument
    from joyeval.measurement.components import Components
    from joyeval.measurement.surveys import Reliability
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

OTHERS = {  # beside everyone
    "linked": "linked people",
    "not linked": "people in one wave only",
    "same teams": "teams in both waves",
}


@section
def instruments(used: Sequence[Instrument]) -> None:
    """Emit the questionnaires, where they come from and who may use their words."""
    rows = [(one.title, len(one.items), one.source, one.licence.terms) for one in used]
    table = pd.DataFrame(rows, columns=["questionnaire", "items", "source", "licence"])
    report.table(disclosure.nobody(table, "items of questionnaires"), caption="Questionnaires used")
    unsure = [f"{one.title}: {said}" for one in used for said in one.unverified]
    if unsure:
        report.text("What nobody has confirmed about them yet:")
        report.items(disclosure.nobody(one, "items of questionnaires") for one in unsure)


@section
def score_change(change: Result, study: Study) -> None:
    """Emit means by wave, and the change from the first to the last wave, estimated three ways."""
    if isinstance(change, ScoreChange):
        _means(change, study)
        _changes(change, study)


def _means(change: ScoreChange, study: Study) -> None:
    """Each scale has a precision of its own."""
    exact = change.means.drop(columns="sd")
    parts = [
        disclosure.show(scores, audience=rule(study), people="n", by=["scale", "wave"], within=None)
        for _, scores in exact.groupby("scale", sort=False)
    ]
    means = together(parts)
    _scores_figure(means, change, study)
    answers = means.what["n"].dropna()
    if answers.empty:
        return
    report.table(
        means.pipe(_by_wave, change.titles),
        caption="Mean scores by wave, with 95% intervals that allow for teams",
        footnotes=[f"Each mean rests on {answers.min()} to {answers.max()} answers, to the nearest 5."],
    )


def _by_wave(means: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    cells = [f"{mean(row.mean)}{_interval(row)}" for row in means.itertuples()]
    wide = means.assign(scale=means["scale"].map(titles), cell=cells)
    order = {"index": wide["scale"].unique(), "columns": wide["wave"].unique()}
    return wide.pivot(index="scale", columns="wave", values="cell").reindex(**order).rename_axis("score")


def _scores_figure(means: Shown, change: ScoreChange, study: Study) -> None:
    """Means as they may be shown, on the whole range that each score can take."""
    ranges = {
        name: ends
        for one in surveys.every_instrument(study)
        for name, ends in one.ranges.items()
        if name in change.titles
    }
    found = disclosure.show(change, audience=rule(study))
    ways = dict(zip(change.changes["scale"], change.changes["better"], strict=True))
    ends = disclosure.nobody(ranges, "ends of scales")
    report.exhibit(exhibits.scores_over_waves(means, found, better=ways, ranges=ends))


@section
def answers_given(study: Study, cohort: str, store: Store) -> None:
    """Emit how the answers to each item are spread, in the first and the last wave, as diverging bars."""
    for instrument in surveys.instruments(study, cohort):
        name = f"wave_{instrument.id}"
        for vocabulary in instrument.responses if name in store.tables() else ():
            _spread(store.table(name), instrument, vocabulary, study)


def _spread(wave: pd.DataFrame, instrument: Instrument, vocabulary: str, study: Study) -> None:
    shares = disclosure.show_shares(answer_counts(wave, instrument, vocabulary), audience=rule(study))
    if drawn := exhibits.answers(shares, instrument.title, f"{instrument.id}_{vocabulary}"):
        report.exhibit(drawn)


@section
def components(result: Components, study: Study) -> None:
    """Emit the nine components of joy in work, wave by wave, as a heat map."""
    table = result.table
    if table["estimate"].isna().all():
        return
    named = [name for name in table if name not in ("estimate", "n")]
    shown = disclosure.show(table, audience=rule(study), people="n", by=named, within=None, places={"estimate": 0})
    report.exhibit(exhibits.components(shown, disclosure.show(result, audience=rule(study), people=result.n)))


def _interval(row: Any) -> str:
    """Its interval; a wave of a single team has none."""
    return "" if pd.isna(row.ci_low) else f" ({mean(row.ci_low)} to {mean(row.ci_high)})"


def _changes(change: ScoreChange, study: Study) -> None:
    named = ["scale", "wave", "estimator", "better"]
    numbers = ["estimate", "se", "ci_low", "ci_high", "relative", "p_adjusted"]
    together = change.changes.assign(ci_low=change.changes["ci_low_all"], ci_high=change.changes["ci_high_all"])
    table = together[[*named, *numbers, "n"]]
    places = dict.fromkeys(("estimate", "se", "ci_low", "ci_high"), 2) | {"relative": 2, "p_adjusted": 3}
    table = table.assign(people=change.people())
    kept = table[table["estimate"].notna()].astype({"n": int, "people": int})
    which = "each later wave" if len(set(table["wave"])) > 1 else "the last wave"
    same = ", and in teams of both waves" if (table["estimator"] == "same teams").any() else ""
    behind = dict.fromkeys((*numbers, "n"), "people")
    found = disclosure.show(kept, audience=rule(study), people=behind, by=named, within=None, places=places)
    found = found.pipe(lambda rows: rows[rows["n"].notna()].drop(columns="people"))
    beside = found.pipe(_side_by_side, change.titles)
    others = {kind: words for kind, words in OTHERS.items() if kind in beside.what}
    report.table(
        beside,
        caption=f"Change from the first to {which} with 95% intervals that hold for all scores together: from "
        f"everyone, linked people, and people in one wave only{same}; n: answers behind the first, to the nearest 5",
        labels={"cell": "change", "better": "better is", "p_adjusted": "p, corrected", **others},
        formats={"p_adjusted": "p", "relative": "+.0%"},
    )
    sd = disclosure.show(
        change.means.drop_duplicates("scale")[["scale", "sd", "n"]], audience=rule(study), people="n", within=None
    )
    last = found.pipe(lambda rows: rows[rows["wave"] == table["wave"].iloc[-1]])
    parts = last.pipe(_in_standard_deviations, sd, change.titles)
    report.exhibit(exhibits.score_changes(parts, disclosure.show(change, audience=rule(study))))


def _side_by_side(rows: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return one row per score, and per later wave where there are several; the estimators as columns."""
    keys = ["score", "wave"] if len(set(rows["wave"])) > 1 else ["score"]
    titled = rows.assign(score=rows["scale"].map(titles), cell=[_estimate(row) for row in rows.itertuples()])
    ways = titled.pivot(index=keys, columns="estimator", values="cell")
    ways = ways.reindex(columns=[kind for kind in OTHERS if kind in ways or kind != "same teams"])
    everyone = titled[titled["estimator"] == "everyone"].set_index(keys)
    wide = everyone[["better", "cell", "relative", "p_adjusted", "n"]].join(ways)
    return wide.reset_index(keys[1:])


def _estimate(row: Any) -> str:
    """Show an estimate with its interval, one decimal or two as its size bears."""
    if pd.isna(row.estimate):
        return "not estimated"
    if pd.isna(row.ci_low):
        return f"{row.estimate:+.2f} (no interval)".replace("-", MINUS)
    style = "+.1f" if max(abs(row.ci_low), abs(row.ci_high)) >= 2 else "+.2f"
    return f"{row.estimate:{style}} ({row.ci_low:{style}} to {row.ci_high:{style}})".replace("-", MINUS)


def _in_standard_deviations(last: pd.DataFrame, sds: pd.DataFrame, titles: dict[str, str]) -> dict[str, pd.DataFrame]:
    """By estimator; standard deviations are rounded, so the figure is about right."""
    sd = last["scale"].map(sds.set_index("scale")["sd"]).astype(float)
    scaled = {name: (last[name] / sd).round(2) for name in ("estimate", "se", "ci_low", "ci_high")}
    rows = last.assign(term=last["scale"].map(titles), **scaled)
    kinds = {"everyone": "everyone"} | OTHERS
    return {
        words: rows[rows["estimator"] == kind] for kind, words in kinds.items() if (rows["estimator"] == kind).any()
    }


@section
def reliability(result: Reliability, study: Study) -> None:
    """Emit alpha by scale and wave."""
    places = dict.fromkeys(("estimate", "ci_low", "ci_high"), 2)
    table = result.table.astype({"n": int})
    shown = disclosure.show(
        table, audience=rule(study), people="n", by=["scale", "title", "wave"], within=None, places=places
    )
    if shown.what["n"].notna().any():
        report.table(shown.pipe(_alphas), caption="Cronbach's alpha with 95 % intervals, by wave")


def _alphas(table: pd.DataFrame) -> pd.DataFrame:
    kept = table[table["n"].notna()]
    cells = [f"{r.estimate:.2f} ({r.ci_low:.2f} to {r.ci_high:.2f})" for r in kept.itertuples()]
    wide = kept.assign(alpha=cells).pivot(index="title", columns="wave", values="alpha")
    return wide.reindex(kept["title"].unique()).rename_axis("scale")
