"""Each file is read, and each table typed, once within a command, however many cohorts look at it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from joyeval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from pathlib import Path

T = TypeVar("T")
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


def stamp(path: Path) -> tuple[str, int, int]:
    """Return what tells whether a file is still the same: where it lies, when it was written, how large it is."""
    try:
        about = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), about.st_mtime_ns, about.st_size
