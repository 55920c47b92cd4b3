"""What generalised and ordinal mixed models share around the likelihood: nodes, refusals, variances, df."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.estimates import estimate_table
from joyeval.models.generalised.families import CumulativeLogit
from joyeval.models.generalised.maximise import NotConvergedError, Optimum, fit, fit_fixed
from joyeval.models.generalised.separation import FAR, refuse_separation
from joyeval.models.linear_mixed import VARIANCE_COLUMNS, cells, sd_or_correlation, wald_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.design import Design
    from joyeval.models.generalised.laplace import Likelihood
    from joyeval.models.generalised.responses import Response
    from joyeval.models.linear_mixed import Term

AUTO_NODES = 15
WIDE = 1.5  # a random intercept with a larger sd on the logit or log scale is checked for the error of Laplace
MOVED = 0.1  # and quadrature is used where it would move an estimate by more than this share of its standard error
FINER_NOTE = f"adaptive quadrature with {AUTO_NODES} points, as Laplace's approximation would have shifted an estimate"
STEP = 1e-6  # of theta, in differences
ML_BIAS = 2 / (1.96**2 + 1)  # t(G - p) times sqrt(G / (G - p)) is to first order t((G - p) / (1 + this * p)) at 97.5 %


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted generalised model before it becomes a result.

    `df` (p,) are the degrees of freedom of the coefficients, `errors` names the rule behind them and the covariance;
    `varying` are the random slopes by factor.
    """

    design: Design
    family: str
    response: Response
    model: Likelihood
    optimum: Optimum
    df: np.ndarray
    errors: str
    notes: tuple[str, ...]
    varying: dict[str, list[str]] = field(default_factory=dict)

    @property
    def vcov(self) -> np.ndarray:
        """Covariance of the coefficients, shape (p, p)."""
        return self.optimum.covariance[: self.model.n_fixed, : self.model.n_fixed]

    def terms(self, level: float = 0.95) -> pd.DataFrame:
        """Return the table of coefficients."""
        beta, se = self.model.split(self.optimum.parameters)[0], np.sqrt(np.diag(self.vcov))
        return estimate_table(self.design.names, beta, se, df=self.df, n=self.design.n, level=level)


def maximise(
    model: Likelihood, start: np.ndarray, *, names: Sequence[str], formula: str, nodes: int | None = None
) -> tuple[Likelihood, Optimum, tuple[str, ...]]:
    """Fit, by quadrature where Laplace is not good enough, and refuse what has no maximum.

    Parameters
    ----------
    start : ndarray
        Coefficients and further parameters of some reasonable model.
    nodes : int, optional
        Points of the quadrature, 1 for Laplace. Left out: Laplace, and 15 points where a single random intercept
        has an sd above 1.5 and they would move an estimate by more than a tenth of its standard error.

    Returns
    -------
    model, optimum, notes

    Raises
    ------
    ModelError
        Perfect separation, or no maximum.
    UsageError
        Quadrature of more than one random effect per group.
    """
    if nodes and nodes > 1 and len(model.layout.blocks) != 1:
        raise UsageError(f"{formula}: nodes={nodes} needs exactly one random intercept; use nodes=1 (Laplace)")
    model = replace(model, nodes=nodes) if nodes else model
    plain, back = _standardised(model)
    try:
        fixed = fit_fixed(plain, np.linalg.solve(back, start))
        if np.abs(plain.X @ fixed.parameters[: model.n_fixed]).max() > FAR:
            refuse_separation(model.family, model.X, names, formula)
        optimum = fit(plain, fixed)
        finer = _finer(plain, optimum) if nodes is None else None
        if finer is None:
            return model.resume(plain), optimum.moved(back), ()
        optimum = fit(finer, fixed).moved(back)
        return replace(model, nodes=finer.nodes).resume(finer), optimum, (FINER_NOTE,)
    except (NotConvergedError, np.linalg.LinAlgError) as error:
        refuse_separation(model.family, model.X, names, formula)
        groups = ", ".join(f"{term.n_levels} levels of {term.name}" for term in model.terms)
        raise ModelError(
            f"{formula}: {error} ({len(model.X)} rows; {groups or 'no groups'}); {_way_out(model, names)}"
        ) from error


def _standardised(model: Likelihood) -> tuple[Likelihood, np.ndarray]:
    """Return the model in orthonormal columns, and what turns its coefficients and further parameters back.

    A predictor of any centre and unit is then as easy to fit as another. Where thresholds stand in for the
    intercept, the first of them takes up the centres.
    """
    p, centre = model.n_fixed, np.zeros(model.n_fixed)
    if isinstance(model.family, CumulativeLogit) and p:
        centre = model.X.mean(axis=0)
    Q, R = np.linalg.qr(model.X - centre)
    back = np.eye(p + model.n_aux)
    back[:p, :p] = np.linalg.inv(R) * np.sqrt(len(Q))
    back[p : p + 1, :p] = centre @ back[:p, :p]
    return replace(model, X=Q * np.sqrt(len(Q))), back


def _way_out(model: Likelihood, names: Sequence[str]) -> str:
    """Say what to leave out, least first."""
    if any(term.q > 1 for term in model.terms):
        return "leave out the random slopes, or take their columns from their mean"
    predictors = [name for name in names if name != "Intercept"]
    fewer = f"leave out {predictors[-1]}, " if predictors else ""
    return f"{fewer}take a simpler family, or a coarser factor"


def _finer(model: Likelihood, optimum: Optimum) -> Likelihood | None:
    """Return the same model by quadrature, if that would move an estimate."""
    if len(model.layout.blocks) != 1 or optimum.parameters[-1] < WIDE:
        return None
    finer = replace(model, nodes=AUTO_NODES)
    step = optimum.covariance @ finer(optimum.parameters)[1]
    moved = np.abs(step[optimum.free]) / np.sqrt(np.diag(optimum.covariance)[optimum.free])
    return finer if moved.max() > MOVED else None


def between_within(X: np.ndarray, names: Sequence[str], terms: Sequence[Term], n: float) -> np.ndarray:
    """Return degrees of freedom of each column by the between-within rule, at least 1; `n` counts observations.

    A column that is constant within the levels of a factor, or has a random slope over them, is estimated between
    levels: its degrees of freedom are the G levels less the p columns of that kind, the fewest over factors. Maximum
    likelihood makes the variance between levels too small by (G - p) / G; they are lowered to
    (G - p) / (1 + 0.41 p), at which a 95 % interval is as wide as with the unbiased variance. A column that varies
    within the levels of all factors has the observations less all columns and levels.

    References
    ----------
    Li & Redden (2015), BMC Med. Res. Methodol. 15, 38, doi:10.1186/s12874-015-0026-x.
    """
    df = np.full(len(names), float(n - len(names) - sum(term.n_levels - 1 for term in terms)))
    for term in terms:
        example = np.zeros((term.n_levels, len(names)))
        example[term.codes] = X
        between = (example[term.codes] == X).all(axis=0) | np.isin(names, term.columns)
        p = between.sum()
        df[between] = np.minimum(df[between], (term.n_levels - p) / (1 + ML_BIAS * p))
    return np.maximum(df, 1.0)


def variance_table(model: Likelihood, optimum: Optimum, *, level: float = 0.95) -> pd.DataFrame:
    """Tabulate standard deviations and correlations of the random effects, as in `linear_mixed.variances`."""
    theta = model.split(optimum.parameters)[2]
    spread = optimum.covariance[len(optimum.parameters) - len(theta) :, len(optimum.parameters) - len(theta) :]
    at = _covariances(model, theta)
    sides = [[_covariances(model, theta + way * h) for way in (1, -1)] for h in np.eye(len(theta)) * STEP]
    rows = []
    for t, term in enumerate(model.terms):
        for a, b in cells(term.q):
            pairs = [[sd_or_correlation(covariances[t], a, b) for covariances in side] for side in sides]
            slope = np.array([(ahead - behind) / (2 * STEP) for ahead, behind in pairs])
            value, se = sd_or_correlation(at[t], a, b), float(np.sqrt(max(slope @ spread @ slope, 0.0)))
            interval = wald_interval(value, se, correlation=a != b, level=level)
            other = term.columns[b] if a != b else ""
            rows.append((term.name, term.columns[a], other, value, *interval, float(at[t][a, b]), term.n_levels))
    return pd.DataFrame(rows, columns=VARIANCE_COLUMNS)


def _covariances(model: Likelihood, theta: np.ndarray) -> list[np.ndarray]:
    return [root @ root.T for root in model.roots(theta)]
