"""Data that cannot be charted: every problem at once, with series, row and fix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import DataError, UsageError
from joyeval.improvement import chart, funnel


@pytest.fixture
def pulse():
    weeks = pd.date_range("2024-01-01", periods=14, freq="7D")
    return pd.DataFrame(
        {"team": ["a"] * 14 + ["b"] * 14, "week": [*weeks, *weeks], "good": 5.0, "n": 10.0, "text": "few"}
    )


def problems(data, **call):
    with pytest.raises(DataError) as caught:
        chart(data, **{"x": "week", "y": "good", "n": "n", "by": "team", **call})
    return caught.value.problems


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("n", -1, "negative"), ("n", np.inf, "infinite"), ("good", -np.inf, "infinite"),
        ("good", -2, "too-low"), ("good", 11, "more-than-all"), ("week", pd.NaT, "no-date"),
        ("team", None, "no-series"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_series_row_and_fix(pulse, column, value, rule):
    pulse.loc[17, column] = value
    found = problems(pulse)
    assert rule in {problem.rule for problem in found}
    first = next(problem for problem in found if problem.rule == rule)
    assert (first.row, first.column) == (19, column)
    assert first.fix
    if column != "team":
        assert "(team = b)" in first.found


def test_every_problem_is_listed_at_once(pulse):
    pulse.loc[[2, 20], "n"] = -1
    pulse.loc[4, "good"] = 99
    assert sorted((p.rule, p.row) for p in problems(pulse)) == [
        ("more-than-all", 4), ("more-than-all", 6), ("more-than-all", 22),
        ("negative", 4), ("negative", 22),
    ]  # fmt: skip


def test_long_lists_are_cut_and_counted(pulse):
    many = pd.concat([pulse] * 4, ignore_index=True).assign(n=-1.0, good=np.nan)
    found = problems(many)
    assert len(found) == 50
    assert "and 62 more rows like it" in found[-1].found


def test_dates_that_do_not_parse(pulse):
    data = pulse.assign(week=pulse["week"].dt.strftime("%Y-%m-%d"))
    assert chart(data, x="week", y="good", n="n", by="team").series["rhythm"].tolist() == ["weekly", "weekly"]
    data.loc[3, "week"] = "first week of Lent"
    assert [(p.rule, p.row) for p in problems(data)] == [("no-date", 5)]


def test_day_and_month_are_not_guessed(pulse):
    data = pulse.assign(week=pulse["week"].dt.strftime("%d/%m/%Y"))
    found = problems(data)
    assert len(found) == 28
    assert "cannot be guessed" in found[0].fix


def test_text_is_not_a_number(pulse):
    (found,) = problems(pulse, y="text", kind="i'")
    assert (found.rule, found.column) == ("not-numbers", "text")


def test_two_rows_for_one_point(pulse):
    data = pd.concat([pulse, pulse.iloc[[15]]], ignore_index=True)
    (found,) = problems(data)
    assert (found.rule, found.row, found.column) == ("duplicate", 30, "week")
    assert "aggregate='sum'" in found.fix


@pytest.mark.parametrize(
    ("argument", "value", "row"),
    [
        ("part", "2030-01-01", None), ("part", "2024-04-01", None), ("part", 14, None), ("part", 0, None),
        ("freeze", "2020-01-01", None), ("freeze", 1, None), ("exclude", 99, None), ("exclude", "2024-01-02", None),
        ("part", pd.DataFrame({"team": ["a", "b"], "week": ["2024-02-01", "2023-02-01"]}), 3),
        ("exclude", pd.DataFrame({"team": ["b"], "position": [15]}), 2),
    ],
)  # fmt: skip
def test_a_place_outside_the_data_is_refused(pulse, argument, value, row):
    found = problems(pulse, **{argument: value})
    assert {problem.rule for problem in found} == {f"{argument}-outside"}
    assert "team = b, which has 14 points from 2024-01-01 to 2024-04-01" in found[-1].found
    assert found[-1].row == row


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"kind": "pp"}, "did you mean 'p'"), ({"rules": "mdc"}, "no rule set 'mdc'"),
        ({"rules": "anhoj"}, "did you mean 'anhoej'"), ({"y": "joy"}, "found no column joy"),
        ({"improve": "up"}, "expected increase, decrease or neutral"), ({"kind": "p", "n": None}, "needs n"),
        ({"kind": "c"}, "takes no n"), ({"aggregate": "max"}, "aggregate is 'max'"),
        ({"aggregate": "mean"}, "use 'sum'"), ({"multiply": 0}, "above 0"), ({"centre": "mode"}, "'mean' or 'median'"),
        ({"opportunities": "n", "n": None, "kind": "run"}, "opportunities need n"),
        ({"part": "soon"}, "neither a position nor a date"),
        ({"part": pd.DataFrame({"week": ["2024-02-05"]})}, "expected team, week"),
        ({"part": pd.DataFrame({"team": ["z"], "week": ["2024-02-05"]})}, "series that the data does not have: z"),
        ({"target": pd.DataFrame({"team": ["a", "a"], "target": [1, 2]})}, "two rows for one series"),
        ({"target": pd.DataFrame({"target": [1]})}, "expected team and target"),
        ({"x": "text", "kind": "i"}, "order in time"),
    ],
)  # fmt: skip
def test_a_call_that_makes_no_sense_says_what_would(pulse, call, said):
    with pytest.raises(UsageError, match=said):
        chart(pulse, **{"x": "week", "y": "good", "n": "n", "by": "team", **call})


def test_a_column_that_the_result_needs_for_itself(pulse):
    with pytest.raises(UsageError, match="value: the result has a column of that name"):
        chart(pulse.rename(columns={"team": "value"}), x="week", y="good", n="n", by="value")


def test_an_empty_table(pulse):
    with pytest.raises(UsageError, match="no rows"):
        chart(pulse.iloc[:0], x="week", y="good")


def test_a_funnel_refuses_what_cannot_be(pulse):
    call = {"numerator": "good", "denominator": "n", "group": "team"}
    with pytest.raises(DataError, match="more than its denominator"):
        funnel(pulse.assign(good=11.0), **call)
    with pytest.raises(DataError, match="a negative number"):
        funnel(pulse.assign(n=-1.0), **call, kind="RC")
    with pytest.raises(UsageError, match="expected PR, SR or RC"):
        funnel(pulse, **call, kind="PP")
    with pytest.raises(UsageError, match="at least 2"):
        funnel(pulse[pulse["team"] == "a"], **call)
    with pytest.raises(UsageError, match=r"expected 95 or 99\.8"):
        funnel(pulse, **call, limit=90)
