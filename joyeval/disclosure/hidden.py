"""What nobody may find in finished files: groups of too few people, and their exact numbers to look for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from joyeval.disclosure.drawings import Drawing

MEANS = ("name", "beside", "after", "value")
PRINTED = re.compile(r"(?<![\d.])(\d+(?:\.(\d+))?)(?=\s?%|(?<=\.\d)|(?<=\.\d\d))")
STATISTIC = re.compile(r"[<−-]?\d+\.\d+.*|\d+\s?%.*")
OTHER_COUNTS = (
    r"(?:teams|weeks|months|quarters|points|periods|cycles|waves|cohorts|scores|outcomes|items|organisations)"
)
OF_ALL = rf"(?<!\d)\d+ (?:out )?of (?:the )?\d+(?!\d| {OTHER_COUNTS})"  # 1 of 4, of people it may be
STATISTIC_IN_TEXT = re.compile(rf"\d\s?%|\d per ?cent|(?<![\d.])\d+\.\d|{OF_ALL}")
STATISTIC_IN_ROW = re.compile(rf"\d\s*(?:%|per ?cent)|{OF_ALL}")  # over cells that stand side by side
MARKS = " \t\n.:;,*†‡()"  # around the name of a group in a cell
RATING = r"(?!\s+[<−-]?\d)"  # a number right behind a name is of those who are rated, not of those who rate
NEAR = 5e-5  # share of a scale to which coordinates are printed, in EPS
BY_CHANCE = 5  # times as many equal numbers as chance would give are no chance
FEWEST_EQUAL = 3
ROW, PANEL = 4.0, 60.0  # points: a mark stands in the row of a word, or in the panel below it


@dataclass(frozen=True)
class Hidden:
    """Groups of too few people for one audience.

    Parameters
    ----------
    names : collection of str
        Of groups beside which no statistic may stand at all: teams.
    means : DataFrame
        Statistics of other groups, which may be known by common words: `name`, `beside` (the name that says which
        statistic it is: a score, the group that is rated), `after` (whether it stands after the name), `value`. A
        number beside both names is held against it.
    shares : array
        Exact values of points of these groups, as a coordinate of a drawing would show them.
    outcomes : mapping of str to collection of str
        Titles of outcomes that say nothing of staff, and the teams that have them: behind these points stand the people
        whom a team serves, so that they may be drawn beside its name, in a drawing that says what it shows.
    """

    names: Collection[str] = ()
    means: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(MEANS)))
    shares: NDArray = field(default_factory=lambda: np.zeros(0))
    outcomes: Mapping[str, Collection[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.names) or bool(len(self.means)) or bool(len(self.shares))

    @cached_property
    def named(self) -> re.Pattern[str] | None:
        """Any of the names."""
        return _any_of(self.names)

    @cached_property
    def others(self) -> re.Pattern[str] | None:
        """Any of the names of the other groups."""
        return _any_of(self.means["name"].unique())

    def names_one(self, text: str) -> bool:
        """Whether a text names any of these groups."""
        return any(names is not None and names.search(text) for names in (self.named, self.others))

    def told_by_row(self, cells: Sequence[str]) -> str:
        """Return what a row of a table tells of a hidden group."""
        others = [cell for cell in cells if cell.strip(MARKS) not in self.names]
        statistic = any(STATISTIC.fullmatch(cell) for cell in cells) or STATISTIC_IN_ROW.search(" ".join(others))
        if len(others) < len(cells) and statistic:
            return "a statistic in the row of a group of too few people"
        text = " | ".join(cells)
        return self.told(text) if self.others and self.others.search(text) else ""

    def told(self, text: str) -> str:
        """Return what a sentence, or the cells of a row, tell of a hidden group; nothing if they tell nothing."""
        if self.named and self.named.search(text) and STATISTIC_IN_TEXT.search(text):
            return "a number beside the name of a group of too few people"
        if self.others and self.others.search(text) and any(self._recomputed(text)):
            return "a number that is the statistic of a group of too few people"
        return ""

    def _recomputed(self, text: str) -> Iterator[bool]:
        numbers = [(float(found[1]), len(found[2] or "")) for found in PRINTED.finditer(text)]
        for name in dict.fromkeys(self.others.findall(text)) if numbers else ():
            at = re.search(re.escape(name) + RATING, text)
            if at is None:
                continue
            rest = text[at.end() :]
            for row in self.means[self.means["name"] == name].itertuples():
                if row.beside in (rest if row.after else text):
                    yield any(abs(round(row.value, places) - number) < 1e-9 for number, places in numbers)

    def _is_named(self, word: str) -> bool:
        cut = word.removesuffix("\N{HORIZONTAL ELLIPSIS}")
        return word in self.names or (cut != word and any(name.startswith(cut) for name in self.names))

    def drawn(self, drawing: Drawing) -> str:
        """Return what the coordinates of a drawing tell of a hidden group; nothing if they tell nothing."""
        said = drawing.said.casefold()
        served = {team for title, teams in self.outcomes.items() if title.casefold() in said for team in teams}
        for word, x, y in drawing.words:
            if (
                word not in served
                and self._is_named(word)
                and any(_belongs(mark, x, y, drawing) for mark in drawing.marks)
            ):
                return "points drawn beside the name of a group of too few people"
        values = np.array([value for _, _, value in drawing.points()])
        if len(values) and len(self.shares):
            near = NEAR * max(np.ptp([value for _, value in drawing.scale()]), 1)
            at = np.clip(np.searchsorted(self.shares, values), 1, len(self.shares) - 1)
            apart = np.abs(values[:, None] - self.shares[np.c_[at - 1, at]]).min(axis=1)
            chance = len(values) * min(1.0, 2 * near * len(self.shares) / max(np.ptp(self.shares), 1))
            if len(np.unique(values[apart < near].round(6))) > FEWEST_EQUAL + BY_CHANCE * chance:
                return "points whose coordinates are the exact values of groups of too few people"
        return ""


def _any_of(names: Collection[str]) -> re.Pattern[str] | None:
    longest_first = sorted(map(str, names), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)") if longest_first else None


def _belongs(mark: tuple[float, float], x: float, y: float, drawing: Drawing) -> bool:
    """Whether a mark stands right of a word in its row, or in the panel that the word is the title of."""
    right, below = mark[0] - x, y - mark[1]
    if right >= 0 and abs(below) < ROW:
        return True
    beside = min((at - x for _, at, height in drawing.words if abs(height - y) < 1 and at > x + ROW), default=np.inf)
    return -ROW < right < beside and 0 < below < PANEL
