"""Plain raw tables (teams, events, pulses, ties, outcomes) to typed columns under our names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Literal

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.reading import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from joyeval.intake.raw import Raw
    from joyeval.study import RawTable

Kind = Literal["text", "number", "day"]


@dataclass(frozen=True)
class Tabulated:
    """A raw table, typed.

    Parameters
    ----------
    frame : DataFrame
        Our names, then ``file`` and ``row`` (as the spreadsheet counts).
    problems : tuple of Problem
        What to mend; values that are not of their kind are missing in `frame`.
    n_read, n_left_out : int
        Rows in the files, and rows that the study file leaves out.
    notices : tuple of str
        What each file was recognised as.
    """

    frame: pd.DataFrame
    problems: tuple[Problem, ...]
    n_read: int
    n_left_out: int
    notices: tuple[str, ...]


def tabulate(part: RawTable, folder: Path, fields: Mapping[str, Kind]) -> Tabulated:
    """Read the files of one part of a study into typed columns.

    Parameters
    ----------
    part : RawTable
        Where the files are, what their headings mean, which rows to leave out.
    folder : Path
        The data folder of the study.
    fields : mapping
        Our names and their kinds; names that `part` does not map are absent from the result.

    Returns
    -------
    Tabulated
        Every file's rows, one below the other. Files that cannot be read are problems.
    """
    paths = part.files(folder)
    if not paths:
        found, fix = "no such file", f"put it in {folder.name}, or correct `file` in the study file"
        return _none((Problem(part.file, found, "a file", fix, rule="missing file"),), fields)
    done = [_led(_one_file(path, part, fields), part, folder) for path in paths]
    frames = [one.frame for one in done if len(one.frame)]
    import pandas as pd

    return Tabulated(
        frame=pd.concat(frames, ignore_index=True) if frames else done[0].frame,
        problems=tuple(problem for one in done for problem in one.problems),
        n_read=sum(one.n_read for one in done),
        n_left_out=sum(one.n_left_out for one in done),
        notices=tuple(notice for one in done for notice in one.notices),
    )


def _led(done: Tabulated, part: RawTable, folder: Path) -> Tabulated:
    """Lead the codes of a file to those of teams; a code that leads to several gives a row for each."""
    frame, problems = done.frame, list(done.problems)
    for step in part.through:
        path = folder / step.file
        if not path.exists():
            fix = f"put it in {folder.name}, or correct `through` in the study file"
            return _none((*problems, Problem(step.file, "no such file", "a file", fix, rule="missing file")), {})
        table = read(path).frame.select(pl.col(step.old, step.new).cast(pl.String).str.strip_chars()).unique()
        pairs = table.drop_nulls().to_pandas().set_axis(["team", "led"], axis=1)
        frame = frame.merge(pairs, on="team", how="inner").drop(columns="team").rename(columns={"led": "team"})
    return replace(done, frame=frame)


def _none(problems: tuple[Problem, ...], fields: Mapping[str, Kind]) -> Tabulated:
    import pandas as pd

    return Tabulated(pd.DataFrame(columns=[*fields, "file", "row"]), problems, 0, 0, ())


def _one_file(path: Path, part: RawTable, fields: Mapping[str, Kind]) -> Tabulated:
    try:
        raw = read(path, sheet=part.sheet, header_row=part.header_row)
    except DataError as error:
        return _none(tuple(error.problems), fields)
    absent = _absent_headings(raw, part)
    if absent:
        return _none(tuple(absent), fields)
    rows = raw.frame.with_columns(pl.all().cast(pl.String).str.strip_chars(), row=raw.rows.cast(pl.Int64))
    kept = rows.filter(_wanted(part))
    problems: list[Problem] = []
    columns = {"file": pl.Series([path.name] * len(kept), dtype=pl.String), "row": kept["row"]}
    for name, kind in fields.items():
        if name in part.columns:
            columns[name] = _column(path.name, kept, part, name, kind, problems)
    frame = pl.DataFrame(columns).select([*(n for n in fields if n in columns), "file", "row"]).to_pandas()
    return Tabulated(frame, (*raw.problems, *problems), len(rows), len(rows) - len(kept), raw.notices)


def _absent_headings(raw: Raw, part: RawTable) -> list[Problem]:
    wanted = [heading for name in part.columns for heading in _headings(part, name)]
    headings = list(raw.frame.columns)
    return [
        Problem(
            raw.file,
            f"no column {heading!r}",
            "one of: " + ", ".join(get_close_matches(heading, headings, 3, 0.4) or headings[:8]),
            "correct the column map in the study file, or the heading in the file",
            column=heading,
            rule="unknown column",
        )
        for heading in dict.fromkeys([*wanted, *part.where, *part.leave_out])
        if heading not in headings
    ]


def _headings(part: RawTable, name: str) -> tuple[str, ...]:
    named = part.columns[name]
    return named if isinstance(named, tuple) else (named,)


def _wanted(part: RawTable) -> pl.Expr:
    keep = pl.lit(value=True)
    for heading, value in part.where.items():
        keep = keep & (pl.col(heading) == str(value))
    for heading, value in part.leave_out.items():
        keep = keep & (pl.col(heading).str.to_lowercase() != str(value).lower()).fill_null(value=True)
    return keep


def _column(file: str, rows: pl.DataFrame, part: RawTable, name: str, kind: Kind, problems: list[Problem]) -> pl.Series:
    """Typed values under our name; several headings are added up."""
    parts = []
    for heading in _headings(part, name):
        cells = rows[heading]
        text = cells.set(cells.is_in(part.missing).fill_null(value=False), None)
        typed = text if kind == "text" else _number(text) if kind == "number" else _day(text, part.dates)
        problems += _not_of_kind(file, heading, rows["row"].filter(text.is_not_null() & typed.is_null()), kind, part)
        parts.append(typed)
    return reduce(add, parts)


def _number(text: pl.Series) -> pl.Series:
    plain = text.str.replace_all(r"[\s\u00a0]|%$", "")
    thousands = plain.str.contains(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$").fill_null(value=False)
    return plain.zip_with(~thousands, plain.str.replace_all(",", "")).cast(pl.Float64, strict=False)


def _day(text: pl.Series, dates: str | None) -> pl.Series:
    if dates is None:
        return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if dates == "financial quarter":
        return _financial_quarter(text)
    absent = [code for code, names in (("%d", "dej"), ("%m", "mbBj")) if not any(f"%{n}" in dates for n in names)]
    filled = ("01 " * len(absent)) + text if absent else text
    return filled.str.to_date(" ".join([*absent, dates]), strict=False)


def _financial_quarter(text: pl.Series) -> pl.Series:
    """First day of a quarter of a financial year that begins in April: Q4 2024/25 is January 2025."""
    quarter, year = (text.str.extract(r"^Q([1-4]) (\d{4})[/-]\d{2}$", group).cast(pl.Int32) for group in (1, 2))
    frame = pl.DataFrame({"year": year + (quarter == 4).cast(pl.Int32), "month": (3 * quarter) % 12 + 1})
    return frame.select(pl.date("year", "month", 1)).to_series()


def _not_of_kind(file: str, heading: str, rows: pl.Series, kind: Kind, part: RawTable) -> list[Problem]:
    if not len(rows):
        return []
    first = ", ".join(str(row) for row in rows.head(5)) + (", ..." if len(rows) > 5 else "")
    expected = "a number" if kind == "number" else f"a day written as {part.dates or '2024-05-31'}"
    fix = "correct the cells, or list what they hold under `missing` in the study file"
    found = f"{len(rows)} cells that are not {expected} (rows {first})"
    return [Problem(file, found, expected, fix, row=int(rows[0]), column=heading, rule=f"not a {kind}")]
