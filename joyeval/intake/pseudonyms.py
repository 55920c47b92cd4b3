"""Pseudonyms: a keyed hash in place of a person, made from what the person wrote, never from where it stands."""

from __future__ import annotations

import hmac
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LENGTH = 32  # hexadecimal digits of a pseudonym: 128 bits, so that two people never share one by chance


def pseudonyms(
    texts: Iterable[str | None], key: bytes, *, purpose: str, within: Sequence[str] = ()
) -> list[str | None]:
    """Return a pseudonym for each text; the same text in other letters or spaces gets the same one.

    Parameters
    ----------
    texts : iterable of str or None
        Codes; None stays None.
    purpose : str
        Pseudonyms made for different purposes cannot be linked to each other.
    within : sequence of str
        Study and cohort: one person has another pseudonym in another study.

    Examples
    --------
    >>> first, second, none = pseudonyms(["AB12", " ab12 ", None], bytes(32), purpose="person")
    >>> first == second, len(first), none
    (True, 32, None)
    """
    base = hmac.new(key, "\0".join((purpose, *within, "")).encode("utf-8"), "sha256")
    return [None if text is None else _one(base, text) for text in texts]


def distinct(texts: Iterable[str], key: bytes, *, purpose: str, within: Sequence[str] = ()) -> list[str]:
    """Return a pseudonym for each of several people, who may have written the same; each gets one of their own."""
    made, seen = list(texts), Counter()
    for place, name in enumerate(pseudonyms(made, key, purpose=purpose, within=within)):
        again = f"{made[place]}\0{seen[name]}"
        made[place] = pseudonyms([again], key, purpose=purpose, within=within)[0] if seen[name] else name
        seen[name] += 1
    return made


def _one(base: hmac.HMAC, text: str) -> str:
    made = base.copy()
    made.update(unicodedata.normalize("NFKC", text).casefold().strip().encode("utf-8"))
    return made.hexdigest()[:LENGTH]
