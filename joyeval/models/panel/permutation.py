"""Permutation of what teams received: exact when start dates were drawn by lot, a plain check when not.

Whole histories are exchanged between teams, so that autocorrelation within a team is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial, prod
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.design import build_design, quoted, refuse_infinite
from joyeval.models.one_thread import one_thread
from joyeval.models.panel.absorption import demean
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAWS = 1_999
CELLS = 20_000_000  # rows x draws held at once (160 MB)
TIE = 1 - 1e-10  # a draw that equals the sample but for rounding counts as equal


@dataclass(frozen=True, kw_only=True, eq=False)
class Permutation(Result):
    """Permutation test of one effect in a two-way fixed-effects model; `n` counts teams.

    Parameters
    ----------
    term : str
    estimate : float
        Coefficient with team and period effects taken out.
    t : float
        Over its cluster-robust error; the statistic that is compared.
    p, smallest_p : float
        Two-sided; no p below `smallest_p` can come out.
    draws : int
        Different assignments compared, the actual one included.
    enumerated : bool
        All possible assignments were used.
    """

    term: str
    estimate: float
    t: float
    p: float
    smallest_p: float
    draws: int
    enumerated: bool

    def tidy(self) -> pd.DataFrame:
        """Return the one estimate; a permutation test has no standard error or interval."""
        row = {"term": self.term, "estimate": self.estimate, "se": np.nan, "ci_low": np.nan, "ci_high": np.nan}
        return pd.DataFrame([row | {"p": self.p, "n": self.n}])

    def sentence(self) -> str:
        """Return the test in words."""
        which = "all" if self.enumerated else "random"
        return (
            f"{self.term}: {self.estimate:.3g}, permutation p = {self.p:.3g} "
            f"({self.draws} {which} assignments over {self.n} teams; smallest p that could come out "
            f"{self.smallest_p:.2g})."
        )


@one_thread
def permutation_test(
    data: pd.DataFrame,
    *,
    y: str,
    team: str,
    period: str,
    start: str | None = None,
    x: str | None = None,
    strata: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Permutation:
    """Compare an effect with what it would be had teams exchanged their start dates, or their histories of x.

    Parameters
    ----------
    data : DataFrame
        One row per team and period.
    y : str
        Outcome.
    start : str
        Period in which the team started, constant within team; missing or 0 for teams that never did. Or
    x : str
        A measure that varies within teams; every team must have it in the same periods.
    strata : str, optional
        Column, constant within team: histories are exchanged within strata only, as in a stratified draw.
    draws : int
        Where there are no more different assignments than this, all are used and `seed` does not matter.

    Raises
    ------
    UsageError
        Not exactly one of `start` and `x`.
    ModelError
        Teams cannot be exchanged: one assignment only, gaps in x, a start that changes within a team.

    References
    ----------
    Wu & Ding (2021), J. Am. Stat. Assoc. 116(536), 1898-1913. doi:10.1080/01621459.2020.1750415
    """
    if (start is None) == (x is None):
        raise UsageError("permutation_test: give either start= or x=")
    term = start or x or ""
    if start:
        data = data.assign(**calendar(data, period=period, start=start))
    given = list(dict.fromkeys([term, *([strata] if strata else [])]))
    refuse_infinite(data, given, term)
    design = build_design(f"{quoted(y)} ~ 1", data, groups=(team, period), also=[quoted(name) for name in given])
    teams, periods = design.groups
    histories = (_starts if start else _measures)(design.frame[term].to_numpy(), teams, periods, term)
    layers = _constant(design.frame[strata], teams, strata) if strata else np.zeros(teams.n_levels, int)
    orders, enumerated = assignments(histories, layers, draws, seed, term)
    outcome = demean(design.y[:, None], [teams.codes, periods.codes])[0][:, 0]
    estimate, t = _statistics(outcome, histories, orders, teams.codes, periods.codes)
    if not np.isfinite(t[0]):
        raise ModelError(f"{term} does not vary in {design.n} rows once team and period effects are out")
    size = np.abs(t)
    return Permutation(
        term=term,
        estimate=float(estimate[0]),
        t=float(t[0]),
        p=float(np.mean(size >= TIE * size[0])),
        smallest_p=float(np.mean(size >= TIE * np.nanmax(size))),
        draws=len(t),
        enumerated=enumerated,
        n=teams.n_levels,
        n_dropped=design.n_dropped,
        notes=design.notes,
    )


def calendar(data: pd.DataFrame, *, period: str, start: str) -> dict[str, np.ndarray]:
    """Replace periods by their order from 0, and starts by the order of their period (the count of periods: never).

    Parameters
    ----------
    start : str
        Column of the type of `period`; missing or 0 means never.

    Raises
    ------
    UsageError
        Starts cannot be compared with periods.
    """
    numbers, levels = pd.factorize(data[period], sort=True)
    begun = np.full(len(data), len(levels))
    known = (data[start].notna() & (data[start] != 0)).to_numpy(dtype=bool)
    try:
        begun[known] = levels.searchsorted(data.loc[known, start])
    except TypeError as error:
        kinds = f"{start} holds {data[start].dtype}, {period} holds {data[period].dtype}"
        raise UsageError(f"{kinds}; give starts as periods are written") from error
    return {period: numbers, start: begun}


def _starts(start: np.ndarray, teams, periods, term: str) -> np.ndarray:
    """Turn start periods into histories of 0 (before) and 1 (from the start on), shape (teams, periods)."""
    begun = _constant(pd.Series(start), teams, term)
    return (periods.levels.to_numpy()[None, :] >= begun[:, None]).astype(float)


def _measures(values: np.ndarray, teams, periods, term: str) -> np.ndarray:
    """Arrange a measure by team and period; a history with gaps cannot be given to another team."""
    table = np.full((teams.n_levels, periods.n_levels), np.nan)
    table[teams.codes, periods.codes] = values
    incomplete = int(np.isnan(table).any(axis=1).sum())
    if incomplete:
        raise ModelError(
            f"{term}: {incomplete} of {teams.n_levels} teams lack some of {periods.n_levels} periods, so histories "
            "cannot be exchanged; restrict to periods that all teams have, or rely on the corrected errors"
        )
    return table


def _constant(values: pd.Series, teams, name: str) -> np.ndarray:
    grouped = values.groupby(teams.codes)
    changing = int((grouped.min() != grouped.max()).sum())
    if changing:
        raise ModelError(f"{name} changes within {changing} of {teams.n_levels} teams; expected one value per team")
    return grouped.first().to_numpy()


def assignments(histories: np.ndarray, layers: np.ndarray, draws: int, seed: int, term: str) -> tuple[np.ndarray, bool]:
    """Return which team's history each team gets, shape (assignments, teams); the actual one comes first."""
    kinds = np.unique(histories, axis=0, return_inverse=True)[1].ravel()
    members = [np.flatnonzero(layers == layer) for layer in np.unique(layers)]
    possible = prod(_arrangements(kinds[m]) for m in members)
    if possible == 1:
        raise ModelError(f"{term}: all {len(kinds)} teams share one history, so there is nothing to permute")
    actual = np.arange(len(kinds))
    if possible <= draws:
        rows = [actual.copy() for _ in range(possible)]
        return _fill(rows, members, kinds), True
    rng = np.random.default_rng(seed)
    orders = np.tile(actual, (draws + 1, 1))
    for m in members:
        orders[1:, m] = rng.permuted(np.tile(m, (draws, 1)), axis=1)
    return orders, False


def _arrangements(kinds: np.ndarray) -> int:
    counts = np.unique(kinds, return_counts=True)[1]
    return factorial(len(kinds)) // prod(factorial(int(count)) for count in counts)


def _fill(rows: list[np.ndarray], members: list[np.ndarray], kinds: np.ndarray) -> np.ndarray:
    """Write every combination of arrangements of the strata into `rows`, the actual one first."""
    table, repeat = np.array(rows), 1
    for m in members:
        donors = {kind: m[kinds[m] == kind][0] for kind in np.unique(kinds[m])}
        arranged = np.array([[donors[kind] for kind in order] for order in _orders(sorted(kinds[m]))])
        table[:, m] = np.tile(np.repeat(arranged, repeat, axis=0), (len(table) // (repeat * len(arranged)), 1))
        repeat *= len(arranged)
    actual = np.flatnonzero((kinds[table] == kinds).all(axis=1))[0]
    table[[0, actual]] = table[[actual, 0]]
    return table


def _orders(kinds: list[int]) -> Iterator[list[int]]:
    """Yield the different orders of labels that may repeat."""
    if not kinds:
        yield []
    for kind in sorted(set(kinds)):
        rest = list(kinds)
        rest.remove(kind)
        for tail in _orders(rest):
            yield [kind, *tail]


def _statistics(
    outcome: np.ndarray, histories: np.ndarray, orders: np.ndarray, teams: np.ndarray, periods: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Two-way fixed-effects coefficient and its t of every assignment, a batch at a time."""
    size = max(1, CELLS // len(outcome))
    parts = []
    for first in range(0, len(orders), size):
        moved = histories[orders[first : first + size][:, teams], periods].T
        given = np.einsum("nb,nb->b", moved, moved)
        swept = demean(moved, [teams, periods])[0]
        length = np.einsum("nb,nb->b", swept, swept)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(length > 1e-12 * given, outcome @ swept / length, np.nan)
        scores = swept * (outcome[:, None] - slope * swept)
        by_team = np.column_stack([np.bincount(teams, column) for column in scores.T])
        error = np.sqrt(np.einsum("gb,gb->b", by_team, by_team)) / length
        parts.append((slope, slope / error))
    slopes, t = (np.concatenate(part) for part in zip(*parts, strict=True))
    return slopes, t
