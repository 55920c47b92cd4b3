"""One word for a change: the interval that is drawn decides it, everywhere the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

BETTER, WORSE, CHANGED = "clearly better", "clearly worse", "clearly changed"
NOT_CLEAR, NOT_JUDGED = "not clear", "cannot be judged"
VERDICTS = (BETTER, WORSE, CHANGED, NOT_CLEAR, NOT_JUDGED)


def verdict(low: ArrayLike, high: ArrayLike, *, good: ArrayLike = 0) -> np.ndarray:
    """Return the verdict on each change: clear where its interval leaves out no change.

    Parameters
    ----------
    low, high : array of float
        Ends of the interval, not rounded; missing where the data cannot say.
    good : array of int
        1 where more is better, -1 where less is, 0 where neither is, or where nothing was named beforehand to compare
        with.

    Returns
    -------
    array of str
        "clearly better", "clearly worse", "clearly changed", "not clear" or "cannot be judged".

    Examples
    --------
    >>> verdict([0.2, -0.1, -3.0, float("nan")], [4.0, 2.0, -1.0, float("nan")], good=1).tolist()
    ['clearly better', 'not clear', 'clearly worse', 'cannot be judged']
    >>> verdict(0.2, 4.0).item()
    'clearly changed'
    """
    low, high, good = np.asarray(low, float), np.asarray(high, float), np.asarray(good)
    way = np.where(low > 0, 1, np.where(high < 0, -1, 0)) * np.where(good == 0, 1, good)
    words = [NOT_JUDGED, NOT_CLEAR, CHANGED, BETTER]
    return np.select([np.isnan(low) | np.isnan(high), way == 0, good == 0, way > 0], words, WORSE).astype(object)


def clear(low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """Return whether an interval leaves out no change; one that is missing does not.

    Examples
    --------
    >>> clear([0.2, -0.1, float("nan")], [4.0, 2.0, float("nan")]).tolist()
    [True, False, False]
    """
    return (np.asarray(low, float) > 0) | (np.asarray(high, float) < 0)


def key(word: str) -> str:
    """Return the name of the column that counts a verdict.

    Examples
    --------
    >>> key("clearly better")
    'clearly_better'
    """
    return word.replace(" ", "_")


def tally(counts: Mapping[str, float]) -> str:
    """Name the verdicts that there are, each with its number.

    Examples
    --------
    >>> tally({"not clear": 3, "clearly worse": 0, "clearly better": 2})
    '2 clearly better, 3 not clear'
    """
    return ", ".join(f"{counts[word]:.0f} {word}" for word in VERDICTS if counts.get(word, 0))


def about(expected: float) -> str:
    """Return how many one would expect by chance, as exactly as one can mean it.

    Examples
    --------
    >>> about(0.15), about(1.1)
    ('0.1', '1')
    """
    return f"{expected:.1f}" if expected < 1 else f"{expected:.0f}"
