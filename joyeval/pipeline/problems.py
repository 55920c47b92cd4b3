"""The list of problems as a file that opens in any spreadsheet: what, where, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from joyeval.errors import Problem

COLUMNS = ["file", "row", "column", "found", "expected", "fix", "rule", "stops the run", "all rows"]


def write_problems(problems: Iterable[Problem], path: Path, *, private: bool = True) -> None:
    """Write problems as CSV, those that stop the run first; without any, only the headings.

    Nothing in it is taken for a formula by a spreadsheet, and no answer or person is named.

    Parameters
    ----------
    path : Path
        Such as ``problems.csv``; an older one is replaced.
    private : bool
        For its owner alone: problems tell exact counts of a few people.

    Raises
    ------
    UsageError
        The file cannot be written, as when a spreadsheet holds it open.
    """
    import pandas as pd

    from joyeval.figures.text import clean, inert

    rows = [
        {
            **problem.as_row(),
            "stops the run": "yes" if problem.blocking else "no",
            "all rows": " ".join(map(str, problem.rows)),
        }
        for problem in sorted(problems, key=lambda problem: not problem.blocking)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"row": "Int64"})
    texts = table.columns.drop("row")
    table[texts] = inert(table[texts].map(lambda cell: "" if cell is None else clean(cell)))
    try:
        write_whole(path, table.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig"), private=private)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another place, or close it") from None
