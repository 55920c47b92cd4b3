"""Steps on a cluster: one Dask task per step and cohort, on folders that all machines share.

Only names and hashes travel: a worker makes sure that it sees the files that the run means and has the same code,
runs the notebook, and tells the hashes of what it left in the staging folder. A step whose worker is lost runs again
on another; a step whose notebook fails does not.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shutil
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from joyeval.errors import StepError, UsageError
from joyeval.pipeline.door import stop_kernels
from joyeval.pipeline.executors import Job, execute
from joyeval.pipeline.steps import library, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import distributed

CONNECTING = 15  # seconds that the scheduler may take to answer
WORKERS = 60  # seconds until the first worker
LAG = 30  # seconds after which a shared folder shows everywhere what one machine wrote
LOST = (
    "the machines that ran it were lost one after another, most often because memory ran out; give each worker more "
    "memory or fewer threads"
)


class Cluster:
    """An executor that hands jobs to a Dask scheduler.

    Parameters
    ----------
    scheduler : str or distributed.Client
        ``tls://host:port``; ``tcp://`` only on this machine, unless `insecure`. Certificates are named in Dask's own
        configuration (``distributed.comm.tls``). A client that is connected already is taken as it is.
    insecure : bool
        Take an address that neither encrypts nor asks who is there: whoever reaches its port can run code as you.

    Raises
    ------
    UsageError
        The address is refused, nobody answers, or there is no worker.
    """

    def __init__(self, scheduler: str | distributed.Client, *, insecure: bool = False) -> None:
        if isinstance(scheduler, str):
            refuse_open(scheduler, insecure=insecure)
            scheduler = _connected(scheduler)
        self._client = scheduler
        self._jobs: dict[Future[None], Any] = {}
        try:
            for address in (scheduler.scheduler.address, *self._workers()):
                refuse_open(address, insecure=insecure)
        except UsageError:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """Jobs that run at the same time: the threads of all workers, as many as there are now."""
        return max(1, sum(worker["nthreads"] for worker in self._workers().values()))

    def _workers(self) -> Mapping[str, Any]:
        return self._client.scheduler_info(n_workers=-1)["workers"]

    def submit(self, job: Job) -> Future[None]:
        """Take a job."""
        for rest in job.staging.parent.glob(f"{job.staging.name}-*"):  # of workers that were lost
            shutil.rmtree(rest, ignore_errors=True)
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        content = hashlib.sha256(repr((job, library())).encode()).hexdigest()[:12]
        key = f"{job.step} of {job.cohort}-{content}-{uuid4().hex[:6]}"
        task = self._client.submit(remote, job, library(), key=key, pure=False, retries=0)
        self._jobs[future] = task
        task.add_done_callback(lambda task: self._take_in(job, task, future))
        return future

    def _take_in(self, job: Job, task: distributed.Future, future: Future[None]) -> None:
        """Hand on how a task ended, once what it made is seen from here."""
        try:
            if task.status != "finished":
                raise _in_words(job, task)
            _await_files(job.staging, task.result())
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)
        self._jobs.pop(future, None)

    def stop(self) -> None:
        """Cancel all jobs; their workers end the kernels."""
        with suppress(Exception):
            self._client.cancel(list(self._jobs.values()), force=True)

    def close(self) -> None:
        """Let go of the scheduler."""
        self._client.close(timeout=5)


def refuse_open(address: str, *, insecure: bool) -> None:
    """Refuse an address over which others could run code: anything but TLS, or this machine."""
    parts = urlsplit(address)
    if parts.scheme not in ("tls", "tcp") or not parts.hostname or not parts.port:
        raise UsageError(f"--scheduler {address}: an address such as tls://host:8786 is expected")
    if parts.scheme == "tcp" and not insecure and not _loopback(parts.hostname):
        raise UsageError(
            f"{address} is another machine, reached without encryption: whoever reaches that port could read the data "
            "and run programs as you. Start scheduler and workers with certificates and use tls://; on a network that "
            "nobody else can reach, --insecure takes it as it is"
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _connected(address: str) -> distributed.Client:
    try:
        import distributed
    except ModuleNotFoundError:
        raise UsageError("--scheduler needs Dask: pip install 'joyeval[cluster]'") from None
    try:
        client = distributed.Client(address, timeout=CONNECTING, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise UsageError(f"no scheduler answers at {address}: {error}") from None
    try:
        client.wait_for_workers(1, timeout=WORKERS)
    except TimeoutError:
        client.close()
        raise UsageError(f"the scheduler at {address} has no workers; start some, and run again") from None
    return client


def remote(job: Job, code: Mapping[str, str]) -> dict[str, str]:
    """Run a job where this is called, a worker; returns name and SHA-256 of everything in the staging folder.

    Each attempt has a folder of its own: a worker that was thought lost may still be writing.
    """
    if different := [name for name, version in library().items() if code.get(name) != version]:
        raise StepError(f"{_here()} has another version of {', '.join(different)} than the machine that runs the study")
    for path, digest in job.inputs.items():
        _await_file(Path(path), digest)
    attempt = job.staging.with_name(f"{job.staging.name}-{uuid4().hex[:8]}")
    out = {"out": str(attempt)} if "out" in job.parameters else {}
    try:
        with _ended_when_cancelled():
            execute(replace(job, staging=attempt, parameters={**job.parameters, **out}))
    finally:
        shutil.rmtree(job.staging, ignore_errors=True)
        with suppress(FileNotFoundError):
            attempt.rename(job.staging)
    return {path.relative_to(job.staging).as_posix(): sha256(path) for path in _files(job.staging)}


@contextmanager
def _ended_when_cancelled() -> Iterator[None]:
    """End the kernel of this task when the run that wants it is stopped or gone: Dask ends no thread."""
    import distributed

    worker, ended = distributed.get_worker(), threading.Event()
    key, thread = worker.get_current_task(), threading.get_ident()

    def watch() -> None:
        while not ended.wait(0.5):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                stop_kernels(thread)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _await_files(folder: Path, digests: Mapping[str, str]) -> None:
    for name, digest in digests.items():
        _await_file(folder / name, digest)


def _await_file(path: Path, digest: str) -> None:
    """Wait until a shared folder shows a file as another machine sees it."""
    until = time.monotonic() + LAG
    while not (path.exists() and sha256(path) == digest):
        if time.monotonic() > until:
            raise StepError(f"{_here()} sees another content of {path}, or none: do all machines share this folder?")
        os.listdir(path.parent) if path.parent.exists() else None  # lets a network folder look again
        time.sleep(0.1)


def _here() -> str:
    return f"machine {os.uname().nodename}"


def _in_words(job: Job, task: distributed.Future) -> BaseException:
    import distributed

    if task.status == "cancelled":
        return StepError(f"{job.notebook.name}: it was cancelled, or the scheduler ended")
    error = task.exception()
    if isinstance(error, distributed.KilledWorker):
        return StepError(f"{job.notebook.name}: {LOST}")
    if isinstance(error, (StepError, UsageError, OSError)):
        return error
    return StepError(f"{job.notebook.name}: a worker of the cluster refused it: {type(error).__name__}")
