"""The rule of each audience: how few people are too few, and how exact is too exact."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from joyeval.errors import DisclosureError, UsageError
from joyeval.study import FEWEST_PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from joyeval.study import Study

THRESHOLD = FEWEST_PEOPLE["public"]
GIVES_AWAY = "suppressed (would give away a small group)"


@dataclass(frozen=True)
class Rule:
    """What one audience may see. Every threshold and every rounding stands here and nowhere else.

    Parameters
    ----------
    threshold : int
        Fewest people behind a statistic; below 11 only with a reason.
    nearest : int
        Counts are shown to the nearest multiple of this, and percentages whole, from rounded counts; 1 shows counts
        as they are, and shares with one decimal.
    ends : bool
        Whether a percentage near 0 or 100 is shown as "5% or less" and "95% or more", since 0% and 100% speak of
        everyone in the group.
    vague : int
        A suppressed count of a table with totals must be uncertain by at least this much to who knows the rest.
    reason : str
        Why the threshold is lower; printed in the report.
    audience : str
        Who reads: "public", "programme" or "team".
    readers : str
        The same in words, for the pages of an edition that is not public.
    fine : int
        People from whom on a percentage is shown with one decimal.
    answers : int
        Fewest answers behind one point of a series.
    alike : int
        Answers below which a point is not shown where all of them, or none, were positive.

    Raises
    ------
    DisclosureError
        A threshold below 11 without a reason.
    UsageError
        A number that protects nothing.
    """

    threshold: int = THRESHOLD
    nearest: int = 5
    ends: bool = True
    vague: int = 5
    reason: str = ""
    audience: str = "public"
    readers: str = ""
    fine: int = 200
    answers: int = 0
    alike: int = 0

    def __post_init__(self) -> None:
        if self.threshold < THRESHOLD and not self.reason.strip():
            raise DisclosureError((), f"disclosure: a threshold of {self.threshold}, below {THRESHOLD}, needs a reason")
        if self.threshold < 2 or self.nearest < 1 or self.vague < 1:
            raise UsageError("disclosure: the threshold is at least 2; what counts are rounded to, at least 1")

    def rounded(self, counts: Any) -> np.ndarray:
        """Return counts to the nearest multiple."""
        import numpy as np

        return np.round(np.asarray(counts, dtype=float) / self.nearest) * self.nearest

    def percent(self, part: Any, whole: Any, people: Any = None) -> np.ndarray:
        """Return percentages of rounded counts: whole, or with one decimal where `fine` people stand behind them.

        Parameters
        ----------
        part, whole : array of int
            Counts, not rounded.
        people : array of int, optional
            Who stands behind each; default `whole`.
        """
        import numpy as np

        top, base = self.rounded(part), self.rounded(whole)
        share = 100 * np.clip(np.divide(top, base, out=np.full(np.shape(top), np.nan), where=base > 0), 0, 1)
        fine = np.asarray(whole if people is None else people, dtype=float) >= self.fine
        return np.where(fine | (self.nearest == 1), share.round(1), share.round())

    @property
    def smallest_shown(self) -> int:
        """The smallest count that can stand in a table: the threshold, rounded."""
        return int(self.rounded(self.threshold))

    @property
    def uncertain(self) -> int:
        """How far apart a suppressed count can lie: `vague`, or as far as there are numbers below the threshold."""
        return min(self.vague, self.threshold - 1)

    @property
    def why(self) -> str:
        """Why a statistic over too few people is not shown."""
        return suppressed(self.threshold)

    @property
    def too_little(self) -> str:
        """What is too little to rest on, in words."""
        people = f"fewer than {self.threshold} people"
        few = f"fewer than {self.answers} answers, or on fewer than {self.alike} that are all alike"
        return f"{people}, {few}" if self.answers else people


PROGRAMME = Rule(
    threshold=FEWEST_PEOPLE["programme"],
    audience="programme",
    reason="for the programme team, under its own agreement",
)
TEAM = Rule(
    threshold=FEWEST_PEOPLE["team"],
    nearest=1,
    ends=False,
    audience="team",
    reason="It holds the team's own answers to the pulses, and no other team's.",
    readers="the team itself",
    answers=3,
    alike=5,
)
RULES = {"public": Rule(), "programme": PROGRAMME, "team": TEAM}
FACILITATOR = Rule(
    threshold=5,
    nearest=1,
    audience="facilitator",
    reason="for the facilitator and the groups themselves; not to be published",
)
RANK = {"public": 0, "programme": 1, "team": 2, "facilitator": 2}  # what is made for one may go to those behind it
_READER: ContextVar[Rule | None] = ContextVar("reader", default=None)
_READERS: list[Rule] = [RULES["public"]]  # of this process: a notebook's kernel


def rule_of(study: Study, audience: str | None = None, *, team: str = "") -> Rule:
    """Return the rule of an audience of a study.

    Parameters
    ----------
    audience : str, optional
        "public", "programme" or "team"; default who is read for here: see `reading`.
    team : str
        Of the audience "team": which one.

    Raises
    ------
    DisclosureError
        An audience that the study file does not name, or a threshold lowered without a reason.
    """
    audience, stated = audience or reader().audience, study.disclosure
    if audience == "public":
        return Rule(threshold=stated.threshold, reason=stated.reason)
    if audience not in stated.audiences:
        named = ", ".join(stated.audiences)
        raise DisclosureError(
            (), f"no audience {audience!r} in {study.path.name}; `disclosure: audiences` names {named}"
        )
    if audience == "programme":
        own = stated.programme
        reason = f"{own.reason} ({own.date.day} {own.date:%B %Y})"
        return replace(PROGRAMME, threshold=own.threshold, reason=reason, readers=own.readers)
    return replace(TEAM, readers=team or TEAM.readers)


def readers() -> tuple[Rule, ...]:
    """Return for whom this notebook is read; the public, if it did not say."""
    return tuple(_READERS)


def read_for(*rules: Rule) -> None:
    """Say for whom the sections of this notebook are; each is shown once for each of them."""
    _READERS[:] = rules


@contextmanager
def reading(rule: Rule) -> Iterator[None]:
    """Show results by this rule for the length of the block."""
    token = _READER.set(rule)
    try:
        yield
    finally:
        _READER.reset(token)


def reader() -> Rule:
    """Return the rule of who is read for here."""
    return _READER.get() or _READERS[0]


def may_read(audience: str) -> bool:
    """Whether what is made for an audience may go to those who are read for here."""
    return RANK[audience] <= RANK[reader().audience]


def in_section() -> bool:
    """Whether what is said here is for one audience alone."""
    return _READER.get() is not None


def suppressed(threshold: int = THRESHOLD) -> str:
    """Return the words that stand where a statistic is not shown.

    Examples
    --------
    >>> suppressed()
    'suppressed (fewer than 11)'
    """
    return f"suppressed (fewer than {threshold})"


def may_show(n: Any, *, of: Any = None, rule: Rule | None = None) -> Any:
    """Whether a statistic over `n` people may be shown, beside the same statistic over all `of` people.

    Parameters
    ----------
    n, of : int or array of int
        People behind the group, and behind the whole that it is part of. The rest of the whole can be worked out by
        subtraction, so it must be empty or large enough too.

    Examples
    --------
    >>> may_show(34), may_show(34, of=40), may_show(34, of=34)
    (True, False, True)
    """
    least = (rule or Rule()).threshold
    enough = n >= least
    return enough if of is None else enough & ((of - n <= 0) | (of - n >= least))
