"""Each file is read, and each table typed, once within a command, however many cohorts and kernels look at it.

Within a process, `once` keeps what was made; between the processes of one run, `shared` keeps what was read of a file
in a folder that the run makes for its owner alone and removes in the end, under the SHA-256 of the file's content.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from joyeval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from pathlib import Path

    from joyeval.study import Study

T = TypeVar("T")
_SHELF: ContextVar[Path | None] = ContextVar("shelf", default=None)
_HELD: ContextVar[dict[Hashable, Any] | None] = ContextVar("held", default=None)


@contextmanager
def held() -> Iterator[None]:
    """Keep what `once` makes until the end of the block; a block within another keeps it for the outer one."""
    if _HELD.get() is not None:
        yield
        return
    token = _HELD.set({})
    try:
        yield
    finally:
        _HELD.reset(token)


def once(key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` returns, or raise what it raises, made once for each key within a block of `held`."""
    kept = _HELD.get()
    if kept is None:
        return make()
    if key not in kept:
        try:
            kept[key] = make()
        except DataError as error:
            kept[key] = error
    if isinstance(kept[key], DataError):
        raise kept[key]
    return kept[key]


def shelf_of(study: Study) -> Path:
    """Return the folder in which a run keeps what was read of files, while it lasts."""
    return study.home / "data" / "processed" / study.study / ".read"


@contextmanager
def beside(study: Study) -> Iterator[None]:
    """Within the block, files that another process of the same run has read are not read again."""
    shelf = shelf_of(study)
    token = _SHELF.set(shelf if shelf.is_dir() else None)
    try:
        yield
    finally:
        _SHELF.reset(token)


def shared(content: Sequence[bytes], how: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` returns, made once within a run for the same contents, read in the same way."""
    shelf = _SHELF.get()
    if shelf is None:
        return make()
    key = hashlib.sha256(repr((how, [hashlib.sha256(part).digest() for part in content])).encode())
    place = shelf / key.hexdigest()
    with suppress(OSError):
        return pickle.loads(place.read_bytes())  # from a folder of this run, which its owner alone can write to
    made = make()
    part = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # a full disk, or a run that ended: others read the file themselves
        part.write_bytes(pickle.dumps(made))
        os.replace(part, place)
    return made


def stamp(path: Path) -> tuple[str, int, int]:
    """Return what tells whether a file is still the same: where it lies, when it was written, how large it is."""
    try:
        about = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), about.st_mtime_ns, about.st_size
