"""Survey waves: respondents at each step, answers as diverging bars, scores over waves, components of joy in work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize

from joyeval.figures.door import drawing
from joyeval.figures.style import BLUE, DOUBLE_COLUMN, GREY, INK, ORANGE, PALE, new, panels
from joyeval.figures.text import label, shorten, titled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_MM, HEAD_MM = 5.5, 24.0
LEGEND, LEGEND_MM = 105, 4.5  # letters that fit beside each other in a legend, and its height per line
MIDDLE = "#E6E6E6"
SIDES = LinearSegmentedColormap.from_list("sides", [ORANGE, "#F6DDA8", MIDDLE, "#A9CDE6", BLUE])
SHADES = LinearSegmentedColormap.from_list("shades", ["#F2F2F2", BLUE])


@drawing
def respondents(flow: pd.DataFrame) -> Figure:
    """Draw how many people were left at each step, one panel per wave.

    Parameters
    ----------
    flow : DataFrame
        One row per wave (index), one column per step, as they may be shown; a missing step is left out.
    """
    steps = flow.columns[flow.notna().any()]
    fig, axes = panels(len(flow), columns=min(len(flow), 4), panel_mm=12 + 5 * len(steps), sharex=True, sharey=True)
    widest = float(np.nanmax(flow.to_numpy(dtype=float)))
    for ax, (wave, row) in zip(axes, flow[steps].astype(float).iterrows(), strict=True):
        places = np.arange(len(steps))
        ax.barh(places, row.fillna(0), height=0.72, color=[PALE if step == "invited" else BLUE for step in steps])
        for place, count in zip(places, row, strict=True):
            text = "not shown" if np.isnan(count) else f"{count:.0f}"
            ax.text((0 if np.isnan(count) else count) + 0.02 * widest, place, text, va="center")
        ax.set(title=shorten(titled(wave), width=24), xlim=(0, 1.28 * widest), ylim=(len(steps) - 0.5, -0.5))
        ax.set_yticks(places, list(steps))
        ax.tick_params(axis="both", length=0, labelbottom=False)
        ax.spines[["bottom", "left"]].set_visible(False)
    return fig


@drawing
def likert(shares: Mapping[str, pd.DataFrame], *, options: Sequence[str]) -> Figure:
    """Draw answers as bars that diverge from the middle of the options, one panel per wave.

    Parameters
    ----------
    shares : mapping of wave to DataFrame
        One row per item (index: its name), one column per option, lowest first; what may not be shown is missing.
    options : sequence of str
        Words of the options, for the legend.
    """
    first = next(iter(shares.values()))
    names = [label(option, width=60) for option in options]
    beside = max(1, min(len(names), LEGEND // (max(map(len, names)) + 6)))
    height = HEAD_MM + ROW_MM * len(first) + LEGEND_MM * (-(-len(names) // beside) - 1)
    fig, axes = new(
        width_mm=DOUBLE_COLUMN, height_mm=height, columns=len(shares), squeeze=False, sharey=True, sharex=True
    )
    for ax, (wave, table) in zip(axes[0], shares.items(), strict=True):
        _diverging(ax, table.to_numpy(dtype=float))
        ax.set_title(shorten(titled(wave), width=40))
        ax.set_yticks(np.arange(len(first)), [label(name, width=44) for name in first.index])
        ax.set_ylim(len(first) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xticks(np.linspace(-1, 1, 5), ["100", "50", "0", "50", "100"])
    fig.supxlabel("% of answers, to either side of the middle of the options", fontsize=8)
    handles = axes[0][0].containers[: len(options)]
    fig.legend(handles, names, loc="outside upper left", ncols=beside, handlelength=1.2)
    return fig


def _diverging(ax: Axes, shares: np.ndarray) -> None:
    """Bars whose middle (half of the middle option, if there is one) stands at nought."""
    count, hidden = shares.shape[1], np.isnan(shares).all(axis=1)
    shares = np.nan_to_num(shares)
    low = shares[:, : count // 2].sum(axis=1) + (shares[:, count // 2] / 2 if count % 2 else 0)
    left = -low
    places = np.arange(len(shares))
    for k in range(count):
        colour = SIDES(k / max(count - 1, 1))
        ax.barh(places, shares[:, k], left=left, height=0.78, color=colour, edgecolor="white", linewidth=0.4)
        for place, share, start in zip(places, shares[:, k], left, strict=True):
            if share >= 0.12:
                dark = k in (0, count - 1) and colour[2] > 0.6
                ax.text(
                    start + share / 2,
                    place,
                    f"{100 * share:.0f}",
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    color="white" if dark else INK,
                )
        left = left + shares[:, k]
    for place in places[hidden]:
        ax.text(0, place, "not shown", ha="center", va="center", color=GREY)
    ax.axvline(0, color=INK, linewidth=0.6, zorder=0)
    ax.set_xlim(-1, 1)


@drawing
def scores_over_waves(
    means: pd.DataFrame, *, titles: Mapping[str, str], better: Mapping[str, str], ranges: Mapping[str, tuple]
) -> Figure:
    """Draw the mean of each score with its interval, wave by wave, on the range that the score can take.

    Parameters
    ----------
    means : DataFrame
        scale, wave, mean, ci_low, ci_high, as they may be shown.
    titles, better : mapping
        Scale to its title, and to "higher" or "lower": which side is better.
    ranges : mapping
        Scale to its lowest and highest possible score.
    """
    scales, waves = list(dict.fromkeys(means["scale"])), list(dict.fromkeys(means["wave"]))
    fig, axes = panels(len(scales), columns=3, panel_mm=42, sharex=True)
    for ax, scale in zip(axes, scales, strict=True):
        rows = means[means["scale"] == scale].set_index("wave").reindex(waves)
        places = np.arange(len(waves))
        ax.vlines(places, rows["ci_low"], rows["ci_high"], color=INK, linewidth=1.2)
        ax.plot(places, rows["mean"], color=BLUE, marker="o", linewidth=0.8)
        ax.set(ylim=ranges[scale], xlim=(-0.4, len(waves) - 0.6))
        ax.set_title(f"{label(titles[scale], width=34)}\n{better[scale]} is better", fontsize=7)
        ax.set_xticks(places, [shorten(titled(wave), width=11) for wave in waves], fontsize=7)
    return fig


@drawing
def component_map(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw components of joy in work (rows) by wave (columns), 0 to 100, 100 the best the scales allow.

    Parameters
    ----------
    table : DataFrame
        title, wave, estimate, scales, as they may be shown; a component that is not informed is hatched.
    """
    titles, waves = list(dict.fromkeys(table["title"])), list(dict.fromkeys(table["wave"]))
    wide = table.pivot(index="title", columns="wave", values="estimate").loc[titles, waves].to_numpy(dtype=float)
    ax = ax or new(width_mm=DOUBLE_COLUMN, height_mm=HEAD_MM + 7 * len(titles))[1]
    edges = np.arange(len(waves) + 1) - 0.5, np.arange(len(titles) + 1) - 0.5
    mesh = ax.pcolormesh(*edges, np.ma.masked_invalid(wide), cmap=SHADES, norm=Normalize(0, 100), edgecolors="white")
    for i, j in np.ndindex(wide.shape):
        if np.isnan(wide[i, j]):
            ax.fill_between([j - 0.5, j + 0.5], i - 0.5, i + 0.5, facecolor="white", hatch="////", edgecolor=PALE)
        else:
            ax.text(j, i, f"{wide[i, j]:.0f}", ha="center", va="center", color="white" if wide[i, j] > 80 else INK)
    scales = table.groupby("title", sort=False)["scales"].max()
    counted = [
        f"{label(title)} ({n} scale{'s' * (n != 1)})" if n else f"{label(title)} (not asked)"
        for title, n in scales.loc[titles].items()
    ]
    ax.set_yticks(np.arange(len(titles)), counted)
    ax.set_xticks(np.arange(len(waves)), [shorten(titled(wave), width=20) for wave in waves])
    ax.set_ylim(len(titles) - 0.5, -0.5)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(mesh, ax=ax, label="0 worst, 100 best possible", shrink=0.8, pad=0.02)
    return ax
