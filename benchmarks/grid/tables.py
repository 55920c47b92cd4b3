"""All tables of the grid: their titles, what was drawn, the bands of their statistics, and why a cell lies outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.grid import coordination, panels, pulses, questionnaires, surveys

if TYPE_CHECKING:
    from benchmarks.grid.harness import Cell

PULSE = (
    "Weekly shares of good days, level .6, judged against the weeks before the start; a latent week effect of SD .3 in "
    "log odds, autoregressive. False verdicts: a team that did not change is called clearly better or worse. Coverage "
    "and power: of a change by 10 percentage points."
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Of the page: its title, what was drawn, and what was measured apart from the grid."""

    title: str
    about: str
    also: str = ""


TABLES = {
    "pulse, alone": Section(title="Change in a pulse, one team by itself", about=PULSE),
    "pulse, among 20": Section(
        title="Change in a pulse, a team among 20",
        about=PULSE,
        also="400 series without a change in each of 30 such conditions, drawn apart from the grid: coverage from "
        "93.8 to 98.2.",
    ),
    "coordination change": Section(
        title="Change of coordination",
        about="Two waves, half of the raters in both, a tenth of the ratings missing where nothing else is said; "
        "the mean change of ties between workgroups. Spreads multiply every standard deviation of a "
        "workgroup. Power: of a change by .3 points, .4 standard deviations of a rating.",
        also="300 surveys each, drawn apart from the grid: 4.7 and 6.0 in the first two conditions, 24.0 and 12.7 with "
        "one variance for all workgroups. Tests of single ties there: 4.6 and 4.9 over all ties, at most 6.2 in one "
        "workgroup (15.5 and 8.1 with one variance for all, up to 28.8 in one workgroup).",
    ),
    "ordinal companion": Section(
        title="Change of coordination on the ordered scale",
        about="The cumulative model that stands beside the change of coordination: seven items, five answers.",
    ),
    "sites beside outcomes": Section(
        title="Coordination of sites beside outcomes",
        about="Two waves, six raters per workgroup. Coverage: of a slope of 2 between sites, corrected for the "
        "reliability of the means of sites.",
    ),
    "survey change": Section(
        title="Change of survey scores",
        about="Two waves; people of SD .6 about teams of SD .2, sizes of teams that differ (SD .5 of their "
        "logarithms), shocks of SD .15 to whole teams in either wave. Power: of a change by .3 points, half"
        " a standard deviation.",
    ),
    "equity": Section(
        title="Differences between groups of staff",
        about="Three roles that do not differ, in level or in change; half of the people in both waves; whole "
        "teams move by chance (SD .2).",
    ),
    "associations": Section(
        title="Associations within and between teams",
        about="Twelve periods; exposure, outcome and errors autoregressive within teams. Weighted: by "
        "denominators that differ sixfold between teams and bear 70 % of the noise. Power: of a slope of .3"
        " standard deviations.",
    ),
    "structure": Section(
        title="Structure of a questionnaire",
        about="Six items of one factor, loadings .5 to .8; beside it two factors that correlate by .3 and are "
        "taken for one.",
    ),
    "invariance": Section(
        title="Invariance over groups", about="Two groups that do not differ, six items, answers in five steps."
    ),
    "funnels": Section(
        title="Funnels",
        about="Groups that do not differ, with 30 to 400 answers each: share of groups outside the 95 % limits. "
        "PR: a share; SR: a standardised ratio; RC: a ratio of two counts.",
    ),
}
BANDS = {
    **dict.fromkeys(("size", "false verdicts", "outside", "contradicted", "called poor"), (0.0, 0.065)),
    "coverage": (0.93, 1.0),
}
REASONS = {
    "funnels": "Limits on the arcsine scale, as published, miss their rate where few events are expected; the sentence "
    "of a funnel says how many groups would lie outside if none differed, worked out from their counts.",
}


def all_cells() -> list[Cell]:
    """Return every cell, in the order of the page."""
    parts, order = (pulses, coordination, surveys, panels, questionnaires), list(TABLES)
    return sorted((cell for part in parts for cell in part.cells()), key=lambda cell: order.index(cell.table))
