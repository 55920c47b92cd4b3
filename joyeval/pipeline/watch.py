"""Waiting for a change of the files that a study is made from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from joyeval.pipeline.steps import raw_files, stamp, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from joyeval.study import Study

EVERY = 1.0  # seconds between looks; a change counts when it has rested as long, so that no half-copied file is read


def sources(study: Study) -> list[Path]:
    """Return the files that a study is made from: the study file, its raw files, its notebooks."""
    raw = {path for cohort in study.cohorts for path in raw_files(study, cohort.cohort)}
    folder = study.folder.rglob("*") if study.folder.is_dir() else ()
    return sorted({study.path, *raw, *(p for p in folder if p.is_file()), *(s.notebook for s in steps_of(study))})


def changes(files: Callable[[], Iterable[Path]], *, every: float = EVERY) -> Iterator[tuple[Path, ...]]:
    """Yield the files that have changed, come or gone since this call, each time that some have and then rested.

    Parameters
    ----------
    files : callable
        Returns the files to look at, as they are now.
    every : float
        Seconds between two looks.
    """
    return _changes(files, _stamps(files()), every)


def _changes(
    files: Callable[[], Iterable[Path]], known: dict[Path, tuple[int, ...]], every: float
) -> Iterator[tuple[Path, ...]]:
    while True:
        before, now = known, _stamps(files())
        while now != before or now == known:
            time.sleep(every)
            before, now = now, _stamps(files())
        changed = sorted(path for path in known.keys() | now.keys() if known.get(path) != now.get(path))
        known = now
        yield tuple(changed)


def _stamps(files: Iterable[Path]) -> dict[Path, tuple[int, ...]]:
    return {path: stamp(path) for path in files}
