"""Effects in the outcome's units: averages over rows and over the random effects, with delta-method errors.

A coefficient of a logit or log model is not on the outcome's scale. Here every row is predicted as if a variable
had a given value, averaged over the distribution of the random effects (Gauss-Hermite), and the rows are averaged.

References
----------
Hedeker, du Toit, Demirtas & Gibbons (2018), Biometrics 74(1), 354-361, doi:10.1111/biom.12707.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from joyeval.models.design import recode
from joyeval.models.generalised.families import CumulativeLogit, NegativeBinomial, Poisson, threshold_slopes, thresholds

if TYPE_CHECKING:
    from joyeval.models.design import Design
    from joyeval.models.generalised.laplace import Likelihood

POINTS, SHARES = np.polynomial.hermite_e.hermegauss(31)
SHARES = SHARES / SHARES.sum()


@dataclass(frozen=True, eq=False)
class Average:
    """Averages `value` (k,) and their gradient (k, P) in the parameters of the likelihood."""

    value: np.ndarray
    gradient: np.ndarray

    def __sub__(self, other: Average) -> Average:
        return Average(self.value - other.value, self.gradient - other.gradient)

    def se(self, covariance: np.ndarray) -> np.ndarray:
        """Return the standard errors of the averages, shape (k,)."""
        return np.sqrt(np.einsum("ki,ij,kj->k", self.gradient, covariance, self.gradient))


def average(model: Likelihood, parameters: np.ndarray, weights: np.ndarray) -> Average:
    """Average the expected outcome over rows.

    Parameters
    ----------
    model : Likelihood
        Its `X` (and covariates of random slopes) hold the values to predict at; its offset is left out, so that
        a count is per unit of exposure.
    parameters : ndarray
        ``[beta, aux, theta]``.
    weights : ndarray, shape (n,)
        Weight of each row in the average; any scale.

    Returns
    -------
    Average
        A chance or a rate (k = 1); for an ordinal outcome P(y >= 1), P(y >= 2), ... with y counted from 0.
    """
    beta, aux, theta = model.split(parameters)
    eta, (sd, sd_slopes) = model.X @ beta, row_sd(model, theta)
    ordinal = isinstance(model.family, CumulativeLogit)
    cuts = thresholds(aux) if ordinal else np.zeros(1)
    on_aux = -threshold_slopes(aux) if ordinal else np.zeros((1, len(aux)))
    share, values, gradients = weights / weights.sum(), [], []
    for cut, cut_slopes in zip(cuts, on_aux, strict=True):
        value, on_eta, on_sd = (share * part for part in _population(model.family, eta - cut, sd))
        on_theta = [np.sum(on_sd * slope) for slope in sd_slopes]
        values.append(value.sum())
        gradients.append(np.concatenate((model.X.T @ on_eta, on_eta.sum() * cut_slopes, on_theta)))
    return Average(np.array(values), np.array(gradients))


def matrix_at(design: Design, name: str, value: Any) -> np.ndarray:
    """Return the columns of the right-hand side with one variable set to `value` (or one per row), shape (n, p)."""
    return recode(design.formula, design.coding(), design.frame.assign(**{name: value}))


def row_sd(model: Likelihood, theta: np.ndarray) -> tuple[np.ndarray | float, list]:
    """Return the standard deviation of each row's random part, and its slope in each entry of theta."""
    z = model.row_effects(theta)
    sd = np.sqrt(sum((w**2 for w in z), start=np.zeros(len(model.X))))
    safe = np.where(sd > 0, sd, 1.0)
    return sd, [z[entry.block] * entry.covariate / safe for entry in model.entries]


def _population(family, eta, sd):
    """Return the expected outcome over the random effects, and its slopes in eta and in sd."""
    if isinstance(family, Poisson | NegativeBinomial):
        value = np.exp(eta + sd**2 / 2)
        return value, value, sd * value
    value, on_eta, on_sd = (np.zeros(len(eta)) for _ in range(3))
    for point, share in zip(POINTS, SHARES, strict=True):
        p = expit(eta + sd * point)
        value += share * p
        on_eta += share * p * (1 - p)
        on_sd += share * p * (1 - p) * point
    return value, on_eta, on_sd
