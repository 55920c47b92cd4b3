"""Response rates as defined by AAPOR; participation of pulses over opportunities."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.intake.response import RATES, Disposition, participation, rates_of, respondent_flow, response_rates


def test_worked_example_of_sixteen_rates():
    """The example of R's outcomerate (CC0): I=4 P=2 R=1 NC=1 O=1 UH=1 UO=1 NE=1, e=.9, printed to three places."""
    got = response_rates(Disposition(4, 2, 1, 1, 1, 1, 1, 1, 0.9))
    printed = {
        "RR1": 0.364,
        "RR2": 0.545,
        "RR3": 0.370,
        "RR4": 0.556,
        "RR5": 0.444,
        "RR6": 0.667,
        "COOP1": 0.500,
        "COOP2": 0.750,
        "COOP3": 0.571,
        "COOP4": 0.857,
        "REF1": 0.091,
        "REF2": 0.093,
        "REF3": 0.111,
        "CON1": 0.727,
        "CON2": 0.741,
        "CON3": 0.889,
    }
    assert got.to_dict() == {name: pytest.approx(rate, abs=0.0005) for name, rate in printed.items()}


def test_nobody_asked_gives_no_rate():
    assert response_rates(Disposition(0)).isna().all()


def test_participation_is_answers_over_opportunities_and_unknown_where_these_are():
    pulse = pd.DataFrame(
        {
            "team": ["A", "B", "A"],
            "period": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-08"]),
            "measure": ["good_day", "good_day", "calm"],
            "answers": [5, 7, 3],
            "opportunities": [10, 14, None],
        }
    )
    got = participation(pulse).set_index("measure")
    assert got.loc["good_day", ["teams", "answers", "participation"]].tolist() == [2, 12, 0.5]
    assert pd.isna(got.loc["calm", "participation"])


def test_answers_per_person_in_post_leave_out_teams_whose_size_is_not_known():
    pulse = pd.DataFrame(
        {
            "team": ["a", "a", "b", "c"],
            "period": [1, 2, 1, 1],
            "measure": "m",
            "answers": [6, 4, 9, 7],
            "opportunities": None,
        }
    )
    got = participation(pulse, headcount=pd.Series({"a": 10, "b": 18}))
    assert got["per_head"].tolist() == [(6 + 4 + 9) / (10 + 10 + 18)]
    assert participation(pulse)["per_head"].isna().all()


TEAMS = pd.DataFrame(
    {
        "wave": ["1", "1", "2"],
        "team": ["A", "B", "A"],
        "invited": [40.0, 20, 40],
        "opened": [30, 12, 41],
        "started": [28, 11, 40],
        "kept": [26, 11, 38],
        "complete": [20, 10, 38],
        "scored": [25, 11, 38],
        "linked": [10, 5, 15],
    }
)


def test_rates_of_teams_and_waves_by_hand():
    """Team A: 20 complete and 6 partial of 40, 2 opened only, 10 never opened, 2 set aside."""
    by_team = rates_of(TEAMS, by=["wave", "team"]).set_index(["wave", "team"]).loc[("1", "A")]
    expected = {"RR1": 20 / 40, "RR2": 26 / 40, "RR6": 26 / 40, "COOP2": 26 / 30, "REF1": 2 / 40, "CON1": 30 / 40}
    assert {name: by_team[name] for name in expected} == pytest.approx(expected)
    by_wave = rates_of(TEAMS).set_index("wave")
    assert by_wave.loc["1", "RR2"] == pytest.approx(37 / 60)
    assert by_wave.loc["2", RATES].isna().all()  # more opened it than are in post: the headcount is not the invited


def test_the_flow_of_respondents_adds_up_teams_and_leaves_unknown_headcounts_out():
    flow = respondent_flow(TEAMS)
    assert flow.loc["1"].to_dict() == {
        "invited": 60,
        "opened": 42,
        "started": 39,
        "kept": 37,
        "scored": 36,
        "linked": 15,
    }
    unknown = respondent_flow(TEAMS.assign(invited=[40, None, 40]))
    assert unknown["invited"].isna().tolist() == [True, False]
