"""The table of estimates that every model gives: one place for intervals and p values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

LEVEL = 0.95


def estimate_table(
    terms: Sequence[str],
    estimate: ArrayLike,
    se: ArrayLike,
    *,
    n: int,
    df: ArrayLike = np.inf,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Return one row per term with interval and two-sided p.

    Parameters
    ----------
    terms : sequence of str, length k
    estimate, se : ndarray, shape (k,)
        A standard error of 0 gives a p of 0, or of 1 where the estimate is 0 too.
    n : int
        Units behind the estimates.
    df : float or ndarray, shape (k,)
        Degrees of freedom of t; infinite is the normal distribution.

    Returns
    -------
    DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``.
    """
    estimate, se = np.asarray(estimate, dtype=float), np.asarray(se, dtype=float)
    free = np.broadcast_to(np.asarray(df, dtype=float), estimate.shape)
    reach = quantile(0.5 + level / 2, free) * se
    return pd.DataFrame(
        {
            "term": list(terms),
            "estimate": estimate,
            "se": se,
            "df": free.copy(),
            "ci_low": estimate - reach,
            "ci_high": estimate + reach,
            "p": p_value(estimate, se, free),
            "n": n,
        }
    )


def quantile(probability: float, df: np.ndarray) -> np.ndarray:
    """Return the quantile of t, and of the normal distribution where df is infinite."""
    finite = np.isfinite(df)
    return np.where(finite, stdtrit(np.where(finite, df, 1.0), probability), ndtri(probability))


def p_value(estimate: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return the two-sided p of estimate over standard error."""
    size = np.abs(np.divide(estimate, se, out=np.where(estimate == 0, 0.0, np.inf), where=se != 0))
    finite = np.isfinite(df)
    return 2 * np.where(finite, stdtr(np.where(finite, df, 1.0), -size), ndtr(-size))


def holding(estimate: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return limits widened to their estimate, for limits that rest on another statistic or on resampling."""
    return np.minimum(low, estimate), np.maximum(high, estimate)


def cut(
    estimate: ArrayLike, low: ArrayLike, high: ArrayLike, *, least: ArrayLike, most: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return limits cut at what can be, as the ends of a scale, or at an estimate that lies beyond.

    Examples
    --------
    >>> low, high = cut([4.5, 7.0], [3.5, 6.0], [5.5, 8.0], least=1.0, most=5.0)
    >>> low.tolist(), high.tolist()
    ([3.5, 6.0], [5.0, 7.0])
    """
    return np.maximum(low, np.minimum(least, estimate)), np.minimum(high, np.maximum(most, estimate))


def main_row(terms: pd.DataFrame) -> pd.Series:
    """Return the row of the first predictor; of the intercept where nothing else is left."""
    return terms.loc[(terms["term"] != "Intercept").idxmax()]


def interval_told(low: float, high: float, form: str = ".2f", level: float = 0.95) -> str:
    """Return an interval in words, or that there is none: too few clusters decide an estimate.

    Examples
    --------
    >>> interval_told(-0.5, 1.25, "+.2f"), interval_told(float("nan"), float("nan"))
    ('95% CI -0.50 to +1.25', 'no interval: single clusters decide it')
    """
    if np.isnan(low) or np.isnan(high):
        return "no interval: single clusters decide it"
    return f"{level:.0%} CI {low:{form}} to {high:{form}}"


def difference(term: str) -> str:
    """Name a coefficient in words, as the start of a sentence."""
    if term == "Intercept":
        return "The intercept"
    if category := re.fullmatch(r"(.+)\[T\.(.+)\]", term):
        return f"{category[1]} = {category[2]}, against the first level,"
    if pair := re.fullmatch(r"(.+)\[(.+) - (.+)\]", term):
        return f"{pair[1]} = {pair[2]}, against {pair[3]},"
    return f"A difference of 1 in {term}"
