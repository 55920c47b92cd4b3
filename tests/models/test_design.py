"""A Design drops and counts rows in one place, and refuses data that cannot answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.errors import ModelError, UsageError
from joyeval.models import mixed, regression
from joyeval.models.design import build_design, expand_groups

TABLE = pd.DataFrame(
    {
        "joy": [3.0, 4.0, np.nan, 5.0, 2.0, 4.5],
        "x": [1.0, 2.0, 3.0, np.nan, 5.0, 6.5],
        "role": ["nurse", "doctor", "nurse", "doctor", "nurse", None],
        "trust": ["A", "A", "A", "B", "B", "B"],
        "team": [1, 2, 1, 1, 2, 2],
        "n_resp": [4, 0, 3, 2, 5, 6],
    }
)


def test_rows_with_a_gap_are_dropped_and_counted_once_by_reason():
    d = build_design("joy ~ x", TABLE, groups="team", weights="n_resp")
    assert (d.n, d.n_dropped) == (3, 3)
    assert d.reasons == {"a gap in joy": 1, "a gap in x": 1, "n_resp of 0": 1}
    assert d.kept.tolist() == [0, 4, 5]
    assert d.notes == ("3 of 6 rows were left out: 1 with a gap in joy, 1 with a gap in x, 1 with n_resp of 0",)


def test_columns_are_named_as_formulaic_names_them():
    d = build_design("joy ~ x * C(role)", TABLE.assign(x=range(6), joy=[1, 2, 3, 4, 5, 6]))
    assert d.names == ("Intercept", "x", "C(role)[T.nurse]", "x:C(role)[T.nurse]")
    np.testing.assert_array_equal(d.X[:, 2], [1, 0, 1, 0, 1])


def test_nested_groups_are_combinations():
    assert expand_groups("trust/team") == ["trust", "trust:team"]
    d = build_design("joy ~ 1", TABLE, groups=["trust/team"])
    assert [g.n_levels for g in d.groups] == [2, 4]
    assert list(d.groups[1].levels) == ["A:1", "A:2", "B:1", "B:2"]
    assert d.groups[1].codes.tolist() == [0, 1, 2, 3, 3]


def test_further_columns_leave_out_the_intercept():
    d = build_design("joy ~ 1", TABLE, also=["x"])
    Z, names = d.columns("x")
    assert names == ("x",)
    np.testing.assert_array_equal(Z[:, 0], [1, 2, 5, 6.5])


def test_an_ordered_outcome_becomes_positions():
    ratings = pd.Categorical(["low", "high", "mid"], categories=["low", "mid", "high"], ordered=True)
    d = build_design("r ~ x", pd.DataFrame({"r": ratings, "x": [1, 2, 4]}))
    assert d.y.tolist() == [0, 2, 1]
    assert d.levels == ("low", "mid", "high")


def test_quoted_names_may_hold_any_character():
    table = TABLE.rename(columns={"x": "W.HRS 1"})
    d = build_design("joy ~ `W.HRS 1` + np.log(`W.HRS 1`)", table)
    assert d.names == ("Intercept", "W.HRS 1", "np.log(`W.HRS 1`)")


def test_a_contrast_names_its_reference():
    table = pd.DataFrame({"y": [1, 2, 3, 4.5], "g": list("abab")})
    assert build_design("y ~ C(g, contr.treatment(base='b'))", table).names[1].endswith("[T.a]")


def test_a_computed_outcome():
    d = build_design("np.log(x) ~ 1", TABLE)
    np.testing.assert_allclose(d.y, np.log(TABLE["x"].dropna()))


@pytest.mark.parametrize(
    ("formula", "options", "says"),
    [
        ("joy ~ x + x2", {}, "column x2 is determined by x in the 4 complete rows"),
        ("joy ~ x + empty0", {}, "column empty0 is 0 in every row"),
        ("flat ~ x", {}, "outcome flat is the same in all 5 complete rows"),
        ("joy ~ gone", {}, "none of 6 rows is complete (1 with a gap in joy, 5 with a gap in gone)"),
        ("joy ~ x", {"groups": "flat"}, "flat has 1 group in 4 complete rows"),
        ("joy ~ np.log(empty0)", {}, "not a finite number, of 5 rows, in np.log(empty0) (5)"),
        ("role ~ x", {}, "outcome role holds str; expected numbers or an ordered categorical"),
        ("joy ~ x", {"weights": "minus"}, "minus is negative or infinite in 6 of 6 rows"),
        ("joy ~ x", {"weights": "role"}, "role holds str; expected positive numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_data_that_cannot_answer_are_refused_by_name(formula, options, says):
    table = TABLE.assign(x2=2 * TABLE["x"], empty0=0.0, flat=1.0, gone=np.nan, minus=-1.0)
    with pytest.raises(ModelError) as error:
        build_design(formula, table, **options)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("joy ~ nosuch", "found no column nosuch; the table has joy, x"),
        ("joy ~ x +", "cannot be read"),
        ("x", "found no outcome"),
        ("joy ~ __import__('os').getcwd()", "cannot be read"),
        ("joy ~ open(x)", "expected one of"),
        ("joy ~ x.to_csv('f')", "expected one of"),
        ("joy ~ role - ", "cannot be read"),
    ],
)
def test_a_formula_that_cannot_be_used_is_a_usage_error(formula, says):
    with pytest.raises(UsageError) as error:
        build_design(formula, TABLE)
    assert says in str(error.value)


def test_near_collinear_years_are_kept():
    years = pd.DataFrame({"y": np.arange(8.0) ** 1.5, "year": np.repeat([2021, 2022, 2023, 2024], 2)})
    assert build_design("y ~ year + I(year**2)", years).names == ("Intercept", "year", "I(year ** 2)")


@given(st.permutations(range(6)))
def test_the_order_of_rows_does_not_change_what_is_kept(order):
    d = build_design("joy ~ x", TABLE.iloc[list(order)], groups="team")
    assert sorted(np.array(order)[d.kept]) == [0, 1, 4, 5]


def test_levels_and_combinations_that_no_row_has_are_left_out_and_named():
    """After any filter a categorical column keeps the levels of the rows that went."""
    role = pd.Categorical(["nurse", "doctor"] * 8, categories=["nurse", "doctor", "porter"])
    rows = pd.DataFrame(
        {"y": np.arange(16.0) % 5, "role": role, "wave": np.repeat(["1", "2"], 8), "team": list("abcd") * 4}
    )
    design = build_design("y ~ role", rows)
    assert design.names == ("Intercept", "role[T.doctor]")
    assert design.notes == ("no row has role = porter: left out of the model",)
    rows = rows[~((rows["role"] == "doctor") & (rows["wave"] == "2"))]
    fit = mixed("y ~ role * wave", rows, groups="team")
    assert "role[T.doctor]:wave[T.2]" not in set(fit.terms["term"])
    assert any("role = doctor with wave = 2" in note for note in fit.notes)
    again = type(fit).from_json(fit.to_json())
    assert again.predict(rows).to_numpy() == pytest.approx(fit.predict(rows).to_numpy())
    assert any("role = porter" in note for note in regression("y ~ role", rows, cluster="team").notes)
