"""Wild cluster bootstrap: a test for one coefficient that needs no degrees of freedom.

The null is imposed, residuals of whole clusters change sign (or are scaled), and the t statistics that
result are the reference. Everything is computed on sums per cluster, so a draw costs clusters squared,
however many rows there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.one_thread import one_thread
from joyeval.models.panel.linear import fit_formula
from joyeval.models.panel.robust import small_sample_factor, stack
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from joyeval.models.panel.absorption import LeastSquares

WEIGHTS = {
    "rademacher": np.array([-1.0, 1.0]),
    "webb": np.sqrt(np.array([0.5, 1.0, 1.5]))[[2, 1, 0, 0, 1, 2]] * [-1, -1, -1, 1, 1, 1],
}
FEW_FOR_RADEMACHER = 10  # below, signs alone give too few different draws (Webb 2023, doi:10.1111/caje.12661)
DRAWS = 9_999
TIE = 1 - 1e-10  # a draw that equals the sample but for rounding counts as equal
REACH = 1_000.0  # standard errors searched for the end of an interval; beyond, it is open


@dataclass(frozen=True, kw_only=True, eq=False)
class WildBootstrap(Result):
    """Wild cluster bootstrap test of one coefficient; `n` counts rows.

    Parameters
    ----------
    term : str
    estimate, ci_low, ci_high, p : float
        Interval by inversion of the test; infinite where the test cannot reject on that side.
    t : float
        With the CR1 standard error.
    smallest_p : float
        No p below this can come out with so few clusters.
    weights : str
    draws : int
    enumerated : bool
        All sign patterns were used, so that nothing depends on a seed.
    n_clusters : int
    """

    term: str
    estimate: float
    ci_low: float
    ci_high: float
    p: float
    t: float
    smallest_p: float
    weights: str
    draws: int
    enumerated: bool
    n_clusters: int

    def tidy(self) -> pd.DataFrame:
        """Return the one estimate; it has no standard error."""
        row = {"term": self.term, "estimate": self.estimate, "se": np.nan, "ci_low": self.ci_low}
        return pd.DataFrame([row | {"ci_high": self.ci_high, "p": self.p, "n": self.n}])

    def sentence(self) -> str:
        """Return the test in words."""
        reach = f"95% CI {self.ci_low:.3g} to {self.ci_high:.3g}"
        reach = reach if np.isfinite([self.ci_low, self.ci_high]).all() else "no interval: too few clusters to reject"
        return (
            f"{self.term}: {self.estimate:.3g} (wild cluster bootstrap, {reach}, "
            f"p = {self.p:.3g}; {self.n_clusters} clusters, smallest p that could come out {self.smallest_p:.2g})."
        )


@one_thread
def wild_bootstrap(
    formula: str,
    data: pd.DataFrame,
    *,
    term: str,
    cluster: str,
    absorb: str | Sequence[str] = (),
    weights: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> WildBootstrap:
    """Test one coefficient of a linear model by the wild cluster bootstrap with the null imposed (WCR).

    Parameters
    ----------
    formula, data, cluster, absorb
        As in `regression`.
    term : str
        Name of the coefficient, as in `regression(...).tidy()`.
    weights : {"rademacher", "webb"}, optional
        Default: Webb's six points with fewer than 10 clusters, else signs.
    draws : int
        Where there are no more different draws than this, all are used and `seed` does not matter.

    Raises
    ------
    UsageError
        No such term or kind of weights.
    ModelError
        As in `regression`.

    References
    ----------
    Cameron, Gelbach & Miller (2008), Rev. Econ. Stat. 90(3), 414-427. doi:10.1162/rest.90.3.414
    MacKinnon, Nielsen & Webb (2023), J. Econometrics 232(2), 272-299. doi:10.1016/j.jeconom.2022.04.001
    """
    design, fit, codes = fit_formula(formula, data, cluster=cluster, absorb=absorb)
    names = design.names[-len(fit.beta) :]
    if term not in names:
        raise UsageError(f"term {term!r}: found {', '.join(names)}")
    if not fit.exact:
        raise ModelError(f"{fit.n} rows with crossed fixed effects are too many for the bootstrap; use regression")
    n_clusters = int(codes.max()) + 1
    kind = weights or ("webb" if n_clusters < FEW_FOR_RADEMACHER else "rademacher")
    if kind not in WEIGHTS:
        raise UsageError(f"weights={kind!r}: expected one of {', '.join(WEIGHTS)}")
    j = names.index(term)
    V, enumerated = draw_weights(n_clusters, WEIGHTS[kind], draws, seed)
    se, p_at = _test(fit, codes, j, V, enumerated)
    estimate = float(fit.beta[j])
    smallest = 2 / len(V) if enumerated else 1 / (len(V) + 1)
    return WildBootstrap(
        term=term,
        estimate=estimate,
        ci_low=estimate - _reach(p_at, se, 1.0),
        ci_high=estimate + _reach(p_at, se, -1.0),
        p=p_at(estimate),
        t=estimate / se,
        smallest_p=smallest,
        weights=kind,
        draws=len(V),
        enumerated=enumerated,
        n_clusters=n_clusters,
        n=fit.n,
        n_dropped=design.n_dropped,
        notes=(*design.notes, *_notes(n_clusters, smallest)),
    )


def draw_weights(n_clusters: int, points: np.ndarray, draws: int, seed: int) -> tuple[np.ndarray, bool]:
    """Return weights per cluster, shape (draws, clusters): all patterns where they are no more than `draws`."""
    if len(points) ** n_clusters <= draws:
        return np.array(list(product(points, repeat=n_clusters))), True
    return np.random.default_rng(seed).choice(points, size=(draws, n_clusters)), False


def _test(
    fit: LeastSquares, codes: np.ndarray, j: int, V: np.ndarray, enumerated: bool
) -> tuple[float, Callable[[float], float]]:
    """Return the CR1 error of coefficient j and the p of every null, given as distance of the estimate from it.

    Restricted residuals are linear in the null, so each bootstrap t is a ratio of a line to the root of a
    parabola: the draws are multiplied out once and any null costs one pass over them.
    """
    c = fit.contrasts[:, j]
    blocks = stack(np.column_stack([fit.basis, fit.residual]), codes)
    products = blocks.transpose(0, 2, 1) @ blocks
    leverage, scores = products[:, :-1, :-1] @ c, products[:, :-1, -1]
    own, pull = scores, leverage / (c @ c)  # of the residual; of the regressor
    lines = [V @ (part @ c) for part in (own, pull)]
    spreads = [V * (part @ c) - (V @ part) @ leverage.T for part in (own, pull)]
    parabola = [np.einsum("bg,bg->b", spreads[a], spreads[b]) for a, b in ((0, 0), (0, 1), (1, 1))]
    variance = float(np.sum((scores @ c) ** 2))
    se = float(np.sqrt(variance * small_sample_factor(fit, len(own), codes)))
    return se, partial(_p_value, lines, parabola, variance, enumerated)


def _p_value(lines: list, parabola: list, variance: float, enumerated: bool, distance: float) -> float:
    top = (lines[0] + distance * lines[1]) ** 2
    bottom = parabola[0] + 2 * distance * parabola[1] + distance**2 * parabola[2]
    count = int(np.sum(top >= TIE * distance**2 / variance * bottom))
    return count / len(top) if enumerated else (count + 1) / (len(top) + 1)


def _reach(p_at: Callable[[float], float], se: float, side: float, alpha: float = 0.05) -> float:
    """How far from the estimate a null must lie to be rejected; infinite when none is."""
    inner, outer = 0.0, se
    while p_at(side * outer) >= alpha:
        inner, outer = outer, 2 * outer
        if outer > REACH * se:
            return np.inf
    for _ in range(60):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if p_at(side * middle) >= alpha else (inner, middle)
    return (inner + outer) / 2


def _notes(n_clusters: int, smallest: float) -> tuple[str, ...]:
    if smallest < 0.05:
        return ()
    return (f"{n_clusters} clusters cannot give a p below {smallest:.2g}: this test can never reject at 5 %",)
