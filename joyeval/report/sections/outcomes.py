"""Outcomes: what they are, what could be linked, and the analyses side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.exhibits import outcomes as exhibits
from joyeval.outcomes import side_by_side as together
from joyeval.outcomes.association import Association
from joyeval.outcomes.event_study import EventStudy
from joyeval.outcomes.interrupted import Interrupted
from joyeval.outcomes.linkage import Linkage
from joyeval.outcomes.reliability import Corrected
from joyeval.outcomes.sensitivity import LeaveOneOut, NegativeControl, SpecificationCurve
from joyeval.report.audiences import section
from joyeval.report.papers import model_table
from joyeval.report.sections.words import ESTIMATES, ROWS, answer, corrected, sentence, shown
from joyeval.result import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.disclosure import Shown
    from joyeval.result import Result
    from joyeval.study import Study

CONTROL = (
    "If staff experience goes with an outcome that it cannot plausibly move, something else links the two, and may "
    "explain the primary answer as well; by chance alone this happens in 1 of 20 studies."
)
SHOWN = {"within", "between", "contextual"}


@section
def measures(study: Study, cohort: str) -> None:
    """Emit the outcomes and which way is better."""
    parts = study.of_cohort("outcomes", cohort)
    ways = {"increase": "higher", "decrease": "lower"}
    rows = [
        (part.title, part.unit, ways[part.improve], "service users" if part.service_users else "staff")
        for part in parts
    ]
    table = disclosure.nobody(pd.DataFrame(rows, columns=["outcome", "unit", "better", "about"]), "outcomes")
    report.table(table, caption="Outcomes, their units and which way is better")


@section
def effect(primary: Result, linkage: Result) -> None:
    """Emit the outcome along the staff measure, within and between teams."""
    if isinstance(primary, Association) and isinstance(linkage, Linkage):
        along = shown(exhibits.Along(n=primary.n, table=primary.along(linkage.data)))
        report.exhibit(exhibits.effect(shown(primary), along))


@section
def linkage(primary: Result, every: Sequence[Result]) -> None:
    """Emit what joined and what did not, for the primary analysis in numbers and for all as bars."""
    if isinstance(primary, Linkage):
        unit = f"{primary.noun}-periods"
        report.table(
            disclosure.nobody(primary.tidy(), unit),
            caption=f"{unit.capitalize()} of staff experience, by what became of their outcome",
            labels={"teams": f"{primary.noun}s", "team_periods": unit},
        )
    found = [one for one in every if isinstance(one, Linkage)]
    if found:
        report.exhibit(exhibits.linkage(found))


@section
def checks(primary: Result, results: Mapping[str, Result]) -> None:
    """Emit the same question asked in other ways: estimates, models side by side, figures."""
    if not isinstance(primary, Association):
        report.text("The primary question has no answer here, so it was not asked in other ways.")
        return
    _designs(shown(primary), {name: shown(one) for name, one in exhibits.same_question(primary, results).items()})
    for one in results.values():
        if not isinstance(one, Association):
            answer(replace(one, notes=tuple(note for note in one.notes if note not in primary.notes)))
            _sensitivity(shown(one))


def _designs(primary: Shown, every: Mapping[str, Shown]) -> None:
    if not isinstance(primary.what, Association):
        report.text(primary.sentence())
        return
    found = {name: one.what for name, one in every.items() if isinstance(one.what, Association)}
    first, drawn = primary.what, exhibits.designs(primary, found)
    report.table(drawn.data, caption="The primary question by several designs", formats=ESTIMATES, labels={"n": ROWS})
    report.exhibit(drawn)
    named = {exhibits.as_primary(name, first): one for name, one in found.items()}
    models = {
        name: one.terms.assign(term=one.terms["term"].replace({one.x: "within"}))
        for name, one in named.items()
        if SHOWN & set(one.terms["term"]) or one.x in set(one.terms["term"])
    }
    rest = {f"{first.noun}s": {name: named[name].n_teams for name in models}}
    rest |= {f"{first.noun}-periods": {name: named[name].n for name in models}}
    beside = drawn.data.pipe(lambda _: model_table(models, rows=rest))
    report.table(beside, caption="The models side by side: estimates with 95 % intervals")


def _sensitivity(one: Shown) -> None:
    if isinstance(one.what, LeaveOneOut):
        report.exhibit(exhibits.leave_one_out(one))
    if isinstance(one.what, SpecificationCurve):
        report.exhibit(exhibits.specifications(one))


@section
def side_by_side(results: Sequence[Result]) -> None:
    """Emit several analyses in one table and one forest plot, and what could not be answered."""
    every = [shown(one) for one in results]
    found = [one for one in every if isinstance(one.what, Association)]
    if found:
        report.table(
            found[0].pipe(lambda _: together([one.what for one in every])),
            caption="Other analyses named beforehand; p values of the main comparison also with Holm's correction",
            labels={"n": ROWS, "n_teams": f"{found[0].what.noun}s", "p_adjusted": "p, corrected"},
            footnotes=["Estimate: the outcome, in its own unit, for 1 more in the staff measure."],
            formats={**ESTIMATES, "p_adjusted": corrected},
            header_columns=3,
        )
        report.exhibit(exhibits.in_one_unit(found))
    for one in every:
        if isinstance(one.what, NoAnswer):
            report.text(one.sentence())


@section
def control(study: Study, result: Result) -> None:
    """Emit what became of an outcome that staff experience cannot move, beside the primary one."""
    if study.negative_control is None:
        return
    report.heading("An outcome that experience cannot move", level=3)
    told = f"{CONTROL} {sentence(study.negative_control.why)}"
    report.text(disclosure.nobody(told, "studies in general"))
    found = shown(result)
    answer(found)
    if isinstance(found.what, NegativeControl):
        named = [f"primary: {result.main.y}", f"negative control: {result.control.y}"]
        report.table(
            found.pipe(lambda result: result.tidy().assign(term=named)),
            caption="Standard deviations of each outcome per 1 in the staff measure, within the same "
            f"{result.control.noun}",
            labels={"term": "outcome"},
            formats=ESTIMATES,
        )


@section
def reliable_differences(result: Result) -> None:
    """Emit the difference between teams, corrected for chance in their averages."""
    found = shown(result)
    answer(found)
    if isinstance(found.what, Corrected):
        report.table(
            found.pipe(_between),
            caption=f"Differences between {result.noun}s, as found and corrected for unreliable averages",
            formats=ESTIMATES,
        )


def _between(result: Corrected) -> pd.DataFrame:
    rows = result.tidy()
    return rows[rows["term"].str.startswith(("between", "contextual"))].drop(columns=["se", "df"])


@section
def part_of_programme(results: Mapping[str, Result], noun: str = "team") -> None:
    """Emit what the programme may have had to do with it, with a figure where there is one."""
    every = [shown(one) for one in results.values()]
    for one in every:
        report.text(one.sentence())
        if isinstance(one.what, Interrupted):
            report.exhibit(exhibits.interrupted(one, noun))
        if isinstance(one.what, EventStudy):
            report.exhibit(exhibits.event_study(one))
    report.items(dict.fromkeys(sentence(note) for one in every for note in one.notes))
