"""Delimited text by RFC 4180: any common encoding, delimiter and line end, to rectangular columns of text.

One rule for every file: a quotation mark opens a text only at the beginning of a cell; elsewhere it is a letter. The
csv module reads so. Polars, which is fast, counts every quotation mark; so it reads a file as it stands only where a
look at the bytes proves that both read alike, and else the file as the csv module writes it anew.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

import numpy as np
import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.raw import NOTE, few_valued, no_rows, set_aside
from joyeval.intake.shape import NOTE_BEGINS

DELIMITERS = ",;\t|"
MOST_RAGGED = 0.05  # above this share of rows of another width, the file itself is broken
MOST_COLUMNS = 20_000  # more than a spreadsheet has
SNIFFED = 100  # rows looked at to find the delimiter
FIRST = 100  # rows that tell whether a column holds numbers
SAMPLED = 1 << 15  # bytes looked at to tell what columns hold
HEAD = 1 << 20  # bytes that surely hold the rows looked at
BLOCK = 1 << 22
_R_HEADINGS = re.compile(r'("[^"\r\n]*")( "[^"\r\n]*")+\r?\n')  # as write.table of R has them


@dataclass(frozen=True)
class TextSheet:
    """A text file.

    Parameters
    ----------
    content : bytes
        UTF-8 text that polars and the csv module read alike, each record ended by a line feed.
    first_row : int
        Row number of the first record (2 below a `sep=` line).
    """

    file: str
    content: bytes
    delimiter: str
    first_row: int
    notices: tuple[str, ...]

    def top(self, rows: int) -> list[list[str]]:
        """Return the first rows as text."""
        try:
            return _rows(self.content[:HEAD].decode("utf-8", errors="ignore"), self.delimiter, rows)
        except csv.Error:
            raise DataError([_no_table(self.file, "a cell longer than 131,072 characters in the first rows")]) from None

    def body(self, skip: int, headings: list[str], keep: list[int]) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
        """Return columns, row numbers and what was set aside, below the first `skip` records."""
        if self._looks_even(len(headings)):
            try:
                frame = read_columns(self.content, self.delimiter, headings, keep, skip=skip)
            except pl.exceptions.PolarsError:
                pass  # a row too long and a row too short made up for each other
            else:
                rows = pl.int_range(frame.height, dtype=pl.UInt32, eager=True) + skip + self.first_row
                return frame, rows.alias("row"), no_rows()
        return self._cut_body(skip, headings, keep)

    def _looks_even(self, width: int) -> bool:
        """Whether there are as many delimiters as an even table has; then rows need not be cut one by one."""
        rows = self.content.count(b"\n")
        return b'"' not in self.content and _count(self.content, self.delimiter) == rows * (width - 1)

    def _cut_body(self, skip: int, headings: list[str], keep: list[int]) -> tuple:
        ends, fields = scan(self.content, self.delimiter)
        spans, fields = np.column_stack([np.append(0, ends[:-1]), ends])[skip:], fields[skip:]
        rows = np.arange(len(spans), dtype=np.uint32) + skip + self.first_row
        blank = np.isin(np.frombuffer(self.content, np.uint8)[spans[:, 0]], (10, 13))
        other = ~blank & (fields != len(headings)) & ~self._only_blank_extras(spans, fields, len(headings))
        notes = self._notes(spans, fields, blank, other, len(headings))
        ragged = other & ~notes
        self._refuse_broken(ragged, blank, spans, rows)
        good = ~(blank | other)
        whole = good.all() and len(spans)
        content = self.content[spans[0, 0] :] if whole else b"".join(self.content[a:b] for a, b in spans[good])
        try:
            frame = read_columns(content, self.delimiter, headings, keep)
        except pl.exceptions.PolarsError:
            raise DataError([_no_table(self.file, "rows that cannot be parted into cells")]) from None
        aside = [set_aside(pl.Series(rows[of]), rule) for of, rule in ((ragged, "ragged row"), (notes, NOTE))]
        return frame, pl.Series("row", rows[good]), pl.concat(aside)

    def _only_blank_extras(self, spans: np.ndarray, fields: np.ndarray, width: int) -> np.ndarray:
        """Rows that are too long by nothing but delimiters at their end."""
        harmless = np.zeros(len(fields), dtype=bool)
        for i in np.flatnonzero(fields > width):
            record = self.content[spans[i, 0] : spans[i, 1]].rstrip(b"\r\n")
            harmless[i] = record.endswith(self.delimiter.encode() * int(fields[i] - width))
        return harmless

    def _notes(self, spans: np.ndarray, fields: np.ndarray, blank: np.ndarray, other: np.ndarray, width: int):
        """Rows of words below the last row of the table, if a blank row parts them or they begin as notes do."""
        notes = np.zeros(len(fields), dtype=bool)
        good = np.flatnonzero(~(blank | other))
        last = good[-1] if len(good) else len(fields)
        for i in np.flatnonzero(other[last:]) + last if width > 2 else ():
            record = self.content[spans[i, 0] : spans[i, 1]].strip()
            apart = blank[last:i].any() or NOTE_BEGINS.match(record.decode("utf-8", errors="ignore"))
            notes[i] = bool(apart) and b" " in record
        return notes

    def _refuse_broken(self, ragged: np.ndarray, blank: np.ndarray, spans: np.ndarray, rows: np.ndarray) -> None:
        for i in np.flatnonzero(ragged):
            if b"\n" in self.content[spans[i, 0] : spans[i, 1]].strip():
                raise DataError([_open_quotation(self.file, int(rows[i]))])
        if ragged.sum() > MOST_RAGGED * max((~blank).sum(), 20):
            found = (
                f"{ragged.sum()} rows with more or fewer cells than the headings, the first in row {rows[ragged][0]}"
            )
            fix = (
                "say `header_row` in the study file if the headings stand in another row; else export again, with "
                "texts in quotation marks if one holds the delimiter or a line break"
            )
            raise DataError([Problem(self.file, found, "as many cells as headings", fix, rule="ragged file")])


def open_text(file: str, content: bytes) -> TextSheet:
    """Decode a text file, find its delimiter and cut it into records.

    Raises
    ------
    DataError
        The file is empty, in no encoding we know, or a quotation mark is never closed.
    """
    content, notices = _to_utf8(file, content)
    delimiter, content, first_row = _delimiter(file, content)
    if content.isspace() or not content:
        raise DataError([Problem(file, "nothing", "headings and rows", "export the file again", rule="empty file")])
    if io.BytesIO(content).readline().count(delimiter.encode()) >= MOST_COLUMNS:
        raise DataError([_no_table(file, f"more than {MOST_COLUMNS:,} columns")])
    if lines := _in_one_cell_each(content, delimiter):
        content = lines
        notices += (f"each line stood in one cell, as a spreadsheet saves it; it was cut at {delimiter!r}",)
    if not read_alike(content, delimiter):
        content = _written_anew(file, content, delimiter, first_row)
    content = content if content.endswith(b"\n") else content + b"\n"
    return TextSheet(file, content, delimiter, first_row, notices)


def _in_one_cell_each(content: bytes, delimiter: str) -> bytes:
    """Return the lines of a file each of which stands in quotation marks as a whole; nothing if it is no such file."""
    if not content.startswith(b'"'):
        return b""
    try:
        head = _rows(content[:SAMPLED].decode("utf-8", errors="ignore"), delimiter, SNIFFED)[:-1]
        cut = {len(next(csv.reader([row[0]], delimiter=delimiter))) for row in head if len(row) == 1 and row[0]}
        if (
            len(head) < 2 or any(len(row) > 1 for row in head) or len(cut) != 1 or cut <= {1, 2}
        ):  # texts may hold a comma each
            return b""
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), delimiter=delimiter))
    except csv.Error:
        return b""
    return "".join(f"{row[0]}\n" for row in rows if row).encode() if all(len(row) <= 1 for row in rows) else b""


def _count(content: bytes, mark: str) -> int:
    """Count a mark that stands everywhere, faster than the method of bytes does."""
    text, found = np.frombuffer(content, np.uint8), ord(mark)
    return sum(int(np.count_nonzero(text[at : at + BLOCK] == found)) for at in range(0, len(text), BLOCK))


def read_alike(content: bytes, delimiter: str) -> bool:
    """Whether every line end is a line feed and every quotation mark stands where RFC 4180 has one.

    Then counting quotation marks (as polars does) and looking where they stand (as the csv module does) agree: marks
    that open a text follow a delimiter, a line feed or the mark that would close it; marks that close one are followed
    by the same.
    """
    if b"\r" in content and content.count(b"\r") != content.count(b"\r\n"):
        return False
    if b'"' not in content:
        return True
    text = np.frombuffer(content, np.uint8)
    edges = np.zeros(256, dtype=bool)
    edges[[ord(delimiter), ord("\n"), ord('"')]] = True
    opens = True
    for at in range(0, len(text), BLOCK):
        marks = np.flatnonzero(text[at : at + BLOCK] == ord('"')) + at
        opening, closing = (marks[::2], marks[1::2]) if opens else (marks[1::2], marks[::2])
        before, after = text[np.maximum(opening - 1, 0)], text[np.minimum(closing + 1, len(text) - 1)]
        ended = edges[after] | (after == ord("\r")) | (closing == len(text) - 1)
        if not ((edges[before] | (opening == 0)).all() and ended.all()):
            return False
        opens ^= bool(len(marks) % 2)
    return opens


def _written_anew(file: str, content: bytes, delimiter: str, first_row: int) -> bytes:
    """Write the same cells with quotation marks where RFC 4180 has them, each record ended by a line feed."""
    page, row = io.StringIO(newline=""), first_row
    writer = csv.writer(page, delimiter=delimiter, lineterminator="\n")
    reader = csv.reader(
        io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""), delimiter=delimiter, strict=True
    )
    try:
        for cells in reader:
            writer.writerow(cells)
            row += 1
    except csv.Error as error:
        if "limit" in str(error):
            raise DataError([_no_table(file, f"a cell longer than 131,072 characters, in row {row}")]) from None
        raise DataError([_open_quotation(file, row)]) from None
    return page.getvalue().encode("utf-8")


def _open_quotation(file: str, row: int) -> Problem:
    found = "a cell that begins with a quotation mark which is not closed at its end"
    fix = "look for a single quotation mark at the beginning of a text, double it, or export again"
    return Problem(file, found, "quotation marks in pairs", fix, row=row, rule="open quotation")


def _no_table(file: str, found: str) -> Problem:
    return Problem(file, found, "a table of answers", "look into the file; export it again", rule="no table")


def scan(content: bytes, delimiter: str) -> tuple[np.ndarray, np.ndarray]:
    """Offset after each record and its number of fields; what stands in quotation marks does not count."""
    text = np.frombuffer(content, np.uint8)
    quoted, inside, before = b'"' in content, False, 0
    ends, totals = [], []
    for at in range(0, len(text), BLOCK):
        block = text[at : at + BLOCK]
        stops, cuts = block == ord("\n"), block == ord(delimiter)
        if quoted:
            within = np.bitwise_xor.accumulate(block == ord('"')) ^ inside
            stops, cuts, inside = stops & ~within, cuts & ~within, bool(within[-1])
        found = np.flatnonzero(stops)
        counts = np.cumsum(cuts, dtype=np.int64)
        ends.append(found + at + 1)
        totals.append(counts[found] + before)
        before += int(counts[-1])
    return np.concatenate(ends), np.diff(np.concatenate(totals), prepend=0) + 1


def read_columns(
    content: bytes, delimiter: str, headings: list[str], keep: list[int], *, skip: int = 0
) -> pl.DataFrame:
    """Read UTF-8 text below `skip` lines; with `skip`, a row that is too long is an error, else it is cut.

    Columns whose cells are small whole numbers, as answers mostly are, are held as numbers; other columns of few
    distinct texts as categories, which share one list; the rest as text. Numbers and categories take a byte or two.
    """
    if not content:
        return pl.DataFrame(schema=dict.fromkeys((headings[i] for i in keep), pl.String))
    options = {"separator": delimiter, "has_header": False, "columns": keep, "skip_rows": skip, "raise_if_empty": False}
    options |= {} if skip else {"truncate_ragged_lines": True, "extra_columns": "ignore", "missing_columns": "insert"}
    options |= {"null_values": ""} if b'"' in content else {}  # an empty text in quotation marks is blank, too
    texts = dict.fromkeys(headings, pl.String)
    sample = pl.read_csv(_first_rows(content), schema=texts, **options)
    few = few_valued(sample)
    numbers, size = _numbered(sample.select(few).head(FIRST)), pl.UInt16
    while True:
        category = pl.Categorical(pl.Categories.random(physical=size))
        schema = texts | dict.fromkeys(few, category) | dict.fromkeys(numbers, pl.Int8)
        try:
            return pl.read_csv(content, schema=schema, **options)
        except pl.exceptions.ComputeError as error:
            if numbers:  # a cell that is no number
                numbers -= _named(error, numbers) or numbers
            elif size == pl.UInt16:  # more texts than 16 bits number
                size = pl.UInt32
            else:
                raise


def _first_rows(content: bytes) -> bytes:
    """Whole records from the beginning; polars given the number of rows would go through all of them."""
    head = content[:SAMPLED]
    while len(head) < len(content):
        head = head[: head.rfind(b"\n") + 1]
        if not head.count(b'"') % 2:
            return head or content
        head = head[:-1]
    return head


def _named(error: Exception, columns: set[str]) -> set[str]:
    """Columns that the reader's complaint names, if it does."""
    found = re.search(r"at column '(.*?)' \(column number", str(error), re.S)
    return {found[1]} & columns if found else set()


def _numbered(sample: pl.DataFrame) -> set[str]:
    """Columns that hold nothing but whole numbers that a byte holds, written without leading zeros."""
    filled = [cells for cells in sample.iter_columns() if cells.null_count() < len(cells)]
    return {cells.name for cells in filled if cells.cast(pl.Int8, strict=False).cast(pl.String).equals(cells)}


def _to_utf8(file: str, content: bytes) -> tuple[bytes, tuple[str, ...]]:
    encoding = _utf_16(content)
    if encoding:
        return _recoded(file, content, encoding), (f"the file is in {encoding.upper()}",)
    content = content.removeprefix(codecs.BOM_UTF8).rstrip(b"\0")
    if content.isascii() or _is_utf8(content):
        return content, ()
    notice = "the file is not UTF-8; it was read as Windows-1252: check that accented letters look right"
    return _recoded(file, content, "cp1252"), (notice,)


def _utf_16(content: bytes) -> str | None:
    """Tell UTF-32 by its mark; UTF-16 by its mark, or by every other byte of Western text being zero."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    for mark, zeros, encoding in ((codecs.BOM_UTF16_LE, 1, "utf-16-le"), (codecs.BOM_UTF16_BE, 0, "utf-16-be")):
        sample = content[:400].rstrip(b"\0")[zeros::2]
        if content.startswith(mark) or (len(sample) > 1 and sample.count(0) > 0.9 * len(sample)):
            return encoding
    return None


def _recoded(file: str, content: bytes, encoding: str) -> bytes:
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode("utf-8")
    except UnicodeDecodeError:
        found = "text in an encoding that we cannot tell"
        raise DataError([Problem(file, found, "UTF-8", "save the file as CSV UTF-8", rule="encoding")]) from None


def _is_utf8(content: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()  # in blocks: a whole decoded copy may take four times the space
    try:
        for at in range(0, len(content), BLOCK):
            decoder.decode(content[at : at + BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(file: str, content: bytes) -> tuple[str, bytes, int]:
    """Delimiter, what follows a `sep=` line, and the row number of its first record."""
    if content[:5].lower().startswith((b"sep=", b'"sep=')):
        first, _, rest = content.partition(b"\n" if b"\n" in content else b"\r")
        named = first.strip(b'\r" ')[4:].decode() or "\t"
        if len(named) != 1 or not named.isascii() or named.isalnum() or named in '"\r':
            found, fix = "a delimiter of more than one character", "write sep=; or sep=, or remove the line"
            raise DataError([Problem(file, found, "one of , ; | or a tab", fix, row=1, rule="delimiter")])
        return named, rest, 2
    head = content[:200_000].decode("utf-8", errors="ignore")
    if _R_HEADINGS.match(head):
        names, first = [*_rows(head, " ", 2), []][:2]
        unnamed = b'"" ' if len(first) == len(names) + 1 else b""  # a column of row names, which has no heading
        return " ", unnamed + content, 1
    return max(DELIMITERS, key=lambda mark: _evenness(head, mark)), content, 1


def _evenness(head: str, mark: str) -> tuple[float, int]:
    """How even the first rows are when cut at `mark`: share of rows of the commonest width, that width."""
    if mark not in head:
        return 0.0, 1
    try:
        rows = _rows(head, mark)
    except csv.Error:  # a cell of a hundred thousand letters, which another mark may not even see as one cell
        return 0.0, 2
    widths = Counter(len(row) for row in rows[:-1] or rows if row)
    if not widths:
        return 0.0, 0
    width, count = widths.most_common(1)[0]
    return (count / widths.total() if width > 1 else 0.0), width


def _rows(text: str, delimiter: str, count: int = SNIFFED) -> list[list[str]]:
    return list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), count))
