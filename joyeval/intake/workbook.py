"""XLSX, XLS and ODS through a limited process; a hostile or damaged file ends in one clear problem."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.limited import read_limited, refusal
from joyeval.intake.raw import SAMPLE, few_valued, no_rows

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 300_000_000  # bytes of a workbook once unpacked
MOST_PACKED = 100  # times that a part of it may shrink when packed

_OLE = b"\xd0\xcf\x11\xe0"  # old Excel, and the envelope of a password-protected file


@dataclass(frozen=True)
class GridSheet:
    """A sheet of a workbook.

    Parameters
    ----------
    texts : polars.Series
        The distinct cells as text.
    cells : array of int, shape (rows, columns)
        Which of them stands where.
    """

    file: str
    texts: pl.Series
    cells: np.ndarray
    notices: tuple[str, ...]
    first_row: int = 1

    delimiter = None

    def top(self, rows: int) -> list[list[str]]:
        """Return the first rows as text."""
        return [[self.texts[int(cell)] or "" for cell in row] for row in self.cells[:rows]]

    def body(self, skip: int, headings: list[str], keep: list[int]) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
        """Return columns, row numbers and what was set aside (nothing), below the first `skip` rows."""
        cells = self.cells[skip:]
        sample = pl.DataFrame({headings[i]: self.texts.gather(cells[:SAMPLE, i]) for i in keep})
        few, categories = few_valued(sample), self.texts.cast(pl.Categorical(pl.Categories.random()))
        frame = pl.DataFrame(
            {
                h: (categories if h in few else self.texts).gather(cells[:, i])
                for i, h in enumerate(headings)
                if i in keep
            }
        )
        rows = pl.int_range(skip + 1, skip + 1 + len(cells), dtype=pl.UInt32, eager=True).alias("row")
        return frame, rows, no_rows()


def open_workbook(path: Path, content: bytes, sheet: str | None) -> GridSheet:
    """Read a sheet, or the first visible one that holds a table.

    Raises
    ------
    DataError
        The file is password-protected, damaged, unpacks to more than we take, or has no such sheet.
    """
    file = path.name
    _refuse_unsafe(file, content)
    names, hidden, name, width, texts, codes, (formulas, rows) = read_limited(path, "workbook", sheet or "")
    if not name:
        known = ", ".join([*names, *(f"{name} (hidden)" for name in hidden)])
        raise DataError([Problem(file, f"no sheet {sheet!r}", known, "name one of these as `sheet`", rule="sheet")])
    if formulas:
        raise DataError([_not_calculated(file, name, formulas)])
    others = [*(n for n in names if n != name), *(f"{n} (hidden)" for n in hidden if n != name)]
    told = (f"sheet {name!r} was read; the file also holds {', '.join(others)}",) if others and not sheet else ()
    told += (f"{len(rows)} rows that the sheet hides are read like all others (row {rows[0]}, ...)",) if rows else ()
    distinct = pl.Series(texts, dtype=pl.String).replace("", None)
    cells = np.frombuffer(codes, np.uint32).reshape(-1, max(width, 1))
    return GridSheet(file, distinct, cells, told)


def _not_calculated(file: str, sheet: str, places: list[str]) -> Problem:
    """Tell of formulas that some program wrote without calculating them: their cells are no blanks."""
    found = f"{len(places)} formulas without their results on sheet {sheet!r}, the first in cell {places[0]}"
    fix = "open the file in Excel or LibreOffice, save it there, and use that one"
    return Problem(file, found, "cells with values", fix, int(re.sub("[A-Z]+", "", places[0])), rule="not calculated")


def _refuse_unsafe(file: str, content: bytes) -> None:
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise _password(file)
        return
    try:
        infos = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError):
        fix = "save it again in Excel"
        problem = Problem(file, "a damaged workbook", "a workbook that Excel opens", fix, rule="damaged")
        raise DataError([problem]) from None
    if not any(info.filename.startswith("xl/") or info.filename == "content.xml" for info in infos):
        expected, fix = "a workbook", "unpack it, and name the table in it"
        raise DataError([Problem(file, "a packed file that is no workbook", expected, fix, rule="no table")])
    if any(info.flag_bits & 1 for info in infos):
        raise _password(file)
    size = sum(info.file_size for info in infos)
    if size > LARGEST or any(info.file_size > MOST_PACKED * max(info.compress_size, 10_000) for info in infos):
        most = f"at most {LARGEST / 1e6:.0f} MB"
        raise refusal(file, f"a file that unpacks to {size / 1e6:.0f} MB", "unpacked size", most)


def _password(file: str) -> DataError:
    found, fix = "a password-protected file", "remove the password in Excel"
    return DataError([Problem(file, found, "an open one", fix, rule="password")])
