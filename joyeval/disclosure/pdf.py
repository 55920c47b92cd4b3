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
    """Return all that a PDF says: see `said_in`."""
    import pikepdf

    with pikepdf.open(path) as pdf:
        return said_in(pdf)


def said_in(pdf: Any) -> str:
    """Return the words of all pages, line by line, then of forms, alt texts, notes, names of chapters and properties.

    Glyphs are read through the map to Unicode that each font carries, as a reader does who copies text.
    """
    import pikepdf

    fonts = [fonts_of(page.resources) for page in pdf.pages]
    lines = [line for page, own in zip(pdf.pages, fonts, strict=True) for line in _lines(page, own)]
    of_pages = {name: letters for own in fonts for name, letters in own.items()}
    streams = [one for one in pdf.objects if isinstance(one, pikepdf.Stream)]
    things = [thing for one in pdf.objects for thing in _within(one)]
    forms = [one for one in streams if one.get("/Subtype") == "/Form" or "/BBox" in one]
    for form in (*forms, *(one for thing in things for one in _appearances(thing))):
        lines += _lines(form, of_pages | fonts_of(form.get("/Resources", {})))
    words = [str(thing[key]) for thing in things for key in SAID if isinstance(thing.get(key), pikepdf.String)]
    properties = [str(value) for value in pdf.docinfo.values()]
    described = [word for one in streams if one.get("/Subtype") == "/XML" for word in _described(one.read_bytes())]
    return "\n".join([*lines, *words, *properties, *described])


def _appearances(thing: Any) -> Iterator[Any]:
    """Yield what a field or a note looks like, as far as it is no form by its own account."""
    import pikepdf

    states = thing.get("/AP", {})
    for one in states.values() if isinstance(states, pikepdf.Dictionary) else ():
        found = one.values() if isinstance(one, pikepdf.Dictionary) else [one]
        yield from (part for part in found if isinstance(part, pikepdf.Stream) and "/BBox" not in part)


def _described(metadata: bytes) -> Iterator[str]:
    """Yield what a PDF or a picture in it says of itself in XML (XMP)."""
    from lxml import etree

    tree = etree.fromstring(metadata, etree.XMLParser(resolve_entities=False))
    if next(tree.iter(etree.Entity), None) is not None:
        raise ValueError("words under other names cannot be read")
    for part in tree.iter():
        yield from (text for text in (part.text, part.tail, *part.attrib.values()) if text and text.strip())


def holds_files(pdf: Any) -> bool:
    """Whether other files are attached to a PDF, to the whole or to a place in it."""
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


def fonts_of(resources: Any) -> dict[str, dict[int, str]]:
    """Return the fonts that a page or a form names, each as code to text."""
    return {str(name): letters_of(font) for name, font in resources.get("/Font", {}).items()}


def _lines(content: Any, fonts: dict[str, dict[int, str]]) -> Iterator[str]:
    """Yield the lines of text of a page or a form."""
    import pikepdf

    letters, line, height = {}, "", None
    for operands, operator in pikepdf.parse_content_stream(content, OF_TEXT):
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
