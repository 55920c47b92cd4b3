"""How much of the programme reached each team by each period: events counted as exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import UsageError, no_column
from joyeval.outcomes.periods import ordinals, starts

if TYPE_CHECKING:
    from collections.abc import Sequence

SCOPES = ("team", "cohort", "network")


def dose(
    events: pd.DataFrame,
    teams: pd.DataFrame,
    periods: pd.Series,
    *,
    kinds: Sequence[str] | None = None,
    window: int | None = None,
    unit: str = "month",
) -> pd.DataFrame:
    """Count events that reached each team up to each period, in the form that `link` takes.

    Parameters
    ----------
    events : DataFrame
        ``date, scope, scope_id, kind``; an event of a cohort reaches all its teams, one of the network all teams.
    teams : DataFrame
        ``cohort, team``.
    periods : Series
        Periods to answer for.
    kinds : sequence of str, optional
        Kinds of event to count, each its own measure; default all kinds that occur.
    window : int, optional
        Count the last so many periods only (this one included); default all so far.

    Returns
    -------
    DataFrame
        ``team, period, measure, mean, answers``: a row for every team, period and kind, 0 where there was none.

    Raises
    ------
    UsageError
        An unknown scope, an absent column or a kind that does not occur.

    Examples
    --------
    >>> events = pd.DataFrame({"date": ["2024-02-10"], "scope": "cohort", "scope_id": "1", "kind": "huddle"})
    >>> teams = pd.DataFrame({"cohort": ["1", "2"], "team": ["A", "B"]})
    >>> dose(events, teams, pd.Series(["2024-01", "2024-02"]))["mean"].tolist()
    [0, 1, 0, 0]
    """
    _check(events, teams, kinds)
    reached = _spread(events, teams).assign(time=lambda d: ordinals(d["date"], unit=unit))
    wanted = pd.Series(sorted(ordinals(periods, unit=unit).dropna().unique()), name="period")
    kinds = sorted(events["kind"].unique()) if kinds is None else list(kinds)
    grid = pd.MultiIndex.from_product([teams["team"].unique(), wanted, kinds], names=["team", "period", "measure"])
    pairs = grid.to_frame(index=False).merge(reached, left_on=["team", "measure"], right_on=["team", "kind"])
    ago = pairs["period"] - pairs["time"]
    counted = pairs[(ago >= 0) & (ago < (window or ago.max() + 1))].groupby(["team", "period", "measure"]).size()
    table = counted.reindex(grid, fill_value=0).rename("mean").reset_index()
    return table.assign(period=starts(table["period"], periods, unit=unit), answers=1)


def _check(events: pd.DataFrame, teams: pd.DataFrame, kinds: Sequence[str] | None) -> None:
    for name, table, needed in (
        ("events", events, ["date", "scope", "scope_id", "kind"]),
        ("teams", teams, ["cohort", "team"]),
    ):
        absent = [column for column in needed if column not in table]
        if absent:
            raise no_column(absent, table, name)
    unknown = sorted(set(events["scope"]) - set(SCOPES))
    if unknown:
        raise UsageError(f"events: found scope {', '.join(map(str, unknown))}; expected one of {', '.join(SCOPES)}")
    never = [kind for kind in kinds or () if kind not in set(events["kind"])]
    if never:
        raise UsageError(f"events: found no {', '.join(never)}; there is {', '.join(sorted(events['kind'].unique()))}")


def _spread(events: pd.DataFrame, teams: pd.DataFrame) -> pd.DataFrame:
    """One row per event and team that it reached."""
    named = events.assign(scope_id=events["scope_id"].astype("str"))
    parts = [named[named["scope"] == "network"].merge(teams[["team"]], how="cross")]
    for scope in ("team", "cohort"):
        reach = teams[["team"]].assign(scope_id=teams[scope].astype("str"))
        parts.append(named[named["scope"] == scope].merge(reach, on="scope_id"))
    return pd.concat(parts, ignore_index=True)[["date", "kind", "team"]]
