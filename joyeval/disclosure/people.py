"""Who stands behind numbers: people in post of a team, everyone of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.store import Store

EVERYBODY = 1e6  # people who count as behind a figure that stands for everyone to read


def in_post(teams: pd.DataFrame, *, published: bool = False) -> pd.Series:
    """Return the people in post of each team, by its name.

    Parameters
    ----------
    teams : DataFrame
        `team`, `headcount`.
    published : bool
        The figures stand for everyone to read already: nobody is protected by hiding them, so that a team of whom
        nobody knows how many they are counts as large.

    Raises
    ------
    DisclosureError
        A team without them: who stands behind its answers is not known, and so not what may be shown.
    """
    known = known_in_post(teams)
    if published:
        return known.fillna(EVERYBODY)
    if unknown := int(known.isna().sum()):
        told = f"staff in post are missing for {unknown} of {len(teams)} teams of the list of teams"
        raise DisclosureError((), f"{told}; without them nobody can say how many people stand behind a team's answers")
    return known


def known_in_post(teams: pd.DataFrame) -> pd.Series:
    """Return the people in post of each team, by its name; missing where they are not known."""
    count = teams["headcount"] if "headcount" in teams else pd.Series(float("nan"), teams.index)
    return pd.Series(count.to_numpy(dtype=float), pd.Index(teams["team"]))


def behind_teams(teams: pd.DataFrame, *, published: bool) -> pd.Series:
    """Return who stands behind each team, by its name: nobody where that is not known, unless it was published."""
    return in_post(teams, published=True) if published else known_in_post(teams).fillna(0)


def besides_one(staff: pd.Series, groups: Mapping[str, str]) -> pd.Series:
    """Return who stands behind teams put together, for a member of one of them: the others, at the least.

    Who holds the sheet of one of two teams takes it from what both show together, and has the other's.

    Parameters
    ----------
    staff : Series
        People in post of each team, by its name.
    groups : mapping of str to str
        The group that each team is put into; others are in none.

    Examples
    --------
    >>> staff = pd.Series({"Ash": 6.0, "Birch": 7, "Cedar": 8, "Dale": 9})
    >>> besides_one(staff, {"Ash": "X", "Birch": "X", "Cedar": "X", "Dale": "Y"}).to_dict()
    {'X': 13.0, 'Y': 9.0}
    """
    together = staff.groupby(groups)
    return together.sum() - together.max().where(together.size() > 1, 0)


def people_of(store: Store) -> int:
    """Return how many people a cohort has: in post; else seen in its surveys; else counted over by its outcomes."""
    tables = store.tables()
    staff = known_in_post(store.table("teams")).sum() if "teams" in tables else 0
    surveys = [name for name in tables if name.startswith("wave_") or name == "ties"]
    seen = int(staff) or len(set().union(*(store.table(name)["person"] for name in surveys)))
    if seen or "outcomes" not in tables:
        return seen
    return int(store.table("outcomes").groupby(["team", "measure"])["denominator"].max().groupby("team").max().sum())
