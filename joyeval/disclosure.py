"""What may leave the row-level data: the one place that decides what is shown.

The threshold counts valid answers behind a statistic, not people invited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joyeval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

THRESHOLD = 11  # fewest valid answers behind a statistic that is shown


@dataclass(frozen=True)
class Rule:
    """What a study may show.

    Parameters
    ----------
    threshold : int
        Fewest valid answers behind a statistic.
    """

    threshold: int = THRESHOLD


def suppressed(threshold: int = THRESHOLD) -> str:
    """Return the words that stand where a statistic is not shown.

    Examples
    --------
    >>> suppressed()
    'suppressed (fewer than 11)'
    """
    return f"suppressed (fewer than {threshold})"


def protect(
    table: pd.DataFrame, *, n: str | Mapping[str, str], by: Sequence[str] | None = None, rule: Rule | None = None
) -> pd.DataFrame:
    """Return the table as it may be shown: statistics over too few valid answers are replaced by words.

    Parameters
    ----------
    table : DataFrame
        One row per group; columns that name the group, statistics, and their counts.
    n : str or mapping of str to str
        Column with the number of valid answers behind every statistic, or one such column per statistic.
    by : sequence of str, optional
        Columns that name the group and stay; default all that are not numbers.

    Returns
    -------
    DataFrame
        The same rows and columns; a column with something suppressed holds objects.

    Examples
    --------
    >>> import pandas as pd
    >>> protect(pd.DataFrame({"team": ["A"], "mean": [3.2], "n": [4]}), n="n").iloc[0, 1]
    'suppressed (fewer than 11)'
    """
    rule = rule or Rule()
    shown = table.copy()
    for column, count in _counts(table, n=n, by=by).items():
        few = ~(table[count] >= rule.threshold)
        if few.any():
            shown[column] = shown[column].astype(object).mask(few, suppressed(rule.threshold))
    return shown


def _counts(table: pd.DataFrame, *, n: str | Mapping[str, str], by: Sequence[str] | None) -> dict[str, str]:
    """Each statistic with the column that counts its valid answers; a count goes with itself."""
    keys = table.select_dtypes(exclude="number").columns if by is None else by
    statistics = [name for name in table if name not in set(keys)]
    counts = dict(n) if isinstance(n, Mapping) else dict.fromkeys(statistics, n)
    counts |= {column: column for column in set(counts.values())}
    unknown = sorted({*counts, *counts.values()} - set(table))
    uncounted = sorted(set(statistics) - set(counts))
    if unknown or uncounted:
        raise UsageError(
            f"protect: no column {unknown} in the table; no count given for {uncounted}. "
            "Name in `n` the count behind every statistic, or name the columns that identify the group in `by`."
        )
    return counts
