"""Models of one level and marginal effects against R, statsmodels and integrals worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit

from joyeval.errors import ModelError, UsageError
from joyeval.models import e_value
from joyeval.models.generalised.glmm import fit_glmm
from joyeval.models.generalised.marginal import MarginalEffects, marginal_effects
from joyeval.models.generalised.one_level import Glm, glm
from tests.conftest import golden, reference

FFT = {"formula": "fft_pos ~ joy + wave", "family": "binomial", "exposure": "fft_n"}


def programme() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "sim_programme.csv"))


def as_in_r(fit: Glm, column: str) -> dict[str, float]:
    return dict(zip(fit.terms["term"].replace("Intercept", "(Intercept)"), fit.terms[column], strict=True))


def test_quasi_binomial_and_cluster_errors_are_those_of_r():
    expected = golden("models", "cases", "glm_simprog_quasibinomial.json")["expected"]
    quasi, cluster = glm(data=programme(), **FFT), glm(data=programme(), cluster="team", errors="CR1", **FFT)
    assert quasi.errors == "quasi"
    assert as_in_r(quasi, "estimate") == pytest.approx(expected["beta"], rel=1e-5)
    assert as_in_r(quasi, "se") == pytest.approx(expected["se"], rel=1e-5)
    assert as_in_r(quasi, "p") == pytest.approx(expected["p"], rel=1e-4)
    assert quasi.dispersion == pytest.approx(expected["dispersion"], rel=1e-5)
    assert as_in_r(cluster, "se") == pytest.approx(expected["se_cluster_team_HC1"], rel=1e-5)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_cluster_errors_are_those_of_bell_and_mccaffrey_written_out(family):
    """CR2 and its degrees of freedom with whole matrices, at the weights of the last step; the bread is inverse."""
    data = people(n=120)
    outcome = "y" if family == "binomial" else "count"
    fit = glm(f"{outcome} ~ x + after", data, family=family, cluster="team")
    assert fit.errors == "CR2 by team"
    X = np.column_stack([np.ones(len(data)), data["x"], data["after"]])
    eta = X @ fit.terms["estimate"]
    mean = expit(eta) if family == "binomial" else np.exp(eta)
    root = np.sqrt(mean * (1 - mean) if family == "binomial" else mean)
    Xw, e = X * root[:, None], (data[outcome] - mean) / root
    bread = np.linalg.inv(Xw.T @ Xw)
    hat = np.eye(len(e)) - Xw @ bread @ Xw.T
    scores, pulls = [], []
    for team in range(20):
        rows = np.flatnonzero(data["team"] == team)
        values, vectors = np.linalg.eigh(hat[np.ix_(rows, rows)])
        A = vectors @ np.diag(values**-0.5) @ vectors.T
        scores.append(bread @ Xw[rows].T @ A @ e[rows])
        pulls.append(bread @ Xw[rows].T @ A @ hat[rows])
    np.testing.assert_allclose(fit.terms["se"], np.sqrt((np.array(scores) ** 2).sum(axis=0)), rtol=1e-6)
    for j, df in enumerate(fit.terms["df"]):
        products = np.array([[a[j] @ b[j] for b in pulls] for a in pulls])
        assert df == pytest.approx(np.trace(products) ** 2 / (products**2).sum(), rel=1e-6)


def test_clusters_that_nearly_decide_an_estimate_are_told():
    """Rare events in four clusters: t with few degrees of freedom, and a note; HC1 would say 3 for all."""
    data = people(n=80).assign(team=lambda d: d["team"] % 4)
    fit = glm("y ~ x", data, family="binomial", cluster="team")
    assert (fit.terms["df"] <= 3).all()
    assert any("only 4 clusters by team" in note for note in fit.notes)


@pytest.mark.parametrize(("weighted", "part"), [(True, "weighted"), (False, "rows")])
def test_average_marginal_effects_are_those_of_r(weighted, part):
    """In R per 1, here in percentage points."""
    expected = golden("models", "cases", "glm_simprog_ame.json")["expected"]
    effects = marginal_effects(data=programme(), variables="joy", errors="model", weighted=weighted, **FFT)
    assert effects.unit == "percentage points"
    assert effects.terms["estimate"].iloc[0] == pytest.approx(100 * expected[f"ame_{part}"], rel=1e-5)
    assert effects.terms["se"].iloc[0] == pytest.approx(100 * expected[f"se_{part}"], rel=1e-5)
    fit = glm(data=programme(), errors="model", **FFT)
    assert as_in_r(fit, "estimate") == pytest.approx(expected["glm"]["beta"], rel=1e-5)
    assert as_in_r(fit, "se") == pytest.approx(expected["glm"]["se"], rel=1e-5)


def people(seed: int = 1, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"x": rng.normal(size=n), "arm": rng.choice(["a", "b", "c"], n), "team": np.arange(n) % 20})
    data["after"] = rng.integers(0, 2, n)
    eta = -0.5 + 0.6 * data["x"] + 0.8 * (data["arm"] == "b") + 0.5 * data["after"]
    eta += rng.normal(scale=0.7, size=20)[data["team"]]
    return data.assign(y=(rng.random(n) < expit(eta)).astype(int), count=rng.poisson(np.exp(eta)), beds=2.0)


def test_effects_on_a_binary_outcome_equal_statsmodels():
    import statsmodels.api as sm

    data = people()
    X = sm.add_constant(data[["x", "after"]])
    other = sm.Logit(data["y"], X).fit(disp=False).get_margeff(at="overall", dummy=True)
    effects = marginal_effects("y ~ x + after", data, ["x", "after"], family="binomial", per=1.0)
    assert effects.terms["estimate"].to_numpy() == pytest.approx(other.margeff, rel=1e-5)
    assert effects.terms["se"].to_numpy() == pytest.approx(other.margeff_se, rel=1e-5)


def test_counts_equal_statsmodels():
    import statsmodels.api as sm

    data = people()
    X = sm.add_constant(data[["x", "after"]])
    poisson = sm.GLM(data["count"], X, family=sm.families.Poisson(), exposure=data["beds"]).fit(scale="X2")
    fit = glm("count ~ x + after", data, family="poisson", exposure="beds")
    assert fit.terms["estimate"].to_numpy() == pytest.approx(poisson.params.to_numpy(), rel=1e-6)
    assert fit.terms["se"].to_numpy() == pytest.approx(poisson.bse.to_numpy(), rel=1e-6)
    negbin = sm.NegativeBinomial(data["count"], X).fit(disp=False, gtol=1e-8)
    wide = glm("count ~ x + after", data, family="negbin")
    assert wide.terms["estimate"].to_numpy() == pytest.approx(negbin.params.to_numpy()[:3], rel=1e-4)
    assert wide.loglik == pytest.approx(negbin.llf, rel=1e-8)


def test_a_squared_variable_moves_as_one():
    data = people()
    effects = marginal_effects("y ~ x + I(x**2)", data, "x", family="binomial", per=1.0)
    b0, b1, b2 = glm("y ~ x + I(x**2)", data, family="binomial").terms["estimate"]
    p = expit(b0 + b1 * data["x"] + b2 * data["x"] ** 2)
    by_hand = np.mean(p * (1 - p) * (b1 + 2 * b2 * data["x"]))
    assert effects.terms["estimate"].iloc[0] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("name", ["arm", "after"])
def test_categories_are_compared_with_the_first(name):
    data = people()
    effects = marginal_effects("y ~ x + arm + C(after)", data, name, family="binomial")
    labels = {"arm": ["arm[b - a]", "arm[c - a]"], "after": ["after"]}
    assert effects.terms["term"].tolist() == labels[name]
    fit = glm("y ~ x + arm + C(after)", data, family="binomial").terms.set_index("term")["estimate"]
    rest = fit["Intercept"] + fit["x"] * data["x"]
    arms = sum(fit[f"arm[T.{arm}]"] * (data["arm"] == arm) for arm in "bc")
    rest += fit["C(after)[T.1]"] * data["after"] if name == "arm" else arms
    own = fit["arm[T.b]"] if name == "arm" else fit["C(after)[T.1]"]
    assert effects.terms["estimate"].iloc[0] == pytest.approx(100 * np.mean(expit(rest + own) - expit(rest)), rel=1e-6)


@pytest.mark.slow
def test_effects_of_a_mixed_model_are_averages_over_the_teams_of_the_population():
    """The random effects integrated out by scipy; smaller than at a typical team."""
    data = people()
    fit = fit_glmm("y ~ x", data, groups="team", family="binomial")
    (b0, b1), sd = fit.terms["estimate"], fit.variances["estimate"].iloc[0]

    def slope(x):
        eta = b0 + b1 * x
        return quad(lambda u: b1 * expit(eta + u) * expit(-eta - u) * stats.norm.pdf(u, scale=sd), -6, 6)[0]

    effects = marginal_effects("y ~ x", data, "x", groups="team", family="binomial", per=1.0)
    assert effects.terms["estimate"].iloc[0] == pytest.approx(np.mean([slope(x) for x in data["x"]]), rel=1e-6)


def test_a_random_slope_moves_with_its_variable():
    """A log link has a closed form: the mean is exp(eta + half the variance of the random part at x)."""
    data = people(seed=2)
    fit = fit_glmm("count ~ x", data, groups="team", slopes="x", family="poisson", exposure="beds")
    (b0, b1), x = fit.terms["estimate"], data["x"]
    v0, v1, c = fit.variances["variance"]
    mean = np.exp(b0 + b1 * x + (v0 + 2 * c * x + v1 * x**2) / 2)
    effects = marginal_effects("count ~ x", data, "x", groups="team", slopes="x", family="poisson", exposure="beds")
    assert effects.unit == "per 1,000 beds"
    assert effects.terms["estimate"].iloc[0] == pytest.approx(1000 * np.mean(mean * (b1 + c + v1 * x)), rel=1e-5)


def test_separation_and_wrong_arguments_are_refused():
    data = people().assign(z=lambda d: d["y"] * 1.0)
    with pytest.raises(ModelError, match="z settles the outcome"):
        glm("y ~ z", data, family="binomial")
    with pytest.raises(UsageError, match="expected a family"):
        glm("y ~ x", data, family="gaussian")
    with pytest.raises(UsageError, match="cluster does not go with family negbin"):
        glm("count ~ x", data, family="negbin", cluster="team")
    with pytest.raises(UsageError, match="found no q"):
        marginal_effects("y ~ x", data, "q", family="binomial")


def test_few_clusters_are_said_and_results_survive_json():
    data = people().assign(team=lambda d: d["team"] % 5)
    fit = glm("y ~ x", data, family="binomial", cluster="team")
    assert any("only 5 clusters by team" in note for note in fit.notes)
    assert Glm.from_json(fit.to_json()).sentence() == fit.sentence()
    effects = marginal_effects("y ~ x", data, "x", family="binomial", cluster="team")
    assert MarginalEffects.from_json(effects.to_json()).sentence() == effects.sentence()
    assert "percentage points of y" in effects.sentence()


@pytest.mark.parametrize(("family", "exposure"), [("binomial", None), ("poisson", "beds")])
def test_rare_events_give_finite_effects_and_a_note(family, exposure):
    rare = np.zeros(400)
    rare[[3, 40, 77, 120, 160, 200, 260, 333]] = 1
    data = people().assign(rare=rare)
    call = {"family": family, "exposure": exposure}
    fit, effect = glm("rare ~ x", data, **call), marginal_effects("rare ~ x", data, "x", **call)
    for found in (fit, effect):
        assert any("8 events for 2 coefficients" in note for note in found.notes)
        assert np.isfinite(found.terms[["estimate", "se", "ci_low", "ci_high"]].to_numpy()).all()
    assert not any("events for" in note for note in glm("y ~ x", people(), family="binomial").notes)
    with pytest.raises(ModelError, match="is the same in all 400"):
        marginal_effects("rare ~ x", data.assign(rare=0.0), "x", **call)


def test_an_e_value_of_an_endless_ratio_is_refused():
    with pytest.raises(UsageError, match="expected numbers"):
        e_value(np.inf, 2.0, np.inf, n=10)
    assert e_value(0.2, 0.001, 0.9, measure="rare odds ratio", n=10).limit == pytest.approx(1.46, abs=0.005)
