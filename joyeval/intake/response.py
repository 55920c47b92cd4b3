"""Response rates by the standard definitions, so that surveys can be compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence


STEPS = ("invited", "opened", "started", "kept", "scored", "linked")
RATES = [f"{kind}{i}" for kind, last in (("RR", 6), ("COOP", 4), ("REF", 3), ("CON", 3)) for i in range(1, last + 1)]


@dataclass(frozen=True)
class Disposition:
    """What became of the people who should have been asked.

    Parameters
    ----------
    complete, partial : float
        Answered in full, in part.
    refused, no_contact, other : float
        Eligible, but did not answer.
    unknown_household, unknown_other : float
        Eligibility not known.
    not_eligible : float
        Should not have been asked: in no rate.
    eligible_share : float
        Estimated share of the unknown who are eligible.
    """

    complete: float
    partial: float = 0
    refused: float = 0
    no_contact: float = 0
    other: float = 0
    unknown_household: float = 0
    unknown_other: float = 0
    not_eligible: float = 0
    eligible_share: float = 1.0


def response_rates(people: Disposition) -> pd.Series:
    """Return the sixteen rates of the American Association for Public Opinion Research.

    Parameters
    ----------
    people : Disposition

    Returns
    -------
    Series
        RR1 to RR6 (response), COOP1 to COOP4 (cooperation), REF1 to REF3 (refusal), CON1 to CON3 (contact). RR2 is
        the usual one for staff surveys: complete or partial, over all who were or may have been eligible.

    References
    ----------
    AAPOR Standard Definitions, 10th edition (2023), https://aapor.org/standards-and-ethics/standard-definitions/

    Examples
    --------
    >>> round(response_rates(Disposition(complete=60, partial=5, no_contact=35))["RR2"], 2)
    0.65
    """
    p = people
    answered, told = p.complete + p.partial, p.complete + p.partial + p.refused + p.other
    known = told + p.no_contact
    unknown = p.unknown_household + p.unknown_other
    all_, likely = known + unknown, known + p.eligible_share * unknown
    rates = {
        "RR1": (p.complete, all_),
        "RR2": (answered, all_),
        "RR3": (p.complete, likely),
        "RR4": (answered, likely),
        "RR5": (p.complete, known),
        "RR6": (answered, known),
        "COOP1": (p.complete, told),
        "COOP2": (answered, told),
        "COOP3": (p.complete, answered + p.refused),
        "COOP4": (answered, answered + p.refused),
        "REF1": (p.refused, all_),
        "REF2": (p.refused, likely),
        "REF3": (p.refused, known),
        "CON1": (told, all_),
        "CON2": (told, likely),
        "CON3": (told, known),
    }
    return pd.Series({name: top / base if base else float("nan") for name, (top, base) in rates.items()})


def respondent_flow(response: pd.DataFrame) -> pd.DataFrame:
    """Return people at each step, wave by wave, teams added up.

    Parameters
    ----------
    response : DataFrame
        wave, team, opened, started, kept, scored, linked; and invited, where headcounts are known.

    Returns
    -------
    DataFrame
        One row per wave; invited (missing unless it is known for every team), opened, started, kept, scored, linked.
    """
    steps = [name for name in STEPS if name in response]
    table = response.groupby("wave", sort=False)[steps].sum(min_count=1)
    if "invited" in table:
        unknown = response["invited"].isna().groupby(response["wave"]).any()
        table["invited"] = table["invited"].mask(unknown)
    return table.reindex(columns=STEPS).astype("Int64")


def rates_of(response: pd.DataFrame, *, by: Sequence[str] = ("wave",)) -> pd.DataFrame:
    """Return the sixteen rates of waves, or of teams in waves.

    Complete is who has every score, partial who was kept without; who opened the survey and answered nothing refused;
    whoever did not open it was not reached; who answered and was set aside (careless) counts as other. Everybody in
    post is eligible, so nobody is of unknown eligibility and RR1 = RR3 = RR5, RR2 = RR4 = RR6.

    Parameters
    ----------
    response : DataFrame
        As `respondent_flow` takes it, with complete and invited.
    by : sequence of str
        wave, or wave and team.

    Returns
    -------
    DataFrame
        `by`, invited, opened, started, kept, complete, refused, and the rates; groups whose invited are not known, or
        fewer than answered, have no rates.
    """
    numbers = ["invited", "opened", "started", "kept", "complete"]
    grouped = response.groupby(list(by), sort=False)[numbers]
    table = grouped.agg(lambda column: column.sum(skipna=False)).reset_index()
    table["refused"] = table["opened"] - table["started"]
    known = table["invited"] >= table["opened"]
    rates = [response_rates(_disposition(row)) if known[row.Index] else pd.Series() for row in table.itertuples()]
    return pd.concat([table, pd.DataFrame(rates, index=table.index).reindex(columns=RATES)], axis=1)


def _disposition(row: Any) -> Disposition:
    answered = Disposition(row.complete, row.kept - row.complete, row.refused)
    return replace(answered, no_contact=row.invited - row.opened, other=row.started - row.kept)


def participation(
    pulse: pd.DataFrame, *, by: Sequence[str] = ("measure",), headcount: pd.Series | None = None
) -> pd.DataFrame:
    """Return answers, opportunities and their ratio for pulses: a response rate would need people, not answers.

    Parameters
    ----------
    pulse : DataFrame
        team, period, measure, answers, opportunities.
    by : sequence of str
        Columns that name the groups.
    headcount : Series, optional
        People in post of each team, by its name.

    Returns
    -------
    DataFrame
        The columns `by`, teams, periods, answers, opportunities, participation (missing where opportunities are not
        known for every row), per_head (answers for each person in post and period in which the team was asked;
        missing without headcount).
    """
    known = pulse["opportunities"].notna()
    people = pulse["team"].map(pd.Series(dtype=float) if headcount is None else headcount)
    counted_in = pulse["answers"].where(people.notna())
    grouped = pulse.assign(known=known, people=people, counted=counted_in).groupby(list(by), sort=False)
    table = grouped.agg(
        teams=("team", "nunique"),
        periods=("period", "nunique"),
        answers=("answers", "sum"),
        opportunities=("opportunities", "sum"),
        known=("known", "all"),
        people=("people", "sum"),
        counted=("counted", "sum"),
    ).reset_index()
    people = table.pop("people")
    table["per_head"] = table.pop("counted") / people.where(people > 0)
    counted = table["opportunities"].where(table.pop("known") & (table["opportunities"] > 0))
    return table.assign(opportunities=counted, participation=table["answers"] / counted)
