"""When the rows of a pulse or an outcome are: each day of a team once, days that can be, no totals among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval.errors import Problem
from joyeval.intake.account import MOST_REJECTED, problem_at, too_many
from joyeval.intake.names import most_of_all, sums_of_others
from joyeval.intake.once import once
from joyeval.intake.plausible import courses
from joyeval.intake.pulse import start_of

if TYPE_CHECKING:
    from joyeval.study import Cohort

ALONE = 500  # days from all others that make a row stand alone
DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
SUNDAY = 6
FAR = 15  # years before or after a cohort in which no figure of its teams can be
NUMBERS = ["numerator", "denominator", "positive", "answers", "opportunities"]


def check(part: Any, rows: pd.DataFrame, here: pd.DataFrame, cohort: Cohort) -> list[Problem]:
    """Return what is wrong with the days and the repetition of rows.

    Parameters
    ----------
    part : Pulse or Outcome
    rows : DataFrame
        Rows of all teams of the study.
    here : DataFrame
        Those of the teams of `cohort`.
    """
    problems = list(once(("all teams", id(rows)), lambda: _of_all_teams(part, rows)))
    if getattr(part, "on", None):
        return problems
    outside = _outside_of_pulse if hasattr(part, "positive") else _outside_of_outcome
    return problems + outside(part, here, cohort)


def _of_all_teams(part: Any, rows: pd.DataFrame) -> list[Problem]:
    checks = (_without_day, _twice, _totals, _courses, _rare_days, _longer_periods, _of_nothing, _sundays)
    return [problem for check in checks for problem in check(part, rows)]


def _day(rows: pd.DataFrame) -> str:
    return "date" if "date" in rows else "period"


def _without_day(part: Any, rows: pd.DataFrame) -> list[Problem]:
    day = _day(rows)
    if getattr(part, "on", None) or day not in rows:
        return []
    blank = rows[rows[day].isna()]
    if blank.empty:
        return []
    found, fix = f"{len(blank)} rows without a {day}, which are left out", "fill them in, or accept: {lost rows: why}"
    many = too_many(len(blank), len(rows))
    heading = str(part.columns.get(day))
    return [Problem(blank["file"].iloc[0], found, "a day", fix, int(blank["row"].iloc[0]), heading, "lost rows", many)]


def _twice(part: Any, rows: pd.DataFrame) -> list[Problem]:
    """Tell of rows of one team and day: neither the sum nor the last of them is meant unless the study file says so."""
    if "answer" in rows or part.combine or part.through or (set(part.columns) >= {"mean"} and "answers" not in rows):
        return []
    keys = ["team"] if getattr(part, "on", None) else ["team", _day(rows)]
    known = rows.dropna(subset=[key for key in keys if key in rows])
    if len(keys) > 1:
        known = known.assign(**{keys[1]: start_of(known[keys[1]], part.period, getattr(part, "month", 1))})
    again = known[known.duplicated(keys)]
    if again.empty:
        return []
    first = again.iloc[0]
    same = known.drop(columns=["file", "row"]).duplicated().sum()
    alike = ", all with the same numbers" if same == len(again) else ""
    found = f"{len(again)} rows of a team and {part.period} that another row has too{alike}"
    fix = "remove what was entered or pasted twice; keep only the rows you mean (`where`); or combine: sum"
    return [Problem(first["file"], found, f"one row per team and {part.period}", fix, int(first["row"]), None, "twice")]


def _courses(part: Any, rows: pd.DataFrame) -> list[Problem]:
    day = _day(rows)
    return [] if getattr(part, "on", None) or "answer" in rows or part.through else courses(part, rows, day)


def _rare_days(part: Any, rows: pd.DataFrame) -> list[Problem]:
    """Tell of a few rows years before or after all others, as a slip in the year makes them."""
    day = _day(rows)
    if getattr(part, "on", None) or day not in rows:
        return []
    known = rows.dropna(subset=[day]).sort_values(day)
    gaps = known[day].diff() > pd.Timedelta(days=ALONE)
    groups = known.groupby(gaps.cumsum())["row"].transform("size")
    alone = known[groups <= MOST_REJECTED * len(known)]
    if alone.empty or not gaps.any():
        return []
    found, fix = f"{len(alone)} rows more than a year from all others", "look whether the year is right; they are kept"
    heading = str(part.columns.get(day))
    return [problem_at(alone, found, "days like the others", fix, "looks wrong", heading, blocking=False)]


def _longer_periods(part: Any, rows: pd.DataFrame) -> list[Problem]:
    """Tell of days that are further apart than the periods of the study file."""
    day = _day(rows)
    if getattr(part, "on", None) or "answer" in rows or day not in rows:
        return []
    steps = rows[["team", day]].dropna().drop_duplicates().sort_values(["team", day]).groupby("team")[day].diff()
    typical = steps.dt.days.median()
    if not typical > 2 * DAYS[part.period]:
        return []
    found = f"days that are {typical:.0f} days apart, where the period is a {part.period}"
    fix = "correct `period`; a chart of weeks with one number a month is mostly empty"
    return [problem_at(rows, found, f"a number each {part.period}", fix, "looks wrong", blocking=False)]


def _of_nothing(part: Any, rows: pd.DataFrame) -> list[Problem]:
    """Tell of rows whose denominator is 0, which say nothing; where all are so, it is no denominator."""
    if "denominator" not in rows or part.kind == "mean":
        return []
    none = rows[(rows["denominator"] == 0) & ~(rows["numerator"] > 0)]
    if none.empty:
        return []
    every, heading = len(none) == len(rows), str(part.columns.get("denominator"))
    found = f"{len(none)} of {len(rows)} rows with a denominator of 0, which say nothing"
    fix = "nothing, if there were none; else map the column that counts all"
    rule, fix = ("empty column", f"{fix}; or accept: {{empty column: why}}") if every else ("looks wrong", fix)
    return [problem_at(none, found, "numbers above 0", fix, rule, heading, blocking=every)]


def _sundays(part: Any, rows: pd.DataFrame) -> list[Problem]:
    """Tell of weeks that are all given by their Sunday: the last day of a week here, and the first elsewhere."""
    if part.period != "week" or "period" not in rows:
        return []
    days = rows["period"].dropna()
    if len(days) < 2 or not (days.dt.day_of_week == SUNDAY).all():
        return []
    found, heading = (
        "weeks that are given by their Sunday, which was taken for their last day",
        str(part.columns["period"]),
    )
    fix = "nothing, if it is (w/e); if the weeks begin on it, write the Monday after it: they are a week too early now"
    return [problem_at(rows, found, "weeks from Monday to Sunday", fix, "looks wrong", heading, blocking=False)]


def _totals(part: Any, rows: pd.DataFrame) -> list[Problem]:
    day = _day(rows)
    by = [] if getattr(part, "on", None) else [day]
    used = [name for name in NUMBERS if name in rows]
    if part.through or "answer" in rows or not used:
        return []
    sums = sums_of_others(rows, "team", by, used)
    large = [name for name in most_of_all(rows, "team", by, used[-1]) if name not in sums]
    return [_told_totals(part, rows, name, exact=name in sums) for name in [*sums, *large]]


def _told_totals(part: Any, rows: pd.DataFrame, name: str, *, exact: bool) -> Problem:
    fix = f"if it holds the totals, write below `teams`: not_teams: [{name}]"
    fix += "; if not, accept: {totals: why}" if exact else ""
    told = f"{name}, whose numbers are {'the sum of all others' if exact else 'about as many as all others together'}"
    rule = "totals" if exact else "looks wrong"
    heading = str(part.columns["team"])
    return problem_at(rows[rows["team"] == name], told, "one row per team", fix, rule, heading, blocking=exact)


def _outside_of_pulse(part: Any, rows: pd.DataFrame, cohort: Cohort) -> list[Problem]:
    day = _day(rows)
    if day not in rows:
        return []
    days = rows[day]
    first, last = start_of(pd.Series([cohort.start, cohort.end]), part.period, part.month)
    begins = start_of(days, part.period, part.month)
    expected = f"{cohort.start} to {cohort.end}"
    fix = "correct the dates, how `dates` says they are written, or the cohort's start and end"
    found = []
    for file, group in rows[days.notna() & ~begins.between(first, last)].groupby("file"):
        told, row = f"{len(group)} rows outside the time of cohort {cohort.cohort}", int(group["row"].iloc[0])
        found.append(Problem(str(file), told, expected, fix, row=row, rule="outside the cohort"))
    return found


def _outside_of_outcome(part: Any, rows: pd.DataFrame, cohort: Cohort) -> list[Problem]:
    """Outcomes may be from before and after the cohort, but not all of them, and not from another age."""
    if "period" not in rows or rows["period"].isna().all():
        return []
    days = pd.to_datetime(rows["period"])
    start, end = pd.Timestamp(cohort.start), pd.Timestamp(cohort.end)
    far = rows[~days.isna() & ~days.between(start - pd.DateOffset(years=FAR), end + pd.DateOffset(years=FAR))]
    fix = "correct the dates, or how `dates` says they are written; or accept: {outside the cohort: why}"
    if len(far):
        told, expected = (
            f"{len(far)} rows more than {FAR} years from cohort {cohort.cohort}",
            f"about {start.date()} to {end.date()}",
        )
        return [Problem(far["file"].iloc[0], told, expected, fix, int(far["row"].iloc[0]), None, "outside the cohort")]
    next_one = days[days >= start_of(pd.Series([start]), part.period)[0]].min()
    if not start_of(pd.Series([next_one]), part.period)[0] <= end:
        told, expected = f"no row within the time of cohort {cohort.cohort}", f"{start.date()} to {end.date()}"
        return [
            Problem(rows["file"].iloc[0], told, expected, fix, int(rows["row"].iloc[0]), None, "outside the cohort")
        ]
    return []
