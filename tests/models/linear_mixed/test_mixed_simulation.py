"""Intervals of mixed models cover: panels of 6 to 70 teams, and ratings of 3 to 12 workgroups."""

from __future__ import annotations

import numpy as np
import pytest

from joyeval.models.estimates import quantile
from joyeval.models.linear_mixed.ar1 import fit_ar1
from joyeval.models.linear_mixed.gram import gram
from joyeval.models.linear_mixed.kenward_roger import kenward_roger
from joyeval.models.linear_mixed.lmm import as_terms, refit, satterthwaite
from joyeval.models.linear_mixed.terms import Term

WAVES = 10
pytestmark = pytest.mark.slow


def panel(teams: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    """Half of the teams of one kind (between), staggered starts (within), a trend."""
    rng = np.random.default_rng(seed)
    team, wave = np.repeat(np.arange(teams), WAVES), np.tile(np.arange(WAVES), teams)
    start = rng.permutation(np.resize(np.arange(2, WAVES), teams))
    X = np.column_stack([np.ones(len(team)), team % 2, wave >= start[team], wave]).astype(float)
    return X, team, wave, rng


def covers(fitted, inference, truth: np.ndarray) -> np.ndarray:
    df = np.array([inference.df(row) for row in np.eye(len(truth))])
    return np.abs(fitted.beta - truth) < quantile(0.975, df) * np.sqrt(np.diag(inference.vcov))


@pytest.mark.parametrize("teams", [6, 12, 30, 70])
def test_intervals_of_a_panel_cover(teams):
    """Between and within effects, ICC .5, 1,500 data sets: the Monte Carlo error of a coverage is .006."""
    truth = np.array([6.0, 0.3, 0.2, 0.05])
    X, team, _, rng = panel(teams, seed=teams)
    layout = gram(X, as_terms([team]))
    hits = []
    for _ in range(1500):
        y = X @ truth + 0.7 * rng.normal(size=teams)[team] + 0.7 * rng.normal(size=len(team))
        fitted = refit(layout, y)
        hits.append([covers(fitted, method(fitted), truth) for method in (kenward_roger, satterthwaite)])
    coverage = np.mean(hits, axis=0)
    for name, row in zip(("Kenward-Roger", "Satterthwaite"), coverage, strict=True):
        print(f"\n{name}, {teams} teams: between {row[1]:.3f}, within {row[2]:.3f}")
    assert (np.abs(coverage - 0.95) < 0.02).all()


@pytest.mark.parametrize("teams", [6, 12, 30, 70])
def test_intervals_of_an_autocorrelated_panel_cover(teams):
    """AR(1) residuals of .5 with their model, 400 data sets (error .011)."""
    truth = np.array([6.0, 0.3, 0.2, 0.05])
    X, team, wave, rng = panel(teams, seed=100 + teams)
    terms, hits = as_terms([team]), []
    for _ in range(400):
        noise = rng.normal(size=(teams, WAVES))
        for t in range(1, WAVES):
            noise[:, t] = 0.5 * noise[:, t - 1] + np.sqrt(0.75) * noise[:, t]
        y = X @ truth + 0.7 * rng.normal(size=teams)[team] + 0.7 * noise.ravel()
        fitted, _ = fit_ar1(y, X, terms, series=team, time=wave)
        hits.append(covers(fitted, satterthwaite(fitted), truth))
    coverage = np.mean(hits, axis=0)
    print(f"\nAR(1), {teams} teams: between {coverage[1]:.3f}, within {coverage[2]:.3f}")
    assert (np.abs(coverage[1:3] - 0.95) < 0.035).all()


@pytest.mark.parametrize(("groups", "raters"), [(3, 10), (6, 10), (12, 5)])
def test_a_change_of_crossed_ratings_is_covered(groups, raters):
    """Two waves with other raters; rater, target and dyad vary; 400 data sets (error .011)."""
    shape = range(groups), range(raters), range(2), range(groups)
    giver, rater, wave, target = (axis.ravel() for axis in np.meshgrid(*shape, indexing="ij"))
    codes = [(giver * raters + rater) * 2 + wave, target, giver * groups + target]
    X = np.column_stack([np.ones(len(wave)), wave, giver == target]).astype(float)
    truth, hits = np.array([3.5, 0.1, 0.3]), []
    rng, layout = np.random.default_rng(groups), gram(X, as_terms(codes))
    for _ in range(400):
        effects = sum(s * rng.normal(size=c.max() + 1)[c] for s, c in zip((0.6, 0.2, 0.2), codes, strict=True))
        fitted = refit(layout, X @ truth + effects + 0.5 * rng.normal(size=len(wave)))
        hits.append(covers(fitted, kenward_roger(fitted), truth))
    coverage = np.mean(hits, axis=0)
    print(f"\ncrossed, {groups} groups: change {coverage[1]:.3f}, own group {coverage[2]:.3f}")
    assert (np.abs(coverage[1:] - 0.95) < 0.035).all()


def test_variances_are_recovered():
    """REML is unbiased here to within four Monte Carlo errors: 40 teams, random slopes, 400 data sets."""
    rng = np.random.default_rng(7)
    team, x = np.repeat(np.arange(40), 12), rng.normal(size=480)
    X = np.column_stack([np.ones(480), x])
    layout = gram(X, [Term("team", team, 40, X, ("Intercept", "x"))])
    root = np.linalg.cholesky(np.array([[0.5, 0.15], [0.15, 0.2]]))
    got = []
    for _ in range(400):
        effects = rng.normal(size=(40, 2)) @ root.T
        fitted = refit(layout, (effects[team] * X).sum(axis=1) + rng.normal(size=480))
        got.append([*fitted.covariances["team"][np.tril_indices(2)], fitted.sigma2])
    error = np.std(got, axis=0) / np.sqrt(len(got))
    print(f"\nvariances: mean {np.mean(got, axis=0).round(3)}, Monte Carlo error {error.round(4)}")
    assert (np.abs(np.mean(got, axis=0) - [0.5, 0.15, 0.2, 1.0]) < 4 * error).all()
