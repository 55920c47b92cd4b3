"""Standard errors that allow for clusters, with corrections for few of them.

CR2 makes the variance unbiased under a working model of independent errors and gives each coefficient its
own Satterthwaite degrees of freedom, which is what keeps tests honest with 6 to 40 teams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.one_thread import one_thread
from joyeval.models.panel.absorption import demean, is_nested

if TYPE_CHECKING:
    from joyeval.models.panel.absorption import LeastSquares

LEVERAGE_POWER = {"CR0": 0.0, "CR1": 0.0, "CR2": -0.5, "CR3": -1.0}
LEAST_KEPT = 0.5  # share of an error that must come from more than one cluster; below, none is given
FULL_LEVERAGE = 1e-9  # 1 minus a leverage below this is a direction that one cluster alone decides: it carries no error
ROUNDING = 1e-7  # share of a variance below which nothing was lost
BLOCK_CELLS = 100_000_000  # clusters x basis columns squared; above, CR1 (they agree there)


@dataclass(frozen=True, eq=False)
class Sandwich:
    """Covariance of coefficients that is robust to clusters.

    Parameters
    ----------
    vcov : ndarray, shape (p, p)
    df : ndarray, shape (p,)
        Satterthwaite degrees of freedom, or clusters less 1 for CR1 without the exact correction.
    kind : str
        CR0, CR1, CR2 or CR3: what was computed, which may be less than was asked.
    n_clusters : int
    influence : ndarray, shape (clusters, p)
        What each cluster adds to the deviation of each coefficient; `vcov` is the sum of its squares.
    """

    vcov: np.ndarray
    df: np.ndarray
    kind: str
    n_clusters: int
    influence: np.ndarray

    @property
    def se(self) -> np.ndarray:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.diag(self.vcov))


@one_thread
def cluster_robust(
    fit: LeastSquares, cluster: np.ndarray, *, kind: str = "CR2", sums: np.ndarray | None = None
) -> Sandwich:
    """Return the covariance of the coefficients of `fit`, robust to correlation within clusters.

    Parameters
    ----------
    fit : LeastSquares
    cluster : ndarray of int, shape (n,)
        Codes from 0 without holes; one per row gives the HC family (CR1 is HC1, CR2 is HC2, CR3 is HC3).
    kind : {"CR0", "CR1", "CR2", "CR3"}
        CR1 has the small-sample factor G/(G-1) (n-1)/(n-K), where K leaves out fixed effects nested in
        clusters, as in fixest. CR2 and CR3 fall back to CR1 when they would not fit in memory.
    sums : ndarray, shape (p, q), optional
        Weighted sums of coefficients to answer for, one per column, in place of the coefficients themselves.

    Raises
    ------
    ModelError
        Fewer than 2 clusters.

    Notes
    -----
    Rows are taken after multiplying by the root of their weight. Where weights differ within clusters, clubSandwich
    takes another root of the same correction: both are unbiased under independent errors, and differ in the third
    figure. A direction that one cluster alone decides leaves no residual there and so adds nothing to the variance;
    the variance is scaled up for what is lost so, and missing where that is more than half of it.

    References
    ----------
    Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36(4), 672-683. doi:10.1080/07350015.2016.1247004
    Bell & McCaffrey (2002), Survey Methodology 28(2), 169-181.
    """
    n_clusters, k = int(cluster.max()) + 1, fit.basis.shape[1]
    if n_clusters < 2:
        raise ModelError(f"1 cluster in {fit.n} rows; robust standard errors need at least 2, better 6 or more")
    sums = np.eye(len(fit.beta)) if sums is None else sums
    if not fit.exact or n_clusters * k * k > BLOCK_CELLS:
        return _plain(fit, cluster, n_clusters, sums)
    blocks = stack(np.column_stack([fit.basis, fit.residual]), cluster)
    products = blocks.transpose(0, 2, 1) @ blocks
    leverage, scores = products[:, :k, :k], products[:, :k, k]
    wanted = fit.contrasts @ sums
    adjust, kept = _power(leverage, LEVERAGE_POWER[kind], wanted)
    if kind == "CR1":
        adjust = adjust * np.sqrt(small_sample_factor(fit, n_clusters, cluster))
    half = adjust @ wanted
    influence = np.einsum("gk,gkp->gp", scores, half) / np.sqrt(kept)
    return Sandwich(
        vcov=influence.T @ influence,
        df=_satterthwaite(half, leverage @ half) + 0 * kept,
        kind=kind,
        n_clusters=n_clusters,
        influence=influence,
    )


@one_thread
def two_way(fit: LeastSquares, first: np.ndarray, second: np.ndarray) -> Sandwich:
    """Return the covariance robust to correlation within either of two factors (teams and periods, say).

    All parts use the smaller number of clusters in the factor and the degrees of freedom, as fixest does.

    References
    ----------
    Cameron, Gelbach & Miller (2011), J. Bus. Econ. Stat. 29(2), 238-249. doi:10.1198/jbes.2010.07136
    """
    width = int(second.max()) + 1
    both = np.unique(first * width + second, return_inverse=True)[1]
    smallest = min(int(first.max()) + 1, width)
    factor = small_sample_factor(fit, smallest, first, second)
    sums = [_influence(fit, codes) for codes in (first, second, both)]
    vcov = factor * (sums[0].T @ sums[0] + sums[1].T @ sums[1] - sums[2].T @ sums[2])
    df = np.full(len(fit.beta), smallest - 1.0)
    return Sandwich(vcov=vcov, df=df, kind="CR1", n_clusters=smallest, influence=sums[0])


@one_thread
def driscoll_kraay(fit: LeastSquares, period: np.ndarray, *, lags: int | None = None) -> Sandwich:
    """Return the covariance robust to what teams share in a period, and to its echo in later periods.

    For many periods (20 or more); teams may be few or many, and correlated in any way.

    Parameters
    ----------
    period : ndarray of int, shape (n,)
        Codes from 0 in the order of time, without holes.
    lags : int, optional
        Default ``floor(periods^(1/4))``.

    References
    ----------
    Driscoll & Kraay (1998), Rev. Econ. Stat. 80(4), 549-560. doi:10.1162/003465398557825
    """
    n_periods = int(period.max()) + 1
    influence = _influence(fit, period)
    vcov = bartlett(influence, int(n_periods**0.25) if lags is None else lags)
    df = np.full(len(fit.beta), n_periods - 1.0)
    return Sandwich(vcov=vcov, df=df, kind="DK", n_clusters=n_periods, influence=influence)


def bartlett(scores: np.ndarray, lags: int) -> np.ndarray:
    """Sum products of rows with themselves and with later rows, whose weight falls to 0 beyond the last lag."""
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total += (1 - lag / (lags + 1)) * (cross + cross.T)
    return total


def small_sample_factor(fit: LeastSquares, n_clusters: int, *clusters: np.ndarray) -> float:
    """G/(G-1) (n-1)/(n-K): what CR1 multiplies the variance by."""
    nested = [f for f in fit.absorb if any(is_nested(f, cluster) for cluster in clusters)]
    free = demean(np.zeros((fit.n, 1)), nested)[1] - 1 if nested else 0
    return n_clusters / (n_clusters - 1) * (fit.n - 1) / (fit.n - fit.rank + free)


def stack(rows: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Arrange rows by cluster, padded with zeros, shape (clusters, largest cluster, columns)."""
    sizes = np.bincount(cluster)
    order = np.argsort(cluster, kind="stable")
    place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    blocks = np.zeros((len(sizes), sizes.max(), rows.shape[1]))
    blocks[cluster[order], place] = rows[order]
    return blocks


def _plain(fit: LeastSquares, cluster: np.ndarray, n_clusters: int, sums: np.ndarray) -> Sandwich:
    """CR1 with t on clusters less 1: needs no more than sums of scores."""
    influence = _influence(fit, cluster) @ sums * np.sqrt(small_sample_factor(fit, n_clusters, cluster))
    df = np.full(sums.shape[1], n_clusters - 1.0)
    return Sandwich(vcov=influence.T @ influence, df=df, kind="CR1", n_clusters=n_clusters, influence=influence)


def _influence(fit: LeastSquares, cluster: np.ndarray) -> np.ndarray:
    """Return what each cluster adds to the deviation of each coefficient, uncorrected, shape (clusters, p)."""
    scores = fit.basis[:, -len(fit.beta) :] * fit.residual[:, None]
    summed = np.column_stack([np.bincount(cluster, score) for score in scores.T])
    return summed @ np.linalg.inv(fit.R).T


def _power(leverage: np.ndarray, power: float, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(I - leverage)^power of each cluster, on the basis; directions of full leverage get 0.

    Also the share of the variance of each `wanted` sum (k, p) that is kept so: 1 unless single clusters decide it,
    missing below `LEAST_KEPT`.
    """
    values, vectors = np.linalg.eigh(leverage)
    rest = 1 - values
    seen = rest > FULL_LEVERAGE
    scale = np.where(seen, np.where(seen, rest, 1.0) ** power, 0.0)
    kept = np.ones(wanted.shape[1])
    if not seen.all():
        along = np.einsum("gkj,kp->gjp", vectors, wanted)
        lost = np.einsum("gj,gjp->p", np.where(seen, 0.0, values), along**2) / np.einsum("kp,kp->p", wanted, wanted)
        kept = np.where(lost > ROUNDING, 1 - lost, 1.0)
    return (vectors * scale[:, None, :]) @ vectors.transpose(0, 2, 1), np.where(kept < LEAST_KEPT, np.nan, kept)


def _satterthwaite(half: np.ndarray, pulled: np.ndarray) -> np.ndarray:
    """Degrees of freedom of each coefficient's variance under independent errors, shape (p,).

    The variance is a quadratic form with matrix B = diag(own) - U'U over clusters; df = tr(B)^2 / ||B||^2.
    """
    own = np.einsum("gkp,gkp->gp", half, pulled)
    length = np.einsum("gkp,gkp->gp", pulled, pulled)
    inner = np.einsum("gkp,glp->pkl", pulled, pulled)
    spread = (own**2 - 2 * own * length).sum(axis=0) + np.einsum("pkl,pkl->p", inner, inner)
    return np.divide((own - length).sum(axis=0) ** 2, spread, out=np.full(len(spread), np.nan), where=spread > 0)
