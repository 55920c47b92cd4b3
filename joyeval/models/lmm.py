"""Gaussian mixed models by (restricted) maximum likelihood, from sums of products within groups.

The outcome has covariance V = sigma^2 (W^-1 + Z S Z'), S block-diagonal with one q x q block per level of each
term. The first term is eliminated level by level, the others by one dense Cholesky factorisation; the
likelihood and its exact gradient cost the same order of work.

References
----------
Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), doi:10.18637/jss.v067.i01 (profiled deviance, eq. 41).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.eliminate import Solved, flat, solve
from joyeval.models.gram import EQUAL, Gram, Rows, Term, gram, reorder, with_outcome
from joyeval.models.inference import Inference

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = 8  # before the order of columns is looked at again
ROUNDS = 12
RESTED = 1e-9  # fall of the deviance by leaving a boundary below which it was right to rest there
SETTLED = 1e-11  # fall of the deviance that a step promises
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


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted Gaussian mixed model, in the order and units of the data given.

    Parameters
    ----------
    beta, vcov : ndarray, shapes (p,), (p, p)
        Fixed coefficients and their covariance, variance components taken as known.
    sigma2 : float
        Residual variance of a row of weight 1.
    covariances : dict
        Per term, the (q, q) covariance of its coefficients.
    deviance : float
        -2 log-likelihood, restricted if `reml`.
    theta : ndarray
        Free entries of the relative Cholesky factors (in the engine's coordinates).
    hessian : ndarray, shape (K, K)
        Second derivative of the deviance in theta.
    slopes : ndarray, shape (K, p, p)
        Derivative of `vcov` in theta, the residual variance following.
    log_sigma_slopes : ndarray, shape (K,)
        Derivative of the logarithm of the residual standard deviation in theta.
    steepest : float
        Largest remaining slope of the deviance; above 0.01 the fit has not converged.
    """

    beta: np.ndarray
    vcov: np.ndarray
    sigma2: float
    covariances: dict[str, np.ndarray]
    deviance: float
    theta: np.ndarray
    hessian: np.ndarray = field(repr=False)
    slopes: np.ndarray = field(repr=False)
    log_sigma_slopes: np.ndarray = field(repr=False)
    steepest: float
    n: int
    reml: bool
    gram: Gram = field(repr=False)
    profile: Profile = field(repr=False)

    @property
    def loglik(self) -> float:
        """Log-likelihood, restricted if fitted by REML."""
        return -self.deviance / 2

    @property
    def singular(self) -> bool:
        """Whether some random term has no variance, or is determined by others."""
        return _singular(self.gram, self.theta)

    def random_effects(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return per term the predicted effects (levels, q) and their conditional covariance (levels, q, q)."""
        g, at = self.gram, self.profile
        mean = np.append(-at.coefficients, 1.0)
        effects = {}
        for term, L, back, A, R in zip(
            g.terms, factors(g.terms, self.theta), g.back, at.solved.by_level(), at.solved.R, strict=True
        ):
            S, out = L @ L.T, g.scale * back
            effects[term.name] = (R @ mean @ S @ out.T, out @ (S - S @ A @ S) @ out.T * at.sigma2)
        return effects


def fit(
    y: np.ndarray,
    X: np.ndarray,
    terms: Sequence[Term | np.ndarray],
    *,
    weights: np.ndarray | None = None,
    reml: bool = True,
) -> Fit:
    """Fit a Gaussian mixed model to arrays.

    Parameters
    ----------
    y : ndarray, shape (n,)
    X : ndarray, shape (n, p)
        Fixed columns, of full rank, the intercept among them if wanted.
    terms : sequence of Term or ndarray of int (n,)
        Random terms; codes 0, 1, ... alone stand for a random intercept.
    weights : ndarray, shape (n,), optional
        The residual variance of a row is sigma^2 / weight.
    reml : bool
        Restricted (the default) or full maximum likelihood.

    Examples
    --------
    >>> fitted = fit(np.array([1.0, 1.2, 3.1, 3.0, 2.0, 2.3]), np.ones((6, 1)), [np.array([0, 0, 1, 1, 2, 2])])
    >>> fitted.beta.round(3)
    array([2.1])
    """
    return refit(gram(X, as_terms(terms), rows=EQUAL if weights is None else Rows(np.sqrt(weights))), y, reml=reml)


def as_terms(terms: Sequence[Term | np.ndarray]) -> list[Term]:
    """Random intercepts from codes."""
    return [
        t if isinstance(t, Term) else Term(name=f"factor {i}", codes=np.asarray(t), n_levels=int(np.max(t)) + 1)
        for i, t in enumerate(terms, start=1)
    ]


def refit(layout: Gram, y: np.ndarray, *, reml: bool = True, start: np.ndarray | None = None) -> Fit:
    """Fit one outcome to sums already made by `gram`; for many outcomes on the same rows."""
    return estimate(with_outcome(layout, y), reml=reml, start=start)


def estimate(g: Gram, *, reml: bool = True, start: np.ndarray | None = None) -> Fit:
    """Fit the outcome whose sums `g` holds."""
    g, theta = optimise(g, reml=reml, start=start)
    curved = curvature(g, theta, reml=reml)
    theta = _polish(g, theta, curved.hessian, reml=reml)
    return _as_fit(g, theta, evaluate(g, theta, reml=reml), curved, reml=reml)


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


def optimise(g: Gram, *, reml: bool, start: np.ndarray | None = None) -> tuple[Gram, np.ndarray]:
    """Minimise the deviance; return the sums in the order of columns in which theta is well determined.

    The deviance is even in every diagonal entry, so that a variance of 0 is always stationary and a descent may
    rest there; it is set off again where a positive one fits better. Near such a boundary, entries below a small
    diagonal are ill determined; taking the largest variance first avoids that.
    """
    theta = _leave_zero(g, np.zeros(_n_free(g)), reml=reml, least=0.1) if start is None else start
    least = np.inf
    for _ in range(ROUNDS):
        theta, deviance, settled = _descend(g, theta, reml=reml)
        theta = _snap(g, theta)
        if settled and (not _singular(g, theta) or least - deviance < RESTED):
            break
        g, theta = _largest_first(g, theta)
        if settled:
            least, theta = deviance, _leave_zero(g, theta, reml=reml, least=0.0)
    return g, theta


def _largest_first(g: Gram, theta: np.ndarray) -> tuple[Gram, np.ndarray]:
    """Order the columns of each term by what the columns before leave of their variance."""
    orders, entries = [], []
    for term, L in zip(g.terms, factors(g.terms, theta), strict=True):
        S, order = L @ L.T, np.arange(term.q)
        left = S.copy()
        for k in range(term.q if term.correlated else 0):
            order[k] = np.argmax(np.where(np.isin(np.arange(term.q), order[:k]), -1.0, np.diag(left)))
            pivot = max(left[order[k], order[k]], 1e-300)
            left = left - np.outer(left[:, order[k]], left[order[k]]) / pivot
        orders.append(order)
        entries.append((lower_factor(S[np.ix_(order, order)]) if term.correlated else L)[term.entries])
    return reorder(g, orders), np.concatenate(entries)


def _descend(g: Gram, theta: np.ndarray, *, reml: bool) -> tuple[np.ndarray, float, bool]:
    """Newton steps with the average information, halved until the deviance falls; and whether they came to rest."""
    at = evaluate(g, theta, reml=reml)
    for _ in range(STEPS):
        values, vectors = np.linalg.eigh(average_information(g, theta, at, reml=reml))
        size = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())
        step = vectors @ ((vectors.T @ at.gradient) / size)
        if at.gradient @ step < SETTLED:
            return theta, at.deviance, True
        theta, at = _halve(g, theta, at, step, reml=reml)
    return theta, at.deviance, False


def _halve(g: Gram, theta: np.ndarray, at: Profile, step: np.ndarray, *, reml: bool) -> tuple[np.ndarray, Profile]:
    noise = 1e-13 * max(1.0, abs(at.deviance))
    for _ in range(30):
        tried = evaluate(g, theta - step, reml=reml)
        if tried.deviance <= at.deviance + noise:
            break
        step = step / 2
    return theta - step, tried


def average_information(g: Gram, theta: np.ndarray, at: Profile, *, reml: bool) -> np.ndarray:
    """Approximate second derivative of the deviance in theta: exact but for the average of two traces.

    References
    ----------
    Gilmour, Thompson & Cullis (1995), Biometrics 51(4), 1440-1450, doi:10.2307/2533274.
    """
    m = g.n - g.p if reml else g.n
    effects, scores, bend = _working_effects(g, theta, at)
    moved = np.concatenate([flat(x) for x in at.solved.between(effects)])
    effects = np.concatenate([flat(x) for x in effects])
    reach = effects.T @ np.concatenate([flat(R[:, :, :-1]) for R in at.solved.R])
    inner = effects.T @ moved - reach @ (at.vcov / at.sigma2) @ reach.T
    return inner / at.sigma2 - np.outer(scores, scores) / (m * at.sigma2**2) + bend


def _working_effects(g: Gram, theta: np.ndarray, at: Profile) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Per term (levels, q, K) the effects u with (dV/dtheta_k) P y = Z u; y'P Z u (K,); the bend of theta itself."""
    mean, K, k = np.append(-at.coefficients, 1.0), len(theta), 0
    effects, scores, bend = [], np.zeros(K), np.zeros((K, K))
    for term, L, R, slope in zip(g.terms, factors(g.terms, theta), at.solved.R, at.slopes, strict=True):
        residual, moved = R @ mean, np.zeros((term.n_levels, term.q, K))
        rows, columns = term.entries
        own = slice(k, k + len(rows))
        for i, j in zip(rows, columns, strict=True):
            moved[:, :, k] = residual[:, [i]] * L[:, j]
            moved[:, i, k] += residual @ L[:, j]
            k += 1
        scores[own] = np.einsum("gi,gik->k", residual, moved[:, :, own])
        bend[own, own] = 2 * slope[np.ix_(rows, rows)] * (columns[:, None] == columns)
        effects.append(moved)
    return effects, scores, bend


def satterthwaite(fit: Fit) -> Inference:
    """Return what Satterthwaite's degrees of freedom need: theta, and the residual variance around its profile."""
    K, p = len(fit.hessian), fit.gram.p
    spread = np.zeros((K + 1, K + 1))
    spread[:K, :K] = 2 * np.linalg.pinv(fit.hessian, hermitian=True)
    spread[K, K] = 1 / (2 * (fit.n - p if fit.reml else fit.n))
    slopes = np.concatenate([fit.slopes, 2 * fit.vcov[None]])
    return Inference("Satterthwaite", vcov=fit.vcov, model_vcov=fit.vcov, slopes=slopes, spread=spread)


def _n_free(g: Gram) -> int:
    return sum(len(term.entries[0]) for term in g.terms)


def _singular(g: Gram, theta: np.ndarray) -> bool:
    return any(np.abs(np.diag(L)).min() < BOUNDARY for L in factors(g.terms, theta))


def _snap(g: Gram, theta: np.ndarray) -> np.ndarray:
    """Diagonal entries made positive (columns change sign together), and exactly 0 below the boundary."""
    out = []
    for term, L in zip(g.terms, factors(g.terms, theta), strict=True):
        diagonal = np.diag(L)
        L = L * np.where(diagonal < 0, -1.0, 1.0)
        L[np.diag_indices(term.q)] = np.where(np.abs(diagonal) < BOUNDARY, 0.0, np.abs(diagonal))
        out.append(L[term.entries])
    return np.concatenate(out)


def _leave_zero(g: Gram, theta: np.ndarray, *, reml: bool, least: float) -> np.ndarray:
    """Give every empty direction of a covariance the variance one scoring step asks for, at least `least` squared."""
    at = evaluate(g, theta, reml=reml)
    out = []
    for term, L, slope, A in zip(g.terms, factors(g.terms, theta), at.slopes, at.solved.A, strict=True):
        values, vectors = np.linalg.eigh(L @ L.T) if term.correlated else (np.diag(L) ** 2, np.eye(term.q))
        empty = vectors[:, values < BOUNDARY**2]
        pull = np.einsum("ik,ij,jk->k", empty, slope, empty)
        size = np.einsum("ik,ij,jk->k", empty, A, empty) ** 2 / term.n_levels  # at least the sum of squares by level
        step = -pull / np.maximum(size, 1e-300)
        step[step * -pull < 1e-8] = 0.0
        variance = np.maximum(step, least**2)
        if variance.any():
            L = lower_factor(L @ L.T + (empty * variance) @ empty.T)
        out.append(L[term.entries])
    return np.concatenate(out)


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


def _polish(g: Gram, theta: np.ndarray, hessian: np.ndarray, *, reml: bool) -> np.ndarray:
    """One Newton step, where it lessens the slope."""
    slope = evaluate(g, theta, reml=reml).gradient
    free = theta != 0
    if not free.any() or np.linalg.eigvalsh(hessian[np.ix_(free, free)])[0] <= 0:
        return theta
    better = theta.copy()
    better[free] -= np.linalg.solve(hessian[np.ix_(free, free)], slope[free])
    after = evaluate(g, better, reml=reml).gradient
    return better if np.abs(after).max() < np.abs(slope).max() else theta


def units(g: Gram, *, reml: bool) -> float:
    """Return what the deviance in the units and columns of the data has more than the engine's."""
    fixed = 2 * np.log(np.abs(np.diag(g.R))).sum() if reml else 0.0
    return float((g.n - g.p if reml else g.n) * np.log(g.scale**2) - 2 * g.rows.log_determinant + fixed)


def _as_fit(g: Gram, theta: np.ndarray, at: Profile, curved: Curvature, *, reml: bool) -> Fit:
    """Back to the units and columns of the data."""
    unroot = np.linalg.inv(g.R)
    unit = g.scale**2
    return Fit(
        beta=unroot @ (g.projection + g.scale * at.coefficients),
        vcov=unroot @ at.vcov @ unroot.T * unit,
        sigma2=at.sigma2 * unit,
        covariances={
            term.name: back @ L @ L.T @ back.T * at.sigma2 * unit
            for term, L, back in zip(g.terms, factors(g.terms, theta), g.back, strict=True)
        },
        deviance=at.deviance + units(g, reml=reml),
        theta=theta,
        hessian=curved.hessian,
        slopes=unroot @ curved.vcov @ unroot.T * unit,
        log_sigma_slopes=curved.log_sigma,
        steepest=float(np.abs(at.gradient).max(initial=0)),
        n=g.n,
        reml=reml,
        gram=g,
        profile=at,
    )
