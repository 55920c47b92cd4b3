"""Staff experience and outcomes: the primary answer, by other designs and choices, and around the start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures
from joyeval.exhibits.exhibit import ESTIMATE, Exhibit
from joyeval.outcomes.association import Association, quoted
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.disclosure import Shown
    from joyeval.outcomes.event_study import EventStudy
    from joyeval.outcomes.interrupted import Interrupted
    from joyeval.outcomes.linkage import Linkage
    from joyeval.outcomes.sensitivity import LeaveOneOut

AGAINST = "outcomes before the staff answers"
STANDARD = "Standard deviations of the outcome per standard deviation of the staff measure"
UNIT = "Difference in the outcome per 1 in the staff measure"


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


def effect(primary: Shown, along: Shown) -> Exhibit:
    """Return the outcome along the staff measure, within and between teams."""
    found, lines = primary.what, along.pipe(lambda along: along.tidy())
    caption = f"{found.y} along {found.x}, with 95 % bands: the same {found.noun} at different times, and "
    return Exhibit(
        "marginal_effect",
        figures.effect(lines, x=found.x, xlabel=found.x, ylabel=found.y, by="comparison"),
        primary.say(lambda found: f"Two lines with bands. {found.sentence()}"),
        f"{caption}different {found.noun}s",
        lines,
    )


def linkage(every: Sequence[Linkage]) -> Exhibit:
    """Return what joined an outcome and what did not, for each analysis."""
    flow = pd.concat([one.flow.assign(pair=f"{one.staff[0]} → {one.outcomes[0]}") for one in every])
    unit = f"{every[0].noun}-periods"
    shown = disclosure.nobody(flow, unit)
    told = f"Bars of {unit} that joined an outcome or did not. {' '.join(one.sentence() for one in every)}"
    return Exhibit(
        "linkage",
        figures.linkage(shown, unit=unit),
        disclosure.nobody(told, unit),
        f"{unit.capitalize()} of staff experience that joined an outcome, for each analysis",
        shown,
    )


def same_question(primary: Association, there: Mapping[str, Result]) -> dict[str, Association]:
    """Return the analyses of the same staff measure and outcome by their design, the primary one first."""
    others = {
        f"{result.design}, {AGAINST}" if name.endswith("reverse") else result.design: result
        for name, result in there.items()
        if isinstance(result, Association) and (result.x, result.y) == (primary.x, primary.y)
    }
    return {primary.design: primary} | {name: one for name, one in others.items() if one is not primary}


def designs(primary: Shown, models: Mapping[str, Association]) -> Exhibit:
    """Return the primary question by several designs, as `same_question` names them."""
    found = primary.what
    rows = primary.pipe(lambda found: _effects(models, found))
    return Exhibit(
        "designs",
        figures.forest(rows, names="design", xlabel=UNIT),
        primary.say(lambda found: f"Forest plot of the primary question by several designs. {found.sentence()}"),
        f"Difference in {found.y} per 1 in {found.x}, by several designs, with 95 % intervals",
        rows,
    )


def _effects(models: Mapping[str, Association], primary: Association) -> pd.DataFrame:
    rows = [{"design": as_primary(name, primary), **one.effect[[*ESTIMATE, "p", "n"]]} for name, one in models.items()]
    return pd.DataFrame(rows)


def as_primary(design: str, primary: Association) -> str:
    """Return the name of a design, marked where it is that of the primary analysis."""
    return f"primary analysis: {design}" if design == primary.design else design


def leave_one_out(found: Shown) -> Exhibit:
    """Return the primary estimate without one team at a time."""
    noun, term = found.what.noun, found.what.term
    return Exhibit(
        "leave_one_out",
        figures.leave_one_out(found, ylabel=f"Estimate ({term})"),
        found.say(_without_each),
        f"The primary estimate without one {noun} at a time, with 95 % intervals",
        found.pipe(lambda found: found.tidy()[ESTIMATE]),
    )


def _without_each(found: LeaveOneOut) -> str:
    return f"The estimate without each {found.noun} in turn. {found.sentence()}"


def specifications(found: Shown) -> Exhibit:
    """Return the primary question under every combination of defensible choices."""
    drawn, _ = figures.specification_curve(found, ylabel="Estimate")
    return Exhibit(
        "specifications",
        drawn,
        found.say(lambda found: f"Specification curve. {found.sentence()}"),
        "The primary question under every combination of defensible choices, with 95 % intervals",
        found.pipe(lambda found: found.tidy()[[*found.choices, *ESTIMATE]]),
    )


def in_one_unit(every: Sequence[Shown]) -> Exhibit:
    """Return several analyses in one unit, in the order given."""
    found = [one.what for one in every]
    terms = [f"{one.x} → {one.y}, {one.primary}" for one in found]
    rows = every[0].pipe(lambda _: pd.DataFrame([one.standardised for one in found]).assign(term=terms))
    told = " ".join(one.sentence() for one in found)
    return Exhibit(
        "other_analyses",
        figures.forest(rows, xlabel=STANDARD),
        every[0].say(lambda _: f"Forest plot of the other analyses. {told}"),
        f"The analyses named beforehand in one unit: {STANDARD.lower()}, with 95 % intervals",
        rows.pipe(lambda rows: rows[["term", *ESTIMATE]]),
    )


def event_study(found: Shown) -> Exhibit:
    """Return the effects by months since the start."""
    y = found.what.y
    return Exhibit(
        "event_study",
        figures.event_study(found, ylabel=f"Difference in {y}"),
        found.say(_by_months),
        f"{quoted(y)} by months since the start, against those who had not started",
        found.pipe(lambda found: found.tidy()[["event", *ESTIMATE]]),
    )


def _by_months(found: EventStudy) -> str:
    return f"Differences by months since the start. {found.sentence()}"


def interrupted(found: Shown, noun: str) -> Exhibit:
    """Return an outcome of all teams together, before and after the start, beside what would have been expected."""
    y, shown = found.what.y, found.pipe(_whole)
    before = "the trend before the start carried on" if found.what.trend else "the average before the start"
    return Exhibit(
        "before_and_after",
        figures.interrupted(shown, ylabel=y),
        found.say(lambda found: f"Series before and after the start. {found.sentence()}"),
        f"{y}, all {noun}s together: what was seen, and {before}",
        shown.pipe(lambda found: found.points),
    )


def _whole(found: Interrupted) -> Interrupted:
    """Round what was seen as means and percentages are rounded elsewhere."""
    points = found.points
    places = 0 if points["value"].abs().max() > 10 else 1
    return replace(found, points=points.assign(value=points["value"].round(places)))
