"""What missing people and answers could do to a change: the parts, the roster and the rules, put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import NonResponse, item_gaps, nonresponse, rake, tipping_point, turnover, weighted_mean

ITEMS = ["q1", "q2", "q3"]


@pytest.fixture(scope="module")
def survey() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two waves of 200 people in 20 teams of two settings; nurses answer less in the second."""
    rng = np.random.default_rng(5)
    team = np.arange(200) % 20
    setting = np.where(team < 12, "ward", "clinic")
    level = 3 + rng.normal(0, 0.7, 200) - 0.3 * (setting == "ward")
    parts = []
    for wave in (1, 2):
        answers = np.clip(np.round(level[:, None] + 0.3 * (wave == 2) + rng.normal(0, 0.6, (200, 3))), 1, 5)
        answers[rng.random((200, 3)) < 0.08] = np.nan
        rows = pd.DataFrame(answers, columns=ITEMS).assign(person=range(200), team=team, setting=setting, wave=wave)
        parts.append(rows[rng.random(200) < np.where(setting == "ward", 0.6, 0.85)])
    roster = pd.DataFrame({"team": range(20), "setting": np.where(np.arange(20) < 12, "ward", "clinic")})
    return pd.concat(parts, ignore_index=True), roster.assign(headcount=10)


@pytest.fixture(scope="module")
def found(survey) -> NonResponse:
    return nonresponse(survey[0], {"joy": ITEMS}, roster=survey[1], margins=["setting"], titles={"joy": "Joy"})


def test_parts_are_those_of_the_functions_asked(found, survey):
    wave = survey[0].assign(joy=survey[0][ITEMS].mean(axis=1)).dropna(subset="joy")
    before, after = (wave[wave["wave"] == number].set_index("person")["joy"] for number in (1, 2))
    team = wave.drop_duplicates("person").set_index("person")["team"]
    row = found.scales.iloc[0]
    parts = turnover(before, after, team=team).tidy().set_index("term")
    for part in ("change", "stayers", "joiners", "leavers"):
        assert row[part] == pytest.approx(parts.loc[part, "estimate"])
    assert (row["change_low"], row["change_high"]) == pytest.approx(tuple(parts.loc["change", ["ci_low", "ci_high"]]))
    tip = tipping_point(before, after, invited=(200, 200), team=team).tidy().set_index("term")["estimate"]
    assert row["tipping_sd"] == pytest.approx(tip["tipping_sd"])
    last = wave[wave["wave"] == 2]
    roster = pd.Series({"ward": 120, "clinic": 80}).rename_axis("setting")
    weighted = weighted_mean(last["joy"], rake(last, roster, limits=(0.3, 3))).tidy()["estimate"].iloc[0]
    assert row["weighted"] == pytest.approx(weighted)
    gaps = item_gaps(last[ITEMS], cluster=last["team"]).tidy().set_index("term")["estimate"]
    assert row[["complete", "half", "imputed"]].tolist() == pytest.approx(gaps.tolist())


def test_roster_shows_who_did_not_answer(found):
    rates = found.response.groups.set_index("category")["rate"]
    assert rates["ward"] < rates["clinic"]
    assert "it differed most by setting" in found.response.sentence()


def test_result_speaks_and_survives_json(found):
    said = found.sentence()
    assert said.startswith("For a clear change to vanish, those who did not answer the last wave would have to differ")
    assert "(Joy); the rule for unanswered items moves no mean by more than" in said
    assert "weighting to the roster moves no mean by more than" in said
    assert NonResponse.from_json(found.to_json()).sentence() == said
    assert found.tidy()["term"].tolist() == [f"joy, {part}" for part in ("change", "stayers", "joiners", "leavers")]


def test_without_a_roster_there_is_no_weight_and_no_tipping_point(survey):
    got = nonresponse(survey[0], {"joy": ITEMS})
    assert got.response is None
    assert got.scales[["tipping", "weighted"]].isna().all(axis=None)
    assert got.sentence().startswith("The rule for unanswered items moves no mean")


def test_waves_of_different_people_are_noted_not_refused(survey):
    wave = survey[0].assign(person=lambda d: d["person"] + 1000 * d["wave"])
    got = nonresponse(wave, {"joy": ITEMS}, roster=survey[1], margins=["setting"])
    assert np.isnan(got.scales["change"].iloc[0])
    assert any("cannot be told apart: none of" in note for note in got.notes)


def test_more_answers_than_staff_is_noted_not_refused(survey):
    got = nonresponse(survey[0], {"joy": ITEMS}, roster=survey[1].assign(headcount=3), margins=["setting"])
    assert got.response is None
    assert any("more answers than invitations" in note for note in got.notes)


def test_what_cannot_be_asked_is_refused(survey):
    wave, roster = survey
    with pytest.raises(ModelError, match="non-response: found 1 wave"):
        nonresponse(wave[wave["wave"] == 1], {"joy": ITEMS})
    with pytest.raises(UsageError, match=r"found no column q9, ward \(roster\)"):
        nonresponse(wave.assign(ward=1), {"joy": ["q1", "q9"]}, roster=roster, margins=["ward"])


def test_only_a_clear_change_could_vanish(found):
    still = replace(found, scales=found.scales.assign(change_low=-1.0, change_high=1.0))
    assert still.sentence().startswith("The rule for unanswered items moves no mean")
