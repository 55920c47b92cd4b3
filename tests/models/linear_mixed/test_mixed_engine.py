"""The engine equals the likelihood written out with n x n matrices, and finds its maximum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joyeval.models.linear_mixed import gram as gram_module
from joyeval.models.linear_mixed.ar1 import autoregressive, fit_ar1, lags
from joyeval.models.linear_mixed.gram import Rows, gram, with_outcome
from joyeval.models.linear_mixed.likelihood import curvature, evaluate, factors, units
from joyeval.models.linear_mixed.lmm import fit
from joyeval.models.linear_mixed.optimise import average_information, optimise
from joyeval.models.linear_mixed.terms import Term


def nested_and_crossed(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[Term]]:
    """Small data with a slope, a nested and a crossed factor."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=n) + 3])
    team, wave = rng.integers(0, 12, n), rng.integers(0, 4, n)
    team[:12], wave[:4] = np.arange(12), np.arange(4)
    trust = team % 3
    y = X @ [1.0, 0.5] + rng.normal(size=12)[team] + rng.normal(size=4)[wave] + rng.normal(size=n)
    terms = [Term("team", team, 12, X, ("Intercept", "x")), Term("wave", wave, 4), Term("trust", trust, 3)]
    return y, X, terms


def design_of(term: Term) -> np.ndarray:
    """The n x (levels q) matrix of a random term."""
    Z = np.ones((len(term.codes), 1)) if term.Z is None else term.Z
    out = np.zeros((len(Z), term.n_levels, term.q))
    out[np.arange(len(Z)), term.codes] = Z
    return out.reshape(len(Z), -1)


def written_out(y, X, terms, covariances, sigma2, noise, *, reml: bool) -> float:
    """-2 log-likelihood at the generalised least squares coefficients."""
    V = sigma2 * noise
    for term, S in zip(terms, covariances, strict=True):
        Z = design_of(term)
        V = V + Z @ np.kron(np.eye(term.n_levels), S) @ Z.T
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    r = y - X @ np.linalg.solve(information, X.T @ inverse @ y)
    deviance = np.linalg.slogdet(V)[1] + r @ inverse @ r
    n, p = X.shape
    if reml:
        return deviance + np.linalg.slogdet(information)[1] + (n - p) * np.log(2 * np.pi)
    return deviance + n * np.log(2 * np.pi)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_deviance_of_a_fit_is_the_likelihood_written_out(reml, weighted):
    y, X, terms = nested_and_crossed()
    weights = np.random.default_rng(1).uniform(1, 9, len(y)) if weighted else np.ones(len(y))
    got = fit(y, X, terms, weights=weights if weighted else None, reml=reml)
    covariances = [got.covariances[term.name] for term in terms]
    want = written_out(y, X, terms, covariances, got.sigma2, np.diag(1 / weights), reml=reml)
    assert got.deviance == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("reml", [True, False])
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_gradient_is_the_derivative_of_the_deviance(reml, seed):
    y, X, terms = nested_and_crossed(seed=seed)
    g = with_outcome(gram(X, terms), y)
    theta = np.random.default_rng(seed).uniform(0.2, 1.5, 5)
    numeric = [
        (evaluate(g, theta + h, reml=reml).deviance - evaluate(g, theta - h, reml=reml).deviance) / 2e-5
        for h in np.eye(5) * 1e-5
    ]
    np.testing.assert_allclose(evaluate(g, theta, reml=reml).gradient, numeric, rtol=1e-5, atol=1e-5)


def test_average_information_is_near_the_second_derivative():
    """Exact but for traces that average out; here within a third of the largest curvature."""
    y, X, terms = nested_and_crossed(n=600)
    g = with_outcome(gram(X, terms), y)
    g, theta, _ = optimise(g, reml=True)
    exact = curvature(g, theta, reml=True).hessian
    close = average_information(g, theta, evaluate(g, theta, reml=True), reml=True)
    assert np.abs(close - exact).max() < 0.33 * np.abs(exact).max()


def test_no_other_covariance_fits_better():
    y, X, terms = nested_and_crossed(n=200)
    got = fit(y, X, terms)
    rng = np.random.default_rng(2)
    for _ in range(50):
        moved = evaluate(got.gram, got.theta + rng.normal(scale=0.05, size=len(got.theta)), reml=True)
        assert moved.deviance >= got.profile.deviance


@pytest.mark.parametrize("seed", range(20))
def test_a_start_on_the_boundary_is_left_where_a_variance_fits_better(seed):
    """A relative variance of 0 is always stationary; the fit must not rest there while the slope points inwards."""
    y, X, terms = nested_and_crossed(n=120, seed=seed)
    g = with_outcome(gram(X, terms), y)
    deviances = [optimise(g, reml=True, start=start)[2].deviance for start in (np.zeros(5), None)]
    assert deviances[0] == pytest.approx(deviances[1], abs=1e-6)


def test_effects_and_their_covariance_are_those_of_the_conditional_distribution():
    y, X, terms = nested_and_crossed()
    got = fit(y, X, terms)
    Z = np.hstack([design_of(term) for term in terms])
    S = [np.kron(np.eye(term.n_levels), got.covariances[term.name]) for term in terms]
    prior = np.zeros((Z.shape[1], Z.shape[1]))
    at = 0
    for block in S:
        prior[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    V = Z @ prior @ Z.T + got.sigma2 * np.eye(len(y))
    mean = prior @ Z.T @ np.linalg.solve(V, y - X @ got.beta)
    spread = prior - prior @ Z.T @ np.linalg.solve(V, Z @ prior)
    effects = got.random_effects()
    np.testing.assert_allclose(np.concatenate([effects[t.name][0].ravel() for t in terms]), mean, atol=1e-8)
    variances = np.concatenate([np.einsum("gii->gi", effects[t.name][1]).ravel() for t in terms])
    np.testing.assert_allclose(variances, np.diag(spread), atol=1e-8)


def test_blocks_and_border_give_what_one_dense_matrix_gives(monkeypatch):
    """Three sites with raters, targets and a wave that crosses the sites."""
    rng = np.random.default_rng(3)
    site, rater, target, wave = (x.ravel() for x in np.meshgrid(range(3), range(6), range(4), range(3), indexing="ij"))
    codes = {"rater": site * 6 + rater, "target": site * 4 + target, "wave": wave, "site": site}
    y = sum(rng.normal(size=c.max() + 1)[c] for c in codes.values()) + rng.normal(size=len(site))
    X = np.column_stack([np.ones(len(y)), rng.normal(size=len(y))])
    terms = [Term(name, c, int(c.max()) + 1) for name, c in codes.items()]
    terms[1] = Term("target", codes["target"], 12, X, ("Intercept", "x"))
    whole = fit(y, X, terms)
    monkeypatch.setattr(gram_module, "DENSE_CELLS", 0)
    monkeypatch.setattr(gram_module, "FILLED", 2.0)
    cut = fit(y, X, terms)
    assert whole.gram.parts.buckets == ()
    assert [bucket.shape for bucket in cut.gram.parts.buckets] == [(3, 7)]
    assert cut.gram.parts.border.size == 3
    assert cut.deviance == pytest.approx(whole.deviance, rel=1e-12)
    np.testing.assert_allclose(cut.beta, whole.beta, rtol=1e-8)
    for name in codes:
        np.testing.assert_allclose(cut.covariances[name], whole.covariances[name], rtol=1e-5, atol=1e-9)
        for mine, other in zip(cut.random_effects()[name], whole.random_effects()[name], strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)


def test_autocorrelated_rows_are_whitened():
    series, time = np.array([0, 1, 0, 0, 1]), np.array([4.0, 1, 1, 2, 2])
    previous, gap = lags(series, time)
    whiten = autoregressive(previous, gap, -0.6, None)
    same = series[:, None] == series
    correlation = np.where(same, (-0.6) ** np.abs(time[:, None] - time), 0.0)
    W = whiten.whiten(np.eye(5)).T
    np.testing.assert_allclose(W @ correlation @ W.T, np.eye(5), atol=1e-12)
    assert -2 * whiten.log_determinant == pytest.approx(np.linalg.slogdet(correlation)[1])


def test_deviance_with_autocorrelation_is_the_likelihood_written_out():
    rng = np.random.default_rng(5)
    series, time = np.repeat(np.arange(10), 6), np.tile(np.array([1.0, 2, 3, 5, 8, 9]), 10)
    X = np.column_stack([np.ones(60), time])
    y = X @ [1, 0.1] + rng.normal(size=10)[series] + rng.normal(size=60)
    terms = [Term("team", series, 10, X, ("Intercept", "time"))]
    got, phi = fit_ar1(y, X, terms, series=series, time=time)
    noise = np.where(
        series[:, None] == series, np.sign(phi) ** (gap := np.abs(time[:, None] - time)) * abs(phi) ** gap, 0
    )
    want = written_out(y, X, terms, [got.covariances["team"]], got.sigma2, noise, reml=True)
    assert got.deviance == pytest.approx(want, rel=1e-10)


def test_equal_weights_are_no_weights():
    y, X, terms = nested_and_crossed()
    one, nine = fit(y, X, terms), fit(y, X, terms, weights=np.full(len(y), 9.0))
    np.testing.assert_allclose(nine.vcov, one.vcov, rtol=1e-6)
    assert nine.sigma2 == pytest.approx(9 * one.sigma2, rel=1e-6)
    assert nine.deviance == pytest.approx(one.deviance, rel=1e-10)


def test_columns_far_from_zero_do_not_cost_digits():
    """Calendar years as slopes: the fit is that of years since the first, in other units."""
    y, X, terms = nested_and_crossed(n=200)
    years = np.column_stack([X[:, 0], X[:, 1] + 2020])
    far = fit(y, years, [Term("team", terms[0].codes, 12, years, ("Intercept", "x")), *terms[1:]])
    near = fit(y, X, terms)
    assert far.deviance == pytest.approx(near.deviance, rel=1e-9)
    assert far.beta[1] == pytest.approx(near.beta[1], rel=1e-6)
    np.testing.assert_allclose(far.covariances["team"][1, 1], near.covariances["team"][1, 1], rtol=1e-4)


def test_units_are_undone():
    y, X, terms = nested_and_crossed()
    g = with_outcome(gram(X, terms, rows=Rows(root=np.full(len(y), 2.0))), y)
    theta = np.full(5, 0.5)
    covariances = [b @ L @ L.T @ b.T for L, b in zip(factors(g.terms, theta), g.back, strict=True)]
    sigma2 = evaluate(g, theta, reml=True).sigma2 * g.scale**2
    want = written_out(y, X, list(g.terms), [c * sigma2 for c in covariances], sigma2, np.eye(len(y)) / 4, reml=True)
    assert evaluate(g, theta, reml=True).deviance + units(g, reml=True) == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("nested", [False, True])
def test_listed_products_give_what_multiplying_anew_gives(nested, monkeypatch):
    """Two large crossed factors, and a third that falls into blocks: the same fit with and without the list."""
    rng, n = np.random.default_rng(9), 24_000
    first, second = rng.integers(0, 4000, n), rng.integers(0, 600, n)
    terms = [Term("rater", first, 4000), Term("target", second, 600)]
    if nested:
        terms = [Term("rater", first, 4000), Term("item", rng.integers(0, 5, n), 5), Term("pair", first % 700, 700)]
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    y = sum(rng.normal(size=t.n_levels)[t.codes] * 0.5 for t in terms) + rng.normal(size=n)
    listed = gram(X, terms)
    assert listed.pairs is not None
    assert bool(listed.parts.buckets) == nested
    monkeypatch.setattr("joyeval.models.linear_mixed.blocks.MOST_PAIRS", 0)
    anew = gram(X, terms)
    assert anew.pairs is None
    one, two = (evaluate(with_outcome(g, y), np.full(len(terms), 0.4), reml=True) for g in (listed, anew))
    assert one.deviance == pytest.approx(two.deviance, rel=1e-12)
    assert one.gradient == pytest.approx(two.gradient, rel=1e-8)
    for left, right in zip(one.solved.by_level(), two.solved.by_level(), strict=True):
        assert left == pytest.approx(right, rel=1e-9)
    effects = [rng.normal(size=(t.n_levels, 1, 2)) for t in listed.terms]
    for left, right in zip(one.solved.between(effects), two.solved.between(effects), strict=True):
        assert left == pytest.approx(right, rel=1e-9, abs=1e-9)
