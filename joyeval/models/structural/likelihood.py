"""Normal likelihood of blocks of rows that share their expected moments: value, gradient, information, row scores.

A block is what has one expected covariance matrix: a group, a pattern of missing answers within a group, or (two-level
models) the clusters of one size. Its moments are weighted sums of those of one or more groups of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpotrf, dtrtrs

from joyeval.models.structural.ram import Ram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural.layout import Cell, Layout
    from joyeval.models.structural.ram import Implied

LOG_2PI = np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Part:
    """The share of one group of the model in a block.

    Parameters
    ----------
    group : int
    rows : ndarray of int, shape (p,)
        Position of each variable of the block among the observed ones.
    scale : ndarray, shape (p,), optional
        Factor of each variable; None for 1.
    lift : float
        Further factor of the means.
    """

    group: int
    rows: np.ndarray
    scale: np.ndarray | None = None
    lift: float = 1.0

    def of(self, array: np.ndarray) -> np.ndarray:
        """Pick and scale the rows of the block."""
        picked = array[self.rows]
        return picked if self.scale is None else (picked.T * self.scale).T


@dataclass(frozen=True, eq=False)
class Block:
    """Rows with the same expected moments.

    Parameters
    ----------
    parts : tuple of Part
    n : float
        Number of rows.
    covariance : ndarray, shape (p, p)
        About the mean of the block, divisor n.
    mean : ndarray, shape (p,), optional
        None where means are not modelled.
    data : ndarray, shape (n, p), optional
        The rows themselves; needed for `Likelihood.scores`.
    at : ndarray of int, shape (n,), optional
        Which row of the whole each of them is.
    """

    parts: tuple[Part, ...]
    n: float
    covariance: np.ndarray
    mean: np.ndarray | None = None
    data: np.ndarray | None = None
    at: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class _White:
    """A block in coordinates where its expected covariance is the identity; vectors of all cells of all its parts."""

    left: np.ndarray
    right: np.ndarray
    half: np.ndarray
    slope: np.ndarray
    residual: np.ndarray
    second: np.ndarray
    root: np.ndarray
    log_det: float


class Likelihood:
    """-2 log likelihood of a layout, as a function of its free parameters.

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Block
    extra : sequence of Cell
        Fixed cells to differentiate by as well; gradient and information then have one more entry for each.
    """

    def __init__(self, layout: Layout, blocks: Sequence[Block], extra: Sequence[Cell] = ()) -> None:
        self.layout, self.blocks = layout, tuple(blocks)
        self.n = float(sum(block.n for block in self.blocks))
        p, v = len(layout.observed), len(layout.observed) + len(layout.latent)
        self.groups = []
        self.at: list[np.ndarray] = []  # parameter of every cell of the group, extra ones after the free ones
        for group in range(layout.groups):
            candidates = [i for i, cell in enumerate(extra) if cell.group == group]
            ram = Ram(layout.of_group(group), p, v, [extra[i] for i in candidates])
            self.groups.append(ram)
            self.at.append(np.concatenate([ram.free, layout.n_free + np.array(candidates, dtype=int)]))
        self.n_parameters = layout.n_free + len(extra)

    def with_extra(self, extra: Sequence[Cell]) -> Likelihood:
        """Differentiate by some fixed cells as well."""
        return Likelihood(self.layout, self.blocks, extra)

    def score_covariance(self, theta: np.ndarray) -> np.ndarray:
        """Return the covariance of half the gradient over samples, were the data normal."""
        return self.derivatives(theta)[1]

    def implied(self, theta: np.ndarray) -> list[Implied]:
        """Implied moments of every group."""
        return [ram.implied(theta) for ram in self.groups]

    def value(self, theta: np.ndarray) -> float:
        """-2 log likelihood; infinite where an implied covariance matrix is not positive definite."""
        try:
            implied = self.implied(theta)
            return sum(self._value(block, implied) for block in self.blocks)
        except LinAlgError:
            return np.inf

    def _value(self, block: Block, implied: list[Implied]) -> float:
        covariance, mean = _moments(block, implied)
        root = _root(covariance)
        p = len(covariance)
        second = _whiten(root, block.covariance)
        trace = np.trace(_whiten(root, second.T))
        if block.mean is not None:
            residual = _whiten(root, block.mean - mean)
            trace += residual @ residual
        return block.n * (p * LOG_2PI + 2 * np.log(np.diag(root)).sum() + trace)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Gradient of half the value, shape (parameters,)."""
        return self.derivatives(theta)[0]

    def derivatives(self, theta: np.ndarray, *, observed: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Gradient of half the value, and information (expected, or the second derivatives themselves)."""
        implied = self.implied(theta)
        gradient, information = np.zeros(self.n_parameters), np.zeros((self.n_parameters,) * 2)
        bends = [(np.zeros((ram.p, ram.p)), np.zeros(ram.p)) for ram in self.groups]
        for block in self.blocks:
            white, at = self._white(block, implied), np.concatenate([self.at[part.group] for part in block.parts])
            np.add.at(gradient, at, -block.n * _slope(white))
            np.add.at(information, np.ix_(at, at), block.n * _information(white, observed=observed))
            if observed:
                _add_bend(bends, block, white)
        if observed:
            for ram, at, here, (weight, pull) in zip(self.groups, self.at, implied, bends, strict=True):
                np.add.at(information, np.ix_(at, at), ram.curvature(here, weight, pull))
        return gradient, information

    def scores(self, theta: np.ndarray) -> np.ndarray:
        """Return the derivative of each row's log likelihood, shape (rows, parameters); blocks must hold their rows."""
        implied = self.implied(theta)
        result = np.zeros((int(self.n), self.n_parameters))
        for block in self.blocks:
            white, at = self._white(block, implied), np.concatenate([self.at[part.group] for part in block.parts])
            centre = block.data.mean(axis=0) if block.mean is None else _moments(block, implied)[1]
            z = _whiten(white.root, (block.data - centre).T).T
            cells = white.half * ((z @ white.left) * (z @ white.right) - (white.left * white.right).sum(axis=0))
            if block.mean is not None:
                cells += z @ white.slope
            np.add.at(result, (block.at[:, None], at), cells)
        return result

    def _white(self, block: Block, implied: list[Implied]) -> _White:
        covariance, mean = _moments(block, implied)
        root = _root(covariance)
        vectors = [[part.of(getattr(implied[part.group], name)) for part in block.parts] for name in ("left", "right")]
        slopes = [part.lift * part.of(implied[part.group].slope) for part in block.parts]
        stacked = np.concatenate([*vectors[0], *vectors[1], *slopes], axis=1)
        left, right, slope = np.split(_whiten(root, stacked), 3, axis=1)
        half = np.concatenate([implied[part.group].half for part in block.parts])
        second = _whiten(root, block.covariance)
        second = _whiten(root, second.T)
        if block.mean is None:
            residual, slope = np.zeros(len(root)), np.zeros_like(slope)
        else:
            residual = _whiten(root, block.mean - mean)
            second = second + np.outer(residual, residual)
        log_det = 2 * np.log(np.diag(root)).sum()
        return _White(left, right, half, slope, residual, second, root, log_det)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Lower Cholesky factor. The matrices are small and many: scipy's own checks would cost twice the work."""
    root, failed = dpotrf(covariance, lower=1, clean=1)
    if failed:
        raise LinAlgError("the covariance matrix is not positive definite")
    return root


def _whiten(root: np.ndarray, right: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    """Solve with a lower factor, or with its transpose."""
    return dtrtrs(root, right, lower=1, trans=int(transposed))[0].reshape(right.shape)


def _moments(block: Block, implied: list[Implied]) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected covariance matrix and mean of a block."""
    covariance, mean = 0.0, 0.0
    for part in block.parts:
        covariance = covariance + part.of(part.of(implied[part.group].covariance).T)
        mean = mean + part.lift * part.of(implied[part.group].mean)
    return covariance, mean


def _slope(white: _White) -> np.ndarray:
    """Return the derivative of the log likelihood of one row of a block, by cell."""
    surplus = white.second - np.eye(len(white.second))
    return white.half * np.einsum("pq,pr,rq->q", white.left, surplus, white.right) + white.residual @ white.slope


def _information(white: _White, *, observed: bool) -> np.ndarray:
    """Return the information of one row about each pair of cells, from Gram matrices of their vectors."""
    # In these coordinates Sigma is the identity and its derivative by a cell is D = f (l r' + r l'), so that the
    # expected information of two cells, tr(D1 D2) / 2, is f1 f2 ((l1'l2)(r1'r2) + (l1'r2)(r1'l2)); a mean adds
    # slope1'slope2. The observed one puts 2 S - I between the vectors and adds what the residual of the mean ties to
    # the covariance.
    left, right, slope = white.left, white.right, white.slope
    ll, rr, lr = left.T @ left, right.T @ right, left.T @ right
    if not observed:
        result = ll * rr + lr * lr.T
    else:
        metric = 2 * white.second - np.eye(len(white.second))
        tl, tr = metric @ left, metric @ right
        both = lr.T * (left.T @ tr) + ll * (right.T @ tr)
        result = (both + rr * (left.T @ tl) + lr * (tr.T @ left)) / 2
    result = result * white.half[:, None] * white.half + slope.T @ slope
    if observed:
        cross = slope.T @ left * (white.residual @ right) + slope.T @ right * (white.residual @ left)
        cross = cross * white.half
        result = result + cross + cross.T
    return result


def _add_bend(bends: list[tuple[np.ndarray, np.ndarray]], block: Block, white: _White) -> None:
    """Add what multiplies second derivatives of the moments: Sigma^-1 (Sigma - S) Sigma^-1 and Sigma^-1 residual."""
    surplus = np.eye(len(white.second)) - white.second
    inner = _whiten(white.root, surplus, transposed=True)
    weight = _whiten(white.root, inner.T, transposed=True)
    pull = _whiten(white.root, white.residual, transposed=True)
    for part in block.parts:
        scale = np.ones(len(weight)) if part.scale is None else part.scale
        bends[part.group][0][np.ix_(part.rows, part.rows)] += block.n * weight * np.outer(scale, scale)
        bends[part.group][1][part.rows] += block.n * pull * scale * part.lift
