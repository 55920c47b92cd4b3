"""Pseudonyms: a keyed hash in place of a person, and the key that never lies with the data.

An unkeyed hash of an e-mail address is found by trying addresses; with a secret key it is not. Whoever holds the
key can still recognise people, so pseudonymised data remain personal data.
"""

from __future__ import annotations

import hmac
import os
import secrets
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from joyeval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_BYTES = 32
LENGTH = 32  # hexadecimal digits of a pseudonym: 128 bits, so that two people never share one by chance


def key_file(study: str) -> Path:
    """Return where the key of a study lies: where the environment says, else where settings of this user lie."""
    named, home = os.environ.get("JOYEVAL_KEY_FILE"), Path.home() / ".config"
    if named:
        return Path(named)
    old, folder = home / "joyeval" / f"{study}.key", os.environ.get("XDG_CONFIG_HOME", "")
    if old.exists() or not Path(folder).is_absolute():  # a relative one is to be ignored, says the convention
        return old
    return Path(folder) / "joyeval" / f"{study}.key"


def make_key(study: str) -> Path:
    """Make the key of a study; one that is there is left alone.

    Raises
    ------
    UsageError
        There is a key already: another one would break the link between waves.
    """
    path = key_file(study)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"there is a key already in {path}; another one would break the link between waves") from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    return path


def read_key(study: str, *, data: Path | None = None) -> bytes:
    """Read the key of a study from ``JOYEVAL_KEY`` or its file.

    Parameters
    ----------
    data : Path, optional
        Folder of the raw files; a key in it is refused.

    Raises
    ------
    UsageError
        No key, a damaged one, or one that lies with the data.
    """
    path = key_file(study)
    text = os.environ.get("JOYEVAL_KEY")
    if text is None:
        if data is not None and path.resolve().is_relative_to(data.resolve()):
            raise UsageError(f"the key {path} lies with the data; move it elsewhere and set JOYEVAL_KEY_FILE")
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            raise UsageError(
                f"no key for pseudonyms in {path}; make one with: joyeval key pipelines/{study}.yml"
            ) from None
        except UnicodeDecodeError:
            text = ""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise UsageError(f"the key for pseudonyms is not {KEY_BYTES} bytes in hexadecimal; make a new one")
    return key


def pseudonyms(texts: Iterable[str | None], key: bytes, *, purpose: str) -> list[str | None]:
    """Return a pseudonym for each text; the same text in other letters or spaces gets the same one.

    Parameters
    ----------
    texts : iterable of str or None
        Codes; None stays None.
    purpose : str
        Pseudonyms made for different purposes cannot be linked to each other.

    Examples
    --------
    >>> first, second, none = pseudonyms(["AB12", " ab12 ", None], bytes(32), purpose="person")
    >>> first == second, len(first), none
    (True, 32, None)
    """
    base = hmac.new(key, purpose.encode("utf-8") + b"\0", "sha256")
    return [None if text is None else _one(base, text) for text in texts]


def _one(base: hmac.HMAC, text: str) -> str:
    made = base.copy()
    made.update(unicodedata.normalize("NFKC", text).casefold().strip().encode("utf-8"))
    return made.hexdigest()[:LENGTH]
