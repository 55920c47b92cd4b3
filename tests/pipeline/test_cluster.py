"""Steps on a cluster: equal to one machine, on with another worker when one is lost, closed to strangers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from joyeval.errors import StepError, UsageError
from joyeval.pipeline import folders, run
from joyeval.pipeline.executors import Job
from tests.pipeline.test_faults import copy_of, made
from tests.pipeline.test_kernels import alive, soon
from tests.pipeline.test_run import CHART, CLEAN, study, write_notebook

if TYPE_CHECKING:
    from pathlib import Path

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`: pip install 'joyeval[cluster]'")

from joyeval.pipeline.cluster import Cluster, refuse_open, remote  # noqa: E402

__all__ = ["study"]  # the fixture

# what Dask leaves to the garbage collector when a scheduler is killed under it
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


class Processes:
    """A scheduler and its workers, each a process of its own, on this machine."""

    def __init__(self, folder: Path, *arguments: str, workers: int = 2) -> None:
        self.folder, self.arguments, self.all = folder, arguments, []
        self.file = folder / "scheduler.json"
        self.start("scheduler", "--port", "0", "--no-show")
        assert soon(self.file.exists, 90)
        self.address = json.loads(self.file.read_text())["address"]
        self.workers = [self.start("worker", "--no-nanny", "--nthreads", "1") for _ in range(workers)]

    def start(self, what: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", "--no-dashboard"]
        command += ["--scheduler-file", str(self.file), *arguments, *self.arguments]
        with (self.folder / f"{what}-{len(self.all)}.log").open("w") as log:
            self.all.append(subprocess.Popen(command, stdout=log, stderr=log))
        return self.all[-1]

    def end(self) -> None:
        for process in self.all:
            process.kill()
        for process in self.all:
            process.wait()


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    started = Processes(tmp_path_factory.mktemp("cluster"))
    yield started
    started.end()


@pytest.fixture
def cluster(machines):
    """Two workers; one that a test has killed is replaced."""
    for n, worker in enumerate(machines.workers):
        if worker.poll() is not None:
            machines.workers[n] = machines.start("worker", "--no-nanny", "--nthreads", "1")
    found = Cluster(machines.address)
    assert soon(lambda: len(found._client.scheduler_info(n_workers=-1)["workers"]) == 2, 60)
    found.close()
    return machines


WAIT_ONCE = """
import os, pathlib, time
mark = pathlib.Path({mark!r})
if not mark.exists():
    mark.write_text(str(os.getpid()))
    time.sleep(600)
"""


def test_a_lost_worker_changes_no_byte(study, cluster, tmp_path):
    alone = copy_of(study, tmp_path / "alone")
    run(alone, cohorts=["a"])
    mark = tmp_path / "kernel"
    write_notebook(study.home, "03_improvement", WAIT_ONCE.format(mark=str(mark)) + CHART)
    write_notebook(alone.home, "03_improvement", WAIT_ONCE.format(mark=str(mark)) + CHART)
    client = distributed.Client(cluster.address, set_as_default=False)

    def kill() -> None:
        assert soon(lambda: mark.exists() and mark.read_text(), 120)
        pids = client.run(os.getpid)
        at_work = {where for where, tasks in client.processing().items() for task in tasks if "03_improvement" in task}
        os.kill(pids[at_work.pop()], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    run(study, cohorts=["a"], executor=Cluster(client))  # of one cohort: its worker is the one to lose
    thread.join()
    assert soon(lambda: not alive(int(mark.read_text()))), "the kernel outlived its worker"
    run(alone, cohorts=["a"])
    assert made(study) == made(alone)
    assert len(made(study)) > 5


def test_a_failing_notebook_is_told_and_not_tried_again(study, cluster, tmp_path):
    write_notebook(study.home, "03_improvement", f"open({str(tmp_path / 'tries')!r}, 'a').write('x')\n1/0")
    with pytest.raises(StepError, match=r"cohort a: 03_improvement.ipynb, cell \d: ZeroDivisionError.*failed.ipynb"):
        run(study, cohorts=["a"], executor=Cluster(cluster.address))
    assert (tmp_path / "tries").read_text() == "x"
    assert (folders(study, "a").executed / "03_improvement.failed.ipynb").exists()


def test_a_stopped_run_ends_the_kernels_on_the_workers(study, cluster, tmp_path):
    mark = tmp_path / "kernel"
    write_notebook(study.home, "01_clean_waves", WAIT_ONCE.format(mark=str(mark)) + CLEAN)
    executor = Cluster(cluster.address)

    def run_it() -> None:
        with pytest.raises(StepError):
            run(study, cohorts=["a"], executor=executor)

    thread = threading.Thread(target=run_it)
    thread.start()
    assert soon(lambda: mark.exists() and mark.read_text(), 120)
    executor.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert soon(lambda: not alive(int(mark.read_text())))


def test_other_inputs_and_other_code_are_told_of(tmp_path, monkeypatch):
    from joyeval.pipeline import cluster
    from joyeval.pipeline.steps import library

    monkeypatch.setattr(cluster, "LAG", 0.2)
    file = tmp_path / "input.csv"
    file.write_text("old")
    job = Job("a", "01", tmp_path / "n.ipynb", tmp_path / "s", {}, inputs={str(file): "0" * 64})
    with pytest.raises(StepError, match="another version of numpy than"):
        remote(job, {**library(), "numpy": "1"})
    with pytest.raises(StepError, match=r"another content of .*input.csv"):
        remote(job, library())


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tcp://node7.cluster:8786", "tcp://[2001:db8::1]:8786"])
def test_strangers_could_run_code_over_an_open_port(address):
    with pytest.raises(UsageError, match="without encryption"):
        refuse_open(address, insecure=False)
    refuse_open(address, insecure=True)
    refuse_open(address.replace("tcp", "tls"), insecure=False)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786"])
def test_this_machine_needs_no_certificates(address):
    refuse_open(address, insecure=False)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "ws://127.0.0.1:8786", "tcp://127.0.0.1", "nonsense"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="tls://host:8786 is expected"):
        refuse_open(address, insecure=True)


def test_a_scheduler_that_does_not_answer(monkeypatch):
    from joyeval.pipeline import cluster

    monkeypatch.setattr(cluster, "CONNECTING", 0.5)
    with pytest.raises(UsageError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"):
        Cluster("tcp://127.0.0.1:9")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
def test_with_certificates(study, tmp_path):
    import dask

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    files = ["--tls-ca-file", str(certificate), "--tls-cert", str(certificate), "--tls-key", str(key)]
    started = Processes(tmp_path, "--protocol", "tls", *files, workers=1)
    tls = "distributed.comm.tls"
    named = {f"{tls}.ca-file": str(certificate), f"{tls}.client.cert": str(certificate), f"{tls}.client.key": str(key)}
    try:
        assert started.address.startswith("tls://")
        with dask.config.set(named):
            executor = Cluster(started.address)
            assert [o.state for o in run(study, cohorts=["a"], steps=["01"], executor=executor)] == ["ran"]
    finally:
        started.end()
