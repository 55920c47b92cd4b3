"""rwg, r*wg and AD equal R multilevel; random groups show what chance gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import Agreement, aggregation, rwg
from tests.conftest import golden, reference


@pytest.fixture(scope="module")
def lq() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "lq2002.csv"))


@pytest.mark.parametrize(
    ("items", "column", "table", "key"),
    [
        ("single", "rwg", "rwg_single", "rwg"),
        ("multi", "rwg", "rwg_j", "rwg.j"),
        ("multi", "r_star", "rwg_j_lindell", "rwg.lindell"),
        ("multi", "ad", "ad_m_multi", "AD.M"),
        ("single", "ad", "ad_m_single", "AD.M"),
    ],
)
def test_agreement_of_every_company_equals_multilevel(lq, items, column, table, key):
    case = golden("models", "cases", "rwg_lq2002.json")
    got = rwg(lq[case["spec"][items]], lq["COMPID"]).groups
    known = pd.DataFrame(case["expected"][table])
    assert got["COMPID"].tolist() == known["grpid"].astype(int).tolist()
    assert got["n"].tolist() == known["gsize"].tolist()
    assert got[column].to_numpy() == pytest.approx(known[key].to_numpy(), rel=1e-10, abs=1e-12)


def test_agreement_equals_the_values_printed_by_r(lq):
    known = pd.read_csv(reference("data", "multilevel", "reference_values_R.csv")).query("dataset == 'lq2002'")
    printed = pd.to_numeric(known.set_index("statistic")["value"])
    summary = rwg(lq[[f"LEAD{i:02d}" for i in range(1, 12)]], lq["COMPID"]).summary.set_index("term")
    assert summary.loc["rwg", "mean"] == pytest.approx(printed.filter(like="mean rwg(j)").iloc[0], abs=5e-8)
    assert summary.loc["rwg", "median"] == pytest.approx(printed.filter(like="median rwg(j)").iloc[0], abs=5e-9)
    assert summary.loc["r_star", "mean"] == pytest.approx(printed.filter(like="r*wg(j)").iloc[0], abs=5e-9)
    one = rwg(lq["LEAD"], lq["COMPID"]).summary.set_index("term")
    assert one.loc["rwg", "mean"] == pytest.approx(printed["mean rwg(LEAD) ranvar=2"], abs=5e-8)


def test_agreement_of_staff_equals_multilevel():
    case = golden("models", "cases", "staff_psychometrics.json")
    staff = pd.read_csv(reference("reference", "golden", "models", "data", "sim_staff.csv"))
    got = rwg(staff[case["spec"]["items"]], staff["team"], by=staff["wave"]).groups.query("wave == 1")
    assert got["rwg"].tolist() == pytest.approx([row["rwg.j"] for row in case["expected"]["rwgj"]], rel=1e-10)


TEAM = pd.Series(list("aaabbb"), name="team")
JOY = pd.Series([4, 4, 5, 1, 3, 5], name="joy")


def test_skewed_null_asks_for_more():
    """Variance 1/3 in team a against 2 (uniform) and 1.34, 0.90, 0.44 (skewed), by hand."""
    row = rwg(JOY, TEAM).groups.iloc[0]
    got = row[["rwg", "rwg_slight", "rwg_moderate", "rwg_heavy"]].tolist()
    assert got == pytest.approx([1 - 1 / 3 / null for null in (2, 1.34, 0.90, 0.44)])


def test_step_puts_a_scale_of_0_to_100_on_the_same_footing():
    plain, scaled = rwg(JOY, TEAM).groups, rwg((JOY - 1) * 25, TEAM, step=25).groups
    assert scaled["rwg"].tolist() == pytest.approx(plain["rwg"].tolist())
    assert scaled["ad"].tolist() == pytest.approx((plain["ad"] * 25).tolist())


def test_random_groups_expect_what_a_shuffle_by_hand_gives(lq):
    small = lq[lq["COMPID"].isin(lq["COMPID"].unique()[:8])].reset_index(drop=True)
    items = small[["LEAD01", "LEAD02", "LEAD03"]]
    drawn = rwg(items, small["COMPID"], permutations=300, seed=1).summary.set_index("term")
    rng, means = np.random.default_rng(9), []
    for _ in range(60):
        shuffled = pd.Series(rng.permutation(small["COMPID"]), name="COMPID")
        means.append(rwg(items, shuffled).summary.set_index("term")["mean"])
    by_hand = pd.DataFrame(means)
    for index in ("rwg", "r_star", "ad"):
        error = by_hand[index].std() / np.sqrt(60)
        assert drawn.loc[index, "random_mean"] == pytest.approx(by_hand[index].mean(), abs=4 * error)


def test_people_are_shuffled_within_their_wave_only():
    """Wave 1 all answer 1, wave 2 all answer 5: a random group of one wave agrees fully."""
    answers = pd.Series([1] * 6 + [5] * 6, name="joy")
    team, wave = pd.Series(list("aaabbb") * 2, name="team"), pd.Series([1] * 6 + [2] * 6, name="wave")
    got = rwg(answers, team, by=wave, permutations=50)
    assert got.summary.query("term == 'rwg'")["random_mean"].tolist() == [1.0, 1.0]


def test_pseudo_agreement_shows():
    """Everybody answers 4 or 5 whatever the team: rwg is high and p is not small."""
    rng = np.random.default_rng(3)
    answers = pd.DataFrame(rng.integers(4, 6, (200, 4)))
    first = rwg(answers, pd.Series(np.arange(200) % 20, name="team"), permutations=200).summary.iloc[0]
    assert first["mean"] > 0.9
    assert first["p"] > 0.05


def test_random_group_test_keeps_its_size():
    """Null data, 200 studies as waves: about 5 % of p values lie below 0.05 (Monte Carlo error 1.5 points)."""
    rng = np.random.default_rng(5)
    answers = pd.DataFrame(rng.integers(1, 6, (200 * 60, 3)))
    team, study = (
        pd.Series(np.tile(np.arange(60) % 10, 200), name="team"),
        pd.Series(np.repeat(range(200), 60), name="w"),
    )
    p = rwg(answers, team, by=study, permutations=200).summary.query("term == 'r_star'")["p"]
    assert 0.01 <= (p < 0.05).mean() <= 0.10


def test_answers_beyond_the_options_are_refused():
    with pytest.raises(UsageError, match="answers span 100 points, but 5 options 1 apart span 4"):
        rwg(pd.Series([0, 50, 100, 25, 75, 0]), TEAM)


def test_teams_of_one_are_refused_together_and_left_out_singly():
    with pytest.raises(ModelError, match=r"rwg of joy: none of 6 teams .*\(6 respondents\)"):
        rwg(JOY, pd.Series(list("abcdef"), name="team"), scale="joy")
    got = rwg(JOY, pd.Series(list("aaabbc"), name="team"))
    assert got.groups["team"].tolist() == ["a", "b"]
    assert (got.n, got.n_dropped) == (5, 1)
    assert any("left out: 1 of 3 teams" in note for note in got.notes)


def test_tidy_has_one_row_per_team_and_index():
    got = rwg(pd.DataFrame({"a": JOY, "b": JOY}), TEAM)
    assert got.tidy()["term"].unique().tolist()[0] == "rwg(j)"
    assert len(got.tidy()) == 2 * 6
    back = Agreement.from_json(got.to_json())
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    assert back.sentence() == got.sentence()


def test_verdict_names_reliability_and_what_would_help():
    rng = np.random.default_rng(6)
    team = np.repeat(np.arange(40), 8)
    belongs = np.clip(np.round(3 + rng.normal(size=40)[team] + 0.7 * rng.normal(size=320)), 1, 5)
    wave = pd.DataFrame({"team": team, "own": belongs, "noise": rng.integers(1, 6, 320)})
    got = aggregation(wave, {"own": ["own"], "noise": ["noise"]})
    verdicts = got.scales.set_index("scale")
    assert verdicts["verdict"].to_dict() == {"own": "yes", "noise": "no"}
    assert "whether teams differ cannot be told" in verdicts.loc["noise", "reason"]
    assert got.sentence() == "Team means may be used for own; should not be used for noise."
    assert set(got.tidy()["term"]) == {"ICC(1)", "ICC(2)", "median rwg"}


def test_aggregation_names_absent_columns():
    with pytest.raises(UsageError, match="found no column q9, team"):
        aggregation(pd.DataFrame({"q1": [1]}), {"joy": ["q1", "q9"]})
