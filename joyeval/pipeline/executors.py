"""Where steps run: an executor takes one step at a time as a job, by value, and says how it ended.

A job leaves everything it makes in its staging folder; moving outputs into place is the run's own work, so that an
executor may lose a job, or be stopped, and nothing of the workspace has changed.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from joyeval.errors import StepError
from joyeval.pipeline.door import run_notebook, stop_kernels
from joyeval.store import edition, private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from joyeval.pipeline.door import Parameters

GRACE = 2  # seconds that a stopped job has to let go


@dataclass(frozen=True)
class Job:
    """One step of one cohort.

    Parameters
    ----------
    cohort, step : str
        Names, for messages.
    notebook : Path
        What to run.
    staging : Path
        Folder of its own that takes everything it makes; emptied first.
    parameters : dict
        All that the notebook is given.
    makes : str
        ``chapter``, ``report``, ``sheets`` or ``nothing``; see `joyeval.pipeline.steps`.
    threads : int
        Numerical threads of its kernel.
    inputs : dict
        File that it reads to SHA-256 of the content that is meant: another machine may see an older one.
    """

    cohort: str
    step: str
    notebook: Path
    staging: Path
    parameters: Parameters
    makes: str = "chapter"
    threads: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def executed(self) -> Path:
        """Where the executed notebook is left."""
        return self.staging / "executed.ipynb"


def execute(job: Job) -> None:
    """Run a job where this is called; what it made lies in its staging folder.

    Raises
    ------
    StepError
        A cell failed, the kernel died, or the machine refused; the executed notebook shows where.
    """
    from joyeval import report

    try:
        shutil.rmtree(job.staging, ignore_errors=True)
        private(job.staging)
        run_notebook(job.notebook, job.executed, job.parameters, threads=job.threads)
        if job.makes == "sheets":
            report.write_sheets(job.executed, edition(job.staging, "team"))
        for audience in str(job.parameters.get("audiences", "public")).split(","):
            if job.makes == "report":
                report.write(job.executed, edition(job.staging, audience), audience=audience)
            elif job.makes == "chapter":
                chapters = edition(job.staging / "chapters", audience)
                report.save_chapter(job.executed, chapters / f"{job.step}.json", audience=audience)
    except OSError as error:  # a full disk, a folder that may not be written
        place = f": {error.filename}" if error.filename else ""
        raise StepError(f"{job.notebook.name}: {error.strerror or error}{place}") from None


class Executor(Protocol):
    """What a run asks of the place where its steps are run."""

    slots: int
    """Jobs that it runs at the same time."""

    def submit(self, job: Job) -> Future[None]:
        """Take a job; the future ends as `execute` does."""

    def stop(self) -> None:
        """End all jobs at once, those that run too."""

    def close(self) -> None:
        """Let go of everything; no job is left."""


class Local:
    """The machine at hand: each job has a kernel process of its own, watched by a thread."""

    def __init__(self, workers: int) -> None:
        self.slots = max(1, workers)
        self._pool = ThreadPoolExecutor(self.slots)
        self._jobs: set[Future[None]] = set()

    def submit(self, job: Job) -> Future[None]:
        """Take a job."""
        future = self._pool.submit(execute, job)
        self._jobs.add(future)
        future.add_done_callback(self._jobs.discard)
        return future

    def stop(self) -> None:
        """End all jobs at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        stop_kernels()
        wait(list(self._jobs), timeout=GRACE)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False)
