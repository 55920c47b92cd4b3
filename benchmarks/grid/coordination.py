"""Change of relational coordination: the mean over ties, its ordinal companion, and sites beside outcomes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from benchmarks.grid.harness import Cell
from joyeval.coordination import RC, ordinal_change, site_means
from joyeval.coordination.rater_model import panel as rated_panel
from joyeval.coordination.rater_model import tie_means
from joyeval.errors import ModelError
from joyeval.outcomes import correct_between, within_between

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SD = {"rater": 0.46, "wave": 0.37, "target": 0.3, "rest": 0.42}  # of ratings, as in `coordination.power`
GAIN = 0.3
SLOPE = 2.0  # of an outcome on the coordination of sites
ITEMS = list(RC.dimensions)


def ties(
    rng: np.random.Generator, raters: Sequence[int], spreads: Sequence[float] = (), *, missing: float = 0.1
) -> pd.DataFrame:
    """Draw two waves in which nothing changes and half of the raters are the same; `spreads` multiply every SD."""
    groups = len(raters)
    group = np.repeat(np.arange(groups), raters)
    seats, spread = len(group), np.array(spreads or np.ones(groups))[group]
    stays = rng.random(seats) < 0.5
    level, liking = rng.normal(0, SD["rater"], (2, seats)), rng.normal(0, SD["target"], (2, seats, groups))
    level[1], liking[1] = np.where(stays, level[0], level[1]), np.where(stays[:, None], liking[0], liking[1])
    mood = rng.normal(0, SD["wave"], (2, seats))
    own = level[:, :, None] + mood[:, :, None] + liking + rng.normal(0, SD["rest"], (2, seats, groups))
    tie = rng.normal(3.6, 0.3, (groups, groups))
    wave, seat, target = np.nonzero(rng.random(own.shape) >= missing)
    person = seat + np.where((wave == 1) & ~stays[seat], seats, 0)
    return pd.DataFrame(
        {
            "wave": np.array(["1", "2"])[wave],
            "process": "ward",
            "person": person.astype(str),
            "workgroup": np.char.add("g", group[seat].astype(str)),
            "target": np.char.add("g", target.astype(str)),
            "rc": (tie[group[seat], target] + spread[seat] * own[wave, seat, target]),
            "no_contact": False,
        }
    )


def changed(rng: np.random.Generator, **condition: object) -> Mapping[str, object]:
    """Test the mean change between groups; power by moving it."""
    estimate, se, df = mean_change(ties(rng, **condition))
    half = stdtrit(df, 0.975) * se
    return {"size": float(abs(estimate) > half), "power": float(abs(estimate + GAIN) > half)}


def mean_change(table: pd.DataFrame) -> tuple[float, float, float]:
    """Estimate, standard error and degrees of freedom, as `coordination.change` has them but without its tables."""
    codes = {"rater": "person", "block": "workgroup", "target": "target", "wave": "wave"}
    found = {name: np.unique(table[column], return_inverse=True)[1] for name, column in codes.items()}
    fit = tie_means(rated_panel(table["rc"].to_numpy(), **found))
    groups, places = np.unique(table["workgroup"]), np.unique(table["target"])
    first, second = fit.raters[:, 0::2], fit.raters[:, 1::2]
    asked = (first > 0) & (second > 0) & (groups[:, None] != places)
    cells = np.zeros(fit.mean.shape)
    cells[:, 0::2], cells[:, 1::2] = -1.0 * asked / asked.sum(), 1.0 * asked / asked.sum()
    return tuple(
        float(x[0]) for x in fit.contrasts(cells, np.arange(len(groups)), 0 * np.arange(len(groups)), alike=False)
    )


def answered(rng: np.random.Generator, *, raters: Sequence[int], tie_sd: float) -> Mapping[str, object]:
    """Test the change of answers on their own scale; a tie may move by chance from wave to wave."""
    table = ties(rng, raters)
    where = table.groupby(["workgroup", "target", "wave"]).ngroup().to_numpy()
    moved = rng.normal(0, tie_sd, where.max() + 1)[where] if tie_sd else 0.0
    noise = rng.normal(0, 0.6, (len(table), len(ITEMS)))
    answers = np.clip(np.round((table["rc"] + moved).to_numpy()[:, None] + noise), 1, 5)
    rows = table.join(pd.DataFrame(answers, columns=ITEMS, index=table.index))
    row = ordinal_change(rows).changes.set_index("term").loc["mean"]
    return {"size": float(not row["ci_low"] <= 0 <= row["ci_high"])}


def beside(rng: np.random.Generator, *, sites: int, raters: int) -> Mapping[str, object]:
    """Ask whether coordination of sites goes with an outcome of which it tells nothing; and with a slope of 2."""
    true = rng.normal(0, 0.3, sites)
    keys = pd.MultiIndex.from_product([range(sites), list("12"), list("AB"), range(raters), list("AB")])
    table = keys.to_frame(index=False, name=["site", "wave", "workgroup", "person", "target"])
    who = table.groupby(["site", "workgroup", "person"]).ngroup()
    score = 3.6 + true[table["site"]] + rng.normal(0, 0.5, who.max() + 1)[who] + rng.normal(0, 0.4, len(table))
    rated = table.assign(rc=score, person=who.astype(str), process="s" + table["site"].astype(str), no_contact=False)
    means = site_means(rated, periods={"1": 1, "2": 2})
    own = rng.normal(0, 0.5, sites)
    panel = means.terms.rename(columns={"mean": "rc"})
    site = panel["team"].str[1:].astype(int).to_numpy()
    noise = rng.normal(0, 0.3, len(panel))
    null = within_between(panel.assign(joy=own[site] + noise), y="joy", x="rc", time="none", draws=0)
    p = null.terms.set_index("term")["p"]
    found = {"size, within": float(p["within"] < 0.05), "size, between": float(p["between"] < 0.05)}
    steep = panel.assign(joy=SLOPE * true[site] + own[site] + noise)
    answer = within_between(steep, y="joy", x="rc", time="none", draws=0)
    try:
        row = correct_between(answer, means.reliability).terms.set_index("term").loc["between, corrected"]
    except ModelError:  # reliability too low, which is said
        return found | {"coverage, between": np.nan}
    return found | {"coverage, between": float(row["ci_low"] <= SLOPE <= row["ci_high"])}


CHANGES = {
    "2, 3, 5, 9, 16 raters; spreads x 2, 2, 1.5, 1, .7": {"raters": (2, 3, 5, 9, 16), "spreads": (2, 2, 1.5, 1, 0.7)},
    "4, 5, 6, 10, 15 raters; spreads x 1.4, 1.3, 1.2, 1, .8": {
        "raters": (4, 5, 6, 10, 15), "spreads": (1.4, 1.3, 1.2, 1, 0.8),
    },
    "2, 3, 5, 9, 16 raters; a quarter missing": {"raters": (2, 3, 5, 9, 16), "missing": 0.25},
    "3 groups of 2": {"raters": (2,) * 3},
    "3 groups of 4": {"raters": (4,) * 3},
    "3 groups of 10": {"raters": (10,) * 3},
    "3 groups of 30": {"raters": (30,) * 3},
    "6 groups of 2": {"raters": (2,) * 6},
    "6 groups of 5": {"raters": (5,) * 6},
    "6 groups of 15": {"raters": (15,) * 6},
    "12 groups of 2": {"raters": (2,) * 12},
    "12 groups of 6": {"raters": (6,) * 12},
    "12 groups of 30": {"raters": (30,) * 12},
    "12 groups of 2 to 30; spreads x .7 to 2": {
        "raters": (2, 2, 3, 4, 5, 6, 8, 10, 14, 18, 24, 30),
        "spreads": (2, 1, 0.7, 2, 1, 0.7, 2, 1, 0.7, 2, 1, 0.7),
    },
}  # fmt: skip


def cells() -> list[Cell]:
    """Return the cells of coordination."""
    found = [
        Cell("coordination change", name, partial(changed, **how), 300 if sum(how["raters"]) > 200 else 1000)
        for name, how in CHANGES.items()
    ]
    for tie_sd, told in ((0.0, "ties do not move"), (0.15, "ties move by chance, SD .15")):
        for raters in ((8,) * 4, (6,) * 6):
            name = f"{len(raters)} groups of {raters[0]}; {told}"
            found.append(Cell("ordinal companion", name, partial(answered, raters=raters, tie_sd=tie_sd), 150))
    for sites in (8, 20, 70):
        found.append(Cell("sites beside outcomes", f"{sites} sites", partial(beside, sites=sites, raters=6), 500))
    return found
