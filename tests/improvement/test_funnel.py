"""Funnels against hand calculation and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, poisson

from joyeval.improvement import Funnel, funnel


def groups(count=200, *, seed=1, between=0.0):
    rng = np.random.default_rng(seed)
    n = rng.integers(80, 400, count)
    level = np.sin(np.clip(np.arcsin(np.sqrt(0.6)) + between * rng.normal(size=count), 0, np.pi / 2)) ** 2
    return pd.DataFrame({"team": np.arange(count), "good": rng.binomial(n, level), "n": n})


CALL = {"numerator": "good", "denominator": "n", "group": "team"}


def test_rows_of_a_group_are_added_up_and_empty_groups_dropped():
    data = pd.DataFrame({"team": list("aabbc"), "good": [1, 2, 3, 4, 0], "n": [5, 5, 6, 6, 0]})
    found = funnel(data, **CALL, multiply=100)
    assert found.points[["team", "numerator", "denominator", "value"]].to_numpy().tolist() == [
        ["a", 3, 10, pytest.approx(30)], ["b", 7, 12, pytest.approx(700 / 12)],
    ]  # fmt: skip
    assert (found.n, found.n_dropped) == (2, 1)
    assert found.target == pytest.approx(1000 / 22)


def test_variance_between_groups_is_what_winsorising_leaves_of_it():
    """A standard deviation of 0.05 on the arcsine scale: clipping z at its tenths keeps 0.68 of its mean square."""
    data = groups(5000, between=0.05)
    found = funnel(data, **CALL)
    kept = norm.expect(lambda z: min(z**2, norm.isf(0.1) ** 2))
    sampling = float((1 / (4 * data["n"])).mean())
    expected = kept * (sampling + 0.05**2) - sampling
    assert found.tau2 == pytest.approx(expected, rel=0.12)
    assert found.tau2 < 0.7 * 0.05**2
    assert found.adjusted


def test_alike_groups_are_outside_as_often_as_stated():
    found = funnel(groups(5000), **CALL, adjust=False, limit=95)
    assert found.points["outlier"].mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 5000) + 0.005)


def test_limits_of_standardised_ratios_are_exact_poisson():
    data = pd.DataFrame({"team": list("abc"), "seen": [4, 9, 20], "expected": [5.0, 10.0, 18.0]})
    call = {"numerator": "seen", "denominator": "expected", "group": "team", "kind": "SR"}
    points = funnel(data, **call).points
    for row in points.itertuples():
        high = row.upper_95 * row.denominator  # the mean of which so few are seen in 2.5 %
        assert poisson.cdf(row.denominator, high) == pytest.approx(0.025, abs=1e-6)
    roots = funnel(data, **call, method="CQC").points
    np.testing.assert_allclose(roots["transformed"], np.sqrt(points["value"]))


def test_few_groups_and_unadjusted_overdispersion_are_told():
    found = funnel(groups(8, between=0.2), **CALL, adjust=False)
    assert found.notes[0].startswith("8 groups")
    assert "limits of chance alone flag too many" in found.notes[1]


def test_a_funnel_comes_back_from_json():
    found = funnel(groups(), **CALL)
    back = Funnel.from_json(found.to_json())
    pd.testing.assert_frame_equal(back.points, found.points)
    assert back.sentence() == found.sentence()


@pytest.mark.parametrize("kind", ["PR", "SR", "RC"])
@pytest.mark.parametrize("events", [[0] * 12, [0] * 6 + [1, 0, 2, 1, 0, 1]])
def test_groups_without_an_event_are_answers(kind, events):
    """Twelve groups in which the event is rare, or never happened."""
    data = pd.DataFrame({"team": list("abcdefghijkl"), "good": events, "n": np.arange(20.0, 32.0)})
    found = funnel(data, **CALL, kind=kind)
    assert np.isfinite(found.points.select_dtypes("number").fillna(0).to_numpy()).all()
    assert np.isfinite([found.phi, found.tau2, found.target]).all()


@pytest.mark.parametrize(("kind", "level"), [("PR", 0.6), ("PR", 0.01), ("SR", 0.05)])
def test_the_sentence_says_how_many_lie_outside_by_chance_whatever_the_limits_miss(kind, level):
    rng, outside, told = np.random.default_rng(1), [], []
    for _ in range(60):
        n = rng.integers(30, 400, 60)
        good, of = (rng.binomial(n, level), n) if kind == "PR" else (rng.poisson(n * level), n * level)
        data = pd.DataFrame({"team": np.arange(60), "good": good, "n": of})
        found = funnel(data, **CALL, kind=kind, limit=95, adjust=False)
        outside.append(found.points["outlier"].sum())
        told.append(found.by_chance)
        assert f"{found.by_chance:.1f} would if none differed" in found.sentence()
    assert np.mean(outside) == pytest.approx(np.mean(told), abs=3 * np.std(outside) / np.sqrt(60))
    assert any("fewer than 5 events" in note for note in found.notes) == (level == 0.01)
    assert (np.mean(told) > 0.09 * 60) == (level == 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.6, 0.05, 0.01])
@pytest.mark.parametrize("count", [12, 60])
def test_groups_that_do_not_differ_lie_inside(count, level, record_property):
    """Shares of 30 to 400 answers: at most 6.5 % of groups lie outside the 95 % limits.

    Of shares of .01, a handful of events, 9.4 % of 60 groups do: limits on the arcsine scale, as published, are too low
    for such counts (docs/improvement.md says so).
    """
    most = 0.11 if level == 0.01 else 0.065
    rng, outside = np.random.default_rng([count, int(100 * level)]), []
    for _ in range(300):
        n = rng.integers(30, 400, count)
        data = pd.DataFrame({"team": np.arange(count), "good": rng.binomial(n, level), "n": n})
        outside.append(funnel(data, **CALL, limit=95).points["outlier"].mean())
    record_property("outside", float(np.mean(outside)))
    assert np.mean(outside) <= most + 2.6 * np.std(outside) / np.sqrt(300)


@pytest.mark.parametrize(("count", "ratio"), [(12, 1.0), (60, 0.3)])
def test_ratios_of_two_counts_that_do_not_differ_lie_inside(count, ratio):
    """Thirty funnels of counts about 100; limits as published, of the denominator alone, leave out nearly half."""
    rng, outside = np.random.default_rng(count), {"SHMI": [], "published": []}
    for _ in range(30):
        mean = rng.uniform(50, 150, count)
        data = pd.DataFrame({"team": np.arange(count), "good": rng.poisson(ratio * mean), "n": rng.poisson(mean)})
        for method, found in outside.items():
            found.append(funnel(data, **CALL, kind="RC", limit=95, method=method).points["outlier"].mean())
    assert np.mean(outside["SHMI"]) < 0.065
    assert np.mean(outside["published"]) > 0.4
