"""The model of raters: the same numbers as the general mixed model and, where they apply, as t tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval import models
from joyeval.coordination.rater_model import panel, tie_means
from joyeval.errors import ModelError
from tests.coordination.surveys import survey


def fitted(table):
    """The model of raters on a table of ties, its cells in the order of sorted workgroup, target and wave."""
    codes = {name: pd.factorize(table[name], sort=True)[0] for name in ("person", "workgroup", "target", "wave")}
    rater, block, target, wave = codes.values()
    return tie_means(panel(table["rc"].to_numpy(), rater=rater, block=block, target=target, wave=wave))


@pytest.mark.parametrize(("waves", "linked"), [(("1", "2"), 0.7), (("1", "2", "3"), 0.5), (("1", "2"), 0.0)])
def test_every_mean_and_its_small_sample_error_are_those_of_the_general_engine(waves, linked):
    """Two implementations of REML and Kenward-Roger that share no code for the likelihood agree to 7 digits."""
    table = survey(seed=3, waves=waves, linked=linked)
    got = fitted(table)
    cell = table["workgroup"] + table["target"] + table["wave"]
    other = table.assign(
        cell=cell, per_wave=table["person"] + "." + table["wave"], per_target=table["person"] + "." + table["target"]
    )
    groups = ["person", "per_wave", "per_target"] if linked else ["person"]
    known = models.mixed("rc ~ 0 + C(cell)", other, groups=groups, df="kenward-roger")
    each = np.eye(got.mean.shape[1])
    block = np.repeat(np.arange(len(got.mean)), len(each))
    estimate, se, df = got.contrasts(np.tile(each, (len(got.mean), 1)), block, np.arange(got.mean.size))
    np.testing.assert_allclose(estimate, known.terms["estimate"], atol=1e-7)
    np.testing.assert_allclose(se, known.terms["se"], rtol=1e-6)
    np.testing.assert_allclose(df, known.terms["df"], rtol=1e-5)
    np.testing.assert_allclose(got.deviance, -2 * known.loglik, atol=1e-7)


def test_one_group_seen_twice_is_a_paired_t_test():
    """Complete and balanced: the mean change over targets is the paired test of the raters' means, df and all."""
    table = survey(seed=8, groups="ABCD", raters=9, linked=1.0, skip=0.0, bias=0.6).query("workgroup == 'A'")
    got = fitted(table)
    means = table.groupby(["person", "wave"])["rc"].mean().unstack()
    known = stats.ttest_rel(means["2"], means["1"])
    estimate, se, df = got.contrasts(np.tile([-0.25, 0.25], (1, 4)), np.array([0]), np.array([0]))
    assert estimate[0] / se[0] == pytest.approx(known.statistic)
    assert df[0] == pytest.approx(known.df)


def test_one_group_of_new_people_is_a_two_sample_t_test():
    table = survey(seed=5, groups="ABCD", raters=9, linked=0.0, skip=0.0).query("workgroup == 'A'")
    got = fitted(table)
    means = table.groupby(["person", "wave"])["rc"].mean().unstack()
    known = stats.ttest_ind(means["2"].dropna(), means["1"].dropna())
    estimate, se, df = got.contrasts(np.tile([-0.25, 0.25], (1, 4)), np.array([0]), np.array([0]))
    assert estimate[0] / se[0] == pytest.approx(known.statistic)
    assert df[0] == pytest.approx(known.df)


def test_raters_who_do_not_differ_leave_no_variance_between_them():
    """Raters made more alike than chance: a negative variance would fit best, 0 is reported."""
    table = survey(seed=2, groups="ABCD", raters=8, linked=0.0, skip=0.0)
    table["rc"] -= table.groupby("person")["rc"].transform("mean") - 3
    got = fitted(table)
    assert got.variances[0] == 0
    assert got.variances[-1] > 0


def test_too_little_to_judge_by_is_refused():
    one = survey(raters=1, groups="AB", linked=1.0, skip=0.0)
    with pytest.raises(ModelError, match="more raters per workgroup"):
        fitted(one)
    with pytest.raises(ModelError, match="same score"):
        fitted(survey(groups="AB", skip=0.0).assign(rc=3.0))


def test_ratings_without_any_rest_are_an_answer():
    """Each rating is that of the rater in this wave plus that of the rater of this group: the residual is 0."""
    rng = np.random.default_rng(3)
    rater, target, wave = (axis.ravel() for axis in np.indices((6, 3, 2)))
    y = rng.normal(size=(6, 3))[rater, target] + rng.normal(size=(6, 2))[rater, wave]
    found = tie_means(panel(y, rater=rater, block=rater // 2, target=target, wave=wave))
    assert found.variances[-1] < 1e-5 * found.variances.sum()
    assert np.isfinite(found.vcov).all()


@pytest.mark.parametrize("pooled", [False, True])
def test_spreads_of_workgroups_are_the_same_alone_and_together(monkeypatch, pooled):
    """Blocks with unequal numbers of rows and of patterns are laid out side by side, or in batches."""
    got = fitted(survey(seed=4, linked=0.5, skip=0.2))
    rng = np.random.default_rng(1)
    block = np.array([0, 0, 0, 1, 2, 2])
    weights = rng.normal(size=(len(block), got.mean.shape[1])) * (got.raters[block] > 0)
    together = np.array(got.scores.spreads(weights, block, pooled=pooled))
    alone = [np.array(got.scores.spreads(weights[block == b], block[block == b], pooled=pooled)) for b in range(3)]
    np.testing.assert_allclose(together, np.hstack(alone), rtol=1e-10)
    monkeypatch.setattr("joyeval.coordination.rater_model.AT_ONCE", 1)
    np.testing.assert_allclose(np.array(got.scores.spreads(weights, block, pooled=pooled)), together, rtol=1e-10)
    assert got.scores.spreads(weights[:0], block[:0])[0].size == 0
