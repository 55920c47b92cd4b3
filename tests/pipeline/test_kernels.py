"""Warm kernels: equal to kernels started on their own, refused where they cannot be, gone when nobody needs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from joyeval.errors import StepError
from joyeval.pipeline import run_notebook
from joyeval.pipeline.kernels import client, parent, provisioner

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="warm kernels need Linux 5.3 or later")

WHAT_A_KERNEL_IS = """
import datetime, decimal, json, locale, multiprocessing, os, random, resource, signal, sys, tempfile, threading, time
import warnings
import matplotlib.pyplot as plt, numpy as np, pandas as pd, seaborn as sns
import statsmodels.api, pingouin, scipy.stats
import polars, statsmodels.tools.data as told
polars.DataFrame  # here it is imported in a warm kernel
names = sorted(globals())
os.umask(mask := os.umask(0))
connection = sys.argv[sys.argv.index("-f") + 1]
plain = lambda text: str(text).replace(connection, "CONNECTION").replace(str(os.getpid()), "PID")
found = {
    "names": names,
    "argv": [plain(a) for a in sys.argv], "orig_argv": [plain(a) for a in sys.orig_argv],
    "path": sys.path, "flags": str(sys.flags), "prefix": sys.prefix,
    "main": sys.modules["__main__"].__dict__ is globals(),
    "environment": {k: plain(v) for k, v in sorted(os.environ.items())},
    "cwd": os.getcwd(), "start folder": multiprocessing.process.ORIGINAL_DIR, "mask": mask,
    "temp": tempfile.gettempdir(),
    "zone": time.tzname, "now": datetime.datetime(2026, 7, 1).astimezone().isoformat(), "locale": locale.getlocale(),
    "signals": {str(n): str(signal.getsignal(n)).split(" at ")[0] for n in signal.valid_signals()},
    "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
    "limits": [resource.getrlimit(n) for n in range(16)],
    "leader": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
    "threads": sorted(t.name for t in threading.enumerate()),
    "recursion": sys.getrecursionlimit(), "decimal": str(decimal.getcontext()), "errors": np.geterr(),
    "print": np.get_printoptions() | {"formatter": None},
    "pandas": {o: str(pd.get_option(o)) for o in pd._config.config._registered_options if not o.startswith("io.")},
    "pandas defaults": {o: str(v.defval) for o, v in pd._config.config._registered_options.items()},
    "matplotlib": {k: str(v) for k, v in plt.rcParams.items()}, "backend": plt.get_backend(),
    "filters": sorted({str(f) for f in warnings.filters}),
    "streams": [sys.stdout.encoding, sys.__stdout__.encoding, sys.__stderr__.errors, os.read(0, 1).decode()],
    "files": sorted(int(f) for f in os.listdir("/proc/self/fd") if int(f) < 3),
    "polars": [str(t) for t in told._POLARS_TYPES],
    "shell": type(get_ipython()).__name__,
}
print(json.dumps(found))
"""
SORTED = ("environment", "pandas", "pandas defaults", "matplotlib", "signals")
DRAWS = "import random, numpy as np, uuid, tempfile, os\nprint(random.random(), np.random.random(), tempfile.mktemp())"


def notebook(folder, *cells, name="a"):
    tagged = new_code_cell("n = 1", metadata={"tags": ["parameters"]}, id="p")
    made = new_notebook(cells=[tagged, *(new_code_cell(cell, id=f"c{i}") for i, cell in enumerate(cells))])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder.mkdir(exist_ok=True)
    nbformat.write(made, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def outputs(path, target):
    run_notebook(path, target, {"n": 1})
    return [cell.outputs for cell in nbformat.read(target, as_version=4).cells if cell.cell_type == "code"][1:]


def text(path, target):
    return "".join(
        out.text for out in outputs(path, target)[-1] if out.output_type == "stream" and out.name == "stdout"
    )


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def soon(what, seconds=20.0):
    until = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def parents():
    """Process ids of the parents that this test's sockets lead to."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                words = Path(f"/proc/{entry}/cmdline").read_text().split("\0")
            except OSError:
                continue
            if parent.__file__ in words and any(os.environ["XDG_RUNTIME_DIR"] in w for w in words):
                found.append(int(entry))
    return found


@pytest.fixture(scope="module", autouse=True)
def own_parent(tmp_path_factory):
    """Sockets in a folder of this module, and a parent that ends soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("JOYEVAL_KERNEL_IDLE", "3")
        patch.delenv("JOYEVAL_COLD", raising=False)
        patch.setattr(provisioner, "_told", set())
        yield
        client.let_go()
        assert soon(lambda: not parents(), 30), "a parent outlived its idle time"


@pytest.fixture
def cold(monkeypatch):
    return lambda: monkeypatch.setenv("JOYEVAL_COLD", "1")


@pytest.fixture
def signals_as_usual():
    """Tests that were started in the background ignore some, and so would a cold kernel."""
    numbers = signal.SIGHUP, signal.SIGINT, signal.SIGQUIT
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_as_usual")
def test_a_warm_kernel_cannot_be_told_from_a_cold_one(tmp_path, monkeypatch, cold):
    monkeypatch.setenv("TZ", "America/St_Johns")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    path = notebook(tmp_path / "book", WHAT_A_KERNEL_IS)
    old = os.umask(0o027)
    try:
        warm = json.loads(text(path, tmp_path / "warm.ipynb"))
        assert parents(), "the kernel was not warm"
        cold()
        fresh = json.loads(text(path, tmp_path / "cold.ipynb"))
    finally:
        os.umask(old)
    for one in (warm, fresh):
        one["environment"].pop("JOYEVAL_COLD", None)
        one["environment"].pop("JPY_SESSION_NAME", None)
    warm, fresh = (one | {f"{k}: {n}": v for k in SORTED for n, v in one.pop(k).items()} for one in (warm, fresh))
    assert {key: (warm.get(key), fresh.get(key)) for key in warm | fresh if warm.get(key) != fresh.get(key)} == {}
    assert warm["cwd"] == str(tmp_path / "book")
    assert warm["mask"] == 0o027


def test_random_numbers_differ_between_kernels(tmp_path):
    path = notebook(tmp_path, DRAWS)
    first, second = (text(path, tmp_path / f"{n}.ipynb").split() for n in "12")
    assert all(a != b for a, b in zip(first, second, strict=True))


ANALYSIS = """
import numpy as np, pandas as pd, statsmodels.formula.api as smf, matplotlib.pyplot as plt, seaborn as sns
rng = np.random.default_rng(1)
data = pd.DataFrame({"x": rng.normal(size=200), "team": np.repeat(range(20), 10)})
data["y"] = data.x + rng.normal(size=200)
display(data, smf.ols("y ~ x", data).fit().params)
plt.rcParams["svg.hashsalt"] = "1"
sns.regplot(data=data, x="x", y="y", seed=1)
"""


@pytest.mark.parametrize("threads", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_outputs_are_equal_to_the_last_byte(tmp_path, monkeypatch, cold, threads):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    path = notebook(tmp_path, "from threadpoolctl import threadpool_info", ANALYSIS, THREADS)
    options = {"threads": int(threads)}
    run_notebook(path, tmp_path / "warm.ipynb", {"n": 1}, **options)
    cold()
    run_notebook(path, tmp_path / "cold.ipynb", {"n": 1}, **options)
    warm, fresh = (nbformat.read(tmp_path / f"{n}.ipynb", as_version=4).cells for n in ("warm", "cold"))
    assert [cell.get("outputs") for cell in warm] == [cell.get("outputs") for cell in fresh]
    assert any("image/png" in out.get("data", {}) for cell in warm for out in cell.outputs)
    assert f"openblas': [{threads}" in str(warm[-1].outputs)


THREADS = """
import scipy.linalg, numpy as np
np.ones((300, 300)) @ np.ones((300, 300))
{"openblas": sorted({pool["num_threads"] for pool in threadpool_info() if pool["internal_api"] == "openblas"})}
"""


def test_a_kernel_works_in_the_folder_of_its_notebook_and_who_runs_it_stays_where_it_is(tmp_path):
    """Runs in several threads share one process: were it moved for each of them, it would be left anywhere."""
    cell = "import os; print(os.getcwd(), os.readlink(f'/proc/{os.environ[\"JPY_PARENT_PID\"]}/cwd'))"
    path = notebook(tmp_path / "book", cell)
    assert text(path, tmp_path / "out.ipynb").split() == [str(path.parent), os.getcwd()]


def test_processes_can_be_started_in_every_way(tmp_path):
    (tmp_path / "work.py").write_text("def double(x):\n    return 2 * x\n")
    cell = """
import multiprocessing, sys
sys.path.insert(0, ".")
from work import double
for how in ("fork", "forkserver", "spawn"):
    with multiprocessing.get_context(how).Pool(2) as pool:
        print(pool.map(double, [1, 2]))
"""
    assert text(notebook(tmp_path, cell), tmp_path / "out.ipynb") == "[2, 4]\n" * 3


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("1/0", "ZeroDivisionError"),
        ("import os; os._exit(3)", "kernel|Kernel|died"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "kernel|Kernel|died"),
        ("import ctypes; ctypes.string_at(0)", "kernel|Kernel|died"),
    ],
    ids=["error", "exit", "killed", "crash"],
)
def test_a_kernel_that_fails_leaves_no_process(tmp_path, cell, says):
    begin = f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    with pytest.raises(Exception, match=says):
        run_notebook(notebook(tmp_path, begin, cell), tmp_path / "out.ipynb", {"n": 1})
    assert soon(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_a_kernel_that_ends_before_it_is_there_is_told(tmp_path, cold):
    cold()
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit(1)")  # found before the real one
    with pytest.raises(StepError, match=r"a.ipynb, before its first cell: Kernel died .*, most often because memory"):
        run_notebook(notebook(tmp_path, "1"), tmp_path / "out.ipynb", {"n": 1})


SLEEP = """
import os, subprocess, time
child = subprocess.Popen(["sleep", "600"])
open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""


def start(tmp_path, name="client"):
    """Run a notebook that sleeps in another process; returns it and the ids of its kernel and the kernel's child."""
    pids = tmp_path / f"{name}.pids"
    path = notebook(tmp_path, SLEEP.format(pids=str(pids)), name=name)
    call = f"run_notebook(Path({str(path)!r}), Path({str(tmp_path / 'o.ipynb')!r}), {{'n': 1}})"
    code = f"from pathlib import Path\nfrom joyeval.pipeline import run_notebook\n{call}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert soon(lambda: pids.exists() and len(pids.read_text().split()) == 2, 120)
    return process, [int(pid) for pid in pids.read_text().split()]


def test_a_killed_client_takes_its_kernel_and_what_that_started_along(tmp_path):
    process, pids = start(tmp_path)
    assert all(map(alive, pids))
    process.kill()
    process.wait()
    assert soon(lambda: not any(map(alive, pids)), 10)


def test_a_killed_parent_ends_its_kernels_and_is_replaced(tmp_path):
    process, pids = start(tmp_path)
    status = Path(f"/proc/{pids[0]}/status").read_text()
    old = int(re.search(r"PPid:\s+(\d+)", status)[1])
    assert old in parents()
    os.kill(old, signal.SIGKILL)
    assert process.wait(60) != 0
    assert soon(lambda: not alive(pids[0]))
    os.kill(pids[1], signal.SIGKILL)
    assert text(notebook(tmp_path, "print('again')"), tmp_path / "out.ipynb") == "again\n"
    assert parents()
    assert old not in parents()


def test_many_kernels_from_many_threads(tmp_path):
    path, before = notebook(tmp_path, "import os; print(os.getpid())"), parents()
    with ThreadPoolExecutor(4) as pool:
        pids = list(pool.map(lambda n: text(path, tmp_path / f"{n}.ipynb"), range(8)))
    assert len(set(pids)) == 8
    assert len(set(parents()) - set(before)) <= 1
    assert soon(lambda: not any(alive(int(pid)) for pid in pids))


def test_where_the_parent_has_threads_kernels_are_ordinary(tmp_path, monkeypatch, caplog):
    (tmp_path / "noisy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(5,)).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(provisioner.WarmProvisioner, "preload", ["noisy"])
    monkeypatch.setattr(provisioner, "_told", set())
    assert text(notebook(tmp_path, "print('there')"), tmp_path / "out.ipynb") == "there\n"
    assert "2 threads run after the imports" in caplog.text


def test_new_code_is_never_run_by_an_old_parent(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(provisioner.WarmProvisioner, "preload", ["changing", "ipykernel.kernelapp"])
    path = notebook(tmp_path, "import changing; print(changing.n)")
    for n in ("1", "22"):
        (tmp_path / "changing.py").write_text(f"n = {n}\n")
        assert text(path, tmp_path / "out.ipynb") == f"{n}\n"


def test_a_folder_that_others_may_enter_is_refused(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place := tmp_path_factory.mktemp("f")))
    (place / f"joyeval-{os.getuid()}").mkdir()
    (place / f"joyeval-{os.getuid()}").chmod(0o755)
    with pytest.raises(client.Unavailable, match="only its owner"):
        client.connect([sys.executable, *provisioner.LAUNCHER], os.environ, ["json"])


@pytest.mark.parametrize(
    "changed", [{"PYTHONHASHSEED": "7"}, {"PYTHONPATH": "/x"}, {"MPLBACKEND": "svg"}, {"OMP_PLACES": "cores"}]
)
def test_what_cannot_be_set_after_the_imports_has_a_parent_of_its_own(changed):
    def key(env):
        return client._key([sys.executable], client._read_at_import(env), ["json"])

    assert key({**os.environ, **changed}) != key(os.environ)
    assert key({**os.environ, "OMP_NUM_THREADS": "64", "SHLVL": "9"}) == key(os.environ)


def test_only_an_ordinary_ipykernel_of_this_interpreter_is_warm():
    ours = [sys.executable, "-m", "ipykernel_launcher", "-f", "x.json"]
    assert provisioner._can_be_warm(ours, {"env": {}, "cwd": "."})
    assert not provisioner._can_be_warm(ours, {"env": {}, "preexec_fn": print})
    assert not provisioner._can_be_warm(["/usr/bin/python3", *ours[1:]], {})
    assert not provisioner._can_be_warm(["R", "--slave", "-e", "IRkernel::main()"], {})


def test_the_grammar_that_no_notebook_needs_is_not_imported():
    code = "import joyeval.pipeline.door as d, sys\nd.skip_iri_grammar()\nimport papermill, nbconvert\n"
    code += "assert 'rfc3987_syntax' not in sys.modules\nimport rfc3987_syntax"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_everything_of_ours_is_imported_beforehand():
    code = "import runpy, sys\nmade = runpy.run_path(sys.argv[1])\nmade['preload'](sys.argv[2:])\n"
    code += "print(made['threads'](), *sys.modules)"
    environment = {**os.environ, **client.ONE_THREAD}
    done = subprocess.run(
        [sys.executable, "-c", code, parent.__file__, *provisioner.PRELOAD],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    running, *modules = done.stdout.split()
    assert running == "1"
    root = os.path.dirname(os.path.dirname(parent.__file__))
    assert {"joyeval.report.sections", "joyeval.outcomes", "joyeval.coordination", "pingouin"} <= set(modules), root
    assert not [name for name in modules if re.match("_polars_runtime|matplotlib_inline.backend", name)]


def test_a_step_that_fails_says_where(tmp_path):
    with pytest.raises(StepError, match="cell 4: ValueError"):
        run_notebook(notebook(tmp_path, "x = 1", "raise ValueError(x)"), tmp_path / "out.ipynb", {"n": 1})
