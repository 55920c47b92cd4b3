"""Counted outcomes: effects in points, near the linear answer, and counts that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.models.generalised.marginal import marginal_effects
from joyeval.outcomes import link
from joyeval.outcomes.counted import within_between_counts
from joyeval.outcomes.panel import within_between
from tests.conftest import reference


def programme() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "sim_programme.csv"))


@pytest.mark.parametrize(
    ("family", "y", "of", "per"), [("betabinomial", "fft_pos", "fft_n", 100), ("negbin", "incidents", "bed_days", 1000)]
)
def test_effects_lie_near_those_of_the_rate(family, y, of, per):
    """Two routes to one estimand: averaged mixed model, and least squares on the rate weighted by denominators."""
    data = programme().assign(rate=lambda d: per * d[y] / d[of])
    counted = within_between_counts(data, y=y, of=of, x="joy", family=family, period="wave")
    linear = within_between(data, y="rate", x="joy", weights=of, period="wave", draws=0)
    one, two = (answer.terms.set_index("term") for answer in (counted, linear))
    for term in ("within", "between"):
        assert abs(one.loc[term, "estimate"] - two.loc[term, "estimate"]) < 0.3 * two.loc[term, "se"]
        assert one.loc[term, "se"] == pytest.approx(two.loc[term, "se"], rel=0.25)


def test_effects_are_those_of_the_averaged_mixed_model():
    data = programme().assign(between=lambda d: d.groupby("team")["joy"].transform("mean"))
    data["within"] = data["joy"] - data["between"]
    got = within_between_counts(data, y="fft_pos", of="fft_n", x="joy", period="wave")
    want = marginal_effects("fft_pos ~ within + between + C(wave)", data, ["within", "between"], family="betabinomial",
                            groups="team", exposure="fft_n").terms  # fmt: skip
    pd.testing.assert_frame_equal(got.terms, want)
    assert got.y == "fft_pos (percentage points)"
    assert "went with +1.12 in “fft_pos (percentage points)”" in got.sentence()
    assert (got.n, got.n_teams) == (576, 48)


def test_a_linkage_brings_its_counts():
    data = programme()
    staff = data.assign(period=data["wave"], measure="joy", mean=data["joy"], answers=data["n_resp"])
    services = data.assign(period=data["wave"], measure="friends", value=100 * data["fft_pos"] / data["fft_n"],
                           numerator=data["fft_pos"], denominator=data["fft_n"])  # fmt: skip
    got = within_between_counts(link(staff, services, lag=1, improve={"friends": "increase"}), y="friends", x="joy")
    assert got.n == 528
    assert "friends (percentage points)" in got.sentence()
    assert "outcomes taken 1 period after the staff answers" in got.estimand


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({"fft_pos": lambda d: d["fft_n"] + (d["wave"] == 1)}, {}, ModelError, "of 576 rows, found 48 above"),
        ({"fft_pos": lambda d: d["fft_pos"] - 99}, {}, ModelError, "below 0"),
        ({}, {"of": None}, UsageError, "give of="),
        ({}, {"of": "people"}, UsageError, "no column people"),
        ({}, {"family": "gaussian"}, UsageError, "binomial, betabinomial, poisson, negbin"),
    ],
)
def test_counts_that_cannot_be_are_refused(change, options, error, message):
    data = programme().assign(**change)
    with pytest.raises(error, match=message):
        within_between_counts(data, **{"y": "fft_pos", "x": "joy", "of": "fft_n", "period": "wave"} | options)


@pytest.mark.slow
def test_the_averaged_effect_is_recovered():
    """40 teams x 10 waves of about 30 answers, true odds; 60 data sets: mean within .15 points of the truth."""
    rng = np.random.default_rng(5)
    found, truth = [], []
    for _ in range(60):
        own = rng.normal(size=40)[:, None]
        x = own + rng.normal(size=(40, 10))
        eta = 0.5 + 0.2 * (x - x.mean(axis=1, keepdims=True)) + 0.5 * rng.normal(size=(40, 1))
        p = 1 / (1 + np.exp(-eta))
        n = rng.integers(20, 40, size=p.shape)
        team, period = np.indices(p.shape)
        data = pd.DataFrame({"team": team.ravel(), "period": period.ravel(), "x": x.ravel(), "n": n.ravel(),
                             "k": rng.binomial(n, p).ravel()})  # fmt: skip
        found.append(within_between_counts(data, y="k", of="n", x="x", family="binomial").effect["estimate"])
        truth.append(100 * np.average(0.2 * p * (1 - p), weights=n))
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=0.15)
