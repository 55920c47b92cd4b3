"""Generalised mixed models: proportions and counts of groups, by Laplace or adaptive quadrature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.design import build_design, expand_groups
from joyeval.models.generalised.averages import row_sd
from joyeval.models.generalised.families import BetaBinomial, Binomial
from joyeval.models.generalised.fitting import Fitted, between_within, maximise, variance_table
from joyeval.models.generalised.laplace import Likelihood
from joyeval.models.generalised.responses import LINKS, read_response
from joyeval.models.linear_mixed import Mixed, lower_factor, random_terms, ranef_table, slopes_by_group, variance_notes
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from joyeval.models.design import Design
    from joyeval.models.generalised.maximise import Optimum
    from joyeval.models.generalised.responses import Response
    from joyeval.models.linear_mixed import Term

OVERDISPERSED = 1.3  # Pearson chi-square per degree of freedom
LOGISTIC_VARIANCE = np.pi**2 / 3
WIDER = {"binomial": "betabinomial", "poisson": "negbin"}


@one_thread
def fit_glmm(formula: str, data: pd.DataFrame, *, level: float = 0.95, **call: Any) -> Mixed:
    """Fit the other families of `joyeval.models.mixed_models`; see there for the arguments.

    Standard errors come from the observed information of all parameters, variances included. Intervals use t with
    between-within degrees of freedom (see `between_within`), which for few teams is wider and nearer to its nominal
    coverage than the usual normal.

    References
    ----------
    Li & Redden (2015), BMC Med. Res. Methodol. 15, 38, doi:10.1186/s12874-015-0026-x (degrees of freedom).
    Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14, doi:10.1098/rsif.2017.0213 (variance explained).
    """
    return _result(fit_random(formula, data, **call), level)


@one_thread
def fit_random(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    family: str,
    slopes: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    correlated: bool = True,
    weights: str | None = None,
    exposure: str | None = None,
    nodes: int | None = None,
) -> Fitted:
    """Do the work of `fit_glmm`, short of its result."""
    varying = slopes_by_group(slopes, expand_groups(groups))
    also = [column for columns in varying.values() for column in columns]
    design = build_design(formula, data, groups=groups, weights=weights, exposure=exposure, also=also)
    terms, response = random_terms(design, varying, correlated=correlated), read_response(design, family)
    _refuse(design, terms, response)
    likelihood = Likelihood(response.family, design.X, response.offset, terms)
    model, optimum, notes = maximise(
        likelihood, response.start(design.X), names=design.names, formula=formula, nodes=nodes
    )
    return Fitted(
        design=design,
        family=family,
        response=response,
        model=model,
        optimum=optimum,
        df=between_within(design.X, design.names, terms, design.n),
        errors="between-within",
        notes=(*design.notes, *response.notes, *notes, *_dispersion_notes(model, optimum, family)),
        varying=varying,
    )


def _refuse(design: Design, terms: Sequence[Term], response: Response) -> None:
    """Refuse groups whose variance has no finite estimate."""
    if not isinstance(response.family, Binomial | BetaBinomial):
        return
    y, trials = response.family.y, response.family.trials
    for term in terms:
        events, rows = (np.bincount(term.codes, column, minlength=term.n_levels) for column in (y, trials))
        if ((events == 0) | (events == rows)).all():
            raise ModelError(
                f"{design.formula}: {design.outcome} is all or nothing in each of the {term.n_levels} levels of "
                f"{term.name}, whose variance is then without limit; take a coarser factor"
            )


def _result(fit: Fitted, level: float) -> Mixed:
    design, model, optimum = fit.design, fit.model, fit.optimum
    _, aux, theta = model.split(optimum.parameters)
    P, variances = len(optimum.parameters), variance_table(model, optimum, level=level)
    correlation = variances["with"] != ""
    return Mixed(
        n=design.n,
        n_dropped=design.n_dropped,
        notes=(*fit.notes, *variance_notes(variances)),
        formula=design.formula,
        outcome=design.outcome,
        family=fit.family,
        link=LINKS[fit.family],
        method="Laplace" if model.nodes == 1 else f"quadrature ({model.nodes} points)",
        terms=fit.terms(level),
        vcov=fit.vcov,
        df_method=fit.errors,
        variances=variances,
        ranef=ranef_table(design, model.terms, _effects(model, optimum)),
        groups={term.name: term.n_levels for term in model.terms},
        loglik=optimum.loglik,
        aic=2 * P - 2 * optimum.loglik,
        bic=np.log(design.n) * P - 2 * optimum.loglik,
        theta=_theta(model, theta),
        dispersion=float(np.exp(aux[0])) if len(aux) else None,
        singular=bool(np.where(correlation, variances["estimate"].abs() > 1 - 1e-6, variances["estimate"] == 0).any()),
        coding=design.coding(),
        level=level,
        **_explained(fit),
    )


def _theta(model: Likelihood, theta: np.ndarray) -> tuple[float, ...]:
    """Cholesky factors in the units of the data."""
    pairs = zip(model.terms, model.roots(theta), strict=True)
    return tuple(float(value) for term, root in pairs for value in lower_factor(root @ root.T)[term.entries])


def _effects(model: Likelihood, optimum: Optimum) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Conditional modes (levels, q) and covariances (levels, q, q) of each term."""
    mode, roots = model.mode_at(optimum.parameters), model.roots(model.split(optimum.parameters)[2])
    effects, block = {}, 0
    for term, root in zip(model.terms, roots, strict=True):
        own = range(block, block + term.q)
        spread = np.array([[mode.factor.at_levels(k, j) for j in own] for k in own])
        modes = np.array([mode.u[k] for k in own]).T @ root.T
        effects[term.name] = modes, np.einsum("ij,jkg,lk->gil", root, spread, root)
        block += term.q
    return effects


def _dispersion_notes(model: Likelihood, optimum: Optimum, family: str) -> tuple[str, ...]:
    """Say whether rows vary more than the family allows, or no more than a simpler one does."""
    if family in WIDER.values():
        simpler = next(name for name, wider in WIDER.items() if wider == family)
        at_ceiling = not optimum.free[model.n_fixed]
        return (f"rows vary no more than family {simpler} allows, which gives the same results",) if at_ceiling else ()
    if isinstance(model.family, Binomial) and model.family.trials.max() == 1:
        return ()
    first, second, _ = model.mode_at(optimum.parameters).derivatives
    squares = np.divide(first**2, -second, out=np.zeros_like(first), where=second < 0)
    ratio = float(squares.sum() / max(len(first) - len(optimum.parameters), 1))
    if ratio < OVERDISPERSED:
        return ()
    wide = f"rows vary {ratio:.1f} times as much as family {family} allows, so that its standard errors are too small"
    return (f"{wide}: use family {WIDER[family]}",)


def _explained(fit: Fitted) -> dict[str, float]:
    """Shares of variance on the logit scale, averaged over rows (binomial only)."""
    if fit.family != "binomial":
        return {}
    beta, _, theta = fit.model.split(fit.optimum.parameters)
    fixed = float(np.var(fit.design.X @ beta, ddof=1))
    random = float(np.mean(row_sd(fit.model, theta)[0] ** 2))
    total = fixed + random + LOGISTIC_VARIANCE
    icc = random / (random + LOGISTIC_VARIANCE)
    return {"icc": icc, "r2_marginal": fixed / total, "r2_conditional": (fixed + random) / total}
