"""What a data frame must hold before it is charted: every problem is listed, none is guessed away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from joyeval.errors import DataError, Problem, UsageError, no_column
from joyeval.models.design import no_number

if TYPE_CHECKING:
    from joyeval.improvement.limits import Kind

LOOKS_LIKE_A_DATE = re.compile(r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|^\s*\d{4}-\d{1,2}\s*$")
HEADER = 2  # row of a spreadsheet in which the first row of data stands
MOST = 50  # bad rows that one rule lists; the rest is counted


class Fault(NamedTuple):
    """What can be wrong with a value, in the words of a `Problem`."""

    rule: str
    found: str
    expected: str
    fix: str


EMPTY = "correct it, or leave the cell empty"
INFINITE = Fault("infinite", "an infinite number", "a number", "mend the division that made it, or empty the cell")
NEGATIVE = Fault("negative", "a negative number", "0 or more", EMPTY)
MORE_THAN_ALL = Fault(
    "more-than-all",
    "more than its denominator",
    "at most the denominator, as it is a share",
    "correct one of the two; if the numerator is no part of the denominator, choose u', i' or a funnel of kind RC",
)
NO_DATE = Fault(
    "no-date",
    "nothing that can be read as a date or number",
    "a date written 2024-03-31, or a number",
    "convert the column with the format it is written in: day or month first cannot be guessed",
)
NO_SERIES = Fault("no-series", "no name of a series", "a name", "fill it in, or drop the row")
DUPLICATE = Fault(
    "duplicate",
    "a second row for one point of a series",
    "one row per series and x",
    "drop it; or pass aggregate='sum' to add such rows up, aggregate='mean' to average them",
)


@dataclass(frozen=True)
class Source:
    """A data frame, the columns that name its series, and the problems found in it so far."""

    data: pd.DataFrame
    by: tuple[str, ...]
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, bad: np.ndarray, column: str | None, fault: Fault) -> None:
        """List the rows of `bad`, each with its series."""
        rows = np.flatnonzero(bad)
        for count, row in enumerate(rows[:MOST], start=1):
            series = "".join(f" ({name} = {self.data[name].iloc[row]})" for name in self.by)
            rest = f" (and {len(rows) - MOST} more rows like it)" if count == MOST < len(rows) else ""
            found = fault._replace(found=fault.found + series + rest)
            self.problems.append(Problem("data", row=int(row) + HEADER, column=column, **found._asdict()))

    def numbers(self, column: str | None) -> np.ndarray:
        """Return a column as floats, missing as NaN; all missing where there is no column."""
        if column is None:
            return np.broadcast_to(np.nan, len(self.data))
        if not pd.api.types.is_numeric_dtype(self.data[column]):
            fix = "convert it; what stands for a hidden number, such as *, becomes missing, never 0"
            self.problems.append(Problem("data", "text", "numbers", fix, column=column, rule="not-numbers"))
            return np.full(len(self.data), np.nan)
        values = self.data[column].to_numpy(dtype=float, na_value=np.nan)
        self.refuse(no_number(values), column, INFINITE)
        return values

    def times(self, column: str) -> tuple[np.ndarray, bool]:
        """Return x as something that sorts, and whether its order is an order in time (names are not)."""
        values = self.data[column]
        text = pd.api.types.infer_dtype(values, skipna=True) == "string"
        if isinstance(values.dtype, pd.CategoricalDtype) or (text and not _any_date(values)):
            names = values.astype("category").cat.codes.to_numpy()
            self.refuse(names < 0, column, NO_DATE)
            return names, False
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            number = values.to_numpy(dtype=float, na_value=np.nan)
            self.refuse(~np.isfinite(number), column, NO_DATE)
            whole = np.isfinite(number).all() and (number == np.floor(number)).all()
            return (number.astype(np.int64) if whole else number), True
        dates = _dates(values)
        self.refuse(np.isnat(dates), column, NO_DATE)
        return dates, True

    def finish(self) -> None:
        """Raise what was found."""
        if self.problems:
            raise DataError(self.problems)


def _any_date(values: pd.Series) -> bool:
    return bool(values.dropna().str.contains(LOOKS_LIKE_A_DATE).any())


def _dates(values: pd.Series) -> np.ndarray:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    dates = pd.to_datetime(values, errors="coerce", format="ISO8601")
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_localize(None)
    return dates.to_numpy(dtype="datetime64[ns]")


def check_call(
    data: pd.DataFrame, keys: list[str], columns: dict[str, str | None], *, kind: Kind, aggregate: str | None
) -> None:
    """Refuse columns that are not there and arguments that do not go together."""
    n, opportunities = columns["n"], columns["opportunities"]
    if missing := [name for name in [*keys, *filter(None, columns.values())] if name not in data.columns]:
        raise no_column(missing, data)
    if data.empty:
        raise UsageError("the data has no rows")
    if kind.denominator and n is None:
        raise UsageError(f"a {kind.title} needs n, the column of denominators")
    if kind.denominator is False and n is not None:
        raise UsageError(f"a {kind.title} takes no n; leave it out, or choose a chart of rates (p', u', i')")
    if aggregate not in (None, "sum", "mean"):
        raise UsageError(f"aggregate is {aggregate!r}; expected 'sum', 'mean' or None")
    if opportunities is not None and n is None:
        raise UsageError("opportunities need n, the column of answers that were given")
    if aggregate == "mean" and n is not None:
        raise UsageError("aggregate='mean' with a denominator would average shares of unlike size; use 'sum'")


def check_values(source: Source, values: dict[str, np.ndarray], columns: dict[str, str | None], kind: Kind) -> None:
    """List numbers that cannot be on this kind of chart, and rows that name no series."""
    least = "above 0" if kind.lowest > 0 else f"of at least {kind.lowest:g}"
    low = Fault("too-low", "too low a number", f"a number {least} on a {kind.title}", EMPTY)
    source.refuse(values["y"] < kind.lowest, columns["y"], low)
    for name in ("n", "opportunities"):
        source.refuse(values[name] < 0, columns[name], NEGATIVE)
    source.refuse((values["y"] > values["n"]) & kind.share, columns["y"], MORE_THAN_ALL)
    source.refuse(source.data[list(source.by)].isna().any(axis=1).to_numpy(), ", ".join(source.by), NO_SERIES)
