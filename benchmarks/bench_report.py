"""Time from an executed notebook to the finished report: 30 figures and 40 tables in three formats.

The peer is nbconvert's own HTML exporter on the same notebook (it writes no PDF or DOCX without LaTeX, a browser or
pandoc).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import pandas as pd

from joyeval import report
from joyeval.figures import style

FIGURES, TABLES = 30, 40


def notebook() -> nbformat.NotebookNode:
    """Emit what a long cohort report holds, and store it as papermill would."""
    rng = np.random.default_rng(1)
    with mock.patch("IPython.display.display") as display:
        report.title("Enjoying Work", subtitle="Evaluation report", cohort="Cohort 3", data_as_of="1 May 2026")
        for part in range(TABLES):
            report.heading(f"Part {part + 1}", level=2 if part % 5 == 0 else 3)
            report.text("Between the first and the last wave the mean rose by 0.42 points (95% CI 0.20 to 0.64). " * 3)
            report.table(scores(rng, rows=(6, 12, 20, 72)[part % 4]), caption=f"Scores of wave {part + 1} by team")
            if part < FIGURES:
                report.figure(chart(rng), alt="Run chart: good days vary about 60%.", caption=f"Good days, team {part}")
    cells = [nbformat.v4.new_code_cell(outputs=[output(call.args[0])]) for call in display.call_args_list]
    return nbformat.v4.new_notebook(cells=cells)


def output(block) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("display_data", data=block._repr_mimebundle_())


def scores(rng: np.random.Generator, *, rows: int) -> pd.DataFrame:
    mean = rng.normal(3.4, 0.4, rows)
    team = [f"Community mental health team {row}" for row in range(rows)]
    return pd.DataFrame({"team": team, "mean": mean, "ci_low": mean - 0.2, "ci_high": mean + 0.2, "n": 40})


@style.styled
def chart(rng: np.random.Generator):
    fig, ax = style.new(height_mm=70)
    ax.plot(rng.normal(60, 5, 52), **style.LOOKS[0])
    style.reference_line(ax, 60)
    return fig


def seconds(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print CPU seconds for each format, all three, and the peer."""
    from nbconvert.exporters import HTMLExporter

    book = notebook()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.ipynb"
        nbformat.write(book, path)
        for kind in ("html", "pdf", "docx"):
            spent = seconds(lambda kind=kind: report.write(path, folder, formats=[kind]))
            print(f"{kind:22} {spent:6.2f} CPU s, with its imports")
        ours = seconds(lambda: report.write(path, folder))
        print(f"{'all three, warm':22} {ours:6.2f} CPU s")
    peer = seconds(lambda: HTMLExporter().from_notebook_node(book))
    print(f"{'nbconvert HTML only':22} {peer:6.2f} CPU s   ours / peer: {ours / peer:.2f}")


if __name__ == "__main__":
    main()
