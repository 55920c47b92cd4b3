"""Scores over waves: three estimators, against statsmodels and by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval.errors import ModelError
from joyeval.measurement.scores import score_change
from joyeval.result import read_result

SCALES = {"joy": ("Joy", "higher"), "strain": ("Strain", "lower")}


def program(rng, *, change=0.0, people=60, again=0.6, teams=8):
    """Two waves: a share of the people answers both; team and person effects; no effect of who answers."""
    team = np.arange(people) % teams
    level = 5 + rng.normal(0, 0.3, teams)[team] + rng.normal(0, 0.8, people)
    first = pd.DataFrame(
        {"person": [f"p{i}" for i in range(people)], "team": team.astype(str), "wave": "1", "true": level}
    )
    stays = rng.random(people) < again
    names = [f"p{i}" if s else f"q{i}" for i, s in enumerate(stays)]
    new = np.where(stays, level, 5 + rng.normal(0, 0.85, people)) + change
    second = first.assign(person=names, wave="2", true=new)
    both = pd.concat([first, second], ignore_index=True)
    both["joy"] = both.pop("true") + rng.normal(0, 0.6, len(both))
    return both.assign(strain=10 - both["joy"])


def test_linked_people_in_teams_alike_in_size_give_the_paired_t_test_of_team_means():
    data = program(np.random.default_rng(1), change=0.4, again=1.0, teams=6)
    got = score_change(data, SCALES).changes.query("scale == 'joy' and estimator == 'linked'").iloc[0]
    wide = data.groupby(["team", "wave"])["joy"].mean().unstack()
    paired = stats.ttest_rel(wide["2"], wide["1"])
    assert got.estimate == pytest.approx((wide["2"] - wide["1"]).mean(), abs=1e-6)
    assert (got.df, got.p) == (pytest.approx(5), pytest.approx(paired.pvalue))


def test_everyone_weighs_linked_and_others_and_means_are_plain_means():
    data = program(np.random.default_rng(2), change=0.4)
    found = score_change(data, SCALES)
    assert found.means.query("scale == 'joy' and wave == '1'")["mean"].item() == data.query("wave == '1'")["joy"].mean()
    rows = found.changes.query("scale == 'joy'").set_index("estimator")
    low, high = sorted(rows.loc[["linked", "not linked"], "estimate"])
    assert low <= rows.loc["everyone", "estimate"] <= high
    assert rows.loc["everyone", "se"] < rows.loc["linked", "se"]


def test_better_depends_on_the_scale_and_both_kinds_of_change_are_told():
    found = score_change(program(np.random.default_rng(3), change=1.0), SCALES)
    said = found.sentence()
    assert "2 clearly changed from the first to the last wave" in said
    assert said.count("which is better") == 2
    assert "%" in said
    pd.testing.assert_frame_equal(read_result(found.to_json()).changes, found.changes)


def test_intervals_that_hold_together_agree_with_the_corrected_p_values():
    rng = np.random.default_rng(8)
    for gain in (0.0, 0.2, 0.4):
        rows = score_change(
            program(rng).assign(joy=lambda t, gain=gain: t["joy"] + gain * (t["wave"] == "2")), SCALES
        ).changes
        all_of = rows[rows["estimator"] == "everyone"]
        wider = all_of["ci_high_all"] - all_of["ci_low_all"] > all_of["ci_high"] - all_of["ci_low"]
        assert wider.all()
        outside = (all_of["ci_low_all"] > 0) | (all_of["ci_high_all"] < 0)
        assert (outside == (all_of["p_adjusted"] < 0.05)).all()
        assert all_of["p_adjusted"].tolist() == pytest.approx(np.minimum(1, 2 * all_of["p"]).tolist())


def test_no_change_is_said_as_none():
    said = score_change(program(np.random.default_rng(4)), SCALES).sentence()
    assert said.startswith("Of 2 scores, 0 clearly changed")


@pytest.mark.slow
def test_size_and_coverage():
    """600 programmes without change: 5 % within 3 standard errors of the simulation (0.9 points each)."""
    rng = np.random.default_rng(5)
    rows = [score_change(program(rng), {"joy": SCALES["joy"]}).changes for _ in range(600)]
    table = pd.concat(rows)
    for estimator, group in table.groupby("estimator"):
        assert (group["p"] < 0.05).mean() == pytest.approx(0.05, abs=0.027), estimator


def test_one_wave_is_refused_and_a_scale_without_answers_is_named():
    data = program(np.random.default_rng(6))
    with pytest.raises(ModelError, match="1 wave; a change needs two"):
        score_change(data.query("wave == '1'"), SCALES)
    thin = data.assign(strain=data["strain"].where(data["wave"] == "1"))
    assert "no change is estimated for Strain" in score_change(thin, SCALES).notes[1]


def shocked(rng, *, teams, people=8, shock=0.15):
    """Two waves of other people; whole teams move between them by chance."""
    team = np.repeat(np.arange(teams), people)
    waves = []
    for wave in ("1", "2"):
        joy = 3 + rng.normal(0, shock, teams)[team] + rng.normal(0, 0.6, len(team))
        who = [f"{wave}-{i}" for i in range(len(team))]
        waves.append(pd.DataFrame({"person": who, "team": team.astype(str), "wave": wave, "joy": joy}))
    return pd.concat(waves, ignore_index=True)


def test_what_happens_to_whole_teams_makes_a_change_less_sure_however_few_they_are():
    data = shocked(np.random.default_rng(3), teams=12, shock=0.5)
    for teams in (12, 5):
        found = score_change(data[data["team"].astype(int) < teams], {"joy": SCALES["joy"]})
        means = data[data["team"].astype(int) < teams].groupby(["team", "wave"])["joy"].mean().unstack()
        paired = stats.ttest_rel(means["2"], means["1"])
        assert found.changes.query("estimator == 'everyone'")["p"].item() == pytest.approx(paired.pvalue)
        assert any("5 teams answered" in note for note in found.notes) == (teams == 5)


def test_where_the_teams_of_the_waves_differ_the_same_teams_stand_beside_all():
    """Three teams that scored lower all along joined for the second wave: all together seem to fall."""
    data = shocked(np.random.default_rng(8), teams=12, shock=0.05, people=20)
    late = data["team"].isin(["9", "10", "11"])
    moved = data.assign(joy=data["joy"] + 0.4 * (data["wave"] == "2") - 1.0 * late)[~late | (data["wave"] == "2")]
    found = score_change(moved, {"joy": SCALES["joy"]})
    same = found.changes.set_index("estimator").loc["same teams"]
    assert same.ci_low < 0.4 < same.ci_high
    assert same.n == (~late).sum()
    assert any("teams of the waves differ" in note for note in found.notes)
    assert "same teams" not in set(score_change(data, {"joy": SCALES["joy"]}).changes["estimator"])


def test_a_change_rests_on_the_people_of_the_wave_that_fewer_answered():
    """Answers of both waves, as `n` counts them, are twice as many as the people where all are linked."""
    data = shocked(np.random.default_rng(8), teams=12, people=20)
    gone = (data["wave"] == "1") & data["person"].isin(data["person"].unique()[::8])
    kept = data[~gone & ~((data["team"] == "3") & (data["wave"] == "2"))]
    found = score_change(kept, {"joy": SCALES["joy"]})
    behind = found.people().set_axis(found.changes["estimator"])
    first, last = (set(kept.loc[kept["wave"] == wave, "person"]) for wave in "12")
    same = kept["team"] != "3"
    assert behind["everyone"] == min(len(first), len(last))
    assert behind["linked"] == len(first & last)
    assert behind["not linked"] == min(len(first - last), len(last - first))
    assert behind["same teams"] == (~same).sum()  # fewer than those in


def test_every_later_wave_is_told_not_only_the_last():
    data = shocked(np.random.default_rng(4), teams=10, people=20)
    back = data[data["wave"] == "1"].assign(wave="3", person=lambda t: "3" + t["person"])
    three = pd.concat([data.assign(joy=data["joy"] + (data["wave"] == "2")), back])
    said = score_change(three, {"joy": SCALES["joy"]}).sentence()
    assert said.startswith("Of 1 score, 1 clearly changed from the first to a later wave")
    assert "(wave 2)" in said
    assert "(wave 3)" not in said


def test_intervals_of_means_stay_on_the_scale_and_hold_their_mean():
    data = shocked(np.random.default_rng(6), teams=4, people=3, shock=0.8).assign(joy=lambda t: t["joy"].clip(0, 3.4))
    bounded = score_change(data, {"joy": SCALES["joy"]}, ranges={"joy": (0.0, 3.4)}).means
    assert ((bounded["ci_low"] > 0) & (bounded["ci_high"] < 3.4)).all()
    assert bounded["mean"].between(bounded["ci_low"], bounded["ci_high"]).all()


def test_a_change_cannot_reach_beyond_the_ends_of_its_scale():
    """Three teams of three near the top of a scale: the plain interval would let later means pass it."""
    data = shocked(np.random.default_rng(6), teams=3, people=3, shock=0.8).assign(joy=lambda t: t["joy"].clip(0, 3.4))
    plain, kept = (score_change(data, {"joy": SCALES["joy"]}, ranges=ends) for ends in (None, {"joy": (0.0, 3.4)}))
    most = 3.4 - kept.means["mean"].iloc[0]
    assert (plain.changes["ci_high"] > most).any()
    assert (kept.changes["ci_high"].dropna() <= most).all()
    assert kept.changes["p"].equals(plain.changes["p"])
