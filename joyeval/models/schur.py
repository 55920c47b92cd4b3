"""Linear algebra of crossed and nested random effects, without a matrix of all effects.

The matrix is ``H = I + sum_i w_i z_i z_i'``, where row i touches one level of each block. The largest block is
diagonal on its own; blocks in which it is nested stay diagonal after it is eliminated, so this chain costs a few
passes over the rows. Only what is left (`rest`) is a dense matrix, the Schur complement; between the chain and the
rest only pairs of levels that share a row are stored, and elimination adds no others.

References
----------
Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), 1-48, doi:10.18637/jss.v067.i01 (the same system,
solved there by a general sparse Cholesky factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_solve
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from collections.abc import Sequence

Weight = np.ndarray | float
CHUNK = 4_000_000  # numbers held at once while a product is read off at the stored pairs


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
    """Pairs (level of a chain block, dense column) that share a row, sorted; `at_rows` finds each row's pair."""

    level: np.ndarray
    column: np.ndarray
    at_rows: dict[int, np.ndarray]

    def table(self, values: np.ndarray, shape: tuple[int, int]) -> csr_array:
        """Return the pairs' values as a sparse table."""
        starts = np.searchsorted(self.level, np.arange(shape[0] + 1))
        return csr_array((values, self.column, starts), shape=shape)


@dataclass(frozen=True, eq=False)
class Layout:
    """Which block is eliminated when.

    Parameters
    ----------
    blocks : tuple of Block
        As the model names them.
    chain, rest : tuple of int
        Blocks eliminated in this order (each nested in the next), and those kept dense.
    maps : dict
        ``maps[e, f]``: the level of f that holds each level of e, for e before f in the chain.
    columns : dict
        Position of each row's level among the dense columns, per block of `rest`.
    pairs : dict
        The stored pairs of each block of the chain.
    lifts : dict
        ``lifts[e, f]``: which pair of f each pair of e falls into.
    """

    blocks: tuple[Block, ...]
    chain: tuple[int, ...]
    rest: tuple[int, ...]
    maps: dict[tuple[int, int], np.ndarray]
    columns: dict[int, np.ndarray]
    pairs: dict[int, Pairs]
    lifts: dict[tuple[int, int], np.ndarray]

    @cached_property
    def n_rest(self) -> int:
        """Number of dense columns."""
        return sum(self.blocks[k].size for k in self.rest)

    def later(self, e: int) -> tuple[int, ...]:
        """Blocks of the chain that are eliminated after e."""
        return self.chain[self.chain.index(e) + 1 :]

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Put the dense blocks' parts behind each other."""
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
    return Layout(tuple(blocks), tuple(chain), rest, maps, columns, pairs, lifts)


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
    return Pairs(level, column, dict(zip(columns, parts, strict=True)))


def _lift(inner: Pairs, outer: Pairs, holder: np.ndarray, width: int) -> np.ndarray:
    return np.searchsorted(outer.level * width + outer.column, holder[inner.level] * width + inner.column)


@dataclass(frozen=True, eq=False)
class Factor:
    """H after elimination: pivots of the chain, couplings to what comes later, Cholesky factor of the rest."""

    layout: Layout
    pivots: dict[int, np.ndarray]
    couplings: dict[tuple[int, int], np.ndarray]
    tables: dict[int, csr_array]
    root: np.ndarray

    @cached_property
    def logdet(self) -> float:
        """Logarithm of the determinant of H."""
        return float(sum(np.log(a).sum() for a in self.pivots.values()) + 2 * np.log(np.diag(self.root)).sum())

    def solve(self, right: Sequence[np.ndarray]) -> list[np.ndarray]:
        """H^-1 times one vector, given and returned per block."""
        lay, r = self.layout, [part.copy() for part in right]
        dense = lay.join(r)
        for e in lay.chain:
            scaled = r[e] / self.pivots[e]
            for f in lay.later(e):
                r[f] -= np.bincount(lay.maps[e, f], self.couplings[e, f] * scaled, minlength=len(r[f]))
            dense -= self.tables[e].T @ scaled
        dense = cho_solve((self.root, True), dense) if lay.rest else dense
        for k, part in lay.split(dense).items():
            r[k] = part
        for e in reversed(lay.chain):
            known = self.tables[e] @ dense + sum(self.couplings[e, f] * r[f][lay.maps[e, f]] for f in lay.later(e))
            r[e] = (r[e] - known) / self.pivots[e]
        return r

    def at_levels(self, k: int, j: int) -> np.ndarray:
        """Entries of H^-1 between blocks k and j of the same factor (or one block and itself), one per level."""
        dense = self.layout.split(np.arange(self.layout.n_rest))
        if k in dense:
            return self._inverse_core[dense[k], dense[j]]
        return self._inverse_chain[tuple(sorted((k, j), key=self.layout.chain.index))]

    def at_rows(self, z: Sequence[Weight]) -> list[np.ndarray]:
        """For each block, the entry of ``H^-1 z_i`` at the level that row i belongs to, shape (n,) each."""
        blocks = range(len(self.layout.blocks))
        return [sum(self._between(k, j) * z[j] for j in blocks) for k in blocks]

    def _between(self, k: int, j: int) -> np.ndarray:
        """Entry of H^-1 between the levels of blocks k and j that each row belongs to."""
        lay = self.layout
        if k in lay.columns and j in lay.columns:
            return self._inverse_core[lay.columns[k], lay.columns[j]]
        if j in lay.columns:
            return self._inverse_pairs[k][lay.pairs[k].at_rows[j]]
        if k in lay.columns:
            return self._inverse_pairs[j][lay.pairs[j].at_rows[k]]
        low, high = sorted((k, j), key=lay.chain.index)
        return self._inverse_chain[low, high][lay.blocks[low].index]

    @cached_property
    def _inverse_core(self) -> np.ndarray:
        return cho_solve((self.root, True), np.eye(self.layout.n_rest)) if self.layout.rest else np.zeros((0, 0))

    @cached_property
    def _inverse_pairs(self) -> dict[int, np.ndarray]:
        """Entries of H^-1 at the stored pairs."""
        lay, found = self.layout, {}
        for e in reversed(lay.chain):
            pairs = lay.pairs[e]
            known = _product_at(self.tables[e], self._inverse_core, pairs)
            for f in lay.later(e):
                known += self.couplings[e, f][pairs.level] * found[f][lay.lifts[e, f]]
            found[e] = -known / self.pivots[e][pairs.level]
        return found

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
    core = _core(lay, w, z)
    tables = {}
    for e in lay.chain:
        if not (pivots[e] > 0).all():
            raise np.linalg.LinAlgError("not positive definite")
        for f in lay.later(e):
            _eliminate(lay, e, f, pivots, couplings, values)
        tables[e] = lay.pairs[e].table(values[e], (lay.blocks[e].size, lay.n_rest))
        scaled = lay.pairs[e].table(values[e] / pivots[e][lay.pairs[e].level], tables[e].shape)
        core -= (tables[e].T @ scaled).toarray()
    return Factor(lay, pivots, couplings, tables, np.linalg.cholesky(core))


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


def _core(lay: Layout, w: np.ndarray, z: Sequence[Weight]) -> np.ndarray:
    """H among the dense columns."""
    m = lay.n_rest
    core = np.zeros(m * m)
    for k, j in combinations_with_replacement(lay.rest, 2):
        half = 0.5 if k == j else 1.0
        core += np.bincount(lay.columns[k] * m + lay.columns[j], half * w * z[k] * z[j], minlength=m * m)
    core = core.reshape(m, m)
    return core + core.T + np.eye(m)


def _product_at(table: csr_array, core: np.ndarray, pairs: Pairs) -> np.ndarray:
    """``table @ core`` at the stored pairs, some rows of the product at a time."""
    rows = max(1, CHUNK // max(core.shape[0], 1))
    found = []
    for start in range(0, table.shape[0], rows):
        here = slice(*np.searchsorted(pairs.level, (start, start + rows)))
        product = table[start : start + rows] @ core
        found.append(product[pairs.level[here] - start, pairs.column[here]])
    return np.concatenate(found)
