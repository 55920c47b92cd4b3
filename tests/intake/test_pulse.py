"""Pulses of counts: rows that cannot be are told once each and left out."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.intake.pulse import pulse_table
from joyeval.study import Pulse

PART = Pulse(file="p.csv", columns={"team": "T"}, measure="good_day", title="Good days", cohorts=("c1",), period="week")


def rows(positive, answers):
    table = pd.DataFrame({"positive": positive, "answers": answers}, dtype=float)
    return table.assign(team="A", period=pd.Timestamp("2024-05-06"), file="p.csv", row=range(2, len(table) + 2))


@pytest.mark.parametrize(
    ("positive", "answers", "told"),
    [
        ([-1, 9, 3], [4, 5, 6], {("negative", 2), ("more than all", 3)}),
        ([2, 9, 3], [-4, 5, 6], {("negative", 2), ("more than all", 3)}),  # the first row breaks both rules
        ([2, 3], [-4, 6], {("negative", 2)}),
    ],
)
def test_two_kinds_of_impossible_rows_are_told_each_with_its_row(positive, answers, told):
    table, problems = pulse_table(PART, rows(positive, answers))
    assert {(problem.rule, problem.row) for problem in problems} == told
    assert all(problem.found.startswith("1 rows") for problem in problems)
    assert table[["positive", "answers"]].values.tolist() == [[3.0, 6.0]]
