"""How well a level is known when its points hold chance and something that moves slowly from week to week.

A point is course + slow + noise, and the level is the mean of the course. What a programme does takes time to arrive:
the course of a side is a line where it has enough points, and bends once where it has many. As a plain level, a ramp
after the start counted as a movement that might turn back, and doubled the interval of the change.

`slow` is autoregressive with correlation `phi` between neighbours and `share` times as variable as the noise of an
average point; noise has variance 1 / n in units that each side of a comparison has of its own. Binomial noise hides
`slow` from the correlation of neighbours (.8 between weeks shows as .1 with nine answers a week), so that neither
number is estimated and then taken as known: each of a grid of both gives a variance by restricted likelihood (a Kalman
filter per side), and the interval is that of the mixture over the grid. What series have in common is learned from all
of them together.

The weights before anything is seen were chosen by simulation (docs/improvement.md): one series of 20 weeks says almost
nothing of `phi`, and intervals that allow for .8 are then wide.

References
----------
Harville (1974), Biometrika 61(2), 383-385, doi:10.1093/biomet/61.2.383 (restricted likelihood).
Durbin & Koopman (2012), Time Series Analysis by State Space Methods, doi:10.1093/acprof:oso/9780199641178.001.0001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import beta, stdtr, stdtrit

if TYPE_CHECKING:
    from joyeval.improvement.sheet import Sheet

_PHI = {0.0: 1.0, 0.4: 1.0, 0.6: 1.0, 0.8: 4.0, 0.95: 10.0}  # correlation of neighbours: its weight in a short series
_SHARES = (0.05, 0.15, 0.5, 1.5, 5.0, 20.0)  # variance of what moves slowly, in variances of the noise: alike in weight
_GRID = np.array([(0.0, 0.0), *((phi, share) for phi in _PHI for share in _SHARES)])
_SHORT = 26  # points up to which the weights are those of a short series; more points speak for themselves
_NONE = 4.0  # weight of noise alone in a short series
ALONE = 0.5  # series that the weights before count as, when series are pooled
ROUNDS = 100
STEPS = 30
LINE, BENT = 8, 26  # points of a side from which its course is a line, and a line that bends
BEND = 1 / 3  # of the side, where


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of the comparison at every point of the grid; arrays are (series, grid) where not said otherwise.

    Parameters
    ----------
    log_likelihood, unit : ndarray
        Restricted likelihood, its scale integrated out, and the scale: variance of the noise of an average point.
    variance : ndarray
        Of the level.
    df : ndarray, shape (series,)
        Points less what its course has to estimate.
    carried : ndarray
        Covariance of the level with what moves slowly at the last point, in units.
    weights : ndarray, shape (series, points)
        Weight of each point in the level.
    begin, end : ndarray of int, shape (series,)
        First and last row, counted within the series.
    """

    log_likelihood: np.ndarray
    unit: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    carried: np.ndarray
    weights: np.ndarray
    begin: np.ndarray
    end: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The standard error of a difference of two levels, not one number but a mixture; arrays are (series, grid)."""

    chance: np.ndarray
    se: np.ndarray
    df: np.ndarray

    @property
    def typical(self) -> np.ndarray:
        """Return one standard error per series: the root of the mean variance."""
        return np.sqrt((self.chance * self.se**2).sum(axis=1))

    def within(self, half: np.ndarray) -> np.ndarray:
        """Chance that the error is smaller than `half`, per series."""
        return (self.chance * (1 - 2 * stdtr(self.df, -half[:, None] / self.se))).sum(axis=1)

    def half_width(self, level: float) -> np.ndarray:
        """Half the width of the interval, per series; missing where the standard error is."""
        df, se, chance = (np.nan_to_num(x, nan=1.0) for x in np.broadcast_arrays(self.df, self.se, self.chance))
        half = (stdtrit(df, (1 + level) / 2) * se).min(axis=1)
        for _ in range(STEPS):  # `within` is concave, so that Newton's steps from below never pass the root
            z = half[:, None] / se
            slope = 2 * (chance * _density(df, z) / se).sum(axis=1)
            step = (level - (chance * (1 - 2 * stdtr(df, -z))).sum(axis=1)) / slope
            half = half + step
            if (np.abs(step) <= 1e-9 * half).all():
                break
        return np.where(np.isfinite(self.typical), half, np.nan)


def _density(df: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Of the t distribution."""
    return (1 + z**2 / df) ** (-(df + 1) / 2) / (np.sqrt(df) * beta(0.5, df / 2))


def side(sheet: Sheet, rows: np.ndarray, level: np.ndarray, *, fewest: int) -> Side:
    """Filter the rows of one side of every series; `level` is their ratio or mean, unknown below `fewest` points."""
    grid = _GRID if sheet.in_time else _GRID[:1]
    phi, share = grid[:, 0], grid[:, 1]
    value, n, begin, end = _laid_out(sheet, rows)
    seen = np.isfinite(value)
    points = seen.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.nan_to_num(n / n.sum(axis=1, keepdims=True))
        noise = (points / np.where(seen, 1 / n, 0).sum(axis=1))[:, None] / n
    off = np.nan_to_num(value - level[:, None])
    course, free = _course(points, off.shape[1], end - begin, in_time=sheet.in_time)
    sums = _filter(off, np.where(seen, noise, 1.0), seen, weights, end - begin, phi, share, course)
    xx = sums["xx"] + np.eye(course.shape[2]) * (np.arange(course.shape[2]) >= free[:, None, None, None])
    xx[points == 0] = np.eye(course.shape[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(points > free, points - free, np.nan).astype(float)
        fitted = (sums["xy"] * np.linalg.solve(xx, sums["xy"][..., None])[..., 0]).sum(axis=2)
        squares = sums["yy"] - fitted
        squares = np.where(squares > 1e-12 * np.maximum(sums["yy"].max(axis=1, keepdims=True), 1e-300), squares, 0)
        unit = squares / df[:, None]
        known = -(sums["log"] + np.linalg.slogdet(xx)[1] + df[:, None] * np.log(squares)) / 2
    return Side(
        log_likelihood=np.where(np.isfinite(known), known, 0.0),
        unit=unit,
        variance=np.where((points >= fewest)[:, None], unit * sums["level"], np.nan),
        df=df,
        carried=sums["carried"],
        weights=weights,
        begin=begin,
        end=end,
    )


def spread(sheet: Sheet, first: Side, second: Side, scale: tuple[np.ndarray, np.ndarray] | None = None) -> Spread:
    """Mix the standard errors of second less first, each level times its `scale` (1 / level for logarithms)."""
    grid = _GRID if sheet.in_time else _GRID[:1]
    one, two = (np.ones(len(first.df)),) * 2 if scale is None else scale
    parts = [one[:, None] ** 2 * first.variance, two[:, None] ** 2 * second.variance]
    apart = sum(parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = apart**2 / sum(part**2 / side.df[:, None] for part, side in zip(parts, (first, second), strict=True))
        together = _together(grid, first, second) * (one * two)[:, None]
        se = np.sqrt(np.where(apart > 0, np.maximum(apart - 2 * together, 0.1 * apart), np.nan))
    before = _before(grid, first.df + second.df + 2)
    return Spread(chance=_learned(before, first.log_likelihood + second.log_likelihood), se=se, df=df)


def _before(grid: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Weights of the grid before a series is seen, by its number of points."""
    length = np.maximum(np.nan_to_num(points), _SHORT)[:, None] / _SHORT
    weights = np.array([_PHI[phi] for phi in grid[:, 0]]) ** (1 / length)
    weights = np.where(grid[:, 1] == 0, _NONE * np.sqrt(length), weights)
    return weights / weights.sum(axis=1, keepdims=True)


def _laid_out(sheet: Sheet, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Value and denominator, one row per series and one column per point from its first on; first and last row."""
    starts = np.searchsorted(sheet.stretch, np.arange(sheet.stretches))
    at, owner = (np.arange(len(rows)) - starts[sheet.stretch])[rows], sheet.stretch[rows]
    begin, end = np.full(sheet.stretches, len(rows)), np.zeros(sheet.stretches, int)
    np.minimum.at(begin, owner, at)
    np.maximum.at(end, owner, at)
    begin = np.minimum(begin, end)
    shape = (sheet.stretches, int((end - begin).max(initial=0)) + 1)
    value, n = np.full(shape, np.nan), np.zeros(shape)
    value[owner, at - begin[owner]], n[owner, at - begin[owner]] = sheet.value[rows], sheet.n[rows]
    return value, n, begin, end


def _course(points: np.ndarray, width: int, last: np.ndarray, *, in_time: bool) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the course of a side, (series, points, 3), and how many of them each series has; others are 0."""
    along = np.arange(width) / np.maximum(last, 1)[:, None]
    columns = np.stack([np.ones_like(along), along - 0.5, np.maximum(along - BEND, 0)], axis=2)
    free = 1 + (points >= LINE) * in_time + (points >= BENT) * in_time
    return np.where(np.arange(3) < free[:, None, None], columns, 0.0), free


def _filter(
    off: np.ndarray,
    noise: np.ndarray,
    seen: np.ndarray,
    weights: np.ndarray,
    last: np.ndarray,
    phi: np.ndarray,
    share: np.ndarray,
    course: np.ndarray,
) -> dict[str, np.ndarray]:
    """Run the filter on the values and on the columns of the course; sums of products of innovations, per series.

    Value and columns lie along the first axis, so that each step is done for all series and the grid at once.
    """
    shape = (len(off), len(phi))
    given = np.concatenate([off[None], course.transpose(2, 0, 1)])
    products = np.zeros((len(given), len(given), *shape))  # the upper triangle is filled
    log, level, carried, state = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros((len(given), *shape))
    variance, moves = np.broadcast_to(share, shape), share * (1 - phi**2)
    for t in range(off.shape[1]):
        here, w = seen[:, t, None], weights[:, t, None]
        total = variance + noise[:, t, None]
        inverse = here / total
        error = given[:, :, t, None] - state
        weighed = error * inverse
        for row in range(len(given)):
            products[row, row:] += weighed[row] * error[row:]
        log += here * np.log(total)
        level += w**2 * (share + noise[:, t, None]) + 2 * w * carried * phi
        state = phi * (state + variance * weighed)
        variance = phi**2 * (variance - variance**2 * inverse) + moves
        carried = np.where((t <= last)[:, None], phi * carried + w * share, carried)
    lower, upper = np.tril_indices(len(given), -1)
    products[lower, upper] = products[upper, lower]
    products = products.transpose(2, 3, 0, 1)
    sums = {"yy": products[..., 0, 0], "xy": products[..., 0, 1:], "xx": products[..., 1:, 1:]}
    return sums | {"log": log, "level": level, "carried": carried}


def _together(grid: np.ndarray, first: Side, second: Side) -> np.ndarray:
    """Covariance of the two levels: the end of the first side is near the beginning of the second."""
    found = np.zeros_like(first.carried)
    near = grid[:, 0] ** np.maximum(second.begin - first.end, 0)[:, None]
    for t in range(second.weights.shape[1]):
        found += second.weights[:, t, None] * near
        near = near * grid[:, 0]
    return found * first.carried * np.sqrt(first.unit * second.unit)


def _learned(before: np.ndarray, log_likelihood: np.ndarray) -> np.ndarray:
    """Chance of each point of the grid in each series, given the series and what all series together say."""
    like = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    chance = like * before
    for _ in range(ROUNDS if len(like) > 1 else 0):
        chance /= chance.sum(axis=1, keepdims=True)
        chance = like * (ALONE * before + chance.sum(axis=0))
    return chance / chance.sum(axis=1, keepdims=True)
