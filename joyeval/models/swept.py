"""Mixed models of nested random intercepts whose errors hold whatever else the rows of a cluster share (CR2).

The random intercepts say how rows are weighed; they need not be all that is alike within clusters. Multiplying by the
inverse root of their covariance is subtracting shares of group means, one factor after the other, so that what is left
is least squares, and costs no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.estimates import estimate_table
from joyeval.models.linear_mixed import fit
from joyeval.models.panel import cluster_robust, least_squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

NOTHING = 1e-9  # standard error, in standard deviations of the rows, that is rounding


def clustered_mixed(
    y: np.ndarray, X: np.ndarray, *, names: Sequence[str], nested: Sequence[np.ndarray]
) -> pd.DataFrame:
    """Fit random intercepts by REML; errors are CR2 over the levels of the last factor.

    Parameters
    ----------
    y : ndarray, shape (n,)
    X : ndarray, shape (n, p)
        Fixed columns, the intercept among them.
    names : sequence of str
        Of the columns.
    nested : sequence of ndarray of int, shape (n,)
        Codes from 0 without holes of the factors whose intercepts are random, each nested in the next (people, teams).

    Returns
    -------
    DataFrame
        term, estimate, se, df (Satterthwaite), ci_low, ci_high, p, n.

    Raises
    ------
    ModelError
        One cluster, as many levels as rows, or rows alike within the levels of a factor.

    References
    ----------
    Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36(4), 672-683. doi:10.1080/07350015.2016.1247004

    Examples
    --------
    >>> team, later = np.repeat([0, 1, 2], 4), np.tile([0.0, 1.0], 6)
    >>> joy = np.array([3, 4, 2, 5, 4, 4, 3, 3, 2, 4, 1, 2.0])
    >>> X = np.column_stack([np.ones(12), later])
    >>> clustered_mixed(joy, X, names=["first", "later"], nested=[team]).round(2)[["term", "estimate", "se", "df"]]
        term  estimate    se   df
    0  first      2.50  0.58  2.0
    1  later      1.17  0.60  2.0
    """
    for codes in nested:
        _refuse(y, codes)
    fitted = fit(y, X, list(nested))
    ratios = [float(covariance[0, 0]) / fitted.sigma2 for covariance in fitted.covariances.values()]
    columns = sweep(np.column_stack([y, X]), nested, ratios)
    rest = least_squares(columns[:, 0], columns[:, 1:], names=names)
    errors = cluster_robust(rest, nested[-1])
    if (errors.se < NOTHING * y.std()).any():
        raise ModelError("clusters differ by nothing but rounding; nothing is left to judge by")
    return estimate_table(names, rest.beta, errors.se, n=len(y), df=errors.df)


def sweep(
    columns: np.ndarray, nested: Sequence[np.ndarray], ratios: Sequence[float], weights: np.ndarray | None = None
) -> np.ndarray:
    """Multiply rows by the inverse root of their covariance under nested random intercepts, residual variance 1.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
    nested : sequence of ndarray of int, shape (n,)
    ratios : sequence of float
        Variance of each intercept over that of a residual of weight 1.
    weights : ndarray, shape (n,), optional
    """
    one = np.ones(len(columns)) if weights is None else np.sqrt(weights)
    out = np.column_stack([one, one[:, None] * columns])
    for codes, ratio in zip(nested, ratios, strict=True):
        one = out[:, 0].copy()
        mass = np.bincount(codes, one**2)
        share = (1 - 1 / np.sqrt(1 + ratio * mass)) / mass
        means = np.column_stack([np.bincount(codes, one * column) for column in out.T])
        out -= one[:, None] * (share[:, None] * means)[codes]
    return out[:, 1:]


def _refuse(y: np.ndarray, codes: np.ndarray) -> None:
    """Refuse a factor that rows cannot tell from the residual."""
    _, first, level = np.unique(codes, return_index=True, return_inverse=True)
    if len(first) >= len(y):
        raise ModelError(f"{len(first)} levels for {len(y)} rows: too many to tell from the residual")
    if (y == y[first][level]).all():
        raise ModelError("rows of one level are all alike; nothing is left to judge by")
