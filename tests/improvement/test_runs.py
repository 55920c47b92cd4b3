"""Limits of the runs tests against every possible sequence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from joyeval.improvement.runs import _joint, run_limits
from tests.improvement.test_properties import binary


@pytest.mark.parametrize("above", [0.5, 0.7881446])
def test_joint_distribution_of_crossings_and_longest_run(above):
    """By enumeration of the 4,096 sequences of 12 points."""
    signs = binary(12)
    chance = np.where(signs > 0, above, 1 - above).prod(axis=1)
    crossings = (np.diff(signs, axis=1) != 0).sum(axis=1)
    lengths = np.ones(len(signs), int)
    longest = np.ones(len(signs), int)
    for place in range(1, 12):
        lengths = np.where(signs[:, place] == signs[:, place - 1], lengths + 1, 1)
        longest = np.maximum(longest, lengths)
    exact = _joint(above)[12]
    for most in range(1, 13):
        for crossed in range(12):
            expected = chance[(longest <= most) & (crossings == crossed)].sum()
            assert exact[most, crossed] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [10, 24, 57, 100])
def test_the_best_box_is_specific_enough_and_none_such_misses_fewer_shifts(n):
    stable, shifted = _joint(0.5)[n], _joint(norm.cdf(0.8))[n]
    best = run_limits(np.array([n]), method="best-box")
    mine = (int(best.longest_max[0]), int(best.crossings_min[0]))
    boxes = {(longest, c): stable[longest, c:].sum() for longest in range(1, 20) for c in range(n)}
    missed = {box: shifted[box[0], box[1] :].sum() for box, inside in boxes.items() if inside >= 0.925}
    assert missed[mine] == min(missed.values())


def test_a_cut_box_signals_in_its_corner():
    cut = run_limits(np.array([10, 10, 10, 10]), method="cut-box")
    assert cut.signal(np.array([6, 6, 5, 5]), np.array([2, 3, 2, 1])).tolist() == [True, False, False, True]


def test_outside_the_boxes_the_anhoej_limits_stand():
    few = np.array([1, 5, 9, 101, 200])
    np.testing.assert_array_equal(run_limits(few, method="cut-box"), run_limits(few))
