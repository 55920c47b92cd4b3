"""Fit indices of a structural model from its chi-square and that of the baseline model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chndtr

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """CFI, TLI and RMSEA with interval; with a scaling factor also their robust forms.

    References
    ----------
    Steiger (1998) doi:10.1080/10705519809540115 (several groups); Brosseau-Liard & Savalei (2014)
    doi:10.1080/00273171.2014.933697 (robust CFI and TLI); Savalei (2018) doi:10.1080/00273171.2018.1455142 (RMSEA).
    """
    result = {
        "chisq": test.chisq,
        "df": test.df,
        "p": _upper(test.chisq, test.df),
        "cfi": _cfi(test.chisq - test.df, baseline.chisq - baseline.df),
        "tli": _tli(test, baseline, 1.0, 1.0),
        **_rmsea(test.chisq, test.df, n, groups),
    }
    if test.scale != 1.0:
        scaled, loss = test.chisq / test.scale, test.chisq - test.scale * test.df
        result |= {
            "chisq_scaled": scaled,
            "p_scaled": _upper(scaled, test.df),
            "scaling_factor": test.scale,
            "cfi_scaled": _cfi(scaled - test.df, baseline.chisq / baseline.scale - baseline.df),
            "cfi_robust": _cfi(loss, baseline.chisq - baseline.scale * baseline.df),
            "tli_robust": _tli(test, baseline, test.scale, baseline.scale),
            "rmsea_scaled": _rmsea(scaled, test.df, n, groups)["rmsea"],
            "rmsea_robust": float(np.sqrt(max(loss / (n * test.df), 0) * groups)) if test.df else 0.0,
        }
    return result


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


def _rmsea(chisq: float, df: int, n: int, groups: int) -> dict[str, float]:
    """RMSEA with the interval from the non-central chi-square."""
    if df == 0:
        return dict.fromkeys(("rmsea", "rmsea_low", "rmsea_high"), 0.0)

    def per_df(noncentrality: float) -> float:
        return float(np.sqrt(max(noncentrality, 0) / (n * df) * groups))

    def limit(probability: float) -> float:
        if chndtr(chisq, df, 0) < probability:
            return 0.0
        return brentq(lambda nc: chndtr(chisq, df, nc) - probability, 0, 4 * chisq + 100, xtol=1e-10, rtol=1e-12)

    tail = (1 - RMSEA_LEVEL) / 2
    return {
        "rmsea": per_df(chisq - df),
        "rmsea_low": per_df(limit(1 - tail)),
        "rmsea_high": per_df(limit(tail)),
    }


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
