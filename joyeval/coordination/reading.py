"""A matrix of ties in words: strengths first, differences as seen differently, no ranking of groups.

Feedback on how groups see each other can shame or divide (http://rcrc.brandeis.edu/survey/using-survey-for-change.html),
so that only what is sure is said, and of pairs, never of one group against all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.wording import counted

if TYPE_CHECKING:
    from joyeval.coordination.matrix import Matrix

FALSE_DISCOVERIES = 0.05  # share of the pairs named that may be named by chance
SURE = 0.8  # chance at which a tie is called strong


def strengths(matrix: Matrix) -> list[str]:
    """Name the ties that are strong with a chance of at least 80 %, in order of name.

    Returns
    -------
    list of str
        One sentence per tie, or one that says why there is none; empty for a survey without bands.
    """
    if not np.isfinite(matrix.bands[1]):
        return []
    cells = matrix.cells.dropna(subset=["mean", "p_strong"])
    strong = cells[~cells["within"] & (cells["p_strong"] >= SURE)]
    if strong.empty:
        known = counted(int((~cells["within"]).sum()), "tie")
        return [_none(known, "tie", f"Of {known} that can be judged here none can be called strong with confidence.")]
    return [
        f"{row.workgroup} see the tie with {row.target} as strong: {row.mean:.1f}, a chance of {row.p_strong:.0%} that "
        f"it lies above {matrix.bands[1]:.1f}."
        for row in strong.sort_values(["workgroup", "target"]).itertuples()
    ]


def seen_differently(matrix: Matrix) -> list[str]:
    """Name the pairs whose two sides see their tie differently beyond what chance explains.

    Returns
    -------
    list of str
        One sentence per pair at a false discovery rate below 5 % over all pairs, or how many could be compared.
    """
    apart = matrix.pairs[matrix.pairs["q"] < FALSE_DISCOVERIES]
    if apart.empty:
        known = counted(len(matrix.pairs), "pair")
        told = f"Of {known} of groups that can be compared here none clearly sees its tie differently."
        return [_none(known, "pair of groups", told)]
    means = matrix.cells.set_index(["workgroup", "target"])["mean"]
    return [
        f"{row.workgroup} and {row.target} see their tie differently: {means[row.workgroup, row.target]:.1f} as "
        f"{row.workgroup} see it, {means[row.target, row.workgroup]:.1f} as {row.target} do."
        for row in apart.itertuples()
    ]


def _none(known: str, what: str, told: str) -> str:
    """Say that none is so, of those that are known; where none is, that too few answered."""
    return told if not known.startswith("0 ") else f"No {what} can be judged here: too few answered."
