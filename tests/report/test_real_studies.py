"""Studies of real published data, from raw files to finished reports: no sentence that its own numbers deny."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

from joyeval.cli import app
from tests.conftest import ROOT, reference
from tests.report.contradictions import contradictions

pytestmark = pytest.mark.slow
STUDIES = {  # and the folder of their raw files
    "mh_trust": (),
    "hospital_infections": (),
    "nhs_trusts": (),
    "job_satisfaction": ("job_satisfaction_waves",),
    "eies": ("directed_ratings",),
}


@pytest.mark.parametrize("name", STUDIES)
def test_no_report_of_real_data_denies_itself(name, tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    study = tmp_path / "pipelines" / f"{name}.yml"
    done = CliRunner().invoke(app, ["run", str(study), "--data", str(reference("data", *STUDIES[name]))])
    assert done.exit_code == 0, done.output
    pages = sorted((tmp_path / "reports" / name).glob("*/report.html"))
    assert pages
    assert {page.parent.name: contradictions(page.read_text(encoding="utf-8")) for page in pages} == {
        page.parent.name: [] for page in pages
    }
