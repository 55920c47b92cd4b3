"""Raw relational coordination files to the table of ties."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.ties import RC, score_ties
from joyeval.errors import Problem

if TYPE_CHECKING:
    from joyeval.study import Coordination
    from joyeval.waves.tabulate import Kind

_TEXT = ("wave", "process", "person", "workgroup", "target", "dimension", "no_contact")
FIELDS: dict[str, Kind] = {
    **dict.fromkeys(_TEXT, "text"),
    "date": "day",
    "value": "number",
    **dict.fromkeys(RC.dimensions, "number"),
}
YES = {"yes", "y", "true", "1", "x", "no contact"}


def tie_table(part: Coordination, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Return scored ties of one survey.

    Parameters
    ----------
    part : Coordination
        What the study file says of the survey.
    rows : DataFrame
        Typed rows with ``file`` and ``row``, one per respondent and target (``ties``) or per answer (``items``).

    Returns
    -------
    DataFrame
        As `joyeval.coordination.ties`.
    list of Problem
        Codes outside 1 to 5, a target rated twice by one person, rows without person, workgroup or target.
    """
    long = _from_wide(rows) if part.layout == "wide" else rows
    named = _named(part, long)
    table = _per_target(named) if part.layout == "items" else named
    problems = [*_incomplete(part, table), *_out_of_range(table), *_rated_twice(table)]
    table = table.dropna(subset=["person", "workgroup", "target"]).drop_duplicates(["process", "person", "target"])
    inside = table[list(RC.dimensions)].where(lambda answers: answers.isin(range(RC.low, RC.high + 1)))
    return score_ties(table.assign(**inside), frequency=part.frequency), problems


def with_wide_columns(part: Coordination, headings: list[str]) -> Coordination:
    """Map the headings of a wide export that fit the pattern, such as ``freq__Nurses``, to our names for them."""
    pattern = re.escape(part.pattern).replace(r"\{dim\}", "(?P<dim>.+?)").replace(r"\{target\}", "(?P<target>.+)")
    found = {heading: m for heading in headings if (m := re.fullmatch(pattern, heading))}
    known = (*RC.dimensions, "no_contact")
    columns = {f"{m['dim']}__{m['target']}": heading for heading, m in found.items() if m["dim"] in known}
    return part.model_copy(update={"columns": {**part.columns, **columns}})


def wide_fields(part: Coordination) -> dict[str, Kind]:
    """Return the kinds of the columns of a wide export."""
    rated = {name: "text" if name.startswith("no_contact__") else "number" for name in part.columns if "__" in name}
    return FIELDS | rated


def _named(part: Coordination, rows: pd.DataFrame) -> pd.DataFrame:
    names = {str(old): str(new) for old, new in part.workgroups.items()}
    given = {"wave": part.wave} | ({"process": part.process} if part.process else {})
    table = rows.assign(**given)
    for column in ("workgroup", "target"):
        table[column] = table[column].replace(names)
    contact = table["no_contact"].str.lower().isin(YES) if "no_contact" in table else False
    absent = {name: np.nan for name in RC.dimensions if name not in table and part.layout != "items"}
    return table.assign(no_contact=contact, **absent)


def _from_wide(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per respondent and target; the words after ``__`` are the targets."""
    rated = [name for name in rows if "__" in name]
    targets = dict.fromkeys(name.split("__", 1)[1] for name in rated)
    blocks = []
    for target in targets:
        own = {f"{dim}__{target}": dim for dim in (*RC.dimensions, "no_contact") if f"{dim}__{target}" in rows}
        blocks.append(rows.drop(columns=rated).assign(target=target).join(rows[list(own)].rename(columns=own)))
    return pd.concat(blocks, ignore_index=True) if blocks else rows.assign(target=None)


def _per_target(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["wave", "process", "person", "workgroup", "target"]
    wide = rows.pivot_table(index=keys, columns="dimension", values="value", aggfunc="first")
    places = rows.groupby(keys)[["file", "row", "no_contact"]].first()
    return wide.reindex(columns=list(RC.dimensions)).join(places, how="right").reset_index()


def _incomplete(part: Coordination, table: pd.DataFrame) -> list[Problem]:
    found = []
    for column in ("process", "person", "workgroup", "target"):
        blank = table[table[column].isna()] if column in table else table
        if len(blank):
            told, fix = f"{len(blank)} rows without a {column}", "fill them in, or leave the rows out"
            place = {"row": int(blank["row"].iloc[0]), "column": column}
            found.append(Problem(part.file, told, f"a {column}", fix, **place, rule="incomplete", blocking=False))
    return found


def _out_of_range(table: pd.DataFrame) -> list[Problem]:
    found = []
    for dimension in RC.dimensions:
        bad = table[table[dimension].notna() & ~table[dimension].isin(range(RC.low, RC.high + 1))]
        if len(bad):
            told = f"{len(bad)} answers outside {RC.low} to {RC.high} (rows {_rows(bad)})"
            fix = "recode the export; these answers are left out"
            file, row = bad["file"].iloc[0], int(bad["row"].iloc[0])
            expected = f"whole numbers from {RC.low} to {RC.high}"
            found.append(Problem(file, told, expected, fix, row, dimension, "range", blocking=False))
    return found


def _rated_twice(table: pd.DataFrame) -> list[Problem]:
    twice = table[table.duplicated(["process", "person", "target"]) & table["person"].notna()]
    if twice.empty:
        return []
    told = f"{len(twice)} rows that rate a workgroup a second time (rows {_rows(twice)})"
    fix = "keep one; the first is kept here"
    file, row = twice["file"].iloc[0], int(twice["row"].iloc[0])
    return [Problem(file, told, "one rating per person and workgroup", fix, row, None, "twice", blocking=False)]


def _rows(bad: pd.DataFrame) -> str:
    return ", ".join(str(int(row)) for row in bad["row"].head(5)) + (", ..." if len(bad) > 5 else "")
