"""Cumulative-logit models of ordered answers, with crossed random intercepts.

``P(answer <= k) = expit(threshold_k - eta)``, so that a positive coefficient goes with higher answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from joyeval.errors import ModelError, UsageError
from joyeval.models.design import build_design, check_rank
from joyeval.models.estimates import difference, estimate_table
from joyeval.models.generalised.averages import Average, average, matrix_at
from joyeval.models.generalised.families import CumulativeLogit, threshold_slopes, thresholds
from joyeval.models.generalised.fitting import between_within, maximise, variance_table
from joyeval.models.generalised.laplace import Likelihood
from joyeval.models.linear_mixed import Term, variance_notes
from joyeval.models.one_thread import one_thread
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.design import Design
    from joyeval.models.generalised.maximise import Optimum

MOST_VALUES = 30  # of answers, and of the column to predict by
RARE = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Ordinal(Result):
    """A cumulative-logit model; `n` counts answers.

    Parameters
    ----------
    formula : str
    levels : tuple of str
        Answers from lowest to highest.
    groups : tuple of str
        Factors with a random intercept each.
    by : str
        Column of which `predicted` and `changes` show the values; empty where none was asked for.
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``: log odds ratios of a higher answer, at fixed random effects.
    thresholds : DataFrame
        Same columns; term ``"1|2"`` is the cut between answers 1 and 2.
    variances : DataFrame
        ``group, term, with, estimate, se, ci_low, ci_high, variance, levels``; `estimate` is the standard deviation
        on the logit scale.
    predicted : DataFrame
        Where `by` was given: ``term, estimate, se, df, ci_low, ci_high, n, value``. Terms are ``mean`` (answers as
        numbers) and ``P(>= answer)``, averaged over all rows and over the random effects; `n` are the answers that
        had the value.
    changes : DataFrame
        Same columns and p; difference of each value from the first.
    loglik : float
    nodes : int
        Points of the quadrature; 1 is Laplace.
    """

    formula: str
    levels: tuple[str, ...]
    groups: tuple[str, ...]
    by: str
    terms: pd.DataFrame
    thresholds: pd.DataFrame
    variances: pd.DataFrame
    predicted: pd.DataFrame
    changes: pd.DataFrame
    loglik: float
    nodes: int

    def tidy(self) -> pd.DataFrame:
        """Return one row per coefficient."""
        return self.terms

    def sentence(self) -> str:
        """Return the change of the mean answer where `by` was given, else the first coefficient as an odds ratio."""
        within = f"{self.n} answers" + (f", random effects of {', '.join(self.groups)}" if self.groups else "")
        if len(self.changes):
            row = self.changes.iloc[0]
            return (
                f"The mean answer was {row['estimate']:+.2f} at {self.by} {row['value']} against "
                f"{self.by} {self.predicted['value'].iloc[0]} "
                f"(95% CI {row['ci_low']:+.2f} to {row['ci_high']:+.2f}; {within})."
            )
        if self.terms.empty:
            return f"Nothing that differs was asked about, or was left to be seen ({within})."
        row = self.terms.iloc[0]
        ratio = np.exp([row["estimate"], row["ci_low"], row["ci_high"]])
        return (
            f"{difference(row['term'])} went with odds of a higher answer times {ratio[0]:.2f} "
            f"(95% CI {ratio[1]:.2f} to {ratio[2]:.2f}; {within})."
        )


@one_thread
def ordinal(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | Sequence[str] = (),
    weights: str | None = None,
    by: str | None = None,
    nodes: int | None = None,
) -> Ordinal:
    """Fit a cumulative-logit model to ordered answers.

    Parameters
    ----------
    formula : str
        ``"rating ~ C(wave) + own_group"``. The outcome is an ordered categorical, or numbers whose order counts.
    data : DataFrame
        One row per answer.
    groups : str or sequence of str
        Factors with a random intercept each, nested or crossed in any way: ``("rater", "rated_group", "item",
        "rater:rated_group")``. The largest is eliminated, so that its size costs little.
    weights : str, optional
        Column of case weights: how many answers a row stands for.
    by : str, optional
        Column of the formula (wave, say) at each of whose values to predict the mean and the chance of high answers.
    nodes : int, optional
        Points of adaptive quadrature for one grouping factor, 1 for Laplace. Left out, Laplace, unless one factor's
        standard deviation is above 1.5 and quadrature would move an estimate.

    Returns
    -------
    Ordinal
        Intervals use t with between-within degrees of freedom (levels less coefficients for a column that is
        constant within the levels of a factor), which is wider than the usual normal.

    Raises
    ------
    ModelError
        The data cannot answer: 2 answers needed, collinear columns, perfect separation, no maximum.

    References
    ----------
    McCullagh (1980), J. R. Stat. Soc. B 42(2), 109-142, doi:10.1111/j.2517-6161.1980.tb01109.x.
    Tutz & Hennevogl (1996), Comput. Stat. Data Anal. 22(5), 537-557, doi:10.1016/0167-9473(96)00004-7.

    Examples
    --------
    >>> ordinal("rating ~ C(wave)", ties, groups=("rater", "rated", "item"), by="wave").changes  # doctest: +SKIP
    """
    design = build_design(formula, data, groups=groups, weights=weights)
    if by is not None and by not in design.frame:
        raise UsageError(f"by={by!r}: expected a column that the right-hand side of {formula!r} uses")
    answers, (X, names) = _answers(design), _without_intercept(design, design.X)
    counts = np.ones(design.n) if design.weights is None else design.weights
    family = CumulativeLogit(answers.y, len(answers.labels), counts)
    terms = [Term(g.name, g.codes, g.n_levels) for g in design.groups]
    start = np.concatenate((np.zeros(len(names)), _start(family)))
    likelihood = Likelihood(family, X, terms=terms)
    model, optimum, notes = maximise(likelihood, start, names=names, formula=formula, nodes=nodes)
    n = round(float(counts.sum()))
    df = between_within(np.column_stack((np.ones(design.n), X)), ("thresholds", *names), terms, n)
    predicted, changes = _predict(model, optimum, design, answers, by, df) if by else (pd.DataFrame(), pd.DataFrame())
    variances = variance_table(model, optimum)
    beta, se = optimum.parameters[: len(names)], np.sqrt(np.diag(optimum.covariance))[: len(names)]
    return Ordinal(
        formula=formula,
        levels=answers.labels,
        groups=tuple(term.name for term in terms),
        by=by or "",
        terms=estimate_table(names, beta, se, n=n, df=df[1:]),
        thresholds=_threshold_table(model, optimum, answers.labels, n, df[0]),
        variances=variances,
        predicted=predicted,
        changes=changes,
        loglik=optimum.loglik,
        nodes=model.nodes,
        n=n,
        n_dropped=design.n_dropped,
        notes=(*design.notes, *notes, *variance_notes(variances), *_rare(answers)),
    )


@dataclass(frozen=True, eq=False)
class _Answers:
    """Answers as 0 .. K-1, and from low to high their labels and values as numbers."""

    y: np.ndarray
    labels: tuple[str, ...]
    scores: np.ndarray


def _answers(design: Design) -> _Answers:
    values, y = np.unique(design.y, return_inverse=True)
    if len(values) > MOST_VALUES:
        raise ModelError(
            f"{design.formula}: found {len(values)} different answers in {design.n} rows; an ordinal model needs a few "
            "ordered categories, for a score use mixed()"
        )
    if design.levels:
        return _Answers(y, tuple(design.levels[int(v)] for v in values), 1.0 + values)
    return _Answers(y, tuple(f"{v:g}" for v in values), values)


def _rare(answers: _Answers) -> tuple[str, ...]:
    counts = np.bincount(answers.y)
    rare = [f"{label} ({n})" for label, n in zip(answers.labels, counts, strict=True) if n < RARE]
    return (f"answers given by fewer than {RARE} rows, whose thresholds are rough: {', '.join(rare)}",) if rare else ()


def _without_intercept(design: Design, X: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Columns of the right-hand side less the intercept, whose place the thresholds take."""
    keep = [j for j, name in enumerate(design.names) if name != "Intercept"]
    names = tuple(design.names[j] for j in keep)
    if "Intercept" not in design.names:
        check_rank(np.column_stack((np.ones(len(X)), X)), ("thresholds", *names), design.formula)
    return X[:, keep], names


def _start(family: CumulativeLogit) -> np.ndarray:
    """Thresholds at the logits of the cumulative shares."""
    counts = np.bincount(family.y, family.weights)
    cuts = logit(np.cumsum(counts)[:-1] / counts.sum())
    return np.concatenate((cuts[:1], np.log(np.diff(cuts))))


def _threshold_table(model: Likelihood, optimum: Optimum, labels: tuple[str, ...], n: int, df: float) -> pd.DataFrame:
    p, aux = model.n_fixed, model.split(optimum.parameters)[1]
    among, slopes = slice(p, p + len(aux)), threshold_slopes(aux)
    se = np.sqrt(np.diag(slopes @ optimum.covariance[among, among] @ slopes.T))
    return estimate_table([f"{a}|{b}" for a, b in pairwise(labels)], thresholds(aux), se, n=n, df=df)


def _predict(
    model: Likelihood, optimum: Optimum, design: Design, answers: _Answers, by: str, df: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and chances of high answers at each value of `by`, and their differences from the first value."""
    column = pd.Categorical(design.frame[by]).remove_unused_categories()
    if len(values := list(column.categories)) > MOST_VALUES:
        raise UsageError(f"by={by!r}: found {len(values)} values; expected at most {MOST_VALUES}")
    matrices = [_without_intercept(design, matrix_at(design, by, value))[0] for value in values]
    weights = model.family.weights
    found = [_with_mean(average(replace(model, X=X), optimum.parameters, weights), answers.scores) for X in matrices]
    frame = pd.DataFrame({"value": values, "n": np.bincount(column.codes, weights).round().astype(int)})
    terms = ("mean", *(f"P(>= {label})" for label in answers.labels[1:]))
    moved = (matrices[0] != matrices[-1]).any(axis=0)
    if not moved.any():
        raise UsageError(f"by={by!r}: expected a column that the right-hand side of {design.formula!r} uses")
    changes = [one - found[0] for one in found[1:]]
    return (
        _within_bounds(_stack(frame, terms, found, optimum.covariance, df[0])).drop(columns="p"),
        _stack(frame[1:], terms, changes, optimum.covariance, df[1:][moved].min()),
    )


def _stack(
    frame: pd.DataFrame, terms: Sequence[str], averages: list[Average], covariance: np.ndarray, df: float
) -> pd.DataFrame:
    rows = zip(frame["value"], frame["n"], averages, strict=True)
    tables = [
        estimate_table(terms, one.value, one.se(covariance), n=n, df=df).assign(value=str(value))
        for value, n, one in rows
    ]
    return pd.concat(tables, ignore_index=True)


def _within_bounds(table: pd.DataFrame) -> pd.DataFrame:
    """Take the intervals of chances on the logit scale."""
    chance = table["term"].str.startswith("P(")
    p, reach = table["estimate"], (table["ci_high"] - table["estimate"]) / (table["estimate"] * (1 - table["estimate"]))
    low, high = (pd.Series(expit(logit(p.where(chance, 0.5)) + way * reach)) for way in (-1, 1))
    return table.assign(ci_low=low.where(chance, table["ci_low"]), ci_high=high.where(chance, table["ci_high"]))


def _with_mean(chances: Average, scores: np.ndarray) -> Average:
    """Put the mean answer before the chances that it is made of."""
    steps = np.diff(scores)
    value = np.concatenate(([scores[0] + steps @ chances.value], chances.value))
    return Average(value, np.vstack((steps @ chances.gradient, chances.gradient)))
