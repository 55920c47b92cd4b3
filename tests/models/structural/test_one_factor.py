"""Many one-factor models at once equal the general engine, one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.measurement import omega
from joyeval.measurement.omega import _one_factor
from joyeval.models.structural.model import sem
from joyeval.models.structural.single_factor import discrepancy, one_factor, share, share_error


def answers(groups: int, n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Skewed five-point answers of several groups, and the group of each row."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(groups * n, 1)) * rng.uniform(0.5, 1, k) + 0.7 * rng.normal(size=(groups * n, k))
    return np.digitize(y, [-1.5, -0.8, -0.2, 0.8]).astype(float), np.repeat(np.arange(groups), n)


def moments(x: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    means = np.array([x[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
    centred = x - means[codes]
    return centred, np.array([np.cov(x[codes == code].T, bias=True) for code in range(codes.max() + 1)])


@pytest.mark.parametrize("k", [2, 3, 5])
def test_loadings_omega_and_robust_error_equal_the_general_engine(k):
    """Both stop where no gain is left; 1e-6 is what remains of that."""
    x, codes = answers(5, 120, k, seed=k)
    centred, cov = moments(x, codes)
    found = one_factor(cov)
    error = share_error(found, cov, centred, codes)
    assert found.converged.all()
    for code in range(5):
        values, table = _one_factor(pd.DataFrame(x[codes == code], columns=[f"q{i}" for i in range(k)]), "omega", 0.95)
        assert (share(found)[code], error[code]) == pytest.approx(values["omega"][:2], rel=1e-6)
        assert found.loadings[code] == pytest.approx(table["loading"].to_numpy(), rel=1e-5)


def test_discrepancy_at_the_minimum_is_the_chi_square():
    x, codes = answers(1, 300, 5, seed=9)
    _, cov = moments(x, codes)
    found = one_factor(cov)
    theta = np.concatenate([found.loadings, found.unique], axis=1)
    chisq = 300 * (discrepancy(theta, cov)[0] - np.linalg.slogdet(cov[0])[1] - 5)
    names = [f"q{i}" for i in range(5)]
    whole = sem(f"f =~ {' + '.join(names)}", pd.DataFrame(x, columns=names), standard=True)
    assert chisq == pytest.approx(whole.fit["chisq"], rel=1e-6)


def test_a_group_without_a_factor_says_so_and_leaves_the_others_alone():
    x, codes = answers(3, 60, 4, seed=2)
    _, cov = moments(x, codes)
    bad = cov.copy()
    bad[1] = np.nan
    found = one_factor(bad)
    assert found.converged.tolist() == [True, False, True]
    assert found.loadings[[0, 2]] == pytest.approx(one_factor(cov).loadings[[0, 2]])


@given(st.integers(0, 10_000), st.floats(0.1, 20), st.integers(-5000, 5000).map(lambda hundredths: hundredths / 100))
def test_omega_ignores_units_of_measurement(seed, factor, shift):
    x, _ = answers(1, 80, 4, seed)
    one, two = (omega(pd.DataFrame(values, columns=list("abcd"))).tidy() for values in (x, x * factor + shift))
    assert one["estimate"].iloc[0] == pytest.approx(two["estimate"].iloc[0], rel=1e-5)
    assert one["ci_low"].iloc[0] == pytest.approx(two["ci_low"].iloc[0], rel=1e-4)
