"""Reads one sheet of a workbook in a process of its own, so that a hostile file ends this process and no other.

Run as a script with a path, a sheet name (or nothing) and a memory limit. Writes to stdout the names of the visible
sheets, the name of the one read, its width, its distinct cells as text, and for each cell, row by row, which of them
it is. It imports nothing of this package, to start quickly.
"""

from __future__ import annotations

import marshal
import sys
from array import array
from collections import defaultdict
from datetime import date, datetime
from itertools import chain, count

FAILED = 3  # exit code when the file cannot be read; the kind of failure is on stderr
SAMPLE = 2000


def main(path: str, wanted: str, memory: str) -> None:
    """Read, and write what was read to stdout."""
    _limit_memory(int(memory))
    try:
        names, name, rows = _read(path, wanted)
    except Exception as error:  # whatever a damaged file provokes is told as one problem
        print(type(error).__name__, file=sys.stderr)
        sys.exit(FAILED)
    cells, codes = _coded(rows)
    width = len(rows[0]) if rows else 0
    sys.stdout.buffer.write(marshal.dumps((names, name, width, [_text(cell) for cell in cells], codes.tobytes())))


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit still holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _read(path: str, wanted: str) -> tuple[list[str], str, list[list]]:
    """Return the visible sheets, the one wanted (else the first that holds a table), and its rows."""
    import python_calamine

    book = python_calamine.load_workbook(path)
    visible = python_calamine.SheetVisibleEnum.Visible
    names = [sheet.name for sheet in book.sheets_metadata if sheet.visible == visible]
    if wanted and wanted not in book.sheet_names:
        return names, "", []
    for name in [wanted] if wanted else names:
        sheet = book.get_sheet_by_name(name)
        if wanted or (sheet.total_width >= 1 and sheet.total_height >= 1) or name == names[-1]:  # counted from 0
            return names, name, sheet.to_python(skip_empty_area=False)
    return names, "", []


def _coded(rows: list[list]) -> tuple[list, array]:
    """Distinct cells, and which of them each cell is: one pass at the speed of a dictionary."""
    place: defaultdict = defaultdict(count().__next__)
    cells = chain.from_iterable(rows)
    if any(isinstance(cell, bool) for row in rows[:SAMPLE] for cell in row):
        cells = ((isinstance(cell, bool), cell) for cell in cells)  # True and 1.0 are one key
        codes = array("I", map(place.__getitem__, cells))
        return [cell for _, cell in place], codes
    codes = array("I", map(place.__getitem__, cells))
    return list(place), codes


def _text(cell) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


if __name__ == "__main__":
    main(*sys.argv[1:4])
