"""Fit indices of a structural model from its chi-square and that of the baseline model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chndtr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.models.structural.data import Moments
    from joyeval.models.structural.ram import Implied

RMSEA_LEVEL = 0.90  # customary for RMSEA


@dataclass(frozen=True)
class Test:
    """A chi-square, its degrees of freedom and the scaling factor c of its robust form (1 for none)."""

    chisq: float
    df: int
    scale: float = 1.0


def fit_indices(test: Test, baseline: Test, *, n: int, groups: int) -> dict[str, float]:
    """CFI and RMSEA with intervals, and TLI; with a scaling factor also their robust forms.

    The interval of CFI is that of the non-centrality of the model; the baseline's is taken as known.

    References
    ----------
    Steiger (1998) doi:10.1080/10705519809540115 (several groups); Brosseau-Liard & Savalei (2014)
    doi:10.1080/00273171.2014.933697 (robust CFI and TLI); Savalei (2018) doi:10.1080/00273171.2018.1455142 (RMSEA).
    """
    low, high = noncentrality(test.chisq, test.df)
    worst = baseline.chisq - baseline.df
    result = {
        "chisq": test.chisq,
        "df": test.df,
        "p": _upper(test.chisq, test.df),
        "cfi": _cfi(test.chisq - test.df, worst),
        "cfi_low": _cfi(high, worst),
        "cfi_high": _cfi(low, worst),
        "tli": _tli(test, baseline, 1.0, 1.0),
        "rmsea": _rmsea(test.chisq - test.df, test.df, n, groups),
        "rmsea_low": _rmsea(low, test.df, n, groups),
        "rmsea_high": _rmsea(high, test.df, n, groups),
    }
    if test.scale != 1.0:
        scaled, loss = test.chisq / test.scale, test.chisq - test.scale * test.df
        low, high = (test.scale * bound for bound in noncentrality(scaled, test.df))
        worst = baseline.chisq - baseline.scale * baseline.df
        result |= {
            "chisq_scaled": scaled,
            "p_scaled": _upper(scaled, test.df),
            "scaling_factor": test.scale,
            "cfi_scaled": _cfi(scaled - test.df, baseline.chisq / baseline.scale - baseline.df),
            "cfi_robust": _cfi(loss, worst),
            "cfi_low_robust": _cfi(high, worst),
            "cfi_high_robust": _cfi(low, worst),
            "tli_robust": _tli(test, baseline, test.scale, baseline.scale),
            "rmsea_scaled": _rmsea(scaled - test.df, test.df, n, groups),
            "rmsea_robust": _rmsea(loss, test.df, n, groups),
            "rmsea_low_robust": _rmsea(low, test.df, n, groups),
            "rmsea_high_robust": _rmsea(high, test.df, n, groups),
        }
    return result


def best(fit: Mapping[str, float], index: str) -> float:
    """Give the form of a fit index that is to be read: robust, else scaled, else plain."""
    return next(fit[key] for key in (f"{index}_robust", f"{index}_scaled", index) if key in fit)


def _upper(chisq: float, df: int) -> float:
    return float(chdtrc(df, max(chisq, 0))) if df else np.nan


def _cfi(loss: float, baseline_loss: float) -> float:
    worst = max(loss, baseline_loss, 0)
    return 1.0 if worst == 0 else float(1 - max(loss, 0) / worst)


def _tli(test: Test, baseline: Test, scale: float, baseline_scale: float) -> float:
    if test.df == 0:
        return 1.0
    loss, worst = test.chisq - scale * test.df, baseline.chisq - baseline_scale * baseline.df
    return float(1 - loss / worst * baseline.df / test.df)


def _rmsea(loss: float, df: int, n: int, groups: int) -> float:
    return float(np.sqrt(max(loss, 0) / (n * df) * groups)) if df else 0.0


def noncentrality(chisq: float, df: int, *, family: int = 1) -> tuple[float, float]:
    """90 % limits of the non-centrality behind a chi-square: how far the model is from the truth, times n.

    With a `family` of several the lower limit is that of a test at 5 % for all of them.
    """
    if df == 0:
        return 0.0, 0.0

    def limit(probability: float) -> float:
        if chndtr(chisq, df, 0) < probability:
            return 0.0
        return brentq(lambda nc: chndtr(chisq, df, nc) - probability, 0, 4 * chisq + 100, xtol=1e-10, rtol=1e-12)

    tail = (1 - RMSEA_LEVEL) / 2
    return limit(1 - tail / family), limit(tail)


def srmr(moments: Sequence[Moments], implied: Sequence[Implied], *, means: bool) -> float:
    """Root mean square of the residual correlations (and standardised mean residuals), averaged over groups by n."""
    residuals = []
    for part, model in zip(moments, implied, strict=True):
        sd = np.sqrt(np.diag(part.covariance))
        residual = ((part.covariance - model.covariance) / np.outer(sd, sd))[np.tril_indices(len(sd))]
        if means:
            residual = np.concatenate([residual, (part.mean - model.mean) / sd])
        residuals.append(residual)
    return srmr_of(residuals, [part.n for part in moments])


def srmr_of(residuals: Sequence[np.ndarray], n: Sequence[int]) -> float:
    """Average the root mean square residual of each group, by its rows."""
    return float(np.average([np.sqrt((residual**2).mean()) for residual in residuals], weights=n))
