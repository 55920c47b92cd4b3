"""Other scoring rules, non-response, comparison units and published means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval.coordination import (
    change,
    change_of_means,
    difference_in_differences,
    matrix_of_means,
    non_response,
    scoring_rules,
)
from joyeval.errors import DataError, ModelError, UsageError
from joyeval.result import read_result
from tests.coordination.surveys import DIMENSIONS, survey

# Three waves of communication by job, mean and SD of 0 to 100: PMC3624062, table II.
NURSES = {"1": (178, 71.4, 10.7), "2": (120, 69.0, 12.1), "3": (162, 72.2, 11.0)}
PROVIDERS = {"1": (77, 77.1, 12.4), "2": (52, 77.9, 12.6), "3": (55, 75.4, 12.3)}


def published():
    rows = [(w, g, "all", *v) for g, waves in (("nurses", NURSES), ("providers", PROVIDERS)) for w, v in waves.items()]
    return pd.DataFrame(rows, columns=["wave", "workgroup", "target", "n", "mean", "sd"])


def headcounts(n, less=0):
    """The same headcount everywhere, `less` fewer in B."""
    rows = [("ward", g, w, n - less * (g == "B")) for g in "AB" for w in "12"]
    return pd.DataFrame(rows, columns=["process", "workgroup", "wave", "headcount"])


def answered(table):
    """Whole answers to each dimension, and their mean."""
    answers = table[list(DIMENSIONS)].round().clip(1, 5)
    return table.assign(**answers, rc=answers.mean(axis=1))


def mean_change(table, **options):
    terms = change(table, dimensions=False, **options).tidy()
    return terms[terms["part"] == "between"].iloc[0]


def test_the_usual_rules_are_among_the_combinations():
    table = answered(survey(gain=0.4, raters=8))
    got = scoring_rules(table, first="1", second="2")
    usual = got.table.iloc[0]
    assert got.n == 48
    assert tuple(usual[:5]) == ("mean of items", "scored", 4, "missing", "left out")
    assert usual["estimate"] == pytest.approx(mean_change(table)["estimate"])
    assert read_result(got.to_json()).sentence() == got.sentence()


def test_no_contact_as_weakest_lowers_a_wave_in_which_contact_ended():
    table = answered(survey(raters=8, skip=0.0, linked=1.0))
    none = (table["wave"] == "2") & (table["target"] == "B")
    table.loc[none, list(DIMENSIONS)] = np.nan
    table = table.assign(no_contact=none, rc=table[list(DIMENSIONS)].mean(axis=1))
    by_rule = scoring_rules(table, first="1", second="2").table.groupby("no contact")["estimate"].mean()
    assert by_rule["weakest"] < by_rule["missing"] - 0.3


def test_bounds_and_tipping_point_by_hand():
    """All of A answered, half of B in the second wave: A's ties are sure, B's move with who was silent."""
    table = survey(groups="AB", raters=8, linked=1.0, skip=0.0, gain=0.5)
    silent = table.query("workgroup == 'B'")["person"].unique()[:4]
    table = table[~(table["person"].isin(silent) & (table["wave"] == "2"))]
    got = non_response(table, headcounts(8), first="1", second="2")
    row = got.terms.iloc[0]
    assert (row.response_first, row.response_second) == (1.0, 0.75)
    assert row.tipping == pytest.approx(row.estimate / 0.25)
    assert row.highest - row.lowest == pytest.approx((5 - 1) * 0.25)
    assert row.lowest < row.estimate < row.highest
    with pytest.raises(UsageError, match=r"fewer members than raters, for B \(ward\)"):
        non_response(table, headcounts(8, less=3), first="1", second="2")


def test_only_a_clear_change_can_be_undone_and_none_beyond_the_scale():
    table = survey(groups="AB", raters=8, linked=1.0, skip=0.0, gain=0.5)
    silent = table.query("workgroup == 'B'")["person"].unique()[:4]
    got = non_response(
        table[~(table["person"].isin(silent) & (table["wave"] == "2"))], headcounts(8), first="1", second="2"
    )
    row = got.terms.iloc[0]

    def told(**numbers):
        return replace(got, terms=got.terms.head(1).assign(**numbers)).sentence()

    assert f"the change of {row.estimate:+.2f} points would vanish if" in told(ci_low=0.1, ci_high=0.9)
    assert told(ci_low=-0.1, ci_high=0.9).startswith("No change is clear")
    assert "the scale is not wide enough" in told(ci_low=0.1, ci_high=0.9, tipping=8.0)
    assert "everybody answered" in told(ci_low=0.1, ci_high=0.9, tipping=np.nan)


def test_everyone_answered_leaves_nothing_to_tip():
    table = survey(groups="AB", raters=6, linked=1.0, skip=0.0)
    row = non_response(table, headcounts(6), first="1", second="2").terms.iloc[0]
    assert np.isnan(row.tipping)
    assert row.lowest == pytest.approx(row.estimate)


def units(gains):
    tables = [survey(seed=i, process=f"u{i}", gain=gain, raters=6) for i, gain in enumerate(gains)]
    return pd.concat([t.assign(person=f"u{i}" + t["person"]) for i, t in enumerate(tables)], ignore_index=True)


def test_difference_in_differences_is_the_difference_of_the_mean_changes():
    table = units([0.6, 0.6, 0.0, 0.0, 0.0])
    got = difference_in_differences(table, programme=["u0", "u1"], first="1", second="2")
    arms = got.units.groupby("arm")["estimate"]
    known = stats.ttest_ind(*(arms.get_group(name) for name in ("programme", "comparison")), equal_var=False)
    these, alike = got.terms.set_index("estimator").loc[["these units", "units like these"]].itertuples()
    assert these.estimate == pytest.approx(arms.mean()["programme"] - arms.mean()["comparison"])
    assert alike.p == pytest.approx(known.pvalue)
    assert these.ci_low < 0.6 < these.ci_high


def test_one_unit_in_an_arm_is_about_these_units_only():
    got = difference_in_differences(units([0.5, 0.0]), programme=["u0"], first="1", second="2")
    assert list(got.terms["estimator"]) == ["these units"]
    assert any("not about units like them" in note for note in got.notes)
    assert read_result(got.to_json()).sentence() == got.sentence()
    open_ = replace(got, terms=got.terms.assign(ci_low=-0.1, ci_high=0.9))
    assert open_.sentence().startswith("Whether ties between workgroups (2 - 1) changed otherwise in the 1 unit with")
    with pytest.raises(ModelError, match="one without"):
        difference_in_differences(units([0.5, 0.0]), programme=["u0", "u1"], first="1", second="2")
    with pytest.raises(UsageError, match="no process u9"):
        difference_in_differences(units([0.5, 0.0]), programme=["u9"], first="1", second="2")


@pytest.mark.parametrize(("first", "second"), [("1", "2"), ("1", "3")])
def test_changes_of_published_means_are_welch_tests_of_their_summaries(first, second):
    got = change_of_means(published(), first=first, second=second).terms.set_index("workgroup")
    for name, waves in (("nurses", NURSES), ("providers", PROVIDERS)):
        (n1, m1, s1), (n2, m2, s2) = waves[first], waves[second]
        known = stats.ttest_ind_from_stats(m2, s2, n2, m1, s1, n1, equal_var=False)
        assert got.loc[name, "estimate"] == pytest.approx(m2 - m1)
        assert got.loc[name, "p"] == pytest.approx(known.pvalue)


def test_mean_over_published_ties_has_an_interval_only_with_an_assumption():
    without = change_of_means(published(), first="1", second="3")
    assert without.mean["se"].isna().all()
    assert any("no interval" in note for note in without.notes)
    table = published().pipe(lambda d: pd.concat([d, d.assign(target="others")]))
    apart, together = (change_of_means(table, first="1", second="3", correlation=r).mean["se"][0] for r in (0.0, 1.0))
    assert together == pytest.approx(apart * np.sqrt(2))  # two ties per group that say the same


def test_published_matrix_gives_intervals_and_asymmetry():
    """doi:10.1186/1472-6920-6-23, table 1: students and nurses see their tie .30 apart."""
    rows = [("students", "nurses", 68, 2.98, 0.83), ("nurses", "students", 99, 2.68, 1.06)]
    rows.append(("nurses", "nurses", 99, 4.36, 0.72))
    table = pd.DataFrame(rows, columns=["workgroup", "target", "n", "mean", "sd"]).assign(wave="1")
    got = matrix_of_means(table, wave="1")
    assert got.pairs["asymmetry"].abs().iloc[0] == pytest.approx(0.30)
    low, high = stats.t.interval(0.95, 67, 2.98, 0.83 / np.sqrt(68))
    cell = got.cells.query("workgroup == 'students'").iloc[0]
    assert (cell.ci_low, cell.ci_high) == (pytest.approx(low), pytest.approx(high))


def test_incomplete_means_are_refused():
    with pytest.raises(DataError, match="1 rows without n"):
        change_of_means(published().assign(n=lambda d: d["n"].where(d.index > 0)), first="1", second="2")
    with pytest.raises(UsageError, match="no column sd"):
        matrix_of_means(published().drop(columns="sd"), wave="1")
    with pytest.raises(UsageError, match="no means of wave 9"):
        matrix_of_means(published(), wave="9")
