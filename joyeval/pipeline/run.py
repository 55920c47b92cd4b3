"""Running a study: stale steps only, outputs whole or not at all, cohorts side by side."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from joyeval.errors import StepError, UsageError
from joyeval.pipeline.door import run_notebook
from joyeval.pipeline.record import Folders, State, folders, read_record, state, write_record
from joyeval.pipeline.steps import STEPS, Step, fingerprint, sha256
from joyeval.pipeline.threads import threads_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from joyeval.study import Study

    Report = Callable[["Outcome"], None]

LOCK_SECONDS = 600  # how long a run waits for another run of the same cohort


@dataclass(frozen=True)
class Outcome:
    """What became of one step."""

    cohort: str
    step: str
    ran: bool
    reason: str
    seconds: float = 0.0


def run(
    study: Study,
    *,
    cohorts: Sequence[str] = (),
    steps: Sequence[str] = (),
    workers: int = 2,
    threads: int | None = None,
    force: bool = False,
    on_step: Report = lambda outcome: None,
) -> list[Outcome]:
    """Run what is stale; independent cohorts run side by side.

    Parameters
    ----------
    cohorts, steps : sequence of str
        Names; all when empty.
    workers : int
        Cohorts that run at the same time.
    threads : int, optional
        Numerical threads of each kernel; without it cores by workers, at least one.
    force : bool
        Run the steps even where nothing changed.
    on_step : callable
        Told of every step as it ends, for a progress bar.

    Raises
    ------
    StepError
        A step failed. Its earlier outputs are as they were; the other cohorts have been finished.
    """
    chosen = [study.cohort(name).cohort for name in cohorts] or [c.cohort for c in study.cohorts]
    planned = _planned(study, steps)
    threads = threads or threads_of(min(workers, len(chosen)))
    with ThreadPoolExecutor(max(1, workers)) as pool:
        jobs = [pool.submit(_run_cohort, study, cohort, planned, threads, force, on_step) for cohort in chosen]
    errors = [error for job in jobs if (error := job.exception())]
    foreign = [error for error in errors if not isinstance(error, StepError)]
    if errors:
        raise foreign[0] if foreign else StepError("\n".join(str(error) for error in errors))
    return [outcome for job in jobs for outcome in job.result()]


def _planned(study: Study, names: Sequence[str]) -> list[Step]:
    known = [step for step in STEPS if step.name in study.steps]
    for name in names:
        if not any(step.name == name or step.name.startswith(f"{name}_") for step in known):
            raise UsageError(f"no step {name!r}; this study has {', '.join(step.name for step in known)}")
    return [s for s in known if not names or s.name in names or s.name.split("_")[0] in names]


def _run_cohort(
    study: Study, cohort: str, steps: list[Step], threads: int, force: bool, on_step: Report
) -> list[Outcome]:
    where = folders(study, cohort)
    outcomes = []
    with _only_run(where, cohort):
        for step in steps:
            outcomes.append(_run_if_stale(study, cohort, step, threads, force))
            on_step(outcomes[-1])
    return outcomes


def _only_run(where: Folders, cohort: str) -> Any:
    """Wait for another run of this cohort to end; two at once would write the same files."""
    from filelock import FileLock, Timeout

    where.processed.mkdir(parents=True, exist_ok=True)
    lock = FileLock(where.processed / ".lock", timeout=LOCK_SECONDS)
    try:
        return lock.acquire()
    except Timeout:
        raise StepError(f"cohort {cohort}: another run has held it for {LOCK_SECONDS} s; stop that one first") from None


def _run_if_stale(study: Study, cohort: str, step: Step, threads: int, force: bool) -> Outcome:
    found: State = state(study, cohort, step)
    if not (found.stale or (force and not found.reason.startswith("nothing to do"))):
        return Outcome(cohort, step.name, ran=False, reason=found.reason)
    started = time.monotonic()
    _execute(study, cohort, step, folders(study, cohort), threads)
    return Outcome(cohort, step.name, ran=True, reason=found.reason, seconds=time.monotonic() - started)


def _execute(study: Study, cohort: str, step: Step, where: Folders, threads: int) -> None:
    notebook = where.notebooks / f"{step.name}.ipynb"
    staging = where.processed / ".staging" / step.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    parameters = {
        "study": str(study.path),
        "data": str(study.folder),
        "cohort": cohort,
        "out": str(staging),
        **step.fixed,
    }
    before, started = fingerprint(study, cohort, step, notebook), datetime.now(UTC)
    executed = staging / "executed.ipynb"
    try:
        run_notebook(notebook, executed, parameters, threads=threads)
        _render(step, executed, staging)
    except StepError as error:
        failed = where.executed / f"{step.name}.failed.ipynb"
        _keep(executed, failed)
        raise StepError(f"cohort {cohort}: {error}; {failed} shows where") from None
    _keep(executed, where.executed / f"{step.name}.ipynb")
    (where.executed / f"{step.name}.failed.ipynb").unlink(missing_ok=True)
    outputs = _publish(staging, where, step)
    entry = {
        "fingerprint": before,
        "outputs": outputs,
        "parameters": {"cohort": cohort, "study": study.path.name},
        "rows": {"in": _rows(where, before["inputs"]), "out": _rows(where, outputs)},
        "threads": threads,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
    }
    record = read_record(where.record)
    write_record(where.record, {"study": study.study, "cohort": cohort, "steps": {**record["steps"], step.name: entry}})


def _render(step: Step, executed: Path, staging: Path) -> None:
    """Store the chapter's blocks; the last step's notebook becomes the report."""
    from joyeval import report

    if step.name == "06_report":
        report.write(executed, staging)
    else:
        report.save_chapter(executed, staging / "chapters" / f"{step.name}.json")


def _keep(executed: Path, target: Path) -> None:
    if executed.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(executed, target)


def _publish(staging: Path, where: Folders, step: Step) -> dict[str, str]:
    """Move what the step made into place, each file whole, and remove what it no longer makes."""
    made = {path.relative_to(staging).as_posix(): path for path in sorted(staging.rglob("*")) if path.is_file()}
    for path in {path for pattern in step.writes for path in where.processed.glob(pattern)}:
        if path.relative_to(where.processed).as_posix() not in made:
            path.unlink()
    for name, path in made.items():
        where.output(name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, where.output(name))
    shutil.rmtree(staging, ignore_errors=True)
    return {name: sha256(where.output(name)) for name in made}


def _rows(where: Folders, names: dict[str, str]) -> dict[str, int]:
    import pyarrow.parquet as pq

    tables = [name for name in names if name.endswith(".parquet")]
    return {name: pq.read_metadata(where.processed / name).num_rows for name in tables}
