"""The strict door: parameters are declared once, checked before a kernel starts, and failures name the cell."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from joyeval.errors import StepError, UsageError
from joyeval.pipeline import check_parameters, declared_parameters, run_notebook

PARAMETERS = 'cohort = "1"\nweeks = 12\nshow = True'


def notebook(folder, *cells, parameters=(PARAMETERS,)):
    tagged = [new_code_cell(source, metadata={"tags": ["parameters"]}) for source in parameters]
    made = new_notebook(cells=[*tagged, *(new_code_cell(cell) for cell in cells)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "a_notebook.ipynb"
    nbformat.write(made, path)
    return path


def given(**changes):
    return {"cohort": "007", "weeks": 4, "show": False, **changes}


def test_declared_parameters_are_plain_literals(tmp_path):
    assert declared_parameters(notebook(tmp_path)) == {"cohort": "1", "weeks": 12, "show": True}


@pytest.mark.parametrize("cells", [(), (PARAMETERS, PARAMETERS)])
def test_exactly_one_cell_must_declare(tmp_path, cells):
    with pytest.raises(UsageError, match=f"{len(cells)} code cells are tagged"):
        declared_parameters(notebook(tmp_path, parameters=cells))


@pytest.mark.parametrize("line", ["import os", "x = os.getcwd()", "x: int = 3", "x = y = 2", "x = None", "print(1)"])
def test_anything_but_a_literal_is_refused(tmp_path, line):
    with pytest.raises(UsageError, match="line 2"):
        declared_parameters(notebook(tmp_path, parameters=(f"ok = 1\n{line}",)))


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (given(cohrt="1"), "no parameter 'cohrt'"),
        (given(weeks="4"), "weeks is text; expected a whole number"),
        (given(weeks=True), "weeks is true or false; expected a whole number"),
        (given(weeks=4.0), "weeks is a number; expected a whole number"),
        (given(weeks=[4]), "weeks is a list; expected a whole number"),
        (given(**{"x=__import__('os').system('touch /tmp/pwned');y": 1}), "no parameter"),
    ],
)
def test_wrong_parameters_are_refused_before_the_kernel_starts(tmp_path, parameters, says):
    path = notebook(tmp_path, "1/0")
    with pytest.raises(UsageError, match=says.replace("(", r"\(")):
        run_notebook(path, tmp_path / "out.ipynb", parameters)
    assert not (tmp_path / "out.ipynb").exists()


def test_a_run_gets_its_parameters_unchanged(tmp_path):
    path = notebook(tmp_path, "print(repr((cohort, weeks, show)))")
    run_notebook(path, tmp_path / "deep" / "out.ipynb", given())
    executed = nbformat.read(tmp_path / "deep" / "out.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "('007', 4, False)\n"


def test_what_a_cell_shows_may_come_late(tmp_path, monkeypatch):
    from papermill.clientwrap import PapermillNotebookClient as Client

    waits, execute = [], Client.execute

    def seen(client, **given):
        waits.append(client.iopub_timeout)
        return execute(client, **given)

    monkeypatch.setattr(Client, "execute", seen)
    run_notebook(notebook(tmp_path, "1 + 1"), tmp_path / "out.ipynb", given())
    assert min(waits) >= 60  # without it 4 seconds, in which a busy machine shows nothing


def test_a_failure_names_the_cell_and_hides_what_a_foreign_error_says(tmp_path):
    path = notebook(tmp_path, "1 + 1", 'raise ValueError("Anna answered 5")')
    with pytest.raises(StepError, match=r"a_notebook.ipynb, cell 4: ValueError") as caught:
        run_notebook(path, tmp_path / "out.ipynb", given())
    assert "Anna" not in str(caught.value)


def test_our_own_errors_are_told_in_full(tmp_path):
    path = notebook(tmp_path, 'from joyeval.errors import ModelError\nraise ModelError("alpha: 1 item; needs 2")')
    with pytest.raises(StepError, match="needs 2"):
        run_notebook(path, tmp_path / "out.ipynb", given())


def test_checking_alone_passes_what_is_right(tmp_path):
    check_parameters(notebook(tmp_path), given())
