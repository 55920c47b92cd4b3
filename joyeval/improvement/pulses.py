"""The pulses of a study as charts: one for the cohort, one for every team, with the baseline that the study names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.improvement.charts import Charts, chart
from joyeval.improvement.multiverse import Multiverse, multiverse

if TYPE_CHECKING:
    from joyeval.improvement.rules import RuleSet
    from joyeval.study import Study

BASELINE = "baseline"  # name of the phase whose points set centre and limits
FEWEST_IN_BASELINE = 8  # points of a series; with fewer, all its points do


def cohort_charts(study: Study, cohort: str, pulse: pd.DataFrame, *, rules: str = "anhoej") -> Charts:
    """Chart each measure over all teams of a cohort together.

    Parameters
    ----------
    pulse : DataFrame
        The table ``pulse`` of the cohort.
    rules : str
        Name of a rule set; see `joyeval.improvement.RULES`.

    Returns
    -------
    Charts
        One series per measure: share of positive answers in per cent.
    """
    amounts = ["positive", "answers", "opportunities"]
    summed = pulse.groupby(["measure", "period"])[amounts].sum(min_count=1).reset_index()
    return _charts(study, cohort, summed, ["measure"], rules)


def team_charts(study: Study, cohort: str, pulse: pd.DataFrame, *, rules: str = "anhoej") -> Charts:
    """Chart each measure of every team; see `cohort_charts`."""
    return _charts(study, cohort, pulse, ["measure", "team"], rules)


def pooled_charts(study: Study, cohort: str, points: pd.DataFrame, charts: Charts) -> Charts:
    """Chart points of teams again of which several stand under one name, by the rules of the charts they are from.

    Parameters
    ----------
    points : DataFrame
        Of `charts`, with `team` renamed.
    charts : Charts
        As `team_charts` gives them.
    """
    by = ["measure", "team"]
    counts = points.rename(columns={"y": "positive", "n": "answers"})
    summed = counts.groupby([*by, charts.x])[["positive", "answers"]].sum().reset_index()
    return _charts(study, cohort, summed.assign(opportunities=float("nan")), by, charts.rule_set)


def own_chart(study: Study, cohort: str, counts: pd.DataFrame, *, rules: str = "anhoej") -> Charts:
    """Chart one measure of one team as a run chart, from the counts that it may see itself."""
    return _charts(study, cohort, counts, ["measure"], rules, kind="run")


def cohort_multiverse(study: Study, cohort: str, pulse: pd.DataFrame) -> Multiverse:
    """Judge every team by several rule sets, with the baseline of the study file and without one."""
    by = ["measure", "team"]
    tables = [baselines(study, cohort, pulse, by), None]
    return multiverse(
        pulse.sort_values([*by, "period"]),
        baselines=tables if tables[0] is not None else [None],
        x="period",
        y="positive",
        n="answers",
        by=by,
        multiply=100,
        improve=pulse[by].drop_duplicates().merge(directions(study, cohort), on="measure"),
    )


def _charts(
    study: Study, cohort: str, pulse: pd.DataFrame, by: list[str], rules: str | RuleSet, kind: str | None = None
) -> Charts:
    known = {"opportunities": "opportunities"} if pulse["opportunities"].notna().any() else {}
    return chart(
        pulse.sort_values([*by, "period"]),
        x="period",
        y="positive",
        n="answers",
        by=by,
        kind=kind,
        multiply=100,
        rules=rules,
        freeze=baselines(study, cohort, pulse, by),
        improve=pulse[by].drop_duplicates().merge(directions(study, cohort), on="measure"),
        **known,
    )


def directions(study: Study, cohort: str) -> pd.DataFrame:
    """Return measure and the direction that is better, as the study file says."""
    parts = {part.measure: part.improve for part in study.of_cohort("pulses", cohort)}
    return pd.DataFrame(parts.items(), columns=["measure", "improve"])


def baselines(study: Study, cohort: str, pulse: pd.DataFrame, by: list[str]) -> pd.DataFrame | None:
    """Return the last period of the baseline phase for each series with enough points in it."""
    ends = [phase.end for phase in study.cohort(cohort).phases if phase.name == BASELINE]
    if not ends:
        return None
    before = pulse[(pulse["period"] <= pd.Timestamp(ends[0])) & (pulse["answers"] > 0)]
    counts = before.groupby(by)["period"].agg(["size", "max"]).reset_index()
    later = pulse.groupby(by)["period"].max().reset_index(name="end")
    table = counts.merge(later, on=by).query("size >= @FEWEST_IN_BASELINE and max < end")
    kept = table.rename(columns={"max": "period"}).assign(reason="baseline phase of the study file")
    return kept[[*by, "period", "reason"]] if len(kept) else None
