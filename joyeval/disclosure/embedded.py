"""What lies inside a page as `data:`: drawings and pictures are read, anything else is a file inside the file."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGINS = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?P<how>;[^,]*)?,", re.I)
ENDS = re.compile(r"[\"')\s]")
DRAWINGS = {"image/svg+xml"}
PICTURES = {f"image/{name}" for name in ("png", "jpeg", "jpg", "gif", "webp", "tiff", "bmp", "x-icon")}
FONTS = re.compile(r"(application/)?(x-)?font[-/].*", re.I)


def embedded(text: str) -> Iterator[tuple[str, bytes]]:
    r"""Yield kind and content of all that an attribute or a style sheet holds as `data:`.

    Examples
    --------
    >>> list(embedded("data:text/plain,Ash%2038"))
    [('text/plain', b'Ash 38')]
    >>> list(embedded("url('data:image/png;base64,iVBORw==') 2x, url(data:text/csv,a)"))
    [('image/png', b'\x89PNG'), ('text/csv', b'a')]
    """
    alone = text.strip()[:5].casefold() == "data:"
    for found in BEGINS.finditer(text):
        end = None if alone else ENDS.search(text, found.end())
        content = unquote_to_bytes(text[found.end() : end.start() if end else None])
        coded = (found["how"] or "").casefold().endswith(";base64")
        if content:
            yield (found["kind"] or "text/plain").casefold(), b64decode(content) if coded else content
        if alone:
            return
