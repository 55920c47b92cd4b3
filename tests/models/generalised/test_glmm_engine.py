"""The engine under the generalised and ordinal models: linear algebra, derivatives, integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit

from joyeval.models.generalised.averages import average
from joyeval.models.generalised.families import (
    BetaBinomial,
    Binomial,
    CumulativeLogit,
    NegativeBinomial,
    Poisson,
    thresholds,
)
from joyeval.models.generalised.laplace import Likelihood
from joyeval.models.generalised.schur import Block, factorise, layout
from joyeval.models.linear_mixed.terms import Term

N = 60
RNG = np.random.default_rng(20)
TRIALS = RNG.integers(1, 9, N).astype(float)
YES = RNG.binomial(TRIALS.astype(int), 0.4).astype(float)
COUNTS = RNG.poisson(3, N).astype(float)
RATINGS = RNG.integers(0, 4, N)
X = np.column_stack((np.ones(N), RNG.normal(size=N)))
FAMILIES = {
    "binomial": (Binomial(YES, TRIALS), []),
    "poisson": (Poisson(COUNTS), []),
    "negbin": (NegativeBinomial(COUNTS), [0.7]),
    "betabinomial": (BetaBinomial(YES, TRIALS), [1.2]),
    "ordinal": (CumulativeLogit(RATINGS, 4, weights=RNG.uniform(0.5, 2, N)), [-1.0, 0.1, -0.2]),
}
TEAM = RNG.integers(0, 10, N)
WARD = RNG.integers(0, 4, N)
STRUCTURES = {
    "none": [],
    "intercept": [Term("team", TEAM, 10)],
    "slope": [Term("team", TEAM, 10, X, ("Intercept", "x"))],
    "nested": [Term("team", TEAM, 10), Term("site", TEAM // 3, 4)],
    "crossed": [Term("team", TEAM, 10), Term("ward", WARD, 4)],
    "nested and crossed": [
        Term("pair", np.unique(TEAM * 4 + WARD, return_inverse=True)[1], len(np.unique(TEAM * 4 + WARD))),
        Term("team", TEAM, 10, X, ("Intercept", "x")),
        Term("ward", WARD, 4),
        Term("wave", np.arange(N) % 3, 3),
    ],
}


def differences(function, at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    return np.array([(function(at + h) - function(at - h)) / (2 * step) for h in np.eye(len(at)) * step])


def parameters(model: Likelihood, aux: list[float]) -> np.ndarray:
    return np.concatenate(([0.2, -0.4], aux, np.linspace(0.8, 0.3, len(model.entries))))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.booleans(), st.integers(0, 2**32 - 1))
def test_elimination_gives_what_the_full_matrix_gives(sizes, nested, seed):
    """Any mixture of crossed and nested blocks, some levels without rows."""
    rng = np.random.default_rng(seed)
    blocks = [Block(rng.integers(0, size, 25), size) for size in sizes]
    if nested:
        blocks.append(Block(blocks[0].index // 2, blocks[0].size))
    w, z = rng.uniform(0.1, 2, 25), [rng.normal(size=25) for _ in blocks]
    full = np.column_stack([zk[:, None] * np.eye(b.size)[b.index] for b, zk in zip(blocks, z, strict=True)])
    H = np.eye(full.shape[1]) + (full.T * w) @ full
    factor = factorise(layout(blocks), w, z)
    right = rng.normal(size=len(H))
    ends = np.cumsum([b.size for b in blocks])[:-1]
    assert factor.logdet == pytest.approx(np.linalg.slogdet(H)[1], abs=1e-9)
    assert np.concatenate(factor.solve(np.split(right, ends))) == pytest.approx(np.linalg.solve(H, right), abs=1e-9)
    variances = [factor.at_levels(k, k) for k in range(len(blocks))]
    assert np.concatenate(variances) == pytest.approx(np.diag(np.linalg.inv(H)), abs=1e-9)
    solved = np.split(np.linalg.solve(H, full.T), ends)
    for got, part, block in zip(factor.at_rows(z), solved, blocks, strict=True):
        assert got == pytest.approx(part[block.index, np.arange(25)], abs=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_derivatives_of_a_family_are_those_of_its_likelihood(name):
    family, aux = FAMILIES[name]
    eta, aux, h = X @ [0.3, 0.8], np.array(aux), 1e-5
    first, second, third = family.derivatives(eta, aux)
    numeric = [(family.loglik(eta + h, aux) - family.loglik(eta - h, aux)) / (2 * h)]
    for order in range(2):
        ahead, behind = (family.derivatives(eta + way * h, aux)[order] for way in (1, -1))
        numeric.append((ahead - behind) / (2 * h))
    for exact, near in zip((first, second, third), numeric, strict=True):
        assert exact == pytest.approx(near, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", ["negbin", "betabinomial", "ordinal"])
def test_derivatives_in_the_further_parameters(name):
    family, aux = FAMILIES[name]
    eta, aux = X @ [0.3, 0.8], np.array(aux)
    rows = [RNG.normal(size=N) for _ in range(3)]

    def weighted(at):
        first, second, _ = family.derivatives(eta, at)
        return np.sum(rows[0] * family.loglik(eta, at) + rows[1] * first + rows[2] * second)

    assert family.aux_gradient(eta, aux, tuple(rows)) == pytest.approx(differences(weighted, aux), rel=1e-6)


def test_families_have_the_likelihood_of_scipy():
    eta = X @ [0.3, 0.8]
    p, mean, none = 1 / (1 + np.exp(-eta)), np.exp(eta), np.zeros(0)
    size, phi = 2.5, 4.0
    assert Binomial(YES, TRIALS).loglik(eta, none) == pytest.approx(stats.binom.logpmf(YES, TRIALS, p))
    assert Poisson(COUNTS).loglik(eta, none) == pytest.approx(stats.poisson.logpmf(COUNTS, mean))
    got = NegativeBinomial(COUNTS).loglik(eta, np.log([size]))
    assert got == pytest.approx(stats.nbinom.logpmf(COUNTS, size, size / (size + mean)))
    got = BetaBinomial(YES, TRIALS).loglik(eta, np.log([phi]))
    assert got == pytest.approx(stats.betabinom.logpmf(YES, TRIALS, p * phi, (1 - p) * phi))
    aux = np.array([-1.0, 0.1, -0.2])
    edges = np.concatenate(([-np.inf], thresholds(aux), [np.inf]))
    chance = stats.logistic.cdf(edges[RATINGS + 1] - eta) - stats.logistic.cdf(edges[RATINGS] - eta)
    assert CumulativeLogit(RATINGS, 4, np.ones(N)).loglik(eta, aux) == pytest.approx(np.log(chance))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_of_the_laplace_likelihood_is_exact(name, structure):
    """Differences are good to about 1e-6 of the largest entry, as the mode is found to 1e-7."""
    family, aux = FAMILIES[name]
    model = Likelihood(family, X, 0.1, STRUCTURES[structure])
    at = parameters(model, aux)
    gradient = model(at)[1]
    assert gradient == pytest.approx(differences(lambda x: model(x)[0], at), abs=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("nodes", [2, 5, 12])
@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_of_quadrature_is_exact(name, nodes):
    family, aux = FAMILIES[name]
    model = Likelihood(family, X, 0.1, STRUCTURES["intercept"], nodes)
    at = parameters(model, aux)
    gradient = model(at)[1]
    assert gradient == pytest.approx(differences(lambda x: model(x)[0], at), abs=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_quadrature_is_the_integral(name):
    """Team by team with scipy's adaptive integration."""
    family, aux = FAMILIES[name]
    model = Likelihood(family, X, 0.0, STRUCTURES["intercept"], 25)
    at = parameters(model, aux)
    aux, sd = np.array(aux), at[-1]

    def integral(team):
        rows = np.flatnonzero(team == TEAM)
        own = type(family)(**{k: v[rows] if isinstance(v, np.ndarray) else v for k, v in vars(family).items()})
        eta = X[rows] @ at[:2]
        return quad(lambda b: np.exp(own.loglik(eta + b, aux).sum()) * stats.norm.pdf(b, scale=sd), -5, 5, epsabs=0)[0]

    assert model(at)[0] == pytest.approx(sum(np.log(integral(t)) for t in range(10)), rel=1e-7)


@pytest.mark.parametrize("structure", ["none", "slope", "nested and crossed"])
@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_of_the_average_prediction_is_exact(name, structure):
    family, aux = FAMILIES[name]
    model, weights = Likelihood(family, X, 0.1, STRUCTURES[structure]), RNG.uniform(0.5, 2, N)
    at = parameters(model, aux)
    numeric = differences(lambda x: average(model, x, weights).value, at).T
    assert average(model, at, weights).gradient == pytest.approx(numeric, abs=1e-8)


def test_average_prediction_is_the_mean_over_the_random_effects():
    """The integral by scipy; a count's has a closed form that is computed here in another way."""
    model = Likelihood(Binomial(YES, TRIALS), X[:1], 0.0, [Term("team", TEAM[:1], 10)])
    mean = quad(lambda b: expit(0.2 - 0.4 * X[0, 1] + b) * stats.norm.pdf(b, scale=1.7), -12, 12)[0]
    assert average(model, np.array([0.2, -0.4, 1.7]), np.ones(1)).value[0] == pytest.approx(mean, rel=1e-6)
    counts = Likelihood(Poisson(COUNTS), X[:1], 0.0, [Term("team", TEAM[:1], 10)])
    mean = quad(lambda b: np.exp(0.2 - 0.4 * X[0, 1] + b) * stats.norm.pdf(b, scale=0.7), -8, 8)[0]
    assert average(counts, np.array([0.2, -0.4, 0.7]), np.ones(1)).value[0] == pytest.approx(mean, rel=1e-7)


def test_gradient_at_a_variance_of_zero_is_zero():
    """The likelihood is even in a standard deviation, so 0 is always stationary."""
    model = Likelihood(Binomial(YES, TRIALS), X, 0.0, STRUCTURES["crossed"])
    assert model(np.array([0.2, -0.4, 0.5, 0.0]))[1][-1] == pytest.approx(0, abs=1e-12)
