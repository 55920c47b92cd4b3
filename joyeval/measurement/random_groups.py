"""Random groups of the same people and sizes: what agreement looks like when membership means nothing.

How often each group gave each answer is all that agreement needs, so a grouping is one pass of counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from joyeval.measurement.groups import Groups


@dataclass(frozen=True, eq=False)
class Coded:
    """Answers by position.

    Parameters
    ----------
    cells : ndarray of int, shape (respondents, items)
        Item and answer in one number, item * values + position of the answer; a gap has the last number, `width`.
    values : ndarray, shape (values,)
        The distinct answers, in points.
    """

    cells: np.ndarray
    values: np.ndarray

    @property
    def width(self) -> int:
        """Number of items times number of values."""
        return self.cells.shape[1] * len(self.values)

    def counts(self, codes: np.ndarray, groups: int) -> np.ndarray:
        """How often each answer was given in each group, shape (groups, items, values)."""
        flat = self.cells + (codes * (self.width + 1))[:, None]
        table = np.bincount(flat.ravel(), minlength=groups * (self.width + 1)).reshape(groups, -1)
        return table[:, :-1].reshape(groups, self.cells.shape[1], -1)

    def spread(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean item variance and mean distance from the item mean, from answer counts (groups, items, values).

        Both are NaN in groups with fewer than two answers to an item.
        """
        counts = counts.astype(float)
        n, total, squares = np.moveaxis(counts @ np.vander(self.values, 3, increasing=True), -1, 0)
        n = np.where(n > 1, n, np.nan)
        mean = total / n
        variance = (squares - mean * total) / (n - 1)
        distance = np.einsum("gjv,gjv->gj", counts, np.abs(self.values - mean[..., None])) / n
        return np.clip(variance, 0, None).mean(axis=-1), distance.mean(axis=-1)


@dataclass(frozen=True, eq=False)
class Chance:
    """What random groupings gave.

    Parameters
    ----------
    p : ndarray, shape (groups,)
        Share of random groups of the same size that vary as little; NaN without permutations.
    means : dict
        For each index the mean over groups, shape (permutations, levels).
    """

    p: np.ndarray
    means: dict[str, np.ndarray]

    def against(self, index: str, observed: np.ndarray) -> dict[str, np.ndarray]:
        """Mean of the random groupings, what one in twenty reaches, and p of the observed mean, by level."""
        means = self.means[index]
        if not len(means):
            return dict.fromkeys(("random_mean", "random_best", "p"), np.full(len(observed), np.nan))
        better = means <= observed + 1e-9 if index == "ad" else means >= observed - 1e-9
        best = np.quantile(means, 0.05 if index == "ad" else 0.95, axis=0)
        return {
            "random_mean": means.mean(axis=0),
            "random_best": best,
            "p": (1 + better.sum(axis=0)) / (1 + len(means)),
        }


def chance_of(
    coded: Coded,
    teams: Groups,
    levels: Groups,
    indices: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]],
    *,
    permutations: int,
    seed: int,
) -> Chance:
    """Shuffle respondents over the groups of their level, again and again.

    Parameters
    ----------
    coded : Coded
        Answers; every row in a group.
    teams, levels : Groups
        Group of each respondent; level of each group.
    indices : callable
        Turns mean variance and mean distance into the indices by name.
    """
    variance, distance = coded.spread(coded.counts(teams.codes, teams.count))
    means: dict[str, list[np.ndarray]] = {index: [np.empty((0, levels.count))] for index in indices(variance, distance)}
    judged = np.isfinite(variance)
    as_close = np.zeros(teams.count)
    for random_variance, random_distance in _groupings(coded, teams, levels, permutations, seed):
        as_close += random_variance <= variance + 1e-9
        usable = judged & np.isfinite(random_variance)
        number = np.bincount(levels.codes, usable, levels.count)
        for index, values in indices(random_variance, random_distance).items():
            total = np.bincount(levels.codes, np.where(usable, values, 0.0), levels.count)
            means[index].append((total / number)[None])
    p = (1 + as_close) / (1 + permutations) if permutations else np.full(teams.count, np.nan)
    return Chance(p=p, means={index: np.concatenate(parts) for index, parts in means.items()})


def _groupings(
    coded: Coded, teams: Groups, levels: Groups, permutations: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Mean variance and mean distance in each group, of one random grouping after the other."""
    rng = np.random.default_rng(seed)
    level = levels.codes[teams.codes]
    rows = np.argsort(level, kind="stable")
    bounds = np.searchsorted(level[rows], np.arange(levels.count + 1))
    sorted_by_level, codes = Coded(coded.cells.take(rows, axis=0), coded.values), teams.codes[rows]
    for _ in range(permutations):
        for low, high in pairwise(bounds):
            rng.shuffle(codes[low:high])
        yield sorted_by_level.spread(sorted_by_level.counts(codes, teams.count))
