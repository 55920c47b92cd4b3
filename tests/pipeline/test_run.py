"""A study runs step by step: only what is stale, outputs whole or not at all, a killed run is taken up again."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from joyeval.errors import StepError, UsageError
from joyeval.pipeline import folders, run, states
from joyeval.pipeline.record import read_record
from joyeval.pipeline.threads import threads_of
from joyeval.study import load_study

PARAMETERS = 'study = ""\ndata = ""\ncohort = ""\nout = ""'
OPEN = "from joyeval import load_study, report\nstore = load_study(study, data=data).store(cohort, out)"
CLEAN = """
import pathlib
import pandas as pd
lines = [line.split(",") for line in pathlib.Path(f"{data}/{cohort}.csv").read_text().split()]
table = pd.DataFrame(lines, columns=["team", "n"]).astype({"n": int})
store.save(pulse=table, flow=table[["n"]])
report.heading("Data")
"""
CHART = """
from joyeval.disclosure import nobody
report.heading("Chart")
report.text(nobody(f"{store.table('pulse')['n'].sum()} good days", "days"))
"""
REPORT = """
report.title("Small")
report.chapter(store, "03_improvement")
"""
STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: raw
cohorts:
  - {cohort: a, title: A, start: 2024-01-01, end: 2024-12-31}
  - {cohort: b, title: B, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team}}
pulses:
  - {measure: good_day, title: G, file: a.csv, columns: {team: T}, cohorts: [a], period: week}
  - {measure: good_day, title: G, file: b.csv, columns: {team: T}, cohorts: [b], period: week}
steps: [01_clean_waves, 03_improvement, 06_report]
"""


METADATA = {
    "01_clean_waves": {"reads": ["raw"], "needs": ["raw"], "writes": ["*.parquet"]},
    "03_improvement": {"reads": ["pulse.parquet"], "needs": ["pulse.parquet"], "study": ["pulses"]},
    "06_report": {"reads": ["raw", "chapters/*.json"], "makes": "report", "study": ["title", "steps"]},
}


def write_notebook(home, name, source, metadata=None, parameters=""):
    tagged = new_code_cell(PARAMETERS + parameters, metadata={"tags": ["parameters"]}, id="parameters")
    cells = [tagged, new_code_cell(OPEN + "\n" + source, id="work")]
    metadata = METADATA.get(name, {}) if metadata is None else metadata
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel, "joyeval": metadata})
    nbformat.write(notebook, home / "notebooks" / f"{name}.ipynb")


def small_study(home):
    """Two cohorts, three notebooks, nothing run."""
    for folder in ("pipelines", "notebooks", "pipelines/raw"):
        (home / folder).mkdir()
    (home / "pipelines" / "small.yml").write_text(STUDY)
    (home / "pipelines" / "raw" / "teams.csv").write_text("Team\nx\n")
    for cohort, n in (("a", 3), ("b", 5)):
        (home / "pipelines" / "raw" / f"{cohort}.csv").write_text(f"x,{n}\ny,{n}\n")
    for name, source in (("01_clean_waves", CLEAN), ("03_improvement", CHART), ("06_report", REPORT)):
        write_notebook(home, name, source)
    return load_study(home / "pipelines" / "small.yml")


@pytest.fixture
def study(tmp_path):
    return small_study(tmp_path)


def ran(outcomes):
    return [(o.cohort, o.step[:2]) for o in outcomes if o.ran]


def bytes_of(study, cohort):
    return {path.name: path.read_bytes() for path in sorted(folders(study, cohort).reports.glob("report.*"))}


def test_only_what_changed_is_run_again(study):
    assert ran(run(study)) == [("a", "01"), ("a", "03"), ("a", "06"), ("b", "01"), ("b", "03"), ("b", "06")]
    assert ran(run(study)) == []
    assert {s.reason for s in states(study, "a")} == {"up to date"}
    before = bytes_of(study, "a"), bytes_of(study, "b")
    assert "6 good days" in before[0]["report.html"].decode()

    (study.folder / "b.csv").write_text("y,5\nx,5\n")  # another order: the sums are the same
    assert states(study, "b")[0].reason == "its input b.csv changed"
    assert ran(run(study)) == [("b", "01"), ("b", "03"), ("b", "06")]  # the report names the raw files by SHA-256
    assert (bytes_of(study, "a"), bytes_of(study, "b")) == before

    assert ran(run(study, cohorts=["a"], steps=["03"], force=True)) == [("a", "03")]
    record = json.loads(folders(study, "a").record.read_text())
    assert record["steps"]["01_clean_waves"]["fingerprint"]["inputs"].keys() == {"a.csv", "teams.csv"}
    assert {step["threads"] for step in record["steps"].values()} == {threads_of(2)}  # cores by workers
    assert record["steps"]["01_clean_waves"]["rows"]["out"] == {"flow.parquet": 2, "pulse.parquet": 2}


def test_a_failed_step_leaves_what_was_there_and_names_the_cell(study):
    run(study, cohorts=["a"])
    before = bytes_of(study, "a")
    table = study.table("pulse", cohort="a")
    write_notebook(study.home, "01_clean_waves", CLEAN + "\n1/0")
    with pytest.raises(StepError, match=r"01_clean_waves.ipynb, cell 3: ZeroDivisionError"):
        run(study, cohorts=["a"])
    assert bytes_of(study, "a") == before
    assert study.table("pulse", cohort="a").equals(table)
    assert (folders(study, "a").executed / "01_clean_waves.failed.ipynb").exists()
    write_notebook(study.home, "01_clean_waves", CLEAN)
    assert ran(run(study, cohorts=["a"])) == []  # the notebook is as it was when its outputs were made


def test_one_cohort_s_failure_does_not_stop_the_others(study):
    (study.folder / "a.csv").write_text("x,many\n")
    with pytest.raises(StepError, match="01_clean_waves"):
        run(study)
    assert [s.reason for s in states(study, "b")] == ["up to date"] * 3


def test_a_killed_run_is_taken_up_and_gives_the_same_report(study):
    run(study, cohorts=["a"])
    whole = bytes_of(study, "a")
    where = folders(study, "a")
    (where.processed / "pulse.parquet").write_bytes(b"half")  # as if killed while outputs were moved into place
    (where.processed / ".staging" / "03_improvement").mkdir(parents=True)
    (where.processed / ".staging" / "03_improvement" / "rest").write_text("rest")
    assert states(study, "a")[0].reason == "its output pulse.parquet was changed by something else"
    assert ran(run(study, cohorts=["a"]))[0] == ("a", "01")
    assert bytes_of(study, "a") == whole
    shutil.rmtree(study.home / "reports")
    run(study, cohorts=["a"])
    assert bytes_of(study, "a") == whole


def test_an_unknown_step_is_refused(study):
    with pytest.raises(UsageError, match="no step '9'"):
        run(study, steps=["9"])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"steps": 1}', b"\xff\xfe\x00"])
def test_a_damaged_record_means_that_nothing_was_run(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    assert read_record(tmp_path / "run.json") == {"steps": {}}
    assert read_record(tmp_path / "none.json") == {"steps": {}}
