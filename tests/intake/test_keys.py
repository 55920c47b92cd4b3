"""The key of pseudonyms: out of the way of the data, for its owner only, not to be guessed; rotated and destroyed."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat

import pytest
from typer.testing import CliRunner

from joyeval.cli import app
from joyeval.errors import UsageError
from joyeval.intake import keys
from joyeval.intake.cohort import clean_study_waves
from joyeval.intake.tables import check_study
from joyeval.pipeline import states
from joyeval.pipeline.steps import fingerprint, read_step
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.shapes.small import Shape, build

STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: ../data/raw/small
cohorts:
  - {cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team}}
waves:
  - {wave: spring, file: spring.csv, cohorts: [one], instruments: [burnout_item], start: 2024-03-01, end: 2024-03-31,
     columns: {team: Team, person: Code, burnout_answer: Burnout}}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.delenv("JOYEVAL_KEY", raising=False)
    monkeypatch.setenv("JOYEVAL_KEY_FILE", str(tmp_path / "keys" / "study.key"))
    data = tmp_path / "home" / "data" / "raw" / "small"
    data.mkdir(parents=True)
    (data / "teams.csv").write_text("Team\nA\n")
    (data / "spring.csv").write_text("Team,Code,Burnout\n" + "".join(f"A,c{i},{1 + i % 5}\n" for i in range(20)))
    (tmp_path / "home" / "pipelines").mkdir()
    path = tmp_path / "home" / "pipelines" / "small.yml"
    path.write_text(STUDY)
    return load_study(path)


def spoilt(study):
    (study.folder / "spring.csv").write_text("Team,Code,Burnout\nNowhere,c1,2\n")
    return study


def people(study):
    return set(clean_study_waves(study, "one", {"A": "one"}).tables["wave_burnout_item"]["person"])


def test_without_a_key_there_is_no_run_and_the_command_is_named(study):
    with pytest.raises(UsageError, match=r"joyeval key pipelines/small\.yml"):
        keys.study_key(study)
    told = [problem for problem in check_study(study) if problem.rule == "key"]
    assert [problem.blocking for problem in told] == [True]
    assert any(problem.rule != "key" for problem in check_study(spoilt(study)))  # all the rest is listed all the same


def test_a_key_is_made_once_for_its_owner_only(study):
    path = keys.make_key(study)
    assert path == keys.key_file("small")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(keys.study_key(study)) == 32
    with pytest.raises(UsageError, match="already"):
        keys.make_key(study)


@pytest.mark.parametrize(
    "text",
    [
        "00" * 32,
        "ff" * 32,
        "ab" * 32,
        "0123456789abcdef" * 4,
        bytes(range(32)).hex(),
        bytes(range(0, 96, 3)).hex(),
        b"correct horse battery staple, as they say".hex(),
        keys.DEMONSTRATION_KEY.hex(),
        hashlib.sha256(b"half").hexdigest()[:32] * 2,
    ],
)
def test_a_key_that_can_be_guessed_is_refused(study, monkeypatch, text):
    monkeypatch.setenv("JOYEVAL_KEY", text)
    with pytest.raises(UsageError, match="can be guessed"):
        keys.study_key(study)


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "ab" * 31])
def test_a_damaged_key_is_refused(study, monkeypatch, text):
    monkeypatch.setenv("JOYEVAL_KEY", text)
    with pytest.raises(UsageError, match="32 bytes"):
        keys.study_key(study)


def test_no_key_drawn_at_random_is_taken_for_a_guess():
    drawn = [hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(3000)]
    assert not any(keys._can_be_guessed(key) for key in drawn)


@pytest.mark.parametrize("mode", [0o666, 0o644, 0o640, 0o620, 0o602])
def test_a_key_that_others_may_read_or_write_is_refused(study, mode):
    keys.make_key(study).chmod(mode)
    with pytest.raises(UsageError, match=r"others may (read|write) .*chmod 600"):
        keys.study_key(study)


def test_a_key_in_a_folder_where_others_may_put_another_is_refused(study):
    path = keys.make_key(study)
    path.parent.chmod(0o777)
    with pytest.raises(UsageError, match=r"others may put another key"):
        keys.study_key(study)
    path.parent.chmod(0o1777)  # as /tmp: only the owner may replace it
    assert len(keys.study_key(study)) == 32


@pytest.mark.parametrize("place", ["reports", "data/raw/small", "data", "notebooks/more", "pipelines"])
def test_a_key_with_the_data_or_the_reports_is_neither_made_nor_read(study, monkeypatch, tmp_path, place):
    path = study.home / place / "study.key"
    monkeypatch.setenv("JOYEVAL_KEY_FILE", str(path))
    with pytest.raises(UsageError, match="lies with the data"):
        keys.make_key(study)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    with pytest.raises(UsageError, match="lies with the data"):
        keys.study_key(study)
    (tmp_path / "link.key").symlink_to(path)
    monkeypatch.setenv("JOYEVAL_KEY_FILE", str(tmp_path / "link.key"))
    with pytest.raises(UsageError, match="lies with the data"):
        keys.study_key(study)


def test_a_replaced_key_makes_the_first_step_stale(study):
    def known(name="01_clean_waves"):
        return fingerprint(study, "one", read_step(study.home / "notebooks" / f"{name}.ipynb"), {})["inputs"]

    shutil.copytree(ROOT / "notebooks", study.home / "notebooks")
    assert keys.KEY not in known()
    path = keys.make_key(study)
    before, persons = known(), people(study)
    assert known() == before
    assert keys.KEY not in known("02_staff_experience")
    keys.rotate_key(study)
    assert {name for name, digest in known().items() if before[name] != digest} == {keys.KEY}
    assert keys.study_key(study).hex() not in str(known())
    assert not persons & people(study)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert states(study, "one")[0].stale


def test_rotating_and_destroying_say_what_they_mean(study):
    def joyeval(*more):
        return CliRunner().invoke(app, ["key", str(study.path), *more])

    assert isinstance(joyeval("--rotate").exception, UsageError)
    path = keys.make_key(study)
    first = path.read_bytes()
    rotated = joyeval("--rotate")
    assert rotated.exit_code == 0
    assert "keep the raw files of earlier waves" in " ".join(rotated.output.split())
    assert path.read_bytes() != first
    assert isinstance(joyeval("--rotate", "--destroy").exception, UsageError)
    destroyed = joyeval("--destroy")
    assert "remain personal data" in " ".join(destroyed.output.split())
    assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == []
    assert isinstance(joyeval("--destroy").exception, UsageError)


def test_a_key_of_the_environment_is_not_ours_to_change(study, monkeypatch):
    monkeypatch.setenv("JOYEVAL_KEY", secrets.token_hex(32))
    with pytest.raises(UsageError, match="in the environment"):
        keys.rotate_key(study)


def test_the_demonstration_s_key_works_on_the_generator_s_own_files_only(study, tmp_path):
    """Whatever `synthetic` says: real files beside it need a key of their own."""
    study.path.write_text(STUDY.replace("title: Small", "title: Small\nsynthetic: true"))
    with pytest.raises(UsageError, match=r"only for the files that joyeval itself made"):
        keys.study_key(load_study(study.path))
    own = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    assert keys.study_key(own) == keys.DEMONSTRATION_KEY
    shutil.copytree(own.folder, tmp_path / "copy")
    assert keys.study_key(load_study(own.path, data=tmp_path / "copy")) == keys.DEMONSTRATION_KEY
    late = tmp_path / "copy" / "surveys" / "qualtrics_3_1-baseline.csv"
    late.write_bytes(late.read_bytes() + late.read_bytes().splitlines()[-1] + b"\r\n")
    with pytest.raises(UsageError, match="no key for pseudonyms"):
        keys.study_key(load_study(own.path, data=tmp_path / "copy"))


def test_a_key_lies_where_the_platform_keeps_settings_and_an_older_one_still_works(tmp_path, monkeypatch):
    monkeypatch.delenv("JOYEVAL_KEY_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    old = tmp_path / ".config" / "joyeval" / "small.key"
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert keys.key_file("small") == old
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
    assert keys.key_file("small") == old
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert keys.key_file("small") == tmp_path / "settings" / "joyeval" / "small.key"
    old.parent.mkdir(parents=True)
    old.write_text("k")
    assert keys.key_file("small") == old


def test_a_file_is_known_by_its_content_however_well_it_was_compressed(tmp_path):
    from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

    for name, how in (("a.xlsx", ZIP_STORED), ("b.xlsx", ZIP_DEFLATED)):
        with ZipFile(tmp_path / name, "w", how) as parts:
            parts.writestr("sheet.xml", "<a/>" * 99)
    first, second = (keys.content_digest((tmp_path / name).read_bytes()) for name in ("a.xlsx", "b.xlsx"))
    assert first == second != keys.content_digest(b"PK not a workbook")
    assert os.path.getsize(tmp_path / "a.xlsx") != os.path.getsize(tmp_path / "b.xlsx")


@pytest.mark.parametrize(("waves", "coordination", "needed"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_only_answers_of_people_need_a_key(tmp_path, monkeypatch, waves, coordination, needed):
    monkeypatch.delenv("JOYEVAL_KEY", raising=False)
    shape = Shape("weekly", waves, coordination=coordination)
    told = check_study(load_study(build(tmp_path, shape)))
    assert [problem.rule for problem in told if problem.blocking] == ["key"] * needed
