"""From a formula to a fitted Gaussian mixed model: refusals, tables and notes around the engine of `lmm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.design import Design, build_design, expand_groups
from joyeval.models.estimates import estimate_table
from joyeval.models.linear_mixed.ar1 import fit_ar1
from joyeval.models.linear_mixed.fitted import Mixed
from joyeval.models.linear_mixed.kenward_roger import can_adjust, kenward_roger
from joyeval.models.linear_mixed.likelihood import factors, lower_factor
from joyeval.models.linear_mixed.lmm import Fit, fit, satterthwaite
from joyeval.models.linear_mixed.profile import profile_coefficient, profile_sd, profile_sigma
from joyeval.models.linear_mixed.terms import random_terms, ranef_table, slopes_by_group
from joyeval.models.linear_mixed.variances import (
    VARIANCE_COLUMNS,
    cells,
    sd_or_correlation,
    variance_notes,
    wald_interval,
)
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.models.linear_mixed.inference import Inference
    from joyeval.models.linear_mixed.terms import Term

FEW_GROUPS = 50  # with fewer levels of some factor, Kenward-Roger is the default
STEP = 1e-6  # of numerical derivatives of standard deviations
FLAT = 1e-2  # slope of the deviance at which a fit has converged


@one_thread
def fit_gaussian(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    slopes: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    correlated: bool = True,
    weights: str | None = None,
    reml: bool = True,
    ar1: str | None = None,
    df: str | None = None,
    profile: bool = False,
    level: float = 0.95,
) -> Mixed:
    """Fit the Gaussian family of `joyeval.models.mixed_models`; see there."""
    if profile and ar1:
        raise UsageError("profile intervals are not available together with ar1")
    varying = slopes_by_group(slopes, expand_groups(groups))
    also = [*(column for columns in varying.values() for column in columns), *([ar1] if ar1 else [])]
    design = build_design(formula, data, groups=groups, weights=weights, also=also)
    terms = random_terms(design, varying, correlated=correlated)
    _refuse(design, terms)
    fitted, phi = _fit(design, terms, reml=reml, ar1=ar1)
    inference, notes = _inference(fitted, df)
    return _result(design, terms, fitted, inference, phi=phi, profile=profile, level=level, notes=notes)


def _fit(design: Design, terms: Sequence[Term], *, reml: bool, ar1: str | None) -> tuple[Fit, float | None]:
    if ar1 is None:
        return fit(design.y, design.X, terms, weights=design.weights, reml=reml), None
    finest = max(terms, key=lambda term: term.n_levels)
    for term in terms:
        if len(np.unique(finest.codes * term.n_levels + term.codes)) > finest.n_levels:
            raise ModelError(f"ar1 needs nested groups, but a level of {finest.name} lies in several of {term.name}")
    time = _in_time(design.frame[ar1])
    return fit_ar1(design.y, design.X, terms, series=finest.codes, time=time, weights=design.weights, reml=reml)


def _in_time(periods: pd.Series) -> np.ndarray:
    """Return periods as numbers, neighbours one apart; of days nobody can say what a neighbour is."""
    if isinstance(periods.dtype, pd.PeriodDtype):
        return periods.astype("int64").to_numpy(dtype=float)
    if periods.dtype.kind not in "iuf":
        raise UsageError(f"ar1: {periods.name} holds {periods.dtype}; expected numbered periods, neighbours 1 apart")
    return periods.to_numpy(dtype=float)


def _refuse(design: Design, terms: Sequence[Term]) -> None:
    """Refuse what these rows cannot tell apart, all reasons at once."""
    n, p = design.X.shape
    found = [] if n > p else [f"{p} coefficients need more than {n} rows"]
    for term in terms:
        first = np.zeros(term.n_levels, dtype=int)
        first[term.codes[::-1]] = np.arange(n)[::-1]
        found += _indistinct(design, term, first[term.codes])
    for i, one in enumerate(terms):
        for other in terms[:i]:
            pairs = len(np.unique(one.codes * other.n_levels + other.codes))
            if pairs == one.n_levels == other.n_levels:
                found.append(f"{other.name} and {one.name} divide the rows in the same way; keep one")
    if found:
        raise ModelError(f"{design.formula}: " + "; ".join(found))


def _indistinct(design: Design, term: Term, first: np.ndarray) -> list[str]:
    """Reasons why one factor cannot be random; `first` is each row's first row of the same level."""
    found = []
    if term.n_levels * term.q >= design.n:
        found.append(
            f"{term.name} has {term.n_levels} levels x {term.q} effects for {design.n} rows, too many to tell from the "
            "residual; leave out slopes, take a coarser factor, or use models.regression"
        )
    elif (design.y == design.y[first]).all():
        found.append(f"{design.outcome} is constant within each level of {term.name}; use one row per {term.name}")
    if term.Z is not None and (flat := (term.Z[:, 1:] == term.Z[first, 1:]).all(axis=0)).any():
        names = ", ".join(name for name, same in zip(term.columns[1:], flat, strict=True) if same)
        found.append(f"{names} is constant within each level of {term.name}, so its slope cannot vary over them")
    return found


def _inference(fitted: Fit, df: str | None) -> tuple[Inference, tuple[str, ...]]:
    """Kenward-Roger where it matters and can be had, else Satterthwaite; a note where it was wanted and cannot."""
    if df not in (None, "kenward-roger", "satterthwaite"):
        raise UsageError(f"df={df!r}; expected 'kenward-roger' or 'satterthwaite'")
    fewest = min(term.n_levels for term in fitted.gram.terms)
    asked, ordinary = df == "kenward-roger", fitted.reml and fitted.gram.rows.own is None
    if not asked and (df or fewest >= FEW_GROUPS):
        return satterthwaite(fitted), ()
    if ordinary and can_adjust(fitted):
        return kenward_roger(fitted), ()
    reason = "too many crossed random effects" if ordinary else "defined for REML without autocorrelation"
    notes = (f"Satterthwaite degrees of freedom in place of Kenward-Roger, {reason}",)
    return satterthwaite(fitted), notes if asked or ordinary else ()


def _notes(fitted: Fit) -> tuple[str, ...]:
    if fitted.steepest < FLAT:
        return ()
    note = f"the optimiser did not come to rest (slope {fitted.steepest:.2g} of the deviance, {fitted.n} rows)"
    return (f"{note}; read estimates with care, or fit a simpler random part",)


def _variance_table(fitted: Fit, terms: Sequence[Term], phi: float | None, *, level: float) -> pd.DataFrame:
    """Tabulate standard deviations and correlations with intervals from the curvature of the likelihood."""
    spread = satterthwaite(fitted).spread
    at, sides = _covariances(fitted, np.zeros(len(spread))), []
    for side in (1, -1):
        sides.append([_covariances(fitted, side * step) for step in np.eye(len(spread)) * STEP])
    rows = []
    for name, labels, levels in [*((t.name, t.columns, t.n_levels) for t in terms), ("Residual", ("",), 0)]:
        for i, j in cells(len(labels)):
            above, below = (np.array([sd_or_correlation(c[name], i, j) for c in side]) for side in sides)
            slope = (above - below) / (2 * STEP)
            value, se = sd_or_correlation(at[name], i, j), _root(slope @ spread @ slope)
            interval = wald_interval(value, se, correlation=i != j, level=level)
            rows.append((name, labels[i], labels[j] if i != j else "", value, *interval, at[name][i, j], levels))
    if phi is not None:
        interval = wald_interval(phi, _root(spread[-2, -2]), correlation=True, level=level)
        rows.append(("Residual", "", "previous period", phi, *interval, phi * fitted.sigma2, 0))
    return pd.DataFrame(rows, columns=VARIANCE_COLUMNS)


def _root(variance: float) -> float:
    """Return a standard error; not known where the likelihood has no maximum and so no curvature."""
    return float(np.sqrt(variance)) if variance >= 0 else np.nan


def _covariances(fitted: Fit, shift: np.ndarray) -> dict[str, np.ndarray]:
    """Covariance of each term and the residual, parameters moved by `shift` (theta, ..., log sigma)."""
    theta = fitted.theta + shift[: len(fitted.theta)]
    sigma2 = fitted.sigma2 * np.exp(2 * (fitted.log_sigma_slopes @ shift[:-1] + shift[-1]))
    g = fitted.gram
    out = {
        term.name: sigma2 * back @ L @ L.T @ back.T
        for term, L, back in zip(g.terms, factors(g.terms, theta), g.back, strict=True)
    }
    return {**out, "Residual": np.array([[sigma2]])}


def _explained(design: Design, terms: Sequence[Term], fitted: Fit) -> dict[str, float]:
    """Shares of variance, averaged over the rows."""
    fixed = float(np.var(design.X @ fitted.beta, ddof=1))
    residual = fitted.sigma2 * (1.0 if design.weights is None else float(np.mean(1 / design.weights)))
    moments = {t.name: np.eye(1) if t.Z is None else t.Z.T @ t.Z / design.n for t in terms}
    random = float(sum((moments[t.name] * fitted.covariances[t.name]).sum() for t in terms))
    total = fixed + random + residual
    return {
        "icc": random / (random + residual),
        "r2_marginal": fixed / total,
        "r2_conditional": (fixed + random) / total,
    }


def _result(
    design: Design,
    terms: Sequence[Term],
    fitted: Fit,
    inference: Inference,
    *,
    phi: float | None,
    profile: bool,
    level: float,
    notes: tuple[str, ...],
) -> Mixed:
    parameters = len(fitted.beta) + len(fitted.hessian) + 1
    df = np.array([inference.df(row) for row in np.eye(len(fitted.beta))])
    se = np.sqrt(np.diag(inference.vcov))
    fixed = estimate_table(design.names, fitted.beta, se, df=df, n=design.n, level=level)
    variances = _variance_table(fitted, terms, phi, level=level)
    if profile:
        fixed, variances = _profiled(fitted, terms, fixed, variances, level=level)
    return Mixed(
        n=design.n,
        n_dropped=design.n_dropped,
        notes=(*design.notes, *notes, *_notes(fitted), *variance_notes(variances)),
        formula=design.formula,
        outcome=design.outcome,
        family="gaussian",
        link="identity",
        method="REML" if fitted.reml else "ML",
        terms=fixed,
        vcov=inference.vcov,
        df_method=inference.method,
        variances=variances,
        ranef=ranef_table(design, terms, fitted.random_effects()),
        groups={term.name: term.n_levels for term in terms},
        loglik=fitted.loglik,
        aic=fitted.deviance + 2 * parameters,
        bic=fitted.deviance + np.log(design.n) * parameters,
        sigma=float(np.sqrt(fitted.sigma2)),
        theta=_theta(terms, fitted),
        **_explained(design, terms, fitted),
        ar1=phi,
        singular=fitted.singular,
        converged=fitted.steepest < FLAT,
        df_slopes=inference.slopes,
        df_spread=inference.spread,
        model_vcov=inference.model_vcov,
        coding=design.coding(),
        level=level,
    )


def _profiled(
    fitted: Fit, terms: Sequence[Term], fixed: pd.DataFrame, variances: pd.DataFrame, *, level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Replace intervals of standard deviations, and under full likelihood of coefficients, by profile intervals."""
    fixed, variances = fixed.copy(), variances.copy()
    for at, row in variances[variances["with"] == ""].iterrows():
        if row["group"] == "Residual":
            ends = profile_sigma(fitted, level=level)
        else:
            columns = next(term.columns for term in terms if term.name == row["group"])
            ends = profile_sd(fitted, row["group"], columns.index(row["term"]), level=level)
        variances.loc[at, ["ci_low", "ci_high"]] = ends
    if not fitted.reml:
        ends = [profile_coefficient(fitted, j, level=level) for j in range(len(fixed))]
        fixed[["ci_low", "ci_high"]] = ends
    return fixed, variances


def _theta(terms: Sequence[Term], fitted: Fit) -> tuple[float, ...]:
    """Relative Cholesky factors in the units of the data."""
    return tuple(
        float(entry)
        for term in terms
        for entry in lower_factor(fitted.covariances[term.name] / fitted.sigma2)[term.entries]
    )
