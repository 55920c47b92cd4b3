"""The rule: how few is too few, and how exact is too exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joyeval.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from joyeval.study import Study

THRESHOLD = 11  # fewest valid answers behind a statistic that is shown
GIVES_AWAY = "suppressed (would give away a small group)"


@dataclass(frozen=True)
class Rule:
    """What a study may show.

    Parameters
    ----------
    threshold : int
        Fewest valid answers behind a statistic; below 11 only with a reason.
    nearest : int
        Counts are shown to the nearest multiple of this; 1 shows them as they are.
    ends : bool
        Whether a percentage near 0 or 100 is shown as "5% or less" and "95% or more", since 0% and 100% speak of
        everyone in the group.
    vague : int
        A suppressed count of a table with totals must be uncertain by at least this much to who knows the rest.
    reason : str
        Why the threshold is lower; printed in the report.

    Raises
    ------
    UsageError
        A threshold below 11 without a reason, or a number that protects nothing.
    """

    threshold: int = THRESHOLD
    nearest: int = 5
    ends: bool = True
    vague: int = 5
    reason: str = ""

    def __post_init__(self) -> None:
        if self.threshold < THRESHOLD and not self.reason.strip():
            raise UsageError(f"disclosure: a threshold of {self.threshold}, below {THRESHOLD}, needs a reason")
        if self.threshold < 2 or self.nearest < 1 or self.vague < 1:
            raise UsageError("disclosure: the threshold is at least 2; what counts are rounded to, at least 1")

    def rounded(self, counts: Any) -> np.ndarray:
        """Return counts to the nearest multiple."""
        import numpy as np

        return np.round(np.asarray(counts, dtype=float) / self.nearest) * self.nearest

    @property
    def smallest_shown(self) -> int:
        """The smallest count that can stand in a table: the threshold, rounded."""
        return int(self.rounded(self.threshold))


def suppressed(threshold: int = THRESHOLD) -> str:
    """Return the words that stand where a statistic is not shown.

    Examples
    --------
    >>> suppressed()
    'suppressed (fewer than 11)'
    """
    return f"suppressed (fewer than {threshold})"


def may_show(n: Any, *, of: Any = None, rule: Rule | None = None) -> Any:
    """Whether a statistic over `n` valid answers may be shown, beside the same statistic over all `of` answers.

    Parameters
    ----------
    n, of : int or array of int
        Valid answers of the group, and of the whole that it is part of. The rest of the whole can be worked out by
        subtraction, so it must be empty or large enough too.

    Examples
    --------
    >>> may_show(34), may_show(34, of=40), may_show(34, of=34)
    (True, False, True)
    """
    least = (rule or Rule()).threshold
    enough = n >= least
    return enough if of is None else enough & ((of - n <= 0) | (of - n >= least))


def rule_of(study: Study) -> Rule:
    """Return the rule that a study file states."""
    return Rule(threshold=study.disclosure.threshold, reason=study.disclosure.reason)
