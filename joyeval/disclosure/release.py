"""The last look: the finished files are read again, as a stranger would, before they leave."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from joyeval.disclosure.pdf import pdf_text
from joyeval.disclosure.rule import Rule
from joyeval.errors import DisclosureError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

Cells = list[list[str]]

READ = {".html", ".pdf", ".docx", ".csv", ".txt", ".md", ".json", ".tex", ".yml"}
PICTURES = {".png", ".tiff", ".tif", ".svg", ".eps"}  # drawn from what the files above hold

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


def check_release(folder: Path | str, *, rule: Rule | None = None) -> tuple[Path, ...]:
    """Read every file of a folder and return them, if nothing in them may not leave.

    In tables (HTML, DOCX, CSV): counts of people below the threshold, and statistics beside a suppressed count. In all
    text, alt text and file names too: "n = 7", "7 respondents", pseudonyms and e-mail addresses. Kinds of file that
    hold rows (notebooks, parquet, spreadsheets) may not be there at all. Of a PDF, pages, alt texts and properties are
    read. Pictures are not: their numbers lie beside them as source data, and their words as alt text.

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
    problems = [problem for path in files for problem in _file_problems(path, str(path.relative_to(folder)), rule)]
    if problems:
        raise DisclosureError(problems)
    return files


def _file_problems(path: Path, name: str, rule: Rule) -> Iterator[Problem]:
    kind = path.suffix.lower()
    if kind not in READ | PICTURES:
        yield _problem(name, "a kind of file that may hold people's rows", "a report, figures, tables", "leave it out")
        return
    tables, text = _read(path, kind) if kind in READ else ([], "")
    for table in tables:
        yield from _table_problems(table, name, rule)
    yield from _text_problems(f"{name}\n{text}", name, rule)


def _read(path: Path, kind: str) -> tuple[list[Cells], str]:
    match kind:
        case ".html":
            return _html(path.read_bytes())
        case ".docx":
            return _docx(path)
        case ".pdf":
            return [], pdf_text(path)
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
    return tables, "\n".join([*page.itertext(), *page.xpath("//@alt | //@title | //@content")])


def _docx(path: Path) -> tuple[list[Cells], str]:
    from lxml import etree

    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with ZipFile(path) as parts:
        names = [name for name in parts.namelist() if re.fullmatch(r"word/(document|header\d*|footer\d*)\.xml", name)]
        trees = [etree.fromstring(parts.read(name), etree.XMLParser(resolve_entities=False)) for name in names]
    rows = [
        [[_plain(cell) for cell in row.iter(f"{word}tc")] for row in table.iter(f"{word}tr")]
        for tree in trees
        for table in tree.iter(f"{word}tbl")
    ]
    paragraphs = [_plain(paragraph) for tree in trees for paragraph in tree.iter(f"{word}p")]
    return rows, "\n".join([*paragraphs, *(str(alt) for tree in trees for alt in tree.xpath("//@descr"))])


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
