"""Numbers of a column: the mark before decimals and per cent signs, decided from all cells."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.intake.numbers import number_and_words, ratings, read_numbers, unsure_numbers


def numbers(cells, decimal=None, delimiter=","):
    return read_numbers(pl.Series("n", cells, dtype=pl.String), decimal, delimiter)


@pytest.mark.parametrize(
    ("cells", "delimiter", "values"),
    [
        (["1,204", "3"], ",", [1204, 3]),
        (["0,125", "1,234", "12,500"], ";", [0.125, 1.234, 12.5]),  # no group of thousands begins with 0
        (["1,234"], ";", [1.234]),
        (["1.234,5", "2"], ";", [1234.5, 2]),
        (["1.234.567", "2,5"], ";", [1234567, 2.5]),
        (["1,234.5"], ",", [1234.5]),
        (["3.5", "1,234"], ",", [3.5, 1234]),
        (["4,1", "3,25"], ",", [4.1, 3.25]),
        (["1 234", "1\u00a0234", "1'234", "£1,234"], ",", [1234] * 4),
        (["1e-05", "1e+05"], ",", [0.00001, 100000]),
        (["inf", "nan", "-inf", "1_0", "0x1", "", None, "5 of 6"], ",", [None] * 8),
    ],
)
def test_marks_are_told_from_the_whole_column(cells, delimiter, values):
    read = numbers(cells, delimiter=delimiter)
    assert read.values.to_list() == values
    assert not read.unsure


@pytest.mark.parametrize(("cells", "delimiter"), [(["1.234"], ";"), (["3.5", "4,1"], ","), (["1,234", "1.234"], ";")])
def test_what_the_cells_leave_open_is_asked(cells, delimiter):
    read = numbers(cells, delimiter=delimiter)
    assert [told.rule for told in unsure_numbers("f.csv", read)] == ["decimal mark"]
    assert not numbers(cells, "comma", delimiter).unsure
    assert numbers(["1.234"], "comma", ";").values.to_list() == [1234]
    assert numbers(["3.5"], "comma").values.to_list() == [None]  # another mark than was said is no number


def test_per_cent_signs_are_kept_and_a_mixture_is_told():
    read = numbers(["52 %", "48%", "0", None])
    assert (read.values.to_list(), read.percent.to_list()) == ([52, 48, 0, None], [True, True, False, False])
    assert unsure_numbers("f.csv", read) == []
    assert [told.rule for told in unsure_numbers("f.csv", numbers(["52%", "0.48"]))] == ["mixed units"]


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=1), st.sampled_from(["point", "comma"]))
def test_either_mark_gives_the_same_numbers(values, mark):
    written = [f"{value:,.2f}" for value in values]
    if mark == "comma":
        written = [text.translate(str.maketrans(",.", ".,")) for text in written]
    assert numbers(written).values.to_list() == pytest.approx(values)
    assert numbers(written, mark).values.to_list() == pytest.approx(values)


@pytest.mark.parametrize(
    "cell",
    ["4 - Often", "4) Often", "Often (4)", "4. Often", "4: Often", "Often - 4", "4 Often", "(4) Often", "[4] Often"],
)
def test_ratings_hold_a_number_and_words_in_any_order(cell):
    assert number_and_words(cell) == (4, "Often")


@pytest.mark.parametrize("cell", ["Often", "4", "3 to 5 days", "Ward 4", "4.5", "4-5", ""])
def test_other_cells_are_no_ratings(cell):
    assert number_and_words(cell) is None


def test_ratings_count_only_where_each_number_has_one_wording():
    assert ratings(pl.Series(["4 - Often", "1 - Never", "2", None])).to_list() == ["4", "1", "2", None]
    assert ratings(pl.Series(["4 - Often", "4 - Never"])).to_list() == ["4 - Often", "4 - Never"]
    assert ratings(pl.Series(["4 - Often", "5 - often "])).to_list() == ["4 - Often", "5 - often "]
