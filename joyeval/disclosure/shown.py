"""`Shown`: numbers as named readers may see them, the only thing that tables, figures and writers take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from joyeval.disclosure.prose import COUNT
from joyeval.disclosure.rule import Rule, may_read, reader
from joyeval.disclosure.words import HOW as HOW_WORDS
from joyeval.disclosure.words import NUMBER, STATISTIC, Said, names_few, small_groups, without_names
from joyeval.errors import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = ("where", "what", "why")
TABLES = ("DataFrame", "Series", "LazyFrame")  # of whatever library
MOSTLY = 0.5  # share hidden, beyond which an exhibit is one sentence


@dataclass(frozen=True, eq=False)
class Shown:
    """Rounded numbers of a table or a result, with a mask of what is hidden and why; nothing exact.

    Made by `joyeval.disclosure.show`, and by nothing else.

    Parameters
    ----------
    what : DataFrame, mapping of DataFrame, or Result
        Hidden numbers are missing.
    rule : Rule
        Of the audience that it is made for.
    mask : DataFrame
        One row for each number that is not shown: `where` (the row it belongs to), `what` (the statistic), `why`.
    asked : int
        Numbers that would have been shown, hidden ones included.
    bounds : frozenset of str
        Columns of percentages whose ends are bounds: "5 or less", "95 or more".
    counts : str
        What the numbers count, where they say nothing of people.
    merged : bool
        Categories or teams stand together in it, since they are too small by themselves.
    """

    what: Any
    rule: Rule
    mask: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(MASK)))
    asked: int = 0
    bounds: frozenset[str] = frozenset()
    counts: str = ""
    merged: bool = False

    @property
    def audience(self) -> str:
        """Who may read it."""
        return self.rule.audience

    @property
    def mostly_hidden(self) -> bool:
        """Whether more than half of it is hidden: then it is said in one sentence."""
        return len(self.mask) > MOSTLY * max(self.asked, 1)

    @property
    def notes(self) -> tuple[Said, ...]:
        """The caveats of a result."""
        return tuple(Said(note, self.audience) for note in getattr(self.what, "notes", ()))

    def frame(self) -> pd.DataFrame:
        """Return its numbers as a table."""
        return self.what.copy() if isinstance(self.what, pd.DataFrame) else self.what.tidy()

    def sentence(self) -> Said:
        """Say a result in one sentence, made from what is shown."""
        return self.say(lambda what: what.sentence())

    def say(self, function: Callable[..., Any], *others: Any) -> Any:
        """Return the words that a function makes of what is shown, as `pipe` does for numbers; of a list, a list.

        Examples
        --------
        >>> from joyeval import disclosure
        >>> teams = pd.DataFrame({"team": ["A", "B"], "joy": [3.96, 4.04], "n": [23, 61]})
        >>> disclosure.show(teams, people="n").say(lambda table: f"joy is {table['joy'].max():.1f} at most")
        'joy is 4.0 at most'
        """
        words = self.pipe(function, *others).what
        return Said(words, self.audience) if isinstance(words, str) else [Said(one, self.audience) for one in words]

    def pipe(self, function: Callable[..., Any], *others: Any, **options: Any) -> Shown:
        """Return what a function makes of what is shown: rows chosen, columns named, a table turned.

        The function must work on its argument alone; others of what it needs come as `Shown` too, but for names, words
        and numbers.

        Raises
        ------
        DisclosureError
            Another table, array or result, as it is or in a list, or one for readers who may see more.

        Examples
        --------
        >>> from joyeval import disclosure
        >>> teams = pd.DataFrame({"team": ["A", "B"], "joy": [3.96, 4.04], "n": [23, 61]})
        >>> disclosure.show(teams, people="n").pipe(lambda table: table[["team", "joy"]]).what["joy"].tolist()
        [4.0, 4.0]
        """
        more = [beside_shown(other, "Shown.pipe") for other in others]
        named = {name: beside_shown(other, "Shown.pipe") for name, other in options.items()}
        return replace(self, what=function(self.what, *more, **named))

    def __repr__(self) -> str:
        kind = type(self.what).__name__
        return f"<Shown to {self.audience}: {kind}, {self.asked - len(self.mask)} of {self.asked} numbers>"


@overload
def nobody(what: str, counts: str) -> Said: ...
@overload
def nobody(what: Any, counts: str) -> Shown: ...
def nobody(what: Any, counts: str) -> Shown | Said:
    """Return a table or words that say nothing of people, such as of files, money or names, as they are.

    Parameters
    ----------
    what : DataFrame or str
    counts : str
        What the numbers count: "costs", "raw files", "teams by verdict".

    Raises
    ------
    DisclosureError
        What they count is not said; words count people all the same; a number that is no integer, such as a share or a
        mean, stands beside the name of a team of too few people, in its row or its column.
    """
    if not counts.strip():
        raise DisclosureError((), "disclosure.nobody: say what the numbers count, if not people")
    if isinstance(what, str):
        if (names_few(what) and NUMBER.search(without_names(what))) or COUNT.search(what):
            raise DisclosureError((), f"disclosure.nobody: these words speak of people. {HOW_WORDS}")
        return Said(what, reader().audience)
    if isinstance(what, pd.DataFrame | pd.Series | Mapping) and _speaks_of_few(what):
        raise DisclosureError((), f"disclosure.nobody: numbers beside names of teams of too few people. {HOW}")
    return Shown(what, reader(), counts=counts)


def _speaks_of_few(what: pd.DataFrame | pd.Series | Mapping) -> bool:
    """Whether a statistic stands in a row or a column of a team of too few people."""
    groups = small_groups()
    if not groups:
        return False
    is_few = partial(_is_few, groups=groups)
    table = what if isinstance(what, pd.DataFrame) else pd.Series(what, dtype=object).to_frame()
    rows = zip(table.index, *(table.iloc[:, place] for place in range(table.shape[1])), strict=True)
    of_few = [table.iloc[:, place] for place, name in enumerate(table.columns) if is_few(name)]
    return any(_is_statistic(cell) for row in rows if any(map(is_few, row)) for cell in row) or any(
        _is_statistic(cell) for column in of_few for cell in column
    )


def _parts(cell: Any) -> tuple:
    return cell if isinstance(cell, tuple) else (cell,)


def _is_few(cell: Any, groups: set[str]) -> bool:
    """Whether a cell, or a heading of several levels, names one of these teams of too few people."""
    return any(part in groups or names_few(part, groups) for part in _parts(cell) if isinstance(part, str))


def _is_statistic(cell: Any) -> bool:
    """Whether a cell holds a number that is no integer, be it as text."""
    if isinstance(cell, str):
        return bool(STATISTIC.search(without_names(cell)))
    return isinstance(cell, Number) and not isinstance(cell, Integral) and cell == cell  # a missing one is none


def opened(value: Any, call: str) -> Any:
    """Return what a `Shown` holds; the door of everything that draws, prints or writes.

    Raises
    ------
    DisclosureError
        Something else than a `Shown`, or one for readers who may see more than those of this place.
    """
    if not isinstance(value, Shown):
        raise DisclosureError((), f"{call} takes what may be shown, not a {type(value).__name__}: {HOW}")
    if not may_read(value.audience):
        here = reader().audience
        raise DisclosureError((), f"{call}: this was made for the {value.audience}, and is read here by the {here}")
    return value.what


def beside_shown(value: Any, call: str) -> Any:
    """Return what a `Shown` holds, and what is nothing exact as it is: names, words, numbers, lists of names."""
    return opened(value, call) if isinstance(value, Shown) or _is_exact(value) or _holds_exact(value) else value


def _is_exact(value: Any) -> bool:
    """Whether it is a table, an array or a result, of whatever kind."""
    named = any(kind.__name__ in TABLES for kind in type(value).__mro__)
    arrays = np.ndarray | pd.api.extensions.ExtensionArray | Iterator  # an iterator cannot be looked through
    return named or isinstance(value, arrays) or hasattr(value, "tidy")


def _holds_exact(value: Any) -> bool:
    """Whether numbers that are not whole, tables or arrays stand anywhere in a list, a set or a mapping."""
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        return False
    parts = [*value, *value.values()] if isinstance(value, Mapping) else list(value)
    return any(_is_exact(part) or _is_broken(part) or _holds_exact(part) for part in parts)


def _is_broken(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, Integral)


HOW = (
    "pass it through `joyeval.disclosure.show(it, audience=…, people=…)`, naming the people behind each number; "
    "a table that says nothing of people, through `joyeval.disclosure.nobody(it, 'what it counts')`"
)
