"""Executed notebooks are kept with each picture once, beside them; what no notebook shows any more goes."""

from __future__ import annotations

import json
from base64 import b64encode

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from joyeval.pipeline.keep import BLOCK, keep, sweep
from joyeval.report.blocks import MIME, Figure, dump
from joyeval.report.html import fragment

SVG = "<svg>" + "<path/>" * 200 + "</svg>"


def figure(caption="Good days"):
    png = b64encode(b"pixels" * 200).decode()
    block = Figure(alt='A line "rises"', caption=caption, svg=SVG, png=png, width_mm=10, height_mm=5)
    return new_output("display_data", data={"text/html": fragment(block), "text/plain": "<Figure>", MIME: dump(block)})


@pytest.fixture
def executed(tmp_path):
    png = b64encode(b"own picture").decode()
    own = new_output("display_data", data={"text/html": f'<img src="data:image/png;base64,{png}">'})
    cells = [new_code_cell("a", outputs=[figure()]), new_code_cell("b", outputs=[figure("Again"), own])]
    path = tmp_path / "staging" / "executed.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_each_picture_is_stored_once_and_shown_by_reference(executed, tmp_path):
    assert BLOCK == MIME
    before, target = executed.stat().st_size, tmp_path / "kept" / "03.ipynb"
    assert keep(executed, target)
    assert not executed.exists()
    pictures = {path.read_bytes() for path in (target.parent / "pictures").iterdir()}
    assert pictures == {SVG.encode(), b"own picture"}
    notebook = nbformat.read(target, as_version=4)
    nbformat.validate(notebook)
    shown = [output.data["text/html"] for cell in notebook.cells for output in cell.outputs]
    assert all(name in "".join(shown) for name in [p.name for p in (target.parent / "pictures").iterdir()])
    assert "A line &quot;rises&quot;" in shown[0]
    assert "<figcaption>Again</figcaption>" in shown[1]
    assert "base64" not in target.read_text()
    assert target.stat().st_size < before / 3


def test_a_picture_that_is_shown_no_more_is_swept_away(executed, tmp_path):
    target = tmp_path / "kept" / "03.ipynb"
    keep(executed, target)
    sweep(target.parent)
    assert len(list((target.parent / "pictures").iterdir())) == 2
    target.write_text(json.dumps({"cells": []}))
    sweep(target.parent)
    assert not list((target.parent / "pictures").iterdir())


def test_what_a_dying_kernel_left_is_kept_as_it_is(tmp_path):
    (tmp_path / "executed.ipynb").write_text('{"cells": [')
    assert keep(tmp_path / "executed.ipynb", tmp_path / "kept" / "03.failed.ipynb")
    assert (tmp_path / "kept" / "03.failed.ipynb").read_text() == '{"cells": ['
    assert not keep(tmp_path / "executed.ipynb", tmp_path / "kept" / "04.ipynb")
