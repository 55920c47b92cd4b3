"""Outcomes: what they are, what could be linked, and the analyses side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import figures, report
from joyeval.outcomes import side_by_side as together
from joyeval.outcomes.association import Association, quoted
from joyeval.outcomes.event_study import EventStudy
from joyeval.outcomes.interrupted import Interrupted
from joyeval.outcomes.linkage import Linkage
from joyeval.outcomes.reliability import Corrected
from joyeval.outcomes.sensitivity import LeaveOneOut, NegativeControl, SpecificationCurve
from joyeval.report.papers import model_table
from joyeval.report.sections.words import ESTIMATES, ROWS, answer, corrected, sentence
from joyeval.result import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.result import Result
    from joyeval.study import Study

AGAINST = "outcomes before the staff answers"
STANDARD = "Standard deviations of the outcome per standard deviation of the staff measure"
SHOWN = {"within", "between", "contextual"}


def measures(study: Study, cohort: str) -> None:
    """Emit the outcomes and which way is better."""
    parts = study.of_cohort("outcomes", cohort)
    ways = {"increase": "higher", "decrease": "lower"}
    rows = [
        (part.title, part.unit, ways[part.improve], "service users" if part.service_users else "staff")
        for part in parts
    ]
    table = pd.DataFrame(rows, columns=["outcome", "unit", "better", "about"])
    report.table(table, caption="Outcomes, their units and which way is better")


def effect(primary: Result, linkage: Result) -> None:
    """Emit the outcome along the staff measure, within and between teams."""
    if isinstance(primary, Association) and isinstance(linkage, Linkage):
        drawn = figures.effect(
            primary.along(linkage.data), x=primary.x, xlabel=primary.x, ylabel=primary.y, by="comparison"
        )
        caption = f"{primary.y} along {primary.x}, with 95 % bands: the same {primary.noun} at different times, and "
        report.figure(
            drawn,
            alt=f"Two lines with bands. {primary.sentence()}",
            caption=f"{caption}different {primary.noun}s",
        )


def linkage(primary: Result, every: Sequence[Result]) -> None:
    """Emit what joined and what did not, for the primary analysis in numbers and for all as bars."""
    if isinstance(primary, Linkage):
        unit = f"{primary.noun}-periods"
        report.table(
            primary.tidy(),
            caption=f"{unit.capitalize()} of staff experience, by what became of their outcome",
            labels={"teams": f"{primary.noun}s", "team_periods": unit},
        )
    found = [one for one in every if isinstance(one, Linkage)]
    if found:
        flow = pd.concat([one.flow.assign(pair=f"{one.staff[0]} → {one.outcomes[0]}") for one in found])
        unit = f"{found[0].noun}-periods"
        report.figure(
            figures.linkage(flow, unit=unit),
            alt=f"Bars of {unit} that joined an outcome or did not. " + " ".join(one.sentence() for one in found),
            caption=f"{unit.capitalize()} of staff experience that joined an outcome, for each analysis",
        )


def checks(primary: Result, results: Mapping[str, Result]) -> None:
    """Emit the same question asked in other ways: estimates, models side by side, figures."""
    if not isinstance(primary, Association):
        report.text("The primary question has no answer here, so it was not asked in other ways.")
        return
    found = {f"primary analysis: {primary.design}": primary}
    for key, one in results.items():
        if isinstance(one, Association):
            found[f"{one.design}, {AGAINST}" if key == "outcomes_reverse" else one.design] = one
    _designs(found)
    for one in results.values():
        if not isinstance(one, Association):
            answer(replace(one, notes=tuple(note for note in one.notes if note not in primary.notes)))
            _sensitivity(one)


def _designs(found: Mapping[str, Association]) -> None:
    rows = [{"design": name, **one.effect[["estimate", "ci_low", "ci_high", "p", "n"]]} for name, one in found.items()]
    caption = "The primary question by several designs"
    report.table(pd.DataFrame(rows), caption=caption, formats=ESTIMATES, labels={"n": ROWS})
    first, unit = next(iter(found.values())), "Difference in the outcome per 1 in the staff measure"
    report.figure(
        figures.forest(pd.DataFrame(rows), names="design", xlabel=unit),
        alt="Forest plot of the primary question by several designs. " + first.sentence(),
        caption=f"Difference in {first.y} per 1 in {first.x}, by several designs, with 95 % intervals",
    )
    models = {
        name: one.terms.assign(term=one.terms["term"].replace({one.x: "within"}))
        for name, one in found.items()
        if SHOWN & set(one.terms["term"]) or one.x in set(one.terms["term"])
    }
    rest = {f"{first.noun}s": {name: found[name].n_teams for name in models}}
    rest |= {f"{first.noun}-periods": {name: found[name].n for name in models}}
    report.table(model_table(models, rows=rest), caption="The models side by side: estimates with 95 % intervals")


def _sensitivity(one: Result) -> None:
    if isinstance(one, LeaveOneOut):
        report.figure(
            figures.leave_one_out(one, ylabel=f"Estimate ({one.term})"),
            alt=f"The estimate without each {one.noun} in turn. {one.sentence()}",
            caption=f"The primary estimate without one {one.noun} at a time, with 95 % intervals",
        )
    if isinstance(one, SpecificationCurve):
        curve, _ = figures.specification_curve(one, ylabel="Estimate")
        report.figure(
            curve,
            alt=f"Specification curve. {one.sentence()}",
            caption="The primary question under every combination of defensible choices, with 95 % intervals",
        )


def side_by_side(results: Sequence[Result]) -> None:
    """Emit several analyses in one table and one forest plot, and what could not be answered."""
    table = together(results)
    found = [one for one in results if isinstance(one, Association)]
    if len(table):
        report.table(
            table,
            caption="Other analyses named beforehand; p values of the main comparison also with Holm's correction",
            labels={"n": ROWS, "n_teams": f"{found[0].noun}s", "p_adjusted": "p, corrected"},
            footnotes=["Estimate: the outcome, in its own unit, for 1 more in the staff measure."],
            formats={**ESTIMATES, "p_adjusted": corrected},
            header_columns=3,
        )
        rows = pd.DataFrame([one.standardised for one in found])
        report.figure(
            figures.forest(rows.assign(term=[f"{one.x} → {one.y}, {one.primary}" for one in found]), xlabel=STANDARD),
            alt="Forest plot of the other analyses. " + " ".join(one.sentence() for one in found),
            caption=f"The analyses named beforehand in one unit: {STANDARD.lower()}, with 95 % intervals",
        )
    for one in results:
        if isinstance(one, NoAnswer):
            report.text(one.sentence())


def control(study: Study, result: Result) -> None:
    """Emit what became of an outcome that staff experience cannot move, beside the primary one."""
    if study.negative_control is None:
        return
    report.heading("An outcome that experience cannot move", level=3)
    report.text(
        "If staff experience goes with an outcome that it cannot plausibly move, something else links the two, and may "
        "explain the primary answer as well; by chance alone this happens in 1 of 20 studies. "
        f"{sentence(study.negative_control.why)}"
    )
    answer(result)
    if isinstance(result, NegativeControl):
        report.table(
            result.tidy().assign(term=[f"primary: {result.main.y}", f"negative control: {result.control.y}"]),
            caption="Standard deviations of each outcome per 1 in the staff measure, within the same "
            f"{result.control.noun}",
            labels={"term": "outcome"},
            formats=ESTIMATES,
        )


def reliable_differences(result: Result) -> None:
    """Emit the difference between teams, corrected for chance in their averages."""
    answer(result)
    if isinstance(result, Corrected):
        rows = result.tidy()
        report.table(
            rows[rows["term"].str.startswith(("between", "contextual"))].drop(columns=["se", "df"]),
            caption=f"Differences between {result.noun}s, as found and corrected for unreliable averages",
            formats=ESTIMATES,
        )


def part_of_programme(results: Mapping[str, Result], noun: str = "team") -> None:
    """Emit what the programme may have had to do with it, with a figure where there is one."""
    for one in results.values():
        report.text(one.sentence())
        if isinstance(one, Interrupted):
            before = "the trend before the start carried on" if one.trend else "the average before the start"
            report.figure(
                figures.interrupted(one, ylabel=one.y),
                alt=f"Series before and after the start. {one.sentence()}",
                caption=f"{one.y}, all {noun}s together: what was seen, and {before}",
            )
        if isinstance(one, EventStudy):
            report.figure(
                figures.event_study(one, ylabel=f"Difference in {one.y}"),
                alt=f"Differences by months since the start. {one.sentence()}",
                caption=f"{quoted(one.y)} by months since the start, against those who had not started",
            )
    report.items(dict.fromkeys(sentence(note) for one in results.values() for note in one.notes))
