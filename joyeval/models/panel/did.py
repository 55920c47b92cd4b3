"""Programmes that teams start at different times: three estimators that keep early from late starters apart.

All take a table of outcomes by team and period and the period in which each team started, and give weighted sums
of changes. What each team adds to the deviation of a sum (`influence`) is kept, so that any average of effects
has its error from the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.one_thread import one_thread
from joyeval.models.panel.absorption import least_squares

if TYPE_CHECKING:
    from joyeval.models.panel.absorption import LeastSquares


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of groups of teams that started together, or averages of them.

    Parameters
    ----------
    cohort, period : ndarray of int, shape (k,)
        Start and period of each effect, counted from 0; -1 in averages over them.
    estimate : ndarray, shape (k,)
    influence : ndarray, shape (k, teams)
        What each team adds to the deviation of the estimate from what it estimates. Of a team that started alone this
        cannot be seen; there stands what a typical team it is compared with would add.
    """

    cohort: np.ndarray
    period: np.ndarray
    estimate: np.ndarray
    influence: np.ndarray

    def where(self, keep: np.ndarray) -> Effects:
        """Return the effects that a mask selects."""
        return Effects(self.cohort[keep], self.period[keep], self.estimate[keep], self.influence[keep])


@one_thread
def callaway_santanna(
    Y: np.ndarray,
    start: np.ndarray,
    *,
    not_yet: bool = True,
    base: str = "universal",
    covariates: np.ndarray | None = None,
    post_only: bool = False,
) -> Effects:
    """Compare the change of each cohort since before its start with that of teams that had not started.

    Parameters
    ----------
    Y : ndarray, shape (teams, periods)
        Outcomes; missing where not observed. Teams that lack one of two compared periods sit that comparison out.
    start : ndarray of int, shape (teams,)
        Period of the start, counted from 0; the number of periods (or more) for teams that never did.
    not_yet : bool
        Compare with teams that start later too, not only with those that never do.
    base : {"universal", "varying"}
        Before the start, changes since the last period before it, or from each period to the next.
    covariates : ndarray, shape (teams, k), optional
        Fixed in time; parallel trends are then assumed given them (doubly robust).
    post_only : bool
        Leave effects before the start out.

    References
    ----------
    Callaway & Sant'Anna (2021), J. Econometrics 225(2), 200-230. doi:10.1016/j.jeconom.2020.12.001
    Sant'Anna & Zhao (2020), J. Econometrics 219(1), 101-122. doi:10.1016/j.jeconom.2020.06.003
    """
    n_periods = Y.shape[1]
    cells = []
    for cohort in np.unique(start[(start > 0) & (start < n_periods)]):
        for period in range(cohort if post_only else 0, n_periods):
            before = cohort - 1 if base == "universal" or period >= cohort else period - 1
            if before < 0 or period == before:
                continue
            last = max(period, before)
            controls = (start >= n_periods) | (not_yet & (start > last) & (start != cohort))
            change = Y[:, period] - Y[:, before]
            effect = _compare(change, start == cohort, controls, covariates)
            if effect is not None:
                cells.append((cohort, period, *effect))
    if not cells:
        raise ModelError(
            f"no cohort of {len(start)} teams has a period before its start and teams to compare with; "
            "needs earlier periods, or teams that start later or never"
        )
    cohorts, periods, estimates, influence = (np.array(part) for part in zip(*cells, strict=True))
    return Effects(cohorts, periods, estimates, influence)


@one_thread
def imputation(Y: np.ndarray, start: np.ndarray) -> Effects:
    """Predict each started team's outcome from team and period effects of what had not started; effects are the rest.

    Parameters
    ----------
    Y, start
        As in `callaway_santanna`. A started period whose effects cannot be predicted (no team without the
        programme then, or no period before for the team) is left out.

    References
    ----------
    Borusyak, Jaravel & Spiess (2024), Rev. Econ. Stud. 91(6), 3253-3285. doi:10.1093/restud/rdae007
    """
    n_teams, n_periods = Y.shape
    team, period = (grid for grid in np.indices(Y.shape))
    seen = ~np.isnan(Y)
    free = seen & (period < start[:, None])
    usable = free.any(axis=1)[:, None] & free.any(axis=0)[None, :]
    treated = seen & ~free & usable
    if not treated.any():
        raise ModelError(f"no started period of {n_teams} teams can be predicted from periods before a start")
    D0, D1 = (_effects(team[mask], period[mask], n_teams, n_periods) for mask in (free, treated))
    solve = np.linalg.pinv(D0)
    gap = Y[treated] - D1 @ (solve @ Y[free])
    rest = Y[free] - D0 @ (solve @ Y[free])
    cohorts, periods = start[team[treated]], period[treated]
    cells = np.unique(np.column_stack([cohorts, periods]), axis=0)
    member = (cells[:, :1] == cohorts) & (cells[:, 1:] == periods)
    weights = member / member.sum(axis=1, keepdims=True)
    means = weights @ gap
    untreated_weights = -weights @ D1 @ solve
    own = weights * (gap - means[member.argmax(axis=0)])
    own += weights * (member.sum(axis=1, keepdims=True) == 1) * np.sqrt(rest @ rest / len(rest))
    influence = _by_team(own, team[treated], n_teams) + _by_team(untreated_weights * rest, team[free], n_teams)
    return Effects(cells[:, 0], cells[:, 1], means, influence)


@one_thread
def sun_abraham(
    y: np.ndarray, team: np.ndarray, period: np.ndarray, start: np.ndarray, *, X: np.ndarray | None = None
) -> tuple[LeastSquares, np.ndarray]:
    """Fit team and period effects with a term for every cohort and every period since its start but the one before.

    Parameters
    ----------
    y, team, period, start : ndarray, shape (n,)
        One row per team and period; codes counted from 0, `start` as in `callaway_santanna` by row. Teams that
        never start are the comparison; without any, the last to start, whose started periods must be left out.
    X : ndarray, shape (n, k), optional
        Covariates; their coefficients come after those of the cells.

    Returns
    -------
    LeastSquares
    ndarray, shape (cells, 3)
        Cohort, period and number of rows of each coefficient.

    References
    ----------
    Sun & Abraham (2021), J. Econometrics 225(2), 175-199. doi:10.1016/j.jeconom.2020.09.006
    """
    ever = (start <= period.max()) & (period != start - 1)
    cells, rows = np.unique(np.column_stack([start, period])[ever], axis=0, return_counts=True)
    dummies = ((start[:, None] == cells[:, 0]) & (period[:, None] == cells[:, 1])).astype(float)
    names = [f"start {cohort}, period {moment}" for cohort, moment in cells]
    if X is not None:
        dummies, names = np.column_stack([dummies, X]), [*names, *(f"covariate {i}" for i in range(X.shape[1]))]
    fit = least_squares(y, dummies, names=names, absorb=[team, period], cluster=team)
    return fit, np.column_stack([cells, rows])


def average(effects: Effects, start: np.ndarray, by: np.ndarray, *, random_sizes: bool = False) -> Effects:
    """Average effects that share a label, weighted by the number of teams that started together.

    Parameters
    ----------
    by : ndarray of int, shape (k,)
        Label of each effect, such as periods since the start. The averages come in the order of the labels.
    random_sizes : bool
        Treat the number of teams per start as drawn at random, as R's did does, instead of as given.
    """
    size = np.array([(start == cohort).sum() for cohort in effects.cohort], dtype=float)
    member = (effects.cohort[:, None] == start) - size[:, None] / len(start)
    estimates, influences, cohorts = [], [], []
    for label in np.unique(by):
        own = np.flatnonzero(by == label)
        w = size[own] / size[own].sum()
        influence = w @ effects.influence[own]
        if random_sizes:
            shift = member[own] - w[:, None] * member[own].sum(axis=0)
            influence = influence + effects.estimate[own] @ shift / size[own].sum()
        estimates.append(w @ effects.estimate[own])
        influences.append(influence)
        cohorts.append(effects.cohort[own[0]] if len(set(effects.cohort[own])) == 1 else -1)
    return Effects(np.array(cohorts), np.full(len(cohorts), -1), np.array(estimates), np.array(influences))


def mean(effects: Effects) -> Effects:
    """Average all effects with equal weight."""
    one = np.array([-1])
    return Effects(one, one, np.array([effects.estimate.mean()]), effects.influence.mean(axis=0)[None])


def by_event(effects: Effects, start: np.ndarray, **options) -> tuple[np.ndarray, Effects]:
    """Average by periods since the start; return these periods and the averages."""
    since = effects.period - effects.cohort
    return np.unique(since), average(effects, start, since, **options)


def by_cohort(effects: Effects, start: np.ndarray) -> Effects:
    """Average the periods from the start on, cohort by cohort."""
    after = effects.where(effects.period >= effects.cohort)
    return average(after, start, after.cohort)


def overall(effects: Effects, start: np.ndarray, **options) -> Effects:
    """Average over teams of their mean effect since their start."""
    cohorts = by_cohort(effects, start)
    return average(cohorts, start, np.zeros(len(cohorts.estimate), int), **options)


def cohort_errors(effects: Effects, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of effects and degrees of freedom of each, from the spread of teams within cohorts.

    For one cohort, one control group and two periods this is the t test of Welch; with more, each cohort has
    its own variance with divisor n - 1, and degrees of freedom are Satterthwaite's. A cohort of one team adds what a
    typical team would (see `Effects`), with one degree of freedom.

    Returns
    -------
    ndarray, shape (k, k)
    ndarray, shape (k,)
    """
    vcov = np.zeros((len(effects.estimate), len(effects.estimate)))
    spread = np.zeros(len(effects.estimate))
    for cohort in np.unique(start):
        own = effects.influence[:, start == cohort]
        size = own.shape[1]
        own = own - own.mean(axis=1, keepdims=True) if size > 1 else own
        part = own @ own.T * size / max(size - 1, 1)
        vcov += part
        spread += np.diag(part) ** 2 / max(size - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return vcov, np.where(spread > 0, np.diag(vcov) ** 2 / spread, 1.0)


def joint_test(effects: Effects, start: np.ndarray) -> dict[str, float]:
    """Test that all effects are 0 together, by Hotelling's T2 with the cohort errors.

    Returns
    -------
    dict
        ``f, df1, df2, p``; p is missing where there are too few teams for so many effects.
    """
    from scipy.special import fdtrc

    vcov, _ = cohort_errors(effects, start)
    k = len(effects.estimate)
    free = len(start) - len(np.unique(start))
    if free < k + 1 or np.linalg.matrix_rank(vcov) < k:
        return {"f": np.nan, "df1": float(k), "df2": float(max(free - k + 1, 0)), "p": np.nan}
    distance = effects.estimate @ np.linalg.solve(vcov, effects.estimate)
    f = distance * (free - k + 1) / (free * k)
    return {"f": float(f), "df1": float(k), "df2": float(free - k + 1), "p": float(fdtrc(k, free - k + 1, f))}


def _compare(
    change: np.ndarray, treated: np.ndarray, controls: np.ndarray, covariates: np.ndarray | None
) -> tuple[float, np.ndarray] | None:
    """Difference of mean changes and what each team adds to its deviation; None where a side is empty."""
    seen = ~np.isnan(change)
    one, other = np.flatnonzero(treated & seen), np.flatnonzero(controls & seen)
    if not len(one) or not len(other):
        return None
    if covariates is not None:
        return _doubly_robust(change, one, other, covariates)
    influence = np.zeros(len(change))
    influence[one] = (change[one] - change[one].mean()) / len(one) if len(one) > 1 else _typical(change[other])
    influence[other] = -(change[other] - change[other].mean()) / len(other)
    return change[one].mean() - change[other].mean(), influence


def _doubly_robust(
    change: np.ndarray, one: np.ndarray, other: np.ndarray, covariates: np.ndarray
) -> tuple[float, np.ndarray]:
    """Sant'Anna & Zhao (2020), eq. 3.1, with a logit for who starts and least squares for the change of controls."""
    rows = np.concatenate([one, other])
    X = np.column_stack([np.ones(len(rows)), covariates[rows]])
    d, y = np.repeat([1.0, 0.0], [len(one), len(other)]), change[rows]
    score, information = _logit(X, d)
    odds = (1 - d) * score / (1 - score)
    left = np.linalg.pinv((X * (1 - d)[:, None]).T @ X)
    rest = y - X @ (left @ (X.T @ ((1 - d) * y)))
    gain, loss = d @ rest / d.sum(), odds @ rest / odds.sum()
    regression = ((1 - d) * rest)[:, None] * X @ left
    propensity = (d - score)[:, None] * X @ np.linalg.pinv(information)
    treated = (d * (rest - gain) - regression @ (X.T @ d)) / d.sum()
    control = odds * (rest - loss) + propensity @ (X.T @ (odds * (rest - loss))) - regression @ (X.T @ odds)
    influence = np.zeros(len(change))
    influence[rows] = treated - control / odds.sum()
    if len(one) == 1:
        influence[one] += _typical((1 - d)[d == 0] * rest[d == 0])
    return gain - loss, influence


def _typical(changes: np.ndarray) -> float:
    """Return the standard deviation between teams, 0 where there is one."""
    return float(changes.std(ddof=1)) if len(changes) > 1 else 0.0


def _logit(X: np.ndarray, d: np.ndarray, steps: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Fitted probabilities of a logistic regression and its information, by Newton's method."""
    beta = np.zeros(X.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-X @ beta))
        information = (X * (p * (1 - p))[:, None]).T @ X
        step = np.linalg.pinv(information) @ (X.T @ (d - p))
        beta += step
        if np.abs(step).max() < 1e-10:
            return p, information
    raise ModelError(
        f"covariates separate {int(d.sum())} starting teams from {int((1 - d).sum())} others; use fewer covariates"
    )


def _effects(team: np.ndarray, period: np.ndarray, n_teams: int, n_periods: int) -> np.ndarray:
    rows = np.zeros((len(team), n_teams + n_periods))
    rows[np.arange(len(team)), team] = 1
    rows[np.arange(len(team)), n_teams + period] = 1
    return rows


def _by_team(parts: np.ndarray, team: np.ndarray, n_teams: int) -> np.ndarray:
    return np.array([np.bincount(team, row, n_teams) for row in parts])
