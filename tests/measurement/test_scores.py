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


def test_linked_people_give_the_paired_t_test_within_rounding_of_the_team_variance():
    data = program(np.random.default_rng(1), change=0.4, again=1.0, teams=8)
    got = score_change(data, SCALES).changes.query("scale == 'joy' and estimator == 'linked'").iloc[0]
    wide = data.pivot(index="person", columns="wave", values="joy")
    paired = stats.ttest_rel(wide["2"], wide["1"])
    assert got.estimate == pytest.approx((wide["2"] - wide["1"]).mean(), abs=1e-6)
    assert got.estimate / got.se == pytest.approx(paired.statistic, rel=1e-3)
    assert got.p == pytest.approx(paired.pvalue, rel=0.05)


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
    assert "2 changed from the first to the last wave" in said
    assert said.count("which is better") == 2
    assert "%" in said
    pd.testing.assert_frame_equal(read_result(found.to_json()).changes, found.changes)


def test_no_change_is_said_as_none():
    said = score_change(program(np.random.default_rng(4)), SCALES).sentence()
    assert said.startswith("Of 2 scores, 0 changed")


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
