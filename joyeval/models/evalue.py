"""E-values: how strong an unmeasured confounder would have to be to explain an effect away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.result import ESTIMATE_COLUMNS, Result

if TYPE_CHECKING:
    from collections.abc import Callable

SMD_TO_LOG_RATIO = 0.91  # VanderWeele & Ding (2017), table 2: for a standardised mean difference d, RR = exp(0.91 d)


def _hazard_to_risk(ratio: np.ndarray) -> np.ndarray:
    return (1 - 0.5 ** np.sqrt(ratio)) / (1 - 0.5 ** np.sqrt(1 / ratio))


TO_RISK_RATIO: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "risk ratio": np.asarray,
    "rate ratio": np.asarray,
    "odds ratio": np.sqrt,
    "rare odds ratio": np.asarray,
    "hazard ratio": _hazard_to_risk,
    "rare hazard ratio": np.asarray,
    "standardised difference": lambda d: np.exp(SMD_TO_LOG_RATIO * d),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class EValue(Result):
    """The E-value of an effect and of the end of its interval nearer to no effect; `n` as given.

    Parameters
    ----------
    measure : str
    risk_ratio, ci_low, ci_high : float
        The effect as an (approximate) risk ratio.
    estimate, limit : float
        E-values of the effect and of the limit; 1 where the interval holds no effect.
    """

    measure: str
    risk_ratio: float
    ci_low: float
    ci_high: float
    estimate: float
    limit: float

    def tidy(self) -> pd.DataFrame:
        """Return the E-values of the estimate and of the limit."""
        rows = [("E-value of the estimate", self.estimate), ("E-value of the interval", self.limit)]
        table = pd.DataFrame(rows, columns=["term", "estimate"]).assign(n=self.n)
        return table.reindex(columns=ESTIMATE_COLUMNS)

    def sentence(self) -> str:
        """Return what confounding would have to be."""
        if self.limit == 1:
            return "The interval includes no effect, so no confounding is needed to explain it away (E-value 1)."
        return (
            f"An unmeasured confounder associated with both sides by a risk ratio of {self.estimate:.2f} each could "
            f"explain the estimate away, and one of {self.limit:.2f} could move the interval to no effect; "
            "weaker confounding could not."
        )


def e_value(estimate: float, ci_low: float, ci_high: float, *, measure: str = "risk ratio", n: int) -> EValue:
    """Compute the E-value of an effect and its interval.

    Parameters
    ----------
    estimate, ci_low, ci_high : float
        On the scale of `measure` (ratios as ratios, not their logarithms).
    measure : str
        ``risk ratio, rate ratio, odds ratio, rare odds ratio, hazard ratio, rare hazard ratio, standardised
        difference``. Without "rare", outcomes above 15 % by the end of follow-up are assumed.
    n : int
        Units behind the estimate.

    References
    ----------
    VanderWeele & Ding (2017), Ann. Intern. Med. 167(4), 268-274, doi:10.7326/M16-2607.

    Examples
    --------
    >>> round(e_value(3.9, 1.8, 8.7, n=100).estimate, 2)
    7.26
    """
    if measure not in TO_RISK_RATIO:
        raise UsageError(f"measure={measure!r}: expected one of {', '.join(TO_RISK_RATIO)}")
    given = np.array([estimate, ci_low, ci_high], dtype=float)
    if not np.isfinite(estimate) or not (ci_low <= estimate <= ci_high) or ("ratio" in measure and ci_low <= 0):
        expected = "expected numbers, low <= estimate <= high, ratios above 0"
        raise UsageError(f"found {estimate} ({ci_low} to {ci_high}); {expected}")
    ratio, low, high = (float(value) for value in TO_RISK_RATIO[measure](given))
    nearer = 1.0 if low <= 1 <= high else (low if ratio > 1 else high)
    return EValue(
        measure=measure,
        risk_ratio=ratio,
        ci_low=low,
        ci_high=high,
        estimate=_of(ratio),
        limit=_of(nearer),
        n=n,
        notes=() if measure in {"risk ratio", "rate ratio"} else (f"the {measure} was turned into a risk ratio",),
    )


def _of(ratio: float) -> float:
    away = max(ratio, 1 / ratio)
    return float(away + np.sqrt(away * (away - 1)))
