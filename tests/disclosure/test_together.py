"""Settings, organisations and named teams held together: what is left over is of nobody, or of enough people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval import improvement
from joyeval.disclosure import Rule, leaves_few, show
from joyeval.disclosure.statistics import next_smallest
from joyeval.errors import DisclosureError
from joyeval.exhibits.charts import of_named
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


def pulses(staff, better=None):
    """Thirty weeks; some teams, by default the first two, get much better after twelve."""
    better = staff.index[:2] if better is None else better
    weeks, rng = pd.date_range("2024-01-01", periods=30, freq="W-MON"), np.random.default_rng(2)
    rows = [
        (team, week, n, int(rng.binomial(n, 0.4 + 0.5 * (team in better and k >= 12))))
        for team, n in staff.items()
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


def verdicts_of(staff, better=()):
    """Some teams got clearly better, with a signal; of the others it is not clear, and there is none."""
    how = {"x": "period", "y": "y", "n": "n", "by": ["measure", "team"], "multiply": 100, "improve": "increase"}
    found = improvement.verdicts(improvement.chart(pulses(staff), freeze=12, **how), over="measure")
    sure = found.teams["team"].isin(better)
    told = found.teams.assign(verdict=np.where(sure, "clearly better", "not clear"), signal=sure)
    return replace(found, teams=told).counting(*[pd.Series(True, told.index)] * 2)


STAFF = pd.Series({"Ash": 40, "Birch": 30, "Cedar": 25, "Dale": 20, "Elm": 7, "Fir": 6})


@pytest.mark.parametrize("better", [(), ("Elm",)], ids=["all alike", "a small one better"])
def test_where_all_named_teams_are_alike_the_others_are_not_counted_whatever_became_of_them(better):
    shown = show(verdicts_of(STAFF, better), people=STAFF).what
    assert set(shown.teams["team"]) == {"Ash", "Birch", "Cedar", "Dale"}
    assert shown.counts[["series", "not_clear", "signals"]].to_numpy().tolist() == [[4, 4, 0]]
    assert shown.n == 4
    assert shown.sentence().startswith("Of 4 teams: 4 not clear")
    assert "Charts with a signal: 0 of 4" in shown.sentence()


def test_a_cohort_of_which_little_is_named_is_counted_where_the_others_differ():
    staff = pd.Series({"Ash": 40, "Birch": 9, "Cedar": 8, "Dale": 7, "Elm": 7, "Fir": 6})
    shown = show(verdicts_of(staff, ("Ash", "Cedar", "Elm")), people=staff).what
    assert shown.teams["team"].tolist() == ["Ash"]
    assert shown.counts[["clearly_better", "not_clear"]].to_numpy().tolist() == [[3, 3]]


def test_where_named_teams_differ_all_are_counted():
    shown = show(verdicts_of(STAFF, ("Ash", "Elm")), people=STAFF).what
    assert shown.counts[["series", "clearly_better", "not_clear"]].to_numpy().tolist() == [[6, 2, 4]]
    assert shown.counts[["charts", "signals"]].to_numpy().tolist() == [[4, 1]], "of those that are named"


def test_where_nobody_is_named_teams_are_counted_if_they_differ():
    staff = pd.Series({"Ash": 7, "Birch": 7, "Cedar": 6, "Dale": 6})
    alike, unlike = (show(verdicts_of(staff, better), people=staff).what for better in ((), ("Ash", "Cedar")))
    assert alike.n == 0
    assert alike.sentence() == "What became of each is not told: too few people stand behind it."
    assert unlike.counts[["clearly_better", "not_clear"]].to_numpy().tolist() == [[2, 2]]


def test_verdicts_of_teams_are_shown_by_the_people_of_each_only():
    found = verdicts_of(pd.Series({"Ash": 40, "Birch": 30}))
    with pytest.raises(DisclosureError, match="people in post of each"):
        show(found, people=70)


def test_other_rules_are_counted_over_some_teams():
    staff = pd.Series({"Ash": 40, "Birch": 30, "Cedar": 25})
    how = {"x": "period", "y": "y", "n": "n", "by": ["measure", "team"], "multiply": 100, "improve": "increase"}
    every = improvement.multiverse(pulses(staff, ("Cedar",)), baselines=(None, 12), **how)
    some = every.among(pd.DataFrame({"measure": "joy", "team": ["Ash", "Birch"]}))
    alone = improvement.multiverse(pulses(staff, ("Cedar",)).query("team != 'Cedar'"), baselines=(None, 12), **how)
    assert some.n == 2
    counted = ["rules", "baseline", "series", "judged", "signals"]
    pd.testing.assert_frame_equal(some.counts[counted], alone.counts[counted])
    assert (every.counts["series"] == 3).all()
    nobody = every.among(pd.DataFrame({"measure": [], "team": []}, dtype=object))
    assert "not told" in nobody.sentence()


@given(teams=st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["clearly better", "not clear"])), min_size=1))
def test_what_is_counted_less_what_is_named_tells_the_verdict_of_no_small_team(teams):
    """A reader of both documents takes the teams that either names off the counts of either."""
    names = [f"t{i}" for i in range(len(teams))]
    people = pd.Series([size for size, _ in teams], names)
    table = judged(names, [word for _, word in teams])
    shown = {rule: show(table, audience=rule, people=people).what for rule in (Rule(), PROGRAMME)}
    truth = table.teams.set_index("team")["verdict"]
    for known in ((Rule(),), (PROGRAMME,), (Rule(), PROGRAMME)):
        named = set().union(*(shown[rule].teams["team"] for rule in known))
        left = truth[~truth.index.isin(named)]
        few = people[left.index] < min(rule.threshold for rule in known)
        counted = max(shown[rule].n for rule in known)
        if few.any() and counted > len(named):
            assert len(set(left)) > 1


def judged(names, words):
    """Verdicts on teams as such, every number of them made up."""
    teams = pd.DataFrame({"measure": "joy", "team": names, "verdict": words, "signal": False, "false_alarm": 0.3})
    numbers = dict.fromkeys(("before", "after", "change", "se", "ci_low", "ci_high"), 1.0)
    counts = pd.DataFrame({"measure": ["joy"], "series": [len(names)]})
    found = improvement.Verdicts(
        n=len(names), teams=teams.assign(**numbers), counts=counts, rules="", serial=0.0, level=0.95
    )
    return found.counting(*[pd.Series(True, teams.index)] * 2)
