"""A cell of the grid: a condition, drawn and analysed many times, and the share of times that something was so."""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from filelock import FileLock

from joyeval.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESULTS = Path(__file__).with_name("grid.csv")
KEYS = ["table", "cell", "statistic"]
COUNTS = ["tried", "answered", "total", "squares"]  # data sets; those with an answer; sum of shares and their squares
SEED = 20261201  # of no simulation that a constant of the library was chosen by
PIECES = 10  # in which a cell is run


@dataclass(frozen=True)
class Cell:
    """A condition of one table.

    Parameters
    ----------
    table, name : str
    once : callable
        Random numbers to a mapping of statistic ("size", "coverage", "power", ...) to true or false, or to an array of
        those from things drawn together; missing where the estimator gave no answer.
    replicates : int
    """

    table: str
    name: str
    once: Callable[[np.random.Generator], Mapping[str, object]]
    replicates: int = 1000

    def run(self, replicates: range, *, seed: int = SEED) -> pd.DataFrame:
        """Return one row per statistic; each replicate has random numbers of its own."""
        name = zlib.crc32(f"{self.table}: {self.name}".encode())
        draws = [_answer(self.once, np.random.default_rng([seed, name, i])) for i in replicates]
        found = pd.DataFrame([{key: _share(value) for key, value in draw.items()} for draw in draws])
        rows = [
            (self.table, self.name, key, len(draws), int(found[key].count()), found[key].sum(), (found[key] ** 2).sum())
            for key in found
        ]
        return pd.DataFrame(rows, columns=[*KEYS, *COUNTS])


def _share(value: object) -> float:
    """Share of what was drawn together for which it is true; missing where nothing had an answer."""
    return float(pd.Series(np.ravel(value), dtype=float).mean())


def _answer(once: Callable, rng: np.random.Generator) -> Mapping[str, object]:
    """One replicate; a data set that the estimator refuses has no answer."""
    try:
        return once(rng)
    except ModelError:
        return {}


def stored() -> pd.DataFrame:
    """Return the counts of all cells."""
    return pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame(columns=[*KEYS, *COUNTS])


def add(rows: pd.DataFrame, order: list[tuple[str, str]]) -> None:
    """Add counts to those of the same cell; cells that `order` does not name are dropped."""
    with FileLock(Path(tempfile.gettempdir()) / "joyeval_grid.lock"):
        table = pd.concat([part for part in (stored(), rows) if len(part)], ignore_index=True)
        table = table[[key in order for key in zip(table["table"], table["cell"], strict=True)]]
        table = table.groupby(KEYS, sort=False)[COUNTS].sum().reset_index()
        place = [order.index(key) for key in zip(table["table"], table["cell"], strict=True)]
        table = table.assign(place=place).sort_values("place", kind="stable").drop(columns="place")
        table.round(9).to_csv(RESULTS, index=False)


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Return share and Monte Carlo error of every statistic."""
    n = counts["answered"]
    share = counts["total"] / n
    return counts.assign(share=share, error=np.sqrt(np.maximum(counts["squares"] / n - share**2, 0) / n))
