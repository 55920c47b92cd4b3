"""A call of a section returns what it showed, and a notebook shows it once."""

from __future__ import annotations

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from joyeval import disclosure, improvement, report
from joyeval.disclosure import Rule
from joyeval.exhibits import charts as exhibits
from joyeval.report.audiences import section
from tests.disclosure.test_together import pulses

STAFF = pd.Series({"Ash": 40, "Birch": 7})
PROGRAMME = Rule(threshold=5, reason="agreed", audience="programme", readers="For the board")


@section
def shown_section() -> None:
    """Emit a text, a table and a chart."""
    how = {"x": "period", "y": "y", "n": "n", "by": ["measure", "team"], "multiply": 100, "improve": "increase"}
    charts = improvement.chart(pulses(STAFF), **how).only(measure="joy", team="Ash")
    report.text(disclosure.nobody("Two teams.", "teams"))
    people = pd.DataFrame({"team": list(STAFF.index), "n": list(STAFF)})
    report.table(
        disclosure.show(people, people="n", by=["team"], within=None, audience=disclosure.reader()), caption="Teams"
    )
    shown = disclosure.show(charts, audience=disclosure.reader(), people=STAFF)
    report.exhibit(exhibits.pulse_chart(shown, "joy", "Joy", events=exhibits.marked(_events())))


def _events():
    return pd.DataFrame({"date": [], "scope": [], "team": [], "kind": [], "label": []}, dtype=object)


@pytest.fixture
def two_readers():
    before = disclosure.readers()
    disclosure.read_for(Rule(), PROGRAMME)
    yield
    disclosure.read_for(*before)


def test_a_call_returns_what_it_showed(two_readers):
    with capture_output():
        held = shown_section()
    assert [len(kind) for kind in (held.exhibits, held.tables, held.texts)] == [1, 1, 1]
    assert held.exhibits[0].data.frame()["value"].notna().any()
    assert held.tables[0].audience == "public"
    assert held.texts == ("Two teams.",)
    assert held.tables[0].frame()["n"].isna().any()


def test_what_each_audience_saw_is_held_apart(two_readers):
    with capture_output():
        held = shown_section()
    assert held.to("programme").tables[0].audience == "programme"
    assert held.to("programme").tables[0].frame()["n"].notna().all()
    assert held.to("team").tables == ()


def test_a_notebook_shows_it_once(monkeypatch):
    shell = InteractiveShell.instance()
    shell.user_ns["shown_section"] = shown_section
    with capture_output() as alone:
        shown_section()
    with capture_output() as last:
        shell.run_cell("held = shown_section(); held", silent=False)
    assert len(last.outputs) == len(alone.outputs) == 3
    assert repr(shell.user_ns["held"]) == "<Held: 1 exhibits, 1 tables, 1 texts>"
    assert "Held" not in last.stdout
