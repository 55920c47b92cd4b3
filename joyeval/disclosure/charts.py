"""Charts as they may be shown: few people's points become gaps, and what is drawn is made from rounded counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.disclosure.own import too_plain
from joyeval.disclosure.people import EVERYBODY
from joyeval.disclosure.rule import Rule
from joyeval.disclosure.statistics import next_smallest
from joyeval.improvement.limits import KINDS

if TYPE_CHECKING:
    from joyeval.improvement import Charts

LINES = ["centre", "lower", "upper", "lower_95", "upper_95"]
HIDDEN = ["y", "n", "value", "participation"]
SIGNALS = ["beyond", "shift", "trend", "two_of_three"]


def protect_charts(charts: Charts, *, people: Any = None, rule: Rule | None = None) -> Charts:
    """Return charts as they may be shown.

    A point over too few people becomes a gap, and with it the next smallest of its period where the points of all
    series together would give it away. Series of too few people are left out. Values come from rounded counts; each
    part of a series has one pair of limits, since limits that follow the answers give their number.

    Parameters
    ----------
    charts : Charts
    people : Series, int or DataFrame, optional
        People behind a point: in post of each series (by its name), of the one series, or a table with the columns
        that name a point and `people`. The answers of a point are never more than one person's each, so the smaller of
        both counts. Without it, answers count as people.

    Returns
    -------
    Charts
        With a note that says how many points are not drawn.
    """
    rule = rule or Rule()
    behind = people_behind(charts, people)
    few = (behind < rule.threshold) & charts.points["value"].notna()
    few |= too_plain(charts.points["y"], charts.points["n"], rule) & charts.points["value"].notna()
    if charts.by and rule.nearest > 1:
        few |= _gives_away(charts, behind, few, rule)
    points = _rounded(charts, behind, rule)
    points.loc[few, HIDDEN] = float("nan")
    points.loc[few, SIGNALS] = False
    points.loc[few, "direction"] = 0
    shown = replace(charts, points=_with_lines(points, charts, rule))
    if charts.by:
        number = charts.number(points)
        shown = shown.keep(points["value"].notna().groupby(number).any().to_numpy())
    count = int(few.sum())
    note = f"{count} of {int(charts.points['value'].notna().sum())} points are not drawn: {rule.why}"
    return replace(shown, notes=(*charts.notes, note)) if count else shown


def people_behind(charts: Charts, people: Any) -> pd.Series:
    """Return the people behind each point: no more than its answers, nor than are in post."""
    points = charts.points
    counted = points["y"] if KINDS[charts.kind].events else points["n"]
    if isinstance(people, pd.DataFrame):
        known = points[[*charts.by, charts.x]].merge(people, on=[*charts.by, charts.x], how="left")["people"]
        in_post = pd.Series(known.to_numpy(dtype=float), points.index)
    elif isinstance(people, pd.Series):
        in_post = points[list(charts.by)[-1]].map(people).astype(float).fillna(0)
    else:
        in_post = pd.Series(np.nan if people is None else float(people), points.index)
    fewer = pd.concat([counted, in_post], axis=1).min(axis=1).fillna(0)  # nobody known to stand behind it: nobody
    return fewer.mask(in_post >= EVERYBODY, in_post)


def _gives_away(charts: Charts, behind: pd.Series, few: pd.Series, rule: Rule) -> pd.Series:
    """Points to hide besides, period by period: all series together are known, so what is hidden must be enough."""
    measure = [charts.points[name] for name in charts.by[:-1]]
    found = few.copy()
    there = charts.points["value"].notna()
    for _, part in behind[there].groupby([*measure, charts.points[charts.x]]):
        found[next_smallest(part, few[part.index], rule)] = True
    return found


def _rounded(charts: Charts, behind: pd.Series, rule: Rule) -> pd.DataFrame:
    """Values from rounded counts; means to the decimals that their size bears."""
    points = charts.points.copy()
    if KINDS[charts.kind].share:
        points["value"] = rule.percent(points["y"], points["n"], behind) * charts.multiply / 100
    elif KINDS[charts.kind].events:
        near = pd.Series(rule.rounded(points["y"]), points.index)
        scale = points["n"].fillna(1) if KINDS[charts.kind].denominator else 1
        points["value"] = (charts.multiply * near / scale).round(_places(points["value"]))
    else:
        points["value"] = points["value"].round(_places(points["value"]))
    for name in ("y", "n") if _counted(charts) else ("n",):
        points[name] = rule.rounded(points[name])
    if not _counted(charts):
        points["y"] = points["value"]
    points["participation"] = points["participation"].round(1 if rule.nearest > 1 else 2)
    return points


def _counted(charts: Charts) -> bool:
    """Whether a point counts people or events."""
    return KINDS[charts.kind].share or KINDS[charts.kind].events


def _places(values: pd.Series) -> int:
    """Decimals of a mean or a rate: none above 10, where one would speak of few people."""
    return 0 if values.abs().max() > 10 else 1


def _with_lines(points: pd.DataFrame, charts: Charts, rule: Rule) -> pd.DataFrame:
    """One centre and one pair of limits for each part of a series that has points; rounded as its values are."""
    of_part = [charts.number(points), points["part"]]
    kept = points["value"].notna().groupby(of_part).transform("any")
    places = 1 if rule.nearest == 1 else 0 if KINDS[charts.kind].share else _places(points["value"])
    lines = points[LINES].where(points["value"].notna()).groupby(of_part).transform("median").round(places)
    rounded = {name: lines[name].where(kept & points[name].notna()) for name in LINES}
    return points.assign(**rounded)
