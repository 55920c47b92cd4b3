"""How a run behaves when it is stopped, dies, must wait or cannot write: one sentence, the right exit code, no harm."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from joyeval.errors import StepError
from joyeval.pipeline import run
from joyeval.pipeline.locks import hold
from joyeval.study import load_study
from tests.pipeline.test_run import write_notebook
from tests.test_cli import joyeval as in_this_process

STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: raw
cohorts: [{cohort: "1", title: A, start: 2024-01-01, end: 2024-12-31}]
teams: {file: teams.csv, columns: {team: Team}}
steps: [01_clean_waves, 03_improvement]
"""
CLEAN = "import pandas as pd\nstore.save(pulse=pd.DataFrame({'n': [1, 2]}))"
CHART = """
from joyeval.disclosure import nobody
report.text(nobody(f"{store.table('pulse')['n'].sum()} {word}", "days"))
"""
FIRST = {"reads": ["raw"], "needs": ["raw"], "writes": ["*.parquet"]}
MAIN = (  # Ctrl-C is heard, even where the tests run in the background and do not hear it themselves
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from joyeval.cli import main; main()"
)
SLEEP = "import os, time\nopen(f'{out}/../../pid', 'w').write(str(os.getpid()))\ntime.sleep(900)\n"


@pytest.fixture
def home(tmp_path):
    for folder in ("pipelines/raw", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pipelines" / "raw" / "teams.csv").write_text("Team\nx\n")
    (tmp_path / "pipelines" / "small.yml").write_text(STUDY)
    write_notebook(tmp_path, "01_clean_waves", CLEAN, FIRST)
    chart(tmp_path)
    return tmp_path


def chart(home, before=""):
    metadata = {"reads": ["pulse.parquet"], "study": []}
    write_notebook(home, "03_improvement", before + CHART, metadata, parameters='\nword = "days"')


def command(home, *words):
    return [sys.executable, "-c", MAIN, words[0], "pipelines/small.yml", *words[1:]], {
        "cwd": home,
        "text": True,
        "env": {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    }


def joyeval(home, *words):
    """A command in a process of its own."""
    call, options = command(home, *words)
    return subprocess.run(call, capture_output=True, check=False, **options)


def here(home, *words):
    """The same in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        return in_this_process(words[0], "pipelines/small.yml", *words[1:])


def outputs(home):
    return {p: p.read_bytes() for p in sorted((home / "data").rglob("*")) if p.is_file() and p.suffix != ".lock"} | {
        p: p.read_bytes() for p in (home / "reports").rglob("run.json")
    }


def wait_for(path, seconds=400):
    end = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.05)
    return path.read_text()


def gone(pid, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if f"{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]}" == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_at_once_and_changes_nothing(home, number):
    run(load_study(home / "pipelines" / "small.yml"))
    before = outputs(home)
    chart(home, SLEEP)
    call, options = command(home, "run")
    running = subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    kernel = int(wait_for(home / "data" / "processed" / "small" / "1" / "pid"))
    (home / "data" / "processed" / "small" / "1" / "pid").unlink()
    begun = time.monotonic()
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert time.monotonic() - begun < 40  # of a busy machine; the sleep is 900
    assert running.returncode == 130
    assert said.splitlines()[-1].startswith("joyeval: stopped; finished steps are kept")
    assert "Traceback" not in said
    assert gone(kernel)
    left = {path for path in outputs(home) if ".staging" not in path.parts and path.name != ".lock.json"}
    assert {path: path.read_bytes() for path in left} == before
    chart(home)
    assert here(home, "run").returncode == 0
    assert {p: c for p, c in outputs(home).items() if p.name != "run.json"} == {
        p: c for p, c in before.items() if p.name != "run.json"
    }


def test_a_kernel_that_dies_is_told_with_notebook_cell_and_remedy(home):
    chart(home, "import os\nos.kill(os.getpid(), 9)\n")
    done = here(home, "run")
    assert done.returncode == 4
    assert "03_improvement.ipynb, cell 3: its Python process died, most often because memory ran out" in done.stderr
    assert "--workers 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert (home / "reports" / "small" / "1" / "notebooks" / "03_improvement.failed.ipynb").exists()


def test_who_waits_is_told_for_whom_and_who_will_not_wait_is_refused(home):
    study = load_study(home / "pipelines" / "small.yml")
    with hold([study.store("1").folder]):
        done = joyeval(home, "run", "--no-wait")
        assert done.returncode == 4
        assert f"1 is in use by process {os.getpid()} (`" in done.stderr
        assert "since 20" in done.stderr
        call, options = command(home, "run")
        waiting = subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        said = [waiting.stderr.readline()]
        while not said[-1].startswith("waiting: "):
            said.append(waiting.stderr.readline())
            assert said[-1], said
        assert f"process {os.getpid()}" in said[-1]
    waiting.communicate(timeout=120)
    assert waiting.returncode == 0


def test_a_note_left_by_a_killed_run_holds_nobody_up(home):
    folder = load_study(home / "pipelines" / "small.yml").store("1").folder
    folder.mkdir(parents=True)
    (folder / ".lock.json").write_text('{"process": 1}')
    with hold([folder], wait=False):
        assert (folder / ".lock.json").exists()
    assert not (folder / ".lock.json").exists()


def test_a_full_disk_is_told_in_a_sentence(home):
    chart(home, "raise OSError(28, 'No space left on device', '/data/x.json')\n")
    done = here(home, "run")
    assert done.returncode == 4
    assert "03_improvement.ipynb, cell 3: [Errno 28] No space left on device: '/data/x.json'" in done.stderr


UNSHARE = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else [])]
ON_A_SMALL_DISK = """
disk=$1; cp -r . "$disk.before"; shift
mount -t tmpfs -o size=4m small "$disk" && cd "$disk" && cp -r "$disk.before"/. . || exit 99
{trouble}
"$@"; echo "exit $?"
{mended}
"$@"; echo "exit $?"
cp -r . "$disk.after"
"""
FULL = "dd if=/dev/zero of=filler bs=4k 2>/dev/null; truncate -s -{}k filler", "rm filler"
READ_ONLY = "mkdir -p {0}; mount --bind {0} {0}; mount -o remount,ro,bind {0}", "umount {0}"


def can_mount():
    return shutil.which("unshare") and subprocess.run([*UNSHARE, "true"], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="nothing can be mounted here")
@pytest.mark.parametrize(
    ("trouble", "where", "says"),
    [
        *((FULL, room, "No space left on device") for room in (0, 12, 24, 40)),  # kB: all of it takes about 60
        *((READ_ONLY, folder, "Read-only file system") for folder in ("data", "reports")),
    ],
)
def test_a_full_disk_and_a_read_only_folder_are_told_and_do_no_harm(home, tmp_path, trouble, where, says):
    """Exit code 2 where the run itself cannot write, 4 where a step cannot; mended, the next run ends as any other."""
    (disk := tmp_path.parent / f"{tmp_path.name}-disk").mkdir()
    script = ON_A_SMALL_DISK.format(trouble=trouble[0].format(where), mended=trouble[1].format(where))
    call, options = command(home, "run")
    done = subprocess.run([*UNSHARE, "sh", "-c", script, "sh", disk, *call], capture_output=True, check=True, **options)
    codes = [line for line in done.stdout.splitlines() if line.startswith("exit")]
    assert codes in (["exit 2", "exit 0"], ["exit 4", "exit 0"])
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert joyeval(home, "run").returncode == 0
    after = disk.with_name(f"{disk.name}.after")
    made = [p.relative_to(home) for p in outputs(home) if p.suffix == ".parquet" or "chapters" in p.parts]
    assert len(made) > 2
    assert [p for p in made if (home / p).read_bytes() != (after / p).read_bytes()] == []


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(home):
    (home / "data").write_text("a file where the folder belongs")
    done = here(home, "run")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "irectory" in done.stderr


def test_a_parameter_of_the_command_line_changes_the_run(home):
    assert here(home, "run").returncode == 0
    done = here(home, "run", "-p", "word", "nights")
    assert done.returncode == 0, done.stderr
    stored = home / "data" / "processed" / "small" / "1" / "chapters" / "03_improvement.json"
    assert "3 nights" in stored.read_text()
    status = here(home, "status")
    assert "its parameters changed (word)" in status.stdout
    assert here(home, "run", "-p", "wrod", "nights").returncode == 2


def test_an_executor_of_one_s_own_is_closed_when_a_step_fails(home):
    class Refuses:
        slots, closed = 1, False

        def submit(self, job):
            from concurrent.futures import Future

            failed = Future()
            failed.set_exception(StepError("no"))
            return failed

        def stop(self):
            raise AssertionError("nothing was stopped")

        def close(self):
            self.closed = True

    place = Refuses()
    with pytest.raises(StepError, match="no"):
        run(load_study(home / "pipelines" / "small.yml"), executor=place)
    assert place.closed


def test_a_look_at_what_is_stale_loads_no_library_of_numbers(home):
    code = (
        "import sys; sys.argv = ['joyeval', 'status', 'pipelines/small.yml']\n"
        "from joyeval.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pandas', 'numpy', 'scipy', 'polars', 'papermill', 'matplotlib'} & set(sys.modules)))"
    )
    options = command(home, "status")[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, **options)
    assert "it has not been run" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
