"""Twenty analysis notebooks: papermill one by one, papermill in two processes, and with warm kernels in two threads.

    python -m benchmarks.bench_pipeline [--notebooks 20]

Each way is a process of its own, in one run, the same notebooks: import pandas, statsmodels, seaborn and pingouin, fit
a model, draw a figure. Wall seconds, and CPU seconds of the process, its kernels and what those were forked from.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

CELL = """
import numpy as np, pandas as pd, pingouin as pg, seaborn as sns, statsmodels.formula.api as smf
rng = np.random.default_rng({n})
data = pd.DataFrame({{"x": rng.normal(size=2000), "team": np.repeat(np.arange(40), 50)}})
data["y"] = data.x + rng.normal(size=40)[data.team] + rng.normal(size=2000)
print(smf.mixedlm("y ~ x", data, groups=data.team).fit().params.round(6))
print(pg.pairwise_corr(data[["x", "y"]])["r"].round(6))
sns.regplot(data=data, x="x", y="y");
"""


def books(folder: Path, number: int) -> list[tuple[str, str]]:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    made = []
    for n in range(number):
        book = new_notebook(cells=[new_code_cell(CELL.format(n=n))])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, folder / f"{n}.ipynb")
        made.append((str(folder / f"{n}.ipynb"), str(folder / f"{n}-out.ipynb")))
    return made


def plain(pair: tuple[str, str]) -> None:
    import papermill

    papermill.execute_notebook(*pair, progress_bar=False)


def warm(pair: tuple[str, str]) -> None:
    from jupyter_core.utils import ensure_event_loop

    from joyeval.light_imports import skip_iri_grammar
    from joyeval.pipeline.kernels import WarmKernelManager

    skip_iri_grammar()
    import papermill

    ensure_event_loop()
    papermill.execute_notebook(*pair, progress_bar=False, kernel_manager_class=WarmKernelManager)


def one_by_one(pairs: list[tuple[str, str]]) -> None:
    for pair in pairs:
        plain(pair)


def two_processes(pairs: list[tuple[str, str]]) -> None:
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(plain, pairs))


def warm_threads(pairs: list[tuple[str, str]]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(warm, pairs))


WAYS = {
    "papermill one by one": one_by_one,
    "papermill, two processes": two_processes,
    "warm, two threads": warm_threads,
}


def cpu_of_parent(sockets: str) -> float:
    """CPU seconds of the process that warm kernels are forked from, and of all its kernels, which it has reaped."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and sockets in (entry / "cmdline").read_text():
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            return sum(int(word) for word in words[11:15]) / os.sysconf("SC_CLK_TCK")
    return 0.0


def measured(way: str, number: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.bench_pipeline", "--way", way, "--folder", folder]
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "JOYEVAL_KERNEL_IDLE": "120"}
        began, before = time.monotonic(), _children()
        subprocess.run([*command, "--notebooks", str(number)], check=True, env=environment, **quiet)
        return time.monotonic() - began, _children() - before + cpu_of_parent(f"{folder}/joyeval-")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_pipeline", description=__doc__.split("\n")[0])
    parser.add_argument("--notebooks", type=int, default=20)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    asked, _ = parser.parse_known_args()
    if asked.way:
        WAYS[asked.way](books(asked.folder, asked.notebooks))
        return
    spent = {way: measured(way, asked.notebooks) for way in WAYS}
    for way, (wall, cpu) in spent.items():
        print(f"{way:26} {wall:7.1f} s wall {cpu:7.1f} s CPU")
    ours = spent["warm, two threads"]
    for way in ("papermill, two processes", "papermill one by one"):
        wall, cpu = (mine / peer for mine, peer in zip(ours, spent[way], strict=True))
        print(f"warm / {way:24} {wall:.2f} wall {cpu:.2f} CPU")


if __name__ == "__main__":
    main()
