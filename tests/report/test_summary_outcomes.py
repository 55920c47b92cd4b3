"""Outcomes on the page for who reads one page: level, change, interval, last value; what got worse; what is missing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from joyeval import improvement
from joyeval.wording import decimals
from tests.report.test_summary import page, rows, text_of

MONTHS = pd.date_range("2022-01-01", periods=40, freq="MS")


def outcomes(levels: dict[str, tuple[float, float]], *, gaps: tuple[int, ...] = (), people=200) -> pd.DataFrame:
    """Shares of people who rated it good, one level before September 2023 and one since for each team."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        [
            (team, month, rng.binomial(people, first if i < 20 else last), people)
            for team, (first, last) in levels.items()
            for i, month in enumerate(MONTHS)
            if i not in gaps
        ],
        columns=["team", "period", "numerator", "denominator"],
    )
    return table.assign(measure="fft", value=table["numerator"] / table["denominator"])


def found(table: pd.DataFrame, freeze: int | None = 20) -> dict:
    options = {"x": "period", "y": "numerator", "n": "denominator", "multiply": 100, "improve": "increase"}
    charts = improvement.chart(table, by=["team"], freeze=freeze, **options)
    return {"improvement_fft": charts, "improvement_fft_change": improvement.verdicts(charts)}


def told(folder, table, language="en", **how) -> dict:
    return rows(page(folder, {"outcomes": table, **found(table, **how)}, language))


def test_a_series_has_its_levels_change_interval_and_last_value(tmp_path):
    table = outcomes({"A": (0.5, 0.7)}, gaps=(5, 6))
    row = found(table)["improvement_fft_change"].teams.iloc[0]
    shown, sure = told(tmp_path, table)["“Rated good”: did it change?"]
    assert shown.startswith(f"From {row['before']:.0f} before the programme to {row['after']:.0f} since (%): +")
    last = 100 * table["value"].iloc[-1]
    assert f"The last value is {last:.0f}, of April 2025." in shown
    assert "Missing: 2 of 40 periods." in shown
    assert sure.endswith("which leaves out no change.")


@pytest.mark.parametrize("language", ["en", "cy"])
def test_without_a_baseline_halves_are_compared(tmp_path, language):
    table = outcomes({"A": (0.5, 0.52)})
    question, (shown, _) = next(iter(told(tmp_path, table, language, freeze=None).items()))
    assert ("in the first half" if language == "en" else "yn yr hanner cyntaf") in shown
    assert "Rated good" in question


def test_a_step_at_the_beginning_may_be_another_definition(tmp_path):
    table = outcomes({"A": (0.8, 0.3)})
    late = table[table["period"] >= MONTHS[16]]  # four months at the old level
    shown, _ = told(tmp_path, late, freeze=None)["“Rated good”: did it change?"]
    assert "It moved most at its beginning, in September 2023: that may be another definition" in shown


def test_what_got_worse_team_by_team_stands_on_the_page(tmp_path):
    table = outcomes({"A": (0.4, 0.8), "B": (0.8, 0.4), "C": (0.5, 0.5), "D": (0.8, 0.4)})
    shown, sure = told(tmp_path, table)["What became of outcomes, team by team?"]
    assert shown == "Rated good: 1 clearly better, 2 clearly worse, 1 not clear."
    assert "Had none of these 4 changed, about 0.2 would still look clearly better or worse." in sure


def test_outcomes_of_few_people_are_not_told(tmp_path):
    table = outcomes({"A": (0.5, 0.7)}, people=8)
    blocks = page(tmp_path, {"outcomes": table, **found(table)})
    assert "did it change" not in text_of(blocks)


def test_decimals_leave_nothing_but_zero_at_zero():
    assert decimals([0.004, -0.2]) == 3
    assert decimals([100.4, 0.3]) == 1
    assert decimals([0.0, 55.5]) == 0
    assert decimals([1e-9, 3.3]) == 4


def test_teams_that_are_not_counted_are_said_to_be(tmp_path):
    """Of five teams one alone has enough people; the others are told of by number."""
    large = outcomes({"A": (0.4, 0.8)})
    small = outcomes(dict.fromkeys("BCDE", (0.4, 0.8)), people=9)
    shown, _ = told(tmp_path, pd.concat([large, small], ignore_index=True))["What became of outcomes, team by team?"]
    assert re.fullmatch(
        r"Rated good: \d clearly better \(of 5 teams, \d can be counted without telling of a small one\)\.", shown
    )
