"""First-order autoregressive residuals within groups, gaps in time allowed.

The residuals of one group correlate by phi^gap. For a given phi the rows are whitened by one subtraction each, and
the model is then one with independent residuals; phi is found by its profiled likelihood.

References
----------
Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, chapter 5, doi:10.1007/b98882 (corAR1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.linear_mixed.gram import Rows, gram, reorder, with_outcome
from joyeval.models.linear_mixed.likelihood import evaluate, units
from joyeval.models.linear_mixed.lmm import estimate
from joyeval.models.linear_mixed.optimise import optimise
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.linear_mixed.gram import Gram
    from joyeval.models.linear_mixed.lmm import Fit
    from joyeval.models.linear_mixed.terms import Term

LIMIT = 0.99
COARSE = (-0.6, -0.3, 0.0, 0.3, 0.6, 0.9)
STEP = 1e-3


@one_thread
def fit_ar1(
    y: np.ndarray,
    X: np.ndarray,
    terms: Sequence[Term],
    *,
    series: np.ndarray,
    time: np.ndarray,
    weights: np.ndarray | None = None,
    reml: bool = True,
) -> tuple[Fit, float]:
    """Fit a mixed model whose residuals are autocorrelated within each series.

    Parameters
    ----------
    series : ndarray of int, shape (n,)
        Series of each row; every factor of `terms` is constant within a series.
    time : ndarray, shape (n,)
        Whole-numbered period of each row, no period twice in a series.

    Returns
    -------
    Fit
        Derivatives have phi as their last parameter.
    float
        phi, the correlation of residuals one period apart.
    """
    from scipy.optimize import minimize_scalar

    previous, gap = lags(series, time)
    root = None if weights is None else np.sqrt(weights)

    def sums(phi: float) -> Gram:
        return with_outcome(gram(X, terms, rows=autoregressive(previous, gap, phi, root)), y)

    def deviance(phi: float) -> float:
        g, theta, _ = optimise(sums(phi), reml=reml)
        return evaluate(g, theta, reml=reml).deviance + units(g, reml=reml)

    coarse = np.array([deviance(phi) for phi in COARSE])
    ends = (-LIMIT, *COARSE, LIMIT)
    best = int(coarse.argmin()) + 1
    found = minimize_scalar(
        deviance, bounds=(ends[best - 1], ends[best + 1]), method="bounded", options={"xatol": 1e-7}
    )
    at = estimate(sums(found.x), reml=reml)
    beside = [reorder(sums(found.x + side * STEP), at.gram.orders) for side in (1, -1)]
    return _with_phi(at, *beside), float(found.x)


def lags(series: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row before each row in its series (itself where there is none) and the gap to it (0 there).

    Raises
    ------
    ModelError
        A time that is not a whole number, or a period that occurs twice in a series.
    """
    if not np.array_equal(time, np.round(time)):
        raise ModelError("autocorrelation needs whole-numbered periods (1, 2, 3 ...); number the periods")
    order = np.lexsort((time, series))
    follows = np.append(False, series[order][1:] == series[order][:-1])
    before = np.where(follows, np.roll(order, 1), order)
    previous, gap = np.empty_like(order), np.empty(len(order))
    previous[order], gap[order] = before, time[order] - time[before]
    if twice := int((gap[order][follows] == 0).sum()):
        raise ModelError(f"autocorrelation needs one row per group and period; {twice} rows repeat a period")
    return previous, gap


def autoregressive(previous: np.ndarray, gap: np.ndarray, phi: float, root: np.ndarray | None) -> Rows:
    """Return what makes rows with autocorrelation phi^gap independent with equal variance."""
    rho = np.where(gap > 0, np.sign(phi) ** gap * np.abs(phi) ** gap, 0.0)
    own = 1 / np.sqrt(1 - rho**2)
    return Rows(root=root, own=own, lag=rho * own, previous=previous)


def _with_phi(at: Fit, above: Gram, below: Gram) -> Fit:
    """Add phi to the derivatives of a fit, by differences at the same theta."""
    sides = [(g, evaluate(g, at.theta, reml=at.reml)) for g in (above, below)]
    deviance = [profile.deviance + units(g, reml=at.reml) for g, profile in sides]
    gradient = (sides[0][1].gradient - sides[1][1].gradient) / (2 * STEP)
    inverses = [np.linalg.inv(g.R) * g.scale for g, _ in sides]
    vcov = [inverse @ profile.vcov @ inverse.T for inverse, (_, profile) in zip(inverses, sides, strict=True)]
    sigma2 = [profile.sigma2 * g.scale**2 for g, profile in sides]
    curved = (deviance[0] - 2 * at.deviance + deviance[1]) / STEP**2
    return replace(
        at,
        hessian=np.block([[at.hessian, gradient[:, None]], [gradient[None], curved]]),
        slopes=np.concatenate([at.slopes, (vcov[0] - vcov[1])[None] / (2 * STEP)]),
        log_sigma_slopes=np.append(at.log_sigma_slopes, np.log(sigma2[0] / sigma2[1]) / (4 * STEP)),
    )
