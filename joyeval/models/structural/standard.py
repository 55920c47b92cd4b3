"""Standardised solution, and standard errors of any function of the parameters (delta method)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.structural.layout import A, M, S, T

if TYPE_CHECKING:
    from collections.abc import Callable

    from joyeval.models.structural.fit import Fitted
    from joyeval.models.structural.layout import Cell

STEP = 1e-5  # of a parameter, relative, in central differences


def cell_values(fitted: Fitted, theta: np.ndarray | None = None) -> np.ndarray:
    """Value of every cell of the layout, shape (cells,)."""
    theta = fitted.theta if theta is None else theta
    return np.array([theta[cell.free] if cell.free >= 0 else cell.value for cell in fitted.layout.cells])


def standardised(fitted: Fitted, theta: np.ndarray) -> np.ndarray:
    """Every cell when all variables, observed and latent, have variance 1; shape (cells,).

    A covariance of residuals becomes their correlation; missing where a variance is negative.
    """
    cells = fitted.layout.cells
    values = cell_values(fitted, theta)
    totals = [np.diag(here.total) for here in fitted.likelihood.implied(theta)]
    own = {(cell.group, cell.row): v for cell, v in zip(cells, values, strict=True) if _is_variance(cell)}
    result = np.empty(len(cells))
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, (cell, value) in enumerate(zip(cells, values, strict=True)):
            total = totals[cell.group]
            if cell.matrix == A:
                result[i] = value * np.sqrt(total[cell.col] / total[cell.row])
            elif cell.matrix in (M, T):
                result[i] = value / np.sqrt(total[cell.row])
            elif cell.row == cell.col:
                result[i] = value / total[cell.row]
            else:
                result[i] = value / np.sqrt(own[cell.group, cell.row] * own[cell.group, cell.col])
    return result


def _is_variance(cell: Cell) -> bool:
    return cell.matrix == S and cell.row == cell.col


def delta(function: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, vcov: np.ndarray) -> np.ndarray:
    """Return standard errors of `function(theta)`, in the shape of its value."""
    slopes = []
    for i, value in enumerate(theta):
        step = np.zeros(len(theta))
        step[i] = STEP * max(abs(value), 1.0)
        slopes.append((function(theta + step) - function(theta - step)) / (2 * step[i]))
    jacobian = np.array(slopes)
    return np.sqrt(np.clip(np.einsum("ij,ik,kj->j", jacobian, vcov, jacobian), 0, None))
