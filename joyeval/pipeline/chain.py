"""The ledger on disk: entries that are only ever added, each holding the digest of the one before.

A link that is changed or cut out breaks the chain. That the chain was cut off at its end, or is gone, shows in a mark
kept with the settings of the user, away from the data: how many entries there were, and the digest of the last.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from joyeval.errors import DisclosureError
from joyeval.intake.keys import settings
from joyeval.store import private, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FOLDER = ".ledger"  # below data/processed, for all studies of a workspace: a study can be renamed
BACK = (
    "put it back from a backup; if nothing that was released is in anybody's hands, begin anew and run again: "
    "joyeval release STUDY --cohort C --withdraw REASON"
)


class Chain:
    """The entries of a workspace.

    Parameters
    ----------
    processed : Path
        ``data/processed`` of the workspace.
    """

    def __init__(self, processed: Path) -> None:
        self.folder = processed / FOLDER
        self.path = self.folder / "chain.jsonl"

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries, oldest first.

        Raises
        ------
        DisclosureError
            The ledger is missing, shortened or changed.
        """
        lines = self._lines()
        entries = [_entry(line) for line in lines]
        before = ""
        for number, (line, entry) in enumerate(zip(lines, entries, strict=True), start=1):
            if entry is None or (entry["number"], entry["before"]) != (number, before):
                self._refuse(f"was changed at entry {number}")
            before = _digest(line)
        for entry in entries:
            for name, digest in entry["files"].items():
                path = self.folder / name
                if not path.exists() or _digest(path.read_bytes()) != digest:
                    self._refuse(f"was changed: {name} of entry {entry['number']} is gone or another")
        if entries and _digest(self.secret()) != entries[0]["secret"]:
            self._refuse("has another secret than it was made with")
        self._hold_against_marks(lines, entries)
        return entries

    def add(self, what: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """Add an entry.

        Parameters
        ----------
        what : mapping
            What it says, as JSON can hold it.
        files : mapping
            Name and content of what belongs to it.
        """
        private(self.folder)
        lines = self._lines()
        number = len(lines) + 1
        named = {f"{number:04d}.{name}": content for name, content in files.items()}
        for name, content in named.items():
            write_whole(self.folder / name, content, private=True)
        entry = {
            "number": number,
            "before": _digest(lines[-1]) if lines else "",
            "ledger": _entry(lines[0])["ledger"] if lines else secrets.token_hex(8),
            "secret": _digest(self.secret()),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": {name: _digest(content) for name, content in named.items()},
        }
        lines.append(json.dumps(entry | dict(what), ensure_ascii=False, sort_keys=True).encode("utf-8"))
        write_whole(self.path, b"".join(line + b"\n" for line in lines), private=True)
        mark = {"workspace": str(self.folder.resolve()), "entries": number, "last": _digest(lines[-1])}
        private(_marks())
        write_whole(_marks() / f"{entry['ledger']}.json", json.dumps(mark).encode("utf-8"), private=True)

    def secret(self) -> bytes:
        """Return the secret with which answers are hashed in this ledger; made once."""
        path = self.folder / "secret"
        if not path.exists():
            private(self.folder)
            write_whole(path, secrets.token_bytes(32), private=True)
        return path.read_bytes()

    def begin_anew(self) -> None:
        """Set what is left of a damaged ledger aside, with its marks; nothing is deleted."""
        if any(path.name != ".lock" for path in self.folder.glob("*")):
            self.folder.rename(self.folder.with_name(f"{FOLDER}.until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))
        for path, mark in _all_marks():
            if mark["workspace"] == str(self.folder.resolve()):
                path.rename(path.with_suffix(".old"))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else adds to the ledger."""
        from filelock import FileLock

        private(self.folder)
        with FileLock(self.folder / ".lock", timeout=60):
            yield

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines() if self.path.exists() else []

    def _hold_against_marks(self, lines: list[bytes], entries: list[dict[str, Any]]) -> None:
        here = entries[0]["ledger"] if entries else None
        for path, mark in _all_marks():
            count, last = mark["entries"], mark["last"]
            if path.stem == here and (len(lines) < count or _digest(lines[count - 1]) != last):
                self._refuse(f"has {len(lines)} entries where {count} were made; it was shortened, or is an older copy")
            if path.stem != here and mark["workspace"] == str(self.folder.resolve()):
                self._refuse(f"is missing: {count} entries were made, and it is not there, or another is")

    def _refuse(self, found: str) -> None:
        raise DisclosureError((), f"the ledger of what was released from here ({self.folder}) {found}; {BACK}")


def _marks() -> Path:
    return settings() / "joyeval" / "ledgers"


def _all_marks() -> list[tuple[Path, dict[str, Any]]]:
    try:
        return [(path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(_marks().glob("*.json"))]
    except ValueError as error:
        raise DisclosureError((), f"a mark in {_marks()} cannot be read ({error}); {BACK}") from None


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return (
        entry if isinstance(entry, dict) and {"number", "before", "ledger", "secret", "files"} <= set(entry) else None
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
