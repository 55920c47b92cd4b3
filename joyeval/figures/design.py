"""What a design could find: least detectable sizes by teams, weeks and linkage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.figures.style import DOUBLE_COLUMN, LOOKS, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from joyeval.design import Design

AXES = {"teams": "Teams", "weeks": "Weeks", "linkage": "Share linked"}


@styled
def detectable(found: Design) -> Figure:
    """Draw one panel per question: the least effect found with 80 % chance, by weeks or by teams and linkage."""
    questions = list(dict.fromkeys(found.table["question"]))
    fig, axes = panels(len(questions), columns=2, width_mm=DOUBLE_COLUMN, panel_mm=52)
    for ax, question in zip(axes, questions, strict=True):
        rows = found.table[found.table["question"] == question]
        along = next(name for name in AXES if rows[name].nunique() > 1)
        by_link = along == "teams" and rows["linkage"].notna().all()
        lines = rows.groupby("linkage") if by_link else [(None, rows)]
        for look, (link, part) in zip(LOOKS, lines, strict=False):
            part = part.sort_values(along)
            told = f"{link:.0%} linked" if by_link else None
            ax.plot(part[along], part["detectable"], label=told, markersize=4, **look)
        ax.set_ylim(bottom=0)
        ax.set_title(question[0].upper() + question[1:], loc="left")
        ax.set(xlabel=AXES[along], ylabel=str(rows["unit"].iloc[0]))
        if by_link:
            ax.legend(frameon=False)
    return fig
