"""The last look: the finished files are read again, as a stranger would, before they leave."""

from __future__ import annotations

import csv
import re
import struct
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from joyeval.disclosure.drawings import drawn_in, read_drawing
from joyeval.disclosure.embedded import DRAWINGS as SVG
from joyeval.disclosure.embedded import FONTS, embedded
from joyeval.disclosure.embedded import PICTURES as PIXELS
from joyeval.disclosure.hidden import STATISTIC, Hidden
from joyeval.disclosure.pdf import holds_files, said_in
from joyeval.disclosure.rule import Rule
from joyeval.errors import DisclosureError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from joyeval.disclosure.drawings import Drawing

Cells = list[list[str]]

READ = {".html", ".pdf", ".docx", ".csv", ".txt", ".md", ".json", ".tex", ".yml", ".svg", ".eps"}
PICTURES = {".png", ".tiff", ".tif"}  # drawn from what the files above hold; what they say of themselves is read
DATA = re.compile("data:", re.I)
DATA_IN_SVG = re.compile(rb"data:|&#", re.I)
READ_OUT = re.compile("alt$|title$|aria-|content$|summary$|label$|placeholder$")  # attributes of words alone
PERCENT = re.compile(r"(?<!\d)(?<!\d )%|per[ _]?cent", re.I)  # of a column; 95 % is of an interval
WHOLE = re.compile(r"[<−-]?\d+")
PIXELS_IN_WORD = (".png", ".jpg", ".jpeg")
IN_WORD = (".xml", ".rels", *PIXELS_IN_WORD, "/")  # parts of a document; anything else is a file of its own
SAID_IN_WORD = "//@descr | //@title | //@w:author | //w:alias/@w:val | //w:tag/@w:val | //w:docVar/@w:val"
SAID_IN_PAGE = (
    "//@alt | //@title | //@content | //@value | //@placeholder | //@label | //@summary | //comment()"
    " | //@*[starts-with(name(), 'data-') or starts-with(name(), 'aria-')]"
)
SENTENCE = re.compile(r"(?<=[.;!?])\s+(?=\S)")

COUNTED = (
    r"answers?|respondents?|responses?|participants?|people|persons|staff|colleagues|service users|patients|nurses"
)
COUNT_COLUMN = re.compile(rf"(n|base|counts?|n[ _](in|out)|((number of|valid) )?({COUNTED}))(\s*\(.*\))?", re.I)
COUNT_IN_TEXT = re.compile(
    rf"(?<!than )(?<!than\u00a0)(?<![\d.,−-])"
    rf"(?:\bn\s*=\s*(?P<n>\d+)|\b(?P<m>\d+) (?:of (?:the )?[\d,]+ )?(?:valid |complete )?(?:{COUNTED}))\b(?!\.\d)",
    re.I,
)
NOTHING = Hidden()
FIX = "make the sentence, the row or the drawing from what joyeval.disclosure.show gives"
PSEUDONYM = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


def check_release(
    folder: Path | str, *, rule: Rule | None = None, hidden: Hidden | Collection[str] = ()
) -> tuple[Path, ...]:
    """Read every file of a folder and return them, if nothing in them may not leave.

    In tables (HTML, DOCX, CSV): counts of people below the threshold, and statistics beside a suppressed count. In all
    text, alt text and file names too: "n = 7", "7 respondents", pseudonyms and e-mail addresses. Kinds of file that
    hold rows (notebooks, parquet, spreadsheets) may not be there at all, nor inside another file. Of a PDF, pages,
    forms, alt texts, notes, outlines, properties and XMP are read; of a Word document all its parts; of drawings (SVG,
    PDF and EPS) words and coordinates, of pictures what they say of themselves, within a page too.

    Parameters
    ----------
    hidden : Hidden or collection of str
        Groups of too few people. Where their names stand alone: no percentage and no decimal may stand in a sentence or
        a row that names one, nor a point of a drawing beside it.

    Raises
    ------
    DisclosureError
        All that may not leave, file by file; the numbers themselves are not repeated.
    UsageError
        No such folder.
    """
    folder, rule = Path(folder), rule or Rule()
    hidden = hidden if isinstance(hidden, Hidden) else Hidden(frozenset(hidden))
    if not folder.is_dir():
        raise UsageError(f"check_release: there is no folder {folder}")
    files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
    problems = [p for path in files for p in file_problems(path, str(path.relative_to(folder)), rule, hidden)]
    if problems:
        raise DisclosureError(problems)
    return files


def file_problems(path: Path, name: str, rule: Rule, hidden: Hidden = NOTHING) -> Iterator[Problem]:
    """Yield what may not leave with one file; the numbers themselves are not repeated."""
    kind = path.suffix.lower()
    if kind not in READ | PICTURES:
        yield _problem(name, "a kind of file that may hold people's rows", "a report, figures, tables", "leave it out")
        return
    found = _whole(path, kind)
    if found is None:
        what = "picture" if kind in PICTURES else "file"
        yield _problem(name, f"a {what} that cannot be read", "a whole one", "make it again, or leave it out")
        return
    tables, text, drawings, files = found
    if files:
        yield _problem(name, "a file inside the file", "one document alone", "take it out")
    for table in tables:
        yield from _table_problems(table, name, rule)
        yield from _named_rows(table, name, hidden)
    text = "\n".join([name.replace("_", " "), text, *(drawing.text() for drawing in drawings)])
    yield from _text_problems(text, name, rule)
    yield from _named_sentences(text, name, hidden)
    for told in filter(None, map(hidden.drawn, drawings)):
        yield _problem(name, told, "points of enough people, from rounded counts", FIX)


def _whole(path: Path, kind: str) -> tuple[list[Cells], str, list[Drawing], bool] | None:
    """Return tables, words and drawings of a file, and whether it holds other files; None if it is damaged."""
    from lxml.etree import LxmlError
    from pikepdf import PdfError

    try:
        match kind:
            case ".html":
                return _html(_page(path.read_bytes()))
            case ".pdf":
                return _pdf(path)
            case ".docx":
                return _docx(path)
            case ".svg":
                return _svg(path.read_bytes())
        tables, text = _read(path, kind) if kind in READ else ([], _said_of_itself(path))
        drawings = [read_drawing(path.read_bytes(), kind)] if kind == ".eps" else []
        return tables, text, drawings, False
    except (OSError, SyntaxError, ValueError, UserWarning, struct.error, LxmlError, PdfError, BadZipFile):
        return None


def _pdf(path: Path) -> tuple[list[Cells], str, list[Drawing], bool]:
    """Read a PDF; pages of a report hold the same drawings as its HTML."""
    import pikepdf

    with pikepdf.open(path) as pdf:
        drawings = [] if path.name.startswith("report.") else [drawn_in(pdf)]
        return [], said_in(pdf), drawings, holds_files(pdf)


def _svg(source: bytes) -> tuple[list[Cells], str, list[Drawing], bool]:
    from lxml import etree

    words, drawings, files = "", [], False
    if DATA_IN_SVG.search(source):
        parser = etree.XMLParser(resolve_entities=False, huge_tree=True)
        words, drawings, files = _embedded(etree.fromstring(source, parser))
    return [], words, [read_drawing(source, ".svg"), *drawings], files


def _said_of_itself(source: Path | BytesIO) -> str:
    """Return the words that a picture holds beside its pixels: texts, tags, EXIF."""
    from PIL import Image

    with warnings.catch_warnings(action="error", category=UserWarning), Image.open(source) as picture:
        picture.load()  # a file cut short opens all the same
        parts = [picture.info, getattr(picture, "text", {}), getattr(picture, "tag_v2", {}), picture.getexif()]
        said = [value for part in parts for name, value in part.items() if name != "icc_profile"]
    words = [value.decode("utf-8", "ignore") if isinstance(value, bytes) else value for value in said]
    return "\n".join(value for value in words if isinstance(value, str))


def _embedded(tree: Any) -> tuple[str, list[Drawing], bool]:
    """Return words and drawings that lie within a page or a drawing as `data:`, and whether anything else does."""
    words, drawings, files = [], [], False
    for part in tree.iter("*"):
        texts = [value for name, value in part.attrib.items() if DATA.search(value) and not READ_OUT.match(name)]
        texts += [part.text] if part.tag.endswith("style") and part.text else []
        for text in texts:
            for kind, content in embedded(text):
                if kind in SVG:
                    _, said, within, more = _svg(content)
                    words.append(said)
                    drawings += [replace(one, said=part.get("alt", "")) for one in within]
                    files |= more
                elif kind in PIXELS:
                    words.append(_said_of_itself(BytesIO(content)))
                else:
                    files |= not FONTS.fullmatch(kind)
    return "\n".join(words), drawings, files


def _named_rows(table: Cells, name: str, hidden: Hidden) -> Iterator[Problem]:
    heading = table[0] if table else []
    for number, row in enumerate(table[1:], start=2):
        if told := hidden.told_by_row(_with_units(row, heading)):
            yield _problem(name, told, *_few_fix(), row=number)
    alike = [row for row in table if len(row) == len(heading)]
    for place, column in enumerate(zip(*alike, strict=True)):
        if hidden.names_one(column[0]) and (told := hidden.told_by_row(column)):
            yield _problem(name, told, *_few_fix(), column=f"{place + 1}")


def _with_units(row: list[str], heading: list[str]) -> list[str]:
    """Return the cells of a row with the unit of their column: whole numbers below "Share (%)" are percentages."""
    units = [bool(PERCENT.search(label)) for label in heading]
    units = units if len(row) == len(heading) else [any(units)] * len(row)
    return [f"{cell} %" if unit and WHOLE.fullmatch(cell) else cell for cell, unit in zip(row, units, strict=True)]


def _named_sentences(text: str, name: str, hidden: Hidden) -> Iterator[Problem]:
    if not hidden:
        return
    for line in dict.fromkeys(text.splitlines()):
        for part in SENTENCE.split(line) if hidden.names_one(line) else ():
            if told := hidden.told(part):
                yield _problem(name, told, *_few_fix())


def _few_fix() -> tuple[str, str]:
    return "no number about it", FIX


def _read(path: Path, kind: str) -> tuple[list[Cells], str]:
    match kind:
        case ".eps":
            return [], "\n".join(re.findall(r"^%%.*$", path.read_text(encoding="latin-1"), re.M))
        case ".csv":
            with path.open(encoding="utf-8-sig", newline="") as lines:
                cells = list(csv.reader(lines))
            return [cells], "\n".join(" ".join(row) for row in cells)
        case _:
            return [], path.read_text(encoding="utf-8")


def _page(source: bytes) -> Any:
    """Return a page as a tree, however long its pictures are."""
    from lxml import html

    return html.fromstring(source, parser=html.HTMLParser(huge_tree=True))


def _html(page: Any) -> tuple[list[Cells], str, list[Drawing], bool]:
    words, drawings, files = _embedded(page)
    for unseen in page.xpath("//style"):
        unseen.drop_tree()
    tables = [
        _captioned(table, [[_plain(cell) for cell in row] for row in table.iter("tr")]) for table in page.iter("table")
    ]
    said = [part if isinstance(part, str) else part.text for part in page.xpath(SAID_IN_PAGE)]
    inner = [_html(_page(source.encode())) for source in page.xpath("//@srcdoc") if source.strip()]
    tables += [table for one in inner for table in one[0]]
    drawings += [drawing for one in inner for drawing in one[2]]
    text = "\n".join([*page.itertext(), *said, words, *(one[1] for one in inner)])
    return tables, text, drawings, files or any(one[3] for one in inner)


def _captioned(table: Any, rows: Cells) -> Cells:
    """Return the rows of a table, its headings with the per cent of its caption: "Response rate (%) by team"."""
    if not rows or not any(PERCENT.search(_plain(caption)) for caption in table.iter("caption")):
        return rows
    return [[label if COUNT_COLUMN.fullmatch(label) else f"{label} (%)" for label in rows[0]], *rows[1:]]


def _docx(path: Path) -> tuple[list[Cells], str, list[Drawing], bool]:
    from lxml import etree

    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with ZipFile(path) as parts:
        files = not all(part.lower().endswith(IN_WORD) for part in parts.namelist())
        pictures = [part for part in parts.namelist() if part.lower().endswith(PIXELS_IN_WORD)]
        pixels = [_said_of_itself(BytesIO(parts.read(name))) for name in pictures]
        names = [name for name in parts.namelist() if name.endswith(".xml") and name != "[Content_Types].xml"]
        trees = [etree.fromstring(parts.read(name), etree.XMLParser(resolve_entities=False)) for name in names]
    rows = [
        [[_plain(cell) for cell in row.iter(f"{word}tc")] for row in table.iter(f"{word}tr")]
        for tree in trees
        for table in tree.iter(f"{word}tbl")
    ]
    paragraphs = [_plain(paragraph) for tree in trees for paragraph in tree.iter(f"{word}p")]
    properties = ["\n".join(tree.itertext()) for tree in trees if not tree.tag.startswith(word)]
    said = [str(one) for tree in trees for one in tree.xpath(SAID_IN_WORD, namespaces={"w": word.strip("{}")})]
    own = [
        str(one) for name, tree in zip(names, trees, strict=True) if "customXml" in name for one in tree.xpath("//@*")
    ]
    return rows, "\n".join([*paragraphs, *properties, *said, *own, *pixels]), [], files


def _plain(element) -> str:
    return " ".join("".join(element.itertext()).split())


def _table_problems(table: Cells, name: str, rule: Rule) -> Iterator[Problem]:
    heading, *rows = table or [[]]
    counts = [place for place, label in enumerate(heading) if COUNT_COLUMN.fullmatch(label.strip())]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(heading):
            continue
        for place in counts:
            if _too_few(row[place], rule):
                yield _problem(
                    name, "a count below the threshold", *_counts_fix(rule), row=number, column=heading[place]
                )
        if len(counts) == 1 and row[counts[0]].startswith("suppressed"):
            for label, cell in zip(heading, row, strict=True):
                if STATISTIC.fullmatch(cell):
                    yield _problem(
                        name, "a statistic beside a suppressed count", *_counts_fix(rule), row=number, column=label
                    )


def _text_problems(text: str, name: str, rule: Rule) -> Iterator[Problem]:
    for line in dict.fromkeys(text.splitlines()):
        if any(_too_few(found["n"] or found["m"], rule) for found in COUNT_IN_TEXT.finditer(line)):
            yield _problem(name, "a count below the threshold in a sentence", *_counts_fix(rule))
        if PSEUDONYM.search(line):
            yield _problem(name, "a pseudonym of a person", "no code of a person", "leave the column out")
        if ADDRESS.search(line):
            yield _problem(name, "an e-mail address", "no address of a person", "leave it out")


def _too_few(cell: str, rule: Rule) -> bool:
    """Whether a cell holds a count that cannot be the rounding of one large enough."""
    number = cell.replace(",", "").removesuffix(".0")
    return number.isdecimal() and 0 < int(number) < min(rule.threshold, rule.smallest_shown)


def _counts_fix(rule: Rule) -> tuple[str, str]:
    return (
        f"counts of {rule.threshold} or more",
        "pass it through joyeval.disclosure.protect; if it does not count people, say what it counts",
    )


def _problem(
    file: str, found: str, expected: str, fix: str, row: int | None = None, column: str | None = None
) -> Problem:
    return Problem(file=file, found=found, expected=expected, fix=fix, row=row, column=column, rule="release")
