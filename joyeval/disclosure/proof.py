"""Proof that a table with totals gives no suppressed count away: what a reader can work out, by linear programming.

The cells to hide are chosen by flows (`joyeval.disclosure.margins`). Here, by another way, is found what each
suppressed count can be at least and at most for someone who knows everything shown, exactly, and the rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from joyeval.disclosure.rule import Rule

    Margins = tuple[NDArray, NDArray, NDArray]  # counts with totals; which are too small; which are hidden

TOGETHER = 2_000  # unknown counts in one programme: fewer, larger programmes are quicker than many small ones


def prove(tables: Sequence[Margins], *, rule: Rule) -> None:
    """Prove that no suppressed count of these tables is narrower than the rule says.

    Parameters
    ----------
    tables : sequence of (array, array, array)
        Exact counts with the totals as last row and last column; which are below the threshold; which are hidden.

    Raises
    ------
    DisclosureError
        A count that can be worked out; nothing of it is said.
    """
    narrow = sum(int((found < rule.uncertain).sum()) for found in ranges(tables, rule=rule))
    if narrow:
        raise DisclosureError(
            (), f"{narrow} suppressed counts can be worked out from the totals; the table is not shown"
        )


def ranges(tables: Iterable[Margins], *, rule: Rule) -> list[NDArray]:
    """Return for each table how far each of its small counts can lie apart for all that a reader knows.

    A programme holds every small count of many tables twice, once as large and once as small as can be: they share no
    unknown, so that its solution is the solution of each.
    """
    wanted, batch, size = [], [], 0
    found: list[NDArray] = []
    for table in tables:
        aims = list(_aims(*table, rule=rule))
        wanted.append(len(aims) // 2)
        batch += aims
        size += sum(len(aim[0]) for aim in aims)
        if size > TOGETHER:
            found.append(_solve(batch))
            batch, size = [], 0
    ends = np.concatenate([*found, _solve(batch)])
    return np.split(ends[::2] + ends[1::2], np.cumsum(wanted)[:-1]) if wanted else []


def _aims(exact: NDArray, few: NDArray, hidden: NDArray, *, rule: Rule) -> Iterator[tuple]:
    """Yield a programme for each end of each small count: what is sought, the sums, what they are, bounds."""
    from scipy.sparse import csr_array

    rows, columns = exact.shape
    row, column = (place.ravel() for place in np.indices(exact.shape))
    sign = np.r_[np.where(column == columns - 1, -1, 1), np.where(row == rows - 1, -1, 1)]
    cell = np.arange(exact.size)
    sums = csr_array((sign, (np.r_[row, rows + column], np.r_[cell, cell])))
    unknown = np.flatnonzero(hidden)
    known = -(sums @ np.where(hidden, 0, exact).ravel())
    least = np.where(few, 0, rule.threshold).ravel()[unknown]
    most = np.where(few, rule.threshold - 1, exact.sum()).ravel()[unknown]
    for place in np.searchsorted(unknown, np.flatnonzero(few)):
        for end in (-1, 1):
            yield end * (np.arange(len(unknown)) == place), sums[:, unknown], known, np.c_[least, most]


def _solve(aims: Sequence[tuple]) -> NDArray:
    """Return the largest value of each aim."""
    from scipy.optimize import linprog
    from scipy.sparse import block_diag

    if not aims:
        return np.zeros(0)
    sought, sums, known, bounds = zip(*aims, strict=True)
    aim = np.concatenate(sought)
    solved = linprog(
        aim,
        A_eq=block_diag(sums, format="csc"),
        b_eq=np.concatenate(known),
        bounds=np.concatenate(bounds),
        method="highs",
    )
    if solved.status:
        raise DisclosureError((), f"a table with totals could not be proved ({solved.message}); it is not shown")
    first = np.cumsum([0, *map(len, sought)])[:-1]
    return -np.add.reduceat(solved.x * aim, first).round(6)
