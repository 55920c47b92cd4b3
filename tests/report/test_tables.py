"""Tables: numbers as a reader expects them, headings in plain words."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.errors import UsageError
from joyeval.report.tables import MISSING
from tests.shown import layout


def cells(values, **more):
    table = layout(pd.DataFrame({"x": values}), caption="c", **more)
    return [row[0] for row in table.rows]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1, 20, 300], ["1", "20", "300"]),
        ([2021, 2022], ["2021", "2022"]),
        ([12000, 5], ["12,000", "5"]),
        ([1.0, 20.0], ["1", "20"]),
        ([0.123, 4.5], ["0.12", "4.50"]),
        ([0.0123], ["0.012"]),
        ([45.67, 1.0], ["45.7", "1.0"]),
        ([1234.5], ["1,234"]),
        ([-0.5, 0.25], ["−0.50", "0.25"]),
        ([-0.001, 5.25], ["0.00", "5.25"]),
        ([True, False], ["yes", "no"]),
        ([3.25, None], ["3.25", MISSING]),
        ([None, None], [MISSING, MISSING]),
        ([pd.Timestamp("2025-03-09")], ["9 Mar 2025"]),
        (["a", ""], ["a", MISSING]),
        ([3.25, "suppressed (fewer than 11)"], ["3.25", "suppressed (fewer than 11)"]),
        ([float("inf"), 0.5], ["inf", "0.50"]),
    ],
)
def test_the_usual_format_of_a_column(values, shown):
    assert cells(values) == shown


@pytest.mark.parametrize(
    ("style", "shown"), [(".1f", "0.5"), (".0%", "46%"), ("p", "0.456"), (lambda v: f"{v:.1f} d", "0.5 d")]
)
def test_the_caller_may_give_the_format(style, shown):
    assert cells([0.456], formats={"x": style}) == [shown]


def test_p_values_are_never_zero():
    table = layout(pd.DataFrame({"p": [0.00001, 0.04, None]}), caption="c")
    assert [row[0] for row in table.rows] == ["<0.001", "0.040", MISSING]


def test_limits_become_one_column():
    table = layout(pd.DataFrame({"term": ["a"], "estimate": [0.5], "ci_low": [-0.25], "ci_high": [1.25]}), caption="c")
    assert [column.label for column in table.columns] == ["Term", "Estimate", "95% CI"]
    assert table.rows == (("a", "0.50", "−0.25 to 1.25"),)


def test_suppressed_limits_are_said_once():
    words = "suppressed (fewer than 11)"
    table = layout(pd.DataFrame({"ci_low": [words, 0.5], "ci_high": [words, 1.5]}, dtype=object), caption="c")
    assert table.rows == ((words,), ("0.50 to 1.50",))


def test_headings_are_words_with_units():
    data = pd.DataFrame({"good_days": [1], "n": [2], "mean": [3]})
    table = layout(data, caption="c", labels={"mean": "Mean score"}, units={"mean": "1 to 5"})
    assert [column.label for column in table.columns] == ["Good days", "n", "Mean score (1 to 5)"]


def test_headings_in_words_stay_as_they_are():
    table = layout(pd.DataFrame({"PDSA cycles": [1], "95% CI": ["1 to 2"]}), caption="c")
    assert [column.label for column in table.columns] == ["PDSA cycles", "95% CI"]


def test_a_named_index_names_the_rows():
    data = pd.DataFrame(
        {"mean": [1.5, 2.5]}, index=pd.MultiIndex.from_tuples([("A", 1), ("A", 2)], names=["team", "wave"])
    )
    table = layout(data, caption="c")
    assert table.header_columns == 2
    assert table.rows[1] == ("A", "2", "2.50")
    assert [column.numeric for column in table.columns] == [False, True, True]


def test_columns_of_two_levels_become_one_heading():
    data = pd.DataFrame({("before", "mean"): [1.5], ("after", "mean"): [2.5]})
    assert [column.label for column in layout(data, caption="c").columns] == ["Before: mean", "After: mean"]


def test_a_word_for_a_column_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="speling"):
        layout(pd.DataFrame({"x": [1]}), caption="Means", formats={"speling": ".1f"})


def test_columns_of_truth_are_words_not_numbers():
    assert not layout(pd.DataFrame({"x": [True]}), caption="c").columns[0].numeric
