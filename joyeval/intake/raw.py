"""What a reader hands on: cells as text, the row each stands in, and what the export says of its columns."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from joyeval.errors import Problem

FEW_ANSWERS = 50  # distinct texts in a sample of a column: at most this many are kept as categories
SAMPLE = 2000
NOTE, REPEATED, OUTSIDE = "note below the table", "headings repeated", "outside the rows named"  # rows no records
TOP = 40  # rows looked at to recognise an export and to find its headings


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A raw export, recognised but not yet understood.

    Parameters
    ----------
    file : str
        Name of the file.
    source : str
        What made it, such as ``Qualtrics``.
    frame : polars.DataFrame
        Cells as they stand in the file: text, categories of text, or whole numbers; blank cells are null. Columns
        are the headings.
    rows : polars.Series
        Row of each record as the spreadsheet counts (the first row of the file is 1).
    labels : mapping
        Heading to question text, where the file has both.
    answer_labels : mapping
        Heading to {code: words}, where the file stores answers as labelled codes (SPSS, Stata).
    declined : mapping
        Heading to the codes that the file declares as missing, such as "prefer not to say".
    identifier : str, optional
        Heading of the response number that the survey tool gave.
    set_aside : polars.DataFrame
        Rows that are no records: ``row``, ``rule``.
    header_row : int
        Row of the headings, the first of them where there are several.
    delimiter : str, optional
        What parts the cells of a text file.
    notices : tuple of str
        What was recognised, assumed or dropped, in plain sentences.
    problems : tuple of Problem
        What to mend in the file that did not stop the reading.
    """

    file: str
    source: str
    frame: pl.DataFrame
    rows: pl.Series
    labels: Mapping[str, str] = field(default_factory=dict)
    answer_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    declined: Mapping[str, frozenset[str]] = field(default_factory=dict)
    identifier: str | None = None
    set_aside: pl.DataFrame = field(default_factory=lambda: no_rows())
    header_row: int = 1
    delimiter: str | None = None
    notices: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def no_rows() -> pl.DataFrame:
    """Return an empty table of records set aside."""
    return pl.DataFrame(schema={"row": pl.UInt32, "rule": pl.String})


def set_aside(rows: pl.Series, rule: str) -> pl.DataFrame:
    """Return a table of records set aside for one reason."""
    return pl.DataFrame({"row": rows.cast(pl.UInt32)}).with_columns(rule=pl.lit(rule))


def few_valued(sample: pl.DataFrame) -> list[str]:
    """Columns that look like answers to a closed question: stored as categories, a byte or two a cell."""
    most = min(FEW_ANSWERS, max(sample.height // 2, 3))
    distinct = sample.select(pl.all().n_unique()).row(0) if sample.width else ()
    return [name for name, n in zip(sample.columns, distinct, strict=True) if n <= most]
