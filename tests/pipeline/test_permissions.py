"""Rows of people are for their owner alone; nothing is written where others could replace it; the doctor says so."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys

import pytest

from joyeval.errors import DisclosureError
from joyeval.pipeline import doctor, folders, permissions, run
from joyeval.pipeline.release import release
from tests.pipeline.test_run import study  # noqa: F401 - a fixture


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    """What is made without care can be read, and written, by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_everything_with_rows_of_people_is_for_its_owner_alone(study, open_umask):  # noqa: F811
    os.umask(0o022)
    run(study, cohorts=["a"])
    where = folders(study, "a")
    private = [where.processed.parent, *where.processed.parent.rglob("*"), where.executed, *where.executed.rglob("*")]
    locks = {".lock", ".lock.json"}
    kept = [path for path in private if path.name not in locks]
    assert {path.name for path in kept} >= {"pulse.parquet", "chapters", "01_clean_waves.ipynb", "06_report.ipynb"}
    assert [str(path) for path in kept if path.is_file() and mode(path) & 0o077] == []
    assert [str(path) for path in (where.processed.parent, where.processed, where.executed) if mode(path) & 0o077] == []
    assert mode(where.record) == 0o600  # hashes of raw files confirm a guess
    assert {mode(path) for path in where.reports.glob("report.*")} == {0o644}  # as the user's umask says


def test_a_run_closes_what_an_earlier_version_left_open(study):  # noqa: F811
    where = folders(study, "a")
    where.processed.mkdir(parents=True)
    where.processed.parent.chmod(0o755)
    where.processed.chmod(0o755)
    permissions.keep_to_owner(study, ["a"])
    assert (mode(where.processed), mode(where.processed.parent)) == (0o700, 0o700)


def test_under_any_umask_a_second_run_finds_its_folders_closed(study, open_umask):  # noqa: F811
    permissions.keep_to_owner(study, ["a"])
    permissions.keep_to_owner(study, ["a"])
    assert not mode(folders(study, "a").reports) & 0o002


@pytest.mark.parametrize("name", ["processed", "reports"])
@pytest.mark.parametrize("up", [0, 1])
def test_an_output_folder_that_others_can_write_to_is_refused_in_one_sentence(study, name, up):  # noqa: F811
    folder = getattr(folders(study, "a"), name)
    folder.mkdir(parents=True)
    folder = [folder, folder.parent][up]
    folder.chmod(0o777)
    before = sorted(study.home.rglob("*"))
    for command in (lambda: run(study, cohorts=["a"]), lambda: permissions.keep_to_owner(study, ["a"])):
        with pytest.raises(DisclosureError, match=r"everybody on this machine can write.*chmod o-w") as refused:
            command()
        assert refused.value.exit_code == 3
    assert sorted(study.home.rglob("*")) == before
    folder.chmod(0o1777)  # others cannot replace files there, but add some
    with pytest.raises(DisclosureError):
        run(study, cohorts=["a"])


def test_a_release_refuses_such_a_folder_too(study):  # noqa: F811
    run(study, cohorts=["a"])
    folders(study, "a").reports.chmod(0o777)
    with pytest.raises(DisclosureError, match="everybody on this machine"):
        release(study, "a")


def test_a_file_system_without_modes_is_not_judged(tmp_path, monkeypatch):
    tmp_path.chmod(0o777)
    assert permissions.others_can_write(tmp_path)
    monkeypatch.setattr(permissions, "_knows_modes", lambda folder: False)
    assert not permissions.others_can_write(tmp_path)


def test_the_doctor_names_what_is_open_and_how_to_close_it(study, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    key = tmp_path / "settings" / "joyeval" / "small.key"
    key.parent.mkdir(parents=True)
    key.write_text(secrets.token_hex(32))
    key.chmod(0o644)
    where = folders(study, "a")
    few = [where.reports / "programme", where.reports / "team"]
    for folder in (where.processed, where.executed, *few):
        folder.mkdir(parents=True)
    where.processed.parent.chmod(0o755)
    for folder in (where.executed, *few):
        folder.chmod(0o750)
    where.reports.chmod(0o777)
    found = {(f.what, f.verdict) for f in doctor.findings(study.home) if f.verdict.startswith("open")}
    assert found == {
        ("key for pseudonyms", f"open: chmod 600 {key}"),
        *(
            ("for its owner alone", f"open: chmod -R go-rwx {folder}")
            for folder in (where.processed.parent, where.executed, *few)
        ),
        ("reports", f"open: chmod o-w {where.reports}"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "joyeval.cli", "doctor"], cwd=study.home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    key.chmod(0o600)
    for folder in (where.processed.parent, where.executed, where.reports, *few):
        folder.chmod(0o700)
    assert not [f for f in doctor.findings(study.home) if f.verdict.startswith("open")]
