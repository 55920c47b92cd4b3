"""Fisher scoring: from a start to the minimum of a discrepancy that knows its gradient and expected information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from joyeval.errors import ModelError

if TYPE_CHECKING:
    from joyeval.models.structural.layout import Layout

STEPS = 500
FLAT = 1e-13  # expected further gain of the log likelihood at which the search ends
NAMED = 6  # parameters that a message names
SINGULAR = 1e-9  # smallest eigenvalue of the scaled information, below which some direction is not identified


class Discrepancy(Protocol):
    """What is minimised: half its value has this gradient, and this expected information."""

    def value(self, theta: np.ndarray) -> float: ...  # noqa: D102
    def derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the search ended.

    Parameters
    ----------
    theta : ndarray, shape (k,)
    value : float
    converged : bool
    steps : int
    information : ndarray, shape (k, k)
        Expected, at `theta`.
    """

    theta: np.ndarray
    value: float
    converged: bool
    steps: int
    information: np.ndarray


def minimise(discrepancy: Discrepancy, start: np.ndarray) -> Minimum:
    """Scoring steps, damped (Levenberg-Marquardt) where a full step does not go down."""
    theta, value, damping = start, discrepancy.value(start), 0.0
    gradient, information = discrepancy.derivatives(theta)
    for step in range(1, STEPS + 1):
        move = _move(gradient, information, damping)
        gain = -gradient @ move
        trial = discrepancy.value(theta + move)
        if gain < FLAT:
            best = theta + move if trial <= value else theta
            return Minimum(best, min(value, trial), True, step, discrepancy.derivatives(best)[1])
        if trial <= value:
            theta, value, damping = theta + move, trial, damping / 10 if damping > 1e-6 else 0.0
            gradient, information = discrepancy.derivatives(theta)
        elif damping > 1e8:
            break
        else:
            damping = max(damping * 10, 1e-4)
    return Minimum(theta, value, bool(gain < 1e-8), step, information)


def checked(found: Minimum, layout: Layout, *, what: str, n: int) -> Minimum:
    """Return a minimum that may be used.

    Raises
    ------
    ModelError
        The search did not end, or the data do not identify the model: names the parameters and the way out.
    """
    if len(lost := unidentified(found.information)):
        every = dict.fromkeys(next(c.label or c.term.name for c in layout.cells if c.free == i) for i in lost)
        names = [*list(every)[:NAMED], *([f"{len(every) - NAMED} more"] if len(every) > NAMED else [])]
        raise ModelError(
            f"{what}: not identified from {n} rows; the data do not tell apart {', '.join(names)}. Fix or drop one of "
            f"them"
        )
    if not found.converged or not np.isfinite(found.value):
        raise ModelError(
            f"{what}: the estimation did not converge on {n} rows after {found.steps} steps. Look for items that "
            f"hardly "
            "correlate or are not reversed, use fewer factors, merge rare options, or collect more rows"
        )
    return found


def _move(gradient: np.ndarray, information: np.ndarray, damping: float) -> np.ndarray:
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-12))
    scaled = information * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    weight = np.where(values > SINGULAR, 1 / (np.maximum(values, SINGULAR) + damping), 0.0)
    return -scale * (vectors @ (weight * (vectors.T @ (scale * gradient))))


def unidentified(information: np.ndarray) -> np.ndarray:
    """Parameters that the data do not tell apart: those of the flat directions of the information, as positions."""
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    flat = vectors[:, values < SINGULAR]
    return np.flatnonzero((np.abs(flat) > 0.1).any(axis=1))
