"""Is a questionnaire judged as it is? Structure and invariance of scales that hold, and funnels of groups alike."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.grid.harness import Cell
from joyeval.errors import ModelError
from joyeval.improvement import funnel
from joyeval.measurement import factor, invariance

if TYPE_CHECKING:
    from collections.abc import Mapping

LOADINGS = np.array([0.5, 0.6, 0.7, 0.8, 0.6, 0.7])
STEPS = [-1.5, -0.7, 0.1, 0.9]  # between five options


def judged(rng: np.random.Generator, *, n: int, ordinal: bool) -> Mapping[str, object]:
    """Judge a true factor; two factors that correlate by .3, taken for one, are the counterpart."""
    two = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], n)[:, [0, 0, 0, 1, 1, 1]]
    found = {}
    for name, common in (("", rng.normal(size=(n, 1))), ("two factors ", two)):
        y = common * LOADINGS + rng.normal(size=(n, 6)) * np.sqrt(1 - LOADINGS**2)
        said = _quality(pd.DataFrame(np.digitize(y, STEPS).astype(float) if ordinal else y).add_prefix("q"))
        found |= {f"{name}called poor": float(said == "does not fit"), f"{name}called good": float(said == "fits")}
    return found


def _quality(items: pd.DataFrame) -> str:
    try:
        return factor(items).sem.quality
    except ModelError:  # did not converge, which is said
        return "no answer"


def alike(rng: np.random.Generator, *, n: int) -> Mapping[str, object]:
    """Judge invariance over two groups that do not differ."""
    y = rng.normal(size=(2 * n, 1)) * LOADINGS + rng.normal(size=(2 * n, 6)) * np.sqrt(1 - LOADINGS**2)
    items = pd.DataFrame(np.digitize(y, STEPS).astype(float)).add_prefix("q")
    got = invariance(items, pd.Series(np.repeat(["a", "b"], n), name="group"), partial=False)
    steps = got.steps.set_index("step")
    return {"contradicted": float(got.reached != "strict")} | {
        f"p of {step} below .05": float(steps.loc[step, "delta_p"] < 0.05) if step in steps.index else np.nan
        for step in ("metric", "scalar")
    }


def outside(rng: np.random.Generator, *, groups: int, level: float, kind: str) -> Mapping[str, object]:
    """Share of groups alike outside the 95 % limits; half of the times with the adjustment that is the default."""
    n = rng.integers(30, 400, groups)
    good = rng.binomial(n, level) if kind == "PR" else rng.poisson(n * level)
    below = n if kind == "PR" else rng.poisson(n) + 1.0 if kind == "RC" else n * level
    data = pd.DataFrame({"team": np.arange(groups), "good": good, "n": below})
    return {"outside": funnel(data, numerator="good", denominator="n", group="team", kind=kind, limit=95).points[
        "outlier"].to_numpy(dtype=float)}  # fmt: skip


def cells() -> list[Cell]:
    """Return the cells of questionnaires and funnels."""
    found = []
    for n in (40, 100, 300):
        for ordinal, told in ((False, "continuous answers"), (True, "answers in five steps")):
            found.append(Cell("structure", f"{n} people; {told}", partial(judged, n=n, ordinal=ordinal), 400))
    found += [Cell("invariance", f"2 groups of {n}", partial(alike, n=n), 300) for n in (60, 150)]
    for kind, levels in (("PR", (0.6, 0.05, 0.01)), ("SR", (0.2, 0.05)), ("RC", (0.6,))):
        for level in levels:
            for groups in (12, 60):
                once = partial(outside, groups=groups, level=level, kind=kind)
                found.append(Cell("funnels", f"{kind}, level {level:g}; {groups} groups", once, 500))
    return found
