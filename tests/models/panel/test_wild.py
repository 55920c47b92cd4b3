"""The wild cluster bootstrap, held against full enumeration in R and against a plain loop."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.models.panel import absorption as least_squares
from joyeval.models.panel.wild import WEIGHTS, WildBootstrap, draw_weights, wild_bootstrap
from tests.conftest import golden, reference


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", name))


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"g": np.repeat(range(7), [4, 6, 5, 5, 3, 7, 5]), "x": rng.normal(size=35)})
    return rows.assign(z=rng.normal(size=35), y=0.4 * rows["x"] + rng.normal(size=35) + rng.normal(size=7)[rows["g"]])


def test_petersen_by_year_equals_enumeration_in_r():
    data = table("PetersenCL.csv")
    got = wild_bootstrap("y ~ x", data[data["firm"] <= 40], term="x", cluster="year")
    want = golden("models", "cases", "wildboot_petersen_year.json")["expected"]
    assert (got.n_clusters, got.draws, got.enumerated) == (10, 1024, True)
    assert [got.estimate, got.t] == pytest.approx([want["beta"], want["t"]], rel=1e-9)
    assert got.p == want["p_symmetric"] == got.smallest_p


def test_programme_by_trust_equals_enumeration_in_r():
    """R counts all dummies in the factor of t (3.466); ours leaves out those nested in trusts (3.621)."""
    got = wild_bootstrap("pat_exp ~ post", table("sim_programme.csv"), term="post", cluster="trust",
                         absorb=("team", "wave"), weights="rademacher")  # fmt: skip
    want = golden("models", "cases", "wildboot_simprog_trust.json")["expected"]
    counts_all, ours = 576 - 60, 576 - 60 + 47
    assert got.t == pytest.approx(want["t"] * np.sqrt(ours / counts_all), rel=1e-7)
    assert (got.p, got.smallest_p, got.draws) == (want["p_symmetric"], 2 / 64, 64)


def test_equals_a_loop_over_refits(data):
    """Every sign pattern: new outcomes, a new fit, a new CR0 error."""
    X = np.column_stack([np.ones(35), data["z"], data["x"]])
    g = data["g"].to_numpy()
    restricted = X[:, :2] @ np.linalg.lstsq(X[:, :2], data["y"], rcond=None)[0]

    def t_of(y):
        beta = np.linalg.lstsq(X, y, rcond=None)[0]
        scores = np.array([X[g == k].T @ (y - X @ beta)[g == k] for k in range(7)]) @ np.linalg.inv(X.T @ X)
        return beta[2] / np.sqrt((scores[:, 2] ** 2).sum())

    t = t_of(data["y"].to_numpy())
    draws = [t_of(restricted + (data["y"] - restricted) * np.array(v)[g]) for v in product([-1, 1], repeat=7)]
    got = wild_bootstrap("y ~ z + x", data, term="x", cluster="g", weights="rademacher")
    assert got.p == pytest.approx(np.mean(np.abs(draws) >= abs(t) * (1 - 1e-9)), abs=1e-12)


def test_the_interval_ends_where_the_test_begins_to_reject(data):
    """Shifting the outcome by a null at either end gives p at 5 %, and beyond it less."""
    got = wild_bootstrap("y ~ z + x", data, term="x", cluster="g", weights="rademacher")
    width = got.ci_high - got.ci_low
    for end, outward in ((got.ci_low, -1), (got.ci_high, 1)):
        p = [
            wild_bootstrap("y ~ z + x", data.assign(y=data["y"] - (end + step * outward * width) * data["x"]),
                           term="x", cluster="g", weights="rademacher").p
            for step in (-1e-6, 1e-6)
        ]  # fmt: skip
        assert p[0] >= 0.05 > p[1]


def test_few_clusters_get_webb_weights_and_a_seed(data):
    one, two, other = (wild_bootstrap("y ~ x", data, term="x", cluster="g", seed=s) for s in (1, 1, 2))
    assert (one.weights, one.enumerated, one.draws) == ("webb", False, 9999)
    assert one.p == two.p != other.p
    assert one.smallest_p == 1e-4
    assert one.p == pytest.approx(other.p, abs=0.02)


def test_webb_weights_have_mean_0_and_variance_1():
    assert WEIGHTS["webb"].mean() == pytest.approx(0)
    assert WEIGHTS["webb"].var() == pytest.approx(1)
    V, enumerated = draw_weights(4, WEIGHTS["webb"], 9_999, 0)
    assert enumerated
    assert V.shape == (6**4, 4)


def test_four_clusters_cannot_reject_and_this_is_said(data):
    got = wild_bootstrap("y ~ x", data[data["g"] < 4], term="x", cluster="g", weights="rademacher")
    assert got.smallest_p == 0.125
    assert (got.ci_low, got.ci_high) == (-np.inf, np.inf)
    assert "can never reject at 5 %" in got.notes[-1]
    assert WildBootstrap.from_json(got.to_json()).sentence() == got.sentence()


def test_wrong_calls_are_refused(data, monkeypatch):
    with pytest.raises(UsageError, match="term 'w': found Intercept, x"):
        wild_bootstrap("y ~ x", data, term="w", cluster="g")
    with pytest.raises(UsageError, match="rademacher, webb"):
        wild_bootstrap("y ~ x", data, term="x", cluster="g", weights="normal")
    monkeypatch.setattr(least_squares, "EXPLICIT_CELLS", 1)
    with pytest.raises(ModelError, match="too many for the bootstrap"):
        wild_bootstrap("y ~ x", data.assign(p=range(35)).eval("p = p % 5"), term="x", cluster="g", absorb="p")


@pytest.mark.slow
def test_size_with_eight_clusters():
    """5 % nominal, 400 null panels with a common part per cluster: Monte Carlo error .011."""
    rng = np.random.default_rng(11)
    g = np.repeat(range(8), 10)
    p = [
        wild_bootstrap("y ~ x", pd.DataFrame({"g": g, "x": rng.normal(size=8)[g] + rng.normal(size=80),
                                              "y": rng.normal(size=8)[g] + rng.normal(size=80)}),
                       term="x", cluster="g", draws=1999).p
        for _ in range(400)
    ]  # fmt: skip
    assert 0.025 <= np.mean(np.array(p) < 0.05) <= 0.08
