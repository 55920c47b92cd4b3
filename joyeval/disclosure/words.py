"""Words at the door: made from what may be shown, or of names alone; a number in any other text is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from joyeval.disclosure.rule import may_read, reader
from joyeval.errors import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd

SHORT = r"[A-Za-z]\d{1,2}|[A-Z]{2,6}-?\d{1,2}"  # names such as r2, Q12, PHQ9, WHO-5
SPOKEN = r"(?:per|pc|of|in|out|to|and)\b|per-?cent|people|persons?|staff|answers?|respondents?"
BEGUN = rf"\d{{1,2}}-(?!{SPOKEN})[A-Za-z]+|\d{{1,2}}(?:st|nd|rd|th)"  # names of waves such as 1-baseline; 2nd
FREE = re.compile(
    rf"(?<![\w.,])95 ?%|nearest \d+|(?<![\w.,/-])(?:{SHORT}|{BEGUN})(?![\w/]|[.,-]\d| ?%| per ?cent)"
)  # of intervals and rounding; of names
FRACTIONS = "\u00bc-\u00be\u2150-\u215f\u2189"  # written as one letter, such as a quarter
NUMBER = re.compile(rf"[\d{FRACTIONS}]")
STATISTIC = re.compile(rf"\d\s?%|\d\s?per ?cent|\d (?:in|of|out of) \d|(?<![\d.,-])\d+[.,]\d+(?![\d.,-])|[{FRACTIONS}]")
LETTER = re.compile(r"[^\W\d_]")
_NAMES: list[str] = []  # of the study, longest first: they may hold numbers
_STAFF: dict[str, float] = {}  # people in post of teams, by name


class Said(str):
    """Words made from what may be shown; what is put together from them by hand is plain text again.

    Made by `Shown.say`, `Shown.sentence` and `nobody`, and by nothing else.
    """

    audience: str

    def __new__(cls, text: str, audience: str) -> Said:
        """Make words for an audience."""
        made = super().__new__(cls, text)
        made.audience = audience
        return made


def know(names: Iterable[str], staff: pd.Series | None = None) -> None:
    """Remember the names that a study uses, and the people in post of its teams, for the length of a notebook."""
    every = {*map(str, names), *map(str, () if staff is None else staff.index)}
    _NAMES[:] = sorted({name for name in every if NUMBER.search(name) and LETTER.search(name)}, key=len, reverse=True)
    _STAFF.clear()
    _STAFF.update({} if staff is None else staff.groupby(level=0).min().to_dict())


def small_groups() -> set[str]:
    """Return the teams, as far as they are known here, of fewer people than readers may know of."""
    few = reader().threshold
    return {name for name, staff in _STAFF.items() if not staff >= few}


def names_few(text: str, groups: Collection[str] | None = None) -> bool:
    """Whether a text names a team of too few people; a name of one or two letters may be any word."""
    few = small_groups() if groups is None else groups
    names = (name for name in few if name in text and len(name) > 2)
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names)


def spoken(text: Any, call: str) -> str:
    """Return words that may stand in a document; the door of everything that is said.

    Raises
    ------
    DisclosureError
        Words for readers who may see more than those of this place, or plain text with a number in it that is no name.
    """
    if isinstance(text, Said):
        if not may_read(text.audience):
            raise DisclosureError((), f"{call}: these words were made for the {text.audience}")
        return text
    if not isinstance(text, str):
        raise DisclosureError((), f"{call} takes words, not a {type(text).__name__}")
    if NUMBER.search(FREE.sub("", without_names(text))):
        raise DisclosureError((), f"{call}: a plain text with a number in it, beginning “{_beginning(text)}”. {HOW}")
    return text


def titled(text: str, call: str) -> str:
    """Return words that stand above or below exhibits, with numbers such as those of waves, pages and limits.

    Raises
    ------
    DisclosureError
        A number beside the name of a team of too few people.
    """
    if not isinstance(text, Said) and names_few(text) and NUMBER.search(without_names(text)):
        raise DisclosureError((), f"{call}: a number beside the name of a team of too few people. {HOW}")
    return text


def without_names(text: str) -> str:
    """Return a text without the names of the study."""
    for name in _NAMES:
        text = text.replace(name, "")
    return text


def _beginning(text: str) -> str:
    return NUMBER.split(text)[0][-40:].strip()


HOW = (
    "What is said of people is made from what may be shown, `shown.say(lambda found: f'…')`; words whose numbers do "
    "not speak of people are declared, `joyeval.disclosure.nobody(words, 'what the numbers count')`, or stand in a "
    "Markdown cell"
)
