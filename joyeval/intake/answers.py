"""Cells to codes: by explicit tables of words, never by guessing; what is in no table is a listed problem."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import polars as pl

from joyeval.intake.columns import plain
from joyeval.intake.numbers import number_and_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.instruments.model import Instrument

Direction = Literal["ours", "turned", "unknown"]
DECLINED = -1  # lookups only: a valid cell that says that no answer is given
UNKNOWN = -2
ALIKE = 85  # of 100: words of a file's own labels so like an option's stand for it


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
    way : str
        Which way the numbers of the column run: as our codes, turned round, or unknown.
    """

    codes: pl.Series
    unknown: pl.Series | None
    declined: int
    way: Direction = "ours"


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

    @property
    def wording(self) -> dict[str, int]:
        """Words that stand for a code: none where the wording may not be shipped."""
        return {words: code for words, code in self.words.items() if code >= 0 and not _is_number(words)}

    @cached_property
    def plain_codes(self) -> frozenset[int]:
        """Codes whose number, as a cell, stands for nothing else."""
        return frozenset(code for code in self.codes | set(self.words.values()) if self.code(str(code)) == code)

    def code(self, cell: str, way: Direction = "ours") -> int:
        """Return the code of a cell; words win over a number, which runs the `way` of its column."""
        text = plain(cell)
        if text in self.words:
            return self.words[text]
        if _is_number(text):
            return self._number(_number(text), way)
        both = number_and_words(text)
        return self.words.get(both[1], self._number(both[0], way)) if both else UNKNOWN

    def _number(self, number: int, way: Direction) -> int:
        if way == "unknown" or number not in self.codes:
            return UNKNOWN
        return number if way == "ours" else min(self.codes) + max(self.codes) - number


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
    way = direction(list(found.values()), table, labels)
    codes = [UNKNOWN] * (max(found, default=-1) + 1)  # columns of a file share their texts: not all are of this one
    for i, text in found.items():
        codes[i] = DECLINED if text in declined else _with_label(text, table, labels, way)
    looked_up = pl.Series(cells.name, codes, dtype=pl.Int8)[places]
    if (looked_up.min() or 0) >= 0:
        return Coded(looked_up, None, 0, way)
    unknown = (looked_up == UNKNOWN).fill_null(value=False)
    n_declined = int((looked_up == DECLINED).sum())
    codes_only = looked_up.set(looked_up < 0, None)
    return Coded(codes_only, unknown if unknown.any() else None, n_declined, way)


def direction(cells: Sequence[str], table: AnswerTable, labels: Mapping[str, str]) -> Direction:
    """Which way the numbers of a column run, decided from all its distinct cells.

    As our codes, unless words say otherwise: `1 - Always` where 5 is Always turns the numbers of the whole column;
    `1 - Immer` where no table knows the words, or `Never, 2, 3, 4, Always` where every code has its words, leave it
    unknown.
    """
    both = {text: pair for text in cells if plain(text) not in table.words and (pair := number_and_words(plain(text)))}
    named = [(int(n), words) for n, words in labels.items() if re.fullmatch(r"-?\d+", n) and int(n) in table.codes]
    pairs = [*both.values(), *((number, plain(words)) for number, words in named)]
    known = [(number, table.words[words]) for number, words in pairs if table.words.get(words, UNKNOWN) >= 0]
    if named and not known:
        known, pairs = _alike(named, table), pairs if table.wording else []
    if known:
        ends = min(table.codes) + max(table.codes)
        if all(number == code for number, code in known):
            return "ours"
        return "turned" if all(ends - number == code for number, code in known) else "unknown"
    if any(number in table.codes for number, _ in pairs):
        return "unknown"
    words = {table.words[text] for cell in cells if (text := plain(cell)) in table.wording}
    bare = {_number(text) for cell in cells if _is_number(text := plain(cell)) and text not in table.words}
    at_an_end = words & {min(table.codes), max(table.codes)} if table.codes else set()
    in_part = at_an_end and bare & table.codes and not words & bare and set(table.wording.values()) >= table.codes
    return "unknown" if in_part else "ours"


def _alike(named: list[tuple[int, str]], table: AnswerTable) -> list[tuple[int, int]]:
    """Numbers of a file's own labels beside the codes whose words they are a shorter form of."""
    from rapidfuzz import fuzz, process, utils

    pairs = []
    for number, words in named:
        rule = {"scorer": fuzz.token_set_ratio, "processor": utils.default_process, "score_cutoff": ALIKE}
        best = process.extractOne(words, list(table.wording), **rule)
        pairs += [(number, table.wording[best[0]])] if best else []
    return pairs


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+([.,]0+)?", text) is not None


def _number(text: str) -> int:
    return int(re.split("[.,]", text)[0])


def _are_codes(cells: pl.Series, table: AnswerTable, labels: Mapping[str, str], declined: frozenset[str]) -> bool:
    """Whether a column of numbers holds our codes already, so that nothing needs to be looked up."""
    if not cells.dtype.is_integer() or labels or declined or cells.count() == 0:
        return False
    return table.plain_codes.issuperset(range(cells.min(), cells.max() + 1))


def _distinct(cells: pl.Series) -> tuple[dict[int, str], pl.Series]:
    """Return the texts of a column under their places, and the place of each cell."""
    if cells.dtype.is_integer():
        low, numbers = cells.min() or 0, cells.unique().drop_nulls().to_list()
        return {number - low: str(number) for number in numbers}, (cells - low).cast(pl.UInt32)
    if not isinstance(cells.dtype, pl.Categorical):
        cells = cells.cast(pl.Categorical(pl.Categories.random()))
    texts, places = cells.dtype.categories, cells.to_physical()
    return {place: texts[place] for place in places.unique().to_list() if place is not None}, places


def _with_label(text: str, table: AnswerTable, labels: Mapping[str, str], way: Direction) -> int:
    by_words = table.words.get(plain(labels[text]), UNKNOWN) if text in labels else UNKNOWN
    return by_words if by_words != UNKNOWN else table.code(text, way)
