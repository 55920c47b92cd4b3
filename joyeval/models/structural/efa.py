"""Exploratory factor analysis of a correlation matrix: extraction, rotation, Schmid-Leiman, parallel analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc

from joyeval.errors import ModelError, UsageError
from joyeval.models.one_thread import one_thread

LEAST_UNIQUE = 0.005  # lower bound of a uniqueness, as in R factanal and psych
ROTATION_STEPS, ROTATION_FLAT = 5000, 1e-9


@dataclass(frozen=True, eq=False)
class Extraction:
    """Unrotated factors.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
    uniqueness : ndarray, shape (p,)
    objective : float
        Discrepancy at the minimum: of maximum likelihood, or the sum of squared residuals (minres).
    """

    loadings: np.ndarray
    uniqueness: np.ndarray
    objective: float


@one_thread
def extract(r: np.ndarray, m: int, *, method: str = "minres") -> Extraction:
    """Extract `m` factors from a correlation matrix.

    Parameters
    ----------
    r : ndarray, shape (p, p)
    method : {"minres", "ml"}
        Least squares of the residual correlations (Harman & Jones 1966), or maximum likelihood (Jöreskog 1967).

    Raises
    ------
    UsageError
        Unknown method, or fewer than 1 or too many factors for p items.
    ModelError
        Some items are redundant (the matrix is singular).
    """
    p = len(r)
    if method not in ("minres", "ml"):
        raise UsageError(f"method: found {method!r}; expected 'minres' or 'ml'")
    if not 1 <= m < p:
        raise UsageError(f"factors: found {m} for {p} items; expected 1 to {p - 1}")
    values, _ = np.linalg.eigh(r)
    if values[0] < 1e-10:
        raise ModelError(f"factor analysis of {p} items: some item is a sum of others; leave it out")
    start = np.clip(1 / np.diag(np.linalg.inv(r)), 2 * LEAST_UNIQUE, 0.99)
    discrepancy = _minres if method == "minres" else _ml

    def in_hundredths(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = discrepancy(x / 100, r, m)
        return value, slope / 100

    bounds = [(100 * LEAST_UNIQUE, 100.0)] * p
    options = {"maxiter": 5000, "maxfun": 50_000, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(in_hundredths, 100 * start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    if found.status == 1:
        raise ModelError(f"factor analysis of {p} items did not converge with {m} factors; use fewer")
    return Extraction(_loadings(found.x / 100, r, m, method), found.x / 100, float(found.fun))


def _minres(psi: np.ndarray, r: np.ndarray, m: int) -> tuple[float, np.ndarray]:
    values, vectors = np.linalg.eigh(r - np.diag(psi))
    values[-m:] = np.minimum(values[-m:], 0)  # a kept factor leaves nothing, unless its variance would be negative
    return float(values @ values), -2 * (vectors**2) @ values


def _ml(psi: np.ndarray, r: np.ndarray, m: int) -> tuple[float, np.ndarray]:
    scale = 1 / np.sqrt(psi)
    values, vectors = np.linalg.eigh(r * np.outer(scale, scale))
    left = values[:-m]
    fit = float(np.sum(left - np.log(left)) - len(left))
    return fit, ((vectors[:, :-m] ** 2) @ (1 - left)) / psi


def _loadings(psi: np.ndarray, r: np.ndarray, m: int, method: str) -> np.ndarray:
    if method == "minres":
        values, vectors = np.linalg.eigh(r - np.diag(psi))
        loadings = vectors[:, -m:] * np.sqrt(np.clip(values[-m:], 0, None))
    else:
        scale = 1 / np.sqrt(psi)
        values, vectors = np.linalg.eigh(r * np.outer(scale, scale))
        loadings = vectors[:, -m:] * np.sqrt(np.clip(values[-m:] - 1, 0, None)) / scale[:, None]
    loadings = loadings[:, ::-1]
    return loadings * np.where(loadings.sum(axis=0) < 0, -1, 1)


def varimax(loadings: np.ndarray) -> np.ndarray:
    """Rotate to simple structure, factors uncorrelated, rows weighted equally (Kaiser 1958)."""
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    rows = loadings / np.where(length > 0, length, 1)
    turn, before = np.eye(loadings.shape[1]), 0.0
    for _ in range(ROTATION_STEPS):
        turned = rows @ turn
        u, s, v = np.linalg.svd(rows.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        turn = u @ v
        if s.sum() < before * (1 + 1e-13):
            break
        before = s.sum()
    return (rows @ turn) * length


def oblimin(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotate to simple structure, factors correlated (direct quartimin, by gradient projection from no rotation).

    Returns
    -------
    tuple
        Pattern loadings (p, m) and factor correlations (m, m).

    References
    ----------
    Jennrich (2002) doi:10.1007/BF02294706.
    """
    turn, step = np.eye(loadings.shape[1]), 1.0
    rotated, value, slope = _quartimin(loadings, turn)
    for _ in range(ROTATION_STEPS):
        projected = slope - turn * (turn * slope).sum(axis=0)
        size = np.sqrt((projected**2).sum())
        if size < ROTATION_FLAT:
            break
        step *= 2
        for _ in range(60):
            trial = turn - step * projected
            trial = trial / np.sqrt((trial**2).sum(axis=0))
            rotated, new, new_slope = _quartimin(loadings, trial)
            if new < value - 0.5 * size**2 * step:
                break
            step /= 2
        else:
            break
        turn, value, slope = trial, new, new_slope
    rotated = _quartimin(loadings, turn)[0]
    sign = np.where(rotated.sum(axis=0) < 0, -1, 1)
    return rotated * sign, (turn.T @ turn) * np.outer(sign, sign)


def _quartimin(loadings: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Rotated loadings, criterion and its gradient by the rotation."""
    inverse = np.linalg.inv(turn)
    rotated = loadings @ inverse.T
    squares = rotated**2
    others = squares @ (1 - np.eye(len(turn)))
    slope = -(rotated.T @ (rotated * others) @ inverse).T
    return rotated, float((squares * others).sum() / 4), slope


@dataclass(frozen=True, eq=False)
class SchmidLeiman:
    """One general factor and group factors, all uncorrelated: loadings (p,), (p, m) and uniqueness (p,)."""

    general: np.ndarray
    group: np.ndarray
    uniqueness: np.ndarray


@one_thread
def schmid_leiman(r: np.ndarray, m: int) -> SchmidLeiman:
    """Split correlated factors (minres, oblimin) into what they share and what is their own.

    Needs three factors or more: two correlated factors do not tell how each depends on the general one.

    References
    ----------
    Schmid & Leiman (1957) doi:10.1007/BF02289209.
    """
    if m < 3:
        raise UsageError(f"factors: found {m}; a general factor above group factors needs at least 3")
    unrotated = extract(r, m)
    pattern, phi = oblimin(unrotated.loadings)
    above = extract(phi, 1).loadings[:, 0]
    general = pattern @ above
    flip = -1 if general.sum() < 0 else 1
    group = pattern * np.sqrt(np.clip(1 - above**2, 0, None))
    return SchmidLeiman(general * flip, group, 1 - (unrotated.loadings**2).sum(axis=1))


def common_eigenvalues(r: np.ndarray) -> np.ndarray:
    """Eigenvalues of correlations (..., p, p) with what items share with the others on the diagonal, largest first."""
    shared = 1 - 1 / np.diagonal(np.linalg.inv(r), axis1=-2, axis2=-1)
    return np.linalg.eigvalsh(r - (1 - shared)[..., None] * np.eye(r.shape[-1]))[..., ::-1]


@one_thread
def random_eigenvalues(
    n: int, p: int, *, draws: int = 500, quantile: float = 0.95, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues that uncorrelated normal items reach by chance, largest first, shapes (p,) and (p,).

    Of principal components (Horn 1965), and of common factors (Humphreys & Ilgen 1969; see `common_eigenvalues`).

    Sample covariance matrices are drawn from the Wishart distribution, so the cost does not depend on `n`.
    """
    rng = np.random.default_rng(seed)
    root = np.tril(rng.standard_normal((draws, p, p)), -1)
    root[:, range(p), range(p)] = np.sqrt(rng.chisquare(n - 1 - np.arange(p), (draws, p)))
    covariance = root @ root.transpose(0, 2, 1)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    r = covariance / (sd[:, :, None] * sd[:, None, :])
    components = np.quantile(np.linalg.eigvalsh(r)[:, ::-1], quantile, axis=0)
    return components, np.quantile(common_eigenvalues(r), quantile, axis=0)


def sampling_adequacy(r: np.ndarray) -> np.ndarray:
    """Kaiser-Meyer-Olkin measure: of all items together, then of each, shape (p + 1,)."""
    inverse = np.linalg.inv(r)
    partial = inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    off = ~np.eye(len(r), dtype=bool)
    r2, p2 = (r**2 * off).sum(axis=1), (partial**2 * off).sum(axis=1)
    return np.concatenate([[r2.sum() / (r2.sum() + p2.sum())], r2 / (r2 + p2)])


def bartlett(r: np.ndarray, n: int) -> tuple[float, int, float]:
    """Test that no items correlate: chi-square, df, p."""
    p = len(r)
    chisq = -(n - 1 - (2 * p + 5) / 6) * np.linalg.slogdet(r)[1]
    df = p * (p - 1) // 2
    return float(chisq), df, float(chdtrc(df, chisq))


def likelihood_test(fit: Extraction, n: int) -> tuple[float, int, float]:
    """Test that `m` factors of maximum likelihood are enough, with Bartlett's correction: chi-square, df, p."""
    p, m = fit.loadings.shape
    chisq = (n - 1 - (2 * p + 5) / 6 - 2 * m / 3) * fit.objective
    df = ((p - m) ** 2 - p - m) // 2
    return float(chisq), df, float(chdtrc(df, chisq)) if df > 0 else np.nan


@one_thread
def hierarchical_omega(r: np.ndarray, m: int) -> tuple[float, float, SchmidLeiman]:
    """Share of the variance of the sum of standardised items due to the general factor, and to all common factors."""
    split = schmid_leiman(r, m)
    total = r.sum()
    return float(split.general.sum() ** 2 / total), float((total - split.uniqueness.sum()) / total), split
