"""The table of variance components that every mixed model gives, and what must be said about them.

One row per standard deviation and per correlation: ``group, term, with, estimate, se, ci_low, ci_high, variance,
levels``. `estimate` is a standard deviation, or in rows with `with` a correlation; `variance` is then the covariance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    import pandas as pd

VARIANCE_COLUMNS = ("group", "term", "with", "estimate", "se", "ci_low", "ci_high", "variance", "levels")
FEW_LEVELS = 10


def cells(q: int) -> list[tuple[int, int]]:
    """Return the positions that a table of components shows: the diagonal first, then the pairs."""
    return [(i, i) for i in range(q)] + [(i, j) for i in range(q) for j in range(i + 1, q)]


def sd_or_correlation(covariance: np.ndarray, a: int, b: int) -> float:
    """Return the standard deviation of effect a, or its correlation with effect b."""
    sd = np.sqrt(np.diag(covariance))
    return float(sd[a]) if a == b else float(covariance[a, b] / max(sd[a] * sd[b], 1e-300))


def wald_interval(value: float, se: float, *, correlation: bool, level: float) -> tuple[float, float, float]:
    """Return se and interval on the scale closest to normal (log, or Fisher's); all missing at a boundary."""
    if se == 0 or value == 0 or (correlation and 1 - abs(value) < 1e-6):
        return np.nan, np.nan, np.nan
    z = ndtri(0.5 + level / 2)
    if correlation:
        centre, reach = np.arctanh(value), z * se / (1 - value**2)
        return se, float(np.tanh(centre - reach)), float(np.tanh(centre + reach))
    factor = float(np.exp(min(z * se / value, 700.0)))
    return se, value / factor, value * factor


def variance_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Say which components lie on a boundary and which rest on few groups."""
    random = table[table["levels"] > 0]
    notes = [
        f"the standard deviation of {row.term} between levels of {row.group} was estimated as 0 (boundary): "
        f"its {row.levels} levels differ no more than their rows lead one to expect"
        + ("; it has no interval" if np.isnan(row.ci_high) else "")
        for row in random[(random["with"] == "") & (random["estimate"] == 0)].itertuples()
    ]
    notes += [
        f"the effects of {group} are perfectly correlated (boundary): fewer slopes, or correlated=False, say as much"
        for group in random[(random["with"] != "") & (random["estimate"].abs() > 1 - 1e-6)]["group"].unique()
    ]
    few = random[random["levels"] < FEW_LEVELS].drop_duplicates("group")
    notes += [f"only {row.levels} levels of {row.group}: its variance is known roughly" for row in few.itertuples()]
    return tuple(notes)
