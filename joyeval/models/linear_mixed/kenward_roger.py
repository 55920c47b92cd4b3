"""Kenward-Roger covariance of the fixed coefficients of a Gaussian mixed model fitted by REML.

The covariance is linear in its parameters, V = s0 K_0 + sum_k s_k K_k with K_0 = W^-1, so that everything about
K_0 follows from the others and V itself; no n x n matrix is formed.

References
----------
Kenward & Roger (1997), Biometrics 53(3), 983-997, doi:10.2307/2533558.
Halekoh & Hojsgaard (2014), J. Stat. Softw. 59(9), doi:10.18637/jss.v059.i09 (what pbkrtest computes).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.linear_mixed.eliminate import dense
from joyeval.models.linear_mixed.inference import Inference
from joyeval.models.linear_mixed.likelihood import factors
from joyeval.models.one_thread import one_thread

if TYPE_CHECKING:
    from joyeval.models.linear_mixed.gram import Gram
    from joyeval.models.linear_mixed.lmm import Fit

MOST_EFFECTS = 2500  # random effects that are crossed: their dense matrix is inverted


@dataclass(frozen=True, eq=False)
class _Moments:
    """Traces and products of V0^-1 K_k in units of the residual variance; index 0 is the residual.

    `t` (K,) tr(V0^-1 K_k), `T` (K, K) tr(V0^-1 K_k V0^-1 K_l), `P` (K, p, p) Q'V0^-1 K_k V0^-1 Q,
    `C` (K, K, p, p) Q'V0^-1 K_k V0^-1 K_l V0^-1 Q.
    """

    t: np.ndarray
    T: np.ndarray
    P: np.ndarray
    C: np.ndarray


@one_thread
def kenward_roger(fit: Fit) -> Inference:
    """Return the small-sample covariance of the coefficients and what their degrees of freedom need."""
    g, p = fit.gram, fit.gram.p
    vcov = np.linalg.inv(fit.profile.solved.cross[:p, :p])
    m = _with_residual(*_random_moments(g, fit.theta), omega=_parameters(g, fit.theta), n=g.n, inverse=vcov)
    adjusted, slopes, spread = small_sample(vcov, m.T, m.P, m.C)
    unroot = np.linalg.inv(g.R) * g.scale * np.sqrt(fit.profile.sigma2)
    return Inference(
        method="Kenward-Roger",
        vcov=unroot @ adjusted @ unroot.T,
        model_vcov=fit.vcov,
        slopes=unroot @ slopes @ unroot.T,
        spread=spread,
    )


@one_thread
def small_sample(
    vcov: np.ndarray, T: np.ndarray, P: np.ndarray, C: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Adjust the covariance of coefficients for covariance parameters having been estimated.

    Parameters
    ----------
    vcov : ndarray, shape (p, p)
        (X'V^-1X)^-1.
    T : ndarray, shape (K, K)
        tr(V^-1 K_k V^-1 K_l), V = sum_k s_k K_k.
    P : ndarray, shape (K, p, p)
        X'V^-1 K_k V^-1 X.
    C : ndarray, shape (K, K, p, p)
        X'V^-1 K_k V^-1 K_l V^-1 X.

    Returns
    -------
    adjusted covariance (p, p), derivatives of `vcov` (K, p, p), covariance of the parameters (K, K)
    """
    # Kenward & Roger's W = 2 I^-1 and Lambda = Phi [sum W_kl (Q_kl - P_k Phi P_l)] Phi; V is linear in its parameters,
    # so that their R_kl, of second derivatives, is 0. The information may be singular (a variance of 0): pinv.
    PV = P @ vcov
    information = (T - 2 * np.einsum("ij,klji->kl", vcov, C) + np.einsum("kij,lji->kl", PV, PV)) / 2
    spread = np.linalg.pinv(information, hermitian=True)
    bias = np.einsum("kl,klij->ij", spread, C - np.einsum("kij,ljm->klim", PV, P))
    return vcov + 2 * vcov @ bias @ vcov, vcov @ P @ vcov, spread


def can_adjust(fit: Fit) -> bool:
    """Return whether the crossed effects are few enough for their dense matrix."""
    return fit.gram.F is None or sum(term.n_levels * term.q for term in fit.gram.terms) <= MOST_EFFECTS


def _parameters(g: Gram, theta: np.ndarray) -> np.ndarray:
    """Relative variances and covariances, in the order of `Term.entries`."""
    return np.concatenate([(L @ L.T)[term.entries] for term, L in zip(g.terms, factors(g.terms, theta), strict=True)])


def _with_residual(
    t: np.ndarray, T: np.ndarray, P: np.ndarray, C: np.ndarray, *, omega: np.ndarray, n: int, inverse: np.ndarray
) -> _Moments:
    """Add the residual by K_0 = V0 - sum omega_k K_k."""
    t0 = n - omega @ t
    T0 = t - omega @ T
    P0 = np.linalg.inv(inverse) - np.tensordot(omega, P, 1)
    C0 = P - np.tensordot(omega, C, 1)
    K = len(omega) + 1
    full_T, full_C = np.empty((K, K)), np.empty((K, K, *P0.shape))
    full_T[1:, 1:], full_T[0, 1:], full_T[1:, 0], full_T[0, 0] = T, T0, T0, t0 - omega @ T0
    full_C[1:, 1:], full_C[0, 1:], full_C[1:, 0] = C, C0, C0.transpose(0, 2, 1)
    full_C[0, 0] = P0 - np.tensordot(omega, C0.transpose(0, 2, 1), 1)
    return _Moments(np.append(t0, t), full_T, np.concatenate([P0[None], P]), full_C)


def _random_moments(g: Gram, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Moments of the random parameters, from A = Z'V0^-1Z and R = Z'V0^-1Q."""
    A, R = _effects(g, theta)
    picks = _picks(g)
    K, p = len(picks), g.p
    t, T, P, C = np.empty(K), np.empty((K, K)), np.empty((K, p, p)), np.empty((K, K, p, p))
    for k, left in enumerate(picks):
        t[k] = sum(A[:, a, b].sum() for a, b in left)
        P[k] = sum(_inner(R[:, a], R[:, b]) for a, b in left)
        for m, right in enumerate(picks):
            pairs = [(a, b, c, d) for (a, b), (c, d) in product(left, right)]
            T[k, m] = sum((_block(A, d, a).transpose(0, 2, 1) * _block(A, b, c)).sum() for a, b, c, d in pairs)
            C[k, m] = sum(_inner(R[:, a], _block(A, b, c) @ R[:, d]) for a, b, c, d in pairs)
    return t, T, P, C


def _effects(g: Gram, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return A (batch, d, d) and R (batch, d, p); one batch per level of a single term, or one of all effects."""
    Ls = factors(g.terms, theta)
    if g.F is None:
        N, E, S = g.products[0], g.sums[0][:, :, : g.p], Ls[0] @ Ls[0].T
    else:
        from scipy.linalg import block_diag

        F = dense(g.F)
        N = np.block([[block_diag(*g.products[0]), F], [F.T, dense(g.D)]])[None]
        E = np.concatenate([s[:, :, : g.p].reshape(-1, g.p) for s in g.sums])[None]
        S = block_diag(*(np.kron(np.eye(t.n_levels), L @ L.T) for t, L in zip(g.terms, Ls, strict=True)))
    both = np.linalg.solve(np.eye(N.shape[1]) + N @ S, np.concatenate([N, E], axis=2))
    return both[:, :, : N.shape[1]], both[:, :, N.shape[1] :]


def _picks(g: Gram) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Per parameter the (row, column) effects that its derivative matrix holds, one pair per level."""
    picks, start = [], 0
    for term in g.terms:
        levels = 1 if g.F is None else term.n_levels
        at = start + np.arange(levels) * term.q
        for i, j in zip(*term.entries, strict=True):
            picks.append([(at + i, at + j)] if i == j else [(at + i, at + j), (at + j, at + i)])
        start += levels * term.q
    return picks


def _block(A: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return A[:, rows[:, None], columns]


def _inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.tensordot(left, right, axes=([0, 1], [0, 1]))
