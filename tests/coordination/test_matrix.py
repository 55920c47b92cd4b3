"""The matrix of ties: means, intervals, shrinkage, asymmetry and the three indices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from joyeval.coordination import BETWEEN, RC, matrix
from joyeval.errors import ModelError, UsageError
from joyeval.result import read_result
from tests.coordination.surveys import survey


def ties(scores, wave="1"):
    """{(workgroup, target): [one score per person]}; persons of a workgroup are numbered."""
    rows = [
        {
            "wave": wave,
            "process": "ward",
            "person": f"{g}{i}",
            "workgroup": g,
            "target": t,
            "rc": x,
            "no_contact": x is None,
        }
        for (g, t), values in scores.items()
        for i, x in enumerate(values)
    ]
    return pd.DataFrame(rows).astype({"rc": float})


SMALL = {("A", "A"): [5, 4], ("A", "B"): [3, 4], ("B", "A"): [2, 2, 5], ("B", "B"): [4, 4, 4]}


def test_a_cell_is_a_mean_with_a_t_interval_cut_at_the_ends_of_the_scale():
    cell = matrix(ties(SMALL), wave="1").cells.set_index(["workgroup", "target"]).loc[("B", "A")]
    low, high = stats.t.interval(0.95, 2, loc=3, scale=np.sqrt(3) / np.sqrt(3))
    assert (cell["mean"], cell["n"]) == (3.0, 3)
    assert (low, high) == pytest.approx((-1.30, 7.30), abs=0.01)
    assert (cell.ci_low, cell.ci_high) == (1.0, 5.0)
    wide = matrix(ties(SMALL), wave="1", survey=replace(RC, low=-9, high=9), bands=BETWEEN).cells
    cell = wide.set_index(["workgroup", "target"]).loc[("B", "A")]
    assert (cell.ci_low, cell.ci_high) == (pytest.approx(low), pytest.approx(high))


def test_three_indices_differ_when_groups_differ_in_size():
    got = matrix(ties(SMALL), wave="1").index.set_index(["part", "weighting"])["mean"]
    assert got["between", "tie"] == pytest.approx((3.5 + 3.0) / 2)
    assert got["between", "respondent"] == pytest.approx((3 + 4 + 2 + 2 + 5) / 5)
    assert got["within", "tie"] == pytest.approx((4.5 + 4) / 2)


def test_asymmetry_is_welch():
    pair = matrix(ties(SMALL), wave="1").pairs.iloc[0]
    welch = stats.ttest_ind([3, 4], [2, 2, 5], equal_var=False).confidence_interval()
    assert (pair.asymmetry, pair.ci_low, pair.ci_high) == (0.5, pytest.approx(welch.low), pytest.approx(welch.high))


def test_shrinkage_pulls_small_groups_more_and_probabilities_add_up():
    rng = np.random.default_rng(4)
    names = "ABCDEF"
    scores = {
        (g, t): rng.normal(3.7 + 0.4 * (g < t), 0.8, 3 if g == "A" else 40) for g in names for t in names if g != t
    }
    cells = matrix(ties(scores), wave="1").cells
    np.testing.assert_allclose(cells[["p_weak", "p_moderate", "p_strong"]].sum(axis=1), 1)
    centre = cells["mean"].mean()
    pulled = 1 - (cells["shrunken"] - centre).abs() / (cells["mean"] - centre).abs()
    assert pulled[cells["workgroup"] == "A"].median() > pulled[cells["workgroup"] != "A"].median()


@pytest.mark.slow
def test_shrunken_estimates_are_nearer_the_truth_and_their_intervals_cover():
    """60 matrices of 5 groups with 6 raters each: 1,200 ties; the variance between ties is itself estimated."""
    rng = np.random.default_rng(11)
    raw, shrunken, covered = [], [], []
    for _ in range(60):
        truth = {(g, t): rng.normal(3.7, 0.25) for g in "ABCDE" for t in "ABCDE" if g != t}
        cells = matrix(ties({tie: rng.normal(mu, 0.8, 6) for tie, mu in truth.items()}), wave="1").cells
        mu = np.array([truth[g, t] for g, t in zip(cells["workgroup"], cells["target"], strict=True)])
        raw.append(((cells["mean"] - mu) ** 2).mean())
        shrunken.append(((cells["shrunken"] - mu) ** 2).mean())
        covered.append(((cells["shrunken"] - mu).abs() < 1.96 * cells["shrunken_se"]).mean())
    assert np.mean(shrunken) < 0.6 * np.mean(raw)
    assert 0.90 < np.mean(covered) < 0.97


def test_reciprocity_ignores_how_groups_rate_on_average():
    rng = np.random.default_rng(1)
    names = "ABCDEFGH"
    given, received = rng.normal(size=8), rng.normal(size=8)
    half = np.triu(rng.normal(size=(8, 8)), 1)
    shared = half + half.T
    scores = {
        (g, t): [3 + given[i] + received[j] + shared[i, j]] * 2
        for i, g in enumerate(names)
        for j, t in enumerate(names)
        if i != j
    }
    assert matrix(ties(scores), wave="1").reciprocity == pytest.approx(1.0)


def test_rectangular_matrix_has_no_pairs_and_no_reciprocity():
    got = matrix(ties({("A", "P"): [3, 4], ("B", "P"): [2, 5]}), wave="1")
    assert got.pairs.empty
    assert np.isnan(got.reciprocity)
    assert len(got.cells) == 2


def test_what_cannot_be_answered_is_said():
    with pytest.raises(UsageError, match="no ties of wave '2'; there are 1"):
        matrix(ties(SMALL), wave="2")
    with pytest.raises(ModelError, match="none of 2 rows"):
        matrix(ties({("A", "B"): [None, None]}), wave="1")
    assert any("fewer than 10 raters" in note for note in matrix(ties(SMALL), wave="1").notes)


def test_round_trip_and_sentence():
    got = matrix(ties(SMALL), wave="1")
    back = read_result(got.to_json())
    pd.testing.assert_frame_equal(back.cells, got.cells)
    assert back.sentence() == (
        "In wave 1 the mean of the 2 ties between workgroups was 3.25 on the scale from 1 to 5 (5 respondents)."
    )


@given(st.permutations(range(10)), st.floats(-1, 1))
def test_row_order_changes_nothing_and_a_shift_shifts(order, shift):
    table = ties(SMALL)
    moved = matrix(table.iloc[list(order)].assign(rc=lambda d: d["rc"] + shift), wave="1").cells
    cells = matrix(table, wave="1").cells
    np.testing.assert_allclose(moved["mean"], cells["mean"] + shift, atol=1e-12)
    np.testing.assert_allclose(moved["shrunken_se"], cells["shrunken_se"], atol=1e-9)


def test_what_all_others_say_of_a_group_is_the_mean_of_their_ties():
    """Variance of a mean of independent means; degrees of freedom by Welch and Satterthwaite, by hand."""
    got = matrix(survey(groups="ABC", raters=6, waves=("1",)), wave="1")
    row = got.rated.set_index("target").loc["A"]
    b, c = (got.cells.set_index(["workgroup", "target"]).loc[(g, "A")] for g in "BC")
    assert row["mean"] == pytest.approx((b["mean"] + c["mean"]) / 2)
    assert row.se == pytest.approx(np.hypot(b.se, c.se) / 2)
    assert row.df == pytest.approx((b.se**2 + c.se**2) ** 2 / (b.se**4 / (b.n - 1) + c.se**4 / (c.n - 1)))
    assert row.n == b.n + c.n


def test_pairs_are_named_at_a_false_discovery_rate():
    got = matrix(survey(groups="ABCDEF", raters=8, waves=("1",), seed=3), wave="1").pairs
    assert (got["q"] >= got["p"]).all()
    inside = (got["ci_low"] <= 0) & (got["ci_high"] >= 0)
    assert ((got["p"] >= 0.05) == inside).all()
