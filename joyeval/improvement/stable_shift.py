"""Automatic rebasing by the Stable Shift Algorithm: a proposal to look at, never a default.

Limits rest on the first points of a period. At a shift, limits are tried on the points from its start; they are
taken if no shift the other way begins among those points, or still could. What was decided is never undone by
later data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from joyeval.improvement.limits import Centre, draw
from joyeval.improvement.sheet import side
from joyeval.improvement.signals import run_starts

if TYPE_CHECKING:
    from joyeval.improvement.charts import Charts
    from joyeval.improvement.sheet import Sheet

MOST_DROPPED = 3  # points beyond 3 sigma, the furthest first, left out of the limits of a period


class Runs(NamedTuple):
    """Runs on one side of the centre: series, side, ranks of first and last point, and whether the series ends there.

    The last entry stands for no run at all, so that a place of -1 can be looked up.
    """

    series: np.ndarray
    side: np.ndarray
    first: np.ndarray
    last: np.ndarray
    open: np.ndarray


def stable_shift(charts: Charts, *, period: int = 21, shift: int = 8) -> pd.DataFrame:
    """Propose where each series should be rebased.

    Parameters
    ----------
    charts : Charts
        Of whole series; their kind and rule set say how limits are found, their parts and baselines are not looked at.
    period : int
        Points that limits rest on.
    shift : int
        Points in a row on one side of the centre that make a shift.

    Returns
    -------
    DataFrame
        One row per rebase, for the argument `part` of `chart`: the `by` columns, x (last point before the shift),
        kind ("part"), reason.

    References
    ----------
    Woodcock et al., Stable Shift Algorithm, BMJ Quality & Safety; written from its description.

    Examples
    --------
    >>> from joyeval.improvement import chart
    >>> data = pd.DataFrame({"week": range(1, 51), "y": [4, 6, 5, 7, 3] * 5 + [14, 16, 15, 17, 13] * 5})
    >>> stable_shift(chart(data, x="week", y="y", kind="i"))["week"].tolist()
    [25]
    """
    sheet = charts.sheet()
    rank = _ranks(sheet)
    size = sheet.count(sheet.plotted)
    begin = np.zeros(sheet.stretches, np.int64)  # of the period that limits rest on
    look = begin + period  # from where a shift is looked for
    open_ = size >= 2 * period
    shifts = []
    while open_.any():
        runs = _runs(sheet, rank, _centre(sheet, rank, begin, period, charts), look)
        found = _first_long(runs, shift, sheet.stretches)
        trial = np.where(found < 0, size, runs.first[found])
        open_ &= trial + period <= size
        against, unknown = _opposed(
            _runs(sheet, rank, _centre(sheet, rank, trial, period, charts), trial),
            trial,
            runs.side[found],
            period,
            shift,
        )
        unknown &= ~against
        taken = open_ & ~against & ~unknown
        shifts += [(series, trial[series], runs.side[found][series]) for series in np.flatnonzero(taken)]
        begin = np.where(taken, trial, begin)
        look = np.where(taken, trial + period, runs.last[found] + 1)
        open_ &= ~unknown
    return _table(charts, rank, sorted(shifts))


def _opposed(runs: Runs, trial: np.ndarray, way: np.ndarray, period: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell, per series, whether a shift the other way begins in the period on trial, or may yet."""
    inside = (runs.first < trial[runs.series] + period) & (runs.side == -way[runs.series])
    long = runs.last - runs.first + 1 >= shift
    return tuple(
        np.bincount(runs.series[inside & rows], minlength=len(trial)) > 0 for rows in (long, runs.open & ~long)
    )


def _first_long(runs: Runs, shift: int, series: int) -> np.ndarray:
    """Return the place in `runs` of the first long enough run of each series; -1 where there is none."""
    found = np.full(series, -1)
    rows = np.flatnonzero(runs.last - runs.first + 1 >= shift)[::-1]
    found[runs.series[rows]] = rows
    return found


def _ranks(sheet: Sheet) -> np.ndarray:
    """Place of each plotted point within its series, from 0; -1 for points that are not plotted."""
    seen = np.cumsum(sheet.plotted)
    before = np.append(0, np.cumsum(sheet.count(sheet.plotted))[:-1])
    return np.where(sheet.plotted, seen - 1 - sheet.each(before), -1)


def _centre(sheet: Sheet, rank: np.ndarray, begin: np.ndarray, period: int, charts: Charts) -> np.ndarray:
    """Centre, per series, of the period that begins there; a few points far out are left out."""
    start = sheet.each(begin)
    window = sheet.plotted & (rank >= start) & (rank < start + period)
    rules = charts.rule_set
    plain = Centre(given=np.full(sheet.stretches, np.nan))
    lines = draw(charts.kind, replace(sheet, kept=window, baseline=window), rules, plain)
    beyond = window & ((side(lines.value, lines.upper) > 0) | (side(lines.value, lines.lower) < 0))
    distance = np.where(beyond, np.abs(lines.value - lines.centre), 0)
    order = np.lexsort((-distance, sheet.stretch))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.searchsorted(sheet.stretch[order], sheet.stretch[order])
    kept = window & ~(beyond & (place < MOST_DROPPED))
    lines = draw(charts.kind, replace(sheet, kept=kept, baseline=kept), rules, plain)
    return sheet.mean(lines.centre, kept)


def _runs(sheet: Sheet, rank: np.ndarray, centre: np.ndarray, look: np.ndarray) -> Runs:
    """Find the runs about a centre among the plotted points from `look` on."""
    rows = np.flatnonzero(sheet.plotted & (rank >= sheet.each(look)))
    sides = side(sheet.value[rows], sheet.each(centre)[rows])
    rows, sides = rows[sides != 0], sides[sides != 0]
    starts = run_starts(sheet.stretch[rows], sides)
    ends = np.append(starts[1:] - 1, len(rows) - 1)[: len(starts)]
    series = sheet.stretch[rows][starts]
    found = (
        series,
        sides[starts],
        rank[rows][starts],
        rank[rows][ends],
        np.append(series[1:] != series[:-1], True)[: len(series)],
    )
    return Runs(*(np.append(values, values.dtype.type(0)) for values in found))


def _table(charts: Charts, rank: np.ndarray, shifts: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Return the last point before each shift."""
    series, trial, way = (
        (np.array(column, np.int64) for column in zip(*shifts, strict=True)) if shifts else ([], [], [])
    )
    points = charts.points.assign(_series=charts.number(charts.points), _rank=rank)
    wanted = pd.DataFrame({"_series": series, "_rank": np.asarray(trial, np.int64) - 1, "way": way})
    found = wanted.merge(points, on=["_series", "_rank"])
    words = found["way"].map({1: "stable shift upwards", -1: "stable shift downwards"})
    return found[[*charts.by, charts.x]].assign(kind="part", reason=words.astype(str))
