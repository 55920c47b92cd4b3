"""Charts as they may be shown: a point over too few answers becomes a gap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joyeval.disclosure.rule import Rule, suppressed

if TYPE_CHECKING:
    from joyeval.improvement import Charts

HIDDEN = ["y", "n", "value", "lower", "upper", "lower_95", "upper_95", "participation"]  # limits give the answers away


def protect_charts(charts: Charts, *, rule: Rule | None = None) -> Charts:
    """Return charts in which points over fewer valid answers than the threshold are gaps.

    Centre lines and verdicts rest on all answers of a series together and stay, unless these are too few as well.

    Parameters
    ----------
    charts : Charts
        Of shares, with the answers behind each point in ``n``.

    Returns
    -------
    Charts
        With a note that says how many points are not shown.
    """
    rule = rule or Rule()
    points = charts.points.copy()
    few = (points["n"] < rule.threshold) & points["value"].notna()
    points.loc[few, HIDDEN] = float("nan")
    points.loc[few, ["beyond", "shift", "trend", "two_of_three"]] = False
    total = charts.points.groupby(list(charts.by))["n"].transform("sum") if charts.by else charts.points["n"].sum()
    points.loc[total < rule.threshold, "centre"] = float("nan")
    if not few.any():
        return replace(charts, points=points)
    note = f"{int(few.sum())} of {len(points)} points are not drawn: {suppressed(rule.threshold)}"
    return replace(charts, points=points, notes=(*charts.notes, note))
