"""How practices spread from team to team: curves of first tests, and whether meeting a user brings them on.

A learning set puts teams into rooms. Where rooms were drawn by lot, drawing them again shows what chance alone would
do: the test holds whatever else makes keen teams attend more and try sooner. An estimate needs a model, and is drawn
down in small cohorts, since a team cannot be its own contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.learning.columns import need
from joyeval.result import ESTIMATE_COLUMNS, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_PRACTICES = 2  # one practice over one cohort: the test finds a doubled hazard in 12 runs of 100, no estimate
FEWEST_TESTS = 10
CURVE_COLUMNS = ("practice", "period", "at_risk", "tried", "share", "ci_low", "ci_high")
ROUTES = ("pushed by faculty", "named another team", "met a user, named nobody", "no known contact")


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread(Result):
    """Spread of practices; `n` counts chances to try one (team x practice).

    Parameters
    ----------
    tests : int
        First tests seen.
    curve : DataFrame
        practice ("all" for all together), period, at_risk, tried, share (of teams that had tried it by then), ci_low,
        ci_high (pointwise, log-log).
    routes : DataFrame
        route, tests: how each first test came about, as far as known; names given and contacts inferred are not merged.
    p : float or None
        One-sided, of the test by rooms drawn again; None where there is no honest test.
    draws : int
        Rooms drawn again so many times.
    hazard : DataFrame
        term, estimate (hazard ratio of teams that have shared a room with a user), se (of its logarithm), ci_low,
        ci_high, p, n (team-periods): alone, and beside period, practice, attendance and push. Empty without a test.
    """

    tests: int
    curve: pd.DataFrame
    routes: pd.DataFrame
    p: float | None
    draws: int
    hazard: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the hazard ratios."""
        return self.hazard.copy()

    def sentence(self) -> str:
        """Say whether teams that met a user tried a practice sooner than chance would have it."""
        if self.p is None:
            return f"{self.tests} first tests of {self.n} possible; whether teams passed practices on cannot be told."
        if self.p <= 0.05:
            return (
                "Teams that had shared a room with a user of a practice tried it sooner than rooms drawn by lot would "
                f"have it (p = {self.p:.3f})."
            )
        return (
            "Whether teams tried a practice sooner after sharing a room with a user cannot be told "
            f"(p = {self.p:.2f}, {self.tests} first tests)."
        )


def spread(
    first: pd.DataFrame,
    rooms: pd.DataFrame | None = None,
    *,
    teams: Sequence[str],
    practices: Sequence[str],
    periods: int,
    pushed: pd.DataFrame | None = None,
    draws: int = 1999,
    seed: int = 1,
) -> Spread:
    """Describe how practices spread over teams, and test whether sharing a room with a user brings first tests on.

    The primary test draws the rooms of every learning set again, among those who came, and compares the score of
    "has shared a room with a user" with what it would have been; its null is that rooms did not matter, and the model
    (period, practice, attendance so far, push by faculty) only sharpens it. It is right where rooms were drawn by lot,
    or as good as. The hazard ratio (discrete time, complementary log-log) beside it is likely too small.

    Parameters
    ----------
    first : DataFrame
        team, practice, period (whole number from 0): the first test of a practice by a team, once each; optional
        learnt_from: the team it was named after.
    rooms : DataFrame, optional
        learning_set, period, team, room: one row per team that came; without it there is no test.
    teams, practices : sequence of str
        All that could try, and all that could be tried.
    periods : int
        Periods observed.
    pushed : DataFrame, optional
        team, practice, period: when faculty pressed a practice on a team.
    draws : int
        How often rooms are drawn again.

    Returns
    -------
    Spread
        `tidy()`: term, estimate, se, ci_low, ci_high, p, n.

    Raises
    ------
    UsageError
        A column that is not there, a team or practice that is not on the list, the same first test twice, a period
        outside the time observed.
    ModelError
        No first test at all.

    References
    ----------
    Van den Bulte & Lilien (2001) doi:10.1086/320819 (push that looks like contagion); Caeyers & Fafchamps (2016)
    NBER w22565 (exclusion bias); Shalizi & Thomas (2011) doi:10.1177/0049124111404820 (what observation cannot tell).

    Examples
    --------
    >>> tried = pd.DataFrame({"team": ["a", "b"], "practice": "huddle", "period": [0, 2]})
    >>> spread(tried, teams=["a", "b", "c"], practices=["huddle"], periods=4).curve["tried"].tolist()[:4]
    [1, 0, 1, 0]
    """
    at = _first_tests(first, teams, practices, periods)
    tests = int((at < periods).sum())
    if not tests:
        raise ModelError(
            f"spread: no first test of {len(practices)} practices by {len(teams)} teams in {periods} periods"
        )
    sets = _learning_sets(rooms, teams, periods) if rooms is not None else []
    push = _marks(pushed, teams, practices, periods) if pushed is not None else None
    exposed = _exposed_from([s.room[None] for s in sets], sets, at, periods)[0]
    notes, p, hazard = _reasons(sets, len(practices), tests, exposed, at, periods), None, _table([])
    if not notes:
        spells = _Spells(at, exposed, sets, push, periods)
        p = _drawn_again(spells, sets, at, draws, np.random.default_rng(seed))
        hazard = spells.hazard()
        notes = ("the hazard ratio is likely too small: a team cannot be its own contact",)
    return Spread(
        n=at.size,
        notes=notes,
        tests=tests,
        curve=_curves(at, practices, periods),
        routes=_routes(first, at, exposed, push, teams, practices, periods),
        p=p,
        draws=draws if p is not None else 0,
        hazard=hazard,
    )


def adoption_curve(first: Sequence[float] | np.ndarray, periods: int) -> pd.DataFrame:
    """Share of teams that had tried something by each period (one minus Kaplan-Meier), with pointwise intervals.

    Parameters
    ----------
    first : sequence of float, shape (teams,)
        Period of the first test, from 0; missing, or `periods` and later, for teams that had not tried it by the end.
    periods : int
        Periods observed.

    Returns
    -------
    DataFrame
        period, at_risk, tried, share, ci_low, ci_high (log-log).

    References
    ----------
    Kalbfleisch & Prentice (2002) doi:10.1002/9781118032985, section 1.4.

    Examples
    --------
    >>> adoption_curve([0, 1, 1, 5], periods=3)[["period", "at_risk", "tried", "share"]].values.tolist()
    [[0.0, 4.0, 1.0, 0.25], [1.0, 3.0, 2.0, 0.75], [2.0, 1.0, 0.0, 0.75]]
    """
    when = np.asarray(first, float)
    time = np.arange(periods)
    at_risk = (~(when[:, None] < time)).sum(axis=0)
    tried = (when[:, None] == time).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.nancumprod(1 - tried / at_risk)
        error = left * np.sqrt(np.cumsum(tried / (at_risk * (at_risk - tried))))
    low, high = _log_log(left, error)
    return pd.DataFrame(
        {"period": time, "at_risk": at_risk, "tried": tried, "share": 1 - left, "ci_low": low, "ci_high": high}
    )


def _log_log(left: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the share that has tried, from the share left and its error; none where all or nobody has."""
    from scipy.stats import norm

    with np.errstate(divide="ignore", invalid="ignore"):
        width = norm.ppf(0.975) * error / (left * np.abs(np.log(left)))
        low, high = (1 - left ** np.exp(sign * width) for sign in (-1, 1))
    inside = (left > 0) & (left < 1)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)


@dataclass(frozen=True, eq=False)
class _LearningSet:
    """Who came to a learning set and in which room: `who` (positions of teams), `room` (whole numbers from 0)."""

    period: int
    who: np.ndarray
    room: np.ndarray


def _first_tests(first: pd.DataFrame, teams: Sequence[str], practices: Sequence[str], periods: int) -> np.ndarray:
    """Period of the first test, teams x practices; `periods` where there was none."""
    where = _positions(first, teams, practices, periods, "first tests")
    at = np.full((len(teams), len(practices)), periods)
    if twice := int(first.duplicated(["team", "practice"]).sum()):
        raise UsageError(f"spread: {twice} first tests of a practice that the team had tried before; give the earliest")
    at[where[0], where[1]] = where[2]
    return at


def _marks(pushed: pd.DataFrame, teams: Sequence[str], practices: Sequence[str], periods: int) -> np.ndarray:
    marks = np.zeros((periods, len(teams), len(practices)), bool)
    team, practice, period = _positions(pushed, teams, practices, periods, "pushed")
    marks[period, team, practice] = True
    return marks


def _positions(
    table: pd.DataFrame, teams: Sequence[str], practices: Sequence[str], periods: int, what: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    need(table, ("team", "practice", "period"), f"spread: {what}")
    period = table["period"].to_numpy(float)
    if not ((period == period.round()) & (period >= 0) & (period < periods)).all():
        raise UsageError(f"spread: {what}: expected whole periods from 0 to {periods - 1}")
    return (
        _known(table["team"], teams, f"{what}: team"),
        _known(table["practice"], practices, f"{what}: practice"),
        period.astype(int),
    )


def _known(names: pd.Series, listed: Sequence[str], what: str) -> np.ndarray:
    at = pd.Index(listed).get_indexer(names)
    if (at < 0).any():
        strange = ", ".join(map(repr, pd.unique(names[at < 0])[:3]))
        raise UsageError(f"spread: {what} {strange} is not on the list of {len(listed)}")
    return at


def _learning_sets(rooms: pd.DataFrame, teams: Sequence[str], periods: int) -> list[_LearningSet]:
    """Rooms as numbers; teams whose room is not known met nobody that is known."""
    need(rooms, ("learning_set", "period", "team", "room"), "spread: rooms")
    if rooms.duplicated(["learning_set", "team"]).any():
        raise UsageError("spread: rooms: a team stands twice in one learning set; give one row per team that came")
    if not rooms["period"].between(0, periods - 1).all():
        raise UsageError(f"spread: rooms: expected whole periods from 0 to {periods - 1}")
    known = rooms.dropna(subset=["room"]).sort_values(["period", "learning_set"], kind="stable")
    return [
        _LearningSet(
            int(part["period"].iloc[0]),
            _known(part["team"], teams, "rooms: team"),
            pd.factorize(part["room"], sort=True)[0],
        )
        for _, part in known.groupby("learning_set", sort=False)
    ]


def _exposed_from(rooms: list[np.ndarray], sets: list[_LearningSet], at: np.ndarray, periods: int) -> np.ndarray:
    """First period in which a team has shared a room with a user, draws x teams x practices; `periods` for never.

    Parameters
    ----------
    rooms : list of ndarray
        For each learning set the rooms of those who came, shape (draws, who).
    """
    draws = len(rooms[0]) if rooms else 1
    since = np.full((draws, *at.shape), periods)
    for room, held in zip(rooms, sets, strict=True):
        uses = (at[held.who] < held.period).astype(float)
        inside = (room[:, :, None] == np.arange(room.max() + 1)).astype(float)
        users = inside @ (inside.transpose(0, 2, 1) @ uses)
        met = np.where(users - uses > 0, held.period, periods)
        since[:, held.who] = np.minimum(since[:, held.who], met)
    return since


def _reasons(
    sets: list[_LearningSet], practices: int, tests: int, exposed: np.ndarray, at: np.ndarray, periods: int
) -> tuple[str, ...]:
    """Why there is no honest test; empty where there is one."""
    if not sets:
        return ("no test of spread: who sat with whom at learning sets is not recorded",)
    if practices < FEWEST_PRACTICES:
        return ("no test of spread: with one practice, keen teams and contact cannot be told apart",)
    if tests < FEWEST_TESTS:
        return (f"no test of spread: {tests} first tests are too few (at least {FEWEST_TESTS})",)
    if not (exposed <= np.minimum(at, periods - 1)).any():
        return ("no test of spread: no team had shared a room with a user before it tried the practice",)
    return ()


class _Spells:
    """Team x practice x period rows up to the first test; beside others, periods without any test inform nothing."""

    def __init__(
        self, at: np.ndarray, exposed: np.ndarray, sets: list[_LearningSet], push: np.ndarray | None, periods: int
    ) -> None:
        period, team, practice = (grid.ravel() for grid in np.indices((periods, *at.shape)))
        tested = np.zeros((periods, at.shape[1]), bool)
        tested[at[at < periods], np.nonzero(at < periods)[1]] = True
        open_ = at[team, practice] >= period
        met, now = exposed[team, practice] <= period, at[team, practice] == period
        self.all_met, self.all_tested = met[open_].astype(float), now[open_].astype(float)
        keep = open_ & tested.any(axis=1)[period] & tested.any(axis=0)[practice]
        self.period, self.team, self.practice = period[keep], team[keep], practice[keep]
        self.met, self.tested = met[keep].astype(float), now[keep].astype(float)
        self.shape = (periods, *at.shape)
        came = _attendance(sets, at.shape[0], periods)[self.team, self.period]
        columns = [*_dummies(self.period), *_dummies(self.practice), came - came.mean()]
        if push is not None:
            columns.append(push[self.period, self.team, self.practice].astype(float))
        self.beside = np.column_stack([np.ones(len(came)), *(c for c in columns if np.ptp(c) > 0)])

    def score(self) -> np.ndarray:
        """Score of contact from each period on, under the model without it: shape (periods + 1, teams, practices)."""
        fit = _fit(self.tested, self.beside)
        mu = fit.mu
        slope = -(1 - mu) * np.log1p(-mu)  # derivative of the complementary log-log mean
        total = np.zeros((self.shape[0] + 1, *self.shape[1:]))
        total[self.period, self.team, self.practice] = slope * (self.tested - mu) / (mu * (1 - mu))
        return total[::-1].cumsum(axis=0)[::-1]

    def hazard(self) -> pd.DataFrame:
        """Hazard ratio of teams that have met a user, alone and beside all else."""
        alone = np.column_stack([self.all_met, np.ones(len(self.all_met))])
        fits = {
            "alone": _fit(self.all_tested, alone),
            "beside period, practice and attendance": _fit(self.tested, np.column_stack([self.met, self.beside])),
        }
        rows = []
        for term, fit in fits.items():
            low, high = np.exp(fit.conf_int()[0])
            rows.append((term, np.exp(fit.params[0]), fit.bse[0], low, high, fit.pvalues[0], int(fit.nobs)))
        return _table(rows)


def _table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))


def _fit(tested: np.ndarray, columns: np.ndarray):
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.families.links import CLogLog
    from statsmodels.genmod.generalized_linear_model import GLM

    return GLM(tested, columns, family=Binomial(link=CLogLog())).fit()


def _dummies(codes: np.ndarray) -> list[np.ndarray]:
    return [(codes == level).astype(float) for level in np.unique(codes)[1:]]


def _attendance(sets: list[_LearningSet], teams: int, periods: int) -> np.ndarray:
    """Share of the learning sets so far that a team came to, teams x periods; 0 before the first."""
    came, held = np.zeros((teams, periods)), np.zeros(periods)
    for each in sets:
        came[each.who, each.period] += 1
        held[each.period] += 1
    return came.cumsum(axis=1) / np.maximum(held.cumsum(), 1)


def _drawn_again(
    spells: _Spells, sets: list[_LearningSet], at: np.ndarray, draws: int, rng: np.random.Generator
) -> float:
    """One-sided p of the score of contact against rooms drawn again among those who came."""
    score = spells.score()
    periods, teams, practices = spells.shape
    i, k = np.indices((teams, practices))

    def statistic(since: np.ndarray) -> np.ndarray:
        return score[since, i, k].sum(axis=(1, 2))

    observed = statistic(_exposed_from([s.room[None] for s in sets], sets, at, periods))[0]
    rooms = [rng.permuted(np.tile(s.room, (draws, 1)), axis=1) for s in sets]
    drawn = statistic(_exposed_from(rooms, sets, at, periods))
    return float((1 + (drawn >= observed - 1e-9).sum()) / (draws + 1))


def _curves(at: np.ndarray, practices: Sequence[str], periods: int) -> pd.DataFrame:
    each = [adoption_curve(at[:, k], periods).assign(practice=name) for k, name in enumerate(practices)]
    together = adoption_curve(at.ravel(), periods).assign(practice="all")
    if len(practices) > 1:  # practices of one team are not independent: the interval is over teams
        left = (at[:, :, None] > np.arange(periods)).mean(axis=1)
        together["ci_low"], together["ci_high"] = _log_log(left.mean(axis=0), left.std(axis=0, ddof=1) / len(at) ** 0.5)
    return pd.concat([together, *each], ignore_index=True)[list(CURVE_COLUMNS)]


def _routes(
    first: pd.DataFrame,
    at: np.ndarray,
    exposed: np.ndarray,
    push: np.ndarray | None,
    teams: Sequence[str],
    practices: Sequence[str],
    periods: int,
) -> pd.DataFrame:
    """Count first tests by how they came about: the first of the routes that fits."""
    team, practice, period = _positions(first, teams, practices, periods, "first tests")
    named = first["learnt_from"].notna().to_numpy() if "learnt_from" in first else np.zeros(len(first), bool)
    fits = [
        push[period, team, practice] if push is not None else np.zeros(len(first), bool),
        named,
        exposed[team, practice] <= at[team, practice],
    ]
    route = np.select(fits, [0, 1, 2], 3)
    return pd.DataFrame({"route": ROUTES, "tests": np.bincount(route, minlength=len(ROUTES))})
