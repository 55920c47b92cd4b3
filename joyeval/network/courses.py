"""The course of every cohort over the months of its programme, and where teams stand in its last months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.result import Result

if TYPE_CHECKING:
    from joyeval.study import Study

LAST_MONTHS = 3  # of a cohort, over which teams are compared


@dataclass(frozen=True, kw_only=True, eq=False)
class Courses(Result):
    """Shares of positive answers by month since each cohort began; `n` counts answers, `n_dropped` rows without any.

    Parameters
    ----------
    months : DataFrame
        ``measure, cohort, month`` (1 is the first of the cohort)``, positive, answers, value`` (per cent).
    begins : DataFrame
        ``cohort, month``: the month in which the programme began, after the baseline.
    """

    months: pd.DataFrame
    begins: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per measure, cohort and month."""
        return self.months

    def sentence(self) -> str:
        """Say what each cohort's first and last month was."""
        told = [
            f"{cohort} {rows['value'].iloc[0]:.0f}% in month {rows['month'].iloc[0]} and {rows['value'].iloc[-1]:.0f}% "
            f"in month {rows['month'].iloc[-1]}"
            for (_, cohort), rows in self.months.groupby(["measure", "cohort"], sort=False)
        ]
        return f"Shares of positive answers: {'; '.join(told)}."


def courses(study: Study) -> Courses | None:
    """Add up the pulses of each cohort by month since it began; None where no cohort has pulses."""
    parts, begins = [], []
    for cohort in study.cohorts:
        store = study.store(cohort.cohort)
        if "pulse" not in store.tables():
            continue
        pulse = store.table("pulse")
        parts.append(pulse.assign(cohort=cohort.title, month=_month(pulse["period"], cohort.start)))
        begins += [(cohort.title, _month(pd.Series([p.start]), cohort.start)[0]) for p in cohort.phases[1:2]]
    if not parts:
        return None
    rows = pd.concat(parts, ignore_index=True)
    keys = ["measure", "cohort", "month"]
    months = rows.groupby(keys, sort=False)[["positive", "answers"]].sum().reset_index().sort_values(keys)
    months = months[months["answers"] > 0].assign(value=lambda t: 100 * t["positive"] / t["answers"])
    ordered = pd.Categorical(months["cohort"], [c.title for c in study.cohorts], ordered=True)
    months = months.assign(place=ordered.codes).sort_values(["measure", "place", "month"]).drop(columns="place")
    return Courses(
        months=months.reset_index(drop=True),
        begins=pd.DataFrame(begins, columns=["cohort", "month"]),
        n=int(months["answers"].sum()),
        n_dropped=int((rows["answers"].fillna(0) == 0).sum()),
    )


def _month(days: pd.Series, start: object) -> pd.Series:
    first, when = pd.Timestamp(start), pd.to_datetime(days)
    return 12 * (when.dt.year - first.year) + when.dt.month - first.month + 1


def last_levels(study: Study) -> pd.DataFrame:
    """Return answers of every team in the last three months of its cohort, as a funnel takes them.

    Returns
    -------
    DataFrame
        measure, cohort, team, positive, answers.
    """
    parts = []
    for cohort in study.cohorts:
        store = study.store(cohort.cohort)
        if "pulse" in store.tables():
            pulse = store.table("pulse")
            since = pulse["period"].max() - pd.DateOffset(months=LAST_MONTHS)
            parts.append(pulse[pulse["period"] > since].assign(cohort=cohort.title))
    if not parts:
        return pd.DataFrame(columns=["measure", "cohort", "team", "positive", "answers"])
    keys = ["measure", "cohort", "team"]
    summed = pd.concat(parts).groupby(keys, sort=False)[["positive", "answers"]].sum().reset_index()
    return summed[summed["answers"] > 0].reset_index(drop=True)
