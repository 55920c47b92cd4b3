"""Errors name place, finding and fix; the exit codes are fixed."""

from __future__ import annotations

import pickle

from joyeval.errors import (
    DataError,
    DisclosureError,
    JoyevalError,
    ModelError,
    Problem,
    StepError,
    StudyError,
    UsageError,
)


def problem(row):
    return Problem("w1.csv", "text", "a number from 1 to 5", "recode the export", row=row, column="q07", rule="range")


def test_a_problem_reads_as_one_line():
    assert str(problem(12)) == (
        "w1.csv, row 12, column q07: found text; expected a number from 1 to 5. Fix: recode the export"
    )


def test_exit_codes():
    errors = (JoyevalError, StudyError, DataError, ModelError, UsageError, DisclosureError, StepError)
    assert [error.exit_code for error in errors] == [1, 1, 1, 1, 2, 3, 4]


def test_all_problems_are_carried_and_the_rest_counted():
    error = DataError(problem(row) for row in range(1, 204))
    assert len(error.problems) == 203
    assert str(error).endswith("... and 3 more")
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
