"""Multiple imputation: chained predictive mean matching that knows the teams, and Rubin's rules.

References
----------
van Buuren (2018), Flexible Imputation of Missing Data, 2nd ed., CRC Press, sections 3.4 and 4.5.
Grund, Luedtke & Robitzsch (2018), Organ. Res. Methods 21(1), 111-149, doi:10.1177/1094428117703686 (cluster means).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import fdtrc

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.estimates import estimate_table, main_row
from joyeval.models.one_thread import one_thread
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

RIDGE = 1e-5  # share of a column's length added, so that nearly collinear predictors do no harm
FEW_IMPUTATIONS = 20


@one_thread
def impute(
    data: pd.DataFrame,
    columns: Sequence[str],
    *,
    cluster: str | None = None,
    m: int = 20,
    iterations: int = 10,
    donors: int = 5,
    seed: int,
) -> list[pd.DataFrame]:
    """Fill gaps `m` times by chained predictive mean matching.

    Each column with gaps is predicted from all other columns, and from the means of all columns over the other rows
    of the cluster; a gap takes the value of one of the rows with the nearest predictions, so that only values that
    occur are filled in.

    Parameters
    ----------
    data : DataFrame
        One row per person or team-wave.
    columns : sequence of str
        Columns of the imputation model: every column of the analysis, the outcome among them, and what predicts
        gaps. Numbers, true/false and ordered categories may have gaps; text may not.
    cluster : str, optional
        Column of teams, without gaps.
    m : int
        Number of filled tables.
    iterations, donors : int
        Rounds over the columns, and rows to draw from.
    seed : int
        Same seed, same tables.

    Returns
    -------
    list of DataFrame
        `data` with gaps filled, `m` times.

    Raises
    ------
    ModelError
        A column without any value, gaps in text or in the cluster.

    Examples
    --------
    >>> table = pd.DataFrame({"joy": [5.0, 6, None, 7, 5, 6], "rc": [3.0, 4, 4, 5, 3, 4]})
    >>> [int(t["joy"].isna().sum()) for t in impute(table, ["joy", "rc"], m=2, seed=1)]
    [0, 0]
    """
    _check(data, columns, cluster)
    codes = None if cluster is None else pd.factorize(data[cluster])[0]
    values = {name: _numeric(data[name]) for name in columns if not _is_text(data[name])}
    texts = [
        pd.get_dummies(data[name], drop_first=True, dtype=float).to_numpy() for name in columns if _is_text(data[name])
    ]
    fixed = np.column_stack([np.ones(len(data)), *texts])
    streams = np.random.default_rng(seed).spawn(m)
    return [_fill(data, _chain(values, fixed, codes, iterations, donors, rng)) for rng in streams]


def _check(data: pd.DataFrame, columns: Sequence[str], cluster: str | None) -> None:
    used = [*columns, *([cluster] if cluster else [])]
    if absent := [name for name in used if name not in data]:
        raise no_column(absent, data)
    empty = [f"{name} has no value at all" for name in columns if data[name].isna().all()]
    texts = [name for name in used if (name == cluster or _is_text(data[name])) and data[name].isna().any()]
    gaps = [f"{name} has {int(data[name].isna().sum())} gaps; fill text by hand or leave it out" for name in texts]
    if empty or gaps:
        raise ModelError(f"imputation of {len(data)} rows: " + "; ".join(empty + gaps))


def _is_text(column: pd.Series) -> bool:
    ordered = isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered
    return not (ordered or pd.api.types.is_numeric_dtype(column))


def _numeric(column: pd.Series) -> np.ndarray:
    """Values as numbers, gaps as NaN; an ordered category by its position."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.where(column.isna(), np.nan, column.cat.codes)
    return column.to_numpy(dtype=float, na_value=np.nan)


def _fill(data: pd.DataFrame, donors: dict[str, np.ndarray]) -> pd.DataFrame:
    """Copy to each row the value of its donor row (itself, where it has a value)."""
    return data.assign(**{name: data[name].array.take(rows) for name, rows in donors.items()})


def _chain(
    values: dict[str, np.ndarray],
    fixed: np.ndarray,
    codes: np.ndarray | None,
    iterations: int,
    donors: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Donor row of every row and column with gaps, columns in order of their number of gaps."""
    gaps = {name: np.isnan(v) for name, v in values.items()}
    order = sorted((name for name in values if gaps[name].any()), key=lambda name: gaps[name].sum())
    rows = {name: _any_donor(gaps[name], rng) for name in order}
    filled = {name: v[rows[name]] if name in rows else v for name, v in values.items()}
    for _ in range(iterations):
        for name in order:
            X = _predictors(name, filled, fixed, codes)
            rows[name][gaps[name]] = _match(values[name], X, donors, rng)
            filled[name] = values[name][rows[name]]
    return rows


def _any_donor(gap: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Start from any row with a value."""
    return np.where(gap, rng.choice(np.flatnonzero(~gap), len(gap)), np.arange(len(gap)))


def _predictors(target: str, filled: dict[str, np.ndarray], fixed: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """All other columns, and with clusters the means of all columns over the cluster's other rows."""
    others = [v for name, v in filled.items() if name != target]
    means = [] if codes is None else [_mean_of_others(v, codes) for v in filled.values()]
    return np.column_stack([fixed, *others, *means])


def _mean_of_others(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    total, count = np.bincount(codes, values)[codes] - values, np.bincount(codes)[codes] - 1
    return np.where(count > 0, total / np.maximum(count, 1), values.mean())


def _match(y: np.ndarray, X: np.ndarray, donors: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a donor row for each gap of y: one of those whose prediction is nearest."""
    seen = np.flatnonzero(~np.isnan(y))
    beta, drawn = _draw(y[seen], X[seen], rng)
    order = seen[np.argsort(X[seen] @ beta, kind="stable")]
    known, wanted = X[order] @ beta, X[np.isnan(y)] @ drawn
    near = np.searchsorted(known, wanted)[:, None] + np.arange(-donors, donors)
    inside = (near >= 0) & (near < len(known))
    near = np.clip(near, 0, len(known) - 1)
    distance = np.where(inside, np.abs(known[near] - wanted[:, None]), np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(donors, len(known))]
    picked = nearest[np.arange(len(wanted)), rng.integers(0, nearest.shape[1], len(wanted))]
    return order[near[np.arange(len(wanted)), picked]]


def _draw(y: np.ndarray, X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Least squares, and a draw of the coefficients from their posterior."""
    gram = X.T @ X
    root = np.linalg.cholesky(gram + np.diag(RIDGE * np.diag(gram) + 1e-12))
    inverse = np.linalg.inv(root)
    beta = inverse.T @ (inverse @ (X.T @ y))
    sigma = np.sqrt(np.sum((y - X @ beta) ** 2) / rng.chisquare(max(len(y) - X.shape[1], 1)))
    return beta, beta + sigma * (inverse.T @ rng.normal(size=len(beta)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled(Result):
    """Estimates pooled over imputations; `n` as in the analyses.

    Parameters
    ----------
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n, fmi, riv``: `fmi` is the fraction of information that is
        missing, `riv` the relative increase of variance by the gaps.
    imputations : int
    """

    terms: pd.DataFrame
    imputations: int

    def tidy(self) -> pd.DataFrame:
        """Return one row per term."""
        return self.terms

    def sentence(self) -> str:
        """Return the first term with its share of missing information."""
        row = main_row(self.terms)
        return (
            f"Over {self.imputations} imputations {row['term']} was {row['estimate']:.3g} (95% CI {row['ci_low']:.3g} "
            f"to {row['ci_high']:.3g}); {row['fmi']:.0%} of the information on it is missing."
        )


def pool(
    estimates: np.ndarray, variances: np.ndarray, dfcom: np.ndarray | float, *, terms: Sequence[str], n: int
) -> Pooled:
    """Pool the analyses of imputed tables by Rubin's rules.

    Parameters
    ----------
    estimates, variances : ndarray, shape (m, k)
        Of each imputed table: k estimates and their squared standard errors.
    dfcom : float or ndarray, shape (k,)
        Degrees of freedom that the analysis would have without gaps; infinite for large samples.
    terms : sequence of str, length k
    n : int
        Units of each analysis.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, Wiley.
    Barnard & Rubin (1999), Biometrika 86(4), 948-955, doi:10.1093/biomet/86.4.948.

    Examples
    --------
    >>> pooled = pool(np.array([[1.0], [1.2], [0.8]]), np.full((3, 1), 0.04), 50, terms=["joy"], n=52)
    >>> pooled.tidy()["se"].round(4).tolist()
    [0.3055]
    """
    estimates, variances = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    m = len(estimates)
    if m < 2:
        raise UsageError(f"found {m} imputation; pooling needs at least 2")
    within, between = variances.mean(axis=0), (1 + 1 / m) * estimates.var(axis=0, ddof=1)
    total = within + between
    share = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    df = _barnard_rubin(m, share, np.broadcast_to(np.asarray(dfcom, dtype=float), share.shape))
    riv = np.divide(between, within, out=np.full_like(within, np.inf), where=within > 0)
    riv = np.where(total > 0, riv, 0.0)
    table = estimate_table(terms, estimates.mean(axis=0), np.sqrt(total), n=n, df=df)
    few = (f"only {m} imputations: standard errors and p values change with the seed; take {FEW_IMPUTATIONS} or more",)
    return Pooled(
        terms=table.assign(fmi=(riv + 2 / (df + 3)) / (riv + 1), riv=riv),
        imputations=m,
        n=n,
        notes=few if m < FEW_IMPUTATIONS else (),
    )


def _barnard_rubin(m: int, share: np.ndarray, dfcom: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        old = (m - 1) / share**2
        observed = np.where(np.isinf(dfcom), np.inf, (dfcom + 1) / (dfcom + 3) * dfcom * (1 - share))
        return 1 / (1 / old + 1 / observed)


def pool_test(
    estimates: np.ndarray, covariances: np.ndarray, dfcom: float, *, terms: Sequence[str], n: int
) -> pd.DataFrame:
    """Test over imputations that several coefficients are 0 together.

    Parameters
    ----------
    estimates : ndarray, shape (m, k)
    covariances : ndarray, shape (m, k, k)
    dfcom : float
        As for `pool`.

    Returns
    -------
    DataFrame
        One row: ``term, statistic`` (F), ``df1, df2, p, n``.

    References
    ----------
    Li, Raghunathan & Rubin (1991), J. Am. Stat. Assoc. 86(416), 1065-1073, doi:10.1080/01621459.1991.10475152.
    Reiter (2007), Biometrika 94(2), 502-508, doi:10.1093/biomet/asm028 (degrees of freedom).
    """
    (m, k), mean, within = estimates.shape, estimates.mean(axis=0), covariances.mean(axis=0)
    between = np.atleast_2d(np.cov(estimates.T))
    r = (1 + 1 / m) * np.trace(np.linalg.solve(within, between)) / k
    f = float(mean @ np.linalg.solve(within, mean) / (k * (1 + r)))
    df2 = _reiter(k * (m - 1), r, dfcom)
    row = {"term": ", ".join(terms), "statistic": f, "df1": k, "df2": df2, "p": float(fdtrc(k, df2, f)), "n": n}
    return pd.DataFrame([row])


def _reiter(t: int, r: float, dfcom: float) -> float:
    """Degrees of freedom of the pooled F, in the notation of Reiter (2007)."""
    a, v, c0 = r * t / (t - 2), (dfcom + 1) / (dfcom + 3) * dfcom, 1 / (t - 4)
    c1, c2 = v - 2 * (1 + a), v - 4 * (1 + a)
    terms = (
        a**2 * c1 / ((1 + a) ** 2 * c2)
        + 8 * a**2 * c1 / ((1 + a) * c2**2)
        + 4 * a**2 / ((1 + a) * c2)
        + 4 * a**2 / (c2 * c1)
        + 16 * a**2 * c1 / c2**3
        + 8 * a**2 / c2**2
    )
    return float(4 + 1 / (1 / c2 + c0 * terms))


def pool_results(results: Sequence[Result]) -> Pooled:
    """Pool results whose `tidy` gives ``term, estimate, se, df``, one per imputed table.

    Examples
    --------
    >>> pool_results([mixed("joy ~ rc", t, groups="team") for t in impute(...)])  # doctest: +SKIP
    """
    tables = [result.tidy() for result in results]
    first = tables[0]
    if any(table["term"].tolist() != first["term"].tolist() for table in tables):
        raise UsageError("the results have different terms; pool the same model over imputations")
    estimates, se = (np.array([table[column] for table in tables]) for column in ("estimate", "se"))
    dfcom = np.mean([table["df"] for table in tables], axis=0)
    pooled = pool(estimates, se**2, dfcom, terms=first["term"].tolist(), n=results[0].n)
    notes = tuple(dict.fromkeys(note for result in results for note in result.notes))
    return Pooled(terms=pooled.terms, imputations=pooled.imputations, n=pooled.n, notes=(*pooled.notes, *notes))
