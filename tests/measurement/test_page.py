"""One page on a questionnaire answers what can be answered and says what cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import Page, alpha, invariance, page, team_means
from joyeval.measurement.page import verdict

SCALES = {"joy": ["q1", "q2", "q3", "q4"], "short": ["s1", "s2"], "single": ["x1"]}


@pytest.fixture(scope="module")
def waves() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    people, parts = 240, []
    team = np.arange(people) % 20
    lasting = rng.normal(size=people) + rng.normal(0, 0.8, 20)[team]
    for wave in (1, 2, 3):
        joy = lasting + rng.normal(0, 0.4, people) + 0.2 * (wave > 1)
        items = {
            name: np.clip(np.round(3 + joy + rng.normal(0, 0.7, people)), 1, 5) for name in ("q1", "q2", "q3", "q4")
        }
        items |= {name: np.clip(np.round(3 + joy + rng.normal(0, 1, people)), 1, 5) for name in ("s1", "s2", "x1")}
        parts.append(pd.DataFrame({"person": range(people), "team": team, "wave": wave, **items}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def found(waves) -> Page:
    titles, labels = {"joy": "Joy", "short": "Short", "single": "Single"}, {"q1": "good days"}
    return page(waves, SCALES, person="person", title="Survey", titles=titles, labels=labels, unit={"joy": 4})


def test_page_answers_every_question_of_a_full_scale(found, waves):
    row = found.scales.set_index("scale").loc["joy"]
    first = waves[waves["wave"] == 1]
    whole = alpha(first[SCALES["joy"]]).tidy().set_index("term")["estimate"]
    assert row["alpha"] == pytest.approx(whole["alpha"])
    assert row["sem"] == pytest.approx(4 * whole["sem"])  # a sum of four items has four times the error of their mean
    assert row["omega_low"] < row["omega"] < row["omega_high"]
    assert row["icc2_low"] < row["icc2"] < row["icc2_high"]
    assert row["rwg"] > row["random_rwg"]
    assert row["retest_low"] < row["retest"] < row["retest_high"]
    assert (row["teams"], row["linked"]) == ("yes", 240)
    assert row["fit"] == "cannot be told"  # 240 people, four items: two degrees of freedom tell little
    assert "whether its items measure one thing cannot be told from 240 people" in row["verdict"]
    assert row["waves"] in ("scalar", "strict")
    assert row["waves_ordered"] in ("scalar", "strict")


def test_page_leaves_open_what_cannot_be_answered_and_says_why(found):
    rows = found.scales.set_index("scale")
    assert np.isnan(rows.loc["single", "alpha"])
    assert np.isnan(rows.loc["short", "cfi"])
    assert rows.loc["short", "waves"] == ""
    assert any("alpha of Single: found 1 item" in note for note in found.notes)


def test_meaning_is_asked_of_the_first_and_the_last_wave(found, waves):
    ends = waves[waves["wave"] != 2]
    alone = invariance(ends[SCALES["joy"]], ends["wave"], person=ends["person"])
    mine = found.steps.query("scale == 'joy' and answers == 'numbers'")
    assert found.waves == ("1", "3")
    assert mine["chisq"].tolist() == pytest.approx(alone.steps["chisq"].tolist())


def test_team_means_and_items_are_those_of_the_first_wave(found, waves):
    first = waves[waves["wave"] == 1]
    alone = team_means(first[SCALES["joy"]].mean(axis=1), first["team"])
    assert found.team_means["joy"].teams["estimate"].tolist() == pytest.approx(alone.teams["estimate"].tolist())
    assert found.items.query("scale == 'joy'")["label"].tolist() == ["good days", "q2", "q3", "q4"]
    assert found.team_means["joy"].showing(alone.teams.head(2)).mean == pytest.approx(alone.mean)


def test_page_speaks_in_one_sentence(found):
    said = found.sentence()
    assert said.startswith("1 of 3 scales are reliable (alpha of 0.70 or more); team means may be used for Joy")
    assert said.endswith("means can be compared over waves for Joy.")
    back = Page.from_json(found.to_json())
    assert back.sentence() == said
    pd.testing.assert_frame_equal(back.tidy(), found.tidy())


def test_questions_without_a_column_are_not_asked(waves):
    got = page(waves, {"joy": SCALES["joy"]}, group=None, by=None)
    assert got.sentence() == "1 of 1 scales are reliable (alpha of 0.70 or more)."
    assert got.waves == ()
    with pytest.raises(UsageError, match="found no column q9"):
        page(waves, {"joy": ["q1", "q9"]})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"alpha": 0.93, "alpha_low": 0.91}, "reliable enough to compare groups and to speak of one person"),
        ({"alpha": 0.93, "alpha_low": 0.89}, "reliable enough to compare groups, not to judge one person"),
        ({"alpha": 0.65}, "only roughly reliable"),
        ({"alpha": 0.30}, "not reliable"),
        ({"alpha": np.nan}, "its reliability cannot be told"),
        ({"fit": "does not fit"}, "its items do not measure one thing only"),
        ({"fit": "cannot be told"}, "whether its items measure one thing cannot be told from 80 people"),
        ({"waves": "scalar", "waves_ordered": "strict"}, "means of 1 and 3 can be compared;"),
        ({"waves": "strict", "waves_doubt": "metric"}, "nothing speaks against comparing means of 1 and 3, but"),
        ({"waves": "scalar", "waves_ordered": "none"}, "means of 1 and 3 can be compared with care"),
        ({"waves": "metric"}, "means of 1 and 3 should not be compared"),
        ({"teams": "no"}, "team means should not be used"),
    ],
)
def test_verdict_follows_from_the_numbers(row, said):
    full = {"n": 80, "alpha": 0.8, "alpha_low": 0.7, "fit": "fits", "waves": "", "waves_ordered": "", "teams": "yes"}
    assert said in verdict(full | row, ("1", "3"))


def test_waves_of_different_people_are_compared_as_groups(waves):
    apart = waves.assign(person=waves["person"] + 1000 * waves["wave"])
    got = page(apart, {"joy": SCALES["joy"]}, person="person")
    ends = apart[apart["wave"] != 2]
    alone = invariance(ends[SCALES["joy"]], ends["wave"])
    assert got.steps.query("answers == 'numbers'")["chisq"].tolist() == pytest.approx(alone.steps["chisq"].tolist())
    assert np.isnan(got.scales["linked"].iloc[0])
    assert any("fewer than 30 people answered the first and the last wave" in note for note in got.notes)


def test_wave_that_nobody_answered_leaves_its_questions_open(waves):
    empty = waves.assign(**{name: waves[name].where(waves["wave"] > 1) for name in SCALES["joy"]})
    got = page(empty, {"joy": SCALES["joy"]}, person="person")
    row = got.scales.iloc[0]
    assert row["n"] == 0
    assert np.isnan(row["alpha"])
    assert row["verdict"].startswith("its reliability cannot be told")
    assert any("none of 240 respondents answered" in note for note in got.notes)


def test_teams_that_agree_fully_are_told_of():
    team = pd.Series(np.repeat(["a", "b", "c", "d"], 3), name="team")
    with pytest.raises(ModelError, match="everybody in each team gave the same score"):
        team_means(team.map({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}), team, scale="joy")
