"""How wide the columns of a printed table are, the same for PDF and DOCX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from joyeval.figures.text import breakable

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

    from joyeval.report.blocks import Table

UPRIGHT, SIDEWAYS = 170.0, 257.0  # mm between the margins of an A4 page
SIZES = ((UPRIGHT, 9.0), (UPRIGHT, 8.0), (SIDEWAYS, 8.5), (SIDEWAYS, 7.0))  # width in mm, type in pt, tried in turn
MM_PER_PT = 25.4 / 72
PADDING = 3.0  # mm beside the text of a cell, both sides together


@dataclass(frozen=True)
class Fit:
    """A table's place on the page: type size in pt, widths in mm, and whether the page must be turned."""

    sideways: bool
    size: float
    widths: tuple[float, ...]


def fit(table: Table) -> Fit:
    """Return the first size at which no word breaks; at worst the smallest, where words do."""
    columns = [[column.label, *cells] for column, cells in zip(table.columns, _by_column(table), strict=True)]
    longest = [max(_width(word) for cell in column for word in _words(cell)) for column in columns]
    whole = [max(_width(cell) for cell in column) for column in columns]
    for width, size in SIZES:
        least = [word * size * MM_PER_PT + PADDING for word in longest]
        if sum(least) <= width:
            break
    wanted = [cell * size * MM_PER_PT + PADDING for cell in whole]
    return Fit(width == SIDEWAYS, size, tuple(round(share, 2) for share in _shared(least, wanted, width)))


def _by_column(table: Table) -> list[tuple[str, ...]]:
    return list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)


def _shared(least: list[float], wanted: list[float], width: float) -> list[float]:
    """Each column what it wants if there is room, else its longest word and a share of the rest."""
    if sum(wanted) <= width:
        return wanted
    if sum(least) > width:
        return [part * width / sum(least) for part in least]
    spare = (width - sum(least)) / (sum(wanted) - sum(least))
    return [few + (many - few) * spare for few, many in zip(least, wanted, strict=True)]


def _words(cell: str) -> list[str]:
    return re.split(r"[\s\u200b]+", breakable(cell)) if cell else [""]


@cache
def _width(text: str) -> float:
    """Width in ems; figures in tables are as wide in bold as this is in regular, so a little is added."""
    return _font().getlength(text) / 100 * 1.06


@cache
def _font() -> FreeTypeFont:
    from PIL import ImageFont

    from joyeval.figures.style import FONT_FILES

    regular = next(file for file in FONT_FILES if file.stem.endswith("Regular"))
    return ImageFont.truetype(regular, 100)
