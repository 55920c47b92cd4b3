"""Notebooks are thin: a question, one cell of parameters, short cells without functions, no outputs in git."""

from __future__ import annotations

import ast

import nbformat
import pytest

from joyeval.pipeline import declared_parameters
from joyeval.study_checks import STEPS
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.name[:2].isdigit()]

DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Lambda)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_every_step_has_its_notebook():
    assert [path.stem for path in CHAPTERS] == list(STEPS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_valid_and_carries_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_title_is_one_question(path):
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    titles = [source for source in cells if source.startswith("# ")]
    assert len(titles) == 1
    assert titles[0].splitlines()[0].endswith("?")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_chapters_declare_the_same_parameters(path):
    own = {"03_improvement": ["rules"], "04_relational_coordination": ["view"]}.get(path.stem, [])
    assert list(declared_parameters(path)) == ["study", "data", "cohort", "out", *own, "audiences"]
    assert any(line.startswith("assert ") for cell in code_cells(path) for line in cell.source.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_are_short_and_define_nothing(path):
    for cell in code_cells(path):
        tree = ast.parse("\n".join(line for line in cell.source.splitlines() if not line.startswith("%")))
        assert not [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.Lambda))], (
            cell.source
        )
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= 8, cell.source
