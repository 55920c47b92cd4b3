"""Cells to codes: by explicit tables of words, never by guessing; what is in no table is a listed problem."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from joyeval.intake.columns import plain
from joyeval.intake.numbers import number_and_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.instruments.model import Instrument

DECLINED = -1  # lookups only: a valid cell that says that no answer is given
UNKNOWN = -2


@dataclass(frozen=True)
class Coded:
    """Answers to one item.

    Parameters
    ----------
    codes : polars.Series
        Code per row; null where there is none.
    unknown : polars.Series or None
        True where the cell holds something that no table knows; None if there is no such cell.
    declined : int
        Cells that say that no answer is given.
    """

    codes: pl.Series
    unknown: pl.Series | None
    declined: int


@dataclass(frozen=True)
class AnswerTable:
    """What the cells of one item may hold.

    Parameters
    ----------
    words : mapping
        Plain words to code, or `DECLINED`.
    codes : frozenset of int
        Codes that may stand as numbers.
    """

    words: Mapping[str, int]
    codes: frozenset[int]

    def code(self, cell: str) -> int:
        """Return the code of a cell; words win over a number that stands beside them."""
        text = plain(cell)
        if text in self.words:
            return self.words[text]
        if re.fullmatch(r"[-+]?\d+(\.0+)?", text):
            return self._number(int(float(text)))
        both = number_and_words(text)
        return self.words.get(both[1], self._number(both[0])) if both else UNKNOWN

    def _number(self, number: int) -> int:
        return number if number in self.codes else UNKNOWN


def answer_table(
    instrument: Instrument,
    item: str,
    *,
    own: Mapping[str, Mapping[str, str | int | float]] | None = None,
    missing: tuple[str, ...] = (),
) -> AnswerTable:
    """Put together what the cells of an item may hold.

    Parameters
    ----------
    own : mapping
        Tables of the study file: item or instrument to {words or number in the file: our code}; an empty code
        means: declined to answer.
    missing : tuple of str
        Cells that mean: no value.
    """
    responses = instrument.responses_of(item)
    words = {plain(text): code for code, text in {**responses.labels, **responses.unscored}.items()}
    for name in (instrument.id, item):
        for text, code in (own or {}).get(name, {}).items():
            words[plain(text)] = DECLINED if code in ("", None) else int(code)
    words |= {plain(text): DECLINED for text in ("", *missing)}
    return AnswerTable(words, responses.valid)


def code_answers(cells: pl.Series, table: AnswerTable, labels: Mapping[str, str], declined: frozenset[str]) -> Coded:
    """Turn the cells of an item into codes.

    Parameters
    ----------
    cells : polars.Series
        Text or categories.
    labels : mapping
        Words that the file itself gives for its codes (SPSS, Stata); known words win over the number.
    declined : frozenset of str
        Cells that the file itself declares as missing.
    """
    if _are_codes(cells, table, labels, declined):
        return Coded(cells.cast(pl.Int8), None, 0)
    found, places = _distinct(cells)
    codes = [DECLINED if text in declined else _with_label(text, table, labels) for text in found]
    looked_up = pl.Series(cells.name, codes, dtype=pl.Int8).gather(places)
    if (looked_up.min() or 0) >= 0:
        return Coded(looked_up, None, 0)
    unknown = (looked_up == UNKNOWN).fill_null(value=False)
    n_declined = int((looked_up == DECLINED).sum())
    return Coded(looked_up.set(looked_up < 0, None), unknown if unknown.any() else None, n_declined)


def _are_codes(cells: pl.Series, table: AnswerTable, labels: Mapping[str, str], declined: frozenset[str]) -> bool:
    """Whether a column of numbers holds our codes already, so that nothing needs to be looked up."""
    if not cells.dtype.is_integer() or labels or declined or cells.count() == 0:
        return False
    return all(table.code(str(number)) == number for number in range(cells.min(), cells.max() + 1))


def _distinct(cells: pl.Series) -> tuple[list[str], pl.Series]:
    """Return the texts of a column, and the place among them of each cell."""
    if cells.dtype.is_integer():
        low, high = cells.min() or 0, cells.max() or 0
        return [str(number) for number in range(low, high + 1)], (cells - low).cast(pl.UInt32)
    if not isinstance(cells.dtype, pl.Categorical):
        cells = cells.cast(pl.Categorical(pl.Categories.random()))
    return cells.dtype.categories.to_series().to_list(), cells.to_physical()


def _with_label(text: str, table: AnswerTable, labels: Mapping[str, str]) -> int:
    by_words = table.words.get(plain(labels[text]), UNKNOWN) if text in labels else UNKNOWN
    return by_words if by_words != UNKNOWN else table.code(text)
