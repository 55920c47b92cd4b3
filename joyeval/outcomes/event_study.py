"""Staggered starts: how outcomes moved around the start of the programme, against teams that had not started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import estimate_table
from joyeval.models.panel import assignments, calendar, cluster_robust, did, least_squares
from joyeval.outcomes.association import BY_LOT, detectable_effect, number, open_answer, signed
from joyeval.outcomes.linkage import Linkage, table_of
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

METHODS = ("callaway_santanna", "imputation", "sun_abraham")
FEW_STARTERS = 5  # below, the spread among starting teams is hardly known
PARALLEL = "This rests on the assumption that teams would otherwise have moved in parallel."
TIE = 1 - 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class EventStudy(Result):
    """Effects of a programme that teams started at different times; `n` counts teams.

    Parameters
    ----------
    y, method : str
    terms : DataFrame
        ``term, event, estimate, se, df, ci_low, ci_high, p, n``: by periods since the start (`event`; -1 is the
        period that the others are compared with and has no row); `n` counts the started teams behind it.
    overall : DataFrame
        One row: mean effect since the start, averaged over teams that started.
    cohorts : DataFrame
        The same by start.
    compared : DataFrame
        ``method, estimate, se, df, ci_low, ci_high, p``: the overall effect by each method. Two-way fixed effects
        is there to show what mixing early with late starters would have given.
    pretrend : dict
        ``f, df1, df2, p`` of the test that all effects before the start are 0.
    permutation_p : float
        p of the overall effect when teams exchange their starts.
    n_started : int
    randomised : bool
        True when starts were drawn by lot.
    improve : str
        "increase" or "decrease" where the better direction is known.
    """

    y: str
    method: str
    terms: pd.DataFrame
    overall: pd.DataFrame
    cohorts: pd.DataFrame
    compared: pd.DataFrame
    pretrend: dict[str, float]
    permutation_p: float
    n_started: int
    randomised: bool
    improve: str = ""

    def tidy(self) -> pd.DataFrame:
        """Return one row per period since the start."""
        return self.terms

    def sentence(self) -> str:
        """Return the overall effect in words: a null as a null, and what it rests on."""
        row = self.overall.iloc[0]
        interval = f"95% CI {number(row['ci_low'])} to {number(row['ci_high'])}"
        chance = "" if np.isnan(self.permutation_p) else f", permutation p {self.permutation_p:.3g}"
        basis = f"{interval}{chance}; {self.n_started} of {self.n} teams started"
        moved = (
            f"{self.y} of teams that started moved by {signed(row['estimate'])} more than that of teams that had not"
        )
        if row["ci_low"] <= 0 <= row["ci_high"]:
            told = open_answer(f"{moved} ({basis})", "starting made a difference")
            return told if self.randomised else f"{told} {PARALLEL}"
        better = ""
        if self.improve:
            better = ", for the better" if (row["estimate"] > 0) == (self.improve == "increase") else ", for the worse"
        return f"The {moved}{better} ({basis}). {BY_LOT if self.randomised else PARALLEL}"


def event_study(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    start: str,
    team: str = "team",
    period: str = "period",
    method: str = "callaway_santanna",
    not_yet: bool = True,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    randomised: bool = False,
    draws: int = 999,
    seed: int = 0,
) -> EventStudy:
    """Estimate the effect of a programme from teams that started it at different times.

    Estimand: for teams that started, the mean difference since their start between the outcome and what it would
    have been without one, each team counting once. Comparison is with teams that never started, and with those
    that had not yet.

    Parameters
    ----------
    data : DataFrame or Linkage
        One row per team and period.
    y, start : str
        Outcome; period in which the team started (the type of `period`; missing or 0 for never).
    method : {"callaway_santanna", "imputation", "sun_abraham"}
        What `terms` and `overall` show; the others stand beside in `compared`.
    not_yet : bool
        Compare with teams that start later too.
    covariates : sequence of str
        Fixed in time (the first value counts); parallel trends are then assumed given them. Callaway-Sant'Anna only.
    strata : str, optional
        Column within which starts were drawn by lot, for the permutation.
    randomised : bool
        True only if starts were drawn by lot: the permutation test is then exact, and the sentence may say so.
    draws : int
        Permutations of starts; 0 for none.

    Returns
    -------
    EventStudy

    Raises
    ------
    ModelError
        No cohort can be compared: nobody started, all started at once, no period before.

    References
    ----------
    Callaway & Sant'Anna (2021), J. Econometrics 225(2), 200-230. doi:10.1016/j.jeconom.2020.12.001
    Roth (2022), Am. Econ. Rev. Insights 4(3), 305-322. doi:10.1257/aeri.20210236
    """
    if method not in METHODS:
        raise UsageError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    table = table_of(data)
    frame, Y, begun, levels = _arrange(table, y, start, team, period, [*covariates, *([strata] if strata else [])])
    fixed = frame.groupby(team)[list(covariates)].first().to_numpy(dtype=float) if covariates else None
    rows = _long(Y, begun)
    effects = did.callaway_santanna(Y, begun, not_yet=not_yet, covariates=fixed)
    answers = {
        "callaway_santanna": lambda: _from_effects(effects, begun, len(levels)),
        "imputation": lambda: _from_effects(did.imputation(Y, begun), begun, len(levels)),
        "sun_abraham": lambda: _from_regression(*rows),
    }
    compared, (terms, overall, cohorts), missing = _compare(answers, rows, method)
    layers = frame.groupby(team)[strata].first().to_numpy() if strata else np.zeros(len(begun), int)
    dropped = int(table[team].nunique() - len(begun))
    trend = _pretrend(effects, begun)
    return EventStudy(
        y=y,
        method=method,
        terms=terms,
        overall=overall,
        cohorts=_dated(cohorts, levels),
        compared=compared,
        pretrend=trend,
        permutation_p=_permuted(Y, begun, layers, not_yet, draws, seed, start) if draws else np.nan,
        n_started=int((begun < len(levels)).sum()),
        randomised=randomised,
        improve=data.improve.get(y, "") if isinstance(data, Linkage) else "",
        n=len(begun),
        n_dropped=dropped,
        notes=(
            *_team_notes(begun, len(levels), dropped, randomised),
            _trend_note(terms, trend),
            *_method_notes(compared),
            *missing,
        ),
    )


def _arrange(table: pd.DataFrame, y: str, start: str, team: str, period: str, also: list[str]) -> tuple:
    """Rows with an outcome, outcomes by team and period, starts counted from 0, and the periods themselves."""
    absent = [name for name in (y, start, team, period, *also) if name not in table]
    if absent:
        raise no_column(absent, table)
    refuse_infinite(table, [y, *also], f"{y} around {start}")
    frame = table.dropna(subset=[y, team, period]).sort_values([team, period])
    if repeated := int(frame.duplicated([team, period]).sum()):
        raise ModelError(f"{repeated} of {len(frame)} rows repeat a {team} and {period}; aggregate to one row each")
    levels = pd.Index(sorted(frame[period].unique()))
    frame = frame.assign(**calendar(frame, period=period, start=start))
    spread = frame.groupby(team)[start].agg(["min", "max"])
    if changing := int((spread["min"] < spread["max"]).sum()):
        raise ModelError(f"{start} changes within {changing} of {len(spread)} teams; expected one start per team")
    before = (frame[period] < frame[start]).groupby(frame[team]).transform("any")
    frame = frame[before]  # a team without a period before its start has nothing to compare with
    wide = frame.pivot(index=team, columns=period, values=y).reindex(columns=range(len(levels)))
    Y = wide.to_numpy(dtype=float, na_value=np.nan)
    begun = frame.groupby(team)[start].first().to_numpy()
    if not len(begun) or (begun >= len(levels)).all():
        raise ModelError(
            f"none of {table[team].nunique()} teams starts after the first of {len(levels)} periods and has an outcome "
            "before"
        )
    return frame, Y, begun, levels


def _long(Y: np.ndarray, begun: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows for regressions: outcome, team, period, start; without teams that never start, up to the last start."""
    team, period = np.nonzero(~np.isnan(Y))
    if (begun >= Y.shape[1]).any():
        return Y[team, period], team, period, begun[team]
    last = begun.max()
    early = period < last
    team, period = team[early], period[early]
    team, kept = pd.factorize(team, sort=True)
    return Y[kept[team], period], team, period, np.where(begun == last, Y.shape[1], begun)[kept[team]]


def _from_effects(effects: did.Effects, begun: np.ndarray, n_periods: int) -> tuple[pd.DataFrame, ...]:
    """Tables by event, overall and by cohort."""
    events, by_event = did.by_event(effects, begun)
    cohorts = did.by_cohort(effects, begun)
    size = {cohort: int((begun == cohort).sum()) for cohort in np.unique(begun)}
    behind = [sum(size[c] for c in effects.cohort[effects.period - effects.cohort == event]) for event in events]
    started = int((begun < n_periods).sum())
    return (
        _table([f"event {event:+d}" for event in events], by_event, begun, behind).assign(event=events),
        _table(["overall"], did.overall(effects, begun), begun, [started]),
        _table([str(c) for c in cohorts.cohort], cohorts, begun, [size[c] for c in cohorts.cohort]),
    )


def _table(names: list[str], effects: did.Effects, begun: np.ndarray, behind: list[int]) -> pd.DataFrame:
    vcov, df = did.cohort_errors(effects, begun)
    table = estimate_table(names, effects.estimate, np.sqrt(np.diag(vcov)), n=0, df=df)
    return table.assign(n=behind)


def _from_regression(y, team, period, start) -> tuple[pd.DataFrame, ...]:
    """Sun-Abraham with CR2 errors: the same three tables, cells averaged by the number of teams."""
    fit, cells = did.sun_abraham(y, team, period, start)
    since = cells[:, 1] - cells[:, 0]
    size = {cohort: len(np.unique(team[start == cohort])) for cohort in np.unique(cells[:, 0])}
    teams = np.array([size[cohort] for cohort in cells[:, 0]], dtype=float)
    events, starts = np.unique(since), np.array(sorted(size))
    by_event = np.column_stack([np.where(since == e, teams, 0.0) for e in events])
    by_cohort = np.column_stack([((cells[:, 0] == c) & (since >= 0)).astype(float) for c in starts])
    by_event, by_cohort = by_event / by_event.sum(axis=0), by_cohort / by_cohort.sum(axis=0)
    weight = np.array([size[c] for c in starts]) / sum(size.values())
    sums = np.column_stack([by_event, by_cohort @ weight, by_cohort])
    errors = cluster_robust(fit, team, sums=sums)
    names = [*(f"event {e:+d}" for e in events), "overall", *map(str, starts)]
    behind = [*(int(teams[since == e].sum()) for e in events), sum(size.values()), *size.values()]
    table = estimate_table(names, fit.beta @ sums, errors.se, n=0, df=errors.df).assign(n=behind)
    k = len(events)
    parts = table.iloc[:k].assign(event=events), table.iloc[[k]], table.iloc[k + 1 :]
    return tuple(part.reset_index(drop=True) for part in parts)


def _compare(answers: dict, rows: tuple, method: str) -> tuple[pd.DataFrame, tuple, tuple[str, ...]]:
    """Overall effect by every method that can be had, and the tables of the one asked for, which must be."""
    tables, missing = {}, []
    for name, answer in answers.items():
        try:
            tables[name] = answer()
        except ModelError as error:
            if name == method:
                raise
            missing.append(f"{name} cannot be had: {error}")
    y, team, period, start = rows
    started = (period >= start).astype(float)
    fit = least_squares(y, started[:, None], names=["started"], absorb=[team, period], cluster=team)
    errors = cluster_robust(fit, team)
    mixing = estimate_table(["two_way_fixed_effects"], fit.beta, errors.se, n=fit.n, df=errors.df)
    parts = [tables[name][1].assign(term=name) for name in tables]
    compared = pd.concat([*parts, mixing], ignore_index=True).rename(columns={"term": "method"})
    return compared.drop(columns="n"), tables[method], tuple(missing)


def _permuted(Y, begun, layers, not_yet: bool, draws: int, seed: int, name: str) -> float:
    """Share of assignments of starts whose overall t is as large; covariates play no part."""
    orders, _ = assignments((np.arange(Y.shape[1]) >= begun[:, None]).astype(float), layers, draws, seed, name)
    sizes = []
    for order in orders:
        moved = begun[order]
        try:
            effects = did.overall(did.callaway_santanna(Y, moved, not_yet=not_yet, post_only=True), moved)
        except ModelError:
            continue
        error = np.sqrt(did.cohort_errors(effects, moved)[0][0, 0])
        sizes.append(abs(effects.estimate[0]) / error if error > 0 else np.inf)
    return float(np.mean(np.array(sizes) >= TIE * sizes[0]))


def _dated(cohorts: pd.DataFrame, levels: pd.Index) -> pd.DataFrame:
    return cohorts.assign(term=[f"start {levels[int(c)]}" for c in cohorts["term"]])


def _pretrend(effects: did.Effects, begun: np.ndarray) -> dict[str, float]:
    """Test that effects before the start are 0 together."""
    events, averages = did.by_event(effects, begun)
    if (events >= 0).all():
        return {"f": np.nan, "df1": 0.0, "df2": 0.0, "p": np.nan}
    return did.joint_test(averages.where(events < 0), begun)


def _team_notes(begun: np.ndarray, n_periods: int, dropped: int, randomised: bool) -> list[str]:
    started = begun[begun < n_periods]
    notes = []
    if dropped:
        notes.append(f"{dropped} teams left out: without an outcome, or with none before their start")
    if len(started) == len(begun):
        notes.append("every team started in the end: nothing can be said of periods after the last start")
    if len(started) < FEW_STARTERS:
        notes.append(f"only {len(started)} teams started: rely on the permutation p more than on the interval")
    if single := int((np.unique(started, return_counts=True)[1] == 1).sum()):
        notes.append(
            f"{single} starts have one team each: how it might have varied was taken from the teams it is compared with"
        )
    if not randomised:
        notes.append("starts were not drawn by lot: teams that chose to start, or were chosen, may have differed")
    return notes


def _method_notes(compared: pd.DataFrame) -> list[str]:
    trusted = compared[compared["method"] != "two_way_fixed_effects"]
    gap = trusted["estimate"].max() - trusted["estimate"].min()
    if gap <= trusted["se"].min():
        return []
    return [f"methods differ by {number(gap)}, over one standard error: effects may change over time or cohorts"]


def _trend_note(terms: pd.DataFrame, test: dict) -> str:
    leads = terms[terms["event"] < 0]
    if leads.empty:
        return "too few periods before the start to look at trends"
    blind = max(detectable_effect(se, df) for se, df in zip(leads["se"], leads["df"], strict=True))
    p = "cannot be tested together with so few teams" if np.isnan(test["p"]) else f"p = {test['p']:.3g} together"
    return (
        f"before the start, {len(leads)} periods were compared ({p}); a difference there below {number(blind)} could "
        "have gone unseen, so a clear test does not prove parallel trends"
    )
