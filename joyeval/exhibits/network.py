"""The cohorts side by side: their courses and effects, their teams, what teams did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval import figures, improvement
from joyeval.exhibits.exhibit import ESTIMATE, Exhibit

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.disclosure import Shown
    from joyeval.improvement import Funnel
    from joyeval.network import Comparison

FUNNEL = {"numerator": "positive", "denominator": "answers", "group": "team", "multiply": 100}


def courses(rows: Shown, measure: str, title: str, begins: Shown) -> Exhibit:
    """Return a measure by months since each cohort began; `begins` holds the first month after each baseline."""
    mark = "; open mark: first month after the baseline" if len(begins.what) else ""
    return Exhibit(
        f"courses_{measure}",
        figures.cohort_courses(rows, ylabel=f"{title} (%)", begins=begins),
        rows.say(_first_to_last, title.lower()),
        f"{title}, by months since each cohort began{mark}",
        rows.pipe(lambda rows: rows[["cohort", "month", "value"]]),
    )


def _first_to_last(rows: pd.DataFrame, title: str) -> str:
    ends = [
        f"{cohort} {part['value'].iloc[0]:.0f}% to {part['value'].iloc[-1]:.0f}%"
        for cohort, part in rows.dropna(subset=["value"]).groupby("cohort", sort=False)
    ]
    return f"Lines of {title} by month since each cohort began. First to last month: {'; '.join(ends)}."


def effects(rows: Shown, found: Shown, xlabel: str, pooled: Shown | None) -> Exhibit:
    """Return the effect of each cohort, and the mean over them with its prediction interval where there is one."""
    with_mean = " and the mean over cohorts" if pooled else ""
    below = "; the diamond is the mean, the dotted line the prediction interval" if pooled else ""
    return Exhibit(
        f"effects_{found.what.kind.replace(' ', '_')}",
        figures.forest(rows, names="title", xlabel=xlabel, pooled=pooled),
        found.say(lambda found: f"Forest plot, one row per cohort{with_mean}. {found.sentence()}"),
        f"{found.what.question}: each cohort with its 95% interval{_together(found.what)}{below}",
        rows.pipe(lambda rows: rows[["title", *ESTIMATE]]),
    )


def _together(found: Comparison) -> str:
    return ", for all scores and surveys together; of the mean, for all scores" if found.together > 1 else ""


def levels_of_teams(levels: Shown, measure: str, title: str, hidden: int) -> tuple[Exhibit, Shown]:
    """Return the levels of teams of all cohorts with limits for their size, and the funnel that judges them."""
    found = levels.pipe(lambda rows: improvement.funnel(rows, **FUNNEL))
    drawn = Exhibit(
        f"funnel_{measure}",
        figures.plot_funnel(found, ylabel=f"{title} (%)", xlabel="Answers in the last three months", name=0),
        found.say(_each_team, title.lower()),
        f"{title}: teams in the last three months of their cohort, not named, and limits for their size; "
        f"{hidden} teams of too few people are not drawn",
        found.pipe(lambda found: found.points[["denominator", "value"]]),
    )
    return drawn, found


def _each_team(found: Funnel, title: str) -> str:
    return f"Funnel plot of {title}, one point per team. {found.sentence()}"


def practices(found: Shown) -> Exhibit:
    """Return the change of teams that did more of each practice."""
    table = found.pipe(lambda found: found.tidy())
    return Exhibit(
        "practices",
        figures.coefficients(table, xlabel="Percentage points of change for one more use a year; right of 0 is better"),
        found.say(lambda found: f"Coefficients with intervals, one row per practice. {found.sentence()}"),
        "Change of teams for one more use of each practice a year, given their cohort and their level before",
        table.pipe(lambda table: table[["term", *ESTIMATE]]),
    )
