"""Words to codes by explicit tables; whatever no table knows is never guessed."""

from __future__ import annotations

import polars as pl
import pytest

from joyeval.instruments import load
from joyeval.intake.answers import DECLINED, UNKNOWN, answer_table, code_answers

CBI = answer_table(load("cbi"), "cbi_1", missing=("-", "N/A"))
NO_LABELS: dict[str, str] = {}


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("4", 4),
        (" 4 ", 4),
        ("4.0", 4),
        ("Often", 4),
        ("OFTEN ", 4),
        ("\ufeffOften", 4),
        ("Never/almost never", 1),
        ("4 - Often", 4),
        ("4 – Often", 4),
        ("4: Often", 4),
        ("4) Often", 4),
        ("4 (Often)", 4),
        ("4 Often", 4),
        ("75 - Often", 4),  # the number is another coding: words win
        ("1 - Always", 5),
        ("5 - very much so", 5),  # unknown words beside a valid number, as at the ends of a scale
        ("", DECLINED),
        ("-", DECLINED),
        ("n/a", DECLINED),
        ("6", UNKNOWN),
        ("0", UNKNOWN),
        ("-1", UNKNOWN),
        ("4.5", UNKNOWN),
        ("3-5", UNKNOWN),
        ("3, 5", UNKNOWN),
        ("3 5", UNKNOWN),
        ("Quite often", UNKNOWN),
        ("9 - Quite often", UNKNOWN),
        ("=4", UNKNOWN),
    ],
)
def test_cells(cell, code):
    assert CBI.code(cell) == code


def test_curly_quotation_marks_are_straight_ones():
    table = answer_table(load("staff_fft"), "staff_fft_care_answer")
    assert table.code("Don’t know") == table.code("Don't  know") == 6


def test_the_study_files_table_wins_and_may_be_for_one_item():
    own = {"cbi": {"Hardly ever": 2, "0": 1, "Rather not say": ""}, "cbi_13": {"Often": 1}}
    table = answer_table(load("cbi"), "cbi_1", own=own)
    assert [table.code(cell) for cell in ("Hardly ever", "0", "Rather not say", "Often")] == [2, 1, DECLINED, 4]
    assert answer_table(load("cbi"), "cbi_13", own=own).code("Often") == 1


def test_an_answer_that_is_valid_but_not_scored_keeps_its_code():
    assert answer_table(load("sops"), "sops_a1").code("Does not apply or don't know") == 9


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
def test_columns_of_text_and_of_categories(dtype):
    cells = pl.Series("q", ["Often", "9", None, "-", "4"], dtype=dtype)
    coded = code_answers(cells, CBI, NO_LABELS, frozenset())
    assert coded.codes.to_list() == [4, None, None, None, 4]
    assert coded.unknown.to_list() == [False, True, False, False, False]
    assert coded.declined == 1


def test_columns_held_as_numbers():
    coded = code_answers(pl.Series([4, 9, None, -99, 5], dtype=pl.Int16), CBI, NO_LABELS, frozenset())
    assert coded.codes.to_list() == [4, None, None, None, 5]
    assert coded.unknown.to_list() == [False, True, False, True, False]


def test_all_known_needs_no_second_look():
    coded = code_answers(pl.Series(["1", None, "5"]), CBI, NO_LABELS, frozenset())
    assert (coded.unknown, coded.declined, coded.codes.to_list()) == (None, 0, [1, None, 5])


def test_words_that_the_file_gives_for_its_codes_win_over_its_codes():
    """SPSS: 1 = Always in this file, 5 = Always in ours; 99 is declared missing, 3 has no words."""
    coded = code_answers(pl.Series(["1", "3", "99"]), CBI, {"1": "Always", "99": "Rather not say"}, frozenset({"99"}))
    assert coded.codes.to_list() == [5, 3, None]
    assert coded.declined == 1
