"""Structural equation models: `sem`, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.models.estimates import estimate_table
from joyeval.models.one_thread import one_thread
from joyeval.models.structural.data import build_sample
from joyeval.models.structural.fit import Fitted, fit_layout
from joyeval.models.structural.hints import modification_indices
from joyeval.models.structural.indices import best
from joyeval.models.structural.judging import UNCLEAR, judge_fit
from joyeval.models.structural.layout import build_layout
from joyeval.models.structural.spec import parse_model
from joyeval.models.structural.standard import cell_values, delta, standardised
from joyeval.models.structural.wlsmv import OrdinalFitted, fit_ordinal
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural.data import Sample

ESTIMATORS = ("ML", "MLR", "WLSMV")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sem(Result):
    """A fitted structural equation model; `n` counts rows.

    Parameters
    ----------
    name, model : str
    estimator, missing : str
    groups : dict
        Rows of each group, in order (one group: ``all``).
    estimates : DataFrame
        ``term, group, estimate, se, ci_low, ci_high, p, n, std, std_se, label, free``: every parameter of every group;
        `std` with all variables at variance 1; fixed ones have a standard error of 0 and no p.
    fit : dict
        chisq, df, p, cfi, tli, rmsea, rmsea_low, rmsea_high (90 %), srmr, loglik, aic, bic, npar; with MLR also
        chisq_scaled, p_scaled, scaling_factor, cfi_scaled, cfi_robust, tli_robust, rmsea_scaled, rmsea_robust.
    hints : DataFrame
        ``term, group, mi, epc, p``: parameters that were left out and would improve the fit; to think about, not to
        follow blindly.
    """

    name: str
    model: str
    estimator: str
    missing: str
    groups: dict[str, int]
    estimates: pd.DataFrame
    fit: dict[str, float]
    hints: pd.DataFrame = field(repr=False)

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def value(self, term: str, group: str | None = None, column: str = "estimate") -> float:
        """One number of one parameter: ``value("joy =~ q2")``."""
        rows = self.estimates[self.estimates["term"] == term]
        rows = rows if group is None else rows[rows["group"] == str(group)]
        if rows.empty:
            raise UsageError(f"{self.name}: found no parameter {term!r}; see the terms of tidy()")
        return float(rows[column].iloc[0])

    @property
    def quality(self) -> str:
        """Whether the model fits, by intervals: see `joyeval.models.structural.judging`."""
        return judge_fit(self.fit)

    def sentence(self) -> str:
        """Fit in words and numbers."""
        fit = self.fit
        chisq, p, cfi, rmsea = (best(self.fit, key) for key in ("chisq", "p", "cfi", "rmsea"))
        low, high = best(self.fit, "rmsea_low"), best(self.fit, "rmsea_high")
        who = self.name[0].upper() + self.name[1:]
        if not fit["df"]:
            return f"{who} has as many parameters as moments: its fit cannot be judged ({self.n} rows)."
        said = f"{who} {self.quality}"
        if self.quality == UNCLEAR:
            said = f"Whether {self.name} fits cannot be told from {self.n} rows"
        return (
            f"{said}: RMSEA {rmsea:.3f} (90% CI {low:.3f} to {high:.3f}), CFI {cfi:.3f} "
            f"({best(fit, 'cfi_low'):.3f} to {best(fit, 'cfi_high'):.3f}), SRMR {fit['srmr']:.3f}, "
            f"chi-square {chisq:.1f} on {fit['df']} df, p {_p(p)} ({self.n} rows)."
        )


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


@one_thread
def sem(
    model: str,
    data: pd.DataFrame,
    *,
    group: str | None = None,
    estimator: str = "ML",
    missing: str = "listwise",
    means: bool | None = None,
    equal: Sequence[str] = (),
    release: Sequence[str] = (),
    standard: bool = False,
    name: str = "the model",
    level: float = 0.95,
) -> Sem:
    """Fit a structural equation model by maximum likelihood.

    Parameters
    ----------
    model : str
        Statements in the notation of lavaan, see `joyeval.models.structural.spec.parse_model`.
    data : DataFrame
        One row per person (or team); numeric columns for the observed variables.
    group : str, optional
        Column: one model for each group, tied together by `equal` or by labels.
    estimator : {"ML", "MLR", "WLSMV"}
        MLR keeps the estimates and makes standard errors and chi-square robust against non-normal data. WLSMV takes
        every observed variable as ordered options (thresholds, polychoric correlations, complete rows, factors of
        variance 1).
    missing : {"listwise", "fiml"}
        Complete rows, or every answer under missing at random.
    means : bool, optional
        Model means; by default with groups or with "fiml".
    equal, release : sequence of str
        Kinds of parameters equal over groups ("loadings", "intercepts", "residuals", "means", "variances"), and terms
        exempt from it.
    standard : bool
        Factors of variance 1 instead of a marker item.
    name : str
        Used in messages and sentences.

    Raises
    ------
    UsageError
        The model cannot be read or names a column that is not there.
    ModelError
        Too few rows, a constant variable, a model that is not identified or does not converge.

    Notes
    -----
    Predictors that are observed are random here, with their means and covariances estimated.

    References
    ----------
    Bollen (1989) Structural Equations with Latent Variables, doi:10.1002/9781118619179; Yuan & Bentler (2000)
    doi:10.1111/0081-1750.00078 (robust, also with gaps).

    Examples
    --------
    >>> fit = sem("joy =~ q1 + q2 + q3 + q4", wave, missing="fiml")  # doctest: +SKIP
    >>> fit.fit["cfi"], fit.value("joy =~ q2", column="std")  # doctest: +SKIP
    """
    if estimator not in ESTIMATORS:
        raise UsageError(f"{name}: found estimator={estimator!r}; expected one of {', '.join(ESTIMATORS)}")
    fitted = fit_model(
        model,
        data,
        group=group,
        estimator=estimator,
        missing=missing,
        means=means,
        equal=equal,
        release=release,
        standard=standard,
        name=name,
    )
    return summarise(fitted, model=model, name=name, estimator=estimator, missing=missing, level=level)


@one_thread
def fit_model(
    model: str,
    data: pd.DataFrame,
    *,
    group: str | None = None,
    estimator: str = "ML",
    missing: str = "listwise",
    means: bool | None = None,
    equal: Sequence[str] = (),
    release: Sequence[str] = (),
    standard: bool = False,
    name: str = "the model",
    sample: Sample | None = None,
) -> Fitted | OrdinalFitted:
    """Fit as `sem` does and return the working object, for further tests on it.

    `sample` is that of an earlier fit of the same variables and rows, so that it is not made again.
    """
    parsed = parse_model(model)
    if estimator == "WLSMV":
        return fit_ordinal(parsed, data, group=group, equal=equal, release=release, what=name)
    spoken = any(term.op == "~1" for term in parsed.terms)
    wanted = (group is not None or spoken) if means is None else means
    if sample is None or sample.observed != tuple(parsed.observed):
        sample = build_sample(data, parsed.observed, group=group, missing=missing, means=wanted, what=name)
    layout = build_layout(
        parsed, groups=len(sample.labels), means=sample.means, equal=equal, release=release, standard=standard
    )
    return fit_layout(layout, sample, robust=estimator == "MLR", what=name)


def summarise(
    fitted: Fitted | OrdinalFitted, *, model: str, name: str, estimator: str, missing: str, level: float = 0.95
) -> Sem:
    """Turn a working object into a result."""
    sample = fitted.sample
    estimates = _estimates(fitted, level)
    return Sem(
        n=sample.n,
        n_dropped=sample.n_dropped,
        notes=(*sample.notes, *_improper(estimates, fitted)),
        name=name,
        model=model,
        estimator=estimator,
        missing=missing,
        groups={label: part.n for label, part in zip(sample.labels, sample.moments, strict=True)},
        estimates=estimates,
        fit={key: value if isinstance(value, int) else float(value) for key, value in fitted.indices().items()},
        hints=modification_indices(fitted),
    )


def _estimates(fitted: Fitted | OrdinalFitted, level: float) -> pd.DataFrame:
    cells = fitted.layout.cells
    free = np.array([cell.free for cell in cells])
    se = np.where(free >= 0, np.sqrt(np.clip(np.diag(fitted.vcov), 0, None))[free], 0.0)
    table = estimate_table([cell.term.name for cell in cells], cell_values(fitted), se, n=fitted.sample.n, level=level)
    table["p"] = table["p"].where(free >= 0)
    table.insert(1, "group", pd.Series([fitted.sample.labels[cell.group] for cell in cells], dtype="str"))
    table["std"] = standardised(fitted, fitted.theta)
    table["std_se"] = delta(lambda theta: standardised(fitted, theta), fitted.theta, fitted.vcov)
    table["label"] = pd.Series([cell.label for cell in cells], dtype="str")
    table["free"] = free >= 0
    return table.drop(columns="df").astype({"term": "str"})


def _improper(estimates: pd.DataFrame, fitted: Fitted) -> list[str]:
    """Say so when a variance is negative or two factors are one."""
    terms, latent, notes = [cell.term for cell in fitted.layout.cells], set(fitted.layout.latent), []
    variance = np.array([term.op == "~~" and term.lhs == term.rhs for term in terms])
    pair = np.array([term.op == "~~" and term.lhs != term.rhs and {term.lhs, term.rhs} <= latent for term in terms])
    negative = estimates[variance & (estimates["estimate"] < 0)]
    if len(negative):
        notes.append(f"negative variance: {', '.join(negative['term'])}; the model asks too much of these data there")
    one = estimates[pair & (estimates["std"].abs() >= 1)]
    if len(one):
        notes.append(f"factors correlate perfectly: {', '.join(one['term'])}; the data do not tell them apart")
    if isinstance(fitted, Fitted) and fitted.robust and fitted.test.df and fitted.test.scale == 1.0:
        notes.append("too few rows for the robust chi-square: the plain one is given")
    return notes
