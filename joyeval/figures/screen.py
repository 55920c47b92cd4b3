"""Results on the analyst's own screen: exact, marked as such, and refused by everything that writes for readers."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from joyeval import figures
from joyeval.errors import UsageError
from joyeval.figures.style import GREY, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from joyeval.result import Result

MARK = "Exact numbers, for the analyst's screen. Not for release."
EXACT = "joyeval_exact"  # attribute of a figure
SEVERAL = "small_multiples"
FIGURES = {  # the drawing of each kind of result, and the labels that it must have
    "Alpha": ("plot_items", ()),
    "Change": ("ties_over_waves", ()),
    "Charts": ("plot_chart", ()),
    "Design": ("detectable", ()),
    "EventStudy": ("event_study", ("ylabel",)),
    "Exploratory": ("scree", ()),
    "Funnel": ("plot_funnel", ()),
    "Interrupted": ("interrupted", ("ylabel",)),
    "LeaveOneOut": ("leave_one_out", ("ylabel",)),
    "Matrix": ("heat_map", ()),
    "Overview": ("plot_overview", ()),
    "Page": ("questionnaire", ()),
    "SpecificationCurve": ("specification_curve", ("ylabel",)),
    "TeamMeans": ("caterpillar", ("xlabel",)),
}
INTERVALS = ("estimate", "ci_low", "ci_high")
MOST = 40  # intervals below each other; of more, the first
NAMES = ("team", "title", "term")  # of rows with an interval, the first that is there


@dataclass(frozen=True, eq=False)
class Drawing:
    """Pages of a drawing that show themselves in a notebook.

    Parameters
    ----------
    pages : tuple of Figure
    """

    pages: tuple[Figure, ...]

    @property
    def figure(self) -> Figure:
        """The first page."""
        return self.pages[0]

    @property
    def axes(self) -> list[Axes]:
        """The axes of the first page."""
        return self.figure.axes

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        self.figure.savefig(content, format="png", dpi=144, bbox_inches="tight")
        return content.getvalue()

    def __repr__(self) -> str:
        return f"<Drawing: {len(self.pages)} page{'s' * (len(self.pages) != 1)}; {MARK}>"


def draw(result: Result, *, ax: Axes | None = None, **options: Any) -> Drawing | Axes:
    """Draw a result with its exact numbers, for who analyses it.

    Parameters
    ----------
    result : Result
    ax : Axes, optional
        Where to draw; it is returned in place of a `Drawing`.
    **options
        Of the drawing: see `joyeval.figures`.

    Returns
    -------
    Drawing or Axes
        Marked; `figures.save` and `report` refuse it.

    Raises
    ------
    UsageError
        There is no drawing of this kind of result.
    """
    function, given = _way(result)
    with styled:
        made = function.__wrapped__(*given, **_labels(result) | options | ({} if ax is None else {"ax": ax}))
    drawn = made if isinstance(made, list | tuple) else [made]
    pages = tuple(dict.fromkeys(one.figure for one in drawn))
    for page in pages:
        setattr(page, EXACT, True)
        page.text(0, -0.02, MARK, color=GREY, size=6, ha="left", va="top")
    return Drawing(pages) if ax is None else ax


def _way(result: Result) -> tuple[Any, tuple[Any, ...]]:
    kind = type(result).__name__
    if kind == "Charts" and len(result.latest()) > 1:
        return getattr(figures, SEVERAL), (result,)
    if kind in FIGURES:
        return getattr(figures, FIGURES[kind][0]), (result,)
    rows = result.tidy()
    if rows.empty or not set(INTERVALS) <= set(rows):
        raise UsageError(f"there is no drawing of a {kind}: its numbers are in .tidy(), its answer in .sentence()")
    return figures.coefficients, (rows.assign(term=_told_apart(rows)).dropna(subset=["estimate"]).head(MOST),)


def _told_apart(rows: pd.DataFrame) -> pd.Series:
    """Name each row by what it is of; where that is not enough, by all words that differ between rows."""
    named = rows[next(name for name in NAMES if name in rows)].astype(str)
    if named.is_unique:
        return named
    words = rows.select_dtypes(exclude=["number", "bool", "datetime"]).astype(str)
    differ = words.loc[:, [len(words[name].unique()) > 1 for name in words]]
    told = differ.apply(", ".join, axis=1) if differ.shape[1] else named
    again = told.groupby(told).cumcount()
    return told.where(again == 0, told + " (" + (again + 1).astype(str) + ")")


def _labels(result: Result) -> dict[str, str]:
    kind = type(result).__name__
    wanted = FIGURES[kind][1] if kind in FIGURES else ("xlabel",)
    return dict.fromkeys(wanted, "Estimate")
