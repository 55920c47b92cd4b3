"""How wide the columns of a printed table are, the same for PDF and DOCX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

from joyeval.figures.text import breakable

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

    from joyeval.report.blocks import Column, Table

Ems = tuple[float, ...]

UPRIGHT, SIDEWAYS = 170.0, 257.0  # mm between the margins of an A4 page
SIZES = ((UPRIGHT, 9.0), (UPRIGHT, 8.0), (UPRIGHT, 7.5), (SIDEWAYS, 8.5), (SIDEWAYS, 7.0))  # mm, pt; tried in turn
NUMBERS = re.compile(r"[^a-z]{0,15}( to [^a-z]{0,12})?")
MM_PER_PT = 25.4 / 72
PADDING = 3.5  # mm beside the text of a cell, both sides together
SHORT = 5.0  # ems; a heading no longer than this stays on one line
NARROW = 9.0  # ems; words are set in no narrower a column
WHOLE, LINES = 20, 36  # rows, and lines of text; a table no longer than both stays on one page


@dataclass(frozen=True)
class Fit:
    """A table's place on the page: turned or not, kept whole or not, type size in pt and widths of columns in mm."""

    sideways: bool
    whole: bool
    size: float
    widths: tuple[float, ...]


def fit(table: Table) -> Fit:
    """Return the first size at which no word breaks and no text stands too narrow; at worst the smallest."""
    least, snug, roomy = zip(*map(_ems, table.columns, _by_column(table)), strict=True)
    width, size = next((place for place in SIZES if sum(least) <= _room(*place, len(least))), SIZES[-1])
    ems = _shared(least, snug, roomy, room=_room(width, size, len(least)))
    widths = tuple(round(share * size * MM_PER_PT + PADDING, 2) for share in ems)
    whole = len(table.rows) <= WHOLE and _lines(table, ems) <= LINES
    return Fit(width == SIDEWAYS, whole, size, widths)


def _lines(table: Table, ems: Ems) -> int:
    """How many lines of text the rows have, each as many as its longest cell."""
    return sum(max(ceil(_width(cell) / room) for cell, room in zip(row, ems, strict=True)) for row in table.rows)


def _room(width: float, size: float, columns: int) -> float:
    """How many ems of text stand side by side."""
    return (width - columns * PADDING) / (size * MM_PER_PT)


def _by_column(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)


def _ems(column: Column, cells: tuple[str, ...]) -> tuple[float, float, float]:
    """Return how narrow a column may be, its longest cell under a heading of three lines, and all in one line."""
    label = _width(column.label, "Bold")
    words = [label] if label <= SHORT else [_width(word, "Bold") for word in _words(column.label)]
    words += [_width(word) for word in {word for cell in cells for word in _words(cell)}]
    longest = max(map(_width, cells), default=0.0)
    return max(*words, min(longest, NARROW)), max(longest, *words, label / 3), max(longest, label)


def _shared(least: Ems, snug: Ems, roomy: Ems, *, room: float) -> Ems:
    """Each column what it wants if there is room, else its longest word and a share of the rest."""
    for wanted in (roomy, snug):
        if sum(wanted) <= room:
            return wanted
    if sum(least) > room:
        return tuple(part * room / sum(least) for part in least)
    spare = (room - sum(least)) / (sum(snug) - sum(least))
    return tuple(few + (many - few) * spare for few, many in zip(least, snug, strict=True))


def _words(cell: str) -> list[str]:
    """Return what may not break: a word, or a number with its interval."""
    return [cell] if NUMBERS.fullmatch(cell) else re.split(r"[\s\u200b]+", breakable(cell))


@cache
def _width(text: str, face: str = "Regular") -> float:
    return _font(face).getlength(text) / 100


@cache
def _font(face: str) -> FreeTypeFont:
    from PIL import ImageFont

    from joyeval.figures.style import FONT_FILES

    return ImageFont.truetype(next(file for file in FONT_FILES if file.stem.endswith(f"-{face}")), 100)
