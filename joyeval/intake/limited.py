"""Binary files through a process with limits of memory, time and cells: whatever they hold ends in one problem."""

from __future__ import annotations

import marshal
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from joyeval.errors import DataError, Problem
from joyeval.intake.worker import TOO_BIG

LARGEST = 1_000_000_000  # bytes of a file
CELLS = 100_000_000  # of a table; a workbook's are larger in memory, so there are fewer of them
CELLS_OF_A_SHEET = 12_000_000
MEMORY = 800_000_000  # bytes for the data of the process that reads
CPU_SECONDS, SECONDS = 20, 60


def content_of(path: Path) -> bytes:
    """Return the bytes of a regular file of ordinary size, and nothing of pipes, devices and folders.

    Raises
    ------
    DataError
        There is no such file, or it is of another kind, or larger than `LARGEST`.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            found, fix = "a pipe or a device, not a file", "copy the data into a file"
            raise DataError([Problem(path.name, found, "a file", fix, rule="no regular file")])
        if about.st_size > LARGEST:
            raise refusal(path.name, f"{about.st_size / 1e6:,.0f} MB", "file size", f"at most {LARGEST / 1e6:,.0f} MB")
        with path.open("rb") as file:
            return file.read(about.st_size)
    except (FileNotFoundError, IsADirectoryError):
        found, fix = "no such file", f"put it there, or correct the path {path}"
        raise DataError([Problem(path.name, found, "a file", fix, rule="missing file")]) from None
    except OSError as error:
        fix = "check who may read it"
        raise DataError([Problem(path.name, f"{error.strerror}".lower(), "a file", fix, rule="missing file")]) from None


def read_limited(path: Path, kind: str, sheet: str = "") -> tuple[Any, ...]:
    """Read a file of one kind (workbook, SPSS, Stata, Parquet) in a process of its own; see `joyeval.intake.worker`.

    Raises
    ------
    DataError
        The file is damaged, or takes more memory, time or cells than we give.
    """
    script = Path(__file__).with_name("worker.py")
    cells = CELLS_OF_A_SHEET if kind == "workbook" else CELLS
    limits = map(str, (MEMORY, CPU_SECONDS, cells))
    command = [sys.executable, "-I", str(script), kind, str(path.resolve()), sheet, *limits]
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}  # each thread would take address space
    what = "sheet" if kind == "workbook" else "table"
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, env=environment)
    except subprocess.TimeoutExpired:
        raise refusal(path.name, f"a {what} that takes more than {SECONDS} s to read", "reading time") from None
    if done.returncode == 0:
        return marshal.loads(done.stdout)
    if done.returncode == TOO_BIG or done.returncode < 0 or b"memory" in done.stderr.lower():
        raise refusal(path.name, f"a {what} that claims more cells than memory holds", f"{what} size")
    fix = "save it again in the program that made it, or save it as CSV UTF-8"
    found = f"a damaged {kind}" + " file" * (kind != "workbook")
    raise DataError([Problem(path.name, found, f"a {kind} that its program opens", fix, rule="damaged")])


def refusal(file: str, found: str, rule: str, expected: str = "a table of ordinary size") -> DataError:
    """Return the error that a file of unusual size ends in."""
    fix = "delete what stands far right of or below the table, or save the table as CSV UTF-8"
    return DataError([Problem(file, found, expected, fix, rule=rule)])
