"""Saved figures, opened again: what the journal asked for, and what everyone can read."""

from __future__ import annotations

import json
import re
import zlib
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.figures.export import MANIFEST
from joyeval.figures.journal import preset
from joyeval.figures.style import SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from joyeval.figures.journal import Preset

POINTS = 72 / 25.4  # in a millimetre
APART = 12.0  # least distance of two colours in CIELAB; below, lines of these colours are confused
COLOURS = 12  # more colours than this are a scale, whose values are printed or explained
COLOURLESS = 12.0  # chroma of a grey

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "full colour vision": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def check(folder: Path | str) -> pd.DataFrame:
    """Return what the files of a folder of figures are and should be.

    Returns
    -------
    DataFrame
        `figure`, `file`, `what`, `found`, `expected`, `ok`: one row per fact looked at.

    Raises
    ------
    UsageError
        No manifest in the folder.

    References
    ----------
    Machado, Oliveira & Fernandes (2009), IEEE Trans. Vis. Comput. Graph. 15(6), 1291-1298.
    doi:10.1109/TVCG.2009.113
    """
    manifest = Path(folder) / MANIFEST
    if not manifest.exists():
        raise UsageError(f"figures.check: {folder} has no {MANIFEST}; figures.save writes it")
    figures = json.loads(manifest.read_text(encoding="utf-8"))
    facts = [
        {"figure": name, "file": file, "what": what, "found": found, "expected": expected, "ok": bool(ok)}
        for name, entry in figures.items()
        for file in entry["files"]
        for what, found, expected, ok in _facts(Path(folder) / file, entry, preset(entry["journal"]))
    ]
    return pd.DataFrame(facts, columns=["figure", "file", "what", "found", "expected", "ok"])


Fact = tuple[str, Any, Any, bool]


def _facts(file: Path, entry: dict[str, Any], asked: Preset) -> Iterator[Fact]:
    """Yield what stands in a file, what should, and whether that is so."""
    if not file.exists():
        yield "file", "missing", "there", False
        return
    content = file.read_bytes()
    same = sha256(content).hexdigest() == entry["files"][file.name]["sha256"]
    yield "file", "as saved" if same else "changed since", "as saved", same
    megabytes = len(content) / 1e6
    yield "size in MB", round(megabytes, 2), f"at most {asked.max_mb}", megabytes <= asked.max_mb
    match file.suffix:
        case ".tiff" | ".png":
            yield from _pixels(file, entry, asked)
        case ".pdf":
            yield from _pdf(content, entry, asked)
        case ".eps":
            yield from _eps(content, entry)
        case ".svg":
            yield from _svg(content.decode(), entry)


def _page(width_pt: float, height_pt: float, entry: dict[str, Any], slack_mm: float = 0.2) -> Fact:
    found = (round(width_pt / POINTS, 1), round(height_pt / POINTS, 1))
    return "size in mm", found, tuple(entry["size_mm"]), np.allclose(found, entry["size_mm"], atol=slack_mm)


def _pixels(file: Path, entry: dict[str, Any], asked: Preset) -> Iterator[Fact]:
    from PIL import Image

    with Image.open(file) as picture:
        dpi = tuple(round(float(x)) for x in picture.info["dpi"])
        yield "resolution", dpi, (asked.dpi, asked.dpi), dpi == (asked.dpi, asked.dpi)
        yield _page(*(side / asked.dpi * 72 for side in picture.size), entry)
        if file.suffix == ".tiff":
            kind = (picture.mode, picture.info.get("compression"))
            yield "colour and compression", kind, ("RGB", "tiff_lzw"), kind == ("RGB", "tiff_lzw")


def _pdf(content: bytes, entry: dict[str, Any], asked: Preset) -> Iterator[Fact]:
    """Look into a PDF by matplotlib: objects are plain, streams are deflated."""
    _, _, width, height = map(float, re.search(rb"/MediaBox \[([^]]+)\]", content)[1].split())
    yield _page(width, height, entry)
    kinds = set(re.findall(rb"/Subtype /(CIDFontType\d|Type3|TrueType)", content))
    embedded = content.count(b"/FontFile2")
    yield "fonts", f"{embedded} embedded", "TrueType, embedded", kinds == {b"CIDFontType2"} and embedded > 0
    drawing = b"".join(map(_inflated, re.findall(rb"stream\r?\n(.*?)endstream", content, re.S)))
    sizes = sorted({float(size) for size in re.findall(rb"/F\d+ ([\d.]+) Tf", drawing)})
    least, most = asked.text_pt
    yield "type in pt", sizes, f"{least} to {most}", bool(sizes) and least <= sizes[0] and sizes[-1] <= most
    lines = {float(width) for width in re.findall(rb"(?<=\s)([\d.]+) w\b", drawing)} - {0.0}
    yield (
        "thinnest line in pt",
        min(lines, default=None),
        f"at least {asked.line_pt}",
        min(lines, default=99) >= asked.line_pt,
    )


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""  # not a drawing


def _eps(content: bytes, entry: dict[str, Any]) -> Iterator[Fact]:
    _, _, width, height = map(float, re.search(rb"%%HiResBoundingBox: (.*)", content)[1].split())
    yield _page(width, height, entry)
    kinds = {int(kind) for kind in re.findall(rb"/FontType (\d+) def", content)}
    yield "fonts", sorted(kinds), [42], kinds == {42}


def _svg(content: str, entry: dict[str, Any]) -> Iterator[Fact]:
    width, height = (float(size) for size in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', content).groups())
    yield _page(width, height, entry)
    colours = _colours(content)
    if 2 <= len(colours) <= COLOURS:
        for sight, distance in distances(colours).items():
            yield f"colours apart with {sight}", round(distance, 1), f"at least {APART:.0f}", distance >= APART


def _colours(svg: str) -> list[str]:
    """Colours of lines and fills; greys, transparent ones and cells of a scale left out: these have their value."""
    svg = re.sub(rf'<g id="{SCALE}.*?</g>', "", svg, flags=re.S)
    solid = re.sub(r'style="[^"]*opacity[^"]*"', "", svg)
    found = sorted(set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", solid)))
    return [colour for colour in found if np.hypot(*_lab(_linear([colour]))[0, 1:]) > COLOURLESS]


def distances(colours: list[str]) -> dict[str, float]:
    """Return the smallest distance of two colours in CIELAB, for each kind of sight."""
    linear = _linear(colours)
    seen = {sight: _lab(np.clip(linear @ np.transpose(matrix), 0, 1)) for sight, matrix in SIGHT.items()}
    return {sight: min(float(np.linalg.norm(a - b)) for a, b in combinations(lab, 2)) for sight, lab in seen.items()}


def _linear(colours: list[str]) -> NDArray:
    """Colours as linear RGB (IEC 61966-2-1)."""
    values = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lab(linear: NDArray) -> NDArray:
    """Linear RGB as CIELAB under D65."""
    ratio = linear @ _TO_XYZ.T / _WHITE
    bent = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.stack([116 * bent[:, 1] - 16, 500 * (bent[:, 0] - bent[:, 1]), 200 * (bent[:, 1] - bent[:, 2])], axis=1)
