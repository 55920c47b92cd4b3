"""What was published before: two groups that differ by a few people give those people away.

A late answer, a team that moved to another directorate, a second report: each published figure is harmless alone, and
the difference of two is one person's answer. The ledger keeps who (as pseudonyms) stood behind each published figure.
It never leaves the processed data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.disclosure.rule import Rule
from joyeval.errors import DisclosureError, Problem

if TYPE_CHECKING:
    from pathlib import Path


def differing_by_few(members: pd.DataFrame, *, rule: Rule | None = None) -> pd.DataFrame:
    """Return pairs of published groups where one has a few people that the other has not.

    Parameters
    ----------
    members : DataFrame
        One row per person behind a published figure: `statistic` (what was measured, and when), `group`, `person`.

    Returns
    -------
    DataFrame
        `statistic`, `group`, `other`: `group` has between 1 and 10 people besides those it shares with `other`.
    """
    from scipy.sparse import csr_array

    rule = rule or Rule()
    members = members.drop_duplicates(["statistic", "group", "person"])
    group = members.groupby(["statistic", "group"], sort=True).ngroup().to_numpy()
    person = members.groupby(["statistic", "person"], sort=True).ngroup().to_numpy()
    behind = csr_array((np.ones(len(members), dtype=np.int32), (group, person)))
    shared = (behind @ behind.T).tocoo()
    size = np.bincount(group)
    besides = size[shared.row] - shared.data
    close = (besides > 0) & (besides < rule.threshold)
    names = members[["statistic", "group"]].drop_duplicates().sort_values(["statistic", "group"])
    pairs = names.iloc[shared.row[close]].reset_index(drop=True)
    return pairs.assign(other=names["group"].to_numpy()[shared.col[close]])


def publish(members: pd.DataFrame, *, ledger: Path, report: str, rule: Rule | None = None) -> None:
    """Enter the groups of a report in the ledger, unless they differ by a few people from what was published.

    Parameters
    ----------
    members : DataFrame
        As for `differing_by_few`.
    ledger : Path
        A parquet file; made if it is not there. A report entered again replaces itself.
    report : str
        Name of the report.

    Raises
    ------
    DisclosureError
        Groups that differ by a few people from others; nothing is entered.
    """
    columns = ["report", "statistic", "group", "person"]
    before = pd.read_parquet(ledger) if ledger.exists() else pd.DataFrame(columns=columns, dtype=str)
    kept = before[before["report"] != report]
    entered = pd.concat([kept, members.assign(report=report)[columns].astype(str)], ignore_index=True)
    told_apart = entered.assign(group=entered["group"] + " (" + entered["report"] + ")")
    close = differing_by_few(told_apart, rule=rule)
    news = close["group"].str.endswith(f" ({report})") | close["other"].str.endswith(f" ({report})")
    if news.any():
        raise DisclosureError([_problem(report, *pair) for pair in close[news].itertuples(index=False)])
    ledger.parent.mkdir(parents=True, exist_ok=True)
    part = ledger.with_name(f".{ledger.name}.part")
    entered.to_parquet(part, index=False)
    part.replace(ledger)


def _problem(report: str, statistic: str, group: str, other: str) -> Problem:
    return Problem(
        file=report,
        column=statistic,
        found=f"{group} has a few people more than {other}, whose answers the difference would show",
        expected="groups of the same people, or of people enough of whom differ",
        fix=f"leave out one of the two, or keep {group} as it was published",
        rule="differencing",
    )
