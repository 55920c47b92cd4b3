"""Generalised mixed models against lme4 and glmmTMB, and what must hold for any data."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import stdtrit

from joyeval.errors import ModelError, UsageError
from joyeval.models.mixed_models import Mixed, mixed
from tests.conftest import golden, reference

FFT = {"formula": "fft_pos ~ joy_w + joy_b + wave", "groups": "team", "exposure": "fft_n"}
INCIDENTS = {"formula": "incidents ~ joy_w + joy_b + wave", "groups": "team", "exposure": "bed_days"}
USE = {"formula": "y ~ age + I(age**2) + urban + livch", "groups": "district", "family": "binomial"}
CBPP = {"formula": "incidence ~ C(period)", "groups": "herd", "family": "binomial", "exposure": "size"}
TICKS = {"formula": "TICKS ~ C(YEAR) + cHEIGHT", "groups": ("BROOD", "LOCATION"), "family": "poisson"}
CASES = {  # call, and the tolerance that the case states
    "glmm_cbpp_laplace": (CBPP | {"nodes": 1}, 1e-4),
    "glmm_cbpp_agq25": (CBPP | {"nodes": 25}, 1e-4),
    "glmm_contraception_laplace": (USE, 1e-3),
    "glmm_contraception_rs": (USE | {"slopes": "urban"}, 2e-3),
    "glmm_grouseticks_poisson": (TICKS, 1e-3),
    "glmm_simprog_fft_binomial": (FFT | {"family": "binomial"}, 1e-3),
    "glmm_simprog_fft_betabinomial": (FFT | {"family": "betabinomial"}, 1e-3),
    "glmm_simprog_inc_poisson": (INCIDENTS | {"family": "poisson"}, 1e-3),
    "glmm_simprog_inc_nb2": (INCIDENTS | {"family": "negbin"}, 1e-3),
}


def golden_case(name: str) -> tuple[dict, Mixed]:
    case = golden("models", "cases", f"{name}.json")
    data = pd.read_csv(reference("reference", "golden", "models", case["data"]))
    if "joy" in data:
        data["joy_b"] = data.groupby("team")["joy"].transform("mean")
        data["joy_w"] = data["joy"] - data["joy_b"]
    return case["expected"], mixed(data=data, **CASES[name][0])


def in_r(term: str) -> str:
    """The name R gives a column."""
    term = re.sub(r"C\((\w+)\)", r"\1", term).replace("**", "^").replace(" ^ ", "^")
    return re.sub(r"\[T\.(.+)\]", r"\1", term).replace("Intercept", "(Intercept)")


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    """Coefficients, standard errors, variances; the likelihood to 1e-6 relative, and never below R's by more.

    lme4 leaves a constant out of the likelihood by quadrature, so that one is not compared. Standard errors are
    compared at 1e-3 or looser: R differentiates its deviance twice numerically, we differentiate an exact gradient.
    """
    expected, fit = golden_case(name)
    tolerance, terms = CASES[name][1], fit.terms.assign(term=fit.terms["term"].map(in_r)).set_index("term")
    assert terms["estimate"].to_dict() == pytest.approx(expected["beta"], rel=tolerance)
    se = expected.get("se_hessian", expected.get("se"))
    assert terms["se"].to_dict() == pytest.approx(se, rel=max(tolerance, 1e-3))
    if name != "glmm_cbpp_agq25":
        assert fit.loglik == pytest.approx(expected["logLik"], rel=1e-6)
        assert fit.loglik > expected["logLik"] - 1e-8
        assert fit.aic == pytest.approx(expected["AIC"], rel=1e-6)
    alone = fit.variances[fit.variances["with"] == ""]
    if "re_var" in expected:
        assert alone["variance"].tolist() == pytest.approx(list(expected["re_var"].values()), rel=tolerance)
        assert fit.dispersion == pytest.approx(expected["dispersion_sigma"], rel=tolerance)
    else:
        ours = fit.variances[["estimate", "variance"]].to_numpy()
        theirs = [[row["sdcor"], row["vcov"]] for row in expected["varcomp"]]
        assert ours == pytest.approx(np.array(theirs), rel=2 * tolerance)


TRUTH = [-0.3, 0.5, 0.4]  # intercept, x (within teams), z (between)


def teams(*, seed: int, teams: int = 20, each: int = 12, sd: float = 0.6, family: str = "binomial") -> pd.DataFrame:
    """Team x period outcomes of known truth: log odds, or log rate per bed."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"team": np.repeat(np.arange(teams), each), "x": rng.normal(size=teams * each)})
    data["z"] = rng.normal(size=teams)[data["team"]]
    eta = TRUTH[0] + TRUTH[1] * data["x"] + TRUTH[2] * data["z"] + rng.normal(scale=sd, size=teams)[data["team"]]
    if family == "poisson":
        size = rng.uniform(1, 5, len(data))
        return data.assign(beds=size, y=rng.poisson(size * np.exp(eta)))
    n = rng.integers(5, 30, len(data))
    return data.assign(n=n, y=rng.binomial(n, 1 / (1 + np.exp(-eta))))


def fitted(data: pd.DataFrame, formula: str = "y ~ x", family: str = "binomial", **more) -> Mixed:
    """A model with a random intercept per team and the size that goes with the family."""
    size = "n" if "n" in data else "beds"
    return mixed(formula, data, **{"groups": "team", "exposure": size, "family": family} | more)


def numbers(fit: Mixed) -> np.ndarray:
    return fit.terms[["estimate", "se"]].to_numpy()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_counting_failures_in_place_of_successes_changes_the_signs(seed):
    data = teams(seed=seed)
    one, two = fitted(data), fitted(data.assign(y=data["n"] - data["y"]))
    assert numbers(one) == pytest.approx(numbers(two) * [-1, 1], abs=1e-5)
    assert one.loglik == pytest.approx(two.loglik, abs=1e-8)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_the_unit_of_exposure_moves_the_intercept_only(seed, factor):
    data = teams(seed=seed, family="poisson")
    one, two = (fitted(d, family="poisson") for d in (data, data.assign(beds=data["beds"] * factor)))
    assert numbers(one) - [[np.log(factor), 0], [0, 0]] == pytest.approx(numbers(two), abs=1e-5)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.floats(-5, 5))
@example(247, 1.0, 1.0)  # effects correlated to 0.97: the maximum lies so near to 1 that the climb may rest there
def test_units_of_a_predictor_do_not_matter(seed, factor, shift):
    data = teams(seed=seed)
    one, two, moved = (fitted(data.assign(x=x), slopes="x") for x in (data["x"], data["x"] * factor, data["x"] + shift))
    assert one.terms["estimate"].iloc[1] == pytest.approx(two.terms["estimate"].iloc[1] * factor, rel=1e-4)
    assert [two.loglik, moved.loglik] == pytest.approx([one.loglik] * 2, abs=1e-5)


def test_order_and_names_of_teams_do_not_matter():
    data = teams(seed=1)
    mixed_up = data.sample(frac=1, random_state=1).assign(team=lambda d: "t" + d["team"].astype(str))
    one, two = (fitted(d, "y ~ x + z") for d in (data, mixed_up))
    assert numbers(one) == pytest.approx(numbers(two), rel=1e-5)


def test_denominators_may_be_given_three_ways():
    data = teams(seed=2, teams=6, each=4)
    rows = [(row.team, row.x, int(i < row.y)) for row in data.itertuples() for i in range(row.n)]
    counts = fitted(data)
    shares = fitted(data.assign(p=data["y"] / data["n"]), "p ~ x", exposure=None, weights="n")
    singles = fitted(pd.DataFrame(rows, columns=["team", "x", "y"]), exposure=None)
    assert numbers(counts) == pytest.approx(numbers(shares), rel=1e-6)
    assert numbers(counts) == pytest.approx(numbers(singles), rel=1e-5)


def test_predicted_effects_are_those_of_the_teams_posterior():
    """Against numerical integration; the mode is near the mean, the posterior near normal."""
    data = teams(seed=3, teams=15)
    fit = fitted(data)
    own, sd = data[data["team"] == 4], fit.variances["estimate"].iloc[0]
    eta = fit.terms["estimate"].to_numpy() @ [np.ones(len(own)), own["x"]]

    def posterior(b, power):
        log_likelihood = np.sum(own["y"] * (eta + b) - own["n"] * np.logaddexp(0, eta + b))
        return np.exp(log_likelihood - b**2 / (2 * sd**2) + 140) * b**power

    total, mean, square = (quad(posterior, -4, 4, args=(k,), epsabs=0, limit=200)[0] for k in range(3))
    row = fit.ranef[fit.ranef["level"] == "4"].iloc[0]
    assert row["estimate"] == pytest.approx(mean / total, abs=0.01)
    assert row["se"] == pytest.approx(np.sqrt(square / total - (mean / total) ** 2), rel=0.02)
    assert row["n"] == 12


def test_predicted_slopes_have_the_covariance_of_the_joint_curvature():
    """One team's 2 x 2 curvature worked by hand."""
    data = teams(seed=3, teams=15)
    fit = fitted(data, slopes="x")
    sd, r = fit.variances["estimate"].to_numpy()[:2], fit.variances["estimate"].iloc[2]
    prior = np.array([[sd[0] ** 2, r * sd[0] * sd[1]], [r * sd[0] * sd[1], sd[1] ** 2]])
    own, effects = data[data["team"] == 4], fit.ranef[fit.ranef["level"] == "4"]
    Z = np.column_stack((np.ones(len(own)), own["x"]))
    p = 1 / (1 + np.exp(-(Z @ (fit.terms["estimate"].to_numpy() + effects["estimate"].to_numpy()))))
    curvature = (Z.T * (own["n"] * p * (1 - p)).to_numpy()) @ Z + np.linalg.inv(prior)
    assert effects["se"].to_numpy() == pytest.approx(np.sqrt(np.diag(np.linalg.inv(curvature))), rel=1e-5)


def test_a_variance_of_zero_gives_the_model_without_teams():
    """Seed 4 was chosen because its teams differ less than chance."""
    from statsmodels.api import GLM, add_constant, families

    data = teams(seed=4, sd=0.0).assign(team=lambda d: np.arange(len(d)) % 20)
    fit, outcome = fitted(data), data[["y", "n"]].assign(n=data["n"] - data["y"])
    plain = GLM(outcome, add_constant(data["x"]), family=families.Binomial()).fit()
    assert fit.variances["estimate"].iloc[0] == 0
    assert numbers(fit) == pytest.approx(np.column_stack((plain.params, plain.bse)), rel=1e-5)
    assert fit.singular
    assert any("boundary" in note for note in fit.notes)


def test_counts_that_vary_like_the_poisson_give_the_poisson():
    """Seed 5 was chosen because its counts vary less than the Poisson."""
    data = teams(seed=5, family="poisson")
    narrow, wide = (fitted(data, family=family) for family in ("poisson", "negbin"))
    assert wide.loglik == pytest.approx(narrow.loglik, abs=1e-3)
    assert numbers(wide) == pytest.approx(numbers(narrow), rel=1e-3)
    assert any("vary no more than family poisson" in note for note in wide.notes)


@pytest.mark.parametrize(("family", "wider"), [("binomial", "betabinomial"), ("poisson", "negbin")])
def test_overdispersion_is_said(family, wider):
    rng, data = np.random.default_rng(1), teams(seed=9, family=family)
    rough = data.assign(y=np.clip(data["y"] * rng.choice([0, 1, 2], len(data)), 0, data.get("n", 10_000)))
    narrow, wide = fitted(rough, family=family), fitted(rough, family=wider)
    assert any(f"use family {wider}" in note for note in narrow.notes)
    assert wide.terms["se"].iloc[1] > 1.5 * narrow.terms["se"].iloc[1]


def test_small_teams_that_differ_much_are_integrated_by_quadrature():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"team": np.repeat(np.arange(150), 5), "x": rng.normal(size=750)})
    eta = data["x"] + rng.normal(scale=3.5, size=150)[data["team"]]
    data["y"] = (rng.random(750) < 1 / (1 + np.exp(-eta))).astype(int)
    fit, laplace, fine = (fitted(data, exposure=None, nodes=nodes) for nodes in (None, 1, 40))
    assert fit.method == "quadrature (15 points)"
    sd = [model.variances["estimate"].iloc[0] for model in (fit, laplace, fine)]
    assert abs(sd[0] - sd[2]) < abs(sd[1] - sd[2]) / 5


def test_degrees_of_freedom_are_of_the_level_at_which_a_column_varies():
    """An interval between teams is as wide as with the variance freed of its bias, t(18) times sqrt(20 / 18)."""
    between, within, also_between = fitted(teams(seed=1), "y ~ x + z").terms["df"]
    assert between == also_between
    assert within == 240 - 3 - 19
    assert stdtrit(between, 0.975) == pytest.approx(stdtrit(18, 0.975) * np.sqrt(20 / 18), rel=0.01)
    assert len(set(fitted(teams(seed=1), "y ~ x + z", slopes="x").terms["df"])) == 1


def test_contrasts_have_the_fewest_degrees_of_freedom_of_their_terms():
    fit = fitted(teams(seed=1), "y ~ x + z")
    row = fit.contrast({"x": 1, "z": -1}).iloc[0]
    least = fit.terms["df"].min()
    assert row["df"] == least
    assert row["estimate"] == pytest.approx(fit.terms["estimate"].iloc[1] - fit.terms["estimate"].iloc[2])
    joint, beta = fit.test(["x", "z"]).iloc[0], fit.terms["estimate"].to_numpy()[1:]
    assert (joint["df1"], joint["df2"]) == (2, least)
    assert joint["statistic"] == pytest.approx(beta @ np.linalg.solve(fit.vcov[1:, 1:], beta) / 2)


@pytest.mark.parametrize("family", ["binomial", "betabinomial", "poisson", "negbin"])
def test_separation_names_the_column(family):
    data = teams(seed=1).assign(arm=lambda d: np.where(d["team"] < 3, "b", "a"), y=lambda d: d["y"] * (d["team"] >= 3))
    with pytest.raises(ModelError, match=r"arm\[T.b\] settles the outcome"):
        fitted(data, "y ~ arm + x", family=family)


def test_every_problem_of_the_outcome_is_told_at_once():
    data = teams(seed=1)
    data.loc[0, "y"], data.loc[2:9, "y"] = -1, 99
    with pytest.raises(ModelError, match=r"1 below 0 \(rows 1\); 8 above .* \(rows 3, 4, 5, 6, 7 and 3 more\)"):
        fitted(data)


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ModelError, "between 0 and 1 without a denominator", {"formula": "p ~ x", "exposure": None}),
        (ModelError, "below 0", {"formula": "x ~ z", "family": "poisson"}),
        (ModelError, "0/1 outcomes cannot vary more", {"formula": "b ~ x", "family": "betabinomial", "exposure": None}),
        (
            ModelError,
            "b is all or nothing in each of the 240 levels of row",
            {"formula": "b ~ x", "groups": "row", "exposure": None},
        ),
        (UsageError, "denominators once", {"weights": "n"}),
        (UsageError, "weights do not go with family poisson", {"family": "poisson", "weights": "n"}),
        (UsageError, "exactly one random", {"slopes": "x", "nodes": 9}),
    ],
)
def test_what_cannot_be_done_is_said(error, message, arguments):
    data = teams(seed=1).assign(p=lambda d: d["y"] / d["n"], b=lambda d: (d["y"] > 5).astype(int), row=range(240))
    with pytest.raises(error, match=message):
        fitted(data, **arguments)


def test_rounded_proportions_are_taken_back_to_counts_and_said():
    data = teams(seed=1).assign(p=lambda d: (d["y"] / d["n"]).round(2), n=lambda d: d["n"] * 10)
    fit = fitted(data, "p ~ x", exposure=None, weights="n")
    assert any("not whole; they were rounded" in note for note in fit.notes)


def test_result_survives_json_and_predicts():
    data = teams(seed=6)
    fit = fitted(data)
    assert Mixed.from_json(fit.to_json()).sentence() == fit.sentence()
    shown = fit.predict(data)
    assert shown.between(0, 1).all()
    assert np.corrcoef(shown, data["y"] / data["n"])[0, 1] > 0.7


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_recovers_known_truth(family):
    """Within 4 standard errors in a large sample; the standard deviation within its interval."""
    fit = fitted(teams(seed=7, teams=300, family=family), "y ~ x + z", family=family)
    assert (((fit.terms["estimate"] - TRUTH) / fit.terms["se"]).abs() < 4).all()
    assert fit.variances["ci_low"].iloc[0] < 0.6 < fit.variances["ci_high"].iloc[0]


@pytest.mark.slow
@pytest.mark.parametrize("count", [12, 30, 70])
@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_bias_and_coverage_in_simulation(family, count):
    """1,000 data sets: coverage of x (within) and z (between) 93 to 97 % (Monte Carlo error 0.7 %), no bias."""
    runs = [fitted(teams(seed=s, teams=count, family=family), "y ~ x + z", family=family).terms for s in range(1000)]
    estimates = np.array([terms["estimate"] for terms in runs])
    covered = np.array([(terms["ci_low"] < TRUTH) & (terms["ci_high"] > TRUTH) for terms in runs])
    bias, rate = estimates.mean(axis=0) - TRUTH, covered.mean(axis=0)
    print(family, count, "bias", bias.round(4), "coverage", rate)
    assert (np.abs(bias) < 4 * estimates.std(axis=0) / np.sqrt(1000) + 0.005).all()
    assert ((rate > 0.93 - 0.007) & (rate < 0.97 + 0.007)).all()


ODD = {
    "mean": st.sampled_from([0.0, 1.0, 1e3, -1e6, 1e9]),
    "spread": st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6]),
    "between": st.sampled_from([0.0, 0.5, 10.0]),
    "level": st.sampled_from([-6.0, 0.0, 6.0, 12.0]),
    "exposure": st.sampled_from([1e-6, 1.0, 1e6]),
    "shape": st.sampled_from([(2, 4), (5, 1), (5, 12), (20, 4)]),
    "family": st.sampled_from(["binomial", "betabinomial", "poisson", "negbin"]),
    "slopes": st.sampled_from([None, "x"]),
    "seed": st.integers(0, 1000),
}


ALL_OF_THEM = {"mean": 0.0, "spread": 1e-6, "between": 0.5, "level": 12.0, "exposure": 1e-6, "shape": (5, 12)}


@example(**ALL_OF_THEM, family="binomial", slopes=None, seed=265)
@given(**ODD)
def test_odd_data_get_an_answer_or_a_reason(mean, spread, between, level, exposure, shape, family, slopes, seed):
    """Predictors far from 0, teams worlds apart, huge counts: finite numbers or a refusal, and never a warning."""
    rng, (n_teams, each) = np.random.default_rng(seed), shape
    team = np.repeat(np.arange(n_teams), each)
    eta = np.clip(level + between * rng.normal(size=n_teams)[team], -20, 15)
    data = pd.DataFrame({"x": mean + spread * rng.normal(size=len(team)), "team": team})
    if family in ("poisson", "negbin"):
        data = data.assign(y=rng.poisson(np.exp(eta)), size=exposure)
    else:
        data = data.assign(y=rng.binomial(1000, 1 / (1 + np.exp(-eta))), size=1000)
    try:
        fit = mixed("y ~ x", data, groups="team", family=family, exposure="size", slopes=slopes)
    except ModelError as error:
        fit, reason = None, str(error)
    if fit is None:
        assert re.search(r"\d.*; |the same in all \d", reason)
        return
    assert np.isfinite(fit.terms[["estimate", "se", "ci_low", "ci_high"]].to_numpy()).all()
    assert len(fit.sentence()) < 300


def test_errors_are_right_where_counts_are_huge_and_the_predictor_hardly_moves():
    """A million events a row: the intercept is known as well as the mean of 30 teams, which the sums could blur."""
    rng, team = np.random.default_rng(0), np.repeat(np.arange(30), 12)
    eta = 12 + 2.5 * rng.normal(size=30)[team]
    data = pd.DataFrame({"x": 1 + 0.001 * rng.normal(size=360), "y": rng.poisson(np.exp(eta)), "team": team})
    fit = mixed("y ~ x", data, groups="team", family="poisson")
    intercept, slope = fit.terms["se"]
    assert intercept == pytest.approx(np.hypot(fit.theta[0] / np.sqrt(30), slope), rel=1e-3)
