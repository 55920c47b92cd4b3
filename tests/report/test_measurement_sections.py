"""The measurement pages of the report: every question answered in words, nothing shown about few people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import disclosure, load_study
from joyeval.measurement import nonresponse, page
from joyeval.report import blocks, sections

ITEMS = ["q1", "q2", "q3", "q4"]


@pytest.fixture(scope="module")
def study(root):
    return load_study(root / "pipelines" / "enjoying_work.yml")


@pytest.fixture
def emitted(monkeypatch) -> list:
    found: list = []
    monkeypatch.setattr(blocks, "emit", lambda block, shown=None: found.append(block))
    return found


def survey(sizes: list[int], seed: int = 1) -> pd.DataFrame:
    """Two waves of the same people in teams of the given sizes."""
    rng = np.random.default_rng(seed)
    team = np.repeat([f"Team {i}" for i in range(len(sizes))], sizes)
    n = len(team)
    level = rng.normal(size=n) + np.repeat(rng.normal(0, 0.7, len(sizes)), sizes)
    parts = []
    for wave in ("before", "after"):
        answers = np.clip(np.round(3 + level[:, None] + rng.normal(0, 0.8, (n, 4))), 1, 5)
        parts.append(pd.DataFrame(answers, columns=ITEMS).assign(person=range(n), team=team, wave=wave))
    return pd.concat(parts, ignore_index=True)


def asked(wave: pd.DataFrame) -> dict:
    order = pd.Categorical(wave["wave"], ["before", "after"], ordered=True)
    titles, labels = {"joy": "Joy (1 to 5)"}, {"q1": "good days"}
    return {
        "survey": page(
            wave.assign(wave=order), {"joy": ITEMS}, person="person", title="Survey", titles=titles, labels=labels
        )
    }


def tables(emitted: list) -> dict[str, blocks.Table]:
    return {one.caption.split(": ")[-1]: one for one in emitted if isinstance(one, blocks.Table)}


def test_page_prints_verdict_tables_and_figures(emitted, study):
    pages = asked(survey([15, 14, 13, 12, 20, 18]))
    sections.measurement(pages, study)
    kinds = [type(one).__name__ for one in emitted]
    assert kinds.count("Table") == 3
    assert kinds.count("Figure") == 2
    row = pages["survey"].scales.iloc[0]
    verdict = next(one for one in emitted if isinstance(one, blocks.Items)).items[0][0].text
    assert verdict == disclosure.inexact(f"Joy (1 to 5): {row['verdict']}.")
    exact = tables(emitted)["how exact its scores are, in the first wave; brackets hold 95 % intervals"]
    assert f"{row['alpha']:.2f} ({row['alpha_low']:.2f} to {row['alpha_high']:.2f})" in exact.rows[0]
    assert f"{row['mdc']:.2f}" in exact.rows[0]
    figure = next(one for one in emitted if isinstance(one, blocks.Figure))
    assert figure.data.rows[0][1] == "good days"


def test_only_teams_with_enough_answers_are_drawn(emitted, study):
    sections.measurement(asked(survey([15, 14, 13, 12, 12, 5, 4])), study)
    drawn = [one for one in emitted if isinstance(one, blocks.Figure)][-1]
    assert "means of 4 of 7 teams" in drawn.caption  # 5 + 4 hidden answers: the next smallest is hidden too
    assert "Team 0" in drawn.svg
    assert not [word for word in ("Team 5", "Team 6") if word in drawn.svg + drawn.alt]


def test_of_many_teams_those_furthest_from_the_mean_are_drawn(emitted, study, monkeypatch):
    monkeypatch.setattr("joyeval.exhibits.surveys.MANY", 4)
    pages = asked(survey([15, 14, 13, 12, 20, 18]))
    sections.measurement(pages, study)
    drawn = [one for one in emitted if isinstance(one, blocks.Figure)][-1]
    assert "means of the 4 teams furthest from the mean, of 6 of 6 teams with enough people" in drawn.caption
    (means,) = pages["survey"].team_means.values()
    near = (means.teams["estimate"] - means.mean).abs().nsmallest(2).index
    named = [name for name in means.teams[means.group] if f">{name} (" in drawn.svg or f"{name} (" in drawn.svg]
    assert set(named) == set(means.teams.drop(near)[means.group])


def test_no_team_is_drawn_where_few_may_be_shown(emitted, study):
    sections.measurement(asked(survey([8] * 9)), study)
    assert sum(isinstance(one, blocks.Figure) for one in emitted) == 1


def test_questionnaire_of_few_people_is_not_shown(emitted, study):
    sections.measurement(asked(survey([3, 3, 2, 2])), study)
    assert [type(one).__name__ for one in emitted] == ["Heading", "Text"]


def test_non_response_hides_small_groups_and_rules_that_differ_by_few(emitted, study):
    wave = survey([30, 30, 16])
    few = wave.index[(wave["wave"] == "after")][:4]
    wave.loc[few, "q2"] = np.nan
    gone = (wave["wave"] == "after") & ((wave["team"] == "Team 2") & (wave["person"] % 3 > 0) | (wave["person"] > 70))
    gone |= (wave["wave"] == "before") & (wave["person"] < 12)
    roster = pd.DataFrame({"team": [f"Team {i}" for i in range(3)], "headcount": [40, 40, 20]})
    order = pd.Categorical(wave["wave"], ["before", "after"], ordered=True)
    got = nonresponse(wave.assign(wave=order)[~gone], {"joy": ITEMS}, roster=roster, margins=["team"], title="Survey")
    sections.nonresponse({"survey": got}, study)
    who = tables(emitted)["Who answered after, against staff in post, counts to the nearest 5"].rows
    assert who[2][1:] == ("Team 2", "20", "–", "–")
    rules = tables(emitted)[
        "Mean score of after as reported, and under other rules for people and answers that are missing"
    ]
    assert rules.rows[0][3] == "–"  # all items answered: a few people less than half of the items


def test_points_are_as_exact_as_their_spread_and_zero_has_no_minus():
    from joyeval.report.sections.measurement import MINUS, _points

    assert [_points(-0.001, 22, "+"), _points(-1.26, 22, "+"), _points(-1.26, 1)] == [
        "+0.0",
        f"{MINUS}1.3",
        f"{MINUS}1.26",
    ]
