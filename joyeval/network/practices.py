"""What teams did, and how much they improved: exploring, with correction for the number of practices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError
from joyeval.models import adjust_family, regression
from joyeval.result import NoAnswer, Result
from joyeval.wording import counted, listed

if TYPE_CHECKING:
    from joyeval.network.teams import TeamTotals
    from joyeval.study import Study

FEWEST_TEAMS = 20  # below, a slope among teams of several cohorts says nothing
YEAR = 365.25  # days


@dataclass(frozen=True, kw_only=True, eq=False)
class Practices(Result):
    """How the change of teams goes with how often they used each practice; `n` counts teams.

    Parameters
    ----------
    table : DataFrame
        practice, estimate (percentage points of change for one more use a year), ci_low, ci_high, p, p_adjusted
        (Benjamini-Hochberg), n, median_use (uses a year of the median team).
    """

    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per practice."""
        return self.table.assign(term=self.table["practice"])

    def sentence(self) -> str:
        """Say which practices went with more improvement, and which with less, after correction."""
        sure = self.table["p_adjusted"] < 0.05
        ways = {"more": sure & (self.table["estimate"] > 0), "less": sure & (self.table["estimate"] < 0)}
        parts = [
            f"{len(rows)} went with {way} improvement ({self._named(rows)})"
            for way, which in ways.items()
            if len(rows := self.table[which])
        ]
        parts += [f"of {left} it cannot be told"] if (left := int((~sure).sum())) else []
        return (
            f"Of {counted(len(self.table), 'practice')} among {self.n} teams {listed(parts)}, after correction for "
            "their number. This explores; it proves nothing."
        )

    def _named(self, rows: pd.DataFrame) -> str:
        return ", ".join(f"{row.practice} {row.estimate:+.1f} points" for row in rows.itertuples())


def practices(study: Study, totals: TeamTotals) -> Result:
    """Regress the change of teams on how often each practice was used, one practice at a time.

    Teams are compared with teams of their own cohort at the same level before, so that a cohort's time and return to
    the average do not pose as an effect. Errors are robust to unequal spread (CR2).

    Returns
    -------
    Practices, or NoAnswer
        Where too few teams logged what they did.
    """
    question = "which practices went with improvement"
    measure = totals.teams["measure"].iloc[0]
    teams = totals.teams[totals.teams["measure"] == measure].dropna(subset=["change", "before"])
    used = _used(study, teams)
    if len(teams) < FEWEST_TEAMS or used.empty:
        reason = f"{len(teams)} teams with a change and {used.shape[1]} kinds of practice logged by teams; needs "
        return NoAnswer(n=len(teams), question=question, reason=f"{reason}{FEWEST_TEAMS} teams and one practice")
    rows = [row for kind in used if (row := _slope(teams, used[kind], kind)) is not None]
    if not rows:
        return NoAnswer(n=len(teams), question=question, reason="no practice differs between teams")
    table = pd.DataFrame(rows)
    corrected = adjust_family(table, declared=list(table["practice"]), method="bh", name="practice").tidy()
    return Practices(
        table=corrected.drop(columns="rejected").sort_values("practice", ignore_index=True),
        n=len(teams),
        notes=(
            "teams chose their practices: those who were improving anyway may have done more",
            "what was not logged counts as not done",
        ),
    )


def _used(study: Study, teams: pd.DataFrame) -> pd.DataFrame:
    """Return uses a year by team (row) and practice (column); what reached whole cohorts tells teams not apart."""
    parts = []
    for cohort in study.cohorts:
        events = study.store(cohort.cohort).table("events")
        years = (cohort.end - cohort.start).days / YEAR
        own = events[events["scope"] == "team"]
        parts.append(own.groupby(["scope_id", "kind"]).size().div(years))
    table = pd.concat(parts).groupby(level=[0, 1]).sum().unstack(fill_value=0.0)
    return table.reindex(teams["team"], fill_value=0.0).reset_index(drop=True)


def _slope(teams: pd.DataFrame, uses: pd.Series, kind: str) -> dict[str, object] | None:
    data = teams[["change", "before", "cohort"]].assign(use=uses.to_numpy()).reset_index(drop=True)
    spread = data.groupby("cohort")["use"].agg(["min", "max"])
    if (spread["min"] == spread["max"]).all():
        return None
    try:
        fit = regression("change ~ use + before + C(cohort)", data)
    except ModelError:
        return None
    row = fit.terms.set_index("term").loc["use"]
    numbers = {name: float(row[name]) for name in ("estimate", "se", "ci_low", "ci_high", "p")}
    return {"practice": kind, **numbers, "n": fit.n, "median_use": float(data["use"].median())}
