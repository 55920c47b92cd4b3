"""Moments that a model implies, and their derivatives, in reticular action notation.

Variables obey v = A v + u with Cov(u) = S and means M, so that Cov(v) = B S B' with B = (I - A)^-1 (McArdle & McDonald
1984). The derivative of an implied covariance matrix by any one cell is f (l r' + r l') with vectors l and r:
likelihood, gradient and information then need Gram matrices of those vectors only, never the large matrix of all
moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.structural.layout import A, M, S, T

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural.layout import Cell


@dataclass(frozen=True, eq=False)
class Implied:
    """Implied moments of one group and the vectors of its free cells.

    Parameters
    ----------
    covariance : ndarray, shape (p, p)
    mean : ndarray, shape (p,)
    left, right : ndarray, shape (p, q)
        The vectors l and r of each free cell; 0 for means.
    half : ndarray, shape (q,)
        The factor f: 1/2 for a variance, else 1.
    slope : ndarray, shape (p, q)
        Derivative of the mean by each free cell.
    total, effects : ndarray, shape (v, v)
        Covariance of all variables, and B.
    total_mean : ndarray, shape (v,)
    """

    covariance: np.ndarray
    mean: np.ndarray
    left: np.ndarray
    right: np.ndarray
    half: np.ndarray
    slope: np.ndarray
    total: np.ndarray
    effects: np.ndarray
    total_mean: np.ndarray


class Ram:
    """The matrices of one group: base values, and where the free parameters go.

    Parameters
    ----------
    cells : sequence of Cell
        All cells of the group.
    n_observed, n_variables : int
    extra : sequence of Cell
        Fixed cells to differentiate by as well (candidates of a score test); they come after the free ones.
    """

    def __init__(self, cells: Sequence[Cell], n_observed: int, n_variables: int, extra: Sequence[Cell] = ()) -> None:
        self.p, self.v = n_observed, n_variables
        self.base = np.zeros((3, n_variables, n_variables))
        for cell in cells:
            if cell.free < 0 and cell.matrix != T:
                self._put(self.base, cell.matrix, cell.row, cell.col, cell.value)
        self.free_cells = [cell for cell in cells if cell.free >= 0 and cell.matrix != T]
        active = [*self.free_cells, *extra]
        self.matrix, self.row, self.col = (
            np.array([getattr(cell, name) for cell in active], dtype=int) for name in ("matrix", "row", "col")
        )
        self.free = np.array([cell.free for cell in self.free_cells], dtype=int)

    @staticmethod
    def _put(matrices: np.ndarray, matrix: np.ndarray, row: np.ndarray, col: np.ndarray, value: np.ndarray) -> None:
        matrices[matrix, row, np.where(matrix == M, 0, col)] = value
        matrices[S] = np.where(matrices[S] != 0, matrices[S], matrices[S].T)

    def implied(self, theta: np.ndarray) -> Implied:
        """Moments and their derivatives at the free values `theta`."""
        matrices = self.base.copy()
        q = len(self.free)
        self._put(matrices, self.matrix[:q], self.row[:q], self.col[:q], theta[self.free])
        effects = np.linalg.inv(np.eye(self.v) - matrices[A])
        total = effects @ matrices[S] @ effects.T
        total_mean = effects @ matrices[M][:, 0]
        observed = effects[: self.p]
        arrow, mean = self.matrix == A, self.matrix == M
        left = observed[:, self.row]
        right = np.where(arrow, total[: self.p][:, self.col], observed[:, self.col])
        return Implied(
            covariance=total[: self.p, : self.p],
            mean=total_mean[: self.p],
            left=np.where(mean, 0.0, left),
            right=np.where(mean, 0.0, right),
            half=np.where((self.matrix == S) & (self.row == self.col), 0.5, 1.0),
            slope=np.where(mean, left, np.where(arrow, left * total_mean[self.col], 0.0)),
            total=total,
            effects=effects,
            total_mean=total_mean,
        )

    def curvature(self, at: Implied, weight: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """Second derivatives of tr(weight Sigma) / 2 - pull' mu by all pairs of free cells, shape (q, q).

        Parameters
        ----------
        weight : ndarray, shape (p, p)
            Symmetric.
        pull : ndarray, shape (p,)
        """
        # An arrow moves B by B e_r e_c' B, so every second derivative is a product of two entries of B, U = B'KB, V =
        # B'KE and E; no matrix is formed per pair of cells. Covariances and means are linear: alone they do not bend.
        B, E = at.effects, at.total
        K = np.zeros_like(E)
        K[: self.p, : self.p] = weight
        U, V = B.T @ K @ B, B.T @ K @ E
        g = pull @ B[: self.p]
        row, col, r, c = self.row[:, None], self.col[:, None], self.row, self.col
        arrow, cov, mean = (self.matrix == kind for kind in (A, S, M))
        by_mean = g[r] * B[c, row] * at.total_mean[col]
        arrows = B[c, row] * V[r, col] + U[row, r] * E[col, c] + V[row, c] * B[col, r] - by_mean - by_mean.T
        half = np.where(r == c, 0.5, 1.0)
        mixed = (B[col, r] * U[row, c] + B[col, c] * U[row, r]) * half
        means = -g[row] * B[col, r]
        result = np.where(arrow[:, None] & arrow, arrows, 0.0)
        both = np.where(arrow[:, None] & cov, mixed, 0.0) + np.where(arrow[:, None] & mean, means, 0.0)
        return result + both + both.T
