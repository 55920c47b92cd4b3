"""Change between two waves taken apart: people who stayed, who left, who joined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import estimate_table
from joyeval.result import Result

PARTS = ("change", "stayers", "joiners", "leavers")


@dataclass(frozen=True, kw_only=True, eq=False)
class Turnover(Result):
    """A change of means in its parts; `n` counts persons who answered either wave.

    Parameters
    ----------
    stayed, left, joined : int
        Persons in both waves, the first only, the second only.
    estimates : DataFrame
        term, estimate, se, ci_low, ci_high, p, n. ``change`` of the means; it is the sum of ``stayers`` (their own
        change), ``joiners`` (how far they differ from stayers, times their share of the second wave) and ``leavers``
        (the same of the first wave, with opposite sign).
    """

    stayed: int
    left: int
    joined: int
    estimates: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Say how much of the change belongs to people who changed."""
        rows = self.estimates.set_index("term")
        parts = ", ".join(f"{term} {rows.loc[term, 'estimate']:+.2f}" for term in PARTS[1:])
        change = rows.loc["change"]
        reach = f"95% CI {change['ci_low']:+.2f} to {change['ci_high']:+.2f}"
        reach = reach if change["se"] >= 0 else "no interval: one team"
        return (
            f"The mean changed by {change['estimate']:+.2f} ({reach}): "
            f"{parts} ({self.stayed} stayed, {self.left} left, {self.joined} joined)."
        )


def turnover(before: pd.Series, after: pd.Series, *, team: pd.Series | None = None) -> Turnover:
    """Take the change between two waves apart.

    Parameters
    ----------
    before, after : Series
        Scores indexed by person, one per person and wave.
    team : Series, optional
        Team by person: errors then allow for teams that move together.

    Raises
    ------
    ModelError
        Fewer than 3 persons in both waves.

    Examples
    --------
    >>> before = pd.Series([3.0, 4, 5, 2, 3], index=list("abcde"))
    >>> turnover(before, pd.Series([4.0, 4, 6, 6], index=list("abcf"))).tidy()["estimate"].round(3).tolist()
    [1.6, 0.667, 0.333, 0.6]
    """
    people = both_waves(before, after)
    scores, here = people.to_numpy(), people.notna().to_numpy()
    stay = here.all(axis=1)
    if stay.sum() < 3:
        found = "fewer than three" if stay.any() else "none"
        raise ModelError(
            f"who stayed, left and came cannot be told apart: {found} of {len(people)} people answered both waves, and "
            "three are needed"
        )
    x = np.where(here, scores, 0.0)
    first, second = (influence(x[:, wave], here[:, wave]) for wave in (0, 1))
    own_first, own_second = (influence(x[:, wave], stay) for wave in (0, 1))
    values = {
        "change": (second[0] - first[0], second[1] - first[1]),
        "stayers": (own_second[0] - own_first[0], own_second[1] - own_first[1]),
        "joiners": (second[0] - own_second[0], second[1] - own_second[1]),
        "leavers": (own_first[0] - first[0], own_first[1] - first[1]),
    }
    codes = team_codes(people, team)
    clusters = int(codes.max()) + 1
    se = [error_of(pull, codes) for _, pull in values.values()]
    estimate = np.array([value for value, _ in values.values()])
    table = estimate_table(PARTS, estimate, np.array(se), n=len(people), df=clusters - 1).drop(columns="df")
    counts = [int(part.sum()) for part in (stay, here[:, 0] & ~here[:, 1], here[:, 1] & ~here[:, 0])]
    given = before.index.union(after.index).size
    return Turnover(
        n=len(people),
        n_dropped=given - len(people),
        notes=_notes(counts, clusters, team is not None),
        stayed=counts[0],
        left=counts[1],
        joined=counts[2],
        estimates=table.astype({"term": "str"}),
    )


def both_waves(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Put the scores of each person side by side; persons with neither are left out."""
    once_each(before=before, after=after)
    both = pd.concat([before.rename("before"), after.rename("after")], axis=1).astype(float)
    refuse_infinite(both, both.columns, "scores of two waves")
    return both.dropna(how="all")


def once_each(**waves: pd.Series) -> None:
    """Refuse waves in which a person answered more than once.

    Raises
    ------
    UsageError
    """
    for name, wave in waves.items():
        if twice := int(wave.index.duplicated().sum()):
            raise UsageError(f"{name}: {twice} persons answered more than once; keep one answer per person and wave")


def influence(values: np.ndarray, kept: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean over some persons, and the pull of every person on it."""
    mean = float(values[kept].mean()) if kept.any() else 0.0
    return mean, np.where(kept, (values - mean) / max(kept.sum(), 1), 0.0)


def team_codes(people: pd.DataFrame, team: pd.Series | None) -> np.ndarray:
    """Give the team of each person as a number; without teams each person alone."""
    if team is None:
        return np.arange(len(people))
    codes = pd.factorize(team[~team.index.duplicated()].reindex(people.index))[0]
    if (codes < 0).any():
        raise UsageError(f"team: {int((codes < 0).sum())} persons have none; give every person of both waves a team")
    return codes


def error_of(pull: np.ndarray, codes: np.ndarray) -> float:
    """Return the standard error of a statistic from the pulls of persons, added up within teams."""
    clusters = codes.max() + 1
    if clusters < 2:
        return float("nan")
    return float(np.sqrt(clusters / (clusters - 1) * (np.bincount(codes, pull) ** 2).sum()))


def _notes(counts: list[int], clusters: int, by_team: bool) -> tuple[str, ...]:
    stayed, left, joined = counts
    notes = []
    if stayed < 0.5 * max(stayed + left, stayed + joined):
        notes.append("fewer than half answered both waves: the change is mostly between different people")
    if by_team and clusters < 2:
        notes.append("one team: how far teams move apart is not known, and there is no interval")
    elif by_team and clusters < 10:
        notes.append(f"only {clusters} teams: the intervals are rough")
    return tuple(notes)
