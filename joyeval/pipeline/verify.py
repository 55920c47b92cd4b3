"""A cohort run again in another place, and compared byte for byte with what the run record says."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.pipeline.record import folders, read_record
from joyeval.pipeline.run import run
from joyeval.pipeline.steps import sha256, steps_of
from joyeval.study import load_study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from joyeval.study import Study

PARTS = {
    "inputs": "other inputs",
    "notebook": "another notebook",
    "study": "another study file",
    "library": "other code or libraries",
}


@dataclass(frozen=True)
class Verdict:
    """What became of one output: equal, or different and why."""

    step: str
    file: str
    equal: bool
    why: str


def verify(study: Study, cohort: str, *, on_step: Callable[[Any], None] = lambda outcome: None) -> list[Verdict]:
    """Run a cohort again in a temporary place and compare every output with what the run record says of it.

    Returns
    -------
    list of Verdict
        One for each output of the record and of the second run; nothing of the workspace is changed.

    Raises
    ------
    UsageError
        The cohort was never run.
    StepError
        A step failed the second time.
    """
    where = folders(study, cohort)
    record = read_record(where.record)["steps"]
    if not record:
        raise UsageError(f"cohort {cohort} was never run: there is nothing to compare with ({where.record})")
    with TemporaryDirectory(prefix="joyeval-verify-") as place:
        again = _copy(study, Path(place))
        threads = max((step.get("threads", 1) for step in record.values()), default=1)
        run(again, cohorts=[cohort], workers=1, threads=threads, on_step=on_step)
        there = folders(again, cohort)
        second = read_record(there.record)["steps"]
        return [
            verdict
            for step in steps_of(study)
            if not step.over_all
            for verdict in _compare(step.name, record, second, where)
        ]


def _copy(study: Study, place: Path) -> Study:
    """Copy study file, what lies beside it, and notebooks; raw data are read where they are."""
    source = study.path.parent
    ignored = shutil.ignore_patterns("*.pyc", "__pycache__")
    if source.name == "pipelines":
        shutil.copytree(source, place / "pipelines", ignore=ignored)
        path = place / "pipelines" / study.path.name
    else:
        path = Path(shutil.copy2(study.path, place / study.path.name))
    shutil.copytree(study.home / "notebooks", place / "notebooks", ignore=ignored)
    return load_study(path, data=study.folder)


def _compare(step: str, record: dict[str, Any], second: dict[str, Any], where: Any) -> Iterator[Verdict]:
    """Compare the outputs of one step: first run, second run, and what lies in the workspace now."""
    before, after = record.get(step, {}), second.get(step, {})
    first, again = before.get("outputs", {}), after.get("outputs", {})
    for name in sorted({*first, *again}):
        path = where.output(name)
        now = sha256(path) if path.exists() else None
        if now != first.get(name):
            why = "its file is gone" if now is None else "its file was changed after the run"
        elif first.get(name) == again.get(name):
            why = ""
        else:
            why = _why(before, after, name)
        yield Verdict(step, name, equal=not why, why=why)


def _why(before: dict[str, Any], after: dict[str, Any], name: str) -> str:
    if not after:
        return "the step had nothing to do the second time"
    if name not in before["outputs"] or name not in after["outputs"]:
        return "one of the two runs did not make it"
    old, new = before["fingerprint"], after["fingerprint"]
    found = [words for part, words in PARTS.items() if old.get(part) != new.get(part)]
    return ", ".join(found) or "the same inputs gave other bytes: please tell the authors of joyeval"
