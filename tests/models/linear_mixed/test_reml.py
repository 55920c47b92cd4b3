"""Structured covariances: published round-robin estimates, and mixed models as a special case."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError
from joyeval.models.linear_mixed.kenward_roger import kenward_roger
from joyeval.models.linear_mixed.lmm import fit
from joyeval.models.linear_mixed.reml import fit_reml
from joyeval.models.linear_mixed.terms import Term
from tests.conftest import reference

SRM = [[[0]], [[1, 2], [2, 3]], [[4, 5], [5, 4]]]  # group; actor, actor-partner, partner; dyad, dyadic covariance


def round_robin(actor: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Patterns of the covariance of ratings within a group (social relations model), (6, s, s)."""
    same = {
        (a, b): x[:, None] == y for a, x in (("a", actor), ("p", partner)) for b, y in (("a", actor), ("p", partner))
    }
    self_dyad, mirrored = same["a", "a"] & same["p", "p"], same["a", "p"] & same["p", "a"]
    crossed = same["a", "p"].astype(float) + same["p", "a"]
    return np.stack([np.ones_like(crossed), same["a", "a"], crossed, same["p", "p"], self_dyad, mirrored]).astype(float)


@pytest.mark.parametrize(
    ("wave", "components", "mean", "se", "loglik"),
    [
        (1, [0.1223, 0.8081, 0.0015, 0.0265, 0.2750, 0.0091], 5.5452, 0.0734, -950.827),
        (2, [0.1461, 0.9341, 0.0109, 0.0497, 0.3909, 0.0968], 5.3991, 0.0815, -1064.126),
    ],
)
def test_round_robin_of_two_waves(wave, components, mean, se, loglik):
    """The R package roundRobinR on its own data (its unit test holds the variance shares of wave 1)."""
    data = pd.read_csv(reference("data", "directed_ratings", "round_robin_two_waves.csv"))
    data = data[(data["timeId"] == wave) & data["liking"].notna()].reset_index(drop=True)
    blocks = [
        (rows.index.to_numpy(), round_robin(rows["actId"].to_numpy(), rows["partId"].to_numpy()))
        for _, rows in data.groupby("groupId")
    ]
    y = data["liking"].to_numpy(dtype=float)
    got = fit_reml(y, np.ones((len(y), 1)), blocks, cones=SRM)
    np.testing.assert_allclose(got.components, components, atol=6e-5)  # printed to four decimals
    assert got.beta[0] == pytest.approx(mean, abs=6e-5)
    assert np.sqrt(got.inference.model_vcov[0, 0]) == pytest.approx(se, abs=6e-5)
    assert got.loglik == pytest.approx(loglik, abs=6e-4)


def unbalanced(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    team = np.repeat(np.arange(14), rng.integers(2, 7, 14))
    x = rng.normal(size=len(team))
    return 2 + 0.4 * x + rng.normal(size=14)[team] + rng.normal(size=len(team)), np.column_stack([x**0, x]), team


def by_team(team: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    sizes = np.bincount(team)
    return [(np.flatnonzero(team == j), np.stack([np.ones((s, s)), np.eye(s)])) for j, s in enumerate(sizes)]


def test_a_random_intercept_is_a_special_case():
    y, X, team = unbalanced()
    mixed, got = fit(y, X, [Term("team", team, 14)]), fit_reml(y, X, by_team(team), cones=[[[0]], [[1]]])
    assert got.loglik == pytest.approx(mixed.loglik, rel=1e-9)
    np.testing.assert_allclose(got.components, [mixed.covariances["team"][0, 0], mixed.sigma2], rtol=1e-4)
    adjusted = kenward_roger(mixed)
    np.testing.assert_allclose(got.inference.vcov, adjusted.vcov, rtol=1e-4)
    rows = np.eye(2)
    assert [got.inference.df(r) for r in rows] == pytest.approx([adjusted.df(r) for r in rows], rel=1e-4)
    assert got.boundary == (False, False)


def test_a_variance_that_would_be_negative_lies_on_the_boundary():
    y, X, team = unbalanced()
    means = np.bincount(team, y) / np.bincount(team)
    got = fit_reml(y - means[team], X, by_team(team), cones=[[[0]], [[1]]])
    assert got.boundary == (True, False)
    assert got.components[0] < 1e-4 * got.components[1]


def test_components_that_the_design_cannot_tell_apart_are_refused():
    y, X, team = unbalanced()
    blocks = [(rows, np.stack([K[0], K[1], K[1]])) for rows, K in by_team(team)]
    with pytest.raises(ModelError, match="components 1, 2 cannot be told apart"):
        fit_reml(y, X, blocks, cones=[[[0]], [[1]], [[2]]])
