"""Files and rows that a part of the study file keeps, of surveys and other tables alike; why others are left out."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import Problem
from joyeval.intake.columns import holds, plain, wanted_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from joyeval.intake.raw import Raw

BY_FILE = "left out by the study file"
SHORT, DISTINCT = 4, 200  # letters of a value without near ones; different cells that are looked at


@dataclass(frozen=True)
class Opened:
    """The rows of one file.

    Parameters
    ----------
    rows : polars.DataFrame
        Those that the study file keeps; `row` says where each stands.
    n_read : int
        Rows of the file, those included that the reader set aside.
    reasons : tuple of str
        Why the others are left out.
    matched : mapping
        Heading of `leave_out` to the rows that hold its value.
    problems : tuple of Problem
        Values that are left out, or kept, and are spelled almost as one that the study file names.
    """

    rows: pl.DataFrame
    n_read: int
    reasons: tuple[str, ...]
    matched: Mapping[str, int]
    problems: tuple[Problem, ...] = ()


def open_rows(raw: Raw, part: Any) -> Opened:
    """Return the rows of a file that the `where` and `leave_out` of a part keep."""
    rows = raw.frame.with_columns(raw.rows.alias("row"))
    kept = rows.filter(wanted_rows(part.where, part.leave_out)) if part.where or part.leave_out else rows
    by_file = [BY_FILE] if kept.height < rows.height else []
    matched = {heading: rows.filter(holds(heading, value)).height for heading, value in part.leave_out.items()}
    reasons = (*raw.set_aside["rule"].unique(maintain_order=True), *by_file)
    near = tuple(_near(raw.file, rows, part)) if part.where or part.leave_out else ()
    return Opened(kept, rows.height + raw.set_aside.height, reasons, matched, near)


def _near(file: str, rows: pl.DataFrame, part: Any) -> Iterator[Problem]:
    """Tell of values a letter away from one by which the study file keeps rows, or leaves them out."""
    for key in ("where", "leave_out"):
        for heading, value in getattr(part, key).items():
            cells = rows[heading].cast(pl.String)
            near = [cell for cell in cells.drop_nulls().unique().sort().head(DISTINCT) if _is_near(cell, str(value))]
            these = rows["row"].filter(cells.is_in(near))
            if len(these):
                found = f"{len(these)} rows with {' or '.join(map(repr, near))}, which `{key}: {value}` does not mean"
                fix = "nothing, if it is something else; if it is a slip of the pen, correct it in the file"
                yield Problem(file, found, repr(value), fix, int(these[0]), heading, "looks wrong", blocking=False)


def _is_near(cell: str, value: str) -> bool:
    """Whether a cell is a value with a letter too many, too few or wrong; another number or letter is no slip."""
    from rapidfuzz.distance import OSA

    one, other = plain(cell), plain(value)
    if len(other) < SHORT or one == other or OSA.distance(one, other, score_cutoff=1) > 1:
        return False
    marks = [{word for word in text.split() if len(word) == 1 or any(map(str.isdigit, word))} for text in (one, other)]
    return marks[0] == marks[1]


def nothing_left(file: str, part: Any, n_read: int, n_kept: int) -> list[Problem]:
    """Tell of a `where` or `leave_out` that leaves nothing."""
    if n_kept or not n_read or not (part.where or part.leave_out):
        return []
    keys = " and ".join(f"`{key}`" for key in ("where", "leave_out") if getattr(part, key))
    found, fix = f"{n_read} rows, all left out by {keys}", "correct the value there, or the heading"
    return [Problem(file, found, "rows that stay", fix, rule="nothing left")]


def idle(file: str, part: Any, matched: Sequence[Mapping[str, int]]) -> list[Problem]:
    """Tell of a value of `leave_out` that no row of any file of a part holds."""
    problems = []
    for heading, value in part.leave_out.items() if any(matched) else ():
        if not any(one.get(heading) for one in matched):
            found = f"no row with {value!r} in {heading!r}, which `leave_out` names"
            fix, rule = "correct the value, or remove it from `leave_out`", "key without effect"
            problems.append(Problem(file, found, "rows to leave out", fix, column=heading, rule=rule))
    return problems


def absent_file(file: str, folder: Path) -> Problem:
    """Tell of a file that is not there, and where it is looked for."""
    fix = f"put it in {as_seen(folder)}, or correct `file` in the study file"
    return Problem(file, "no such file", "a file", fix, rule="missing file")


def as_seen(folder: Path) -> str:
    """Write a folder as the user sees it: from where they work, if it lies below."""
    import os
    from pathlib import Path

    here = Path.cwd()
    return Path(os.path.relpath(folder, here)).as_posix() if folder.resolve().is_relative_to(here) else str(folder)


def same_content(paths: Sequence[Path]) -> list[Problem]:
    """Tell of files of one part that hold the same, byte by byte."""
    seen: dict[bytes, Path] = {}
    problems = []
    for path in paths if len(paths) > 1 else ():
        first = seen.setdefault(sha256(path.read_bytes()).digest(), path)
        if first is not path:
            found, fix = f"the same content as {first.name}", "remove one of the two files, or put the right one there"
            problems.append(Problem(path.name, found, "another file", fix, rule="twice"))
    return problems
