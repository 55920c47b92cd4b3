"""Maximum likelihood of a layout: estimates, their covariance (normal or robust), chi-square and baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.one_thread import one_thread
from joyeval.models.structural.indices import Test, fit_indices, srmr
from joyeval.models.structural.layout import M, saturated, without_means
from joyeval.models.structural.likelihood import Likelihood
from joyeval.models.structural.scoring import checked, minimise
from joyeval.models.structural.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.models.structural.data import Moments, Sample
    from joyeval.models.structural.layout import Layout


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model at its estimates.

    Parameters
    ----------
    layout : Layout
    sample : Sample
    likelihood : Likelihood
    robust : bool
        Whether `vcov` and the chi-square allow for non-normal data.
    theta : ndarray, shape (n_free,)
    vcov : ndarray, shape (n_free, n_free)
    value : float
        -2 log likelihood.
    test, baseline : Test
    """

    layout: Layout
    sample: Sample
    likelihood: Likelihood
    robust: bool
    theta: np.ndarray
    vcov: np.ndarray
    value: float
    test: Test
    baseline: Test

    def indices(self) -> dict[str, float]:
        """Every fit index."""
        n, k = self.sample.n, self.layout.n_free
        return {
            **fit_indices(self.test, self.baseline, n=n, groups=len(self.sample.labels)),
            "srmr": srmr(self.sample.moments, self.likelihood.implied(self.theta), means=self.sample.means),
            "loglik": -self.value / 2,
            "aic": self.value + 2 * k,
            "bic": self.value + k * float(np.log(n)),
            "npar": k,
        }


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimates without a test of fit: likelihood, theta (n_free,), vcov (n_free, n_free), value."""

    likelihood: Likelihood
    theta: np.ndarray
    vcov: np.ndarray
    value: float


@one_thread
def estimate(layout: Layout, sample: Sample, *, robust: bool, what: str) -> Estimate:
    """Maximise the likelihood; raises as `joyeval.models.structural.scoring.checked`."""
    likelihood = Likelihood(layout, sample.blocks)
    found = checked(minimise(likelihood, starting_values(layout, sample.moments)), layout, what=what, n=sample.n)
    gaps = any(len(block.covariance) < len(sample.observed) for block in sample.blocks)
    vcov = _vcov(likelihood, found.theta, found.information, robust=robust, gaps=gaps)
    return Estimate(likelihood, found.theta, vcov, found.value)


@one_thread
def fit_layout(layout: Layout, sample: Sample, *, robust: bool, what: str) -> Fitted:
    """Maximise the likelihood and test it against the unrestricted model; raises as `estimate`."""
    found = estimate(layout, sample, robust=robust, what=what)
    full, bare = (_reference(sample, covariances=full) for full in (True, False))
    floor, df = full[0].value(full[1]), full[0].n_parameters - layout.n_free
    df_base = full[0].n_parameters - bare[0].n_parameters
    scale, scale_base = 1.0, 1.0
    if robust:
        whole = _misfit(*full)
        scale = (whole - _misfit(found.likelihood, found.theta)) / df if df else 1.0
        scale_base = (whole - _misfit(*bare)) / df_base
        if not (scale > 0 and scale_base > 0):  # too few rows to tell; `summarise` says so
            scale, scale_base = 1.0, 1.0
    return Fitted(
        layout=layout,
        sample=sample,
        likelihood=found.likelihood,
        robust=robust,
        theta=found.theta,
        vcov=found.vcov,
        value=found.value,
        test=Test(max(found.value - floor, 0.0) if df else 0.0, df, scale),
        baseline=Test(bare[0].value(bare[1]) - floor, df_base, scale_base),
    )


def _vcov(likelihood: Likelihood, theta: np.ndarray, expected: np.ndarray, *, robust: bool, gaps: bool) -> np.ndarray:
    """Inverse information, expected for complete rows and observed with gaps; or the sandwich around the observed."""
    if not (robust or gaps):
        return np.linalg.inv(expected)
    bread = np.linalg.inv(likelihood.derivatives(theta, observed=True)[1])
    if not robust:
        return bread
    scores = likelihood.scores(theta)
    return bread @ (scores.T @ scores) @ bread


def _reference(sample: Sample, *, covariances: bool) -> tuple[Likelihood, np.ndarray]:
    """Give the unrestricted model, or the baseline without covariances, at its estimates."""
    layout = saturated(sample.observed, groups=len(sample.labels), covariances=covariances)
    layout = layout if sample.means else without_means(layout)
    moments = sample.moments if covariances else sample.independent
    return Likelihood(layout, sample.blocks), _moments_as_parameters(layout, moments)


def _moments_as_parameters(layout: Layout, moments: Sequence[Moments]) -> np.ndarray:
    theta = np.zeros(layout.n_free)
    for cell in layout.cells:
        part = moments[cell.group]
        theta[cell.free] = part.mean[cell.row] if cell.matrix == M else part.covariance[cell.row, cell.col]
    return theta


def _misfit(likelihood: Likelihood, theta: np.ndarray) -> float:
    """How much the rows' scores vary, in units of the observed information: the number of parameters when normal.

    Per degree of freedom, the difference of two models is the scaling factor of Yuan and Bentler as Mplus has it.
    """
    scores = likelihood.scores(theta)
    return float(np.trace(np.linalg.solve(likelihood.derivatives(theta, observed=True)[1], scores.T @ scores)))
