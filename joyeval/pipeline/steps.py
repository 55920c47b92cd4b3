"""The steps of a study, what each reads and writes, and whether it must run again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joyeval
from joyeval.intake.keys import key_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joyeval.study import Study

KEY = "key for pseudonyms"  # an input like a file: another key makes other persons of the same answers
LIBRARIES = (
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "matplotlib",
    "seaborn",
    "polars",
    "papermill",
    "nbconvert",
    "typst",
)


@dataclass(frozen=True)
class Step:
    """One notebook of the pipeline.

    Parameters
    ----------
    name : str
        Name of the notebook without its ending.
    reads, writes : tuple of str
        Patterns below the processed folder of the cohort; ``raw`` stands for the raw files.
    needs : tuple of str
        Patterns of which one file at least must exist; without it there is nothing to do.
    sections : tuple of str
        Keys of the study file that the step depends on.
    fixed : dict
        Parameters of the notebook that a run does not leave open: a report is made for the public.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    needs: tuple[str, ...]
    sections: tuple[str, ...]
    fixed: dict[str, str] = field(default_factory=dict, hash=False)


_SHARED = ("study", "cohorts", "disclosure", "language")
_WHO = ("teams.parquet", "flow.parquet", "events.parquet")

STEPS = (
    Step(
        "01_clean_waves",
        reads=("raw",),
        writes=("*.parquet", "results/clean_*.json"),
        needs=("raw",),
        sections=(*_SHARED, "data", "teams", "waves", "pulses", "coordination", "roster", "outcomes", "events"),
    ),
    Step(
        "02_staff_experience",
        reads=("wave_*.parquet", *_WHO),
        writes=("results/experience_*.json",),
        needs=("wave_*.parquet",),
        sections=(*_SHARED, "waves", "equity"),
    ),
    Step(
        "03_improvement",
        reads=("pulse.parquet", "outcomes.parquet", *_WHO),
        writes=("results/improvement_*.json",),
        needs=("pulse.parquet", "outcomes.parquet"),
        sections=(*_SHARED, "pulses", "outcomes"),
    ),
    Step(
        "04_relational_coordination",
        reads=(
            "ties.parquet",
            "rating_days.parquet",
            "roster.parquet",
            "wave_*.parquet",
            "pulse.parquet",
            "outcomes.parquet",
            *_WHO,
        ),
        writes=("results/coordination_*.json",),
        needs=("ties.parquet",),
        sections=(*_SHARED, "coordination", "roster", "waves", "pulses", "outcomes", "primary", "secondary"),
        fixed={"view": "public"},
    ),
    Step(
        "05_outcomes",
        reads=("outcomes.parquet", "pulse.parquet", "wave_*.parquet", *_WHO),
        writes=("results/outcomes_*.json",),
        needs=("outcomes.parquet",),
        sections=(
            *_SHARED,
            "teams",
            "pulses",
            "waves",
            "outcomes",
            "events",
            "primary",
            "secondary",
            "negative_control",
        ),
    ),
    Step(
        "06_report",
        reads=("raw", "results/*.json", "chapters/0[1-5]*.json", "wave_*.parquet", "response.parquet", *_WHO),
        writes=(),
        needs=("flow.parquet",),
        sections=(*_SHARED, "title", "programme", "organisations", "synthetic", "source", "primary", "squire", "steps"),
    ),
)


def raw_files(study: Study, cohort: str) -> list[Path]:
    """Return the raw files of one cohort that exist, in a fixed order."""
    parts = [part for part in (study.teams, study.events, study.roster) if part]
    for name in ("waves", "pulses", "coordination", "outcomes"):
        parts += study.of_cohort(name, cohort)
    parts += [part.members for part in study.of_cohort("coordination", cohort) if part.members]
    files = {path for part in parts for path in part.files(study.folder)}
    led = {study.folder / step.file for part in parts for step in part.through}
    return sorted(files | {path for path in led if path.exists()})


def inputs(study: Study, cohort: str, step: Step) -> list[Path]:
    """Return the files that a step reads, as they lie there now."""
    folder = study.store(cohort).folder
    found = {path for pattern in step.reads if pattern != "raw" for path in folder.glob(pattern)}
    return sorted(found | set(raw_files(study, cohort) if "raw" in step.reads else ()))


def has_work(study: Study, cohort: str, step: Step) -> bool:
    """Say whether there is anything for the step to do: a cohort without ties has no network chapter."""
    folder = study.store(cohort).folder
    return "raw" in step.needs or any(True for pattern in step.needs for _ in folder.glob(pattern))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(paths: Iterable[Path], relative_to: Iterable[Path]) -> dict[str, str]:
    """Return file name (below the first folder that holds it) and SHA-256."""
    return {_short(path, relative_to): sha256(path) for path in paths}


def _short(path: Path, folders: Iterable[Path]) -> str:
    for folder in folders:
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.name


@cache
def library() -> dict[str, str]:
    """Return what the numbers were made with: our own code by its hash, and the libraries' versions."""
    code = hashlib.sha256()
    for path in sorted(Path(joyeval.__file__).parent.rglob("*")):
        if path.suffix in {".py", ".yml", ".json", ".j2", ".css", ".typ"}:
            code.update(path.name.encode() + path.read_bytes())
    return {
        "joyeval": joyeval.__version__,
        "code": code.hexdigest()[:16],
        **{name: _version(name) for name in LIBRARIES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def fingerprint(study: Study, cohort: str, step: Step, notebook: Path) -> dict[str, Any]:
    """Return everything that a step's outputs depend on; equal fingerprints mean equal outputs."""
    folders = (study.store(cohort).folder, study.folder)
    written = json.dumps(study.written(*step.sections), sort_keys=True, default=str)
    return {
        "inputs": digests(inputs(study, cohort, step), folders) | _key(study, step),
        "notebook": sha256(notebook),
        "study": hashlib.sha256(written.encode()).hexdigest(),
        "library": library(),
    }


def _key(study: Study, step: Step) -> dict[str, str]:
    """Return the fingerprint of the key, for the step that makes pseudonyms, where there are people."""
    known = key_fingerprint(study) if "*.parquet" in step.writes else ""
    return {KEY: known} if known else {}
