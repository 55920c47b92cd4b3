"""The repository's own promises: one list of dependencies, a lock that gives nothing away."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def bare(requirement: str) -> str:
    return re.sub(r"\s", "", requirement)


def test_conda_environment_is_in_step_with_the_project():
    entries = ENVIRONMENT["dependencies"]
    from_pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    conda = {bare(entry) for entry in entries if isinstance(entry, str)} - {"python>=3.11", "pip"}
    pip = {bare(entry) for entry in from_pip} - {"--editable."}
    assert conda | pip == {bare(dependency) for dependency in PROJECT["dependencies"]}
    assert PROJECT["requires-python"] == ">=3.11"


def test_lock_pins_every_dependency_with_hashes_and_no_address():
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==\S+(.*?)(?=^[\w]|\Z)", LOCK, re.M | re.S)
    assert len(pins) > 100
    assert all("--hash=sha256:" in rest for _, rest in pins)
    names = {name.lower().replace("_", "-") for name, _ in pins}
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {re.split(r"[>\[]", dependency)[0].lower() for dependency in wanted} <= names
    assert "://" not in LOCK


def test_version_is_the_same_everywhere():
    from joyeval import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
