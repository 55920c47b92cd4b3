"""The matrix of ties as a network: its weakest tie, centralisation, modules; and whether two networks go together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.matrix import BETWEEN, NO_BANDS, Bands, Matrix, one_survey
from joyeval.coordination.ratings import KEYS, RATER, joined, refuse_twice
from joyeval.coordination.ties import RC, Survey
from joyeval.errors import ModelError, UsageError
from joyeval.models.estimates import holding
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

FEWEST_GROUPS = 5  # with 4 the smallest p value is 1 in 24
EXACT_UP_TO = 8  # workgroups of which all relabellings are tried (40,320)
ALIKE = 1e-9  # statistics closer than this are ties


@dataclass(frozen=True, kw_only=True, eq=False)
class Network(Result):
    """Statistics of a network of ties; `n` counts respondents.

    Parameters
    ----------
    terms : DataFrame
        term, estimate, se, ci_low, ci_high, n. Terms: ``weakest tie`` (points), ``share weak`` (of ties between
        groups), ``centralisation rated`` and ``centralisation rating`` (0: all groups alike, 1: one group has it all),
        ``modularity`` where stages are given. Intervals are percentiles over respondents drawn again.
    weakest : tuple of str
        Rating and rated group of the weakest tie.
    """

    terms: pd.DataFrame
    weakest: tuple[str, str]

    def tidy(self) -> pd.DataFrame:
        """Return the statistics."""
        return self.terms

    def sentence(self) -> str:
        """Return the share of weak ties; which tie is weakest is for the facilitator."""
        if "share weak" not in set(self.terms["term"]):
            row = self.terms.set_index("term").loc["centralisation rated"]
            return (
                f"Centralisation of how groups are rated was {row.estimate:.2f} "
                f"(95% CI {row.ci_low:.2f} to {row.ci_high:.2f}; {self.n} respondents)."
            )
        row = self.terms.set_index("term").loc["share weak"]
        return (
            f"{row.estimate:.0%} of the ties between workgroups were weak "
            f"(95% CI {row.ci_low:.0%} to {row.ci_high:.0%}; {self.n} respondents)."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Qap(Result):
    """A test by relabelling workgroups; `n` counts workgroups.

    Parameters
    ----------
    terms : DataFrame
        term, estimate (a correlation, or coefficients), p, n (ties).
    relabellings : int
        How many were tried; all there are, where `exact`. The smallest p possible is 1 over this.
    exact : bool
    """

    terms: pd.DataFrame
    relabellings: int
    exact: bool

    def tidy(self) -> pd.DataFrame:
        """Return estimates and p values."""
        return self.terms

    def sentence(self) -> str:
        """Return the first estimate and what its p value rests on."""
        row = self.terms.iloc[0]
        kind = "all" if self.exact else "a sample of"
        return (
            f"{row['term']}: {row['estimate']:.2f} (p = {row['p']:.3f}, from {kind} {self.relabellings:,} relabellings "
            f"of {self.n} workgroups)."
        )


def network(
    ties: pd.DataFrame,
    *,
    wave: str,
    process: str | None = None,
    measure: str = "rc",
    stages: Mapping[str, str] | None = None,
    bands: Bands | None = None,
    survey: Survey = RC,
    draws: int = 2000,
    seed: int = 1,
) -> Network:
    """Describe the ties of one wave as a network, with intervals over respondents.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it.
    stages : mapping, optional
        Stage or organisation of each workgroup, for modularity: how much stronger ties are within stages than
        strengths of groups alone would have it.
    draws, seed : int
        Of the bootstrap.

    Raises
    ------
    ModelError
        A tie between groups that nobody rated, or fewer than two workgroups that rate and are rated.
    UsageError
        A workgroup without a stage.

    References
    ----------
    Freeman (1978), Soc. Netw. 1(3), 215-239, doi:10.1016/0378-8733(78)90021-7 (centralisation).
    Leicht & Newman (2008), Phys. Rev. Lett. 100, 118703, doi:10.1103/PhysRevLett.100.118703 (directed modularity).
    """
    rows = one_survey(ties, wave, process).dropna(subset=[measure, *KEYS])
    refuse_twice(rows.assign(rater=joined(rows, *RATER)))
    names = sorted(set(rows["workgroup"]) & set(rows["target"]))
    if stages is not None and (missing := sorted(set(names) - set(stages))):
        raise UsageError(f"no stage for {', '.join(missing)}")
    if len(names) < 2:
        raise ModelError(
            f"wave {wave}: fewer than two workgroups both rate and are rated; a network needs ties of them"
        )
    rng = np.random.default_rng(seed)
    rows = rows[rows["workgroup"].isin(names) & rows["target"].isin(names)]
    drawn = np.stack([_redrawn(rows[rows["workgroup"] == name], names, measure, draws, rng) for name in names], axis=1)
    off = ~np.eye(len(names), dtype=bool)
    if np.isnan(drawn[0][off]).any():
        a, b = np.argwhere(np.isnan(drawn[0]) & off)[0]
        raise ModelError(
            f"wave {wave}: nobody of {names[a]} rated {names[b]}; a network needs every tie between groups"
        )
    stage = None if stages is None else np.array([stages[name] for name in names])
    found = _statistics(drawn, stage, bands or (BETWEEN if survey == RC else NO_BANDS), survey)
    weakest = np.unravel_index(np.where(off, drawn[0], np.inf).argmin(), off.shape)
    n = int(rows["person"].nunique())
    return Network(
        n=n,
        n_dropped=int(ties["wave"].astype(str).eq(str(wave)).sum()) - len(rows),
        notes=("the weakest of many ties is partly bad luck: expect a second survey to find it less weak",),
        terms=_bootstrap_table(found, n),
        weakest=(names[weakest[0]], names[weakest[1]]),
    )


def _redrawn(rows: pd.DataFrame, names: list[str], measure: str, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Means of the ties that one group rates, (1 + draws, targets): as they are, then respondents drawn again."""
    people = rows["person"].unique()  # in the order of the data: pseudonyms do not decide who is drawn
    wide = rows.pivot(index="person", columns="target", values=measure)
    answers = wide.reindex(index=people, columns=names).to_numpy(dtype=float)
    size = len(answers)
    weights = np.vstack([np.ones(size), rng.multinomial(size, np.full(size, 1 / size), draws)])
    seen = weights @ np.isfinite(answers)
    sums = weights @ np.nan_to_num(answers)
    return np.divide(sums, seen, out=np.full(seen.shape, np.nan), where=seen > 0)


def _statistics(ties: np.ndarray, stage: np.ndarray | None, bands: Bands, survey: Survey) -> dict[str, np.ndarray]:
    """Return each statistic for every matrix of ties (draws, groups, groups)."""
    off = ~np.eye(ties.shape[1], dtype=bool)
    between = ties[:, off]
    strength = np.where(off, ties - survey.low, 0.0)
    found = {
        "weakest tie": np.nanmin(between, axis=1),
        **({"share weak": np.nanmean(between < bands.weak_below, axis=1)} if bands != NO_BANDS else {}),
        "centralisation rated": _centralisation(np.nansum(strength, axis=1), survey.high - survey.low),
        "centralisation rating": _centralisation(np.nansum(strength, axis=2), survey.high - survey.low),
    }
    return found if stage is None else {**found, "modularity": _modularity(np.nan_to_num(strength), stage)}


def _centralisation(strength: np.ndarray, most: float) -> np.ndarray:
    """How far groups fall behind the strongest, relative to one group with all strength and the others with none."""
    groups = strength.shape[1]
    reach = most * (groups - 1)
    return (strength.max(axis=1, keepdims=True) - strength).sum(axis=1) / ((groups - 1) * reach)


def _modularity(strength: np.ndarray, stage: np.ndarray) -> np.ndarray:
    total = strength.sum(axis=(1, 2), keepdims=True)
    expected = strength.sum(axis=2, keepdims=True) * strength.sum(axis=1, keepdims=True) / total
    return ((strength - expected) * (stage[:, None] == stage)).sum(axis=(1, 2)) / total[:, 0, 0]


def _bootstrap_table(found: dict[str, np.ndarray], n: int) -> pd.DataFrame:
    rows = []
    for term, values in found.items():
        low, high = holding(values[0], *np.quantile(values[1:], [0.025, 0.975]))  # extremes are worse when drawn again
        rows.append((term, values[0], values[1:].std(ddof=1), low, high, n))
    return pd.DataFrame(rows, columns=["term", "estimate", "se", "ci_low", "ci_high", "n"])


def qap(first: Matrix, second: Matrix, *, draws: int = 10_000, seed: int = 1) -> Qap:
    """Correlate the ties of two matrices (two waves, two measures), and test by relabelling workgroups.

    Raises
    ------
    ModelError
        Fewer than 5 workgroups in both, or a tie that is missing.

    References
    ----------
    Krackhardt (1988), Soc. Netw. 10(4), 359-381, doi:10.1016/0378-8733(88)90004-4.
    """
    names = _shared(first, second)
    x, y = _square(first, names), _square(second, names)
    orders, exact = _relabellings(len(names), draws, seed)
    found = np.array([np.corrcoef(_off(x), row)[0, 1] for row in _off(_relabelled(y, orders))])
    p = _share_as_large(found)
    term = f"correlation of wave {first.wave} and wave {second.wave}"
    terms = pd.DataFrame({"term": [term], "estimate": found[0], "p": p, "n": len(names) * (len(names) - 1)})
    return Qap(n=len(names), terms=terms, relabellings=len(orders), exact=exact, notes=_smallest(orders))


def mrqap(outcome: Matrix, covariates: Mapping[str, pd.DataFrame], *, draws: int = 10_000, seed: int = 1) -> Qap:
    """Regress ties on what is known of pairs, each coefficient tested by relabelling what the others leave of it.

    Parameters
    ----------
    outcome : Matrix
    covariates : mapping of str to DataFrame
        Square tables, workgroups in index and columns (distance, same stage, ties at the wave before).

    References
    ----------
    Dekker, Krackhardt & Snijders (2007), Psychometrika 72(4), 563-581, doi:10.1007/s11336-007-9016-1 (double
    semi-partialing).
    """
    names = _shared(outcome, outcome)
    y = _off(_square(outcome, names))
    tables = {
        name: table.reindex(index=names, columns=names).to_numpy(dtype=float) for name, table in covariates.items()
    }
    if gaps := [name for name, table in tables.items() if np.isnan(_off(table)).any()]:
        raise ModelError(f"mrqap: {', '.join(gaps)} missing for some pair of {', '.join(names)}")
    orders, exact = _relabellings(len(names), draws, seed)
    rows = []
    for name, table in tables.items():
        others = np.column_stack([np.ones(len(y)), *(_off(t) for other, t in tables.items() if other != name)])
        left = _residual(_off(table), others)
        if left @ left < ALIKE * (_off(table) @ _off(table)):
            raise ModelError(f"mrqap: {name} does not vary over pairs once the other covariates are known")
        square = np.zeros_like(table)
        square[~np.eye(len(names), dtype=bool)] = left
        coefficients, t = _coefficients(y, _off(_relabelled(square, orders)), others)
        rows.append((name, coefficients[0], _share_as_large(t), len(y)))
    terms = pd.DataFrame(rows, columns=["term", "estimate", "p", "n"])
    return Qap(n=len(names), terms=terms, relabellings=len(orders), exact=exact, notes=_smallest(orders))


def _coefficients(y: np.ndarray, x: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficient and t of each row of x, with the same other columns."""
    basis = np.linalg.qr(others)[0]
    x, y = x - (x @ basis) @ basis.T, y - basis @ (basis.T @ y)
    size = np.maximum((x**2).sum(axis=1), ALIKE)
    b = x @ y / size
    free = len(y) - others.shape[1] - 1
    return b, b / np.sqrt(((y - b[:, None] * x) ** 2).sum(axis=1) / free / size)


def _residual(x: np.ndarray, others: np.ndarray) -> np.ndarray:
    basis = np.linalg.qr(others)[0]
    return x - basis @ (basis.T @ x)


def _shared(first: Matrix, second: Matrix) -> list[str]:
    cells = (first.cells, second.cells)
    names = sorted(set.intersection(*(set(c[side]) for c in cells for side in ("workgroup", "target"))))
    if len(names) < FEWEST_GROUPS:
        raise ModelError(
            f"{len(names)} workgroups that rate and are rated: they can be relabelled in {factorial(len(names))} ways, "
            f"too few for a test; {FEWEST_GROUPS} or more are needed"
        )
    return names


def _square(matrix: Matrix, names: list[str]) -> np.ndarray:
    table = matrix.cells.pivot(index="workgroup", columns="target", values="mean").reindex(index=names, columns=names)
    square = table.to_numpy(dtype=float)
    if np.isnan(_off(square)).any():
        raise ModelError(f"wave {matrix.wave}: some ties between {', '.join(names)} are missing")
    return square


def _off(square: np.ndarray) -> np.ndarray:
    """Cells off the diagonal of one matrix, or of many."""
    return square[..., ~np.eye(square.shape[-1], dtype=bool)]


def _relabelled(square: np.ndarray, orders: np.ndarray) -> np.ndarray:
    return square[orders[:, :, None], orders[:, None, :]]


def _relabellings(groups: int, draws: int, seed: int) -> tuple[np.ndarray, bool]:
    """All orders of the groups, or a sample; the first is the one there is."""
    if groups <= EXACT_UP_TO:
        return np.array(list(permutations(range(groups)))), True
    rng = np.random.default_rng(seed)
    return np.vstack([np.arange(groups), [rng.permutation(groups) for _ in range(draws - 1)]]), False


def _share_as_large(found: np.ndarray) -> float:
    return float((np.abs(found) >= abs(found[0]) - ALIKE).mean())


def _smallest(orders: np.ndarray) -> tuple[str, ...]:
    return (f"{len(orders):,} relabellings: no p value below {1 / len(orders):.2g} is possible",)
