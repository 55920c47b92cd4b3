"""Tests of fixed coefficients when the variances are estimated: degrees of freedom of a contrast.

Satterthwaite and Kenward-Roger differ in two matrices only; both are kept in an `Inference`, from which the
degrees of freedom of any contrast follow.

References
----------
Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), doi:10.18637/jss.v082.i13.
Kenward & Roger (1997), Biometrics 53(3), 983-997, doi:10.2307/2533558.
Fai & Cornelius (1996), J. Stat. Comput. Simul. 54(4), 363-378, doi:10.1080/00949659608811740.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ENDLESS = 1e7  # degrees of freedom beyond which t is normal


@dataclass(frozen=True, eq=False)
class Inference:
    """What is needed to test contrasts of p coefficients whose covariance depends on K estimated parameters.

    Parameters
    ----------
    method : str
        "Kenward-Roger", "Satterthwaite" or "normal".
    vcov : ndarray, shape (p, p)
        Covariance of the coefficients, corrected for small samples by Kenward-Roger.
    model_vcov : ndarray, shape (p, p)
        The same, taking the variances as known.
    slopes : ndarray, shape (K, p, p)
        Derivative of `model_vcov` in each parameter.
    spread : ndarray, shape (K, K)
        Covariance of the estimated parameters.
    """

    method: str
    vcov: np.ndarray
    model_vcov: np.ndarray
    slopes: np.ndarray
    spread: np.ndarray

    def df(self, contrast: np.ndarray) -> float:
        """Degrees of freedom of one contrast, 2 v^2 / Var(v) with v its variance."""
        variance = contrast @ self.model_vcov @ contrast
        slope = np.einsum("i,kij,j->k", contrast, self.slopes, contrast)
        uncertain = slope @ self.spread @ slope
        return float(min(2 * variance**2 / uncertain, ENDLESS)) if uncertain > 0 else ENDLESS

    def joint(self, beta: np.ndarray, contrasts: np.ndarray) -> tuple[float, float, float]:
        """F statistic and its two degrees of freedom for `contrasts` (rows) all being 0."""
        if len(contrasts) == 1:
            row = contrasts[0]
            return float((row @ beta) ** 2 / (row @ self.vcov @ row)), 1.0, self.df(row)
        if self.method == "Kenward-Roger":
            return self._kenward_roger(beta, contrasts)
        return self._fai_cornelius(beta, contrasts)

    def _fai_cornelius(self, beta: np.ndarray, contrasts: np.ndarray) -> tuple[float, float, float]:
        """Independent combinations of the contrasts, each with its own degrees of freedom, pooled."""
        values, vectors = np.linalg.eigh(contrasts @ self.vcov @ contrasts.T)
        rows = vectors.T @ contrasts
        q = len(rows)
        df = np.array([self.df(row) for row in rows])
        total = (df[df > 2] / (df[df > 2] - 2)).sum()
        return float(((rows @ beta) ** 2 / values).mean()), q, float(2 * total / (total - q) if total > q else 2.0)

    def _kenward_roger(self, beta: np.ndarray, contrasts: np.ndarray) -> tuple[float, float, float]:
        """Scaled F of Kenward & Roger (1997), section 3, with both special cases exact."""
        q = len(contrasts)
        inner = contrasts.T @ np.linalg.inv(contrasts @ self.model_vcov @ contrasts.T) @ contrasts
        pieces = np.einsum("ij,kjl->kil", inner, self.slopes)
        traces = np.einsum("kii->k", pieces)
        a1 = traces @ self.spread @ traces
        a2 = np.einsum("kl,kij,lji->", self.spread, pieces, pieces)
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        c1, c2, c3 = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
        expected = 1 / (1 - a2 / q)
        variance = 2 / q * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = variance / (2 * expected**2)
        df = 4 + (q + 2) / (q * rho - 1)
        estimate = contrasts @ beta
        wald = estimate @ np.linalg.solve(contrasts @ self.vcov @ contrasts.T, estimate) / q
        return float(df / (expected * (df - 2)) * wald), q, float(df)
