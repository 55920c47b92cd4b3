"""Which points a rule set picks out, and whether the runs of a chart are unlike chance.

Every rule looks at plotted points only: a missing or excluded point is passed over, so that it neither makes
nor breaks a signal. No rule crosses from one stretch to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.improvement.runs import run_limits
from joyeval.improvement.sheet import side

if TYPE_CHECKING:
    from joyeval.improvement.limits import Lines
    from joyeval.improvement.rules import RuleSet
    from joyeval.improvement.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Per row, 1 for a signal upwards, -1 downwards, 0 for none."""

    beyond: np.ndarray
    shift: np.ndarray
    trend: np.ndarray
    two_of_three: np.ndarray

    @property
    def direction(self) -> np.ndarray:
        """Direction of the first rule that fires, in the order beyond, trend, two of three, shift."""
        rules = (self.beyond, self.trend, self.two_of_three, self.shift)
        return np.select([rule != 0 for rule in rules], rules, np.int8(0))


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Runs about the centre line, per stretch; counts are 0 where no point is off the line."""

    useful: np.ndarray
    longest: np.ndarray
    longest_max: np.ndarray
    crossings: np.ndarray
    crossings_min: np.ndarray
    signal: np.ndarray


def find(sheet: Sheet, lines: Lines, rules: RuleSet, kind: str, *, tested: bool) -> tuple[Signals, Runs]:
    """Apply a rule set; `tested` says whether order means something, so that runs may be judged."""
    rows = np.flatnonzero(sheet.kept & np.isfinite(lines.value))
    stretch, value = sheet.stretch[rows], lines.value[rows]
    sides = side(value, lines.centre[rows])
    runs, shift = _runs(stretch, sides, sheet.stretches, rules.runs if tested else None)
    if rules.shift:
        shift = _shift(stretch, sides, rules.shift_for(kind), rules.ties)
    found = {
        "shift": shift * np.int8(tested),
        "trend": _trend(stretch, value, rules.trend, rules.ties) * np.int8(tested),
        "two_of_three": _two_of_three(stretch, sides, lines, rows, rules.two_of_three),
    }
    beyond = side(lines.value, lines.upper).clip(0, 1) + side(lines.value, lines.lower).clip(-1, 0)
    spread = {name: _to_rows(flags, rows, len(lines.value)) for name, flags in found.items()}
    return Signals(beyond=beyond * np.int8(rules.beyond), **spread), runs


def _to_rows(flags: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros(size, np.int8)
    out[rows] = flags
    return out


def run_starts(stretch: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Places where a block of equal keys within one stretch begins."""
    begins = np.ones(len(key), bool)
    begins[1:] = (key[1:] != key[:-1]) | (stretch[1:] != stretch[:-1])
    return np.flatnonzero(begins)


def _runs(stretch: np.ndarray, sides: np.ndarray, stretches: int, method: str | None) -> tuple[Runs, np.ndarray]:
    """Return the runs about the centre, and the points of runs longer than the limit (with their side).

    Without a method the runs are described by the Anhøj limits, but nothing is a signal.
    """
    off = np.flatnonzero(sides)
    starts = run_starts(stretch[off], sides[off])
    lengths = np.diff(np.append(starts, len(off)))
    owner = stretch[off][starts]
    useful = np.bincount(stretch[off], minlength=stretches)
    longest = np.zeros(stretches, np.int64)
    np.maximum.at(longest, owner, lengths)
    crossings = np.maximum(np.bincount(owner, minlength=stretches) - 1, 0)
    limits = run_limits(useful, method=method or "anhoej")
    signal = limits.signal(longest, crossings) & (useful > 0) & (method is not None)
    long = np.zeros(len(sides), np.int8)
    if method:
        long[off] = np.repeat(lengths > limits.longest_max[owner], lengths) * sides[off]
    return Runs(
        useful=useful,
        longest=longest,
        longest_max=limits.longest_max,
        crossings=crossings,
        crossings_min=limits.crossings_min,
        signal=signal,
    ), long


def _shift(stretch: np.ndarray, sides: np.ndarray, points: int, ties: str) -> np.ndarray:
    """Points of runs of at least `points` on one side; a point on the line is passed over or ends the run."""
    looked = np.flatnonzero(sides) if ties == "skip" else np.arange(len(sides))
    starts = run_starts(stretch[looked], sides[looked])
    lengths = np.diff(np.append(starts, len(looked)))
    out = np.zeros(len(sides), np.int8)
    out[looked] = np.repeat(lengths >= points, lengths) * sides[looked]
    return out


def _trend(stretch: np.ndarray, value: np.ndarray, points: int | None, ties: str) -> np.ndarray:
    """Points of unbroken rises or falls of at least `points`; a repeated value is passed over or ends it."""
    out = np.zeros(len(value), np.int8)
    if points is None or not len(value):
        return out
    follows = np.append(False, stretch[1:] == stretch[:-1])
    steps = np.where(follows, side(value, np.roll(value, 1)), np.int8(0))
    looked = np.flatnonzero((steps != 0) | ~follows) if ties == "skip" else np.arange(len(value))
    starts = run_starts(stretch[looked], steps[looked])
    lengths = np.diff(np.append(starts, len(looked)))
    long = np.repeat(lengths >= points - 1, lengths) * steps[looked]
    first = np.append(long[1:] * (long[:-1] != long[1:]) * follows[looked][1:], np.int8(0))  # the point it starts from
    out[looked] = np.where(long != 0, long, first)
    return out


def _two_of_three(
    stretch: np.ndarray, sides: np.ndarray, lines: Lines, rows: np.ndarray, how: str | None
) -> np.ndarray:
    """Far points of three in a row on one side of the centre of which two are far out."""
    out = np.zeros(len(sides), np.int8)
    if how is None or len(sides) < 3:
        return out
    value = lines.value[rows]
    far = (side(value, lines.upper_95[rows]) > 0) | (side(value, lines.lower_95[rows]) < 0)
    if how == "outer third":
        far &= (side(value, lines.upper[rows]) <= 0) & (side(value, lines.lower[rows]) >= 0)
    one_side = (stretch[2:] == stretch[:-2]) & (sides[2:] == sides[1:-1]) & (sides[1:-1] == sides[:-2])
    hit = one_side & (far[2:].astype(np.int8) + far[1:-1] + far[:-2] >= 2)
    near_hit = np.zeros(len(sides), bool)
    for offset in range(3):
        near_hit[offset : len(sides) - 2 + offset] |= hit
    return np.where(near_hit & far, sides, out)
