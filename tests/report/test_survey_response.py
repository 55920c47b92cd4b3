"""Who answered, as the report tells it: small teams suppressed, nothing claimed that is not known."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from joyeval import load_study, report
from joyeval.report.sections import survey_response as section
from tests.conftest import ROOT

RESPONSE = pd.DataFrame(
    {
        "wave": ["1", "1", "1"],
        "team": ["A", "B", "C"],
        "invited": [60.0, 40, 50],
        "opened": [42, 12, 31],
        "started": [40, 9, 30],
        "kept": [40, 8, 29],
        "complete": [38, 8, 29],
        "scored": [40, 8, 29],
        "linked": [20, 4, 11],
    }
)


class Shelf:
    """Tables in memory."""

    out = None

    def __init__(self, **tables):
        self.held = tables

    def tables(self):
        return list(self.held)

    def table(self, name):
        return self.held[name]


@pytest.fixture
def shown(monkeypatch):
    found = SimpleNamespace(tables={}, figures=[])
    monkeypatch.setattr(report, "table", lambda data, caption, **_: found.tables.update({caption.split(" (")[0]: data}))
    monkeypatch.setattr(report, "exhibit", lambda drawn: found.figures.append(drawn.alt))
    monkeypatch.setattr(report, "heading", lambda *_, **__: None)
    return found


def test_a_team_of_few_answers_has_no_rate_and_none_that_gives_it_away(shown):
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    section.respondents(study, Shelf(response=RESPONSE))
    (teams,) = (table for caption, table in shown.tables.items() if caption.startswith("Response rate"))
    assert teams.what.loc["A", "1"] == 67  # 40 of 60, from counts rounded to the nearest 5
    assert list(teams.what.index) == ["A"]  # B is too small, and C with the total of the wave would give B away
    waves = shown.tables["Response, cooperation, refusal and contact rates by wave"].what
    assert waves.loc["1", "RR2"] == pytest.approx(50)  # 75 of 150
    assert "150 invited" in shown.figures[0]


def test_cherries_says_what_is_known_and_leaves_the_rest_to_the_authors(shown):
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    aside = pd.DataFrame({"rule": ["duplicate", "duplicate", "preview"]})
    teams = pd.DataFrame({"headcount": [60, 40, 50]})
    section.cherries(study, "3", Shelf(response=RESPONSE, quarantine=aside, teams=teams))
    (table,) = shown.tables.values()
    told = table.what.set_index("item")["here"]
    assert told["View rate (opened of invited)"] == "1: 57%"
    assert told["Completion rate (scored of started)"] == "1: 94%"
    assert told["Same person twice"].endswith("left out: fewer than 11")
    assert told["Open or closed, contact, advertising"] == section.TO_WRITE
