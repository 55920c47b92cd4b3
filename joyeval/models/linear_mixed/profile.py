"""Profile-likelihood intervals: the values of one quantity that the data do not speak against.

For each value of the quantity all other parameters are fitted again; the interval holds the values whose deviance
exceeds the least by no more than the quantile of chi-squared.

References
----------
Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 5.1, doi:10.18637/jss.v067.i01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from joyeval.models.linear_mixed.likelihood import BOUNDARY, evaluate, factors
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from joyeval.models.linear_mixed.gram import Gram
    from joyeval.models.linear_mixed.lmm import Fit

WIDEN = 1.6
WIDEST = 60  # times: beyond, the data set no limit
NEAR_ZERO = 1e-3  # of an estimate: a standard deviation below this share is taken for 0


@one_thread
def profile_sd(fit: Fit, name: str, i: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the standard deviation of effect i of a term, by the criterion of the fit."""
    g = fit.gram
    t = [term.name for term in g.terms].index(name)
    estimate = float(np.sqrt(fit.covariances[name][i, i]))
    step = 0.3 * max(estimate, 0.1 * np.sqrt(fit.sigma2) * np.linalg.norm(g.back[t][i]))

    def held(value: float, theta: np.ndarray) -> tuple[float, np.ndarray]:
        return _with_sd(g, theta, t, i, value, reml=fit.reml)

    return _interval(held, _off_zero(fit, t), estimate, step, best=fit.profile.deviance, level=level, least=0.0)


@one_thread
def profile_sigma(fit: Fit, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the residual standard deviation, by the criterion of the fit."""
    g, sigma = fit.gram, float(np.sqrt(fit.sigma2))

    def held(value: float, theta: np.ndarray) -> tuple[float, np.ndarray]:
        at = evaluate(g, theta, reml=fit.reml, sigma2=(value / g.scale) ** 2)
        return at.deviance, at.gradient

    step = 2 * sigma / np.sqrt(2 * fit.n)
    return _interval(held, fit.theta, sigma, step, best=fit.profile.deviance, level=level, least=0.0)


@one_thread
def profile_coefficient(fit: Fit, j: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a fixed coefficient by full maximum likelihood; `fit` must be one (reml=False)."""
    g = fit.gram
    row = np.linalg.inv(g.R)[j]

    def held(value: float, theta: np.ndarray) -> tuple[float, np.ndarray]:
        at = evaluate(g, theta, reml=False, held=(row, (value - row @ g.projection) / g.scale))
        return at.deviance, at.gradient

    step = 2 * np.sqrt(fit.vcov[j, j])
    return _interval(held, fit.theta, fit.beta[j], step, best=fit.profile.deviance, level=level)


def _interval(
    held: Callable[[float, np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    estimate: float,
    step: float,
    *,
    best: float,
    level: float,
    least: float = -np.inf,
) -> tuple[float, float]:
    from scipy.optimize import brentq, minimize

    reach = ndtri(0.5 + level / 2) ** 2

    def excess(value: float) -> float:
        return minimize(lambda theta: held(value, theta), start, jac=True, method="BFGS").fun - best - reach

    def end(side: int) -> float:
        inner, outer, width = estimate, estimate, step
        for _ in range(WIDEST):
            inner, outer, width = outer, outer + side * width, width * WIDEN
            if outer <= least:
                outer = least + NEAR_ZERO * max(estimate, step)
                if excess(outer) <= 0:
                    return least
            if excess(outer) > 0:
                return float(brentq(excess, inner, outer, xtol=1e-6 * step, rtol=1e-8))
        return side * np.inf

    return end(-1), end(1)


def _with_sd(g: Gram, theta: np.ndarray, t: int, i: int, value: float, *, reml: bool) -> tuple[float, np.ndarray]:
    """Deviance and gradient in theta, sigma following from the standard deviation that is held."""
    L, term = factors(g.terms, theta)[t], g.terms[t]
    row = g.back[t][i] @ L
    size = max(float(np.linalg.norm(row)), 1e-8)
    sigma = value / g.scale / size
    at = evaluate(g, theta, reml=reml, sigma2=sigma**2)
    m = g.n - g.p if reml else g.n
    toward = np.outer(g.back[t][i], row)[term.entries] / size  # derivative of size in the entries of L
    by_sigma = 2 * m / sigma - 2 * at.rss / sigma**3
    gradient = at.gradient.copy()
    start = sum(len(other.entries[0]) for other in g.terms[:t])
    gradient[start : start + len(toward)] -= by_sigma * sigma / size * toward
    return at.deviance, gradient


def _off_zero(fit: Fit, t: int) -> np.ndarray:
    """Start where the standard deviation is not 0, so that sigma can follow from it."""
    Ls = factors(fit.gram.terms, fit.theta)
    diagonal = np.diag_indices(len(Ls[t]))
    Ls[t][diagonal] = np.where(Ls[t][diagonal] < BOUNDARY, 0.1, Ls[t][diagonal])
    return np.concatenate([L[term.entries] for L, term in zip(Ls, fit.gram.terms, strict=True)])
