"""Cohorts side by side over the months of their programme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.figures.door import drawing
from joyeval.figures.style import GREY, LOOKS, new
from joyeval.figures.text import label, lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@drawing
def cohort_courses(
    months: pd.DataFrame, *, ylabel: str, begins: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one line per cohort by months since the cohort began; a flag marks where its programme began.

    Parameters
    ----------
    months : DataFrame
        ``cohort, month, value``, as it may be shown; a missing value is a hole in the line.
    ylabel : str
        What is measured, with its unit.
    begins : DataFrame, optional
        ``cohort, month``: where the baseline of each cohort ended.
    """
    ax = ax or new(height_mm=85)[1]
    starts = {} if begins is None else dict(zip(begins["cohort"], begins["month"], strict=True))
    for place, (cohort, rows) in enumerate(months.groupby("cohort", sort=False)):
        look = LOOKS[place % len(LOOKS)]
        ax.plot(rows["month"], rows["value"], label=label(cohort), **look)
        at = rows[rows["month"] == starts.get(cohort)]
        ax.plot(at["month"], at["value"], marker=look["marker"], ms=8, mfc="none", color=look["color"], ls="")
    if starts:
        ax.plot([], [], marker="o", ms=8, mfc="none", color=GREY, ls="", label="programme begins")
    ax.set_xlabel("Month since the cohort began")
    ax.set_ylabel(lines(ylabel, width=48, most=3))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax
