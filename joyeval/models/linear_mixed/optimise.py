"""The maximum of the likelihood of a Gaussian mixed model, on the boundary where the data put it there.

Newton steps with the average information take about six evaluations; variances of 0 and singular covariances need
the care described at `optimise`.

References
----------
Gilmour, Thompson & Cullis (1995), Biometrics 51(4), 1440-1450, doi:10.2307/2533274 (average information).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.linear_mixed.eliminate import flat
from joyeval.models.linear_mixed.gram import reorder
from joyeval.models.linear_mixed.likelihood import BOUNDARY, evaluate, factors, lower_factor, singular

if TYPE_CHECKING:
    from joyeval.models.linear_mixed.gram import Gram
    from joyeval.models.linear_mixed.likelihood import Profile

STEPS = 8  # before the order of columns is looked at again
ROUNDS = 12
RESTED = 1e-9  # fall of the deviance by leaving a boundary below which it was right to rest there
SETTLED = 1e-11  # fall of the deviance that a step promises


def optimise(g: Gram, *, reml: bool, start: np.ndarray | None = None) -> tuple[Gram, np.ndarray, Profile]:
    """Minimise the deviance; return the sums in the order of columns in which theta is well determined, and what holds.

    The deviance is even in every diagonal entry, so that a variance of 0 is always stationary and a descent may
    rest there; it is set off again where a positive one fits better. Near such a boundary, entries below a small
    diagonal are ill determined; taking the largest variance first avoids that.
    """
    theta = _leave_zero(g, np.zeros(_n_free(g)), reml=reml, least=0.1) if start is None else start
    least = np.inf
    for _ in range(ROUNDS):
        theta, at, settled = _descend(g, theta, reml=reml)
        theta, deviance, before = _snap(g, theta), at.deviance, theta
        if settled and (not singular(g, theta) or least - deviance < RESTED):
            break
        g, theta = _largest_first(g, theta)
        if settled:
            least, theta = deviance, _leave_zero(g, theta, reml=reml, least=0.0)
    return g, theta, at if np.array_equal(theta, before) else evaluate(g, theta, reml=reml)


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


def _descend(g: Gram, theta: np.ndarray, *, reml: bool) -> tuple[np.ndarray, Profile, bool]:
    """Newton steps with the average information, halved until the deviance falls; and whether they came to rest."""
    at = evaluate(g, theta, reml=reml)
    for _ in range(STEPS):
        values, vectors = np.linalg.eigh(average_information(g, theta, at, reml=reml))
        size = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())
        step = vectors @ ((vectors.T @ at.gradient) / size)
        if at.gradient @ step < SETTLED:
            return theta, at, True
        theta, at = _halve(g, theta, at, step, reml=reml)
    return theta, at, False


def _halve(g: Gram, theta: np.ndarray, at: Profile, step: np.ndarray, *, reml: bool) -> tuple[np.ndarray, Profile]:
    noise = 1e-13 * max(1.0, abs(at.deviance))
    for _ in range(30):
        tried = evaluate(g, theta - step, reml=reml)
        if tried.deviance <= at.deviance + noise:
            break
        step = step / 2
    return theta - step, tried


def average_information(g: Gram, theta: np.ndarray, at: Profile, *, reml: bool) -> np.ndarray:
    """Approximate the second derivative of the deviance in theta: exact but for the average of two traces."""
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


def _n_free(g: Gram) -> int:
    return sum(len(term.entries[0]) for term in g.terms)


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


def polish(g: Gram, theta: np.ndarray, at: Profile, hessian: np.ndarray, *, reml: bool) -> tuple[np.ndarray, Profile]:
    """Take one Newton step with the exact second derivative, where it lessens the slope; what holds there."""
    free = theta != 0
    if not free.any() or np.linalg.eigvalsh(hessian[np.ix_(free, free)])[0] <= 0:
        return theta, at
    better = theta.copy()
    better[free] -= np.linalg.solve(hessian[np.ix_(free, free)], at.gradient[free])
    after = evaluate(g, better, reml=reml)
    return (better, after) if np.abs(after.gradient).max() < np.abs(at.gradient).max() else (theta, at)
