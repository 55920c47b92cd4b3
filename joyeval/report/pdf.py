"""The report as PDF (A4, tagged, PDF/UA-1), set by typst from the same blocks.

All text travels as JSON, never as markup: nothing in it can be read as a command.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from joyeval.figures.text import breakable
from joyeval.report.blocks import Figure, Table, dump
from joyeval.report.layout import fit
from joyeval.report.messages import words

if TYPE_CHECKING:
    from joyeval.report.blocks import Block
    from joyeval.report.document import Document

PLACE_HOLDER = "□"  # where the font lacks a character


def pdf(document: Document) -> bytes:
    """Return the document as PDF; characters that the font lacks appear as a box, and a note says so."""
    import typst

    from joyeval.figures.style import FONT_FILES

    template = (files("joyeval.report") / "templates" / "report.typ").read_bytes()
    return typst.compile(
        {"main.typ": template, "report.json": json.dumps(_content(document)).encode()},
        font_paths=[str(FONT_FILES[0].parent)],
        ignore_system_fonts=True,
        pdf_standards=["ua-1"],
    )


def _content(document: Document) -> dict[str, Any]:
    content = {
        "title": dump(document.title),
        "words": words(document.title.language),
        "contents": len(document.contents),
        "blocks": [_block(block) for block in document.blocks],
    }
    printable = _printable(content)
    printable["boxed"] = PLACE_HOLDER in json.dumps(printable, ensure_ascii=False)
    return printable


def _block(block: Block) -> dict[str, Any]:
    content = dump(block)
    if isinstance(block, Table):
        content |= asdict(fit(block))
    if isinstance(block, Figure):
        content |= {"png": "", "data": None}
    return content


def _printable(value: Any) -> Any:
    """Put a box for each character that the font lacks, and let very long words break."""
    match value:
        case dict():
            return {key: item if key == "svg" else _printable(item) for key, item in value.items()}
        case list() | tuple():
            return [_printable(item) for item in value]
        case str():
            return breakable("".join(c if ord(c) in _glyphs() else PLACE_HOLDER for c in value))
        case _:
            return value


@cache
def _glyphs() -> frozenset[int]:
    """Code points that all faces of the shipped font have."""
    from fontTools.ttLib import TTFont

    from joyeval.figures.style import FONT_FILES

    faces = []
    for file in FONT_FILES:
        with TTFont(file, lazy=True) as face:
            faces.append(frozenset(face.getBestCmap()))
    return frozenset.intersection(*faces)
