"""Linear algebra of crossed and nested random effects, without a matrix of all effects.

The matrix is ``H = I + sum_i w_i z_i z_i'``, where row i touches one level of each block. The largest block is
diagonal on its own; blocks in which it is nested stay diagonal after it is eliminated, so this chain costs a few
passes over the rows. What is left (`rest`) is the Schur complement, which falls apart by site where sites share no
levels (`joyeval.models.linear_mixed.blocks`). Between the chain and the rest only pairs of levels that share a row are
stored, and elimination adds no others.

References
----------
Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), 1-48, doi:10.18637/jss.v067.i01 (the same system,
solved there by a general sparse Cholesky factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from joyeval.models.linear_mixed import Cut, Inverse, Partition, Term, invert, partition

if TYPE_CHECKING:
    from collections.abc import Sequence

Weight = np.ndarray | float
CHUNK = 4_000_000  # numbers held at once while a product is read off at the stored pairs
MOST_COUPLES = 20_000_000  # couples of stored pairs at one level that are listed; with more, matrices are multiplied


@dataclass(frozen=True, eq=False)
class Block:
    """One column of random effects: the level that each row belongs to, shape (n,), and how many levels there are."""

    index: np.ndarray
    size: int

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum of row values per level, shape (size,)."""
        return np.bincount(self.index, values, minlength=self.size)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs (level of a chain block, column of the rest) that share a row, sorted; `at_rows` finds each row's pair."""

    level: np.ndarray
    column: np.ndarray
    at_rows: dict[int, np.ndarray]
    size: int
    width: int

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each level's pairs start, and where the last one's end."""
        return np.searchsorted(self.level, np.arange(self.size + 1))

    def couples(self) -> tuple[np.ndarray, np.ndarray]:
        """Every couple of pairs at one level."""
        own = np.diff(self.starts)[self.level]
        left = np.repeat(np.arange(len(own)), own)
        ahead = np.arange(len(left)) - np.repeat(np.cumsum(own) - own, own)
        return left, self.starts[self.level[left]] + ahead

    @cached_property
    def n_couples(self) -> int:
        """Number of such couples."""
        return int((np.diff(self.starts).astype(float) ** 2).sum())

    def table(self, values: np.ndarray) -> csr_array:
        """Return the pairs' values as a sparse table, levels by columns."""
        return csr_array((values, self.column, self.starts), shape=(self.size, self.width))


@dataclass(frozen=True, eq=False)
class Layout:
    """Which block is eliminated when.

    Parameters
    ----------
    blocks : tuple of Block
        As the model names them.
    chain, rest : tuple of int
        Blocks eliminated in this order (each nested in the next), and those left.
    maps : dict
        ``maps[e, f]``: the level of f that holds each level of e, for e before f in the chain.
    columns : dict
        Position of each row's level among the columns of the rest, per block of `rest`.
    pairs : dict
        The stored pairs of each block of the chain.
    lifts : dict
        ``lifts[e, f]``: which pair of f each pair of e falls into.
    parts : Partition
        How the columns of the rest fall apart.
    """

    blocks: tuple[Block, ...]
    chain: tuple[int, ...]
    rest: tuple[int, ...]
    maps: dict[tuple[int, int], np.ndarray]
    columns: dict[int, np.ndarray]
    pairs: dict[int, Pairs]
    lifts: dict[tuple[int, int], np.ndarray]
    parts: Partition

    @cached_property
    def n_rest(self) -> int:
        """Number of columns of the rest."""
        return sum(self.blocks[k].size for k in self.rest)

    @cached_property
    def n_own(self) -> int:
        """Number of entries kept within blocks and border; those between them follow."""
        return sum(bucket.size * bucket.shape[1] for bucket in self.parts.buckets) + self.parts.border.size**2

    @cached_property
    def n_cells(self) -> int:
        """Number of entries kept."""
        return self.n_own + sum(bucket.size for bucket in self.parts.buckets) * self.parts.border.size

    def cell(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Where entries of the rest are kept."""
        parts = self.parts
        inner, outer = np.where(parts.block[row] >= 0, (row, column), (column, row))
        within = parts.start[row] + parts.local[column]
        between = self.n_own + parts.side[inner] + parts.local[outer]
        return np.where(parts.block[row] == parts.block[column], within, between)

    @cached_property
    def at_rows(self) -> dict[tuple[int, int], np.ndarray]:
        """Where the entry between each row's levels of two blocks of the rest is kept."""
        return {(k, j): self.cell(self.columns[k], self.columns[j]) for k, j in product(self.rest, repeat=2)}

    @cached_property
    def couples(self) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Couples of stored pairs at one level, and where the entry between their columns is kept."""
        found = {}
        for e, pairs in self.pairs.items():
            if pairs.n_couples <= MOST_COUPLES:
                left, right = pairs.couples()
                found[e] = left, right, self.cell(pairs.column[left], pairs.column[right])
        return found

    def later(self, e: int) -> tuple[int, ...]:
        """Blocks of the chain that are eliminated after e."""
        return self.chain[self.chain.index(e) + 1 :]

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Put the parts of the rest behind each other."""
        return np.concatenate([np.zeros(0), *(parts[k] for k in self.rest)])

    def split(self, dense: np.ndarray) -> dict[int, np.ndarray]:
        """Undo `join`."""
        ends = np.cumsum([self.blocks[k].size for k in self.rest])
        return dict(zip(self.rest, np.split(dense, ends[:-1]), strict=True)) if self.rest else {}


def layout(blocks: Sequence[Block]) -> Layout:
    """Choose the chain: the block with most levels, then every block that it is nested in."""
    order = sorted(range(len(blocks)), key=lambda k: -blocks[k].size)
    chain: list[int] = []
    maps: dict[tuple[int, int], np.ndarray] = {}
    for k in order:
        holders = {(e, k): _holder(blocks[e], blocks[k]) for e in chain}
        if all(holder is not None for holder in holders.values()):
            chain.append(k)
            maps |= holders
    rest = tuple(k for k in order if k not in chain)
    starts = np.cumsum([0, *(blocks[k].size for k in rest)])
    columns = {k: start + blocks[k].index for k, start in zip(rest, starts, strict=False)}
    pairs = {e: _pairs(blocks[e], columns, int(starts[-1])) for e in chain}
    lifts = {(e, f): _lift(pairs[e], pairs[f], maps[e, f], int(starts[-1])) for e, f in maps}
    parts = _parts(pairs[chain[-1]], [blocks[k] for k in rest]) if chain else partition(csr_array((0, 0)), [])
    return Layout(tuple(blocks), tuple(chain), rest, maps, columns, pairs, lifts, parts)


def _parts(pairs: Pairs, rest: Sequence[Block]) -> Partition:
    table = pairs.table(np.ones(len(pairs.level)))
    return partition(table.T @ table, [Term("", block.index, block.size) for block in rest])


def _holder(inner: Block, outer: Block) -> np.ndarray | None:
    """Find the level of `outer` that holds each level of `inner`, if one does."""
    holder = np.zeros(inner.size, dtype=np.intp)
    holder[inner.index] = outer.index
    return holder if np.array_equal(holder[inner.index], outer.index) else None


def _pairs(block: Block, columns: dict[int, np.ndarray], width: int) -> Pairs:
    keys = [block.index * width + column for column in columns.values()]
    stored, at_rows = np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *keys]), return_inverse=True)
    level, column = np.divmod(stored, max(width, 1))
    parts = np.split(at_rows, len(columns)) if columns else []
    return Pairs(level, column, dict(zip(columns, parts, strict=True)), block.size, width)


def _lift(inner: Pairs, outer: Pairs, holder: np.ndarray, width: int) -> np.ndarray:
    return np.searchsorted(outer.level * width + outer.column, holder[inner.level] * width + inner.column)


@dataclass(frozen=True, eq=False)
class Factor:
    """H after elimination: pivots of the chain, couplings to what comes later, inverse of the rest."""

    layout: Layout
    pivots: dict[int, np.ndarray]
    couplings: dict[tuple[int, int], np.ndarray]
    tables: dict[int, csr_array]
    core: Inverse

    @cached_property
    def logdet(self) -> float:
        """Logarithm of the determinant of H."""
        return float(sum(np.log(a).sum() for a in self.pivots.values()) + self.core.logdet)

    def solve(self, right: Sequence[np.ndarray]) -> list[np.ndarray]:
        """H^-1 times one vector, given and returned per block."""
        # forward through the chain into the rest, the rest by its inverse, and back through the chain
        lay, r = self.layout, [part.copy() for part in right]
        rest = lay.join(r)
        for e in lay.chain:
            scaled = r[e] / self.pivots[e]
            for f in lay.later(e):
                r[f] -= np.bincount(lay.maps[e, f], self.couplings[e, f] * scaled, minlength=len(r[f]))
            rest -= self.tables[e].T @ scaled
        rest = self.core.times(rest[:, None])[:, 0]
        for k, part in lay.split(rest).items():
            r[k] = part
        for e in reversed(lay.chain):
            known = self.tables[e] @ rest + sum(self.couplings[e, f] * r[f][lay.maps[e, f]] for f in lay.later(e))
            r[e] = (r[e] - known) / self.pivots[e]
        return r

    def at_levels(self, k: int, j: int) -> np.ndarray:
        """Entries of H^-1 between blocks k and j of the same factor (or one block and itself), one per level."""
        columns = self.layout.split(np.arange(self.layout.n_rest))
        if k in columns:
            return self._inverse_core[self.layout.cell(columns[k], columns[j])]
        return self._inverse_chain[tuple(sorted((k, j), key=self.layout.chain.index))]

    def at_rows(self, z: Sequence[Weight]) -> list[np.ndarray]:
        """For each block, the entry of ``H^-1 z_i`` at the level that row i belongs to, shape (n,) each."""
        blocks = range(len(self.layout.blocks))
        return [sum(self._between(k, j) * z[j] for j in blocks) for k in blocks]

    def _between(self, k: int, j: int) -> np.ndarray:
        """Entry of H^-1 between the levels of blocks k and j that each row belongs to."""
        lay = self.layout
        if k in lay.columns and j in lay.columns:
            return self._inverse_core[lay.at_rows[k, j]]
        if j in lay.columns:
            return self._inverse_pairs[k][lay.pairs[k].at_rows[j]]
        if k in lay.columns:
            return self._inverse_pairs[j][lay.pairs[j].at_rows[k]]
        low, high = sorted((k, j), key=lay.chain.index)
        return self._inverse_chain[low, high][lay.blocks[low].index]

    @cached_property
    def _inverse_core(self) -> np.ndarray:
        """Entries of H^-1 among the rest, where `Layout.cell` says."""
        return np.concatenate((self.core.cut.own, self.core.cut.sides))

    @cached_property
    def _inverse_pairs(self) -> dict[int, np.ndarray]:
        """Entries of H^-1 at the stored pairs."""
        # H^-1 from its factor, the other way round (Takahashi): row e of H H^-1 = I, solved for the entries of e from
        # those of what was eliminated after it. Only entries where H itself has some are needed, so only they are had.
        lay, found = self.layout, {}
        for e in reversed(lay.chain):
            pairs = lay.pairs[e]
            known = self._times_core(e)
            for f in lay.later(e):
                known = known + self.couplings[e, f][pairs.level] * found[f][lay.lifts[e, f]]
            found[e] = -known / self.pivots[e][pairs.level]
        return found

    def _times_core(self, e: int) -> np.ndarray:
        """Multiply the table of stored pairs by H^-1 among the rest; the product at the stored pairs."""
        pairs, values = self.layout.pairs[e], self.tables[e].data
        if e in self.layout.couples:
            left, right, cell = self.layout.couples[e]
            return np.bincount(left, values[right] * self._inverse_core[cell], minlength=len(values))
        core, found = self.core.cut.matrix(), []
        rows = max(1, CHUNK // pairs.width)
        for start in range(0, pairs.size, rows):
            here = slice(*np.searchsorted(pairs.level, (start, start + rows)))
            product_rows = self.tables[e][start : start + rows] @ core
            product_rows = product_rows if isinstance(core, np.ndarray) else product_rows.toarray()
            found.append(product_rows[pairs.level[here] - start, pairs.column[here]])
        return np.concatenate(found)

    @cached_property
    def _inverse_chain(self) -> dict[tuple[int, int], np.ndarray]:
        """Entries of H^-1 between each level of a block of the chain and the levels that hold it."""
        lay, found = self.layout, {}
        for e in reversed(lay.chain):
            for g in lay.later(e):
                known = self._row_products(e, self._inverse_pairs[g][lay.lifts[e, g]])
                for f in lay.later(e):
                    low, high = sorted((f, g), key=lay.chain.index)
                    known = known + self.couplings[e, f] * found[low, high][lay.maps[e, low]]
                found[e, g] = -known / self.pivots[e]
            known = self._row_products(e, self._inverse_pairs[e])
            known = known + sum(self.couplings[e, f] * found[e, f] for f in lay.later(e))
            found[e, e] = (1 - known) / self.pivots[e]
        return found

    def _row_products(self, e: int, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.layout.pairs[e].level, self.tables[e].data * values, minlength=len(self.pivots[e]))


def factorise(lay: Layout, w: np.ndarray, z: Sequence[Weight]) -> Factor:
    """Eliminate ``H = I + sum_i w_i z_i z_i'``.

    Parameters
    ----------
    w : ndarray, shape (n,)
        Weight of each row.
    z : sequence of ndarray (n,) or float
        The rows' entries, one per block.

    Raises
    ------
    numpy.linalg.LinAlgError
        H is not positive definite.
    """
    pivots = {e: 1 + lay.blocks[e].sum(w * z[e] ** 2) for e in lay.chain}
    couplings = {(e, f): lay.blocks[e].sum(w * z[e] * z[f]) for e, f in lay.maps}
    values = {e: _pair_sums(lay.pairs[e], w, z, e) for e in lay.chain}
    cells = _row_sums(lay, w, z)
    # Gauss elimination, finest block first. Each level of a block of the chain touches one level of every coarser one,
    # so that its pivot is a number and what it adds to the coarser pivots is a sum by holder: no fill-in in the chain.
    # Pivots are 1 + a sum of weights; they stay positive while H does, which is checked, not assumed (w may be < 0).
    for e in lay.chain:
        if not (pivots[e] > 0).all():
            raise np.linalg.LinAlgError("not positive definite")
        for f in lay.later(e):
            _eliminate(lay, e, f, pivots, couplings, values)
        cells -= _taken(lay, e, values[e], pivots[e])
    tables = {e: lay.pairs[e].table(values[e]) for e in lay.chain}
    own, sides = np.split(cells, [lay.n_own])
    core = invert(Cut(lay.parts, own, sides / 2), np.ones(lay.n_rest))  # sides were met from both ends
    return Factor(lay, pivots, couplings, tables, core)


def _eliminate(lay: Layout, e: int, f: int, pivots: dict, couplings: dict, values: dict) -> None:
    """Take block e out of block f and of what f is coupled to."""
    ratio, holder, size = couplings[e, f] / pivots[e], lay.maps[e, f], lay.blocks[f].size
    pivots[f] = pivots[f] - np.bincount(holder, ratio * couplings[e, f], minlength=size)
    for g in lay.later(f):
        couplings[f, g] = couplings[f, g] - np.bincount(holder, ratio * couplings[e, g], minlength=size)
    if lay.rest:
        taken = ratio[lay.pairs[e].level] * values[e]
        values[f] = values[f] - np.bincount(lay.lifts[e, f], taken, minlength=len(values[f]))


def _pair_sums(pairs: Pairs, w: np.ndarray, z: Sequence[Weight], e: int) -> np.ndarray:
    sums = (np.bincount(at, w * z[e] * z[k], minlength=len(pairs.level)) for k, at in pairs.at_rows.items())
    return sum(sums, start=np.zeros(len(pairs.level)))


def _row_sums(lay: Layout, w: np.ndarray, z: Sequence[Weight]) -> np.ndarray:
    """H less I among the rest, by cell; entries between blocks and border twice."""
    sums = (np.bincount(at, w * z[k] * z[j], minlength=lay.n_cells) for (k, j), at in lay.at_rows.items())
    return sum(sums, start=np.zeros(lay.n_cells))


def _taken(lay: Layout, e: int, values: np.ndarray, pivots: np.ndarray) -> np.ndarray:
    """Find what block e takes from the rest, by cell; entries between blocks and border twice."""
    scaled = values / pivots[lay.pairs[e].level]
    if e in lay.couples:
        left, right, cell = lay.couples[e]
        return np.bincount(cell, scaled[left] * values[right], minlength=lay.n_cells)
    cut = lay.parts.cut((lay.pairs[e].table(values).T @ lay.pairs[e].table(scaled)).tocsr())
    return np.concatenate((cut.own, 2 * cut.sides))
