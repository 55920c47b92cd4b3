"""Run charts, control charts, small multiples and funnels: drawn, nothing worked out.

A signal differs from other points, and for the better from for the worse, by colour and by shape.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from joyeval import judgement
from joyeval.errors import UsageError
from joyeval.figures.door import drawing
from joyeval.figures.style import (
    BETTER,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    INK,
    MM,
    PALE,
    PURPLE,
    WORSE,
    date_axis,
    faint,
    new,
)
from joyeval.figures.text import label, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from joyeval.improvement import Charts, Funnel

LOOK = {  # colour and shape of a point, by what it says
    "point": {"color": GREY, "marker": "o", "s": 8},
    "signal for the better": {"color": BETTER, "marker": "D", "s": 18},
    "signal for the worse": {"color": WORSE, "marker": "X", "s": 26},
    "signal": {"color": PURPLE, "marker": "s", "s": 18},
    "left out": {"facecolor": "white", "edgecolor": GREY, "marker": "o", "s": 14, "linewidth": 0.6},
}
VERDICT = {judgement.BETTER: BETTER, judgement.WORSE: WORSE, judgement.CHANGED: PURPLE}
GOOD = {"increase": 1, "decrease": -1, "neutral": 0}
DRAWN = ["value", "centre", "lower", "upper", "target"]
RUNS = "centre, runs unlike chance"
PANEL_MM = 20  # height of one small multiple in print
FOOT_MM = 13  # below the panels: dates, and a legend of two lines
LIMITS = {"lower": "--", "upper": "--", "lower_95": ":", "upper_95": ":"}


@drawing
def plot_chart(
    charts: Charts,
    *,
    events: pd.DataFrame | None = None,
    ylabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the chart of one series.

    Parameters
    ----------
    charts : Charts
        Of one series; see `Charts.only`.
    events : DataFrame, optional
        Columns date and label: what was done, as numbered lines that the legend explains.
    ylabel, title : str
        Default: the column that is charted; no title.

    Raises
    ------
    UsageError
        More than one series.
    """
    if (count := len(charts.latest())) > 1:
        raise UsageError(f"{count} series in one chart; choose one with charts.only(...), or draw small_multiples")
    ax = new(width_mm=DOUBLE_COLUMN, height_mm=75 if events is None else 90)[1] if ax is None else ax
    points = charts.points.assign(look=looks(charts))
    ax.plot(*_broken(points, charts.x, "value"), color=GREY, linewidth=0.8, zorder=2, label="_value")
    for part, runs in zip(charts.series["part"], charts.series["runs_signal"], strict=True):
        _lines(ax, points[points["part"] == part], charts.x, first=part == 1, runs=runs)
    _baselines(ax, charts)
    for name, rows in points.dropna(subset="value").groupby("look"):
        ax.scatter(rows[charts.x], rows["value"], label=name, zorder=3, **LOOK[name])
    if points["target"].notna().any():
        ax.plot(points[charts.x], points["target"], color=GREEN, linewidth=1, linestyle="-.", label="target", zorder=1)
    if events is not None:
        _events(ax, events)
    if points[charts.x].dtype.kind == "M":
        date_axis(ax)
    ax.set_ylabel(label(ylabel or charts.y))
    ax.set_title(label(title) if title else "", pad=6 if events is None else 14)
    columns = 4 if events is None else 3
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=columns, handlelength=1.6, borderpad=0)
    return ax


def looks(charts: Charts) -> np.ndarray:
    """Return what each point says, a key of `LOOK`."""
    points = charts.points
    based = points.groupby(charts.number(points))["baseline"].transform(lambda rows: not rows.all()).to_numpy()
    good = charts.latest()["improve"].map(GOOD).to_numpy()[charts.number(points)] * based
    gain = points["direction"].to_numpy() * good
    found = (points["direction"] != 0).to_numpy()
    cases = [points["excluded"].to_numpy(), ~found, gain > 0, gain < 0]
    return np.select(cases, ["left out", "point", "signal for the better", "signal for the worse"], "signal")


def _broken(points: pd.DataFrame, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y with a hole where periods have no row, so that the line is not drawn over them."""
    holes = np.flatnonzero(points["gap"].to_numpy() > 0)
    when, value = points[x].to_numpy(), points[y].to_numpy()
    return np.insert(when, holes, when[holes]), np.insert(value, holes, np.nan)


def _lines(ax: Axes, rows: pd.DataFrame, x: str, *, first: bool, runs: bool) -> None:
    """Draw centre and limits of one part; they end where the part ends. Runs unlike chance show on the centre."""
    look = {"color": PURPLE, "linestyle": (0, (6, 2)), "label": RUNS} if runs else {"color": INK, "label": "centre"}
    if not (first or runs):
        look["label"] = "_centre"
    ax.plot(rows[x], rows["centre"], linewidth=1.2, zorder=1, **look)
    for name, style in LIMITS.items():
        words = {"upper": "3-sigma limits", "upper_95": "2-sigma limits"}.get(name) if first else None
        drawn = rows[name].notna().any()
        ax.plot(rows[x], rows[name], color=INK, linewidth=0.7, linestyle=style, drawstyle="steps-mid",
                label=words if words and drawn else f"_{name}", zorder=1)  # fmt: skip


def _baselines(ax: Axes, charts: Charts) -> None:
    """Shade the points that centre and limits rest on, where not all do."""
    for _, rows in charts.points.groupby("part"):
        base = rows.loc[rows["baseline"], charts.x]
        if 0 < len(base) < len(rows):
            ax.axvspan(base.iloc[0], base.iloc[-1], color=faint(PALE, 0.5), zorder=0, linewidth=0, label="baseline")


def _events(ax: Axes, events: pd.DataFrame) -> None:
    """Draw numbered lines; the legend says what was done."""
    for number, event in enumerate(events.sort_values("date").itertuples(), start=1):
        when = pd.Timestamp(event.date)
        ax.axvline(when, color=GREY, linewidth=0.6, zorder=0.5, label=f"{number} {label(event.label, width=34)}")
        ax.annotate(str(number), (when, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=6.5)


@drawing
def plot_participation(charts: Charts, *, ax: Axes | None = None) -> Axes:
    """Draw, for one series, the answers given out of those that could have been given.

    Raises
    ------
    UsageError
        The charts were made without `opportunities`.
    """
    points = charts.points
    if points["participation"].isna().all():
        raise UsageError("no participation: give chart(...) the column of opportunities")
    ax = new(width_mm=DOUBLE_COLUMN, height_mm=35)[1] if ax is None else ax
    ax.vlines(points[charts.x], 0, 100 * points["participation"], color=GREY, linewidth=2)
    ax.set(ylim=(0, 100), ylabel="answers (%)")
    if points[charts.x].dtype.kind == "M":
        date_axis(ax)
    return ax


@drawing
def plot_pulse(charts: Charts, *, events: pd.DataFrame | None = None, ylabel: str = "", title: str = "") -> Figure:
    """Draw the chart of one series with participation below it."""
    fig, (above, below) = new(height_mm=110, rows=2, sharex=True, height_ratios=(3, 1))
    plot_participation.__wrapped__(charts, ax=below)
    plot_chart.__wrapped__(charts, events=events, ylabel=ylabel, title=title, ax=above)
    above.get_legend().remove()
    fig.legend(*above.get_legend_handles_labels(), loc="outside lower left", ncols=4, handlelength=1.6)
    return fig


@drawing
def small_multiples(
    charts: Charts,
    *,
    columns: int = 5,
    rows: int = 14,
    ylabel: str = "",
    same_scale: bool = True,
    start: pd.Timestamp | None = None,
    start_label: str = "programme starts",
) -> list[Figure]:
    """Draw all series small, on as many pages as it takes, each with its verdict where one is given, else its signal.

    Parameters
    ----------
    columns, rows : int
        Panels across and down a page.
    same_scale : bool
        One scale of values for all, so that panels compare; False: each its own.
    start : Timestamp, optional
        A day that every panel marks with a line, such as the start of the programme; `start_label` says what it is.

    Returns
    -------
    list of Figure
        A page each, drawn on one pair of axes: the panels are moved to their places.
    """
    number = charts.number(charts.points)
    pages = []
    for first in range(0, len(charts.latest()), columns * rows):
        chosen = np.arange(first, min(first + columns * rows, len(charts.latest())))
        fig, ax, across = _page(charts, number, chosen, columns, ylabel or charts.y, same_scale=same_scale)
        if start is not None:
            _small_start(ax, across(start), len(chosen), columns, start_label)
        fig.legend(*ax.get_legend_handles_labels(), loc="lower left", ncols=4, fontsize=7, bbox_to_anchor=(0.06, 0))
        pages.append(fig)
    return pages


def _page(
    charts: Charts, number: np.ndarray, chosen: np.ndarray, columns: int, ylabel: str, *, same_scale: bool
) -> tuple[Figure, Axes, Callable[[Any], float]]:
    """Draw one page; also returned is the function from x to its place across a panel, 0 to 1."""
    here = np.isin(number, chosen)
    runs = charts.points[[*charts.by, "part"]].merge(charts.series, on=[*charts.by, "part"])["runs_signal"]
    points = charts.points[here].assign(look=looks(charts)[here], runs=runs.to_numpy()[here])
    panel = number[here] - chosen[0]
    down = -(-len(chosen) // columns)
    panels, height = down * PANEL_MM, down * PANEL_MM + FOOT_MM + 3
    fig = Figure(figsize=(DOUBLE_COLUMN * MM, height * MM))
    ax = fig.add_axes((0.07, FOOT_MM / height, 0.92, panels / height))
    ax.set(xlim=(0, columns), ylim=(-down, 0), label=ylabel)
    ax.set_axis_off()
    place = _place(points, charts.x, panel, columns, same_scale=same_scale)
    _small_lines(ax, points, panel, place)
    for name, rows in points.assign(panel=panel).dropna(subset="value").groupby("look"):
        at = points.index.get_indexer(rows.index)
        ax.scatter(
            place["x"][at], place["value"][at], label=name, zorder=3, **{**LOOK[name], "s": LOOK[name]["s"] / 2.5}
        )
    _small_titles(ax, charts.latest().iloc[chosen], charts.by, columns)
    _small_scales(ax, points[charts.x], place, columns, down, same_scale=same_scale)
    fig.text(0.005, 0.5, label(ylabel), rotation=90, va="center", fontsize=7)
    return fig, ax, partial(_across, whole=points[charts.x])


def _across(when: Any, *, whole: pd.Series) -> Any:
    """Return how far along the span of `whole` each x lies, 0 to 1."""
    when, span = (
        dates.date2num(values) if whole.dtype.kind == "M" else np.asarray(values, dtype=float)
        for values in (when, whole.to_numpy())
    )
    return (when - span.min()) / (np.ptp(span) or 1)


def _small_start(ax: Axes, across: float, panels: int, columns: int, words: str) -> None:
    """Draw one line in every panel; nothing where the day lies outside the charts."""
    if not 0 < across < 1:
        return
    panel = np.arange(panels)
    x, floor = panel % columns + 0.03 + 0.92 * across, -(panel // columns) - 0.94
    strokes = np.stack([np.column_stack([x, floor]), np.column_stack([x, floor + 0.7])], axis=1)
    ax.add_collection(
        LineCollection(strokes, label=words, color=GREY, linewidth=0.7, linestyle=(0, (1, 1)), zorder=0.5)
    )


def _place(points: pd.DataFrame, x: str, panel: np.ndarray, columns: int, *, same_scale: bool) -> dict[str, np.ndarray]:
    """Return x and every line moved to the place of its panel, and the scale of each panel."""
    across = _across(points[x].to_numpy(), whole=points[x])
    drawn = points[DRAWN].to_numpy(dtype=float)
    low, high = np.nanmin(drawn, axis=1, initial=np.inf), np.nanmax(drawn, axis=1, initial=-np.inf)
    if same_scale:
        ends = MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(low.min(), high.max())
        low, high = np.full_like(low, ends[0]), np.full_like(high, ends[-1])
    else:
        low = pd.Series(low).groupby(panel).transform("min").to_numpy()
        high = pd.Series(high).groupby(panel).transform("max").to_numpy()
    up = (drawn - low[:, None]) / np.where(high > low, high - low, 1)[:, None]
    floor = -(panel // columns) - 0.94
    lines = {name: floor + 0.68 * up[:, at] for at, name in enumerate(DRAWN)}
    return {"x": panel % columns + 0.03 + 0.92 * across, "low": low, "high": high, "floor": floor, **lines}


def _small_lines(ax: Axes, points: pd.DataFrame, panel: np.ndarray, place: dict[str, np.ndarray]) -> None:
    part, gap, runs = (points[name].to_numpy() for name in ("part", "gap", "runs"))
    together = panel[1:] == panel[:-1]
    whole = together & (part[1:] == part[:-1])
    limits = "limits" if points["upper"].notna().any() else "_upper"
    strokes = (
        ("value", "_value", together & (gap[1:] == 0), GREY, 0.5),
        ("centre", "centre", whole & ~runs[1:], INK, 0.7),
        ("centre", RUNS, whole & runs[1:], PURPLE, 1.2),
        ("lower", "_lower", whole, INK, 0.35),
        ("upper", limits, whole, INK, 0.35),
        ("target", "_target", together, GREEN, 0.6),
    )
    for line, words, pairs, color, width in strokes:
        dots = np.column_stack([place["x"], place[line]])
        ends = np.stack([dots[:-1][pairs], dots[1:][pairs]], axis=1)
        ends = ends[np.isfinite(ends).all(axis=(1, 2))]
        words = words if len(ends) else "_none"
        ax.add_collection(LineCollection(ends, label=words, color=color, linewidth=width))


def _small_titles(ax: Axes, series: pd.DataFrame, by: tuple[str, ...], columns: int) -> None:
    for at, row in enumerate(series.to_dict("records")):
        x, y = at % columns + 0.03, -(at // columns) - 0.05
        name = " · ".join(str(row[column]) for column in by)
        ax.text(x, y, shorten(name, width=100 // columns), va="top", fontsize=6, fontweight="bold")
        said = row.get("verdict", row["signal"])
        ax.text(x + 0.92, y, said, va="top", ha="right", fontsize=6, color=VERDICT.get(said, GREY))


def _small_scales(
    ax: Axes, when: pd.Series, place: dict[str, np.ndarray], columns: int, down: int, *, same_scale: bool
) -> None:
    ends = [f"{end:%b %Y}" if when.dtype.kind == "M" else f"{end}" for end in (when.min(), when.max())]
    for column in range(columns):
        for end, at, side in zip(ends, (0.03, 0.95), ("left", "right"), strict=True):
            ax.text(column + at, -down - 0.02, end, va="top", ha=side, fontsize=5.5, color=GREY)
    if same_scale:
        for row in range(down):
            for value, height in ((place["low"][0], 0.0), (place["high"][0], 0.68)):
                ax.axhline(-row - 0.94 + height, color=PALE, linewidth=0.3, zorder=0)
                ax.text(-0.01, -row - 0.94 + height, f"{value:.3g}", va="center", ha="right", fontsize=5.5, color=GREY)


@drawing
def plot_funnel(funnel: Funnel, *, ylabel: str = "", xlabel: str = "", name: int = 10, ax: Axes | None = None) -> Axes:
    """Draw groups at one time against their limits.

    Parameters
    ----------
    name : int
        Name up to so many outliers; never more, and never in order of result.
    """
    ax = new(width_mm=DOUBLE_COLUMN, height_mm=95)[1] if ax is None else ax
    points = funnel.points
    kind = "adjusted_" if funnel.adjusted else ""
    for level, style in (("95", ":"), ("998", "--")):
        for side in ("lower", "upper"):
            words = f"{level.replace('998', '99.8')} % limits" if side == "upper" else f"_{side}_{level}"
            ax.plot(points["denominator"], points[f"{kind}{side}_{level}"], color=INK, linewidth=0.8, linestyle=style,
                    label=words)  # fmt: skip
    ax.axhline(funnel.target, color=INK, linewidth=1, label="all groups")
    for out, look, words in ((False, "point", "inside"), (True, "signal", "outside")):
        rows = points[points["outlier"] == out]
        ax.scatter(rows["denominator"], rows["value"], label=words if len(rows) else "_none", zorder=3, **LOOK[look])
    outside = points[points["outlier"]]
    for row in (outside if len(outside) <= name else outside.iloc[:0]).itertuples():
        ax.annotate(shorten(getattr(row, funnel.group), width=24), (row.denominator, row.value),
                    xytext=(3, 3), textcoords="offset points", fontsize=6.5)  # fmt: skip
    ax.set(xlabel=label(xlabel) if xlabel else "cases", ylabel=label(ylabel) if ylabel else "value")
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.15), ncols=5, handlelength=1.6, borderpad=0)
    return ax
