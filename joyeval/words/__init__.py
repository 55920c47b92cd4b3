"""What is told to readers: notes are codes with fields, and catalogues make text of them."""

from joyeval.words.note import Note, called, code

__all__ = ["Note", "called", "code"]
