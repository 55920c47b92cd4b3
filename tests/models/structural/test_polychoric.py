"""Polychoric correlations equal lavaan's and psych's; the covariance of the estimates is what repetition shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from joyeval.errors import ModelError, UsageError
from joyeval.models.structural.correlations import normal_square, polychoric
from joyeval.models.structural.ordinal_moments import ordinal_moments
from tests.conftest import golden, reference


@pytest.fixture(scope="module")
def agree() -> pd.DataFrame:
    data = pd.read_csv(reference("reference", "golden", "models", "data", "bfi.csv"))
    return data[["A1", "A2", "A3", "A4", "A5"]]


@pytest.mark.parametrize(
    ("h", "k", "rho"), [(0.3, -1, 0.5), (1, 2, 0.95), (-0.5, 0.2, -0.99), (-2, -2, 0.9999), (0, 0, 0)]
)
def test_normal_square_is_the_bivariate_normal(h, k, rho):
    known = multivariate_normal([0, 0], [[1, rho], [rho, 1]], allow_singular=True).cdf([h, k])
    assert normal_square(np.array(h), np.array(k), np.array(rho)) == pytest.approx(known, abs=1e-12)


def test_correlations_equal_lavaan(agree):
    known = golden("models", "cases", "polychoric_bfi_A.json")["expected"]
    got = polychoric(agree)
    assert got.n == known["n"]
    table = pd.DataFrame(known["lavaan"]).set_index("_row").to_numpy()
    assert got.correlation == pytest.approx(table, abs=1e-7)


def test_pairwise_correlations_equal_psych(agree):
    """5e-5: psych's optimiser stops at about 2e-5."""
    known = golden("models", "cases", "polychoric_bfi_A.json")["expected"]["psych_pairwise"]
    got = polychoric(agree, missing="pairwise")
    assert got.correlation == pytest.approx(pd.DataFrame(known).set_index("_row").to_numpy(), abs=5e-5)


def draw(rng: np.random.Generator, n: int) -> pd.DataFrame:
    common = rng.normal(size=(n, 1))
    y = 0.8 * common + 0.6 * rng.normal(size=(n, 3))
    return pd.DataFrame(
        np.stack([np.digitize(y[:, i], cuts) for i, cuts in enumerate(([-1, 0, 1], [0.5], [-0.4, 0.9]))], 1)
    )


def test_thresholds_and_correlations_are_recovered():
    got = ordinal_moments(draw(np.random.default_rng(1), 40_000), what="test")
    assert got.thresholds == pytest.approx([-1, 0, 1, 0.5, -0.4, 0.9], abs=0.03)
    assert got.correlations == pytest.approx(0.64, abs=0.03)


@pytest.mark.slow
def test_covariance_of_the_estimates_is_that_of_repeated_samples():
    """250 samples of 400: standard errors within 15 %, correlations of the estimates within 0.25 (four MC errors)."""
    rng = np.random.default_rng(2)
    found = [ordinal_moments(draw(rng, 400), what="test") for _ in range(250)]
    seen, told = np.cov(np.array([part.vector for part in found]).T), np.mean([part.vcov for part in found], axis=0)
    assert np.sqrt(np.diag(told)) == pytest.approx(np.sqrt(np.diag(seen)), rel=0.15)
    scale = [np.sqrt(np.outer(np.diag(m), np.diag(m))) for m in (told, seen)]
    assert told / scale[0] == pytest.approx(seen / scale[1], abs=0.25)


def test_identical_items_correlate_as_much_as_is_allowed():
    item = pd.Series(np.arange(60) % 4)
    assert polychoric(pd.DataFrame({"a": item, "b": item})).correlation[0, 1] > 0.99


def test_data_that_cannot_answer_are_refused():
    items = pd.DataFrame({"a": [1, 2] * 10, "b": [1] * 20})
    with pytest.raises(ModelError, match="20 usable rows of 2 items; only one option of b was chosen"):
        polychoric(items)
    with pytest.raises(ModelError, match="4 usable rows"):
        polychoric(items.head(4))
    with pytest.raises(UsageError, match="more than 12 distinct answers in a"):
        polychoric(pd.DataFrame({"a": range(20), "b": [1, 2] * 10}))
