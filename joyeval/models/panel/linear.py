"""Linear regression with fixed effects whose inference is right for few clusters by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import UsageError
from joyeval.models.design import build_design
from joyeval.models.estimates import difference, estimate_table, interval_told, main_row
from joyeval.models.one_thread import one_thread
from joyeval.models.panel.absorption import least_squares
from joyeval.models.panel.robust import LEVERAGE_POWER, cluster_robust, driscoll_kraay
from joyeval.result import Result
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from joyeval.models.design import Design
    from joyeval.models.panel.absorption import LeastSquares

FEW_CLUSTERS = 10  # below, even corrected tests rest on strong symmetry; permutation belongs beside them
LOW_DF = 4.0  # below, t approximations of corrected variances break down (Tipton 2015, doi:10.1037/met0000011)


@dataclass(frozen=True, kw_only=True, eq=False)
class Regression(Result):
    """A linear regression; `n` counts rows.

    Parameters
    ----------
    formula : str
    absorbed : tuple of str
        Factors whose effects were taken out.
    cluster : str
        Level at which errors may be correlated; ``"row"`` where none was named.
    n_clusters : int
    errors : str
        Kind of robust variance that was computed.
    r2_within : float
        Share of the variation left by the fixed effects that the regressors explain.
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``.
    """

    formula: str
    absorbed: tuple[str, ...]
    cluster: str
    n_clusters: int
    errors: str
    r2_within: float
    terms: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per coefficient."""
        return self.terms

    def sentence(self) -> str:
        """Return the first coefficient in words."""
        row = main_row(self.terms)
        outcome = self.formula.partition("~")[0].strip()
        reach = interval_told(row["ci_low"], row["ci_high"], ".3g")
        return (
            f"{difference(row['term'])} went with {row['estimate']:+.3g} in {outcome} ({reach}; "
            f"{self.n} rows, {self.n_clusters} clusters by {self.cluster}, {self.errors})."
        )


@one_thread
def regression(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: str | None = None,
    absorb: str | Sequence[str] = (),
    weights: str | None = None,
    errors: str = "CR2",
) -> Regression:
    """Fit a linear model by least squares, with robust errors at the level of assignment.

    Parameters
    ----------
    formula : str
        ``"waits ~ joy + C(region)"``.
    data : DataFrame
        One row per observation, say team x period.
    cluster : str, optional
        Column of the units that were assigned or sampled (teams, or trusts). None treats each row as its own.
    absorb : str or sequence of str
        Factors whose effects are taken out: ``("team", "period")`` for two-way fixed effects.
    weights : str, optional
        Column of weights, inverse to the variance of a row: the denominators of proportions.
    errors : {"CR2", "CR1", "CR0", "CR3", "DK"}
        DK (Driscoll-Kraay) takes `cluster` as the column of periods: robust to what teams share in a period and later,
        for 20 periods or more.

    Returns
    -------
    Regression

    Raises
    ------
    ModelError
        The data cannot answer: nothing varies within the fixed effects, fewer rows than parameters, 1 cluster.

    Examples
    --------
    >>> regression("waits ~ joy", panel, absorb=("team", "period"), cluster="team").tidy()  # doctest: +SKIP
    """
    if errors not in (*LEVERAGE_POWER, "DK") or (errors == "DK" and not cluster):
        raise UsageError(f"errors={errors!r}: expected one of {', '.join(LEVERAGE_POWER)}, or DK with cluster=periods")
    design, fit, codes = fit_formula(formula, data, cluster=cluster, absorb=absorb, weights=weights)
    sandwich = driscoll_kraay(fit, codes) if errors == "DK" else cluster_robust(fit, codes, kind=errors)
    terms = estimate_table(design.names[-len(fit.beta) :], fit.beta, sandwich.se, n=fit.n, df=sandwich.df)
    cluster = cluster or "row"
    few = small_sample_notes(terms, n_clusters=sandwich.n_clusters, cluster=cluster, used=sandwich.kind, asked=errors)
    return Regression(
        formula=formula,
        absorbed=_factors(absorb),
        cluster=cluster,
        n_clusters=sandwich.n_clusters,
        errors=sandwich.kind,
        r2_within=fit.within_r2,
        terms=terms,
        n=fit.n,
        n_dropped=design.n_dropped,
        notes=(*design.notes, *few),
    )


@one_thread
def fit_formula(
    formula: str,
    data: pd.DataFrame,
    *,
    cluster: str | None = None,
    absorb: str | Sequence[str] = (),
    weights: str | None = None,
) -> tuple[Design, LeastSquares, np.ndarray]:
    """Return the design, the least-squares fit and the codes of the clusters."""
    factors = _factors(absorb)
    groups = list(dict.fromkeys([*factors, *([cluster] if cluster else [])]))
    design = build_design(formula, data, groups=groups, weights=weights)
    codes = {group.name: group.codes for group in design.groups}
    clusters = codes[cluster] if cluster else np.arange(design.n)
    first = 1 if factors and design.names[0] == "Intercept" else 0
    fit = least_squares(
        design.y,
        design.X[:, first:],
        names=design.names[first:],
        absorb=[codes[name] for name in factors],
        cluster=clusters,
        weights=design.weights,
    )
    return design, fit, clusters


def small_sample_notes(terms: pd.DataFrame, *, n_clusters: int, cluster: str, used: str, asked: str) -> list[Note]:
    """Say where the number of clusters limits what robust errors can carry.

    Parameters
    ----------
    terms : DataFrame
        ``term`` and ``df``.
    used, asked : str
        Kinds of errors.
    """
    notes = []
    if used != asked:
        notes.append(Note("clusters.other_errors", asked=asked, used=used, clusters=n_clusters))
    if n_clusters < FEW_CLUSTERS:
        notes.append(Note("clusters.few", clusters=n_clusters, cluster=cluster))
    if alone := [str(term) for term, df in zip(terms["term"], terms["df"], strict=True) if np.isnan(df)]:
        notes.append(Note("clusters.alone", terms=", ".join(alone), cluster=cluster))
    low = [f"{term} ({df:.1f})" for term, df in zip(terms["term"], terms["df"], strict=True) if df < LOW_DF]
    if low:
        notes.append(Note("clusters.low_df", least=LOW_DF, terms=", ".join(low)))
    return notes


def _factors(absorb: str | Sequence[str]) -> tuple[str, ...]:
    return (absorb,) if isinstance(absorb, str) else tuple(absorb)
