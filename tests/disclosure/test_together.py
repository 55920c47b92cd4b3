"""Settings, organisations and named teams held together: what is left over is of nobody, or of enough people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval import improvement
from joyeval.disclosure import Rule, leaves_few, show
from joyeval.disclosure.statistics import next_smallest
from joyeval.exhibits.charts import not_all_alike, of_named
from tests.disclosure.attacks import fewest_left

PROGRAMME = Rule(threshold=5, reason="agreed")
TEAMS = st.lists(st.tuples(st.integers(1, 16), st.sampled_from("abc"), st.sampled_from("xy")), min_size=3, max_size=9)


def answered(teams):
    """One row per person, in one wave."""
    rows = [(f"t{i}", *places, "1") for i, (size, *places) in enumerate(teams) for _ in range(size)]
    return pd.DataFrame(rows, columns=["team", "setting", "organisation", "wave"]).assign(joy=3.0)


def left_over(answers, hidden, rule):
    """Fewest people, above none, that a reader is left with by adding and taking off everything that is shown."""
    size = answers.groupby("team").size()
    few = size < rule.threshold
    few[next_smallest(size, few, rule)] = True
    known = [frozenset(answers["team"])]
    for attribute in ("setting", "organisation"):
        for name, rows in answers.groupby(attribute):
            if len(rows) >= rule.threshold and ("joy", attribute, name) not in hidden:
                known.append(frozenset(rows["team"]))
    return fewest_left(size, known, size.index[~few])


@pytest.mark.parametrize("rule", [Rule(), PROGRAMME], ids=["public", "programme"])
@given(teams=TEAMS)
def test_whatever_is_added_and_taken_off_leaves_nobody_or_enough(teams, rule):
    answers = answered(teams)
    if len(answers) >= rule.threshold:
        hidden = leaves_few(answers, ["setting", "organisation"], ["joy"], rule)
        whole_alone = left_over(answers.assign(setting="a", organisation="x"), (), rule)
        assert left_over(answers, hidden, rule) >= min(rule.threshold, whole_alone)


def test_a_setting_less_its_named_teams_would_leave_a_small_one():
    answers = answered([(20, "a", "x"), (4, "a", "x"), (20, "b", "x"), (9, "b", "y")])
    assert left_over(answers, (), Rule()) == 4
    hidden = leaves_few(answers, ["setting", "organisation"], ["joy"], Rule())
    assert {name for _, attribute, name in hidden if attribute == "setting"} == {"a", "b"}
    assert left_over(answers, hidden, Rule()) >= 11


def test_groups_that_lie_across_teams_and_waves_with_other_people_are_told_apart():
    one = answered([(20, "a", "x"), (4, "a", "x"), (20, "b", "x"), (9, "b", "x")])
    two = answered([(20, "a", "x"), (12, "a", "x"), (20, "b", "x"), (12, "b", "x")]).assign(wave="2")
    assert leaves_few(two, ["setting"], ["joy"], Rule()) == frozenset()
    assert leaves_few(pd.concat([one, two]), ["setting"], ["joy"], Rule())
    across = two.assign(role=np.arange(len(two)) % 3)
    assert leaves_few(across, ["role"], ["joy"], Rule()) == frozenset()


def pulses(staff):
    """Thirty weeks; the first two teams get much better after twelve."""
    weeks, rng = pd.date_range("2024-01-01", periods=30, freq="W-MON"), np.random.default_rng(2)
    rows = [
        (team, week, n, int(rng.binomial(n, 0.4 + 0.5 * (i < 2 and k >= 12))))
        for i, (team, n) in enumerate(staff.items())
        for k, week in enumerate(weeks)
    ]
    return pd.DataFrame(rows, columns=["team", "period", "n", "y"]).assign(measure="joy")


def test_verdicts_that_are_not_named_are_not_all_alike_since_those_of_all_teams_are_counted():
    staff = pd.Series({"Ash": 40, "Birch": 30, "Cedar": 25, "Dale": 20, "Elm": 7})
    how = {"x": "period", "y": "y", "n": "n", "by": ["measure", "team"], "multiply": 100, "improve": "increase"}
    charts = improvement.chart(pulses(staff), freeze=12, **how)
    found = improvement.verdicts(charts, over="measure")
    truth = found.teams.set_index("team")["verdict"]
    assert set(truth) == {"clearly better", "not clear"}
    shown = show(found, people=staff)
    named = set(shown.what.teams["team"])
    assert named
    assert "Elm" not in named
    assert set(truth[~truth.index.isin(named)]) == {"clearly better", "not clear"}
    drawn = of_named(show(charts.only(measure="joy"), people=staff), shown, "joy")
    assert set(drawn.what.latest()["team"]) <= named


def test_outcomes_that_are_not_drawn_are_not_all_alike_since_signals_of_all_teams_are_counted():
    staff = pd.Series({"Ash": 40, "Birch": 30, "Cedar": 25, "Dale": 20, "Elm": 7})
    how = {"x": "period", "y": "y", "n": "n", "by": "team", "multiply": 100, "improve": "increase"}
    charts = improvement.chart(pulses(staff), freeze=12, **how)
    truth = charts.latest().set_index("team")["signal"]
    signals = show(charts, people=staff).pipe(lambda found: found.with_signal())
    assert set(signals.what.latest()["team"]) == {"Ash", "Birch", "Cedar"}, "so that Elm would have none"
    drawn = not_all_alike(signals, charts, staff)
    assert drawn.what.latest()["team"].tolist() == ["Ash", "Birch"], "Cedar is smaller"
    assert set(truth.drop(drawn.what.latest()["team"])) == {"signal", "no signal"}
    assert not_all_alike(drawn, charts, staff) is drawn
