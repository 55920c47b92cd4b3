"""What generalised and ordinal mixed models share around the likelihood: nodes, refusals, variances, df."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from joyeval.errors import ModelError, UsageError
from joyeval.models.maximise import NotConvergedError, Optimum, fit, fit_fixed
from joyeval.models.separation import FAR, refuse_separation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.laplace import Likelihood, RandomTerm

AUTO_NODES = 15
WIDE = 1.5  # a random intercept with a larger sd on the logit or log scale is checked for the error of Laplace
FEW_LEVELS = 10
Z95 = float(ndtri(0.975))
VARIANCE_COLUMNS = ("group", "term", "with", "estimate", "se", "ci_low", "ci_high", "variance", "levels")
MOVED = 0.1  # and quadrature is used where it would move an estimate by more than this share of its standard error


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
    model = replace(model, nodes=nodes or 1)
    try:
        far = np.abs(model.X @ fit_fixed(model, start).parameters[: model.n_fixed]).max() > FAR
        if far:
            refuse_separation(model.family, model.X, names, formula)
        optimum = fit(model, start)
    except (NotConvergedError, np.linalg.LinAlgError) as error:
        refuse_separation(model.family, model.X, names, formula)
        groups = ", ".join(f"{term.size} levels of {term.name}" for term in model.terms)
        raise ModelError(
            f"{formula}: {error} ({len(model.X)} rows; {groups or 'no groups'}); leave out random slopes or predictors"
        ) from error
    if nodes is None and (finer := _finer(model, optimum)):
        note = (
            f"adaptive quadrature with {AUTO_NODES} points, as Laplace's approximation would have shifted an estimate"
        )
        return finer, fit(finer, start), (note,)
    return model, optimum, ()


def _finer(model: Likelihood, optimum: Optimum) -> Likelihood | None:
    """Return the same model by quadrature, if that would move an estimate."""
    if len(model.layout.blocks) != 1 or optimum.parameters[-1] < WIDE:
        return None
    finer = replace(model, nodes=AUTO_NODES)
    step = optimum.covariance @ finer(optimum.parameters)[1]
    moved = np.abs(step[optimum.free]) / np.sqrt(np.diag(optimum.covariance)[optimum.free])
    return finer if moved.max() > MOVED else None


def between_within(X: np.ndarray, terms: Sequence[RandomTerm], n: float) -> np.ndarray:
    """Return degrees of freedom of each column by the between-within rule, at least 1; `n` counts observations.

    A column that is constant within the levels of a factor is estimated between them: its degrees of freedom are
    the levels less the columns of that kind, the fewest over factors. A column that varies within the levels of
    all factors has the rows less all columns and levels.

    References
    ----------
    Li & Redden (2015), BMC Med. Res. Methodol. 15, 38, doi:10.1186/s12874-015-0026-x.
    """
    p = X.shape[1]
    df = np.full(p, float(n - p - sum(term.size - 1 for term in terms)))
    for term in terms:
        example = np.zeros((term.size, p))
        example[term.index] = X
        constant = (example[term.index] == X).all(axis=0)
        df[constant] = np.minimum(df[constant], term.size - constant.sum())
    return np.maximum(df, 1.0)


def variance_table(model: Likelihood, optimum: Optimum) -> pd.DataFrame:
    """Return standard deviations and correlations of the random effects.

    Returns
    -------
    DataFrame
        ``group, term, with, estimate, se, ci_low, ci_high, variance, levels``: `estimate` is a standard deviation
        (interval on the log scale), or in rows with `with` a correlation (interval on Fisher's scale), and
        `variance` is then the covariance. At a boundary there is no standard error, and `variance_notes` says so.
    """
    rows, theta = [], model.split(optimum.parameters)[2]
    start, end = len(optimum.parameters) - len(theta), 0
    for t, term in enumerate(model.terms):
        begin, end = end, end + sum(entry.term == t for entry in model.entries)
        among = slice(start + begin, start + end)
        rows += _components(term, theta[begin:end], optimum.covariance[among, among])
    return pd.DataFrame(rows, columns=VARIANCE_COLUMNS)


def _components(term: RandomTerm, theta: np.ndarray, covariance: np.ndarray) -> list[tuple]:
    q = len(term.labels)
    cells = [(a, a) for a in range(q)] + [(a, b) for a in range(q) for b in range(a + 1, q)]
    S, rows = _covariance(theta, q), []
    for a, b in cells:
        slope = np.array(
            [(_sd_or_r(theta + h, q, a, b) - _sd_or_r(theta - h, q, a, b)) / 2e-6 for h in np.eye(len(theta)) * 1e-6]
        )
        value, se = _sd_or_r(theta, q, a, b), float(np.sqrt(max(slope @ covariance @ slope, 0.0)))
        low, high, se = _interval(value, se, correlation=a != b)
        other = term.labels[b] if a != b else ""
        rows.append((term.name, term.labels[a], other, value, se, low, high, float(S[a, b]), term.size))
    return rows


def _covariance(theta: np.ndarray, q: int) -> np.ndarray:
    L = np.zeros((q, q))
    columns, rows = np.triu_indices(q)
    L[rows, columns] = theta
    return L @ L.T


def _sd_or_r(theta: np.ndarray, q: int, a: int, b: int) -> float:
    S = _covariance(theta, q)
    sd = np.sqrt(np.diag(S))
    return float(sd[a]) if a == b else float(S[a, b] / max(sd[a] * sd[b], 1e-300))


def _interval(value: float, se: float, *, correlation: bool) -> tuple[float, float, float]:
    """Interval on the scale on which the estimate is closest to normal; none at a boundary."""
    if se == 0 or value == 0 or (correlation and 1 - abs(value) < 1e-6):
        return np.nan, np.nan, np.nan
    if correlation:
        centre, reach = np.arctanh(value), Z95 * se / (1 - value**2)
        return float(np.tanh(centre - reach)), float(np.tanh(centre + reach)), se
    factor = float(np.exp(Z95 * se / value))
    return value / factor, value * factor, se


def variance_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Say which variances are at a boundary and which rest on few groups."""
    alone = table[table["with"] == ""]
    notes = [
        f"the standard deviation of {row.term} between levels of {row.group} was estimated as 0 (boundary): "
        f"its {row.levels} levels differ no more than their rows lead one to expect; it has no interval"
        for row in alone.itertuples()
        if row.estimate == 0
    ]
    few = alone[alone["levels"] < FEW_LEVELS].drop_duplicates("group")
    notes += [f"only {row.levels} levels of {row.group}: its variance is known roughly" for row in few.itertuples()]
    return tuple(notes)
