"""Panel designs: how an outcome goes with staff experience within teams, between teams, and from change to change.

All are linear in the units of the outcome, all have errors corrected for few teams (CR2) at the level where
exposure was assigned, and all say what they estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.design import build_design, quoted
from joyeval.models.estimates import estimate_table
from joyeval.models.mixed_models import mixed
from joyeval.models.panel import cluster_robust, least_squares, permutation_test, regression, small_sample_notes
from joyeval.models.swept import sweep
from joyeval.outcomes.association import ROLES, Association, detectable_effect, guard_notes, number
from joyeval.outcomes.linkage import Linkage, describe_lag, noun_of, table_of
from joyeval.outcomes.periods import UNITS, lagged, ordinals
from joyeval.outcomes.refusals import refuse, refuse_still
from joyeval.words import called

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME = {"factor": "C({})", "linear": "{}", "none": "1"}


@dataclass(frozen=True, eq=False)
class Panel:
    """A table of teams and periods, ready for a design, and what is known of its measures."""

    frame: pd.DataFrame
    y: str
    x: str
    team: str
    period: str
    cluster: str
    covariates: tuple[str, ...]
    weights: str | None
    unit: str
    when: str
    improve: str
    noun: str
    notes: tuple[str, ...]

    @property
    def formula(self) -> str:
        """Outcome, staff measure and covariates."""
        return f"{quoted(self.y)} ~ {' + '.join(quoted(name) for name in (self.x, *self.covariates))}"


def fixed_effects(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    team: str = "team",
    period: str = "period",
    lag: int = 0,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    weights: str | None = None,
    benchmark: str | None = None,
    unit: str = "month",
    role: str = "exploratory",
    draws: int = 999,
) -> Association:
    """Estimate the within-team association with everything stable about a team, and every common period, taken out.

    Estimand: the difference in the outcome, in its own units, between periods of one team in which its staff
    experience differs by 1, beyond what all teams saw in those periods.

    Parameters
    ----------
    data : DataFrame or Linkage
        One row per team and period.
    y, x : str
        Columns of outcome and staff measure.
    lag : int
        Periods by which x is taken earlier, within `data`; a missing wave makes the lag missing.
    covariates : sequence of str
        Columns that vary within teams.
    cluster : str, optional
        Level at which exposure was assigned; default the team.
    weights : str, optional
        Column of weights; a linkage brings its denominators.
    benchmark : str, optional
        Column of groups that must not be pooled silently: each gets its own period effects.
    unit : {"day", "week", "month", "quarter", "year"}
        Of the periods, where they are dates; a linkage brings its own.
    role : {"exploratory", "secondary", "primary"}
        Primary only where this very estimate was named before the data were seen.
    draws : int
        Permutations of teams' histories for a second p; 0 for none.

    Returns
    -------
    Association

    Raises
    ------
    ModelError
        The data cannot answer, with the n and the way out.

    References
    ----------
    Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36(4), 672-683. doi:10.1080/07350015.2016.1247004
    """
    panel = prepare(
        data, y=y, x=x, team=team, period=period, lag=lag, covariates=covariates, cluster=cluster, weights=weights,
        benchmark=benchmark, unit=unit,
    )  # fmt: skip
    moment = "__moment" if benchmark else period
    fit = regression(panel.formula, panel.frame, absorb=(team, moment), cluster=panel.cluster, weights=panel.weights)
    p, why = _permuted(panel, draws)
    within = panel.frame[panel.x] - panel.frame.groupby(team)[panel.x].transform("mean")
    return associate(
        panel, fit.terms, panel.x, design=f"{panel.noun} and period fixed effects",
        estimand=f"within {panel.noun}s{panel.when}",
        n=fit.n, n_dropped=len(panel.frame) - fit.n, sd_x=float(within.std()), role=role, permutation_p=p,
        sd_y=spread_within(panel.frame, panel), notes=(*fit.notes, *why),
    )  # fmt: skip


def change_on_change(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    team: str = "team",
    period: str = "period",
    lag: int = 0,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    unit: str = "month",
    role: str = "exploratory",
) -> Association:
    """Estimate how the change of the outcome since the period before goes with the change of staff experience.

    Estimand: the difference in the change of the outcome per 1 point of change in staff experience, beyond the
    common change of the period. With two waves this is the fixed-effects estimate.

    Parameters
    ----------
    data, y, x, team, period, lag, covariates, cluster, unit, role
        As in `fixed_effects`; all team-periods weigh the same. A change needs both neighbouring periods.

    Raises
    ------
    ModelError
        The data cannot answer, with the n and the way out.
    """
    panel = prepare(
        data, y=y, x=x, team=team, period=period, lag=lag, covariates=covariates, cluster=cluster, weights="", unit=unit
    )
    frame = panel.frame.copy()
    for name in (panel.y, panel.x, *panel.covariates):
        frame[name] -= lagged(panel.frame, name, team=team, period=period, unit=panel.unit)
    fit = regression(f"{panel.formula} + C({quoted(period)})", frame, cluster=panel.cluster)
    terms = fit.terms[fit.terms["term"].isin([panel.x, *panel.covariates])].reset_index(drop=True)
    return associate(
        panel, terms, panel.x, design="change on change", estimand=f"from one period to the next{panel.when}",
        n=fit.n, n_dropped=len(frame) - fit.n, sd_x=float(frame[panel.x].std()), sd_y=float(frame[panel.y].std()),
        role=role, notes=fit.notes,
    )  # fmt: skip


def within_between(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    team: str = "team",
    period: str = "period",
    lag: int = 0,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    weights: str | None = None,
    time: str = "factor",
    unit: str = "month",
    role: str = "exploratory",
    draws: int = 999,
) -> Association:
    """Separate what happens within teams from how teams differ (random-effects within-between model).

    Estimands: *within*, the difference in the outcome when a team's experience is 1 above its own average;
    *between*, the difference between teams whose averages differ by 1, which case-mix may explain; *contextual*,
    between minus within (Mundlak's test is that it is 0). Generalised least squares with a random intercept
    per team estimated by REML; errors are CR2, so they hold when errors of a team are autocorrelated too.

    Parameters
    ----------
    data, y, x, team, period, lag, covariates, cluster, weights, unit, role, draws
        As in `fixed_effects`.
    time : {"factor", "linear", "none"}
        How common change over periods is taken out.

    Returns
    -------
    Association
        Terms ``within``, ``between`` and ``contextual``, then covariates; `extra` holds the standard deviations
        between teams and of the residual.

    Raises
    ------
    ModelError
        The data cannot answer, with the n and the way out.

    References
    ----------
    Bell, Fairbrother & Jones (2019), Quality & Quantity 53, 1051-1074. doi:10.1007/s11135-018-0802-x
    Mundlak (1978), Econometrica 46(1), 69-85. doi:10.2307/1913646
    """
    if time not in TIME:
        raise UsageError(f"time={time!r}: expected one of {', '.join(TIME)}")
    panel = prepare(
        data, y=y, x=x, team=team, period=period, lag=lag, covariates=covariates, cluster=cluster, weights=weights,
        unit=unit,
    )  # fmt: skip
    used = [panel.y, panel.x, team, period, *panel.covariates, *([panel.weights] if panel.weights else [])]
    frame = panel.frame.dropna(subset=list(dict.fromkeys(used))).copy()
    refuse_still(frame, x=panel.x, team=team, period=period, noun=panel.noun)
    frame["__time"] = ordinals(frame[period], unit=panel.unit).astype(float)
    mean = frame.groupby(team)[panel.x].transform("mean")
    frame["within"], frame["between"] = frame[panel.x] - mean, mean
    terms, spread = _random_intercept(panel, frame, TIME[time].format("__time"))
    few = small_sample_notes(
        terms, n_clusters=frame[panel.cluster].nunique(), cluster=panel.cluster, used="CR2", asked="CR2"
    )
    p, why = _permuted(panel, draws)
    return associate(
        panel, terms, "within", design="within-between",
        estimand=f"comparing a {panel.noun} with its own average{panel.when}", n=len(frame),
        n_dropped=len(panel.frame) - len(frame), sd_x=float(frame["within"].std()), role=role, permutation_p=p,
        sd_y=spread_within(frame, panel),
        extra=spread, notes=(*_disagreement(terms, panel.noun), *few, *why),
    )  # fmt: skip


def prepare(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    team: str,
    period: str,
    lag: int = 0,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    weights: str | None = None,
    benchmark: str | None = None,
    unit: str = "month",
) -> Panel:
    """Check and complete a table of teams and periods for a design; ``weights=""`` keeps a linkage's weights out."""
    linked, noun = isinstance(data, Linkage), noun_of(data)
    frame = table_of(data).reset_index(drop=True)
    unit = data.unit if isinstance(data, Linkage) and data.unit in UNITS else unit
    if linked and weights is None and frame.get(f"{y}_denominator", pd.Series(dtype=float)).notna().any():
        weights = f"{y}_denominator"
    named = [y, x, team, period, *covariates, *(c for c in (cluster, weights, benchmark) if c)]
    absent = [name for name in dict.fromkeys(named) if name not in frame]
    if absent:
        raise no_column(absent, frame)
    frame = frame.astype({name: float for name in (y, x, *covariates) if frame[name].dtype.kind == "b"})
    if repeated := int(frame.duplicated([team, period]).sum()):
        raise ModelError(f"{repeated} of {len(frame)} rows repeat a {team} and {period}; aggregate to one row each")
    notes = _pooled_groups(frame, benchmark)
    if benchmark:
        frame = frame.assign(__moment=frame[benchmark].astype("str") + " " + frame[period].astype("str"))
    if lag:
        frame = frame.assign(**{x: lagged(frame, x, by=lag, team=team, period=period, unit=unit)})
    refuse(frame, y=y, x=x, team=team, covariates=covariates, cluster=cluster or team, lag=lag, noun=noun)
    if weights:
        behind = f"what {y} was counted over" if weights == f"{y}_denominator" else weights
        notes.append(f"{noun}-periods are weighted by {behind}")
    return Panel(
        frame=frame, y=y, x=x, team=team, period=period, cluster=cluster or team, covariates=tuple(covariates),
        weights=weights or None, unit=unit, when=_when(data, lag) if linked or lag else "",
        improve=data.improve.get(y, "") if isinstance(data, Linkage) else "", noun=noun,
        notes=tuple(notes),
    )  # fmt: skip


def _when(data: pd.DataFrame | Linkage, lag: int) -> str:
    parts = [f", with outcomes taken {describe_lag(data)}"] if isinstance(data, Linkage) else []
    if lag:
        way = "earlier" if lag > 0 else "later"
        parts.append(f", with staff experience {abs(lag)} period{'s' * (abs(lag) > 1)} {way}")
    return "".join(parts)


def _pooled_groups(frame: pd.DataFrame, benchmark: str | None) -> list[str]:
    if benchmark:
        return [f"{frame[benchmark].nunique()} groups by {benchmark} have their own period effects"]
    if "benchmark" in frame and (groups := frame["benchmark"].nunique()) > 1:
        return [f"{groups} benchmark groups are pooled; give benchmark='benchmark' to compare within them"]
    return []


def _random_intercept(panel: Panel, frame: pd.DataFrame, time: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit by REML, sweep the random intercept out of every column, and take CR2 errors of the rest.

    Multiplying by the inverse root of a random-intercept covariance is subtracting a share of the team mean,
    so the errors cost no more than those of ordinary least squares.
    """
    rest = [*(quoted(name) for name in panel.covariates), time]
    formula = f"{quoted(panel.y)} ~ within + between + {' + '.join(rest)}"
    model = mixed(formula, frame, groups=panel.team, weights=panel.weights, df="satterthwaite")
    groups = list(dict.fromkeys([panel.team, panel.cluster]))
    design = build_design(formula, frame, groups=groups, weights=panel.weights)
    codes = {group.name: group.codes for group in design.groups}
    swept = [codes[panel.team]], [model.theta[0] ** 2]
    columns = sweep(np.column_stack([design.y, design.X]), *swept, design.weights)
    within, between = design.names.index("within"), design.names.index("between")
    chosen = [within, between, between, *(design.names.index(name) for name in panel.covariates)]
    sums = np.eye(len(design.names))[:, chosen]
    sums[within, 2] = -1.0  # the contextual effect: between less within
    fit = least_squares(columns[:, 0], columns[:, 1:], names=design.names)
    errors = cluster_robust(fit, codes[panel.cluster], sums=sums)
    names = ["within", "between", "contextual", *panel.covariates]
    terms = estimate_table(names, fit.beta @ sums, errors.se, n=fit.n, df=errors.df)
    return terms, {"sd_between_teams": model.theta[0] * model.sigma, "sd_residual": model.sigma}


def _permuted(panel: Panel, draws: int) -> tuple[float, tuple[str, ...]]:
    """Return p when teams exchange their histories of x, or why it cannot be had."""
    if not draws:
        return np.nan, ()
    try:
        rows = panel.frame.dropna(subset=[panel.y, panel.x])
        test = permutation_test(rows, y=panel.y, x=panel.x, team=panel.team, period=panel.period, draws=draws)
    except ModelError as error:
        return np.nan, (f"no permutation test: {error}".replace("teams", f"{panel.noun}s"),)
    return test.p, ()


def spread_within(frame: pd.DataFrame, panel: Panel) -> float:
    """Return the standard deviation of the outcome about the average of each team."""
    values = frame[panel.y]
    return float((values - values.groupby(frame[panel.team]).transform("mean")).std())


def _disagreement(terms: pd.DataFrame, noun: str) -> tuple[str, ...]:
    """Say when teams that do better differ from teams when they do better."""
    rows = terms.set_index("term")
    if rows.loc["contextual", "p"] >= 0.05:
        return ()
    w, b = rows.loc[["within", "between"], "estimate"]
    low, high = rows.loc[["within", "between"], "ci_low"].max(), rows.loc[["within", "between"], "ci_high"].min()
    clash = "opposite signs" if high < 0 < low else "different sizes"
    sizes = f"{number(w)} and {number(b)}"
    return (f"within and between {noun}s the association has {clash} ({sizes}): they answer different questions",)


def associate(
    panel: Panel, terms: pd.DataFrame, primary: str, *, role: str, notes: Sequence[str], **fields
) -> Association:
    """Make the answer of a design, with the guard rails that every answer carries."""
    if role not in ROLES:
        raise UsageError(f"role={role!r}: expected one of {', '.join(ROLES)}")
    row = terms[terms["term"] == primary].iloc[0]
    if np.isnan(row["se"]):
        raise ModelError(
            f"{quoted(panel.y)} on {quoted(panel.x)}: a single {panel.noun} decides the estimate, so that nothing says "
            f"how sure it is; {panel.x} must move in at least two of them"
        )
    detectable = detectable_effect(row["se"], row["df"])
    n_teams = int(panel.frame.dropna(subset=[panel.y, panel.x])[panel.team].nunique())
    named = {"y": panel.y, "x": panel.x, "improve": panel.improve, "noun": panel.noun} | fields
    said = {name: named[name] for name in ("y", "improve", "noun")}
    guards = guard_notes(n_teams=n_teams, detectable=detectable, role=role, **said)
    return Association(
        primary=primary, terms=terms, n_teams=n_teams, detectable=detectable, role=role,
        notes=(*called(notes, panel.noun), *panel.notes, *guards), **named,
    )  # fmt: skip
