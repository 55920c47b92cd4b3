"""The list of teams, and the rows of every other file held against it: nothing of a team is lost without a word."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import Problem, and_others
from joyeval.intake.account import RULES, problem_at, too_many
from joyeval.intake.columns import plain
from joyeval.intake.names import NONE_OF_OURS, is_total, most_of_all, sums_of_others
from joyeval.intake.plausible import FEWEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.intake.names import Names
    from joyeval.study import Outcome, Pulse, RawTable, Study, Teams

LISTED = 5  # names that a message gives
SURPLUS = 1.2  # more answers than this share of the staff in post are no matter of people who came and went
HALF = 0.5
NO_TEAM_NAMED = RULES["no team"][1]
UNKNOWN_SIZE = "unknown size"  # a problem of disclosure, not only of the file
NO_TEAM = re.compile(
    r"\(?blank\)?|#?n/?a|(not )?(un)?known|none|nil|null|nan|[-?]|tb[ac]|row labels|zeilenbeschriftungen"
    r"|not stated|(not |un)assigned"
)
SCOPES = ("team", "cohort", "network")


def listed(
    part: Teams, table: pd.DataFrame, cohorts: Sequence[str]
) -> tuple[pd.DataFrame, list[Problem], list[tuple[str, int]]]:
    """Return the list of teams, each once.

    Parameters
    ----------
    table : DataFrame
        Typed rows, cohorts under the study's names.
    cohorts : sequence of str
        The cohorts of the study.

    Returns
    -------
    DataFrame
        One row per team, in the order of the file.
    list of Problem
        Rows without a team or of totals, teams named twice, cohorts that nobody knows, impossible headcounts.
    list of tuple
        Why rows were left out, and how many.
    """
    problems, left = _without_team(table, part.columns["team"]), [(NO_TEAM_NAMED, int(table["team"].isna().sum()))]
    table = table[table["team"].notna()]
    out = table["team"].map(plain).isin({plain(name) for name in part.not_teams})
    left.append((NONE_OF_OURS, int(out.sum())))
    table = table[~out]
    sums = set(sums_of_others(table.drop_duplicates("team"), "team", [], ["headcount"])) if len(table) else set()
    totals = table[table["team"].map(is_total) | table["team"].isin(sums)]
    if len(totals):
        names = ", ".join(dict.fromkeys(totals["team"]))
        fix = f"if it is no team, write below `teams`: not_teams: [{names}]; if it is one, accept: {{totals: why}}"
        problems.append(
            problem_at(totals, f"a row of totals: {names}", "one row per team", fix, "totals", part.columns["team"])
        )
    problems += [*_no_team(part, table), *_large(part, table[~table.index.isin(totals.index)])]
    problems += [*_twice(part, table), *_unknown_cohorts(part, table, cohorts), *_headcounts(table)]
    once = table.drop_duplicates("team", keep="last")
    return once, problems, [*left, ("rows of a team again", len(table) - len(once))]


def _no_team(part: Teams, table: pd.DataFrame) -> list[Problem]:
    """Tell of rows whose name says that there is none, as tables made by a spreadsheet have them."""
    none = table[table["team"].map(lambda name: NO_TEAM.fullmatch(plain(name)) is not None)]
    if none.empty:
        return []
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(none["team"]))
    fix = f"if it is no team, write below `teams`: not_teams: [{names}]"
    heading = str(part.columns["team"])
    return [problem_at(none, f"a team called {names}", "a team", fix, "looks wrong", heading, blocking=False)]


def _large(part: Teams, table: pd.DataFrame) -> list[Problem]:
    """Tell of a team of about as many people as all others together, as a row of totals would be."""
    large = most_of_all(table.drop_duplicates("team"), "team", [], "headcount") if len(table) else []
    fix = "if it holds the totals, write below `teams`: not_teams: [{name}]"
    told, heading = "{name}, with about as many people as all others together", str(part.columns["team"])
    return [
        problem_at(table[table["team"] == name], told.format(name=name), "one row per team", fix.format(name=name),
                   "looks wrong", heading, blocking=False)
        for name in large
    ]  # fmt: skip


def far_starts(study: Study, table: pd.DataFrame) -> list[Problem]:
    """Tell of teams that start more than a year before or after the time of their cohort."""
    year, problems = timedelta(days=366), []
    for cohort in study.cohorts:
        own = table[(table["cohort"] == cohort.cohort) & table["start_date"].notna()]
        first, last = pd.Timestamp(cohort.start - year), pd.Timestamp(cohort.end + year)
        far = own[~pd.to_datetime(own["start_date"]).between(first, last)]
        if len(far):
            found = f"{len(far)} teams that start more than a year before or after cohort {cohort.cohort}"
            expected, heading = f"days about {cohort.start} to {cohort.end}", str(study.teams.columns["start_date"])
            fix = "look whether the year is right"
            problems.append(problem_at(far, found, expected, fix, "looks wrong", heading, blocking=False))
    return problems


def names_of_nobody(study: Study, table: pd.DataFrame) -> list[Problem]:
    """Tell of teams of the study file that the list of teams has not, and of cohorts without a team."""
    from joyeval.intake.contract import _did_you_mean, _problem

    have, problems = set(table["team"]), []
    listed = {plain(team): team for team in have}
    for team, names in study.teams.also_called.items():
        for name in names:
            if listed.get(plain(name), team) != team:
                found, path = f"{name!r}, which is a team of the list too", ("teams", "also_called", team)
                fix = "remove it here, or leave its row out of the list of teams (`leave_out`)"
                problems.append(_problem(study, path, found, "names that no team of the list has", fix, "twice"))
        if len(have) and team not in have:
            fix = f"{_did_you_mean(team, have)}write it as the list of teams does"
            path = ("teams", "also_called", team)
            problems.append(_problem(study, path, f"team {team!r}", "a team of the list", fix, "unknown team"))
    for i, cohort in enumerate(study.cohorts):
        if len(have) and not (table["cohort"] == cohort.cohort).any():
            found = f"no team of cohort {cohort.cohort!r} in the list of teams"
            fix = "correct the cohorts there, or say under `cohort_names` what the list calls it"
            problems.append(_problem(study, ("cohorts", i), found, "at least one team", fix, "no team of the cohort"))
    return problems


def named(
    part: RawTable, rows: pd.DataFrame, names: Names
) -> tuple[pd.DataFrame, list[Problem], list[tuple[str, int]]]:
    """Return rows whose team is on the list, under the name it has there; what nobody knows is told by file.

    Returns
    -------
    DataFrame
    list of Problem
    list of tuple
        Why rows were left out, and how many.
    """
    problems, left = _without_team(rows, part.columns["team"]), [(NO_TEAM_NAMED, int(rows["team"].isna().sum()))]
    rows = rows[rows["team"].notna()]
    judged = names.judged(rows["team"].unique())
    left.append((NONE_OF_OURS, int(rows["team"].isin(judged.left_out).sum())))
    rows = rows[~rows["team"].isin(judged.left_out)]
    team = rows["team"].map(judged.teams)
    strange = rows[team.isna()]
    totals = int(strange["team"].isin(judged.totals).sum())
    left += [(RULES["totals"][1], totals), (RULES["unknown team"][1], len(strange) - totals)]
    problems += names.unknown(strange["file"], str(part.columns["team"]), strange["team"], strange["row"])
    return rows.assign(team=team)[team.notna()], problems, left


def absent(part: Pulse | Outcome, rows: pd.DataFrame, own: Sequence[str], names: Names, cohort: str) -> list[Problem]:
    """Tell of teams that a file has no row of: all of a cohort where the part is for it, or some."""
    seen = set(rows["team"].unique())
    none = [team for team in own if team not in seen]
    if not none:
        return []
    named_here = part.cohorts is not None
    if len(none) == len(own) and (named_here or rows.empty):
        found = f"{part.measure}: no row of any of the {len(own)} teams of cohort {cohort}"
        fix = "correct the names (`also_called` below `teams`), the file, or `cohorts` of this part"
        blocking = named_here or not set(names.teams) & seen
        return [Problem(part.file, found, "rows of its teams", fix, None, None, "team without rows", blocking)]
    if len(none) == len(own):
        return []
    found = f"{part.measure}: no row of {len(none)} of {len(own)} teams of cohort {cohort}: {and_others(none)}"
    fix = "nothing, if they have no figures; else correct their names in the file, or `also_called`"
    return [Problem(part.file, found, "rows of every team", fix, None, None, "team without rows", blocking=False)]


def more_than_staff(part: Pulse | Outcome, rows: pd.DataFrame, everyone: pd.DataFrame) -> list[Problem]:
    """Tell of teams with more answers than people in post most days or weeks, unless it is said how many were asked."""
    if (
        "answers" not in rows
        or "opportunities" in rows
        or part.period not in ("day", "week")
        or part.answers_from == "headcount"
    ):
        return []
    staff, heading = rows["team"].map(everyone.set_index("team")["headcount"]), str(part.columns.get("answers"))
    over = (rows["answers"] > SURPLUS * staff).groupby(rows["team"]).mean()
    if names := list(over.index[over > HALF]):
        found = f"more answers each {part.period} than staff in post in {and_others(names)}"
        fix = "look at headcounts and answers"
        return [Problem(part.file, found, "at most as many", fix, None, heading, "looks wrong", blocking=False)]
    if len(rows) >= FEWEST and (rows["answers"] == staff).all():
        found, fix = "as many answers as staff in post in every row", "map the number of people who answered"
        return [Problem(part.file, found, "people who answered", fix, None, heading, "looks wrong", blocking=False)]
    return []


def placed(study: Study, rows: pd.DataFrame, names: Names) -> tuple[pd.DataFrame, list[Problem]]:
    """Return events with scope and scope_id as the study has them; those of nobody are told and left out."""
    scope = rows["scope"].str.lower().str.strip()
    cohorts = {c.cohort: c.cohort for c in study.cohorts} | dict(study.teams.cohort_names)
    teams = names.known(rows.loc[scope == "team", "scope_id"].dropna().unique())
    ids = rows["scope_id"].where(scope != "team", rows["scope_id"].map(teams))
    ids = ids.where(scope != "cohort", rows["scope_id"].map(cohorts))
    lost = ~scope.isin(SCOPES) | (ids.isna() & (scope != "network")) | rows["date"].isna()
    problems = []
    if lost.any():
        bad = rows[lost]
        cells = ", ".join(dict.fromkeys(str(v) for v in bad["scope_id"].dropna()[:50]))[:120]
        found = f"{len(bad)} events without a day, or of nobody of this study" + (f": {cells}" if cells else "")
        expected = "a day; scope team, cohort or network; scope_id a team or cohort"
        fix = "correct them, add `also_called` below `teams`, or accept: {lost rows: why}"
        many = too_many(len(bad), len(rows))
        problems.append(problem_at(bad, found, expected, fix, "lost rows", "scope_id", blocking=many))
    again = rows.drop(columns=["file", "row"]).duplicated()
    if again.any():
        many = again.sum() > 5 and too_many(int(again.sum()), len(rows))
        fix = "remove what was pasted twice" + (", or accept: {twice: why}" if many else "; they are kept")
        told = problem_at(rows[again], f"{again.sum()} events a second time", "each once", fix, "twice")
        problems.append(told if many else replace(told, rule="looks wrong", blocking=False))
    problems += _far_from_all(study, rows[~lost])
    return rows.assign(scope=scope, scope_id=ids)[~lost], problems


def _far_from_all(study: Study, rows: pd.DataFrame) -> list[Problem]:
    """Tell of events years before the first cohort begins or after the last one ends."""
    first, last = min(c.start for c in study.cohorts), max(c.end for c in study.cohorts)
    year = timedelta(days=366)
    far = rows[(rows["date"] < pd.Timestamp(first - year)) | (rows["date"] > pd.Timestamp(last + year))]
    if far.empty:
        return []
    found, fix = f"{len(far)} events more than a year before or after all cohorts", "look whether the year is right"
    return [problem_at(far, found, f"days about {first} to {last}", fix, "looks wrong", "date", blocking=False)]


def _without_team(rows: pd.DataFrame, heading: object) -> list[Problem]:
    problems = []
    for file, blank in rows[rows["team"].isna()].groupby("file"):
        many = too_many(len(blank), int((rows["file"] == file).sum()))
        fix = "fill in the team (in a merged cell it stands in the first row only), or accept: {no team: why}"
        found = f"{len(blank)} rows without a team, which are left out"
        row = int(blank["row"].iloc[0])
        problems.append(Problem(str(file), found, "a team", fix, row, str(heading), "no team", blocking=many))
    return problems


def _twice(part: Teams, table: pd.DataFrame) -> list[Problem]:
    spelled = table.groupby(table["team"].map(plain))["team"].nunique()
    apart = table[table["team"].map(plain).isin(spelled.index[spelled > 1])]
    problems = []
    if len(apart):
        names = ", ".join(sorted(set(apart["team"])))
        fix = "write the name one way, or remove one of the rows"
        problems.append(problem_at(apart, f"one team spelled several ways: {names}", "each team once", fix, "twice"))
    again = table[table["team"].duplicated()]
    values = [name for name in table.columns if name not in ("file", "row")]
    different = again[~again.duplicated(values) & ~again["row"].isin(table.loc[table.duplicated(values), "row"])]
    if len(different) and part.combine is None:
        names = ", ".join(dict.fromkeys(different["team"].iloc[: LISTED * 20]))[:200]
        fix = "keep one row; or write combine: last below `teams`, and the last row of each stands"
        found = f"{different['team'].nunique()} teams several times with different values: {names}"
        problems.append(problem_at(different, found, "each team once", fix, "twice"))
    elif len(again) and part.combine is None:
        found = f"{len(again)} rows that repeat a team with the same values"
        problems.append(
            problem_at(again, found, "each team once", "nothing; it counts once", "repeated", blocking=False)
        )
    return problems


def _unknown_cohorts(part: Teams, table: pd.DataFrame, cohorts: Sequence[str]) -> list[Problem]:
    other = table[~table["cohort"].isin(cohorts)]
    if other.empty:
        return []
    names = ", ".join(dict.fromkeys(str(c) for c in other["cohort"].fillna("(blank)")))[:160]
    fix = "correct them, add them under `cohort_names`, leave them out (`where`), or accept: {unknown cohort: why}"
    found = f"{other['team'].nunique()} teams of cohorts that the study has not: {names}"
    return [
        problem_at(
            other, found, f"one of: {', '.join(cohorts)}", fix, "unknown cohort", str(part.columns.get("cohort"))
        )
    ]


def of_unknown_size(study: Study, cohort: str, table: pd.DataFrame) -> list[Problem]:
    """Tell of teams with pulses of whom nobody knows how many they are, unless all stands for everyone to read already.

    Parameters
    ----------
    table : DataFrame
        The teams of the cohort.
    """
    unknown = table[table["headcount"].isna()]
    if unknown.empty or not study.of_cohort("pulses", cohort) or study.published(cohort):
        return []
    found = f"staff in post are missing for {len(unknown)} of {len(table)} teams of cohort {cohort!r}"
    fix = "without them nobody can say how many people stand behind a team's answers, and what may be shown; write them"
    heading = study.teams.columns.get("headcount")
    return [problem_at(unknown, found, "people in post of every team", fix, UNKNOWN_SIZE, heading)]


def _headcounts(table: pd.DataFrame) -> list[Problem]:
    bad = table[table["headcount"].notna() & ~((table["headcount"] > 0) & (table["headcount"] % 1 == 0))]
    if bad.empty:
        return []
    fix = "write the number of people in post"
    return [
        problem_at(
            bad, f"{len(bad)} headcounts that are no number of people", "whole numbers above 0", fix, "headcount"
        )
    ]
