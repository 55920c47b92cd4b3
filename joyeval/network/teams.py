"""Teams of all cohorts: how many improved beside what chance would give, by cohort and by organisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError
from joyeval.models import meta_analysis
from joyeval.result import Result

if TYPE_CHECKING:
    from joyeval.study import Study

COUNTS = ["judged", "improved", "improved_clear", "deteriorated", "deteriorated_clear", "unchanged", "cannot_tell"]
ALL = "All"


@dataclass(frozen=True, kw_only=True, eq=False)
class TeamTotals(Result):
    """Verdicts on the teams of all cohorts; `n` counts teams that could be judged, `n_dropped` the others.

    Parameters
    ----------
    teams : DataFrame
        One row per measure and team: cohort, organisation, measure, team, verdict, before, after, change, se, relative.
    counts : DataFrame
        One row per measure and cohort, and one for all: judged, improved, improved_clear, deteriorated,
        deteriorated_clear, unchanged, cannot_tell, expected_false (signals if nothing had changed).
    rules : str
        The rule set, in words.
    """

    teams: pd.DataFrame
    counts: pd.DataFrame
    rules: str

    def tidy(self) -> pd.DataFrame:
        """Return the change of every team as an estimate."""
        return self.teams.rename(columns={"change": "estimate"}).assign(term=self.teams["team"])

    def sentence(self) -> str:
        """Say how many improved and deteriorated, and how many would by chance."""
        total = self.counts[self.counts["cohort"] == ALL].select_dtypes("number").sum()
        if not total["judged"]:
            return f"None of the {len(self.teams)} series of teams can be judged: they have too few points."
        return (
            f"Of {total['judged']:.0f} series of teams in {self.teams['cohort'].nunique()} cohorts, "
            f"{total['improved']:.0f} improved ({total['improved_clear']:.0f} with an interval that leaves no change "
            f"out), {total['deteriorated']:.0f} deteriorated ({total['deteriorated_clear']:.0f}) and "
            f"{total['unchanged']:.0f} did neither ({self.rules}). If nothing had changed, "
            f"{total['expected_false']:.1f} would be flagged, half of them as improved."
        )


def team_totals(study: Study) -> TeamTotals | None:
    """Add up the verdicts of the cohorts; None where no cohort has pulses."""
    teams, counts, notes, rules = [], [], [], []
    for cohort in study.cohorts:
        store = study.store(cohort.cohort)
        if "improvement_verdicts" not in store.results():
            continue
        found = store.result("improvement_verdicts")
        who = store.table("teams")[["team", "organisation", "directorate"]]
        teams.append(found.teams.merge(who, on="team", how="left").assign(cohort=cohort.title))
        counts.append(found.counts.assign(cohort=cohort.title))
        notes += found.notes
        rules.append(found.rules)
    if not teams:
        return None
    table, by_cohort = pd.concat(teams, ignore_index=True), pd.concat(counts, ignore_index=True)
    numbers = [*COUNTS, "expected_false"]
    total = by_cohort.groupby("measure", sort=False)[numbers].sum().reset_index().assign(cohort=ALL)
    return TeamTotals(
        teams=table,
        counts=pd.concat([by_cohort, total], ignore_index=True)[["measure", "cohort", *numbers]],
        rules=" / ".join(dict.fromkeys(rules)),
        n=int(total["judged"].sum()),
        n_dropped=int(total["cannot_tell"].sum()),
        notes=tuple(dict.fromkeys(notes)),
    )


def organisations(study: Study, totals: TeamTotals) -> pd.DataFrame:
    """Return verdicts and the mean change of the teams of each organisation, in order of name.

    Parameters
    ----------
    totals : TeamTotals

    Returns
    -------
    DataFrame
        measure, organisation, teams, improved, deteriorated, unchanged, before, estimate, ci_low, ci_high, relative:
        the mean change is over teams, each a draw from the organisation's teams (random effects, Hartung-Knapp).
    """
    names = {organisation.code: organisation.name for organisation in study.organisations}
    rows = []
    for (measure, code), teams in totals.teams.groupby(["measure", "organisation"]):
        verdicts = {name: int((teams["verdict"] == name).sum()) for name in ("improved", "deteriorated", "unchanged")}
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
