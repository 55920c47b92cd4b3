"""The points of many charts as flat arrays: what limits and rules are computed on, all charts at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

TIE = 1e-12  # relative difference below which two numbers are the same: sums round, a point on the line stays on it


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Points in order of chart and time. A stretch is one part of one series: it is charted alone.

    Parameters
    ----------
    stretch : array of int, shape (points,)
        Number of the stretch, ascending from 0.
    stretches : int
        How many there are.
    value : array of float, shape (points,)
        What is plotted, missing as NaN, in the units of the data.
    y, n : array of float, shape (points,)
        Numerator (or value) and denominator; `n` is 1 where none was given. Both are missing where one is.
    spread : array of float, optional
        Standard deviation within the subgroup (Xbar and S charts).
    kept, baseline : array of bool
        Not excluded; part of the stretch that centre and limits rest on.
    in_time : bool
        False: the points are categories, and their order means nothing.
    """

    stretch: np.ndarray
    stretches: int
    value: np.ndarray
    y: np.ndarray
    n: np.ndarray
    kept: np.ndarray
    baseline: np.ndarray
    spread: np.ndarray | None = None
    in_time: bool = True

    @cached_property
    def plotted(self) -> np.ndarray:
        """Rows that have a value and are not excluded: consecutive points, for every rule."""
        return self.kept & np.isfinite(self.value)

    @cached_property
    def used(self) -> np.ndarray:
        """Rows that centre and limits rest on."""
        return self.plotted & self.baseline

    def total(self, values: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Sum per stretch over the rows of `where`."""
        return np.bincount(self.stretch[where], weights=values[where], minlength=self.stretches)

    def count(self, where: np.ndarray) -> np.ndarray:
        """Count per stretch of the rows of `where`."""
        return np.bincount(self.stretch[where], minlength=self.stretches)

    def mean(self, values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Mean per stretch, missing values left out; missing where nothing is left."""
        where = (self.used if where is None else where) & np.isfinite(values)
        return ratio(self.total(values, where), self.count(where))

    def median(self, values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Median per stretch, missing values left out; missing where nothing is left."""
        import pandas as pd

        where = (self.used if where is None else where) & np.isfinite(values)
        medians = pd.Series(values[where]).groupby(self.stretch[where], sort=False).median()
        return medians.reindex(range(self.stretches)).to_numpy(dtype=float, copy=True)

    def level(self, where: np.ndarray | None = None) -> np.ndarray:
        """Sum of y over sum of n per stretch: the mean, or the pooled rate."""
        where = self.used if where is None else where
        return ratio(self.total(self.y, where), self.total(self.n, where))

    def each(self, per_stretch: np.ndarray) -> np.ndarray:
        """Give every row its stretch's number."""
        return per_stretch[self.stretch]

    def differences(self, values: np.ndarray) -> np.ndarray:
        """Difference to the point before; missing at the start of a stretch and next to a missing value.

        Excluded points are taken out first, so that a difference spans them.
        """
        out = np.full(len(values), np.nan)
        rows = np.flatnonzero(self.kept)
        same = self.stretch[rows[1:]] == self.stretch[rows[:-1]]
        out[rows[1:][same]] = (values[rows[1:]] - values[rows[:-1]])[same]
        return out


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Divide; missing where the bottom is 0 or missing."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=np.isfinite(bottom) & (bottom != 0))


def same(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Tell which numbers differ by rounding only."""
    return np.abs(left - right) <= TIE * np.maximum(np.abs(left), np.abs(right))


def side(values: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return 1 above, -1 below, 0 on the line or where either is missing."""
    with np.errstate(invalid="ignore"):
        apart = np.where(same(values, line), 0.0, values - line)
    return np.sign(np.nan_to_num(apart)).astype(np.int8)
