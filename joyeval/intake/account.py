"""The account of one file: every row and value that did not pass, why, and what to do; nothing is lost unseen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import SHOWN, Problem
from joyeval.intake.pseudonyms import pseudonyms
from joyeval.intake.raw import NOTE, OUTSIDE, REPEATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

MOST_REJECTED = 0.05  # above this share of a column's answers, the map or the coding is wrong, not the answers ...
FEWEST_REJECTED = 3  # ... provided there are at least so many
ROWS_TOLD, ROWS_KEPT = 5, SHOWN  # rows of alike problems in a sentence, and in the file of problems


def too_many(n: int, of: int, most: float = MOST_REJECTED) -> bool:
    """Whether so many rows or values, of all, are no single slips but a fault of the file or of its description."""
    return n > most * of and (n >= FEWEST_REJECTED or n == of)


def accepted(problem: Problem, accept: Mapping[str, str]) -> Problem:
    """Return a problem as one that stops nothing, where the study file says that it is meant, and why."""
    why = accept.get(problem.rule)
    return replace(problem, blocking=False, fix=f"accepted: {why}") if why else problem


def empty_column(file: str, heading: str, name: str) -> Problem:
    """Tell of a column that is mapped and holds nothing."""
    fix = f"map `{name}` to the heading that holds its values, or take it out; else accept: {{empty column: why}}"
    return Problem(file, "no cell with a value", "values", fix, column=heading, rule="empty column")


def problem_at(
    rows: pd.DataFrame,
    found: str,
    expected: str,
    fix: str,
    rule: str,
    column: object = None,
    *,
    blocking: bool = True,
) -> Problem:
    """Return a problem at the first of these rows, of which `file` and `row` say where they stand."""
    first = rows.iloc[0]
    row = None if first["row"] != first["row"] else int(first["row"])
    heading = None if column is None else str(column)
    return Problem(str(first["file"]), found, expected, fix, row, heading, rule, blocking)


RULES = {  # rule: what was found (once, several times), what to do
    "out of range": (
        "answer outside {expected}",
        "answers outside {expected}",
        "correct the cells, or say under `answers` which number in the file is which code",
    ),
    "turned scale": (
        "answer whose number runs against our codes",
        "answers whose numbers run against our codes",
        "nothing, if the words beside the numbers are right: they were taken as these say",
    ),
    "mixed scale": (
        "answer whose number does not go with the words of the column",
        "answers whose numbers do not go with the words of the column",
        "say under `answers` which words, and which numbers in the file, are which code",
    ),
    "unknown answer": (
        "answer in words that no table knows",
        "answers in words that no table knows",
        "correct the cells, or list their words under `answers` in the study file (an empty code: declined)",
    ),
    "not a day": (
        "cell that is no day",
        "cells that are no day",
        "correct them, or say under `dates` how days are written",
    ),
    "day outside the wave": (
        "day outside the wave",
        "days outside the wave",
        "correct `start` and `end` of the wave in the study file, or the cells",
    ),
    "preview": ("preview or test", "previews and tests", "nothing; they are left out"),
    "unfinished": (
        "response that was not finished",
        "responses that were not finished",
        "nothing; they are left out, or kept where the study file says `unfinished: true`",
    ),
    "ragged row": (
        "row with more or fewer cells than the headings",
        "rows with more or fewer cells than the headings",
        "export again with texts in quotation marks",
    ),
    NOTE: ("note below the table", "notes below the table", "nothing; they are left out"),
    REPEATED: ("row of headings again", "rows of headings again", "nothing; they are left out"),
    OUTSIDE: (
        "row outside those that the study file names",
        "rows outside those that the study file names",
        "nothing; they are left out, or correct `rows` in the study file",
    ),
    "unknown team": (
        "row of a team that is not on the list",
        "rows of teams that are not on the list",
        "add the team to the list of teams, correct its spelling, or leave it out in the study file",
    ),
    "totals": (
        "row that looks like totals of the others",
        "rows that look like totals of the others",
        "leave it out: not_teams below `teams`",
    ),
    "pasted twice": (
        "row that repeats an earlier one in every cell",
        "rows that repeat earlier ones in every cell, in the same order",
        "remove what was pasted twice, or accept: {pasted twice: why}",
    ),
    "response twice": (
        "response with the number of an earlier one",
        "responses with the numbers of earlier ones",
        "remove what was exported twice; the first is kept",
    ),
    "no team": ("row without a team", "rows without a team", "fill in the team, or accept that they are left out"),
    "no answers": ("row without any answer", "rows without any answer", "nothing; they are counted as opened only"),
    "attention check": (
        "row that fails the attention check",
        "rows that fail the attention check",
        "nothing; they are left out",
    ),
    "duplicate": (
        "row of a person who answered again",
        "rows of people who answered again",
        "the fullest is kept; if these are many, map each person's own number, or accept: {duplicate: why}",
    ),
    "shared code": (
        "row with a code that others have",
        "rows that share a number or code of a person, which would be one person",
        "list it under `missing` if it says that there is none (such as N/A); else map what tells people apart",
    ),
    "straight-lining": (
        "person who gave one answer to items worded both ways",
        "people who gave one answer to items worded both ways",
        "look at them; they are kept unless the study file says otherwise (`set_aside`)",
    ),
    "not a time": (
        "cell that is no time",
        "cells that are no time",
        "say under `dates` how times are written; durations are numbers of seconds",
    ),
    "impossible duration": (
        "row answered in an impossible time",
        "rows answered in an impossible time",
        "look at them; they are kept unless the study file says otherwise (`set_aside`)",
    ),
}
BLOCKING = {"unknown team", "day outside the wave", "totals", "shared code"}
BLOCKING_IF_MANY = {  # above one row in so many; people do answer again
    **dict.fromkeys(("no team", "ragged row", "response twice", "pasted twice"), "twenty"),
    "duplicate": "ten",
}
MOST = {"twenty": MOST_REJECTED, "ten": 0.1}
_REJECTED = ("row", "column", "cell", "rule", "expected")


@dataclass
class Account:
    """What became of the rows and values of one file.

    Parameters
    ----------
    file, wave : str
    rejected : list of DataFrame
        row, column, cell, rule, expected; a whole row has no column.
    flow : list of dict
        wave, step, n_in, n_out, reason.
    problems : list of Problem
    accept : mapping
        Losses that the study file means, with why: they stop nothing.
    """

    file: str
    wave: str
    rejected: list[pl.DataFrame] = field(default_factory=list)
    flow: list[dict[str, object]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    accept: Mapping[str, str] = field(default_factory=dict)

    def add(self, problems: Iterable[Problem]) -> None:
        """Note problems; what is accepted stops nothing."""
        self.problems += [accepted(problem, self.accept) for problem in problems]

    def count(self, step: str, n_in: int, n_out: int, reason: str = "") -> None:
        """Note how many rows went in and out."""
        self.flow.append({"wave": self.wave, "step": step, "n_in": n_in, "n_out": n_out, "reason": reason})

    def reject_unread(self, rows: pl.Series, rule: str, of: int) -> None:
        """Take over rows that the reader set aside, of so many."""
        self._reject(rows, None, None, rule, "an answer")
        if stops(rule, len(rows), of):
            self._tell(rows, None, rule, "an answer", blocking=True)

    def keep(self, rows: pl.DataFrame, good: pl.Series | pl.Expr, reason: str) -> pl.DataFrame:
        """Leave out rows that are not ours to judge (other cohorts): counted, not rejected."""
        kept = rows.filter(good)
        if kept.height < rows.height:
            self.count("kept", rows.height, kept.height, reason)
        return kept

    def reject_rows(
        self, rows: pl.DataFrame, bad: pl.Series, rule: str, expected: str, step: str = "kept"
    ) -> pl.DataFrame:
        """Reject whole rows; some rules stop the run."""
        if not bad.any():
            return rows
        if rule in BLOCKING or stops(rule, int(bad.sum()), rows.height):
            self._tell(rows["row"].filter(bad), None, rule, expected, blocking=True)
        self._reject(rows["row"].filter(bad), None, None, rule, expected)
        self.count(step, rows.height, int((~bad).sum()), RULES[rule][1])
        return rows.filter(~bad)

    def reject_cells(
        self, rows: pl.Series, cells: pl.Series, column: str, rule: str, expected: str, of: int, fix: str = ""
    ) -> None:
        """Reject values; `of` values were there. Too many are a fault of the map and stop the run."""
        self._reject(rows, column, cells.cast(pl.String), rule, expected)
        if too_many(len(rows), of):
            self._tell(rows, column, rule, expected, blocking=True, fix=fix)

    def note(self, rows: pl.Series, column: str | None, rule: str, expected: str) -> None:
        """Tell of rows; whether that stops the run is a matter of the rule."""
        if len(rows):
            self._tell(rows, column, rule, expected, blocking=rule in BLOCKING)

    def table(self) -> pl.DataFrame:
        """Return everything rejected: row, column, cell, rule, expected."""
        return pl.concat([pl.DataFrame(schema=_types()), *self.rejected])

    def quarantine(self, key: bytes) -> pl.DataFrame:
        """Return the table of quarantine: file, row, column, value_hash, rule, expected, fix; cells as keyed hashes."""
        fixes = {rule: texts[-1] for rule, texts in RULES.items()}
        table = self.table().sort("row", "column", nulls_last=False)
        hashes = pl.Series(pseudonyms(table["cell"], key, purpose="cell"), dtype=pl.String)
        return table.select(
            pl.lit(self.file).alias("file"),
            "row",
            "column",
            hashes.alias("value_hash"),
            "rule",
            "expected",
            pl.col("rule").replace_strict(fixes, return_dtype=pl.String).alias("fix"),
        )

    def all_problems(self) -> list[Problem]:
        """Return every problem, alike ones told as one."""
        blocked = {(problem.column, problem.rule) for problem in self.problems if problem.blocking}
        groups = self.table().group_by("column", "rule", "expected", maintain_order=True).agg("row")
        for column, rule, expected, rows in groups.iter_rows():
            if (column, rule) not in blocked:
                self._tell(pl.Series(rows), column, rule, expected, blocking=False)
        return self.problems

    def _reject(self, rows: pl.Series, column: str | None, cells: pl.Series | None, rule: str, expected: str) -> None:
        told = {"column": column, "rule": rule, "expected": expected}
        table = pl.DataFrame({"row": rows, "cell": cells}).with_columns(
            pl.lit(value, dtype=pl.String).alias(name) for name, value in told.items()
        )
        self.rejected.append(table.select(*_REJECTED).cast(_types()))

    def _tell(
        self, rows: pl.Series, column: str | None, rule: str, expected: str, *, blocking: bool, fix: str = ""
    ) -> None:
        self.add([told(self.file, rows, rule, expected, column, blocking=blocking, fix=fix)])


def told(
    file: str,
    rows: pl.Series,
    rule: str,
    expected: str,
    column: str | None = None,
    *,
    blocking: bool,
    fix: str = "",
) -> Problem:
    """Return one problem of alike rows or cells, in the words of its rule."""
    once, often, remedy = RULES[rule]
    more = ", ..." if len(rows) > ROWS_TOLD else ""
    found = f"{len(rows)} {often}; rows {', '.join(map(str, rows.head(ROWS_TOLD)))}{more}"
    found = (f"1 {once}" if len(rows) == 1 else found).format(expected=expected)
    if blocking and rule not in BLOCKING:
        found = f"{found}, more than one in {BLOCKING_IF_MANY.get(rule, 'twenty')}"
    listed = tuple(rows.head(ROWS_KEPT).to_list()) if len(rows) > 1 else ()
    return Problem(file, found, expected, fix or remedy, int(rows[0]), column, rule, blocking, listed)


def stops(rule: str, n: int, of: int) -> bool:
    """Whether so many rows, of all, stop a run by this rule."""
    return rule in BLOCKING_IF_MANY and too_many(n, of, MOST[BLOCKING_IF_MANY[rule]])


def _types() -> dict[str, pl.DataType]:
    return dict.fromkeys(_REJECTED, pl.String) | {"row": pl.UInt32}
