"""Teams compared with each other at one time: what can be said where outcomes exist for one period only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.models.panel import regression, small_sample_notes
from joyeval.outcomes.panel import associate, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from joyeval.outcomes.association import Association
    from joyeval.outcomes.linkage import Linkage


def between(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    team: str = "team",
    period: str = "period",
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    role: str = "exploratory",
) -> Association:
    """Compare teams whose staff experience differs; each team counts once, by its average over periods.

    Estimand: the difference in the outcome between teams whose staff experience differs by 1. Case-mix, place and
    whatever else makes teams differ may explain it; nothing here changes over time.

    Parameters
    ----------
    data, y, x, team, period, covariates, cluster, role
        As in `joyeval.outcomes.fixed_effects`; all teams weigh the same.

    Returns
    -------
    Association
        Terms ``between``, then covariates; `extra` holds the correlation ``r`` over teams (without covariates).

    Raises
    ------
    ModelError
        The data cannot answer, with the n and the way out.

    References
    ----------
    Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36(4), 672-683. doi:10.1080/07350015.2016.1247004
    """
    panel = prepare(data, y=y, x=x, team=team, period=period, covariates=covariates, cluster=cluster, weights="")
    rows = panel.frame.dropna(subset=[y, x, *covariates])
    extra = [panel.cluster] if panel.cluster != team else []
    means = rows.groupby([team, *extra], sort=True)[[y, x, *covariates]].mean().reset_index()
    fit = regression(panel.formula, means, cluster=panel.cluster)
    terms = fit.terms[fit.terms["term"] != "Intercept"].replace({"term": {panel.x: "between"}}).reset_index(drop=True)
    noun, clusters = panel.noun, means[panel.cluster].nunique()
    few = small_sample_notes(terms, n_clusters=clusters, cluster=panel.cluster, used="CR2", asked="CR2")
    return associate(
        panel, terms, "between", design=f"between {noun}s", estimand=f"comparing {noun}s with each other{panel.when}",
        n=len(rows), n_dropped=len(panel.frame) - len(rows), role=role, sd_x=float(means[x].std()),
        sd_y=float(means[y].std()), extra={"r": float(np.corrcoef(means[x], means[y])[0, 1])},
        notes=(*few, f"{noun}s differ in much besides {x}, which may explain a difference between them"),
    )  # fmt: skip
