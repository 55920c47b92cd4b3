"""Items that run against the others of their scale: most often one that was not reversed, or reversed twice."""

from __future__ import annotations

import numpy as np

CLEAR = 2.58  # standard errors of a correlation: chance alone turns one weak item in a hundred


def run_against(r: np.ndarray, n: np.ndarray | int) -> np.ndarray:
    """Return which items run the other way, (k,) of bool.

    Items are turned so that all go with what they have most in common (first principal component), most of them as
    they are; one that had to be turned counts if it then clearly goes with the sum of the others.

    Parameters
    ----------
    r : ndarray, shape (k, k)
        Correlations of the items; a gap counts as 0.
    n : int or ndarray, shape (k,)
        Respondents behind them.

    Examples
    --------
    >>> r = np.array([[1, 0.5, -0.5], [0.5, 1, -0.5], [-0.5, -0.5, 1]])
    >>> run_against(r, 100).tolist(), run_against(r, 5).tolist()
    ([False, False, True], [False, False, False])
    """
    r = np.nan_to_num(r)
    np.fill_diagonal(r, 1.0)
    common = np.linalg.eigh(r)[1][:, -1]
    key = np.where(common < 0, -1.0, 1.0)
    key *= np.sign(key.sum()) or np.sign(common.sum()) or 1.0
    turned = r * key * key[:, None]
    with_others = turned.sum(axis=1) - 1
    spread = np.sqrt(np.maximum(turned.sum() - 2 * with_others - 1, 1e-12))  # of the sum of the other items
    strength = np.arctanh(np.clip(with_others / spread, -1 + 1e-12, 1 - 1e-12)) * np.sqrt(np.maximum(n - 3, 0))
    return (key < 0) & (strength > CLEAR)
