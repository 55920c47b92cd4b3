"""Chapters: what one notebook emitted, stored so that the report can show it again without running it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from joyeval import disclosure
from joyeval.report import blocks
from joyeval.report.audiences import section
from joyeval.store import edition, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.store import Store


def save_chapter(executed: Path, target: Path, audience: str = "public") -> None:
    """Store the blocks of an executed notebook for one audience; printed text and other outputs stay behind."""
    from joyeval.report.document import document

    notebook = json.loads(executed.read_text(encoding="utf-8"))
    found = [blocks.dump(block) for block in document(notebook, audience).blocks]
    write_whole(target, json.dumps(found, indent=1, ensure_ascii=False).encode("utf-8"), private=True)


@section
def chapter(store: Store, name: str) -> None:
    """Emit the blocks of a stored chapter; a cohort without data for it has none."""
    path = edition(store.folder / "chapters", disclosure.reader().audience) / f"{name}.json"
    if path.exists():
        for stored in json.loads(path.read_text(encoding="utf-8")):
            blocks.emit(blocks.read(stored))
