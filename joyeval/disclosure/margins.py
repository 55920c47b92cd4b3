"""Tables of counts with totals: a suppressed cell must not be worked out from its row and its column.

What who knows the rest can work out about a suppressed count is an interval. In a table with totals its ends are found
exactly as largest flows between the count's row and its column (Gusfield 1988): raising one suppressed count must be
balanced by others along a circle of suppressed cells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from joyeval.disclosure.proof import prove
from joyeval.disclosure.rule import GIVES_AWAY, Rule, suppressed
from joyeval.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TOTAL = re.compile(
    r"(.*\b|sub)totals?|all|sum|overall|everyone|"
    r"(total|all|every) (staff|people|persons|respondents|answers|teams|groups|roles|waves)|"
    r"gesamt|insgesamt|summe|totaal|ensemble|cyfanswm",
    re.IGNORECASE,
)
FEWEST_ALIKE = 3  # cells in which a line must be the sum of the others before it is taken for their total


def protect_counts(counts: pd.DataFrame, *, total: str = "All", rule: Rule | None = None) -> pd.DataFrame:
    """Return a cross-table with totals as it may be shown.

    Counts below the threshold are suppressed, and with them the smallest other counts that keep each of them uncertain
    by at least `rule.vague` to someone who knows the rule, everything shown, and which cells were suppressed for which
    reason. What is shown is rounded to the nearest 5, totals apart from their parts. Before the table is handed back, a
    linear programme proves it, by another way than the one that chose the cells.

    Parameters
    ----------
    counts : DataFrame
        People in each combination of a row and a column category, without totals, not rounded.
    total : str
        Name of the row and the column of totals.

    Returns
    -------
    DataFrame
        One row and one column more.

    Raises
    ------
    UsageError
        A count that is missing, negative, not whole or a text; a row or a column that is a total already, by its name
        or because it is the sum of the others.

    References
    ----------
    Gusfield, D. (1988). A graph theoretic approach to statistical data security. SIAM Journal on Computing 17(3),
    552-571. doi:10.1137/0217034
    """
    cells = _cells(counts)
    _refuse_totals(cells, counts, total)
    return protect_crosstab(counts, total=total, rule=rule or Rule())


def protect_crosstab(counts: pd.DataFrame, *, total: str, rule: Rule) -> pd.DataFrame:
    """Do the same for a table that was just counted, so that none of its lines can be a total."""
    cells = counts.to_numpy()
    exact = np.pad(cells.astype(np.int64), (0, 1))
    exact[-1] = exact.sum(axis=0)
    exact[:, -1] = exact.sum(axis=1)
    few, hidden = hide(exact, rule)
    prove([(exact, few, hidden)], rule=rule)
    shown = rule.rounded(exact).astype(int).astype(object)
    shown[hidden] = GIVES_AWAY
    shown[few] = suppressed(rule.threshold)
    return _labelled(shown, counts, total)


def _cells(counts: pd.DataFrame) -> NDArray:
    """Return the counts as numbers; what is none is named by its place."""
    import pandas as pd

    cells = counts.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(cells) & (cells >= 0) & (cells == np.floor(cells)))
    bad |= counts.map(lambda cell: isinstance(cell, str)).to_numpy(dtype=bool)
    if bad.any():
        row, column = (names[place[0]] for names, place in zip(counts.axes, np.nonzero(bad), strict=True))
        raise UsageError(
            f"protect_counts: the counts must be whole numbers, none missing; row {row!r}, column {column!r} is not. "
            "Hand over counts of people before they are rounded or written as text."
        )
    return cells


def _refuse_totals(cells: NDArray, counts: pd.DataFrame, total: str) -> None:
    """Refuse lines that are totals: taken for one more category, they would double every sum."""
    found = []
    for what, names, values in (("row", counts.index, cells), ("column", counts.columns, cells.T)):
        others = values.sum(axis=0) - values
        summed = (values == others).all(axis=1) & (len(values) > 2) & ((values > 0).sum(axis=1) >= FEWEST_ALIKE)
        called = [str(name).strip() == total or bool(TOTAL.fullmatch(str(name).strip())) for name in names]
        found += [f"{what} {str(name)!r}" for name, yes in zip(names, summed | called, strict=True) if yes]
    if found:
        raise UsageError(
            f"protect_counts: {' and '.join(found)} {'is a total' if len(found) == 1 else 'are totals'} of the others; "
            "totals are added here. Hand over the counts without them (pandas.crosstab without `margins`), or give the "
            "category another name."
        )


def hide(exact: NDArray, rule: Rule) -> tuple[NDArray, NDArray]:
    """Return which cells of a table with totals are too small, and which are hidden in all.

    Hiding one more cell only ever makes the others less certain, so that each small cell is looked at once.
    """
    few = exact < rule.threshold
    hidden = few.copy()
    for row, column in zip(*np.nonzero(few), strict=True):
        while _width(row, column, *_slack(exact, few, hidden, rule)) < rule.uncertain and not hidden.all():
            hidden |= _cheapest_square(row, column, exact, hidden)
    return few, hidden


def widths(exact: NDArray, few: NDArray, hidden: NDArray, rule: Rule) -> NDArray:
    """Return for each cell how many values it may have for all that a reader knows, less one; 0 where it is shown."""
    found = np.zeros(exact.shape, dtype=int)
    for row, column in zip(*np.nonzero(few), strict=True):
        found[row, column] = _width(row, column, *_slack(exact, few, hidden, rule))
    return found


def _slack(exact: NDArray, few: NDArray, hidden: NDArray, rule: Rule) -> tuple[NDArray, NDArray]:
    """How far each cell may rise and fall: small ones from 0 to below the threshold, other hidden ones from it up.

    A total falls where its parts rise, so its two directions are exchanged.
    """
    beyond = int(exact.sum()) + 1
    up = np.where(few, rule.threshold - 1 - exact, beyond) * hidden
    down = np.where(few, exact, exact - rule.threshold) * hidden
    part_of_total = np.zeros(exact.shape, dtype=bool)
    part_of_total[-1, :-1] = part_of_total[:-1, -1] = True
    return np.where(part_of_total, down, up), np.where(part_of_total, up, down)


def _width(row: int, column: int, up: NDArray, down: NDArray) -> int:
    """How far a cell can rise and fall together, the others moving along within their slack."""
    rise = min(up[row, column], _flow(row, column, up, down, rising=True))
    return int(rise + min(down[row, column], _flow(row, column, up, down, rising=False)))


def _flow(row: int, column: int, up: NDArray, down: NDArray, *, rising: bool) -> int:
    """Return what the other cells can balance: a flow from the cell's column back to its row, or the other way."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    rows, columns = up.shape
    capacity = np.zeros((rows + columns, rows + columns), dtype=np.int32)
    capacity[:rows, rows:] = up
    capacity[rows:, :rows] = down.T
    capacity[row, rows + column] = capacity[rows + column, row] = 0
    source, sink = (rows + column, row) if rising else (row, rows + column)
    return int(maximum_flow(csr_array(capacity), source, sink).flow_value)


def _cheapest_square(row: int, column: int, exact: NDArray, hidden: NDArray) -> NDArray:
    """Return the square of cells round a cell that hides fewest people more, parts before totals."""
    total = np.zeros(exact.shape, dtype=bool)
    total[-1], total[:, -1] = True, True
    price = np.where(hidden, 0, 1 + exact + total * 4 * exact.sum())
    square = price[[row], :] + price[:, [column]] + price
    square[row], square[:, column] = 0, 0
    worth = square > 0
    if not worth.any():  # all squares are hidden already; only cells beyond them are left
        return ~hidden & (exact == exact[~hidden].min())
    other_row, other_column = np.unravel_index(np.where(worth, square, square.max() + 1).argmin(), exact.shape)
    chosen = np.zeros(exact.shape, dtype=bool)
    chosen[np.ix_([row, other_row], [column, other_column])] = True
    return chosen


def _labelled(shown: NDArray, counts: pd.DataFrame, total: str) -> pd.DataFrame:
    import pandas as pd

    index = pd.Index([*counts.index, total], name=counts.index.name)
    return pd.DataFrame(shown, index=index, columns=pd.Index([*counts.columns, total], name=counts.columns.name))
