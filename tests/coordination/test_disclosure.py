"""Ties as they may be shown: thin ties go, and nothing left gives them away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval import disclosure
from joyeval.coordination import change, matrix
from joyeval.coordination.reading import seen_differently, strengths
from tests.coordination.surveys import survey


def square(sizes, seed=1):
    """Ties of one wave; `sizes` gives the raters of each workgroup."""
    table = survey(seed=seed, groups="".join(sizes), raters=max(sizes.values()), waves=("1",), skip=0.0)
    rank = table.groupby("workgroup")["person"].rank("dense")
    return table[rank <= table["workgroup"].map(sizes)]


def test_a_thin_group_is_hidden_with_the_next_smallest():
    shown = disclosure.protect_matrix(matrix(square({"A": 3, "B": 12, "C": 20, "D": 20}), wave="1"))
    hidden = shown.cells[shown.cells["mean"].isna()]
    pairs = set(hidden["workgroup"] + hidden["target"])
    assert pairs == {"AA", "AB", "AC", "AD", "BB", "BC", "BD", "CB"}  # B is rated by A, C and D; by C, A is covered
    assert any("8 of 16 ties are not shown" in note for note in shown.notes)


def test_nothing_is_hidden_where_all_are_large():
    exact = matrix(square({"A": 12, "B": 15, "C": 11}), wave="1")
    shown = disclosure.protect_matrix(exact)
    assert shown.cells["mean"].notna().all()
    assert (shown.cells["mean"] == exact.cells["mean"].round(1)).all()
    assert set(shown.cells["n"]) == {10, 15}


@given(st.lists(st.integers(2, 25), min_size=2, max_size=6), st.integers(2, 11))
def test_no_hidden_tie_can_be_worked_out_from_the_means_that_are_shown(sizes, threshold):
    """Whoever knows a mean over all ties that a group is rated on learns only of `threshold` raters together."""
    rule = disclosure.Rule(threshold=threshold, reason="test")
    exact = matrix(square(dict(zip("ABCDEF", sizes, strict=False))), wave="1")
    shown = disclosure.protect_matrix(exact, rule=rule)
    hidden = shown.cells["mean"].isna()
    assert (exact.cells.loc[~hidden, "n"] >= threshold).all()
    family = exact.cells["target"].where(~exact.cells["within"], "own")
    together = exact.cells.loc[hidden, "n"].groupby(family[hidden]).sum()
    assert (together >= threshold).all() or shown.index["mean"].isna().all()
    names = set(zip(exact.cells["workgroup"][~hidden], exact.cells["target"][~hidden], strict=True))
    assert all({(p.workgroup, p.target), (p.target, p.workgroup)} <= names for p in shown.pairs.itertuples())


def test_means_of_groups_are_taken_over_the_ties_shown():
    whole = matrix(square({"A": 3, "B": 12, "C": 20, "D": 20}), wave="1")
    shown, exact = disclosure.protect_matrix(whole), whole.cells.set_index(["workgroup", "target"])
    assert set(shown.groups.dropna(subset=["given"])["workgroup"]) == {"B", "C", "D"}
    assert shown.groups.set_index("workgroup").loc["B", "given"] == pytest.approx(exact.loc[("B", "A"), "mean"])


def test_a_facilitator_sees_more_than_the_public():
    whole = matrix(square({"A": 6, "B": 7, "C": 20}), wave="1")
    public, close = disclosure.protect_matrix(whole), disclosure.protect_matrix(whole, rule=disclosure.FACILITATOR)
    assert public.cells["mean"].notna().sum() < close.cells["mean"].notna().sum() == 9


def test_a_survey_of_too_few_gives_no_index():
    shown = disclosure.protect_matrix(matrix(square({"A": 3, "B": 3}), wave="1"))
    assert "too few answered" in shown.sentence()
    assert strengths(shown)[0].startswith("No tie can be judged here")


def test_a_change_is_hidden_if_either_wave_is():
    table = survey(groups="ABCD", raters=14, linked=1.0, skip=0.0)
    gone = table.query("workgroup == 'A' and wave == '2'")["person"].unique()[:10]
    table = table[~(table["person"].isin(gone) & (table["wave"] == "2"))]
    shown = disclosure.protect_change(change(table, dimensions=False))
    hidden = shown.ties[shown.ties["estimate"].isna()]
    assert {"A"} < set(hidden["workgroup"])
    assert hidden[["n_first", "n_second", "shrunken"]].isna().all(axis=None)


def test_counts_of_turnover_are_rounded_and_small_ones_hidden():
    table = survey(groups="ABC", raters=12, linked=0.8, seed=4)
    exact, shown = (
        f(change(table, dimensions=False)).turnover.iloc[0] for f in (lambda c: c, disclosure.protect_change)
    )
    assert exact.leavers < 11
    assert np.isnan([shown.leavers, shown.leavers_differ]).all()
    assert shown.stayers == 5 * round(exact.stayers / 5)


def test_words_put_strengths_first_and_never_rank():
    table = square({"A": 40, "B": 40, "C": 40})
    high = (table["workgroup"] == "A") & (table["target"] == "B")
    table["rc"] = np.where(high, 4.6, 3.0) + np.random.default_rng(1).normal(0, 0.3, len(table))
    got = matrix(table, wave="1")
    assert strengths(got) == [line for line in strengths(got) if line.startswith("A see the tie with B as strong: 4.6")]
    assert [line[:38] for line in seen_differently(got)] == ["A and B see their tie differently: 4.6"]
    alike = got.pairs.assign(q=1.0)
    assert seen_differently(replace(got, pairs=alike)) == [
        "Of 3 pairs of groups that can be compared here none clearly sees its tie differently."
    ]


def test_readers_who_see_fewer_ties_are_not_told_that_no_pair_differs():
    """The programme's edition names a pair that the public one hides: the public one speaks of what it shows."""
    table = square({"A": 40, "B": 7, "C": 40})
    high = (table["workgroup"] == "A") & (table["target"] == "B")
    table["rc"] = np.where(high, 4.6, 3.0) + np.random.default_rng(1).normal(0, 0.3, len(table))
    got = matrix(table, wave="1")
    near, far = (disclosure.protect_matrix(got, rule=rule) for rule in (disclosure.FACILITATOR, disclosure.Rule()))
    assert seen_differently(near)[0].startswith("A and B see their tie differently")
    assert seen_differently(far)[0].startswith("No pair of groups can be judged here")


@given(st.lists(st.integers(2, 25), min_size=2, max_size=6))
def test_what_all_others_say_never_gives_a_thin_tie_away(sizes):
    """The mean of all others less the ties shown speaks of at least 11 raters, in the matrix and in the change."""
    exact = matrix(square(dict(zip("ABCDEF", sizes, strict=False))), wave="1")
    shown = disclosure.protect_matrix(exact)
    unseen = exact.cells[shown.cells["mean"].isna() & ~exact.cells["within"]].groupby("target")["n"].sum()
    known = shown.rated.dropna(subset=["mean"])["target"]
    assert (unseen[unseen.index.isin(known)] >= 11).all()
    assert shown.rated.loc[exact.rated["n"] < 11, "mean"].isna().all()


def test_the_public_sees_what_all_others_say_where_single_ties_are_hidden():
    table = survey(groups="ABCDE", raters=7, linked=1.0, skip=0.0)
    shown = disclosure.protect_change(change(table, dimensions=False))
    assert shown.ties["estimate"].isna().all()
    assert shown.rated["estimate"].notna().all()
    assert set(shown.rated["n_first"]) == {30}
