"""Outcomes: what they are, what could be linked, and the analyses side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures, report
from joyeval.outcomes import side_by_side as together
from joyeval.outcomes.association import Association, quoted
from joyeval.outcomes.event_study import EventStudy
from joyeval.outcomes.interrupted import Interrupted
from joyeval.outcomes.linkage import Linkage
from joyeval.outcomes.reliability import Corrected
from joyeval.outcomes.sensitivity import LeaveOneOut, NegativeControl, SpecificationCurve
from joyeval.report.audiences import section
from joyeval.report.papers import model_table
from joyeval.report.sections.words import ESTIMATES, ROWS, answer, corrected, sentence, shown
from joyeval.result import NoAnswer, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.disclosure import Shown
    from joyeval.study import Study

AGAINST = "outcomes before the staff answers"
STANDARD = "Standard deviations of the outcome per standard deviation of the staff measure"
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
        along = shown(Along(n=primary.n, table=primary.along(linkage.data)))
        lines = along.pipe(lambda found: found.tidy())
        drawn = figures.effect(lines, x=primary.x, xlabel=primary.x, ylabel=primary.y, by="comparison")
        caption = f"{primary.y} along {primary.x}, with 95 % bands: the same {primary.noun} at different times, and "
        report.figure(
            drawn,
            alt=shown(primary).say(lambda found: f"Two lines with bands. {found.sentence()}"),
            caption=f"{caption}different {primary.noun}s",
        )


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
        flow = pd.concat([one.flow.assign(pair=f"{one.staff[0]} → {one.outcomes[0]}") for one in found])
        unit = f"{found[0].noun}-periods"
        report.figure(
            figures.linkage(disclosure.nobody(flow, unit), unit=unit),
            alt=disclosure.nobody(
                f"Bars of {unit} that joined an outcome or did not. {' '.join(one.sentence() for one in found)}", unit
            ),
            caption=f"{unit.capitalize()} of staff experience that joined an outcome, for each analysis",
        )


@section
def checks(primary: Result, results: Mapping[str, Result]) -> None:
    """Emit the same question asked in other ways: estimates, models side by side, figures."""
    if not isinstance(primary, Association):
        report.text("The primary question has no answer here, so it was not asked in other ways.")
        return
    found = {f"primary analysis: {primary.design}": primary}
    for key, one in results.items():
        if isinstance(one, Association):
            found[f"{one.design}, {AGAINST}" if key == "outcomes_reverse" else one.design] = one
    _designs({name: shown(one) for name, one in found.items()})
    for one in results.values():
        if not isinstance(one, Association):
            answer(replace(one, notes=tuple(note for note in one.notes if note not in primary.notes)))
            _sensitivity(shown(one))


def _designs(every: Mapping[str, Shown]) -> None:
    found = {name: one.what for name, one in every.items() if isinstance(one.what, Association)}
    if not found:
        report.text(next(iter(every.values())).sentence())
        return
    first, unit = next(iter(found.values())), "Difference in the outcome per 1 in the staff measure"
    primary = next(iter(every.values()))
    rows = primary.pipe(lambda _: _effects(found))
    caption = "The primary question by several designs"
    report.table(rows, caption=caption, formats=ESTIMATES, labels={"n": ROWS})
    report.figure(
        figures.forest(rows, names="design", xlabel=unit),
        alt=primary.say(lambda _: f"Forest plot of the primary question by several designs. {first.sentence()}"),
        caption=f"Difference in {first.y} per 1 in {first.x}, by several designs, with 95 % intervals",
    )
    models = {
        name: one.terms.assign(term=one.terms["term"].replace({one.x: "within"}))
        for name, one in found.items()
        if SHOWN & set(one.terms["term"]) or one.x in set(one.terms["term"])
    }
    rest = {f"{first.noun}s": {name: found[name].n_teams for name in models}}
    rest |= {f"{first.noun}-periods": {name: found[name].n for name in models}}
    beside = rows.pipe(lambda _: model_table(models, rows=rest))
    report.table(beside, caption="The models side by side: estimates with 95 % intervals")


def _effects(found: Mapping[str, Association]) -> pd.DataFrame:
    columns = ["estimate", "ci_low", "ci_high", "p", "n"]
    return pd.DataFrame([{"design": name, **one.effect[columns]} for name, one in found.items()])


def _sensitivity(one: Shown) -> None:
    found = one.what
    if isinstance(found, LeaveOneOut):
        report.figure(
            figures.leave_one_out(one, ylabel=f"Estimate ({found.term})"),
            alt=one.say(lambda found: f"The estimate without each {found.noun} in turn. {found.sentence()}"),
            caption=f"The primary estimate without one {found.noun} at a time, with 95 % intervals",
        )
    if isinstance(found, SpecificationCurve):
        curve, _ = figures.specification_curve(one, ylabel="Estimate")
        report.figure(
            curve,
            alt=one.say(lambda found: f"Specification curve. {found.sentence()}"),
            caption="The primary question under every combination of defensible choices, with 95 % intervals",
        )


@section
def side_by_side(results: Sequence[Result]) -> None:
    """Emit several analyses in one table and one forest plot, and what could not be answered."""
    every = [shown(one) for one in results]
    found = [one.what for one in every if isinstance(one.what, Association)]
    if found:
        first = next(one for one in every if isinstance(one.what, Association))
        report.table(
            first.pipe(lambda _: together([one.what for one in every])),
            caption="Other analyses named beforehand; p values of the main comparison also with Holm's correction",
            labels={"n": ROWS, "n_teams": f"{found[0].noun}s", "p_adjusted": "p, corrected"},
            footnotes=["Estimate: the outcome, in its own unit, for 1 more in the staff measure."],
            formats={**ESTIMATES, "p_adjusted": corrected},
            header_columns=3,
        )
        terms = [f"{one.x} → {one.y}, {one.primary}" for one in found]
        rows = first.pipe(lambda _: pd.DataFrame([one.standardised for one in found]).assign(term=terms))
        report.figure(
            figures.forest(rows, xlabel=STANDARD),
            alt=first.say(lambda _: f"Forest plot of the other analyses. {' '.join(one.sentence() for one in found)}"),
            caption=f"The analyses named beforehand in one unit: {STANDARD.lower()}, with 95 % intervals",
        )
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
        found = one.what
        report.text(one.sentence())
        if isinstance(found, Interrupted):
            before = "the trend before the start carried on" if found.trend else "the average before the start"
            report.figure(
                figures.interrupted(one.pipe(_whole), ylabel=found.y),
                alt=one.say(lambda found: f"Series before and after the start. {found.sentence()}"),
                caption=f"{found.y}, all {noun}s together: what was seen, and {before}",
            )
        if isinstance(found, EventStudy):
            report.figure(
                figures.event_study(one, ylabel=f"Difference in {found.y}"),
                alt=one.say(lambda found: f"Differences by months since the start. {found.sentence()}"),
                caption=f"{quoted(found.y)} by months since the start, against those who had not started",
            )
    report.items(dict.fromkeys(sentence(note) for one in every for note in one.notes))


def _whole(found: Interrupted) -> Interrupted:
    """Round what was seen as means and percentages are rounded elsewhere."""
    points = found.points
    places = 0 if points["value"].abs().max() > 10 else 1
    return replace(found, points=points.assign(value=points["value"].round(places)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Along(Result):
    """An outcome along a staff measure, as a model has it; `n` counts rows."""

    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the lines with their bands."""
        return self.table

    def sentence(self) -> str:
        """Say nothing of its own: the model speaks for it."""
        return ""
