"""Figures of measurement: team means with their intervals, items of a scale, eigenvalues against chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.figures.door import drawing
from joyeval.figures.style import BLUE, DOUBLE_COLUMN, GREY, INK, ORANGE, SINGLE_COLUMN, new, reference_line
from joyeval.figures.text import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from joyeval.measurement.exploratory import Exploratory
    from joyeval.measurement.page import Page
    from joyeval.measurement.reliability import Alpha
    from joyeval.measurement.team_means import TeamMeans

ROW_MM, HEAD_MM = 5.0, 16.0
WEAK_ITEM = 0.3  # correlation with the other items below which an item hardly belongs (Nunnally & Bernstein 1994)


@drawing
def caterpillar(means: TeamMeans, *, xlabel: str, ax: Axes | None = None) -> Axes:
    """Draw the shrunken mean of every team with its interval, in the order of their names.

    The open circle is the observed mean. Teams are not put in order of their means: that would be a league table.

    Parameters
    ----------
    means : TeamMeans
    xlabel : str
        What is measured, with its unit and which side is better.
    """
    rows = means.teams
    ax = ax or new(height_mm=HEAD_MM + ROW_MM * len(rows))[1]
    places = np.arange(len(rows))
    reference_line(ax, means.mean, axis="x")
    ax.hlines(places, rows["ci_low"], rows["ci_high"], color=INK, linewidth=1)
    colours = np.where(rows["differs"], ORANGE, BLUE)
    ax.scatter(rows["observed"], places, s=14, facecolors="none", edgecolors=GREY, linewidths=0.8, label="observed")
    for colour, said in (
        (BLUE, "estimate, chance allowed for"),
        (ORANGE, "the same, clearly unlike the mean of teams"),
    ):
        ax.scatter([], [], s=14, c=colour, label=said)
    ax.scatter(rows["estimate"], places, s=14, c=colours, zorder=3)
    names = [f"{label(name)} ({n})" for name, n in zip(rows[means.group], rows["n"], strict=True)]
    ax.set_yticks(places, names)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(label(xlabel, width=110))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@drawing
def plot_items(alpha: Alpha, *, ax: Axes | None = None) -> Axes:
    """Draw how each item goes with the others of its scale, and what alpha would be without it.

    Parameters
    ----------
    alpha : Alpha
        Of one group of respondents.
    """
    rows = alpha.items
    ax = ax or new(width_mm=DOUBLE_COLUMN, height_mm=HEAD_MM + ROW_MM * len(rows))[1]
    places = np.arange(len(rows))
    ax.barh(places, rows["r_drop"], height=0.6, color=BLUE, label="correlation with the other items")
    ax.scatter(
        rows["alpha_if_dropped"], places, s=18, marker="D", color=ORANGE, zorder=3, label="alpha without the item"
    )
    ax.axvline(alpha.estimate, color=ORANGE, linewidth=0.8, linestyle=(0, (4, 3)), label="alpha")
    reference_line(ax, WEAK_ITEM, axis="x")
    ax.set_yticks(places, [label(item) for item in rows["item"]])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(min(0, float(rows["r_drop"].min()) - 0.05), 1)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Coefficient")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@drawing
def questionnaire(page: Page) -> Figure:
    """Draw the items of all scales of a questionnaire and, where they were explored together, their eigenvalues.

    Parameters
    ----------
    page : Page
    """
    rows = len(page.items) + page.items["scale"].nunique()
    height = max(HEAD_MM + 8 + 4.4 * rows, 70)
    if page.factors is None:
        fig, left = new(height_mm=height)
    else:
        fig, (left, right) = new(height_mm=height, columns=2, width_ratios=[1.15, 1])
        scree.__wrapped__(page.factors, ax=right)
        right.set_title("All items together")
        right.set_box_aspect(1)
        right.set_anchor("N")
    _scales(page, left)
    return fig


def _scales(page: Page, ax: Axes) -> None:
    """Items below the name of their scale; alpha of the scale is a line across its items."""
    places, names, place = [], [], 0
    for scale in page.scales.itertuples():
        rows = page.items[page.items["scale"] == scale.scale]
        if rows.empty:
            continue
        at = place + 1 + np.arange(len(rows))
        ax.barh(at, rows["r_drop"], height=0.6, color=BLUE, label="correlation with the others" * (place == 0))
        ax.scatter(rows["alpha_if_dropped"], at, s=16, marker="D", color=ORANGE, zorder=3,
                   label="alpha without the item" * (place == 0))  # fmt: skip
        ax.vlines(scale.alpha, at[0] - 0.5, at[-1] + 0.5, color=ORANGE, linewidth=0.8, linestyle=(0, (4, 3)),
                  label="alpha of the scale" * (place == 0))  # fmt: skip
        places += [place, *at]
        names += [label(scale.title, width=34), *(label(item, width=34) for item in rows["label"])]
        place = int(at[-1]) + 1
    reference_line(ax, WEAK_ITEM, axis="x")
    ax.set_yticks(places, names)
    for text, name in zip(ax.get_yticklabels(), names, strict=True):
        text.set_fontweight("bold" if name in {label(title, width=34) for title in page.scales["title"]} else "normal")
    ax.set_ylim(place - 0.4, -0.8)
    ax.set_xlim(min(0, float(page.items["r_drop"].min()) - 0.05), 1)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Coefficient")
    bars_first = sorted(zip(*ax.get_legend_handles_labels(), strict=True), key=lambda pair: "others" not in pair[1])
    ax.legend(*zip(*bars_first, strict=True), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


@drawing
def scree(factors: Exploratory, *, ax: Axes | None = None) -> Axes:
    """Draw eigenvalues beside those of chance (parallel analysis).

    Parameters
    ----------
    factors : Exploratory
    """
    rows = factors.eigenvalues
    ax = ax or new(width_mm=SINGLE_COLUMN, height_mm=60)[1]
    ax.plot(rows["number"], rows["eigenvalue"], color=BLUE, marker="o", label="items")
    ax.plot(rows["number"], rows["by_chance"], color=GREY, linestyle=(0, (4, 3)), label="by chance (95th percentile)")
    ax.set_xticks(rows["number"][:: max(1, len(rows) // 8)])
    ax.set_xlabel("Factor")
    ax.set_ylabel("Eigenvalue")
    ax.legend()
    return ax
