"""The last look: the finished files are read again, as a stranger would, before they leave."""

from __future__ import annotations

import csv
import re
import struct
import warnings
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from joyeval.disclosure.pdf import pdf_text
from joyeval.disclosure.rule import Rule
from joyeval.errors import DisclosureError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Cells = list[list[str]]

READ = {".html", ".pdf", ".docx", ".csv", ".txt", ".md", ".json", ".tex", ".yml", ".svg", ".eps"}
PICTURES = {".png", ".tiff", ".tif"}  # drawn from what the files above hold; what they say of themselves is read
WORDS_OF_SVG = re.compile(r"<!--(.*?)-->", re.S)  # texts stand beside their outlines
SVG = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")
STATISTIC_IN_TEXT = re.compile(r"\d\s?%|(?<![\d.])\d+\.\d")
OF_WORD = re.compile(r"(word/(document|header\d*|footer\d*)|docProps/\w+)\.xml")
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
STATISTIC = re.compile(r"[<−-]?\d+\.\d+.*|\d+\s?%.*")
PSEUDONYM = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


def check_release(folder: Path | str, *, rule: Rule | None = None, hidden: Collection[str] = ()) -> tuple[Path, ...]:
    """Read every file of a folder and return them, if nothing in them may not leave.

    In tables (HTML, DOCX, CSV): counts of people below the threshold, and statistics beside a suppressed count. In all
    text, alt text and file names too: "n = 7", "7 respondents", pseudonyms and e-mail addresses. Kinds of file that
    hold rows (notebooks, parquet, spreadsheets) may not be there at all. Of a PDF, pages, alt texts and properties are
    read; of drawings (SVG, in HTML too) their words, of pictures what they say of themselves.

    Parameters
    ----------
    hidden : collection of str
        Names of groups of too few people: no percentage and no decimal may stand in a sentence or a row that names one.

    Raises
    ------
    DisclosureError
        All that may not leave, file by file; the numbers themselves are not repeated.
    UsageError
        No such folder.
    """
    folder, rule = Path(folder), rule or Rule()
    if not folder.is_dir():
        raise UsageError(f"check_release: there is no folder {folder}")
    files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
    problems = [p for path in files for p in file_problems(path, str(path.relative_to(folder)), rule, hidden)]
    if problems:
        raise DisclosureError(problems)
    return files


def file_problems(path: Path, name: str, rule: Rule, hidden: Collection[str] = ()) -> Iterator[Problem]:
    """Yield what may not leave with one file; the numbers themselves are not repeated."""
    kind = path.suffix.lower()
    if kind not in READ | PICTURES:
        yield _problem(name, "a kind of file that may hold people's rows", "a report, figures, tables", "leave it out")
        return
    tables, text = _read(path, kind) if kind in READ else ([], _said_of_itself(path))
    if text is None:
        yield _problem(name, "a picture that cannot be read", "a whole PNG or TIFF", "draw it again, or leave it out")
        return
    for table in tables:
        yield from _table_problems(table, name, rule)
        yield from _named_rows(table, name, hidden)
    yield from _text_problems(f"{name}\n{text}", name, rule)
    yield from _named_sentences(f"{name}\n{text}", name, hidden)


def _said_of_itself(path: Path) -> str | None:
    """Return the words that a picture file holds beside its pixels; None if it is damaged."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="error", category=UserWarning), Image.open(path) as picture:
            picture.load()  # a file cut short opens all the same
            said = [*picture.info.values(), *getattr(picture, "text", {}).values()]
    except (OSError, SyntaxError, ValueError, UserWarning, struct.error):
        return None
    return "\n".join(value for value in said if isinstance(value, str))


def _named_rows(table: Cells, name: str, hidden: Collection[str]) -> Iterator[Problem]:
    for number, row in enumerate(table[1:], start=2):
        if set(row) & set(hidden) and any(STATISTIC.fullmatch(cell) for cell in row):
            yield _problem(name, "a statistic in the row of a group of too few people", *_few_fix(), row=number)


def _named_sentences(text: str, name: str, hidden: Collection[str]) -> Iterator[Problem]:
    if not hidden:
        return
    named = re.compile("|".join(re.escape(group) for group in sorted(hidden, key=len, reverse=True)))
    for line in dict.fromkeys(text.splitlines()):
        for part in SENTENCE.split(line) if named.search(line) else ():
            if named.search(part) and STATISTIC_IN_TEXT.search(part):
                yield _problem(name, "a number beside the name of a group of too few people", *_few_fix())


def _few_fix() -> tuple[str, str]:
    return "no number about it", "make the sentence or the row from what joyeval.disclosure.show gives"


def _read(path: Path, kind: str) -> tuple[list[Cells], str]:
    match kind:
        case ".html":
            return _html(path.read_bytes())
        case ".docx":
            return _docx(path)
        case ".pdf":
            return [], pdf_text(path)
        case ".svg":
            return [], "\n".join(WORDS_OF_SVG.findall(path.read_text(encoding="utf-8")))
        case ".eps":
            return [], "\n".join(re.findall(r"^%%.*$|\((.*?)\) show", path.read_text(encoding="latin-1"), re.M))
        case ".csv":
            with path.open(encoding="utf-8-sig", newline="") as lines:
                cells = list(csv.reader(lines))
            return [cells], "\n".join(" ".join(row) for row in cells)
        case _:
            return [], path.read_text(encoding="utf-8")


def _html(source: bytes) -> tuple[list[Cells], str]:
    from lxml import html

    page = html.fromstring(source)
    for unseen in page.xpath("//style"):
        unseen.drop_tree()
    tables = [[[_plain(cell) for cell in row] for row in table.iter("tr")] for table in page.iter("table")]
    drawn = [word for part in SVG.findall(source.decode("utf-8")) for word in _words_of(part)]
    return tables, "\n".join([*page.itertext(), *page.xpath("//@alt | //@title | //@content"), *drawn])


def _words_of(encoded: str) -> list[str]:
    """Return the texts of a drawing that stands in an HTML file."""
    return [word.strip() for word in WORDS_OF_SVG.findall(b64decode(encoded).decode("utf-8"))]


def _docx(path: Path) -> tuple[list[Cells], str]:
    from lxml import etree

    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with ZipFile(path) as parts:
        names = [
            name
            for name in parts.namelist()
            if re.fullmatch(r"word/(document|header\d*|footer\d*)\.xml|docProps/\w+\.xml", name)
        ]
        trees = [etree.fromstring(parts.read(name), etree.XMLParser(resolve_entities=False)) for name in names]
    rows = [
        [[_plain(cell) for cell in row.iter(f"{word}tc")] for row in table.iter(f"{word}tr")]
        for tree in trees
        for table in tree.iter(f"{word}tbl")
    ]
    paragraphs = [_plain(paragraph) for tree in trees for paragraph in tree.iter(f"{word}p")]
    properties = ["\n".join(tree.itertext()) for tree in trees if not tree.tag.startswith(word)]
    return rows, "\n".join([*paragraphs, *properties, *(str(alt) for tree in trees for alt in tree.xpath("//@descr"))])


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
        if any(0 < int(found["n"] or found["m"]) < rule.threshold for found in COUNT_IN_TEXT.finditer(line)):
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
