"""A trivial step on a Dask cluster of this machine, beside the same step run here: what the cluster adds.

    python -m benchmarks.bench_cluster

Both with warm kernels, in turns; the smallest of ten, and the middle one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

TURNS = 10


def book(folder: Path) -> Path:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [new_code_cell("n = 1", metadata={"tags": ["parameters"]}), new_code_cell("print(n)")]
    made = new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / "trivial.ipynb")
    return folder / "trivial.ipynb"


def main() -> None:
    from joyeval.pipeline.cluster import Cluster
    from joyeval.pipeline.executors import Job, Local
    from joyeval.pipeline.steps import sha256

    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), Path(name) / "scheduler.json"
        common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        tool = [sys.executable, "-m"]
        processes = [subprocess.Popen([*tool, "distributed.cli.dask_scheduler", "--port", "0", *common], **quiet)]
        while not file.exists():
            time.sleep(0.1)
        processes.append(subprocess.Popen([*tool, "distributed.cli.dask_worker", "--nthreads", "1", *common], **quiet))
        notebook = book(folder)
        executors = {"here": Local(1), "on Dask": Cluster(json.loads(file.read_text())["address"])}
        job = Job("a", "trivial", notebook, folder / "s", {"n": 2}, "nothing", inputs={str(notebook): sha256(notebook)})
        spent: dict[str, list[float]] = {where: [] for where in executors}
        try:
            for _ in range(TURNS + 1):  # the first of each starts what is shared
                for where, executor in executors.items():
                    began = time.monotonic()
                    executor.submit(job).result()
                    spent[where].append(time.monotonic() - began)
        finally:
            for executor in executors.values():
                executor.close()
            for process in processes:
                process.terminate()
                process.wait()
    for where, seconds in spent.items():
        print(f"{where:8} {min(seconds[1:]):.3f} s smallest, {median(seconds[1:]):.3f} s middle")
    added = 1000 * (min(spent["on Dask"][1:]) - min(spent["here"][1:]))
    print(f"the cluster adds {added:.0f} ms")


if __name__ == "__main__":
    main()
