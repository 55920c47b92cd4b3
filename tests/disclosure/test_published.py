"""Figures that stand for everyone to read: nothing is hidden again, where the study file says where they stand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from joyeval import improvement
from joyeval.disclosure import Rule, in_post, show
from joyeval.disclosure.people import EVERYBODY
from joyeval.errors import DisclosureError

MONTHS = pd.date_range("2024-01-01", periods=14, freq="MS")
ROWS = pd.DataFrame({"month": MONTHS, "cases": [2, 3, 1, 4] * 3 + [2, 3], "days": 5000})
TEAMS = pd.DataFrame({"team": ["A", "B"], "headcount": [30.0, None]})


def test_rates_of_few_cases_are_shown_as_they_stand_only_if_they_were_published():
    charts = improvement.chart(ROWS, x="month", y="cases", n="days", kind="u", multiply=10_000, improve="decrease")
    assert show(charts, people=30).what.points["value"].isna().all()
    published = show(charts, people=EVERYBODY, audience=replace(Rule(), nearest=1)).what.points
    assert published["value"].tolist() == charts.points["value"].round(1).tolist()


def test_teams_of_unknown_size_are_refused_unless_their_figures_were_published():
    with pytest.raises(DisclosureError, match="missing for 1 of 2 teams"):
        in_post(TEAMS)
    assert in_post(TEAMS, published=True).tolist() == [30, EVERYBODY]
