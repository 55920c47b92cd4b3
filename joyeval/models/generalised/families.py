"""Row likelihoods of the generalised and ordinal models, with their derivatives.

Each family is the log-likelihood of one row as a function of its linear predictor `eta` and of a few further
parameters `aux` (dispersion on the log scale, thresholds). The Laplace engine needs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import digamma, expit, gammaln, polygamma, xlog1py

Array = np.ndarray
Derivatives = tuple[np.ndarray, np.ndarray, np.ndarray]
CEILING = 12.0  # of log size and log phi: beyond, the family is the Poisson or binomial for all counts
RowWeights = tuple[np.ndarray | float, np.ndarray | float, np.ndarray | float]


class Family(Protocol):
    """What the engine asks of a family; a further parameter at `ceiling` is as good as infinite."""

    aux_names: tuple[str, ...]
    ceiling: float

    def loglik(self, eta: Array, aux: Array) -> Array:
        """Log-likelihood per row, constants included."""

    def derivatives(self, eta: Array, aux: Array) -> Derivatives:
        """First, second and third derivative per row in `eta`."""

    def aux_gradient(self, eta: Array, aux: Array, weights: RowWeights) -> Array:
        """Sum over rows of ``w0 dl/da + w1 d2l/(d eta da) + w2 d3l/(d eta2 da)`` for each further parameter a."""


class _OneParameter:
    """A family with no further parameters."""

    aux_names: tuple[str, ...] = ()
    ceiling: float = np.inf

    def aux_gradient(self, eta: Array, aux: Array, weights: RowWeights) -> Array:
        """Nothing to differentiate."""
        return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Binomial(_OneParameter):
    """`y` of `trials`, logit link."""

    y: np.ndarray
    trials: np.ndarray

    def loglik(self, eta: Array, aux: Array) -> Array:
        """``y eta - trials log(1 + exp(eta))`` and the number of orders."""
        softplus = np.maximum(eta, 0) + np.log1p(np.exp(-np.abs(eta)))
        return self.y * eta - self.trials * softplus + self._constant()

    def derivatives(self, eta: Array, aux: Array) -> Derivatives:
        """Residual, minus the variance, and its slope."""
        p = expit(eta)
        information = self.trials * p * (1 - p)
        return self.y - self.trials * p, -information, -information * (1 - 2 * p)

    def _constant(self):
        return 0.0 if self.trials.max() == 1 else log_choose(self.trials, self.y)


@dataclass(frozen=True, eq=False)
class Poisson(_OneParameter):
    """Counts `y`, log link; exposure enters as an offset of `eta`."""

    y: np.ndarray

    def loglik(self, eta: Array, aux: Array) -> Array:
        """``y eta - exp(eta) - log y!``."""
        return self.y * eta - np.exp(eta) - gammaln(self.y + 1)

    def derivatives(self, eta: Array, aux: Array) -> Derivatives:
        """Residual, minus the variance, and its slope."""
        mean = np.exp(eta)
        return self.y - mean, -mean, -mean


@dataclass(frozen=True, eq=False)
class NegativeBinomial:
    """Counts `y` with variance ``mu + mu**2 / size`` (NB2), log link; aux is log(size)."""

    y: np.ndarray
    aux_names: tuple[str, ...] = ("log size",)
    ceiling: float = CEILING

    def loglik(self, eta: Array, aux: Array) -> Array:
        """Gamma-Poisson mixture, written so that a large size is the Poisson."""
        size, y = np.exp(min(aux[0], CEILING)), self.y
        whole = gammaln(y + size) - gammaln(size) - gammaln(y + 1)
        return whole + y * (eta - np.log(size)) - xlog1py(y + size, np.exp(eta) / size)

    def derivatives(self, eta: Array, aux: Array) -> Derivatives:
        """In terms of mu / (mu + size), the share of the variance that is beyond Poisson."""
        share, y = self._share(eta, aux), self.y
        slope = (y + np.exp(min(aux[0], CEILING))) * share
        return y - slope, -slope * (1 - share), -slope * (1 - share) * (1 - 2 * share)

    def aux_gradient(self, eta: Array, aux: Array, weights: RowWeights) -> Array:
        """In log(size)."""
        if aux[0] >= CEILING:
            return np.zeros(1)
        size, share, y = np.exp(aux[0]), self._share(eta, aux), self.y
        excess = (y + size) / (np.exp(eta) + size)
        first = digamma(y + size) - digamma(size) - np.log1p(np.exp(eta) / size) + 1 - excess
        second = share * (excess - 1)
        third = share * (excess * (1 - 2 * share) - (1 - share))
        return size * _weighted(weights, first, second, third)

    def _share(self, eta, aux):
        return expit(eta - min(aux[0], CEILING))


@dataclass(frozen=True, eq=False)
class BetaBinomial:
    """`y` of `trials` whose chance varies as Beta(p * phi, (1 - p) * phi), logit link; aux is log(phi)."""

    y: np.ndarray
    trials: np.ndarray
    aux_names: tuple[str, ...] = ("log phi",)
    ceiling: float = CEILING

    def loglik(self, eta: Array, aux: Array) -> Array:
        """Beta functions of the two shapes, by log-gamma."""
        phi, p, q = np.exp(min(aux[0], CEILING)), expit(eta), expit(-eta)
        yes, no = self.y, self.trials - self.y
        gained = gammaln(yes + p * phi) - gammaln(p * phi) + gammaln(no + q * phi) - gammaln(q * phi)
        return gained + gammaln(phi) - gammaln(self.trials + phi) + log_choose(self.trials, yes)

    def derivatives(self, eta: Array, aux: Array) -> Derivatives:
        """By the chain rule through the chance p."""
        phi, p, v = np.exp(min(aux[0], CEILING)), expit(eta), expit(eta) * expit(-eta)
        (yes1, no1), (yes2, no2), (yes3, no3) = (self._gain(order, p, phi) for order in range(3))
        in_p = phi * (yes1 - no1), phi**2 * (yes2 + no2), phi**3 * (yes3 - no3)
        third = in_p[2] * v**3 + 3 * in_p[1] * v**2 * (1 - 2 * p) + in_p[0] * v * (1 - 6 * v)
        return in_p[0] * v, in_p[1] * v**2 + in_p[0] * v * (1 - 2 * p), third

    def aux_gradient(self, eta: Array, aux: Array, weights: RowWeights) -> Array:
        """In log(phi)."""
        if aux[0] >= CEILING:
            return np.zeros(1)
        phi, p, v = np.exp(aux[0]), expit(eta), expit(eta) * expit(-eta)
        (yes1, no1), (yes2, no2), (yes3, no3) = (self._gain(order, p, phi) for order in range(3))
        first = p * yes1 + (1 - p) * no1 + digamma(phi) - digamma(self.trials + phi)
        in_p = yes1 - no1 + phi * (p * yes2 - (1 - p) * no2)
        in_pp = 2 * phi * (yes2 + no2) + phi**2 * (p * yes3 + (1 - p) * no3)
        return phi * _weighted(weights, first, in_p * v, in_pp * v**2 + in_p * v * (1 - 2 * p))

    def _gain(self, order, p, phi):
        """Differences of polygamma functions, for the events and for the non-events."""
        pairs = ((self.y, p * phi), (self.trials - self.y, (1 - p) * phi))
        return tuple(polygamma(order, count + shape) - polygamma(order, shape) for count, shape in pairs)


@dataclass(frozen=True, eq=False)
class CumulativeLogit:
    """Ordered categories `y` = 0 .. n_levels - 1 with P(y <= k) = expit(threshold_k - eta).

    aux is the first threshold and the logarithms of the steps between thresholds, so that any aux is in order.
    With a and b the threshold above and below y, the likelihood is F(a) (1 - F(b)) (1 - exp(b - a)), whose parts
    are each a function of one threshold: no difference of two nearly equal chances is ever taken.
    """

    y: np.ndarray
    n_levels: int
    weights: np.ndarray
    ceiling: float = np.inf

    @property
    def aux_names(self) -> tuple[str, ...]:
        """One name per threshold."""
        return tuple(f"threshold {k + 1}" for k in range(self.n_levels - 1))

    def loglik(self, eta: Array, aux: Array) -> Array:
        """Sum of the three parts named above."""
        above, below = self._edges(eta, aux)
        steps = np.concatenate(([np.inf], np.exp(aux[1:]), [np.inf]))
        return self.weights * (np.log(-np.expm1(-steps))[self.y] + np.log(expit(above) * expit(-below)))

    def derivatives(self, eta: Array, aux: Array) -> Derivatives:
        """Each threshold adds its own part."""
        F, G = (expit(edge) for edge in self._edges(eta, aux))
        v, w = F * (1 - F), G * (1 - G)
        return (
            self.weights * (F + G - 1),
            -self.weights * (v + w),
            self.weights * (v * (1 - 2 * F) + w * (1 - 2 * G)),
        )

    def aux_gradient(self, eta: Array, aux: Array, weights: RowWeights) -> Array:
        """By category, then through the steps."""
        above, below = self._edges(eta, aux)
        F, G = expit(above), expit(below)
        v, w = F * (1 - F), G * (1 - G)
        near = 1 / np.expm1(above - below)
        upper = self.weights * _rows(weights, 1 - F + near, v, -v * (1 - 2 * F))
        lower = self.weights * _rows(weights, -G - near, w, -w * (1 - 2 * G))
        return self._at_thresholds(upper, lower) @ threshold_slopes(aux)

    def _edges(self, eta, aux):
        edges = np.concatenate(([-np.inf], thresholds(aux), [np.inf]))
        return edges[self.y + 1] - eta, edges[self.y] - eta

    def _at_thresholds(self, upper, lower):
        above = np.bincount(self.y, upper, minlength=self.n_levels)[:-1]
        return above + np.bincount(self.y, lower, minlength=self.n_levels)[1:]


def thresholds(aux: np.ndarray) -> np.ndarray:
    """Thresholds from the first one and the logarithms of the steps."""
    return np.cumsum(np.concatenate((aux[:1], np.exp(aux[1:]))))


def threshold_slopes(aux: np.ndarray) -> np.ndarray:
    """Slope of each threshold (row) in each further parameter (column)."""
    return np.tril(np.broadcast_to(np.concatenate(([1.0], np.exp(aux[1:]))), (len(aux), len(aux))))


def log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Logarithm of the number of ways to choose k of n."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def _rows(weights, *derivatives):
    return sum(w * d for w, d in zip(weights, derivatives, strict=True))


def _weighted(weights, *derivatives):
    return np.atleast_1d(np.sum(_rows(weights, *derivatives)))
