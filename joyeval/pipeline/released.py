"""Who stood behind each released figure, kept so that a later release cannot give a few people away.

Two releases of one group that differ by a late answer show that answer to whoever has both. Kept are pseudonyms, with
the processed data of the study; they never leave with a release.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.disclosure import publish, rule_of
from joyeval.errors import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from joyeval.store import Store
    from joyeval.study import Study

GROUPS = ("team", "role", "organisation", "directorate", "setting")


def enter(study: Study, cohort: str) -> None:
    """Enter the people behind the figures of a cohort in the ledger of the study.

    Raises
    ------
    DisclosureError
        A group shown has a few people more or less than when it was released before; nothing is entered.
    """
    store, ledger = study.store(cohort), ledger_of(study)
    members = pd.concat([pd.DataFrame(columns=["statistic", "group", "person"]), *_members(store)])
    size = members.groupby(["statistic", "group"])["person"].transform("nunique")
    members = members[size >= study.disclosure.threshold].astype(str).sort_values(["statistic", "group", "person"])
    if members.empty:
        return
    members["statistic"] = f"cohort {cohort}, " + members["statistic"] + ", " + members["group"]
    digest = hashlib.sha256(members.to_csv(index=False).encode("utf-8")).hexdigest()[:8]
    try:
        publish(members, ledger=ledger, report=f"release {digest}", rule=rule_of(study))
    except DisclosureError as error:
        once = {(problem.file, problem.found): problem for problem in error.problems}
        advice = f"if the earlier archive never left this place, delete {ledger} and release again"
        told = f"{len(once)} groups differ by a few people from an earlier release; nothing was packed; {advice}"
        raise DisclosureError(list(once.values()), told) from None


def ledger_of(study: Study) -> Path:
    """Return where the ledger of a study lies: beside the processed data of its cohorts."""
    return study.store(study.cohorts[0].cohort).folder.parent / "released.parquet"


def _members(store: Store) -> Iterator[pd.DataFrame]:
    """Yield statistic, group and person, for every score of a survey and every process of relational coordination."""
    teams = store.table("teams").set_index("team") if "teams" in store.tables() else pd.DataFrame()
    for name in (name for name in store.tables() if name.startswith("wave_")):
        answers = store.table(name)
        places = {by: answers["team"].map(teams[by]) for by in GROUPS if by in teams and by not in answers}
        answers = answers.assign(everyone="everyone", **places)
        for scale in (column.removesuffix("_answered") for column in answers if column.endswith("_answered")):
            valid = answers[answers[scale].notna()]
            for by in ("everyone", *(by for by in GROUPS if by in answers)):
                yield _group(valid, scale + ", wave " + valid["wave"].astype(str), by)
    if "ties" in store.tables():
        ties = store.table("ties")
        rated = ties[ties["answered"] > 0].assign(everyone="everyone")
        what = rated["process"].astype(str) + ", wave " + rated["wave"].astype(str)
        for by in ("everyone", "workgroup"):
            yield _group(rated, what, by)


def _group(rows: pd.DataFrame, statistic: pd.Series, by: str) -> pd.DataFrame:
    known = rows.assign(statistic=statistic, group=rows[by])[["statistic", "group", "person"]].dropna()
    return known.assign(group=known["group"].astype(str) if by == "everyone" else f"{by} " + known["group"].astype(str))
