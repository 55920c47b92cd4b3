"""Any export in, its cells as text out: `read` tells the kind of file from its content, never from its name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.labelled import read_parquet, read_spss, read_stata
from joyeval.intake.raw import Raw, set_aside
from joyeval.intake.redcap import complete
from joyeval.intake.sources import PLAIN, PREVIEWS, UNFINISHED, Layout, find_header, recognise
from joyeval.intake.text import TextSheet, open_text
from joyeval.intake.workbook import GridSheet, open_workbook

if TYPE_CHECKING:
    from collections.abc import Collection

_HTML = re.compile(rb"\s*(<!doctype html|<html|<table|<head|<meta|<script|<div)", re.I)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read(
    path: str | Path,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    keep: Collection[str] = (),
    unfinished: bool = False,
) -> Raw:
    """Read an export of any survey tool as it stands, and say what it was recognised as.

    Parameters
    ----------
    path : path
        CSV or TSV in any common encoding and delimiter, XLSX, XLS, ODS, SPSS, Stata or Parquet.
    sheet : str, optional
        Sheet of a workbook; without it the first visible one that holds a table.
    header_row : int, optional
        Row of the headings as the spreadsheet counts; without it found in workbooks, and 1 in text.
    keep : collection of str
        Headings of personal columns (name, e-mail, address) to keep because people are linked by them;
        all others are dropped before anything else sees them.
    unfinished : bool
        Keep the responses that Qualtrics marks as not finished; without it they are set aside and counted.

    Returns
    -------
    Raw
        Cells as text with their row numbers, question texts, and what was noticed.

    Raises
    ------
    DataError
        The file is missing, empty, damaged, password-protected, unsafe to open, or not what its name says.

    Examples
    --------
    >>> raw = read("data/raw/enjoying_work/wave1.csv")  # doctest: +SKIP
    >>> raw.source  # doctest: +SKIP
    'Qualtrics'
    """
    path = Path(path)
    content = _content(path)
    if content.startswith((b"$FL2", b"$FL3")):
        return _told(read_spss(path))
    if content.startswith(b"<stata_dta>") or (path.suffix.lower() == ".dta" and content[:1] in b"\x71\x72\x73"):
        return _told(read_stata(path))
    if content.startswith(b"PAR1"):
        return _told(read_parquet(path))
    if content.startswith(_WORKBOOKS):
        opened: TextSheet | GridSheet = open_workbook(path, content, sheet)
    else:
        opened = open_text(path.name, _not_html(path.name, content))
    raw = _lay_out(opened, header_row, set(keep))
    raw = _told(_without_previews(raw, unfinished=unfinished))
    return complete(raw, path, keep) if raw.source == "REDCap" else raw


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        found, fix = "no such file", f"put it there, or correct the path {path}"
        raise DataError([Problem(path.name, found, "a file", fix, rule="missing file")]) from None
    if not content.strip(b"\0 \r\n\t"):
        raise DataError([Problem(path.name, "an empty file", "rows", "export it again", rule="empty file")])
    return content


def _not_html(file: str, content: bytes) -> bytes:
    if _HTML.match(content) or (content.lstrip()[:5] == b"<?xml" and b"<Workbook" in content[:2000]):
        fix = "open it in Excel and save it as XLSX or CSV UTF-8; if it shows a log-in page, export again"
        raise DataError([Problem(file, "a web page under the name of a table", "a table", fix, rule="really HTML")])
    return content


def _lay_out(opened: TextSheet | GridSheet, header_row: int | None, keep: set[str]) -> Raw:
    top = opened.top
    before = header_row - opened.first_row if header_row else _rows_before(opened, top)
    layout = recognise(top[max(before, 0) :] or [[]])
    personal = [heading for heading in layout.personal() if heading not in keep]
    used = [i for i, heading in enumerate(layout.headings) if heading not in personal]
    frame, rows, aside = opened.body(before + layout.header_rows, layout.headings, used)
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series() if frame.width else rows.is_not_null()
    if not filled.all():
        frame, rows = frame.filter(filled), rows.filter(filled)
    if frame.is_empty() and aside.is_empty():
        found = "headings but no rows below them"
        raise DataError([Problem(opened.file, found, "answers", "export the answers again", rule="no rows")])
    return Raw(
        file=opened.file,
        source=layout.source,
        frame=frame,
        rows=rows,
        labels={heading: text for heading, text in layout.labels.items() if heading in frame.columns},
        identifier=layout.identifier,
        set_aside=aside,
        notices=(*opened.notices, *_dropped(personal)),
        problems=tuple(_repeated(opened.file, layout)),
    )


def _rows_before(opened: TextSheet | GridSheet, top: list[list[str]]) -> int:
    """Rows above the headings: workbooks may begin with notes, text begins with its headings."""
    if isinstance(opened, TextSheet) or not top or recognise(top).source != PLAIN:
        return 0
    return find_header(top)


def _repeated(file: str, layout: Layout) -> list[Problem]:
    """Headings that stand in the file more than once; the later ones are counted: `Score (2)`."""
    again = [h for h in layout.headings if (first := re.sub(r" \(\d+\)$", "", h)) != h and first in layout.headings]
    fix = "rename the columns, or name the one you mean in the column map with its number"
    return [
        Problem(file, "the heading a second time", "each heading once", fix, None, heading, "repeated heading", False)
        for heading in again
    ]


def _without_previews(raw: Raw, *, unfinished: bool) -> Raw:
    """Set aside what Qualtrics marks as a preview, a test or spam, and what was not finished."""
    if raw.source.startswith("Qualtrics"):
        raw = _without(raw, "Status", PREVIEWS, "preview")
        raw = raw if unfinished else _without(raw, "Finished", UNFINISHED, "unfinished")
    return raw


def _without(raw: Raw, heading: str, marks: Collection[str], rule: str) -> Raw:
    if heading not in raw.frame.columns:
        return raw
    marked = raw.frame[heading].cast(pl.String).str.to_lowercase().is_in(sorted(marks)).fill_null(value=False)
    aside = pl.concat([raw.set_aside, set_aside(raw.rows.filter(marked), rule)])
    return replace(raw, frame=raw.frame.filter(~marked), rows=raw.rows.filter(~marked), set_aside=aside)


def _dropped(personal: list[str]) -> tuple[str, ...]:
    return (f"dropped at once, as they identify people: {', '.join(personal)}",) if personal else ()


def _told(raw: Raw) -> Raw:
    """Put first in the notices what the file was recognised as."""
    found = f"read as {raw.source}: {raw.frame.height} rows, {raw.frame.width} columns"
    return replace(raw, notices=(found, *raw.notices))
