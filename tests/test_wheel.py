"""The wheel, installed where nothing else of the project is, works in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.intake.files import csv

setuptools = pytest.importorskip("setuptools")

STUDY = """
study: wards
title: Good days on two wards
data: ../data/raw/wards
synthetic: true
programme: {name: Joy in work, aim: More good days on both wards by the autumn.}
cohorts: [{cohort: "1", title: First cohort, start: 2024-01-01, end: 2024-06-30}]
teams: {file: teams.csv, columns: {team: Ward, headcount: Staff}}
pulses:
  - measure: good_day
    title: Good days
    cohorts: ["1"]
    period: week
    file: pulse.csv
    layout: wide
    percent: true
    answers_from: headcount
    columns: {team: Ward}
"""


@pytest.fixture(scope="module")
def joyeval(tmp_path_factory):
    """The command of an environment that holds the wheel, and of this one the libraries it needs only."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    for name in ("joyeval", "notebooks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    modern = int(setuptools.__version__.split(".")[0]) >= 77  # older ones cannot build the project; pip fetches one
    here = ["--no-build-isolation", "--no-index"] if modern else []
    build = [*pip, "wheel", str(source), "--no-deps", *here, "-w", str(place)]
    subprocess.run(build, check=True, env=alone)
    (wheel,) = place.glob("*.whl")
    home = place / "environment"
    venv.create(home, symlinks=True, with_pip=False)
    python = home / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, check=True
    )
    (Path(found.stdout.decode().strip()) / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, env=alone)
    where = subprocess.run(
        [python, "-c", "import joyeval; print(joyeval.__file__)"], capture_output=True, check=True, env=alone, cwd=place
    )
    assert Path(where.stdout.decode().strip()).is_relative_to(home)

    def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [home / "bin" / "joyeval", *arguments]
        return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False)

    call.python = python
    return call


@pytest.mark.skipif(sys.platform == "win32", reason="the folders of an environment are called otherwise")
def test_new_and_check_in_an_empty_folder(joyeval, tmp_path):
    home = filled_in(joyeval, tmp_path)
    done = joyeval(home, "check", "pipelines/wards.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def filled_in(joyeval, tmp_path) -> Path:
    """A new workspace with a study file and raw files of two wards."""
    done = joyeval(tmp_path, "new", "wards")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    home = tmp_path / "wards"
    assert sorted(path.name for path in (home / "notebooks").glob("0*.ipynb"))[0] == "01_clean_waves.ipynb"
    done = joyeval(home, "check", "pipelines/wards.yml")  # still to be filled in
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
    (home / "pipelines" / "wards.yml").write_text(STUDY)
    csv(home / "data/raw/wards/teams.csv", "Ward,Staff", "Ward 1,20", "Ward 2,16")
    days = [f"2024-{1 + i // 4:02d}-{1 + 7 * (i % 4):02d}" for i in range(24)]
    rows = [f"Ward {j},{','.join(f'{40 + (7 * i + 11 * j) % 50}%' for i in range(24))}" for j in (1, 2)]
    csv(home / "data/raw/wards/pulse.csv", "Good days of 2024", "", ",".join(["Ward", *days]), *rows)
    return home


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the folders of an environment are called otherwise")
def test_run_in_an_empty_folder(joyeval, tmp_path):
    home = filled_in(joyeval, tmp_path)
    done = joyeval(home, "run", "pipelines/wards.yml", "--step", "01_clean_waves")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (home / "data/processed/wards/1/pulse.parquet").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the folders of an environment are called otherwise")
def test_a_cohort_of_the_demonstration_from_raw_files_to_report(joyeval, tmp_path):
    make = (
        "from pathlib import Path; from joyeval import synthetic, workspace; "
        "workspace.add_notebooks(Path.cwd()); print(synthetic.study_file(Path.cwd()))"
    )
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([joyeval.python, "-c", make], cwd=tmp_path, env=alone, check=True)
    done = joyeval(tmp_path, "run", "pipelines/enjoying_work.yml", "--cohort", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("report.html", "report.pdf", "report.docx"):
        assert (tmp_path / "reports/enjoying_work/2" / name).exists()
