"""Any export in, its cells as text out: `read` tells the kind of file from its content, never from its name."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.labelled import read_labelled
from joyeval.intake.limited import content_of
from joyeval.intake.once import once, shared, stamp
from joyeval.intake.raw import NOTE, OUTSIDE, REPEATED, TOP, Raw, set_aside
from joyeval.intake.redcap import complete, dictionary_of
from joyeval.intake.shape import beside_the_table, personal_data, second_table
from joyeval.intake.sources import (
    PLAIN,
    PREVIEWS,
    UNFINISHED,
    Layout,
    find_header,
    is_number,
    joined,
    recognise,
    two_rows,
)
from joyeval.intake.text import TextSheet, open_text
from joyeval.intake.workbook import GridSheet, open_workbook

if TYPE_CHECKING:
    from collections.abc import Collection

_HTML = re.compile(rb"\s*(<!doctype html|<html|<table|<head|<meta|<script|<div)", re.I)
_LABELLED = ((b"$FL2", "SPSS"), (b"$FL3", "SPSS"), (b"<stata_dta>", "Stata"), (b"PAR1", "Parquet"))
_NO_TABLES = (  # how files begin that are none
    *((b"<?xml", "an XML file"), (b"SQLite format 3", "a database"), (b"%PDF", "a PDF"), (b"{\\rtf", "a document")),
    *((b"\x1f\x8b", "a packed file"), (b"7z\xbc\xaf", "a packed file"), (b"Rar!", "a packed file")),
    *((b"RDX", "data of R"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture")),
    *((b"{", "JSON"), (b"[{", "JSON")),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read(
    path: str | Path,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    header_rows: int | None = None,
    rows: tuple[int, int] | None = None,
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
        Row of the headings as the spreadsheet counts; without it the first row of words as full as the table.
    header_rows : int, optional
        How many rows hold headings, which are joined: ``upper | lower``, the upper ones filled to the right.
    rows : tuple of int, optional
        First and last row of the table; what stands above or below is set aside.
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
    path, kept = Path(path), tuple(sorted(keep))
    key = ("read", stamp(path), stamp(dictionary_of(path)), sheet, header_row, header_rows, rows, kept, unfinished)
    return once(key, lambda: _shared(path, sheet, header_row, header_rows, rows, kept, unfinished=unfinished))


def _shared(path: Path, *place: Any, unfinished: bool) -> Raw:
    """Read a file, unless another process of this run has."""
    content, dictionary = content_of(path), dictionary_of(path)
    contents = [content, content_of(dictionary) if dictionary.exists() else b""]
    how = (path.name, *place, unfinished)
    return shared(contents, how, lambda: _read(path, content, *place, unfinished=unfinished))


def _read(
    path: Path,
    content: bytes,
    sheet: str | None,
    header_row: int | None,
    header_rows: int | None,
    rows: tuple[int, int] | None,
    keep: Collection[str],
    *,
    unfinished: bool,
) -> Raw:
    if not content.lstrip(b"\0 \r\n\t"):
        raise DataError([Problem(path.name, "an empty file", "rows", "export it again", rule="empty file")])
    labelled = next((kind for start, kind in _LABELLED if content.startswith(start)), None)
    if labelled or (path.suffix.lower() == ".dta" and content[:1] in b"\x71\x72\x73"):
        return _told(read_labelled(path, labelled or "Stata"))
    if content.startswith(_WORKBOOKS):
        opened: TextSheet | GridSheet = open_workbook(path, content, sheet)
    else:
        opened = open_text(path.name, _table_text(path.name, content))
    raw = _laid_out(opened, _layout(opened, header_row, header_rows), rows, keep)
    if raw.source == PLAIN and dictionary_of(path).exists():
        raw = replace(raw, source="REDCap")
    raw = _told(_without_previews(_joined_options(raw), unfinished=unfinished))
    return complete(raw, path, keep) if raw.source == "REDCap" else raw


def _table_text(file: str, content: bytes) -> bytes:
    """Return text as it is; refuse what is no table under the name of one."""
    if _HTML.match(content) or (content.lstrip()[:5] == b"<?xml" and b"<Workbook" in content[:2000]):
        fix = "open it in Excel and save it as XLSX or CSV UTF-8; if it shows a log-in page, export again"
        raise DataError([Problem(file, "a web page under the name of a table", "a table", fix, rule="really HTML")])
    other = next((what for start, what in _NO_TABLES if content.lstrip().startswith(start)), None)
    if other:
        expected, fix = "CSV, XLSX, XLS, ODS, SPSS, Stata or Parquet", "export the table itself"
        raise DataError([Problem(file, other, expected, fix, rule="no table")])
    return content


def _layout(opened: TextSheet | GridSheet, header_row: int | None, header_rows: int | None) -> Layout:
    """Find the headings: where the study file says, else below any notes; a survey tool is told wherever it begins."""
    top = [row or [""] for row in opened.top(max(TOP, (header_row or 0) + 3))] or [[""]]
    found = find_header(top)
    at = header_row - opened.first_row if header_row else found
    if not 0 <= at < len(top):
        expected, fix = f"a row of the table, which has {len(top)}", "correct `header_row` in the study file"
        raise DataError([Problem(opened.file, f"no row {header_row}", expected, fix, rule="header row")])
    if header_rows and header_rows > 1:
        lower = top[at + 1] if at + 1 < len(top) else []
        at -= header_rows - 1 if not header_row and any(map(is_number, lower)) else 0
        return replace(joined(top[max(at, 0) :], header_rows), above=max(at, 0))
    for above in [at] if header_row else range(at + 1):
        layout = recognise(top[above:])
        if layout.source != PLAIN:
            return replace(layout, above=above)
    return replace(layout, above=at, two_rows=header_rows is None and two_rows(top, at))


def _laid_out(
    opened: TextSheet | GridSheet, layout: Layout, span: tuple[int, int] | None, keep: Collection[str]
) -> Raw:
    personal = [heading for heading in layout.personal() if heading not in keep]
    used = [i for i, heading in enumerate(layout.headings) if heading not in personal]
    frame, rows, aside = opened.body(layout.above + layout.header_rows, layout.headings, used)
    if frame.width and all(column.null_count() for column in frame.iter_columns()):
        filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        frame, rows = frame.filter(filled), rows.filter(filled)
    cells = {heading: layout.cells[i] for i, heading in enumerate(layout.headings)}
    none = {OUTSIDE: ~rows.is_between(*span)} if span else {}
    if layout.source == PLAIN and layout.header_rows == 1:
        none |= beside_the_table(frame, rows, cells)
    none = {rule: these for rule, these in none.items() if these.any()}
    if none:
        aside = pl.concat([aside, *(set_aside(rows.filter(these), rule) for rule, these in none.items())])
        record = ~reduce(or_, none.values())
        frame, rows = frame.filter(record), rows.filter(record)
    if frame.is_empty() and aside.is_empty():
        found = "headings but no rows below them"
        others = [told for told in opened.notices if told.startswith("sheet ")]
        fix = "export the answers again" + "".join(f"; or name another as `sheet`: {told}" for told in others)
        raise DataError([Problem(opened.file, found, "answers", fix, rule="no rows")])
    problems = [*_repeated(opened.file, layout), *_two_rows(opened, layout)]
    if layout.source == PLAIN:
        problems += second_table(opened.file, frame, rows) + personal_data(opened.file, frame, keep)
    return Raw(
        file=opened.file,
        source=layout.source,
        frame=frame,
        rows=rows,
        labels={heading: text for heading, text in layout.labels.items() if heading in frame.columns},
        identifier=layout.identifier,
        set_aside=aside,
        header_row=layout.above + opened.first_row,
        delimiter=opened.delimiter,
        notices=(*opened.notices, *_below_notes(opened, layout), *_dropped(personal), *_no_records(aside)),
        problems=tuple(problems),
    )


def _below_notes(opened: TextSheet | GridSheet, layout: Layout) -> list[str]:
    row = layout.above + opened.first_row
    return [f"the headings stand in row {row}; what stands above them was left out"] * (layout.above > 0)


def _no_records(aside: pl.DataFrame) -> list[str]:
    """Say which rows below the headings are no records."""
    if aside.is_empty():
        return []
    told = aside.filter(pl.col("rule").is_in([NOTE, REPEATED, OUTSIDE]))
    groups = told.group_by("rule", maintain_order=True).agg("row")
    return [
        f"left out: {rule} (row {', '.join(map(str, rows[:5]))}{', ...' * (len(rows) > 5)})"
        for rule, rows in groups.iter_rows()
    ]


def _two_rows(opened: TextSheet | GridSheet, layout: Layout) -> list[Problem]:
    """Say that the row above the headings seems to belong to them."""
    row = layout.above + opened.first_row
    found = f"headings that repeat in row {row}, and words above them in row {row - 1}"
    fix = f"`header_row: {row - 1}` and `header_rows: 2` in the study file join them as `upper | lower`"
    told = Problem(opened.file, found, "one row of headings", fix, row, None, "two header rows", blocking=False)
    return [told] * layout.two_rows


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


def _joined_options(raw: Raw) -> Raw:
    """Join the options of a SurveyMonkey question with several answers: each cell holds its option, or nothing."""
    if raw.source != "SurveyMonkey":
        return raw
    frame, groups = raw.frame, {}
    for name in frame.columns:
        if option := re.fullmatch(r"(.*) \[(.*)\]", name, re.DOTALL):
            groups.setdefault(option[1], []).append((name, option[2]))
    ticked = {q: of for q, of in groups.items() if all(_holds_only(frame[name], option) for name, option in of)}
    for question, options in ticked.items():
        texts = (pl.col(name).cast(pl.String) for name, _ in options)
        chosen = pl.concat_str(texts, separator=";", ignore_nulls=True)
        frame = frame.with_columns(pl.when(chosen != "").then(chosen).alias(question))
    told = (f"options joined into one column each: {', '.join(ticked)}",) if ticked else ()
    return replace(raw, frame=frame, notices=(*raw.notices, *told))


def _holds_only(cells: pl.Series, option: str) -> bool:
    return not cells.dtype.is_integer() and bool((cells.drop_nulls().cast(pl.String).str.strip_chars() == option).all())


def _dropped(personal: list[str]) -> tuple[str, ...]:
    return (f"dropped at once, as they identify people: {', '.join(personal)}",) if personal else ()


def _told(raw: Raw) -> Raw:
    """Put first in the notices what the file was recognised as."""
    found = f"read as {raw.source}: {raw.frame.height} rows, {raw.frame.width} columns"
    return replace(raw, notices=(found, *raw.notices))
