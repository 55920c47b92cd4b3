"""Coordination of sites over time, ready to be joined to staff scores and outcomes of the same sites.

`outcomes.link` joins the table, `outcomes.within_between` asks, and `outcomes.correct_between` allows for how
unreliable the means of sites are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.coordination.ties import RC, Survey, licence
from joyeval.errors import ModelError, UsageError
from joyeval.models.design import refuse_infinite
from joyeval.result import Result
from joyeval.wave_order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteMeans(Result):
    """Mean tie between groups of every site and period; `n` counts raters of a period, `n_dropped` rows without score.

    Parameters
    ----------
    terms : DataFrame
        team, period, measure, mean (each tie with the same weight), answers (raters): as `outcomes.link` takes it.
    reliability : float
        Share of the variance of the means of sites, over all their periods, that is difference between sites: ICC(2) of
        raters' means; missing for one site.
    """

    terms: pd.DataFrame
    reliability: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per site and period."""
        return self.terms

    def sentence(self) -> str:
        """Return how many sites and periods there are, and how reliable their means are."""
        where = f"{self.terms['team'].nunique()} sites, {self.terms['period'].nunique()} periods"
        if np.isnan(self.reliability):
            return f"Mean ties between workgroups of {where} ({self.n} raters); their reliability is not known."
        return (
            f"{max(self.reliability, 0):.0%} of the variance of the mean ties of sites is difference between sites, "
            f"the rest chance in who answered ({where}, {self.n} raters)."
        )


def site_means(
    ties: pd.DataFrame,
    *,
    sites: Mapping[str, str] | None = None,
    periods: Mapping[str, object] | None = None,
    measure: str = "rc",
    survey: Survey = RC,
) -> SiteMeans:
    """Take the mean tie between workgroups of every site and period.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it.
    sites : mapping, optional
        Process and the site (the team, in the tables of outcomes) it belongs to; left out, a process is a site.
    periods : mapping, optional
        Wave and the day or number of its period; left out, the waves themselves, as an ordered categorical.
    measure : str
        rc, com, rel or a dimension.

    Raises
    ------
    UsageError
        A process without a site, a wave without a period, or waves without an order.
    ModelError
        No rating between groups.

    References
    ----------
    Bliese (2000), in Klein & Kozlowski, Multilevel Theory, Research, and Methods in Organizations, 349-381 (ICC(2)).

    Examples
    --------
    >>> coordination = site_means(ties, periods={"1": 1, "2": 2})  # doctest: +SKIP
    >>> linked = outcomes.link(coordination.terms, outcome, lag="same")  # doctest: +SKIP
    """
    between = ties[ties["workgroup"] != ties["target"]]
    refuse_infinite(between, [measure], "ties")
    scored = between.dropna(subset=[measure])
    if scored.empty:
        raise ModelError(f"{measure}: none of {len(between)} ratings between groups has a score")
    waves = scored["wave"].astype(str)
    period = in_order(scored) if periods is None else _named(waves, periods, "period of the wave")
    rows = scored.assign(
        team=scored["process"] if sites is None else _named(scored["process"], sites, "site of the process"),
        period=period,
    )
    by = ["team", "period"]
    each = rows.groupby([*by, "process", "workgroup", "target"])[measure].mean()
    terms = each.groupby(by).mean().rename("mean").reset_index().assign(measure=measure)
    raters = rows.groupby([*by, "process", "workgroup", "person"])[measure].mean().reset_index()
    terms = terms.assign(answers=raters.groupby(by).size().to_numpy())
    return SiteMeans(
        n=len(raters),
        n_dropped=len(between) - len(scored),
        notes=licence(survey),
        terms=terms[[*by, "measure", "mean", "answers"]],
        reliability=_reliability(raters, measure),
    )


def _named(column: pd.Series, names: Mapping[str, object], what: str) -> pd.Series:
    if missing := sorted(set(column) - set(names)):
        raise UsageError(f"no {what} {', '.join(missing)}")
    return column.map(dict(names))


def _reliability(raters: pd.DataFrame, measure: str) -> float:
    from joyeval import measurement

    if raters["team"].nunique() < 2:
        return float("nan")
    own = raters.groupby(["team", "process", "workgroup", "person"])[measure].mean().reset_index()
    try:
        found = measurement.icc(own[measure], own["team"]).tidy()
    except ModelError:
        return float("nan")
    return float(found.set_index("term").loc["ICC(2)", "estimate"])
