"""run.json: what was run on what, and from it whether a step must run again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from joyeval.errors import UsageError, and_others
from joyeval.pipeline.steps import NETWORK, fingerprint, has_work, sha256, steps_of
from joyeval.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from joyeval.pipeline.door import Parameters
    from joyeval.pipeline.steps import Step
    from joyeval.study import Study

_CHANGED = {
    "inputs": "its input {} changed",
    "notebook": "its notebook changed",
    "parameters": "its parameters changed ({})",
    "study": "its part of the study file changed",
    "library": "joyeval or a library changed ({})",
}
EDITIONS = ("programme/", "team/")  # folders of what is not for the public
NEVER_RUN = "it has not been run"


@dataclass(frozen=True)
class State:
    """Whether a step must run, and why, in words."""

    cohort: str
    step: str
    stale: bool
    reason: str
    idle: bool = False
    """There is nothing for it to do."""


@dataclass(frozen=True)
class Folders:
    """Where the files of one cohort lie."""

    processed: Path
    reports: Path

    @property
    def record(self) -> Path:
        """The run record."""
        return self.reports / "run.json"

    @property
    def problems(self) -> Path:
        """The list of problems of its raw data."""
        return self.reports / "problems.csv"

    @property
    def executed(self) -> Path:
        """Executed notebooks: private, they may hold what a report does not."""
        return self.reports / "notebooks"

    def output(self, name: str) -> Path:
        """Return where an output of a step lies: reports have their own folder."""
        return (self.reports if name.startswith(("report.", "tables/", *EDITIONS)) else self.processed) / name


def folders(study: Study, cohort: str) -> Folders:
    """Return where the files of one cohort lie (of ``network``: what is over all cohorts)."""
    own = NETWORK if cohort == NETWORK else study.cohort(cohort).cohort
    return Folders(
        processed=study.store(study.cohorts[0].cohort).folder.parent / own,
        reports=study.home / "reports" / study.study / own,
    )


def read_record(path: Path) -> dict[str, Any]:
    """Read run.json; a missing or unreadable one means that nothing was run."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        record = None
    whole = isinstance(record, dict) and isinstance(record.get("steps", {}), dict)
    return {"steps": {}} | record if whole else {"steps": {}}


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write run.json whole, for its owner: hashes of raw files would confirm a guess of what is in them."""
    write_whole(path, json.dumps(record, indent=1, ensure_ascii=False).encode("utf-8"), private=True)


def states(study: Study, cohort: str, given: Parameters | None = None) -> list[State]:
    """Say for each step of a cohort (of ``network``: over all cohorts) whether it must run and why."""
    return _states(study, cohort, steps_of(study), given)


def _states(study: Study, cohort: str, steps: Iterable[Step], given: Parameters | None) -> list[State]:
    chosen = [step for step in steps if step.over_all == (cohort == NETWORK)]
    return _in_turn(chosen, {step: state(study, cohort, step, given) for step in chosen})


def all_states(study: Study, cohorts: Sequence[str] = (), given: Parameters | None = None) -> list[State]:
    """Say for every step whether it must run and why, as a run would find it; steps over all cohorts last."""
    steps = steps_of(study)
    found = [s for name in cohorts or [c.cohort for c in study.cohorts] for s in _states(study, name, steps, given)]
    if cohorts or not any(step.over_all for step in steps):
        return found
    over_all = _states(study, NETWORK, steps, given)
    waits = next((s for s in found if s.stale), None)
    reason = f"{waits.step} of cohort {waits.cohort} runs before it" if waits else ""
    return found + [replace(s, stale=True, reason=reason) if waits and not s.stale else s for s in over_all]


def _in_turn(steps: list[Step], found: dict[Step, State]) -> list[State]:
    """Say of what follows a stale step that it may have to run: it will not, if that leaves its inputs as they were."""
    for step in steps:
        before = next((o for o in steps if step.follows(o) and found[o].stale), None)
        without_data = found[step].idle and not (before and found[before].reason == NEVER_RUN)
        if before and not found[step].stale and not without_data:
            found[step] = replace(found[step], stale=True, reason=f"{before.name} runs before it")
    return list(found.values())


def refuse_stale(study: Study, cohorts: Iterable[str], what: str) -> None:
    """Refuse, step by step and with the reason, to go on from results that are not up to date.

    Parameters
    ----------
    what : str
        What needs them, as the beginning of a sentence: "figures are drawn from".
    """
    stale = [found for cohort in cohorts for found in states(study, cohort) if found.stale]
    if stale:
        told = "\n".join(f"  cohort {found.cohort}, {found.step}: {found.reason}" for found in stale)
        raise UsageError(f"{what} results that are up to date; `joyeval run {study.path.name}` first:\n{told}")


def state(study: Study, cohort: str, step: Step, given: Parameters | None = None) -> State:
    """Say whether one step must run, as things lie now."""
    where = folders(study, cohort)
    done = read_record(where.record)["steps"].get(step.name)
    if not has_work(study, cohort, step):
        return State(cohort, step.name, stale=False, reason="nothing to do: this cohort has no data for it", idle=True)
    if done is None:
        return State(cohort, step.name, stale=True, reason=NEVER_RUN)
    reason = _difference(done["fingerprint"], fingerprint(study, cohort, step, given or {}))
    reason = reason or _damaged(where, done["outputs"])
    return State(cohort, step.name, stale=bool(reason), reason=reason or "up to date")


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    for part, words in _CHANGED.items():
        if old.get(part) != new[part]:
            return words.format(_which(old.get(part), new[part]))
    return ""


def _which(old: Any, new: Any) -> str:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return ""
    names = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return and_others(names, shown=3)


def _damaged(where: Folders, outputs: dict[str, str]) -> str:
    for name, digest in outputs.items():
        path = where.output(name)
        if not path.exists():
            return f"its output {name} is gone"
        if sha256(path) != digest:
            return f"its output {name} was changed by something else"
    return ""
