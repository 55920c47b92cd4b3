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
        Periods back; negative looks ahead.

    Examples
    --------
    >>> d = pd.DataFrame({"team": "a", "period": [1, 2, 4], "joy": [5.0, 6.0, 7.0]})
    >>> lagged(d, "joy").tolist()
    [nan, 5.0, nan]
    """
    here = pd.MultiIndex.from_arrays([data[team], ordinals(data[period], unit=unit)])
    if repeated := int(here.duplicated().sum()):
        raise UsageError(f"{repeated} rows repeat a {team} and {period}; expected one row for each")
    known = pd.Series(data[column].to_numpy(), index=here)
    there = pd.MultiIndex.from_arrays([data[team], here.get_level_values(1) - by])
    return pd.Series(known.reindex(there).to_numpy(), index=data.index, name=f"{column}_lag{by}")


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
