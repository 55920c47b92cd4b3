"""Small surveys for tests: ties drawn from the model of raters, with the truth known."""

from __future__ import annotations

import numpy as np
import pandas as pd

DIMENSIONS = ("freq", "time", "accu", "prob", "goal", "know", "resp")


def survey(
    *, seed=1, groups="ABC", raters=6, waves=("1", "2"), linked=0.7, gain=0.0, process="ward", skip=0.05, bias=0.2
):
    """One row per rater, target and wave; `gain` is added to every tie after the first wave, dimensions move alike."""
    rng = np.random.default_rng(seed)
    level = {(g, t): rng.normal(3.6, 0.3) for g in groups for t in groups}
    rows, persons = [], 0
    for g in groups:
        for _ in range(raters):
            for w, wave in enumerate(waves):
                if w == 0 or rng.random() > linked:
                    persons += 1
                    own, per_target = (
                        rng.normal(0, 0.5),
                        dict(zip(groups, rng.normal(0, 0.3, len(groups)), strict=True)),
                    )
                now = rng.normal(0, bias)
                for t in groups:
                    score = level[g, t] + gain * (w > 0) + own + per_target[t] + now + rng.normal(0, 0.4)
                    if rng.random() > skip:
                        rows.append((wave, process, f"p{persons}", g, t, score))
    table = pd.DataFrame(rows, columns=["wave", "process", "person", "workgroup", "target", "rc"])
    return table.assign(**dict.fromkeys(DIMENSIONS, table["rc"]), com=table["rc"], rel=table["rc"], no_contact=False)
