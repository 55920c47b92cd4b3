"""An executor that runs notebooks in this process: no kernel to start, and a failed cell keeps its traceback."""

from __future__ import annotations

import warnings
from concurrent.futures import Future
from unittest.mock import patch

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from joyeval import report


class InProcess:
    """Runs one job after the other, as `joyeval.pipeline.executors.Local` does in kernels.

    Parameters
    ----------
    formats : tuple of str
        Formats of the report that are written.
    """

    slots = 1

    def __init__(self, formats=("html",)):
        self.formats = formats

    def submit(self, job):
        future = Future()
        try:
            job.staging.mkdir(parents=True, exist_ok=True)
            execute(job.notebook, job.executed, job.parameters)
            if job.makes == "report":
                report.write(job.executed, job.staging, formats=self.formats)
            elif job.makes == "chapter":
                report.save_chapter(job.executed, job.staging / "chapters" / f"{job.step}.json")
            future.set_result(None)
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self):
        pass

    def close(self):
        pass


def execute(notebook, executed, parameters):
    """Run the cells of a notebook one after the other and keep the blocks that they show."""
    cells, names = [], {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            cells.append(new_markdown_cell(cell.source))
            continue
        shown = []
        if "parameters" in cell.metadata.get("tags", ()):
            exec(cell.source, names)
            names |= parameters
        else:
            with patch("IPython.display.display", shown.append), warnings.catch_warnings():
                exec(compile(cell.source, notebook.stem, "exec"), names)
        outputs = [new_output("display_data", data=block._repr_mimebundle_()) for block in shown]
        cells.append(new_code_cell(cell.source, outputs=outputs, metadata=cell.metadata))
    nbformat.write(new_notebook(cells=cells), executed)
