"""Integrate the random effects out of sums of products: the arithmetic under the Gaussian mixed model.

V0 = W^-1 + Z S Z' (the covariance in units of the residual variance). The first term, the one with most levels,
is eliminated level by level; the others share one dense Cholesky factorisation of their Schur complement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.gram import Gram, Term

SMALL = 1e-3  # relative standard deviation below which dividing by it would lose digits


@dataclass(frozen=True, eq=False)
class Solved:
    """V0^-1 (V0 = V / sigma^2) seen through the columns E = [Q, y] and each level of each term.

    `cross` = E'V0^-1E, `logdet` = log|V0|; per term `A` (levels, q, q) = Z'V0^-1Z and `R` (levels, q, p + 1) =
    Z'V0^-1E, with Z the columns of one level.
    """

    logdet: float
    cross: np.ndarray
    A: tuple[np.ndarray, ...]
    R: tuple[np.ndarray, ...]


def solve(g: Gram, Ls: Sequence[np.ndarray]) -> Solved:
    """Eliminate the random terms with relative covariance factors `Ls`, (q, q) lower triangular, one per term."""
    N, E = g.products[0], g.sums[0]
    T, logdet = _pivot(N, Ls[0])
    keep = np.eye(Ls[0].shape[0]) - N @ T  # (I + N S)^-1
    cross = g.cross - _flat(E).T @ _flat(T @ E)
    if g.F is None:
        return Solved(logdet, cross, (keep @ N,), (keep @ E,))
    rest = _eliminate_rest(g, Ls, T)
    quad = _level_blocks(g.F, g.F @ rest.T, len(T))
    A = keep @ N - keep @ quad @ keep.transpose(0, 2, 1)
    R = keep @ (E - (g.F @ rest.B).reshape(E.shape))
    return Solved(logdet + rest.logdet, cross - rest.cross, (A, *rest.A), (R, *rest.R))


def _pivot(N: np.ndarray, L: np.ndarray) -> tuple[np.ndarray, float]:
    """(S^-1 + N)^-1 of each level, without inverting S = LL', and the sum of log|I + NS|."""
    H = L.T @ N @ L + np.eye(len(L))
    if len(L) == 1:
        return L**2 / H, float(np.log(H).sum())
    return L @ np.linalg.inv(H) @ L.T, float(np.linalg.slogdet(H)[1].sum())


@dataclass(frozen=True, eq=False)
class _Rest:
    """The terms after the first: `T` (S^-1 + N)^-1, `B` = T E, `cross` what they take off E'V0^-1E."""

    logdet: float
    cross: np.ndarray
    T: np.ndarray
    B: np.ndarray
    A: tuple[np.ndarray, ...]
    R: tuple[np.ndarray, ...]


def _eliminate_rest(g: Gram, Ls: Sequence[np.ndarray], T1: np.ndarray) -> _Rest:
    from scipy.linalg import cholesky, lapack

    terms, Ls = g.terms[1:], Ls[1:]
    TF = _scale_levels(T1, g.F)
    N = g.D - dense(g.F.T @ TF)
    E = np.concatenate([_flat(s) for s in g.sums[1:]]) - TF.T @ _flat(g.sums[0])
    S = _times(terms, [L.T for L in Ls], _times(terms, [L.T for L in Ls], N).T)
    chol = cholesky(S + np.eye(len(S)), lower=True)
    M = lapack.dpotri(chol, lower=1)[0]
    M = np.tril(M) + np.tril(M, -1).T
    T = _times(terms, Ls, _times(terms, Ls, M).T)
    B = T @ E
    R = _split(terms, E - N @ B)
    return _Rest(2 * float(np.log(np.diag(chol)).sum()), E.T @ B, T, B, _own_blocks(terms, Ls, N, T, M), R)


def _own_blocks(
    terms: Sequence[Term], Ls: Sequence[np.ndarray], N: np.ndarray, T: np.ndarray, M: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Diagonal blocks (levels, q, q) of N - N T N; by I - M = L'(N - N T N)L where no L is near 0."""
    if min(np.abs(np.diag(L)).min() for L in Ls) > SMALL:
        inverses = [np.linalg.inv(L) for L in Ls]
        blocks = zip(inverses, _diagonal_blocks(terms, M), strict=True)
        return tuple(i.T @ (np.eye(len(i)) - block) @ i for i, block in blocks)
    return _diagonal_blocks(terms, N - N @ T @ N)


def _diagonal_blocks(terms: Sequence[Term], X: np.ndarray) -> tuple[np.ndarray, ...]:
    out, at = [], 0
    for term in terms:
        rows = at + np.arange(term.n_levels * term.q).reshape(term.n_levels, term.q)
        out.append(X[rows[:, :, None], rows[:, None, :]])
        at += rows.size
    return tuple(out)


def _split(terms: Sequence[Term], X: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows of the terms, one after the other, as (levels, q, columns) each."""
    ends = np.cumsum([term.n_levels * term.q for term in terms])[:-1]
    return tuple(x.reshape(t.n_levels, t.q, -1) for t, x in zip(terms, np.split(X, ends), strict=True))


def _times(terms: Sequence[Term], small: Sequence[np.ndarray], X: np.ndarray) -> np.ndarray:
    """Multiply the rows of each level by the q x q matrix of its term."""
    return np.concatenate([_flat(m @ x) for m, x in zip(small, _split(terms, X), strict=True)])


def _scale_levels(T: np.ndarray, F: Any) -> Any:
    """Block-diagonal T (levels, q, q) times F, which is dense or sparse."""
    from scipy import sparse

    levels, q, _ = T.shape
    if isinstance(F, np.ndarray):
        return _flat(T @ F.reshape(levels, q, -1))
    return sparse.bsr_array((T, np.arange(levels), np.arange(levels + 1))).tocsr() @ F


def _level_blocks(F: Any, G: np.ndarray, levels: int) -> np.ndarray:
    """F G' within each level, (levels, q, q); F is dense or sparse."""
    q = F.shape[0] // levels
    if isinstance(F, np.ndarray):
        return F.reshape(levels, q, -1) @ G.reshape(levels, q, -1).transpose(0, 2, 1)
    pairs = [[F[i::q].multiply(G[j::q]).sum(axis=1) for j in range(q)] for i in range(q)]
    return np.array(pairs).transpose(2, 0, 1)


def _flat(X: np.ndarray) -> np.ndarray:
    return X.reshape(-1, X.shape[-1])


def dense(X: Any) -> np.ndarray:
    """Return a matrix as an array, whether it is kept sparse or not."""
    return X if isinstance(X, np.ndarray) else X.toarray()
