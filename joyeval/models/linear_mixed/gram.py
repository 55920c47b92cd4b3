"""What a Gaussian mixed model needs to know of its data: sums of products within groups.

The rows are read once. The likelihood is then a function of these sums, so that its cost depends on the
number of groups, not on the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.linear_mixed.blocks import Pairs, Partition, arrange, pairs, partition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.linear_mixed.terms import Term

DENSE_CELLS = 200_000  # a table of products up to this size, or filled to FILLED, is kept dense
FILLED = 0.1
CLOSE = 1e-6  # least eigenvalue of correlations between columns at which products lose too many digits


@dataclass(frozen=True, eq=False)
class Rows:
    """What gives rows independent residuals of equal variance: times `root`, then `own` x row - `lag` x previous row.

    All of shape (n,); `own`, `lag` and `previous` (an index) only where residuals are autocorrelated.
    """

    root: np.ndarray | None = None
    own: np.ndarray | None = None
    lag: np.ndarray | None = None
    previous: np.ndarray | None = None

    def scale(self, columns: np.ndarray) -> np.ndarray:
        """Apply the weights to columns (..., n)."""
        return columns if self.root is None else columns * self.root

    def whiten(self, columns: np.ndarray) -> np.ndarray:
        """Apply weights and autocorrelation to columns (..., n)."""
        columns = self.scale(columns)
        return columns if self.own is None else self.own * columns - self.lag * columns[..., self.previous]

    @property
    def log_determinant(self) -> float:
        """Return the sum of log scale factors."""
        return float(sum(np.log(factor).sum() for factor in (self.root, self.own) if factor is not None))


EQUAL = Rows()


@dataclass(frozen=True, eq=False)
class Gram:
    """Sums of products of [Q, y] and of the random columns, Q an orthonormal basis of the fixed columns.

    The first term is eliminated level by level; the others (`rest`) share one dense matrix. `products` holds,
    per term, Z'Z of each level (levels, q, q) and `sums` Z'[Q, y] (levels, q, p + 1); the last column is the
    outcome's, less its projection on Q and in units of its own scale.
    """

    terms: tuple[Term, ...]
    n: int
    rows: Rows
    Q: np.ndarray  # (p, n)
    R: np.ndarray  # (p, p): whitened X = Q' R
    Z: tuple[tuple[np.ndarray | None, ...], ...]  # per term, its columns in orthonormal coordinates
    back: tuple[np.ndarray, ...]  # per term, (q, q): Cov = back @ Cov in these coordinates @ back'
    products: tuple[np.ndarray, ...]
    sums: tuple[np.ndarray, ...]
    cross: np.ndarray  # (p + 1, p + 1) [Q, y]'[Q, y]
    F: Any = None  # (levels of first * q, columns of rest) products of the first term with the others
    D: Any = None  # (columns of rest, columns of rest) products of the others
    parts: Partition | None = None  # how the others fall apart
    pairs: Pairs | None = None  # products of rows of F, where it is sparse and the first term is one column
    orders: tuple[np.ndarray, ...] = ()  # per term, which of its columns comes first, second ...
    projection: np.ndarray | None = None  # (p,) coefficients of y on Q
    scale: float = 1.0

    @property
    def p(self) -> int:
        """Fixed coefficients."""
        return len(self.Q)


def gram(X: np.ndarray, terms: Sequence[Term], *, rows: Rows = EQUAL) -> Gram:
    """Sum the products that do not involve the outcome.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Fixed columns of full rank.
    terms : sequence of Term
    rows : Rows
        Weights and autocorrelation of the residuals.
    """
    order = sorted(terms, key=lambda term: -term.n_levels * term.q)
    Q, R = _orthonormal(rows.whiten(X.T))
    standard = [standard_columns(term, rows) for term in order]
    Z = tuple(columns for columns, _ in standard)
    products = tuple(_products(term, z, z) for term, z in zip(order, Z, strict=True))
    sums = tuple(_products(term, z, tuple(Q)) for term, z in zip(order, Z, strict=True))
    F, D, parts = _between_terms(order, Z) if len(order) > 1 else (None, None, None)
    sparse = parts is not None and not isinstance(F, np.ndarray)
    return Gram(
        terms=tuple(order), n=len(X), rows=rows, Q=Q, R=R, Z=Z, back=tuple(back for _, back in standard),
        products=products, sums=sums, cross=np.eye(len(Q)), F=F, D=D, parts=parts,
        pairs=pairs(F, D, parts) if sparse and order[0].q == 1 else None,
        orders=tuple(np.arange(term.q) for term in order),
    )  # fmt: skip


def with_outcome(g: Gram, y: np.ndarray) -> Gram:
    """Add the outcome's sums; the rest is shared, so that many outcomes cost one pass each."""
    y = g.rows.whiten(y)
    projection = g.Q @ y
    residual = y - projection @ g.Q
    scale = np.sqrt(residual @ residual / max(g.n - g.p, 1))
    if not scale > 1e-10 * np.sqrt(y @ y / g.n):
        raise ModelError("the predictors explain the outcome exactly; there is no variation left to model")
    residual /= scale
    sums = tuple(
        np.concatenate([s, _products(term, z, (residual,))], axis=2)
        for term, z, s in zip(g.terms, g.Z, g.sums, strict=True)
    )
    cross = np.zeros((g.p + 1, g.p + 1))
    cross[: g.p, : g.p] = np.eye(g.p)
    cross[g.p, : g.p] = cross[: g.p, g.p] = g.Q @ residual
    cross[g.p, g.p] = residual @ residual
    return replace(g, sums=sums, cross=cross, projection=projection, scale=float(scale))


def reorder(g: Gram, orders: Sequence[np.ndarray]) -> Gram:
    """Take the columns of each term in another order; `back` leads to the same covariances of the data's columns."""
    if all(np.array_equal(order, np.arange(len(order))) for order in orders):
        return g
    within = [np.arange(t.n_levels)[:, None] * t.q + order for t, order in zip(g.terms, orders, strict=True)]
    rows, others, start = within[0].ravel(), [np.zeros(0, dtype=int)], 0
    for index in within[1:]:
        others.append(start + index.ravel())
        start += index.size
    columns = np.concatenate(others)
    F = None if g.F is None else g.F[rows][:, columns]
    D = None if g.D is None else g.D[columns][:, columns]
    return replace(
        g,
        back=tuple(back[:, order] for back, order in zip(g.back, orders, strict=True)),
        products=tuple(N[:, order][:, :, order] for N, order in zip(g.products, orders, strict=True)),
        sums=tuple(s[:, order] for s, order in zip(g.sums, orders, strict=True)),
        F=F,
        D=D,
        pairs=None if g.pairs is None else pairs(F, D, g.parts),
        orders=tuple(before[order] for before, order in zip(g.orders, orders, strict=True)),
    )


def _orthonormal(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split X (p, n) into Q (p, n) with orthonormal rows and upper R, X = R'Q; by Cholesky unless rows are close."""
    length = np.sqrt(np.einsum("ij,ij->i", X, X))
    G = (X @ X.T) / np.outer(length, length)
    if len(length) and np.linalg.eigvalsh(G)[0] < CLOSE:
        R = np.linalg.qr(X.T / length, mode="r") * length
        R *= np.where(np.diag(R) < 0, -1, 1)[:, None]
    else:
        R = np.linalg.cholesky(G).T * length
    return np.linalg.inv(R).T @ X, R


def standard_columns(term: Term, rows: Rows) -> tuple[tuple[np.ndarray | None, ...], np.ndarray]:
    """Return the columns of a term, scaled and (if correlated) orthogonalised, and the way back for their covariance.

    A column of None stands for ones.
    """
    if term.Z is None:
        return (None if rows is EQUAL else rows.whiten(np.ones(len(term.codes))),), np.eye(1)
    Z = rows.scale(term.Z.T)
    moment = Z @ Z.T / Z.shape[1]
    if term.correlated:
        back = np.linalg.inv(np.linalg.cholesky(moment[::-1, ::-1])[::-1, ::-1]).T
    else:
        back = np.diag(1 / np.sqrt(np.diag(moment)))
    return tuple(back.T @ rows.whiten(term.Z.T)), back


def _products(term: Term, left: Sequence[np.ndarray | None], right: Sequence[np.ndarray | None]) -> np.ndarray:
    """Sum left x right over the rows of each level, shape (levels, len(left), len(right))."""
    out = np.empty((len(left), len(right), term.n_levels))
    for a, u in enumerate(left):
        for b, v in enumerate(right):
            out[a, b] = np.bincount(term.codes, weights=_times(u, v), minlength=term.n_levels)
    return out.transpose(2, 0, 1).copy()


def _times(u: np.ndarray | None, v: np.ndarray | None) -> np.ndarray | None:
    if u is None or v is None:
        return v if u is None else u
    return u * v


def _between_terms(terms: Sequence[Term], Z: Sequence[Sequence]) -> tuple[Any, Any, Partition]:
    """Products of the first term with the others, and of the others among themselves; sparse where it pays."""
    from scipy import sparse

    wide = [_design_columns(term, z) for term, z in zip(terms, Z, strict=True)]
    first, rest = wide[0], sparse.hstack(wide[1:], format="csr")
    F, D = (first.T @ rest).tocsr(), (rest.T @ rest).tocsr()
    size = F.shape[0] * F.shape[1]
    if size <= DENSE_CELLS or F.nnz > FILLED * size:
        everything = np.ones(F.shape[1], dtype=bool)
        return F.toarray(), D.toarray(), arrange(np.full(F.shape[1], -1), everything)
    return F, D, partition(abs(F).T @ abs(F) + abs(D), terms[1:])


def _design_columns(term: Term, z: Sequence[np.ndarray | None]) -> Any:
    """Return the sparse n x (levels * q) matrix of a term, level by level."""
    from scipy import sparse

    n = len(term.codes)
    data = np.stack([np.ones(n) if column is None else column for column in z], axis=1)
    columns = term.codes[:, None] * term.q + np.arange(term.q)
    starts = np.arange(n + 1) * term.q
    return sparse.csr_array((data.ravel(), columns.ravel(), starts), shape=(n, term.n_levels * term.q))
