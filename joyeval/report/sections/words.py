"""Results in words: a sentence, its caveats, a table of estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval import disclosure, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from joyeval.result import Result

rule = disclosure.rule_of
ESTIMATES = {"estimate": ".3g", "ci_low": ".3g", "ci_high": ".3g", "p": "p"}


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
        report.table(table[names], caption=caption, formats=ESTIMATES)


def sentence(note: str) -> str:
    """Return a caveat as a sentence.

    Examples
    --------
    >>> sentence("few teams")
    'Few teams.'
    """
    return f"{note[:1].upper()}{note[1:]}" + ("" if note.endswith((".", "?", "!")) else ".")


NOT_SHOWN = "–"
WHY = f"{NOT_SHOWN} stands where a number is not shown; the first number of the row says why."


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
