"""What is possible and yet looks wrong: running totals, a zero too many, answers of an earlier wave, counted rows."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import polars as pl

from joyeval.errors import Problem, and_others
from joyeval.intake.account import problem_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

    from joyeval.instruments.model import Instrument

COUNTS = ("numerator", "denominator", "positive", "answers")
FEWEST = 6  # periods of a team from which a course can be told
GROWN = 3  # times the first number that a running total has grown to at least
SLIP = 5  # times the second largest number of a team that a slip of a zero is beyond
LARGE = 20  # numbers below this are no slips of a zero
UNUSED = 100  # answers to a scale from which unused ends of it are told
TURNED_AMONG = 1000  # answers that show which way an item runs
UNUSED_ITEM = 30  # answers to one item, all of them the same, from which it is told
FEW_ITEMS = 3  # fewer do not tell what a survey offered
MANY_ITEMS = 5  # items from which two people do not give the same answers by chance
RULE = "looks wrong"


def courses(part: Any, rows: pd.DataFrame, day: str) -> list[Problem]:
    """Return what is told of the numbers of teams over time: running totals stop, slips of a zero are told.

    Parameters
    ----------
    part : Pulse or Outcome
    rows : DataFrame
        Typed rows of all teams, with ``file`` and ``row``.
    day : str
        Column of their days.
    """
    problems = []
    for name in [name for name in COUNTS if name in rows]:
        known = rows[["team", day, name, "file", "row"]].dropna().sort_values(["team", day])
        values = known.groupby("team")[name]
        told = known[values.transform("size") >= FEWEST]
        if told.empty:
            continue
        heading = str(part.columns.get(name, name))
        if _grows(told, name):
            found = f"numbers that only grow, in each of {told['team'].nunique()} teams, as running totals do"
            fix = "map the numbers of each period; if they are so, accept: {running totals: why}"
            problems.append(problem_at(told, found, "numbers of each period", fix, "running totals", heading))
            continue
        second = told.sort_values(["team", name]).groupby("team").nth(-2).set_index("team")[name]
        slips = told[(told[name] > SLIP * told["team"].map(second)) & (told[name] >= LARGE)]
        if len(slips):
            found = f"{len(slips)} numbers more than {SLIP} times any other of their team"
            fix = "look whether a digit is too many; they are kept"
            problems.append(problem_at(slips, found, "numbers like the others", fix, RULE, heading, blocking=False))
    return problems


def _grows(told: pd.DataFrame, name: str) -> bool:
    """Whether the numbers of every team never fall, and most of the time rise, to several times the first."""
    values = told.groupby("team")[name]
    steps = values.diff().dropna()
    grown = values.last() >= GROWN * values.first().clip(lower=1)
    return bool((steps >= 0).all() and (steps > 0).mean() > 0.5 and grown.all())


def unused_ends(rows: pl.DataFrame, instruments: Iterable[Instrument], file: str) -> Iterator[Problem]:
    """Tell of scales of which nobody ever gave the two highest or the two lowest answers."""
    for instrument in instruments:
        scales: dict[tuple[int, ...], list[str]] = {}
        for item in instrument.items:
            if item in rows.columns:
                scales.setdefault(tuple(sorted(instrument.responses_of(item).valid)), []).append(item)
        for codes, items in scales.items():
            seen = rows.select(low=pl.min_horizontal(pl.col(items).min()), high=pl.max_horizontal(pl.col(items).max()))
            low, high = seen.row(0)
            n = sum(rows[item].count() for item in items)
            if (
                len(items) >= FEW_ITEMS
                and n >= UNUSED
                and (sum(c < low for c in codes) >= 2 or sum(c > high for c in codes) >= 2)
            ):
                found = f"{n} answers from {low} to {high} to questions answered from {codes[0]} to {codes[-1]}"
                fix = "see that the survey offered all answers, and say under `answers` which number is which code"
                expected = "answers over the whole scale"
                yield Problem(file, found, expected, fix, None, instrument.id, RULE, blocking=False)


def turned(rows: pl.DataFrame, instruments: Iterable[Instrument], file: str) -> Iterator[Problem]:
    """Tell of items that run the other way than the others of their scale, and of items that all answer alike."""
    from joyeval.instruments.scoring import turned_items

    for instrument in instruments:
        items = [item for item in instrument.items if item in rows.columns]
        if not items:
            continue
        for name, against in turned_items(rows.select(items).head(TURNED_AMONG), instrument).items():
            found = f"{name}: {and_others(against)} run the other way than the other items"
            fix = "see whether the export has reversed them already, or two headings are mixed up"
            yield Problem(file, found, "items that go together", fix, None, instrument.id, RULE, blocking=False)
        ends = zip(items, rows.select(pl.col(items).min()).row(0), rows.select(pl.col(items).max()).row(0), strict=True)
        alike = [item for item, low, high in ends if low is not None and low == high]
        same = [item for item in alike if rows[item].count() >= UNUSED_ITEM]
        if same and len(items) > 1:
            found, fix = f"one answer of everybody to {and_others(same)}", "look whether the right column is mapped"
            yield Problem(file, found, "answers that differ", fix, None, instrument.id, RULE, blocking=False)


def answers_again(waves: Mapping[str, pl.DataFrame], items: Iterable[str], files: Mapping[str, str]) -> list[Problem]:
    """Return waves that hold most of the answers of an earlier one again, as exports of all answers so far do.

    Parameters
    ----------
    waves : mapping
        Wave to its rows, in order of time; a row is what one person answered.
    items : iterable of str
        Columns of answers.
    files : mapping
        Wave to its file.
    """
    items, problems = list(items), []
    for (first, before), (second, after) in combinations(waves.items(), 2):
        shared = [item for item in items if item in before.columns and item in after.columns]
        if len(shared) < MANY_ITEMS:
            continue
        old, new = (_told_apart(rows, shared) for rows in (before, after))
        again = int(old.is_in(new.implode()).sum())
        if len(old) >= MANY_ITEMS and again > len(old) / 2:
            found = f"{again} of the {len(old)} answers of wave {first} again in wave {second}"
            fix = f"keep only the answers of wave {second} (`where`, or map its date), or export them alone"
            problems.append(Problem(files[second], found, "new answers", fix, rule="twice"))
    return problems


def _told_apart(rows: pl.DataFrame, items: list[str]) -> pl.Series:
    """Answers of each row as one number, of those that answered enough, and not the same throughout."""
    answered = pl.sum_horizontal(pl.col(items).is_not_null()) >= MANY_ITEMS
    differ = pl.min_horizontal(items) != pl.max_horizontal(items)
    kept = rows.filter(answered & differ).select("team", *items)
    return kept.hash_rows()


def counted_rows(codes: Mapping[str, pl.Series], name: str, files: Mapping[str, str]) -> list[Problem]:
    """Tell of numbers of people that count the rows of every wave: 1, 2, 3, as survey tools number responses."""
    counted = [wave for wave, series in codes.items() if _counts(series)]
    if len(counted) < 2 or len(counted) < len(codes):
        return []
    found = f"numbers that count the rows (1, 2, 3, ...) in waves {', '.join(counted)}"
    fix = f"if the survey tool numbered responses so, remove `{name}` from `columns`: it links strangers"
    return [Problem(files[counted[-1]], found, "numbers of people", fix, None, name, RULE, blocking=False)]


def _counts(codes: pl.Series) -> bool:
    numbers = codes.drop_nulls().cast(pl.Int64, strict=False)
    return len(numbers) >= LARGE and numbers.null_count() == 0 and bool((numbers.diff().drop_nulls() == 1).all())
