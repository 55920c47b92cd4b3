"""Raw files of coordination surveys to the table of ties."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.asked import survey_of
from joyeval.coordination.ties import looks_scored, score_ties
from joyeval.errors import Problem, and_others
from joyeval.intake.columns import plain
from joyeval.intake.names import Names, is_total
from joyeval.intake.ratings import BY_ITEM, LISTED, at, listed_rows, ratings_that_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.coordination.ties import Survey
    from joyeval.intake.tabulate import Kind
    from joyeval.study import Coordination, Study

_TEXT = ("wave", "process", "person", "workgroup", "target", "dimension", "no_contact")
MEMBER_FIELDS: dict[str, Kind] = {"person": "text", "workgroup": "text"}
ROSTER_FIELDS: dict[str, Kind] = {"process": "text", "workgroup": "text", "wave": "text", "headcount": "number"}
YES = {"yes", "y", "true", "1", "x", "no contact"}
RATED = ("workgroup", "target")  # columns of names of workgroups


def changed_scales(parts: Sequence[Coordination]) -> list[Problem]:
    """Say which waves of a cohort ask something else than its first one; their scores cannot be compared."""
    other = [part for part in parts if survey_of(part) != survey_of(parts[0])]
    expected = f"the scale and the items of wave {parts[0].wave}" if parts else ""
    fix = "recode the file to one scale, or analyse the waves as two studies"
    return [
        Problem(part.file, f"wave {part.wave} with other items or another scale", expected, fix, rule="changed scale")
        for part in other
    ]


def fields_of(part: Coordination) -> dict[str, Kind]:
    """Return the kinds of the columns of a survey file."""
    fields: dict[str, Kind] = {**dict.fromkeys(_TEXT, "text"), "date": "day", "value": "rating"}
    fields |= dict.fromkeys(survey_of(part).dimensions, "rating")
    wide = [name for name in part.columns if "__" in name]
    return fields | {name: "text" if name.startswith("no_contact__") else "rating" for name in wide}


def with_wide_columns(part: Coordination, headings: list[str]) -> Coordination:
    """Map the headings of a wide export that fit the pattern, such as ``freq__Nurses``, to our names for them."""
    pattern = re.escape(part.pattern).replace(r"\{dim\}", "(?P<dim>.+?)").replace(r"\{target\}", "(?P<target>.+)")
    found = {heading: m for heading in headings if (m := re.fullmatch(pattern, heading))}
    called = {word: word for word in (*survey_of(part).dimensions, "no_contact")}
    called |= {str(word): str(key) for word, key in part.dimensions.items()}
    columns = {f"{called[m['dim']]}__{m['target']}": heading for heading, m in found.items() if m["dim"] in called}
    return part.model_copy(update={"columns": {**part.columns, **columns}})


def tie_table(
    part: Coordination, rows: pd.DataFrame, members: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, list[Problem], list[tuple[str, int]]]:
    """Return scored ties of one survey.

    Parameters
    ----------
    part : Coordination
        What the study file says of the survey.
    rows : DataFrame
        Typed rows with ``file`` and ``row``, one per respondent and target (``ties``), per answer (``items``) or per
        respondent (``wide``).
    members : DataFrame, optional
        person, workgroup: where people rate people, a rating of a workgroup is the mean over its members.

    Returns
    -------
    DataFrame
        As `joyeval.coordination.ties`.
    list of Problem
        Codes outside the scale, a target rated twice by one person, rows without person, workgroup or target, coding of
        the frequency item not stated.
    list of tuple
        Why rows were left out, and how many.
    """
    survey = survey_of(part)
    rows = rows.assign(nth=range(len(rows)))
    long = _from_wide(rows, survey) if part.layout == "wide" else rows
    problems = [] if members is None else _in_two_groups(members)
    problems += _unmapped(part, long, survey)
    if "target" not in long or "person" not in long:
        return pd.DataFrame(), problems, []
    home = None if members is None else _home(part, members)
    table, told, left = ratings_that_count(part, _named(part, long, survey, home), home)
    problems += told
    if table.empty:
        return pd.DataFrame(), problems, left
    table = _per_target(table, survey) if part.layout in BY_ITEM else table
    if home is not None and part.members is not None and part.members.unrated is not None:
        table = _with_unrated(table, home, part.members.unrated, survey)
    problems += [*_out_of_range(table, survey), *_strange(table)]
    if survey.frequency and part.frequency is None:
        return pd.DataFrame(), [*problems, _unstated(part, table[survey.frequency])], left
    inside = table[list(survey.dimensions)].where(lambda answers: answers.isin(range(survey.low, survey.high + 1)))
    scored = score_ties(
        table.drop(columns="date", errors="ignore").assign(**inside), survey=survey, frequency=part.frequency
    )
    return _together(scored, survey), problems, left


def rating_days(part: Coordination, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the middle day of a survey's ratings by process: process, wave, date; empty without dates."""
    columns = ["process", "wave", "date"]
    if "date" not in rows or rows["date"].isna().all():
        return pd.DataFrame({"process": [], "wave": [], "date": pd.to_datetime([])})
    process = part.process or rows["process"]
    dated = pd.DataFrame({"process": process, "wave": part.wave, "date": pd.to_datetime(rows["date"])}).dropna()
    return dated.groupby(columns[:2])["date"].median().dt.normalize().reset_index()


def unknown_sites(part: Coordination, ties: pd.DataFrame, teams: set[str], study: Study) -> list[Problem]:
    """Say which processes and teams of ``teams`` there are none of in the survey and in the list of teams."""
    named = {
        "process": (part.teams, set(ties["process"])),
        "team": ({t for ts in part.teams.values() for t in ts}, teams),
    }
    return [
        Problem(
            study.path.name, f"coordination, `teams`: {what} {name!r}", f"a {what} of the data", "check the spelling",
            rule=f"unknown {what}",
        )
        for what, (names, known) in named.items()
        for name in sorted(set(names) - known)
    ]  # fmt: skip


def _home(part: Coordination, members: pd.DataFrame) -> pd.Series:
    """Person to workgroup, as the study file calls it."""
    home = members.drop_duplicates("person").set_index("person")["workgroup"]
    return home.map(_spelling(part, home), na_action="ignore")


def _with_unrated(table: pd.DataFrame, home: pd.Series, value: int, survey: Survey) -> pd.DataFrame:
    """Add the pairs of members without a rating; an answer that is not there counts as `value`."""
    pair = ["process", "person", "called"]
    raters = table[["wave", "process", "person", "workgroup"]].drop_duplicates(["process", "person"])
    pairs = raters.merge(home.rename("target").rename_axis("called").reset_index(), how="cross")
    pairs = pairs[pairs["person"] != pairs["called"]]
    all_pairs = pairs.merge(table[[*pair, *survey.dimensions, "no_contact", "file", "row"]], how="left", on=pair)
    answers = all_pairs[list(survey.dimensions)].fillna(value)
    file, contact = table["file"].iloc[0], all_pairs["no_contact"].eq(other=True)
    return all_pairs.assign(**answers, file=file, no_contact=contact)


def _named(part: Coordination, rows: pd.DataFrame, survey: Survey, home: pd.Series | None) -> pd.DataFrame:
    """Names as the study file has them: wave, process, renamed and merged workgroups, dimensions."""
    given = {"wave": part.wave} | ({"process": part.process} if part.process else {})
    table = rows.assign(**given, called=rows["target"])
    if home is not None:
        table = table.assign(workgroup=table["person"].map(home), target=table["target"].map(home))
    named = [column for column in RATED if column in table and home is None]
    spelled = _spelling(part, pd.concat([table[column] for column in named])) if named else {}
    table = table.assign(**{column: table[column].map(spelled, na_action="ignore") for column in named})
    if "dimension" in table:
        table["dimension"] = table["dimension"].replace({str(k): str(v) for k, v in part.dimensions.items()})
    contact = table["no_contact"].str.lower().isin(YES) if "no_contact" in table else False
    absent = {name: np.nan for name in survey.dimensions if name not in table and part.layout not in BY_ITEM}
    return table.assign(no_contact=contact, **absent)


def _spelling(part: Coordination, cells: pd.Series) -> dict[str, str]:
    """Every name of a workgroup in the file to the one it has: the study file's, else its commonest spelling."""
    names = {plain(str(old)): str(new) for old, new in part.workgroups.items()}
    cells = cells.dropna()
    common = {plain(cell): cell for cell in reversed(cells.value_counts().index)} | {
        plain(n): n for n in names.values()
    }
    return {cell: names.get(plain(cell), common[plain(cell)]) for cell in cells.unique()}


def _unmapped(part: Coordination, rows: pd.DataFrame, survey: Survey) -> list[Problem]:
    """Dimensions that the file has no column of; a pattern that fits no heading."""
    if part.layout in BY_ITEM:
        return []
    absent = [dimension for dimension in survey.dimensions if dimension not in rows]
    if not absent:
        return []
    if part.layout == "wide" and len(absent) == len(survey.dimensions):
        found = f"no heading that fits the pattern {part.pattern!r} with a dimension of the survey"
        fix = "write `pattern` as the headings are built, and under `dimensions` what they call each dimension"
        return [Problem(part.file, found, ", ".join(survey.dimensions), fix, rule="pattern")]
    found, fix = (
        f"no ratings of {', '.join(absent)}",
        "map their columns; if they were not asked, accept: {not asked: why}",
    )
    return [Problem(part.file, found, f"all of {', '.join(survey.dimensions)}", fix, rule="not asked")]


def _in_two_groups(members: pd.DataFrame) -> list[Problem]:
    """Tell of members who are listed in two workgroups."""
    groups = members.groupby("person")["workgroup"].transform("nunique")
    twice = members[groups > 1]
    if twice.empty:
        return []
    found, fix = f"{twice['person'].nunique()} members of two workgroups", "keep the one they belong to"
    return [Problem(twice["file"].iloc[0], found, "one workgroup each", fix, int(twice["row"].iloc[0]), rule="twice")]


def _strange(table: pd.DataFrame) -> list[Problem]:
    """Workgroups that are totals, or are spelled almost as one that rates."""
    found = []
    cells = pd.concat([table[c] for c in ("workgroup", "target")]).dropna().unique()
    totals = [name for name in cells if is_total(name)]
    rows = table[table["workgroup"].isin(totals) | table["target"].isin(totals)]
    if len(rows):
        fix = "leave it out (`leave_out`), or accept: {totals: why}"
        told = at(rows, f"a workgroup that looks like totals: {', '.join(totals)}", "workgroups", fix, "totals")
        found.append(replace(told, blocking=True))
    raters = Names(dict.fromkeys(table["workgroup"].dropna().unique(), ""))
    near = {name: raters.nearest(name) for name in table["target"].dropna().unique() if name not in raters.teams}
    near = {name: other for name, other in near.items() if other and other not in set(table["target"].dropna())}
    rows = table[table["target"].isin(near)]
    if len(rows):
        pairs = ", ".join(f"{name}: {other}" for name, other in list(near.items())[:LISTED])
        fix = f"if they are the same, write workgroups: {{{pairs}}}; if not, accept: {{unknown group: why}}"
        told = (
            f"{len(near)} workgroups that are rated and never rate, and are called almost like one that does: {pairs}"
        )
        found.append(replace(at(rows, told, "one name for a workgroup", fix, "unknown group"), blocking=True))
    return found


def roster_problems(roster: pd.DataFrame, ties: pd.DataFrame) -> list[Problem]:
    """Return groups that stand on a roster twice, impossible headcounts, and groups of which more answered than are."""
    found: list[Problem] = []
    keys = [name for name in ("process", "workgroup", "wave") if name in roster]
    again = roster[roster.duplicated(keys)]
    if len(again):
        told = f"{len(again)} rows of a workgroup that the roster has already"
        found.append(replace(at(again, told, "each once", "keep one row", "twice"), blocking=True))
    bad = roster[roster["headcount"].notna() & ~((roster["headcount"] >= 0) & (roster["headcount"] % 1 == 0))]
    if len(bad):
        told, fix = f"{len(bad)} headcounts that are no number of people", "correct them"
        found.append(replace(at(bad, told, "whole numbers from 0", fix, "headcount", "headcount"), blocking=True))
    totals = roster[roster["workgroup"].map(is_total, na_action="ignore").fillna(value=False).astype(bool)]
    if len(totals):
        told, fix = "a workgroup that looks like totals", "leave it out (`leave_out`), or accept: {totals: why}"
        found.append(replace(at(totals, told, "workgroups", fix, "totals", "workgroup"), blocking=True))
    by = [name for name in keys if name in ties]
    people = ties.groupby(by, observed=True)["person"].nunique().rename("answered").reset_index()
    over = roster.drop_duplicates(keys).merge(people, on=by)
    over = over[over["answered"] > over["headcount"]]
    if len(over):
        told = f"{len(over)} workgroups of which more people answered than the roster has"
        fix = "correct the headcounts or the persons, or accept: {more than all: why}"
        found.append(replace(at(over, told, "at most as many", fix, "more than all", "headcount"), blocking=True))
    return found


def unknown_waves(roster: pd.DataFrame, waves: Sequence[str]) -> list[Problem]:
    """Say which rows of a roster are of waves that no survey is of; they stop if there are no others."""
    strange = roster[roster["wave"].notna() & ~roster["wave"].isin(waves)] if "wave" in roster else roster.iloc[:0]
    if strange.empty:
        return []
    names = ", ".join(dict.fromkeys(strange["wave"].head(LISTED)))
    told, fix = f"{len(strange)} rows of waves that no survey is of: {names}", "write the waves as the study file does"
    problem = at(strange, told, f"waves {', '.join(dict.fromkeys(waves))}", fix, "unknown wave", "wave")
    return [replace(problem, blocking=len(strange) == len(roster))]


def rated_again(table: pd.DataFrame, parts: Sequence[Coordination]) -> list[Problem]:
    """Return waves that hold most people of an earlier one again, with every one of their ratings."""
    files, ratings = {part.wave: part.file for part in parts}, table[list(survey_of(parts[0]).dimensions)]
    place = table["process"].astype(str) + table["workgroup"].astype(str) + table["target"].astype(str)
    given = table[["wave", "person"]].assign(
        row=pd.util.hash_pandas_object(ratings.assign(place=place), index=False),
        low=ratings.min(axis=1),
        high=ratings.max(axis=1),
    )
    people = given.groupby(["wave", "person"], observed=True).agg({"row": "sum", "low": "min", "high": "max"})
    people = people[people["low"] < people["high"]].reset_index()
    waves = {wave: set(people.loc[people["wave"] == wave, "row"]) for wave in files}
    problems = []
    for first, second in combinations(files, 2):
        again = len(waves[first] & waves[second])
        if again >= LISTED and again > len(waves[first]) / 2:
            found = f"{again} people of wave {first} again in wave {second}, with the same ratings throughout"
            fix = f"keep only the answers of wave {second} (`where`), or export them alone"
            problems.append(Problem(files[second], found, "new ratings", fix, rule="twice"))
    return problems


def changed_names(table: pd.DataFrame, parts: Sequence[Coordination]) -> list[Problem]:
    """Tell of processes and workgroups that some waves have and others have not, as new spellings make them."""
    files = {part.wave: part.file for part in parts}
    named = [table[["wave", "process", column]].set_axis(["wave", "process", "group"], axis=1) for column in RATED]
    pairs = pd.concat(named).drop_duplicates()
    waves = {wave: set(zip(rows["process"], rows["group"], strict=True)) for wave, rows in pairs.groupby("wave")}
    problems = []
    for wave, here in waves.items() if len(waves) > 1 else ():
        others = set().union(*(pairs for other, pairs in waves.items() if other != wave))
        known = {process for process, _ in others}
        new = [process for process in dict.fromkeys(p for p, _ in here) if process not in known]
        new += sorted(f"{group} of {process}" for process, group in here - others if process in known)
        if new:
            found = f"names that no other wave has: {and_others(new)}"
            fix = "nothing, if they took part in this wave alone; if one is a new spelling, write it under `workgroups`"
            told = Problem(files[wave], found, "names of all waves", fix, rule="looks wrong", blocking=False)
            problems.append(told)
    return problems


def _together(scored: pd.DataFrame, survey: Survey) -> pd.DataFrame:
    """One row per respondent and workgroup: several rated names of one workgroup are averaged."""
    keys = ["wave", "process", "person", "workgroup", "target"]
    if not scored.duplicated(keys).any():
        return scored
    by = scored.groupby(keys, sort=False)
    means = by[[*survey.dimensions, "rc", *survey.blocks]].mean()
    counts = by["answered"].max().to_frame().assign(no_contact=by["no_contact"].all())
    return means.join(counts).reset_index()[list(scored.columns)]


def _from_wide(rows: pd.DataFrame, survey: Survey) -> pd.DataFrame:
    """One row per respondent and target; the words after ``__`` are the targets."""
    rated = [name for name in rows if "__" in name]
    targets = dict.fromkeys(name.split("__", 1)[1] for name in rated)
    blocks = []
    for target in targets:
        own = {f"{dim}__{target}": dim for dim in (*survey.dimensions, "no_contact") if f"{dim}__{target}" in rows}
        blocks.append(rows.drop(columns=rated).assign(target=target).join(rows[list(own)].rename(columns=own)))
    return pd.concat(blocks, ignore_index=True) if blocks else rows.assign(target=None)


def _per_target(rows: pd.DataFrame, survey: Survey) -> pd.DataFrame:
    """One row per respondent and target, of rows of single answers."""
    keys = ["wave", "process", "person", "workgroup", "target", "called"]
    wide = rows.pivot_table(index=keys, columns="dimension", values="value", aggfunc="first")
    places = rows.groupby(keys)[["file", "row", "no_contact"]].first()
    return wide.reindex(columns=list(survey.dimensions)).join(places, how="right").reset_index()


def _unstated(part: Coordination, frequency: pd.Series) -> Problem:
    found = f"no statement of the frequency item's coding; its answers: {looks_scored(frequency)}"
    fix = "ask the survey provider, then write `frequency: scored` or `frequency: raw` for this file in the study file"
    return Problem(part.file, found, "scored or raw", fix, None, "freq", "frequency")


def _out_of_range(table: pd.DataFrame, survey: Survey) -> list[Problem]:
    found, answers = [], table[list(survey.dimensions)]
    outside = answers.notna() & ~answers.isin(range(survey.low, survey.high + 1))
    for dimension in survey.dimensions:
        if outside[dimension].any():
            bad = table[outside[dimension]]
            told = f"{len(bad)} answers outside {survey.low} to {survey.high} (rows {listed_rows(bad)})"
            fix = "recode the export, or say whether the scale changed; these answers are left out"
            expected = f"whole numbers from {survey.low} to {survey.high}"
            of = int(table[dimension].notna().sum())
            found.append(at(bad, told, expected, fix, "range", dimension, of=of))
    return found


def not_on_roster(ties: pd.DataFrame, roster: pd.DataFrame, *, file: str) -> list[Problem]:
    """Say which workgroups rate, or are rated, without standing on the roster."""
    found, fix = [], "correct its name, map it under `workgroups`, or add it to the roster; it is kept"
    listed = pd.MultiIndex.from_frame(roster[["process", "workgroup"]])
    for column, told in (("workgroup", "answered"), ("target", "was rated")):
        here = ties[["process", column]].drop_duplicates()
        for process, name in here[~pd.MultiIndex.from_frame(here).isin(listed)].itertuples(index=False):
            words, expected = f"workgroup {name!r} of {process} {told}, but is not on it", "workgroups of the roster"
            found.append(Problem(file, words, expected, fix, None, "workgroup", "unknown group", blocking=False))
    return found
