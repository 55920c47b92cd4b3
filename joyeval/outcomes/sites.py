"""Coordination of sites beside the staff scores and outcomes of the teams that do the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError
from joyeval.outcomes.analyses import labels, staff_table
from joyeval.outcomes.association import detectable_r
from joyeval.outcomes.codes import clean_codes
from joyeval.outcomes.linkage import link
from joyeval.outcomes.panel import within_between
from joyeval.outcomes.reliability import correct_between
from joyeval.result import Result, answered
from joyeval.wave_order import wave_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from joyeval.store import Store
    from joyeval.study import Study

FEWEST = 6  # sites below which no association is estimated: every one of them would decide the answer
AROUND = (-2, 2)  # months around the ratings in which staff answers are taken
SOUGHT = 0.5  # correlation between sites that is called strong: Cohen (1988)
COORDINATION = "coordination"
KNOWN = "the reliability of the means of sites is taken as known, so that corrected intervals are somewhat too narrow"
COLUMNS = ("site", "wave", "measure", "rc", "raters", "value", "answers", "fewest")


@dataclass(frozen=True, kw_only=True, eq=False)
class BesideCoordination(Result):
    """Coordination of sites beside other measures; `n` counts sites, `n_dropped` processes without teams.

    Parameters
    ----------
    table : DataFrame
        site, wave, measure, rc (mean tie), raters, value (mean over the teams of the site, weighted by answers or
        denominators), answers (missing for outcomes without), fewest (answers of the team with fewest).
    associations : dict
        Measure to its association with coordination within and between sites, corrected for the reliability of the
        means of sites; or why there is none.
    reliability : float
        Of the mean ties of sites.
    """

    table: pd.DataFrame
    associations: dict[str, Result]
    reliability: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per site, wave and measure."""
        return self.table

    def sentence(self) -> str:
        """Return how many sites there are, and whether that is enough."""
        waves, sites = self.table["wave"].nunique(), "1 site" if self.n == 1 else f"{self.n} sites"
        where = f"Coordination of {sites} in {waves} wave{'s' * (waves != 1)} stands beside the scores of their teams"
        if self.n < FEWEST:
            return (
                f"{where}. Whether the two go together cannot be said from so few: an association is estimated from "
                f"{FEWEST} sites on, and about {sites_needed()} sites are needed for 8 chances in 10 to see a "
                f"correlation of {SOUGHT} between sites, more where the means of sites are unreliable."
            )
        return f"{where}; at this number of sites only a correlation of {detectable_r(self.n):.2f} or more would show."


def sites_needed(correlation: float = SOUGHT) -> int:
    """Return how many sites show a correlation between sites in 8 of 10 studies.

    Examples
    --------
    >>> sites_needed(0.5)
    30
    """
    return next(n for n in range(4, 100_000) if detectable_r(n) <= correlation)


def beside_coordination(study: Study, cohort: str, store: Store, means: Result) -> BesideCoordination:
    """Put the coordination of a cohort's sites beside the staff measures and outcomes that the study file names.

    A site is a process; its teams stand under ``teams`` of the coordination survey. Staff answers of the two months
    before to the two months after the ratings count, and outcomes of the months that the study file names.

    Parameters
    ----------
    means : SiteMeans
        From `joyeval.coordination.site_means`, with waves as periods.

    Raises
    ------
    ModelError
        No teams named, no date of the ratings, or nothing that joins.
    """
    sites = {name: teams for part in study.of_cohort("coordination", cohort) for name, teams in part.teams.items()}
    if not sites:
        raise ModelError("the study file does not name the teams that do the work of each process (`teams`)")
    days = store.table("rating_days")
    if days.empty:
        raise ModelError("the files of the survey have no column of dates, so that nothing can be joined to them")
    return beside(means, days, sites, dict(_measures(study, cohort, store)))


def beside(
    means: Result,
    days: pd.DataFrame,
    sites: Mapping[str, Sequence[str]],
    measures: Mapping[str, tuple[pd.DataFrame, tuple[int, int]]],
) -> BesideCoordination:
    """Put means of sites beside measures of their teams.

    Parameters
    ----------
    means : SiteMeans
        With waves as periods.
    days : DataFrame
        process, wave, date: middle day of the ratings.
    sites : mapping
        Site and its teams.
    measures : mapping
        Title and (team, period, value and optionally denominator; first and last month after the ratings).

    References
    ----------
    Luedtke et al. (2008), Psychol. Methods 13(3), 203-229. doi:10.1037/a0012869
    """
    rated = means.terms.rename(columns={"team": "process", "period": "wave"}).merge(days, on=["process", "wave"])
    pairs = pd.DataFrame([(site, team) for site, teams in sites.items() for team in teams], columns=["process", "team"])
    rated = rated.merge(pairs, on="process").rename(columns={"date": "period"}).assign(measure=COORDINATION)
    parts = [_joined(rated, title, table, window) for title, (table, window) in measures.items()]
    parts = [part for part in parts if len(part)]
    if not parts:
        raise ModelError("no staff answers and no outcomes of the teams named around the time of the ratings")
    table = pd.concat(parts, ignore_index=True)
    count = table["site"].nunique()
    enough = list(table["measure"].unique()) if count >= FEWEST else []
    return BesideCoordination(
        n=count,
        n_dropped=means.terms["team"].nunique() - count,
        notes=(*means.notes, *((KNOWN,) if enough else ())),
        table=table,
        associations={title: _associated(table, title, means.reliability, wave_order(days)) for title in enough},
        reliability=means.reliability,
    )


def _measures(study: Study, cohort: str, store: Store) -> Iterator[tuple[str, tuple[pd.DataFrame, tuple[int, int]]]]:
    """Title, table and window of every staff measure and outcome of the analyses named beforehand."""
    named = [one for one in (study.primary, *study.of_cohort("secondary", cohort)) if one is not None]
    for one in named:
        title, _ = labels(study, one)
        staff, _ = staff_table(study, cohort, store, one.staff)
        yield title, (staff.assign(value=staff["mean"], denominator=staff["answers"]), AROUND)
    outcomes = store.table("outcomes") if "outcomes" in store.tables() else pd.DataFrame({"measure": []})
    for one in named:
        part = next(part for part in study.outcomes if part.measure == one.outcome)
        table = outcomes[outcomes["measure"] == one.outcome]
        if len(table):
            scale = 100 if part.kind == "proportion" else 1
            yield labels(study, one)[1], (table.assign(value=scale * table["value"]), one.window)


def _joined(rated: pd.DataFrame, title: str, table: pd.DataFrame, window: tuple[int, int]) -> pd.DataFrame:
    """One row per site and wave: the measure over all teams of the site."""
    try:
        data = link(rated, table.assign(measure=title), lag=window, unit="month", at_least=1).data
    except ModelError:
        return pd.DataFrame()
    data = data.dropna(subset=[title]).assign(value=data[title], weight=data.get(f"{title}_denominator", np.nan))
    keys = rated.assign(team=clean_codes(rated["team"]), period=rated["period"].dt.to_period("M").dt.start_time)
    rows = keys.merge(data[["team", "period", "value", "weight"]], on=["team", "period"])
    rows = rows.assign(total=rows["value"] * rows["weight"].fillna(1.0), share=rows["weight"].fillna(1.0))
    by = rows.groupby(["process", "wave", "mean", "answers"], sort=False)
    found = by.agg(
        total=("total", "sum"), share=("share", "sum"), fewest=("weight", "min"), counted=("weight", "sum")
    ).reset_index()
    found = found.assign(value=found["total"] / found["share"], counted=found["counted"].where(found["counted"] > 0))
    names = {"process": "site", "mean": "rc", "answers": "raters", "counted": "answers"}
    return found.rename(columns=names).assign(measure=title)[list(COLUMNS)]


def _associated(table: pd.DataFrame, title: str, reliability: float, waves: Sequence[str]) -> Result:
    return answered(f"whether coordination goes with “{title}”", _corrected, table, title, reliability, waves)


def _corrected(table: pd.DataFrame, title: str, reliability: float, waves: Sequence[str]) -> Result:
    rows = table[table["measure"] == title].rename(columns={"value": title, "rc": COORDINATION})
    panel = rows.assign(period=rows["wave"].map({wave: place for place, wave in enumerate(waves)}))
    answer = within_between(panel, y=title, x=COORDINATION, team="site", weights="", draws=0)
    return correct_between(answer, reliability)
