"""Periods on a line of whole numbers, so that a lag is a difference and a missing wave stays a gap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from joyeval.errors import UsageError

UNITS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


def ordinals(periods: pd.Series, *, unit: str = "month") -> pd.Series:
    """Return whole numbers for periods, so that neighbours differ by 1.

    Parameters
    ----------
    periods : Series
        Whole numbers (waves, years) are taken as they are; dates, or text such as "2024-04" or "April 2024",
        are counted in units.
    unit : {"day", "week", "month", "quarter", "year"}

    Raises
    ------
    UsageError
        An unknown unit, fractions, or text that is no date.
    """
    if unit not in UNITS:
        raise UsageError(f"unit={unit!r}: expected one of {', '.join(UNITS)}")
    if pd.api.types.is_numeric_dtype(periods):
        if (periods.dropna() % 1 != 0).any():
            raise UsageError(f"{periods.name}: found fractions; expected whole periods or dates")
        return periods.astype("Int64")
    counted = pd.PeriodIndex(_dates(periods), freq=UNITS[unit])
    return pd.Series(pd.array(counted.asi8, dtype="Int64"), index=periods.index).mask(np.asarray(counted.isna()))


def starts(numbers: pd.Series, periods: pd.Series, *, unit: str = "month") -> pd.Series:
    """Turn numbers back into what `periods` held: whole numbers, or the first day of each unit."""
    if pd.api.types.is_numeric_dtype(periods):
        return numbers
    back = [pd.Period(ordinal=int(number), freq=UNITS[unit]).start_time for number in numbers]
    return pd.Series(pd.DatetimeIndex(back), index=numbers.index)


def lagged(
    data: pd.DataFrame, column: str, *, by: int = 1, team: str = "team", period: str = "period", unit: str = "month"
) -> pd.Series:
    """Return the value of the team `by` periods earlier; missing where that very period is missing.

    Parameters
    ----------
    data : DataFrame
        One row per team and period.
    by : int
        Periods back; negative looks ahead. Numbered waves count one by one. Dates count in their common step, so
        that the period before a yearly survey is the year before: the greatest number of units that divides all gaps.

    Examples
    --------
    >>> d = pd.DataFrame({"team": "a", "period": [1, 2, 4], "joy": [5.0, 6.0, 7.0]})
    >>> lagged(d, "joy").tolist()
    [nan, 5.0, nan]
    """
    numbers = ordinals(data[period], unit=unit)
    if not pd.api.types.is_numeric_dtype(data[period]):
        numbers = _in_steps(numbers)
    here = pd.MultiIndex.from_arrays([data[team], numbers])
    if repeated := int(here.duplicated().sum()):
        raise UsageError(f"{repeated} rows repeat a {team} and {period}; expected one row for each")
    known = pd.Series(data[column].to_numpy(), index=here)
    there = pd.MultiIndex.from_arrays([data[team], numbers - by])
    return pd.Series(known.reindex(there).to_numpy(), index=data.index, name=f"{column}_lag{by}")


def _in_steps(numbers: pd.Series) -> pd.Series:
    """Count in the greatest step that divides all gaps."""
    distinct = np.unique(numbers.dropna().to_numpy(dtype=np.int64))
    step = int(np.gcd.reduce(np.diff(distinct))) if len(distinct) > 1 else 1
    return (numbers - distinct[0]) // step if len(distinct) else numbers


def _dates(periods: pd.Series) -> pd.Series:
    if isinstance(periods.dtype, pd.PeriodDtype):
        return periods.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(periods):
        return periods
    text = periods.astype("str").where(periods.notna())
    if text.str.contains(r"^\s*\d+[/.]\d+[/.]\d+", regex=True).any():
        raise UsageError(f"{periods.name}: 05/04/2024 may be April or May; give dates as 2024-04-05")
    try:
        return pd.to_datetime(text, format="mixed")
    except ValueError as error:
        raise UsageError(
            f"{periods.name}: found text that is no date; expected dates such as 2024-04-01, or whole numbers"
        ) from error
