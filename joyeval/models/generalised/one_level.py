"""Generalised linear models of one level: proportions and counts, with errors that allow for more than chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import UsageError
from joyeval.models.design import build_design
from joyeval.models.estimates import difference, interval_told, main_row
from joyeval.models.generalised.families import Binomial, Poisson
from joyeval.models.generalised.fitting import Fitted, maximise
from joyeval.models.generalised.laplace import Likelihood
from joyeval.models.generalised.responses import LINKS, read_response
from joyeval.models.one_thread import one_thread
from joyeval.models.panel import LEVERAGE_POWER, cluster_robust, least_squares, small_sample_notes
from joyeval.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.models.design import Design

NO_WEIGHT = 1e-12  # information of a row that is as good as certain
RATIO = {"logit": "odds", "log": "the rate"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Glm(Result):
    """A generalised linear model; `n` counts rows.

    Parameters
    ----------
    formula, outcome, family, link : str
    errors : str
        ``model``, ``quasi`` (standard errors times the root of `dispersion`) or ``CR2 by <column>`` (sandwich
        over clusters).
    terms : DataFrame
        Coefficients on the scale of the link: ``term, estimate, se, df, ci_low, ci_high, p, n``.
    vcov : ndarray, shape (p, p)
    dispersion : float
        Pearson chi-square per degree of freedom: 1 where rows vary as the family says.
    loglik : float
    """

    formula: str
    outcome: str
    family: str
    link: str
    errors: str
    terms: pd.DataFrame
    vcov: np.ndarray
    dispersion: float
    loglik: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per coefficient."""
        return self.terms

    def sentence(self) -> str:
        """Return the first predictor's odds ratio or rate ratio."""
        row = main_row(self.terms)
        ratio, low, high = np.exp(row[["estimate", "ci_low", "ci_high"]].to_numpy(dtype=float))
        return (
            f"{difference(row['term'])} went with {RATIO[self.link]} of {self.outcome} times {ratio:.2f} "
            f"({interval_told(low, high)}, {self.errors} errors; {self.n} rows)."
        )


@one_thread
def glm(
    formula: str,
    data: pd.DataFrame,
    *,
    family: str,
    weights: str | None = None,
    exposure: str | None = None,
    cluster: str | None = None,
    errors: str | None = None,
) -> Glm:
    """Fit a generalised linear model without random effects.

    Parameters
    ----------
    formula, data, family, weights, exposure
        As for `joyeval.models.mixed_models`.
    cluster : str, optional
        Column of the units that were assigned or sampled.
    errors : {"model", "quasi", "CR2", "CR1", "CR0", "CR3"}, optional
        With a cluster, the kind of sandwich; left out, CR2 with Satterthwaite's degrees of freedom. Without one, left
        out: ``quasi`` (t with rows - coefficients) for binomial with denominators and Poisson, whose rows nearly always
        vary more than the family says; ``model`` otherwise.

    Raises
    ------
    ModelError
        The data cannot answer: proportions above 1, negative counts, perfect separation.
    UsageError
        Arguments that do not go together.

    References
    ----------
    Wedderburn (1974), Biometrika 61(3), 439-447, doi:10.1093/biomet/61.3.439 (quasi-likelihood).
    Bell & McCaffrey (2002), Survey Methodology 28(2), 169-181 (CR2, also of generalised models).
    """
    design = build_design(formula, data, groups=[cluster] if cluster else (), weights=weights, exposure=exposure)
    fit, dispersion = fit_plain(design, family=family, errors=errors)
    return Glm(
        formula=formula,
        outcome=fit.design.outcome,
        family=family,
        link=LINKS[family],
        errors=fit.errors,
        terms=fit.terms(),
        vcov=fit.vcov,
        dispersion=dispersion,
        loglik=fit.optimum.loglik,
        n=fit.design.n,
        n_dropped=fit.design.n_dropped,
        notes=fit.notes,
    )


@one_thread
def fit_plain(design: Design, *, family: str, errors: str | None) -> tuple[Fitted, float]:
    """Do the work of `glm`, short of its result; with the dispersion. A group of `design` is the cluster."""
    kinds = (None, *(LEVERAGE_POWER if design.groups else ("model", "quasi")))
    if family not in LINKS or errors not in kinds:
        raise UsageError(
            f"family={family!r}, errors={errors!r}: expected a family of {', '.join(LINKS)}, and errors 'model' or "
            f"'quasi' where there is no cluster, {', '.join(LEVERAGE_POWER)} where there is one"
        )
    response = read_response(design, family)
    likelihood = Likelihood(response.family, design.X, response.offset)
    model, optimum, notes = maximise(likelihood, response.start(design.X), names=design.names, formula=design.formula)
    n, p = design.X.shape
    beta, aux, _ = model.split(optimum.parameters)
    score, second, _ = response.family.derivatives(design.X @ beta + response.offset, aux)
    dispersion = float(np.sum(score**2 / -second) / (n - p))
    fit = Fitted(
        design=design,
        family=family,
        response=response,
        model=model,
        optimum=optimum,
        df=np.full(p, float(n - p)),
        errors="model",
        notes=(*design.notes, *response.notes, *notes),
    )
    if design.groups:
        return _clustered(fit, score, -second, errors or "CR2"), dispersion
    varies = isinstance(response.family, Poisson) or (isinstance(response.family, Binomial) and response.size.max() > 1)
    if errors == "quasi" or (errors is None and varies):
        fit = replace(fit, optimum=replace(optimum, covariance=optimum.covariance * dispersion), errors="quasi")
    return fit, dispersion


def _clustered(fit: Fitted, score: np.ndarray, weight: np.ndarray, kind: str) -> Fitted:
    """Errors by the sandwich over clusters, at the least squares of the last step of the fit.

    A maximum of the likelihood is the least-squares fit of the working response, each row weighted by its information;
    leverages, corrections and degrees of freedom are those of that fit.
    """
    if not isinstance(fit.response.family, Binomial | Poisson):
        raise UsageError(f"cluster does not go with family {fit.family}; use mixed(), or family binomial or poisson")
    group, root = fit.design.groups[0], np.sqrt(np.maximum(weight, NO_WEIGHT))
    X, beta = fit.design.X * root[:, None], fit.model.split(fit.optimum.parameters)[0]
    working = least_squares(X @ beta + score / root, X, names=fit.design.names, cluster=group.codes)
    sandwich = cluster_robust(working, group.codes, kind=kind)
    fit = replace(
        fit,
        optimum=replace(fit.optimum, covariance=sandwich.vcov),
        df=sandwich.df,
        errors=f"{sandwich.kind} by {group.name}",
    )
    few = small_sample_notes(fit.terms(), n_clusters=group.n_levels, cluster=group.name, used=sandwich.kind, asked=kind)
    return replace(fit, notes=(*fit.notes, *few))
