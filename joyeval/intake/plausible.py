"""What is possible and yet looks wrong: running totals, a zero too many, answers of an earlier wave, counted rows."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
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
SAME, FEWEST_TEAMS = 4, 3  # last periods with the same numbers in every team, of at least so many
EXPECTED = 10  # events in so many periods, of which none is no chance
SIZES = 50  # times the next number below from which numbers are of two sizes
EACH_SIDE = 3  # periods before and after a change of unit
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
    ordered = rows.sort_values(["team", day])
    problems = [*_carried_on(ordered, day), *_ends_in_zeros(part, rows, day), *_other_unit(part, rows, day)]
    problems += [*_nothing_but_zeros(part, rows), *_copied(ordered, day)]
    for name in [name for name in COUNTS if name in rows]:
        known = ordered[["team", day, name, "file", "row"]].dropna()
        values = known.groupby("team")[name]
        told = known[values.transform("size") >= FEWEST]
        if told.empty:
            continue
        heading = str(part.columns.get(name, name))
        if _grows(told, name, day):
            found = f"numbers that only grow, in each of {told['team'].nunique()} teams, as running totals do"
            fix = "map the numbers of each period; if they are so, accept: {running totals: why}"
            problems.append(problem_at(told, found, "numbers of each period", fix, "running totals", heading))
            continue
        slips = _slips(told, name)
        if len(slips):
            found = f"{len(slips)} numbers more than {SLIP} times any other of their team"
            fix = "look whether a digit is too many; they are kept"
            problems.append(problem_at(slips, found, "numbers like the others", fix, RULE, heading, blocking=False))
    return problems


def _slips(told: pd.DataFrame, name: str) -> pd.DataFrame:
    """Numbers several times the second largest of their team, which is the median of it at least."""
    middle = told.groupby("team")[name].transform("median")
    beyond = told[(told[name] >= LARGE) & (told[name] > SLIP * middle)]
    if beyond.empty:
        return beyond
    second = told.sort_values(name).groupby("team").nth(-2).set_index("team")[name]
    return beyond[beyond[name] > SLIP * beyond["team"].map(second)]


def _carried_on(rows: pd.DataFrame, day: str) -> list[Problem]:
    """Tell of last periods in which every team has the same numbers again, as sheets filled in ahead have them.

    `rows` are in order of teams and days.
    """
    numbers = [name for name in COUNTS if name in rows]
    known = rows[["team", day, *numbers, "file", "row"]].dropna()
    last = known.groupby("team").tail(SAME)
    if len(numbers) < 2 or known["team"].nunique() < FEWEST_TEAMS or (last[numbers[0]] == 0).all():
        return []
    by = last.groupby("team")
    if (by.size() < SAME).any() or (by[numbers].max() > by[numbers].min()).any(axis=None):
        return []
    found, fix = f"the same numbers in the last {SAME} periods of every team", "see whether they were only carried on"
    return [problem_at(last, found, "numbers of each period", fix, RULE, blocking=False)]


def _ends_in_zeros(part: Any, rows: pd.DataFrame, day: str) -> list[Problem]:
    """Tell of last periods in which every team has 0 of what was many before, as cells filled in ahead have."""
    name = next((name for name in ("positive", "numerator") if name in rows), None)
    if name is None:
        return []
    totals = rows.groupby(day)[name].sum(min_count=1).dropna().sort_index()
    zeros = totals[::-1].eq(0).cummin()[::-1]
    n, before = int(zeros.sum()), totals[~zeros]
    if n < 2 or before.empty or n * before.mean() < EXPECTED:
        return []
    found, fix = f"0 in every team in the last {n} periods", "leave cells blank where the number is not known"
    these = rows[rows[day].isin(zeros.index[zeros])]
    return [
        problem_at(these, found, "numbers like before", fix, RULE, str(part.columns.get(name, name)), blocking=False)
    ]


def _nothing_but_zeros(part: Any, rows: pd.DataFrame) -> list[Problem]:
    """Tell of numbers that are 0 throughout, as formulas leave them that no spreadsheet has worked out."""
    name = next((name for name in ("positive", "numerator") if name in rows), None)
    if name is None or rows[name].count() < FEWEST or (rows[name].dropna() != 0).any():
        return []
    found, fix = "0 in every row", "nothing, if there was none; else look into the cells, and save the file anew"
    heading = str(part.columns.get(name, name))
    return [problem_at(rows, found, "numbers", fix, RULE, heading, blocking=False)]


def _copied(rows: pd.DataFrame, day: str) -> list[Problem]:
    """Tell of teams that have the same numbers on the same days throughout.

    `rows` are in order of teams and days.
    """
    from pandas.util import hash_pandas_object

    numbers = [name for name in COUNTS if name in rows]
    known = rows[["team", day, *numbers, "file", "row"]].dropna()
    if len(numbers) < 2 or known.empty:
        return []
    by = known.assign(said=hash_pandas_object(known[[day, *numbers]], index=False)).groupby("team")
    said = by["said"].sum()[(by.size() >= FEWEST) & (by[numbers].max() > by[numbers].min()).all(axis=1)]
    alike = said[said.duplicated(keep=False)].sort_values()
    if alike.empty:
        return []
    found = f"the same numbers in every period for {and_others(list(alike.index))}"
    these = known[known["team"].isin(alike.index)]
    fix = "see whether the numbers of one team were copied to another"
    return [problem_at(these, found, "numbers of each team", fix, RULE, blocking=False)]


def _other_unit(part: Any, rows: pd.DataFrame, day: str) -> list[Problem]:
    """Tell of means and rates that come in two sizes, or change their size at once, as another unit makes them."""
    name = next((name for name in ("value", "mean") if name in rows), None)
    if name is None:
        return []
    known = rows[["team", day, name, "file", "row"]].dropna()
    known = known[known[name] > 0].sort_values(name)
    ratio = known[name] / known[name].shift()
    heading, fix = str(part.columns.get(name, name)), "look whether all are in one unit, and written one way"
    if len(known) >= FEWEST and ratio.max() >= SIZES:
        above = known.loc[ratio.idxmax() :]
        found = f"numbers of two sizes: the least of {len(above)} is {ratio.max():.0f} times the next below it"
        return [problem_at(above, found, "numbers of one size", fix, RULE, heading, blocking=False)]
    jumps = [team for team, own in known.groupby("team") if _jumps(own.sort_values(day)[name].to_numpy())]
    if not jumps:
        return []
    found = f"numbers that are from one period on more than {SLIP} times what they were, or less: {and_others(jumps)}"
    these = known[known["team"].isin(jumps)].sort_values("row")
    return [problem_at(these, found, "numbers of one size", fix, RULE, heading, blocking=False)]


def _jumps(values: np.ndarray) -> bool:
    """Whether all numbers after some period are several times all before it, or the other way round."""
    if len(values) < FEWEST:
        return False
    low, high = np.minimum.accumulate, np.maximum.accumulate
    cuts = slice(EACH_SIDE - 1, len(values) - EACH_SIDE)
    after = slice(EACH_SIDE, len(values) - EACH_SIDE + 1)
    up = low(values[::-1])[::-1][after] > SLIP * high(values)[cuts]
    down = SLIP * high(values[::-1])[::-1][after] < low(values)[cuts]
    return bool((up | down).any())


def _grows(told: pd.DataFrame, name: str, day: str) -> bool:
    """Whether the numbers of every team never fall, and most of the time rise, to several times the first.

    They may start again for every team at once, as totals of a year do.
    """
    values = told.groupby("team")[name]
    steps = values.diff().dropna()
    if (steps < 0).mean() > 1 / FEWEST:
        return False
    if told[day].nunique() >= 2 * FEWEST:
        steps = steps[~(steps < 0).groupby(told[day]).transform("all")]
    grown = values.max() >= GROWN * values.min().clip(lower=1)
    return bool((steps >= 0).all() and (steps > 0).mean() > 0.5 and grown.all())


class _Seen(NamedTuple):
    """What a column of answers holds."""

    low: int | None
    high: int | None
    n: int


def look_wrong(rows: pl.DataFrame, instruments: Iterable[Instrument], file: str) -> Iterator[Problem]:
    """Tell of answers to questionnaires that are possible and yet look wrong."""
    asked = set(rows.columns)
    for instrument in instruments:
        answers = [rows[item] for item in instrument.items if item in asked]
        if not answers:
            continue
        seen = {cells.name: _Seen(cells.min(), cells.max(), cells.count()) for cells in answers}
        yield from _unused_ends(seen, instrument, file)
        yield from _turned(pl.DataFrame(answers), instrument, file)
        yield from _all_alike(seen, instrument, file)


def _unused_ends(seen: Mapping[str, _Seen], instrument: Instrument, file: str) -> Iterator[Problem]:
    """Tell of scales of which nobody ever gave the two highest or the two lowest answers."""
    scales: dict[tuple[int, ...], list[_Seen]] = {}
    for item, of in seen.items():
        scales.setdefault(tuple(sorted(instrument.responses_of(item).valid)), []).append(of)
    for codes, items in scales.items():
        n = sum(of.n for of in items)
        if len(items) < FEW_ITEMS or n < UNUSED:
            continue
        low, high = min(of.low for of in items if of.n), max(of.high for of in items if of.n)
        if sum(c < low for c in codes) >= 2 or sum(c > high for c in codes) >= 2:
            found = f"{n} answers from {low} to {high} to questions answered from {codes[0]} to {codes[-1]}"
            fix = "see that the survey offered all answers, and say under `answers` which number is which code"
            expected = "answers over the whole scale"
            yield Problem(file, found, expected, fix, None, instrument.id, RULE, blocking=False)


def _turned(answers: pl.DataFrame, instrument: Instrument, file: str) -> Iterator[Problem]:
    """Tell of items that run the other way than the others of their scale."""
    from joyeval.instruments.scoring import turned_items

    for name, against in turned_items(answers.head(TURNED_AMONG), instrument).items():
        found = f"{name}: {and_others(against)} run the other way than the other items"
        fix = "see whether the export has reversed them already, or two headings are mixed up"
        yield Problem(file, found, "items that go together", fix, None, instrument.id, RULE, blocking=False)


def _all_alike(seen: Mapping[str, _Seen], instrument: Instrument, file: str) -> Iterator[Problem]:
    """Tell of items to which everybody gave the same answer."""
    same = [item for item, of in seen.items() if of.low == of.high and of.n >= UNUSED_ITEM]
    if same and len(seen) > 1:
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
    items, problems, told_apart = list(items), [], cache(lambda wave, *shared: _told_apart(waves[wave], list(shared)))
    for (first, before), (second, after) in combinations(waves.items(), 2):
        shared = [item for item in items if item in before.columns and item in after.columns]
        if len(shared) < MANY_ITEMS:
            continue
        old, new = told_apart(first, *shared), told_apart(second, *shared)
        again = int(old.is_in(new.implode()).sum())
        if len(old) >= MANY_ITEMS and again > len(old) / 2:
            found = f"{again} of the {len(old)} answers of wave {first} again in wave {second}"
            fix = f"keep only the answers of wave {second} (`where`, or map its date), or export them alone"
            problems.append(Problem(files[second], found, "new answers", fix, rule="twice"))
    return problems


def _told_apart(rows: pl.DataFrame, items: list[str]) -> pl.Series:
    """Answers of each row as one number, of those that answered enough, and not the same throughout."""
    answered = pl.sum_horizontal(pl.col(items).is_not_null()) >= MANY_ITEMS
    differ = pl.min_horizontal(pl.col(items)) != pl.max_horizontal(pl.col(items))
    kept = rows.filter(answered & differ).select("team", *items)
    return kept.hash_rows()


def in_two_files(rows: pl.DataFrame, wave: str) -> list[Problem]:
    """Return people of one wave who answered in several of its files; a row is what one person answered in one."""
    people = rows.drop_nulls("key").group_by("key").agg(pl.col("file", "row").sort_by("file").last(), n=pl.len())
    again = people.filter(pl.col("n") > 1).sort("file", "row")
    if again.is_empty():
        return []
    file, row = again.row(0)[1:3]
    found = f"{again.height} people who stand in another file of wave {wave}, too"
    fix = "name the files that are meant under `file`, or leave rows out; numbers of people have to be their own"
    return [Problem(file, found, "each person in one file", fix, int(row), rule="twice")]


def moved(waves: Mapping[str, pl.DataFrame], files: Mapping[str, str]) -> list[Problem]:
    """Tell of waves in which most people are in another team than before."""
    problems = []
    for (first, before), (second, after) in pairwise(waves.items()):
        both = before.select("key", "team").drop_nulls().join(after.select("key", "team"), on="key", suffix="_after")
        elsewhere = both.filter(pl.col("team") != pl.col("team_after")).height
        if both.height >= LARGE and elsewhere > both.height / 2:
            found = f"{elsewhere} of {both.height} people in another team than in wave {first}"
            fix = f"see whether rows of wave {second} were mixed up, or numbers of people given anew"
            problems.append(Problem(files[second], found, "the team", fix, rule=RULE, blocking=False))
    return problems


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
