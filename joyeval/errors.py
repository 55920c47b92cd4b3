"""What a user may be told: one tree of errors, one exit code each.

A message says what was found and how to mend it. It never holds a person's answer or identity.
Anything raised that is not a `JoyevalError` is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHOWN = 200  # problems of one list that a message prints; the rest are counted


def and_others(names: Sequence[object], shown: int = 5) -> str:
    """Name the first few and count the rest.

    Examples
    --------
    >>> and_others(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    text = ", ".join(str(name) for name in names[:shown])
    return f"{text} and {len(names) - shown} more" if len(names) > shown else text


@dataclass(frozen=True)
class Problem:
    """One thing to mend in a file, in the words of the person who has the file open.

    Parameters
    ----------
    file : str
        Name of the file as the user knows it.
    found, expected, fix : str
        What stands there, what should, and what to do. `found` never quotes a survey answer.
    row : int, optional
        Row as in the spreadsheet, header counted (the first row is 1); in a YAML file, the line.
    column : str, optional
        Column heading as in the file; in a study file, the path of the key.
    rule : str
        Short name of the rule, for counting and for tests.
    blocking : bool
        False: the value or row goes to quarantine and the run goes on.
    rows : tuple of int
        The first rows of several alike problems that are told as one.
    """

    file: str
    found: str
    expected: str
    fix: str
    row: int | None = None
    column: str | None = None
    rule: str = ""
    blocking: bool = True
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                self.file,
                f"row {self.row}" if self.row else "",
                f"column {self.column}" if self.column else "",
            )
            if part
        )
        return f"{place}: found {self.found}; expected {self.expected}. Fix: {self.fix}"

    def as_row(self) -> dict[str, object]:
        """Return the problem as one row of the table of problems."""
        return asdict(self)


class JoyevalError(Exception):
    """Base of every error that a user may meet."""

    exit_code = 1


class ProblemsError(JoyevalError):
    """Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem], summary: str = "") -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        count = len(self.problems)
        self.summary = summary or f"{count} problem{'s' if count != 1 else ''} to mend"
        lines = [self.summary, *(f"  {problem}" for problem in self.problems[:SHOWN])]
        if count > SHOWN:
            lines.append(f"  ... and {count - SHOWN} more")
        super().__init__("\n".join(lines))

    def __reduce__(self):  # keeps the problems when the error crosses a process
        return type(self), (self.problems, self.summary)


class StudyError(ProblemsError):
    """The study file cannot be used as it stands."""


class DataError(ProblemsError):
    """Raw data do not match what the study file says of them."""


class ModelError(JoyevalError):
    """The data cannot answer: names the quantity, the n and the way out."""


class UsageError(JoyevalError):
    """A command or a call was given something it does not take."""

    exit_code = 2


def no_column(missing: Iterable[object], table: Iterable[object], what: str = "") -> UsageError:
    """Say which columns a table does not have, with the nearest that it has.

    Parameters
    ----------
    missing : iterable of str
    table : DataFrame or iterable of str
        What has columns.
    what : str
        Who asks.

    Examples
    --------
    >>> str(no_column(["weeks"], ["week", "good"], "chart"))
    'chart: found no column weeks; did you mean week? The table has week, good'
    """
    absent, has = list(map(str, missing)), list(map(str, table))
    near = dict.fromkeys(close for name in absent for close in get_close_matches(name, has, n=1))
    hint = f"; did you mean {', '.join(near)}? The" if near else "; the"
    begun = f"{what}: " if what else ""
    return UsageError(f"{begun}found no column {', '.join(absent)}{hint} table has {', '.join(has)}")


class DisclosureError(ProblemsError):
    """Something would leave that may not leave."""

    exit_code = 3


class StepError(JoyevalError):
    """A step of the pipeline failed: names the notebook and the cell."""

    exit_code = 4


class Stopped(JoyevalError):  # noqa: N818 - no error
    """The user stopped it."""

    exit_code = 130
