"""What designs could find: least detectable sizes, each design one thing away from the planned one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.figures.style import BLUE, DOUBLE_COLUMN, INK, PALE, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from joyeval.design import Design

FAR = 4  # times the planned design's effect; beyond it a design is written, not drawn


@styled
def detectable(found: Design) -> Figure:
    """Draw one panel per question: the least effect found with 80 % chance, design by design."""
    questions = list(dict.fromkeys(found.table["question"]))
    most = int(found.table.groupby("question").size().max())
    fig, axes = panels(len(questions), columns=2, width_mm=DOUBLE_COLUMN, panel_mm=14 + 5 * most)
    for ax, question in zip(axes, questions, strict=True):
        rows = found.table[found.table["question"] == question].reset_index(drop=True)
        planned = rows["design"] == rows["design"].iloc[0]
        ax.axvline(rows.loc[planned, "detectable"].iloc[0], color=PALE, zorder=0)
        ax.plot(rows["detectable"], rows.index, "o", color=INK, markersize=4)
        ax.plot(rows.loc[planned, "detectable"], rows.index[planned], "o", color=BLUE, markersize=6)
        end = min(rows["detectable"].max(), FAR * rows.loc[planned, "detectable"].iloc[0])
        for row in rows[rows["detectable"] > end].itertuples():
            ax.text(end, row.Index, f"{row.detectable:.2g} →", ha="right", va="center")
        ax.set(xlim=(0, 1.1 * end), ylim=(most - 0.5, -0.5), xlabel=str(rows["unit"].iloc[0]))
        ax.set_yticks(rows.index, rows["design"])
        ax.set_title(question[0].upper() + question[1:], loc="left")
    return fig
