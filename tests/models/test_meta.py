"""Meta-analysis, multiplicity and E-values against R, published values and hand calculation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from joyeval.errors import ModelError, UsageError
from joyeval.models.evalue import EValue, e_value
from joyeval.models.meta import Meta, meta_analysis, meta_regression
from joyeval.models.multiplicity import Multiplicity, adjust, adjust_family
from tests.conftest import golden, reference


def trusts() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "simprog_trust_slopes.csv"))


def test_meta_analysis_is_that_of_metafor():
    expected = golden("models", "cases", "meta_trust_slopes.json")["expected"]["reml_knha"]
    data = trusts()
    fit = meta_analysis(data["yi"], data["sei"], sites=data["trust"], narrow=True)
    row = fit.tidy().iloc[0]
    got = {"b": row["estimate"], "se": row["se"], "tau2": fit.tau2, "I2": 100 * fit.i2, "Q": fit.q}
    assert got == pytest.approx({name: expected[name] for name in got}, rel=1e-5)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(expected["ci"], rel=1e-5)
    assert [fit.predicted_low, fit.predicted_high] == pytest.approx(expected["pi"], rel=1e-5)
    assert any("may be too narrow" in note for note in fit.notes)


def test_sites_that_agree_too_well_do_not_make_the_error_small():
    """metafor's test="adhoc": the factor of the usual variance is at least 1 unless asked."""
    y, se = np.array([0.31, 0.30, 0.29, 0.30]), np.full(4, 0.2)
    fit, narrow = meta_analysis(y, se), meta_analysis(y, se, narrow=True)
    assert fit.tidy()["se"].iloc[0] == pytest.approx(0.1)
    assert narrow.tidy()["se"].iloc[0] < 0.01
    assert any("usual standard error was used" in note for note in fit.notes)
    slope, slope_narrow = (meta_regression(y, se, np.arange(4.0), term="order", narrow=n) for n in (False, True))
    assert slope.tidy()["se"].iloc[1] == pytest.approx(0.2 / np.sqrt(5))
    assert slope_narrow.tidy()["se"].iloc[1] < 0.01


def test_reml_variance_between_sites_of_equal_size_is_the_analysis_of_variance():
    """With equal errors REML is the sample variance less the error variance."""
    y, se = np.array([1.0, 3.0, 2.0, 6.0, 4.5]), np.full(5, 0.7)
    assert meta_analysis(y, se).tau2 == pytest.approx(np.var(y, ddof=1) - 0.49, rel=1e-6)


def test_variance_between_sites_satisfies_its_estimating_equation():
    """The derivative of the restricted likelihood is 0 (Viechtbauer 2005, eq. 14)."""
    y, v = np.array([0.1, 0.5, -0.2, 0.9, 0.3, 0.7]), np.array([0.01, 0.04, 0.02, 0.09, 0.03, 0.05])
    tau2 = meta_analysis(y, np.sqrt(v)).tau2
    w = 1 / (v + tau2)
    mean = w @ y / w.sum()
    assert tau2 == pytest.approx((w**2 @ ((y - mean) ** 2 - v)) / (w @ w) + 1 / w.sum(), rel=1e-5)


@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_units_of_the_effect_do_not_matter(shift, factor):
    y, se = np.array([0.1, 0.5, -0.2, 0.9]), np.array([0.1, 0.2, 0.15, 0.3])
    one, two = meta_analysis(y, se), meta_analysis(shift + factor * y, factor * se)
    assert two.tidy()["estimate"].iloc[0] == pytest.approx(shift + factor * one.tidy()["estimate"].iloc[0], abs=1e-5)
    assert two.i2 == pytest.approx(one.i2, abs=1e-5)


def test_sites_without_an_estimate_are_counted_and_one_site_is_refused():
    fit = meta_analysis(np.array([0.1, np.nan, 0.4]), np.array([0.1, 0.1, 0.2]), sites=["a", "b", "c"])
    assert (fit.n, fit.n_dropped, fit.sites["term"].tolist()) == (2, 1, ["a", "c"])
    assert Meta.from_json(fit.to_json()).sentence() == fit.sentence()
    with pytest.raises(ModelError, match="1 sites with an estimate"):
        meta_analysis(np.array([0.1]), np.array([0.1]))


@pytest.mark.slow
def test_hartung_knapp_covers_for_few_sites():
    """4,000 data sets of 6 sites: 93 to 97 % (Monte Carlo error 0.35 %); prediction falls short, as its note says."""
    rng, covered, predicted = np.random.default_rng(1), [], []
    for _ in range(4000):
        se = rng.uniform(0.1, 0.4, 6)
        effects = 0.3 + rng.normal(scale=0.3, size=7)
        fit = meta_analysis(effects[:6] + rng.normal(scale=se), se)
        row = fit.tidy().iloc[0]
        covered.append(row["ci_low"] < 0.3 < row["ci_high"])
        predicted.append(fit.predicted_low < effects[6] < fit.predicted_high)
    print("coverage", np.mean(covered), "prediction", np.mean(predicted))
    assert 0.93 < np.mean(covered) < 0.97
    assert np.mean(predicted) == pytest.approx(0.87, abs=0.02)


@pytest.mark.parametrize(("method", "in_r"), [("bh", "BH"), ("holm", "holm")])
def test_adjusted_p_values_are_those_of_r(method, in_r):
    case = golden("models", "cases", "padjust_bh1995.json")
    p = np.array(case["spec"]["p"])
    assert adjust(p, method) == pytest.approx(case["expected"][in_r], abs=1e-12)
    assert adjust(p[::-1], method) == pytest.approx(case["expected"][in_r][::-1], abs=1e-12)


def test_four_of_fifteen_stand_as_published():
    """Benjamini & Hochberg (1995), section 4: 4 rejections at 0.05, by Bonferroni 3."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1,
    ]
    names = [f"t{i}" for i in range(15)]
    family = adjust_family(pd.DataFrame({"term": names, "p": p}), declared=names, method="bh")
    assert family.tidy()["rejected"].sum() == 4
    assert family.sentence().startswith("Of 15 declared tests, 4 stood at 0.05")
    assert Multiplicity.from_json(family.to_json()).sentence() == family.sentence()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjustment_keeps_the_order_and_never_lowers(p):
    p = np.array(p)
    for method in ("bh", "holm"):
        adjusted = adjust(p, method)
        assert (adjusted >= p - 1e-15).all()
        assert (np.diff(adjusted[np.argsort(p)]) >= -1e-15).all()
        assert adjusted.max() <= 1


def test_tests_that_were_declared_count_even_without_a_result():
    tests = pd.DataFrame({"term": ["a", "b"], "p": [0.02, np.nan]})
    family = adjust_family(tests, declared=["a", "b", "c"])
    assert family.tidy()["p_adjusted"].tolist() == pytest.approx([0.06])
    assert (family.n, family.n_dropped) == (3, 2)
    assert family.notes == ("declared but without a p value, counted as 1: b, c",)
    with pytest.raises(UsageError, match="not declared: d"):
        adjust_family(pd.DataFrame({"term": ["d"], "p": [0.02]}), declared=["a"])
    with pytest.raises(UsageError, match="more than once"):
        adjust_family(pd.DataFrame({"term": ["a", "a"], "p": [0.02, 0.1]}), declared=["a"])


def test_e_values_are_those_of_vanderweele_and_ding():
    expected = golden("models", "cases", "evalue.json")["expected"]
    harmful, helpful = e_value(3.9, 1.8, 8.7, n=1), e_value(0.80, 0.71, 0.91, n=1)
    assert [harmful.estimate, harmful.limit] == pytest.approx([expected["rr_3.9"], expected["rr_lo_1.8"]], rel=1e-8)
    assert [helpful.estimate, helpful.limit] == pytest.approx([expected["rr_.80"], expected["rr_hi_.91"]], rel=1e-8)
    common = e_value(1.5, 1.1, 2.0, measure="odds ratio", n=1)
    assert common.estimate == pytest.approx(expected["or_1.5_common"], rel=1e-8)


def test_e_value_of_a_standardised_difference():
    """The golden case takes the interval from 0.91 d +- 1.78 se (VanderWeele & Ding), 1.78 being 0.91 x 1.96."""
    expected = golden("models", "cases", "evalue.json")["expected"]["smd_.3"]
    fit = e_value(0.3, 0.3 - 1.78 / 0.91 * 0.1, 0.3 + 1.78 / 0.91 * 0.1, measure="standardised difference", n=1)
    got = {"RR": fit.risk_ratio, "lo": fit.ci_low, "e": fit.estimate, "e_lo": fit.limit}
    assert got == pytest.approx(expected, rel=1e-8)


def test_hazard_ratio_of_a_common_outcome():
    """Formula of VanderWeele (2020), doi:10.1111/biom.13197, by hand for 0.75."""
    fit = e_value(0.75, 0.6, 0.9, measure="hazard ratio", n=1)
    ratio = (1 - 0.5**0.75**0.5) / (1 - 0.5 ** (1 / 0.75) ** 0.5)
    assert fit.risk_ratio == pytest.approx(ratio)
    assert fit.estimate == pytest.approx(1 / ratio + np.sqrt(1 / ratio * (1 / ratio - 1)))


@given(st.floats(1.01, 20))
def test_e_value_is_the_same_for_a_ratio_and_its_inverse(ratio):
    up, down = e_value(ratio, ratio, ratio, n=1), e_value(1 / ratio, 1 / ratio, 1 / ratio, n=1)
    assert up.estimate == pytest.approx(down.estimate, rel=1e-6)
    assert up.estimate > ratio


def test_an_interval_around_no_effect_needs_no_confounding():
    fit = e_value(1.2, 0.9, 1.5, n=10)
    assert fit.limit == 1
    assert "E-value 1" in fit.sentence()
    assert EValue.from_json(fit.to_json()).sentence() == fit.sentence()
    with pytest.raises(UsageError, match="low <= estimate <= high"):
        e_value(1.2, 1.3, 1.5, n=10)
    with pytest.raises(UsageError, match="expected one of"):
        e_value(1.2, 1.1, 1.5, measure="beta", n=10)


# Thirteen trials of BCG against tuberculosis (Colditz et al. 1994): cases and others, vaccinated and not; latitude.
BCG = np.array(
    [
        [4, 119, 11, 128, 44], [6, 300, 29, 274, 55], [3, 228, 11, 209, 42], [62, 13536, 248, 12619, 52],
        [33, 5036, 47, 5761, 13], [180, 1361, 372, 1079, 44], [8, 2537, 10, 619, 19], [505, 87886, 499, 87892, 13],
        [29, 7470, 45, 7232, 27], [17, 1699, 65, 1600, 42], [186, 50448, 141, 27197, 18], [5, 2493, 3, 2338, 33],
        [27, 16886, 29, 17825, 33],
    ]
)  # fmt: skip


def test_meta_regression_is_the_published_one():
    """Viechtbauer (2010), doi:10.18637/jss.v036.i03: log risk ratio on latitude by REML, printed to four decimals.

    Its variance is the last step of a search that stops at steps of 0.00001, so the fourth decimal may differ by one.
    """
    a, b, c, d, latitude = BCG.T.astype(float)
    y = np.log(a / (a + b) / (c / (c + d)))
    se = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    fit = meta_regression(y, se, latitude, term="latitude")
    assert fit.terms["estimate"].tolist() == pytest.approx([0.2515, -0.0291], abs=5e-5)
    assert fit.tau2 == pytest.approx(0.0764, abs=1e-4)
    assert fit.terms["df"].tolist() == [11, 11]


def test_meta_regression_of_equal_errors_is_least_squares():
    """With equal standard errors Knapp-Hartung gives the standard errors of ordinary regression."""
    x, y = np.arange(6.0), np.array([0.3, 1.9, 1.1, 3.8, 2.7, 4.6])
    line = linregress(x, y)
    row = meta_regression(y, np.full(6, 0.4), x, term="order").terms.iloc[1]
    assert [row["estimate"], row["se"], row["p"]] == pytest.approx([line.slope, line.stderr, line.pvalue], rel=1e-6)


@pytest.mark.parametrize("x", [[1, 2, np.nan], [2, 2, 2]])
def test_meta_regression_needs_three_sites_that_differ(x):
    with pytest.raises(ModelError, match="at least 3"):
        meta_regression(np.ones(3), np.ones(3), np.array(x, dtype=float), term="order")
