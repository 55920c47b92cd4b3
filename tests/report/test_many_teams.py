"""A report of many teams tells how they are spread, and lists and draws those that changed most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import improvement, report  # noqa: F401 - the report's blocks
from joyeval.exhibits.exhibit import MANY
from joyeval.report import sections
from joyeval.report.blocks import Figure, Table, Text
from joyeval.report.sections import improvement as improvement_section
from joyeval.store import Store
from tests.report.samples import emitted, one_pulse


def shown(tmp_path, teams):
    """Blocks of the verdicts and charts of teams of which each second one has many more good days after half a year."""
    study = one_pulse(tmp_path)
    weeks = pd.date_range("2024-01-01", periods=52, freq="W-MON")
    rng, later = np.random.default_rng(1), np.arange(52) >= 26
    rows = []
    for n in range(teams):
        good = rng.binomial(40, 0.4 + (0.1 + 0.3 * n / teams) * later * (n % 2))
        rows.append(pd.DataFrame({"team": f"T{n:03d}", "period": weeks, "positive": good, "answers": 40}))
    pulse = pd.concat(rows, ignore_index=True).assign(measure="good_day", opportunities=50.0)
    pulse["mean"] = pulse["positive"] / pulse["answers"]
    charts = improvement.team_charts(study, "a", pulse)
    found = improvement.verdicts(charts, over="measure")
    store = Store(tmp_path / "a", tmp_path / "a")
    store.save(teams=pd.DataFrame({"team": pulse["team"].unique(), "headcount": 50}))
    blocks = emitted(
        lambda: (sections.verdicts(found, study, store, "a"), sections.team_charts(charts, found, study, "a", store))
    )
    return blocks, found


@pytest.mark.parametrize("teams", [MANY + 100, MANY])
def test_many_teams_are_told_in_summaries(tmp_path, teams):
    blocks, found = shown(tmp_path, teams)
    tables = [block for block in blocks if isinstance(block, Table)]
    listed = tables[-1]
    assert len(listed.rows) == min(teams, MANY)
    many = teams > MANY
    assert any("are spread" in table.caption for table in tables) == many
    assert ("changed most" in listed.caption) == many
    assert any("stored result holds all" in str(block) for block in blocks if isinstance(block, Text)) == many
    assert len([block for block in blocks if isinstance(block, Figure)]) == -(-min(teams, MANY) // 24)
    if many:
        change = found.teams.loc[found.teams["clear"].eq(True)].set_index("team")["change"].abs()
        listed_teams = [row[0] for row in listed.rows]
        assert change[listed_teams].min() >= change.drop(listed_teams).max() - 1, "but for rounding to whole points"


def test_teams_of_too_few_people_are_drawn_together_by_setting(tmp_path, monkeypatch):
    """And nothing that is drawn leaves a rest of a few people for who takes it from the whole."""
    study = one_pulse(tmp_path)
    weeks = pd.date_range("2024-01-01", periods=30, freq="W-MON")
    teams = pd.DataFrame({"team": ["Elm", *(f"S{n}" for n in range(9))], "headcount": [40] + [7] * 9})
    teams["setting"] = ["Ward", *["Ward"] * 3, *["Clinic"] * 3, "Office", *["Hub"] * 2]
    rng, rows = np.random.default_rng(2), []
    for team, staff in zip(teams["team"], teams["headcount"], strict=True):
        answers = rng.integers(3, staff + 1, len(weeks))
        better = np.where((np.arange(30) >= 15) & (team in ("S1", "S4")), answers, answers // 2)  # not all are alike
        rows.append(pd.DataFrame({"team": team, "period": weeks, "answers": answers, "positive": better}))
    pulse = pd.concat(rows, ignore_index=True).assign(measure="good_day", opportunities=np.nan)
    drawn = {}
    monkeypatch.setattr(improvement_section, "_small", lambda charts, *about: drawn.update({about[3]: charts}))
    store = Store(tmp_path / "a", tmp_path / "a")
    store.save(teams=teams)
    charts = improvement.team_charts(study, "a", pulse)
    found = improvement.verdicts(charts, over="measure")
    (told,) = emitted(lambda: sections.team_charts(charts, found, study, "a", store))
    assert "9 of 10 teams are not drawn by themselves" in told.runs[0].text
    groups = drawn["Good day, small teams together"]
    names = {"3 small teams, Ward": [1, 2, 3], "3 small teams, Clinic": [4, 5, 6]}
    assert set(groups.what.latest()["team"]) == set(names)  # of two, each would have the other's
    assert groups.merged
    own = {name: set(teams["team"].iloc[places]) for name, places in names.items()} | {"Elm": {"Elm"}}
    points = pd.concat([shown.what.points for shown in drawn.values()]).dropna(subset="value")
    for week, every in pulse.groupby("period"):
        seen = set().union(*(own[name] for name in points.loc[points["period"] == week, "team"]))
        rest = every.loc[~every["team"].isin(seen), "answers"].sum()
        assert rest == 0 or rest >= 11
