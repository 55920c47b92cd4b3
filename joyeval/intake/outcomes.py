"""Raw outcome files to the table of outcomes: one row per team, period and measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import Problem
from joyeval.intake.account import problem_at
from joyeval.intake.plausible import FEWEST
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


def outcome_table(
    part: Outcome, rows: pd.DataFrame, percents: frozenset[str] = frozenset()
) -> tuple[pd.DataFrame, list[Problem]]:
    """Return one outcome per team and period.

    Parameters
    ----------
    part : Outcome
        What the study file says of the outcome.
    rows : DataFrame
        Typed rows, with ``file`` and ``row``.
    percents : frozenset of str
        Columns with cells that are written with a per cent sign.

    Returns
    -------
    DataFrame
        team, period (first day of it), measure, value (share from 0 to 1, events per `per`, or mean), numerator,
        denominator (all, exposure, or answers behind a mean; missing when the file has none).
    list of Problem
        Rows that cannot be: negative counts, shares above 1, percentages of which none is above 1.
    """
    table = rows.assign(**{name: np.nan for name in FIELDS if name not in rows})
    days = pd.Series(pd.Timestamp(part.on), table.index) if part.on else table["period"]
    table = table.assign(period=start_of(days, part.period))
    if part.kind == "proportion" and part.percent:
        table["value"] = table["value"] / 100
    problems = _percentages(part, table, percents)
    bad, told = _impossible(part, table)
    problems += [*told, *_parts_of_events(part, table), *_of_100(part, table), *_without_number(part, table)]
    summed = _summed(part, table[~bad])
    return summed.assign(measure=part.measure)[COLUMNS], problems


def _parts_of_events(part: Outcome, table: pd.DataFrame) -> list[Problem]:
    """Tell of events in parts, where events are counted among all that could be."""
    if part.kind != "proportion" or "numerator" not in part.columns:
        return []
    parts = table[(table["numerator"] % 1 > 0) | (table["denominator"] % 1 > 0)]
    if parts.empty:
        return []
    found, fix = f"{len(parts)} rows with parts of events", "look whether these are counts; they are kept"
    return [problem_at(parts, found, "whole numbers", fix, "looks wrong", blocking=False)]


def _of_100(part: Outcome, table: pd.DataFrame) -> list[Problem]:
    """Tell of events that are all counted among 100, as percentages are."""
    if part.kind != "proportion" or len(table) < FEWEST or not (table["denominator"] == 100).all():
        return []
    found, fix = "100 in every row", "if the events are percentages, map them as `value` with percent: true"
    heading = str(part.columns.get("denominator"))
    return [problem_at(table, found, "how many there were in all", fix, "looks wrong", heading, blocking=False)]


def _without_number(part: Outcome, table: pd.DataFrame) -> list[Problem]:
    """Tell of rows without the number that they are for."""
    empty = table[table["value"].isna() & table["numerator"].isna()]
    if empty.empty or len(empty) == len(table):
        return []
    found = f"{len(empty)} of {len(table)} rows without a number, which are left out"
    fix = "nothing, if these numbers are not known; a 0 has to be written as 0"
    return [problem_at(empty, found, "a number", fix, "looks wrong", blocking=False)]


def _impossible(part: Outcome, table: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    negative = (table["denominator"] < 0) | (table["numerator"] < 0)
    above = (table["numerator"] > table["denominator"]) if part.kind == "proportion" else negative & False
    nothing = (table["denominator"] == 0) & (table["numerator"] > 0)
    half = table["numerator"].notna() & table["denominator"].isna() & (part.kind != "mean")
    rules = (
        ("negative", negative, "a count below 0", "0 or more"),
        ("above 1", above, "more events than all", "a share"),
        ("more than all", nothing & ~above, "events of nothing", "a denominator above 0"),
        ("lost rows", half, "a numerator without its denominator", "both numbers"),
    )
    problems = []
    for rule, rows, found, expected in rules:
        for file, group in table[rows].groupby("file") if rows.any() else ():
            told = f"{found} in {len(group)} rows"
            fix = "correct the counts, or the column map"
            problems.append(Problem(str(file), told, expected, fix, row=int(group["row"].iloc[0]), rule=rule))
    return negative | above | nothing | half, problems


def _percentages(part: Outcome, table: pd.DataFrame, percents: frozenset[str]) -> list[Problem]:
    """Tell of shares where percentages are expected and the other way round; `value` is a share already."""
    share = table["value"]
    if part.kind != "proportion" or share.isna().all():
        return []
    bad, told = share > 1, None
    if part.percent and "value" not in percents and (share > 0).any() and share.max() <= 0.01:
        told = (
            "percentages of which none is above 1",
            "percentages from 0 to 100",
            "if 0.52 means 52 %, write share: true in place of percent: true",
        )
    elif bad.any():
        told = (
            f"{int(bad.sum())} shares above 1",
            "shares from 0 to 1",
            ("correct the cells" if part.percent or "value" in percents else "write percent: true if 52 means 52 %"),
        )
    elif (share < 0).any():
        bad, told = share < 0, (f"{int((share < 0).sum())} shares below 0", "shares from 0 to 1", "correct the cells")
    if told is None:
        return []
    first = table[bad].iloc[0] if bad.any() else table.iloc[0]
    heading = part.columns.get("value")
    column = heading if isinstance(heading, str) else None
    return [Problem(first["file"], told[0], told[1], told[2], int(first["row"]), column, "percentages")]


def _summed(part: Outcome, table: pd.DataFrame) -> pd.DataFrame:
    """Add up what falls in one team and period; means are weighted by their answers where these are known."""
    given = part.kind == "mean" or table["numerator"].isna().all()
    if given:
        value = table["value"]
        weight = table["denominator"].fillna(1.0)
        table = table.assign(numerator=value * weight, weight=weight)
    else:
        table = table.assign(weight=table["denominator"])
    both = table["numerator"].notna() & (table["weight"] > 0)
    counted, keys = table.loc[both, ["team", "period", "numerator", "denominator", "weight"]], ["team", "period"]
    if counted.duplicated(keys).any():
        sums = counted.groupby(keys).sum(min_count=1).reset_index()
    else:
        sums = counted.dropna(subset=keys).sort_values(keys, ignore_index=True)
    value = sums["numerator"] / sums["weight"]
    counts = {"numerator": np.nan} if given else {}
    return sums.assign(value=value * (part.per if part.kind == "rate" else 1.0), **counts)
