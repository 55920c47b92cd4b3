"""Estimates with their intervals: forest plots, coefficients of several models, effects along a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.figures.door import drawing
from joyeval.figures.style import (
    BLUE,
    GREY,
    INK,
    LOOKS,
    SINGLE_COLUMN,
    faint,
    new,
    reference_line,
)
from joyeval.figures.text import label, lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from joyeval.result import Result

ROW_MM = 6.0
LINE_MM = 3.2  # of each further line of a name
HEAD_MM = 14.0  # axis, its label and a margin
DODGE = 0.6  # of a row, shared by the models that stand in it


def table(estimates: Result | pd.DataFrame) -> pd.DataFrame:
    """Return the table of a result, or the table given."""
    from joyeval.result import Result

    return estimates.tidy() if isinstance(estimates, Result) else estimates


@drawing
def forest(
    estimates: Result | pd.DataFrame,
    *,
    xlabel: str,
    names: str = "term",
    pooled: Mapping[str, float] | None = None,
    weights: str | None = None,
    null: float = 0,
    ratio: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw one row per study, cohort or team, its interval, its numbers, and the pooled estimate below.

    Parameters
    ----------
    estimates : Result or DataFrame
        `names`, `estimate`, `ci_low`, `ci_high`; drawn from top to bottom in the order given.
    xlabel : str
        What is estimated, with its unit and which side is better.
    pooled : mapping, optional
        `estimate`, `ci_low`, `ci_high`, drawn as a diamond, and `pi_low`, `pi_high`, its prediction interval.
    weights : str, optional
        Column that sets the area of the squares.
    null : float
        Value of no effect (1 for ratios).
    ratio : bool
        Draw on a logarithmic axis.
    """
    rows = table(estimates)
    count = len(rows) + (pooled is not None)
    texts = [lines(name, width=52, most=3) for name in rows[names]]
    ax = ax or new(height_mm=HEAD_MM + _row_mm(texts) * count)[1]
    places = np.arange(count)
    reference_line(ax, null, axis="x")
    _intervals(ax, rows, places[: len(rows)], color=INK)
    ax.scatter(rows["estimate"], places[: len(rows)], s=_areas(rows, weights), marker="s", color=BLUE, zorder=3)
    shown = rows[["estimate", "ci_low", "ci_high"]].to_numpy().tolist()
    if pooled is not None:
        _diamond(ax, pooled, places[-1])
        texts.append("Pooled")
        shown.append([pooled[name] for name in ("estimate", "ci_low", "ci_high")])
    for place, numbers in zip(places, shown, strict=True):
        ax.text(1.02, place, _interval_text(*numbers), transform=ax.get_yaxis_transform(), va="center")
    _rows(ax, texts, xlabel)
    if ratio:
        _logarithmic(ax)
    return ax


@drawing
def coefficients(
    models: Result | pd.DataFrame | Mapping[str, Result | pd.DataFrame],
    *,
    xlabel: str,
    names: str = "term",
    null: float = 0,
    ratio: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw coefficients or average marginal effects of one model, or of several side by side.

    Parameters
    ----------
    models : Result, DataFrame or mapping of name to either
        `names`, `estimate`, `ci_low`, `ci_high`. Terms stand in the order in which they first come; a model without a
        term leaves a gap.
    """
    several = models if isinstance(models, dict) else {"": models}
    tables = {name: table(model).set_index(names) for name, model in several.items()}
    terms = list(dict.fromkeys(term for rows in tables.values() for term in rows.index))
    texts = [lines(term, width=52, most=3) for term in terms]
    ax = ax or new(height_mm=HEAD_MM + _row_mm(texts) * len(terms) * max(1, 0.6 * len(tables)))[1]
    reference_line(ax, null, axis="x")
    shifts = (np.arange(len(tables)) - (len(tables) - 1) / 2) * DODGE / len(tables)
    for (name, rows), shift, look in zip(tables.items(), shifts, LOOKS, strict=False):
        found = rows.reindex(terms)
        _intervals(ax, found, np.arange(len(terms)) + shift, color=look["color"])
        ax.plot(found["estimate"], np.arange(len(terms)) + shift, **look | {"linestyle": ""}, label=label(name))
    _rows(ax, texts, xlabel)
    if len(tables) > 1:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(tables), borderaxespad=0.2)
    if ratio:
        _logarithmic(ax)
    return ax


@drawing
def effect(
    predictions: Result | pd.DataFrame,
    *,
    x: str,
    xlabel: str,
    ylabel: str,
    by: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a model predicts along a variable, with its band.

    Parameters
    ----------
    predictions : Result or DataFrame
        `x`, `estimate`, `ci_low`, `ci_high`, and `by` where groups are drawn apart.
    """
    rows = table(predictions)
    ax = ax or new(width_mm=SINGLE_COLUMN, height_mm=60)[1]
    groups = rows.groupby(by, sort=False) if by else [("", rows)]
    for (name, group), look in zip(groups, LOOKS, strict=False):
        ordered = group.sort_values(x)
        ax.fill_between(ordered[x], ordered["ci_low"], ordered["ci_high"], color=faint(look["color"], 0.2), linewidth=0)
        ax.plot(ordered[x], ordered["estimate"], color=look["color"], linestyle=look["linestyle"], label=label(name))
    ax.set_xlabel(lines(xlabel, width=48))
    ax.set_ylabel(lines(ylabel, width=36, most=3))
    if by:
        ax.legend()
    return ax


def _row_mm(texts: Sequence[str]) -> float:
    """Height of a row that holds the longest of the names."""
    return ROW_MM + LINE_MM * max((text.count("\n") for text in texts), default=0)


def _intervals(ax: Axes, rows: pd.DataFrame, places: np.ndarray, *, color: str) -> None:
    known = rows[["ci_low", "ci_high"]].notna().all(axis="columns").to_numpy()
    ax.hlines(places[known], rows["ci_low"][known], rows["ci_high"][known], color=color, linewidth=1)


def _areas(rows: pd.DataFrame, weights: str | None) -> Any:
    return 18 if weights is None else (10 + 50 * rows[weights] / rows[weights].max()).to_numpy()


def _diamond(ax: Axes, pooled: Mapping[str, float], place: float) -> None:
    """Draw the pooled estimate: a diamond as wide as its interval, on a line as long as its prediction interval."""
    if "pi_low" in pooled:
        ax.hlines(place, pooled["pi_low"], pooled["pi_high"], color=GREY, linewidth=1, linestyle=(0, (2, 1)))
    corners = [pooled["ci_low"], pooled["estimate"], pooled["ci_high"], pooled["estimate"]]
    ax.fill(corners, [place, place - 0.25, place, place + 0.25], color=BLUE, zorder=3)


def _interval_text(estimate: float, low: float, high: float) -> str:
    text = f"{estimate:.2f} ({low:.2f} to {high:.2f})" if np.isfinite([low, high]).all() else f"{estimate:.2f}"
    return text.replace("-", "−")


def _rows(ax: Axes, texts: list[str], xlabel: str) -> None:
    """One named row for each, the first on top, no axis line beside the names."""
    ax.set_yticks(np.arange(len(texts)), texts)
    ax.set_ylim(len(texts) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(lines(xlabel, width=84))


def _logarithmic(ax: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
