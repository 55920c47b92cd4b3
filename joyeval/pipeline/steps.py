"""The steps of a study: notebooks that say in their own metadata what they read, need and write.

The metadata stand under ``joyeval`` in the notebook's metadata (JupyterLab: property inspector, advanced tools):

``reads``, ``writes``
    Patterns below the processed folder of the cohort; ``raw`` stands for the raw files. Without them a notebook reads
    every table, and no other step waits for what it writes.
``needs``
    Patterns of which one file at least must exist; without it there is nothing to do.
``study``
    Keys of the study file that it depends on, beside those that every step depends on; without it the whole file.
``makes``
    ``chapter`` (what it shows enters the report; the default), ``report`` (it is a report itself), ``sheets`` (one for
    each team), or ``nothing``.
``for``
    ``cohort`` (the default) or ``study``: once over all cohorts.
``decided_by``
    Parameter to the key of the study file that decides it, so that it cannot be set beside that key.
``seconds``
    What it took in the demonstration: the order of a first run, and its time left.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache, lru_cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joyeval
from joyeval.errors import StudyError, UsageError
from joyeval.intake.keys import KEY, key_fingerprint
from joyeval.pipeline.door import STANDARD, declared_parameters, from_text, misfits, read_notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from joyeval.errors import Problem
    from joyeval.pipeline.door import Parameters
    from joyeval.study import Study

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
NETWORK = "network"  # in place of a cohort, for steps over all of them
NETWORK_REPORT = "network_report"
TEAM_SHEETS = "team_sheets"  # where the study file names the audience
DOCUMENTS = ("report", "sheets")  # what steps make that people read
EVERY_STEP = ("study", "cohorts", "disclosure", "language")  # keys of the study file
TABLES = ("*.parquet",)


@dataclass(frozen=True)
class Step:
    """One notebook of the pipeline; see the metadata above.

    Parameters
    ----------
    name : str
        Name of the notebook without its ending.
    notebook : Path
    study : tuple of str, optional
        Keys of the study file that it depends on; None: all of it.
    declared : dict
        Its parameters with their defaults.
    """

    name: str
    notebook: Path
    reads: tuple[str, ...] = TABLES
    writes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    study: tuple[str, ...] | None = None
    makes: str = "chapter"
    over_all: bool = False
    seconds: float = 10.0
    declared: Mapping[str, Any] = field(default_factory=dict, hash=False)
    decided_by: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def makes_files(self) -> tuple[str, ...]:
        """Patterns of everything it makes that another step may read."""
        return (*self.writes, f"chapters/{self.name}.json") if self.makes == "chapter" else self.writes

    def follows(self, other: Step) -> bool:
        """Say whether it reads what another step makes."""
        if self.name == other.name or (other.over_all and not self.over_all):
            return False
        return _meet(other.makes_files, self.reads)


@cache
def _meet(made: tuple[str, ...], read: tuple[str, ...]) -> bool:
    """Say whether a pattern of one may name what a pattern of the other names."""
    return any(fnmatch(one, other) or fnmatch(other, one) for one in made for other in read)


def steps_of(study: Study) -> tuple[Step, ...]:
    """Return the steps of a study in an order in which they can run, what is over all cohorts last.

    Raises
    ------
    UsageError
        A notebook is not there or its metadata cannot be read.
    StudyError
        The study file sets parameters that a step has not, or of another type; steps wait for each other.
    """
    names = [*study.step_names]
    if len(study.cohorts) > 1 and NETWORK_REPORT not in names and _path(study, NETWORK_REPORT).exists():
        names.append(NETWORK_REPORT)
    if "team" in study.disclosure.audiences and TEAM_SHEETS not in names:
        names.append(TEAM_SHEETS)
    steps = [read_step(_path(study, name)) for name in names]
    if any(step.over_all for step in steps) and any(cohort.cohort == NETWORK for cohort in study.cohorts):
        raise UsageError(
            f"a cohort is called {NETWORK}, which is the folder of the network report; give it another name"
        )
    problems = [problem for step in steps for problem in _settings(study, step)]
    try:
        order = [*TopologicalSorter({s.name: {o.name for o in steps if s.follows(o)} for s in steps}).static_order()]
    except CycleError as error:
        found = " and ".join(dict.fromkeys(error.args[1]))
        fix = "change what they read and write in their metadata"
        expected = "steps of which each can run after those it reads from"
        problems.append(study.problem("steps", found=f"{found}, which wait for each other", expected=expected, fix=fix))
    if problems:
        raise StudyError(problems)
    return tuple(sorted(steps, key=lambda step: (step.over_all, order.index(step.name))))


def steps_to(study: Study, name: str) -> tuple[str, ...]:
    """Return the names of a step and of all that it is made from, in the order in which they can run."""
    steps = steps_of(study)
    wanted = {name}
    for step in reversed(steps):
        wanted |= {step.name} if any(other.follows(step) for other in steps if other.name in wanted) else set()
    return tuple(step.name for step in steps if step.name in wanted)


def network_step(study: Study) -> Step:
    """Return the step that makes the report over all cohorts."""
    return read_step(_path(study, NETWORK_REPORT))


def _path(study: Study, name: str) -> Path:
    return study.home / "notebooks" / f"{name}.ipynb"


def read_step(notebook: Path) -> Step:
    """Read a step from the metadata of its notebook."""
    return _read(notebook, *stamp(notebook))[0]


@lru_cache(maxsize=256)
def _read(notebook: Path, *stamp: int) -> tuple[Step, str]:
    """Return the step, and the hash of what the notebook does: sources, tags and metadata, but not outputs."""
    content = read_notebook(notebook)
    own = content.get("metadata", {}).get("joyeval", {})
    patterns = {key: tuple(own[key]) for key in ("reads", "writes", "needs", "study") if key in own}
    rest = {key: own[key] for key in ("makes", "seconds", "decided_by") if key in own}
    declared = declared_parameters(notebook)
    step = Step(notebook.stem, notebook, **patterns, **rest, over_all=own.get("for") == "study", declared=declared)
    cells = [(c["cell_type"], "".join(c["source"]), c.get("metadata", {}).get("tags")) for c in content["cells"]]
    counts = json.dumps([cells, {key: own[key] for key in sorted(own) if key != "seconds"}])
    return step, hashlib.sha256(counts.encode()).hexdigest()


def stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written; of one that is not there, nothing."""
    try:
        at = path.stat()
    except FileNotFoundError:
        return ()
    return at.st_mtime_ns, at.st_ctime_ns, at.st_size, at.st_ino


def _settings(study: Study, step: Step) -> Iterator[Problem]:
    """Problems of the parameters that the study file sets."""
    for cohort in (None, *(c.cohort for c in study.cohorts)):
        own = study.settings(step.name) if cohort is None else study.cohort(cohort).steps.get(step.name, {})
        where = f"cohort {cohort}, {step.name}" if cohort else step.name
        for found, expected in misfits(own, step.declared, step.decided_by):
            yield study.problem("steps", found=f"{where}: {found}", expected=expected, fix="correct or remove it")


def read_parameters(steps: Iterable[Step], texts: Mapping[str, str]) -> Parameters:
    """Read parameters as they are written on a command line; each is for every step that declares it.

    Raises
    ------
    UsageError
        A name that no step declares, or a value of another type than the default.
    """
    typed = {}
    for name, text in texts.items():
        default = next((s.declared[name] for s in steps if name in s.declared and name not in STANDARD), None)
        typed[name] = text if default is None else from_text(text, default)
    refuse_misfits(steps, typed)
    return typed


def refuse_misfits(steps: Iterable[Step], given: Parameters) -> None:
    """Refuse parameters that no step declares, or of another type than the default, with the list of all there are."""
    own = {step.name: {n: v for n, v in step.declared.items() if n not in STANDARD} for step in steps}
    unknown = [name for name in given if not any(name in declared for declared in own.values())]
    problems = [f"no parameter {name!r}" for name in unknown]
    for step in steps:
        mine = {name: value for name, value in given.items() if name in own[step.name]}
        problems += [f"{step.name}: {f}; expected {e}" for f, e in misfits(mine, own[step.name], step.decided_by)]
    if problems:
        known = "; ".join(f"{name}: {', '.join(declared)}" for name, declared in own.items() if declared)
        raise UsageError(f"{'; '.join(problems)}. The steps take: {known or 'none'}")


def parameters(study: Study, cohort: str, step: Step, given: Parameters) -> Parameters:
    """Return the parameters that are set for a step: those given win over the cohort's, these over the study's."""
    own = study.settings(step.name, None if step.over_all else cohort)
    asked = own | {name: value for name, value in given.items() if name in step.declared}
    return {name: type(step.declared[name])(value) for name, value in asked.items()}


def all_parameters(study: Study, cohort: str, step: Step, given: Parameters, out: Path) -> Parameters:
    """Return what a run hands to the notebook: where things lie, as far as it asks, and what is set."""
    place = {"study": str(study.path), "data": str(study.folder), "cohort": cohort, "out": str(out)}
    place["audiences"] = ",".join(study.editions)
    known = {name: place[name] for name in STANDARD if name in step.declared}
    return known | parameters(study, cohort, step, given)


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
    cohorts = [c.cohort for c in study.cohorts] if step.over_all else [cohort]
    found = set(_found(study, cohorts, step.reads))
    return sorted(found | {path for name in cohorts if "raw" in step.reads for path in raw_files(study, name)})


def has_work(study: Study, cohort: str, step: Step) -> bool:
    """Say whether there is anything for the step to do: a cohort without ties has no network chapter."""
    cohorts = [c.cohort for c in study.cohorts] if step.over_all else [cohort]
    return not step.needs or "raw" in step.needs or any(True for _ in _found(study, cohorts, step.needs))


def _found(study: Study, cohorts: Iterable[str], patterns: Iterable[str]) -> Iterator[Path]:
    return (
        p
        for name in cohorts
        for pattern in patterns
        if pattern != "raw"
        for p in study.store(name).folder.glob(pattern)
    )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content; a file that was not touched since is not read again."""
    return _sha256(path, *stamp(path))


@lru_cache(maxsize=65_536)
def _sha256(path: Path, *stamp: int) -> str:
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


def fingerprint(study: Study, cohort: str, step: Step, given: Parameters) -> dict[str, Any]:
    """Return everything that a step's outputs depend on; equal fingerprints mean equal outputs."""
    home = study.store(study.cohorts[0].cohort).folder.parent
    below = (home if step.over_all else home / cohort, study.folder)
    return {
        "inputs": digests(inputs(study, cohort, step), below) | _key(study, step),
        "notebook": _read(step.notebook, *stamp(step.notebook))[1],
        "parameters": parameters(study, cohort, step, given),
        "study": hashlib.sha256(json.dumps(_written(study, step), sort_keys=True, default=str).encode()).hexdigest(),
        "library": library(),
    }


def _key(study: Study, step: Step) -> dict[str, str]:
    """Return the fingerprint of the key, for the step that makes pseudonyms, where there are people."""
    known = key_fingerprint(study) if "*.parquet" in step.writes else ""
    return {KEY: known} if known else {}


def _written(study: Study, step: Step) -> dict[str, Any]:
    """Return the parts of the study file that it depends on; parameters of steps count where they are used."""
    keys = type(study).model_fields if step.study is None else (*EVERY_STEP, *step.study)
    written = study.written(*keys)
    written["cohorts"] = [{k: v for k, v in entry.items() if k != "steps"} for entry in written["cohorts"]]
    written["audiences"] = study.editions
    return written | ({"steps": study.step_names} if "steps" in written else {})
