"""Which rows of a coordination file are ratings that count, each once; why the others are none."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from joyeval.coordination.asked import survey_of
from joyeval.intake.account import problem_at, too_many

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from joyeval.coordination.ties import Survey
    from joyeval.errors import Problem
    from joyeval.study import Coordination

    Check = Callable[[pd.DataFrame], tuple[pd.Series, list[Problem]]]

BY_ITEM = ("items", "matrix")  # layouts with a row per answer
LISTED = 5  # rows or names that a message gives
NEEDED = ("process", "person", "workgroup", "target")
STRANGERS = "ratings by or of people who are not listed"
AGAIN = "rows that rate a workgroup a second time"
OTHER = "answers to dimensions that the survey does not have"
ANSWERED_AGAIN = "answers to a dimension a second time"


def ratings_that_count(
    part: Coordination, rows: pd.DataFrame, home: pd.Series | None = None
) -> tuple[pd.DataFrame, list[Problem], list[tuple[str, int]]]:
    """Leave out rows that are no rating, or one that another row has too.

    Parameters
    ----------
    rows : DataFrame
        Under the names of the study file, with `called` (the target as it is written) and `nth` (the row that the
        reader gave, which in a wide layout holds several ratings).
    home : Series, optional
        Where people rate people: person to workgroup.

    Returns
    -------
    DataFrame
    list of Problem
    list of tuple
        Why rows were left out, and how many; one of several ratings is kept until none of them is left.
    """
    problems, left = [], []
    for reason, check in _checks(part, home):
        bad, told = check(rows)
        before, rows = rows["nth"].nunique(), rows[~bad]
        problems += told
        left.append((reason, before - rows["nth"].nunique()))
    return rows, problems, left


def _checks(part: Coordination, home: pd.Series | None) -> list[tuple[str, Check]]:
    by_item = part.layout in BY_ITEM
    of_people = [(STRANGERS, partial(_strangers, home=home)), ("ratings of oneself", _of_oneself)]
    of_items = [(OTHER, partial(_other, survey=survey_of(part))), (ANSWERED_AGAIN, _answered_again)]
    of_all = [
        ("rows without a process, person, workgroup or target", _incomplete),
        (AGAIN, partial(_again, by_item=by_item)),
    ]
    return [*(of_people if home is not None else []), *of_all, *(of_items if by_item else [])]


def _strangers(rows: pd.DataFrame, home: pd.Series) -> tuple[pd.Series, list[Problem]]:
    bad = ~rows["person"].isin(home.index) | ~rows["called"].isin(home.index)
    fix = "add them to the list of members; these ratings are left out"
    return bad, _told(rows, bad, STRANGERS, "members of the list", fix, "unknown group")


def _of_oneself(rows: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    return rows["person"] == rows["called"], []


def _incomplete(rows: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    blank = rows.reindex(columns=list(NEEDED)).isna()
    found, fix = [], "fill them in; these rows are left out"
    for column in blank.columns[blank.any()]:
        without, of = _of_the_file(rows[blank[column]]), rows["nth"].nunique()
        told = f"{len(without)} rows without a {column}"
        found.append(at(without, told, f"a {column}", fix, "incomplete", column, of=of))
    return blank.any(axis=1), found


def _again(rows: pd.DataFrame, *, by_item: bool) -> tuple[pd.Series, list[Problem]]:
    """Of two ratings of one workgroup by one person the first one counts; answers to items make up a rating."""
    rating = ["process", "person", "called"]
    if by_item:
        bad = rows["workgroup"] != rows.groupby(rating)["workgroup"].transform("first")
    else:
        bad = rows.duplicated(rating)
    fix = "keep one; the first is kept here"
    return bad, _told(rows, bad, AGAIN, "one rating per person and workgroup", fix, "twice")


def _other(rows: pd.DataFrame, survey: Survey) -> tuple[pd.Series, list[Problem]]:
    bad = ~rows["dimension"].isin(survey.dimensions)
    fix = "correct them, or name them under `dimensions`; these answers are left out"
    return bad, _told(rows, bad, OTHER, ", ".join(survey.dimensions), fix, "dimension")


def _answered_again(rows: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    answer = ["process", "person", "workgroup", "called", "dimension"]
    given = rows["value"].notna()
    bad = given & rows.assign(given=given).duplicated([*answer, "given"])
    return bad, _told(rows, bad, ANSWERED_AGAIN, "one answer each", "keep one; the first is kept here", "twice")


def _told(rows: pd.DataFrame, bad: pd.Series, what: str, expected: str, fix: str, rule: str) -> list[Problem]:
    these = _of_the_file(rows[bad])
    found = f"{len(these)} {what} (rows {listed_rows(these)})"
    return [at(these, found, expected, fix, rule, of=rows["nth"].nunique())] if len(these) else []


def _of_the_file(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as the reader gave them, each once: a wide one holds several ratings."""
    return rows.drop_duplicates("nth")


def at(
    rows: pd.DataFrame, found: str, expected: str, fix: str, rule: str, column: str | None = None, *, of: int = 0
) -> Problem:
    """Return a problem at the first of these rows; it stops the run if they are more than one in twenty `of` all."""
    many = of > 0 and too_many(len(rows), of)
    fix = f"{fix}; more than one in twenty: correct them, or accept: {{{rule}: why}}" if many else fix
    return problem_at(rows, found, expected, fix, rule, column, blocking=many)


def listed_rows(bad: pd.DataFrame) -> str:
    """Return the numbers of the first rows, as a message gives them."""
    return ", ".join(f"{row:.0f}" for row in bad["row"].head(LISTED)) + (", ..." if len(bad) > LISTED else "")
