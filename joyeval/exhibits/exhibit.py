"""What stands in a document: a figure with its words and its data, as its readers may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.disclosure import Shown

ESTIMATE = ["estimate", "ci_low", "ci_high"]
MANY = 60  # of more teams, a report tells how they are spread, and lists and draws those that stand out most


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One thing shown, the same in every document.

    Parameters
    ----------
    name : str
        Of its files.
    figure : Figure or Axes
        Drawn from what may be shown.
    alt : str
        For who cannot see it: kind of chart, what against what, the main finding.
    caption : str
        What stands below it.
    data : Shown
        The numbers drawn.
    beside : mapping, optional
        How a page shows the data beside the figure (see `joyeval.report.tables.layout`); None: in a file only.
    """

    name: str
    figure: Any
    alt: str
    caption: str
    data: Shown
    beside: Mapping[str, Any] | None = None
