"""Reliability of people within teams, and of teams: two questions that one alpha of all respondents mixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.measurement.groups import items_of
from joyeval.measurement.keying import against
from joyeval.measurement.reliability import alpha_of
from joyeval.measurement.structure import check_names
from joyeval.models.structural import delta, fit_twolevel, saturated_fit, twolevel_sample
from joyeval.result import ESTIMATE_COLUMNS, Result

if TYPE_CHECKING:
    from joyeval.models.structural import Implied


@dataclass(frozen=True, kw_only=True, eq=False)
class MultilevelReliability(Result):
    """Reliability at two levels; `n` counts complete responses.

    Parameters
    ----------
    scale, group : str
    teams : int
    level : float
    estimates : DataFrame
        term, estimate, se, ci_low, ci_high, p, n. ``alpha_within`` and ``omega_within`` of differences between members
        of a team, ``alpha_between`` and ``omega_between`` of differences between teams.
    items : DataFrame
        item, icc (share of its variance between teams).
    """

    scale: str
    group: str
    teams: int
    level: float
    estimates: pd.DataFrame
    items: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Say how well the scale tells members apart, and teams."""
        rows = self.estimates.set_index("term")
        said = [
            f"{rows.loc[term, 'estimate']:.2f} ({self.level:.0%} CI {rows.loc[term, 'ci_low']:.2f} to "
            f"{rows.loc[term, 'ci_high']:.2f})"
            for term in ("alpha_within", "alpha_between")
            if term in rows.index
        ]
        if len(said) < 2:
            return f"The data do not tell how well the items of {self.scale} agree about {self.group}s."
        return (
            f"The items of {self.scale} agree about members of a {self.group} with an alpha of {said[0]}, and about "
            f"{self.group}s with {said[1]} ({self.n} respondents in {self.teams} {self.group}s)."
        )


def multilevel_reliability(
    items: pd.DataFrame, group: pd.Series, *, scale: str = "the scale", level: float = 0.95
) -> MultilevelReliability:
    """Alpha and omega within and between teams, by two-level maximum likelihood.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Keyed answers; rows with a gap or without a team are left out and counted.
    group : Series
        Team of each respondent (for relational ties: the rated workgroup).

    Raises
    ------
    ModelError
        One item, fewer teams than items, or no variance between teams to estimate from.

    References
    ----------
    Geldhof, Preacher & Zyphur (2014) doi:10.1037/a0032138.

    Examples
    --------
    >>> rng, team = np.random.default_rng(1), pd.Series(np.arange(400) % 50, name="team")
    >>> joy = (rng.normal(size=400) + rng.normal(size=50)[team])[:, None] + rng.normal(0, 0.5, (50, 3))[team]
    >>> items = pd.DataFrame(joy + rng.normal(size=(400, 3)), columns=["q1", "q2", "q3"])
    >>> multilevel_reliability(items, team).tidy()[["term", "estimate"]].round(1)
                term  estimate
    0   alpha_within       0.7
    1  alpha_between       0.9
    2   omega_within       0.7
    3  omega_between       0.9
    """
    answers = items_of(items, what=f"multilevel reliability of {scale}").rename(columns=str)
    if answers.shape[1] < 2:
        raise ModelError(
            f"multilevel reliability of {scale}: found 1 item and {len(answers)} respondents; needs 2 items"
        )
    constant = [name for name in answers if answers[name].min() == answers[name].max()]
    if constant:
        raise ModelError(
            f"multilevel reliability of {scale}: {and_others(constant)} does not vary ({len(answers)} rows); leave it "
            "out"
        )
    if not group.index.equals(answers.index):
        raise UsageError("group: the labels have another index than the answers; take both from one table")
    names, what = list(answers), f"multilevel reliability of {scale}"
    check_names(names, what=what)
    data = answers.assign(**{"the team": group})
    sample = twolevel_sample(data, names, names, cluster="the team", what=what)
    likelihood, found = saturated_fit(sample, what=what)
    vcov = np.linalg.inv(likelihood.derivatives(found.theta, observed=True)[1])

    def alphas(theta: np.ndarray) -> np.ndarray:
        return np.array([alpha_of(here.covariance) for here in likelihood.implied(theta)])

    values = alphas(found.theta)
    rows = _rows("alpha", values, delta(alphas, found.theta, vcov), level, sample.n)
    more, notes = _omegas(data, names, what, level)
    if values[1] >= 1:
        notes.append("no alpha between teams: there the items covary more than they vary; more teams are needed")
    spread = [np.diag(here.covariance) for here in likelihood.implied(found.theta)]
    notes += ["variance between teams is near zero: what is said of teams is not to be trusted"] * bool(
        spread[1].sum() < 0.01 * spread[0].sum()
    )
    return MultilevelReliability(
        n=sample.n,
        n_dropped=sample.n_dropped,
        notes=(*against(answers), *sample.notes, *notes),
        scale=scale,
        group=str(group.name or "group"),
        teams=sample.teams,
        level=level,
        estimates=pd.DataFrame([*rows, *more], columns=list(ESTIMATE_COLUMNS)).astype({"term": "str"}),
        items=pd.DataFrame({"item": pd.Series(names, dtype="str"), "icc": spread[1] / (spread[0] + spread[1])}),
    )


def _rows(kind: str, values: np.ndarray, errors: np.ndarray, level: float, n: int) -> list[tuple]:
    """Estimate, error and limits (on the scale of log(1 - reliability)) within and between, where below 1."""
    reach = ndtri((1 + level) / 2) * errors / np.clip(1 - values, 1e-2, None)
    reach = np.minimum(reach, 50.0)  # beyond that the data tell nothing
    low, high = 1 - (1 - values) * np.exp(reach), 1 - (1 - values) * np.exp(-reach)
    kept = [(i, where) for i, where in enumerate(("within", "between")) if values[i] < 1]
    return [(f"{kind}_{where}", values[i], errors[i], low[i], high[i], np.nan, n) for i, where in kept]


def _omegas(data: pd.DataFrame, names: list[str], what: str, level: float) -> tuple[list[tuple], list[str]]:
    """Omega from one factor at each level; a note where that model cannot be estimated."""
    if len(names) < 3:
        return [], ["two items: a factor at each level is not identified, only alpha is given"]
    measured = " + ".join(names)
    try:
        fitted = fit_twolevel(f"fw =~ {measured}", f"fb =~ {measured}", data, cluster="the team", name=what)
    except ModelError as error:
        return [], [f"no omega: {error}"]
    p = len(names)

    def shares(theta: np.ndarray) -> np.ndarray:
        found: list[Implied] = fitted.likelihood.implied(theta)
        tops = [here.effects[:p, p + i].sum() ** 2 * here.total[p + i, p + i] for i, here in enumerate(found)]
        return np.array([top / here.covariance.sum() for top, here in zip(tops, found, strict=True)])

    values, errors = shares(fitted.theta), delta(shares, fitted.theta, fitted.vcov)
    above = [
        f"no omega {where} teams: a residual variance is negative there"
        for where, value in zip(("within", "between"), values, strict=True)
        if value >= 1
    ]
    return _rows("omega", values, errors, level, fitted.sample.n), above
