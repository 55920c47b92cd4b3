"""The secret key that pseudonyms are made with: where it lies, who may read it, whether it can be guessed.

An unkeyed hash of an e-mail address is found by trying addresses; with a secret key it is not. Whoever holds the
key can still recognise people, so pseudonymised data remain personal data.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from joyeval.errors import UsageError

if TYPE_CHECKING:
    from joyeval.study import Study

KEY = "key for pseudonyms"  # an input like a file: another key makes other persons of the same answers
KEY_BYTES = 32
FEWEST_DISTINCT = 16  # different bytes in a key; of 32 at random, fewer than 22 are not seen in a lifetime
DEMONSTRATION_KEY = b"this key protects no one: the demonstration has no people"
DEMONSTRATION = Path(__file__).with_name("demonstration.json")  # file of the generator: SHA-256 of its content
ROTATED = (
    "The old key is gone; the new one lies in {path}.\n"
    "All pseudonyms change with the next run, which reads every wave again: keep the raw files of earlier waves until "
    "then. Tables, archives and copies made with the old key can no longer be joined to what is made from now on. What "
    "was released before is still remembered: the ledger knows groups by their answers too."
)
DESTROYED = (
    "The key is gone: {path}.\n"
    "Nobody can make these pseudonyms again, so that answers to come cannot be linked to earlier ones, and nobody can "
    "look up a person by trying codes. Copies of the key, in backups too, have to be destroyed by whoever keeps them. "
    "The tables still hold one row per person and the raw files may still hold codes: they remain personal data until "
    "they are deleted. A new key, for a new start: joyeval key {study}"
)


def settings() -> Path:
    """Return the folder in which settings of this user lie."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(folder) if Path(folder).is_absolute() else Path.home() / ".config"  # a relative one is to be ignored


def key_file(study: str) -> Path:
    """Return where the key of a study lies: where the environment says, else where settings of this user lie."""
    named = os.environ.get("JOYEVAL_KEY_FILE")
    if named:
        return Path(named)
    old = Path.home() / ".config" / "joyeval" / f"{study}.key"
    return old if old.exists() else settings() / "joyeval" / f"{study}.key"


def make_key(study: Study) -> Path:
    """Make the key of a study; one that is there is left alone.

    Raises
    ------
    UsageError
        There is a key already: another one would break the link between waves. Or a place where no key may lie.
    """
    path = key_file(study.study)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_place(path, study)
    try:
        _write(path, os.O_EXCL)
    except FileExistsError:
        raise UsageError(
            f"there is a key already in {path}; another one would break the link between waves (--rotate makes one "
            "all the same, and says what that means)"
        ) from None
    return path


def rotate_key(study: Study) -> Path:
    """Put a new key in the place of the key of a study; see `ROTATED` for what that means.

    Raises
    ------
    UsageError
        There is no key, or it stands in the environment.
    """
    path = _existing(study)
    new = path.with_name(f".{path.name}.{os.getpid()}.part")
    _write(new, os.O_EXCL)
    os.replace(new, path)
    return path


def destroy_key(study: Study) -> Path:
    """Destroy the key of a study; see `DESTROYED` for what that means.

    Raises
    ------
    UsageError
        There is no key, or it stands in the environment.
    """
    path = _existing(study)
    _write(path)  # over the old one, so that its bytes do not simply stay on the disk
    path.unlink()
    return path


def study_key(study: Study) -> bytes:
    """Return the key of a study's pseudonyms; the demonstration's own files, which hold no people, need none.

    Raises
    ------
    UsageError
        No key; one that is damaged or can be guessed, that others may read, or that lies with the data or the reports.
    """
    return DEMONSTRATION_KEY if is_demonstration(study) else read_key(study)


def read_key(study: Study) -> bytes:
    """Read the key of a study from ``JOYEVAL_KEY`` or its file; raises as `study_key` does."""
    text = os.environ.get("JOYEVAL_KEY")
    if text is None:
        text = _text(study)
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    again = f"make a new one with: joyeval key pipelines/{study.path.name}"
    if len(key) < KEY_BYTES:
        raise UsageError(f"the key for pseudonyms is not {KEY_BYTES} bytes in hexadecimal; {again}")
    if _can_be_guessed(key):
        raise UsageError(f"the key for pseudonyms can be guessed: a key is {KEY_BYTES} bytes drawn at random; {again}")
    return key


def key_fingerprint(study: Study) -> str:
    """Return what tells one key from another and gives none away; empty without a key, or where none is needed."""
    if not _with_people(study):
        return ""
    try:
        return hmac.new(study_key(study), b"fingerprint", "sha256").hexdigest()[:16]
    except UsageError:
        return ""


def keyed_digest(study: Study, sha256: str) -> str | None:
    """Return a SHA-256 as it may be published: hashed with the key, so that nobody can confirm a guess of a file by it.

    None for a study without people, which has no key.
    """
    return hmac.new(study_key(study), f"file {sha256}".encode(), "sha256").hexdigest() if _with_people(study) else None


def is_demonstration(study: Study, *, whole: bool = False) -> bool:
    """Whether people stand in no other files than those that the generator of the demonstration made.

    Parameters
    ----------
    whole : bool
        Look at all raw files, also those without a row for each person.
    """
    import json

    if not study.synthetic:
        return False
    known = set(json.loads(DEMONSTRATION.read_text(encoding="utf-8")).values())
    files = _all_files(study) if whole else _with_people(study)
    return all(content_digest(path.read_bytes()) in known for path in files)


def content_digest(content: bytes) -> str:
    """Return the SHA-256 of what a file holds; how well a workbook was compressed does not matter."""
    try:
        with ZipFile(BytesIO(content)) as parts:
            content = b"\0".join(name.encode() + b"\0" + parts.read(name) for name in sorted(parts.namelist()))
    except BadZipFile:
        pass
    return hashlib.sha256(content).hexdigest()


def _with_people(study: Study) -> list[Path]:
    """Files with a row, or rows, for each person."""
    parts = [*study.waves, *study.coordination, *(part.members for part in study.coordination if part.members)]
    return sorted({path for part in parts for path in part.files(study.folder)})


def _all_files(study: Study) -> list[Path]:
    values = [getattr(study, name) for name in type(study).model_fields]
    parts = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    files = {path for part in parts if hasattr(part, "files") for path in part.files(study.folder)}
    return sorted(files | set(_with_people(study)))


def _text(study: Study) -> str:
    path = key_file(study.study)
    _check_place(path, study)
    try:
        if faults := open_to_others(path):
            raise UsageError(f"the key for pseudonyms is not kept secret: {faults}")
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        once = "; `synthetic: true` does without one only for the files that joyeval itself made"
        raise UsageError(
            f"no key for pseudonyms in {path}; make one with: joyeval key pipelines/{study.path.name}"
            + (once if study.synthetic else "")
        ) from None
    except UnicodeDecodeError:
        return ""


def _check_place(path: Path, study: Study) -> None:
    """Refuse a key that would be copied, published or archived together with what it protects."""
    folders = [study.folder, *(study.home / name for name in ("data", "reports", "notebooks", "pipelines"))]
    inside = [folder for folder in folders if path.resolve().is_relative_to(folder.resolve())]
    if inside:
        raise UsageError(
            f"the key {path} lies with the data, in {inside[0]}; move it elsewhere and set JOYEVAL_KEY_FILE"
        )


def open_to_others(path: Path) -> str:
    """Say who else may read a key, or put another one in its place; empty if nobody."""
    if os.name != "posix":  # there, access is not told by modes
        return ""
    if mode := path.stat().st_mode & 0o077:
        return f"others may {'write' if mode & 0o022 else 'read'} {path}; mend it with: chmod 600 {path}"
    folder = path.resolve().parent
    mode = folder.stat().st_mode
    if mode & 0o002 and not mode & 0o1000:
        return f"others may put another key into {folder}; mend it with: chmod o-w {folder}"
    return ""


def _can_be_guessed(key: bytes) -> bool:
    """Few different bytes, bytes in equal steps, or words: none of it comes from a draw."""
    steps = {(second - first) % 256 for first, second in pairwise(key)}
    half = len(key) // 2
    return (
        len(set(key)) < FEWEST_DISTINCT
        or len(steps) < FEWEST_DISTINCT // 2
        or key[:half] == key[half : 2 * half]
        or key.isascii()
    )


def _existing(study: Study) -> Path:
    path = key_file(study.study)
    if "JOYEVAL_KEY" in os.environ:
        raise UsageError("the key stands in the environment (JOYEVAL_KEY); change or remove it there")
    if not path.exists():
        raise UsageError(f"there is no key for pseudonyms in {path}")
    return path


def _write(path: Path, flags: int = 0) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
