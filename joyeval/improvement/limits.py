"""Everything that is known of each kind of chart: centre line, how far chance reaches, what stable series look like.

Formulas as in Montgomery, *Introduction to Statistical Quality Control*, unless another source is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from joyeval.improvement.sheet import ratio, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from joyeval.improvement.rules import RuleSet
    from joyeval.improvement.sheet import Sheet

    Stable = tuple[np.ndarray, np.ndarray | None]

RANGE_LIMIT = 3.267  # upper limit of a moving range over its mean, D4 for two points (Nelson 1982)
MOVING_S_LIMIT = 3.2665  # the same for moving standard deviations, B4 for two points
D2_MEDIAN = 0.954  # median range of two points in standard deviations (Wheeler)
T_POWER = 3.6  # times between events to the power 1/3.6 are nearly normal (Nelson 1994)


LINES = ("value", "centre", "lower", "upper", "lower_95", "upper_95")


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What is drawn, per row: the value, the centre line, limits at 3 and 2 sigma."""

    value: np.ndarray
    centre: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    lower_95: np.ndarray
    upper_95: np.ndarray
    to_mean: np.ndarray | None = None  # per stretch: median left for the mean, as half of the points lie on it

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Lines:
        """Return the lines with every one of them changed the same way."""
        return replace(self, **{name: change(getattr(self, name)) for name in LINES})


@dataclass(frozen=True, kw_only=True)
class Centre:
    """How the centre line is found.

    `given` (per stretch, NaN: not given) goes before `method` ("mean", "median"; None: what the chart is made for).
    """

    given: np.ndarray
    method: str | None = None

    def of(self, sheet: Sheet, default: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Return the centre per stretch."""
        if self.method == "median":
            default = sheet.median(sheet.value if values is None else values)
        return np.where(np.isnan(self.given), default, self.given)


def draw(kind: str, sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    """Return the lines of charts of one kind.

    Where a stretch has fewer points than the rule set asks for, the limits are missing and the centre is the median.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        lines = KINDS[kind].lines(sheet, rules, centre)
    few = sheet.count(sheet.plotted) < rules.limits_from
    if not KINDS[kind].limits or not few.any():
        return lines
    median = centre.of(sheet, sheet.median(lines.value))
    hidden = sheet.each(few)
    blank = {name: np.where(hidden, np.nan, getattr(lines, name)) for name in LINES[2:]}
    return replace(lines, centre=np.where(hidden, sheet.each(median), lines.centre), **blank)


def _lines(
    value: np.ndarray,
    middle: np.ndarray,
    sigma: np.ndarray,
    *,
    centre: np.ndarray | None = None,
    low: float = -np.inf,
    high: float = np.inf,
) -> Lines:
    """Limits at 3 and 2 sigma about `middle`, cut off at what is possible; a limit that is no number is missing."""
    sigma = np.where(np.isfinite(sigma), sigma, np.nan)
    sides = {"lower": -3, "upper": 3, "lower_95": -2, "upper_95": 2}
    limits = {name: np.clip(middle + width * sigma, low, high) for name, width in sides.items()}
    return Lines(value=value, centre=middle if centre is None else centre, **limits)


def mean_range(sheet: Sheet, ranges: np.ndarray, rules: RuleSet, *, limit: float = RANGE_LIMIT) -> np.ndarray:
    """Mean moving range of the baseline per stretch, in the rule set's way of meeting large ranges."""
    mean = sheet.mean(ranges)
    if not rules.screen:
        return mean
    return sheet.mean(ranges, sheet.used & (ranges < limit * sheet.each(mean)))


def _range_sigma(sheet: Sheet, values: np.ndarray, rules: RuleSet) -> np.ndarray:
    ranges = np.abs(sheet.differences(values))
    if rules.screen == "median":
        return sheet.median(ranges) / D2_MEDIAN
    return mean_range(sheet, ranges, rules) / rules.d2


def _run(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    median = sheet.median(sheet.value)
    ties = sheet.count(sheet.used & same(sheet.value, sheet.each(median)))
    varied = sheet.count(sheet.used & ~same(sheet.value, sheet.each(median))) > 0
    to_mean = (centre.method is None) & np.isnan(centre.given) & varied & (2 * ties >= sheet.count(sheet.used))
    line = centre.of(sheet, np.where(to_mean | (centre.method == "mean"), sheet.level(), median))
    none = np.full(len(sheet.value), np.nan)
    return replace(_lines(sheet.value, sheet.each(line), none), to_mean=to_mean)


def _individuals(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = centre.of(sheet, sheet.mean(sheet.value))
    return _lines(sheet.value, sheet.each(middle), sheet.each(_range_sigma(sheet, sheet.value, rules)))


def _moving_range(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    ranges = np.abs(sheet.differences(sheet.value))
    middle = sheet.each(centre.of(sheet, sheet.mean(ranges), ranges))
    return _lines(ranges, np.zeros_like(middle), middle * RANGE_LIMIT / 3, centre=middle, low=0)


def _moving_s(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    """Companion of I': standard deviations of neighbouring points, in units of one case."""
    spreads = _moving_spread(sheet)
    middle = sheet.each(centre.of(sheet, mean_range(sheet, spreads, rules, limit=MOVING_S_LIMIT), spreads))
    return _lines(spreads, np.zeros_like(middle), middle * MOVING_S_LIMIT / 3, centre=middle, low=0)


def _moving_spread(sheet: Sheet) -> np.ndarray:
    """Taylor's moving standard deviation: |difference| scaled by both denominators, unbiased for sigma at n = 1."""
    before = sheet.differences(1 / sheet.n) * -1 + 1 / sheet.n
    return np.sqrt(np.pi / 2) * np.abs(sheet.differences(sheet.value)) / np.sqrt(1 / sheet.n + before)


def _i_prime(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    """Individuals with varying denominators (Taylor 2017); sigma from the baseline only."""
    sigma = mean_range(sheet, _moving_spread(sheet), rules, limit=MOVING_S_LIMIT)
    middle = sheet.each(centre.of(sheet, sheet.level()))
    return _lines(sheet.value, middle, sheet.each(sigma) / np.sqrt(sheet.n))


def _p(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, sheet.level()))
    return _lines(sheet.value, middle, np.sqrt(middle * (1 - middle) / sheet.n), low=0, high=1)


def _p_prime(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, sheet.level()))
    return _laney(sheet, rules, middle, np.sqrt(middle * (1 - middle) / sheet.n), high=1)


def _u(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, sheet.level()))
    return _lines(sheet.value, middle, np.sqrt(middle / sheet.n), low=0)


def _u_prime(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, sheet.level()))
    return _laney(sheet, rules, middle, np.sqrt(middle / sheet.n), high=np.inf)


def _laney(sheet: Sheet, rules: RuleSet, middle: np.ndarray, sigma: np.ndarray, *, high: float) -> Lines:
    """Limits widened by the variation between points beyond sampling (Laney 2002)."""
    z = ratio(sheet.value - middle, sigma)
    widened = sheet.each(_range_sigma(sheet, z, rules) if sheet.in_time else _standard_deviation(sheet, z)) * sigma
    return _lines(sheet.value, middle, widened, low=0, high=high)


def _standard_deviation(sheet: Sheet, values: np.ndarray) -> np.ndarray:
    squares = (values - sheet.each(sheet.mean(values))) ** 2
    return np.sqrt(ratio(sheet.total(squares, sheet.used), sheet.count(sheet.used) - 1))


def _c(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, sheet.mean(sheet.value)))
    return _lines(sheet.value, middle, np.sqrt(middle), low=0)


def _g(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    """Cases between events: limits about the mean, but runs (and so the centre line) about the median."""
    line = np.where(np.isnan(centre.given), sheet.median(sheet.value), centre.given)
    mean = sheet.each(np.where(np.isnan(centre.given), sheet.mean(sheet.value), centre.given / np.log(2)))
    return _lines(sheet.value, mean, np.sqrt(mean * (mean + 1)), centre=sheet.each(line), low=0)


def _t(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    """Time between events: an individuals chart of time ** (1 / 3.6), turned back."""
    power = replace(sheet, value=sheet.value ** (1 / T_POWER))
    lines = _individuals(power, rules, replace(centre, given=centre.given ** (1 / T_POWER)))
    return replace(lines.map(lambda line: np.maximum(line, 0) ** T_POWER), value=sheet.value)


def c4(n: np.ndarray) -> np.ndarray:
    """Return the expected standard deviation of n normal values, in units of the true one.

    Examples
    --------
    >>> round(float(c4(5)), 4)
    0.94
    """
    from scipy.special import gammaln

    n = np.asarray(n, float)
    return np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))


def _within(sheet: Sheet) -> np.ndarray:
    """Spread within subgroups: their mean where sizes are equal, else pooled over degrees of freedom."""
    used = sheet.used & (sheet.n > 1)
    pooled = np.sqrt(ratio(sheet.total((sheet.n - 1) * sheet.spread**2, used), sheet.total(sheet.n - 1, used)))
    uneven = sheet.count(used & (sheet.n != sheet.each(sheet.mean(sheet.n, used)))) > 0
    return np.where(uneven, pooled, sheet.mean(sheet.spread, used))


def _xbar(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, sheet.level()))
    return _lines(sheet.value, middle, sheet.each(_within(sheet)) / (c4(sheet.n) * np.sqrt(sheet.n)))


def _s(sheet: Sheet, rules: RuleSet, centre: Centre) -> Lines:
    middle = sheet.each(centre.of(sheet, _within(sheet), sheet.spread))
    expected = c4(sheet.n)
    return _lines(sheet.spread, middle, middle * np.sqrt(1 - expected**2) / expected, low=0)


def _values_or_shares(rng: Generator, level: float, n: np.ndarray, *, counted: bool) -> Stable:
    """Draw normal values, or of n cases each as many as have something."""
    return (rng.binomial(n.astype(int), level).astype(float) if counted else rng.normal(size=len(n))), None


def _rates(rng: Generator, level: float, n: np.ndarray, *, counted: bool) -> Stable:
    return rng.poisson(level * n).astype(float), None


def _counts(rng: Generator, level: float, n: np.ndarray, *, counted: bool) -> Stable:
    return rng.poisson(level, len(n)).astype(float), None


def _cases_between(rng: Generator, level: float, n: np.ndarray, *, counted: bool) -> Stable:
    return rng.geometric(1 / (1 + level), len(n)) - 1.0, None


def _times_between(rng: Generator, level: float, n: np.ndarray, *, counted: bool) -> Stable:
    return rng.exponential(level, len(n)), None


def _subgroups(rng: Generator, level: float, n: np.ndarray, *, counted: bool) -> Stable:
    free = np.maximum(n - 1, 1)
    return rng.normal(size=len(n)) * np.sqrt(n), np.sqrt(rng.chisquare(free) / free)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """All that is known of one kind of chart.

    Parameters
    ----------
    title : str
        Its name in full.
    lines : callable
        Finds centre and limits.
    stable : callable
        Draws points of series in which nothing changes, from a generator, their level, their denominators and whether
        these count cases; returns y, and the spread within subgroups.
    """

    title: str
    lines: Callable[[Sheet, RuleSet, Centre], Lines]
    stable: Callable[..., Stable]
    denominator: bool | None = None  # True: needs n; False: takes none; None: either
    lowest: float = -np.inf  # of y
    share: bool = False  # y is part of n
    events: bool = False  # y counts events, or what lies between them, so that the people are in it and not in n
    mean: bool = False  # the level of a series is its mean, not a share
    subgroups: bool = False  # several rows per point, by design
    moving: bool = False  # a point compares two neighbours: no runs test
    derived: bool = False  # a point is no value of the data, but how far they spread
    limits: bool = True  # chance has limits, not runs alone
    timeless: bool = False  # limits do not rest on the order of points, so that x may be categories


_SHARES = {"stable": _values_or_shares, "denominator": True, "lowest": 0, "share": True, "timeless": True}
_RATES = {"stable": _rates, "denominator": True, "lowest": 0, "events": True, "mean": True, "timeless": True}
_GROUPS = {"stable": _subgroups, "denominator": False, "subgroups": True, "timeless": True}
_MOVING = {"stable": _values_or_shares, "moving": True, "derived": True}
_COUNTS = {"denominator": False, "lowest": 0, "events": True, "mean": True, "timeless": True}
_BETWEEN = {"stable": _times_between, "denominator": False, "lowest": np.nextafter(0, 1), "events": True}

KINDS = {
    "run": Kind(title="run chart", lines=_run, stable=_values_or_shares, limits=False),
    "i": Kind(title="individuals chart (XmR)", lines=_individuals, stable=_values_or_shares),
    "mr": Kind(title="moving range chart", lines=_moving_range, **_MOVING),
    "ms": Kind(title="moving standard deviation chart", lines=_moving_s, **_MOVING),
    "p": Kind(title="P chart", lines=_p, **_SHARES),
    "p'": Kind(title="P' chart (Laney)", lines=_p_prime, **_SHARES),
    "u": Kind(title="U chart", lines=_u, **_RATES),
    "u'": Kind(title="U' chart (Laney)", lines=_u_prime, **_RATES),
    "c": Kind(title="C chart", lines=_c, stable=_counts, **_COUNTS),
    "g": Kind(title="G chart (cases between events)", lines=_g, stable=_cases_between, **_COUNTS),
    "t": Kind(title="T chart (time between events)", lines=_t, **_BETWEEN),
    "xbar": Kind(title="Xbar chart", lines=_xbar, **_GROUPS),
    "s": Kind(title="S chart", lines=_s, derived=True, **_GROUPS),
    "i'": Kind(title="I' chart (Taylor)", lines=_i_prime, stable=_values_or_shares),
}
