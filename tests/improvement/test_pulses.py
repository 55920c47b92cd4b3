"""A study's pulses as charts: the baseline that the study names, the direction it says, thin points hidden."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from joyeval import disclosure, improvement
from joyeval.improvement.pulses import baselines


@pytest.fixture
def study():
    phases = (SimpleNamespace(name="baseline", end=date(2024, 3, 31)),)
    parts = (
        SimpleNamespace(measure="good_day", improve="increase"),
        SimpleNamespace(measure="stress", improve="decrease"),
    )
    return SimpleNamespace(cohort=lambda name: SimpleNamespace(phases=phases), of_cohort=lambda part, name: parts)


@pytest.fixture
def pulse():
    """Two measures, two teams, 40 weeks; team B answers thinly; both measures jump after the baseline."""
    weeks = pd.date_range("2024-01-01", periods=40, freq="7D")
    rng = np.random.default_rng(5)
    blocks = []
    for measure in ("good_day", "stress"):
        for team, n in (("A", 20), ("B", 8)):
            share = np.where(weeks <= "2024-03-31", 0.4, 0.7)
            table = pd.DataFrame({"period": weeks, "positive": rng.binomial(n, share), "answers": n})
            blocks.append(table.assign(measure=measure, team=team, opportunities=np.nan))
    return pd.concat(blocks, ignore_index=True)


def test_the_same_rise_is_better_for_one_measure_and_worse_for_the_other(study, pulse):
    charts = improvement.team_charts(study, "1", pulse)
    verdict = improvement.verdicts(charts).teams.set_index(["measure", "team"])["verdict"]
    assert verdict["good_day", "A"] == "clearly better"
    assert verdict["stress", "A"] == "clearly worse"


def test_the_centre_is_that_of_the_baseline_phase(study, pulse):
    charts = improvement.cohort_charts(study, "1", pulse)
    part = pulse[(pulse["measure"] == "good_day") & (pulse["period"] <= "2024-03-31")]
    centre = charts.points.query("measure == 'good_day'")["centre"].unique()
    assert centre == pytest.approx(100 * part["positive"].sum() / part["answers"].sum())


def test_a_short_baseline_is_not_frozen(study, pulse):
    late = pulse[pulse["period"] >= "2024-02-12"]  # seven weeks before the end of the baseline
    assert baselines(study, "1", late, ["measure", "team"]) is None


def test_a_team_of_few_hides_with_it_what_would_give_it_away(study, pulse):
    """Team B has eight answers a week: hidden, and so is one of the others, or everybody less these would tell it."""
    more = [pulse[pulse["team"] == "A"].assign(team=name) for name in ("C", "D")]
    charts = improvement.team_charts(study, "1", pd.concat([pulse, *more], ignore_index=True))
    shown = disclosure.protect_charts(charts)
    assert sorted(shown.points["team"].unique()) == ["C", "D"]
    assert shown.notes[-1] == "160 of 320 points are not drawn: suppressed (fewer than 11)"
    assert disclosure.protect_charts(improvement.team_charts(study, "1", pulse)).points.empty, "A would tell B"


def test_each_outcome_gets_the_chart_of_its_kind():
    months = pd.date_range("2023-01-01", periods=24, freq="MS")
    kinds = {"share": "proportion", "rate": "rate", "score": "mean", "short": "mean"}
    parts = tuple(SimpleNamespace(measure=m, kind=k, improve="increase", per=1000.0) for m, k in kinds.items())
    study = SimpleNamespace(of_cohort=lambda part, name: parts)
    blocks = [
        pd.DataFrame({"measure": m, "team": "A", "period": months, "value": 5.0, "numerator": 5.0, "denominator": 50.0})
        for m in kinds
    ]
    outcomes = pd.concat(blocks)
    outcomes["value"] += np.tile([0.0, 1.0, -1.0], 32)
    outcomes = outcomes[(outcomes["measure"] != "short") | (outcomes["period"] < "2023-06-01")]
    charts = improvement.outcome_charts(study, "1", outcomes)
    assert {measure: found.kind for measure, found in charts.items()} == {"share": "p'", "rate": "u'", "score": "i"}
    assert charts["share"].points["centre"].unique() == pytest.approx(10)
    assert charts["rate"].points["centre"].unique() == pytest.approx(100)
