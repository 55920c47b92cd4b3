"""Thresholds and polychoric correlations as one vector, with the covariance of its estimates (Muthén 1984)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from joyeval.models.one_thread import one_thread
from joyeval.models.structural.correlations import FAR, cells_of, normal_density, normal_square, polychoric

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.models.structural.correlations import Polychoric

CHUNK = 4_000_000  # scores held at a time


@dataclass(frozen=True, eq=False)
class OrdinalMoments:
    """What a group gives to a model of ordered items.

    Parameters
    ----------
    vector : ndarray, shape (m,)
        Thresholds item by item, then correlations pair by pair.
    item, step : ndarray of int, shape (thresholds,)
        Item of each threshold, and its number from 0.
    first, second : ndarray of int, shape (pairs,)
        Items of each correlation.
    vcov : ndarray, shape (m, m)
        Covariance of `vector` (divisor n - 1, as lavaan has it).
    n : int
    """

    vector: np.ndarray
    item: np.ndarray
    step: np.ndarray
    first: np.ndarray
    second: np.ndarray
    vcov: np.ndarray
    n: int

    @property
    def thresholds(self) -> np.ndarray:
        """The first part of `vector`."""
        return self.vector[: len(self.item)]

    @property
    def correlations(self) -> np.ndarray:
        """The second part of `vector`."""
        return self.vector[len(self.item) :]


@one_thread
def ordinal_moments(items: pd.DataFrame, *, what: str) -> OrdinalMoments:
    """Estimate thresholds and correlations of complete rows, with their covariance.

    References
    ----------
    Muthén (1984) doi:10.1007/BF02294210.
    """
    found = polychoric(items, what=what)
    first, second = np.triu_indices(len(found.options), 1)
    item = np.repeat(np.arange(len(found.options)), found.options - 1)
    step = np.concatenate([np.arange(count - 1) for count in found.options])
    values = np.concatenate([found.thresholds[item, step + 1], found.correlation[first, second]])
    vcov = _vcov(found, item, step, first, second)
    return OrdinalMoments(values, item, step, first, second, vcov, found.n)


def _vcov(found: Polychoric, item: np.ndarray, step: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A^-1 B A^-T from the scores of the rows: B their products, A their products with the scores of each stage."""
    own = _threshold_scores(found)
    by_first, by_second, by_rho = _pair_scores(found, first, second)
    thresholds, m = len(item), len(item) + len(first)
    inner, outer, lower = np.zeros((thresholds, thresholds)), np.zeros((m, m)), np.zeros((len(first), thresholds))
    diagonal = np.zeros(len(first))
    pair = np.arange(len(first))
    place = np.full((len(found.options), found.options.max()), -1)
    place[item, step] = np.arange(thresholds)
    for rows in np.array_split(np.arange(found.n), max(1, found.n * m * 3 // CHUNK)):
        codes = found.codes[rows]
        scores = own[item, step, codes[:, item]]
        a, b = codes[:, first], codes[:, second]
        rho = by_rho[pair, a, b]
        both = np.concatenate([scores, rho], axis=1)
        outer += both.T @ both
        inner += scores.T @ scores
        diagonal += (rho**2).sum(axis=0)
        for table, side in ((by_first, first), (by_second, second)):
            for number in range(table.shape[-1]):
                slope = (table[pair, a, b, number] * rho).sum(axis=0)
                there = place[side, number] >= 0
                lower[pair[there], place[side, number][there]] += slope[there]
    inner = np.where(item[:, None] == item, inner, 0.0)
    bread = np.block([[inner, np.zeros((thresholds, len(first)))], [lower, np.diag(diagonal)]])
    inverse = np.linalg.inv(bread)
    return inverse @ outer @ inverse.T * found.n / (found.n - 1)


def _threshold_scores(found: Polychoric) -> np.ndarray:
    """Score of a row about each threshold of each item, by the option chosen: shape (items, thresholds, options)."""
    limits = found.thresholds
    share = np.clip(np.diff(ndtr(limits), axis=1), 1e-300, None)
    density = np.where(np.abs(limits) < FAR, np.exp(-(limits**2) / 2) / np.sqrt(2 * np.pi), 0.0)
    p, options = share.shape
    scores = np.zeros((p, options, options))
    for number in range(options - 1):
        scores[:, number, number] = density[:, number + 1] / share[:, number]
        scores[:, number, number + 1] = -density[:, number + 1] / share[:, number + 1]
    return scores


def _pair_scores(found: Polychoric, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of a pair of answers about the thresholds of either item and about the correlation.

    Shapes (pairs, options, options, thresholds) twice and (pairs, options, options).
    """
    h, k = found.thresholds[first], found.thresholds[second]
    rho = found.correlation[first, second]
    grid = (h[:, :, None], k[:, None, :], rho[:, None, None])
    share = np.clip(cells_of(normal_square(*grid)), 1e-300, None)
    about_rho = cells_of(normal_density(*grid)) / share
    return _edges(h, k, rho) / share[..., None], _edges(k, h, rho).swapaxes(1, 2) / share[..., None], about_rho


def _edges(h: np.ndarray, k: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Slope of each cell's probability by each threshold of the row item, shape (pairs, rows, columns, thresholds)."""
    spread = np.sqrt(1 - rho**2)[:, None, None]
    inside = np.diff(ndtr((k[:, None, :] - rho[:, None, None] * h[:, :, None]) / spread), axis=2)
    density = np.where(np.abs(h) < FAR, np.exp(-(h**2) / 2) / np.sqrt(2 * np.pi), 0.0)
    slope = density[:, :, None] * inside
    pairs, options = len(h), h.shape[1] - 1
    table = np.zeros((pairs, options, k.shape[1] - 1, options - 1))
    for number in range(options - 1):
        table[:, number, :, number] = slope[:, number + 1]
        table[:, number + 1, :, number] = -slope[:, number + 1]
    return table
