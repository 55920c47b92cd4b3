"""Integrate the random effects out of sums of products: the arithmetic under the Gaussian mixed model.

V0 = W^-1 + Z S Z' (the covariance in units of the residual variance). The first term, the one with most levels,
is eliminated level by level; the others by the blocks into which their Schur complement falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.models.linear_mixed.blocks import Cut, Inverse, invert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.linear_mixed.gram import Gram
    from joyeval.models.linear_mixed.terms import Term

TINY = 1e-5  # relative standard deviation that stands in for 0 where it is divided by


@dataclass(frozen=True, eq=False)
class Solved:
    """V0^-1 (V0 = V / sigma^2) seen through the columns E = [Q, y] and the levels of each term.

    `cross` = E'V0^-1E and `logdet` = log|V0|; per term `R` (levels, q, p + 1) = Z'V0^-1E and `A` (q, q) the sum
    over levels of Z'V0^-1Z, with Z the columns of one level. The rest is the elimination itself: of the first term
    `T` (S^-1 + N)^-1 and `keep` (I + NS)^-1 by level, and of the others together.
    """

    g: Gram
    Ls: Sequence[np.ndarray]
    logdet: float
    cross: np.ndarray
    A: tuple[np.ndarray, ...]
    R: tuple[np.ndarray, ...]
    T: np.ndarray
    keep: np.ndarray
    rest: _Rest | None

    def by_level(self) -> tuple[np.ndarray, ...]:
        """Return Z'V0^-1Z of every level, (levels, q, q) per term."""
        own = self.keep @ self.g.products[0]
        if self.rest is None:
            return (own,)
        cut = self.rest.inverse.cut
        if self.g.pairs is not None:
            taken = self.keep**2 * self.g.pairs.by_level(cut)[:, None, None]
        else:
            taken = _level_blocks(scale_levels(self.keep, self.g.F), cut, own.shape[1])
        return own - taken, *self.rest.by_level(self.g.terms[1:], self.Ls[1:])

    def between(self, effects: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Return Z'V0^-1Z times `effects`, both (levels, q, columns) per term."""
        g, first = self.g, effects[0]
        here = g.products[0] @ first
        if self.rest is None:
            return (self.keep @ here,)
        others = np.concatenate([flat(x) for x in effects[1:]])
        here = here + (g.F @ others).reshape(first.shape)
        there = g.F.T @ flat(first) + g.D @ others - g.F.T @ flat(self.T @ here)
        B = self.rest.inverse.times(there)
        here = self.keep @ (here - (g.F @ B).reshape(first.shape))
        return here, *split(g.terms[1:], there - self.rest.N.times(B))


def solve(g: Gram, Ls: Sequence[np.ndarray]) -> Solved:
    """Eliminate the random terms with relative covariance factors `Ls`, (q, q) lower triangular, one per term."""
    # Woodbury, in the form that allows S = 0: V0^-1 = W - WZ (S^-1 + Z'WZ)^-1 Z'W with (S^-1 + N)^-1 written as
    # L (I + L'NL)^-1 L', whose inner matrix is at least I. First the largest term, level by level; what is left of the
    # others is their Schur complement, D - F'TF, and the same step again. Nothing of size n is formed.
    N, E = g.products[0], g.sums[0]
    T, logdet = _pivot(N, Ls[0])
    keep = np.eye(len(Ls[0])) - N @ T
    cross = g.cross - flat(E).T @ flat(T @ E)
    A = np.einsum("gij,gjk->ik", keep, N)
    if g.F is None:
        return Solved(g, Ls, logdet, cross, (A,), (keep @ E,), T, keep, None)
    rest = _eliminate_rest(g, Ls, T)
    if g.pairs is not None:
        A -= g.pairs.trace(keep.ravel() ** 2, rest.inverse.cut)
    else:
        A -= _quadratic(scale_levels(keep, g.F), rest.inverse.cut, len(A))
    A_rest = [blocks.sum(axis=0) for blocks in rest.by_level(g.terms[1:], Ls[1:])]
    R = keep @ (E - (g.F @ rest.B).reshape(E.shape))
    return Solved(g, Ls, logdet + rest.logdet, cross - rest.cross, (A, *A_rest), (R, *rest.R), T, keep, rest)


def _pivot(N: np.ndarray, L: np.ndarray) -> tuple[np.ndarray, float]:
    """(S^-1 + N)^-1 of each level, without inverting S = LL', and the sum of log|I + NS|."""
    H = L.T @ N @ L + np.eye(len(L))
    if len(L) == 1:
        return L**2 / H, float(np.log(H).sum())
    return L @ np.linalg.inv(H) @ L.T, float(np.linalg.slogdet(H)[1].sum())


@dataclass(frozen=True, eq=False)
class _Rest:
    """The terms after the first, with that one integrated out.

    `N` = Z'V1^-1Z (columns of all these terms), `inverse` T = (S^-1 + N)^-1, `B` = T Z'V1^-1E, `cross` what they
    take off E'V0^-1E.
    """

    logdet: float
    cross: np.ndarray
    N: Cut
    inverse: Inverse
    B: np.ndarray
    R: tuple[np.ndarray, ...]

    def by_level(self, terms: Sequence[Term], Ls: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Blocks of N - N T N = S^-1 - S^-1 T S^-1, by level."""
        cut, blocks, at = self.inverse.cut, [], 0
        for term, L in zip(terms, Ls, strict=True):
            rows = at + np.arange(term.n_levels * term.q).reshape(term.n_levels, term.q)
            at += rows.size
            T = cut.own[cut.of.start[rows][:, :, None] + cut.of.local[rows][:, None, :]]
            # N - NTN loses all digits where T is nearly N^-1; S^-1 - S^-1 T S^-1 is the same and does not
            inverse = np.linalg.inv(_lifted(L))
            blocks.append(inverse.T @ (np.eye(term.q) - inverse @ T @ inverse.T) @ inverse)
        return blocks


def _eliminate_rest(g: Gram, Ls: Sequence[np.ndarray], T1: np.ndarray) -> _Rest:
    terms = g.terms[1:]
    E = np.concatenate([flat(s) for s in g.sums[1:]]) - g.F.T @ flat(T1 @ g.sums[0])
    N = g.pairs.less(T1.ravel()) if g.pairs is not None else g.parts.cut(g.D - g.F.T @ scale_levels(T1, g.F))
    inverse = invert(N, _factor(terms, [_lifted(L) for L in Ls[1:]]))
    B = inverse.times(E)
    return _Rest(inverse.logdet, E.T @ B, N, inverse, B, split(terms, E - N.times(B)))


def _lifted(L: np.ndarray) -> np.ndarray:
    """L with no 0 on its diagonal, so that it can be inverted; the change is beyond the digits of the data."""
    diagonal = np.diag(L)
    return L + np.diag(np.where(np.abs(diagonal) < TINY, np.copysign(TINY, diagonal) - diagonal, 0.0))


def _factor(terms: Sequence[Term], Ls: Sequence[np.ndarray]) -> Any:
    """Return the block-diagonal factor of all these terms, as a vector where it is diagonal."""
    if all(term.q == 1 for term in terms):
        return np.repeat([L[0, 0] for L in Ls], [term.n_levels for term in terms])
    from scipy import sparse

    return sparse.block_diag([sparse.kron(sparse.eye_array(t.n_levels), L) for t, L in zip(terms, Ls, strict=True)])


def split(terms: Sequence[Term], X: np.ndarray) -> tuple[np.ndarray, ...]:
    """Cut rows of the terms, one after the other, into (levels, q, columns) each."""
    ends = np.cumsum([term.n_levels * term.q for term in terms])[:-1]
    return tuple(x.reshape(t.n_levels, t.q, -1) for t, x in zip(terms, np.split(X, ends), strict=True))


def scale_levels(T: np.ndarray, F: Any) -> Any:
    """Return block-diagonal T (levels, q, q) times F, which is dense or sparse."""
    from scipy import sparse

    levels, q, _ = T.shape
    if isinstance(F, np.ndarray):
        return flat(T @ F.reshape(levels, q, -1))
    return sparse.bsr_array((T, np.arange(levels), np.arange(levels + 1))).tocsr() @ F


def _quadratic(F: Any, T: Cut, q: int) -> np.ndarray:
    """Sum over levels of F T F', (q, q), as the products of T with F'F; F is dense or sparse."""
    out = np.empty((q, q))
    for i in range(q):
        for j in range(i + 1):
            products = F[i::q].T @ F[j::q]
            out[i, j] = out[j, i] = T.of.cut((products + products.T) / 2 if i != j else products).trace(T)
    return out


def _level_blocks(F: Any, T: Cut, q: int) -> np.ndarray:
    """F T F' within each level, (levels, q, q); F is dense or sparse."""
    FT = F @ T.matrix()
    if isinstance(F, np.ndarray):
        shape = (len(F) // q, q, -1)
        return FT.reshape(shape) @ F.reshape(shape).transpose(0, 2, 1)
    pairs = [[F[i::q].multiply(FT[j::q]).sum(axis=1) for j in range(q)] for i in range(q)]
    return np.array(pairs).transpose(2, 0, 1)


def flat(X: np.ndarray) -> np.ndarray:
    """Stack the levels of (levels, q, columns)."""
    return X.reshape(-1, X.shape[-1])


def dense(X: Any) -> np.ndarray:
    """Return a matrix as an array, whether it is kept sparse or not."""
    return X if isinstance(X, np.ndarray) else X.toarray()
