"""What a stranger can work out of drawings and tables: the attacks that the gate is held against."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
from lxml import etree

SPACE = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
LARGEST = 40  # answers of a team in a week, as a stranger would suppose
ACROSS = 300  # points; a panel is narrower
NEAR = 2e-6  # of a share, to which a coordinate is printed


def solved(svg: str) -> list[float]:
    """Values of all points of small multiples or of one chart, from their coordinates and the scales beside them."""
    tree = etree.fromstring(svg.encode())
    scales = _scales(tree)
    inside = [y for y in _points(tree) if scales and y <= scales[-1][0] + 1]  # below stands the legend
    return [_value(y, scales) for y in inside]


def _points(tree) -> list[float]:
    groups = [g for g in tree.iter(f"{SPACE}g") if g.get("id", "").startswith("PathCollection")]
    marks = [use for group in groups for use in group.iter(f"{SPACE}use")]
    return [float(use.get("y")) for use in marks if use.get(LINK, "").startswith("#")]


def _scales(tree) -> list[tuple[float, float]]:
    """Height on the page and value of every number on a scale at the left."""
    found = []
    for group in tree.iter(f"{SPACE}g"):
        said = [c.text.strip() for c in group if isinstance(c, etree._Comment)]
        place = next(
            (g.get("transform", "") for g in group.iter(f"{SPACE}g") if "translate" in g.get("transform", "")), ""
        )
        at = re.match(r"translate\(([\d.]+) ([\d.]+)\)", place)
        if len(said) == 1 and re.fullmatch(r"[\d.]+", said[0]) and at and float(at[1]) < 60:
            lines = [height for height in _level(tree) if abs(height - float(at[2])) < 6]
            found += [(min(lines, key=lambda height: abs(height - float(at[2]))), float(said[0]))] if lines else []
    return sorted(found)


def _level(tree) -> list[float]:
    """Heights of the lines that go all across."""
    ends = r"M ([\d.]+) ([\d.]+) \s*L ([\d.]+) ([\d.]+)"
    lines = [re.match(ends, path.get("d", "")) for path in tree.iter(f"{SPACE}path")]
    across = [line for line in lines if line and line[2] == line[4] and float(line[3]) - float(line[1]) > ACROSS]
    return [float(line[2]) for line in across]


def _value(y: float, scales: list[tuple[float, float]]) -> float:
    """Between the scale just below and the one just above."""
    heights = np.array([height for height, _ in scales])
    below = min(int(np.searchsorted(heights, y)), len(scales) - 1)
    below = max(below, 1)
    (top, high), (floor, low) = scales[below - 1], scales[below]
    return high + (low - high) * (y - top) / (floor - top)


def claims(values) -> set[Fraction]:
    """Shares that values in per cent give away exactly: positive answers of so many."""
    shares = [(value / 100, Fraction(value / 100).limit_denominator(LARGEST)) for value in values]
    return {share for value, share in shares if abs(value - float(share)) < NEAR and share.denominator > 1}


def candidates(percent: float, near: float) -> int:
    """How many pairs of positive and all answers fit a percentage beside their number to the nearest 5."""
    return sum(
        1
        for n in range(1, LARGEST + 1)
        if round(n / 5) * 5 == near
        for k in range(n + 1)
        if abs(100 * k / n - percent) < 0.05
    )
