"""One series with autocorrelation: AR(1) generalised least squares by REML, and Newey-West errors.

REML estimates the autocorrelation of short series with less bias than maximum likelihood, and the first-order
Kenward-Roger adjustment carries what remains unknown of it into errors and degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from joyeval.errors import ModelError
from joyeval.models.one_thread import one_thread
from joyeval.models.panel.robust import bartlett

if TYPE_CHECKING:
    from joyeval.models.panel.absorption import LeastSquares

PHI_LIMIT = 0.99


@dataclass(frozen=True, eq=False)
class AR1:
    """A regression whose errors follow a first-order autoregression.

    Parameters
    ----------
    beta : ndarray, shape (p,)
        Coefficients.
    estimate, se, df : ndarray, shape (q,)
        The sums of coefficients asked for (default: each), Kenward-Roger errors and degrees of freedom.
    vcov_plain, vcov : ndarray, shape (q, q)
        Of these, before and after the Kenward-Roger adjustment.
    phi : float
        Correlation of errors one period apart.
    sigma : float
        Standard deviation of an error.
    log_likelihood : float
        Restricted (REML).
    """

    beta: np.ndarray
    estimate: np.ndarray
    vcov_plain: np.ndarray
    vcov: np.ndarray
    df: np.ndarray
    phi: float
    sigma: float
    log_likelihood: float

    @property
    def se(self) -> np.ndarray:
        """Kenward-Roger standard errors, shape (q,)."""
        return np.sqrt(np.diag(self.vcov))


@one_thread
def gls_ar1(
    y: np.ndarray, X: np.ndarray, time: np.ndarray, *, reml: bool = True, sums: np.ndarray | None = None
) -> AR1:
    """Fit a regression with AR(1) errors to one series, gaps allowed.

    Parameters
    ----------
    y : ndarray, shape (n,)
    X : ndarray, shape (n, p)
    time : ndarray of int, shape (n,)
        Strictly increasing; a gap of d periods has correlation phi to the power d.
    reml : bool
        False: maximum likelihood.
    sums : ndarray, shape (p, q), optional
        Weighted sums of coefficients to answer for, one per column, in place of the coefficients themselves.

    Raises
    ------
    ModelError
        Fewer than p + 3 points, or repeated times.

    References
    ----------
    Kenward & Roger (1997), Biometrics 53(3), 983-997. doi:10.2307/2533558
    Turner, Forbes, Karahalios, Taljaard & McKenzie (2021), BMC Med. Res. Methodol. 21, 181.
    doi:10.1186/s12874-021-01364-0
    """
    n, p = X.shape
    if n < p + 3:
        raise ModelError(f"{n} points for {p} coefficients and an autocorrelation; needs at least {p + 3}")
    if (np.diff(time) < 1).any():
        raise ModelError("times of a series must increase and not repeat; aggregate to one value per period")
    gaps = np.diff(time).astype(float)
    found = minimize_scalar(
        lambda phi: -_profile(phi, y, X, gaps, reml)[0],
        bounds=(-PHI_LIMIT, PHI_LIMIT),
        method="bounded",
        options={"xatol": 1e-10},
    )
    phi = float(found.x)
    value, beta, sigma2 = _profile(phi, y, X, gaps, reml)
    lags = np.abs(time[:, None] - time[None, :]).astype(float)
    sums = np.eye(p) if sums is None else sums
    plain, adjusted, df = _kenward_roger(phi, sigma2, X, lags, sums)
    return AR1(
        beta=beta,
        estimate=beta @ sums,
        vcov_plain=plain,
        vcov=adjusted,
        df=df,
        phi=phi,
        sigma=float(np.sqrt(sigma2)),
        log_likelihood=value,
    )


@one_thread
def newey_west(fit: LeastSquares, *, lags: int | None = None) -> np.ndarray:
    """Return the covariance of the coefficients of one series in time order, robust to autocorrelation.

    Parameters
    ----------
    fit : LeastSquares
        Of rows one period apart, sorted by time.
    lags : int, optional
        Default ``floor(0.75 n^(1/3))``.

    Returns
    -------
    ndarray, shape (p, p)
        With Bartlett weights and the factor n/(n-p).

    References
    ----------
    Newey & West (1987), Econometrica 55(3), 703-708. doi:10.2307/1913610
    """
    n, p = fit.n, len(fit.beta)
    reach = int(0.75 * n ** (1 / 3)) if lags is None else lags
    scores = (fit.basis[:, -p:] * fit.residual[:, None]) @ np.linalg.inv(fit.R).T
    return bartlett(scores, reach) * n / (n - fit.rank)


def whiten(columns: np.ndarray, gaps: np.ndarray, phi: float) -> tuple[np.ndarray, float]:
    """Turn AR(1) rows into independent ones of equal variance; return the log determinant of their correlation too."""
    carry = _power(phi, gaps)
    fresh = 1 - carry**2
    out = columns.copy()
    out[1:] = (columns[1:] - carry[:, None] * columns[:-1]) / np.sqrt(fresh)[:, None]
    return out, float(np.log(fresh).sum())


def _profile(phi: float, y: np.ndarray, X: np.ndarray, gaps: np.ndarray, reml: bool) -> tuple[float, np.ndarray, float]:
    """Log likelihood at phi with the rest at its best, the coefficients and the variance there."""
    rows, log_det = whiten(np.column_stack([X, y]), gaps, phi)
    n, p = X.shape
    Q, R = np.linalg.qr(rows[:, :p])
    along = Q.T @ rows[:, p]
    rest = rows[:, p] - Q @ along
    free = n - p if reml else n
    sigma2 = float(rest @ rest) / free
    log_r = float(np.log(np.abs(np.diag(R))).sum()) if reml else 0.0
    value = -0.5 * (free * (np.log(2 * np.pi * sigma2) + 1) + log_det) - log_r
    return value, np.linalg.solve(R, along), sigma2


def _kenward_roger(
    phi: float, sigma2: float, X: np.ndarray, lags: np.ndarray, sums: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plain and adjusted covariance of sums of the coefficients, and degrees of freedom of each.

    Notation of Kenward & Roger (1997): P and Q of the derivatives of V = sigma2 R(phi), W the inverse
    information of (sigma2, phi). The term of second derivatives is left out: with an autocorrelation it can
    turn a variance negative, while without it the adjustment only adds.
    """
    # V is n x n and dense, for one series that is little; its inverse is not needed by the fit, which whitens rows by
    # one subtraction each (`whiten`), only by this correction.
    correlation = _power(phi, lags)
    slopes = [correlation, sigma2 * lags * _power(phi, np.maximum(lags - 1, 0))]
    inverse = np.linalg.inv(sigma2 * correlation)
    VX = inverse @ X
    plain = np.linalg.inv(X.T @ VX)
    P = [VX.T @ slope @ VX for slope in slopes]
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    lost = {(i, j): VX.T @ slopes[i] @ inverse @ slopes[j] @ VX for i, j in pairs}
    solved = [inverse @ slope for slope in slopes]
    information = np.empty((2, 2))
    for i, j in pairs:
        known = np.sum(solved[i] * solved[j].T)
        information[i, j] = 0.5 * (known - np.trace(plain @ (2 * lost[i, j] - P[i] @ plain @ P[j])))
    W = np.linalg.inv(information)
    extra = sum(W[i, j] * (lost[i, j] - P[i] @ plain @ P[j]) for i, j in pairs)
    pulled = plain @ sums
    moves = np.array([np.einsum("kq,kl,lq->q", pulled, p, pulled) for p in P])
    variance = np.einsum("kq,kq->q", sums, pulled)
    df = 2 * variance**2 / np.einsum("iq,ij,jq->q", moves, W, moves)
    return sums.T @ pulled, sums.T @ (plain + 2 * plain @ extra @ plain) @ sums, df


def _power(phi: float, lags: np.ndarray) -> np.ndarray:
    """Return phi to whole powers, with the sign that a negative phi gives."""
    return np.where(lags % 2 == 1, np.sign(phi), 1.0) * np.abs(phi) ** lags
