"""A column per period, or per name: wide pulses, outcomes and matrices of ratings become rows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

import polars as pl

from joyeval.errors import DataError, Problem
from joyeval.intake.columns import listed, plain
from joyeval.intake.days import days_in_order, is_period, month_of, read_days
from joyeval.intake.numbers import holds_ratings
from joyeval.intake.reading import read
from joyeval.study import YEARLESS, AnswersFrom, Coordination, Periodic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joyeval.intake.raw import Raw
    from joyeval.study import Outcome, Pulse, RawTable

ROW, NAME, DAY = "(row)", "(name)", "(day)"  # columns of ours: no heading of a file is called so
PERIOD = "headings that are periods"
TARGET, RATING, DIMENSION = "names across the top", "ratings below the names", "(dimension)"
CELLS = {"positive": "cells below the periods", "mean": "cells below the periods", "value": "cells below the periods"}
CELLS |= {"numerator": "cells below the periods", "answers": "numbers of answers", "denominator": "numbers of answers"}


def is_matrix(part: RawTable) -> TypeGuard[Coordination]:
    """Whether a part has a row per rater and a column per name that is rated."""
    return isinstance(part, Coordination) and part.layout == "matrix"


def as_items(raw: Raw, part: Coordination, path: Path) -> tuple[Raw, Coordination]:
    """Turn names across the top into rows, one per rater, name and dimension.

    Parameters
    ----------
    raw : Raw
        A sheet with a row per rater; columns that the study file does not name and that hold ratings are the rated.
    part : Coordination
        Its `sheets` say which dimension stands on which sheet; without them there is one dimension.
    path : Path
        Of the file, where the other sheets stand.

    Raises
    ------
    DataError
        There are several dimensions and nothing says where each of them stands.
    """
    from joyeval.intake.ties import survey_of

    dimensions = survey_of(part).dimensions
    if not part.sheets and len(dimensions) > 1:
        found, fix = (
            "one sheet for several dimensions",
            "say `sheets: {freq: name of its sheet, ...}` in the study file",
        )
        raise DataError([Problem(raw.file, found, f"where each stands: {', '.join(dimensions)}", fix, rule="sheets")])
    sheets = {str(key): read(path, **part.place | {"sheet": str(sheet)}) for key, sheet in part.sheets.items()}
    tables, told = [], list(raw.notices)
    for dimension, sheet in (sheets or {dimensions[0]: raw}).items():
        about = _about(sheet, part)
        rest = [heading for heading in sheet.frame.columns if heading not in about]
        rated = [heading for heading in rest if holds_ratings(sheet.frame[heading])]
        frame = sheet.frame.with_columns(pl.all().cast(pl.String).str.strip_chars()).with_columns(sheet.rows.alias(ROW))
        long = frame.unpivot(rated, index=[ROW, *about], variable_name=TARGET, value_name=RATING)
        tables.append(long.filter(pl.col(RATING).is_not_null()).with_columns(pl.lit(dimension).alias(DIMENSION)))
        if others := [heading for heading in rest if heading not in rated]:
            told.append(f"columns that hold no ratings and were not used: {', '.join(others)}")
    together = pl.concat(tables)
    columns = {**part.columns, "target": TARGET, "dimension": DIMENSION, "value": RATING}
    done = replace(raw, frame=together.drop(ROW), rows=together[ROW], notices=tuple(dict.fromkeys(told)))
    return done, part.model_copy(update={"columns": columns})


def is_wide(part: RawTable) -> TypeGuard[Pulse | Outcome]:
    """Whether a part has a column per period."""
    return isinstance(part, Periodic) and part.layout == "wide"


def as_long(raw: Raw, part: Pulse | Outcome, path: Path) -> tuple[Raw, Pulse | Outcome, list[Problem]]:
    """Turn columns that are periods into rows.

    Parameters
    ----------
    raw : Raw
        A sheet with a row per team and a column per period.
    part : Pulse or Outcome
        Its `columns` name what is no period (team); and, where an upper or lower row of headings tells several numbers
        of a period apart, what each of them is called.
    path : Path
        Of the file, where the numbers of answers may stand on another sheet.

    Returns
    -------
    Raw
        One row per row of the sheet and period with a number; row numbers are those of the sheet.
    Pulse or Outcome
        The part with the columns of that table.
    list of Problem
        Numbers without the number of answers behind them.

    Raises
    ------
    DataError
        No heading is a period, or nothing says which of several numbers of a period is what.
    """
    fields, problems = _fields(raw, part), []
    long = _unpivoted(raw, part, fields)
    if isinstance(part.answers_from, AnswersFrom):
        other = read(path, **part.answers_from.place)
        counts = _fields(other, part, part.number_of_answers)
        long, problems = _with_answers(raw.file, long, _unpivoted(other, part, counts), part)
        fields |= counts
    filled = pl.any_horizontal(pl.col(CELLS[name]).is_not_null() for name in fields)
    long = long.filter(filled).sort(ROW, maintain_order=True)
    kept = {name: headings for name, headings in part.columns.items() if name not in fields}
    columns = kept | {"period": PERIOD} | {name: CELLS[name] for name in fields}
    told = (*raw.notices, *_years(part, fields), *_unused(raw, part, fields))
    done = replace(raw, frame=long.drop(ROW), rows=long[ROW], notices=told)
    return done, part.model_copy(update={"columns": columns}), problems


def _about(raw: Raw, part: RawTable) -> list[str]:
    """Headings that the study file names and that are no periods."""
    named = [*(heading for of in part.columns.values() for heading in listed(of)), *part.where, *part.leave_out]
    return [heading for heading in dict.fromkeys(named) if heading in raw.frame.columns]


def _fields(raw: Raw, part: Pulse | Outcome, name: str = "") -> dict[str, dict[str, str]]:
    """Find which of our names (`name`, or those that the part gives) is told by which headings: heading to period."""
    groups: dict[str, dict[str, str]] = {}
    for heading in raw.frame.columns:
        if heading not in _about(raw, part) and (found := _period_and_rest(heading, part)):
            groups.setdefault(plain(found[1]), {})[heading] = found[0]
    if not groups:
        raise DataError([_no_periods(raw)])
    if part.dates in YEARLESS and part.year:
        groups = {rest: _dated(raw, periods, part.dates, part.year) for rest, periods in groups.items()}
    called = {own: plain(listed(of)[0]) for own, of in part.columns.items() if plain(listed(of)[0]) in groups}
    if not name and called:
        return {own: groups[group] for own, group in called.items()}
    if len(groups) == 1:
        return {name or part.cell: next(iter(groups.values()))}
    found, fix = f"several numbers a period: {', '.join(groups)}", "name in `columns` which of them is what"
    raise DataError([Problem(raw.file, found, "one number a period", fix, raw.header_row, rule="several numbers")])


def _no_periods(raw: Raw) -> Problem:
    """Say that no heading is a period, and how to write that they are months without a year, if so it is."""
    fix = "say `header_row` if the headings stand in another row, or `dates` how the periods are written"
    if sum(any(month_of(1).day(half) for half in _halves(heading)) for heading in raw.frame.columns) > 1:
        fix = "write `dates: month name` and the `year` of the first of these months in the study file"
    found, expected = "no heading that is a period", "headings such as 2024-05-27, w/c 27/05/2024, Apr-24, Q1 2024/25"
    return Problem(raw.file, found, expected, fix, raw.header_row, rule="no periods")


def _dated(raw: Raw, periods: dict[str, str], dates: str, year: int) -> dict[str, str]:
    """Give headings that are weeks or months their year; another way of writing says its own."""
    days = days_in_order(list(periods.values()), dates, year)
    if days is None:
        found, fix = "periods without a year, in no order of time", "put them in order, or write their year beside them"
        raise DataError([Problem(raw.file, found, "the earliest first", fix, raw.header_row, rule="no order of time")])
    return {heading: str(day or text) for (heading, text), day in zip(periods.items(), days, strict=True)}


def _years(part: Pulse | Outcome, fields: dict[str, dict[str, str]]) -> Iterator[str]:
    if part.dates in YEARLESS:
        days = [day for periods in fields.values() for day in periods.values()]
        yield f"headings without a year were taken for {min(days)} to {max(days)}"


def _halves(heading: str) -> list[str]:
    """Return the two rows of a heading, without the number that tells a repeated one apart."""
    return re.sub(r" \(\d+\)$", "", heading).split(" | ")


def _period_and_rest(heading: str, part: Pulse | Outcome) -> tuple[str, str] | None:
    """Return the period that a heading names, and what else it says; None if it names none."""
    halves = _halves(heading)
    for above, below in (halves, reversed(halves)) if len(halves) == 2 else ():
        if together := _month_of(above, below):
            return together, ""
    for half in halves:
        if is_period(half) or (part.dates and read_days(pl.Series([half]), part.dates, part.year)[0]):
            return half, " | ".join(other for other in halves if other != half)
    return None


def _month_of(year: str, month: str) -> str:
    """Return `Apr 2023` for the month Apr below 2023 or 2023/24; empty if they are no such pair."""
    years = re.fullmatch(r"(\d{4})([/-]\d{2,4})?", year.strip())
    words = re.fullmatch(r"(jan|feb|mar)?(apr|may|jun|jul|aug|sep|oct|nov|dec)?[a-z]*\.?", month.strip().casefold())
    if not years or not words or not any(words.groups()):
        return ""
    return f"{month.strip(' .')} {int(years[1]) + bool(years[2] and words[1])}"


def _unpivoted(raw: Raw, part: Pulse | Outcome, fields: dict[str, dict[str, str]]) -> pl.DataFrame:
    """One row per row of the sheet and period: row, what the study file names, period, numbers."""
    frame = raw.frame.with_columns(pl.all().cast(pl.String).str.strip_chars()).with_columns(raw.rows.alias(ROW))
    index, done = [ROW, *_about(raw, part)], None
    for name, periods in fields.items():
        long = frame.unpivot(list(periods), index=index, variable_name=PERIOD, value_name=CELLS[name])
        long = long.with_columns(pl.col(PERIOD).replace_strict(periods, return_dtype=pl.String))
        cells = pl.col(CELLS[name])
        long = long.with_columns(pl.when(~cells.is_in(part.missing)).then(cells).alias(CELLS[name]))
        keys = [*index, PERIOD]
        done = long if done is None else done.join(long, on=keys, how="full", coalesce=True, nulls_equal=True)
    return done if done is not None else frame


def _with_answers(
    file: str, long: pl.DataFrame, counts: pl.DataFrame, part: Pulse | Outcome
) -> tuple[pl.DataFrame, list[Problem]]:
    """Set beside each number the number of answers behind it, by team and period."""
    team, answers = listed(part.columns["team"])[0], CELLS[part.number_of_answers]
    left, right = (
        table.with_columns(
            read_days(table[PERIOD], part.dates, part.year).alias(DAY),
            pl.Series(NAME, [plain(name or "") for name in table[team]], dtype=pl.String),
        )
        for table in (long, counts.filter(pl.col(answers).is_not_null()))
    )
    twice = right.select(NAME, DAY).is_duplicated()
    joined = left.join(right.filter(~twice).select(NAME, DAY, answers), on=[NAME, DAY], how="left")
    alone = joined.filter(pl.col(CELLS[part.cell]).is_not_null() & pl.col(answers).is_null())
    problems = []
    if len(alone):
        found = f"{len(alone)} numbers without the number of answers behind them"
        fix = "give both sheets the same names and periods, each once"
        rows = tuple(alone[ROW].unique(maintain_order=True).to_list())
        told = Problem(file, found, "a number of answers for each", fix, rows[0], PERIOD, "answers behind", rows=rows)
        problems.append(told)
    return joined.drop(NAME, DAY), problems


def _unused(raw: Raw, part: Pulse | Outcome, fields: dict[str, dict[str, str]]) -> Iterator[str]:
    used = {*_about(raw, part), *(heading for periods in fields.values() for heading in periods)}
    rest = [heading for heading in raw.frame.columns if heading not in used]
    if rest:
        yield f"columns that are no periods and were not used: {', '.join(rest)}"
