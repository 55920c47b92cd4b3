"""One survey file to rows of codes: mapped, checked, every row and value that does not pass accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from joyeval.errors import DataError, Problem, and_others
from joyeval.instruments import load
from joyeval.intake.account import Account, empty_column
from joyeval.intake.answers import AnswerTable, answer_table, code_answers
from joyeval.intake.careless import set_aside_careless, tell_careless, unmapped_checks
from joyeval.intake.columns import (
    blank_to_null,
    find_columns,
    first_filled,
    listed,
    normal,
)
from joyeval.intake.days import day_remedy, read_days, unsure_days
from joyeval.intake.names import NONE_OF_OURS, OF_OTHERS, Names
from joyeval.intake.opened import Opened, nothing_left, open_rows
from joyeval.intake.plausible import look_wrong
from joyeval.intake.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from joyeval.instruments.model import Instrument
    from joyeval.intake.raw import Raw


TEAM, CELL = "(team)", "(team as written)"  # columns of ours: no heading of a file is called so
SHOWN_FROM = 11  # people who wrote a name before it is shown
SHARED = 5  # answers under one code in one wave: nobody answers so often
ANSWERED = 5  # rows from which a column without a cell is no chance
TOLD_APART = 8  # columns in which few rows say the same: only those are compared in all
BLOCK = 5  # rows that repeat earlier ones, one below the other, before they are taken for pasted twice


@dataclass(frozen=True, kw_only=True)
class WaveFile:
    """What a survey file is and how to read it.

    Parameters
    ----------
    path : Path
    wave : str
        Name of the wave.
    instruments : tuple
        Names in the registry, paths of one's own YAML files, or instruments.
    columns : mapping
        Our name to the heading in the file. Items are called as their instrument calls them; other names with a
        meaning are team, role, date, begun, ended, seconds and those of `link_by` and `attention`. Any other column
        is kept.
    answers : mapping
        Item or instrument to {words or number in the file: our code}; an empty code means declined.
    missing : tuple of str
        Cells that mean: no value.
    not_asked : tuple of str
        Items that this wave did not ask, though the column map may name them.
    where, leave_out : mapping
        Heading to value: keep only these rows, leave these out.
    dates, year : optional
        How days are written, and the year of week numbers; without it the one way that fits all cells.
    link_by : tuple of str
        Names whose columns make up the linkage code; one name is a panel number.
    attention : mapping
        Name of an attention check to the answer that passes it; who fails is set aside.
    straight_lining : int
        Fewest answers to one instrument before one answer throughout is told of; 0: it is not looked for.
    shortest : int
        Seconds in which nobody can answer; who was faster has an impossible duration.
    set_aside : tuple of str
        Of "straight-lining" and "impossible duration" those whose rows are set aside; without it they are told of and
        kept.
    unfinished : bool
        Keep responses that the survey tool marks as not finished.
    start, end : date, optional
        First and last day of the wave.
    accept : mapping
        Losses that are meant: rule to why.
    also_called : mapping
        Team to its other names in the file.
    not_teams : tuple of str
        Names in the file that are no team: left out and counted.
    """

    path: Path
    wave: str
    instruments: tuple[Any, ...]
    columns: Mapping[str, Any]
    sheet: str | None = None
    header_row: int | None = None
    header_rows: int | None = None
    rows: tuple[int, int] | None = None
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: tuple[str, ...] = ("",)
    not_asked: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    leave_out: Mapping[str, Any] = field(default_factory=dict)
    dates: str | None = None
    year: int | None = None
    link_by: tuple[str, ...] = ("person",)
    attention: Mapping[str, Any] = field(default_factory=dict)
    straight_lining: int = 5
    shortest: int = 0
    set_aside: tuple[str, ...] = ()
    unfinished: bool = False
    start: Any = None
    end: Any = None

    @property
    def place(self) -> dict[str, Any]:
        """Where on its sheet the table stands, as `read` takes it."""
        return {"sheet": self.sheet, "header_row": self.header_row, "header_rows": self.header_rows, "rows": self.rows}

    accept: Mapping[str, str] = field(default_factory=dict)
    also_called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_teams: tuple[str, ...] = ()

    @cached_property
    def questionnaires(self) -> list[Instrument]:
        """The instruments, loaded."""
        return [load(name) for name in self.instruments]


@dataclass(frozen=True, kw_only=True)
class CleanFile:
    """Rows of one file, and the account of those that did not pass.

    Parameters
    ----------
    rows : polars.DataFrame
        row, key (what marks a person within the wave; null without a full code), the linkage code, team, role,
        date, other mapped columns, item codes.
    gaps : polars.DataFrame
        item, coded, blank, declined, rejected: how each item was answered.
    reached : polars.DataFrame
        team, opened, started: people of this cohort with a row, and with an answer; who sent twice counts once.
    matched : mapping
        Heading of `leave_out` to the rows that hold its value.
    """

    rows: pl.DataFrame
    gaps: pl.DataFrame
    reached: pl.DataFrame
    account: Account
    notices: tuple[str, ...]
    matched: Mapping[str, int]


def clean_file(file: WaveFile, *, teams: Mapping[str, str] | None = None, cohort: str | None = None) -> CleanFile:
    """Read, map and check one file; drop who answered again.

    Parameters
    ----------
    teams : mapping, optional
        Team to cohort, for every team there is; without it teams are not looked up.
    cohort : str, optional
        Keep the teams of this cohort; rows of other cohorts are counted, not rejected.

    Raises
    ------
    DataError
        Everything that stops the run: a file that cannot be read, columns that are not there, answer tables with
        codes that the instrument has not, columns most of whose answers no table knows.
    """
    raw = read(file.path, **file.place, keep=_named(file), unfinished=file.unfinished)
    asked = {name: headings for name, headings in file.columns.items() if name not in file.not_asked}
    columns, problems = find_columns(raw, asked, [*file.where, *file.leave_out])
    problems += [*_wrong_codes(file), *unmapped_checks(file)]
    if problems:
        raise DataError(problems)
    account = Account(raw.file, file.wave, problems=[*raw.problems, *_unmapped(file)], accept=file.accept)
    opened = _opened(raw, file, account)
    if nothing := nothing_left(raw.file, file, opened.n_read, opened.rows.height):
        raise DataError(nothing)
    rows = opened.rows
    account.add(_empty_columns(rows, columns, raw.file))
    rows = _once(rows, raw, account)
    rows = _of_cohort(rows, columns, file, account, teams, cohort)
    clean, gaps = _typed(rows, columns, file, account, raw)
    account.problems += look_wrong(clean, file.questionnaires, raw.file)
    clean, reached = _with_answers(clean, file, account)
    clean = _answered_once(clean, file, account)
    tell_careless(clean, file, account)
    if any(problem.blocking for problem in account.problems):
        raise DataError([problem for problem in account.problems if problem.blocking])
    done = {"rows": clean, "gaps": gaps, "reached": reached, "account": account}
    return CleanFile(**done, notices=raw.notices, matched=opened.matched)


def _named(file: WaveFile) -> list[str]:
    return [heading for headings in file.columns.values() for heading in listed(headings)]


def _wrong_codes(file: WaveFile) -> Iterator[Problem]:
    """Codes of the study file's answer tables that no item of theirs has."""
    for instrument in file.questionnaires:
        for name, table in file.answers.items():
            items = instrument.items if name == instrument.id else [name] if name in instrument.items else []
            valid = {code for item in items for code in instrument.responses_of(item).valid}
            wrong = sorted({int(code) for code in table.values() if code not in ("", None)} - valid) if items else []
            if wrong:
                found = f"codes {', '.join(map(str, wrong))} under `answers`"
                expected = ", ".join(map(str, sorted(valid)))
                yield Problem(
                    file.path.name, found, expected, "correct the study file", column=name, rule="answer code"
                )


def _unmapped(file: WaveFile) -> Iterator[Problem]:
    """Items that the column map forgets; those that were not asked are named as such."""
    for instrument in file.questionnaires:
        absent = [item for item in instrument.items if item not in file.columns and item not in file.not_asked]
        if absent:
            found = f"no column for {and_others(absent)}"
            fix = "map them, or list them under `not_asked`"
            file_name, expected = file.path.name, f"every item of {instrument.id}"
            yield Problem(file_name, found, expected, fix, None, instrument.id, "unmapped item", blocking=False)


def _opened(raw: Raw, file: WaveFile, account: Account) -> Opened:
    """Rows with their numbers; what the reader set aside goes to the account."""
    opened = open_rows(raw, file)
    for rule in raw.set_aside["rule"].unique(maintain_order=True):
        account.reject_unread(raw.set_aside.filter(rule=rule)["row"], rule, opened.n_read)
    account.add(opened.problems)
    account.count("read", opened.n_read, opened.rows.height, ", ".join(opened.reasons))
    return opened


def _empty_columns(rows: pl.DataFrame, columns: Mapping[str, tuple], file: str) -> Iterator[Problem]:
    """Columns that are mapped and hold nothing: lost, unless somebody says that they are meant."""
    for name, headings in columns.items():
        if rows.height >= ANSWERED and all(rows[heading].null_count() == rows.height for heading in headings):
            yield empty_column(file, headings[0], name)


def _once(rows: pl.DataFrame, raw: Raw, account: Account) -> pl.DataFrame:
    """Rows without responses exported, and without blocks pasted, a second time."""
    cells = [name for name in rows.columns if name != "row"]
    if raw.identifier in cells:
        again = ~rows[raw.identifier].is_first_distinct() & rows[raw.identifier].is_not_null()
        return account.reject_rows(rows, again, "response twice", "each response once")
    again = _repeats(rows, cells)
    return (
        account.reject_rows(rows, again & _in_a_block(again), "pasted twice", "each row once") if again.any() else rows
    )


def _repeats(rows: pl.DataFrame, cells: list[str]) -> pl.Series:
    """Rows that say in every cell what an earlier one does."""
    first = rows.select(cells[:TOLD_APART])
    each_once = any(  # as numbers of responses are
        column.dtype == pl.String and column.n_unique() == rows.height for column in first.iter_columns()
    )
    some = pl.Series([False]) if each_once else first.is_duplicated()
    if not some.any() or not rows.filter(some).select(cells).is_duplicated().any():
        return pl.Series(np.zeros(rows.height, dtype=bool))
    return rows.select(pl.struct(pl.col(cells).cast(pl.String)).is_first_distinct().not_()).to_series()


def _in_a_block(again: pl.Series) -> pl.Series:
    """Of repeated rows those that stand five or more below each other: nobody answers alike in the same order."""
    length = again.rle_id().to_frame("block").select(pl.len().over("block")).to_series()
    return length >= BLOCK


def _of_cohort(
    rows: pl.DataFrame, columns: Mapping, file: WaveFile, account: Account, teams: Mapping | None, cohort: str | None
) -> pl.DataFrame:
    """Rows of this cohort's teams, `TEAM` as the list of teams spells it."""
    if "team" not in columns:
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias(TEAM))
    cells = blank_to_null(first_filled(rows, columns["team"]), file.missing)
    if teams is None:
        return rows.with_columns(cells.alias(TEAM))
    names = Names(teams, file.also_called, file.not_teams)
    judged = names.judged(cells.drop_nulls().unique())
    named = cells.replace_strict(judged.teams, default=None, return_dtype=pl.String)
    rows = rows.with_columns(named.alias(TEAM), cells.alias(CELL))
    if judged.left_out:
        rows = account.keep(rows, ~pl.col(CELL).is_in(list(judged.left_out)).fill_null(value=False), NONE_OF_OURS)
    rows = account.reject_rows(rows, rows[CELL].is_null(), "no team", "a team")
    if judged.totals:
        rows = account.reject_rows(rows, rows[CELL].is_in(list(judged.totals)), "totals", "one row per respondent")
    unknown = rows[TEAM].is_null()
    if unknown.any() and "unknown team" not in file.accept:
        account.problems += _unknown_teams(rows.filter(unknown), columns, file, names)
    rows = account.reject_rows(rows, unknown, "unknown team", "a team of the list of teams").drop(CELL)
    mine = [team for team, of in teams.items() if cohort is None or of == cohort]
    return account.keep(rows, pl.col(TEAM).is_in(mine), OF_OTHERS)


def _unknown_teams(rows: pl.DataFrame, columns: Mapping, file: WaveFile, names: Names) -> list[Problem]:
    """Tell of names that many wrote, or that are like a team's: others could be a person's own words."""
    counts = rows[CELL].value_counts()
    shown = {name for name, n in counts.iter_rows() if n >= SHOWN_FROM or names.nearest(name)}
    some = rows.select(CELL, "row").to_pandas()
    some = some[some[CELL].isin(shown)]
    files = some["row"].map(lambda _: file.path.name)
    return names.unknown(files, columns["team"][0], some[CELL], some["row"]) if len(some) else []


def _typed(
    rows: pl.DataFrame, columns: Mapping[str, tuple], file: WaveFile, account: Account, raw: Raw
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns under our names and of their kinds; how each item was answered."""
    items = {item: instrument for instrument in file.questionnaires for item in instrument.items if item in columns}
    gaps, codes, tables = [], {}, {}
    for item, instrument in items.items():
        alike = (instrument.id, id(instrument.responses_of(item)), item if item in file.answers else "")
        if alike not in tables:
            tables[alike] = answer_table(instrument, item, own=file.answers, missing=file.missing)
        codes[item], told = _codes(rows, columns[item], tables[alike], account, raw)
        gaps.append({"item": item} | told)
    texts = [name for name in columns if name not in items and name not in ("team", "date", *file.link_by)]
    clean = {"row": rows["row"], "team": rows[TEAM]}
    clean |= {name: blank_to_null(first_filled(rows, columns[name]), file.missing) for name in texts}
    clean["date"] = _days(rows, columns, file, account)
    clean |= {name: normal(_coded(rows, columns[name], file)) for name in file.link_by if name in columns}
    clean |= codes
    schema = {"item": pl.String} | dict.fromkeys(("coded", "blank", "declined", "rejected"), pl.Int64)
    return pl.DataFrame(clean), pl.DataFrame(gaps, schema=schema)


def _coded(rows: pl.DataFrame, headings: tuple, file: WaveFile) -> pl.Series:
    """Return a part of a code as it is written; what the study file takes for no value is none."""
    cells, none = first_filled(rows, headings), [cell for cell in file.missing if cell.strip()]
    return blank_to_null(cells.cast(pl.String), none) if none else cells


def _codes(
    rows: pl.DataFrame, headings: tuple, table: AnswerTable, account: Account, raw: Raw
) -> tuple[pl.Series, dict[str, int]]:
    cells, heading = first_filled(rows, headings), headings[0]
    coded = code_answers(cells, table, raw.answer_labels.get(heading, {}), raw.declined.get(heading, frozenset()))
    n_rejected = 0
    if coded.way == "turned":
        account.note(rows["row"].filter(cells.is_not_null()), heading, "turned scale", "numbers as the words say")
    if coded.unknown is not None:
        bad = coded.unknown
        of, rejected = cells.count(), (rows["row"].filter(bad), cells.filter(bad))
        n_rejected = _reject_answers(*rejected, heading, table, of, account, mixed=coded.way == "unknown")
    counted = {"coded": coded.codes.count(), "declined": coded.declined, "rejected": n_rejected}
    return coded.codes, counted | {"blank": len(cells) - sum(counted.values())}


def _reject_answers(
    rows: pl.Series, cells: pl.Series, heading: str, table: Any, of: int, account: Account, *, mixed: bool
) -> int:
    """Reject cells that no table knows: numbers and words apart, as they are mended apart."""
    if mixed:
        expected = f"{min(table.codes)} to {max(table.codes)}, or words listed for them"
        account.reject_cells(rows, cells.cast(pl.String), heading, "mixed scale", expected, of)
        return len(rows)
    texts = cells.cast(pl.String)
    number = texts.str.contains(r"^\s*[-+]?\d+([.,]\d+)?\s*$")
    options = f"{min(table.codes)} to {max(table.codes)}"
    for rule, these, expected in (
        ("out of range", number, options),
        ("unknown answer", ~number, f"{options}, or words listed for them"),
    ):
        if these.any():
            account.reject_cells(rows.filter(these), texts.filter(these), heading, rule, expected, of)
    return len(rows)


def _days(rows: pl.DataFrame, columns: Mapping[str, tuple], file: WaveFile, account: Account) -> pl.Series:
    if "date" not in columns:
        return pl.Series([None] * rows.height, dtype=pl.Date)
    cells = blank_to_null(first_filled(rows, columns["date"]), file.missing)
    days = read_days(cells, file.dates, file.year)
    bad, heading = cells.is_not_null() & days.is_null(), columns["date"][0]
    unsure = unsure_days(account.file, cells.alias(heading), days, file.dates)
    account.add(unsure)
    if bad.any() and not unsure:
        expected, of = f"a day written as {file.dates or '2024-05-31'}", cells.count()
        where, fix = (rows["row"].filter(bad), cells.filter(bad), heading), day_remedy(cells, file.dates)
        account.reject_cells(*where, "not a day", expected, of, fix)
    if file.start and file.end:
        outside = ~days.is_between(file.start, file.end).fill_null(value=True)
        account.note(rows["row"].filter(outside), heading, "day outside the wave", f"{file.start} to {file.end}")
    return days


def _with_answers(rows: pl.DataFrame, file: WaveFile, account: Account) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with at least one answer, and how many people of each team opened and started."""
    items = _items(rows, file)
    counted = pl.sum_horizontal(pl.col(items).is_not_null()).cast(pl.Int32) if items else pl.lit(0)
    rows = rows.with_columns(answers=counted, key=_key(rows, file))
    started, key = pl.col("answers") > 0, pl.col("key").filter(pl.col("answers") > 0)
    again = key.count() - key.drop_nulls().n_unique()
    reached = rows.group_by("team", maintain_order=True).agg(opened=pl.len() - again, started=started.sum() - again)
    no = rows["answers"] == 0
    return account.reject_rows(rows, no, "no answers", "at least one answer", step="started"), reached


def _answered_once(rows: pl.DataFrame, file: WaveFile, account: Account) -> pl.DataFrame:
    """Rows past the attention checks, one per person: the fullest, then the last."""
    rows = set_aside_careless(rows, file, account)
    if rows["key"].drop_nulls().n_unique() < rows["key"].count():
        twice = rows["key"].is_duplicated() & rows["key"].is_not_null()
        shared = rows.select((pl.len().over("key") >= SHARED) & pl.col("key").is_not_null()).to_series()
        account.note(rows["row"].filter(shared), ", ".join(file.link_by), "shared code", "a code for each person")
        best = rows.filter(twice).sort("answers", "date", "row", nulls_last=False).unique("key", keep="last")
        rows = account.reject_rows(
            rows, twice & ~rows["row"].is_in(best["row"].implode()), "duplicate", "one answer per person"
        )
    return rows.drop("answers")


def _key(rows: pl.DataFrame, file: WaveFile) -> pl.Expr:
    """Mark a person within a wave: the panel number, or team and the whole code."""
    code = [name for name in file.link_by if name in rows.columns]
    if len(code) < len(file.link_by):
        return pl.lit(None, dtype=pl.String)
    if len(code) == 1:
        return pl.col(code[0])
    return pl.concat_str(["team", *code], separator="|")


def _items(rows: pl.DataFrame, file: WaveFile) -> list[str]:
    asked = set(rows.columns)
    return [item for instrument in file.questionnaires for item in instrument.items if item in asked]
