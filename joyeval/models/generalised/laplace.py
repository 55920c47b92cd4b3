"""Marginal likelihood of models with normal random effects: Laplace and adaptive Gauss-Hermite quadrature.

The rows of a `Family` share random effects ``b = Lambda u`` with u standard normal. For given parameters the mode
of u is found by Newton's method over all groups at once, and the integral over u is expanded about it. With one
node the quadrature is Laplace's method, so both are one computation; its gradient is exact (the mode moves with
the parameters, and that is accounted for by one further solve).

References
----------
Pinheiro & Bates (1995), J. Comput. Graph. Stat. 4(1), 12-35, doi:10.1080/10618600.1995.10474663.
Breslow & Clayton (1993), J. Am. Stat. Assoc. 88(421), 9-25, doi:10.1080/01621459.1993.10594284.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.generalised.schur import Block, Factor, Layout, Weight, factorise, layout
from joyeval.models.linear_mixed import EQUAL, standard_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.generalised.families import Family
    from joyeval.models.linear_mixed import Term

NEWTON_STEPS = 60
SETTLED = 1e-7  # last step of the mode, in standard deviations of the random effects; the error is its square


@dataclass(frozen=True, eq=False)
class Entry:
    """One free entry of Lambda: what row effect `row` of a term takes from its column, which is block `block`."""

    term: int
    row: int
    column: int
    block: int
    covariate: Weight

    @property
    def on_diagonal(self) -> bool:
        """Whether the entry must not be negative."""
        return self.row == self.column


@dataclass(eq=False)
class Mode:
    """The random effects that are most likely given data and parameters, and the curvature there."""

    u: list[np.ndarray]
    eta: np.ndarray
    derivatives: tuple[np.ndarray, np.ndarray, np.ndarray]
    factor: Factor


@dataclass(eq=False)
class Marginal:
    """What the integral over the random effects leaves at one value of the parameters.

    `slope` (n,) and `slope_u` (one (n,) per block) are the rows' first derivative, and that times u, averaged over
    the nodes; `aux` the gradient in the further parameters at fixed u; `pull` and `spread` (per level) are what the
    value gains as the nodes move with the mode and with the curvature: 0 and 1 for Laplace.
    """

    value: float
    slope: np.ndarray
    slope_u: list[np.ndarray]
    aux: np.ndarray
    pull: np.ndarray | float = 0.0
    spread: np.ndarray | float = 1.0


@dataclass(eq=False)
class Likelihood:
    """Log-likelihood and gradient in ``[beta, aux, theta]``; theta are the free entries of Lambda.

    Parameters
    ----------
    family : Family
    X : ndarray, shape (n, p)
    offset : ndarray, shape (n,), or float
    terms : sequence of Term
        None: the model has fixed effects only.
    nodes : int
        1 is Laplace; more needs a single random intercept.
    backs : tuple of ndarray (q, q), optional
        Per term, what makes its columns orthonormal (or of mean square 1), so that slopes of any unit and centre
        are as easy to fit; left out, taken from the columns.
    """

    family: Family
    X: np.ndarray
    offset: np.ndarray | float = 0.0
    terms: Sequence[Term] = ()
    nodes: int = 1
    backs: tuple[np.ndarray, ...] | None = None
    layout: Layout = field(init=False)
    entries: tuple[Entry, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.layout = layout([Block(t.codes, t.n_levels) for t in self.terms for _ in t.columns])
        if self.backs is None:
            self.backs = tuple(standard_columns(term, EQUAL)[1] for term in self.terms)
        self.entries = tuple(_entries(self.terms, self.backs))
        self._u = [np.zeros(block.size) for block in self.layout.blocks]

    @property
    def n_fixed(self) -> int:
        """Number of coefficients."""
        return self.X.shape[1]

    @property
    def n_aux(self) -> int:
        """Number of further parameters of the family."""
        return len(self.family.aux_names)

    def split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Beta, aux and theta."""
        p, a = self.n_fixed, self.n_fixed + self.n_aux
        return parameters[:p], parameters[p:a], parameters[a:]

    def roots(self, theta: np.ndarray) -> list[np.ndarray]:
        """Return a square root (q, q) of each term's covariance, in the units of the data."""
        roots = [np.zeros((term.q, term.q)) for term in self.terms]
        for entry, value in zip(self.entries, theta, strict=True):
            roots[entry.term][entry.row, entry.column] = value
        return [back @ root for back, root in zip(self.backs, roots, strict=True)]

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-likelihood and its gradient.

        Raises
        ------
        numpy.linalg.LinAlgError
            The random effects have no proper mode at these parameters, or the likelihood is beyond all numbers.
        """
        beta, aux, theta = self.split(parameters)
        z = self.row_effects(theta)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            mode = self.mode(self.X @ beta + self.offset, aux, z)
            marginal = _laplace(self, mode, aux) if self.nodes == 1 else _quadrature(self, mode, aux, z[0])
            gradient = self._gradient(mode, marginal, aux, z)
        if not (np.isfinite(marginal.value) and np.isfinite(gradient).all()):
            raise np.linalg.LinAlgError("the likelihood is beyond all numbers")
        return marginal.value, gradient

    def resume(self, other: Likelihood) -> Likelihood:
        """Start the next search for the mode where that of another form of the same model ended."""
        self._u = other._u
        return self

    def mode_at(self, parameters: np.ndarray) -> Mode:
        """Find the most likely random effects at given parameters."""
        beta, aux, theta = self.split(parameters)
        return self.mode(self.X @ beta + self.offset, aux, self.row_effects(theta))

    def mode(self, fixed: np.ndarray, aux: np.ndarray, z: list[Weight]) -> Mode:
        """Find the mode by Newton's method from where the last search ended."""
        u, blocks = self._u, self.layout.blocks
        eta = fixed + self._effect(u, z)
        value = self.joint(eta, u, aux)
        for _ in range(NEWTON_STEPS):
            derivatives = self.family.derivatives(eta, aux)
            factor = factorise(self.layout, -derivatives[1], z)
            pull = [b.sum(w * derivatives[0]) - part for b, w, part in zip(blocks, z, u, strict=True)]
            step = factor.solve(pull)
            if max((np.abs(s).max() for s in step), default=0.0) < SETTLED:
                self._u = u = [part + s for part, s in zip(u, step, strict=True)]
                eta = fixed + self._effect(u, z)
                return Mode(u, eta, self.family.derivatives(eta, aux), factor)
            u, eta, value = self._climb(u, step, value, fixed, aux, z)
        raise np.linalg.LinAlgError("the random effects did not settle")

    def _climb(self, u, step, value, fixed, aux, z):
        """Take the step, halved until the joint density does not fall."""
        for halvings in range(30):
            trial = [part + s / 2**halvings for part, s in zip(u, step, strict=True)]
            eta = fixed + self._effect(trial, z)
            reached = self.joint(eta, trial, aux)
            if reached >= value - 1e-10 * abs(value):
                return trial, eta, reached
        raise np.linalg.LinAlgError("the random effects did not settle")

    def joint(self, eta: np.ndarray, u: list[np.ndarray], aux: np.ndarray) -> float:
        """Log-density of data and standardised effects, less the constant of the effects."""
        return float(self.family.loglik(eta, aux).sum() - sum(part @ part for part in u) / 2)

    def _effect(self, u, z):
        parts = zip(u, z, self.layout.blocks, strict=True)
        return sum((w * part[block.index] for part, w, block in parts), start=np.zeros(len(self.X)))

    def row_effects(self, theta: np.ndarray) -> list[Weight]:
        """Return what each block's standardised effect adds to the linear predictor of each row."""
        z: list[Weight] = [0.0] * len(self.layout.blocks)
        for entry, value in zip(self.entries, theta, strict=True):
            z[entry.block] = z[entry.block] + value * entry.covariate
        return z

    def _gradient(self, mode: Mode, marginal: Marginal, aux: np.ndarray, z: list[Weight]) -> np.ndarray:
        # The value is joint(mode) - log|H(mode)| / 2, and the mode moves with the parameters. At the mode the joint
        # density is flat in u, so that only log|H| feels the move: `half` is its derivative in each row's predictor
        # (leverage x third derivative / 2), and v = H^-1 Z'half carries it back through du = H^-1 (...) by one solve,
        # for all parameters at once. With several nodes the same holds with the nodes' averages in `marginal`.
        first, second, third = mode.derivatives
        blocks = self.layout.blocks
        spread = marginal.spread
        leverage = [spread * t for t in mode.factor.at_rows(z)]
        half = sum((w * t / 2 for w, t in zip(z, leverage, strict=True)), start=np.zeros(len(first)))
        v = mode.factor.solve([b.sum(w * half * third) + marginal.pull for b, w in zip(blocks, z, strict=True)])
        moved = self._effect(v, z)
        indirect = moved * second + half * third
        on_beta = self.X.T @ (marginal.slope + indirect)
        on_aux = marginal.aux + self.family.aux_gradient(mode.eta, aux, (0.0, moved, half))
        per_block = [
            marginal.slope_u[k] + mode.u[k][b.index] * indirect + second * leverage[k] + first * v[k][b.index]
            for k, b in enumerate(blocks)
        ]
        on_theta = [float(np.sum(entry.covariate * per_block[entry.block])) for entry in self.entries]
        return np.concatenate((on_beta, on_aux, on_theta))


def _entries(terms: Sequence[Term], backs: tuple[np.ndarray, ...]):
    start = 0
    for t, (term, back) in enumerate(zip(terms, backs, strict=True)):
        Z = None if term.Z is None else term.Z @ back
        for row, column in zip(*term.entries, strict=True):
            yield Entry(t, int(row), int(column), start + int(column), 1.0 if Z is None else Z[:, row])
        start += term.q


def _laplace(model: Likelihood, mode: Mode, aux: np.ndarray) -> Marginal:
    slope = mode.derivatives[0]
    return Marginal(
        value=model.joint(mode.eta, mode.u, aux) - mode.factor.logdet / 2,
        slope=slope,
        slope_u=[slope * part[block.index] for part, block in zip(mode.u, model.layout.blocks, strict=True)],
        aux=model.family.aux_gradient(mode.eta, aux, (1.0, 0.0, 0.0)),
    )


def _quadrature(model: Likelihood, mode: Mode, aux: np.ndarray, z: Weight) -> Marginal:
    """Adaptive Gauss-Hermite quadrature of one random effect per group; a loop over nodes, never over groups."""
    block, family = model.layout.blocks[0], model.family
    points, weights = np.polynomial.hermite_e.hermegauss(model.nodes)
    width = 1 / np.sqrt(mode.factor.pivots[0])
    u = [mode.u[0] + width * t for t in points]
    eta = [mode.eta + z * (width * t)[block.index] for t in points]
    # nodes lie about each mode in units of its curvature; sums of exponentials are taken relative to the largest
    log_terms = np.log(weights / weights.sum())[:, None] + np.array(
        [block.sum(family.loglik(e, aux)) + (t**2 - part**2) / 2 for e, part, t in zip(eta, u, points, strict=True)]
    )
    peak = log_terms.max(axis=0)
    total = peak + np.log(np.exp(log_terms - peak).sum(axis=0))
    share = np.exp(log_terms - total)
    slopes = [family.derivatives(e, aux)[0] for e in eta]
    by_row = [s[block.index] for s in share]
    drift = [s * (block.sum(z * slope) - part) for s, slope, part in zip(share, slopes, u, strict=True)]
    return Marginal(
        value=float(np.sum(total + np.log(width))),
        slope=sum(r * slope for r, slope in zip(by_row, slopes, strict=True)),
        slope_u=[sum(r * slope * part[block.index] for r, slope, part in zip(by_row, slopes, u, strict=True))],
        aux=sum(family.aux_gradient(e, aux, (r, 0.0, 0.0)) for e, r in zip(eta, by_row, strict=True)),
        pull=sum(drift),
        spread=(1 + sum(d * width * t for d, t in zip(drift, points, strict=True)))[block.index],
    )
