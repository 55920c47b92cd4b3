"""The rhythm of a series: weekly, monthly, ..., and the periods for which there is no row at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MONTHS = {1: "monthly", 3: "quarterly", 12: "yearly"}
DAYS = {1: "daily", 7: "weekly", 14: "fortnightly", 28: "four-weekly"}
WORKING_DAYS = {1: "working days", 5: "weekly", 10: "fortnightly", 20: "four-weekly"}
DAY = np.timedelta64(1, "D")
TO_MONDAY = 3  # days from Monday 29 December 1969 to the first day that numpy counts


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """Name of the rhythm and periods without a row, per series; periods without a row just before it, per row."""

    name: np.ndarray
    absent: np.ndarray
    gap: np.ndarray


def rhythm(x: np.ndarray, start: np.ndarray) -> Rhythm:
    """Find the rhythm of each series: its smallest step, if every step is a multiple and most are that step.

    Parameters
    ----------
    x : array, shape (rows,)
        Dates (datetime64), whole numbers, or anything else (which has no rhythm); ascending within a series.
    start : array of int, shape (series,)
        First row of each series.

    Examples
    --------
    >>> weeks = np.array(["2024-01-01", "2024-01-08", "2024-01-22"], dtype="datetime64[D]")
    >>> found = rhythm(weeks, np.array([0]))
    >>> found.name.tolist(), found.absent.tolist()
    (['weekly'], [1])
    """
    series = np.repeat(np.arange(len(start)), np.diff(np.append(start, len(x))))
    monthly = np.zeros(len(start), bool)
    if x.dtype.kind == "M":
        number, monthly, days = _calendar(x, start, series)
    elif x.dtype.kind in "iu":
        number, days = x.astype(np.int64), {1: "numbered"}
    else:
        number, days = np.zeros(len(x), np.int64), {}
    step = np.diff(number, prepend=number[:1])
    step[start] = 0
    unit, regular = _unit(step, series, len(start))
    gap = np.where(regular[series] & (step > 0), step // unit[series] - 1, 0)
    absent = np.bincount(series, weights=gap, minlength=len(start)).astype(int)
    return Rhythm(name=_names(np.where(regular, unit, 0), monthly, days), absent=absent, gap=gap)


def _calendar(x: np.ndarray, start: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Count months where a series keeps to one day of the month (or to its end), else days at work or all days."""
    day, month = x.astype("datetime64[D]"), x.astype("datetime64[M]")
    of_month = (day - month.astype("datetime64[D]")).astype(int)
    ends = np.minimum.reduceat((day + DAY).astype("datetime64[M]") > month, start)
    monthly = ends | (np.minimum.reduceat(of_month, start) == np.maximum.reduceat(of_month, start))
    week, weekday = np.divmod(day.astype(np.int64) + TO_MONDAY, 7)
    weekends = bool((weekday > 4).any())
    days = week * 7 + weekday if weekends else week * 5 + weekday
    return np.where(monthly[series], month.astype(np.int64), days), monthly, DAYS if weekends else WORKING_DAYS


def _unit(step: np.ndarray, series: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest step of each series, and whether the series keeps to it."""
    unit = np.full(count, np.iinfo(np.int64).max)
    taken = step > 0
    owner, size = series[taken], step[taken]
    np.minimum.at(unit, owner, size)
    odd = np.bincount(owner[size % unit[owner] != 0], minlength=count) > 0
    usual = np.bincount(owner[size == unit[owner]], minlength=count)
    return unit, ~odd & (usual > 0) & (2 * usual >= np.bincount(owner, minlength=count))


def _names(unit: np.ndarray, monthly: np.ndarray, days: dict[int, str]) -> np.ndarray:
    names = np.full(len(unit), "irregular", object)
    for calendar, chosen, word in ((MONTHS, monthly, "months"), (days, ~monthly, "days")):
        for length in np.unique(unit[chosen & (unit > 0)]):
            names[chosen & (unit == length)] = calendar.get(int(length), f"every {length} {word}")
    return names
