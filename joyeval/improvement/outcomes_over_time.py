"""Outcomes of teams over time, each on the chart that fits its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.improvement.charts import Charts, chart

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.study import Outcome, Study

FEWEST = 12  # points of at least one team for an outcome to be charted


def outcome_charts(study: Study, cohort: str, outcomes: pd.DataFrame) -> dict[str, Charts]:
    """Chart every outcome of every team.

    Shares are charted on P' charts in per cent, rates on U' charts per the exposure that the study file names, means
    and values without counts on I charts.

    Parameters
    ----------
    outcomes : DataFrame
        The table ``outcomes`` of the cohort.

    Returns
    -------
    dict
        Measure to Charts, one series per team; outcomes with too few points for any team are left out.
    """
    found = {}
    for part in study.of_cohort("outcomes", cohort):
        table = outcomes[outcomes["measure"] == part.measure].sort_values(["team", "period"])
        if len(table) and table.groupby("team")["period"].size().max() >= FEWEST:
            found[part.measure] = chart(table, x="period", by="team", improve=part.improve, **_kind(part, table))
    return found


def _kind(part: Outcome, table: pd.DataFrame) -> dict[str, object]:
    shown = 100 if part.kind == "proportion" else 1
    if part.kind == "mean" or table["numerator"].isna().any():
        return {"y": "value", "kind": "i", "multiply": shown}
    counts = {"y": "numerator", "n": "denominator"}
    return (
        {**counts, "multiply": shown} if part.kind == "proportion" else {**counts, "kind": "u'", "multiply": part.per}
    )
