"""Plain raw tables (teams, events, pulses, ties, outcomes) to typed columns under our names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Literal

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.days import read_days, told_way, unsure_days
from joyeval.intake.numbers import as_asked, ratings, read_numbers, unsure_numbers
from joyeval.intake.reading import read
from joyeval.intake.wide import as_long, is_wide

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from joyeval.intake.raw import Raw
    from joyeval.study import RawTable

Kind = Literal["text", "number", "rating", "day"]


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
    problems: list[Problem] = []
    try:
        raw = read(path, **part.place)
        if is_wide(part):
            raw, part, problems = as_long(raw, part, path)
    except DataError as error:
        return _none(tuple(error.problems), fields)
    if absent := _absent_headings(raw, part):
        return _none(tuple(absent), fields)
    rows = raw.frame.with_columns(pl.all().cast(pl.String).str.strip_chars(), row=raw.rows.cast(pl.Int64))
    kept = rows.filter(_wanted(part))
    columns = {"file": pl.Series([path.name] * len(kept), dtype=pl.String), "row": kept["row"]}
    for name, kind in fields.items():
        if name in part.columns:
            columns[name] = _column(raw, kept, part, name, kind, problems)
    frame = pl.DataFrame(columns).select([*(n for n in fields if n in columns), "file", "row"]).to_pandas()
    told = (*raw.problems, *_ragged(raw), *problems)
    n_read = len(rows) + raw.set_aside.height
    return Tabulated(frame, told, n_read, n_read - len(kept), raw.notices)


def _ragged(raw: Raw) -> list[Problem]:
    """Say which rows were left out because they are of another width."""
    rows = raw.set_aside.filter(rule="ragged row")["row"].to_list()
    found = f"{len(rows)} rows with more or fewer cells than the headings"
    fix = "export again with texts in quotation marks; these rows are left out"
    told = Problem(raw.file, found, "as many cells as headings", fix, min(rows, default=None), rule="ragged row")
    return [replace(told, blocking=False, rows=tuple(rows))] if rows else []


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


def _column(raw: Raw, rows: pl.DataFrame, part: RawTable, name: str, kind: Kind, problems: list[Problem]) -> pl.Series:
    """Typed values under our name; several headings are added up."""
    parts = []
    for heading in _headings(part, name):
        cells = rows[heading]
        text = cells.set(cells.is_in(part.missing).fill_null(value=False), None)
        typed, told = _typed(raw, text, part, name, kind)
        bad = rows["row"].filter(text.is_not_null() & typed.is_null())
        problems += told or _not_of_kind(raw.file, text, bad, kind, part)
        parts.append(typed)
    return reduce(add, parts)


def _typed(raw: Raw, text: pl.Series, part: RawTable, name: str, kind: Kind) -> tuple[pl.Series, list[Problem]]:
    """Cells of a column as their kind, and what nobody but the study file can say of it."""
    if kind == "text":
        return text, []
    if kind == "day":
        return read_days(text, part.dates, part.year), unsure_days(raw.file, text, part.dates)
    numbers = read_numbers(ratings(text) if kind == "rating" else text, part.decimal, raw.delimiter)
    return as_asked(numbers, part, name), unsure_numbers(raw.file, numbers)


def _not_of_kind(file: str, text: pl.Series, rows: pl.Series, kind: Kind, part: RawTable) -> list[Problem]:
    if not len(rows):
        return []
    heading = text.name
    first = ", ".join(str(row) for row in rows.head(5)) + (", ..." if len(rows) > 5 else "")
    expected = f"a day written as {part.dates or '2024-05-31'}" if kind == "day" else "a number"
    fix = "correct the cells, or list what they hold under `missing` in the study file"
    if kind == "day" and (told := told_way(text.drop_nulls())) and told.way.name not in ("", part.dates):
        fix = f'most cells fit `dates: "{told.way.name}"`; else {fix}'
    found = f"{len(rows)} cells that are not {expected} (rows {first})"
    return [Problem(file, found, expected, fix, row=int(rows[0]), column=heading, rule=f"not a {kind}")]
