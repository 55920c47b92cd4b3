"""A cohort run again in another place, and compared with what the run record says: bytes first, then numbers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.pipeline.record import folders, read_record
from joyeval.pipeline.recorded import CHANGED, strange
from joyeval.pipeline.run import run
from joyeval.pipeline.sameness import difference
from joyeval.pipeline.steps import sha256, steps_of
from joyeval.study import load_study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from joyeval.pipeline.record import Folders
    from joyeval.study import Study

PARTS = {
    "inputs": "other inputs",
    "notebook": "another notebook",
    "study": "another study file",
    "parameters": "other parameters",
    "library": "other code or libraries",
}
EQUAL, NEARLY, DIFFERENT = "equal", "numerically equal", "different"
FOLLOWS = (".pdf", ".docx", ".pptx")  # written from the blocks of the page of the same name: what is true of it is true


@dataclass(frozen=True)
class Verdict:
    """What became of one output.

    Parameters
    ----------
    verdict : str
        ``equal`` byte for byte, ``numerically equal`` but for last digits, as another machine gives them, or
        ``different``.
    why : str
        Where it differs, and what else was not the same.
    """

    step: str
    file: str
    verdict: str
    why: str

    @property
    def equal(self) -> bool:
        """It says the same."""
        return self.verdict != DIFFERENT


def verify(study: Study, cohort: str, *, on_step: Callable[[Any], None] = lambda outcome: None) -> list[Verdict]:
    """Run a cohort again in a temporary place and compare every output with what the run record says of it.

    Returns
    -------
    list of Verdict
        One for each output of the record and of the second run, and for each file beside them that nobody's record
        names or that is not as it was made for papers; nothing of the workspace is changed.

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
        names = [step.name for step in steps_of(study) if not step.over_all]
        found = [verdict for name in names for verdict in _compare(name, record, second, where, there)]
    known = {verdict.file for verdict in found}
    added = {name: why for name, why in strange(study, cohort).items() if name not in known}
    return found + [Verdict("figures" if why == CHANGED else "", name, DIFFERENT, why) for name, why in added.items()]


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


def _compare(
    step: str, record: dict[str, Any], second: dict[str, Any], where: Folders, there: Folders
) -> Iterator[Verdict]:
    """Compare the outputs of one step: first run, second run, and what lies in the workspace now."""
    before, after = record.get(step, {}), second.get(step, {})
    first, again = before.get("outputs", {}), after.get("outputs", {})
    for name in sorted({*first, *again}):
        path = where.output(name)
        now = sha256(path) if path.exists() else None
        if now != first.get(name):
            yield Verdict(step, name, DIFFERENT, "its file is gone" if now is None else "it was changed after the run")
        elif now == again.get(name):
            yield Verdict(step, name, EQUAL, "")
        elif name not in first or name not in again:
            yield Verdict(step, name, DIFFERENT, "only one of the two runs made it")
        else:
            yield _judged(step, name, _where_different(name, where, there), _why(before, after))


def _judged(step: str, name: str, place: str, why: str) -> Verdict:
    if not place:
        return Verdict(step, name, NEARLY, why)
    return Verdict(step, name, DIFFERENT, f"{place}: {why or 'the same inputs; please tell the authors of joyeval'}")


def _where_different(name: str, where: Folders, there: Folders) -> str:
    page = str(Path(name).with_suffix(".html"))
    follows = Path(name).suffix in FOLLOWS and where.output(page).exists() and there.output(page).exists()
    shown = page if follows else name
    return difference(where.output(shown), there.output(shown))


def _why(before: dict[str, Any], after: dict[str, Any]) -> str:
    old, new = before["fingerprint"], after["fingerprint"]
    return ", ".join(words for part, words in PARTS.items() if old.get(part) != new.get(part))
