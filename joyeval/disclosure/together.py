"""Groups of staff held together: what is left of a setting, once its teams and the other groups are taken off.

Each table hides small groups by itself. A reader has all of them: a setting less the teams that are named in it leaves
those that are not, and so do settings less an organisation. Groups that are made of whole teams are shown only if no
sum or difference of them, teams taken off, is left over with fewer people than readers may know of.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.disclosure.statistics import next_smallest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joyeval.disclosure.rule import Rule

TEAMS_BY = ("organisation", "directorate", "setting")  # what some exhibit may show teams by
MOST = 8  # groups of which every sum and difference is looked at; of more, of those that stand side by side
Group = tuple[str, str]


def leaves_few(
    answers: pd.DataFrame, attributes: Sequence[str], scores: Sequence[str], rule: Rule
) -> frozenset[tuple[str, str, str]]:
    """Return the groups, as score, attribute and category, that would leave a few people over beside the others.

    Parameters
    ----------
    answers : DataFrame
        One row per person and wave that is shown: team, wave, the attributes, the scores (missing where not answered).
    attributes : sequence of str
        Those of persons, such as a role, lie across teams and are left out. What teams are shown by elsewhere, their
        organisation, directorate and setting, is held beside them where `answers` has it.

    Examples
    --------
    >>> import pandas as pd
    >>> from joyeval.disclosure import Rule
    >>> teams = {"Ash": ("ward", 20), "Birch": ("ward", 4), "Cedar": ("clinic", 20), "Dale": ("clinic", 9)}
    >>> rows = [(team, place, "1", 3.0) for team, (place, n) in teams.items() for _ in range(n)]
    >>> answers = pd.DataFrame(rows, columns=["team", "setting", "wave", "joy"])
    >>> sorted(leaves_few(answers, ["setting"], ["joy"], Rule()))  # less Ash and Cedar they are Birch, and Dale
    [('joy', 'setting', 'clinic'), ('joy', 'setting', 'ward')]
    """
    every = list(dict.fromkeys([*attributes, *(name for name in TEAMS_BY if name in answers)]))
    alike = answers.groupby("team")[every].nunique(dropna=False).max() <= 1
    home = answers.drop_duplicates("team").set_index("team")[[name for name in every if alike[name]]]
    found: set[tuple[str, str, str]] = set()
    for score in scores:
        counts = answers.dropna(subset=[score]).groupby(["wave", "team"], observed=True).size().unstack(fill_value=0)
        behind = counts.reindex(columns=home.index, fill_value=0).to_numpy()
        found |= {(score, *group) for group in _left_over(home, behind, [_named(row, rule) for row in behind], rule)}
    return frozenset(found)


def teams_leave_few(teams: pd.DataFrame, attributes: Sequence[str], rule: Rule) -> frozenset[Group]:
    """Return the groups, as attribute and category, that would leave a few people of teams over beside those named.

    Parameters
    ----------
    teams : DataFrame
        One row per team: cohort (documents of their own name its teams), people, the attributes.

    Examples
    --------
    >>> import pandas as pd
    >>> from joyeval.disclosure import Rule
    >>> teams = pd.DataFrame({"cohort": "1", "people": [20, 4, 20, 12], "trust": ["x", "x", "y", "y"]})
    >>> sorted(teams_leave_few(teams, ["trust"], Rule()))  # with 4 goes 12, so that neither is told apart
    [('trust', 'x'), ('trust', 'y')]
    """
    behind = teams["people"].fillna(0).to_numpy()
    named = np.zeros(len(teams), dtype=bool)
    for rows in teams.reset_index(drop=True).groupby("cohort").indices.values():
        named[rows] = _named(behind[rows], rule)
    return frozenset(_left_over(teams[list(attributes)], behind[None], [named], rule))


def _left_over(home: pd.DataFrame, behind: np.ndarray, named: Sequence[np.ndarray], rule: Rule) -> set[Group]:
    """Return the groups of teams that leave a few people over in some row of `behind`, one column per team."""
    groups = [(name, str(kind)) for name in home for kind in sorted(home[name].dropna().unique())]
    whole = np.ones(len(home), dtype=bool)
    member = np.array([*((home[name].astype(str) == kind).to_numpy() for name, kind in groups), whole])
    hidden: set[Group] = set()
    for people, told in zip(behind, named, strict=True):
        enough = member[:-1] @ people >= rule.threshold
        shown = [i for i, group in enumerate(groups) if enough[i] and group not in hidden]
        left = (member & ~told).astype(int)
        hidden |= {groups[i] for i in _to_hide(shown, left, people, rule.threshold)}
    return hidden


def _named(behind: np.ndarray, rule: Rule) -> np.ndarray:
    """Which teams a document may name beside the whole: those of enough people, but for the next smallest to few."""
    people = pd.Series(behind)
    few = people < rule.threshold
    few[next_smallest(people, few, rule)] = True
    return ~few.to_numpy()


def _to_hide(shown: list[int], left: np.ndarray, behind: np.ndarray, threshold: int) -> Iterator[int]:
    """Yield the smallest group of each sum that leaves a few people, until none does; the whole is always known."""
    shown = list(shown)
    while shown:
        sums = np.vstack([_sums(len(shown), whole) for whole in (0, 1, -1)])
        people = (sums @ left[[*shown, -1]] != 0) @ behind
        few = sums[(people > 0) & (people < threshold)][:, :-1]
        if not len(few):
            return
        fewest = few[np.abs(few).sum(axis=1).argmin()]
        smallest = min((i for i, sign in zip(shown, fewest, strict=True) if sign), key=lambda i: left[i] @ behind)
        shown.remove(smallest)
        yield smallest


def _sums(n: int, whole: int) -> np.ndarray:
    """Return which of n groups are added (1) and taken off (-1), and the whole with them; at least one group is."""
    some = np.array(list(product((0, 1, -1), repeat=min(n, MOST))))[1:]
    wide = np.pad(some, ((0, 0), (0, n - some.shape[1])))
    every = np.vstack([np.roll(wide, k, axis=1) for k in range(max(n - MOST, 0) + 1)])
    return np.column_stack([every, np.full(len(every), whole)])
