"""Associations of staff experience with outcomes, over teams and periods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.grid.harness import Cell
from joyeval.outcomes import fixed_effects, within_between

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PERIODS = 12
SLOPE = 0.3
DESIGNS = {"fixed effects": fixed_effects, "within-between": within_between}


def walk(rng: np.random.Generator, teams: int, echo: float, periods: int = PERIODS) -> np.ndarray:
    """Stationary AR(1) histories of variance 1, shape (teams, periods)."""
    out = rng.normal(size=(teams, periods))
    for t in range(1, periods):
        out[:, t] = echo * out[:, t - 1] + np.sqrt(1 - echo**2) * out[:, t]
    return out


def panel(rng: np.random.Generator, teams: int, echo: float) -> pd.DataFrame:
    """Outcome and exposure that have nothing to do with each other; denominators differ sixfold between teams."""
    x = walk(rng, teams, echo) + rng.normal(size=(teams, 1))
    weights = rng.poisson(np.exp(rng.normal(np.log(60), 0.8, (teams, 1))) * np.ones((1, PERIODS))) + 3.0
    plain, level = walk(rng, teams, echo), 0.7 * rng.normal(size=(teams, 1)) + rng.normal(size=PERIODS)
    team, period = np.indices(x.shape)
    columns = {"team": team, "period": period, "x": x, "weights": weights}
    columns |= {"plain": plain + level, "counted": plain * np.sqrt(0.3 + 0.7 * 60 / weights) + level}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def associated(
    rng: np.random.Generator, *, design: Callable, teams: int, echo: float, weighted: bool
) -> Mapping[str, object]:
    """Test a slope where there is none, within teams and (within-between) between them; power by moving it."""
    data = panel(rng, teams, echo)
    how = {"y": "counted", "weights": "weights"} if weighted else {"y": "plain"}
    answer = design(data, x="x", draws=0, **how)
    row, terms = answer.effect, answer.terms.set_index("term")
    half = (row["ci_high"] - row["ci_low"]) / 2
    found = {"size, within": float(row["p"] < 0.05), "power, within": float(abs(row["estimate"] + SLOPE) > half)}
    return found | ({"size, between": float(terms.loc["between", "p"] < 0.05)} if "between" in terms.index else {})


def cells() -> list[Cell]:
    """Return each design with few and many teams."""
    return [
        Cell(
            "associations",
            f"{name}{', weighted' * weighted}; {teams} teams; AR {echo:g}",
            partial(associated, design=design, teams=teams, echo=echo, weighted=weighted),
            2000,
        )
        for name, design in DESIGNS.items()
        for weighted in (False, True)
        for teams in (8, 20, 70)
        for echo in ((0.0, 0.5) if teams == 8 else (0.5,))
    ]
