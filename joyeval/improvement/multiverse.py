"""How much the count of improved teams owes to the rule set and the baseline that were chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval.improvement.charts import chart
from joyeval.improvement.rules import RuleSet, named
from joyeval.improvement.verdicts import count_verdicts, verdicts
from joyeval.judgement import BETTER, WORSE, key
from joyeval.result import Result
from joyeval.wording import span

if TYPE_CHECKING:
    from collections.abc import Sequence


CHOICE = ["rules", "baseline"]
CHANCE = 0.05  # that an interval of a stable series leaves out no change
NO_BASELINE = "none"  # halves are compared, of which neither is better


@dataclass(frozen=True, kw_only=True, eq=False)
class Multiverse(Result):
    """Counts of verdicts under every choice; `n` counts series.

    Parameters
    ----------
    counts : DataFrame
        One row per choice: rules, baseline (as given; "none": halves are compared), then the counts of `Verdicts`.
    teams : DataFrame
        One row per choice and series: rules, baseline, the `by` columns, verdict, signal, false_alarm.
    """

    counts: pd.DataFrame
    teams: pd.DataFrame

    def among(self, named: pd.DataFrame) -> Multiverse:
        """Return the counts over some of the series only, named by the `by` columns."""
        kept = self.teams.merge(named, on=list(named))
        return replace(self, n=len(named), teams=kept, counts=count_verdicts(kept, CHOICE, CHANCE))

    def tidy(self) -> pd.DataFrame:
        """Return the counts, one row per choice."""
        return self.counts

    def sentence(self) -> str:
        """Say how far the counts spread over the choices."""
        if not self.n:
            return "Whether other rules would have said the same is not told: too few people stand behind each series."
        expected, signals = self.counts["expected_signals"], self.counts["signals"]
        named = self.counts[self.counts["baseline"] != NO_BASELINE]
        better, worse = (span(named[key(word)].min(), named[key(word)].max()) for word in (BETTER, WORSE))
        judged = f"with a baseline {better} got clearly better, {worse} clearly worse; " if len(named) else ""
        choices = f"{len(self.counts)} choices of rule set and baseline"
        return (
            f"Over {choices}, for {self.n} series: {judged}charts with a signal: {span(signals.min(), signals.max())}, "
            f"where {span(expected.min(), expected.max(), '.1f')} would have one if nothing had changed."
        )


def multiverse(
    data: pd.DataFrame,
    *,
    rules: Sequence[str | RuleSet] = ("anhoej", "mdc-2023", "ihi-run"),
    baselines: Sequence[Any] = (None, 12, 20),
    **call: Any,
) -> Multiverse:
    """Judge the same series by several rule sets and baselines.

    Parameters
    ----------
    data : DataFrame
        As for `chart`.
    rules : sequence of str or RuleSet
        Rule sets to try.
    baselines : sequence
        Values of `freeze` to try: None, positions or dates.
    **call
        The rest of the call of `chart`: x, y, n, by, kind, improve, ...

    Returns
    -------
    Multiverse

    References
    ----------
    Steegen, Tuerlinckx, Gelman & Vanpaemel (2016) doi:10.1177/1745691616658637.
    """
    tables = []
    for rule_set in map(named, rules):
        for baseline in baselines:
            found = verdicts(chart(data, rules=rule_set, freeze=baseline, **call)).teams
            here = found[[*found.columns[: found.columns.get_loc("verdict") + 1], "signal", "false_alarm"]]
            here.insert(0, "rules", rule_set.name)
            here.insert(1, "baseline", _told(baseline))
            tables.append(here)
    teams = pd.concat(tables, ignore_index=True)
    return Multiverse(
        n=len(tables[0]),
        notes=("The choices were not all made before looking at the data: read the spread, not the best row.",),
        counts=count_verdicts(teams, CHOICE, CHANCE),
        teams=teams,
    )


def _told(baseline: Any) -> str:
    """Name a baseline: a table of baselines is the one that the study names."""
    if isinstance(baseline, pd.DataFrame):
        return "as named"
    return NO_BASELINE if baseline is None else str(baseline)
