"""Many measures on one table: the latest value, what the chart says of it, and the course in small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.improvement.limits import KINDS
from joyeval.result import Result

if TYPE_CHECKING:
    from joyeval.improvement.charts import Charts

SAID = {
    "common_cause": "no signal",
    "improvement_high": "signal for the better (high)",
    "improvement_low": "signal for the better (low)",
    "concern_high": "signal for the worse (high)",
    "concern_low": "signal for the worse (low)",
    "neutral_high": "signal (high)",
    "neutral_low": "signal (low)",
    "pass": "will be met",
    "fail": "will be missed",
    "inconsistent": "met or missed by chance",
    "": "",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Overview(Result):
    """Series side by side; `n` counts series, `n_dropped` those without any value.

    Parameters
    ----------
    table : DataFrame
        One row per series, in the order given: name, latest (date or place of the last value), value, centre, target,
        variation, assurance (as in `Charts.series`), variation_in_words, assurance_in_words, signal, state, chart.
    sparks : DataFrame
        One row per plotted point: row (of the table), x and y (0 to 1 within the series), direction, part.
    """

    table: pd.DataFrame
    sparks: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the table."""
        return self.table

    def sentence(self) -> str:
        """Say how many series show a signal at their last point."""
        signals = self.table["variation"].str.startswith(("improvement", "concern", "neutral")).sum()
        return f"{signals} of {self.n} series show a signal at their last point."


def overview(*charts: Charts) -> Overview:
    """Put series of one or several chart results on one table.

    Parameters
    ----------
    *charts : Charts
        From `chart`; they may differ in kind, measure and direction of improvement.

    Returns
    -------
    Overview
    """
    tables, sparks, rows = [], [], 0
    for one in charts:
        plotted = one.points["value"].notna() & ~one.points["excluded"]
        number = one.number(one.points)[plotted]
        points = one.points[plotted].assign(row=number + rows)
        tables.append(_table(one, points.drop_duplicates("row", keep="last").set_index("row"), rows))
        sparks.append(_sparks(points, one.x))
        rows += len(tables[-1])
    table = pd.concat(tables, ignore_index=True)
    return Overview(
        n=len(table),
        n_dropped=int(table["value"].isna().sum()),
        notes=tuple(dict.fromkeys(note for one in charts for note in one.notes)),
        table=table,
        sparks=pd.concat(sparks, ignore_index=True),
    )


def _table(charts: Charts, last: pd.DataFrame, first: int) -> pd.DataFrame:
    series = charts.latest()
    last = last.reindex(range(first, first + len(series))).reset_index(drop=True)
    names = series[list(charts.by)].astype(str).agg(" · ".join, axis=1) if charts.by else pd.Series([charts.y])
    return pd.DataFrame(
        {
            "name": names.astype(str),
            "latest": last[charts.x].astype(str),
            **{column: last[column] for column in ("value", "centre", "target")},
            **{column: series[column] for column in ("variation", "assurance")},
            "variation_in_words": series["variation"].map(SAID),
            "assurance_in_words": series["assurance"].map(SAID),
            **{column: series[column] for column in ("signal", "state")},
            "chart": KINDS[charts.kind].title,
        }
    )


def _sparks(points: pd.DataFrame, x: str) -> pd.DataFrame:
    """Scale each series to the unit square."""
    place = points[x].to_numpy()
    place = pd.Series(place.astype(np.int64) if place.dtype.kind == "M" else place, index=points.index)
    scaled = {
        name: _unit(values.astype(float), points["row"]) for name, values in (("x", place), ("y", points["value"]))
    }
    return points[["row", "direction", "part"]].assign(**scaled).reset_index(drop=True)


def _unit(values: pd.Series, groups: pd.Series) -> pd.Series:
    """From 0 to 1 within each group; a constant lies in the middle."""
    low, high = (values.groupby(groups).transform(how) for how in ("min", "max"))
    return ((values - low) / (high - low)).fillna(0.5)
