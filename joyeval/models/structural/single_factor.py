"""One common factor of many small groups at once: maximum likelihood by scoring, errors that allow for any answers.

The general engine (`joyeval.models.structural.model`) gives the same numbers for one group in fifty times the time.

References
----------
Jöreskog (1967) doi:10.1007/BF02289658 (maximum likelihood factor analysis); White (1982) doi:10.2307/1912526 (errors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from joyeval.models.one_thread import one_thread

STEPS = 60
FLAT = 1e-12  # expected further gain of the discrepancy of a group at which its search ends
LEAST_ANGLE = 1e-9  # smallest eigenvalue of the scaled information of a model that the data identify


@dataclass(frozen=True, eq=False)
class OneFactor:
    """Estimates of every group.

    Parameters
    ----------
    loadings, unique : ndarray, shape (groups, items)
        On a factor of variance 1 (their sum is not negative); variances of what is left.
    converged : ndarray of bool, shape (groups,)
        Where not, the estimates are of no use.
    """

    loadings: np.ndarray
    unique: np.ndarray
    converged: np.ndarray


@one_thread
def one_factor(cov: np.ndarray) -> OneFactor:
    """Fit one factor to covariance matrices; two items are given equal loadings.

    Parameters
    ----------
    cov : ndarray, shape (groups, items, items)
        With divisor n. Groups with a missing value do not converge.

    Examples
    --------
    >>> load, rest = np.array([0.6, 0.7, 0.8]), np.array([0.5, 0.4, 0.6])
    >>> one_factor((np.outer(load, load) + np.diag(rest))[None]).loadings.round(6).tolist()
    [[0.6, 0.7, 0.8]]
    """
    groups, k, _ = cov.shape
    tied = _tied(k)
    usable = np.isfinite(cov).all(axis=(1, 2)) & (np.diagonal(cov, axis1=1, axis2=2) > 0).all(axis=1)
    usable[usable] = np.linalg.cond(cov[usable]) < 1e12
    eta = np.zeros((groups, tied.shape[1]))
    done = np.zeros(groups, dtype=bool)
    if usable.any():
        eta[usable], done[usable] = _minimise(_start(cov[usable], tied), cov[usable], tied)
    theta = eta @ tied.T
    sign = np.where(theta[:, :k].sum(axis=1) < 0, -1.0, 1.0)
    return OneFactor(theta[:, :k] * sign[:, None], theta[:, k:], done)


def _tied(k: int) -> np.ndarray:
    """Which free parameter each loading and each variance is."""
    if k > 2:
        return np.eye(2 * k)
    return np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def _start(cov: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """First principal component of the correlations; half of each variance is unexplained."""
    own = np.diagonal(cov, axis1=1, axis2=2)
    sd = np.sqrt(own)
    values, vectors = np.linalg.eigh(cov / (sd[:, :, None] * sd[:, None, :]))
    loading = vectors[:, :, -1] * np.sqrt(np.clip(values[:, -1:] - 1, 0.05, None) / 1.5) * sd
    theta = np.concatenate([loading, 0.5 * own], axis=1)
    return theta @ tied / tied.sum(axis=0)


def _minimise(eta: np.ndarray, cov: np.ndarray, tied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scoring steps of all groups that have not arrived; a step that does not go down is halved."""
    done, lost = np.zeros(len(eta), dtype=bool), np.zeros(len(eta), dtype=bool)
    for _ in range(STEPS):
        open_ = np.flatnonzero(~(done | lost))
        if not len(open_):
            break
        here, s = eta[open_], cov[open_]
        value = discrepancy(here @ tied.T, s)
        slope, information = _scoring(here @ tied.T, s, tied)
        move, identified = _move(slope, information)
        gain = -(slope * move).sum(axis=1)
        lost[open_] |= ~identified
        length = np.ones(len(open_))
        for _ in range(12):
            trial = here + length[:, None] * move
            up = ~(discrepancy(trial @ tied.T, s) <= value + 1e-13)
            if not (up & (gain > FLAT)).any():
                break
            length[up] /= 2
        better = ~up & identified
        eta[open_[better]] = trial[better]
        done[open_] = identified & (gain < FLAT)
        lost[open_] |= ~better & ~done[open_]
    return eta, done


def discrepancy(theta: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Log determinant plus trace, by group; infinite where the implied covariance is not positive."""
    implied = _implied(theta)
    values = np.full(len(theta), np.inf)
    positive = np.linalg.eigvalsh(implied)[:, 0] > 0
    inverse = np.linalg.inv(implied[positive])
    values[positive] = np.linalg.slogdet(implied[positive])[1] + np.einsum("gij,gij->g", inverse, cov[positive])
    return values


def _implied(theta: np.ndarray) -> np.ndarray:
    k = theta.shape[1] // 2
    loading, unique = theta[:, :k], theta[:, k:]
    return loading[:, :, None] * loading[:, None, :] + unique[:, :, None] * np.eye(k)


def _scoring(theta: np.ndarray, cov: np.ndarray, tied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope of the discrepancy and its expected curvature in the free parameters."""
    k = cov.shape[-1]
    inverse = np.linalg.inv(_implied(theta))
    away = inverse - inverse @ cov @ inverse
    loading = theta[:, :k]
    slope = np.concatenate([2 * (away @ loading[:, :, None])[:, :, 0], np.diagonal(away, axis1=1, axis2=2)], axis=1)
    return slope @ tied, tied.T @ _traces(inverse, inverse, loading) @ tied


def _traces(left: np.ndarray, right: np.ndarray, loading: np.ndarray) -> np.ndarray:
    """Trace of left x slope a x right x slope b for all pairs of parameters, shape (groups, 2 items, 2 items)."""
    k = loading.shape[1]
    p, r = (left @ loading[:, :, None])[:, :, 0], (right @ loading[:, :, None])[:, :, 0]
    over_left, over_right = (p * loading).sum(axis=1), (r * loading).sum(axis=1)
    cross = p[:, :, None] * r[:, None, :]
    table = np.empty((len(loading), 2 * k, 2 * k))
    table[:, :k, :k] = cross + cross.swapaxes(1, 2)
    table[:, :k, :k] += left * over_right[:, None, None] + right * over_left[:, None, None]
    table[:, :k, k:] = left * r[:, None, :] + right * p[:, None, :]
    table[:, k:, :k] = table[:, :k, k:].swapaxes(1, 2)
    table[:, k:, k:] = left * right
    return table


def _move(slope: np.ndarray, information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scoring step, and whether the data tell all parameters apart."""
    scale = 1 / np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), 1e-300))
    scaled = information * scale[:, :, None] * scale[:, None, :]
    identified = np.linalg.eigvalsh(scaled)[:, 0] > LEAST_ANGLE
    scaled[~identified] = np.eye(scaled.shape[-1])
    return -scale * np.linalg.solve(scaled, (scale * slope)[:, :, None])[:, :, 0], identified


def share(found: OneFactor) -> np.ndarray:
    """Share of the variance of the sum of the items that the factor explains: omega, shape (groups,)."""
    top = found.loadings.sum(axis=1) ** 2
    return top / (top + found.unique.sum(axis=1))


@one_thread
def share_error(found: OneFactor, cov: np.ndarray, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the standard error of `share` from the pull of every row on it (sandwich around the observed information).

    Parameters
    ----------
    cov : ndarray, shape (groups, items, items)
        With divisor n.
    x : ndarray, shape (n, items)
        Rows, centred within groups.
    codes : ndarray of int, shape (n,)
        Group of each row.
    """
    k, tied = x.shape[1], _tied(x.shape[1])
    theta = np.concatenate([found.loadings, found.unique], axis=1)
    inverse = np.linalg.inv(_implied(theta))
    sizes = np.bincount(codes, minlength=len(cov))
    seen = inverse @ cov @ inverse
    curve = 2 * _traces(seen, inverse, found.loadings) - _traces(inverse, inverse, found.loadings)
    curve[:, :k, :k] += 2 * (inverse - seen)
    observed = tied.T @ curve @ tied * sizes[:, None, None] / 2
    value = share(found)
    total = (found.loadings.sum(axis=1) ** 2 + found.unique.sum(axis=1))[:, None]
    by_loading = np.broadcast_to(2 * (1 - value[:, None]) * found.loadings.sum(axis=1)[:, None] / total, (len(cov), k))
    by_unique = np.broadcast_to(-value[:, None] / total, (len(cov), k))
    slope = np.concatenate([by_loading, by_unique], axis=1) @ tied
    weight = np.linalg.solve(observed, slope[:, :, None])[:, :, 0] @ tied.T
    pull = np.empty(len(x))
    for rows in np.array_split(np.arange(len(x)), max(1, len(x) * k * k // 4_000_000)):
        pull[rows] = _pull(x[rows], codes[rows], found.loadings, inverse, weight)
    return np.sqrt(np.bincount(codes, pull**2, minlength=len(cov)))


def _pull(
    x: np.ndarray, codes: np.ndarray, loadings: np.ndarray, inverse: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Score of each row times the weight of each parameter, shape (n,)."""
    k = x.shape[1]
    u = np.einsum("nij,nj->ni", inverse[codes], x)
    for_loading, for_unique = weight[:, :k], weight[:, k:]
    mean = (for_loading * (inverse @ loadings[:, :, None])[:, :, 0]).sum(axis=1)
    mean += (for_unique * np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1) / 2
    along = (u * loadings[codes]).sum(axis=1) * (u * for_loading[codes]).sum(axis=1)
    return along + (u**2 * for_unique[codes]).sum(axis=1) / 2 - mean[codes]
