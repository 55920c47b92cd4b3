"""The list of problems as a file: opens in a spreadsheet, runs nothing there, and tells nobody's answer."""

from __future__ import annotations

import csv
import io
import os
import shutil
import stat

import pytest

from joyeval.errors import Problem, UsageError
from joyeval.pipeline.problems import COLUMNS, write_problems
from tests.conftest import reference
from tests.intake.files import csv as write_csv
from tests.test_cli import joyeval

STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: ../raw
synthetic: true
cohorts:
  - {cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team}}
waves:
  - wave: spring
    file: spring.csv
    cohorts: [one]
    instruments: [who5]
    start: 2024-05-01
    end: 2024-05-31
    columns: {team: Team, seconds: Took, check: Colour, who5_1: q1, who5_2: q2, who5_3: q3, who5_4: q4, who5_5: q5}
    attention: {check: red}
    shortest: 30
    set_aside: [impossible duration]
steps: [01_clean_waves]
"""


def rows_of(path) -> list[dict]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))


@pytest.fixture
def study(tmp_path, root):
    for folder in ("pipelines", "raw"):
        (tmp_path / folder).mkdir()
    (tmp_path / "notebooks").symlink_to(root / "notebooks")
    (tmp_path / "pipelines" / "small.yml").write_text(STUDY, encoding="utf-8")
    write_csv(tmp_path / "raw" / "teams.csv", "Team", "Alder")
    fine = ["Alder,300,red,1,2,3,4,5"] * 300
    odd = ["Alder,300,red,9,2,3,4,5"] * 12 + ["Alder,5,red,1,2,3,4,5", "Alder,300,blue,1,2,3,4,5"]
    numbered = (f"{row},{number}" for number, row in enumerate([*fine, *odd], start=1))  # no two rows alike
    write_csv(tmp_path / "raw" / "spring.csv", "Team,Took,Colour,q1,q2,q3,q4,q5,Response", *numbered)
    return tmp_path / "pipelines" / "small.yml"


def test_alike_problems_stand_in_one_line_with_their_rows(study, tmp_path):
    done = joyeval("check", study, "--problems", tmp_path / "problems.csv")
    assert done.returncode == 0, done.stdout
    found = {row["rule"]: row for row in rows_of(tmp_path / "problems.csv")}
    ranged = found["out of range"]
    assert (ranged["file"], ranged["column"], ranged["row"]) == ("spring.csv", "q1", "302")
    assert ranged["found"] == "12 answers outside 0 to 5; rows 302, 303, 304, 305, 306, ..."
    assert ranged["all rows"].split() == [str(row) for row in range(302, 314)]
    assert (found["attention check"]["row"], found["impossible duration"]["row"]) == ("315", "314")
    assert {row["stops the run"] for row in found.values()} == {"no"}


def test_a_run_leaves_the_list_beside_the_report_and_says_what_was_lost(study):
    done = joyeval("run", study)
    assert done.returncode == 0, done.stderr
    listed = study.parent.parent / "reports" / "small" / "one" / "problems.csv"
    assert {"out of range", "attention check"} <= {row["rule"] for row in rows_of(listed)}
    assert "wave spring: 314 rows read, 312 kept" in done.stderr
    assert "rows that fail the attention check: 1; rows answered in an impossible time: 1" in done.stderr
    assert "single answers set aside, their rows kept: out of range: 12" in done.stderr


@pytest.mark.slow
def test_the_real_job_satisfaction_waves_run_and_the_closing_note_says_what_was_lost(tmp_path, root):
    data = reference("data", "job_satisfaction_waves")
    shutil.copytree(root / "pipelines", tmp_path / "pipelines")
    (tmp_path / "notebooks").symlink_to(root / "notebooks")
    done = joyeval("run", tmp_path / "pipelines" / "job_satisfaction.yml", "--data", data)
    assert done.returncode == 0, done.stderr
    assert "wave 2016: 273 rows read, 273 kept" in done.stderr
    assert "wave 2017: 549 rows read, 379 kept; left out: rows without any answer: 170" in done.stderr
    assert done.stdout.count("report.") == 3


def test_nothing_in_it_is_a_formula_or_moves_a_cursor(tmp_path):
    odd = Problem("=cmd|x.csv", "one", "=1+1", "fix\x1b[31m", 3, "@SUM(A1)", "-rule")
    write_problems([odd], tmp_path / "p.csv")
    (row,) = rows_of(tmp_path / "p.csv")
    assert (row["file"], row["expected"], row["column"], row["rule"]) == ("'=cmd|x.csv", "'=1+1", "'@SUM(A1)", "'-rule")
    assert "\x1b" not in row["fix"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "p.csv").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_problems([], tmp_path / "p.csv")


@pytest.mark.parametrize(("asked", "mode"), [({}, 0o600), ({"private": False}, 0o644)])
def test_the_list_is_for_its_owner_alone_unless_asked_for_elsewhere(tmp_path, asked, mode):
    before = os.umask(0o022)
    try:
        (tmp_path / "p.csv").write_text("older, for all")
        write_problems([], tmp_path / "p.csv", **asked)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "p.csv").stat().st_mode) == mode


def test_without_problems_the_file_holds_the_headings_only(tmp_path):
    write_problems([], tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text(encoding="utf-8-sig").strip() == ",".join(COLUMNS)
