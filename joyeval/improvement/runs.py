"""Limits of the runs tests: how long a run, and how few crossings, chance makes.

The Anhøj limits are formulas. Best box and cut box are found here from the exact joint distribution of
crossings and longest run in independent points, as their paper defines them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

SPECIFICITY = 0.925  # of a box, on stable data (Anhøj & Wentzel-Larsen 2020)
TARGET_SHIFT = 0.8  # standard deviations; the box most sensitive to it is best
BOXES = range(10, 101)  # useful points for which the boxes were studied
LONGEST = 20  # no box reaches this far: a run of 20 has probability below 1e-4 at 100 points


class RunLimits(NamedTuple):
    """Bounds per chart; a longer longest run or fewer crossings is a signal.

    In a cut box the corner signals too: a longest run of `longest_max` with fewer than `corner_crossings`
    crossings, or `crossings_min` crossings with a longest run above `corner_longest`.
    """

    longest_max: np.ndarray
    crossings_min: np.ndarray
    corner_longest: np.ndarray
    corner_crossings: np.ndarray

    def signal(self, longest: np.ndarray, crossings: np.ndarray) -> np.ndarray:
        """Tell for each chart whether its runs are unlike chance."""
        outside = (longest > self.longest_max) | (crossings < self.crossings_min)
        long = (longest == self.longest_max) & (crossings < self.corner_crossings)
        few = (crossings == self.crossings_min) & (longest > self.corner_longest)
        return outside | long | few


def run_limits(useful: np.ndarray, *, method: str = "anhoej") -> RunLimits:
    """Return the bounds of longest run and crossings.

    Parameters
    ----------
    useful : array of int
        Points not on the centre line, one number per chart.
    method : {"anhoej", "best-box", "cut-box"}
        Boxes exist for 10 to 100 useful points; outside, the Anhøj limits stand in.

    Returns
    -------
    RunLimits

    References
    ----------
    Schilling (2012) doi:10.4169/math.mag.85.2.141 (longest run); Chen (2010) doi:10.1002/qre.1068 (crossings);
    Anhøj & Wentzel-Larsen (2020) doi:10.1371/journal.pone.0233920 (boxes).

    Examples
    --------
    >>> limits = run_limits(np.array([24]))
    >>> int(limits.longest_max[0]), int(limits.crossings_min[0])
    (8, 8)
    """
    useful = np.asarray(useful)
    longest_max = np.round(np.log2(np.maximum(useful, 1))).astype(np.int64) + 3
    bounds = np.column_stack([longest_max, _few_crossings(useful), longest_max, np.zeros_like(longest_max)])
    if method != "anhoej":
        boxed = (useful >= BOXES[0]) & (useful <= BOXES[-1])
        bounds[boxed] = _boxes(method)[useful[boxed] - BOXES[0]]
    return RunLimits(*bounds.T)


def _few_crossings(useful: np.ndarray) -> np.ndarray:
    """Return the 5 % quantile of Binomial(useful - 1, 1/2): the smallest count with at least 5 % at or below it."""
    from scipy.special import bdtr, bdtrik

    steps = np.maximum(useful - 1, 0)
    guess = np.maximum(np.ceil(np.nan_to_num(bdtrik(0.05, np.maximum(steps, 1), 0.5))), 0)
    lower = np.maximum(guess - 1, 0)
    enough = (bdtr(lower, np.maximum(steps, 1), 0.5) >= 0.05) | (steps == 0)
    return np.where(steps == 0, 0, np.where(enough, lower, guess)).astype(np.int64)


@cache
def _boxes(method: str) -> np.ndarray:
    """Return one row of bounds, in the order of `RunLimits`, for each of 10 to 100 useful points."""
    from scipy.special import ndtr

    stable, shifted = _joint(0.5), _joint(float(ndtr(TARGET_SHIFT)))
    best = [(*_best_box(stable[n], shifted[n]), n) for n in BOXES]
    if method == "best-box":
        return np.array([(longest, crossings, longest, 0) for longest, crossings, _ in best])
    return np.array([_cut_box(longest, crossings, stable[n], shifted[n]) for longest, crossings, n in best])


def _joint(above: float) -> np.ndarray:
    """Return P(longest run <= l, crossings = c) for n points, indexed [n, l, c].

    Sequences are built run by run: one that ends with a run of j points above the line extends one that ended
    below it j points earlier, and has one crossing more.
    """
    most = BOXES[-1]
    chance = np.zeros((most + 1, LONGEST + 1, most))
    for longest in range(1, LONGEST + 1):
        ends = np.zeros((2, most + 1, most))
        for n in range(1, most + 1):
            for j in range(1, min(longest, n) + 1):
                weight = np.array([above**j, (1 - above) ** j])
                if j == n:
                    ends[:, n, 0] += weight
                else:
                    ends[:, n, 1:] += weight[:, None] * ends[::-1, n - j, :-1]
        chance[:, longest] = ends.sum(axis=0)
    return chance


def _best_box(stable: np.ndarray, shifted: np.ndarray) -> tuple[int, int]:
    """Among boxes specific enough on stable data, the one that a shift leaves most often."""
    inside, missed = (table[:, ::-1].cumsum(axis=1)[:, ::-1] for table in (stable, shifted))
    best = np.argmin(np.where(inside >= SPECIFICITY, missed, np.inf))
    longest, crossings = np.unravel_index(best, inside.shape)
    return int(longest), int(crossings)


def _cut_box(longest: int, crossings: int, stable: np.ndarray, shifted: np.ndarray) -> tuple[int, int, int, int]:
    """Cut the corner, then cell by cell along the two borders what a shift hits most, while specific enough."""
    spare = stable[longest, crossings:].sum() - SPECIFICITY
    stable, shifted = (np.diff(table, axis=0, prepend=0) for table in (stable, shifted))
    corner_longest, corner_crossings = longest, 0
    borders = {(longest, crossings)}
    while affordable := [cell for cell in borders if stable[cell] <= spare]:
        cell = max(affordable, key=lambda place: shifted[place])
        spare -= stable[cell]
        if cell[0] == longest:
            corner_crossings = cell[1] + 1
        if cell[1] == crossings:
            corner_longest = cell[0] - 1
        borders = {(longest, corner_crossings), (corner_longest, crossings)}
    return longest, crossings, corner_longest, corner_crossings
