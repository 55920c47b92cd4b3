"""One rule for what a chi-square says of a model, and of an equality: the misfit is small, is not small, or unclear.

Points of RMSEA or CFI against a bound call a true model poor in many small samples and a wrong one good in others.
Here the whole interval of the misfit decides: below the bound it is shown to be small (an equivalence test), above it
to be too large, and across it the rows cannot tell.

References
----------
MacCallum, Browne & Sugawara (1996) doi:10.1037/1082-989X.1.2.130 (tests of close and of not-close fit).
Yuan, Chan, Marcoulides & Bentler (2016) doi:10.1080/10705511.2015.1065414 (equivalence tests of RMSEA and CFI).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.models.structural.indices import best, noncentrality

if TYPE_CHECKING:
    from collections.abc import Mapping

FITS, MISFITS, UNCLEAR, UNTESTED = "fits", "does not fit", "cannot be told", "cannot be tested"
MOST_RMSEA, LEAST_CFI = 0.08, 0.90  # misfit that is still small (Browne & Cudeck 1993; Bentler 1990)
MOST_LOSS = 0.010  # of CFI by holding something equal (Cheung & Rensvold 2002; Chen 2007)


def judge_fit(fit: Mapping[str, float]) -> str:
    """Judge a model by the 90 % intervals of RMSEA and CFI (each end a test at 5 %).

    Examples
    --------
    >>> interval = {"rmsea_low": 0.0, "rmsea_high": 0.06, "cfi_low": 0.97, "cfi_high": 1.0}
    >>> judge_fit({"df": 9} | interval), judge_fit({"df": 9} | interval | {"rmsea_high": 0.16})
    ('fits', 'cannot be told')
    """
    if not fit["df"]:
        return UNTESTED
    if best(fit, "rmsea_high") <= MOST_RMSEA and best(fit, "cfi_low") >= LEAST_CFI:
        return FITS
    if min(_forms(fit, "rmsea_low")) > MOST_RMSEA or max(_forms(fit, "cfi_high")) < LEAST_CFI:
        return MISFITS
    return UNCLEAR


def _forms(fit: Mapping[str, float], index: str) -> list[float]:
    """Plain and robust: below 100 rows the robust one alone calls 1 in 14 true models wrong."""
    return [fit[key] for key in (index, f"{index}_robust", f"{index}_scaled") if key in fit]


def judge_equality(chisq: float, df: int, baseline: float, *, family: int = 1) -> tuple[str, float, float]:
    """Judge what holding something equal costs, by the interval of the CFI lost.

    Parameters
    ----------
    chisq, df : float, int
        Of the difference between the two models.
    baseline : float
        Non-centrality of the model without covariances, by which CFI is measured.
    family : int
        How many such questions are asked: their lower limits together err in 5 % of cases (Bonferroni). The upper
        limit, by which an equality is shown, errs in 5 % by itself.

    Returns
    -------
    str
        ``fits`` (the loss is small), ``does not fit`` or ``cannot be told``.
    float, float
        Least and most CFI lost.

    Examples
    --------
    >>> judge_equality(4.0, 5, 2000.0)[0], judge_equality(4.0, 5, 200.0)[0], judge_equality(60.0, 5, 2000.0)[0]
    ('fits', 'cannot be told', 'does not fit')
    """
    if df <= 0:
        return UNTESTED, 0.0, 0.0
    low, high = (bound / max(baseline, 1e-9) for bound in noncentrality(chisq, df, family=family))
    return (FITS if high <= MOST_LOSS else MISFITS if low > MOST_LOSS else UNCLEAR), low, high
