"""Starting values: loadings from the first principal component, half of each variance to what is unexplained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.structural.layout import A, M

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural.data import Moments
    from joyeval.models.structural.layout import Cell, Layout


def starting_values(layout: Layout, moments: Sequence[Moments]) -> np.ndarray:
    """One value per free parameter, shape (n_free,)."""
    theta = np.zeros(layout.n_free)
    for group in reversed(range(layout.groups)):
        cells = layout.of_group(group)
        loadings = _loadings(layout, cells, moments[group].covariance)
        spread = _factor_variances(layout, cells, moments[group].covariance)
        for cell in cells:
            if cell.free >= 0:
                theta[cell.free] = _start(cell, len(layout.observed), moments[group], loadings, spread)
    return theta


def _start(
    cell: Cell, p: int, moments: Moments, loadings: dict[tuple[int, int], float], spread: dict[int, float]
) -> float:
    if cell.matrix == A:
        return loadings.get((cell.row, cell.col), 0.0)
    if cell.matrix == M:
        return moments.mean[cell.row] if cell.row < p else 0.0
    if cell.row != cell.col:
        return 0.0
    return 0.5 * moments.covariance[cell.row, cell.row] if cell.row < p else spread[cell.row]


def _loadings(layout: Layout, cells: Sequence[Cell], covariance: np.ndarray) -> dict[tuple[int, int], float]:
    """Guess loadings on the scale of the marker (or of a factor of variance 1)."""
    p, found = len(layout.observed), {}
    for factor in range(p, p + len(layout.latent)):
        own = [cell for cell in cells if cell.term.op == "=~" and cell.col == factor]
        fixed = [cell.value for cell in own if cell.free < 0]
        if not own:  # a factor of the other level
            continue
        if any(cell.row >= p for cell in own):
            found |= {(cell.row, factor): fixed[0] if fixed else 0.5 for cell in own}
            continue
        rows = [cell.row for cell in own]
        part = covariance[np.ix_(rows, rows)]
        sd = np.sqrt(np.diag(part))
        direction = np.linalg.eigh(part / np.outer(sd, sd))[1][:, -1]
        pull = direction * sd * (1 if direction.sum() > 0 else -1)
        marker = next((i for i, cell in enumerate(own) if cell.free < 0 and cell.value), None)
        if marker is not None and abs(direction[marker]) > 0.05:
            pull = np.clip(pull / pull[marker], -5, 5) * own[marker].value
        found |= {(row, factor): value for row, value in zip(rows, pull, strict=True)}
    return found


def _factor_variances(layout: Layout, cells: Sequence[Cell], covariance: np.ndarray) -> dict[int, float]:
    """Half the variance of the marker, split when factors share it."""
    p, spread = len(layout.observed), {}
    for factor in range(p, p + len(layout.latent)):
        own = [cell for cell in cells if cell.term.op == "=~" and cell.col == factor]
        on_items = [cell for cell in own if cell.row < p]
        if on_items:
            row = on_items[0].row
            sharing = sum(cell.row == row for cell in cells if cell.term.op == "=~")
            spread[factor] = 0.5 * covariance[row, row] / sharing
        else:
            spread[factor] = 0.25 * float(np.mean([covariance[i, i] for i in range(p)]))
    return spread
