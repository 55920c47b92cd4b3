"""Change of survey scores between two waves, and differences between groups of staff."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.grid.harness import Cell
from joyeval.measurement import equity
from joyeval.measurement.scores import _fitted, _two

if TYPE_CHECKING:
    from collections.abc import Mapping

PERSON, REST, TEAM, SHOCK = 0.5, 0.33, 0.2, 0.15  # standard deviations; one answer varies by .6 about its team
GAIN = 0.3  # half a standard deviation


def waves(
    rng: np.random.Generator, *, teams: int, people: int, linked: float, shock: float, unlike: float = 0.5
) -> pd.DataFrame:
    """Draw two waves of as many people; `linked` of those of the first answer the second too.

    Sizes of teams differ: their logarithms have a standard deviation of `unlike`.
    """
    sizes = np.maximum(np.round(people * np.exp(rng.normal(-(unlike**2) / 2, unlike, teams))).astype(int), 2)
    team = np.repeat(np.arange(teams), sizes)
    stays = rng.random(len(team)) < linked
    first = rng.normal(0, PERSON, len(team))
    level = rng.normal(0, TEAM, teams)[team]
    both = []
    for wave, own in ((1, first), (2, np.where(stays, first, rng.normal(0, PERSON, len(team))))):
        joy = 3 + level + own + rng.normal(0, shock, teams)[team] + rng.normal(0, REST, len(team))
        who = np.arange(len(team)) + (0 if wave == 1 else np.where(stays, 0, len(team)))
        both.append(pd.DataFrame({"person": who, "team": team, "wave": str(wave), "joy": joy}))
    return pd.concat(both, ignore_index=True)


def changed(rng: np.random.Generator, **condition: float) -> Mapping[str, object]:
    """Judge the estimate over everyone where nothing changed; power by moving it."""
    row = _fitted(_two(waves(rng, **condition), "1", "2"), "joy", "everyone")
    half = (row["ci_high"] - row["ci_low"]) / 2
    return {"size": float(row["p"] < 0.05), "power": float(abs(row["estimate"] + GAIN) > half)}


def grouped(rng: np.random.Generator, *, teams: int, people: int = 12) -> Mapping[str, object]:
    """Test whether roles differ, in level and in change, where they do not."""
    data = waves(rng, teams=teams, people=people, linked=0.5, shock=0.2)
    role = rng.integers(0, 3, data["person"].max() + 1).astype(str)
    data = data.assign(role=role[data["person"]])[rng.random(len(data)) < 0.7]
    tests = equity(data.astype({"wave": int}), by=["role"], scales={"joy": "Joy"}).tests
    p = tests.set_index("question")["p"]
    return {f"size, {name}": float(p[name] < 0.05) if name in p.index else np.nan for name in ("level", "change")}


def cells() -> list[Cell]:
    """Return the cells of surveys."""
    found = []
    for teams, people in ((4, 8), (8, 8), (10, 8), (20, 8), (30, 8), (70, 8)):
        for linked in (0.0, 0.5):
            for shock in (0.0, SHOCK):
                name = f"{teams} teams of about {people}; {linked:.0%} linked; {'shocks' if shock else 'no shocks'}"
                given = {"teams": teams, "people": people, "linked": linked, "shock": shock}
                found.append(Cell("survey change", name, partial(changed, **given)))
    for teams in (8, 20, 70):
        found.append(Cell("equity", f"{teams} teams of about 12", partial(grouped, teams=teams), 500))
    return found
