"""Rule sets as data: named, versioned, and every number that decides a signal in one place.

Tools that claim the same rules disagree, so a chart names its rule set and `RULES` says what it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from joyeval.errors import UsageError

FEWEST_POINTS = 12  # below this a chart is a run chart without a judgement (Making Data Count; Anhøj & Olesen 2014)
D2 = 1.128  # mean range of two points in standard deviations (Montgomery, appendix VI)
D2_OF_266 = 3 / 2.66  # the same constant as rounded by Making Data Count: limits at mean +- 2.66 mean ranges


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """One set of rules that tell a signal from chance.

    Parameters
    ----------
    name, title, source : str
        Key, words for a chart, and where the rules are published.
    beyond : bool
        Points outside the 3-sigma limits.
    runs : {"anhoej", "best-box", "cut-box"}, optional
        Test of the longest run and the number of crossings of the centre line, one answer per chart.
    shift, trend : int, optional
        Points in a row on one side of the centre, or rising (falling) one after the other.
    shift_on_run_chart : int, optional
        The same on run charts, where it differs.
    two_of_three : {"outer third", "beyond 2 sigma"}, optional
        Two of three points in a row far out on one side, the third on that side too; "outer third" leaves
        points beyond 3 sigma out of the count.
    ties : {"skip", "break"}
        What a point on the centre line does to a shift, and a repeated value to a trend.
    screen : bool or "median"
        Drop moving ranges above 3.267 times their mean once, then recompute (Nelson 1982); "median" rests
        sigma on the median range instead, over 0.954 (Wheeler).
    d2 : float
        Mean range of two points in standard deviations.
    limits_from : int
        Fewest plotted points of a part for which limits are drawn.
    """

    name: str
    title: str
    source: str
    beyond: bool = True
    runs: Literal["anhoej", "best-box", "cut-box"] | None = None
    shift: int | None = None
    trend: int | None = None
    shift_on_run_chart: int | None = None
    two_of_three: Literal["outer third", "beyond 2 sigma"] | None = None
    ties: Literal["skip", "break"] = "skip"
    screen: bool | Literal["median"] = True
    d2: float = D2
    limits_from: int = FEWEST_POINTS

    def shift_for(self, kind: str) -> int | None:
        """Return the length of a shift on this kind of chart."""
        return self.shift_on_run_chart if kind == "run" and self.shift_on_run_chart else self.shift


_ALL = (
    RuleSet(
        name="anhoej",
        title="Anhøj runs tests and 3-sigma limits",
        source="Anhøj & Olesen 2014, doi:10.1371/journal.pone.0113825; Nelson 1982 (screened ranges)",
        runs="anhoej",
    ),
    RuleSet(
        name="best-box",
        title="Anhøj runs tests (best box) and 3-sigma limits",
        source="Anhøj & Wentzel-Larsen 2020, doi:10.1371/journal.pone.0233920",
        runs="best-box",
    ),
    RuleSet(
        name="cut-box",
        title="Anhøj runs tests (cut box) and 3-sigma limits",
        source="Anhøj & Wentzel-Larsen 2020, doi:10.1371/journal.pone.0233920",
        runs="cut-box",
    ),
    RuleSet(
        name="mdc-2023",
        title="NHS Making Data Count 2023: 3 sigma, shift 7, trend 7, two of three",
        source="NHS England, Making Data Count; two of three as revised in November 2023",
        shift=7,
        trend=7,
        two_of_three="beyond 2 sigma",
        screen=False,
        d2=D2_OF_266,
    ),
    RuleSet(
        name="mdc-nhsr-0.2.2",
        title="Making Data Count as in NHSRplotthedots 0.2.2",
        source="NHSRplotthedots 0.2.2 (050b07d), results reproduced point by point",
        shift=7,
        trend=7,
        two_of_three="outer third",
        ties="break",
        d2=D2_OF_266,
        limits_from=2,
    ),
    RuleSet(
        name="ihi-run",
        title="IHI run chart rules: shift 6, trend 5",
        source="Perla, Provost & Murray 2011, doi:10.1136/bmjqs.2009.037895",
        beyond=False,
        shift=6,
        trend=5,
    ),
    RuleSet(
        name="elft",
        title="East London NHS Foundation Trust: shift 6 on run charts, shift 7 and 3 sigma on control charts",
        source="ELFT SPC guidelines v01, 5 July 2022, as cited by NHSRplotthedots thread 202",
        shift=7,
        shift_on_run_chart=6,
        screen=False,
    ),
)

RULES = {rule_set.name: rule_set for rule_set in _ALL}


def named(rules: str | RuleSet) -> RuleSet:
    """Return the rule set of that name; a `RuleSet` passes through.

    Raises
    ------
    UsageError
        There is no rule set of that name.

    Examples
    --------
    >>> named("mdc-2023").trend
    7
    """
    if isinstance(rules, RuleSet):
        return rules
    if rules in RULES:
        return RULES[rules]
    near = get_close_matches(str(rules), RULES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"no rule set {rules!r}; there are {', '.join(RULES)}{hint}")
