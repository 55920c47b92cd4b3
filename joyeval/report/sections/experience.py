"""Staff experience: questionnaires, scores over waves, reliability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval import disclosure, figures, report
from joyeval.measurement import surveys
from joyeval.measurement.scores import ScoreChange
from joyeval.measurement.spread import answer_counts
from joyeval.report.sections.words import mean, rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.instruments.model import Instrument
    from joyeval.measurement.components import Components
    from joyeval.measurement.surveys import Reliability
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

OTHERS = {"linked": "linked people", "not linked": "people in one wave only"}  # beside everyone


def instruments(used: Sequence[Instrument]) -> None:
    """Emit the questionnaires, where they come from and who may use their words."""
    rows = [(one.title, len(one.items), one.source, one.licence.terms) for one in used]
    table = pd.DataFrame(rows, columns=["questionnaire", "items", "source", "licence"])
    report.table(table, caption="Questionnaires used")
    unsure = [f"{one.title}: {said}" for one in used for said in one.unverified]
    if unsure:
        report.text("What nobody has confirmed about them yet:")
        report.items(unsure)


def score_change(change: Result, study: Study) -> None:
    """Emit means by wave, and the change from the first to the last wave, estimated three ways."""
    if isinstance(change, ScoreChange):
        _means(change, study)
        _changes(change, study)


def _means(change: ScoreChange, study: Study) -> None:
    means = change.means.assign(scale=change.means["scale"].map(change.titles)).drop(columns="sd")
    protected = [
        disclosure.protect(scores, n="n", by=["scale", "wave"], within=None, rule=rule(study))
        for _, scores in means.groupby("scale", sort=False)  # each scale has a precision of its own
    ]
    drawn = [
        disclosure.protect(scores, n="n", by=["scale", "wave"], within=None, rule=rule(study), words=False)
        for _, scores in change.means.drop(columns="sd").groupby("scale", sort=False)
    ]
    _scores_figure(pd.concat(drawn), change, study)
    shown = pd.concat(protected)
    cells = [
        row.mean if isinstance(row.mean, str) else f"{mean(row.mean)}{_interval(row)}" for row in shown.itertuples()
    ]
    wide = shown.assign(cell=cells).pivot(index="scale", columns="wave", values="cell")
    answers = pd.to_numeric(shown["n"], errors="coerce")
    report.table(
        wide.reindex(index=shown["scale"].unique(), columns=shown["wave"].unique()).rename_axis("score"),
        caption="Mean scores by wave, with 95% intervals that allow for teams",
        footnotes=[f"Each mean rests on {answers.min():.0f} to {answers.max():.0f} answers, to the nearest 5."],
    )


def _scores_figure(means: pd.DataFrame, change: ScoreChange, study: Study) -> None:
    """Means as they may be shown, on the whole range that each score can take."""
    ranges = {
        name: ends
        for one in surveys.every_instrument(study)
        for name, ends in one.ranges.items()
        if name in change.titles
    }
    ways = dict(zip(change.changes["scale"], change.changes["better"], strict=True))
    report.figure(
        figures.scores_over_waves(means, titles=change.titles, better=ways, ranges=ranges),
        alt="Small panels, one per score: mean with its 95 % interval, wave by wave, on the range that the score can "
        "take. " + change.sentence(),
        caption="Mean scores by wave with 95 % intervals that allow for teams",
    )


def answers_given(study: Study, cohort: str, store: Store) -> None:
    """Emit how the answers to each item are spread, in the first and the last wave, as diverging bars."""
    for instrument in surveys.instruments(study, cohort):
        name = f"wave_{instrument.id}"
        for vocabulary in instrument.responses if name in store.tables() else ():
            _spread(store.table(name), instrument, vocabulary, study)


def _spread(wave: pd.DataFrame, instrument: Instrument, vocabulary: str, study: Study) -> None:
    counts = answer_counts(wave, instrument, vocabulary)
    waves = list(dict.fromkeys(counts.index.get_level_values("wave")))
    shares = disclosure.protect_shares(counts, rule=rule(study))
    if not shares.notna().any(axis=None):
        return
    shown = {wave: shares.loc[wave] for wave in dict.fromkeys([waves[0], waves[-1]])}
    asked = ", ".join(counts.index.get_level_values("item").unique()[:3])
    report.figure(
        figures.likert(shown, options=list(shares)),
        alt=f"Diverging bars: share of each answer to {instrument.title}, items such as {asked}, in the "
        f"{'wave' if len(shown) == 1 else 'waves'} {' and '.join(shown)}.",
        caption=f"{instrument.title}: answers given, from counts rounded to the nearest 5, not reversed",
        data=pd.concat(shown, names=["wave", "item"]).reset_index(),
        formats=dict.fromkeys(shares, ".0%"),
    )


def components(result: Components, study: Study) -> None:
    """Emit the nine components of joy in work, wave by wave, as a heat map."""
    table = result.table
    if table["estimate"].isna().all():
        return
    shown = table.assign(estimate=table["estimate"].where(table["n"] >= study.disclosure.threshold).round())
    report.figure(
        figures.component_map(shown),
        alt="Heat map: nine components of joy in work (rows) by wave (columns), 0 worst to 100 best possible. "
        + result.sentence(),
        caption="Components of joy in work (IHI 2017) from the scales that inform them, 100 the best they allow",
    )


def _interval(row: Any) -> str:
    """Its interval; a wave of a single team has none."""
    return "" if pd.isna(row.ci_low) else f" ({mean(row.ci_low)} to {mean(row.ci_high)})"


def _changes(change: ScoreChange, study: Study) -> None:
    table = change.changes
    last = table[(table["wave"] == table["wave"].iloc[-1]) & (table["n"] >= study.disclosure.threshold)]
    titled = last.assign(scale=last["scale"].map(change.titles), cell=[_estimate(row) for row in last.itertuples()])
    ways = titled.pivot(index="scale", columns="estimator", values="cell").reindex(columns=list(OTHERS))
    everyone = titled[titled["estimator"] == "everyone"].set_index("scale")
    near = everyone.assign(n=rule(study).rounded(everyone["n"]).astype(int))
    shown = near[["better", "cell", "relative", "p_adjusted", "n"]].join(ways)
    report.table(
        shown.rename_axis("score"),
        caption="Change from the first to the last wave with 95% intervals: from everyone, from people whose "
        "answers are linked, and from people in one wave only; n: answers behind the first, to the nearest 5",
        labels={"cell": "change", "better": "better is", "p_adjusted": "p, corrected", **OTHERS},
        formats={"p_adjusted": "p", "relative": "+.0%"},
    )
    report.figure(
        figures.coefficients(
            {
                words: _in_standard_deviations(last[last["estimator"] == kind], change)
                for kind, words in ({"everyone": "everyone"} | OTHERS).items()
                if (last["estimator"] == kind).any()
            },
            xlabel="change in standard deviations of the first wave",
        ),
        alt="Forest plot: change of each score from the first to the last wave, in standard deviations. "
        + change.sentence(),
        caption="Change of each score in standard deviations of the first wave, with 95 % intervals: from everyone, "
        "from people linked over both waves, and from people who answered one of them",
    )


def _estimate(row: Any) -> str:
    """Show an estimate with its interval, one decimal or two as its size bears."""
    if pd.isna(row.estimate):
        return "not estimated"
    style = "+.1f" if max(abs(row.ci_low), abs(row.ci_high)) >= 2 else "+.2f"
    return f"{row.estimate:{style}} ({row.ci_low:{style}} to {row.ci_high:{style}})".replace("-", "−")


def _in_standard_deviations(changes: pd.DataFrame, change: ScoreChange) -> pd.DataFrame:
    sd = changes["scale"].map(change.means.drop_duplicates("scale").set_index("scale")["sd"])
    scaled = {name: changes[name] / sd for name in ("estimate", "se", "ci_low", "ci_high")}
    return changes.assign(term=changes["scale"].map(change.titles), **scaled)


def reliability(result: Reliability, study: Study) -> None:
    """Emit alpha by scale and wave."""
    kept = result.table[result.table["n"] >= study.disclosure.threshold]
    if len(kept):
        cells = [f"{r.estimate:.2f} ({r.ci_low:.2f} to {r.ci_high:.2f})" for r in kept.itertuples()]
        wide = kept.assign(alpha=cells).pivot(index="title", columns="wave", values="alpha")
        ordered = wide.reindex(kept["title"].unique()).rename_axis("scale")
        report.table(ordered, caption="Cronbach's alpha with 95 % intervals, by wave")
