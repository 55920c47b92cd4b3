"""The social relations model: published variances, known truth, and what cannot be told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.coordination import round_robin
from joyeval.errors import DataError, ModelError, UsageError
from joyeval.result import read_result
from tests.conftest import reference

NAMES = {"group": "g", "rater": "r", "target": "t", "value": "y"}
# Variances asserted in the unit test of the R package roundRobinR, and wave 2 as it gives them.
PUBLISHED = {
    1: [0.1223, 0.8081, 0.0265, 0.2750, 0.0015, 0.0091],
    2: [0.1461, 0.9341, 0.0497, 0.3909, 0.0109, 0.0968],
}
SHARES = {1: [0.09926, 0.65596, 0.02154, 0.22324], 2: [0.09605, 0.61421, 0.03270, 0.25703]}
MEAN = {1: (5.5452, 0.0734, -950.827), 2: (5.3991, 0.0815, -1064.126)}


def ratings(groups, size, *, seed=0, truth=(0.2, 0.8, 0.3, 0.5, 0.2, 0.15)):
    """Draw round robins of `groups` groups; `truth` in the order of the terms."""
    rng = np.random.default_rng(seed)
    g2, a2, p2, d2, ap, dd = truth
    both = rng.multivariate_normal([0, 0], [[a2, ap], [ap, p2]], (groups, size))
    pair = rng.multivariate_normal([0, 0], [[d2, dd], [dd, d2]], (groups, size, size))
    rows = []
    for g, level in enumerate(rng.normal(4, np.sqrt(g2), groups)):
        for i, j in zip(*np.nonzero(~np.eye(size, dtype=bool)), strict=True):
            dyad = pair[g, i, j, 0] if i < j else pair[g, j, i, 1]
            rows.append((g, i, j, level + both[g, i, 0] + both[g, j, 1] + dyad))
    return pd.DataFrame(rows, columns=["g", "r", "t", "y"])


@pytest.mark.parametrize("wave", [1, 2])
def test_published_variances_of_round_robin_r_to_the_printed_digit(wave):
    data = pd.read_csv(reference("data", "directed_ratings", "round_robin_two_waves.csv")).query("timeId == @wave")
    got = round_robin(data, group="groupId", rater="actId", target="partId", value="liking")
    np.testing.assert_allclose(got.terms["estimate"], PUBLISHED[wave], atol=0.00006)
    np.testing.assert_allclose(got.terms["share"][:4], SHARES[wave], atol=0.000006)
    assert (got.mean, got.mean_se, got.loglik) == pytest.approx(MEAN[wave], abs=0.0006)
    assert (got.n, got.n_dropped, got.groups, got.members) == (790, 2, 66, 264)


def test_truth_is_found_within_chance():
    """200 groups of 5: every estimate within 3 of its standard errors."""
    truth = np.array([0.2, 0.8, 0.3, 0.5, 0.2, 0.15])
    got = round_robin(ratings(200, 5, truth=truth), **NAMES).terms
    assert (np.abs(got["estimate"] - truth) < 3 * got["se"]).all()


@pytest.mark.slow
def test_intervals_cover():
    """200 data sets of 40 groups: 93 to 97 % nominal, less 3 standard errors of 200 sets (1.5 points)."""
    truth = np.array([0.2, 0.8, 0.3, 0.5, 0.2, 0.15])
    tables = [round_robin(ratings(40, 5, seed=s, truth=truth), **NAMES).terms for s in range(200)]
    covered = np.mean([(t["ci_low"] < truth) & (truth < t["ci_high"]) for t in tables], axis=0)
    assert (covered > 0.88).all()


def test_negative_reciprocity_is_found():
    """Members who give much receive little; what one direction has more the other has less."""
    got = round_robin(ratings(60, 6, truth=(0.1, 0.8, 0.5, 0.5, -0.4, -0.3)), **NAMES).terms.set_index("term")
    assert got.loc["dyadic covariance", "ci_high"] < 0
    assert got.loc["actor-partner covariance", "correlation"] < -0.3


def test_order_of_rows_and_names_of_members_do_not_matter():
    data = ratings(12, 5)
    moved = data.sample(frac=1, random_state=1)
    moved[["r", "t"]] = "m" + moved[["r", "t"]].astype(str)
    one, two = (round_robin(d, **NAMES) for d in (data, moved))
    np.testing.assert_allclose(one.terms["estimate"], two.terms["estimate"], atol=1e-6)


def test_missing_ratings_and_ratings_of_oneself_are_counted():
    data = ratings(12, 5)
    data.loc[3, "y"] = np.nan
    data.loc[4, "t"] = data.loc[4, "r"]
    got = round_robin(data, **NAMES)
    assert (got.n, got.n_dropped) == (len(data) - 2, 2)


def test_one_group_tells_nothing_of_groups():
    got = round_robin(ratings(1, 9), **NAMES)
    assert "group" not in set(got.terms["term"])
    assert any("one group" in note for note in got.notes)
    assert read_result(got.to_json()).sentence() == got.sentence()


def test_what_cannot_be_answered_is_refused():
    with pytest.raises(ModelError, match="groups of 4 or more"):
        round_robin(ratings(9, 3), **NAMES)
    with pytest.raises(DataError, match="second ratings"):
        round_robin(pd.concat([ratings(2, 5)] * 2), **NAMES)
    with pytest.raises(UsageError, match="no column w"):
        round_robin(ratings(2, 5), **{**NAMES, "value": "w"})
    with pytest.raises(ModelError, match="the same"):
        round_robin(ratings(2, 5).assign(y=3), **NAMES)
