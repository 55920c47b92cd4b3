"""Response rates as defined by AAPOR; participation of pulses over opportunities."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.waves.response import Disposition, participation, response_rates


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
