"""Figures as files that a journal takes: pictures and vectors, source data, alt text, caption, and a record of them."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from joyeval._version import __version__
from joyeval.disclosure.shown import opened
from joyeval.disclosure.words import spoken
from joyeval.errors import UsageError
from joyeval.figures.door import made_from
from joyeval.figures.journal import preset
from joyeval.figures.style import FONT, MM, styled
from joyeval.figures.text import clean, inert, usable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from joyeval.disclosure import Shown
    from joyeval.figures.journal import Preset

MANIFEST = "manifest.json"
VECTORS = {
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "eps": {"Creator": "joyeval"},
    "png": {"Software": None},
}


@styled
def save(
    fig: Figure | Axes,
    name: str | Path,
    *,
    journal: str = "bmj",
    alt: str,
    caption: str,
    data: Shown | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Write a figure as a journal wants it; the same bytes each time.

    Beside `name`.tiff (LZW, RGB, no alpha), .pdf and .eps (Type 42 fonts), .svg and .png: `name`_source.csv,
    `name`.alt.txt, `name`.caption.txt and, for all figures of the folder, manifest.json.

    Parameters
    ----------
    fig : Figure or Axes
        What to save, drawn from a `Shown`; its size is set to the nearest width of the journal, its type to the sizes
        that the journal allows. The figure itself stays as it was.
    name : str or Path
        Where the files go and what they are called, without ending: "figures/fig1".
    journal : str
        A preset: see `journals()`.
    alt : str
        The figure in one or two sentences for who cannot see it; refused if empty.
    caption : str
        Refused if empty.
    data : Shown, optional
        The numbers drawn.
    about : mapping, optional
        What else the manifest says of the figure, such as what it was drawn from.

    Raises
    ------
    UsageError
        No alt text, no caption, or a journal without a preset.
    DisclosureError
        A drawing or data that did not come through `joyeval.disclosure.show`.
    """
    made_from(fig, "figures.save")
    table = None if data is None else opened(data, "figures.save")
    asked, place = preset(journal), Path(name)
    figure: Any = fig.figure
    if not (clean(alt) and clean(caption)):
        raise UsageError(f"figures.save ({place.name}): a figure needs alt text and a caption")
    with _as_asked(figure, asked) as size_mm:
        parts = {kind: _drawn(figure, kind, asked) for kind in (*VECTORS, "tiff")}
    spoken(alt, "figures.save (alt)")
    parts |= {"alt.txt": f"{clean(alt)}\n".encode(), "caption.txt": f"{clean(caption)}\n".encode()}
    files = {f"{place.name}.{ending}": content for ending, content in parts.items()}
    if table is not None:
        files[f"{place.name}_source.csv"] = (
            inert(usable(table)).to_csv(index=False, lineterminator="\n").encode("utf-8")
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (place.parent / file).write_bytes(content)
    words = {"alt": clean(alt), "caption": clean(caption)}
    _record(
        place.parent / MANIFEST, place.name, {"journal": journal, "size_mm": size_mm} | words | dict(about or {}), files
    )
    return tuple(place.parent / file for file in files)


def _record(manifest: Path, name: str, entry: dict[str, Any], files: dict[str, bytes]) -> None:
    """Enter a figure in the list of its folder, with what its files were when written."""
    asked = preset(entry["journal"])
    entry |= {"dpi": asked.dpi, "font": FONT, "verified": list(asked.verified)}
    entry["made_with"] = {"joyeval": __version__, "matplotlib": version("matplotlib")}
    entry["files"] = {file: {"bytes": len(part), "sha256": sha256(part).hexdigest()} for file, part in files.items()}
    known = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    known[name] = entry
    manifest.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _as_asked(figure: Figure, asked: Preset) -> Iterator[tuple[float, float]]:
    """Set size, type and the thinnest line as the journal asks, and put them back."""
    from matplotlib.text import Text

    before = tuple(figure.get_size_inches())
    width, height = asked.size(*(side / MM for side in before))
    figure.set_size_inches(width * MM, height * MM)
    figure.draw_without_rendering()  # axis labels exist from here on
    texts = [(text, text.get_fontsize()) for text in figure.findobj(Text)]
    for text, size in texts:
        text.set_fontsize(min(max(size, asked.text_pt[0]), asked.text_pt[1]))
    lines = [(thicken, was) for thicken, was in _widths(figure) if _thin(was, asked.line_pt)]
    for thicken, was in lines:
        thicken(_at_least(was, asked.line_pt))
    try:
        yield round(width, 2), round(height, 2)
    finally:
        figure.set_size_inches(before)
        for text, size in texts:
            text.set_fontsize(size)
        for thicken, was in lines:
            thicken(was)


def _widths(figure: Figure) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """Yield how to set a width, and what it is, for every line of the figure; of collections, all at once."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    for line in figure.findobj(Line2D):
        yield line.set_linewidth, line.get_linewidth()
        yield line.set_markeredgewidth, line.get_markeredgewidth()
    for patch in figure.findobj(Patch):
        yield patch.set_linewidth, patch.get_linewidth()
    for collection in figure.findobj(Collection):
        yield collection.set_linewidth, list(collection.get_linewidth())


def _thin(width: Any, least: float) -> bool:
    return any(0 < one < least for one in (width if isinstance(width, list) else [width]))


def _at_least(width: Any, least: float) -> Any:
    if isinstance(width, list):
        return [_at_least(one, least) for one in width]
    return max(width, least) if width else width


def _drawn(figure: Figure, kind: str, asked: Preset) -> bytes:
    if kind == "tiff":
        return _tiff(figure, asked)
    buffer = BytesIO()
    with mock.patch.dict(os.environ, {"SOURCE_DATE_EPOCH": "0"}):  # the only way to keep the date out of EPS
        figure.savefig(buffer, format=kind, dpi=asked.dpi, metadata=VECTORS[kind])
    return buffer.getvalue()


def _tiff(figure: Figure, asked: Preset) -> bytes:
    from PIL import Image

    pixels, buffer = BytesIO(), BytesIO()
    figure.savefig(pixels, format="png", dpi=asked.dpi)
    with Image.open(pixels) as picture:
        picture.convert("RGB").save(buffer, "TIFF", compression="tiff_lzw", dpi=(asked.dpi, asked.dpi))
    return buffer.getvalue()
