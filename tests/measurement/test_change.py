"""Reliable change of a person, shrunken means of teams, reliability at two levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import icc, multilevel_reliability, reliable_change, team_means
from joyeval.measurement.team_means import TeamMeans
from tests.conftest import golden, reference


def test_threshold_is_that_of_jacobson_and_truax():
    """Jacobson & Truax (1991) with sd 7.5 and reliability 0.80: S_diff = 4.74, times 1.96."""
    rng = np.random.default_rng(1)
    before = pd.Series(rng.normal(50, 7.5, 100))
    got = reliable_change(before, before + 1, reliability=0.80, sd=7.5)
    assert got.threshold == pytest.approx(1.959964 * 7.5 * np.sqrt(0.4), rel=1e-6)
    assert got.tidy().set_index("term").loc["unchanged", "count"] == 100


def test_without_true_change_one_in_twenty_passes():
    """Reliability 0.8 by construction, 20,000 persons: 5 % within 0.6 points."""
    rng = np.random.default_rng(2)
    true = rng.normal(0, np.sqrt(0.8), 20_000)
    waves = [pd.Series(true + rng.normal(0, np.sqrt(0.2), 20_000)) for _ in range(2)]
    rows = reliable_change(*waves, reliability=0.8, sd=1.0).tidy().set_index("term")["estimate"]
    assert rows["improved"] == pytest.approx(0.025, abs=0.005)
    assert rows["deteriorated"] == pytest.approx(0.025, abs=0.005)


def test_for_burnout_lower_is_better():
    before = pd.Series([3.0, 3, 4, 5])
    rows = reliable_change(before, before - 2, reliability=0.9, better="lower").tidy().set_index("term")
    assert rows.loc["improved", "count"] == 4


def test_reliable_change_refuses_what_cannot_be_told():
    before = pd.Series([3.0, 3, 3], index=list("abc"))
    with pytest.raises(ModelError, match=r"three or more of 3 persons answered both waves, sd of the score 0\.00"):
        reliable_change(before, before, reliability=0.8)
    with pytest.raises(ModelError, match="none of 6 persons"):
        reliable_change(before, pd.Series([1.0, 2, 3], index=list("def")), reliability=0.8)
    with pytest.raises(UsageError, match=r"found 1\.2; expected a number below 1"):
        reliable_change(before, before, reliability=1.2)


def study(seed: int, teams: int = 40, between: float = 0.4) -> tuple[pd.Series, pd.Series, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = np.clip(rng.lognormal(2, 0.6, teams).astype(int), 2, 40)
    team = np.repeat(np.arange(teams), sizes)
    true = rng.normal(5, between, teams)
    return pd.Series(true[team] + rng.normal(0, 1, len(team))), pd.Series(team, name="team"), true


def test_shrunken_means_are_nearer_to_the_truth_than_observed_ones():
    values, team, true = study(3)
    teams = team_means(values, team).teams
    assert ((teams["estimate"] - true) ** 2).mean() < 0.8 * ((teams["observed"] - true) ** 2).mean()


def test_shrinkage_is_the_reliability_of_each_team_but_for_the_correction():
    """1 - reliability = (J - 3) / (J - 1) x error variance / (error + between variance), by hand from the result."""
    values, team, _ = study(4)
    got = team_means(values, team)
    error = got.within**2 / got.teams["n"]
    pull = (40 - 3) / (40 - 1) * error / (error + got.between**2)
    assert (1 - got.teams["reliability"]).tolist() == pytest.approx(pull.tolist())
    moved = got.teams["observed"] - pull * (got.teams["observed"] - got.mean)
    assert got.teams["estimate"].tolist() == pytest.approx(moved.tolist())


@pytest.mark.slow
def test_intervals_of_team_means_cover_on_average():
    """40 studies of 40 teams: 93 to 98 % of teams (Monte Carlo error 0.6)."""
    hits = []
    for seed in range(40):
        values, team, true = study(100 + seed)
        teams = team_means(values, team).teams
        hits.append(((teams["ci_low"] <= true) & (true <= teams["ci_high"])).mean())
    assert 0.93 <= np.mean(hits) <= 0.98


def test_team_means_refuse_and_note():
    values, team, _ = study(5)
    with pytest.raises(ModelError, match=r"team means of joy: \d+ respondents in 3 teams"):
        team_means(values[team < 3], team[team < 3], scale="joy")
    got = team_means(values, team)
    assert any("league table" in note for note in got.notes)
    assert TeamMeans.from_json(got.to_json()).sentence() == got.sentence()
    assert "rank" not in got.sentence()


def test_reml_icc_equals_lme():
    """multilevel::mult.icc rests on nlme::lme; 1e-6 relative is the tolerance of its optimiser."""
    case = golden("models", "cases", "icc_bh1996.json")
    data = pd.read_csv(reference("reference", "golden", "models", "data", "bh1996.csv"))
    rows = icc(data[case["spec"]["vars"]], data["GRP"], method="reml").tidy().set_index(["scale", "term"])["estimate"]
    for known in case["expected"]["mult.icc_lme"]:
        got = (rows[known["Variable"], "ICC(1)"], rows[known["Variable"], "ICC(2)"])
        assert got == pytest.approx((known["ICC1"], known["ICC2"]), rel=1e-6)
    printed = pd.read_csv(reference("data", "multilevel", "reference_values_R.csv")).set_index("statistic")["value"]
    assert rows["HRS", "ICC(1)"] == pytest.approx(float(printed["REML ICC1 HRS"]), abs=1e-7)
    with pytest.raises(UsageError, match="expected 'anova' or 'reml'"):
        icc(data["HRS"], data["GRP"], method="ml")


def nested(teams: int, each: int, seed: int, between: float = 0.1) -> tuple[pd.DataFrame, pd.Series]:
    """Four items: within loadings 0.7 and residual sd 0.7; between loadings 0.5 and residual sd `between`."""
    rng = np.random.default_rng(seed)
    team = np.repeat(np.arange(teams), each)
    inner = 0.7 * rng.normal(size=(teams * each, 1)) + 0.7 * rng.normal(size=(teams * each, 4))
    outer = 0.5 * rng.normal(size=(teams, 1)) + between * rng.normal(size=(teams, 4))
    return pd.DataFrame(inner + outer[team], columns=["q1", "q2", "q3", "q4"]), pd.Series(team, name="team")


def test_reliability_is_told_apart_within_and_between_teams():
    """Population alphas 4 x 0.5 / (1 + 3 x 0.5) within and with r = 0.25 / 0.26 between."""
    items, team = nested(200, 10, 1)
    rows = multilevel_reliability(items, team).tidy().set_index("term")
    r = 0.25 / 0.26
    for term, truth in (("alpha_within", 0.8), ("omega_within", 0.8), ("alpha_between", 4 * r / (1 + 3 * r))):
        assert rows.loc[term, "ci_low"] < truth < rows.loc[term, "ci_high"]
    assert rows.loc["alpha_between", "estimate"] > rows.loc["alpha_within", "estimate"]


def test_multilevel_reliability_refuses_few_teams():
    items, team = nested(4, 10, 2)
    with pytest.raises(ModelError, match="40 complete rows in 4 teams for 4 variables within and 4 between"):
        multilevel_reliability(items, team)
    with pytest.raises(ModelError, match="found 1 item"):
        multilevel_reliability(items[["q1"]], team)


@pytest.mark.slow
@pytest.mark.parametrize("teams", [30, 100, 300])
def test_intervals_at_two_levels_cover(teams):
    """300 studies of teams of 8, alpha 0.80 within and 0.92 between: 92 to 98 % (Monte Carlo error 1.3)."""
    r, hits = 0.25 / 0.34, []
    truth = {"alpha_within": 0.8, "omega_within": 0.8, "alpha_between": 4 * r / (1 + 3 * r)}
    for seed in range(300):
        rows = multilevel_reliability(*nested(teams, 8, 1000 + seed, 0.3)).tidy().set_index("term").reindex(list(truth))
        known = rows["estimate"].notna()
        hits.append(
            (rows["ci_low"].le(pd.Series(truth)) & rows["ci_high"].ge(pd.Series(truth))).where(known).astype(float)
        )
    cover = pd.DataFrame(hits).mean()
    assert cover.between(0.92, 0.98).all(), cover.to_dict()


def test_alpha_between_teams_above_one_is_noted_not_given():
    found = [multilevel_reliability(*nested(30, 4, seed, 0.0)) for seed in range(6)]
    without = [one for one in found if "alpha_between" not in one.tidy()["term"].tolist()]
    assert without
    assert all(any("no alpha between teams" in note for note in one.notes) for one in without)
