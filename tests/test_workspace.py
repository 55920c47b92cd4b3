"""A new workspace works as it comes, and JupyterLab opens on this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from joyeval import load_study, workspace
from joyeval.errors import ModelError, UsageError
from joyeval.intake.tables import check_study, intake
from joyeval.pipeline.threads import cores


@pytest.fixture
def home(tmp_path):
    workspace.new(tmp_path / "Ward 7")
    return tmp_path / "Ward 7"


def fill(home, teams=6, weeks=52):
    """Write what the study file of a new workspace asks for."""
    data, rng = home / "data" / "raw" / "ward_7", np.random.default_rng(7)
    names = [f"Team {k}" for k in range(teams)]
    pd.DataFrame(
        {"Cohort": "1", "Team": names, "Organisation": "O", "Directorate": "D", "Setting": "ward", "Staff in post": 20,
         "Started": "2026-01-01"}
    ).to_csv(data / "teams.csv", index=False)  # fmt: skip
    week = pd.date_range("2026-01-05", periods=weeks, freq="7D")
    pulse = pd.DataFrame({"Team": np.repeat(names, weeks), "Week": np.tile(week.strftime("%Y-%m-%d"), teams)})
    pulse.assign(Answers=15, **{"Good days": rng.binomial(15, 0.6, len(pulse))}).to_csv(
        data / "good_days.csv", index=False
    )
    months = pd.date_range("2026-01-01", periods=12, freq="MS").strftime("%Y-%m-%d")
    experience = pd.DataFrame({"Team": np.repeat(names, 12), "Month": np.tile(months, teams)})
    experience.assign(
        **{"Good or very good": rng.binomial(40, 0.8, len(experience)), "All answers": 40}
    ).to_csv(data / "experience.csv", index=False)  # fmt: skip


@pytest.fixture
def study(home):
    fill(home)
    loaded = load_study(home / "pipelines" / "ward_7.yml")
    loaded.store("1", str(loaded.store("1").folder)).save(**intake(loaded, "1").tables)
    return loaded


def test_a_new_workspace_says_which_files_it_waits_for(home):
    found = check_study(load_study(home / "pipelines" / "ward_7.yml"))
    assert {problem.file for problem in found if problem.blocking} == {"teams.csv", "good_days.csv", "experience.csv"}
    assert "ward_7" in (home / "README.md").read_text()
    assert all("../pipelines/ward_7.yml" in path.read_text() for path in (home / "notebooks").glob("0*.ipynb"))
    assert (home / ".gitignore").read_text().splitlines()[1] == "data/"


def test_with_these_files_nothing_stands_in_the_way(home):
    fill(home)
    found = check_study(load_study(home / "pipelines" / "ward_7.yml"))
    assert {problem.rule for problem in found} == {"template text"}
    assert not any(problem.blocking for problem in found)


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        workspace.new(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_the_command_lists_what_it_made(tmp_path):
    call = [sys.executable, "-m", "joyeval.cli", "new", str(tmp_path / "w")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert str(tmp_path / "w" / "pipelines" / "w.yml") in done.stdout.splitlines()
    assert subprocess.run(call, capture_output=True, text=True, check=False).returncode == 2


def test_jupyterlab_opens_on_this_machine_only(home, monkeypatch):
    called, there = [], {}
    monkeypatch.setattr(os, "execve", lambda _, words, variables: (called.extend(words), there.update(variables)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    workspace.lab(home, browser=False)
    assert str(home / "notebooks" / "explore_programme.ipynb") in called
    assert {"--ServerApp.ip=127.0.0.1", "--no-browser"} <= set(called)
    first, second = there["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert there["OMP_NUM_THREADS"] == there["OPENBLAS_NUM_THREADS"] == str(cores())
    assert (Path(first) / "labconfig" / "default_setting_overrides.json").exists()
    assert second == "/mine"
    with pytest.raises(UsageError, match="joyeval new"):
        workspace.lab(home / "data")


class TestExplore:
    def test_charts_follow_the_choice_of_team_and_rules(self, study):
        from joyeval import explore

        panel = explore.charts(study)
        _, measure, team, rules = panel.children[0].children
        assert measure.value == "good_day"
        assert [name for name, _ in team.options[:2]] == [explore.WHOLE, "Team 0"]
        assert {"anhoej", "mdc-2023"} <= {name for _, name in rules.options}
        drawn = explore.draw_chart(study, cohort="1", measure="good_day", team="Team 3", rules="mdc-2023")
        assert drawn.caption.startswith("Good day at work: share of positive answers, Team 3.")
        assert drawn.alt.startswith("Control chart of good day at work, Team 3. The chart has ")
        assert "Making Data Count" in drawn.alt

    def test_points_over_too_few_answers_are_not_drawn(self, study, home):
        from joyeval import explore

        pulse = study.table("pulse", cohort="1")
        few = (pulse["team"] == "Team 1") & (pulse["period"] == pulse["period"].min())
        pulse.loc[few, ["positive", "answers"]] = [5, 9]
        study.store("1", str(study.store("1").folder)).save(pulse=pulse)
        points = explore.chart_of(study, cohort="1", measure="good_day", team="Team 1").what.points
        assert points["value"].isna().sum() == 1

    def test_an_exploratory_link_says_so_and_what_cannot_be_linked_is_told_in_words(self, study, capsys):
        from joyeval import explore

        found = explore.link_of(study, cohort="1", staff="good_day", outcome="experience", window=(1, 3))
        assert found.what.role == "exploratory"
        with pytest.raises(ModelError):
            explore.link_of(study, cohort="1", staff="good_day", outcome="experience", window=(60, 61))
        panel = explore.links(study)
        panel.children[0].children[3].value = (11, 12)  # nothing to link: words, no traceback
        assert "Traceback" not in capsys.readouterr().out
