"""A drawing as SVG and PNG, the same bytes for the same drawing."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

from joyeval.figures.style import MM, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 200  # of the picture in DOCX
LONGEST_SVG = 1_000_000  # characters; beyond, thousands of marks make a document slow to open


@styled
def pictures(drawing: Figure | Axes) -> dict[str, Any]:
    """Return `svg` (text), `png` (base64), `width_mm` and `height_mm` of a figure.

    An SVG of more than 1 MB is not drawn to its end, and replaced by one that holds the picture as pixels.
    """
    fig: Any = drawing.figure
    width, height = (round(side / MM, 1) for side in fig.get_size_inches())
    png = b64encode(_saved(fig, BytesIO(), "png", metadata={"Software": None})).decode()
    try:
        svg = _saved(fig, _Short(), "svg", metadata={"Date": None, "Creator": None}).decode()
    except _TooLong:
        svg = _wrapped(png, width, height)
    return {"svg": svg, "png": png, "width_mm": width, "height_mm": height}


class _TooLong(Exception):  # noqa: N818 - caught where it is raised
    pass


class _Short(BytesIO):
    """Takes so many characters and no more."""

    left = LONGEST_SVG

    def write(self, content: Any) -> int:
        self.left -= len(str(content, "utf-8"))
        if self.left < 0:
            raise _TooLong
        return super().write(content)


def _saved(fig: Figure, buffer: BytesIO, kind: str, **options: Any) -> bytes:
    fig.savefig(buffer, format=kind, dpi=DPI, **options)
    return buffer.getvalue()


def _wrapped(png: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{png}"/></svg>'
    )
