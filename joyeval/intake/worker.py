"""Reads one binary file in a process of its own, so that a hostile file ends this process and no other.

Run as a script with the kind of file, a path, a sheet name (or nothing), and limits of memory, CPU seconds and cells.
Writes to stdout, packed by `marshal`: of a workbook the names of the visible sheets and of the hidden ones, the name of
the one read, its width, its distinct cells as text, for each cell, row by row, which of them it is, and what does not
show in the cells; of other files what they say of their columns, and the columns as Arrow. It imports nothing of this
package, to start quickly.
"""

from __future__ import annotations

import io
import marshal
import re
import sys
import zipfile
from array import array
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, count

FAILED, TOO_BIG = 3, 4  # exit codes: the file cannot be read (the kind of failure is on stderr), it is too big
SAMPLE = 2000
LOOKED_THROUGH = 20_000_000  # bytes of a sheet
_HIDDEN = re.compile(rb'<(?:\w+:)?row\b(?=[^>]*\bhidden="1")[^>]*?\br="(\d+)"')
_FORMULA = re.compile(
    rb'<(?:\w+:)?c\b([^>]*?\br="([A-Z]{1,3}\d{1,7})"[^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^<]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_CELL = rb"<(?:\w+:)?c\b[^>]*?\bs=\"(?:%s)\"[^>]*>"
_ODS = re.compile(
    rb'<table:(table-row|table-cell|covered-table-cell)\b([^>]*)>|<table:table table:name="([^"]*)"', re.DOTALL
)


def main(kind: str, path: str, wanted: str, memory: str, seconds: str, cells: str) -> None:
    """Read, and write what was read to stdout."""
    _limit(int(memory), int(seconds))
    try:
        found = _workbook(path, wanted, int(cells)) if kind == "workbook" else _columns(kind, path, int(cells))
    except MemoryError:
        sys.exit(TOO_BIG)
    except Exception as error:  # whatever a damaged file provokes is told as one problem
        print(type(error).__name__, file=sys.stderr)
        sys.exit(FAILED)
    sys.stdout.buffer.write(marshal.dumps(found))


def _limit(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit of the caller still holds
        return
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_AS, (3 * memory, 3 * memory))  # with what libraries reserve and never use
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# ---- workbooks -------------------------------------------------------------------------------------


def _workbook(path: str, wanted: str, cells: int) -> tuple:
    """Return the visible sheets, the one wanted (else the first that holds a table), and its cells."""
    import python_calamine

    book = python_calamine.load_workbook(path)
    visible = python_calamine.SheetVisibleEnum.Visible
    names = [sheet.name for sheet in book.sheets_metadata if sheet.visible == visible]
    hidden = [sheet.name for sheet in book.sheets_metadata if sheet.visible != visible]
    if wanted and wanted not in book.sheet_names:
        return names, hidden, "", 0, [], b"", ([], [])
    for name in [wanted] if wanted else names:
        try:
            sheet = book.get_sheet_by_name(name)
        except python_calamine.CalamineError:
            book = python_calamine.load_workbook(_without_dimensions(path))
            sheet = book.get_sheet_by_name(name)
        if wanted or (sheet.total_width >= 1 and sheet.total_height >= 1) or name == names[-1]:  # counted from 0
            if (sheet.total_width + 1) * (sheet.total_height + 1) > cells:
                sys.exit(TOO_BIG)
            rows = sheet.to_python(skip_empty_area=False)
            for row, column in _percentages(path, name):
                if row < len(rows) and column < len(rows[row]) and isinstance(rows[row][column], float):
                    rows[row][column] = _percentage(rows[row][column])
            distinct, codes = _coded(rows)
            width, texts = len(rows[0]) if rows else 0, [_text(cell) for cell in distinct]
            return names, hidden, name, width, texts, codes.tobytes(), _unseen(path, name)
    return names, hidden, "", 0, [], b"", ([], [])


def _without_dimensions(path: str) -> io.BytesIO:
    """Copy a workbook without what its sheets claim of their size, which some programs write as rows only."""
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("xl/worksheets/"):
                content = re.sub(rb"<(\w+:)?dimension\b[^>]*>", b"", content, count=1)
            new.writestr(name, content)
    copy.seek(0)
    return copy


def _unseen(path: str, sheet: str) -> tuple[list[str], list[int]]:
    """Return the places of formulas without a result, and the rows that are hidden, at the beginning of a sheet."""
    try:
        with zipfile.ZipFile(path) as parts, parts.open(_part_of(parts, sheet)) as part:
            content = part.read(LOOKED_THROUGH)
    except (zipfile.BadZipFile, KeyError):  # old Excel and ODS, which hold results always
        return [], []
    hidden = [int(row[1]) for row in _HIDDEN.finditer(content)] if b'hidden="1"' in content else []
    cells = _FORMULA.finditer(content) if b"<f" in content or b":f" in content else ()
    return [cell[2].decode() for cell in cells if b't="str"' not in cell[1]], hidden


def _percentages(path: str, sheet: str):
    """Row and column, counted from 0, of cells that the workbook shows as percentages."""
    try:
        with zipfile.ZipFile(path) as parts:
            names = set(parts.namelist())
            if "xl/styles.xml" in names:
                yield from _of_xlsx(parts, sheet)
            elif "content.xml" in names:
                yield from _of_ods(parts.read("content.xml"), sheet)
    except (zipfile.BadZipFile, KeyError):  # old Excel: the formats are not looked at
        return


def _of_xlsx(parts: zipfile.ZipFile, sheet: str):
    styles = parts.read("xl/styles.xml")
    own = re.findall(rb'<(?:\w+:)?numFmt\b[^>]*\bnumFmtId="(\d+)"[^>]*\bformatCode="([^"]*)"', styles)
    own += [(key, code) for code, key in re.findall(rb'\bformatCode="([^"]*)"[^>]*\bnumFmtId="(\d+)"', styles)]
    shown = {b"9", b"10"} | {key for key, code in own if b"%" in re.sub(rb"&quot;.*?&quot;|\\.", b"", code)}
    cells = re.search(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", styles, re.DOTALL)
    formats = re.findall(rb"<(?:\w+:)?xf\b[^>]*>", cells[0]) if cells else []
    numbers = [re.search(rb'\bnumFmtId="(\d+)"', one) for one in formats]
    wanted = [b"%d" % i for i, number in enumerate(numbers) if number and number[1] in shown]
    if not wanted:
        return
    for cell in re.finditer(_CELL % b"|".join(wanted), parts.read(_part_of(parts, sheet))):
        if (place := re.search(rb'\br="([A-Z]{1,3})(\d{1,7})"', cell[0])) and b't="s"' not in cell[0]:
            column = 0
            for letter in place[1]:
                column = 26 * column + letter - 64
            yield int(place[2]) - 1, column - 1


def _part_of(parts: zipfile.ZipFile, sheet: str) -> str:
    """Name of the part of a workbook that holds a sheet."""
    from xml.etree import ElementTree

    def attributes(name: str, tag: str) -> list[dict[str, str]]:
        found = ElementTree.fromstring(parts.read(name)).iter()
        return [{key.rpartition("}")[2]: v for key, v in e.attrib.items()} for e in found if e.tag.endswith("}" + tag)]

    targets = {one["Id"]: one["Target"] for one in attributes("xl/_rels/workbook.xml.rels", "Relationship")}
    keys = {one["name"]: one["id"] for one in attributes("xl/workbook.xml", "sheet")}
    target = targets[keys[sheet]]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _of_ods(content: bytes, sheet: str):
    if b'office:value-type="percentage"' not in content:
        return
    row, column, height, here = -1, 0, 1, False
    for found in _ODS.finditer(content):
        kind, about, name = found.groups()
        if name is not None:
            here, row, height = name.decode() == sheet, -1, 1
        elif kind == b"table-row":
            row, column = row + height, 0
            height = int((re.search(rb'number-rows-repeated="(\d+)"', about) or [0, 1])[1])
        elif here:
            width = int((re.search(rb'number-columns-repeated="(\d+)"', about) or [0, 1])[1])
            if b'value-type="percentage"' in about:
                yield from ((row + i, column + j) for i in range(min(height, 9999)) for j in range(min(width, 9999)))
            column += width


def _percentage(share: float) -> str:
    """Write 0.52 as 52%, without what binary fractions add."""
    return f"{(Decimal(repr(share)) * 100).normalize():f}%"


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


# ---- SPSS, Stata and Parquet -----------------------------------------------------------------------


def _columns(kind: str, path: str, cells: int) -> tuple:
    """Return what the file says of its columns, and the columns as Arrow."""
    import polars as pl

    if kind == "Parquet":
        lazy = pl.scan_parquet(path)
        if lazy.select(pl.len()).collect().item() * max(len(lazy.collect_schema()), 1) > cells:
            sys.exit(TOO_BIG)
        about, frame = {}, lazy.collect()
    else:
        import pyreadstat

        reader = {"SPSS": pyreadstat.read_sav, "Stata": pyreadstat.read_dta}[kind]
        _, meta = reader(path, metadataonly=True)
        if (meta.number_rows or 0) * max(meta.number_columns or 0, 1) > cells:
            sys.exit(TOO_BIG)
        columns, meta = reader(path, user_missing=True, output_format="dict")
        about = {
            "labels": dict(meta.column_names_to_labels),
            "answers": {name: dict(labels) for name, labels in meta.variable_value_labels.items()},
            "missing": {name: list(codes) for name, codes in meta.missing_user_values.items()},
            "ranges": {n: [(part["lo"], part["hi"]) for part in of] for n, of in meta.missing_ranges.items()},
            "formats": dict(meta.original_variable_types),
        }
        frame = pl.DataFrame({name: _one_type(pl, column) for name, column in columns.items()})
    packed = io.BytesIO()
    frame.write_ipc(packed)
    return about, packed.getvalue()


def _one_type(pl, cells):
    """One type per column, also where numbers stand beside the letters of extended missing codes."""
    try:
        return pl.Series(cells)
    except TypeError:
        return pl.Series([None if cell is None else _text(cell).strip() for cell in cells], dtype=pl.String)


if __name__ == "__main__":
    main(*sys.argv[1:7])
