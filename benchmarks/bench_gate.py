"""What the gate and the last look cost a cohort: CPU seconds within them, of all that its notebooks and documents take.

    python -m benchmarks gate            # cohorts 1 and 3 of the demonstration, the public edition

The notebooks are run here, cell by cell, in one process; a timer runs while a call of `joyeval.disclosure` that makes
`Shown` values is under way, and while finished documents are read back.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from functools import wraps
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[1]
COHORTS = ("1", "3")
GATE = ("show", "show_all", "show_counts", "show_flow", "show_levels", "show_own", "show_shares", "nobody")


class Timer:
    """CPU seconds within calls, those within others not counted twice."""

    def __init__(self) -> None:
        self.seconds, self.depth = 0.0, 0

    def around(self, function):
        """Return a function that is timed."""

        @wraps(function)
        def timed(*args, **options):
            began, self.depth = time.process_time(), self.depth + 1
            try:
                return function(*args, **options)
            finally:
                self.depth -= 1
                self.seconds += (time.process_time() - began) * (self.depth == 0)

        return timed


def executed(notebook: Path, given: dict[str, str]) -> dict:
    """Run the cells of a notebook here, and return it as papermill would leave it."""
    cells, space, outputs = json.loads(notebook.read_text(encoding="utf-8"))["cells"], {}, []

    def caught(*blocks, metadata=None, **_):
        outputs.extend(
            {"output_type": "display_data", "data": block._repr_mimebundle_(), "metadata": metadata or {}}
            for block in blocks
        )

    with mock.patch("IPython.display.display", caught):
        for cell in (cell for cell in cells if cell["cell_type"] == "code"):
            exec("".join(cell["source"]), space)
            if "parameters" in cell["metadata"].get("tags", ()):
                space.update({name: value for name, value in given.items() if name in space})
    cell = {"cell_type": "code", "id": "all", "source": "", "metadata": {}, "execution_count": 1, "outputs": outputs}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def cohort(home: Path, name: str) -> tuple[float, float, float]:
    """Return CPU seconds of all of it, of the gate, and of the last look."""
    from joyeval import disclosure, load_study, report
    from joyeval.pipeline.readback import read_back
    from joyeval.pipeline.steps import steps_of

    study, gate = load_study(home / "pipelines" / "enjoying_work.yml").read_by("public"), Timer()
    store, began = study.store(name), time.process_time()
    given = {"study": str(study.path), "cohort": name, "audiences": "public", "out": str(store.folder)}
    with mock.patch.multiple(disclosure, **{call: gate.around(getattr(disclosure, call)) for call in GATE}):
        for step in (step for step in steps_of(study) if not step.over_all):
            if step.needs == ("ties.parquet",) and not (store.folder / "ties.parquet").exists():
                continue
            made = home / f"{step.name}.ipynb"
            made.write_text(json.dumps(executed(step.notebook, given)), encoding="utf-8")
            if step.makes == "chapter":
                report.save_chapter(made, store.folder / "chapters" / f"{step.name}.json")
    report.write(made, home / "made")
    look = time.process_time()
    read_back(study, name, home / "made")
    ended = time.process_time()
    return ended - began, gate.seconds, ended - look


def main() -> None:
    """Print the cost for cohorts of the demonstration."""
    from joyeval import synthetic

    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        synthetic.study_file(home)
        shutil.copytree(ROOT / "notebooks", home / "notebooks")
        for name in COHORTS:
            whole, gate, look = cohort(home, name)
            share = (gate + look) / (whole - gate - look)
            print(
                f"cohort {name}: {whole:.1f} CPU s, gate {gate:.2f}, last look {look:.2f}: {share:.1%} more", flush=True
            )
