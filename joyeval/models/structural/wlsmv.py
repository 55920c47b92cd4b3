"""Factor models of ordered items: diagonally weighted least squares with robust errors and chi-square (WLSMV)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

from joyeval.errors import ModelError
from joyeval.models.structural.data import Moments, group_codes
from joyeval.models.structural.indices import Test, fit_indices, srmr_of
from joyeval.models.structural.layout import T, build_layout
from joyeval.models.structural.ordinal_moments import ordinal_moments
from joyeval.models.structural.ram import Ram
from joyeval.models.structural.scoring import checked, minimise
from joyeval.models.structural.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from joyeval.models.structural.layout import Cell, Layout
    from joyeval.models.structural.ordinal_moments import OrdinalMoments
    from joyeval.models.structural.ram import Implied
    from joyeval.models.structural.spec import Model


class WeightedSquares:
    """Squared distance of observed from implied thresholds and correlations, each in units of its own variance.

    Parameters
    ----------
    layout : Layout
    samples : sequence of OrdinalMoments
        One per group.
    extra : sequence of Cell
        Fixed cells to differentiate by as well; gradient and information then have one more entry for each.
    """

    def __init__(self, layout: Layout, samples: Sequence[OrdinalMoments], extra: Sequence[Cell] = ()) -> None:
        self.layout, self.samples, self.extra = layout, tuple(samples), tuple(extra)
        self.moments = np.concatenate([sample.vector for sample in samples])
        self.vcov = block_diag(*(sample.vcov for sample in samples))
        self.weights = 1 / np.diag(self.vcov)
        self.n_parameters = layout.n_free + len(extra)
        p, v = len(layout.observed), len(layout.observed) + len(layout.latent)
        numbered = [(layout.n_free + i, cell) for i, cell in enumerate(extra)]
        self.groups, self.turns, self.limits = [], [], []
        for group in range(layout.groups):
            cells = layout.of_group(group)
            more = [(at, cell) for at, cell in numbered if cell.group == group]
            ram = Ram(cells, p, v, [cell for _, cell in more if cell.matrix != T])
            at = [*ram.free, *(at for at, cell in more if cell.matrix != T)]
            limits = [(cell.free, cell) for cell in cells if cell.matrix == T]
            limits += [pair for pair in more if pair[1].matrix == T]
            self.groups.append(ram)
            self.turns.append(self._turn(at))
            self.limits.append(limits)

    def _turn(self, at: Sequence[int]) -> np.ndarray:
        """Which parameter each cell holds, shape (cells, parameters)."""
        return (np.array(at, dtype=int)[:, None] == np.arange(self.n_parameters)).astype(float)

    def with_extra(self, extra: Sequence[Cell]) -> WeightedSquares:
        """Differentiate by some fixed cells as well."""
        return WeightedSquares(self.layout, self.samples, extra)

    def implied(self, theta: np.ndarray) -> list[Implied]:
        """Moments of the underlying normal variables of every group."""
        return [ram.implied(theta) for ram in self.groups]

    def value(self, theta: np.ndarray) -> float:
        """Return the discrepancy; infinite where a variance is not positive."""
        away = self.moments - self.expected(theta)[0]
        return float(self.weights @ away**2) if np.isfinite(away).all() else np.inf

    def derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half the gradient, and its expected slope."""
        expected, jacobian = self.expected(theta)
        weighted = self.weights[:, None] * jacobian
        return -weighted.T @ (self.moments - expected), weighted.T @ jacobian

    def score_covariance(self, theta: np.ndarray) -> np.ndarray:
        """Covariance of half the gradient over samples."""
        weighted = self.weights[:, None] * self.expected(theta)[1]
        return weighted.T @ self.vcov @ weighted

    def expected(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Implied thresholds and correlations of all groups, shape (m,), and their slopes (m, parameters)."""
        parts = [self._of_group(group, here, theta) for group, here in enumerate(self.implied(theta))]
        values, slopes = zip(*parts, strict=True)
        return np.concatenate(values), np.concatenate(slopes)

    def _of_group(self, group: int, here: Implied, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Only correlations and thresholds in units of the SD are seen: rho_ij = s_ij / (s_i s_j), z = (tau - mu) / s.
        # By the product rule each loses its own share of the slope of log s, which is that of the variance over twice
        # the variance.
        sample, turn = self.samples[group], self.turns[group]
        variance = np.diag(here.covariance)
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = np.sqrt(variance)
            by_sd = (here.half * here.left * here.right @ turn) / variance[:, None]  # slope of log sd
            i, j, item = sample.first, sample.second, sample.item
            rho = here.covariance[i, j] / (sd[i] * sd[j])
            cross = here.half * (here.left[i] * here.right[j] + here.left[j] * here.right[i]) @ turn
            rho_slope = cross / (sd[i] * sd[j])[:, None] - rho[:, None] * (by_sd[i] + by_sd[j])
            limit, limit_slope = self._thresholds(group, theta)
            z = (limit - here.mean[item]) / sd[item]
            z_slope = (limit_slope - (here.slope @ turn)[item]) / sd[item, None] - z[:, None] * by_sd[item]
        return np.concatenate([z, rho]), np.concatenate([z_slope, rho_slope])

    def _thresholds(self, group: int, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Thresholds on the scale of the underlying variables, and which parameter each is."""
        sample = self.samples[group]
        place = {pair: i for i, pair in enumerate(zip(sample.item, sample.step, strict=True))}
        values, slope = np.zeros(len(place)), np.zeros((len(place), self.n_parameters))
        for at, cell in self.limits[group]:
            row = place[cell.row, cell.col]
            slope[row, at] = 1.0
            if at < self.layout.n_free:
                values[row] = theta[at]
        return values, slope


@dataclass(frozen=True, eq=False)
class OrdinalSample:
    """Groups of ordered answers; fields as in `joyeval.models.structural.data.Sample`."""

    observed: tuple[str, ...]
    labels: tuple[str, ...]
    samples: tuple[OrdinalMoments, ...]
    n_dropped: int
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Rows used."""
        return sum(sample.n for sample in self.samples)

    @property
    def moments(self) -> tuple[Moments, ...]:
        """Polychoric correlations as covariances."""
        found = []
        for sample in self.samples:
            matrix = np.eye(len(self.observed))
            matrix[sample.first, sample.second] = matrix[sample.second, sample.first] = sample.correlations
            found.append(Moments(np.zeros(len(matrix)), matrix, sample.n))
        return tuple(found)


@dataclass(frozen=True, eq=False)
class OrdinalFitted:
    """A model of ordered items at its estimates; fields as in `joyeval.models.structural.fit.Fitted`.

    `scaled` and `baseline_scaled` are the chi-squares scaled and shifted to the mean and variance of their
    distribution.
    """

    layout: Layout
    sample: OrdinalSample
    likelihood: WeightedSquares
    theta: np.ndarray
    vcov: np.ndarray
    test: Test
    baseline: Test
    scaled: Test
    baseline_scaled: Test

    def indices(self) -> dict[str, float]:
        """Every fit index; the scaled ones are those to read."""
        groups = len(self.sample.labels)
        n = self.sample.n - groups
        robust = fit_indices(self.scaled, self.baseline_scaled, n=n, groups=groups)
        return {
            **fit_indices(self.test, self.baseline, n=n, groups=groups),
            **{f"{key}_scaled": value for key, value in robust.items() if key != "df"},
            "srmr": self._srmr(),
            "npar": self.layout.n_free,
        }

    def _srmr(self) -> float:
        moments, implied = self.sample.moments, self.likelihood.implied(self.theta)
        expected = []
        for here in implied:
            sd = np.sqrt(np.diag(here.covariance))
            expected.append(here.covariance / np.outer(sd, sd))
        away = [part.covariance - matrix for part, matrix in zip(moments, expected, strict=True)]
        return srmr_of([matrix[np.tril_indices(len(matrix))] for matrix in away], [part.n for part in moments])


def fit_ordinal(
    model: Model, data: pd.DataFrame, *, group: str | None, equal: Sequence[str], release: Sequence[str], what: str
) -> OrdinalFitted:
    """Fit a model whose observed variables are all ordered items (theta parametrisation, factors of variance 1).

    Raises
    ------
    ModelError
        Groups that did not use the same options; a model that is not identified or does not converge.

    References
    ----------
    Muthén (1984) doi:10.1007/BF02294210; Asparouhov & Muthén (2010) Simple second order chi-square correction.
    """
    sample = _ordinal_sample(model, data, group, what)
    steps = {name: int((sample.samples[0].item == i).sum()) for i, name in enumerate(model.observed)}
    layout = build_layout(
        model, groups=len(sample.labels), means=True, equal=equal, release=release, standard=True, steps=steps
    )
    squares = WeightedSquares(layout, sample.samples)
    found = checked(minimise(squares, _start(layout, sample)), layout, what=what, n=sample.n)
    inverse = np.linalg.inv(found.information)
    test = Test(found.value, len(squares.moments) - layout.n_free)
    correlation = np.concatenate([np.arange(len(part.vector)) >= len(part.item) for part in sample.samples])
    baseline = Test(float(squares.weights[correlation] @ squares.moments[correlation] ** 2), int(correlation.sum()))
    return OrdinalFitted(
        layout=layout,
        sample=sample,
        likelihood=squares,
        theta=found.theta,
        vcov=inverse @ squares.score_covariance(found.theta) @ inverse,
        test=test,
        baseline=baseline,
        scaled=_scaled(squares, squares.expected(found.theta)[1], test),
        baseline_scaled=_scaled(squares, np.eye(len(correlation))[:, ~correlation], baseline),
    )


def _ordinal_sample(model: Model, data: pd.DataFrame, group: str | None, what: str) -> OrdinalSample:
    items = list(model.observed)
    codes, labels = group_codes(data, group)
    complete = data[items].notna().all(axis=1).to_numpy() & (codes >= 0)
    parts = [data.loc[complete & (codes == number), items] for number in range(len(labels))]
    used = [[tuple(np.unique(part[item])) for item in items] for part in parts]
    unlike = [item for i, item in enumerate(items) if len({options[i] for options in used}) > 1]
    if unlike:
        raise ModelError(
            f"{what}: the groups did not use the same options of {', '.join(unlike)} ({int(complete.sum())} rows); "
            f"merge "
            "rare options first, or use estimator='MLR'"
        )
    named = [f"{what}, {label}" if len(labels) > 1 else what for label in labels]
    samples = tuple(ordinal_moments(part, what=name) for part, name in zip(parts, named, strict=True))
    dropped = len(data) - int(complete.sum())
    notes = (f"{dropped} of {len(data)} rows were left out: incomplete, or without a group",) if dropped else ()
    return OrdinalSample(tuple(items), labels, samples, dropped, notes)


def _start(layout: Layout, sample: OrdinalSample) -> np.ndarray:
    theta = starting_values(layout, sample.moments)
    for cell in layout.cells:
        if cell.matrix == T:
            part = sample.samples[cell.group]
            theta[cell.free] = part.thresholds[(part.item == cell.row) & (part.step == cell.col)][0]
        elif cell.free >= 0 and cell.row == cell.col and cell.term.op == "~~":
            theta[cell.free] = 1.0
    return theta


def scaled_difference(free: OrdinalFitted, tied: OrdinalFitted) -> Test:
    """Chi-square of the constraints that `tied` adds to `free`, scaled and shifted (after Satorra 2000)."""
    squares = free.likelihood
    wide, narrow = (_basis(squares, model.likelihood.expected(model.theta)[1]) for model in (free, tied))
    test = Test(tied.test.chisq - free.test.chisq, tied.test.df - free.test.df)
    return _shifted(squares, wide @ wide.T - narrow @ narrow.T, test)


def _scaled(squares: WeightedSquares, jacobian: np.ndarray, test: Test) -> Test:
    """Scale and shift the chi-square of a model."""
    basis = _basis(squares, jacobian)
    return _shifted(squares, np.eye(len(basis)) - basis @ basis.T, test)


def _basis(squares: WeightedSquares, jacobian: np.ndarray) -> np.ndarray:
    """Directions that the parameters can move the moments in, orthogonal in units of their standard errors."""
    return np.linalg.qr(np.sqrt(squares.weights)[:, None] * jacobian)[0]


def _shifted(squares: WeightedSquares, left: np.ndarray, test: Test) -> Test:
    """Give a chi-square the mean and variance of one with its degrees of freedom; `left` projects on what it tests."""
    if test.df <= 0:
        return Test(0.0, 0)
    root = np.sqrt(squares.weights)
    spread = left @ (root[:, None] * squares.vcov * root)
    factor = np.sqrt(test.df / float((spread * spread.T).sum()))
    return Test(test.chisq * factor + test.df - factor * float(np.trace(spread)), test.df)
