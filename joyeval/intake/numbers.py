"""Numbers of a column: which mark parts decimals, whether a per cent sign stands, decided from all its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from joyeval.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joyeval.study import RawTable

Mark = Literal["point", "comma"]
MEANS = ("value", "mean")  # columns in which a decimal is as likely as a thousand
SHARES = ("positive", "value")  # columns that `share` of a part is about

_PLAIN = r"^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$"
_SHORTENED = r"^\s*[-+]?\d([.,]\d\d?)?E[-+]?\d+\s*$"  # 1E+5, as a spreadsheet shows a number: digits are lost
_COMMA = r"[-+]?(\d*,(\d{1,2}|\d{4,})|0?,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+(,\d+|\.\d{3}))"  # 4,1 or 0,125 or 1.204,5
_POINT = r"[-+]?(\d*\.(\d{1,2}|\d{4,})|0?\.\d+|\d{4,}\.\d+|\d{1,3}(,\d{3})+(\.\d+|,\d{3}))"  # 4.1 or 0.125 or 1,204.5
_EITHER = r"[-+]?[1-9]\d{0,2}[.,]\d{3}"  # 1,204
_NUMBER_FIRST = re.compile(r"[(\[]?([-+]?\d+)\s*[-\u2013\u2014:=.)\]]?\s*\(?\s*([^\W\d_]\D*?)\)?")
_NUMBER_LAST = re.compile(r"([^\W\d_]\D*?)\s*[-\u2013\u2014:=(\[]\s*([-+]?\d+)\s*[)\]]?")


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column.

    Parameters
    ----------
    values : polars.Series
        Float; what is no number is null. 52 % is 52.
    percent : polars.Series
        True where a per cent sign stands.
    unsure : bool
        Whether 1,234 may be a number above a thousand as well as one above one: somebody has to say.
    grouped : bool
        Whether every mark was taken for one of thousands, though it may part decimals.
    """

    values: pl.Series
    percent: pl.Series
    unsure: bool = False
    grouped: bool = False


def number_and_words(cell: str) -> tuple[int, str] | None:
    """Return number and words of a rating that holds both, in either order; None if the cell is not of that kind.

    Examples
    --------
    >>> [number_and_words(cell) for cell in ("4 - Often", "4) Often", "Often (4)", "Often")]
    [(4, 'Often'), (4, 'Often'), (4, 'Often'), None]
    """
    text = cell.strip()
    if found := _NUMBER_FIRST.fullmatch(text):
        return int(found[1]), found[2]
    if found := _NUMBER_LAST.fullmatch(text):
        return int(found[2]), found[1]
    return None


def read_numbers(cells: pl.Series, decimal: Mark | None = None, delimiter: str | None = None) -> Numbers:
    """Read numbers as a spreadsheet shows them: 1,204 and 52 % and 0,125.

    Parameters
    ----------
    cells : polars.Series
        Text.
    decimal : {"point", "comma"}, optional
        The mark before decimals; without it the cells tell.
    delimiter : str, optional
        What parts the cells of the file; where that is a semicolon, the comma is free for decimals.
    """
    if cells.str.contains(r"^-?[0-9]+$").all():  # as most columns are
        return Numbers(cells.cast(pl.Float64), pl.Series(np.zeros(len(cells), dtype=bool)))
    text = cells.set(cells.str.contains(_SHORTENED).fill_null(value=False), "?")
    text = text.str.replace_all(r"[\s\u00a0\u202f'’]", "").str.to_lowercase().str.strip_chars_start("£€$")
    percent = text.str.ends_with("%").fill_null(value=False)
    text = text.str.strip_chars_end("%")
    odd = text.filter(~text.str.contains(r"^[-+]?\d+$")).drop_nulls().unique().to_list()
    told = decimal or _mark(odd, delimiter)
    mark, groups = (",", r"\.") if told == "comma" else (r"\.", ",")
    grouped = text.str.contains(rf"^[-+]?\d{{1,3}}({groups}\d{{3}})+({mark}\d*)?$").fill_null(value=False)
    text = text.zip_with(~grouped, text.str.replace_all(groups, ""))
    if told == "comma":
        text = text.str.replace_all(r"\.", "?").str.replace(",", ".", literal=True)
    values = text.set(~text.str.contains(_PLAIN), None).cast(pl.Float64, strict=False)
    values = values.set(values.is_infinite().fill_null(value=False), None)
    only_groups = decimal is None and bool(odd) and all(re.fullmatch(_EITHER, cell) for cell in odd)
    grouped_only = only_groups and told == "point" and all("," in cell for cell in odd)
    return Numbers(values.alias(cells.name), percent, unsure=told is None, grouped=grouped_only)


def _mark(texts: Iterable[str], delimiter: str | None) -> Mark | None:
    """Tell the mark before decimals from the cells that are no whole numbers; None if they leave it open."""
    comma = any(re.fullmatch(_COMMA, text) for text in texts)
    point = any(re.fullmatch(_POINT, text) for text in texts)
    if comma or point:
        return None if comma and point else "comma" if comma else "point"
    either = {mark for text in texts for mark in ",." if mark in text and re.fullmatch(_EITHER, text)}
    if not either or delimiter != ";":
        return "point"
    return "comma" if either == {","} else None


def holds_ratings(cells: pl.Series) -> bool:
    """Whether most cells of a column are whole numbers, or such numbers with words; a blank column may be one."""
    distinct = cells.cast(pl.String).drop_nulls().unique().to_list()
    fit = sum(bool(re.fullmatch(r"\s*\d{1,2}\s*", cell)) or number_and_words(cell) is not None for cell in distinct)
    return 2 * fit >= len(distinct)


def ratings(cells: pl.Series) -> pl.Series:
    """Return the numbers of ratings such as ``4 - Often``, if one number stands for one wording in all cells.

    Cells that are bare numbers, or of another kind, stay as they are.
    """
    distinct = cells.drop_nulls().unique().to_list()
    both = {cell: found for cell in distinct if (found := number_and_words(cell))}
    pairs = {(number, " ".join(words.casefold().split())) for number, words in both.values()}
    one_to_one = len(pairs) == len({number for number, _ in pairs}) == len({words for _, words in pairs})
    if not both or not one_to_one:
        return cells
    return cells.replace({cell: str(number) for cell, (number, _) in both.items()})


def as_asked(numbers: Numbers, part: RawTable, name: str) -> pl.Series:
    """Return values in the unit that the part asks for.

    Of parts with `share: true` the cells 0.52 and 52 % are both 52; of a proportion that is not said to be in per
    cent, 52 % is 0.52.
    """
    if getattr(part, "share", False) and name in SHARES:
        return numbers.values.zip_with(numbers.percent, numbers.values * 100)
    if getattr(part, "kind", "") == "proportion" and not part.percent:  # type: ignore[attr-defined]
        return numbers.values.zip_with(~numbers.percent, numbers.values / 100)
    return numbers.values


def unsure_numbers(file: str, numbers: Numbers, name: str = "") -> list[Problem]:
    """Say what of a column nobody but the study file can decide: the mark before decimals, and what has no % sign."""
    told = []
    if numbers.unsure:
        found = "numbers in which a comma or point may part decimals or thousands"
        fix = "say `decimal: comma` or `decimal: point` in the study file, or correct cells that are written otherwise"
        told.append(Problem(file, found, "one mark before decimals", fix, None, numbers.values.name, "decimal mark"))
    if numbers.grouped and name in MEANS:
        found, column = "numbers such as 1,234 alone, which were read as thousands", numbers.values.name
        fix = "nothing, if they are thousands; if the comma parts decimals, say `decimal: comma` in the study file"
        told.append(Problem(file, found, "one mark before decimals", fix, None, column, "looks wrong", blocking=False))
    bare = int((~numbers.percent & (numbers.values != 0)).sum())
    if numbers.percent.any() and bare:
        found = f"{bare} numbers without a per cent sign among {int(numbers.percent.sum())} with one"
        fix = "give all cells of the column one format"
        told.append(Problem(file, found, "one unit", fix, None, numbers.values.name, "mixed units"))
    return told
