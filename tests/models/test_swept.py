"""Nested random intercepts swept out of the rows, and errors over clusters of what is left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval.errors import ModelError
from joyeval.models import mixed
from joyeval.models.swept import clustered_mixed, sweep


def test_sweeping_people_and_teams_whitens_their_covariance():
    """Written out as a matrix: people in teams, rows of unlike weight."""
    rng = np.random.default_rng(2)
    person, team = np.array([0, 0, 1, 2, 2, 2, 3, 4, 4]), np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])
    w, columns = rng.uniform(1, 9, 9), rng.normal(size=(9, 2))
    V = np.diag(1 / w) + 0.7 * (person[:, None] == person) + 0.3 * (team[:, None] == team)
    white = sweep(columns, [person, team], [0.7, 0.3], w)
    np.testing.assert_allclose(white.T @ white, columns.T @ np.linalg.solve(V, columns), rtol=1e-10)


def waves(teams: int, people: int, linked: int, seed: int = 1) -> pd.DataFrame:
    """Two waves of teams alike in size; `linked` people of each answer both."""
    rng = np.random.default_rng(seed)
    team, later, seat = (axis.ravel() for axis in np.mgrid[:teams, :2, :people])
    person = team * people + seat + np.where((later == 1) & (seat >= linked), teams * people, 0)
    joy = rng.normal(size=2 * teams * people)[person] + rng.normal(size=teams)[team] + rng.normal(size=len(team))
    return pd.DataFrame({"person": person, "team": team, "later": later.astype(float), "joy": joy})


def change(data: pd.DataFrame) -> pd.Series:
    X = np.column_stack([np.ones(len(data)), data["later"]])
    nested = [pd.factorize(data["person"])[0], data["team"].to_numpy()]
    return clustered_mixed(data["joy"].to_numpy(), X, names=["first", "later"], nested=nested).iloc[1]


def test_teams_alike_in_size_give_the_paired_t_test_of_their_means():
    data = waves(7, 5, 5)
    row, means = change(data), data.groupby(["team", "later"])["joy"].mean().unstack()
    paired = stats.ttest_rel(means[1.0], means[0.0])
    assert (row["df"], row["p"]) == (pytest.approx(6), pytest.approx(paired.pvalue))


def test_estimates_are_those_of_the_mixed_model():
    data = waves(9, 6, 3)
    known = mixed("joy ~ later", data, groups=["person", "team"]).terms.set_index("term").loc["later", "estimate"]
    assert change(data)["estimate"] == pytest.approx(known, rel=1e-6)


@pytest.mark.parametrize(
    ("codes", "found"), [(np.arange(6), "6 levels for 6 rows"), (np.array([0, 0, 1, 1, 2, 2]), "all alike")]
)
def test_factors_that_rows_cannot_tell_are_refused(codes, found):
    y = np.array([1.0, 1, 2, 2, 3, 3])
    with pytest.raises(ModelError, match=found):
        clustered_mixed(y, np.ones((6, 1)), names=["mean"], nested=[codes])


def test_teams_that_all_stay_where_they_are_are_refused():
    data = waves(4, 3, 3)
    same = data.assign(joy=np.tile([1.0, 2, 4, 4, 2, 1], 4))
    with pytest.raises(ModelError, match="nothing but rounding"):
        change(same)
