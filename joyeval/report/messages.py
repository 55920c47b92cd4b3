"""The few words that the writers add themselves, in the language of the document."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from joyeval.errors import UsageError


@cache
def words(language: str) -> dict[str, str]:
    """Return the catalogue of a language (a file in messages/)."""
    import yaml

    folder = files("joyeval.report") / "messages"
    known = sorted(file.name.removesuffix(".yml") for file in folder.iterdir())
    if language not in known:
        raise UsageError(f"report language {language!r}: there is a catalogue for {known}")
    return yaml.safe_load((folder / f"{language}.yml").read_text(encoding="utf-8"))
