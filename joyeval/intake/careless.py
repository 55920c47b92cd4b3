"""Answers given without care: attention checks failed, one answer throughout, impossible times."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from joyeval.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.instruments.model import Instrument
    from joyeval.intake.account import Account
    from joyeval.intake.cleaning import WaveFile

DURATION = ("begun", "ended", "seconds")  # names of a column map: when answering began and ended, how long it took
FIRST_ITEMS = 5  # hardly anybody gives one answer to these: the others need not be looked at


class _Sign(NamedTuple):
    rule: str
    column: str
    expected: str
    rows: pl.Series  # row numbers


def set_aside_careless(rows: pl.DataFrame, file: WaveFile, account: Account) -> pl.DataFrame:
    """Reject rows that fail an attention check, and those that bear a sign of which the study file says so."""
    for name, passing in file.attention.items():
        failed = (rows[name].str.to_lowercase() != str(passing).strip().lower()).fill_null(value=True)
        rows = account.reject_rows(rows, failed, "attention check", "the answer asked for")
    for sign in _signs(rows, file) if file.set_aside else ():
        if sign.rule in file.set_aside:
            rows = account.reject_rows(rows, rows["row"].is_in(sign.rows.implode()), sign.rule, sign.expected)
    return rows


def tell_careless(rows: pl.DataFrame, file: WaveFile, account: Account) -> None:
    """Tell of rows that bear a sign and are kept."""
    for sign in _signs(rows, file):
        account.note(sign.rows, sign.column, sign.rule, sign.expected)


def unmapped_checks(file: WaveFile) -> Iterator[Problem]:
    """Attention checks that the column map does not name."""
    for name in file.attention:
        if name not in file.columns:
            fix = f"add {name} to `columns` with its heading, or remove it from `attention`"
            yield Problem(
                file.path.name, f"an attention check {name!r} without a column", "a column", fix, None, name, "unmapped"
            )


def _signs(rows: pl.DataFrame, file: WaveFile) -> Iterator[_Sign]:
    for instrument in file.questionnaires if file.straight_lining else ():
        yield _Sign("straight-lining", instrument.id, "answers that differ", _straight(rows, instrument, file))
    begun, ended, seconds = (name if name in rows.columns else None for name in DURATION)
    if begun and ended:
        took = (_moment(rows[ended], file.dates) - _moment(rows[begun], file.dates)).dt.total_seconds()
        yield _unread(rows, took.is_null() & rows[begun].is_not_null() & rows[ended].is_not_null(), ended)
        yield _impossible(rows, took, ended, file)
    if seconds:
        took = rows[seconds].cast(pl.Float64, strict=False)
        yield _unread(rows, took.is_null() & rows[seconds].is_not_null(), seconds)
        yield _impossible(rows, took, seconds, file)


def _unread(rows: pl.DataFrame, bad: pl.Series, column: str) -> _Sign:
    return _Sign("not a time", column, "a time as `dates` says, or seconds", rows["row"].filter(bad))


def _impossible(rows: pl.DataFrame, took: pl.Series, column: str, file: WaveFile) -> _Sign:
    bad = ((took <= 0) | (took < file.shortest)).fill_null(value=False)
    expected = f"at least {file.shortest} seconds" if file.shortest else "an end after the beginning"
    return _Sign("impossible duration", column, expected, rows["row"].filter(bad))


def _straight(rows: pl.DataFrame, instrument: Instrument, file: WaveFile) -> pl.Series:
    """Rows of respondents with one code throughout an instrument that words items both ways."""
    asked = set(rows.columns)
    items = [item for item in instrument.items if item in asked]
    if len({instrument.items[item].reverse for item in items}) < 2:
        return rows["row"].clear()
    few = rows.filter(rows.select(_one_code(items[:FIRST_ITEMS])).to_series())
    answered = pl.sum_horizontal(pl.col(items).is_not_null())
    straight = few.select(_one_code(items) & (answered >= file.straight_lining)).to_series()
    return few["row"].filter(straight)


def _one_code(items: list[str]) -> pl.Expr:
    return (pl.min_horizontal(pl.col(items)) == pl.max_horizontal(pl.col(items))).fill_null(value=True)


def _moment(text: pl.Series, dates: str | None) -> pl.Series:
    return text.str.to_datetime(dates or "%Y-%m-%d %H:%M:%S", strict=False)
