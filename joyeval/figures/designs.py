"""Figures of study designs: effects since the start, one question asked in many ways, what was done when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.figures.door import drawing
from joyeval.figures.estimates import table
from joyeval.figures.style import BLUE, GREY, INK, LOOKS, PALE, date_axis, new, reference_line
from joyeval.figures.text import label, lines, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from joyeval.outcomes.event_study import EventStudy
    from joyeval.outcomes.interrupted import Interrupted
    from joyeval.outcomes.sensitivity import LeaveOneOut, SpecificationCurve

LANE_MM = 9.0
HEAD_MM = 22.0  # axis, its label and a legend
FILLS = (BLUE, PALE, "#E6A86A", "#D9D9D9", "white")  # joined, then reasons why not
CROWDED = 12  # events in a lane, beyond which marks would hide one another
BAR, FLOOR = 0.5, 0.34  # of a lane's height: the tallest bar, and where bars stand below the middle
SIGNIFICANT = 0.05


@drawing
def event_study(
    result: EventStudy | pd.DataFrame, *, ylabel: str, unit: str = "months", ax: Axes | None = None
) -> Axes:
    """Draw effects by periods since the start; what comes before the start should lie at 0.

    Parameters
    ----------
    result : EventStudy or DataFrame
        `event`, `estimate`, `ci_low`, `ci_high`; the period before the start (-1) is what others are compared with.
    """
    rows = table(result).sort_values("event")
    ax = ax or new(height_mm=70)[1]
    reference_line(ax, 0)
    ax.axvline(-0.5, color=GREY, linewidth=0.8)
    for before, look in ((True, LOOKS[5]), (False, LOOKS[0])):
        part = rows[(rows["event"] < 0) == before]
        ax.vlines(part["event"], part["ci_low"], part["ci_high"], color=look["color"], linewidth=1)
        name = "before the start" if before else "since the start"
        ax.plot(part["event"], part["estimate"], **look | {"linestyle": ""}, label=name)
    ax.plot([-1], [0], marker="o", markerfacecolor="white", color=INK, linestyle="", label="compared with")
    ax.set_xlabel(f"{unit.capitalize()} since the start")
    ax.set_ylabel(lines(ylabel, width=40))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@drawing
def specification_curve(
    result: SpecificationCurve | pd.DataFrame, *, ylabel: str, choices: Sequence[str] | None = None, null: float = 0
) -> tuple[Axes, Axes]:
    """Draw every specification in the order of its estimate, and below which choices it made.

    Parameters
    ----------
    result : SpecificationCurve or DataFrame
        Choices, `estimate`, `ci_low`, `ci_high`, `p`.
    choices : sequence of str, optional
        Columns that hold choices; those of the result by default.

    Returns
    -------
    tuple of Axes
        The curve, and the choices.
    """
    rows = table(result).sort_values("estimate", kind="stable").reset_index(drop=True)
    chosen = list(choices if choices is not None else result.choices)
    options = [(choice, option) for choice in chosen for option in sorted(set(rows[choice].astype(str)))]
    heights = (50, 4.5 * len(options) + 8)
    _, (curve, grid) = new(height_mm=sum(heights), rows=2, sharex=True, height_ratios=heights)
    reference_line(curve, null)
    for significant, color, fill in ((False, GREY, "white"), (True, BLUE, BLUE)):
        part = rows[(rows["p"] < SIGNIFICANT) == significant]
        name = "p below 0.05" if significant else "p of 0.05 or more"
        curve.vlines(part.index, part["ci_low"], part["ci_high"], color=color, linewidth=0.7)
        curve.plot(part.index, part["estimate"], marker="o", color=color, markerfacecolor=fill, ls="", ms=3, label=name)
    curve.set_ylabel(lines(ylabel, width=40))
    curve.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    for place, (choice, option) in enumerate(options):
        made = np.flatnonzero(rows[choice].astype(str) == option)
        grid.plot(made, np.full(len(made), place), marker="|", color=INK, ls="", ms=5)
    grid.set_yticks(
        range(len(options)), [label(f"{choice}: {option}".replace("_", " "), width=44) for choice, option in options]
    )
    grid.set_ylim(len(options) - 0.4, -0.6)
    grid.set_xlabel(f"Specification, of {len(rows)}, in the order of the estimate")
    grid.xaxis.get_major_locator().set_params(integer=True)
    grid.tick_params(axis="y", length=0)
    return curve, grid


@drawing
def leave_one_out(result: LeaveOneOut, *, ylabel: str, ax: Axes | None = None) -> Axes:
    """Draw the estimate without each team in turn, in the order of size, beside that with all teams."""
    rows = table(result).sort_values("estimate", kind="stable").reset_index(drop=True)
    ax = ax or new(height_mm=60)[1]
    reference_line(ax, 0)
    ax.vlines(rows.index, rows["ci_low"], rows["ci_high"], color=GREY, linewidth=0.7)
    ax.plot(rows.index, rows["estimate"], **LOOKS[0] | {"linestyle": ""}, label=f"without one {result.noun}")
    ax.axhline(result.estimate, color=INK, linewidth=0.8, label=f"all {result.noun}s")
    ax.set_xlabel(f"{result.noun.capitalize()} left out, of {len(rows)}, in the order of the estimate without it")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_ylabel(lines(ylabel, width=40))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    return ax


@drawing
def linkage(flow: pd.DataFrame, *, unit: str = "team-periods", ax: Axes | None = None) -> Axes:
    """Draw what joined and what did not, and why: one bar per pair of measures.

    Parameters
    ----------
    flow : DataFrame
        `pair` (name of the bar), `status`, `team_periods`.
    """
    wide = flow.pivot_table(index="pair", columns="status", values="team_periods", aggfunc="sum", sort=False).fillna(0)
    order = ["joined", *sorted(set(wide) - {"joined"})]
    names = [lines(name, width=52, most=3) for name in wide.index]
    ax = ax or new(height_mm=HEAD_MM + (LANE_MM + 3) * len(wide))[1]
    left, places = np.zeros(len(wide)), np.arange(len(wide))
    for status, color in zip([name for name in order if name in wide], FILLS, strict=False):
        width = wide[status].to_numpy()
        look = {"color": color, "edgecolor": INK, "linewidth": 0.5, "hatch": "" if status == "joined" else "///"}
        ax.barh(places, width, left=left, height=0.6, label=status, **look)
        left += width
    ax.set_yticks(places, names)
    ax.set_ylim(len(wide) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(unit.capitalize())
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)
    return ax


@drawing
def interrupted(result: Interrupted, *, ylabel: str, ax: Axes | None = None) -> Axes:
    """Draw a series, what was fitted to it, and what the time before the start would have given.

    A trend is carried on for as long as it was seen, and no longer; an average to the end.
    """
    rows = result.points.sort_values("period", kind="stable")
    begin = pd.Timestamp(result.start)
    after = np.arange(len(rows)) >= result.n_before  # a start within a week makes that week the first
    ahead = rows[after].head(result.n_before if result.trend else len(rows))
    carried = "earlier trend carried on" if result.trend else "average before"
    ax = ax or new(height_mm=60)[1]
    ax.plot(rows["period"], rows["value"], marker="o", color=GREY, ls="", ms=2.5, label="seen")
    for part in (rows[~after], rows[after]):
        ax.plot(part["period"], part["fitted"], color=BLUE, label="fitted")
    ax.plot(ahead["period"], ahead["expected"], **LOOKS[1] | {"marker": ""}, label=carried)
    ax.axvline(begin, color=INK, linewidth=0.8)
    ax.set_ylabel(lines(ylabel, width=40))
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(handles.values(), handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    date_axis(ax)
    return ax


@drawing
def timeline(
    events: pd.DataFrame, *, phases: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]] = (), ax: Axes | None = None
) -> Axes:
    """Draw what was done when: one lane for each kind of event, and how many there were.

    Each event has a mark; in lanes of more than 12 events, bars show how many fell into each month.

    Parameters
    ----------
    events : DataFrame
        `date`, `kind`; lanes stand in the order of their first event, those with bars last.
    phases : sequence of (name, start, end)
        Phases of the programme, as bands behind the lanes.
    """
    by_kind = events.groupby("kind", sort=False)["date"]
    counts, first = by_kind.size(), by_kind.min()
    lanes = first.to_frame().assign(crowded=counts > CROWDED).sort_values(["crowded", "date"], kind="stable").index
    ax = ax or new(height_mm=18 + LANE_MM * len(lanes))[1]
    _phases(ax, phases)
    for place, kind in enumerate(lanes):
        dates = events.loc[events["kind"] == kind, "date"].sort_values()
        if counts[kind] > CROWDED:
            _monthly(ax, dates, place)
        else:
            ax.plot(dates, np.full(len(dates), place), **LOOKS[place % len(LOOKS)] | {"linestyle": "", "markersize": 5})
    ax.set_yticks(
        range(len(lanes)), [label(f"{str(kind)[:1].upper()}{str(kind)[1:]} ({counts[kind]})") for kind in lanes]
    )
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    ground = [place + FLOOR * (counts[kind] > CROWDED) for place, kind in enumerate(lanes)]
    ax.hlines(ground, *ax.get_xlim(), color=PALE, linewidth=0.6, zorder=0.4)
    ax.tick_params(axis="y", length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    date_axis(ax)
    return ax


def _phases(ax: Axes, phases: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]]) -> None:
    """Shade every other phase and name each at the top."""
    for (name, start, end), shade in zip(phases, ("#E8EFF5", "#FFFFFF") * len(phases), strict=False):
        ax.axvspan(start, end, color=shade, zorder=0)
        ax.text(start, 1.01, shorten(name.capitalize(), width=30), transform=ax.get_xaxis_transform(), va="bottom")


def _monthly(ax: Axes, dates: pd.Series, place: int) -> None:
    """Draw events per month as bars that stand on the lane's floor; the number of the tallest stands on it."""
    counts = dates.dt.to_period("M").value_counts().sort_index()
    starts, heights = counts.index.to_timestamp(), BAR * counts.to_numpy() / counts.max()
    ax.bar(starts, -heights, width=24, bottom=place + FLOOR, align="edge", color=BLUE, linewidth=0)
    top = int(counts.to_numpy().argmax())
    ax.text(starts[top], place + FLOOR - BAR, f" {counts.iloc[top]}", va="bottom", fontsize=7, color=INK)
