"""Tables of counts with totals: a suppressed cell must not be worked out from its row and its column.

What who knows the rest can work out about a suppressed count is an interval. In a table with totals its ends are found
exactly as largest flows between the count's row and its column (Gusfield 1988): raising one suppressed count must be
balanced by others along a circle of suppressed cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.disclosure.rule import GIVES_AWAY, Rule, suppressed
from joyeval.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def protect_counts(counts: pd.DataFrame, *, total: str = "All", rule: Rule | None = None) -> pd.DataFrame:
    """Return a cross-table with totals as it may be shown.

    Counts below the threshold are suppressed, and with them the smallest other counts that keep each of them uncertain
    by at least `rule.vague` to someone who knows the rule, everything shown, and which cells were suppressed for which
    reason. What is shown is rounded to the nearest 5, totals apart from their parts.

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
        A count that is missing, negative or not whole.

    References
    ----------
    Gusfield, D. (1988). A graph theoretic approach to statistical data security. SIAM Journal on Computing 17(3),
    552-571. doi:10.1137/0217034
    """
    rule = rule or Rule()
    cells = counts.to_numpy(dtype=float)
    if not (np.isfinite(cells) & (cells >= 0) & (cells == np.floor(cells))).all():
        raise UsageError("protect_counts: the counts must be whole numbers, none missing")
    exact = np.pad(cells.astype(np.int64), (0, 1))
    exact[-1] = exact.sum(axis=0)
    exact[:, -1] = exact.sum(axis=1)
    few, hidden = hide(exact, rule)
    shown = rule.rounded(exact).astype(int).astype(object)
    shown[hidden] = GIVES_AWAY
    shown[few] = suppressed(rule.threshold)
    return _labelled(shown, counts, total)


def hide(exact: NDArray, rule: Rule) -> tuple[NDArray, NDArray]:
    """Return which cells of a table with totals are too small, and which are hidden in all."""
    few = exact < rule.threshold
    hidden = few.copy()
    while (exposed := _exposed(exact, few, hidden, rule)) is not None and not hidden.all():
        hidden |= _cheapest_square(*exposed, exact, hidden)
    return few, hidden


def widths(exact: NDArray, few: NDArray, hidden: NDArray, rule: Rule) -> NDArray:
    """Return for each cell how many values it may have for all that a reader knows, less one; 0 where it is shown."""
    found = np.zeros(exact.shape, dtype=int)
    for row, column in zip(*np.nonzero(few), strict=True):
        found[row, column] = _width(row, column, *_slack(exact, few, hidden, rule))
    return found


def _exposed(exact: NDArray, few: NDArray, hidden: NDArray, rule: Rule) -> tuple[int, int] | None:
    """Return the first small cell that is not uncertain enough."""
    up, down = _slack(exact, few, hidden, rule)
    cells = zip(*np.nonzero(few), strict=True)
    return next(((row, column) for row, column in cells if _width(row, column, up, down) < rule.vague), None)


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
