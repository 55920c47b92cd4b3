"""Raw outcome files to the table of outcomes: one row per team, period and measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import Problem
from joyeval.intake.pulse import start_of

if TYPE_CHECKING:
    from joyeval.intake.tabulate import Kind
    from joyeval.study import Outcome

FIELDS: dict[str, Kind] = {
    "team": "text",
    "period": "day",
    "value": "number",
    "numerator": "number",
    "denominator": "number",
}
COLUMNS = ["team", "period", "measure", "value", "numerator", "denominator"]


def outcome_table(part: Outcome, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Return one outcome per team and period.

    Parameters
    ----------
    part : Outcome
        What the study file says of the outcome.
    rows : DataFrame
        Typed rows, with ``file`` and ``row``.

    Returns
    -------
    DataFrame
        team, period (first day of it), measure, value (share from 0 to 1, events per `per`, or mean), numerator,
        denominator (all, exposure, or answers behind a mean; missing when the file has none).
    list of Problem
        Rows that cannot be: negative denominators, proportions above 1.
    """
    table = rows.assign(**{name: rows.get(name, pd.Series(np.nan, rows.index)) for name in FIELDS})
    days = pd.Series(pd.Timestamp(part.on), table.index) if part.on else table["period"]
    table = table.assign(period=start_of(days, part.period))
    bad, problems = _impossible(part, table)
    summed = _summed(part, table[~bad])
    return summed.assign(measure=part.measure)[COLUMNS], problems


def _impossible(part: Outcome, table: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    negative = (table["denominator"] < 0) | (table["numerator"] < 0)
    above = (table["numerator"] > table["denominator"]) if part.kind == "proportion" else negative & False
    rules = (
        ("negative", negative, "a count below 0", "0 or more"),
        ("above 1", above, "more events than all", "a share"),
    )
    problems = []
    for rule, rows, found, expected in rules:
        for file, group in table[rows].groupby("file"):
            told = f"{found} in {len(group)} rows"
            fix = "correct the counts, or the column map"
            problems.append(Problem(str(file), told, expected, fix, row=int(group["row"].iloc[0]), rule=rule))
    return negative | above, problems


def _summed(part: Outcome, table: pd.DataFrame) -> pd.DataFrame:
    """Add up what falls in one team and period; means are weighted by their answers where these are known."""
    given = part.kind == "mean" or table["numerator"].isna().all()
    if given:
        value = table["value"] / 100 if part.percent else table["value"]
        weight = table["denominator"].fillna(1.0)
        table = table.assign(numerator=value * weight, weight=weight)
    else:
        table = table.assign(weight=table["denominator"])
    both = table["numerator"].notna() & (table["weight"] > 0)
    sums = (
        table[both].groupby(["team", "period"])[["numerator", "denominator", "weight"]].sum(min_count=1).reset_index()
    )
    value = sums["numerator"] / sums["weight"]
    counts = {"numerator": np.nan} if given else {}
    return sums.assign(value=value * (part.per if part.kind == "rate" else 1.0), **counts)
