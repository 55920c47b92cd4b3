"""Pulses: one short question asked again and again, to counts per team and period."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import Problem
from joyeval.intake.account import problem_at
from joyeval.intake.columns import plain
from joyeval.intake.numbers import number_and_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joyeval.intake.tabulate import Kind
    from joyeval.study import Pulse

FIELDS: dict[str, Kind] = {
    "team": "text",
    "period": "day",
    "date": "day",
    "answer": "text",
    "positive": "number",
    "answers": "number",
    "opportunities": "number",
    "mean": "number",
}
NO_ANSWER = {"n/a", "na", "#n/a", "-", "--", ".", "?", "null", "nil", "no answer", "not answered", "skipped", "missing"}
NO_ANSWER |= {"not applicable", "prefer not to say", "no response", "blank", "refused"}
YES = {"yes", "y", "true", "1"}  # ways to write one answer
LISTED = 5  # answers that a message gives
SHORT, DISTINCT = 2, 200  # letters of an answer without near ones; different answers that are looked at
COLUMNS = ["team", "period", "measure", "positive", "answers", "opportunities", "mean"]


def pulse_table(
    part: Pulse, rows: pd.DataFrame, percents: frozenset[str] = frozenset()
) -> tuple[pd.DataFrame, list[Problem]]:
    """Return team x period counts of one measure.

    Parameters
    ----------
    part : Pulse
        What the study file says of the measure.
    rows : DataFrame
        Typed rows, with ``file`` and ``row``: single answers (``date``, ``answer``) or counts (``period``,
        ``positive``, ``answers``), or published means without the number of answers (``period``, ``mean``).
    percents : frozenset of str
        Columns with cells that are written with a per cent sign.

    Returns
    -------
    DataFrame
        team, period (first day of it), measure, positive, answers, opportunities, mean.
    list of Problem
        Cells that cannot be: labels nobody explained, more positive answers than answers.
    """
    if "mean" in rows and not {"answers", "positive"} & set(rows):
        return _published(part, rows)
    if "answer" in rows:
        counted, problems = _count(part, rows)
    else:
        counted, problems = _counts(part, rows, percents)
    days = counted["date"] if "date" in counted else counted["period"]
    keys = [counted["team"], start_of(days, part.period, part.month).rename("period")]
    table = counted[["positive", "answers", "opportunities", "sum"]].groupby(keys).sum(min_count=1).reset_index()
    mean = (table["sum"] / table["answers"]).where(table["answers"] > 0)
    return table.assign(measure=part.measure, mean=mean)[COLUMNS], problems


def start_of(days: pd.Series, period: str, month: int = 1) -> pd.Series:
    """Return the first day of the period that holds each day; weeks start on Monday, years in `month`.

    Examples
    --------
    >>> start_of(pd.Series(pd.to_datetime(["2024-05-31"])), "week").dt.strftime("%F").item()
    '2024-05-27'
    """
    days = pd.to_datetime(days)
    match period:
        case "day":
            return days
        case "week":
            return days - pd.to_timedelta(days.dt.day_of_week, unit="D")
        case "year":
            return pd.to_datetime({"year": days.dt.year, "month": month, "day": 1})
        case _:
            return days.dt.to_period(period[0].upper()).dt.to_timestamp()


def _published(part: Pulse, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Return means as published, one per team and period however often they are repeated."""
    days = start_of(rows["period"], part.period, part.month)
    given = rows.assign(period=days).dropna(subset=["team", "period", "mean"])
    apart = given.groupby(["team", "period"])["mean"].transform("nunique") > 1
    problems = []
    if apart.any():
        found = f"{int(apart.sum())} rows with different means of one team and period"
        fix = "keep the one that stands, or correct the column map"
        row = int(given.loc[apart, "row"].iloc[0])
        problems.append(Problem(part.file, found, "one mean", fix, row=row, rule="several means"))
    once = given[~apart].drop_duplicates(["team", "period"])
    return once.assign(measure=part.measure).reindex(columns=COLUMNS), problems


def _count(part: Pulse, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    given = rows[rows["answer"].notna()]
    cells = given["answer"].unique()
    both = {cell: number_and_words(cell) for cell in cells}
    code = pd.to_numeric(
        given["answer"].map({cell: str(both[cell][0]) if both[cell] else cell for cell in cells}), errors="coerce"
    )
    wanted = {_said(str(answer)) for answer in part.positive}
    good = {cell: bool(wanted & {_said(cell), *(_said(str(half)) for half in both[cell] or ())}) for cell in cells}
    counted = given.assign(
        positive=given["answer"].map(good).astype(float), answers=1.0, sum=code, opportunities=float("nan")
    )
    return counted, [*_unexplained(part, given, good), *_no_answers(part, given)]


def _said(answer: str) -> str:
    """Return an answer as people read it, a whole number without decimals."""
    return re.sub(r"^(\d+)\.0+$", r"\1", plain(answer))


def _unexplained(part: Pulse, given: pd.DataFrame, good: Mapping[str, bool]) -> list[Problem]:
    """Tell if nobody says which answers are positive, if none of them is ever given, or one is nearly."""
    fix = "list under `positive` the answers that count as a good day"
    if not part.positive:
        return [Problem(part.file, "single answers", "which of them are positive", fix, rule="positive")]
    if len(given) and not any(good.values()):
        told = ", ".join(repr(str(answer)) for answer in part.positive)
        return [
            Problem(part.file, f"no answer that is {told}", "answers listed under `positive`", fix, rule="positive")
        ]
    known = [_said(str(answer)) for answer in part.positive]
    other = [cell for cell in given["answer"].value_counts().index[:DISTINCT] if not good[cell]]
    near = [cell for cell in other if any(_alike(_said(cell), answer) for answer in known)]
    rows, problems = given[given["answer"].isin(near)], _never_given(part, given, good)
    if rows.empty:
        return problems
    words = ", ".join(map(repr, near[:LISTED]))
    found = f"{len(rows)} answers almost as those under `positive`, which count as not positive: {words}"
    fix = f"{fix}, all ways in which they are written; or correct them"
    return [*problems, problem_at(rows, found, "answers in one spelling", fix, "looks wrong", blocking=False)]


def _alike(answer: str, positive: str) -> bool:
    """Whether an answer may be a positive one written otherwise: a letter away, shortened, or with words behind it."""
    from rapidfuzz.distance import OSA

    if {answer, positive} <= YES:
        return True
    if not positive[0].isalpha():
        return False
    goes_on = answer.startswith(positive) and not answer[len(positive)].isalpha()
    slip = len(positive) > SHORT and OSA.distance(answer, positive, score_cutoff=1) <= 1
    return slip or goes_on or (" " not in positive and positive.startswith(answer))


def _never_given(part: Pulse, given: pd.DataFrame, good: Mapping[str, bool]) -> list[Problem]:
    """Tell of answers that are listed under `positive` and that nobody gave."""
    said = {_said(half) for cell in good for half in (cell, *map(str, number_and_words(cell) or ()))}
    never = [str(answer) for answer in part.positive if _said(str(answer)) not in said]
    if not never or not any(good.values()):
        return []
    found, fix = f"no answer that is {' or '.join(map(repr, never))}", "nothing, if nobody gave it; else correct it"
    return [problem_at(given, found, "answers listed under `positive`", fix, "looks wrong", blocking=False)]


def _no_answers(part: Pulse, given: pd.DataFrame) -> list[Problem]:
    """Tell of cells that say there is no answer, which would count as answers that are not positive."""
    none = given[given["answer"].map(plain).isin(NO_ANSWER) & ~given["answer"].isin(map(str, part.positive))]
    if none.empty:
        return []
    words = ", ".join(f'"{cell}"' for cell in dict.fromkeys(none["answer"]))
    fix = f'write missing: ["", {words}]; if it is an answer, accept: {{missing code: why}}'
    return [problem_at(none, f"{len(none)} cells that say there is no answer", "answers", fix, "missing code")]


def _counts(part: Pulse, rows: pd.DataFrame, percents: frozenset[str]) -> tuple[pd.DataFrame, list[Problem]]:
    blank = pd.Series(float("nan"), rows.index)
    table = rows.assign(**{name: rows.get(name, blank) for name in ("positive", "answers", "opportunities", "mean")})
    problems = _percentages(part, table, percents)
    if part.percent:
        table["positive"] = (table["positive"] * table["answers"] / 100).round()
    table["sum"] = table["mean"] * table["answers"]
    for rule, impossible, found, expected in _impossible(table):
        bad = impossible[table.index]  # of the rows that no rule before has left out
        if bad.any():
            fix, row = "correct the counts, or the column map", int(table.loc[bad, "row"].iloc[0])
            told = f"{int(bad.sum())} rows with {found}"
            problems.append(Problem(table.loc[bad, "file"].iloc[0], told, expected, fix, row=row, rule=rule))
            table = table[~bad]
    return table, problems


def _impossible(table: pd.DataFrame) -> Iterator[tuple[str, pd.Series, str, str]]:
    counts = table[["positive", "answers", "opportunities"]]
    yield "negative", (counts < 0).any(axis=1), "a count below 0", "0 or more"
    over = table["positive"] > table["answers"]
    yield "more than all", over, "more positive answers than answers", "at most as many"
    over = table["answers"] > table["opportunities"]
    yield "more than all", over, "more answers than were asked for", "at most as many"
    alone = table["positive"].isna() & table["answers"].gt(0) & table["mean"].isna()
    if alone.any() and not alone.all():
        yield "lost rows", alone, "answers without the number of positive ones", "both numbers; none is written as 0"
    alone = table["positive"].gt(0) & table["answers"].isna()
    yield "lost rows", alone, "positive answers without the number of answers", "both numbers"


def _percentages(part: Pulse, table: pd.DataFrame, percents: frozenset[str]) -> list[Problem]:
    """Tell of percentages where counts are expected, and of shares where percentages are."""
    found, highest = table["positive"].dropna(), table["positive"].max()
    heading = part.columns.get("positive")
    column = heading if isinstance(heading, str) else None
    told = None
    if part.percent and "positive" not in percents and (found > 0).any() and highest <= 1:
        told = (
            "percentages of which none is above 1",
            "percentages from 0 to 100",
            "if 0.52 means 52 %, write share: true in place of percent: true",
        )
    elif part.percent and highest > 100:
        told = "percentages above 100", "percentages from 0 to 100", "correct the cells, or remove percent: true"
    elif not part.percent and "positive" in percents:
        told = "percentages where numbers of answers are expected", "counts", "write percent: true for this pulse"
    elif not part.percent and (found % 1 != 0).any():
        told = (
            "parts of answers where numbers of answers are expected",
            "whole numbers",
            ("map the column of counts; if it holds percentages, write percent: true"),
        )
    if told is None:
        return []
    row = int(table["row"].iloc[0])
    return [Problem(table["file"].iloc[0], told[0], told[1], told[2], row, column, "percentages")]
