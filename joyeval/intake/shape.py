"""What stands on a sheet beside its table: notes below it, headings again, a second table; and personal data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from joyeval.errors import Problem
from joyeval.intake.raw import NOTE, REPEATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAST = 12  # rows at the end of a table that may be notes
LOOKED_AT = 500  # cells of a column looked at to tell what it holds
MOSTLY = 0.5

NOTE_BEGINS = re.compile(r"\s*((notes?|sources?|published|provisional)\b|[*#©])", re.IGNORECASE)
_NUMBER = r"^\s*[-+]?[\d.,]+\s*%?\s*$"
_HEADINGS = {
    "names of people": r"(first|last|given|family|full|respondents?|staff|employees?|managers?)name|surname|forename",
    "e-mail addresses": r"e?mail(address)?|(staff|work|nhs)email",
    "telephone numbers": r"(tele)?phone(number)?|mobile(number)?|tel(ephone)?",
    "addresses": r"(home|postal)?address|postcode|zip(code)?",
    "days of birth": r"dob|dateofbirth|birthdate|birthday",
    "numbers of people": r"(nhs|payroll|employee|staff|assignment|esr|ni|nationalinsurance|hospital)(number|no|id)",
}
_CELLS = {
    "e-mail addresses": r"^\s*[^@\s]+@[^@\s]+\.[A-Za-z]{2,}\s*$",
    "telephone numbers": r"^\s*(\+44|0)[\d ()-]{9,14}\s*$",
}


def beside_the_table(frame: pl.DataFrame, rows: pl.Series, headings: Mapping[str, str]) -> dict[str, pl.Series]:
    """Return which rows are no records: rule to a mask over the rows of `frame`.

    Parameters
    ----------
    frame : polars.DataFrame
        Cells below the headings.
    rows : polars.Series
        Row of each record as the spreadsheet counts.
    headings : mapping
        Column of `frame` to its heading as it stands in the file.
    """
    again = _headings_again(frame, headings)
    notes = _notes_below(frame, rows)
    if again.any():
        alone = frame.select(pl.sum_horizontal(pl.all().is_not_null())).to_series() == 1
        notes = notes | (alone & again.shift(-1, fill_value=False))  # the title of a block
    return {REPEATED: again, NOTE: notes & ~again}


def _headings_again(frame: pl.DataFrame, headings: Mapping[str, str]) -> pl.Series:
    """Rows that hold the headings; a column of nothing but numbers shows that there are none."""
    named = [name for name in frame.columns if headings[name].strip()]
    if not named or any(dtype.is_integer() for name, dtype in frame.schema.items() if name in set(named)):
        return pl.Series(np.zeros(frame.height, dtype=bool))
    again = pl.Series(np.ones(frame.height, dtype=bool))
    for name in named:
        same = frame[name].cast(pl.String).str.strip_chars() == headings[name].strip()
        again = again & same.fill_null(value=False)
        if not again.any():
            break
    return again


def _notes_below(frame: pl.DataFrame, rows: pl.Series) -> pl.Series:
    """Last rows of one cell of words, if a blank row parts them from the table or they begin as notes do.

    A row of a name and nothing else, right below the others, may be a record.
    """
    words = []
    for cells in reversed(frame.tail(LAST).rows()) if frame.width > 2 else ():
        filled = [i for i, cell in enumerate(cells) if cell is not None]
        if len(filled) != 1 or filled[0] > 1 or " " not in str(cells[filled[0]]).strip():
            break
        words.append(str(cells[filled[0]]))
    first = frame.height - len(words)
    apart = 0 < first < frame.height and rows[first] > rows[first - 1] + 1
    many = len(words) if apart or all(map(NOTE_BEGINS.match, words)) else 0
    return pl.Series(np.arange(frame.height) >= frame.height - many)


def second_table(file: str, frame: pl.DataFrame, rows: pl.Series) -> list[Problem]:
    """Say where, below a blank row, headings of another table stand: words over columns of numbers."""
    gaps = (rows.diff() > 1).arg_true()
    if gaps.is_empty():
        return []
    numeric = [name for name in frame.columns if _share(frame[name], _NUMBER) > MOSTLY]
    for i in gaps.head(LOOKED_AT):
        cells = {name: str(cell) for name, cell in frame.row(i, named=True).items() if cell is not None}
        words = [cell for cell in cells.values() if not re.match(_NUMBER, cell)]
        over = [name for name in numeric if name in cells and not re.match(_NUMBER, cells[name])]
        if len(over) >= 2 and len(words) == len(cells) >= MOSTLY * frame.width and len(set(words)) > 1:
            first, last = rows[0], rows[i - 1]
            fix = f"keep one table a part: `rows: [{first}, {last}]` in the study file keeps the first one"
            found = f"what looks like the headings of a second table in row {rows[i]}"
            return [Problem(file, found, "one table", fix, row=int(rows[i]), rule="second table")]
    return []


def _share(cells: pl.Series, pattern: str) -> float:
    """Share of the first filled cells that look like a pattern."""
    if cells.dtype.is_integer():
        return float(pattern == _NUMBER)
    looked_at = cells.drop_nulls().head(LOOKED_AT).cast(pl.String)
    return float(looked_at.str.contains(pattern).mean() or 0.0)


def personal_data(file: str, frame: pl.DataFrame, keep: Sequence[str]) -> list[Problem]:
    """Say which columns look as if they held names, addresses or numbers of people."""
    told = []
    for name in frame.columns:
        if name in keep:
            continue
        kinds = [kind for kind, pattern in _HEADINGS.items() if re.fullmatch(pattern, _bare(name))]
        if not frame[name].dtype.is_integer():
            cells = frame.select(pl.col(name).drop_nulls().head(LOOKED_AT).cast(pl.String))
            shares = cells.select(pl.all().str.contains(pattern).mean().alias(kind) for kind, pattern in _CELLS.items())
            kinds += [kind for kind, share in shares.row(0, named=True).items() if (share or 0) > MOSTLY]
        if kinds:
            found, fix = (
                f"what looks like {kinds[0]}",
                "remove the column from the file, unless people are linked by it",
            )
            expected = "no personal data that the evaluation does not need"
            told.append(Problem(file, found, expected, fix, None, name, "personal data", blocking=False))
    return told


def _bare(heading: str) -> str:
    return re.sub(r"[\W_]", "", heading.casefold())
