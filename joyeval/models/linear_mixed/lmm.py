"""Fit Gaussian mixed models to arrays: by (restricted) maximum likelihood, nested and crossed terms, any number.

`fit` takes rows; `gram` and `refit` fit many outcomes on the same rows at little cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.linear_mixed.gram import EQUAL, Gram, Rows, gram, with_outcome
from joyeval.models.linear_mixed.inference import Inference
from joyeval.models.linear_mixed.likelihood import Curvature, Profile, curvature, factors, singular, units
from joyeval.models.linear_mixed.optimise import optimise, polish
from joyeval.models.linear_mixed.terms import Term
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted Gaussian mixed model, in the order and units of the data given.

    Parameters
    ----------
    beta, vcov : ndarray, shapes (p,), (p, p)
        Fixed coefficients and their covariance, variance components taken as known.
    sigma2 : float
        Residual variance of a row of weight 1.
    covariances : dict
        Per term, the (q, q) covariance of its coefficients.
    deviance : float
        -2 log-likelihood, restricted if `reml`.
    theta : ndarray
        Free entries of the relative Cholesky factors (in the engine's coordinates).
    hessian : ndarray, shape (K, K)
        Second derivative of the deviance in theta.
    slopes : ndarray, shape (K, p, p)
        Derivative of `vcov` in theta, the residual variance following.
    log_sigma_slopes : ndarray, shape (K,)
        Derivative of the logarithm of the residual standard deviation in theta.
    steepest : float
        Largest remaining slope of the deviance; above 0.01 the fit has not converged.
    """

    beta: np.ndarray
    vcov: np.ndarray
    sigma2: float
    covariances: dict[str, np.ndarray]
    deviance: float
    theta: np.ndarray
    hessian: np.ndarray = field(repr=False)
    slopes: np.ndarray = field(repr=False)
    log_sigma_slopes: np.ndarray = field(repr=False)
    steepest: float
    n: int
    reml: bool
    gram: Gram = field(repr=False)
    profile: Profile = field(repr=False)

    @property
    def loglik(self) -> float:
        """Log-likelihood, restricted if fitted by REML."""
        return -self.deviance / 2

    @property
    def singular(self) -> bool:
        """Whether some random term has no variance, or is determined by others."""
        return singular(self.gram, self.theta)

    def random_effects(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return per term the predicted effects (levels, q) and their conditional covariance (levels, q, q)."""
        g, at = self.gram, self.profile
        mean = np.append(-at.coefficients, 1.0)
        effects = {}
        for term, L, back, A, R in zip(
            g.terms, factors(g.terms, self.theta), g.back, at.solved.by_level(), at.solved.R, strict=True
        ):
            S, out = L @ L.T, g.scale * back
            effects[term.name] = (R @ mean @ S @ out.T, out @ (S - S @ A @ S) @ out.T * at.sigma2)
        return effects


@one_thread
def fit(
    y: np.ndarray,
    X: np.ndarray,
    terms: Sequence[Term | np.ndarray],
    *,
    weights: np.ndarray | None = None,
    reml: bool = True,
) -> Fit:
    """Fit a Gaussian mixed model to arrays.

    Parameters
    ----------
    y : ndarray, shape (n,)
    X : ndarray, shape (n, p)
        Fixed columns, of full rank, the intercept among them if wanted.
    terms : sequence of Term or ndarray of int (n,)
        Random terms; codes 0, 1, ... alone stand for a random intercept.
    weights : ndarray, shape (n,), optional
        The residual variance of a row is sigma^2 / weight.
    reml : bool
        Restricted (the default) or full maximum likelihood.

    Examples
    --------
    >>> fitted = fit(np.array([1.0, 1.2, 3.1, 3.0, 2.0, 2.3]), np.ones((6, 1)), [np.array([0, 0, 1, 1, 2, 2])])
    >>> fitted.beta.round(3)
    array([2.1])
    """
    return refit(gram(X, as_terms(terms), rows=EQUAL if weights is None else Rows(np.sqrt(weights))), y, reml=reml)


def as_terms(terms: Sequence[Term | np.ndarray]) -> list[Term]:
    """Random intercepts from codes."""
    return [
        t if isinstance(t, Term) else Term(name=f"factor {i}", codes=np.asarray(t), n_levels=int(np.max(t)) + 1)
        for i, t in enumerate(terms, start=1)
    ]


@one_thread
def refit(layout: Gram, y: np.ndarray, *, reml: bool = True, start: np.ndarray | None = None) -> Fit:
    """Fit one outcome to sums already made by `gram`; for many outcomes on the same rows."""
    return estimate(with_outcome(layout, y), reml=reml, start=start)


@one_thread
def estimate(g: Gram, *, reml: bool = True, start: np.ndarray | None = None) -> Fit:
    """Fit the outcome whose sums `g` holds."""
    g, theta, at = optimise(g, reml=reml, start=start)
    curved = curvature(g, theta, reml=reml)
    theta, at = polish(g, theta, at, curved.hessian, reml=reml)
    return _as_fit(g, theta, at, curved, reml=reml)


@one_thread
def satterthwaite(fit: Fit) -> Inference:
    """Return what Satterthwaite's degrees of freedom need: theta, and the residual variance around its profile."""
    K, p = len(fit.hessian), fit.gram.p
    spread = np.zeros((K + 1, K + 1))
    spread[:K, :K] = 2 * np.linalg.pinv(fit.hessian, hermitian=True)
    spread[K, K] = 1 / (2 * (fit.n - p if fit.reml else fit.n))
    slopes = np.concatenate([fit.slopes, 2 * fit.vcov[None]])
    return Inference("Satterthwaite", vcov=fit.vcov, model_vcov=fit.vcov, slopes=slopes, spread=spread)


def _as_fit(g: Gram, theta: np.ndarray, at: Profile, curved: Curvature, *, reml: bool) -> Fit:
    """Back to the units and columns of the data."""
    unroot = np.linalg.inv(g.R)
    unit = g.scale**2
    return Fit(
        beta=unroot @ (g.projection + g.scale * at.coefficients),
        vcov=unroot @ at.vcov @ unroot.T * unit,
        sigma2=at.sigma2 * unit,
        covariances={
            term.name: back @ L @ L.T @ back.T * at.sigma2 * unit
            for term, L, back in zip(g.terms, factors(g.terms, theta), g.back, strict=True)
        },
        deviance=at.deviance + units(g, reml=reml),
        theta=theta,
        hessian=curved.hessian,
        slopes=unroot @ curved.vcov @ unroot.T * unit,
        log_sigma_slopes=curved.log_sigma,
        steepest=float(np.abs(at.gradient).max(initial=0)),
        n=g.n,
        reml=reml,
        gram=g,
        profile=at,
    )
