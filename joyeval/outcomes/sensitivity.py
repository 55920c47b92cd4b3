"""Would the answer survive? One team fewer, other defensible choices, an outcome that cannot move, missing data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.panel import least_squares
from joyeval.outcomes.association import Association, number, quoted, signed
from joyeval.outcomes.linkage import Linkage, noun_of, table_of
from joyeval.outcomes.panel import fixed_effects, prepare
from joyeval.outcomes.plan import DESIGNS
from joyeval.result import Result
from joyeval.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


FIVE_PERCENT = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class LeaveOneOut(Result):
    """An estimate without each team in turn; `n` counts teams, `n_dropped` those without which it cannot be had.

    Parameters
    ----------
    term : str
    estimate : float
        With all teams.
    estimates : DataFrame
        ``left_out, estimate, ci_low, ci_high, change``.
    noun : str
        What was left out.
    """

    term: str
    estimate: float
    estimates: pd.DataFrame
    noun: str = "team"

    def tidy(self) -> pd.DataFrame:
        """Return one row per team left out."""
        return self.estimates

    def sentence(self) -> str:
        """Return the range and the team that matters most."""
        low, high = self.estimates["estimate"].min(), self.estimates["estimate"].max()
        most = self.estimates.loc[self.estimates["change"].abs().idxmax()]
        turned = int((np.sign(self.estimates["estimate"]) != np.sign(self.estimate)).sum())
        sign = "the sign never changes" if not turned else f"the sign changes in {turned} of them"
        return (
            f"Without one {self.noun} at a time, {self.term} lies between {number(low)} and {number(high)} "
            f"(all {self.n} {self.noun}s: {number(self.estimate)}); {sign}; leaving out {most['left_out']} moves it "
            f"most ({signed(most['change'])})."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SpecificationCurve(Result):
    """One question under every combination of defensible choices; `n` counts specifications that could be fitted.

    Parameters
    ----------
    estimates : DataFrame
        Choices, ``estimate, ci_low, ci_high, p, n``, sorted by estimate.
    choices : tuple of str
        Names of the columns that hold choices.
    median : float
    share_significant : float
        Specifications with p < .05 in the direction of the median.
    permutation_p : float
        How often the median is as far from 0 when teams exchange their histories of x; missing if not asked for.
    """

    estimates: pd.DataFrame
    choices: tuple[str, ...]
    median: float
    share_significant: float
    permutation_p: float = np.nan

    def tidy(self) -> pd.DataFrame:
        """Return one row per specification."""
        return self.estimates

    def sentence(self) -> str:
        """Return the curve in words."""
        low, high = self.estimates["estimate"].min(), self.estimates["estimate"].max()
        chance = "" if np.isnan(self.permutation_p) else f"; permutation p of the median {self.permutation_p:.3g}"
        above, below = (self.estimates["ci_low"] > 0).sum(), (self.estimates["ci_high"] < 0).sum()
        return (
            f"Over {self.n} defensible specifications the estimate lies between {number(low)} and {number(high)}, "
            f"median {number(self.median)}; {above} of their intervals lie above 0, {below} below{chance}."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class NegativeControl(Result):
    """The same design on an outcome that staff experience cannot move; `n` counts team-periods of the control.

    Parameters
    ----------
    main, control : Association
        Estimates in standard deviations of each outcome are compared in `tidy`.
    estimates : DataFrame
        ``term, estimate, se, ci_low, ci_high, p, n`` in standard deviations of the outcome.
    """

    main: Association
    control: Association
    estimates: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return both estimates in standard deviations of their outcome."""
        return self.estimates

    def sentence(self) -> str:
        """Say whether the control moved where it should not."""
        row = self.estimates.iloc[1]
        reach = f"95% CI {number(row['ci_low'])} to {number(row['ci_high'])}"
        interval = f"{signed(row['estimate'])} standard deviations ({reach})"
        if row["ci_low"] <= 0 <= row["ci_high"]:
            return f"The negative control {quoted(self.control.y)} did not clearly move, as it should not: {interval}."
        return (
            f"The negative control {quoted(self.control.y)} moved with {quoted(self.control.x)}, "
            f"although it should not: {interval}. Something else than experience links them, and may link "
            f"{quoted(self.main.y)} too."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class TippingPoint(Result):
    """How unlike the rest missing outcomes would have to be to change the answer; `n` counts observed team-periods.

    Parameters
    ----------
    x, y : str
    estimate, ci_low, ci_high : float
        From observed team-periods.
    slope : float
        Change of the estimate per unit by which missing outcomes lie above what the model predicts for them.
    tip : float
        Shift of missing outcomes, in their own units, at which the interval first touches 0 (or, for a null,
        first leaves it).
    tip_sd : float
        The same in standard deviations of the residual.
    n_missing : int
        Team-periods with experience but no outcome, in teams that have some.
    """

    x: str
    y: str
    estimate: float
    ci_low: float
    ci_high: float
    slope: float
    tip: float
    tip_sd: float
    n_missing: int
    noun: str = "team"

    def tidy(self) -> pd.DataFrame:
        """Return the estimate at shifts of -2 to 2 residual standard deviations."""
        sd = self.tip / self.tip_sd
        shifts = np.arange(-2, 2.5, 0.5)
        moved = self.slope * shifts * sd
        return pd.DataFrame(
            {"shift_sd": shifts, "shift": shifts * sd, "estimate": self.estimate + moved,
             "ci_low": self.ci_low + moved, "ci_high": self.ci_high + moved, "n": self.n}
        )  # fmt: skip

    def sentence(self) -> str:
        """Say what it would take: for a link to be lost, or, where the answer is open, for one to show."""
        lack = f"{counted(self.n_missing, self.noun + '-period')} lack{'s' * (self.n_missing == 1)} {quoted(self.y)}"
        turn = "to show" if self.ci_low <= 0 <= self.ci_high else "no longer to show"
        return (
            f"{lack}. They would have to lie {signed(self.tip_sd)} residual standard deviations ({signed(self.tip)}) "
            f"from what the model predicts, for a link with {quoted(self.x)} {turn}."
        )


def leave_one_out(
    fit: Callable[[pd.DataFrame], Result], data: pd.DataFrame | Linkage, *, by: str = "team", term: str | None = None
) -> LeaveOneOut:
    """Refit without each team (or trust) in turn.

    Parameters
    ----------
    fit : callable
        Takes such data, returns any result with estimates: ``lambda d: fixed_effects(d, y="waits", x="joy", draws=0)``.
    data : DataFrame or Linkage
    by : str
        Column of the units left out.
    term : str, optional
        Default: the primary term of the result, or its first.

    Raises
    ------
    ModelError
        The full data cannot be fitted, or no reduced data.
    """
    table = table_of(data)
    full = _row(fit(data), term)
    rows, lost = [], 0
    for unit in sorted(table[by].dropna().unique()):
        try:
            row = _row(fit(_with(data, table[table[by] != unit])), full["term"])
        except ModelError:
            lost += 1
            continue
        rows.append((str(unit), row["estimate"], row["ci_low"], row["ci_high"], row["estimate"] - full["estimate"]))
    if not rows:
        raise ModelError(f"{lost} units by {by}: none can be left out, since the rest cannot be fitted")
    return LeaveOneOut(
        term=full["term"],
        estimate=float(full["estimate"]),
        estimates=pd.DataFrame(rows, columns=["left_out", "estimate", "ci_low", "ci_high", "change"]),
        noun=noun_of(data) if by == "team" else by,
        n=len(rows) + lost,
        n_dropped=lost,
        notes=_turning(full, rows),
    )


def specification_curve(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    specifications: Sequence[Mapping[str, Any]] | None = None,
    team: str = "team",
    draws: int = 0,
    seed: int = 0,
    **options: Any,
) -> SpecificationCurve:
    """Ask one question in every defensible way and show all answers.

    Parameters
    ----------
    data : DataFrame or Linkage
    y, x : str
        Outcome and staff measure.
    specifications : sequence of mappings, optional
        Each names a ``design`` ("within_between", "fixed_effects", "change_on_change") and arguments of it;
        ``weights`` may be "denominators" or "equal". Default: `defensible`.
    draws : int
        Permutations of the teams' histories of x; each refits every specification.
    options
        Arguments that all specifications share, such as `period` and `covariates`.

    Raises
    ------
    UsageError
        An unknown design.
    ModelError
        No specification can be fitted.

    References
    ----------
    Simonsohn, Simmons & Nelson (2020), Nat. Hum. Behav. 4, 1208-1214. doi:10.1038/s41562-020-0912-z
    """
    specs = list(specifications or defensible(data, y=y))
    options = {"y": y, "x": x, "team": team} | options
    rows, failed = _fit_all(data, specs, options)
    if not rows:
        raise ModelError(f"none of {len(specs)} specifications can be fitted; the first: {failed[0]}")
    estimates = pd.DataFrame(rows).sort_values("estimate", ignore_index=True)
    median = float(estimates["estimate"].median())
    agree = (estimates["p"] < FIVE_PERCENT) & (np.sign(estimates["estimate"]) == np.sign(median))
    return SpecificationCurve(
        estimates=estimates,
        choices=tuple(dict.fromkeys(name for spec in specs for name in spec)),
        median=median,
        share_significant=float(agree.mean()),
        permutation_p=_median_by_chance(data, specs, options, draws, seed, median) if draws else np.nan,
        n=len(rows),
        n_dropped=len(failed),
        notes=tuple(f"a specification could not be fitted: {reason}" for reason in dict.fromkeys(failed)),
    )


def defensible(data: pd.DataFrame | Linkage, *, y: str) -> list[dict[str, Any]]:
    """List specifications that a reader could defend: designs, experience now or a period before, weights."""
    counted = isinstance(data, Linkage) and data.data[f"{y}_denominator"].notna().any()
    weighted = ("denominators", "equal") if counted else ("equal",)
    specs = [
        {"design": design, "lag": lag, "weights": weights}
        for design, lag, weights in product(("within_between", "fixed_effects"), (0, 1), weighted)
    ]
    return [*specs, *({"design": "change_on_change", "lag": lag, "weights": "equal"} for lag in (0, 1))]


def negative_control(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    control: str,
    x: str,
    design: Callable[..., Association] = fixed_effects,
    **options: Any,
) -> NegativeControl:
    """Run a design on an outcome that staff experience cannot plausibly change, beside the real one.

    Parameters
    ----------
    y, control : str
        The outcome of interest, and the one that should not move.
    design : callable
        `fixed_effects`, `within_between` or `change_on_change`; `options` are passed on.

    References
    ----------
    Lipsitch, Tchetgen Tchetgen & Cohen (2010), Epidemiology 21(3), 383-388. doi:10.1097/EDE.0b013e3181d61eeb
    """
    main, moved = (design(data, y=name, x=x, **options) for name in (y, control))
    return beside_control(main, moved, table_of(data)[y].std(), table_of(data)[control].std())


def beside_control(main: Association, control: Association, sd_main: float, sd_control: float) -> NegativeControl:
    """Put an association beside the same one of a negative control, each per standard deviation of its outcome."""
    rows = []
    for answer, sd in ((main, sd_main), (control, sd_control)):
        row = answer.effect[["term", "estimate", "se", "ci_low", "ci_high", "p", "n"]].copy()
        row["term"] = answer.y
        row[["estimate", "se", "ci_low", "ci_high"]] /= sd
        rows.append(row)
    return NegativeControl(
        main=main, control=control, estimates=pd.DataFrame(rows).reset_index(drop=True),
        n=control.n, n_dropped=control.n_dropped, notes=control.notes,
    )  # fmt: skip


def tipping_point(
    data: pd.DataFrame | Linkage, *, y: str, x: str, team: str = "team", period: str = "period", **options: Any
) -> TippingPoint:
    """Ask how far missing outcomes would have to lie from their prediction to change a fixed-effects answer.

    Missing outcomes that lie where the model predicts them change nothing; moved by a constant, they move the
    estimate in proportion. The error is kept at that of the observed data, which is conservative.

    Parameters
    ----------
    data : DataFrame or Linkage
        Rows with x but without y are the missing ones.
    options
        Further arguments of `fixed_effects`.

    Raises
    ------
    ModelError
        Nothing is missing in teams that have some outcome, or missing rows say nothing about x.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, chapter 6 (nonignorable nonresponse).
    """
    answer = fixed_effects(data, y=y, x=x, team=team, period=period, **({"draws": 0} | options))
    given = {name: value for name, value in options.items() if name not in ("role", "draws")}
    panel = prepare(data, y=y, x=x, team=team, period=period, **given)
    frame = panel.frame.dropna(subset=[x, *panel.covariates])
    seen = frame.groupby(team)[y].transform("count") > 0
    frame = frame[seen & frame[period].isin(frame.loc[frame[y].notna(), period])]
    missing = frame[y].isna().to_numpy(dtype=float)
    if not missing.any():
        noun = noun_of(data)
        raise ModelError(
            f"{quoted(y)} is known in all {len(frame)} {noun}-periods of {noun}s and periods with any outcome in which "
            f"{quoted(x)} is known: nothing can tip"
        )
    slope, sd = _pull(frame, panel, missing)
    row = answer.effect
    edge = row["ci_low"] if row["estimate"] > 0 else row["ci_high"]
    return TippingPoint(
        x=x, y=y, slope=slope, tip=float(-edge / slope), tip_sd=float(-edge / slope / sd), n_missing=int(missing.sum()),
        estimate=float(row["estimate"]), ci_low=float(row["ci_low"]), ci_high=float(row["ci_high"]),
        n=answer.n, n_dropped=answer.n_dropped, notes=answer.notes, noun=answer.noun,
    )  # fmt: skip


def _row(result: Result, term: str | None) -> pd.Series:
    table = result.tidy()
    wanted = term or getattr(result, "primary", table["term"].iloc[0])
    found = table[table["term"] == wanted]
    if found.empty:
        raise UsageError(f"term {wanted!r}: found {', '.join(table['term'])}")
    return found.iloc[0]


def _turning(full: pd.Series, rows: list[tuple]) -> tuple[str, ...]:
    """Note how many units the conclusion hangs on; a note may be read by everybody, so that it names none."""
    excludes = full["ci_low"] * full["ci_high"] > 0
    hang = sum((low * high > 0) != excludes for _, _, low, high, _ in rows)
    if not hang:
        return ()
    return (
        f"the conclusion at 5 % hangs on single units: it changes when any one of {hang} of {len(rows)} is left out",
    )


def _with(data: pd.DataFrame | Linkage, table: pd.DataFrame) -> pd.DataFrame | Linkage:
    """Return the data with another table: what a linkage knows of its measures stays."""
    return replace(data, data=table) if isinstance(data, Linkage) else table


def _fit_all(
    data: pd.DataFrame | Linkage, specs: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> tuple[list[dict], list[str]]:
    rows, failed = [], []
    for spec in specs:
        try:
            row = _fit_one(data, **options, **spec)
        except ModelError as error:
            failed.append(str(error))
            continue
        figures = {name: row[name] for name in ("estimate", "ci_low", "ci_high", "p", "n")}
        rows.append({name: str(value) for name, value in spec.items()} | figures)
    return rows, failed


def _fit_one(data: pd.DataFrame | Linkage, *, design: str, weights: str | None = None, **options: Any) -> pd.Series:
    if design not in DESIGNS:
        raise UsageError(f"design {design!r}: expected one of {', '.join(DESIGNS)}")
    if design != "change_on_change":  # which weighs all alike and has no permutation of its own
        options |= {"weights": {"equal": "", "denominators": None}.get(weights or "", weights), "draws": 0}
    return DESIGNS[design](data, **options).effect


def _median_by_chance(data, specs, options: Mapping[str, Any], draws: int, seed: int, median: float) -> float:
    """Share of draws in which the median specification is as far from 0, the actual one counted."""
    x, team = options["x"], options["team"]
    order = table_of(data).sort_values([team], kind="stable")
    sizes = order.groupby(team).size()
    if sizes.min() < sizes.max():
        raise ModelError(
            f"teams have {sizes.min()} to {sizes.max()} rows; histories of unequal length cannot be exchanged"
        )
    histories = order[x].to_numpy().reshape(len(sizes), -1)
    rng = np.random.default_rng(seed)
    hits = 1
    for _ in range(draws):
        moved = order.assign(**{x: rng.permutation(histories, axis=0).ravel()})
        rows, _ = _fit_all(_with(data, moved), specs, options)
        hits += abs(np.median([row["estimate"] for row in rows])) >= abs(median) * (1 - 1e-10)
    return hits / (draws + 1)


def _pull(frame: pd.DataFrame, panel, missing: np.ndarray) -> tuple[float, float]:
    """Slope of the missing indicator on x given the fixed effects, and the residual deviation of the outcome."""
    codes = [pd.factorize(frame[name])[0] for name in (panel.team, panel.period)]
    names = [panel.x, *panel.covariates]
    X = frame[names].to_numpy(dtype=float)
    w = None
    if panel.weights:
        w = frame[panel.weights].fillna(frame[panel.weights].median()).to_numpy(dtype=float)
    slope = float(least_squares(missing, X, names=names, absorb=codes, weights=w).beta[0])
    if abs(slope) < 1e-12:
        raise ModelError(f"missing team-periods do not differ in {panel.x}; shifting them cannot change the estimate")
    known = frame[panel.y].notna().to_numpy()
    codes = [pd.factorize(code[known])[0] for code in codes]
    fit = least_squares(frame.loc[known, panel.y].to_numpy(dtype=float), X[known], names=names, absorb=codes)
    return slope, float(np.sqrt(fit.residual @ fit.residual / (fit.n - fit.rank)))
