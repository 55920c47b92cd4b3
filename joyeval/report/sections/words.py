"""Results in words: a sentence, its caveats, a table of estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.outcomes.association import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.result import Result

rule = disclosure.rule_of
ROWS = "rows of data"  # teams in periods, not people
NOT_SHOWN = "–"
WHY = f"{NOT_SHOWN} stands where a number is not shown; the first number of the row says why."


def estimate(value: float) -> str:
    """Return an estimate to the figures that a reader can use, with its sign; a dash where there is none."""
    return NOT_SHOWN if pd.isna(value) else f"{'+' if value > 0 else ''}{number(value)}"


def mean(value: float | str) -> str:
    """Show a mean with one decimal, or whole where a decimal would speak of few people; words stay as they are."""
    return value if isinstance(value, str) else f"{value:.0f}" if abs(value) > 10 else f"{value:.1f}"


def corrected(p: float) -> str:
    """Return a corrected p value; a dash where the term was not among those corrected."""
    return NOT_SHOWN if pd.isna(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


ESTIMATES = {"estimate": estimate, "ci_low": estimate, "ci_high": estimate, "p": "p"}


def answer(result: Result) -> None:
    """Emit the sentence of a result, then its caveats as a list."""
    report.text(result.sentence())
    if result.notes:
        report.items(sentence(note) for note in dict.fromkeys(result.notes))


def estimates(result: Result, *, caption: str) -> None:
    """Emit the estimates of a result; one that has none says so in its sentence."""
    table = result.tidy()
    if len(table):
        names = [name for name in ("term", "estimate", "ci_low", "ci_high", "p", "n") if name in table]
        report.table(table[names], caption=caption, formats=ESTIMATES, labels={"n": ROWS})


def sentence(note: str) -> str:
    """Return a caveat as a sentence.

    Examples
    --------
    >>> sentence("few teams")
    'Few teams.'
    """
    return f"{note[:1].upper()}{note[1:]}" + ("" if note.endswith((".", "?", "!")) else ".")


def told_once(shown: pd.DataFrame, *, first: str, others: Sequence[str]) -> pd.DataFrame:
    """Return a protected table in which only `first` says why a row is not shown; the footnote `WHY` goes with it.

    Parameters
    ----------
    first : str
        The first column of numbers.
    others : sequence of str
        Columns in which words of suppression become a dash; where `first` is shown, they stay.
    """
    hidden = shown[first].map(lambda value: isinstance(value, str))
    return shown.assign(**{name: shown[name].astype(object).mask(hidden, NOT_SHOWN) for name in others})
