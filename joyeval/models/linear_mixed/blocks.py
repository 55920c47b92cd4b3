"""Crossed effects that fall apart into blocks: solve each block, then the border that ties them together.

Once the first term is integrated out, columns of the other terms are tied only where a level of the first touches
both. Effects that are nested in one site, trust or rating group then form blocks, and only the few columns that
cross them (the border) need one dense matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.linear_mixed.terms import Term

MOST_PAIRS = 40_000_000  # products of columns, over all levels, that are listed (12 bytes each)
COPIED = 512  # rows below which a copy costs nothing
LARGE = 64  # rows from which Cholesky block by block is faster than a general inverse of the stack


@dataclass(frozen=True, eq=False)
class Partition:
    """Where each of d columns goes.

    Parameters
    ----------
    buckets : tuple of ndarray (blocks, size)
        Columns of the blocks of one size each.
    border : ndarray (k,)
        Columns of the border.
    block : ndarray (d,)
        Number of the block, -1 for the border.
    start, local : ndarray (d,)
        Entry (i, j) within a block or within the border is kept at ``start[i] + local[j]``.
    side : ndarray (d,)
        Entry (i, j) of a block's row and a border's column is kept at ``side[i] + local[j]``.
    """

    buckets: tuple[np.ndarray, ...]
    border: np.ndarray
    block: np.ndarray
    start: np.ndarray
    local: np.ndarray
    side: np.ndarray

    def cut(self, X: Any) -> Cut:
        """Cut a symmetric matrix that has entries only within blocks and with the border."""
        if not self.buckets:
            return Cut(self, np.ravel(X if isinstance(X, np.ndarray) else X.toarray()), np.zeros(0))
        X = X.tocoo()
        row, column = X.coords
        own = np.zeros(sum(b.size * b.shape[1] for b in self.buckets) + self.border.size**2)
        same = self.block[row] == self.block[column]
        own[self.start[row[same]] + self.local[column[same]]] = X.data[same]
        sides = np.zeros(sum(b.size for b in self.buckets) * self.border.size)
        across = (self.block[row] >= 0) & (self.block[column] < 0)
        sides[self.side[row[across]] + self.local[column[across]]] = X.data[across]
        return Cut(self, own, sides)


@dataclass(frozen=True, eq=False)
class Cut:
    """The entries of a symmetric matrix that a `Partition` keeps."""

    of: Partition
    own: np.ndarray
    sides: np.ndarray

    def blocks(self) -> list[np.ndarray]:
        """Return the blocks, (blocks, size, size) per bucket."""
        return _views(self.own, [(*b.shape, b.shape[1]) for b in self.of.buckets])

    def aside(self) -> list[np.ndarray]:
        """Return the blocks' rows of the border's columns, (blocks, size, k) per bucket."""
        return _views(self.sides, [(*b.shape, self.of.border.size) for b in self.of.buckets])

    def squares(self) -> list[np.ndarray]:
        """Return the blocks, then the border's own matrix."""
        return [*self.blocks(), self.corner()]

    def corner(self) -> np.ndarray:
        """Return the border's own matrix, (k, k)."""
        k = self.of.border.size
        return self.own[self.own.size - k * k :].reshape(k, k)

    def matrix(self) -> Any:
        """Return the matrix: dense if all is border, else sparse."""
        from scipy import sparse

        if not self.of.buckets:
            return self.corner()
        border, d = self.of.border, len(self.of.block)
        squares = [*self.of.buckets, border[None]]
        rows = np.concatenate([np.repeat(b, b.shape[1], axis=1).ravel() for b in squares])
        columns = np.concatenate([np.tile(b, (1, b.shape[1])).ravel() for b in squares])
        inner = np.concatenate([b.ravel() for b in self.of.buckets])
        beside, across = np.repeat(inner, len(border)), np.tile(border, len(inner))
        where = np.concatenate([rows, beside, across]), np.concatenate([columns, across, beside])
        return sparse.coo_array((np.concatenate([self.own, self.sides, self.sides]), where), shape=(d, d)).tocsr()

    def times(self, X: np.ndarray) -> np.ndarray:
        """Return the matrix times X (d, columns)."""
        border = self.of.border
        if not self.of.buckets:
            return self.corner() @ X
        out = np.zeros_like(X)
        out[border] = self.corner() @ X[border]
        for bucket, block, side in zip(self.of.buckets, self.blocks(), self.aside(), strict=True):
            out[bucket] = block @ X[bucket] + side @ X[border]
            out[border] += np.tensordot(side, X[bucket], axes=([0, 1], [0, 1]))
        return out

    def trace(self, other: Cut) -> float:
        """Return the trace of the product with another such matrix."""
        return float(self.own @ other.own + 2 * self.sides @ other.sides)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sums over levels g of w_g f_g f_g', for weights that change while the vectors f_g do not.

    Each f_g touches few columns, so that its products are listed once: a sum is then one sparse matrix times the
    weights, linear in the rows of the data, where multiplying F' diag(w) F anew costs ten times as much.

    Parameters
    ----------
    of : Partition
    own, sides : sparse matrix (entries of a `Cut`, levels)
        Products of each level; of `own` those with row <= column only.
    twice : ndarray
        How often an entry of `own` stands in the symmetric matrix.
    rest : Cut
        What is added to the sums.
    """

    of: Partition
    own: Any
    sides: Any
    twice: np.ndarray
    rest: Cut

    def less(self, weights: np.ndarray) -> Cut:
        """Return `rest` less the weighted sum."""
        own = self.own @ weights
        for square in Cut(self.of, own, np.zeros(0)).squares():
            square += square.swapaxes(-1, -2).copy()
        return Cut(self.of, self.rest.own - own * (self.twice / 2), self.rest.sides - self.sides @ weights)

    def trace(self, weights: np.ndarray, T: Cut) -> float:
        """Return the trace of the weighted sum with a symmetric matrix, sum_g w_g f_g' T f_g."""
        return float(weights @ self.by_level(T))

    def by_level(self, T: Cut) -> np.ndarray:
        """Return f_g' T f_g of every level."""
        return (self.twice * T.own) @ self.own + 2 * (T.sides @ self.sides)


def pairs(F: Any, D: Any, of: Partition) -> Pairs | None:
    """List the products of each row of F (levels, d) for `Pairs`; none where they are too many to keep."""
    from scipy import sparse

    F = F.tocsr()
    size = np.diff(F.indptr)
    if (size.astype(float) ** 2).sum() > MOST_PAIRS:
        return None
    ahead = np.repeat(F.indptr[1:], size) - np.arange(F.nnz)  # each entry with itself and those after it in its row
    first = np.repeat(np.arange(F.nnz, dtype=np.int32), ahead)
    second = np.arange(len(first), dtype=np.int32) - np.repeat((np.cumsum(ahead) - ahead).astype(np.int32), ahead)
    second += first
    level = np.repeat(np.arange(len(size), dtype=np.int32), size)[first]
    i, j, value, rest = F.indices[first], F.indices[second], F.data[first] * F.data[second], of.cut(D)
    same = np.ones(len(i), dtype=bool)
    if of.buckets:
        swap, same = of.block[i] < of.block[j], of.block[i] == of.block[j]
        i, j = np.where(swap, j, i), np.where(swap, i, j)  # the border second
    tables = [
        sparse.csr_array((value[here], (start[i[here]] + of.local[j[here]], level[here])), shape=(cells, len(size)))
        for here, start, cells in ((same, of.start, rest.own.size), (~same, of.side, rest.sides.size))
    ]
    twice = np.full(rest.own.size, 2.0)
    twice[of.start + of.local] = 1.0
    return Pairs(of, *tables, twice, rest)


def _views(values: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [values[end - np.prod(shape) : end].reshape(shape) for shape, end in zip(shapes, ends, strict=True)]


@dataclass(frozen=True, eq=False)
class Inverse:
    """T = (S^-1 + N)^-1 for S block-diagonal: `cut` its kept entries, and what it takes to multiply by it."""

    cut: Cut
    logdet: float  # log|I + N S|
    pivots: list[np.ndarray]
    reach: list[np.ndarray]  # pivot times side, per bucket

    def times(self, X: np.ndarray) -> np.ndarray:
        """Return T X for X (d, columns)."""
        partition, out = self.cut.of, np.empty_like(X)
        border = X[partition.border]
        for bucket, reach in zip(partition.buckets, self.reach, strict=True):
            border = border - np.tensordot(reach, X[bucket], axes=([0, 1], [0, 1]))
        out[partition.border] = self.cut.corner() @ border
        for bucket, pivot, reach in zip(partition.buckets, self.pivots, self.reach, strict=True):
            out[bucket] = pivot @ X[bucket] - reach @ out[partition.border]
        return out


def invert(N: Cut, L: Any) -> Inverse:
    """Invert S^-1 + N without inverting S = LL'.

    `L` is block-diagonal, a sparse matrix, or a vector (d,) where it is diagonal.
    """
    # Blocks first, each by itself: pivot P = (S^-1 + N_bb)^-1 and reach G = P N_bk. The border is then the small Schur
    # complement N_kk - sum N_kb G, and the blocks of the whole inverse follow by going back: P + G T_kk G'.
    partition = N.of
    *inner, outer = _factors(partition, L)
    pivots, reach, logdet, corner = [], [], 0.0, N.corner()
    for block, side, factor in zip(N.blocks(), N.aside(), inner, strict=True):
        pivot, log = _pivot(block, factor)
        pivots.append(pivot)
        reach.append(pivot @ side)
        logdet += log
        corner = corner - np.tensordot(side, reach[-1], axes=([0, 1], [0, 1]))
    last, log = _pivot(corner, outer)
    sides = [-g @ last for g in reach]
    own = [pivot - side @ g.swapaxes(1, 2) for pivot, side, g in zip(pivots, sides, reach, strict=True)]
    cut = Cut(partition, _joined([*own, last]), _joined(sides))
    return Inverse(cut, logdet + log, pivots, reach)


def _factors(partition: Partition, L: Any) -> list[np.ndarray]:
    """Cut L into one stack per bucket and the border's part; stacks of vectors where L is diagonal."""
    if isinstance(L, np.ndarray):
        return [*(L[bucket] for bucket in partition.buckets), L[partition.border]]
    cut = partition.cut(L)
    return [*cut.blocks(), cut.corner()]


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *map(np.ravel, arrays)])


def _pivot(N: np.ndarray, L: np.ndarray) -> tuple[np.ndarray, float]:
    """L (I + L'NL)^-1 L' and log|I + L'NL|, for one matrix or a stack of them."""
    if not L.any():
        return np.zeros_like(N), 0.0
    diagonal = L.ndim < N.ndim
    S = _between(N, L) if diagonal else L.swapaxes(-1, -2) @ N @ L
    rows = np.arange(S.shape[-1])
    S[..., rows, rows] += 1
    M, logdet = _inverse(S)
    return _between(M, L) if diagonal else L @ M @ L.swapaxes(-1, -2), logdet


def _between(M: np.ndarray, L: np.ndarray) -> np.ndarray:
    """L M L for a diagonal L, kept as its diagonal."""
    out = M * L[..., None]
    out *= L[..., None, :]
    return out


def _inverse(S: np.ndarray) -> tuple[np.ndarray, float]:
    """Invert a positive definite matrix, or a stack; `S` is overwritten."""
    if S.ndim > 2 and S.shape[-1] < LARGE:
        return np.linalg.inv(S), float(np.linalg.slogdet(S)[1].sum())
    if S.ndim > 2:
        each = [_inverse(block) for block in S]
        return np.stack([M for M, _ in each]), sum(log for _, log in each)
    from scipy.linalg import cholesky, lapack

    if not len(S):
        return S, 0.0
    # LAPACK wants columns together; the transpose of a large one has them so, and saves the copy
    chol = cholesky(S.T if len(S) >= COPIED else S, lower=True, overwrite_a=True, check_finite=False)
    logdet = 2 * float(np.log(np.diag(chol)).sum())
    M = lapack.dpotri(chol, lower=1, overwrite_c=1)[0].T  # its upper half is filled
    for start in range(0, len(M), LARGE):
        rows = slice(start, start + LARGE)
        square = M[rows, rows]
        M[rows, rows] = np.triu(square) + np.triu(square, 1).T
        M[start + LARGE :, rows] = M[rows, start + LARGE :].T
    return M, logdet


def partition(pattern: Any, terms: Sequence[Term]) -> Partition:
    """Choose the border that makes the work least: some of the smallest terms, or all of them.

    Parameters
    ----------
    pattern : sparse matrix (d, d)
        Where N has entries.
    terms : sequence of Term
        Whose columns these are, one after the other.
    """
    from scipy.sparse.csgraph import connected_components

    owner = np.repeat(np.arange(len(terms)), [term.n_levels * term.q for term in terms])
    smallest_first = np.argsort([term.n_levels * term.q for term in terms], kind="stable")
    best, block, cost = owner >= 0, np.full(len(owner), -1), float(len(owner)) ** 3
    for count in range(len(terms)):
        border = np.isin(owner, smallest_first[:count])
        inner = np.flatnonzero(~border)
        _, labels = connected_components(pattern[inner][:, inner], directed=False)
        sizes, k = np.bincount(labels), float(border.sum())
        work = (sizes.astype(float) ** 3).sum() + len(inner) * k**2 + k**3
        if work < cost:
            best, cost = border, work
            block = np.full(len(owner), -1)
            block[inner] = labels
    return arrange(block, best)


def arrange(block: np.ndarray, border: np.ndarray) -> Partition:
    """Lay out the blocks by size, then the border."""
    d, k = len(block), int(border.sum())
    start, local, side = np.zeros(d, dtype=int), np.zeros(d, dtype=int), np.zeros(d, dtype=int)
    sizes = np.bincount(block[~border], minlength=0)
    order = np.lexsort((np.arange(d), block))[k:]
    buckets, own, rows = [], 0, 0
    for size in np.unique(sizes):
        bucket = order[np.isin(block[order], np.flatnonzero(sizes == size))].reshape(-1, size)
        cells = np.arange(bucket.size).reshape(bucket.shape)
        local[bucket] = np.arange(size)
        start[bucket] = own + cells * size
        side[bucket] = (rows + cells) * k
        own, rows = own + bucket.size * size, rows + bucket.size
        buckets.append(bucket)
    columns = np.flatnonzero(border)
    local[columns] = np.arange(k)
    start[columns] = own + np.arange(k) * k
    return Partition(tuple(buckets), columns, block, start, local, side)
