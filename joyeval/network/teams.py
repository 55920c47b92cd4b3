"""Teams of all cohorts: how many got clearly better or worse beside what chance would give, by cohort and place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError
from joyeval.judgement import NOT_JUDGED, VERDICTS, about, key, tally
from joyeval.models import meta_analysis
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joyeval.improvement import Verdicts
    from joyeval.study import Cohort, Study

COUNTS = ["judged", *map(key, VERDICTS), "expected_clear", "charts", "signals", "expected_signals"]
ALL = "All"


@dataclass(frozen=True, kw_only=True, eq=False)
class TeamTotals(Result):
    """Verdicts on the teams of all cohorts; `n` counts teams that could be judged, `n_dropped` the others.

    Parameters
    ----------
    teams : DataFrame
        One row per measure and team: cohort, organisation, measure, team, verdict, before, after, change, se, relative.
    counts : DataFrame
        One row per measure and cohort, and one for all: judged, a count for each verdict, expected_clear, charts,
        signals, expected_signals (see `joyeval.improvement.Verdicts`).
    rules : str
        The rule set, in words.
    """

    teams: pd.DataFrame
    counts: pd.DataFrame
    rules: str

    def tidy(self) -> pd.DataFrame:
        """Return the change of every team as an estimate."""
        return self.teams.rename(columns={"change": "estimate"}).assign(term=self.teams["team"])

    def counting(self, counts: Mapping[str, pd.DataFrame]) -> TeamTotals:
        """Return the same with the counts of each cohort, by its title, and their sum."""
        by_cohort = pd.concat([table.assign(cohort=title) for title, table in counts.items()], ignore_index=True)
        total = by_cohort.groupby("measure", sort=False)[COUNTS].sum().reset_index().assign(cohort=ALL)
        return replace(
            self,
            n=int(total["judged"].sum()),
            n_dropped=int(total[key(NOT_JUDGED)].sum()),
            counts=pd.concat([by_cohort, total], ignore_index=True)[["measure", "cohort", *COUNTS]],
        )

    def sentence(self) -> str:
        """Say how many got clearly better and worse, and how many would look so by chance."""
        total = self.counts[self.counts["cohort"] == ALL].select_dtypes("number").sum()
        if not total["judged"]:
            return f"None of the {len(self.teams)} series of teams can be judged: they have too few points."
        found = tally({word: total[key(word)] for word in VERDICTS[:-1]})
        chance = about(total["expected_clear"])
        return (
            f"Of {total['judged']:.0f} series of teams in {self.teams['cohort'].nunique()} cohorts: {found} (by the "
            f"interval of each change). If nothing had changed, about {chance} would look clear. Charts with a signal: "
            f"{total['signals']:.0f} of {total['charts']:.0f} ({self.rules}); {total['expected_signals']:.1f} if "
            "nothing had changed."
        )


def cohort_verdicts(study: Study) -> Iterator[tuple[Cohort, Verdicts, pd.DataFrame]]:
    """Yield the cohorts whose teams were judged, the verdicts, and the teams."""
    for cohort in study.cohorts:
        store = study.store(cohort.cohort)
        if "improvement_verdicts" in store.results():
            yield cohort, store.result("improvement_verdicts"), store.table("teams")


def team_totals(study: Study) -> TeamTotals | None:
    """Add up the verdicts of the cohorts; None where no cohort has pulses."""
    teams, counts, notes, rules = [], {}, [], []
    for cohort, found, listed in cohort_verdicts(study):
        who = listed[["team", "organisation", "directorate"]]
        teams.append(found.teams.merge(who, on="team", how="left").assign(cohort=cohort.title))
        counts[cohort.title] = found.counts
        notes += found.notes
        rules.append(found.rules)
    if not teams:
        return None
    totals = TeamTotals(
        teams=pd.concat(teams, ignore_index=True),
        counts=pd.DataFrame(),
        rules=" / ".join(dict.fromkeys(rules)),
        n=0,
        notes=tuple(dict.fromkeys(notes)),
    )
    return totals.counting(counts)


def organisations(study: Study, totals: TeamTotals, *, named: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return verdicts and the mean change of the teams of each organisation, in order of name.

    Parameters
    ----------
    totals : TeamTotals
    named : DataFrame, optional
        cohort, measure and team of those whose verdicts are counted; default all.

    Returns
    -------
    DataFrame
        measure, organisation, teams, a count for each verdict but the last, before, estimate, ci_low, ci_high,
        relative: the mean change is over teams, each a draw from the organisation's teams (random effects,
        Hartung-Knapp).
    """
    names = {organisation.code: organisation.name for organisation in study.organisations}
    rows = []
    keys = ["cohort", "measure", "team"]
    every = pd.MultiIndex.from_frame(totals.teams[keys])
    of_named = totals.teams["verdict"]
    if named is not None:
        of_named = of_named.where(every.isin(pd.MultiIndex.from_frame(named[keys])))
    for (measure, code), teams in totals.teams.groupby(["measure", "organisation"]):
        verdicts = {key(word): int((of_named[teams.index] == word).sum()) for word in VERDICTS[:-1]}
        who = {"measure": measure, "organisation": names.get(code, code), "teams": len(teams)}
        rows.append(who | verdicts | _mean_change(teams))
    return pd.DataFrame(rows)


def _mean_change(teams: pd.DataFrame) -> dict[str, float]:
    before = float(teams["before"].mean())
    try:
        mean = meta_analysis(teams["change"].to_numpy(), teams["se"].to_numpy()).terms.iloc[0]
    except ModelError:
        return {"before": before}
    change = {name: float(mean[name]) for name in ("estimate", "ci_low", "ci_high")}
    return {"before": before} | change | {"relative": change["estimate"] / before if before else float("nan")}
