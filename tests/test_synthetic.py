"""The demonstration programme: committed files are what the generator makes, and hold what the README says."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import pandas as pd
import pytest

from joyeval import instruments, synthetic
from joyeval.intake.keys import DEMONSTRATION, content_digest
from joyeval.study import Study, load_study
from joyeval.synthetic.programme import found
from joyeval.synthetic.questionnaire import KEYS
from tests.conftest import ROOT

DATA = ROOT / "data" / "raw" / "enjoying_work"
STUDY = ROOT / "pipelines" / "enjoying_work.yml"


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return synthetic.files()


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((DATA / "truth.json").read_text(encoding="utf-8"))


def content(name: str, data: bytes) -> object:
    """What a file holds; how well a zip was compressed does not matter."""
    if not name.endswith(".xlsx"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {part: file.read(part) for part in file.namelist()}


def test_committed_files_are_what_the_generator_makes(made):
    committed = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    assert committed == set(made) | {"README.md"}
    assert [name for name in made if content(name, made[name]) != content(name, (DATA / name).read_bytes())] == []


def test_the_key_of_the_demonstration_knows_its_files(made):
    """Where this fails, write `known` into joyeval/intake/demonstration.json."""
    known = {name: content_digest(content) for name, content in sorted(made.items()) if name != "truth.json"}
    assert {*known.values()} <= {*json.loads(DEMONSTRATION.read_text()).values()}


def test_files_are_small(made):
    assert sum(map(len, made.values())) < 6_000_000


def test_another_seed_makes_another_programme():
    assert not found(1).people.equals(found(2).people)
    assert found(1).people.equals(found(1).people)


def test_packaged_study_file_is_the_one_in_pipelines():
    assert synthetic.STUDY.read_bytes() == STUDY.read_bytes()


def test_study_file_is_made_where_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "files", lambda *, seed: {"truth.json": b"{}"})
    path = synthetic.study_file(tmp_path)
    assert path.read_bytes() == STUDY.read_bytes()
    path.write_text("mine", encoding="utf-8")
    assert synthetic.study_file(tmp_path).read_text(encoding="utf-8") == "mine"


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(STUDY)


def test_every_file_of_the_study_exists(study):
    parts = [study.teams, study.events, *study.waves, *study.pulses, *study.coordination, *study.outcomes]
    assert [part.file for part in parts if not part.files(study.folder)] == []


def test_every_wave_maps_every_item_of_its_instruments(study):
    items = {key for name in study.waves[0].instruments for key in instruments.load(name).items}
    assert items == set(KEYS)
    assert [wave.file for wave in study.waves if items - set(wave.columns) != set(wave.not_asked)] == []


def test_primary_analysis_is_named(study):
    assert (study.primary.staff, study.primary.outcome, study.primary.window) == ("good_day", "fft_positive", (1, 3))


def test_shape_of_the_programme(truth):
    teams = pd.DataFrame(truth["teams"])
    assert teams.groupby("cohort").size().tolist() == [7, 18, 22, 14, 13]
    assert teams["team"].is_unique
    assert teams["headcount"].between(4, 20).all()
    assert 550 <= teams["headcount"].sum() <= 700
    assert set(teams["course"]) == {"improve", "stay", "deteriorate"}
    assert (teams.loc[teams["course"] == "stay", "effect"] == 0).all()


def test_linkage_codes_slip_as_often_as_said(truth):
    later = [slips for survey in truth["surveys"].values() for slips in survey["slips"]]
    people = [person for survey in truth["surveys"].values() for person in survey["people"]]
    first = len({person for person in people if person is not None})
    assert sum(later) / (6 * (len(later) - first)) == pytest.approx(truth["assumptions"]["slip"], abs=0.01)


def _rows(name: str) -> list[list[str]]:
    encoding, delimiter = ("cp1252", ";") if "semicolon" in name else ("utf-8", ",")
    return list(csv.reader(io.StringIO((DATA / name).read_text(encoding=encoding)), delimiter=delimiter))


@pytest.mark.parametrize("name", ["surveys/qualtrics_3_3-end.csv", "surveys/semicolon_5_1-baseline.csv"])
def test_faults_stand_where_the_truth_says(truth, name):
    rows, planted = _rows(name), truth["surveys"][name]
    column = {heading: i for i, heading in enumerate(rows[0])}
    assert len(planted["out_of_range"]) == len(planted["other_spelling"]) == 4
    for row, heading in planted["out_of_range"]:
        assert rows[row - 1][column[heading]] in {"0", "8", "44", "-1"}
    for row, heading in planted["other_spelling"]:
        assert rows[row - 1][column[heading]][0].isalpha()


def test_no_address_could_be_a_persons(made):
    for name, data in made.items():
        text = b"".join(content(name, data).values()) if name.endswith(".xlsx") else data
        assert set(re.findall(rb"[\w.+-]+@([\w-]+\.\w+)", text)) <= {b"example.org"}, name


def test_renamed_and_missing_items(study):
    assert "Q7_4_v2" in _rows("surveys/qualtrics_3_3-end.csv")[0]
    assert "Q7_4" in _rows("surveys/qualtrics_3_2-midway.csv")[0]
    waves = {wave.file: wave for wave in study.waves}
    assert waves["surveys/qualtrics_3_3-end.csv"].columns["psafety_4"] == "Q7_4_v2"
    assert waves["surveys/spss_4_2-midway.sav"].not_asked == ("cbi_13",)
