"""Random-effects meta-analysis of estimates from sites: REML, Hartung-Knapp, prediction interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc, stdtrit

from joyeval.errors import ModelError
from joyeval.models.design import no_number
from joyeval.models.estimates import LEVEL, estimate_table
from joyeval.models.one_thread import one_thread
from joyeval.result import Result
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW_SITES = 10
SITE = "site"  # what is pooled, in notes


@dataclass(frozen=True, kw_only=True, eq=False)
class Meta(Result):
    """A pooled estimate and how much sites differ; `n` counts sites.

    Parameters
    ----------
    terms : DataFrame
        One row: ``term, estimate, se, df, ci_low, ci_high, p, n``; the mean effect over sites, by Hartung-Knapp.
    sites : DataFrame
        ``term, estimate, se, weight``; weights sum to 1.
    tau2 : float
        Variance of true effects between sites, by REML.
    q, q_p : float
        Cochran's Q and its p.
    i2 : float
        Share of the variation between estimates that is not chance, 0 to 1.
    predicted_low, predicted_high : float
        95 % prediction interval for the true effect at a further site.
    """

    terms: pd.DataFrame
    sites: pd.DataFrame
    tau2: float
    q: float
    q_p: float
    i2: float
    predicted_low: float
    predicted_high: float

    def tidy(self) -> pd.DataFrame:
        """Return the pooled estimate."""
        return self.terms

    def sentence(self) -> str:
        """Return mean effect, interval and prediction."""
        row = self.terms.iloc[0]
        return (
            f"Over {self.n} sites the mean effect was {row['estimate']:+.3g} (95% CI {row['ci_low']:.3g} to "
            f"{row['ci_high']:.3g}); at a further site it may lie between {self.predicted_low:.3g} and "
            f"{self.predicted_high:.3g} (I2 {self.i2:.0%})."
        )


@one_thread
def meta_analysis(
    estimate: np.ndarray,
    se: np.ndarray,
    *,
    sites: Sequence[str] | None = None,
    term: str = "mean effect",
    narrow: bool = False,
    level: float = LEVEL,
) -> Meta:
    """Pool estimates of the same effect from several sites.

    Parameters
    ----------
    estimate, se : ndarray, shape (k,)
        One estimate per site and its standard error, taken as known. Sites without one are left out and counted.
    sites : sequence of str, length k, optional
        Names of the sites.
    term : str
        Name of the effect.
    narrow : bool
        Let sites that agree better than chance make the error smaller than the usual one (the Hartung-Knapp factor
        below 1, as metafor's test="knha"). By default the factor is at least 1 (its test="adhoc").
    level : float
        Of both intervals.

    Returns
    -------
    Meta
        The mean over the sites' true effects; t with k - 1 degrees of freedom.

    Raises
    ------
    ModelError
        Fewer than 2 sites, or a standard error that is not above 0.

    References
    ----------
    Viechtbauer (2005), J. Educ. Behav. Stat. 30(3), 261-293, doi:10.3102/10769986030003261 (REML).
    Knapp & Hartung (2003), Stat. Med. 22(17), 2693-2710, doi:10.1002/sim.1482.
    Higgins, Thompson & Spiegelhalter (2009), J. R. Stat. Soc. A 172(1), 137-159, doi:10.1111/j.1467-985X.2008.00552.x.

    Examples
    --------
    >>> round(meta_analysis(np.array([0.1, 0.3, 0.2]), np.array([0.1, 0.1, 0.1])).tau2, 6)
    0.0
    """
    estimate, se = np.asarray(estimate, dtype=float), np.asarray(se, dtype=float)
    names = [f"site {i + 1}" for i in range(len(estimate))] if sites is None else [str(site) for site in sites]
    known = ~(np.isnan(estimate + se) | no_number(estimate) | no_number(se))
    if known.sum() < 2 or (se[known] <= 0).any():
        raise ModelError(f"{term}: {known.sum()} sites with an estimate; needs at least 2, each with a se above 0")
    y, v, k = estimate[known], se[known] ** 2, int(known.sum())
    tau2 = _reml(y, v, np.ones((k, 1)))
    weight = 1 / (v + tau2)
    mean = weight @ y / weight.sum()
    factor = float(weight @ (y - mean) ** 2 / (k - 1))
    pooled_se = np.sqrt(_factor(factor, narrow=narrow) / weight.sum())
    fixed = 1 / v
    q = float(fixed @ (y - fixed @ y / fixed.sum()) ** 2)
    typical = (k - 1) * fixed.sum() / (fixed.sum() ** 2 - fixed @ fixed)
    reach = stdtrit(k - 1, 0.5 + level / 2) * np.sqrt(tau2 + pooled_se**2)
    shown = [name for name, is_known in zip(names, known, strict=True) if is_known]
    return Meta(
        terms=estimate_table([term], np.array([mean]), np.array([pooled_se]), n=k, df=k - 1, level=level),
        sites=pd.DataFrame({"term": shown, "estimate": y, "se": np.sqrt(v), "weight": weight / weight.sum()}),
        tau2=tau2,
        q=q,
        q_p=float(chdtrc(k - 1, q)),
        i2=tau2 / (tau2 + typical),
        predicted_low=float(mean - reach),
        predicted_high=float(mean + reach),
        n=k,
        n_dropped=len(known) - k,
        notes=_notes(k, factor, narrow=narrow),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class MetaRegression(Result):
    """How a true effect goes with a property of the site; `n` counts sites.

    Parameters
    ----------
    terms : DataFrame
        Intercept and slope: ``term, estimate, se, df, ci_low, ci_high, p, n``; by Knapp-Hartung.
    tau2 : float
        Variance of true effects between sites that the property does not explain, by REML.
    """

    terms: pd.DataFrame
    tau2: float

    def tidy(self) -> pd.DataFrame:
        """Return intercept and slope."""
        return self.terms

    def sentence(self) -> str:
        """Return the slope and its interval."""
        row = self.terms.iloc[1]
        return (
            f"Over {self.n} sites the effect changed by {row['estimate']:+.3g} for one step of {row['term']} "
            f"(95% CI {row['ci_low']:.3g} to {row['ci_high']:.3g})."
        )


@one_thread
def meta_regression(
    estimate: np.ndarray, se: np.ndarray, moderator: np.ndarray, *, term: str, narrow: bool = False
) -> MetaRegression:
    """Regress the effects of sites on one property of the sites, such as the order in which they began.

    Parameters
    ----------
    estimate, se, moderator : ndarray, shape (k,)
        One effect per site, its standard error, taken as known, and the property. Sites without one of the three are
        left out and counted.
    term : str
        Name of the property.
    narrow : bool
        As in `meta_analysis`.

    Returns
    -------
    MetaRegression
        t with k - 2 degrees of freedom.

    Raises
    ------
    ModelError
        Fewer than 3 sites, a property that does not vary, or a standard error that is not above 0.

    References
    ----------
    Knapp & Hartung (2003), Stat. Med. 22(17), 2693-2710, doi:10.1002/sim.1482.

    Examples
    --------
    >>> y, order = np.array([1.0, 2.1, 2.9]), np.array([1, 2, 3])
    >>> round(meta_regression(y, np.full(3, 0.1), order, term="order").tidy()["estimate"][1], 2)
    0.95
    """
    y, s, x = (np.asarray(values, dtype=float) for values in (estimate, se, moderator))
    known = ~(np.isnan(y + s + x) | no_number(y) | no_number(s) | no_number(x))
    y, v, x, k = y[known], s[known] ** 2, x[known], int(known.sum())
    if k < 3 or np.ptp(x) == 0 or (v <= 0).any():
        raise ModelError(
            f"{term}: {k} sites with an effect; needs at least 3 that differ in it, each with a se above 0"
        )
    X = np.column_stack([np.ones(k), x])
    tau2 = _reml(y, v, X)
    w = 1 / (v + tau2)
    covariance = np.linalg.inv((X.T * w) @ X)
    slope = covariance @ ((X.T * w) @ y)
    spread = _factor(float(w @ (y - X @ slope) ** 2 / (k - 2)), narrow=narrow)
    return MetaRegression(
        terms=estimate_table(["Intercept", term], slope, np.sqrt(spread * np.diag(covariance)), n=k, df=k - 2),
        tau2=tau2,
        n=k,
        n_dropped=len(known) - k,
        notes=(Note("pooled.few_for_slope", sites=k, noun=SITE),) if k < FEW_SITES else (),
    )


def _factor(found: float, *, narrow: bool) -> float:
    """By which the Hartung-Knapp method multiplies the usual variance."""
    return found if narrow else max(found, 1.0)


def _notes(k: int, factor: float, *, narrow: bool) -> tuple[Note, ...]:
    notes = [Note("pooled.few", sites=k, noun=SITE)] if k < FEW_SITES else []
    if factor < 1:
        notes.append(Note("pooled.agree_narrow" if narrow else "pooled.agree", factor=float(np.sqrt(factor))))
    return tuple(notes)


def _reml(y: np.ndarray, v: np.ndarray, X: np.ndarray) -> float:
    """Restricted maximum likelihood of the variance between sites beyond `X`, at least 0."""
    from scipy.optimize import minimize_scalar

    def deviance(tau: float) -> float:
        w = 1 / (v + tau**2)
        information = (X.T * w) @ X
        left = y - X @ np.linalg.solve(information, (X.T * w) @ y)
        return float(w @ left**2 - np.log(w).sum() + np.linalg.slogdet(information)[1])

    top = float(2 * np.std(y) + np.sqrt(v.max()))
    grid = np.linspace(0, top, 60)
    best = int(np.argmin([deviance(tau) for tau in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(deviance, bounds=bounds, method="bounded", options={"xatol": 1e-10 * top})
    return float(found.x**2) if found.fun < deviance(0.0) - 1e-10 else 0.0
