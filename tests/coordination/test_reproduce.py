"""Tests as published studies ran them: their numbers, the safe one beside them, and how often they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from joyeval.coordination import change, reproduce
from joyeval.coordination.reproduce import FALSE_ALARMS, SAFE
from joyeval.errors import ModelError
from tests.coordination.surveys import survey


@pytest.fixture(scope="module")
def ties():
    return survey(groups="ABCD", raters=8, gain=0.3)


def test_published_tests_are_scipys_and_the_safe_one_is_that_of_change(ties):
    got = reproduce(ties, first="1", second="2").terms.set_index("test")
    between = ties[ties["workgroup"] != ties["target"]]
    first, second = (between.loc[between["wave"] == wave, "rc"] for wave in "12")
    assert got.loc["rows, two-sample t", "p"] == pytest.approx(stats.ttest_ind(first, second).pvalue)
    means = between.pivot_table(index=["workgroup", "target"], columns="wave", values="rc")
    assert got.loc["ties, paired t", "p"] == pytest.approx(stats.ttest_rel(means["2"], means["1"]).pvalue)
    safe = change(ties, dimensions=False).terms.query("part == 'between'").iloc[0]
    assert got.loc[SAFE, ["estimate", "p"]].tolist() == pytest.approx([safe.estimate, safe.p])


def test_every_measure_has_its_safe_test_and_the_warning_stands_in_the_notes(ties):
    got = reproduce(ties, first="1", second="2", measures=("freq", "resp"))
    assert got.terms.groupby("measure")["test"].agg(set).map(lambda tests: SAFE in tests).all()
    assert any("not to be relied on" in note and "31 of 100" in note for note in got.notes)
    assert "with raters as the sample" in got.sentence()


def test_one_tie_is_refused(ties):
    with pytest.raises(ModelError, match="two are needed"):
        reproduce(ties.query("workgroup == 'A' and target == 'B'"), first="1", second="2")


def no_change(rng, groups=7, raters=10, rater=0.35, residual=0.27):
    """P values of both published tests in one survey without change: other raters at each wave."""
    shape = (2, groups, raters)
    y = np.sqrt(rater) * rng.standard_normal((*shape, 1)) + np.sqrt(residual) * rng.standard_normal((*shape, groups))
    off = ~np.eye(groups, dtype=bool)
    rows = [np.concatenate([y[wave, g][:, off[g]].ravel() for g in range(groups)]) for wave in (0, 1)]
    ties = y.mean(axis=2)[:, off]
    return stats.ttest_ind(*rows).pvalue, stats.ttest_rel(ties[1], ties[0]).pvalue


@pytest.mark.slow
def test_false_alarms_of_the_published_tests_are_as_the_warning_says():
    """4,000 surveys: standard error 0.7 points, so that the whole numbers of the warning lie within 2."""
    rng = np.random.default_rng(5)
    p = np.array([no_change(rng) for _ in range(4000)])
    assert 100 * (p < 0.05).mean(axis=0) == pytest.approx(list(FALSE_ALARMS.values()), abs=2)
