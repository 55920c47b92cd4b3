"""Structured covariances by restricted maximum likelihood: V = sum_k s_k K_k in independent blocks.

For designs whose covariance has a known pattern with unknown weights, such as actor, partner and dyad variances
and covariances of a round robin. Blocks are small and dense; those of one size are treated together.

References
----------
Gilmour, Thompson & Cullis (1995), Biometrics 51(4), 1440-1450, doi:10.2307/2533274 (average information).
Kenward & Roger (1997), Biometrics 53(3), 983-997, doi:10.2307/2533558.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.linear_mixed.inference import Inference
from joyeval.models.linear_mixed.kenward_roger import small_sample
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

BARRIERS = 10.0 ** -np.arange(0, 11)  # weight of staying inside the cones, lowered step by step
STEPS = 20
SETTLED = 1e-9
EDGE = 1e-4  # least eigenvalue of a cone, relative to all variances, below which it lies on its boundary
ALIKE = 1e-8  # least eigenvalue of correlations between components that a design can tell apart


@dataclass(frozen=True, eq=False)
class Reml:
    """A linear model whose covariance is a weighted sum of known matrices.

    Parameters
    ----------
    beta : ndarray, shape (p,)
    inference : Inference
        Kenward-Roger covariance and degrees of freedom of `beta`.
    components, se : ndarray, shape (K,)
        Weights s_k and their standard errors from the expected information.
    component_cov : ndarray, shape (K, K)
    loglik : float
        Restricted log-likelihood.
    boundary : tuple of bool
        Per cone, whether it lies on its boundary (a variance of 0, a correlation of 1).
    """

    beta: np.ndarray
    inference: Inference
    components: np.ndarray
    component_cov: np.ndarray
    loglik: float
    boundary: tuple[bool, ...]

    @property
    def se(self) -> np.ndarray:
        """Standard errors of the components."""
        return np.sqrt(np.diag(self.component_cov))


@dataclass(frozen=True, eq=False)
class _Stack:
    """Blocks of one size: `E` (blocks, s, p + 1) columns [X, y], `K` (blocks, k, s, s)."""

    E: np.ndarray
    K: np.ndarray


@dataclass(frozen=True, eq=False)
class _State:
    """Likelihood at one set of weights, with what its derivatives and the small-sample covariance need."""

    deviance: float
    beta: np.ndarray
    vcov: np.ndarray
    gradient: np.ndarray
    information: np.ndarray
    T: np.ndarray
    P: np.ndarray
    C: np.ndarray


@one_thread
def fit_reml(
    y: np.ndarray,
    X: np.ndarray,
    blocks: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    cones: Sequence[Sequence[Sequence[int]]],
) -> Reml:
    """Fit y = X beta + e, Cov(e) = sum_k s_k K_k block by block.

    Parameters
    ----------
    y : ndarray, shape (n,)
    X : ndarray, shape (n, p)
        Of full rank.
    blocks : sequence of (rows, kernels)
        Rows of each block, (s,) positions in `y`, and the K matrices there, (K, s, s).
    cones : sequence of square tables of int
        Numbers of components that together are a covariance matrix, and so stay positive semi-definite: ``[[0]]``
        a variance, ``[[1, 2], [2, 3]]`` two variances and their covariance, ``[[4, 5], [5, 4]]`` equal variances.
        Every component is in one.

    Raises
    ------
    ModelError
        The likelihood has no maximum that could be found.
    """
    E = np.column_stack([X, y])
    stacks = _stacks(E, blocks)
    tables = [np.asarray(cone) for cone in cones]
    s = _start(E, tables)
    _check_distinct(_evaluate(stacks, s).T)
    for weight in BARRIERS:
        s, state = _climb(stacks, tables, s, weight)
    adjusted, slopes, spread = small_sample(state.vcov, state.T, state.P, state.C)
    method, total = "Kenward-Roger", sum(np.trace(s[t]) for t in tables)
    return Reml(
        beta=state.beta,
        inference=Inference(method, vcov=adjusted, model_vcov=state.vcov, slopes=slopes, spread=spread),
        components=s,
        component_cov=spread,
        loglik=-(state.deviance + (len(y) - X.shape[1]) * np.log(2 * np.pi)) / 2,
        boundary=tuple(bool(np.linalg.eigvalsh(s[t])[0] < EDGE * total) for t in tables),
    )


def _stacks(E: np.ndarray, blocks: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[_Stack]:
    sizes = np.array([len(rows) for rows, _ in blocks])
    stacks = []
    for size in np.unique(sizes):
        same = [blocks[i] for i in np.flatnonzero(sizes == size)]
        stacks.append(_Stack(np.stack([E[rows] for rows, _ in same]), np.stack([kernels for _, kernels in same])))
    return stacks


def _start(E: np.ndarray, tables: Sequence[np.ndarray]) -> np.ndarray:
    """Equal variances that sum to the residual variance, no covariance."""
    X, y = E[:, :-1], E[:, -1]
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    variances = np.unique(np.concatenate([np.diag(table) for table in tables]))
    s = np.zeros(1 + max(table.max() for table in tables))
    s[variances] = residual @ residual / (len(y) - X.shape[1]) / len(variances)
    return s


def _check_distinct(T: np.ndarray) -> None:
    size = np.sqrt(np.diag(T))
    values, vectors = np.linalg.eigh(T / np.outer(size, size))
    if values[0] < ALIKE:
        alike = ", ".join(map(str, np.flatnonzero(np.abs(vectors[:, 0]) > 1e-3)))
        raise ModelError(f"covariance components {alike} cannot be told apart by this design; leave one out")


def _climb(
    stacks: Sequence[_Stack], tables: Sequence[np.ndarray], s: np.ndarray, weight: float
) -> tuple[np.ndarray, _State]:
    """Newton steps with the average information, inside the cones."""
    state = _evaluate(stacks, s)
    for _ in range(STEPS):
        value, gradient, curvature = _barrier(tables, s)
        slope = state.gradient + weight * gradient
        step = np.linalg.solve(state.information + weight * curvature, slope)
        if slope @ step < SETTLED:
            return s, state
        s, state = _shorten(stacks, tables, s, step, state.deviance + weight * value, weight)
    raise ModelError(f"{len(s)} covariance components did not settle; fit a simpler covariance")


def _shorten(
    stacks: Sequence[_Stack], tables: Sequence[np.ndarray], s: np.ndarray, step: np.ndarray, best: float, weight: float
) -> tuple[np.ndarray, _State]:
    """Halve a step until it stays inside and the criterion falls."""
    for _ in range(60):
        tried = s - step
        if min(np.linalg.eigvalsh(tried[table])[0] for table in tables) > 0:
            state = _evaluate(stacks, tried)
            if state.deviance + weight * _barrier(tables, tried)[0] < best + 1e-10 * abs(best):
                return tried, state
        step = step / 2
    raise ModelError(f"{len(s)} covariance components: no step improves the fit; simplify the covariance")


def _barrier(tables: Sequence[np.ndarray], s: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Minus log determinant of every cone, its gradient and curvature in the components."""
    value, gradient, curvature = 0.0, np.zeros(len(s)), np.zeros((len(s), len(s)))
    for table in tables:
        inverse = np.linalg.inv(s[table])
        units = (table == np.unique(table)[:, None, None]).astype(float)
        moved, at = inverse @ units, np.unique(table)
        value -= np.linalg.slogdet(s[table])[1]
        gradient[at] -= np.einsum("kii->k", moved)
        curvature[np.ix_(at, at)] += np.einsum("kij,lji->kl", moved, moved)
    return float(value), gradient, curvature


def _evaluate(stacks: Sequence[_Stack], s: np.ndarray) -> _State:
    K, m = len(s), stacks[0].E.shape[2]
    logdet, cross, t, T = 0.0, np.zeros((m, m)), np.zeros(K), np.zeros((K, K))
    P, C = np.zeros((K, m, m)), np.zeros((K, K, m, m))
    for stack in stacks:
        V = np.einsum("k,bkij->bij", s, stack.K)
        inverse = np.linalg.inv(V)
        VE, VK = inverse @ stack.E, inverse[:, None] @ stack.K
        KVE = stack.K @ VE[:, None]
        logdet += np.linalg.slogdet(V)[1].sum()
        cross += np.einsum("bij,bil->jl", stack.E, VE)
        t += np.einsum("bkii->k", VK)
        T += np.einsum("bkij,blji->kl", VK, VK, optimize=True)
        P += np.einsum("bij,bkil->kjl", VE, KVE, optimize=True)
        C += np.einsum("bkij,blim->kljm", KVE, inverse[:, None] @ KVE, optimize=True)
    vcov = np.linalg.inv(cross[:-1, :-1])
    beta = vcov @ cross[:-1, -1]
    c = np.append(-beta, 1.0)
    deviance = logdet - np.linalg.slogdet(vcov)[1] + c @ cross @ c
    inner, reach = P[:, :-1, :-1], P[:, :-1] @ c
    gradient = t - np.einsum("ij,kji->k", vcov, inner) - c @ P @ c
    information = np.einsum("i,klij,j->kl", c, C, c) - reach @ vcov @ reach.T
    return _State(float(deviance), beta, vcov, gradient, information, T, inner, C[:, :, :-1, :-1])
