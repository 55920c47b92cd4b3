"""What the report itself says, in the language of the document; what is not translated stands in English."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from joyeval.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

ENGLISH = "en"
MINUS = "−"


@dataclass(frozen=True)
class Catalogue:
    """The messages of one language.

    Parameters
    ----------
    language : str
        A file in messages/.
    noun : str
        What a team is called, such as "trust"; where the language has no word for it, "team" stands.
    missing : dict
        Keys that were asked for and stood in English, in the order asked.

    Examples
    --------
    >>> say = catalogue("cy")
    >>> say("summary.heading"), say.signed(-1.26, 1)
    ('Crynodeb', '−1.3')
    """

    language: str
    noun: str = "team"
    missing: dict[str, None] = field(default_factory=dict)

    def __call__(self, key: str, **fields: object) -> str:
        """Return a message with its fields filled in; nothing in a field is read as a template."""
        own, english = _messages(self.language), _messages(ENGLISH)
        if key not in own:
            self.missing[key] = None
        return own.get(key, english[key]).format_map({**self._nouns(fields), **fields})

    def _nouns(self, fields: dict[str, object]) -> dict[str, str]:
        """Return what a team is called, and what the teams counted in these fields are."""
        return {"noun": self.noun, "nouns": self.noun if fields.get("teams") == 1 else f"{self.noun}s"}

    def number(self, value: float, places: int = 0) -> str:
        """Return a number with thousands apart and a true minus sign."""
        text = f"{value:,.{places}f}"
        return text.replace("-", MINUS) if any(c in "123456789" for c in text) else text.lstrip("-")

    def signed(self, value: float, places: int = 0) -> str:
        """Return a change: its sign always stands."""
        text = self.number(value, places)
        return text if text.startswith(MINUS) or not any(c in "123456789" for c in text) else f"+{text}"

    def percent(self, share: float) -> str:
        """Return a relative change as a signed percentage, with one decimal where it is below 1 %."""
        return f"{self.signed(100 * share, 1 if abs(share) < 0.01 else 0)}%"

    def day(self, value: date) -> str:
        """Return a day in words."""
        return f"{value.day} {self.month(value)}"

    def month(self, value: date) -> str:
        """Return month and year in words."""
        return f"{self(f'months.{value.month}')} {value.year}"


def catalogue(language: str, *, noun: str = "team") -> Catalogue:
    """Return the messages of a language, with nothing missing so far."""
    _messages(language)
    return Catalogue(language, noun)


def words(language: str) -> dict[str, str]:
    """Return the few words that the writers add themselves."""
    both = _messages(ENGLISH) | _messages(language)
    return {key.removeprefix("furniture."): text for key, text in both.items() if key.startswith("furniture.")}


@cache
def _messages(language: str) -> dict[str, str]:
    """Return all messages of a language under keys joined by dots."""
    import yaml

    folder = files("joyeval.report") / "messages"
    known = sorted(file.name.removesuffix(".yml") for file in folder.iterdir() if file.name.endswith(".yml"))
    if language not in known:
        raise UsageError(f"report language {language!r}: there is a catalogue for {known}")
    return dict(_flat(yaml.safe_load((folder / f"{language}.yml").read_text(encoding="utf-8"))))


def _flat(parts: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    flat = []
    for key, value in parts.items():
        flat += _flat(value, f"{above}{key}.") if isinstance(value, dict) else [(f"{above}{key}", str(value))]
    return flat
