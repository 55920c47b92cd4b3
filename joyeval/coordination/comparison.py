"""Change in units with the programme beside change in units without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.mean_change import averaged, cells_of, detectable
from joyeval.coordination.ratings import ratings
from joyeval.errors import ModelError, UsageError
from joyeval.judgement import NOT_CLEAR
from joyeval.models.estimates import estimate_table
from joyeval.result import Result
from joyeval.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, eq=False)
class Difference(Result):
    """Difference in differences; `n` counts raters, `n_dropped` ratings without a score.

    Parameters
    ----------
    terms : DataFrame
        estimator ("these units", "units like these"), term, estimate, se, df, ci_low, ci_high, p, n (raters, or units),
        detectable. Units like these take units as the sample, and need 2 in each arm.
    units : DataFrame
        process, arm, estimate, se, ci_low, ci_high, n, ties: change of each unit.
    """

    terms: pd.DataFrame
    units: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the estimators side by side."""
        return self.terms

    def sentence(self) -> str:
        """Return the first estimate."""
        row, arms = self.terms.iloc[0], self.units["arm"].value_counts()
        beside = f"the {counted(arms['programme'], 'unit')} with the programme"
        beside += f" than in the {counted(arms['comparison'], 'unit')} without"
        size = f"{row.estimate:+.2f} points (95% CI {row.ci_low:+.2f} to {row.ci_high:+.2f})"
        if row.ci_low <= 0 <= row.ci_high:
            return f"Whether ties between workgroups ({row.term}) changed otherwise in {beside} is {NOT_CLEAR}: {size}."
        more = "rose more, or fell less," if row.estimate > 0 else "rose less, or fell more,"
        return f"Ties between workgroups ({row.term}) {more} in {beside}: {size}."


def difference_in_differences(
    ties: pd.DataFrame,
    *,
    programme: Sequence[str],
    first: str,
    second: str,
    measure: str = "rc",
    linked: bool = True,
) -> Difference:
    """Compare the change of units with the programme with that of all other units.

    The estimand is the difference between the mean changes of ties in the two arms, units with the same weight; that it
    is the effect of the programme assumes that both arms would have changed alike without it.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it; a unit is a process.
    programme : sequence of str
        Processes with the programme between the two waves.
    first, second : str
        Waves.

    Raises
    ------
    UsageError
        A process that is not there.
    ModelError
        No unit in one of the arms.
    """
    data = ratings(ties, measure=measure, waves=(first, second), linked=linked)
    common = data.in_waves(data.waves)
    asked = (data.raters(common, first) > 0) & (data.raters(common, second) > 0)
    between = common[~common["within"] & asked]
    if unknown := sorted(set(programme) - set(ties["process"])):
        raise UsageError(f"no process {', '.join(unknown)}; there are {', '.join(sorted(ties['process'].unique()))}")
    treated = between["process"].isin(list(programme))
    if treated.all() or not treated.any():
        raise ModelError("a comparison needs a unit with the programme and one without, both rated in the two waves")
    sign = treated.map({True: 1.0, False: -1.0}) / treated.map(between.groupby(treated)["process"].nunique())
    cells, blocks = cells_of(data, between, {second: 1.0, first: -1.0}, weight=sign.to_numpy())
    estimate, se, df = data.means.contrasts(cells, blocks, np.zeros(len(blocks), dtype=int))
    units = averaged(data, between, {second: 1.0, first: -1.0}).query("process != 'all'")
    units = units.assign(arm=np.where(units["process"].isin(list(programme)), "programme", "comparison"))
    term, raters = f"{second} - {first}", int(data.rows["rater"].nunique())
    these = estimate_table([term], estimate, se, df=df, n=raters).assign(estimator="these units")
    alike = _sampled(units, term)
    terms = pd.concat([these, *alike], ignore_index=True)
    return Difference(
        n=raters,
        n_dropped=data.n_dropped,
        notes=_notes(sampled=bool(alike)),
        terms=terms.assign(detectable=detectable(terms["se"], terms["df"])),
        units=units.drop(columns=["df", "p"]).reset_index(drop=True),
    )


def _sampled(units: pd.DataFrame, term: str) -> list[pd.DataFrame]:
    """Welch's comparison of the changes of units."""
    arms = units.groupby("arm")["estimate"].agg(["mean", "var", "size"])
    if arms["size"].min() < 2:
        return []
    parts = arms["var"] / arms["size"]
    df = parts.sum() ** 2 / (parts**2 / (arms["size"] - 1)).sum()
    difference = arms.loc["programme", "mean"] - arms.loc["comparison", "mean"]
    table = estimate_table([term], [difference], [np.sqrt(parts.sum())], df=df, n=len(units))
    return [table.assign(estimator="units like these")]


def _notes(*, sampled: bool) -> tuple[str, ...]:
    assumed = "read as an effect, this assumes that both arms would have changed alike without the programme"
    if sampled:
        return (assumed,)
    return (assumed, "fewer than 2 units in an arm: the answer is about these units, not about units like them")
