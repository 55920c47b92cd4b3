"""Published counts that hide small numbers or round: kept as intervals, never as zero."""

from __future__ import annotations

import numpy as np
import pandas as pd

SUPPRESSED = ("*", "..", "c", "x", "suppressed")
MISSING = ("", "-", "na", "n/a", "nan", "none", "null")


def read_counts(
    values: pd.Series, *, hidden: tuple[float, float] = (1, 7), rounded_to: float = 0, suppressed: tuple = SUPPRESSED
) -> pd.DataFrame:
    """Read counts as published: a number, a mark for a hidden small number, or nothing.

    Parameters
    ----------
    values : Series
        As in the file: text or numbers.
    hidden : (lowest, highest)
        What a mark stands for; NHS England hides 1 to 7.
    rounded_to : float
        5 when counts were rounded to the nearest 5; 0 when they are exact.
    suppressed : tuple of str
        The marks, in small letters.

    Returns
    -------
    DataFrame
        ``value`` (missing where hidden), ``low`` and ``high`` (what the number may have been; missing where
        nothing was published) and ``hidden``. A published 0 stays 0.

    Examples
    --------
    >>> read_counts(pd.Series(["1,205", "*", "0", "-"]), rounded_to=5)
        value     low    high  hidden
    0  1205.0  1203.0  1207.0   False
    1     NaN     1.0     7.0    True
    2     0.0     0.0     0.0   False
    3     NaN     NaN     NaN   False
    """
    text = values.astype("str").str.normalize("NFKC").str.strip().str.lower()
    is_hidden = text.isin(suppressed)
    is_missing = values.isna() | text.isin(MISSING)
    number = pd.to_numeric(text.str.replace(",", "").where(~is_hidden & ~is_missing), errors="raise").astype(float)
    slack = np.floor(rounded_to / 2) * (number > 0)
    return pd.DataFrame(
        {
            "value": number,
            "low": (number - slack).mask(is_hidden, hidden[0]),
            "high": (number + slack).mask(is_hidden, hidden[1]),
            "hidden": is_hidden,
        }
    )
