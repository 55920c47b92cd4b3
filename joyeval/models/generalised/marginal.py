"""Average marginal effects: what a predictor does to a proportion or a rate, in points or events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.models.design import build_design
from joyeval.models.estimates import difference, estimate_table, interval_told
from joyeval.models.generalised.averages import Average, average, matrix_at
from joyeval.models.generalised.glmm import fit_random
from joyeval.models.generalised.one_level import fit_plain
from joyeval.models.one_thread import one_thread
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.models.design import Design
    from joyeval.models.generalised.fitting import Fitted
    from joyeval.models.generalised.laplace import Likelihood
    from joyeval.models.linear_mixed import Term

STEP = 1e-4  # of a standard deviation, in differences


@dataclass(frozen=True, kw_only=True, eq=False)
class MarginalEffects(Result):
    """Average effects on the outcome; `n` counts rows.

    Parameters
    ----------
    formula, outcome, family : str
    unit : str
        Of the estimates: ``percentage points``, ``per 1,000 bed_days``.
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``. A number: the slope, averaged over rows (two values: the
        difference between them); a category: its difference from the first.
    errors : str
        Rule behind standard errors and degrees of freedom.
    """

    formula: str
    outcome: str
    family: str
    unit: str
    terms: pd.DataFrame
    errors: str

    def tidy(self) -> pd.DataFrame:
        """Return one row per effect."""
        return self.terms

    def sentence(self) -> str:
        """Return the first effect in the outcome's units."""
        row = self.terms.iloc[0]
        return (
            f"{difference(row['term'])} went with {row['estimate']:+.2f} {self.unit} of {self.outcome} on "
            f"average ({interval_told(row['ci_low'], row['ci_high'], '+.2f')}; {self.n} rows)."
        )


@one_thread
def marginal_effects(
    formula: str,
    data: pd.DataFrame,
    variables: str | Sequence[str],
    *,
    family: str,
    groups: str | Sequence[str] = (),
    slopes: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    weights: str | None = None,
    exposure: str | None = None,
    cluster: str | None = None,
    errors: str | None = None,
    weighted: bool = True,
    per: float | None = None,
) -> MarginalEffects:
    """Fit a model and average its effects over the rows, and over the random effects where it has groups.

    The estimand is the mean difference in the outcome over the population of the rows, other columns as they are:
    population-averaged, unlike the coefficients of a mixed model, which hold at given random effects.

    Parameters
    ----------
    formula, data, family, slopes, weights, exposure
        As for `joyeval.models.mixed_models`.
    variables : str or sequence of str
        Columns of the formula.
    groups : str or sequence of str
        Grouping factors of a mixed model; none: a model of one level with `cluster` and `errors` as for
        `joyeval.models.generalised.one_level`.
    weighted : bool
        Weigh rows by their denominator or exposure (each person counts the same), or not (each row).
    per : float, optional
        Left out: 100 for proportions (percentage points), 1000 for counts with exposure, else 1.

    Raises
    ------
    UsageError
        A variable that is not in the formula.

    Examples
    --------
    >>> marginal_effects("fft_pos ~ joy", team_waves, "joy", family="binomial", exposure="fft_n")  # doctest: +SKIP
    """
    if groups:
        fit = fit_random(formula, data, groups=groups, family=family, slopes=slopes, weights=weights, exposure=exposure)
    else:
        design = build_design(formula, data, groups=[cluster] if cluster else (), weights=weights, exposure=exposure)
        fit, _ = fit_plain(design, family=family, errors=errors)
    names = [variables] if isinstance(variables, str) else list(variables)
    if absent := [name for name in names if name not in fit.design.frame]:
        raise UsageError(f"found no {', '.join(absent)} in {formula!r}; expected columns of the formula")
    per, unit = _unit(family, exposure, per)
    shares = fit.response.size if weighted else np.ones(fit.design.n)
    tables = [_effects(fit, name, shares, per) for name in names]
    return MarginalEffects(
        formula=formula,
        outcome=fit.design.outcome,
        family=family,
        unit=unit,
        terms=pd.concat(tables, ignore_index=True),
        errors=fit.errors,
        n=fit.design.n,
        n_dropped=fit.design.n_dropped,
        notes=fit.notes,
    )


def _unit(family: str, exposure: str | None, per: float | None) -> tuple[float, str]:
    proportion = family in ("binomial", "betabinomial")
    per = per or (100.0 if proportion else 1000.0 if exposure else 1.0)
    if proportion:
        return per, "percentage points" if per == 100 else f"per {per:,.15g}"
    return per, f"per {per:,.15g} {exposure}" if exposure else "events"


def _effects(fit: Fitted, name: str, shares: np.ndarray, per: float) -> pd.DataFrame:
    """Table of the effects of one variable."""
    column = fit.design.frame[name]
    values = column.to_numpy()
    numeric = pd.api.types.is_numeric_dtype(column) and f"C({name})" not in fit.design.coding()["categories"]
    levels = np.unique(values)
    if numeric and len(levels) > 2:
        step = STEP * float(np.std(values))
        pairs, labels, width = [(values - step, values + step)], [name], 2 * step
    else:
        pairs, width = [(levels[0], level) for level in levels[1:]], 1.0
        labels = [f"{name}[{level} - {levels[0]}]" for level in levels[1:]]
        labels = [name] if tuple(levels) == (0, 1) else labels
    tables = [_effect(fit, name, pair, label, shares, per / width) for pair, label in zip(pairs, labels, strict=True)]
    return pd.concat(tables, ignore_index=True)


def _effect(fit: Fitted, name: str, pair: tuple, label: str, shares: np.ndarray, scale: float) -> pd.DataFrame:
    low, high = (_likelihood_at(fit, name, value) for value in pair)
    difference = average(high, fit.optimum.parameters, shares) - average(low, fit.optimum.parameters, shares)
    moved = (low.X != high.X).any(axis=0)
    scaled = Average(scale * difference.value, scale * difference.gradient)
    se, df = scaled.se(fit.optimum.covariance), fit.df[moved].min(initial=np.inf)
    return estimate_table([label], scaled.value, se, n=fit.design.n, df=df)


def _likelihood_at(fit: Fitted, name: str, value: object) -> Likelihood:
    """Give the columns what they would hold if the variable had this value."""
    design = replace(fit.design, frame=fit.design.frame.assign(**{name: value}))
    terms = [_term_at(design, term, fit.varying) for term in fit.model.terms]
    return replace(fit.model, X=matrix_at(fit.design, name, value), terms=terms)


def _term_at(design: Design, term: Term, varying: Mapping[str, list[str]]) -> Term:
    if term.Z is None:
        return term
    columns, _ = design.columns(varying[term.name])
    return replace(term, Z=np.column_stack((np.ones(design.n), columns)))
