"""Alpha of the normal scales that are taken to lie underneath ordered answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from joyeval.errors import ModelError
from joyeval.models.structural import ordinal_moments, polychoric
from joyeval.result import ESTIMATE_COLUMNS

if TYPE_CHECKING:
    from joyeval.measurement.groups import Groups

FEW = 100  # responses below which the error of polychoric correlations is too small: limits covered 87 % at n = 30


def with_ordinal(
    table: pd.DataFrame, x: np.ndarray, groups: Groups, answerable: np.ndarray, *, scale: str, level: float
) -> pd.DataFrame:
    """Add a row of ordinal alpha to those of each group.

    Parameters
    ----------
    table : DataFrame
        The same number of rows for each group in turn.
    x : ndarray, shape (n, items)
        Answers, NaN where none.
    answerable : ndarray of bool, shape (groups,)
    """
    rows = []
    for code in range(groups.count):
        part = x[groups.codes == code]
        part = part[~np.isnan(part).any(axis=1)]
        values = ordinal_alpha(part, scale=scale, level=level) if answerable[code] else (np.nan,) * 4
        rows.append(("alpha_ordinal", *values, np.nan, len(part)))
    more = pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))
    both = pd.concat([table, more.astype({"term": "str"})], ignore_index=True)
    order = np.concatenate([np.arange(len(table)) // (len(table) // len(more)), np.arange(len(more))])
    return both.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def ordinal_alpha(x: np.ndarray, *, scale: str, level: float) -> tuple[float, float, float, float]:
    """Estimate, error and limits (on the scale of log(1 - alpha)) of complete answers.

    The error is that of the correlations (delta method); of fewer than 100 responses it comes from leaving each out in
    turn (jackknife).
    """
    n, k = x.shape
    moments = ordinal_moments(pd.DataFrame(x), what=f"ordinal alpha of {scale}")
    pairs, total = len(moments.first), k + 2 * moments.correlations.sum()
    value = k / (k - 1) * (1 - k / total)
    error = 2 * k**2 / (k - 1) / total**2 * np.sqrt(moments.vcov[-pairs:, -pairs:].sum()) / (1 - value)
    if n < FEW:
        error = max(_jackknife(x), error)
    reach = min(stdtrit(n - 1, (1 + level) / 2) * error, 50.0)  # beyond that the data tell nothing
    return value, error * (1 - value), 1 - (1 - value) * np.exp(reach), 1 - (1 - value) * np.exp(-reach)


def _jackknife(x: np.ndarray) -> float:
    """Error of log(1 - alpha); 0 where an item does not vary without some response."""
    n, k = x.shape
    found = []
    try:
        for row in range(n):
            total = polychoric(pd.DataFrame(np.delete(x, row, axis=0)), what="ordinal alpha").correlation.sum()
            found.append(np.log(max(1 - k / (k - 1) * (1 - k / total), 1e-6)))
    except ModelError:
        return 0.0
    return float(np.sqrt((n - 1) * np.var(found)))
