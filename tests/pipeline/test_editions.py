"""Editions for others than the public: made when named, for their owner alone, kept in the record, taken away again."""

from __future__ import annotations

import json
import stat

import pytest
from typer.testing import CliRunner

from joyeval.cli import app
from joyeval.errors import DisclosureError, UsageError
from joyeval.pipeline import folders, run, states
from joyeval.pipeline.keep import gate_costs
from joyeval.pipeline.record import read_record
from joyeval.pipeline.steps import TEAM_SHEETS, steps_of, steps_to
from joyeval.study import load_study
from tests.pipeline.test_run import ran, study, write_notebook  # noqa: F401 - a fixture
from tests.shapes.inprocess import InProcess

SHEETS = {"reads": ["pulse.parquet"], "needs": ["pulse.parquet"], "makes": "sheets"}
SHEET = """
from joyeval.report.audiences import for_team
for team in sorted(store.table("pulse")["team"]):
    with for_team(load_study(study, data=data), f"Ward {team}"):
        report.title(f"Ward {team}")
        report.text("Our own.")
"""
TABLES = """
import pathlib
for place in (pathlib.Path(out), pathlib.Path(out) / "programme"):
    (place / "tables").mkdir(parents=True)
    (place / "tables" / "t.csv").write_text("a\\n1\\n")
"""
NAMED = """\
disclosure:
  audiences: [public, programme, team]
  programme: {readers: the programme team, reason: agreed, date: 2024-01-02}
"""


def made(study, **options):  # noqa: F811
    return run(study, cohorts=["a"], executor=InProcess(), **options)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def named(study):  # noqa: F811
    write_notebook(study.home, TEAM_SHEETS, SHEET, SHEETS)
    report = "report.title('Small')\n" + TABLES.replace("\\\\", "\\")
    write_notebook(study.home, "06_report", report, parameters='\naudiences = "public"')
    study.path.write_text(study.path.read_text() + NAMED)
    return load_study(study.path)


def test_sheets_are_made_alone_or_with_the_rest_and_only_their_owner_can_look_into_them(named):
    assert steps_to(named, TEAM_SHEETS) == ("01_clean_waves", TEAM_SHEETS)
    only = named.read_by("team")
    assert ran(made(only, steps=steps_to(only, TEAM_SHEETS))) == [
        ("a", "01"),
        ("a", "te"),
    ]
    where = folders(named, "a")
    assert not list(where.reports.glob("report.*"))
    sheets = sorted(path.name for path in (where.reports / "team").iterdir())
    assert sheets == ["ward-x.html", "ward-x.pdf", "ward-y.html", "ward-y.pdf"]
    assert ran(made(named)) == [
        ("a", "03"),
        ("a", "06"),
    ]  # what is made for teams stays up to date
    private = [where.reports / "team", *(where.reports / "programme").rglob("*"), where.reports / "programme"]
    assert {mode(path) for path in private if path.is_dir()} == {0o700}
    assert {mode(path) for path in where.reports.glob("*/**/*.*") if "notebooks" not in path.parts} == {0o600, 0o644}
    assert mode(where.reports / "programme" / "tables" / "t.csv") == 0o600
    assert set(read_record(where.record)["steps"][TEAM_SHEETS]["outputs"]) == {f"team/{name}" for name in sheets}

    (named.folder / "a.csv").write_text("x,3\n")
    made(named)
    assert sorted(path.name for path in (where.reports / "team").iterdir()) == sheets[:2]  # the other team is gone
    assert {found.reason for found in states(named, "a")} == {"up to date"}


def test_a_study_without_the_audience_makes_no_sheets_and_does_not_need_the_notebook(study, named):  # noqa: F811
    assert TEAM_SHEETS not in [step.name for step in steps_of(study)]
    with pytest.raises(DisclosureError, match="has no audience 'team'"):
        study.read_by("team")
    (named.home / "notebooks" / f"{TEAM_SHEETS}.ipynb").unlink()
    with pytest.raises(UsageError, match=r"team_sheets\.ipynb is not there"):
        steps_of(named)


def test_pulses_of_teams_of_unknown_size_are_refused_before_anything_runs(study, monkeypatch):  # noqa: F811
    monkeypatch.chdir(study.home)
    refused = CliRunner().invoke(app, ["run", "pipelines/small.yml"]).exception
    assert isinstance(refused, DisclosureError)
    assert refused.exit_code == 3
    assert "staff in post are missing for" in str(refused)
    assert not (study.home / "reports").exists()
    assert not (study.home / "data").exists()


def test_what_the_gate_costs_is_counted_by_reader(tmp_path):
    def exhibit(audience, *, hidden=0, merged=False, sentence=False):
        about = {"audience": audience, "asked": 9, "hidden": hidden, "merged": merged, "sentence": sentence}
        return {"output_type": "display_data", "data": {}, "metadata": {"joyeval": about}}

    words = {"output_type": "display_data", "data": {}, "metadata": {"joyeval": {"audience": "public"}}}
    public = [exhibit("public"), exhibit("public", hidden=2), exhibit("public", hidden=8, sentence=True)]
    outputs = [words, *public, exhibit("programme"), exhibit("programme", merged=True)]
    executed = tmp_path / "executed.ipynb"
    executed.write_text(json.dumps({"cells": [{"outputs": outputs}, {"cell_type": "markdown"}]}))
    assert gate_costs(executed) == {
        "public": {"whole": 1, "merged": 0, "in part": 1, "hidden": 1},
        "programme": {"whole": 1, "merged": 1, "in part": 0, "hidden": 0},
    }
