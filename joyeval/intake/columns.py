"""Which column of a file is which of our names; which rows the study file keeps."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from joyeval.intake.raw import Raw

Headings = str | tuple[str, ...]
OURS = "row"  # what the number of a row is called beside the columns of a file
_QUOTES = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u00b4`", "''''\"\"\"''")
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Text as people read it: letters small, one space, straight quotation marks, no invisible characters.

    Examples
    --------
    >>> plain("  Don’t  KNOW ")
    "don't know"
    """
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES).translate(_DASHES)
    text = re.sub(r"[\ufeff\u200b-\u200f\u2060\u00ad\u202a-\u202e]", "", text)
    return " ".join(text.split()).casefold()


def normal(codes: pl.Series) -> pl.Series:
    """Write codes one way: small letters, no blanks or invisible characters, no leading zeros; an empty one is null.

    Spreadsheets turn 05 into 5 and 5 into 5.0, so these are one code.
    """
    text = codes.cast(pl.String)
    if text.str.contains("^[a-z1-9][a-z0-9]*$").all():  # as most panel numbers are
        return text
    letters = pl.col(text.name).str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[\s\p{Cf}]", "")
    one_way = letters.str.replace(r"^(\d+)\.0+$", "$1").str.replace(r"^0+(\d)", "$1")
    return blank_to_null(text.to_frame().select(one_way).to_series())


def blank_to_null(text: pl.Series, blanks: Iterable[str] = ()) -> pl.Series:
    """Return text without blanks at its ends, null where nothing or one of `blanks` is left."""
    cell = pl.col("cell").cast(pl.String).str.strip_chars()
    kept = pl.when(~cell.is_in(["", *blanks])).then(cell)
    return text.alias("cell").to_frame().select(kept).to_series().alias(text.name)


def listed(headings: Headings) -> tuple[str, ...]:
    """Return the headings of one of our names as a tuple."""
    return headings if isinstance(headings, tuple) else (headings,)


def find_columns(
    raw: Raw, columns: Mapping[str, Headings], others: Iterable[str] = ()
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Find the headings that a study file names.

    Parameters
    ----------
    raw : Raw
        The export.
    columns : mapping
        Our name to the heading in the file (or its question text), or to several.
    others : iterable of str
        Other headings that have to be there: those of `where` and `leave_out`.

    Returns
    -------
    dict
        Our name to headings as they stand in `raw`.
    list of Problem
        Headings that are not in the file, with those that look alike.
    """
    texts, there = _by_text(raw), set(raw.frame.columns)
    wanted = {name: tuple(_heading(there, texts, h) for h in listed(headings)) for name, headings in columns.items()}
    named = [*(h for headings in wanted.values() for h in headings), *others]
    absent = [heading for heading in named if heading not in there]
    problems = [_absent(raw, heading, texts) for heading in dict.fromkeys(absent)]
    return wanted, problems + ([_taken(raw)] if OURS in named else [])


def _taken(raw: Raw) -> Problem:
    found, fix = f"a heading {OURS!r}, as joyeval calls the number of a row", "give it another heading in the file"
    return Problem(raw.file, found, "another heading", fix, column=OURS, rule="heading taken")


def _by_text(raw: Raw) -> dict[str, list[str]]:
    """Return the headings behind each text as people read it: those so called, else those so asked."""
    called: dict[str, list[str]] = {}
    for heading in raw.frame.columns:
        called.setdefault(plain(heading), []).append(heading)
    asked: dict[str, list[str]] = {}
    for heading, label in raw.labels.items():
        asked.setdefault(plain(label), []).append(heading)
    return asked | called


def _heading(there: set[str], texts: Mapping[str, list[str]], named: str) -> str:
    """Return the heading that a name of the study file means: the same letters first, else the one that reads alike."""
    found = texts.get(plain(named), [])
    return found[0] if named not in there and len(found) == 1 else named


def _absent(raw: Raw, heading: str, texts: Mapping[str, list[str]]) -> Problem:
    from rapidfuzz import process

    if alike := texts.get(plain(heading)):
        fix = "write it in the column map with the letters of the one you mean"
        found, which = f"{len(alike)} columns that are called so", ", ".join(map(repr, alike))
        return Problem(raw.file, found, f"one of: {which}", fix, column=heading, rule="unknown column")
    near = [found for found, _, _ in process.extract(heading, raw.frame.columns, limit=3, score_cutoff=40)]
    return Problem(
        raw.file,
        f"no column {heading!r}",
        "one of: " + ", ".join(near or raw.frame.columns[:8]),
        f"correct the column map or the heading; or say `header_row`, if row {raw.header_row} holds none",
        column=heading,
        rule="unknown column",
    )


def wanted_rows(where: Mapping[str, object], leave_out: Mapping[str, object]) -> pl.Expr:
    """Rows that a study file keeps: those in which `where` holds and `leave_out` does not."""
    conditions = [holds(heading, value) for heading, value in where.items()]
    conditions += [~holds(heading, value) for heading, value in leave_out.items()]
    return pl.all_horizontal(conditions) if conditions else pl.lit(value=True)


def holds(heading: str, value: object) -> pl.Expr:
    """Rows in which a column holds a value, letters large or small; an empty text is a blank."""
    cell = pl.col(heading).cast(pl.String).str.strip_chars().str.to_lowercase().fill_null("")
    return cell == str(value).lower()


def first_filled(frame: pl.DataFrame, headings: tuple[str, ...]) -> pl.Series:
    """Return a column, or of several the first that is filled in each row."""
    if len(headings) == 1:
        return frame[headings[0]]
    return frame.select(pl.coalesce(pl.col(h).cast(pl.String) for h in headings)).to_series()
