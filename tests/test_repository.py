"""The repository's own promises: one list of dependencies, a lock that gives nothing away."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
import yaml

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def bare(requirement: str) -> str:
    return re.sub(r"\s", "", requirement)


def test_conda_environment_is_in_step_with_the_project():
    entries = ENVIRONMENT["dependencies"]
    from_pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    conda = {bare(entry) for entry in entries if isinstance(entry, str)} - {"python>=3.11", "pip"}
    pip = {bare(entry) for entry in from_pip} - {"--editable."}
    assert conda | pip == {bare(dependency) for dependency in PROJECT["dependencies"]}
    assert PROJECT["requires-python"] == ">=3.11"


def pins_of(lock: str) -> dict[str, str]:
    """Name and pinned version of every line; each has a hash, and no address is given away."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)(.*?)(?=^[\w]|\Z)", text, re.M | re.S)
    assert len(found) > 100
    assert all("--hash=sha256:" in rest for *_, rest in found)
    assert "://" not in text
    return {name.lower().replace("_", "-"): version for name, version, _ in found}


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[>\[]", requirement)[0].lower() for requirement in requirements}


def test_users_are_given_what_they_need_and_nothing_of_the_developers():
    pins = pins_of("requirements.lock")
    assert names_of(PROJECT["dependencies"]) <= pins.keys()
    assert not names_of(PROJECT["optional-dependencies"]["dev"]) & pins.keys()


def test_developers_are_given_everything_in_the_same_versions():
    users, developers = pins_of("requirements.lock"), pins_of("requirements-dev.lock")
    extras = [entry for entries in PROJECT["optional-dependencies"].values() for entry in entries]
    assert names_of([*PROJECT["dependencies"], *extras]) <= developers.keys()
    assert users.items() <= developers.items()


def test_version_is_the_same_everywhere():
    from joyeval import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_nothing_of_an_environment_and_no_link_is_kept():
    """A link to an environment, once kept, takes the place of the environment wherever it is checked out."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no repository here")
    kept = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    assert [path for mode, *_, path in kept if mode == "120000" or path.startswith(".venv")] == []
    ignored = subprocess.run(["git", "check-ignore", "-q", ".venv"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
