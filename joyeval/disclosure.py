"""What may leave the row-level data: the one place that decides what is shown.

The threshold counts valid answers behind a statistic, not people invited.
"""

from __future__ import annotations

THRESHOLD = 11  # fewest valid answers behind a statistic that is shown


def suppressed(threshold: int = THRESHOLD) -> str:
    """Return the words that stand where a statistic is not shown.

    Examples
    --------
    >>> suppressed()
    'suppressed (fewer than 11)'
    """
    return f"suppressed (fewer than {threshold})"
