"""A stored chapter is shown again to those for whom it was stored, and to nobody else."""

from __future__ import annotations

import json
from types import SimpleNamespace

import IPython.display

from joyeval import disclosure
from joyeval.disclosure import Rule
from joyeval.report import blocks
from joyeval.report.blocks import Text, plain
from joyeval.report.chapters import chapter
from joyeval.report.document import document


def test_each_audience_reads_its_own_chapter_alone(tmp_path, monkeypatch):
    programme, outputs = Rule(threshold=5, audience="programme", reason="agreed", readers="the team"), []
    for folder, words in ((tmp_path / "chapters", "Public words."), (tmp_path / "chapters/programme", "Of the few.")):
        folder.mkdir()
        (folder / "03.json").write_text(json.dumps([blocks.dump(Text(plain(words)))]), encoding="utf-8")
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda block, metadata=None: outputs.append(
            {"output_type": "display_data", "data": block._repr_mimebundle_(), "metadata": metadata or {}}
        ),
    )
    before = disclosure.readers()
    disclosure.read_for(Rule(), programme)
    try:
        chapter(SimpleNamespace(folder=tmp_path), "03")
    finally:
        disclosure.read_for(*before)
    notebook = {"cells": [{"cell_type": "code", "source": "", "outputs": outputs}]}
    said = {
        name: [run.text for block in document(notebook, name).blocks for run in block.runs]
        for name in ("public", "programme")
    }
    assert said == {"public": ["Public words."], "programme": ["Of the few."]}
