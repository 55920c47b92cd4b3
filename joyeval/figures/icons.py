"""Icons of variation and assurance, and the overview of many measures: sparkline, numbers, icons.

The meanings are those of NHS Making Data Count, the drawings our own: round and calm for common cause, a diamond for
the better, a triangle for the worse, a square for neither; a ring with a tick, a cross or a wave for the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from joyeval.errors import UsageError
from joyeval.figures.door import drawing
from joyeval.figures.style import BETTER, DOUBLE_COLUMN, GREY, INK, MM, PALE, PURPLE, WORSE, styled
from joyeval.figures.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from joyeval.improvement import Overview

ANGLES = np.linspace(0, 2 * np.pi, 41)
CIRCLE = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
SHAPES = {  # outlines in a circle of radius 1
    "common": (CIRCLE, GREY),
    "improvement": (np.array([(0, 1.08), (1.08, 0), (0, -1.08), (-1.08, 0)]), BETTER),
    "concern": (np.array([(0, 1.1), (1.1, -0.85), (-1.1, -0.85)]), WORSE),
    "neutral": (np.array([(-0.85, 0.85), (0.85, 0.85), (0.85, -0.85), (-0.85, -0.85)]), PURPLE),
}
WAVE = np.column_stack([np.linspace(-0.65, 0.65, 31), 0.28 * np.sin(np.linspace(0, 4 * np.pi, 31))])
SIGNS = {
    "high": np.array([(-0.32, 0.0), (0, 0.36), (0.32, 0.0), (0, 0.36), (0, -0.5)]),
    "low": np.array([(-0.32, -0.14), (0, -0.5), (0.32, -0.14), (0, -0.5), (0, 0.36)]),
    "cause": WAVE,
    "pass": np.array([(-0.45, 0.0), (-0.12, -0.38), (0.5, 0.4)]),
    "fail": np.array([(-0.4, -0.4), (0.4, 0.4), (0, 0), (-0.4, 0.4), (0.4, -0.4)]),
    "inconsistent": WAVE,
}
ROW_MM = 8.0
SPARK_MM = (46.0, 82.0)  # from left to right
COLUMNS = {  # where the text of a column stands, in mm, and by which side
    "Series": (1, "left"), "Course": (46, "left"), "Latest": (95, "right"), "Centre": (108, "right"),
    "Target": (121, "right"), "Variation": (130, "center"), "Assurance": (145, "center"), "Signal": (154, "left"),
}  # fmt: skip
RINGS = {"pass": BETTER, "fail": WORSE, "inconsistent": GREY}
MEANING = {
    "common_cause": "common cause: no signal at the last point",
    "improvement_high": "signal for the better, high",
    "improvement_low": "signal for the better, low",
    "concern_high": "signal for the worse, high",
    "concern_low": "signal for the worse, low",
    "neutral_high": "signal, high",
    "neutral_low": "signal, low",
    "pass": "the target will be met",
    "fail": "the target will be missed",
    "inconsistent": "the target will be met or missed by chance",
}


@styled
def icon(name: str, *, size_mm: float = 10) -> Figure:
    """Return one icon as a figure.

    Parameters
    ----------
    name : str
        A value of the columns variation or assurance, a key of `MEANING`.
    """
    if name not in MEANING:
        raise UsageError(f"no icon {name!r}; there are {', '.join(MEANING)}")
    fig = Figure(figsize=(size_mm * MM, size_mm * MM))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, size_mm), ylim=(0, size_mm))
    ax.set_axis_off()
    draw_icon(ax, name, size_mm / 2, size_mm / 2, size_mm * 0.42)
    return fig


def draw_icon(ax: Axes, name: str, x: float, y: float, radius: float, *, upside_down: bool = False) -> None:
    """Draw an icon on axes whose units are alike in both directions; nothing for an empty name.

    `upside_down` is for axes whose y runs downwards.
    """
    if not name:
        return
    what, _, way = name.partition("_")
    at, radius = np.array([x, y]), np.array([radius, -radius if upside_down else radius])
    if name in RINGS:
        ax.fill(*(at + radius * CIRCLE).T, facecolor="white", edgecolor=RINGS[name], linewidth=1.6, zorder=2, gid=name)
        ax.plot(*(at + radius * SIGNS[name]).T, color=RINGS[name], linewidth=1.6, zorder=3)
        return
    outline, color = SHAPES[what]
    sign = SIGNS[way] * 0.8 - (0, 0.25) if what == "concern" else SIGNS[way]  # the middle of a triangle lies low
    ax.fill(*(at + radius * outline).T, color=color, linewidth=0, zorder=2, gid=name)
    ax.plot(*(at + radius * sign).T, color="white", linewidth=1.3, zorder=3)


@drawing
def plot_overview(overview: Overview, *, number: str = ".1f", rows: int = 28) -> list[Figure]:
    """Draw many measures as a table with sparklines and icons, on as many pages as it takes.

    Parameters
    ----------
    number : str
        Format of values.
    rows : int
        Series on a page.
    """
    return [_page(overview, first, min(rows, overview.n - first), number) for first in range(0, overview.n, rows)]


def _page(overview: Overview, first: int, count: int, number: str) -> Figure:
    height = (count + 1) * ROW_MM + 2
    fig = Figure(figsize=(DOUBLE_COLUMN * MM, height * MM))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, DOUBLE_COLUMN), ylim=(height, 0))
    ax.set_axis_off()
    for words, (x, side) in COLUMNS.items():
        ax.text(x, ROW_MM / 2, words, ha=side, va="center", fontweight="bold", fontsize=7)
    for at, row in enumerate(overview.table.iloc[first : first + count].to_dict("records")):
        _row(ax, row, (at + 1.5) * ROW_MM, number)
    sparks = overview.sparks[overview.sparks["row"].between(first, first + count - 1)]
    _sparklines(ax, sparks.assign(row=sparks["row"] - first))
    return fig


def _row(ax: Axes, row: dict[str, object], y: float, number: str) -> None:
    ax.axhline(y - ROW_MM / 2, color=PALE, linewidth=0.5)
    texts = {
        "Series": shorten(row["name"], width=30),
        "Latest": "–" if pd.isna(row["value"]) else format(row["value"], number),
        "Centre": "–" if pd.isna(row["centre"]) else format(row["centre"], number),
        "Target": "–" if pd.isna(row["target"]) else format(row["target"], number),
        "Signal": str(row["signal"]),
    }
    for column, text in texts.items():
        x, side = COLUMNS[column]
        ax.text(x, y, text, ha=side, va="center", fontsize=7, color=INK)
    draw_icon(ax, str(row["variation"]), COLUMNS["Variation"][0], y, ROW_MM * 0.36, upside_down=True)
    draw_icon(ax, str(row["assurance"]), COLUMNS["Assurance"][0], y, ROW_MM * 0.36, upside_down=True)


def _sparklines(ax: Axes, sparks: pd.DataFrame) -> None:
    x = SPARK_MM[0] + (SPARK_MM[1] - SPARK_MM[0]) * sparks["x"].to_numpy()
    row = sparks["row"].to_numpy()
    y = (row + 1.5) * ROW_MM + ROW_MM * 0.66 * (0.5 - sparks["y"].to_numpy())
    together = row[1:] == row[:-1]
    dots = np.column_stack([x, y])
    lines = np.stack([dots[:-1][together], dots[1:][together]], axis=1)
    ax.add_collection(LineCollection(lines, color=GREY, linewidth=0.7, label="_sparklines"))
    last = np.append(~together, True) if len(row) else np.zeros(0, bool)
    ax.scatter(x[last], y[last], s=6, color=INK, zorder=3, label="_latest")
