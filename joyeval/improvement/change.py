"""The size of a change: levels before and after, their difference and ratio, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.improvement.judging import compared
from joyeval.improvement.limits import KINDS
from joyeval.improvement.sheet import ratio
from joyeval.improvement.slow_weeks import side, spread
from joyeval.models.estimates import cut

if TYPE_CHECKING:
    from joyeval.improvement.charts import Charts
    from joyeval.improvement.limits import Kind
    from joyeval.improvement.sheet import Sheet

FEWEST = 3  # points of a period below which its variation, and so the interval, is not known
EARLY = 0.2  # share of the points of a series within which a step may be a change of definition
FEWEST_SERIAL = 6  # points of a period that say anything of the correlation of neighbours
MOST_SERIAL = 0.9


def changes(charts: Charts, *, level: float = 0.95) -> tuple[pd.DataFrame, float]:
    """Compare before and after in every series.

    Returns
    -------
    DataFrame
        One row per series, in order: compared, before, after, change, se, ci_low, ci_high, p, clear,
        relative, relative_low, relative_high, n_before, n_after, step (where the level moves most), early (that is
        in the first fifth of the points); shown units, missing where the data cannot say.
    float
        Correlation of neighbouring points about their level, pooled over all series.
    """
    sheet, how, *sides = _sides(charts)
    points = [sheet.count(rows) for rows in sides]
    before, after = (sheet.level(rows) for rows in sides)
    known = [side(sheet, rows, own, fewest=FEWEST) for rows, own in zip(sides, (before, after), strict=True)]
    change, error = after - before, spread(sheet, *known)
    half = error.half_width(level)
    low, high = _possible(KINDS[charts.kind], before, change, half)
    risen = (before > 0) & (after > 0)
    log = np.log(np.where(risen, ratio(after, before), np.nan))
    inverse = tuple(np.where(risen, ratio(1.0, own), np.nan) for own in (before, after))
    log_half = spread(sheet, *known, scale=inverse).half_width(level)
    table = {
        "compared": how,
        "before": before * charts.multiply,
        "after": after * charts.multiply,
        "change": change * charts.multiply,
        "se": error.typical * charts.multiply,
        "ci_low": low * charts.multiply,
        "ci_high": high * charts.multiply,
        "p": 1 - error.within(np.abs(change)),
        "clear": np.abs(change) > half,
        "relative": np.exp(log) - 1,
        "relative_low": np.exp(log - log_half) - 1,
        "relative_high": np.exp(log + log_half) - 1,
        "n_before": points[0],
        "n_after": points[1],
        **_step(charts, sheet),
    }
    return pd.DataFrame(table), _serial(sheet, tuple(sides))


def _possible(kind: Kind, before: np.ndarray, change: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut intervals where a level would lie beyond what it can be: below nothing, or a share above all."""
    most = 1.0 if kind.share else np.inf
    return cut(change, change - half, change + half, least=kind.lowest - before, most=most - before)


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


def _step(charts: Charts, sheet: Sheet) -> dict[str, np.ndarray]:
    """Return where the level of each series moves most: where the means to both sides differ most, beside chance."""
    rows = np.flatnonzero(sheet.plotted)
    off = (sheet.value - sheet.each(sheet.mean(sheet.value, sheet.plotted)))[rows]
    table = pd.DataFrame({"row": rows, "series": sheet.stretch[rows], "off": off})
    by_series = table.groupby("series")
    table["away"], table["rank"], table["next"] = (
        by_series["off"].cumsum().abs(),
        by_series.cumcount() + 1,
        by_series["row"].shift(-1),
    )
    inner = table.dropna(subset="next")
    both = inner["rank"] * (by_series["rank"].transform("size") - inner["rank"])
    inner = inner.assign(away=inner["away"] / np.sqrt(both))
    best = inner.loc[inner.groupby("series")["away"].idxmax()].set_index("series").reindex(range(sheet.stretches))
    at = best["next"]
    places = charts.points[charts.x].iloc[at.fillna(0).astype(int)]
    named = places.dt.strftime("%B %Y") if places.dtype.kind == "M" else places.astype(str)
    step = np.where(at.notna(), named, "")
    return {"step": step, "early": (best["rank"] <= EARLY * sheet.count(sheet.plotted)).to_numpy()}


def _serial(sheet: Sheet, periods: tuple[np.ndarray, np.ndarray]) -> float:
    """Correlation of neighbouring points about the level of their period, pooled, small-sample bias removed."""
    top = bottom = 0.0
    for rows in periods:
        points = sheet.count(rows)
        off = np.where(rows, sheet.value - sheet.each(sheet.mean(sheet.value, rows)), np.nan)[rows]
        owner = sheet.stretch[rows]
        if not len(owner):
            continue
        together = np.append(owner[1:] == owner[:-1], False)
        products = np.append(off[1:] * off[:-1], 0.0)
        lagged = np.bincount(owner[together], weights=products[together], minlength=sheet.stretches)
        squares = np.bincount(owner, weights=off**2, minlength=sheet.stretches)
        known = (points >= FEWEST_SERIAL) & (squares > 0)
        top += (points * ratio(lagged, squares) + 1)[known].sum()
        bottom += (points[known] - 4).sum()
    return float(np.clip(top / bottom, 0, MOST_SERIAL)) if bottom else 0.0
