"""What was published before: two groups that differ by a few people give those people away.

A late answer, a team that moved to another directorate, a second report: each published figure is harmless alone, and
the difference of two is one person's answer. The ledger keeps who stood behind each published figure: as pseudonyms,
and as hashes of what they answered. Groups are the same if they share people, whatever study, wave, team or cohort are
called by then and whatever key their pseudonyms were made with. It never leaves the processed data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.disclosure.rule import Rule

GROUP = ["item", "wave", "first", "last", "group"]  # what a published figure is about; the rest is who
PEOPLE = [*GROUP, "person", "answers"]
PULSES = ["item", "period", "cohort", "team", "headcount", "positive", "answers"]
FEWEST_ALIKE = 4  # periods in which two series must be equal before they are taken for one team's


def people_told_apart(now: pd.DataFrame, before: pd.DataFrame, *, rule: Rule) -> list[Problem]:
    """Return a problem for each group that differs by a few people, or a few answers, from one published before.

    A group that was published just as it is now is no news, whatever else was published beside it or before.

    Parameters
    ----------
    now, before : DataFrame
        One row per person behind a figure: item (what was measured), wave, first and last (its days; missing where
        nobody knows), group, person (pseudonym), answers (hash of what was answered). `before` has `entry` too.
    """
    found: dict[tuple, Problem] = {}
    for face in ("person", "answers"):
        close = sorted(_close(now, before, face, rule), key=lambda pair: pair[0]["group"] != pair[1]["group"])
        for ours, theirs in close:
            found.setdefault((theirs["entry"], ours["item"], ours["group"]), _problem(ours, theirs, face))
    return list(found.values())


def _close(now: pd.DataFrame, before: pd.DataFrame, face: str, rule: Rule) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Yield groups that share people at one time and differ by a few, unless a group was published as it is."""
    ours, behind, size = _groups(now, GROUP, face, rule)
    theirs, behind_before, size_before = _groups(before, ["entry", *GROUP], face, rule)
    both = pd.concat([behind, behind_before])
    if not len(ours) or not len(theirs):
        return
    shared = _shared(both, len(behind), len(ours), len(theirs)).tocoo()
    more, fewer = size[shared.row] - shared.data, size_before[shared.col] - shared.data
    same_time = _same_time(ours.iloc[shared.row], theirs.iloc[shared.col], face)
    as_it_was = np.unique(shared.row[same_time & (more == 0) & (fewer == 0)])
    few = ((more > 0) & (more < rule.threshold)) | ((fewer > 0) & (fewer < rule.threshold))
    for row, column in zip(*(place[same_time & few] for place in (shared.row, shared.col)), strict=True):
        if row not in as_it_was:
            yield ours.iloc[row], theirs.iloc[column]


def _groups(
    members: pd.DataFrame, by: list[str], face: str, rule: Rule
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return groups large enough to have been shown; the number of the group and the member, one row each; sizes."""
    once = members.dropna(subset=[face]).drop_duplicates([*by, face])
    once = once[once.groupby(by, dropna=False)[face].transform("size") >= rule.threshold]
    number = once.groupby(by, dropna=False, sort=False).ngroup().to_numpy()
    named = once[by].drop_duplicates().reset_index(drop=True)
    return named, pd.DataFrame({"group": number, "member": once["item"] + "|" + once[face]}), np.bincount(number)


def _shared(both: pd.DataFrame, split: int, rows: int, columns: int):
    """How many members each group of now shares with each of before."""
    from scipy.sparse import csr_array

    member, names = pd.factorize(both["member"])
    ones, group = np.ones(len(both), dtype=np.int64), both["group"].to_numpy()
    first = csr_array((ones[:split], (group[:split], member[:split])), shape=(rows, len(names)))
    second = csr_array((ones[split:], (group[split:], member[split:])), shape=(columns, len(names)))
    return first @ second.T


def _same_time(ours: pd.DataFrame, theirs: pd.DataFrame, face: str) -> np.ndarray:
    """Whether two figures are of one time: answers tell it themselves; people need days, or the name of the wave."""
    if face == "answers":
        return np.ones(len(ours), dtype=bool)
    first, last, first_before, last_before = (
        pd.to_datetime(days).to_numpy() for days in (ours["first"], ours["last"], theirs["first"], theirs["last"])
    )
    undated = np.isnat(first) | np.isnat(first_before)
    return np.where(
        undated,
        ours["wave"].to_numpy() == theirs["wave"].to_numpy(),
        (first <= last_before) & (first_before <= last),
    )


def _problem(ours: pd.Series, theirs: pd.Series, face: str) -> Problem:
    what = "people" if face == "person" else "answers"
    return Problem(
        file=theirs["entry"],
        column=ours["item"],
        found=f"{ours['group']} differs by a few {what} from {theirs['group']} then, which the difference would show",
        expected="groups of the same people, or of people enough of whom differ",
        fix=f"leave out one of the two, or keep {ours['group']} as it was published",
        rule="differencing",
    )


def pulses_told_apart(now: pd.DataFrame, before: pd.DataFrame, *, rule: Rule) -> list[Problem]:
    """Return a problem for each team and each cohort with points that differ by a few answers from published ones.

    A team is known by its name or, where that was changed, by its series; a cohort by its teams.

    Parameters
    ----------
    now, before : DataFrame
        One row per team and period: item (measure), period, cohort, team, headcount, positive, answers. `before` has
        `entry` too.
    """
    found: dict[tuple, Problem] = {}
    for (entry, item), old in before.groupby(["entry", "item"], sort=False):
        changed = _changed(now[now["item"] == item], old)
        for told, points in (("team", _of_teams(changed, rule)), ("cohort", _of_cohorts(changed))):
            shown = points[["answers", "answers_before"]].min(axis=1) >= rule.threshold
            few = points[shown & points["changed"].between(1, rule.threshold - 1)]
            for name, rows in few.groupby(told):
                found.setdefault((item, told, name), _pulse_problem(entry, item, f"{told} {name}", rows["period"]))
    return list(found.values())


def _changed(new: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Team and period, for periods that both hold: how many answers at least were added, taken away or changed."""
    names = _same_teams(new, old)
    theirs = old.assign(team=[names.get(team, f"{team} (before)") for team in old["team"]])
    both = new.merge(theirs, on=["team", "period"], how="outer", suffixes=("", "_before"))
    both = both[both["period"].isin(set(new["period"]) & set(old["period"]))]
    matched = both.dropna(subset=["cohort", "cohort_before"])
    forth = matched.groupby("cohort_before")["cohort"].agg(lambda names: names.mode()[0])
    back = matched.groupby("cohort")["cohort_before"].agg(lambda names: names.mode()[0])
    both = both.assign(
        cohort=both["cohort"].where(both["cohort"].notna(), both["cohort_before"].map(forth)),
        cohort_before=both["cohort_before"].where(both["cohort_before"].notna(), both["cohort"].map(back)),
    ).dropna(subset=["cohort", "cohort_before"])
    counts = both[["positive", "answers", "positive_before", "answers_before"]].fillna(0)
    positive = counts["positive"] - counts["positive_before"]
    other = counts["answers"] - counts["answers_before"] - positive
    return both.assign(**counts, more_positive=positive, more_other=other, changed=positive.abs() + other.abs())


def _of_teams(changed: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Points of teams that are large enough to be shown by themselves."""
    return changed[~(changed["headcount"] < rule.threshold)]


def _of_cohorts(changed: pd.DataFrame) -> pd.DataFrame:
    """Points of all teams together; where teams came or went, at least what the totals differ by."""
    sums = ["answers", "answers_before", "changed", "more_positive", "more_other"]
    whole = changed.assign(same=(changed["answers"] > 0) == (changed["answers_before"] > 0))
    points = whole.groupby(["cohort", "cohort_before", "period"]).agg(dict.fromkeys(sums, "sum") | {"same": "all"})
    totals = points["more_positive"].abs() + points["more_other"].abs()
    return points.assign(changed=points["changed"].where(points["same"], totals)).reset_index()


def _same_teams(new: pd.DataFrame, old: pd.DataFrame) -> dict[str, str]:
    """Each team of before with its name of now; one that was renamed is known by its series."""
    teams = dict.fromkeys(set(old["team"]) & set(new["team"]))
    found = {team: team for team in teams}
    count = ["period", "positive", "answers"]
    alike = old[~old["team"].isin(found)].merge(new[~new["team"].isin(found)], on=count, suffixes=("_before", ""))
    pairs = alike.groupby(["team_before", "team"]).size()
    length = old.groupby("team")["period"].nunique()
    for (was, now), equal in pairs.sort_values(ascending=False, kind="stable").items():
        if was not in found and now not in found.values() and equal >= max(FEWEST_ALIKE, length[was] / 2):
            found[was] = now
    return found


def _pulse_problem(entry: str, item: str, who: str, periods: pd.Series) -> Problem:
    days = ", ".join(str(day)[:10] for day in periods.head(3)) + (", ..." if len(periods) > 3 else "")
    return Problem(
        file=entry,
        column=item,
        found=f"{who} has a few answers more, fewer or other ones in {days}, which the difference would show",
        expected="the answers as they were published, or enough others",
        fix="keep the raw file as it was for these days, or wait for more answers",
        rule="differencing",
    )
