"""The demonstration from raw files to documents, now and at an earlier commit, in one run.

    python -m benchmarks.demonstration [--against fe7ead4] [--cohorts 5 …] [--threads 1]

For both: wall seconds, CPU seconds of the run, its kernels and what those were forked from, and the wall seconds that
the cells themselves took, as the executed notebooks say. Then, of the code of now: a second run with nothing to do, and
`status`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench_pipeline import _children, cpu_of_parent

ROOT = Path(__file__).parents[1]
MAKE = "import sys; from joyeval import synthetic; print(synthetic.study_file(sys.argv[1]))"


def variables(code: Path, home: Path, threads: str) -> dict[str, str]:
    fixed = {"PYTHONPATH": str(code), "XDG_RUNTIME_DIR": str(home), "MPLBACKEND": "Agg"}
    return {**os.environ, **fixed, **({"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads} if threads else {})}


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    began, before = time.monotonic(), _children()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, env=environment, check=True, **quiet)
    return time.monotonic() - began, _children() - before


def cells(home: Path) -> float:
    """Wall seconds of all cells of the executed notebooks."""
    books = [json.loads(path.read_text(encoding="utf-8")) for path in home.glob("reports/*/*/notebooks/*.ipynb")]
    return sum(c["metadata"].get("papermill", {}).get("duration") or 0 for book in books for c in book["cells"])


def run(code: Path, home: Path, cohorts: list[str], threads: str) -> list[str]:
    """Run a fresh workspace with this code; returns the command that did it."""
    environment = variables(code, home, threads)
    subprocess.run([sys.executable, "-c", MAKE, str(home)], env=environment, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(code / "notebooks", home / "notebooks", dirs_exist_ok=True)
    chosen = [word for cohort in cohorts for word in ("--cohort", cohort)]
    command = [sys.executable, "-m", "joyeval.cli", "run", str(home / "pipelines" / "enjoying_work.yml"), *chosen]
    wall, cpu = timed(command, environment)
    cpu += cpu_of_parent(f"{home}/joyeval-")
    print(f"{code.name:12} {wall:7.1f} s wall {cpu:7.1f} s CPU; cells alone {cells(home):7.1f} s wall", flush=True)
    return command


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demonstration", description=__doc__.split("\n")[0])
    parser.add_argument("--against", default="fe7ead4")
    parser.add_argument("--cohorts", nargs="*", default=[], help="all when empty")
    parser.add_argument("--threads", default="1", help="numerical threads; empty: as each decides")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        old = Path(name) / asked.against
        subprocess.run(["git", "worktree", "add", "--detach", "-q", old, asked.against], cwd=ROOT, check=True)
        try:
            for code in (old, ROOT):
                home = Path(name) / f"home-{code.name}"
                home.mkdir()
                command = run(code, home, asked.cohorts, asked.threads)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", old], cwd=ROOT, check=True)
        environment = variables(ROOT, home, asked.threads)
        print(f"{'no change':12} {'{:7.2f} s wall {:7.2f} s CPU'.format(*timed(command, environment))}")
        status = [*command[:3], "status", *command[4:]]
        print(f"{'status':12} {'{:7.2f} s wall {:7.2f} s CPU'.format(*timed(status, environment))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
