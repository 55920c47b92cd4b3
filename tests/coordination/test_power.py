"""The simulator, and through it the size of the default test."""

from __future__ import annotations

import numpy as np
import pytest

from joyeval.coordination import power
from joyeval.errors import UsageError
from joyeval.result import read_result


@pytest.mark.slow
def test_power_rises_with_change_and_the_detectable_change_has_80_per_cent():
    got = power(groups=4, raters=8, datasets=200, changes=(0.1, 0.5))
    assert got.table["power"].is_monotonic_increasing
    again = power(groups=4, raters=8, datasets=200, changes=(got.detectable,))
    assert again.table["power"].iloc[0] == pytest.approx(0.8, abs=0.09)  # three standard errors of 200 data sets


@pytest.mark.slow
def test_linking_people_makes_a_survey_more_precise():
    found = [power(groups=4, raters=8, linkage=share, datasets=60).precision for share in (0.0, 0.9)]
    assert found[1] < 0.8 * found[0]


def test_published_sizes_give_the_published_precision():
    """A reference simulation with 7 groups of 10 raters found a standard error of .106 and 30 % power at .13 to .20."""
    same = {"rater": 0.35, "rater x wave": 0.0, "rater x target": 0.0, "residual": 0.27}
    got = power(groups=7, raters=10, datasets=100, variances=same)
    assert got.precision == pytest.approx(0.106, abs=0.004)


def test_hopeless_claims_are_called_so_and_the_result_round_trips():
    got = power(groups=3, raters=5, datasets=20)
    assert any("out of reach" in note for note in got.notes)
    assert read_result(got.to_json()).sentence() == got.sentence()


def test_impossible_surveys_are_refused():
    with pytest.raises(UsageError, match="at least 2 groups"):
        power(groups=1, raters=5)
    with pytest.raises(UsageError, match="shares from 0 to 1"):
        power(groups=3, raters=5, response=0)
    with pytest.raises(UsageError, match="variance of mood"):
        power(groups=3, raters=5, variances={"mood": 1})


@pytest.mark.slow
@pytest.mark.parametrize("groups", [3, 6, 12])
@pytest.mark.parametrize("raters", [5, 30])
@pytest.mark.parametrize("linkage", [0.0, 0.7])
def test_the_default_test_keeps_its_size(groups, raters, linkage):
    """5 % nominal, 4 to 6.5 % promised, so that intervals cover 93.5 to 96 %; one standard error of the share (0.5
    points in 2,000 data sets, 0.7 in the 1,000 of the largest surveys) is added at both ends."""
    datasets = 1000 if groups * raters > 200 else 2000
    got = power(groups=groups, raters=raters, linkage=linkage, datasets=datasets, seed=11)
    error = np.sqrt(0.05 * 0.95 / datasets)
    assert 0.04 - error < got.false_alarms < 0.065 + error
