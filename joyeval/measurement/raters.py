"""Several ratings of the same targets: the six intraclass correlations, and test-retest of one person's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError
from joyeval.measurement.groups import answers_of
from joyeval.measurement.turnover import once_each
from joyeval.result import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class RaterIcc(Result):
    """The six forms of Shrout and Fleiss; `n` counts targets (persons) rated by everyone.

    Parameters
    ----------
    level : float
    k : int
        Ratings per target.
    estimates : DataFrame
        term, estimate, se, ci_low, ci_high, p, n. ``ICC(1,1)`` other raters for each target, ``ICC(2,1)`` agreement of
        raters drawn at random, ``ICC(3,1)`` consistency of these raters; ``(.,k)`` the same of the mean of k ratings.
        From `retest` also ``mean_change``, ``sem`` (standard error of measurement) and ``mdc`` (smallest change beyond
        error).
    """

    level: float
    k: int
    estimates: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Agreement of single ratings, and for a retest the smallest change beyond error."""
        rows = self.estimates.set_index("term")
        two = rows.loc["ICC(2,1)"]
        text = (
            f"ICC(2,1) was {two['estimate']:.2f} ({self.level:.0%} CI {two['ci_low']:.2f} to {two['ci_high']:.2f}; "
            f"{self.n} targets, {self.k} ratings each)"
        )
        if "mdc" in rows.index:
            text += f"; one person must change by {rows.loc['mdc', 'estimate']:.2f} points to exceed measurement error"
        return text + "."


def icc_forms(ratings: pd.DataFrame, *, level: float = 0.95) -> RaterIcc:
    """Intraclass correlations of targets by raters, all six forms.

    Parameters
    ----------
    ratings : DataFrame, shape (targets, raters)
        Targets with a gap are left out and counted.

    Raises
    ------
    ModelError
        Fewer than 2 raters, or fewer than 3 complete targets, or no variation.

    References
    ----------
    Shrout & Fleiss (1979) doi:10.1037/0033-2909.86.2.420; McGraw & Wong (1996) doi:10.1037/1082-989X.1.1.30.

    Examples
    --------
    >>> table = pd.DataFrame([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    >>> icc_forms(table).tidy()["estimate"].round(2).tolist()
    [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    x, dropped = _complete(ratings, "icc_forms")
    return RaterIcc(
        n=len(x), n_dropped=dropped, notes=_notes(len(x)), level=level, k=x.shape[1], estimates=_forms(x, level)
    )


def retest(first: pd.Series, second: pd.Series, *, level: float = 0.95) -> RaterIcc:
    """Test-retest reliability of one score in two linked waves, with its error of measurement.

    Real change of persons counts as error here: use waves close enough that little has changed.

    Parameters
    ----------
    first, second : Series
        Scores of the same persons, matched by index.

    Raises
    ------
    ModelError
        Fewer than 3 persons in both waves, or no variation.

    References
    ----------
    Weir (2005) doi:10.1519/15184.1; de Vet et al. (2006) doi:10.1016/j.jclinepi.2005.10.015.
    """
    from scipy.special import chdtri, ndtri, stdtr, stdtrit

    once_each(first=first, second=second)
    both = pd.concat([first.rename("first"), second.rename("second")], axis=1)
    x, dropped = _complete(both, "retest")
    n, tail = len(x), (1 - level) / 2
    change = x[:, 1] - x[:, 0]
    se = change.std(ddof=1) / np.sqrt(n)
    reach = stdtrit(n - 1, 1 - tail) * se
    sem = change.std(ddof=1) / np.sqrt(2)
    limits = sem * np.sqrt((n - 1) / np.array([chdtri(n - 1, tail), chdtri(n - 1, 1 - tail)]))
    to_mdc = ndtri(1 - tail) * np.sqrt(2)
    p = 2 * stdtr(n - 1, -abs(change.mean()) / se) if se > 0 else np.nan
    rows = [
        ("mean_change", change.mean(), se, change.mean() - reach, change.mean() + reach, p, n),
        ("sem", sem, np.nan, *limits, np.nan, n),
        ("mdc", sem * to_mdc, np.nan, *(limits * to_mdc), np.nan, n),
    ]
    extra = pd.DataFrame(rows, columns=["term", "estimate", "se", "ci_low", "ci_high", "p", "n"]).astype(
        {"term": "str"}
    )
    estimates = pd.concat([_forms(x, level), extra], ignore_index=True)
    return RaterIcc(n=n, n_dropped=dropped, notes=_notes(n), level=level, k=2, estimates=estimates)


def _complete(ratings: pd.DataFrame, what: str) -> tuple[np.ndarray, int]:
    x = answers_of(ratings, what=what).dropna().to_numpy()
    n, k = x.shape
    if n < 3 or k < 2 or np.ptp(x) == 0:
        raise ModelError(
            f"{what}: {n} of {len(ratings)} targets have all {k} ratings; needs at least 3 targets, 2 ratings each, "
            f"that "
            "are not all equal. Link more persons across the waves"
        )
    return x, len(ratings) - n


def _notes(n: int) -> tuple[str, ...]:
    return (f"only {n} complete targets: the intervals are wide",) if n < 30 else ()


def _forms(x: np.ndarray, level: float) -> pd.DataFrame:
    """Work out the six forms with F intervals; mean squares are named as in the paper."""
    from scipy.special import fdtrc, fdtri

    n, k = x.shape
    q = 1 - (1 - level) / 2
    grand = x.mean()
    target, judge = x.mean(axis=1, keepdims=True), x.mean(axis=0)
    bms = k * ((target - grand) ** 2).sum() / (n - 1)
    jms = n * ((judge - grand) ** 2).sum() / (k - 1)
    wms = ((x - target) ** 2).sum() / (n * (k - 1))
    ems = ((x - target - judge + grand) ** 2).sum() / ((n - 1) * (k - 1))
    one = _single(bms, wms, k, n - 1, n * (k - 1), q)
    three = _single(bms, ems, k, n - 1, (n - 1) * (k - 1), q)
    two = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)
    a, b = k * two * jms / max(ems, 1e-300), n * (1 + (k - 1) * two) - k * two
    df = (k - 1) * (n - 1) * (a + b) ** 2 / ((n - 1) * a**2 + b**2)
    upper, lower = fdtri(n - 1, df, q), fdtri(df, n - 1, q)
    rest = k * jms + (k * n - k - n) * ems
    limits = (n * (bms - upper * ems) / (upper * rest + n * bms), n * (lower * bms - ems) / (rest + n * lower * bms))
    p1 = fdtrc(n - 1, n * (k - 1), bms / wms) if wms > 0 else 0.0
    p3 = fdtrc(n - 1, (n - 1) * (k - 1), bms / ems) if ems > 0 else 0.0
    singles = [(one, p1), ((two, *limits), p3), (three, p3)]
    rows = [(f"ICC({i},1)", *value, p) for i, (value, p) in enumerate(singles, 1)]
    rows += [(f"ICC({i},k)", *(v * k / (1 + v * (k - 1)) for v in value), p) for i, (value, p) in enumerate(singles, 1)]
    table = pd.DataFrame(rows, columns=["term", "estimate", "ci_low", "ci_high", "p"]).astype({"term": "str"})
    table.insert(2, "se", np.nan)
    return table.assign(n=n)


def _single(bms: float, error: float, k: int, df1: float, df2: float, q: float) -> tuple[float, float, float]:
    """(F - 1) / (F + k - 1) at F and at its limits."""
    from scipy.special import fdtri

    if error == 0:
        return 1.0, 1.0, 1.0
    f = bms / error
    limits = (f, f / fdtri(df1, df2, q), f * fdtri(df2, df1, q))
    return tuple((value - 1) / (value + k - 1) for value in limits)
