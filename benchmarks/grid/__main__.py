"""Simulate the tables named on the command line, or all, until every cell has its replicates; then write the page.

`--minutes M` stops after M minutes; the next call goes on from there. Delete `grid.csv` to begin anew.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from benchmarks.grid import page
from benchmarks.grid.harness import PIECES, add, stored
from benchmarks.grid.tables import TABLES, all_cells

if TYPE_CHECKING:
    from benchmarks.grid.harness import Cell


def main(asked: list[str]) -> int:
    """Run, the cells with the least share of their replicates first."""
    minutes = float(asked.pop(asked.index("--minutes") + 1)) if "--minutes" in asked else float("inf")
    asked = [name for name in asked if name != "--minutes"]
    if unknown := [name for name in asked if name not in TABLES]:
        print(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}", file=sys.stderr)
        return 2
    cells = all_cells()
    order, begun = [(cell.table, cell.name) for cell in cells], time.monotonic()
    wanted = [cell for cell in cells if not asked or cell.table in asked]
    while left := _unfinished(wanted):
        if time.monotonic() - begun > 60 * minutes:
            return 3
        tried, cell = min(left, key=lambda one: one[0] / one[1].replicates)
        most = min(tried + max(cell.replicates // PIECES, 1), cell.replicates)
        add(cell.run(range(tried, most)), order)
    page.write()
    return 0


def _unfinished(cells: list[Cell]) -> list[tuple[int, Cell]]:
    """Cells that lack replicates, with how many they have."""
    tried = stored().groupby(["table", "cell"])["tried"].max().to_dict()
    found = [(tried.get((cell.table, cell.name), 0), cell) for cell in cells]
    return [(count, cell) for count, cell in found if count < cell.replicates]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
