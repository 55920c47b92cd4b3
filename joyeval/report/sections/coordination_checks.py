"""Relational coordination, checked: ordered answers, comparison units, scoring rules, non-response, measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.coordination import AnswerQuality, Change, Difference, Network, NonResponse, ScoringRules
from joyeval.coordination.sensitivity import beyond_scale
from joyeval.exhibits import coordination as exhibits
from joyeval.judgement import clear
from joyeval.outcomes import BesideCoordination
from joyeval.report.audiences import section
from joyeval.report.sections.coordination import enough, table, told
from joyeval.report.sections.words import ESTIMATES, NOT_SHOWN, answer, sentence
from joyeval.report.sections.words import shown as shown_as

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.result import Result

QUALITY = ["wave", "alpha", "alpha_low", "alpha_high", "alpha_target", "cfi_one", "cfi_two", "rmsea_one", "rmsea_two"]
HABITS = ["wave", "halo", "same_items", "same_targets", "ceiling", "no_contact"]
MISSING = ["process", "term", "response_first", "response_second", "estimate", "lowest", "highest", "tipping"]
OF_GROUPS = "weakest tie"  # a statistic of one tie, which the public view does not show


@section
def ordinal_companion(change: Result, companions: Mapping[str, Result]) -> None:
    """Emit the change of the answers on their own ordered scale beside the primary change, process by process."""
    rows = [_companion(change, process, found) for process, found in companions.items()]
    rows = [row for row in rows if row is not None]
    if rows and isinstance(change, Change):
        text = "In points: the primary model of scores beside a cumulative-logit model of all single answers"
        every = pd.concat(rows, ignore_index=True)
        numbers = every.columns[2:-1]
        shown = disclosure.show(
            every.astype({"n": int}),
            audience=disclosure.reader(),
            people="n",
            by=["process", "term"],
            within=None,
            places=dict.fromkeys(numbers, 2) | {"chances": 1},
        )
        table(shown, f"{text}; a high answer is one in the upper half of the scale", named_by=2)
    for process, found in companions.items():
        if not hasattr(found, "changes"):
            report.text(shown_as(found).say(_of_process, process))


def _of_process(found: Result, process: str) -> str:
    return f"{process}: {found.sentence()}"


def _companion(change: Result, process: str, found: Result) -> pd.DataFrame | None:
    """Join the primary change of one process to its companion, contrast by contrast with the first wave."""
    if not (isinstance(change, Change) and hasattr(found, "changes")):
        return None
    own = change.terms[(change.terms["process"] == process) & (change.terms["part"] == "between")]
    own = own.loc[own["kind"] != "decay", ["process", "term", "second", "estimate", "ci_low", "ci_high", "n"]]
    upper = f"P(>= {found.levels[len(found.levels) // 2 + len(found.levels) % 2]})"
    by_wave = found.changes.set_index(["term", "value"])
    mean, high = by_wave.loc["mean"], by_wave.loc[upper]
    points = {"estimate": "companion", "ci_low": "companion_low", "ci_high": "companion_high"}
    beside = mean[list(points)].rename(columns=points).assign(chances=100 * high["estimate"])
    joined = own.merge(beside, left_on="second", right_index=True)
    return joined[["process", "term", *list(points), *points.values(), "chances", "n"]]


@section
def comparison(found: Result) -> None:
    """Emit the change beside units without the programme."""
    if isinstance(found, Difference) and not enough(found.units["n"]):
        return
    shown = shown_as(found)
    answer(shown)
    if isinstance(shown.what, Difference):
        near = disclosure.reader().rounded
        units = ["process", "arm", "estimate", "ci_low", "ci_high", "n"]
        by_unit = shown.pipe(lambda found: found.units.assign(n=near(found.units["n"]))[units])
        table(by_unit, "Change of each unit", named_by=2)
        columns = ["estimator", "term", "estimate", "ci_low", "ci_high", "p", "detectable"]
        table(shown.pipe(lambda found: found.terms[columns]), "Difference between the changes", named_by=2)


@section
def scoring(found: Result) -> None:
    """Emit the change under every defensible combination of scoring rules."""
    if isinstance(found, ScoringRules) and not enough(found.table["n"]):
        return
    shown = shown_as(found)
    answer(shown)
    if isinstance(shown.what, ScoringRules):
        report.exhibit(exhibits.scoring_rules(shown))


@section
def silent(found: Result) -> None:
    """Emit how far the change depends on those who did not answer."""
    if isinstance(found, NonResponse) and not enough(found.n):
        return
    shown = shown_as(found).pipe(_near)
    answer(shown)
    if isinstance(shown.what, NonResponse):
        text = (
            "lowest, highest: if all who did not answer had rated at one end; tipping point: how much lower they would "
            "have to rate in the second wave than others for a clear change to be 0"
        )
        table(
            shown.pipe(_missing),
            f"What non-response could hide, in points; {text}",
            named_by=2,
        )


def _missing(found: NonResponse) -> pd.DataFrame:
    """Bounds process by process; a tipping point only of a clear change, and in words where no scale is as wide."""
    rows = found.terms[found.terms["process"] != "all"]
    tips = [
        NOT_SHOWN if not sure or pd.isna(tip) else "beyond the scale" if beyond_scale(tip) else f"{tip:+.2f}"
        for sure, tip in zip(clear(rows["ci_low"], rows["ci_high"]), rows["tipping"], strict=True)
    ]
    return rows.assign(tipping=tips)[MISSING]


def _near(found: Result) -> Result:
    """Shares of people who answered, to the nearest 5 percentage points: nearer, they give those who did not."""
    if not isinstance(found, NonResponse):
        return found
    shares = {name: (20 * found.terms[name]).round() / 20 for name in ("response_first", "response_second")}
    return replace(found, terms=found.terms.assign(**shares))


@section
def coordination_quality(found: Result) -> None:
    """Emit reliability, structure and habits of answering, wave by wave."""
    if isinstance(found, AnswerQuality) and not enough(found.terms["n"]):
        return
    shown = shown_as(found)
    told(shown)
    if isinstance(shown.what, AnswerQuality):
        measured = shown.pipe(lambda found: found.terms[QUALITY].dropna(axis=1, how="all"))
        if measured.what.shape[1] > 1:
            table(measured, "Reliability and factor structure of respondents' means, by wave", named_by=1)
        table(shown.pipe(_habits), "Habits of answering, by wave", named_by=1)


def _habits(found: AnswerQuality) -> pd.DataFrame:
    """Shares of people to the nearest 5 percentage points."""
    table = found.terms[HABITS]
    return table.assign(**{name: (20 * table[name]).round() / 20 for name in HABITS[2:] if name in table})


@section
def pattern(found: Result, process: str, *, raters: int) -> None:
    """Emit whether the pattern of ties lasted from the first wave to the last."""
    if not enough(raters):
        return
    shown = shown_as(found)
    report.text(shown.say(_of_process, process))
    report.items(sentence(note) for note in shown.notes)


@section
def networks(found: Mapping[str, Result], *, facilitator: bool) -> None:
    """Emit statistics of the network of ties; which tie is weakest is for the facilitator alone."""
    rows, every = [], {}
    for process, result in found.items():
        shown = every[process] = disclosure.show(result, audience=disclosure.reader(), people=result.n)
        if isinstance(shown.what, Network):
            rows.append(shown.pipe(_statistics, process, facilitator=facilitator))
        elif not isinstance(result, Network):
            report.text(shown.sentence())
        if facilitator and isinstance(result, Network):
            report.text(shown.say(_weakest, process))
    if rows:
        table(
            rows[0].pipe(lambda first, *others: pd.concat([first, *others]), *rows[1:]),
            "The ties as a network, last wave; 0: all groups alike, 1: one has it all",
            named_by=2,
        )
        if facilitator:
            report.items(dict.fromkeys(sentence(note) for shown in every.values() for note in shown.notes))


def _weakest(found: Network, process: str) -> str:
    return f"{process}: the weakest tie is how {found.weakest[0]} see {found.weakest[1]}."


def _statistics(result: Network, process: str, *, facilitator: bool) -> pd.DataFrame:
    kept = result.terms if facilitator else result.terms[result.terms["term"] != OF_GROUPS]
    names = {"estimate": "value", "ci_low": "value_low", "ci_high": "value_high", "term": "statistic"}
    columns = ["process", "statistic", "value", "value_low", "value_high"]
    return kept.rename(columns=names).assign(process=process)[columns]


@section
def beside(found: Result) -> None:
    """Emit coordination of sites beside the scores and outcomes of their teams, and how they go together."""
    raters = int(found.table["raters"].sum()) if isinstance(found, BesideCoordination) else 0
    shown = disclosure.show(found, audience=disclosure.reader(), people=raters)
    told(shown)
    if not isinstance(shown.what, BesideCoordination):
        return
    table = found.table.assign(behind=found.table["fewest"].fillna(found.table["answers"]).fillna(0).astype(int))
    named = ["measure", "site", "wave"]
    rows = disclosure.show(
        table[[*named, "raters", "rc", "value", "answers", "behind"]].astype({"raters": int}),
        audience=disclosure.reader(),
        people={"rc": "raters", "value": "behind", "answers": "behind"},
        by=named,
        within=None,
        places={"rc": 1, "value": None},
    )
    report.table(
        rows.pipe(_as_told),
        caption="Mean tie between workgroups at each site beside the scores and outcomes of its teams; answers: of "
        "staff within two months of the ratings, or what the outcome was counted over in the months named",
        labels={"rc": "Mean tie", "answers": "Answers"},
        formats={"answers": ",.0f", "rc": ".1f"},
        header_columns=3,
    )
    for title in shown.what.associations:
        report.text(shown.say(lambda found, title: found.associations[title].sentence(), title))
        terms = shown.pipe(lambda found, title=title: found.associations[title].tidy())
        if len(terms.what):
            terms = terms.pipe(lambda rows: rows[["term", "estimate", "ci_low", "ci_high", "p"]])
            report.table(terms, caption=f"Coordination and {title}, in points", formats=ESTIMATES)


def _as_told(table: pd.DataFrame) -> pd.DataFrame:
    near = disclosure.reader().rounded(table["answers"])
    value = table["value"].map(lambda value: value if pd.isna(value) else float(f"{value:.2g}"))
    return table.assign(answers=near, value=value).drop(columns="behind")
