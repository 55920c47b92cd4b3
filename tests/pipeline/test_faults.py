"""Whatever ends a run, the next one ends with the bytes of a run that nothing happened to, and no process is left."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from joyeval.pipeline import folders, run
from joyeval.study import load_study
from tests.pipeline.test_kernels import soon
from tests.pipeline.test_run import CHART, small_study, study, write_notebook
from tests.shapes.inprocess import InProcess

__all__ = ["study"]  # the fixture

RUN = """
import sys
from joyeval.pipeline import run
from joyeval.study import load_study
run(load_study(sys.argv[1]), force=True)
"""
MARK = "JOYEVAL_TEST_MARK"


def made(study):
    """All that the runs of a study have made, but for times and the executed notebooks."""
    files = {}
    for cohort in ("a", "b"):
        where = folders(study, cohort)
        for home in (where.processed, where.reports):
            for path in sorted(home.rglob("*")):
                if path.is_file() and path.suffix != ".ipynb" and path.name not in ("run.json", ".lock"):
                    files[cohort, path.relative_to(home).as_posix()] = path.read_bytes()
    return files


def copy_of(study, folder):
    for name in ("pipelines", "notebooks"):
        shutil.copytree(study.home / name, folder / name)
    return load_study(folder / "pipelines" / "small.yml")


def processes(mark):
    """Ids of the processes, of whatever kind, that a run with this mark has left."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdecimal() and f"{MARK}={mark}".encode() in (entry / "environ").read_bytes()
            alive = ours and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:  # gone meanwhile, or another user's
            continue
        found += [int(entry.name)] if alive else []
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an undisturbed run makes."""
    alone = small_study(tmp_path_factory.mktemp("alone"))
    run(alone)
    return made(alone)


@pytest.fixture
def started(study, tmp_path_factory):
    """Starts a run in a process of its own; afterwards none of its processes may be left."""
    mark = uuid.uuid4().hex
    variables = {MARK: mark, "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("run")), "JOYEVAL_KERNEL_IDLE": "2"}

    def start(limit=None):
        def before():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [sys.executable, "-c", RUN, str(study.path)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, env={**os.environ, **variables}, preexec_fn=before, **quiet)

    start.mark = mark
    yield start
    assert soon(lambda: not processes(mark), 60), "processes are left"


def waiting(study, tmp_path):
    """Let the chapter of each cohort wait once, so that something can happen to it; returns where it says its id."""
    pid = tmp_path / "pid"
    wait = f"import os, pathlib, time\nmark = pathlib.Path({str(pid)!r})\nif not mark.exists():\n"
    wait += "    mark.write_text(str(os.getpid()))\n    time.sleep(600)\n"
    write_notebook(study.home, "03_improvement", wait + CHART)
    return pid


def parent_of(pid):
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize(
    "what",
    ["kernel", "parent", "run", pytest.param("interrupt", marks=pytest.mark.slow)],  # quickly in test_behaviour.py
)
def test_what_is_killed_while_a_step_runs(study, whole, started, tmp_path, what):
    pid = waiting(study, tmp_path)
    process = started()
    assert soon(lambda: pid.exists() and pid.read_text(), 300)
    kernel = int(pid.read_text())
    target = {"kernel": kernel, "parent": parent_of(kernel)}.get(what, process.pid)
    os.kill(target, signal.SIGINT if what == "interrupt" else signal.SIGKILL)
    assert process.wait(300) != 0
    assert soon(lambda: kernel not in processes(started.mark))
    run(study)
    assert made(study) == whole


def test_a_disk_that_is_full(study, whole, started):
    assert started(limit=4096).wait(300) != 0
    run(study)
    assert made(study) == whole


def test_a_run_with_nothing_to_do_clears_up_after_one_that_was_killed(study):
    run(study, executor=InProcess())
    before, where = made(study), folders(study, "a")
    ended = subprocess.Popen(["true"])
    ended.wait()
    for left in (where.processed / ".staging" / "01" / "x.json", where.reports / f".run.json.{ended.pid}.part"):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text("half")
    (ours := where.reports / f".run.json.{os.getpid()}.part").write_text("being written")
    assert not [outcome for outcome in run(study, executor=InProcess()) if outcome.ran]
    assert ours.exists()
    ours.unlink()
    assert made(study) == before


@pytest.mark.slow
@pytest.mark.parametrize(("number", "times"), [(signal.SIGKILL, 100), (signal.SIGINT, 30)], ids=["kill", "interrupt"])
def test_killed_at_any_moment(study, whole, started, number, times):
    """As often as said, at moments drawn over the length of a whole run; each time the next run mends everything."""
    begun = time.monotonic()
    assert started().wait() == 0
    moments, length = random.Random(times), time.monotonic() - begun
    for _ in range(times):
        process = started()
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, length))
        process.send_signal(number)
        process.wait(60)
        run(study, executor=InProcess())
        assert made(study) == whole
