"""The likelihood of a Gaussian mixed model at given covariance factors, with its exact gradient.

The outcome has covariance V = sigma^2 (W^-1 + Z S Z'), S block-diagonal with one q x q block LL' per level of each
term; theta holds the free entries of the relative factors L.

References
----------
Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), doi:10.18637/jss.v067.i01 (profiled deviance, eq. 41).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.linear_mixed.eliminate import Solved, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.linear_mixed.gram import Gram
    from joyeval.models.linear_mixed.terms import Term

BOUNDARY = 1e-4  # a relative standard deviation below this is 0 (the tolerance of lme4::isSingular)


@dataclass(frozen=True, eq=False)
class Profile:
    """Deviance at one set of relative covariance factors, with its gradient in them and what it implies."""

    deviance: float
    gradient: np.ndarray
    slopes: tuple[np.ndarray, ...]  # per term, gradient in the relative covariance (q, q)
    coefficients: np.ndarray
    vcov: np.ndarray
    sigma2: float
    rss: float  # in units of sigma2
    solved: Solved


def factors(terms: Sequence[Term], theta: np.ndarray) -> list[np.ndarray]:
    """Relative lower Cholesky factors, one per term, from their free entries."""
    out, at = [], 0
    for term in terms:
        rows, columns = term.entries
        L = np.zeros((term.q, term.q))
        L[rows, columns] = theta[at : at + len(rows)]
        at += len(rows)
        out.append(L)
    return out


def evaluate(
    g: Gram,
    theta: np.ndarray,
    *,
    reml: bool,
    sigma2: float | None = None,
    held: tuple[np.ndarray, float] | None = None,
) -> Profile:
    """Deviance and gradient at `theta`; the residual variance is profiled out unless given.

    `held` (contrast, value) fixes one combination of the coefficients of Q (full likelihood only).
    """
    # d deviance / dS of a term is sum over its levels of Z'V^-1Z - R (c c' / s2 + [Phi, 0; 0, 0]) R', R = Z'V^-1[Q, y]:
    # the trace of log|V|, less what the residuals and (REML) the estimated coefficients explain; then dS = 2 L dL.
    Ls = factors(g.terms, theta)
    solved = solve(g, Ls)
    p, m = g.p, g.n - g.p if reml else g.n
    b, rss, inverse = _least_squares(solved.cross, held)
    s2 = rss / m if sigma2 is None else sigma2
    deviance = solved.logdet + m * np.log(2 * np.pi * s2) + rss / s2
    c = np.append(-b, 1.0)
    weight = np.outer(c, c) / s2
    if reml:
        deviance -= np.linalg.slogdet(inverse)[1]
        weight[:p, :p] += inverse
    slopes = tuple(
        A - np.tensordot(R @ weight, R, axes=([0, 2], [0, 2])) for A, R in zip(solved.A, solved.R, strict=True)
    )
    gradient = [(2 * s @ L)[t.entries] for s, L, t in zip(slopes, Ls, g.terms, strict=True)]
    return Profile(float(deviance), np.concatenate(gradient), slopes, b, inverse * s2, float(s2), rss, solved)


def _least_squares(cross: np.ndarray, held: tuple[np.ndarray, float] | None) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients, residual sum of squares and inverse of the products of the predictors, from those of [Q, y]."""
    inverse = np.linalg.inv(cross[:-1, :-1])
    b = inverse @ cross[:-1, -1]
    rss = float(cross[-1, -1] - cross[-1, :-1] @ b)
    if not rss > 0:
        raise ModelError("the groups explain the outcome exactly; no residual variation is left to model")
    if held is not None:
        contrast, value = held
        short, size = value - contrast @ b, contrast @ inverse @ contrast
        b, rss = b + inverse @ contrast * short / size, rss + short**2 / size
    return b, float(rss), inverse


def singular(g: Gram, theta: np.ndarray) -> bool:
    """Return whether some random term has no variance, or is determined by others."""
    return any(np.abs(np.diag(L)).min() < BOUNDARY for L in factors(g.terms, theta))


def lower_factor(S: np.ndarray) -> np.ndarray:
    """Return the lower triangular factor of a covariance that may be singular; empty columns come last."""
    values, vectors = np.linalg.eigh(S)
    root = vectors * np.sqrt(np.where(values < 1e-14 * values.max(), 0, values))
    R = np.linalg.qr(root[:, ::-1].T, mode="r")
    return (R * np.where(np.diag(R) < 0, -1.0, 1.0)[:, None]).T


@dataclass(frozen=True, eq=False)
class Curvature:
    """Derivatives in theta of the gradient (K, K), the covariance of the coefficients (K, p, p) and log sigma (K,)."""

    hessian: np.ndarray
    vcov: np.ndarray
    log_sigma: np.ndarray


def curvature(g: Gram, theta: np.ndarray, *, reml: bool, step: float = 1e-4) -> Curvature:
    """Differentiate what is exact, centrally."""
    K = len(theta)
    H, vcov, log_sigma = np.empty((K, K)), np.empty((K, g.p, g.p)), np.empty(K)
    for k in range(K):
        h = np.zeros(K)
        h[k] = step * max(1.0, abs(theta[k]))
        above, below = (evaluate(g, theta + side * h, reml=reml) for side in (1, -1))
        H[k] = (above.gradient - below.gradient) / (2 * h[k])
        vcov[k] = (above.vcov - below.vcov) / (2 * h[k])
        log_sigma[k] = np.log(above.sigma2 / below.sigma2) / (4 * h[k])
    return Curvature((H + H.T) / 2, vcov, log_sigma)


def units(g: Gram, *, reml: bool) -> float:
    """Return what the deviance in the units and columns of the data has more than the engine's."""
    fixed = 2 * np.log(np.abs(np.diag(g.R))).sum() if reml else 0.0
    return float((g.n - g.p if reml else g.n) * np.log(g.scale**2) - 2 * g.rows.log_determinant + fixed)
