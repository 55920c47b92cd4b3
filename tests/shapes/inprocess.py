"""An executor that runs notebooks in this process: no kernel to start, and a failed cell keeps its traceback."""

from __future__ import annotations

import warnings
from concurrent.futures import Future
from unittest.mock import patch

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from joyeval.pipeline import executors

COARSE = 40  # dots per inch: all is drawn, in fewer pixels


class InProcess:
    """Runs one job after the other, as `joyeval.pipeline.executors.Local` does in kernels."""

    slots = 1

    def submit(self, job):
        future = Future()
        try:
            with (
                patch("joyeval.pipeline.executors.run_notebook", run_notebook),
                patch("joyeval.figures.render.DPI", COARSE),
            ):
                executors.execute(job)
            future.set_result(None)
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self):
        pass

    def close(self):
        pass


def run_notebook(notebook, executed, parameters, threads=1):
    """Run the cells of a notebook one after the other and keep the blocks that they show."""
    cells, names = [], {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            cells.append(new_markdown_cell(cell.source))
            continue
        shown = []

        def display(block, *, metadata=None, shown=shown):
            data = block._repr_mimebundle_()
            shown.append(new_output("display_data", data=data, metadata=metadata or {}))

        if "parameters" in cell.metadata.get("tags", ()):
            exec(cell.source, names)
            names |= parameters
        else:
            with patch("IPython.display.display", display), warnings.catch_warnings():
                exec(compile(cell.source, notebook.stem, "exec"), names)
        cells.append(new_code_cell(cell.source, outputs=shown, metadata=cell.metadata))
    nbformat.write(new_notebook(cells=cells), executed)
