"""Cumulative-logit models against R's ordinal and MASS, statsmodels, and what must hold for any data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from joyeval.errors import ModelError, UsageError
from joyeval.models.generalised.cumulative import Ordinal, ordinal
from tests.conftest import golden, reference

LEVELS = {  # as R ordered the factors of each data set
    "wine": {"temp": ["cold", "warm"], "contact": ["no", "yes"]},
    "housing": {
        "Infl": ["Low", "Medium", "High"],
        "Type": ["Tower", "Apartment", "Atrium", "Terrace"],
        "Cont": ["Low", "High"],
        "Sat": ["Low", "Medium", "High"],
    },
    "sim_rc": {},
}


def table(name: str) -> pd.DataFrame:
    data = pd.read_csv(reference("reference", "golden", "models", "data", f"{name}.csv"))
    return data.assign(**{c: pd.Categorical(data[c], levels, ordered=c == "Sat") for c, levels in LEVELS[name].items()})


def as_in_r(fit: Ordinal, column: str) -> dict[str, float]:
    """Thresholds and coefficients under the names R gives them."""
    both = pd.concat((fit.thresholds, fit.terms))
    names = both["term"].str.replace(r"C\((\w+)\)", r"\1", regex=True).str.replace(r"\[T\.(\w+)\]", r"\1", regex=True)
    return dict(zip(names, both[column], strict=True))


def agrees(fit: Ordinal, coef: dict, se: dict, tolerance: float) -> None:
    estimate, error = as_in_r(fit, "estimate"), as_in_r(fit, "se")
    assert {k: estimate[k] for k in coef} == pytest.approx(coef, rel=tolerance)
    assert {k: error[k] for k in se} == pytest.approx(se, rel=tolerance)


def test_clm_of_wine_is_that_of_r():
    expected = golden("models", "cases", "ord_wine_clm.json")["expected"]
    fit = ordinal("rating ~ temp + contact", table("wine"))
    agrees(fit, expected["coef"], expected["se"], 1e-5)
    assert fit.loglik == pytest.approx(expected["logLik"], rel=1e-9)


def test_weighted_polr_of_housing_is_that_of_r():
    expected = golden("models", "cases", "ord_housing_polr.json")["expected"]
    fit = ordinal("Sat ~ Infl + Type + Cont", table("housing"), weights="Freq")
    agrees(fit, expected["coef"], expected["se"], 1e-4)
    assert -2 * fit.loglik == pytest.approx(expected["deviance"], rel=1e-9)
    assert fit.n == table("housing")["Freq"].sum()


@pytest.mark.parametrize(("nodes", "part"), [(1, None), (10, "agq10")])
def test_clmm_of_wine_is_that_of_r(nodes, part):
    """The Laplace log-likelihood differs by 3.5e-6: R stops the search for the modes earlier."""
    expected = golden("models", "cases", "ord_wine_clmm.json")["expected"]
    expected = expected[part] if part else expected
    fit = ordinal("rating ~ temp + contact", table("wine"), groups="judge", nodes=nodes)
    agrees(fit, expected["coef"], expected["se"], 1e-4)
    assert fit.loglik == pytest.approx(expected["logLik"], rel=1e-6)
    assert fit.variances["variance"].iloc[0] == pytest.approx(expected["var_judge"], rel=1e-4)


def test_crossed_clmm_is_that_of_r():
    """R's optimum is 1e-7 lower; the threshold near 0 is compared on the scale of its standard error."""
    expected = golden("models", "cases", "ord_simrc_clmm_crossed.json")["expected"]
    fit = ordinal("rating ~ C(wave) + own_group", table("sim_rc"), groups=("rater", "rated_group", "item"))
    agrees(fit, {}, expected["se"], 1e-3)
    got = as_in_r(fit, "estimate")
    for name, value in expected["coef"].items():
        assert got[name] == pytest.approx(value, abs=2e-3 * expected["se"][name])
    assert expected["logLik"] <= fit.loglik == pytest.approx(expected["logLik"], rel=1e-6)
    variances = dict(zip(fit.variances["group"], fit.variances["variance"], strict=True))
    assert variances == pytest.approx(expected["re_var"], rel=2e-3)


def test_without_groups_equals_statsmodels():
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    data = answers(seed=3, raters=40)
    other = OrderedModel(data["rating"], data[["x", "wave"]], distr="logit").fit(method="bfgs", disp=False, gtol=1e-8)
    fit = ordinal("rating ~ x + wave", data)
    assert fit.terms["estimate"].to_numpy() == pytest.approx(other.params[:2].to_numpy(), rel=1e-5)
    assert fit.terms["se"].to_numpy() == pytest.approx(other.bse[:2].to_numpy(), rel=1e-4)


def answers(*, seed: int, raters: int = 30, each: int = 8, sd: float = 0.8) -> pd.DataFrame:
    """Ratings from 1 to 4 with a known model: x 0.7, wave 0.4, thresholds -1.5, 0, 1.5."""
    rng = np.random.default_rng(seed)
    n = raters * each
    data = pd.DataFrame(
        {"rater": np.repeat(np.arange(raters), each), "x": rng.normal(size=n), "wave": np.tile([1, 2], n // 2)}
    )
    eta = 0.7 * data["x"] + 0.4 * data["wave"] + rng.normal(scale=sd, size=raters)[data["rater"]]
    return data.assign(rating=1 + np.searchsorted([-1.5, 0, 1.5], eta + rng.logistic(size=n)))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_reversing_the_answers_reverses_the_effects(seed):
    data = answers(seed=seed)
    one = ordinal("rating ~ x + wave", data, groups="rater", nodes=1)
    two = ordinal("backwards ~ x + wave", data.assign(backwards=5 - data["rating"]), groups="rater", nodes=1)
    off = one.terms["estimate"].to_numpy() + two.terms["estimate"].to_numpy()
    assert (abs(off) < 1e-3 * one.terms["se"].to_numpy()).all()  # the two climbs end a hair apart, as the data are flat
    assert one.thresholds["estimate"].to_numpy() == pytest.approx(
        -two.thresholds["estimate"].to_numpy()[::-1], abs=1e-3 * one.thresholds["se"].max()
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(0.1, 5), min_size=4, max_size=4))
def test_only_the_order_of_the_answers_counts(seed, steps):
    data = answers(seed=seed)
    recoded = data.assign(rating=np.cumsum(steps)[data["rating"] - 1])
    one, two = (ordinal("rating ~ x", d, groups="rater", nodes=1) for d in (data, recoded))
    assert one.tidy().equals(two.tidy())


def test_a_weight_of_two_is_the_row_twice():
    data = answers(seed=1)
    twice = pd.concat((data, data))
    one = ordinal("rating ~ x", data.assign(w=2.0), groups="rater", weights="w")
    two = ordinal("rating ~ x", twice, groups="rater")
    assert (one.n, one.loglik) == (two.n, pytest.approx(two.loglik))
    assert one.terms.drop(columns="term").to_numpy() == pytest.approx(
        two.terms.drop(columns="term").to_numpy(), rel=1e-4
    )


def test_mean_and_chances_are_averages_over_rows_and_raters():
    """Against drawing the raters anew, by simulation."""
    fit = ordinal("rating ~ x + C(wave)", data := answers(seed=5, raters=60), groups="rater", by="wave")
    rng = np.random.default_rng(1)
    beta, cuts = fit.terms["estimate"].to_numpy(), fit.thresholds["estimate"].to_numpy()
    eta = beta @ [data["x"], np.ones(len(data))]
    drawn = eta + rng.normal(scale=fit.variances["estimate"].iloc[0], size=(2000, len(data)))
    second = fit.predicted[fit.predicted["value"] == "2"].set_index("term")
    chances = [expit(drawn - cut).mean() for cut in cuts]
    assert second["estimate"]["mean"] == pytest.approx(1 + sum(chances), abs=0.01)
    assert second["estimate"]["P(>= 3)"] == pytest.approx(chances[1], abs=0.003)
    assert second["ci_low"].min() > 0
    first = fit.predicted[fit.predicted["value"] == "1"].set_index("term")
    change = fit.changes.set_index("term")
    assert change["estimate"]["mean"] == pytest.approx(second["estimate"]["mean"] - first["estimate"]["mean"])


def test_a_variance_of_zero_is_reported_and_the_rest_is_the_model_without_it():
    data = answers(seed=4, sd=0.0).assign(rater=lambda d: np.arange(len(d)) % 30)
    fit, plain = ordinal("rating ~ x", data, groups="rater"), ordinal("rating ~ x", data)
    assert fit.variances["estimate"].iloc[0] == 0
    assert any("boundary" in note for note in fit.notes)
    assert fit.loglik == pytest.approx(plain.loglik)
    assert fit.terms["se"].to_numpy() == pytest.approx(plain.terms["se"].to_numpy(), rel=1e-4)


def test_wide_random_effects_are_integrated_by_quadrature():
    data = answers(seed=6, raters=80, each=4, sd=4.0)
    fit = ordinal("rating ~ x", data, groups="rater")
    assert fit.nodes > 1
    assert any("quadrature" in note for note in fit.notes)
    assert ordinal("rating ~ x", data, groups="rater", nodes=1).nodes == 1


def test_separation_names_the_column():
    data = answers(seed=7).assign(arm=lambda d: np.where(d["rating"] == 4, "b", "a"))
    with pytest.raises(ModelError, match=r"arm\[T.b\] settles the outcome"):
        ordinal("rating ~ arm + x", data, groups="rater")


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (UsageError, "by='team': expected a column", {"formula": "rating ~ x", "by": "team"}),
        (UsageError, "by='rater': expected a column", {"formula": "rating ~ x", "groups": "rater", "by": "rater"}),
        (
            UsageError,
            "needs exactly one random intercept",
            {"formula": "rating ~ x", "groups": ("rater", "wave"), "nodes": 5},
        ),
        (ModelError, "found 240 different answers", {"formula": "x ~ wave"}),
        (UsageError, "found 240 values", {"formula": "rating ~ x", "by": "x"}),
    ],
)
def test_what_cannot_be_done_is_said(error, message, arguments):
    with pytest.raises(error, match=message):
        ordinal(data=answers(seed=1), **arguments)


def test_rows_with_gaps_are_counted_and_the_result_survives_json():
    data = answers(seed=2)
    data.loc[:4, "x"] = np.nan
    fit = ordinal("rating ~ x + C(wave)", data, groups="rater", by="wave")
    assert (fit.n, fit.n_dropped) == (235, 5)
    back = Ordinal.from_json(fit.to_json())
    assert back.sentence() == fit.sentence()
    assert back.predicted.equals(fit.predicted)
    assert fit.sentence().startswith("The mean answer was +")


def test_recovers_known_truth():
    """Thresholds and effects within 4 standard errors in a large sample."""
    fit = ordinal("rating ~ x + wave", answers(seed=11, raters=600), groups="rater")
    miss = (fit.terms["estimate"] - [0.7, 0.4]) / fit.terms["se"]
    cuts = (fit.thresholds["estimate"] - [-1.5, 0, 1.5]) / fit.thresholds["se"]
    assert max(miss.abs().max(), cuts.abs().max()) < 4
    assert fit.variances["ci_low"].iloc[0] < 0.8 < fit.variances["ci_high"].iloc[0]


@pytest.mark.slow
@pytest.mark.parametrize("raters", [12, 30, 70])
def test_intervals_cover_in_simulation(raters):
    """400 data sets: coverage of x and wave within 92.5 to 97.5 % (Monte Carlo error 1.1 %)."""
    covered = []
    for seed in range(400):
        terms = ordinal("rating ~ x + wave", answers(seed=seed, raters=raters), groups="rater").terms
        covered.append((terms["ci_low"] < [0.7, 0.4]) & (terms["ci_high"] > [0.7, 0.4]))
    rate = np.mean(covered, axis=0)
    print(raters, rate)
    assert ((rate > 0.925) & (rate < 0.985)).all()
