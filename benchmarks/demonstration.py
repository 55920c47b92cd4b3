"""The demonstration from raw files to documents, now and at an earlier commit, in one run.

    python -m benchmarks.demonstration [--against fe7ead4] [--cohorts 5 …] [--threads 1]

For the earlier commit, and for the code of now with one edition after the other: wall seconds, CPU seconds of the run,
its kernels and what those were forked from, and the wall seconds that the cells themselves took, as the executed
notebooks say. Then, of the code of now: a second run with nothing to do, and `status`. `--against ""`: of now alone.
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
WRITTEN = "audiences: [public, programme, team]"
EDITIONS = ("public", "public, programme", "public, programme, team")
MAKE = "import sys; from joyeval import synthetic; print(synthetic.study_file(sys.argv[1]))"


def variables(code: Path, home: Path, threads: str) -> dict[str, str]:
    fixed = {"PYTHONPATH": str(code), "XDG_RUNTIME_DIR": str(home), "MPLBACKEND": "Agg"}
    fixed["JOYEVAL_KERNEL_IDLE"] = "120"  # seconds: what kernels were forked from is there to be counted in the end
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**usual, **fixed, **({"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads} if threads else {})}


def timed(command: list[str], home: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command in a workspace: in the folder of a checkout Python would import that one."""
    began, before = time.monotonic(), _children()
    subprocess.run(command, cwd=home, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began, _children() - before


def cells(home: Path) -> float:
    """Wall seconds of all cells of the executed notebooks."""
    books = [json.loads(path.read_text(encoding="utf-8")) for path in home.glob("reports/*/*/notebooks/*.ipynb")]
    return sum(c["metadata"].get("papermill", {}).get("duration") or 0 for book in books for c in book["cells"])


def run(code: Path, home: Path, cohorts: list[str], threads: str, editions: str = "") -> list[str]:
    """Run a fresh workspace with this code; returns the command that did it."""
    home.mkdir()
    environment = variables(code, home, threads)
    timed([sys.executable, "-m", "compileall", "-q", str(code / "joyeval")], home, environment)
    timed([sys.executable, "-c", MAKE, str(home)], home, environment)
    shutil.copytree(code / "notebooks", home / "notebooks", dirs_exist_ok=True)
    study = home / "pipelines" / "enjoying_work.yml"
    study.write_text(study.read_text(encoding="utf-8").replace(WRITTEN, f"audiences: [{editions}]"), encoding="utf-8")
    chosen = [word for cohort in cohorts for word in ("--cohort", cohort)]
    command = [sys.executable, "-m", "joyeval.cli", "run", str(study), *chosen]
    wall, cpu = timed(command, home, environment)
    cpu += cpu_of_parent(f"{home}/joyeval-")
    named = editions or code.name
    print(f"{named:24} {wall:7.1f} s wall {cpu:7.1f} s CPU; cells alone {cells(home):7.1f} s wall", flush=True)
    return command


def before(commit: str, folder: Path, cohorts: list[str], threads: str) -> None:
    """Run the code of an earlier commit."""
    old = folder / commit
    subprocess.run(["git", "worktree", "add", "--detach", "-q", old, commit], cwd=ROOT, check=True)
    try:
        run(old, folder / "home-before", cohorts, threads)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", old], cwd=ROOT, check=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demonstration", description=__doc__.split("\n")[0])
    parser.add_argument("--against", default="fe7ead4")
    parser.add_argument("--cohorts", nargs="*", default=[], help="all when empty")
    parser.add_argument("--threads", default="1", help="numerical threads; empty: as each decides")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        if asked.against:
            before(asked.against, Path(name), asked.cohorts, asked.threads)
        for number, editions in enumerate(EDITIONS):
            home = Path(name) / f"home-{number}"
            command = run(ROOT, home, asked.cohorts, asked.threads, editions)
        environment = variables(ROOT, home, asked.threads)
        status = [*command[:3], "status", *command[4:]]
        for what, again in {"no change": command, "status": status}.items():
            print(f"{what:24} {'{:7.2f} s wall {:7.2f} s CPU'.format(*timed(again, home, environment))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
