"""How every figure looks, in one place: size, type, colour, and what makes files identical on rerun.

Draw inside ``styled``; it sets matplotlib for the length of the call and puts everything back.

Examples
--------
>>> @styled
... def plot(table, *, ax=None):
...     ax = ax or new(width_mm=85, height_mm=60)[1]
...     ax.plot(table["x"], table["y"], color=BLUE)
...     return ax
"""

from __future__ import annotations

from contextlib import ContextDecorator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import dates, font_manager, ticker
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito (2008), told apart with every common kind of colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = PALETTE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
INK, GREY, PALE = "#1A1A1A", "#6B6B6B", "#D9D9D9"  # text; common cause and reference lines; fills behind data
BETTER, WORSE, PLAIN = BLUE, VERMILLION, GREY  # a change for the better, for the worse, no signal

# One look per series: colour, marker and line differ, so that a grey print still tells them apart.
LOOKS = tuple(
    {"color": color, "marker": marker, "linestyle": line}
    for color, marker, line in zip(
        (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK),
        "os^DvPX",
        ("-", "--", "-.", ":", "-", "--", "-."),
        strict=True,
    )
)

SCALE = "scale-"  # begins the id of what is coloured by its value; the value is printed on it or beside it

FONT = "Liberation Sans"
FONT_FILES = tuple(sorted((Path(__file__).parent / "fonts").glob("*.ttf")))
MM = 1 / 25.4  # inches
DOUBLE_COLUMN, SINGLE_COLUMN = 170, 85  # mm; fit all but one of the journals in presets/

SETTINGS: dict[str, Any] = {
    "font.family": [FONT, "DejaVu Sans"],  # the second is matplotlib's own and has rarer glyphs
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "figure.titlesize": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,  # a team's name may hold a dollar sign
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "axes.prop_cycle": mpl.cycler(color=[look["color"] for look in LOOKS]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,  # "tight" would change the width that the journal asked for
    "figure.dpi": 100,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "joyeval",
    "path.simplify": True,
}

for _file in FONT_FILES:
    font_manager.fontManager.addfont(_file)
# Ours before a copy that the machine may have: the same bytes everywhere.
font_manager.fontManager.ttflist.sort(key=lambda font: Path(font.fname) not in FONT_FILES)


class _Styled(ContextDecorator):
    """Our settings for the length of a function (as a decorator) or of a block (with `with`)."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    def __enter__(self) -> None:
        self._open.append(mpl.rc_context(SETTINGS))
        self._open[-1].__enter__()

    def __exit__(self, *error: object) -> None:
        self._open.pop().__exit__(*error)


styled = _Styled()


@styled
def new(
    *, width_mm: float = DOUBLE_COLUMN, height_mm: float = 90, rows: int = 1, columns: int = 1, **subplots: Any
) -> tuple[Figure, Any]:
    """Return a figure of that printed size and its axes (one, or an array of `rows` x `columns`).

    The figure belongs to the caller alone: pyplot keeps no list of it and nothing shows it twice.

    Parameters
    ----------
    width_mm, height_mm : float
        Size in print; text is 8 pt at this size.
    **subplots
        Passed to `Figure.subplots` (sharex, width_ratios, ...).
    """
    fig = Figure(figsize=(width_mm * MM, height_mm * MM), layout="constrained")
    return fig, fig.subplots(rows, columns, **subplots)


@styled
def panels(
    count: int, *, columns: int = 4, width_mm: float = DOUBLE_COLUMN, panel_mm: float = 32, **subplots: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of small multiples and its `count` axes; places left over stay empty.

    Parameters
    ----------
    panel_mm : float
        Height of one panel in print.
    """
    rows = -(-count // columns)
    fig, grid = new(
        width_mm=width_mm, height_mm=rows * panel_mm + 8, rows=rows, columns=columns, squeeze=False, **subplots
    )
    axes = list(grid.flat)
    for ax in axes[count:]:
        ax.set_axis_off()
    return fig, axes[:count]


def faint(color: str, share: float) -> tuple[float, ...]:
    """Return a colour as it looks on white with `share` of it left: EPS knows no transparency."""
    return tuple(1 - share * (1 - part) for part in to_rgb(color))


def reference_line(ax: Axes, value: float, *, axis: str = "y") -> None:
    """Draw the value that the eye should compare with: no change, a target, a mean."""
    line = ax.axhline if axis == "y" else ax.axvline
    line(value, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)


def date_axis(ax: Axes) -> None:
    """Label a time axis with as few words as are clear."""
    locator = dates.AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def percent_axis(ax: Axes, *, axis: str = "y") -> None:
    """Label proportions as whole percentages."""
    side = ax.yaxis if axis == "y" else ax.xaxis
    side.set_major_formatter(ticker.PercentFormatter(xmax=1, decimals=0))
