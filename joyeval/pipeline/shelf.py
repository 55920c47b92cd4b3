"""What a run has read of raw files, kept for its kernels until it ends."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from joyeval.intake.once import shelf_of
from joyeval.pipeline.permissions import others_can_write
from joyeval.store import private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.study import Study


@contextmanager
def read_once(study: Study) -> Iterator[None]:
    """Within the block, each raw file of a study is read once, whatever number of processes look at it.

    Where everybody on this machine can write to the folder of outputs, which a run refuses, nothing is kept.
    """
    shelf = shelf_of(study)
    if any(others_can_write(folder) for folder in (shelf.parent.parent, shelf.parent)):
        yield
        return
    new = [folder for folder in shelf.parents if not folder.exists()]
    shutil.rmtree(shelf, ignore_errors=True)  # of a run that was killed
    private(shelf.parent)
    private(shelf)
    try:
        yield
    finally:
        shutil.rmtree(shelf, ignore_errors=True)
        with suppress(OSError):  # a run that was refused leaves nothing; folders with something in them stay
            for folder in new:
                folder.rmdir()
