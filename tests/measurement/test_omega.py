"""Omega equals lavaan's one-factor model; its interval covers with skewed answers too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError
from joyeval.measurement import Omega, alpha, omega
from tests.conftest import golden, reference


def bfi() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "bfi.csv"))


@pytest.mark.parametrize("name", list("ACENO"))
def test_omega_of_bfi_equals_lavaan(name):
    """1e-5: lavaan's optimiser stops at a gradient of about 1e-6."""
    case = golden("models", "cases", "omega_bfi_scales.json")
    known = case["expected"][name]
    got = omega(bfi()[case["spec"]["scales"][name]])
    assert got.estimate == pytest.approx(known["omega_unidim_cfa"], rel=1e-5)
    assert got.loadings.set_index("item")["loading"].to_dict() == pytest.approx(known["loadings"], rel=1e-5)


def test_omega_of_staff_equals_lavaan():
    case = golden("models", "cases", "staff_psychometrics.json")
    staff = pd.read_csv(reference("reference", "golden", "models", "data", "sim_staff.csv"))
    got = omega(staff[case["spec"]["items"]], by=staff["wave"])
    assert got.estimate == pytest.approx(case["expected"]["omega_unidim_cfa"], rel=1e-5)
    first = got.loadings.query("wave == 1").set_index("item")["loading"]
    assert first.to_dict() == pytest.approx(case["expected"]["loadings"], rel=1e-5)


RNG = np.random.default_rng(3)
FACTOR = RNG.normal(size=(150, 1))
EVEN = pd.DataFrame(FACTOR + RNG.normal(size=(150, 4)), columns=["q1", "q2", "q3", "q4"])


def test_equally_good_items_give_alpha():
    """With equal loadings omega is alpha; in a sample of 150 they are within 0.01."""
    assert omega(EVEN).estimate == pytest.approx(alpha(EVEN).estimate, abs=0.01)


def test_two_items_are_given_equal_loadings():
    """Omega of two items with equal loadings and free residuals is alpha, exactly."""
    got = omega(EVEN[["q1", "q2"]])
    assert got.estimate == pytest.approx(alpha(EVEN[["q1", "q2"]]).estimate, rel=1e-6)
    assert any("two items" in note for note in got.notes)


def test_item_that_was_not_reversed_is_named():
    assert any(
        "items that run the other way" in note and "q3" in note for note in omega(EVEN.assign(q3=-EVEN.q3)).notes
    )


@pytest.mark.parametrize(
    ("items", "found"),
    [
        (EVEN[["q1"]], "found 1 item and 150 respondents"),
        (EVEN.head(2), "2 usable rows for 4 variables"),
        (EVEN.assign(q2=3.0), "q2 does not vary"),
    ],
)
def test_data_that_cannot_answer_are_refused_with_scale_and_n(items, found):
    with pytest.raises(ModelError, match=r"omega of joy") as error:
        omega(items, scale="joy")
    assert found in str(error.value)


def test_a_group_that_cannot_answer_is_noted():
    wave = pd.Series([1] * 147 + [2] * 3, name="wave")
    got = omega(EVEN, by=wave, scale="joy")
    assert got.tidy()["estimate"].isna().tolist() == [False, True]
    assert any("no omega in 1 of 2 groups: omega of joy, 2: 3 usable rows" in note for note in got.notes)


def test_result_survives_json_and_speaks():
    got = omega(EVEN, scale="joy")
    assert Omega.from_json(got.to_json()).sentence() == got.sentence()
    assert got.sentence().startswith("Omega of joy was 0.81 (95% CI 0.75 to 0.86; 150 respondents)")


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 100, 300])
def test_interval_covers_with_skewed_five_point_items(n):
    """1,500 samples: 93 to 97 % at nominal 95 %; the truth is a sample of 400,000."""
    rng, loadings = np.random.default_rng(n), np.array([0.5, 0.6, 0.7, 0.8, 0.6])

    def draw(size: int) -> pd.DataFrame:
        y = rng.normal(size=(size, 1)) * loadings + rng.normal(size=(size, 5)) * np.sqrt(1 - loadings**2)
        return pd.DataFrame(np.digitize(y, [-1.8, -1.2, -0.5, 0.4])).astype(float)

    truth = omega(draw(400_000)).estimate
    rows = (
        omega(draw(1500 * n), by=pd.Series(np.repeat(np.arange(1500), n), name="sample"))
        .tidy()
        .dropna(subset="estimate")
    )
    assert len(rows) > 1450
    assert 0.93 <= (rows["ci_low"].le(truth) & rows["ci_high"].ge(truth)).mean() <= 0.97
