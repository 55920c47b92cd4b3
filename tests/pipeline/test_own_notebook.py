"""A notebook of one's own, with seaborn and pingouin, runs beside the others; a parameter of the third is changed."""

from __future__ import annotations

import shutil

import nbformat

from joyeval.pipeline import folders, run
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.pipeline.test_run import METADATA, write_notebook

STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: raw
cohorts: [{cohort: "1", title: A, start: 2024-01-01, end: 2024-12-31}]
teams: {file: teams.csv, columns: {team: Team}}
steps: [01_clean_waves, {03_improvement: {word: nights}}, 07_steady_weeks]
"""
CLEAN = """
import pandas as pd
rows = [("good_day", team, week, (3 * week + len(team)) % 8, 10) for team in ("Oak", "Alder") for week in range(1, 9)]
store.save(pulse=pd.DataFrame(rows, columns=["measure", "team", "period", "positive", "answers"]))
"""
CHART = "report.text(f\"{len(store.table('pulse'))} {word}\")"


def test_the_seventh_notebook_and_a_changed_parameter_of_the_third_run(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # figures are shown, as they are to a user
    for folder in ("pipelines/raw", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pipelines" / "raw" / "teams.csv").write_text("Team\nOak\nAlder\n")
    (tmp_path / "pipelines" / "small.yml").write_text(STUDY)
    write_notebook(tmp_path, "01_clean_waves", CLEAN)
    write_notebook(tmp_path, "03_improvement", CHART, METADATA["03_improvement"], parameters='\nword = "days"')
    shutil.copy(ROOT / "examples" / "07_steady_weeks.ipynb", tmp_path / "notebooks")
    study = load_study(tmp_path / "pipelines" / "small.yml")
    assert [outcome.step[:2] for outcome in run(study) if outcome.ran] == ["01", "03", "07"]
    chapters = sorted(path.name for path in (study.store("1").folder / "chapters").iterdir())
    assert chapters == ["01_clean_waves.json", "03_improvement.json"]  # it makes no chapter
    assert "16 nights" in (study.store("1").folder / "chapters" / "03_improvement.json").read_text()
    executed = nbformat.read(folders(study, "1").executed / "07_steady_weeks.ipynb", as_version=4)
    shown = [output.data for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in data for data in shown)
    assert any("ddof1" in data.get("text/html", "") for data in shown)
    assert not [outcome for outcome in run(study) if outcome.ran]
