"""Change of a pulse between a baseline and what follows, and the words that verdicts on teams rest on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.grid.harness import Cell
from joyeval.improvement import chart, slow_weeks
from joyeval.improvement.change import changes

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEKS = ((20, 10), (26, 12), (39, 9), (52, 16), (78, 17), (156, 78))  # and how many of them come before the start
ANSWERS = {"5 to 12": (5, 13), "30": (30, 31), "200": (200, 201)}  # a week
SLOW = {"no week effect": (0.0, 0.0), "AR .5": (0.3, 0.5), "AR .8": (0.3, 0.8)}  # SD of log odds, of neighbours
LEVEL, GAIN = np.log(0.6 / 0.4), np.log(0.7 / 0.3) - np.log(0.6 / 0.4)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


def weeks(
    rng: np.random.Generator, series: int, weeks: int, before: int, answers: tuple[int, int], slow: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw answers and log odds, both (series, weeks), and which weeks come after the start."""
    sd, phi = slow
    wave = rng.normal(size=(series, weeks))
    for t in range(1, weeks):
        wave[:, t] = phi * wave[:, t - 1] + np.sqrt(1 - phi**2) * wave[:, t]
    return rng.integers(*answers, size=(series, weeks)), LEVEL + sd * wave, np.arange(weeks) >= before


def judged(
    rng: np.random.Generator, *, series: int, length: tuple[int, int], answers: tuple[int, int], slow: tuple
) -> Mapping[str, object]:
    """Judge series that do not change, and the same ones with 10 points more good days after the start."""
    n, odds, after = weeks(rng, series, *length, answers, slow)
    still = _changes(rng, n, odds, length[1])
    moved = _changes(rng, n, odds + GAIN * after, length[1])
    gain = _share(LEVEL + GAIN, slow[0]) - _share(LEVEL, slow[0])
    return {
        "false verdicts": still["clear"],
        "coverage": (moved["ci_low"] <= gain) & (gain <= moved["ci_high"]),
        "power": moved["clear"],
    }


def alone(rng: np.random.Generator, **condition: object) -> Mapping[str, object]:
    """Judge series that learn nothing from each other: as if each were drawn and judged by itself."""
    with mock.patch.object(slow_weeks, "ROUNDS", 0):
        return judged(rng, **condition)


def _changes(rng: np.random.Generator, n: np.ndarray, odds: np.ndarray, before: int) -> pd.DataFrame:
    return (
        changes_of(rng.binomial(n, 1 / (1 + np.exp(-odds))), n, before).dropna(subset=["se"]).astype({"clear": float})
    )


def changes_of(good: np.ndarray, n: np.ndarray, before: int) -> pd.DataFrame:
    """Return the change of every series, from good days and answers (series, weeks)."""
    team, week = np.indices(n.shape)
    rows = pd.DataFrame({"team": team.ravel(), "week": week.ravel(), "good": good.ravel(), "n": n.ravel()})
    charts = chart(rows, x="week", y="good", n="n", by="team", kind="p'", freeze=before, improve="increase")
    return changes(charts)[0]


def _share(odds: float, sd: float) -> float:
    """Mean share of good days where log odds vary by `sd`."""
    return float((WEIGHTS / (1 + np.exp(-(odds + sd * NODES)))).sum() / WEIGHTS.sum())


def cells() -> list[Cell]:
    """Return series alone and among 20."""
    found = []
    for length in WEEKS:
        for answers, sizes in ANSWERS.items():
            for slow, how in SLOW.items():
                name = f"{length[0]} weeks, {length[1]} before; {answers} answers; {slow}"
                given = {"length": length, "answers": sizes, "slow": how}
                found.append(Cell("pulse, alone", name, partial(alone, series=100, **given), 20))
                found.append(Cell("pulse, among 20", name, partial(judged, series=20, **given), 50))
    return found
