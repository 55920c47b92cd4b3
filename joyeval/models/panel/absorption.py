"""Least squares with absorbed fixed effects: exact, by eliminating the largest factor.

The dummies of the largest factor are swept out by group means; those of the other factors by one small
dense system (the Schur complement). Nothing is iterated, so there is no tolerance to choose, and a row
costs a few additions however many teams there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.design import COLLINEAR, check_rank
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPLICIT_CELLS = 20_000_000  # rows x dummy columns kept in memory for the exact small-sample correction (160 MB)
RANK_TOLERANCE = 1e-10  # of the largest eigenvalue; dummies are counts, so a lost rank is 0 to rounding


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A least-squares fit in the form that robust inference needs.

    Parameters
    ----------
    beta : ndarray, shape (p,)
        Coefficients of the regressors.
    basis : ndarray, shape (n, k)
        Orthonormal columns that span the explicit dummies (first) and the regressors (last p), after the
        absorbed factors were swept out and rows multiplied by the root of their weight.
    R : ndarray, shape (p, p)
        Upper triangular; the last p columns of `basis` times `R` are the regressors cleared of all else.
    residual : ndarray, shape (n,)
        On the same scale as `basis`.
    rank : int
        Parameters in all, absorbed ones counted.
    absorb : tuple of ndarray of int, shape (n,)
        Codes of the fixed effects.
    exact : bool
        True when every effect that crosses the clusters is in `basis`, as CR2 and CR3 need.
    total : float
        Sum of squares of the outcome once the fixed effects are out.
    """

    beta: np.ndarray
    basis: np.ndarray
    R: np.ndarray
    residual: np.ndarray
    rank: int
    absorb: tuple[np.ndarray, ...]
    exact: bool
    total: float

    @property
    def n(self) -> int:
        """Rows used."""
        return len(self.residual)

    @property
    def contrasts(self) -> np.ndarray:
        """Coefficients as functions of the basis: `beta = contrasts.T @ basis.T @ y`, shape (k, p)."""
        p = len(self.beta)
        below = np.linalg.inv(self.R).T
        return np.vstack([np.zeros((self.basis.shape[1] - p, p)), below])

    @property
    def within_r2(self) -> float:
        """Share of the variation left by the fixed effects that the regressors explain."""
        return 1 - float(self.residual @ self.residual) / self.total


def demean(
    columns: np.ndarray, factors: Sequence[np.ndarray], *, weights: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Sweep the effects of factors out of columns.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
    factors : sequence of ndarray of int, shape (n,)
        Codes from 0 without holes.
    weights : ndarray, shape (n,), optional
        Positive; means are weighted by them.

    Returns
    -------
    ndarray, shape (n, k)
        Residuals of each column on all dummies.
    int
        Rank of the dummies.
    """
    out = np.array(columns, dtype=float)
    return out, _sweep(out, factors, weights)


@one_thread
def least_squares(
    y: np.ndarray,
    X: np.ndarray,
    *,
    names: Sequence[str],
    absorb: Sequence[np.ndarray] = (),
    cluster: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> LeastSquares:
    """Fit ``y`` on ``X`` with the fixed effects of `absorb` taken out.

    Effects that are constant within clusters are swept out; those that cross the clusters stay in the
    basis as dummies, because the exact small-sample correction depends on them (Pustejovsky & Tipton 2018).

    Raises
    ------
    ModelError
        A regressor does not vary once the fixed effects are out, or others determine it; as many
        parameters as rows.
    """
    nested = [f for f in absorb if cluster is not None and is_nested(f, cluster)]
    crossed = [f for f in absorb if not any(f is g for g in nested)]
    levels = sum(int(f.max()) + 1 for f in crossed)
    exact = len(y) * levels <= EXPLICIT_CELLS
    swept = nested if exact else list(absorb)
    dummies = np.column_stack([_dummies(f) for f in crossed]) if exact and crossed else np.zeros((len(y), 0))
    columns = np.column_stack([y, X, dummies])
    rank = _sweep(columns, swept, weights)
    if weights is not None:
        columns *= np.sqrt(weights)[:, None]
    p = X.shape[1]
    span, clear = _span(columns[:, p + 1 :]), columns[:, : p + 1]
    if span.shape[1]:
        clear = clear - span @ (span.T @ clear)
    _check_size(len(y), rank + span.shape[1] + p)
    _check_variation(X, clear[:, 1:], names, len(absorb))
    Q, R = np.linalg.qr(clear[:, 1:])
    along = Q.T @ clear[:, 0]
    return LeastSquares(
        beta=np.linalg.solve(R, along),
        basis=np.column_stack([span, Q]) if span.shape[1] else Q,
        R=R,
        residual=clear[:, 0] - Q @ along,
        rank=rank + span.shape[1] + p,
        absorb=tuple(absorb),
        exact=exact,
        total=float(clear[:, 0] @ clear[:, 0]) if absorb else float(np.sum((clear[:, 0] - clear[:, 0].mean()) ** 2)),
    )


def _sweep(columns: np.ndarray, factors: Sequence[np.ndarray], w: np.ndarray | None) -> int:
    """Take the effects of factors out of columns in place; return the rank of their dummies."""
    if not factors:
        return 0
    # The normal equations of all dummies, by blocks: that of the largest factor is diagonal (weights per level), so
    # it is eliminated first, by taking off group means. What is left of the others is its Schur complement, small and
    # dense; it is singular (dummies of two factors overlap), so its rank is counted and a minimum-norm solution
    # taken: fitted values do not depend on which. Nothing is iterated, so nothing depends on a tolerance of
    # convergence.
    sizes = [int(codes.max()) + 1 for codes in factors]
    order = np.argsort(sizes)[::-1]
    largest, size = factors[order[0]], sizes[order[0]]
    mass = np.bincount(largest, w, size)[:, None]
    _subtract(columns, largest, _sums(columns, largest, w, size) / mass)
    if len(factors) == 1:
        return size
    others = [factors[i] for i in order[1:]]
    starts = np.cumsum([0, *(sizes[i] for i in order[1:])])
    shares = np.column_stack([_crossed(largest, size, codes, w) for codes in others])
    schur = _gram(others, starts, w) - shares.T @ (shares / mass)
    right = np.vstack([_sums(columns, codes, w, int(codes.max()) + 1) for codes in others])
    effects, rank = _solve(schur, right)
    for codes, start in zip(others, starts, strict=False):
        _subtract(columns, codes, effects[start:])
    _subtract(columns, largest, -(shares @ effects) / mass)
    return size + rank


def _subtract(columns: np.ndarray, codes: np.ndarray, effects: np.ndarray) -> None:
    """Take each row's effect off, a column at a time: no second table of that size is needed."""
    for column, effect in zip(columns.T, effects.T, strict=True):
        column -= effect[codes]


def _sums(columns: np.ndarray, codes: np.ndarray, w: np.ndarray | None, size: int) -> np.ndarray:
    return np.column_stack([np.bincount(codes, c if w is None else w * c, size) for c in columns.T])


def _crossed(first: np.ndarray, size: int, second: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    """Weight in each cell of two factors, shape (levels of first, levels of second)."""
    width = int(second.max()) + 1
    return np.bincount(first * width + second, w, size * width).reshape(size, width)


def _gram(factors: Sequence[np.ndarray], starts: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    gram = np.zeros((starts[-1], starts[-1]))
    for i, a in enumerate(factors):
        for j, b in enumerate(factors):
            gram[starts[i] : starts[i + 1], starts[j] : starts[j + 1]] = _crossed(a, int(a.max()) + 1, b, w)
    return gram


def _solve(matrix: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, int]:
    """Solve a singular positive semi-definite system; return the rank too."""
    values, vectors = np.linalg.eigh(matrix)
    keep = values > RANK_TOLERANCE * values[-1]
    kept = vectors[:, keep]
    return kept @ ((kept.T @ right) / values[keep, None]), int(keep.sum())


def is_nested(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Tell whether each level of `inner` lies within one level of `outer`."""
    last = np.empty(int(inner.max()) + 1, dtype=outer.dtype)
    last[inner] = outer
    return bool((last[inner] == outer).all())


def _dummies(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.arange(int(codes.max()) + 1)).astype(float)


def _span(columns: np.ndarray) -> np.ndarray:
    """Return orthonormal columns with the span of the given ones."""
    if not columns.shape[1]:
        return columns
    values, vectors = np.linalg.eigh(columns.T @ columns)
    keep = values > RANK_TOLERANCE * values[-1]
    return columns @ (vectors[:, keep] / np.sqrt(values[keep]))


def _check_variation(X: np.ndarray, clear: np.ndarray, names: Sequence[str], absorbed: int) -> None:
    if absorbed:
        given = np.sqrt(len(X)) * X.std(axis=0)
        flat = np.linalg.norm(clear, axis=0) <= COLLINEAR * np.where(given > 0, given, 1)
        if flat.any():
            lost = ", ".join(name for name, is_flat in zip(names, flat, strict=True) if is_flat)
            raise ModelError(
                f"{lost} does not vary in {len(X)} rows once the fixed effects are out; "
                "leave it out, or use within_between, which keeps differences between teams"
            )
    check_rank(clear, names, "regressors after the fixed effects")


def _check_size(n: int, rank: int) -> None:
    if n <= rank:
        raise ModelError(
            f"{n} rows for {rank} parameters; needs more rows than parameters: more periods per team, or fewer terms"
        )
