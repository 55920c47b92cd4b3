"""A drawing as SVG and PNG, the same bytes for the same drawing."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from joyeval.figures import once
from joyeval.figures.style import MM, SETTINGS, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 200  # of the picture in DOCX
LONGEST_SVG = 1_000_000  # characters; beyond, thousands of marks make a document slow to open


def pictures(drawing: Figure | Axes) -> dict[str, Any]:
    """Return `svg` (text), `png` (base64), `width_mm` and `height_mm` of a figure.

    An SVG of more than 1 MB is not drawn to its end, and replaced by one that holds the picture as pixels.
    """
    fig: Any = drawing.figure
    return once.rendered(fig, _pictures)


@styled
def _pictures(fig: Figure) -> dict[str, Any]:
    width, height = (round(side / MM, 1) for side in fig.get_size_inches())
    with _laid_out_once(fig):
        png = b64encode(_png(fig)).decode()
        try:
            svg = _svg(fig).decode()
        except _TooLong:
            svg = _wrapped(png, width, height)
    return {"svg": svg, "png": png, "width_mm": width, "height_mm": height}


@contextmanager
def _laid_out_once(fig: Figure) -> Iterator[None]:
    """Print with canvases of our own: `savefig` would draw four times and lay out twice for two pictures."""
    canvas, dpi, face, layout = fig.canvas, fig.dpi, fig.get_facecolor(), fig.get_layout_engine()
    fig.set_dpi(DPI)
    fig.set_facecolor(SETTINGS["savefig.facecolor"])
    try:
        yield
    finally:
        fig.set_canvas(canvas)
        fig.set_dpi(dpi)
        fig.set_facecolor(face)
        if layout:
            fig.set_layout_engine(layout)


def _png(fig: Figure) -> bytes:
    """Draw the first picture, which lays the figure out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = BytesIO()
    FigureCanvasAgg(fig).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _svg(fig: Figure) -> bytes:
    """Draw the second picture, laid out as the first."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    if fig.get_layout_engine():
        fig.set_layout_engine("none")
    buffer = _Short()
    FigureCanvasSVG(fig).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


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


def _wrapped(png: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{png}"/></svg>'
    )
