"""The likelihood's gradient, information, second derivatives and row scores are what numerical ones are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from joyeval.models.structural.data import build_sample
from joyeval.models.structural.layout import build_layout
from joyeval.models.structural.likelihood import Likelihood
from joyeval.models.structural.scoring import unidentified
from joyeval.models.structural.spec import parse_model
from joyeval.models.structural.start import starting_values

MODEL = "f =~ a + b + c; g =~ d + e; h =~ f + g; g ~ 0.3*x; e ~ x; a ~~ d"


@pytest.fixture(scope="module")
def problem() -> tuple[Likelihood, np.ndarray, pd.DataFrame]:
    """Two groups, gaps, a second-order factor, a predictor and a correlated residual, away from the optimum."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(80, 1)) + rng.normal(size=(80, 6)), columns=list("abcdex"))
    data["team"] = np.arange(80) % 2
    data = data.mask((rng.random(data.shape) < 0.1) & (data.columns != "team"))
    model = parse_model(MODEL)
    sample = build_sample(data, model.observed, group="team", missing="fiml", means=True, what="test")
    layout = build_layout(model, groups=2, means=True, equal=["loadings", "intercepts"])
    theta = starting_values(layout, sample.moments) + rng.normal(0, 0.05, layout.n_free)
    return Likelihood(layout, sample.blocks), theta, data[list(model.observed)]


def slopes(function, theta, step=1e-5):
    return np.array([(function(theta + e) - function(theta - e)) / (2 * step) for e in step * np.eye(len(theta))])


def test_value_is_the_normal_density_of_every_row(problem):
    likelihood, theta, _ = problem
    implied, total = likelihood.implied(theta), 0.0
    for block in likelihood.blocks:
        part = block.parts[0]
        here, seen = implied[part.group], part.rows
        density = multivariate_normal(here.mean[seen], here.covariance[np.ix_(seen, seen)])
        total += np.sum(density.logpdf(block.data))
    assert likelihood.value(theta) == pytest.approx(-2 * total, rel=1e-12)


def test_gradient_is_half_the_slope_of_the_value(problem):
    likelihood, theta, _ = problem
    numeric = slopes(likelihood.value, theta) / 2
    assert likelihood.gradient(theta) == pytest.approx(numeric, abs=1e-6 * np.abs(numeric).max())


def test_observed_information_is_the_slope_of_the_gradient(problem):
    likelihood, theta, _ = problem
    numeric = slopes(likelihood.gradient, theta)
    exact = likelihood.derivatives(theta, observed=True)[1]
    assert exact == pytest.approx(numeric, abs=1e-7 * np.abs(numeric).max())
    assert exact == pytest.approx(exact.T)


def test_scores_of_the_rows_add_up_to_the_gradient(problem):
    likelihood, theta, _ = problem
    assert likelihood.scores(theta).sum(axis=0) == pytest.approx(-likelihood.gradient(theta), abs=1e-9)


def test_expected_information_is_the_mean_product_of_scores():
    """At the truth and n = 200,000 the mean outer product of the scores is the expected information."""
    rng = np.random.default_rng(2)
    factor = rng.normal(size=(200_000, 1))
    data = pd.DataFrame(factor @ [[1.0, 0.8, 0.6, 0.7]] + rng.normal(size=(200_000, 4)), columns=list("abcd"))
    model = parse_model("f =~ a + b + c + d")
    sample = build_sample(data, model.observed, group=None, missing="listwise", means=True, what="test")
    layout = build_layout(model, means=True)
    theta = np.array([0.8, 0.6, 0.7, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    likelihood = Likelihood(layout, sample.blocks)
    scores = likelihood.scores(theta)
    expected = likelihood.derivatives(theta)[1]
    assert scores.T @ scores == pytest.approx(expected, abs=0.02 * np.abs(expected).max())


def test_flat_directions_are_named():
    assert unidentified(np.diag([1.0, 4.0])).tolist() == []
    assert unidentified(np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])).tolist() == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300])
def test_robust_intervals_cover_with_five_point_items(n):
    """300 samples; the truth is a sample of a million: 93 to 97 % (Monte Carlo error 0.7 over the loadings)."""
    from joyeval.models.structural.model import sem

    rng = np.random.default_rng(n)

    def draw(size: int) -> pd.DataFrame:
        y = rng.normal(size=(size, 1)) * [0.7, 0.8, 0.6, 0.7] + rng.normal(size=(size, 4)) * 0.6
        return pd.DataFrame(np.digitize(y, [-1.5, -0.8, -0.2, 0.6]), columns=list("abcd")).astype(float)

    model, terms = "f =~ a + b + c + d", [f"f =~ {item}" for item in "abcd"]
    truth = sem(model, draw(1_000_000), standard=True).tidy().set_index("term").loc[terms, "estimate"]
    hits = []
    for _ in range(300):
        rows = sem(model, draw(n), standard=True, estimator="MLR").tidy().set_index("term").loc[terms]
        hits.append((rows["ci_low"] <= truth) & (truth <= rows["ci_high"]))
    assert 0.93 <= np.mean(hits) <= 0.97
