"""The text of a PDF, and what it says to a screen reader: what a stranger could copy out of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAID = ("/Alt", "/ActualText", "/Contents", "/Title", "/T", "/TU", "/V", "/DV", "/Subj", "/RC", "/E", "/URI", "/JS")
OF_TEXT = "Tf Td TD T* Tm BT Tj TJ"  # drawings are passed over
NEW_LINE = {"Td", "TD", "T*", "Tm", "BT"}
RANGE = r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]+)>|\[(.*?)\])"
SPACE = -200  # thousandths of the type size; a wider gap within a line is a space


def pdf_text(path: Path) -> str:
    """Return the words of all pages, line by line, then alt texts, notes, names of chapters and properties.

    Glyphs are read through the map to Unicode that each font carries, as a reader does who copies text.
    """
    import pikepdf

    with pikepdf.open(path) as pdf:
        lines = [line for page in pdf.pages for line in _page(page)]
        things = [thing for one in pdf.objects for thing in _within(one)]
        words = [str(thing[key]) for thing in things for key in SAID if isinstance(thing.get(key), pikepdf.String)]
        properties = [str(value) for value in pdf.docinfo.values()]
    return "\n".join([*lines, *words, *properties])


def holds_files(path: Path) -> bool:
    """Whether other files are attached to a PDF, to the whole or to a place in it."""
    import pikepdf

    with pikepdf.open(path) as pdf:
        return bool(pdf.attachments) or any("/EF" in thing for one in pdf.objects for thing in _within(one))


def _within(thing: Any) -> Iterator[Any]:
    """Yield a dictionary and those that lie within it."""
    import pikepdf

    if isinstance(thing, pikepdf.Stream):
        thing = thing.stream_dict
    if isinstance(thing, pikepdf.Dictionary):
        yield thing
    if isinstance(thing, pikepdf.Dictionary | pikepdf.Array):
        parts = thing.values() if isinstance(thing, pikepdf.Dictionary) else thing
        for part in parts:
            if isinstance(part, pikepdf.Dictionary | pikepdf.Array) and not part.is_indirect:
                yield from _within(part)


def _page(page: Any) -> Iterator[str]:
    import pikepdf

    fonts = {str(name): letters_of(font) for name, font in page.get("/Resources", {}).get("/Font", {}).items()}
    letters, line, height = {}, "", None
    for operands, operator in pikepdf.parse_content_stream(page, OF_TEXT):
        what = str(operator)
        if what == "Tf":
            letters = fonts.get(str(operands[0]), {})
        elif what == "Tm" and float(operands[5]) == height:
            line += " "
        elif what in NEW_LINE:
            if line.strip():
                yield line.strip()
            line, height = "", float(operands[5]) if what == "Tm" else None
        elif what in ("Tj", "TJ"):
            line += "".join(shown_letters(operands[0] if what == "TJ" else operands, letters))
    if line.strip():
        yield line.strip()


def shown_letters(parts: Any, letters: dict[int, str]) -> Iterator[str]:
    """Yield the letters of a string of PDF, or of strings with gaps between them."""
    import pikepdf

    for part in parts:
        if isinstance(part, pikepdf.String):
            codes = bytes(part)
            wide = letters.get(-1) == "wide"
            pairs = zip(codes[::2], codes[1::2], strict=False) if wide else ((0, code) for code in codes)
            yield "".join(letters.get(256 * high + low, "" if wide else chr(low)) for high, low in pairs)
        elif float(part) < SPACE:
            yield " "


def letters_of(font: Any) -> dict[int, str]:
    """Return code to text of a font; -1 holds "wide" where a code is two bytes long."""
    found: dict[int, str] = {-1: "wide"} if font.get("/Subtype") == "/Type0" else {}
    if "/ToUnicode" not in font:
        return found
    table = bytes(font["/ToUnicode"].read_bytes()).decode("latin-1")
    for block in re.findall(r"beginbfchar(.*?)endbfchar", table, re.S):
        for code, text in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[int(code, 16)] = _unicode(text)
    for block in re.findall(r"beginbfrange(.*?)endbfrange", table, re.S):
        for first, last, text, several in re.findall(RANGE, block):
            codes = range(int(first, 16), int(last, 16) + 1)
            texts = re.findall(r"<([0-9A-Fa-f]+)>", several) or [
                f"{int(text, 16) + step:04x}" for step in range(len(codes))
            ]
            found |= {code: _unicode(one) for code, one in zip(codes, texts, strict=False)}
    return found


def _unicode(text: str) -> str:
    return bytes.fromhex(text).decode("utf-16-be", errors="replace")
