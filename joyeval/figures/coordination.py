"""Relational coordination, drawn: heat maps of ties and of their change, a network map, ties over waves.

Rows rate and columns are rated. A hatched cell is hidden because few people stand behind it; an empty one was not
rated. Draw what `disclosure.protect_matrix` and `protect_change` return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, Normalize, TwoSlopeNorm
from matplotlib.patches import FancyArrowPatch, Rectangle

from joyeval.coordination.ties import NAMES
from joyeval.errors import UsageError
from joyeval.figures.door import drawing
from joyeval.figures.style import (
    BLUE,
    DOUBLE_COLUMN,
    GREY,
    INK,
    LOOKS,
    PALE,
    SCALE,
    VERMILLION,
    faint,
    new,
    reference_line,
)
from joyeval.figures.text import label, shorten, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from joyeval.coordination import Change, Matrix

LEVELS = LinearSegmentedColormap.from_list("level", ["#FFFFFF", BLUE])
CHANGES = LinearSegmentedColormap.from_list("change", [VERMILLION, "#FFFFFF", BLUE])
ALL_OTHERS = "all others"  # last row of a heat map: rests on many raters, so that it can mostly be shown
STEEP = 0.6  # change at which colours end, in points; larger changes stretch them
DARK = 0.45  # brightness of a colour below which text on it is white
WITH_INTERVAL = 8  # workgroups up to which a cell has room for its interval
SURE = 0.05
CELL_MM = 12


@drawing
def heat_map(matrix: Matrix, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw how each workgroup (row) rates each other one (column); value, and its interval where there is room.

    Parameters
    ----------
    matrix : Matrix
        As it may be shown.
    title : str
    """
    columns = ["workgroup", "target", "within", "mean", "ci_low", "ci_high"]
    cells = pd.concat([matrix.cells[columns], _all_others(matrix.rated)[columns]], ignore_index=True)
    cells = cells.assign(
        text=[f"{level:.1f}" for level in cells["mean"]],
        interval=[_interval(row.ci_low, row.ci_high, "{:.1f}") for row in cells.itertuples()],
    )
    return _grid(cells, "mean", Normalize(_weakest(matrix), matrix.scale[1]), LEVELS, title=title, ax=ax)


@drawing
def change_map(
    change: Change, *, process: str | None = None, kind: str = "gain", title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how each tie changed, shrunken towards the mean change; a star marks a false discovery rate below 5 %.

    Parameters
    ----------
    change : Change
        As it may be shown.
    process : str, optional
        Which process; may be left out where there is one.
    kind : {"gain", "sustain", "decay"}
        Which contrast; of several of one kind, the last.
    """
    ties = chosen_ties(change, process=process, kind=kind)
    shown = ties.rename(columns={"shrunken": "change", "shrunken_low": "low", "shrunken_high": "high"})
    same = change.rated[["process", "kind", "term"]].eq(ties[["process", "kind", "term"]].iloc[0]).all(axis=1)
    others = _all_others(change.rated[same]).rename(columns={"estimate": "change", "ci_low": "low", "ci_high": "high"})
    columns = ["workgroup", "target", "within", "change", "low", "high", "q"]
    cells = pd.concat([shown[columns], others.assign(q=np.nan)[columns]], ignore_index=True)
    cells = cells.assign(
        text=[_changed(row) for row in cells.itertuples()],
        interval=[_interval(row.low, row.high, "{:+.2f}") for row in cells.itertuples()],
    )
    reach = max(STEEP, float(cells["change"].abs().max(skipna=True) or 0))
    return _grid(cells, "change", TwoSlopeNorm(0, -reach, reach), CHANGES, title=title, ax=ax)


def _all_others(rated: pd.DataFrame) -> pd.DataFrame:
    """How all others together rate a group, as a last row of cells; none where nothing of it can be shown."""
    known = rated["mean" if "mean" in rated else "estimate"].notna().any()
    return (rated if known else rated.iloc[:0]).assign(workgroup=ALL_OTHERS, within=False)


def _weakest(matrix: Matrix) -> float:
    """Where the colours begin: a quarter up the scale."""
    low, high = matrix.scale
    return low + (high - low) / 4


@drawing
def network_map(matrix: Matrix, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw workgroups on a circle and an arrow per tie: the wider the stronger, the fainter the less sure.

    Parameters
    ----------
    matrix : Matrix
        As it may be shown; ties that are hidden are dotted.
    """
    ax = ax or new(width_mm=110, height_mm=85)[1]
    names = _names(matrix.cells)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    place = {name: (np.cos(a), np.sin(a)) for name, a in zip(names, angle, strict=True)}
    ties = matrix.cells[~matrix.cells["within"]].dropna(subset=["shrunken"])
    precision = (1 / ties["shrunken_se"]).div((1 / ties["shrunken_se"]).max())
    lowest, highest = _weakest(matrix), matrix.scale[1]
    for row, sure in zip(ties.itertuples(), precision, strict=True):
        strength = float(np.clip((row.shrunken - lowest) / (highest - lowest), 0, 1))
        look = {"color": faint(BLUE, float(0.25 + 0.75 * sure**2)), "linewidth": 0.3 + 3.5 * strength}
        way = place[row.workgroup], place[row.target]
        ax.add_patch(_arrow(*way, **look, zorder=1 + sure, gid=f"{SCALE}{row.Index}"))
    for row in matrix.cells[~matrix.cells["within"] & matrix.cells["shrunken"].isna()].itertuples():
        ax.add_patch(_arrow(place[row.workgroup], place[row.target], color=GREY, linewidth=0.5, linestyle=(0, (1, 3))))
    for name, (x, y) in place.items():
        ax.scatter(x, y, s=60, color=INK, zorder=3)
        side = "center" if abs(x) < 0.3 else "left" if x > 0 else "right"
        ax.text(1.1 * x, 1.1 * y, label(name, width=24), ha=side, va="bottom" if y > 0.3 else "top")
    ax.set(xlim=(-1.7, 1.7), ylim=(-1.35, 1.35), aspect="equal", title=label(title) if title else "")
    ax.set_axis_off()
    return ax


@drawing
def ties_over_waves(change: Change, *, ax: Axes | None = None) -> Axes:
    """Draw the mean tie between groups at each wave with its interval, one line per process."""
    ax = ax or new(width_mm=DOUBLE_COLUMN, height_mm=70)[1]
    levels = change.levels[(change.levels["part"] == "between") & (change.levels["process"] != "all")]
    at = {wave: i for i, wave in enumerate(change.waves)}
    processes = list(levels["process"].unique())
    for i, process in enumerate(processes):
        rows = levels[levels["process"] == process]
        x = rows["wave"].map(at) + 0.08 * (i - (len(processes) - 1) / 2)
        reach = [rows["estimate"] - rows["ci_low"], rows["ci_high"] - rows["estimate"]]
        ax.errorbar(x, rows["estimate"], yerr=reach, capsize=2, label=label(titled(process)), **LOOKS[i % len(LOOKS)])
    ax.set_xticks(list(at.values()), [label(titled(wave)) for wave in at])
    ax.set(ylabel=f"mean tie between workgroups ({change.scale[0]} to {change.scale[1]})", xlim=(-0.5, len(at) - 0.5))
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3)
    return ax


@drawing
def dimension_changes(change: Change, *, process: str, kind: str = "gain", ax: Axes | None = None) -> Axes:
    """Draw the change of each dimension between groups with its interval."""
    ax = ax or new(width_mm=DOUBLE_COLUMN, height_mm=70)[1]
    rows = change.dimensions.query("process == @process and kind == @kind")
    rows = rows[rows["term"] == rows["term"].iloc[-1]].iloc[::-1]
    reach = [rows["estimate"] - rows["ci_low"], rows["ci_high"] - rows["estimate"]]
    ax.errorbar(rows["estimate"], range(len(rows)), xerr=reach, fmt="o", color=INK, capsize=2)
    ax.set_yticks(range(len(rows)), [label(NAMES[name]) for name in rows["dimension"]])
    ax.set_xlabel("change between workgroups, in points")
    reference_line(ax, 0, axis="x")
    return ax


def chosen_ties(change: Change, *, process: str | None, kind: str) -> pd.DataFrame:
    """Return the ties of one process and the last contrast of one kind.

    Raises
    ------
    UsageError
        Several processes and none named, or no tie compared in this way.
    """
    there = list(change.ties["process"].unique())
    if process is None and len(there) > 1:
        raise UsageError(f"several processes; name one of {', '.join(there)}")
    ties = change.ties[(change.ties["process"] == (process or there[0])) & (change.ties["kind"] == kind)]
    if ties.empty:
        raise UsageError(f"no tie of {process or there[0]} was compared in this way ({kind})")
    return ties[ties["term"] == ties["term"].iloc[-1]]


@drawing
def heat_map_alt(matrix: Matrix) -> str:
    """Say in words what `heat_map` shows."""
    shown = matrix.cells.dropna(subset=["mean"])
    between = shown[~shown["within"]]
    text = (
        f"Heat map of how {matrix.cells['workgroup'].nunique()} workgroups (rows) rate "
        f"{matrix.cells['target'].nunique()} (columns) in wave {matrix.wave}"
    )
    hidden = len(matrix.cells) - len(shown)
    rated = matrix.rated.dropna(subset=["mean"])
    others = [f"{row.target} {row.mean:.1f}" for row in rated.itertuples()]
    seen = f" All others together rate {', '.join(others)}." if others else ""
    if between.empty:
        return f"{text}. No single tie between groups can be shown.{seen}"
    ends = f"Ties between groups run from {between['mean'].min():.1f} to {between['mean'].max():.1f}"
    scale = f"on the scale from {matrix.scale[0]} to {matrix.scale[1]}"
    return f"{text}. {ends} {scale}; {_count(hidden)} hatched because few people rated.{seen}"


@drawing
def change_map_alt(change: Change, *, process: str | None = None, kind: str = "gain") -> str:
    """Say in words what `change_map` shows."""
    ties = chosen_ties(change, process=process, kind=kind)
    shown = ties.dropna(subset=["shrunken"])
    sure = shown[shown["q"] < SURE]
    up, down = int((sure["estimate"] > 0).sum()), int((sure["estimate"] < 0).sum())
    text = f"Heat map of the change of each tie, {ties['term'].iloc[0]}"
    return (
        f"{text}: {_count(up)} marked as risen and {_count(down)} as fallen at a false discovery rate of 5 %, of "
        f"{len(shown)} shown; {_count(len(ties) - len(shown))} hatched because few people rated."
    )


@drawing
def network_map_alt(matrix: Matrix) -> str:
    """Say in words what `network_map` shows."""
    ties = matrix.cells[~matrix.cells["within"]].dropna(subset=["shrunken"])
    strong = ties[ties["p_strong"] > 1 - SURE]
    missing = int(matrix.cells.loc[~matrix.cells["within"], "shrunken"].isna().sum())
    hidden = f", {_count(missing)} dotted because few people rated" if missing else ""
    return (
        f"Network of {len(_names(matrix.cells))} workgroups with {_count(len(ties))} drawn as arrows, wider where "
        f"stronger and fainter where less sure; {_count(len(strong))} surely strong{hidden}."
    )


@drawing
def ties_over_waves_alt(change: Change) -> str:
    """Say in words what `ties_over_waves` shows."""
    levels = change.levels[(change.levels["part"] == "between") & (change.levels["process"] != "all")]
    told = [
        f"{process}: " + ", ".join(f"{row.estimate:.2f} at {row.wave}" for row in rows.itertuples())
        for process, rows in levels.dropna(subset=["estimate"]).groupby("process", sort=False)
    ]
    return f"Lines of the mean tie between workgroups at each wave, with 95 % intervals. {'; '.join(told)}."


def _count(n: int) -> str:
    return {0: "no tie", 1: "1 tie"}.get(n, f"{n} ties")


def _changed(row: object) -> str:
    return _signed(f"{row.change:+.2f}{'*' if row.q < SURE else ''}")


def _signed(text: str) -> str:
    """Return text with minus signs, and none before zero."""
    return text.replace("-0.00", "+0.00").replace("-", "−")


def _interval(low: float, high: float, form: str) -> str:
    return _signed(f"{form.format(low)} to {form.format(high)}") if np.isfinite(low) else ""


def _names(cells: pd.DataFrame) -> list[str]:
    return sorted({*cells["workgroup"], *cells["target"]})


def _grid(
    cells: pd.DataFrame,
    value: str,
    scale: Normalize,
    colours: LinearSegmentedColormap,
    *,
    title: str,
    ax: Axes | None,
) -> Axes:
    """Draw one square per tie, coloured by `value`; hidden ones hatched, the own group's framed."""
    rows = sorted(cells["workgroup"].unique(), key=lambda name: (name == ALL_OTHERS, name))
    columns = sorted(cells["target"].unique())
    room = len(columns) <= WITH_INTERVAL
    ax = ax or new(width_mm=DOUBLE_COLUMN, height_mm=25 + CELL_MM * len(rows) * (1 if room else 0.6))[1]
    for cell in cells.itertuples():
        at, level = (columns.index(cell.target), rows.index(cell.workgroup)), getattr(cell, value)
        _square(ax, at, None if np.isnan(level) else colours(float(np.clip(scale(level), 0, 1))), own=cell.within)
        if not np.isnan(level):
            _write(ax, at, cell, dark=_is_dark(colours(float(np.clip(scale(level), 0, 1)))), room=room)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), xlabel="is rated", ylabel="rates")
    ax.set_xticks(range(len(columns)), [shorten(name, width=14) for name in columns])
    ax.set_yticks(range(len(rows)), [shorten(name, width=18) for name in rows])
    ax.xaxis.set_label_position("top")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(label(title) if title else "")
    return ax


def _square(ax: Axes, at: tuple[int, int], colour: tuple | None, *, own: bool) -> None:
    corner = (at[0] - 0.48, at[1] - 0.48)
    look = {"facecolor": colour} if colour is not None else {"facecolor": "white", "hatch": "////"}
    edge = {"edgecolor": INK, "linewidth": 1.0} if own else {"edgecolor": PALE, "linewidth": 0.5}
    ax.add_patch(
        Rectangle(
            corner,
            0.96,
            0.96,
            gid=f"{SCALE}{at[0]}-{at[1]}",
            **look,
            **(edge if colour is not None else {"edgecolor": GREY}),
        )
    )


def _write(ax: Axes, at: tuple[int, int], cell: object, *, dark: bool, room: bool) -> None:
    ink = "white" if dark else INK
    show = room and cell.interval
    ax.text(at[0], at[1] - (0.12 if show else 0), cell.text, ha="center", va="center", color=ink, fontweight="bold")
    if show:
        ax.text(at[0], at[1] + 0.22, cell.interval, ha="center", va="center", color=ink, fontsize=7)


def _is_dark(colour: tuple) -> bool:
    return float(np.dot(colour[:3], (0.299, 0.587, 0.114))) < DARK


def _arrow(start: tuple[float, float], end: tuple[float, float], **look: object) -> FancyArrowPatch:
    bent = {"connectionstyle": "arc3,rad=0.12", "arrowstyle": "-|>", "mutation_scale": 7, "shrinkA": 7, "shrinkB": 7}
    return FancyArrowPatch(start, end, **bent, **look)
