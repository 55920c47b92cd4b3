"""Adjustment of p values over a family of tests that was declared beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import UsageError
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

METHODS = {
    "bonferroni": "Bonferroni, any false positive; agrees with intervals that hold together",
    "holm": "Holm, any false positive",
    "bh": "Benjamini-Hochberg, share of false positives",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Multiplicity(Result):
    """Adjusted tests; `n` counts the tests of the declared family, `n_dropped` those that gave no p value.

    Parameters
    ----------
    tests : DataFrame
        As given, with ``p_adjusted`` and ``rejected``.
    method : str
        ``"holm"`` or ``"bh"``.
    level : float
        Chance of any false positive (Holm), or expected share of false positives among the rejected (BH).
    """

    tests: pd.DataFrame
    method: str
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row per test."""
        return self.tests

    def sentence(self) -> str:
        """Return how many tests stand after adjustment."""
        count = int(self.tests["rejected"].sum())
        return f"Of {self.n} declared tests, {count} stood at {self.level:g} after adjustment ({METHODS[self.method]})."


def adjust(p: np.ndarray, method: str) -> np.ndarray:
    """Adjust p values for their number.

    Parameters
    ----------
    p : ndarray, shape (m,)
    method : {"bonferroni", "holm", "bh"}

    Returns
    -------
    ndarray, shape (m,)

    References
    ----------
    Holm (1979), Scand. J. Stat. 6(2), 65-70.
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> adjust(np.array([0.01, 0.04, 0.03]), "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    if method not in METHODS:
        raise UsageError(f"method={method!r}: expected one of {', '.join(METHODS)}")
    m, order = len(p), np.argsort(p)
    if method == "bonferroni":
        ordered = p[order] * m
    elif method == "holm":
        ordered = np.maximum.accumulate(p[order] * np.arange(m, 0, -1))
    else:
        ordered = np.minimum.accumulate((p[order] * m / np.arange(1, m + 1))[::-1])[::-1]
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(ordered, 1.0)
    return adjusted


def adjust_family(
    tests: pd.DataFrame, *, declared: Sequence[str], method: str = "holm", level: float = 0.05, name: str = "term"
) -> Multiplicity:
    """Adjust the tests of one declared family.

    A declared test that gave no p value still counts (as p = 1), so that leaving tests out does not help the others.

    Parameters
    ----------
    tests : DataFrame
        One row per test with columns `name` and ``p``.
    declared : sequence of str
        Names of all tests of the family, as fixed before the data were seen.
    method : {"holm", "bh"}
        Holm for the few primary outcomes, BH for a longer list.
    level : float

    Raises
    ------
    UsageError
        A test that was not declared, or one given twice.

    Examples
    --------
    >>> family = adjust_family(pd.DataFrame({"term": ["a", "b"], "p": [0.01, 0.2]}), declared=["a", "b", "c"])
    >>> family.tidy()["p_adjusted"].round(3).tolist()
    [0.03, 0.4]
    """
    given = tests[name].tolist()
    if extra := sorted(set(given) - set(declared)):
        raise UsageError(f"found tests that were not declared: {', '.join(extra)}; declare them or leave them out")
    if len(given) != len(set(given)):
        raise UsageError(f"found a test more than once in {name}; expected one p value each")
    absent = [test for test in declared if test not in set(tests.loc[tests["p"].notna(), name])]
    found = tests[tests["p"].notna()].reset_index(drop=True)
    adjusted = adjust(np.concatenate((found["p"].to_numpy(dtype=float), np.ones(len(absent)))), method)[: len(found)]
    notes = (f"declared but without a p value, counted as 1: {', '.join(absent)}",) if absent else ()
    return Multiplicity(
        tests=found.assign(p_adjusted=adjusted, rejected=adjusted <= level),
        method=method,
        level=level,
        n=len(set(declared)),
        n_dropped=len(absent),
        notes=notes,
    )
