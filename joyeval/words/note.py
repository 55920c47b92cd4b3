"""A caveat: a code with fields. Its text comes from the catalogue; nothing is decided by how it is worded."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOUN = "team"  # what is compared, where a note does not say otherwise


class Note(str):
    """A caveat in words, which knows its code and its fields.

    Parameters
    ----------
    code : str
        Of the catalogue: "improvement.false_alarm_rates".
    **fields
        What the text needs: numbers as numbers; `noun` is what a team is called.

    Examples
    --------
    >>> note = Note("association.units")
    >>> note.code, note.again(noun="trust")[:38]
    ('association.units', 'the units are trusts and periods, not ')
    """

    __slots__ = ("code", "fields")

    code: str
    fields: Mapping[str, Any]

    def __new__(cls, code: str, **fields: Any) -> Note:
        """Make the text of a code and its fields."""
        made = super().__new__(cls, _catalogue()[code].format(**{"noun": NOUN} | fields))
        made.code, made.fields = code, fields
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, Any]]:
        return (self.code,), self.fields

    def again(self, **fields: Any) -> Note:
        """Return the same note with other fields."""
        return Note(self.code, **{**self.fields, **fields})

    def called(self, noun: str, *, instead_of: str = NOUN) -> Note:
        """Return the same note with another word in every field that holds `instead_of`: noun, cluster, site."""
        fields = {"noun": NOUN, **self.fields}
        return self.again(**{name: noun for name, value in fields.items() if value == instead_of})


def code(note: str) -> str:
    """Return the code of a note; none of a text that is none."""
    return note.code if isinstance(note, Note) else ""


def called(notes: Iterable[str], noun: str, *, instead_of: str = NOUN) -> tuple[str, ...]:
    """Return notes with what a team is called in them (see `Note.called`); texts that are none stay as they are."""
    return tuple(note.called(noun, instead_of=instead_of) if isinstance(note, Note) else note for note in notes)


@cache
def _catalogue() -> Mapping[str, str]:
    """Return the texts of all notes by their code."""
    import yaml

    text = (files("joyeval.words") / "notes.yml").read_text(encoding="utf-8")
    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parts = yaml.load(text, Loader=quick)  # both are safe loaders
    return {f"{part}.{name}": told for part, notes in parts.items() for name, told in notes.items()}
