"""The size of a change: levels before and after, their difference and ratio, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.improvement.judging import compared
from joyeval.improvement.sheet import ratio

if TYPE_CHECKING:
    from joyeval.improvement.charts import Charts
    from joyeval.improvement.sheet import Sheet

FEWEST = 3  # points of a period below which its variation, and so the interval, is not known
FEWEST_SERIAL = 6  # points of a period that say anything of the correlation of neighbours
MOST_SERIAL = 0.9


@dataclass(frozen=True, kw_only=True)
class Period:
    """One side of the comparison, per series: points, level, variance of the level, its degrees of freedom."""

    points: np.ndarray
    level: np.ndarray
    variance: np.ndarray
    df: np.ndarray


def changes(charts: Charts, *, level: float = 0.95) -> tuple[pd.DataFrame, float]:
    """Compare before and after in every series.

    Returns
    -------
    DataFrame
        One row per series, in order: compared, before, after, change, se, ci_low, ci_high, p, clear,
        relative, relative_low, relative_high, n_before, n_after; shown units, missing where the data cannot say.
    float
        Correlation of neighbouring points about their level, pooled over all series.
    """
    sheet, how, first, second = _sides(charts)
    serial = _serial(sheet, (first, second))
    before, after = (_period(sheet, rows, serial, charts.multiply) for rows in (first, second))
    change = after.level - before.level
    se, half, p = _welch(change, (before.variance, after.variance), (before.df, after.df), level)
    log = np.log(np.where((before.level > 0) & (after.level > 0), ratio(after.level, before.level), np.nan))
    relative = [ratio(side.variance, side.level**2) for side in (before, after)]
    _, log_half, _ = _welch(log, relative, (before.df, after.df), level)
    table = {
        "compared": how,
        "before": before.level,
        "after": after.level,
        "change": change,
        "se": se,
        "ci_low": change - half,
        "ci_high": change + half,
        "p": p,
        "clear": np.abs(change) > half,
        "relative": np.exp(log) - 1,
        "relative_low": np.exp(log - log_half) - 1,
        "relative_high": np.exp(log + log_half) - 1,
        "n_before": before.points,
        "n_after": after.points,
    }
    return pd.DataFrame(table), serial


def _sides(charts: Charts) -> tuple[Sheet, np.ndarray, np.ndarray, np.ndarray]:
    """Return the points with a series as a stretch, how each is compared, and the rows before and after."""
    sheet = charts.sheet()
    part = charts.points["part"].to_numpy()
    parts = np.ones(sheet.stretches, np.int64)
    np.maximum.at(parts, sheet.stretch, part)
    frozen = np.zeros(sheet.stretches, bool)
    frozen[charts.number(charts.series)[charts.series["frozen"]]] = True
    first, second = compared(sheet, frozen)
    split = sheet.each(parts > 1)
    first = np.where(split, sheet.plotted & (part == 1), first)
    second = np.where(split, sheet.plotted & (part == sheet.each(parts)), second)
    how = np.select([parts > 1, frozen], ["first and last part", "baseline and after"], "halves")
    return sheet, how, first, second


def _period(sheet: Sheet, rows: np.ndarray, serial: float, multiply: float) -> Period:
    """Level of the rows and its variance, from the residuals of the ratio between points."""
    points = sheet.count(rows)
    level = sheet.level(rows)
    squares = sheet.total((sheet.y - sheet.each(level) * sheet.n) ** 2, rows)
    alone = ratio(squares, sheet.total(sheet.n, rows) ** 2) * ratio(points, points - 1)
    factor = _inflation(points, serial)
    few = points < FEWEST
    biased = np.where(few, np.nan, 1 - (factor - 1) / np.maximum(points - 1, 1))
    return Period(
        points=points,
        level=level * multiply,
        variance=alone * factor / biased * multiply**2,
        df=np.maximum(ratio(points, factor) - 1, 1),
    )


def _inflation(points: np.ndarray, serial: float) -> np.ndarray:
    """How much larger the variance of a mean is than that of as many independent points, at AR(1) correlation."""
    points = np.maximum(points, 1)
    return (1 + serial) / (1 - serial) - 2 * serial * (1 - serial**points) / (points * (1 - serial) ** 2)


def _serial(sheet: Sheet, periods: tuple[np.ndarray, np.ndarray]) -> float:
    """Correlation of neighbouring points about the level of their period, pooled, small-sample bias removed."""
    top = bottom = 0.0
    for rows in periods:
        points = sheet.count(rows)
        off = np.where(rows, sheet.value - sheet.each(sheet.mean(sheet.value, rows)), np.nan)[rows]
        owner = sheet.stretch[rows]
        together = np.append(owner[1:] == owner[:-1], False)
        products = np.append(off[1:] * off[:-1], 0.0)
        lagged = np.bincount(owner[together], weights=products[together], minlength=sheet.stretches)
        squares = np.bincount(owner, weights=off**2, minlength=sheet.stretches)
        known = (points >= FEWEST_SERIAL) & (squares > 0)
        top += (points * ratio(lagged, squares) + 1)[known].sum()
        bottom += (points[known] - 4).sum()
    return float(np.clip(top / bottom, 0, MOST_SERIAL)) if bottom else 0.0


def _welch(
    estimate: np.ndarray,
    variances: tuple[np.ndarray, ...] | list[np.ndarray],
    dfs: tuple[np.ndarray, ...],
    level: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return standard error, half width and p of a difference of two independent levels."""
    from scipy.special import stdtr, stdtrit

    total = variances[0] + variances[1]
    total = np.where(total > 0, total, np.nan)
    df = total**2 / (variances[0] ** 2 / dfs[0] + variances[1] ** 2 / dfs[1])
    se = np.sqrt(total)
    return se, se * stdtrit(df, (1 + level) / 2), 2 * stdtr(df, -np.abs(estimate / se))
