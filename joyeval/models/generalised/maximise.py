"""Maximum likelihood for the random-effects likelihoods: start, climb, curvature, boundary.

A fixed-effects fit by Newton's method gives the start and the scale of every coefficient, so that the climb with
random effects takes about ten evaluations. The observed information is the derivative of the exact gradient; one
Newton step with it puts the estimate at the optimum to about eight digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from joyeval.models.generalised.laplace import Likelihood

NEWTON_STEPS = 40
SETTLED = 1e-10  # squared length of the last Newton step, in standard errors
BOUNDARY_SD = 1e-4  # a standard deviation (of a covariate of mean square 1) below this is 0
SMALL_SD = 0.02
BESIDE = 1e-3  # so near to 0 that a maximum which counts lies beyond
NO_LOSS = 1e-6  # of log-likelihood
CURVATURE_STEP = 1e-2  # in standard errors
POLISHING_STEPS = 2
AT_REST = 0.01  # in standard errors
RESCALINGS = 6
FAR_OFF = 10.0  # a unit this many standard errors long (or short) is taken anew
FLAT_TOP = "the likelihood is flat at its maximum, so that the data do not tell its parameters apart"
FLAT = 1e-8  # an eigenvalue of the scaled information below this carries nothing


@dataclass(frozen=True, eq=False)
class Optimum:
    """Estimates and their covariance; rows and columns of parameters at a boundary are 0 (`free` is False there)."""

    parameters: np.ndarray
    covariance: np.ndarray
    free: np.ndarray
    loglik: float

    def moved(self, back: np.ndarray) -> Optimum:
        """Return the same optimum in other coordinates: the first parameters multiplied by `back` (k, k)."""
        turn = np.eye(len(self.parameters))
        turn[: len(back), : len(back)] = back
        return replace(self, parameters=turn @ self.parameters, covariance=turn @ self.covariance @ turn.T)


class NotConvergedError(ModelError):
    """The likelihood has no maximum that could be found."""


@one_thread
def fit_fixed(model: Likelihood, start: np.ndarray) -> Optimum:
    """Maximise without the random effects, from `start` = ``[beta, aux]``.

    Raises
    ------
    NotConvergedError
        Newton's method does not settle, as under separation.
    """
    model = replace(model, terms=(), nodes=1, backs=None)
    parameters, (value, gradient) = start, model(start)
    for _ in range(NEWTON_STEPS):
        free = _below_ceiling(model, parameters)
        inverse = np.zeros((len(start),) * 2)
        inverse[np.ix_(free, free)] = _positive_inverse(_fixed_information(model, parameters)[np.ix_(free, free)])
        step = inverse @ gradient
        if gradient @ step < SETTLED:
            return Optimum(parameters, inverse, free, value)
        parameters, value, gradient = _climb(model, parameters, step, value)
    raise NotConvergedError("the coefficients grow without end")


def _below_ceiling(model: Likelihood, parameters: np.ndarray) -> np.ndarray:
    """Tell which parameters are not at the ceiling of the family."""
    free = np.ones(len(parameters), dtype=bool)
    free[model.n_fixed : model.n_fixed + model.n_aux] = model.split(parameters)[1] < model.family.ceiling
    return free


def _positive_inverse(information: np.ndarray) -> np.ndarray:
    """Inverse that points uphill where the likelihood is not concave (far from the maximum)."""
    values, vectors = np.linalg.eigh(information)
    return (vectors / np.maximum(np.abs(values), 1e-10 * np.abs(values).max())) @ vectors.T


def _climb(
    model: Likelihood, parameters: np.ndarray, step: np.ndarray, value: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """Take the step, halved until the likelihood does not fall."""
    for halvings in range(40):
        trial = parameters + step / 2**halvings
        reached, gradient = model(trial)
        if reached >= value - 1e-12 * abs(value):
            return trial, reached, gradient
    raise NotConvergedError("the likelihood cannot be climbed from its start")


def _fixed_information(model: Likelihood, parameters: np.ndarray) -> np.ndarray:
    """Observed information in ``[beta, aux]`` without random effects."""
    beta, aux, _ = model.split(parameters)
    eta, family = model.X @ beta + model.offset, model.family
    information = np.empty((len(parameters),) * 2)
    p = model.n_fixed
    information[:p, :p] = -(model.X.T * family.derivatives(eta, aux)[1]) @ model.X
    for j in range(p if len(aux) else 0):
        information[j, p:] = information[p:, j] = -family.aux_gradient(eta, aux, (0.0, model.X[:, j], 0.0))
    for a, h in enumerate(np.eye(len(aux)) * 1e-5):
        ahead, behind = (family.aux_gradient(eta, aux + way * h, (1.0, 0.0, 0.0)) for way in (1, -1))
        information[p + a, p:] = (behind - ahead) / 2e-5
    return (information + information.T) / 2


@one_thread
def fit(model: Likelihood, fixed: Optimum) -> Optimum:
    """Maximise with random effects, from the model without (`fit_fixed`).

    Raises
    ------
    NotConvergedError
        No maximum was found.
    """
    if not model.entries:
        return fixed
    theta = np.array([0.5 * entry.on_diagonal for entry in model.entries])
    spread = [0.35 / np.sqrt(model.terms[entry.term].n_levels) for entry in model.entries]
    shape = _shape(fixed.covariance, spread, np.concatenate((fixed.free, np.ones(len(theta), dtype=bool))))
    parameters = _ascend(model, np.concatenate((fixed.parameters, theta)), shape)
    parameters = _onto_boundary(model, _leave_boundary(model, parameters, shape))
    free = _free(model, parameters)
    units = np.concatenate((np.sqrt(np.diag(fixed.covariance)), spread))
    return _finish(model, parameters, np.diag(units)[:, free], free)


def _shape(covariance: np.ndarray, spread: list[float], free: np.ndarray) -> np.ndarray:
    """Coordinates in which one unit is about one standard error, shape (P, P); 0 for what is not free."""
    inner = np.flatnonzero(free[: len(covariance)])
    shape = np.diag(np.concatenate((np.zeros(len(covariance)), spread)) * free)
    values, vectors = np.linalg.eigh(covariance[np.ix_(inner, inner)])
    shape[np.ix_(inner, inner)] = vectors * np.sqrt(np.maximum(values, 0))
    return shape


def _ascend(model: Likelihood, origin: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Climb by L-BFGS-B in coordinates ``origin + shape @ x``, in which one unit is about one standard error."""
    from scipy.optimize import minimize

    lowest = -np.inf

    def descent(x):
        nonlocal lowest
        try:
            value, gradient = model(origin + shape @ x)
        except np.linalg.LinAlgError:
            return -lowest + 1e4, np.zeros_like(x)
        lowest = value if np.isinf(lowest) else min(lowest, value)
        return -value, -shape.T @ gradient

    sides = zip(_diagonal(model, len(origin)), np.diag(shape), origin, strict=True)
    bounds = [(-at / unit if diagonal else None, None) for diagonal, unit, at in sides]
    options = {"maxiter": 300, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-4}
    found = minimize(descent, np.zeros(len(origin)), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return origin + shape @ found.x


def _leave_boundary(model: Likelihood, parameters: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Climb again from inside where a variance of 0 is stationary but not the maximum (the likelihood is even)."""
    at = np.flatnonzero(_diagonal(model, len(parameters)) & (parameters < BESIDE))
    beside, inside = parameters.copy(), parameters.copy()
    beside[at], inside[at] = BESIDE, SMALL_SD
    return _ascend(model, inside, shape) if (model(beside)[1][at] > 0).any() else parameters


def _onto_boundary(model: Likelihood, parameters: np.ndarray) -> np.ndarray:
    """Put a small standard deviation at 0 where that costs no likelihood: there the curvature could not be told."""
    for place in np.flatnonzero(_diagonal(model, len(parameters)) & (parameters < SMALL_SD)):
        at_zero = np.where(np.arange(len(parameters)) == place, 0.0, parameters)
        if parameters[place] < BOUNDARY_SD or model(at_zero)[0] > model(parameters)[0] - NO_LOSS:
            parameters = at_zero
    return parameters


def _free(model: Likelihood, parameters: np.ndarray) -> np.ndarray:
    """Tell which parameters are not at a boundary."""
    return _below_ceiling(model, parameters) & ~(_diagonal(model, len(parameters)) & (parameters < BOUNDARY_SD))


def _diagonal(model: Likelihood, size: int) -> np.ndarray:
    """Tell which parameters may not be negative."""
    diagonal = [entry.on_diagonal for entry in model.entries]
    return np.concatenate((np.zeros(size - len(diagonal), dtype=bool), diagonal))


def _finish(model: Likelihood, parameters: np.ndarray, shape: np.ndarray, free: np.ndarray) -> Optimum:
    """Take the observed information, and Newton steps with it until the estimates rest."""
    value, gradient = model(parameters)
    shape, information = _curvature(model, parameters, shape)
    values, vectors = np.linalg.eigh(information)
    if values.min() < FLAT * values.max():
        raise NotConvergedError(FLAT_TOP)
    inverse = (vectors / values) @ vectors.T
    for _ in range(POLISHING_STEPS):
        step = inverse @ (shape.T @ gradient)
        reached, slope = model(parameters + shape @ step)
        if not reached >= value:
            break
        parameters, value, gradient = parameters + shape @ step, reached, slope
    if (np.abs(step) > AT_REST * np.sqrt(np.diag(inverse))).any():
        raise NotConvergedError("the estimates did not come to rest")
    still = free & _free(model, parameters)
    if (still != free).any():  # a variance that the climb left just above 0
        parameters = np.where(_diagonal(model, len(free)) & ~still, 0.0, parameters)
        return _finish(model, parameters, shape[:, still[free]], still)
    return Optimum(parameters, shape @ inverse @ shape.T, free, value)


def _curvature(model: Likelihood, parameters: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the observed information, and the coordinates that it is in: in them its diagonal is near 1.

    Without random effects standard errors may have been a thousand times smaller, so that steps are taken anew.
    """
    for _ in range(RESCALINGS):
        slopes = np.array([_slope(model, parameters, CURVATURE_STEP * direction) for direction in shape.T])
        information = slopes @ shape
        unit = np.sqrt(np.maximum(np.diag(information), 1e-4))
        if max(unit.max(), 1 / unit.min()) < FAR_OFF:
            break
        shape = shape / unit
    return shape, (information + information.T) / 2


def _slope(model: Likelihood, parameters: np.ndarray, step: np.ndarray) -> np.ndarray:
    return (model(parameters - step)[1] - model(parameters + step)[1]) / (2 * CURVATURE_STEP)
