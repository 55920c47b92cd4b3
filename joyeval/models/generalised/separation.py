"""Perfect separation: columns whose coefficients have no finite estimate, found exactly.

A likelihood without a maximum has a direction along which no row's likelihood falls and some row's rises. For
logit, log and cumulative-logit models these are linear inequalities, so a linear programme decides the question.

References
----------
Albert & Anderson (1984), Biometrika 71(1), 1-10, doi:10.1093/biomet/71.1.1.
Correia, Guimaraes & Zylkin (2019), arXiv:1903.01633 (counts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.generalised.families import BetaBinomial, Binomial, CumulativeLogit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.generalised.families import Family

FAR = 15.0  # a fitted logit or log mean this far out is no estimate of anything


def refuse_separation(family: Family, X: np.ndarray, names: Sequence[str], formula: str) -> None:
    """Refuse coefficients that would grow without end.

    Raises
    ------
    ModelError
        Names the columns that together determine the outcome in some rows.
    """
    width = X.shape[1]
    scale = np.maximum(np.abs(X).max(axis=0), 1e-12)
    direction = _direction(np.unique(_inequalities(family, X / scale), axis=0))
    found = [name for name, d in zip(names, direction[:width], strict=True) if abs(d) > 1e-6 and name != "Intercept"]
    if found:
        raise ModelError(
            f"{formula}: {', '.join(found)} settle{'s' * (len(found) == 1)} the outcome in some of the {len(X)} rows "
            "without exception (perfect separation), so that no finite effect can be estimated; "
            "join levels of that factor, leave it out, or collect rows in which both outcomes occur"
        )


def _inequalities(family: Family, X: np.ndarray) -> np.ndarray:
    """Rows a with ``a @ direction >= 0`` exactly where no row's likelihood falls."""
    y = family.y
    if isinstance(family, Binomial | BetaBinomial):
        return np.vstack((X[y > 0], -X[y < family.trials]))
    if not isinstance(family, CumulativeLogit):
        return np.vstack((X[y > 0], -X))
    edges = np.eye(family.n_levels - 1)
    above = np.hstack((-X, edges[np.minimum(y, family.n_levels - 2)]))[y < family.n_levels - 1]
    below = np.hstack((X, -edges[np.maximum(y, 1) - 1]))[y > 0]
    return np.vstack((above, below))


def _direction(A: np.ndarray) -> np.ndarray:
    """Find the direction that most rows gain from, 0 if there is none."""
    from scipy.optimize import linprog

    both = np.vstack((A, -A))
    limits = np.repeat([1.0, 0.0], len(A))
    found = linprog(-A.sum(axis=0), A_ub=both, b_ub=limits, bounds=(-1e3, 1e3), method="highs")
    return found.x if found.status == 0 and -found.fun > 1e-6 else np.zeros(A.shape[1])
