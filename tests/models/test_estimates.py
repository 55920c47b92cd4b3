"""Intervals and p values agree with scipy's distributions, at the edges too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from joyeval.models.estimates import estimate_table, p_value


def test_t_and_normal_intervals():
    got = estimate_table(["a", "b"], np.array([1.0, -2.0]), np.array([0.5, 0.8]), n=9, df=np.array([7.3, np.inf]))
    reach = [stats.t.ppf(0.975, 7.3) * 0.5, stats.norm.ppf(0.975) * 0.8]
    assert list(got.columns) == ["term", "estimate", "se", "df", "ci_low", "ci_high", "p", "n"]
    assert got["ci_high"].tolist() == pytest.approx([1 + reach[0], -2 + reach[1]], rel=1e-12)
    assert got["p"].tolist() == pytest.approx([2 * stats.t.sf(2, 7.3), 2 * stats.norm.sf(2.5)], rel=1e-10)
    assert got["n"].tolist() == [9, 9]


def test_an_error_of_0_is_certain_either_way():
    p = p_value(np.array([1.0, 0.0]), np.zeros(2), np.full(2, 5.0))
    assert p.tolist() == [0.0, 1.0]
