"""What a call of a section has shown, so that it can be held in a cell and looked at again."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joyeval.disclosure.rule import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.disclosure import Said, Shown
    from joyeval.exhibits import Exhibit

_SHOWN: ContextVar[list[tuple[str, str, Any]] | None] = ContextVar("_SHOWN", default=None)


@dataclass(frozen=True, eq=False)
class Held:
    """What a call has shown to one audience, as it may see it.

    Parameters
    ----------
    audience : str
    pieces : tuple
        Of each: for whom, "exhibit", "table" or "text", and what.
    """

    audience: str
    pieces: tuple[tuple[str, str, Any], ...]

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """Figures with their words and the numbers drawn: `held.exhibits[0].data.frame()`."""
        return self._kind("exhibit")

    @property
    def tables(self) -> tuple[Shown, ...]:
        """Tables: `held.tables[0].frame()`."""
        return self._kind("table")

    @property
    def texts(self) -> tuple[Said | str, ...]:
        """Paragraphs."""
        return self._kind("text")

    def to(self, audience: str) -> Held:
        """Return what was shown to another audience."""
        return Held(audience, self.pieces)

    def _kind(self, kind: str) -> tuple[Any, ...]:
        return tuple(what for audience, name, what in self.pieces if (audience, name) == (self.audience, kind))

    def _ipython_display_(self) -> None:
        """Show nothing: the call has shown it."""

    def __repr__(self) -> str:
        return f"<Held: {len(self.exhibits)} exhibits, {len(self.tables)} tables, {len(self.texts)} texts>"


@contextmanager
def holding() -> Iterator[list[tuple[str, str, Any]]]:
    """Hold what is shown in the block."""
    shown: list[tuple[str, str, Any]] = []
    before = _SHOWN.set(shown)
    try:
        yield shown
    finally:
        _SHOWN.reset(before)


def hold(kind: str, what: Any) -> None:
    """Hold one thing that is shown here, if somebody holds what is shown."""
    shown = _SHOWN.get()
    if shown is not None:
        shown.append((reader().audience, kind, what))
