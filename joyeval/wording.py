"""Small words that sentences share: a number with its noun, a list, a range."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LARGE = 20  # the largest of some numbers, from which on they are told whole
MOST = 4  # decimals


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "team"), counted(2, "team-period"), counted(1200, "team")
    ('1 team', '2 team-periods', '1,200 teams')
    """
    return f"{n:,.0f} {noun}{'' if n == 1 else 's'}"


def decimals(values: Iterable[float]) -> int:
    """Return how many decimals tell these numbers beside each other: as few as leave none but 0 at 0.

    Examples
    --------
    >>> decimals([2470, -4515.1, 9454.7]), decimals([3.2, 0.4, 6.0]), decimals([3.2, 0.04, 6.4]), decimals([1, 2, 3])
    (0, 1, 2, 0)
    """
    known = [abs(value) for value in values if value == value]
    if all(value % 1 == 0 for value in known):
        return 0
    fewest = 0 if max(known) >= LARGE else 1 if max(known) >= 1 else 2
    return next((n for n in range(fewest, MOST) if all(round(value, n) or not value for value in known)), MOST)


def listed(names: Sequence[object], last: str = "and") -> str:
    """Name everything, the last one after "and".

    Examples
    --------
    >>> listed(["role"]), listed(["role", "setting"], "or"), listed(["a", "b", "c"])
    ('role', 'role or setting', 'a, b and c')
    """
    *first, end = map(str, names)
    return f"{', '.join(first)} {last} {end}" if first else end


def span(low: float, high: float, style: str = "") -> str:
    """Return a range, or the one number where its ends are written alike.

    Examples
    --------
    >>> span(0.961, 0.964, ".2f"), span(6, 9), span(0.68, 0.69, ".0%")
    ('0.96', '6 to 9', '68% to 69%')
    """
    ends = [f"{low:{style}}", f"{high:{style}}"]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
