"""What stands in a document: a figure with its words and its data, as its readers may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joyeval.disclosure import Shown


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
    """

    name: str
    figure: Any
    alt: str
    caption: str
    data: Shown
