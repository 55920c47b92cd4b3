"""Permutation of start dates and histories: against a loop, and exact under the null."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from joyeval.errors import ModelError, UsageError
from joyeval.models.panel.permutation import Permutation, permutation_test


def programme(seed: int = 2, effect: float = 0.0) -> pd.DataFrame:
    """Six teams, five months; starts in months 2, 3 and 4, one team never."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([(t, p) for t in range(6) for p in range(1, 6)], columns=["team", "month"])
    rows["start"] = np.array([2, 2, 3, 3, 4, 0])[rows["team"]]
    rows["post"] = ((rows["start"] > 0) & (rows["month"] >= rows["start"])) * 1
    rows["trust"] = rows["team"] % 2
    rows["x"] = rng.normal(size=30)
    rows["y"] = rng.normal(size=30) + rows["team"] + effect * rows["post"]
    return rows


def t_of(data: pd.DataFrame, x: np.ndarray) -> tuple[float, float]:
    """Two-way fixed effects by dummies, error by clusters without small-sample factor."""
    fit = smf.ols("y ~ x + C(team) + C(month)", data.assign(x=x)).fit(
        cov_type="cluster", cov_kwds={"groups": data["team"], "use_correction": False}
    )
    return fit.params["x"], fit.params["x"] / fit.bse["x"]


def test_equals_a_loop_over_all_orders_of_starts():
    data = programme()
    starts = data.groupby("team")["start"].first().to_numpy()
    loop = {}
    for order in set(permutations(starts)):
        begun = np.array(order)[data["team"]]
        loop[order] = t_of(data, ((begun > 0) & (data["month"] >= begun)) * 1)
    got = permutation_test(data, y="y", team="team", period="month", start="start")
    estimate, t = loop[tuple(starts)]
    assert got.enumerated
    assert got.draws == len(loop) == 180
    assert [got.estimate, got.t] == pytest.approx([estimate, t], rel=1e-6)
    sizes = np.abs([t for _, t in loop.values()])
    assert got.p == pytest.approx(np.mean(sizes >= abs(t) * (1 - 1e-9)), abs=1e-12)
    assert got.smallest_p == pytest.approx(1 / 180)


def test_strata_keep_histories_within_them():
    """Trust 0 has starts 2, 3, 4 (6 orders), trust 1 has 2, 3, never (6 orders)."""
    got = permutation_test(programme(), y="y", team="team", period="month", start="start", strata="trust")
    assert (got.draws, got.enumerated) == (36, True)


def test_a_measure_is_exchanged_as_whole_histories():
    data = programme()
    got = permutation_test(data, y="y", team="team", period="month", x="x")
    histories = data["x"].to_numpy().reshape(6, 5)
    loop = [t_of(data, histories[list(order)].ravel())[1] for order in list(permutations(range(6)))[::9]]
    assert (got.draws, got.enumerated) == (720, True)
    share = np.mean(np.abs(loop) >= abs(t_of(data, data["x"])[1]))
    assert got.p == pytest.approx(share, abs=0.15)  # every ninth of 720: a coarse check of the same quantity


def test_dates_and_missing_starts_are_understood():
    data = programme()
    dated = data.assign(
        month=pd.to_datetime("2024-01-01") + pd.to_timedelta(31 * data["month"], unit="D"),
        start=(pd.to_datetime("2024-01-01") + pd.to_timedelta(31 * data["start"], unit="D")).where(data["start"] > 0),
    )
    one, two = (permutation_test(d, y="y", team="team", period="month", start="start") for d in (data, dated))
    assert (one.p, one.draws) == (two.p, two.draws)
    assert one.t == pytest.approx(two.t, rel=1e-12)


def test_an_effect_is_found_and_a_seed_repeats():
    data = programme(effect=3.0)
    got = permutation_test(data, y="y", team="team", period="month", start="start")
    assert got.p < 0.05
    one, two = (permutation_test(data, y="y", team="team", period="month", x="x", draws=99, seed=4) for _ in range(2))
    assert not one.enumerated
    assert one.draws == 100
    assert one.p == two.p
    assert Permutation.from_json(got.to_json()).sentence() == got.sentence()


@pytest.mark.parametrize(
    ("change", "how", "message"),
    [
        (lambda d: d.assign(start=3), {"start": "start"}, "all 6 teams share one history"),
        (lambda d: d.drop(index=3), {"x": "x"}, "1 of 6 teams lack some of 5 periods"),
        (lambda d: d.assign(start=d["month"]), {"start": "start"}, "start changes within 6 of 6 teams"),
        (lambda d: d.assign(x=d["team"]), {"x": "x"}, "does not vary in 30 rows"),
    ],
    ids=["one history", "gaps", "start changes", "constant within team"],
)
def test_what_cannot_be_permuted_is_refused(change, how, message):
    with pytest.raises(ModelError, match=message):
        permutation_test(change(programme()), y="y", team="team", period="month", **how)


def test_either_starts_or_a_measure():
    with pytest.raises(UsageError, match="either start= or x="):
        permutation_test(programme(), y="y", team="team", period="month")


@pytest.mark.slow
def test_size_is_exact_under_the_null():
    """300 null programmes, 180 assignments: p < .05 in at most 5 %, Monte Carlo error .013."""
    p = [permutation_test(programme(seed), y="y", team="team", period="month", start="start").p for seed in range(300)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08
