"""Where a baseline ends, where a new part begins, and which points are left out: per series, with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import DataError, Problem, UsageError

if TYPE_CHECKING:
    from joyeval.improvement.intake import Rows

EXPECTED = {
    "freeze": "the last point of the baseline, the second of the series or later",
    "part": "the last point of a part, with points after it",
    "exclude": "a point of the series",
}
NO_MARKS = pd.DataFrame({"series": [], "row": [], "kind": [], "reason": []}, dtype=object)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Per row: part within its series, stretch, in the baseline, excluded; `marks` lists what made it so.

    Per stretch: `start`, its first row, and `frozen`, whether it has a baseline of its own.
    """

    part: np.ndarray
    stretch: np.ndarray
    baseline: np.ndarray
    excluded: np.ndarray
    marks: pd.DataFrame
    start: np.ndarray
    frozen: np.ndarray


def plan(rows: Rows, x: str, *, freeze: Any, part: Any, exclude: Any) -> Plan:
    """Resolve `freeze`, `part` and `exclude` to rows.

    Each is a date, a position counted from 1, a list of them, or a table: the `by` columns, a column named as x
    (or `date`, or `position`), perhaps `reason`, and perhaps `kind`; with `kind`, rows of other kinds are passed
    over, so that one table can serve all three arguments. A freeze holds in the part it falls in.

    Raises
    ------
    DataError
        A place outside the data of its series, or an excluded point that is not there.
    """
    given = {"freeze": freeze, "part": part, "exclude": exclude}
    problems: list[Problem] = []
    found = [_resolve(rows, x, value, kind, problems) for kind, value in given.items() if value is not None]
    if problems:
        raise DataError(problems)
    marks = pd.concat([NO_MARKS, *found], ignore_index=True) if found else NO_MARKS
    freezes, parts, excludes = (marks["row"].to_numpy(np.int64)[marks["kind"] == kind] for kind in given)
    count = len(rows.place)
    start = np.union1d(rows.start, parts + 1)
    stretch = np.repeat(np.arange(len(start)), np.diff(np.append(start, count)))
    first = np.searchsorted(start, rows.start)
    last = np.full(len(start), count)
    last[stretch[freezes]] = freezes
    excluded = np.zeros(count, bool)
    excluded[excludes] = True
    return Plan(
        part=stretch - first[rows.series] + 1,
        stretch=stretch,
        baseline=np.arange(count) <= last[stretch],
        excluded=excluded,
        marks=_shown(rows, x, marks),
        start=start,
        frozen=last < count,
    )


def _resolve(rows: Rows, x: str, given: Any, kind: str, problems: list[Problem]) -> pd.DataFrame:
    """Return one row per mark: series, row, kind, reason. What cannot be placed goes to `problems`."""
    marks, shared = _marks(rows, x, given, kind)
    series = marks["series"].to_numpy(dtype=np.int64)
    begin = rows.start[series]
    end = begin + rows.size[series]
    row, exact = _place(rows, marks, series)
    if kind == "freeze":
        good, row = row > begin, np.minimum(row, end - 1)
    else:
        good = (row >= begin) & (row < end - (kind == "part")) & (exact | (kind == "part"))
    if kind == "exclude" and shared and good.any():
        marks, row, good = marks[good], row[good], good[good]
    for bad in np.flatnonzero(~good):
        problems.append(_outside(rows, x, kind, marks.iloc[bad], shared=shared))
    return pd.DataFrame({"series": marks["series"], "row": row, "kind": kind, "reason": marks["reason"]})


def _marks(rows: Rows, x: str, given: Any, kind: str) -> tuple[pd.DataFrame, bool]:
    """Return one row per mark (series, position or value of x, reason, row in its table), and whether all share it."""
    if isinstance(given, pd.DataFrame):
        return _from_table(rows, x, given, kind), False
    items = list(given) if isinstance(given, (list, tuple, set, np.ndarray)) else [given]
    positions = [int(item) if _is_position(item) else None for item in items]
    values = [None if _is_position(item) else _value(item, rows, kind) for item in items]
    one = pd.DataFrame({"position": positions, "value": values}, dtype=object).assign(reason="", at=None)
    return one.merge(pd.DataFrame({"series": np.arange(len(rows.start))}), how="cross"), True


def _from_table(rows: Rows, x: str, table: pd.DataFrame, kind: str) -> pd.DataFrame:
    where = next((name for name in (x, "date", "position") if name in table.columns), None)
    if where is None or not set(rows.by) <= set(table.columns):
        raise UsageError(
            f"{kind}: the table has {', '.join(map(str, table.columns))}; "
            f"expected {', '.join([*rows.by, x])} (or 'date', or 'position')"
        )
    table = table.assign(at=np.arange(len(table)) + 2)
    if "kind" in table.columns:
        table = table[table["kind"] == kind]
    numbered = rows.keys.assign(series=np.arange(len(rows.keys)))
    table = table.merge(numbered, on=list(rows.by), how="left") if rows.by else table.assign(series=0)
    if (strange := table["series"].isna()).any():
        names = table.loc[strange, list(rows.by)].drop_duplicates().astype(str).agg(", ".join, axis=1)
        raise UsageError(f"{kind}: the table names series that the data does not have: {'; '.join(names[:10])}")
    places = table[where]
    return pd.DataFrame(
        {
            "series": table["series"].astype(np.int64),
            "position": places.astype(object) if where == "position" else None,
            "value": None if where == "position" else [_value(item, rows, kind) for item in places],
            "reason": table["reason"] if "reason" in table.columns else "",
            "at": table["at"],
        }
    )


def _is_position(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, bool)


def _value(item: Any, rows: Rows, kind: str) -> Any:
    """Read one value of x as what x sorts by."""
    if rows.place.dtype.kind != "M":
        if isinstance(item, (int, float, np.number)):
            return item
        raise UsageError(f"{kind}: {item!r} is no position; x holds no dates, so count points from 1")
    try:
        return np.datetime64(pd.Timestamp(item).tz_localize(None), "ns")
    except (ValueError, TypeError):
        raise UsageError(f"{kind}: {item!r} is neither a position nor a date; write dates as 2024-03-31") from None


def _place(rows: Rows, marks: pd.DataFrame, series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of each mark (for a value between points, the point before), and whether it is a point's own."""
    row = rows.start[series] + marks["position"].fillna(0).to_numpy(dtype=np.int64) - 1
    exact = np.ones(len(row), bool)
    by_value = marks["value"].notna().to_numpy()
    if by_value.any():
        value = np.array(list(marks["value"][by_value]), dtype=rows.place.dtype)
        grid, rank = np.unique(rows.place, return_inverse=True)
        key = rows.series * (len(grid) + 1) + rank + 1
        wanted = series[by_value] * (len(grid) + 1) + np.searchsorted(grid, value, side="right")
        row[by_value] = np.searchsorted(key, wanted, side="right") - 1
        exact[by_value] = rows.place[row[by_value]] == value
    return row, exact


def _outside(rows: Rows, x: str, kind: str, mark: pd.Series, *, shared: bool) -> Problem:
    series = int(mark["series"])
    first, last = (rows.x.iloc[rows.start[series] + at] for at in (0, rows.size[series] - 1))
    place = mark["value"] if mark["position"] is None else f"position {mark['position']}"
    shown = [str(value).removesuffix(" 00:00:00").removesuffix("T00:00:00.000000000") for value in (place, first, last)]
    return Problem(
        file=f"{kind}=",
        found=f"{shown[0]} in {rows.label(series)}, which has {rows.size[series]} points from {shown[1]} to {shown[2]}",
        expected=EXPECTED[kind],
        fix="give series that differ their own rows in a table with the columns of by" if shared else "mend the row",
        row=None if shared else int(mark["at"]),
        column=x,
        rule=f"{kind}-outside",
    )


def _shown(rows: Rows, x: str, marks: pd.DataFrame) -> pd.DataFrame:
    """Return the marks as a reader knows them: the `by` columns, x, kind, reason."""
    series, row = (marks[name].to_numpy(np.int64) for name in ("series", "row"))
    keys = rows.keys.iloc[series].reset_index(drop=True)
    words = marks[["kind", "reason"]].astype(str).reset_index(drop=True)
    return keys.assign(**{x: rows.x.iloc[row].to_numpy(), "kind": words["kind"], "reason": words["reason"]})
