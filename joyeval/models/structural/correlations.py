"""Polychoric correlations: what items with ordered options would correlate if they were measured on a normal scale.

Two steps (Olsson 1979): thresholds from the share of each option, then the correlation of each pair by maximum
likelihood from its table of counts; all pairs at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from joyeval.errors import ModelError, UsageError
from joyeval.models.one_thread import one_thread

FAR = 10.0  # a threshold at infinity
MOST_OPTIONS = 12
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
STEPS, FLAT = 100, 1e-11
CLOSE = 0.9999  # largest correlation in absolute value


@dataclass(frozen=True, eq=False)
class Polychoric:
    """Thresholds and correlations of ordered items.

    Parameters
    ----------
    items : tuple of str
    thresholds : ndarray, shape (p, most options + 1)
        Limits between options, from -10 to 10 (for infinity); 10 beyond the last option of an item.
    options : ndarray of int, shape (p,)
        Options seen of each item.
    correlation : ndarray, shape (p, p)
    se : ndarray, shape (p, p)
        Standard errors of the correlations given the thresholds; 0 on the diagonal.
    codes : ndarray of int, shape (n, p)
        Position of each answer among the options of its item; -1 for a gap.
    n : int
    """

    items: tuple[str, ...]
    thresholds: np.ndarray
    options: np.ndarray
    correlation: np.ndarray
    se: np.ndarray
    codes: np.ndarray
    n: int


@one_thread
def polychoric(items: pd.DataFrame, *, missing: str = "listwise", what: str = "polychoric") -> Polychoric:
    """Estimate polychoric correlations.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Answers on ordered options (numbers or ordered categoricals).
    missing : {"listwise", "pairwise"}

    Raises
    ------
    UsageError
        More than 12 distinct answers: these are not options.
    ModelError
        An item with one option only, or fewer than 10 rows.

    References
    ----------
    Olsson (1979) doi:10.1007/BF02296207.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> common = rng.normal(size=(2000, 1))
    >>> answers = pd.DataFrame(np.digitize(common + rng.normal(size=(2000, 2)), [-1, 0, 1]))
    >>> round(float(polychoric(answers).correlation[0, 1]), 1)
    0.5
    """
    codes, options = _codes(items, missing, what)
    thresholds = _thresholds(codes, options)
    first, second = np.triu_indices(len(options), 1)
    tables = pair_tables(codes, first, second, int(options.max()))
    rho, se = _correlations(tables, thresholds[first], thresholds[second])
    p = len(options)
    correlation, error = np.eye(p), np.zeros((p, p))
    correlation[first, second] = correlation[second, first] = rho
    error[first, second] = error[second, first] = se
    return Polychoric(tuple(map(str, items)), thresholds, options, correlation, error, codes, len(codes))


def _codes(items: pd.DataFrame, missing: str, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Answers as positions, -1 for a gap; rows that are not used are left out."""
    if missing not in ("listwise", "pairwise"):
        raise UsageError(f"{what}: found missing={missing!r}; expected 'listwise' or 'pairwise'")
    kept = items.dropna(how="any" if missing == "listwise" else "all")
    columns = [pd.factorize(kept[name], sort=True)[0] for name in kept]
    codes = np.stack(columns, axis=1) if columns else np.empty((len(kept), 0), dtype=int)
    options = codes.max(axis=0, initial=-1) + 1
    flat = [str(name) for name, count in zip(items, options, strict=True) if count < 2]
    if len(kept) < 10 or flat or len(options) < 2:
        said = f"; only one option of {', '.join(flat)} was chosen" if flat else ""
        raise ModelError(
            f"{what}: {len(kept)} usable rows of {len(options)} items{said}; needs 10 rows and 2 items with 2 options"
        )
    if options.max() > MOST_OPTIONS:
        many = [str(name) for name, count in zip(items, options, strict=True) if count > MOST_OPTIONS]
        raise UsageError(
            f"{what}: more than {MOST_OPTIONS} distinct answers in {', '.join(many)}; give items, not scores"
        )
    return codes, options


def _thresholds(codes: np.ndarray, options: np.ndarray) -> np.ndarray:
    counts = np.stack([np.bincount(column[column >= 0], minlength=options.max()) for column in codes.T])
    shares = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    limits = np.clip(ndtri(np.clip(shares, 0, 1)), -FAR, FAR)
    return np.concatenate([np.full((len(options), 1), -FAR), limits], axis=1)


def pair_tables(codes: np.ndarray, first: np.ndarray, second: np.ndarray, options: int) -> np.ndarray:
    """Count each pair of answers, shape (pairs, options, options)."""
    tables = np.empty((len(first), options, options))
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        both = (codes[:, i] >= 0) & (codes[:, j] >= 0)
        flat = codes[both, i] * options + codes[both, j]
        tables[pair] = np.bincount(flat, minlength=options**2).reshape(options, options)
    return tables


def normal_square(h: np.ndarray, k: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Probability that two standard normals with correlation `rho` lie below `h` and `k`.

    Integral over the correlation by Gauss-Legendre (Drezner & Wesolowsky 1990); arrays broadcast.
    """
    angle = np.arcsin(rho)[..., None] * (NODES + 1) / 2
    sine, h, k = np.sin(angle), np.asarray(h)[..., None], np.asarray(k)[..., None]
    inside = np.exp(-(h**2 + k**2 - 2 * h * k * sine) / (2 * (1 - sine**2)))
    part = (inside * WEIGHTS).sum(axis=-1) * np.arcsin(rho) / (4 * np.pi)
    return ndtr(h[..., 0]) * ndtr(k[..., 0]) + part


def normal_density(h: np.ndarray, k: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Density of two standard normals with correlation `rho`."""
    rest = 1 - rho**2
    return np.exp(-(h**2 - 2 * rho * h * k + k**2) / (2 * rest)) / (2 * np.pi * np.sqrt(rest))


def cells_of(corners: np.ndarray) -> np.ndarray:
    """Turn values at the corners of a grid (..., a, b) into those of its cells (..., a - 1, b - 1)."""
    return np.diff(np.diff(corners, axis=-1), axis=-2)


def _correlations(tables: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fisher scoring of every pair, each step halved until its likelihood does not fall."""
    h, k = rows[:, :, None], columns[:, None, :]
    n = tables.sum(axis=(1, 2))
    rho = np.clip(_product_moment(tables), -0.95, 0.95)
    value = _log_likelihood(tables, h, k, rho)
    for _ in range(STEPS):
        share = np.clip(cells_of(normal_square(h, k, rho[:, None, None])), 1e-300, None)
        slope = cells_of(normal_density(h, k, rho[:, None, None]))
        information = n * (slope**2 / share).sum(axis=(1, 2))
        move = (tables * slope / share).sum(axis=(1, 2)) / information
        for _ in range(30):
            trial = np.clip(rho + move, -CLOSE, CLOSE)
            new = _log_likelihood(tables, h, k, trial)
            worse = new < value - 1e-9
            if not worse.any():
                break
            move = np.where(worse, move / 2, move)
        done = np.abs(trial - rho).max() < FLAT
        rho, value = trial, new
        if done:
            break
    return rho, 1 / np.sqrt(information)


def _log_likelihood(tables: np.ndarray, h: np.ndarray, k: np.ndarray, rho: np.ndarray) -> np.ndarray:
    share = np.clip(cells_of(normal_square(h, k, rho[:, None, None])), 1e-300, None)
    return (tables * np.log(share)).sum(axis=(1, 2))


def _product_moment(tables: np.ndarray) -> np.ndarray:
    """Correlation of the option numbers, where the search starts."""
    number = np.arange(tables.shape[1])
    n = tables.sum(axis=(1, 2))
    x, y = tables.sum(axis=2), tables.sum(axis=1)
    mean_x, mean_y = x @ number / n, y @ number / n
    cross = np.einsum("pab,a,b->p", tables, number, number) / n - mean_x * mean_y
    spread = (x @ number**2 / n - mean_x**2) * (y @ number**2 / n - mean_y**2)
    return cross / np.sqrt(np.maximum(spread, 1e-12))
