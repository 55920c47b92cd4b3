"""Scored ties as one or more waves of ratings by the same raters: what a change is estimated from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.rater_model import TieMeans, panel, tie_means
from joyeval.errors import DataError, ModelError, Problem, UsageError
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import cut
from joyeval.wave_order import wave_order as in_order_of_time

if TYPE_CHECKING:
    from collections.abc import Sequence

RATER = ("process", "workgroup", "person")  # what names a rater
KEYS = (*RATER, "target", "wave")  # what a rating must say to be used


@dataclass(frozen=True)
class Contrast:
    """Two waves compared; `kind` is gain (second against first), sustain (a later one against the first) or decay."""

    kind: str
    first: str
    second: str

    @property
    def term(self) -> str:
        """Return ``"2-end - 1-baseline"``."""
        return f"{self.second} - {self.first}"


@dataclass(frozen=True, eq=False)
class Ratings:
    """Scores of the waves that are compared, one row per rater, target and wave.

    Parameters
    ----------
    rows : DataFrame
        process, workgroup, target, wave, person, rater, value and the codes block (process x workgroup) and goal
        (target, numbered within the process).
    waves : tuple of str
        In order.
    n_dropped : int
        Rows without a score, or that do not say who rated whom.
    comparison : frozenset of str
        Processes without the programme: no part of a mean over processes.
    ends : tuple of float
        The lowest and the highest score there can be: intervals stay within them.
    """

    rows: pd.DataFrame
    waves: tuple[str, ...]
    n_dropped: int
    comparison: frozenset[str] = frozenset()
    ends: tuple[float, float] = (-np.inf, np.inf)

    def __post_init__(self) -> None:
        rated = self.rows.groupby(["process", "target"], sort=True).ngroup()
        goal = rated - rated.groupby(self.rows["process"]).transform("min")
        block = self.rows.groupby(["process", "workgroup"], sort=True).ngroup()
        object.__setattr__(self, "rows", self.rows.assign(block=block, goal=goal))

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Each wave against the first, then each later one against the wave before it."""
        first, *later = self.waves
        found = [Contrast("gain" if i == 0 else "sustain", first, wave) for i, wave in enumerate(later)]
        return found + [Contrast("decay", a, b) for a, b in pairwise(later)]

    @cached_property
    def means(self) -> TieMeans:
        """Mean of every tie at every wave, by the model of raters."""
        return tie_means(
            panel(
                self.rows["value"].to_numpy(),
                rater=pd.factorize(self.rows["rater"])[0],
                block=self.rows["block"].to_numpy(),
                target=self.rows["goal"].to_numpy(),
                wave=pd.Categorical(self.rows["wave"], self.waves).codes.astype(int),
            )
        )

    @cached_property
    def ties(self) -> pd.DataFrame:
        """One row per tie: process, workgroup, target, block, goal, within."""
        keys = ["process", "workgroup", "target", "block", "goal"]
        ties = self.rows[keys].drop_duplicates().sort_values(["process", "workgroup", "target"], ignore_index=True)
        return ties.assign(within=ties["workgroup"] == ties["target"])

    def cells(self, ties: pd.DataFrame, wave: str) -> np.ndarray:
        """Position of each tie at one wave among the cells of its block."""
        return ties["goal"].to_numpy() * len(self.waves) + self.waves.index(wave)

    def raters(self, ties: pd.DataFrame, wave: str) -> np.ndarray:
        """Raters behind each tie at one wave."""
        return self.means.raters[ties["block"], self.cells(ties, wave)]

    def in_waves(self, waves: Sequence[str]) -> pd.DataFrame:
        """Ties that somebody rated in every one of these waves that their process has."""
        asked = self.rows.groupby("process")["wave"].unique()
        rated = np.ones(len(self.ties), dtype=bool)
        for wave in waves:
            has = self.ties["process"].map(asked.map(lambda known, wave=wave: wave in known))
            rated &= ~has.to_numpy(dtype=bool) | (self.raters(self.ties, wave) > 0)
        return self.ties[rated]

    def possible(self, table: pd.DataFrame, before: np.ndarray | float = 0.0) -> pd.DataFrame:
        """Cut intervals where a mean would lie beyond the ends of the scale; of changes, from `before` on."""
        least, most = (end - before for end in self.ends)
        limits = cut(*(table[name] for name in ("estimate", "ci_low", "ci_high")), least=least, most=most)
        return table.assign(ci_low=limits[0], ci_high=limits[1])

    def between(self, contrast: Contrast) -> Ratings:
        """Only the two waves of a contrast."""
        pair = (contrast.first, contrast.second)
        return Ratings(self.rows[self.rows["wave"].isin(pair)], pair, 0, self.comparison, self.ends)


def ratings(
    ties: pd.DataFrame,
    *,
    measure: str = "rc",
    process: str | None = None,
    waves: Sequence[str] | None = None,
    linked: bool = True,
    comparison: Sequence[str] = (),
    ends: tuple[float, float] = (-np.inf, np.inf),
) -> Ratings:
    """Take the scores to compare from the table of ties.

    Raises
    ------
    UsageError
        No such measure, process or wave.
    ModelError
        Fewer than two waves with scores.
    DataError
        A rater with two scores for the same target and wave.
    """
    chosen = _chosen(ties, measure, process)
    given = chosen["wave"].astype(str)
    if unknown := sorted({str(wave) for wave in waves or ()} - set(given)):
        raise UsageError(f"no ties of wave {', '.join(unknown)}; there are {', '.join(sorted(given.unique()))}")
    order = wave_order(chosen, waves)
    chosen = chosen.assign(wave=given)[given.isin(order)]
    refuse_infinite(chosen, [measure], "ties")
    scored = chosen.dropna(subset=[measure, *KEYS]).rename(columns={measure: "value"})
    scored["value"] = scored["value"].astype(float)
    present = [wave for wave in order if (scored["wave"] == wave).any()]
    if len(present) < 2:
        raise ModelError(
            f"{measure}: {len(present)} wave with scores ({', '.join(present) or 'none'}); a change needs two waves"
        )
    rater = joined(scored, *RATER)
    rater = rater if linked else rater + "|" + scored["wave"]
    kept = plain_names(scored[["process", "workgroup", "target", "wave", "person", "value"]]).assign(rater=rater)
    refuse_twice(kept)
    left_out = len(chosen) - len(scored)
    return Ratings(kept.reset_index(drop=True), tuple(present), left_out, frozenset(comparison), ends)


def joined(rows: pd.DataFrame, *columns: str) -> pd.Series:
    """Return one name for what several columns name together, such as a rater."""
    return reduce(lambda so_far, part: so_far + "|" + part, (rows[column].astype(str) for column in columns))


def plain_names(ties: pd.DataFrame) -> pd.DataFrame:
    """Return ties whose processes, workgroups and targets are no categories: results hold those that are there."""
    named = [name for name in ("process", "workgroup", "target") if isinstance(ties[name].dtype, pd.CategoricalDtype)]
    return ties.astype({name: ties[name].cat.categories.dtype for name in named})


def wave_order(ties: pd.DataFrame, waves: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of the waves of a table of ties in order of time, see `joyeval.wave_order`."""
    return tuple(map(str, in_order_of_time(ties, waves)))


def _chosen(ties: pd.DataFrame, measure: str, process: str | None) -> pd.DataFrame:
    if measure not in ties:
        scores = [name for name in ties.select_dtypes("number") if name != "answered"]
        raise UsageError(f"no measure {measure!r}; there are {', '.join(scores)}")
    if process is None:
        return ties
    if process not in set(ties["process"]):
        raise UsageError(f"no process {process!r}; there are {', '.join(sorted(ties['process'].unique()))}")
    return ties[ties["process"] == process]


def refuse_twice(rows: pd.DataFrame) -> None:
    """Refuse a second score of the same rater, target and wave."""
    twice = int(rows.duplicated(["rater", "target", "wave"]).sum())
    if twice:
        found, fix = f"{twice} second scores of the same rater, target and wave", "keep one row each"
        raise DataError([Problem("ties", found, "one score each", fix, rule="twice")])
