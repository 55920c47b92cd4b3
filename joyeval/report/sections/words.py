"""Results in words: a sentence, its caveats, a table of estimates."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.disclosure import Shown
from joyeval.disclosure.statistics import ENDS
from joyeval.outcomes.association import number
from joyeval.report.audiences import everyone, section
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joyeval.result import Result

rule = disclosure.rule_of
ROWS = "rows of data"  # teams in periods, not people
NOT_SHOWN = "–"


def estimate(value: float) -> str:
    """Return an estimate to the figures that a reader can use, with its sign; a dash where there is none."""
    return NOT_SHOWN if pd.isna(value) else f"{'+' if value > 0 else ''}{number(value)}"


def mean(value: float) -> str:
    """Show a mean with one decimal, or whole where a decimal would speak of few people."""
    return NOT_SHOWN if pd.isna(value) else f"{value:.0f}" if abs(value) > 10 else f"{value:.1f}"


def percent(value: float) -> str:
    """Show a percentage of people whole, its ends as bounds."""
    return NOT_SHOWN if pd.isna(value) else f"{ENDS.get(value, f'{value:.0f}')}".replace("%", "")


def corrected(p: float) -> str:
    """Return a corrected p value; a dash where the term was not among those corrected."""
    return NOT_SHOWN if pd.isna(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


ESTIMATES = {"estimate": estimate, "ci_low": estimate, "ci_high": estimate, "p": "p"}


def shown(result: Result | Shown, *, people: int | None = None) -> Shown:
    """Return a result as the readers of this section may see it.

    Parameters
    ----------
    people : int, optional
        Who stands behind it; default everyone of the cohort that the notebook is about.
    """
    behind = people if people is not None else everyone()
    return disclosure.show(result, audience=disclosure.reader(), people=result.n if behind is None else behind)


def once(notes: Iterable[str]) -> list[str]:
    """Return caveats that differ in more than their numbers; of the others the first, and how many more there are.

    Examples
    --------
    >>> once(["1 team", "few teams", "2 teams", "3 teams"])
    ['1 team.', 'Few teams.', '2 teams; 1 more, with other numbers.']
    """
    groups: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        groups.setdefault(kind(note), []).append(note)
    more = "; {} more, with other numbers"
    return [
        sentence(same[0].rstrip(".") + (more.format(len(same) - 1) if same[1:] else "")) for same in groups.values()
    ]


def kind(note: str) -> str:
    """Return what a caveat says but for its numbers: its code with the words in its fields, or a text without them."""
    if isinstance(note, Note):
        return "; ".join([note.code, *(value for value in note.fields.values() if not numeric(value))])
    return re.sub(r"[\d.,]+", "#", note)


def numeric(value: object) -> bool:
    """Whether a field is a number, or one in words."""
    return not isinstance(value, str) or not re.search(r"[^\d.,+−-]", value)


def together(parts: Sequence[Shown]) -> Shown:
    """Put tables together that were made fit to be shown one by one, each to a precision of its own."""
    whole = parts[0].pipe(lambda first, *others: pd.concat([first, *others]), *parts[1:])
    return replace(whole, mask=pd.concat([part.mask for part in parts]), asked=sum(part.asked for part in parts))


@section
def answer(result: Result | Shown) -> None:
    """Emit the sentence of a result, then its caveats as a list."""
    found = result if isinstance(result, Shown) else shown(result)
    report.text(found.sentence())
    if found.notes:
        report.items(sentence(note) for note in dict.fromkeys(found.notes))


@section
def estimates(result: Result, *, caption: str) -> None:
    """Emit the estimates of a result; one that has none says so in its sentence."""
    found = shown(result).pipe(lambda result: result.tidy())
    if len(found.what):
        names = [name for name in ("term", "estimate", "ci_low", "ci_high", "p", "n") if name in found.what]
        report.table(found.pipe(lambda table: table[names]), caption=caption, formats=ESTIMATES, labels={"n": ROWS})


def sentence(note: str) -> str:
    """Return a caveat as a sentence; of what may be shown, one that may be.

    Examples
    --------
    >>> sentence("few teams")
    'Few teams.'
    """
    told = f"{note[:1].upper()}{note[1:]}" + ("" if note.endswith((".", "?", "!")) else ".")
    return disclosure.Said(told, note.audience) if isinstance(note, disclosure.Said) else told
