"""The command line: everything wrong is listed in one table, exit codes are kept, nothing is written by a check."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from joyeval._version import __version__
from joyeval.cli import main

STUDY = """\
study: broken
title: Broken
programme: {name: Broken, aim: More}
data: ../raw
cohorts:
  - {cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team, headcount: Staff}}
forms:
  counts: {cohorts: [one], period: week, columns: {team: Team, period: Week, positive: Good, answers: All}}
pulses:
  - {form: counts, measure: missing, title: M, file: absent.csv}
  - {form: counts, measure: empty, title: M, file: empty.csv}
  - {form: counts, measure: ragged, title: M, file: ragged.csv}
  - {form: counts, measure: heading, title: M, file: heading.csv}
  - {form: counts, measure: team, title: M, file: team.csv}
  - {form: counts, measure: late, title: M, file: late.csv}
  - {form: counts, measure: html, title: M, file: page.xlsx}
  - {form: counts, measure: twice, title: M, file: twice.csv}
  - {form: counts, measure: words, title: M, file: words.csv}
"""
FILES = {
    "teams.csv": "Team,Staff\nAlder,12\n",
    "empty.csv": "",
    "ragged.csv": "Team,Week,Good,All\nAlder,2024-01-01,1,2,9\nAlder,2024-01-08,1,2,9\n",
    "heading.csv": "Team,Week,Goood,All\nAlder,2024-01-01,1,2\n",
    "team.csv": "Team,Week,Good,All\nOak,2024-01-01,1,2\n",
    "late.csv": "Team,Week,Good,All\nAlder,2031-01-06,1,2\n",
    "page.xlsx": "<html><body>Please log in</body></html>",
    "twice.csv": "Team,Week,Good,All,Good\nAlder,2024-01-01,1,2,1\n",
    "words.csv": "Team,Week,Good,All\nAlder,2024-01-01,one,2\n",
}


def joyeval(*args):
    """One command, as the terminal runs it, in this process."""
    out, err, before = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["joyeval", *map(str, args)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            signal.signal(signal.SIGTERM, before)
    return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())


@pytest.fixture
def broken(tmp_path, root):
    for folder in ("pipelines", "raw"):
        (tmp_path / folder).mkdir()
    (tmp_path / "notebooks").symlink_to(root / "notebooks")
    (tmp_path / "pipelines" / "broken.yml").write_text(STUDY)
    for name, text in FILES.items():
        (tmp_path / "raw" / name).write_text(text)
    return tmp_path / "pipelines" / "broken.yml"


def test_check_lists_every_problem_in_one_table_and_writes_nothing(broken):
    before = sorted(broken.parent.parent.rglob("*"))
    done = joyeval("check", broken, "--json")
    assert done.returncode == 1
    found = {(p["file"], p["rule"]) for p in json.loads(done.stdout) if p["blocking"]}
    assert found >= {
        ("absent.csv", "missing file"),
        ("empty.csv", "empty file"),
        ("heading.csv", "unknown column"),
        ("team.csv", "unknown team"),
        ("late.csv", "outside the cohort"),
        ("page.xlsx", "really HTML"),
        ("words.csv", "not a number"),
    }
    assert {p["file"] for p in json.loads(done.stdout)} >= {"ragged.csv", "twice.csv"}
    assert sorted(broken.parent.parent.rglob("*")) == before
    assert "Traceback" not in done.stderr


def test_run_refuses_what_check_refuses(broken):
    done = joyeval("run", broken)
    assert done.returncode == 1
    assert "absent.csv" in done.stdout
    listed = broken.parent.parent / "reports" / "broken" / "one" / "problems.csv"
    assert [path for path in (broken.parent.parent / "reports").rglob("*") if path.is_file()] == [listed]
    assert "absent.csv" in listed.read_text(encoding="utf-8-sig")
    assert not list((broken.parent.parent).rglob("*.parquet"))


def test_problems_of_the_study_file_come_with_their_lines(broken):
    broken.write_text(STUDY.replace("period: week", "period: weak").replace("title: Broken", "title: NO"))
    done = joyeval("check", broken)
    assert done.returncode == 1
    assert "broken.yml\t2\ttitle\tNO without quotes" in done.stdout


def test_usage_errors_exit_with_2(broken):
    assert joyeval("frobnicate").returncode == 2
    assert joyeval("run").returncode == 2


def test_version_and_help():
    assert joyeval("--version").stdout == f"joyeval {__version__}\n"
    said = joyeval("--help").stdout
    assert all(command in said for command in ("demo", "check", "run", "status", "doctor", "key"))


def test_doctor_finds_this_machine_fit():
    done = joyeval("doctor")
    assert done.returncode == 0
    assert f"joyeval\t{__version__}\tok" in done.stdout


@pytest.mark.parametrize("arguments", [("new", "file.txt/below"), ("key", "small.yml")])
def test_what_the_machine_refuses_is_told_in_words(tmp_path, arguments):
    """A folder, and a key, below what is a file."""
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "small.yml").write_text(
        "study: small\ntitle: S\nprogramme: {name: S, aim: M}\ndata: .\n"
        "cohorts: [{cohort: one, title: O, start: 2024-01-01, end: 2024-12-31}]\n"
        "teams: {file: file.txt, columns: {team: x}}\n"
    )
    call = [sys.executable, "-m", "joyeval.cli", *arguments]
    there = {**os.environ, "JOYEVAL_KEY_FILE": str(tmp_path / "file.txt" / "a" / "b.key")}
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=tmp_path, env=there)
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
    assert "irectory" in done.stderr
