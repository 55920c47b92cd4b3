"""Differences between groups: counted as they stand, tested as the teams allow, small groups left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval import measurement
from joyeval.errors import ModelError
from joyeval.measurement.equity import FEWEST


def waves(*, teams=12, people=12, groups=3, gain=0.0, team_sd=0.5, seed=1) -> pd.DataFrame:
    """Teams of `groups` settings, other people in each wave; setting A changes by `gain`, each team by its own."""
    rng = np.random.default_rng(seed)
    team, later, _ = (axis.ravel() for axis in np.mgrid[:teams, :2, :people])
    setting = team % groups
    level, change = rng.normal(0, 0.5, teams)[team], rng.normal(0, team_sd, teams)[team]
    score = 5 + level + later * (change + gain * (setting == 0)) + rng.normal(size=len(team))
    return pd.DataFrame(
        {
            "person": np.arange(len(team)),
            "team": [f"T{i}" for i in team],
            "wave": np.where(later, "2-end", "1-start"),
            "setting": [f"S{i}" for i in setting],
            "joy": score,
        }
    ).sort_values("wave", kind="stable", ignore_index=True)


def test_a_change_that_varies_by_team_is_tested_between_teams():
    """With equal teams the mixed model is the analysis of variance of the teams' own changes: exact."""
    data = waves(gain=0.8, team_sd=0.6)
    got = measurement.equity(data, by=["setting"], scales={"joy": "Joy"})
    means = data.groupby(["setting", "team", "wave"])["joy"].mean().unstack("wave")
    change = means["2-end"] - means["1-start"]
    f, p = stats.f_oneway(*(part for _, part in change.groupby("setting")))
    tested = got.tests.set_index("question").loc["change"]
    assert tested["statistic"] == pytest.approx(f, rel=1e-4)
    assert (tested["df1"], tested["df2"]) == (2, pytest.approx(9, rel=1e-3))
    assert tested["p"] == pytest.approx(p, rel=1e-3)
    by_group = got.groups.set_index("category")["estimate"]
    pd.testing.assert_series_equal(by_group, change.groupby("setting").mean(), check_names=False, rtol=1e-5)


def test_means_and_counts_are_those_of_the_answers_and_p_values_are_corrected_over_all_tests():
    data = waves(seed=2).assign(joy=lambda d: d["joy"].mask(d.index == 3), other=lambda d: -d["joy"])
    got = measurement.equity(data, by=["setting"], scales={"joy": "Joy", "other": "Other"})
    counts = data.groupby(["setting", "wave"])["joy"].agg(["count", "mean"]).unstack("wave")
    joy = got.groups[got.groups["scale"] == "joy"].set_index("category")
    assert list(joy["n_first"]) == list(counts["count", "1-start"])
    assert list(joy["last"]) == pytest.approx(list(counts["mean", "2-end"]))
    assert len(got.tests) == 4
    worst = got.tests["p"].idxmin()
    assert got.tests["p_adjusted"][worst] == pytest.approx(min(1, 4 * got.tests["p"][worst]))
    assert (got.n, got.n_dropped) == (len(data) - 1, 1)


def test_small_groups_are_described_and_not_compared():
    data = waves(groups=3, teams=9)
    few = data[data["setting"] == "S2"].groupby("wave").head(FEWEST - 1)
    got = measurement.equity(
        pd.concat([data[data["setting"] != "S2"], few]).sort_values("wave", kind="stable"),
        by=["setting"],
        scales={"joy": "Joy"},
    )
    small = got.groups.set_index("category").loc["S2"]
    assert small["n_first"] == FEWEST - 1
    assert np.isnan(small["estimate"])
    assert set(got.tests["categories"]) == {2}
    assert any("fewer than 11 answers" in note and note.endswith(": 1") for note in got.notes)


def test_one_large_group_leaves_nothing_to_compare():
    got = measurement.equity(waves(groups=1), by=["setting"], scales={"joy": "Joy"})
    assert got.tests.empty
    assert got.sentence() == "No group was large enough to be compared with another."


def test_one_wave_is_refused():
    with pytest.raises(ModelError, match="1 wave; a change needs two"):
        measurement.equity(waves().query("wave == '1-start'"), by=["setting"], scales={"joy": "Joy"})


def test_a_result_survives_storage_and_names_no_group_as_best():
    got = measurement.equity(waves(gain=3.0, team_sd=0.1), by=["setting"], scales={"joy": "Joy"})
    again = type(got).from_json(got.to_json())
    pd.testing.assert_frame_equal(again.tests, got.tests)
    assert "change of Joy by setting" in got.sentence()
    assert "S0" not in got.sentence()


@pytest.mark.slow
def test_false_alarms_stay_at_the_level_named():
    """300 panels in which teams change by chance alone: at 5 %, 4 to 26 rejections are within chance (99.9 %)."""
    rejected = 0
    for seed in range(300):
        tests = measurement.equity(waves(seed=seed), by=["setting"], scales={"joy": "Joy"}).tests
        rejected += int(tests.set_index("question").loc["change", "p"] < 0.05)
    assert 4 <= rejected <= 29


@pytest.mark.slow
@pytest.mark.parametrize("teams", [8, 20])
def test_tests_of_groups_keep_their_size(teams, record_property):
    """No role differs, in level or in change; people and teams do, and teams change unlike: 400 pairs of waves."""
    rng, found = np.random.default_rng(teams), {"level": [], "change": []}
    for _ in range(400):
        team = np.repeat(np.arange(teams), 12)
        role = rng.integers(0, 3, len(team)).astype(str)
        level = 0.3 * rng.normal(size=teams)[team] + 0.6 * rng.normal(size=len(team))
        rows = []
        for wave in (1, 2):
            here = np.flatnonzero(rng.random(len(team)) < 0.7)
            joy = level[here] + 0.2 * rng.normal(size=teams)[team[here]] + 0.5 * rng.normal(size=len(here))
            known = {"person": here, "team": team[here], "wave": wave, "role": role[here], "joy": joy}
            rows.append(pd.DataFrame(known))
        waves = pd.concat(rows, ignore_index=True)
        for row in measurement.equity(waves, by=["role"], scales={"joy": "Joy"}).tests.itertuples():
            found[row.question].append(row.p < 0.05)
    for question, wrong in found.items():
        record_property(question, float(np.mean(wrong)))
        assert np.mean(wrong) <= 0.065 + 2.6 * np.sqrt(0.065 * 0.935 / len(wrong)), question
