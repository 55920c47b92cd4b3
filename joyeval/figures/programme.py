"""Figures of the programme: its driver diagram, and one mark for each team by its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from matplotlib.patches import FancyBboxPatch

from joyeval.figures.door import drawing
from joyeval.figures.style import BETTER, DOUBLE_COLUMN, GREY, INK, PALE, PURPLE, WORSE, new
from joyeval.figures.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

LINE_MM, PAD_MM, GAP_MM = 3.6, 2.0, 2.6  # a line of text at 8 pt; inside a box; between boxes
HEADINGS = ("Aim", "Primary drivers", "Secondary drivers", "Change ideas")
# Left edge, width in mm and letters to a line of each column; the second set has no secondary drivers.
COLUMNS = ((0, 34, 21), (41, 34, 21), (82, 38, 24), (127, 43, 28))
NARROWER = ((0, 42, 27), (52, 46, 30), (52, 46, 30), (108, 62, 42))
MARKS = {  # verdict: marker, colour, fill
    "clearly_better": ("^", BETTER, BETTER),
    "clearly_worse": ("v", WORSE, WORSE),
    "clearly_changed": ("D", PURPLE, PURPLE),
    "not_clear": ("o", GREY, GREY),
    "cannot_be_judged": ("o", GREY, "white"),
}


@dataclass
class _Box:
    """Text in one column, and where it stands: top and height in mm."""

    lines: list[str]
    top: float = 0.0
    height: float = 0.0

    @property
    def middle(self) -> float:
        return self.top + self.height / 2

    @property
    def needs(self) -> float:
        return len(self.lines) * LINE_MM + 2 * PAD_MM


@drawing
def driver_diagram(aim: str, ideas: Sequence[tuple[str, str, str]], *, ax: Axes | None = None) -> Axes:
    """Draw what the programme works on: aim, primary drivers, secondary drivers, change ideas, from left to right.

    Parameters
    ----------
    aim : str
    ideas : sequence of (str, str, str)
        Primary driver, secondary driver (empty where there is none) and change idea, in order.
    """
    deep = any(secondary for _, secondary, _ in ideas)
    columns = COLUMNS if deep else NARROWER
    rows = _rows(ideas, columns)
    bottom = _stacked(rows)
    target = _Box(wrap(clean(aim), columns[0][2]))
    target.height = target.needs
    target.top = max(8.0, (8 + bottom - target.height) / 2)
    height = max(bottom, target.top + target.height)
    ax = ax or new(height_mm=height + 2)[1]
    ax.set(xlim=(0, DOUBLE_COLUMN), ylim=(height + 1, 0))
    ax.set_axis_off()
    for (left, _, _), heading in zip(columns, HEADINGS, strict=True):
        if deep or heading != "Secondary drivers":
            ax.text(left, 3.5, heading, fontweight="bold", va="center")
    _box(ax, columns[0], target, fill="#E4EEF6")
    for primary, below in rows:
        _join(ax, columns[0], target, columns[1], primary)
        _box(ax, columns[1], primary, fill="#F1F1F1")
        for secondary, change in below:
            if deep:
                _join(ax, columns[1], primary, columns[2], secondary)
                _box(ax, columns[2], secondary, fill="white")
            _join(ax, columns[2 if deep else 1], secondary if deep else primary, columns[3], change)
            _box(ax, columns[3], change, fill=None)
    return ax


@drawing
def driver_diagram_alt(aim: str, ideas: Sequence[tuple[str, str, str]]) -> str:
    """Say all that the driver diagram holds, driver by driver."""
    tree: dict[str, dict[str, list[str]]] = {}
    for primary, secondary, idea in ideas:
        tree.setdefault(clean(primary), {}).setdefault(clean(secondary), []).append(clean(idea))
    told = []
    for primary, below in tree.items():
        parts = [f"{name} ({', '.join(named)})" if name else ", ".join(named) for name, named in below.items()]
        told.append(f"{primary}: {'; '.join(parts)}")
    return f"Driver diagram. Aim: {clean(aim)} Primary drivers, each with what leads to it. " + ". ".join(told) + "."


def _rows(ideas: Sequence[tuple[str, str, str]], columns: tuple) -> list[tuple[_Box, list[tuple[_Box, _Box]]]]:
    """Group the ideas under their drivers, each text wrapped to its column."""
    tree: dict[str, dict[str, list[str]]] = {}
    for primary, secondary, idea in ideas:
        tree.setdefault(primary, {}).setdefault(secondary, []).append(idea)
    return [
        (
            _Box(wrap(clean(primary), columns[1][2])),
            [
                (
                    _Box(wrap(clean(secondary), columns[2][2])),
                    _Box([line for idea in named for line in wrap(f"• {clean(idea)}", columns[3][2])]),
                )
                for secondary, named in below.items()
            ],
        )
        for primary, below in tree.items()
    ]


def _stacked(rows: list[tuple[_Box, list[tuple[_Box, _Box]]]]) -> float:
    """Give every box its place, drivers in the middle of what leads to them; return where the last one ends."""
    top = 8.0
    for primary, below in rows:
        first = top
        for secondary, change in below:
            room = max(secondary.needs, change.needs)
            for box in (secondary, change):
                box.height = box.needs
                box.top = top + (room - box.needs) / 2
            top += room + GAP_MM
        top = max(top, first + primary.needs + GAP_MM)
        primary.height = primary.needs
        primary.top = (first + top - GAP_MM - primary.needs) / 2
        top += GAP_MM
    return top - 2 * GAP_MM


def _box(ax: Axes, column: tuple[float, float, int], box: _Box, *, fill: str | None) -> None:
    left, width, _ = column
    if fill:
        shape = FancyBboxPatch(
            (left + 1, box.top + 0.5), width - 2, box.height - 1, boxstyle="round,pad=0.5", fc=fill, ec=GREY, lw=0.6
        )
        ax.add_patch(shape)
    ax.text(left + PAD_MM, box.middle, "\n".join(box.lines), va="center", color=INK, linespacing=1.25)


def _join(ax: Axes, left: tuple[float, float, int], near: _Box, right: tuple[float, float, int], far: _Box) -> None:
    start, end = left[0] + left[1], right[0]
    middle = (start + end) / 2
    ax.plot(
        [start, middle, middle, end], [near.middle, near.middle, far.middle, far.middle], color=GREY, lw=0.7, zorder=0.5
    )


@drawing
def team_marks(counts: Mapping[str, int], *, words: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Draw one mark for each team, in groups by verdict; shape and colour both tell the verdict.

    Parameters
    ----------
    counts : mapping of str to int
        Teams that are "clearly_better", "clearly_worse", "clearly_changed", "not_clear", "cannot_be_judged".
    words : mapping of str to str
        The same verdicts in the words of the report.
    """
    shown = [(verdict, count) for verdict, count in counts.items() if count]
    ax = ax or new(height_mm=15)[1]
    at = 0.0
    for verdict, count in shown:
        marker, color, fill = MARKS[verdict]
        room = max(count, 0.62 * len(f"{count} {words[verdict]}"))
        ax.plot(
            [at + i for i in range(count)], [0] * count, ls="", ms=6.5, marker=marker, color=color, markerfacecolor=fill
        )
        ax.text(at - 0.35, -1, f"{count} {words[verdict]}", va="top", fontsize=9)
        at += room + 1.2
    ax.set(xlim=(-0.8, max(at, 32)), ylim=(-2.6, 0.9))
    ax.set_axis_off()
    ax.axhline(-0.75, color=PALE, lw=0.6, zorder=0)
    return ax
