"""Plain raw tables (teams, events, pulses, ties, outcomes) to typed columns under our names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Literal

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.account import empty_column, stops, told
from joyeval.intake.columns import blank_to_null, find_columns
from joyeval.intake.days import day_remedy, read_days, unsure_days
from joyeval.intake.numbers import as_asked, ratings, read_numbers, unsure_numbers
from joyeval.intake.once import once, stamp
from joyeval.intake.opened import absent_file, idle, nothing_left, open_rows, same_content
from joyeval.intake.reading import read
from joyeval.intake.wide import as_items, as_long, is_matrix, is_wide

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from joyeval.intake.raw import Raw
    from joyeval.study import RawTable

Kind = Literal["text", "number", "rating", "day"]
MAY_BE_EMPTY = {"headcount", "label", "no_contact"}  # staff in post are told of by the rule of disclosure
SHORT = 16  # letters after the first digit of a cell that a message may show
MISSING_CODES = {9.0, 99.0, 999.0, 9999.0, 99999.0, -1.0, -8.0, -9.0, -99.0, -999.0, -9999.0}


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
        Rows in the files, and rows that were left out when they were read.
    notices : tuple of str
        What each file was recognised as.
    reasons : tuple of str
        Why rows were left out.
    percents : frozenset of str
        Names of columns whose cells are written as percentages, such as 52%.
    matched : mapping
        Heading of `leave_out` to the rows that hold its value.
    """

    frame: pd.DataFrame
    problems: tuple[Problem, ...]
    n_read: int
    n_left_out: int
    notices: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    percents: frozenset[str] = frozenset()
    matched: Mapping[str, int] = field(default_factory=dict)


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
    files = tuple(stamp(path) for path in part.files(folder))
    return once(("tabulate", _said(part), files, tuple(fields.items())), lambda: _tabulated(part, folder, fields))


def _said(part: RawTable) -> str:
    """Everything that the study file says of a table, to tell it from others."""
    return f"{type(part).__name__} {part.model_dump_json()}"


def _tabulated(part: RawTable, folder: Path, fields: Mapping[str, Kind]) -> Tabulated:
    import pandas as pd

    paths = part.files(folder)
    if not paths:
        return _none((absent_file(part.file, folder),), fields)
    done = [_led(_one_file(path, part, fields), part, folder) for path in paths]
    n_read, n_left_out = sum(one.n_read for one in done), sum(one.n_left_out for one in done)
    filters = nothing_left(part.file, part, n_read, n_read - n_left_out)
    if not filters and not any(one.problems for one in done):
        filters = idle(part.file, part, [one.matched for one in done])
    frames = [one.frame for one in done if len(one.frame)]
    percents = [one.percents for one in done if len(one.frame)]
    return Tabulated(
        frame=pd.concat(frames, ignore_index=True) if frames else done[0].frame,
        problems=(*same_content(paths), *filters, *(problem for one in done for problem in one.problems)),
        n_read=n_read,
        n_left_out=n_left_out,
        reasons=tuple(dict.fromkeys(reason for one in done for reason in one.reasons)),
        notices=tuple(notice for one in done for notice in one.notices),
        percents=frozenset.intersection(*percents) if percents else frozenset(),
    )


def _led(done: Tabulated, part: RawTable, folder: Path) -> Tabulated:
    """Lead the codes of a file to those of teams; a code that leads to several gives a row for each."""
    frame, problems = done.frame, list(done.problems)
    for step in part.through:
        path = folder / step.file
        if not path.is_file():
            return _none((*problems, absent_file(step.file, folder)), {})
        try:
            raw = read(path)
        except DataError as error:
            return _none((*problems, *error.problems), {})
        _, absent = find_columns(raw, {}, (step.old, step.new))
        if absent:
            return _none((*problems, *absent), {})
        table = raw.frame.select(pl.col(step.old, step.new).cast(pl.String).str.strip_chars()).unique()
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
        elif is_matrix(part):
            raw, part = as_items(raw, part, path)
    except DataError as error:
        return _none(tuple(error.problems), fields)
    found, absent = find_columns(raw, part.columns, [*part.where, *part.leave_out])
    if absent:
        return _none(tuple(absent), fields)
    opened = open_rows(raw, part)
    kept = opened.rows.with_columns(pl.exclude("row").cast(pl.String).str.strip_chars(), pl.col("row").cast(pl.Int64))
    columns = {"file": pl.Series([path.name] * len(kept), dtype=pl.String), "row": kept["row"]}
    percents: set[str] = set()
    for name, kind in fields.items():
        if name in part.columns:
            columns[name] = _column(raw, kept, part, found[name], name, kind, problems, percents)
    frame = pl.DataFrame(columns).select([*(n for n in fields if n in columns), "file", "row"]).to_pandas()
    return Tabulated(
        frame=frame,
        problems=(*raw.problems, *_ragged(raw), *opened.problems, *problems),
        n_read=opened.n_read,
        n_left_out=opened.n_read - len(kept),
        notices=raw.notices,
        reasons=opened.reasons,
        percents=frozenset(percents),
        matched=opened.matched,
    )


def _ragged(raw: Raw) -> list[Problem]:
    """Say which rows were left out because they are of another width."""
    rows, rule = raw.set_aside.filter(rule="ragged row")["row"], "ragged row"
    many = stops(rule, len(rows), len(rows) + raw.frame.height)
    return [told(raw.file, rows, rule, "as many cells as headings", blocking=many)] if len(rows) else []


def _column(
    raw: Raw,
    rows: pl.DataFrame,
    part: RawTable,
    headings: tuple[str, ...],
    name: str,
    kind: Kind,
    problems: list[Problem],
    percents: set[str],
) -> pl.Series:
    """Typed values under our name; several headings are added up."""
    parts = []
    for heading in headings:
        cells = rows[heading]
        text = blank_to_null(cells, part.missing)
        typed, told = _typed(raw, text, part, name, kind)
        bad = rows["row"].filter(text.is_not_null() & typed.is_null())
        problems += told
        if not any(problem.blocking for problem in told):
            problems += _not_of_kind(raw.file, text, bad, typed, kind, part)
        if kind == "number":
            problems += _looks_missing(raw.file, typed, rows["row"]) + _zeros_missing(raw.file, cells, part)
            signed = text.str.ends_with("%").fill_null(value=False)
            percents |= {name} if signed.any() else set()
        if text.null_count() == len(rows) > 0 and _is_never_empty(name):
            problems.append(empty_column(raw.file, heading, name))
        parts.append(typed)
    return reduce(add, parts)


def _typed(raw: Raw, text: pl.Series, part: RawTable, name: str, kind: Kind) -> tuple[pl.Series, list[Problem]]:
    """Cells of a column as their kind, and what nobody but the study file can say of it."""
    if kind == "text":
        return text, []
    if kind == "day":
        days = read_days(text, part.dates, part.year)
        return days, unsure_days(raw.file, text, days, part.dates)
    numbers = read_numbers(ratings(text) if kind == "rating" else text, part.decimal, raw.delimiter)
    return as_asked(numbers, part, name), unsure_numbers(raw.file, numbers, name)


def _is_never_empty(name: str) -> bool:
    """Whether a column that holds nothing is lost: all but labels, and columns of single names in a wide survey."""
    return name not in MAY_BE_EMPTY and "__" not in name


def _zeros_missing(file: str, cells: pl.Series, part: RawTable) -> list[Problem]:
    """Tell of zeros that `missing` takes for no value: none of something is a number."""
    zeros = cells.is_in([code for code in part.missing if code.strip() in ("0", "0.0")]).sum()
    if not zeros:
        return []
    found, fix = f"{zeros} cells that hold 0, which count as no value", "remove 0 from `missing`, if they are numbers"
    return [Problem(file, found, "numbers", fix, None, cells.name, "looks wrong", blocking=False)]


def _looks_missing(file: str, values: pl.Series, rows: pl.Series) -> list[Problem]:
    """Tell of codes such as 999 or -9 that stand far outside all other values: they are no values."""
    found = values.filter(values.is_in(sorted(MISSING_CODES)).fill_null(value=False))
    others = values.filter(~values.is_in(sorted(MISSING_CODES)).fill_null(value=True))
    if found.is_empty() or len(others) < 5:
        return []
    low, high = float(others.min()), float(others.max())
    codes = sorted({v for v in found if (v < 0 <= low) or (v >= 99 and v > 3 * max(high, 0.0))})
    if not codes:
        return []
    at = rows.filter(values.is_in(codes).fill_null(value=False))
    told = ", ".join(f"{code:g}" for code in codes)
    where = f"{len(at)} cells that hold {told}, far outside the others ({low:g} to {high:g})"
    quoted = ", ".join(f'"{code:g}"' for code in codes)
    fix = f'if it means that there is no value, write missing: ["", {quoted}]; if not, accept: {{missing code: why}}'
    return [Problem(file, where, "values", fix, int(at[0]), values.name, "missing code")]


def _two_cells(text: pl.Series, typed: pl.Series, kind: Kind, part: RawTable) -> str:
    """Two different cells that show the fault, if they begin as numbers do: never a word, which may be a person's."""
    if kind == "rating" or {"person", "answer"} & set(part.columns):
        return ""
    bad = text.filter(text.is_not_null() & typed.is_null() & text.str.contains(rf"^[^\pL]*\d.{{0,{SHORT}}}$"))
    shown = [repr(cell) for cell in bad.unique(maintain_order=True).head(2)]
    return f", such as {' and '.join(shown)}" if shown else ""


def _not_of_kind(
    file: str, text: pl.Series, rows: pl.Series, typed: pl.Series, kind: Kind, part: RawTable
) -> list[Problem]:
    if not len(rows):
        return []
    heading = text.name
    places = rows.unique(maintain_order=True)
    first = ", ".join(str(row) for row in places.head(5)) + (", ..." if len(places) > 5 else "")
    expected = f"a day written as {part.dates or '2024-05-31'}" if kind == "day" else "a number"
    fix = "correct the cells, or list what they hold under `missing` in the study file"
    if kind == "day":
        fix = day_remedy(text, part.dates)
    if kind == "rating":
        fix = (
            "write the number of each answer, or number and words (4 - Often), as survey tools export them; else " + fix
        )
    found = f"{len(rows)} cells that are not {expected}{_two_cells(text, typed, kind, part)} (rows {first})"
    return [Problem(file, found, expected, fix, row=int(rows[0]), column=heading, rule=f"not a {kind}")]
