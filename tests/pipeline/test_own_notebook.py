"""The notebooks as they come: one of one's own beside them, a parameter of the third changed, papermill by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress

import nbformat
import pytest

from joyeval.pipeline import folders, run, states
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.shapes.inprocess import InProcess
from tests.shapes.small import Shape, build

STEPS = "steps: {03_improvement: {rules: ihi-run}, 07_steady_weeks: {}}\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A programme of three teams whose raw files have been read."""
    home = tmp_path_factory.mktemp("workspace")
    path = build(home, Shape(pulses="weekly", outcomes="primary"))
    text = path.read_text().replace("cohort: a\n", "cohort: '1'\n").replace("- a\n", "- '1'\n") + STEPS
    path.unlink()
    path.with_name("enjoying_work.yml").write_text(text)
    shutil.copy(ROOT / "examples" / "07_steady_weeks.ipynb", home / "notebooks")
    study = load_study(path.with_name("enjoying_work.yml"))
    run(study, steps=["01"], executor=InProcess())
    return study


def test_a_changed_parameter_of_the_third_runs(study):
    run(study, steps=["03"], executor=InProcess())
    assert study.store("1").result("improvement_cohort").rule_set.name == "ihi-run"
    assert {s.step: s.reason for s in states(study, "1")}["03_improvement"] == "up to date"
    changed = {s.step: s.reason for s in states(study, "1", {"rules": "anhoej"})}
    assert changed["03_improvement"] == "its parameters changed (rules)"


def test_the_seventh_notebook_runs_with_seaborn_and_pingouin(study, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # figures are shown, as they are to a user
    assert [outcome.step for outcome in run(study, steps=["07"]) if outcome.ran] == ["07_steady_weeks"]
    executed = nbformat.read(folders(study, "1").executed / "07_steady_weeks.ipynb", as_version=4)
    shown = [output.data for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in data for data in shown)
    assert any("ddof1" in data.get("text/html", "") for data in shown)
    assert not (study.store("1").folder / "chapters" / "07_steady_weeks.json").exists()  # it makes no chapter
    assert not [outcome for outcome in run(study, steps=["07"]) if outcome.ran]


@pytest.mark.slow
def test_papermill_runs_a_chapter_as_its_users_write_it(study):
    """From the workspace; papermill makes a number of the cohort's name, and the study file is found."""
    before = {path: path.stat().st_mtime_ns for path in study.home.rglob("*") if path.is_file()}
    call = [sys.executable, "-m", "papermill", "notebooks/05_outcomes.ipynb", "out.ipynb", "-p", "cohort", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(call, cwd=study.home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    executed = study.home / "out.ipynb"
    assert "Staff experience and outcomes" in executed.read_text()
    assert "cohort = 1\n" in "".join(c.source + "\n" for c in nbformat.read(executed, as_version=4).cells)
    assert {p: p.stat().st_mtime_ns for p in study.home.rglob("*") if p.is_file() and p != executed} == before


@pytest.mark.slow
def test_figures_drawn_twice_at_once_or_killed_are_whole_in_the_end(study):
    run(study, steps=["07"])  # in a kernel: what seaborn warns of does not stop a user's notebook
    run(study, executor=InProcess())
    command = [sys.executable, "-m", "joyeval.cli", "figures", str(study.path), "--cohort", "1"]
    options = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "stdout": subprocess.DEVNULL}
    reports = folders(study, "1").reports

    def drawn():
        return {p: p.read_bytes() for name in ("figures", "tables") for p in (reports / name).rglob("*") if p.is_file()}

    subprocess.run(command, **options, check=True)
    whole = drawn()
    assert len(whole) > 20
    shutil.rmtree(reports / "figures")
    assert [process.wait() for process in [subprocess.Popen(command, **options) for _ in range(2)]] == [0, 0]
    assert drawn() == whole
    for moment in (2, 5, 9):
        process = subprocess.Popen(command, **options)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        process.kill()
        process.wait()
    subprocess.run(command, **options, check=True)
    assert drawn() == whole
