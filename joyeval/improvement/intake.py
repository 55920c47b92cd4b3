"""From a data frame to sorted rows, one per point, that charts can be computed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.errors import UsageError
from joyeval.improvement.checking import DUPLICATE, Source, check_call, check_values
from joyeval.improvement.sheet import ratio

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.improvement.limits import Kind


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Points in order of series and x.

    `keys` holds the `by` columns, one row per series; `start` the first row of each series; `x` what was given;
    `place` the same as something that sorts; `merged` how many rows of the data each point is made of.
    """

    by: tuple[str, ...]
    keys: pd.DataFrame
    series: np.ndarray
    start: np.ndarray
    x: pd.Series
    place: np.ndarray
    in_time: bool
    y: np.ndarray
    n: np.ndarray
    spread: np.ndarray | None
    opportunities: np.ndarray
    target: np.ndarray
    merged: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Points per series."""
        return np.diff(np.append(self.start, len(self.place)))

    def label(self, series: int) -> str:
        """Name a series in a message."""
        return ", ".join(f"{name} = {self.keys[name].iloc[series]}" for name in self.by) or "the only series"


def read(
    data: pd.DataFrame,
    *,
    x: str,
    columns: dict[str, str | None],
    by: tuple[str, ...],
    kind: Kind,
    aggregate: str | None,
) -> Rows:
    """Check and sort the data of one call.

    Parameters
    ----------
    columns : dict
        Names of the columns y, n, opportunities and target; None where there is none.

    Raises
    ------
    UsageError
        A column that is not there, or arguments that do not go together.
    DataError
        Values that cannot be: each is listed with series, row and fix.
    """
    n = columns["n"]
    check_call(data, [*by, x], columns, kind=kind, aggregate=aggregate)
    source = Source(data, by)
    place, in_time = source.times(x)
    if not (in_time or kind.timeless):
        raise UsageError(
            f"{x!r} holds names, and a {kind.title} needs an order in time: give dates or numbers, "
            "or compare groups at one time with improvement.funnel"
        )
    values = {name: source.numbers(column) for name, column in columns.items()}
    check_values(source, values, columns, kind)
    source.finish()
    codes = data.groupby(list(by), observed=True).ngroup().to_numpy() if by else np.zeros(len(data), np.int64)
    order = _order(codes, place)
    codes, place = codes[order], place[order]
    first = np.append(True, (codes[1:] != codes[:-1]) | (place[1:] != place[:-1]))
    rows = np.arange(len(data))[order][first]
    if aggregate is None and not kind.subgroups:
        _refuse_duplicates(source, np.arange(len(data))[order][~first], x)
    merged = _merge({name: value[order] for name, value in values.items()}, first, aggregate, n, kind)
    series = codes[first]
    start = np.flatnonzero(np.append(True, series[1:] != series[:-1]))
    return Rows(
        by=by,
        keys=data[list(by)].iloc[rows[start]].reset_index(drop=True),
        series=series,
        start=start,
        x=_shown(data[x], place[first], rows),
        place=place[first],
        in_time=in_time,
        **merged,
    )


def _shown(given: pd.Series, place: np.ndarray, rows: np.ndarray) -> pd.Series:
    """Return x as it was given, but dates as dates whatever they were written as."""
    import pandas as pd

    if place.dtype.kind == "M":
        return pd.Series(place, name=given.name)
    return given.iloc[rows].reset_index(drop=True)


def per_series(rows: Rows, given: Any, name: str) -> np.ndarray:
    """Return one value per series from a table of the `by` columns (or some of them) and `name`; else `given` for all.

    Raises
    ------
    UsageError
        The table lacks a column, or has two rows for one series.
    """
    if not hasattr(given, "columns"):
        return np.full(len(rows.start), given, dtype=object)
    on = [column for column in rows.by if column in given.columns]
    if not on or name not in given.columns:
        raise UsageError(f"{name}: the table has {', '.join(map(str, given.columns))}; "
                         f"expected {', '.join(rows.by)} and {name}")  # fmt: skip
    if given.duplicated(on).any():
        raise UsageError(f"{name}: the table has two rows for one series; expected one row per {', '.join(on)}")
    return rows.keys.merge(given[[*on, name]], on=on, how="left")[name].to_numpy(dtype=object)


def _order(codes: np.ndarray, place: np.ndarray) -> np.ndarray | slice:
    """Return what puts rows in order of series and x; nothing is moved, nor copied, where they are in order."""
    later = (codes[1:] > codes[:-1]) | ((codes[1:] == codes[:-1]) & (place[1:] >= place[:-1]))
    return slice(None) if later.all() else np.lexsort((place, codes))


def _refuse_duplicates(source: Source, rows: np.ndarray, x: str) -> None:
    again = np.zeros(len(source.data), bool)
    again[rows] = True
    source.refuse(again, x, DUPLICATE)
    source.finish()


def _merge(
    values: dict[str, np.ndarray], first: np.ndarray, aggregate: str | None, n: str | None, kind: Kind
) -> dict[str, Any]:
    """Make one point of the rows that share series and x: sums, a mean, or a subgroup with its spread."""
    y, places, target = values["y"], values["opportunities"], values["target"][first]
    bottom = values["n"] if n else np.where(np.isnan(y), np.nan, 1.0)
    if first.all() and not kind.subgroups:
        merged = np.ones(len(y), np.int64)
        return {"y": y, "n": bottom, "spread": None, "opportunities": places, "target": target, "merged": merged}
    point = np.cumsum(first) - 1
    whole = np.isfinite(y) & np.isfinite(bottom)
    top, bottom = _sum(y, point, whole), _sum(bottom, point, whole)
    spread = None
    if kind.subgroups:
        squares = _sum((y - (top / bottom)[point]) ** 2, point, whole)
        spread = np.sqrt(ratio(squares, bottom - 1))
    elif aggregate == "mean":
        top, bottom = top / bottom, bottom / bottom
    elif n is None:
        bottom = bottom / bottom
    return {
        "y": top,
        "n": bottom,
        "spread": spread,
        "opportunities": _sum(places, point, np.isfinite(places)),
        "target": target,
        "merged": np.bincount(point),
    }


def _sum(values: np.ndarray, point: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Sum per point; missing where no row counts."""
    size = point[-1] + 1
    total = np.bincount(point[where], weights=values[where], minlength=size)
    return np.where(np.bincount(point[where], minlength=size) > 0, total, np.nan)
