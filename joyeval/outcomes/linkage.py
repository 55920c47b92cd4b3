"""Staff experience joined to service-user outcomes, team by team and period by period, with a lag that is stated.

Nothing is joined by guess: codes are cleaned and followed through mergers by a table the user gives, a
period that is missing stays missing, hidden counts stay intervals, and the report says what did not join.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import DataError, ModelError, Problem, UsageError, no_column
from joyeval.outcomes.codes import clean_codes, follow
from joyeval.outcomes.periods import ordinals, starts
from joyeval.result import Result
from joyeval.wording import counted
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, Self

    from joyeval.outcomes.codes import Crosswalk

LAGS = {"same": (0, 0), "following": (1, 1), "preceding": (-1, -1)}
ENOUGH = 2 / 3  # of the periods of a window that must be there, as 8 months of 12
UNLIKE = 0.2  # standard deviations: joined and left-out teams differ by more than a little (Cohen)
ONE_SIDED = {"staff": "staff answers but no outcome", "outcome": "an outcome but no staff answers"}
REPEATED = 0.5  # share of neighbouring periods with one value to the last digit: a yearly figure written out
KEY = ["team", "time"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Linkage(Result):
    """Teams x periods with staff experience and outcomes side by side; `n` counts those with any outcome.

    Parameters
    ----------
    data : DataFrame
        ``team, period``, a column per staff measure and one ``<measure>_answers``; per outcome its value and
        ``<measure>_numerator``, ``_denominator``, ``_low``, ``_high``, ``_periods`` (found in the window).
    flow : DataFrame
        ``outcome, status, teams, team_periods``: what joined, what did not, and why.
    unmatched : DataFrame
        ``side, code, rows``: codes that the other side does not know.
    difference : DataFrame
        ``staff, outcome, joined, left_out, difference, sd_units, n_joined, n_left_out``: how they differ.
    staff, outcomes : tuple of str
        Names of the measures.
    lag : tuple of int
        First and last period after the staff answer over which outcomes were taken.
    unit : str
    improve : dict
        Measure to "increase" or "decrease": which way is better.
    noun : str
        What a team is called: "trust".
    """

    data: pd.DataFrame
    flow: pd.DataFrame
    unmatched: pd.DataFrame
    difference: pd.DataFrame
    staff: tuple[str, ...]
    outcomes: tuple[str, ...]
    lag: tuple[int, int]
    unit: str
    improve: dict[str, str]
    noun: str = "team"

    def tidy(self) -> pd.DataFrame:
        """Return what joined and what did not."""
        return self.flow

    def sentence(self) -> str:
        """Return the linkage in words."""
        total = self.n + self.n_dropped
        return (
            f"{self.n} of {total} {self.noun}-periods of staff experience joined an outcome taken "
            f"{describe_lag(self)}; {counted(self.data['team'].nunique(), self.noun)}, "
            f"{counted(self.n_dropped, self.noun + '-period')} without an outcome."
        )

    def named(self, names: Mapping[str, str]) -> Self:
        """Return the linkage with teams called as `names` say, code to name."""
        return replace(self, data=self.data.assign(team=self.data["team"].map(names).fillna(self.data["team"])))

    def filled(self, end: Literal["low", "high", "middle"]) -> Self:
        """Return the linkage with hidden outcomes put at one end of what they may have been, for sensitivity."""
        data = self.data.copy()
        for name in self.outcomes:
            ends = data[[f"{name}_low", f"{name}_high"]]
            fill = ends.mean(axis=1) if end == "middle" else data[f"{name}_{end}"]
            data[name] = data[name].fillna(fill)
        note = f"hidden outcomes were put at the {end} of what they may have been"
        return replace(self, data=data, notes=(*self.notes, note))


def link(
    staff: pd.DataFrame,
    outcome: pd.DataFrame,
    *,
    on: str | tuple[str, str] = "team",
    period: str | tuple[str, str] = "period",
    lag: str | int | tuple[int, int] = "same",
    unit: str = "month",
    at_least: int | None = None,
    crosswalk: Crosswalk | None = None,
    improve: Mapping[str, str] | None = None,
    teams: pd.DataFrame | None = None,
    noun: str = "team",
) -> Linkage:
    """Join staff experience to outcomes.

    Parameters
    ----------
    staff : DataFrame
        One row per team, period and measure: ``team, period, measure, mean, answers`` (`pulse`, or
        `team_means` of a wave; without `mean`, ``positive / answers``). With a column ``wave``, periods that
        repeat a wave count once, at its first period.
    outcome : DataFrame
        ``team, period, measure, value, numerator, denominator``; the last two may be missing. ``low, high``
        (of the value) where counts were hidden or rounded. Rows with the same team, period and measure are an error.
    on, period : str or (str, str)
        Column of the code and of the period, in staff and outcome.
    lag : {"same", "following", "preceding"}, int, or (int, int)
        Period of the outcome after that of the staff answers, in units; ``(1, 12)`` takes the twelve that follow
        as one, weighted by denominators. "preceding" is the check in the wrong direction of time.
    unit : {"day", "week", "month", "quarter", "year"}
        Rows of one team within a unit are pooled, staff weighted by answers. Whole-numbered waves ignore it.
    at_least : int, optional
        Periods of a window that must be there; default two thirds.
    crosswalk : mapping or DataFrame with ``old, new``, optional
        Codes that changed or merged; both sides are moved to the new code and pooled.
    improve : mapping of measure to "increase" or "decrease", optional
        Which way is better.
    teams : DataFrame, optional
        One row per team, with the code column of `staff`: what designs may use besides (organisation, setting,
        start_date, benchmark) is added to the data.
    noun : str
        What a team is called in sentences: "trust".

    Returns
    -------
    Linkage

    Raises
    ------
    DataError
        Repeated rows of outcomes, a crosswalk that does not end.
    UsageError
        An absent column, an unknown lag or direction, a name that is both staff and outcome measure.
    ModelError
        Nothing joined.

    Examples
    --------
    >>> joined = link(survey, waits, lag=(1, 12), improve={"joy": "increase", "waits": "decrease"})  # doctest: +SKIP
    >>> joined.tidy()  # doctest: +SKIP
    """
    first, last = _lag(lag)
    codes, periods = _pair(on), _pair(period)
    people = _staff(staff, codes[0], periods[0], unit, crosswalk)
    services = _outcomes(outcome, codes[1], periods[1], unit, crosswalk)
    names, measures = tuple(people["measure"].unique()), tuple(services["measure"].unique())
    if shared := set(names) & set(measures):
        raise UsageError(f"{', '.join(sorted(shared))}: named as staff measure and as outcome; rename one")
    wide = _wide_staff(people)
    needed = at_least or ceil(ENOUGH * (last - first + 1))
    found = _window(wide[KEY], services, first, last, needed, measures)
    data = wide.merge(_wide_outcomes(found), on=KEY, how="left")
    joined = data[list(measures)].notna().any(axis=1)
    if not joined.any():
        raise ModelError(_nothing(wide, services, first, last, unit))
    data.insert(1, "period", starts(data.pop("time"), staff[periods[0]], unit=unit))
    if teams is not None:
        data = _described(data, teams, codes[0], crosswalk)
    flow, unmatched = _flow(found), _unmatched(wide, services)
    difference = _difference(data, names, measures)
    notes = _notes(staff, wide, names, measures, flow, unmatched, difference, improve or {}, noun)
    return Linkage(
        data=data,
        flow=flow,
        unmatched=unmatched,
        difference=difference,
        staff=names,
        outcomes=measures,
        lag=(first, last),
        unit="period" if pd.api.types.is_numeric_dtype(staff[periods[0]]) else unit,
        improve=_directions(improve or {}),
        noun=noun,
        n=int(joined.sum()),
        n_dropped=int((~joined).sum()),
        notes=notes,
    )


def table_of(data: pd.DataFrame | Linkage) -> pd.DataFrame:
    """Return the table of teams and periods that a design works on."""
    return data.data if isinstance(data, Linkage) else data


def noun_of(data: pd.DataFrame | Linkage) -> str:
    """Return what a team is called."""
    return data.noun if isinstance(data, Linkage) else "team"


def describe_lag(linkage: Linkage) -> str:
    """Say when outcomes were taken, seen from the staff answers."""
    (first, last), unit = linkage.lag, linkage.unit
    if first < last < 0:
        return f"{-last} to {-first} {unit}s before the staff answers"
    if first != last:
        return f"{first} to {last} {unit}s after the staff answers"
    if first == 0:
        return f"in the same {unit} as the staff answers"
    when = "after" if first > 0 else "before"
    return f"{abs(first)} {unit}{'s' if abs(first) > 1 else ''} {when} the staff answers"


def _pair(name: str | tuple[str, str]) -> tuple[str, str]:
    return (name, name) if isinstance(name, str) else name


def _lag(lag: str | int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(lag, str) and lag not in LAGS:
        raise UsageError(f"lag={lag!r}: expected {', '.join(LAGS)}, a whole number, or (first, last)")
    first, last = LAGS[lag] if isinstance(lag, str) else (lag, lag) if isinstance(lag, int) else lag
    if first > last:
        raise UsageError(f"lag=({first}, {last}): expected the first period before the last")
    return first, last


def _directions(improve: Mapping[str, str]) -> dict[str, str]:
    wrong = sorted(f"{k}: {v}" for k, v in improve.items() if v not in ("increase", "decrease"))
    if wrong:
        raise UsageError(f"improve: found {'; '.join(wrong)}; expected 'increase' or 'decrease'")
    return dict(improve)


def _columns(table: pd.DataFrame, names: list[str], side: str) -> None:
    absent = [name for name in names if name not in table]
    if absent:
        raise no_column(absent, table, side)


def _staff(staff: pd.DataFrame, code: str, period: str, unit: str, crosswalk: Crosswalk | None) -> pd.DataFrame:
    """One row per team, time and measure; rows of one unit pooled, weighted by answers."""
    _columns(staff, [code, period, "measure", "answers"], "staff")
    mean = staff["mean"] if "mean" in staff else staff["positive"] / staff["answers"].where(staff["answers"] > 0)
    rows = pd.DataFrame(
        {
            "team": follow(clean_codes(staff[code]), crosswalk),
            "time": ordinals(staff[period], unit=unit),
            "measure": staff["measure"],
            "answers": staff["answers"],
            "total": mean * staff["answers"],
            "wave": staff["wave"] if "wave" in staff else np.arange(len(staff)),
        }
    ).dropna(subset=["team", "time", "total"])
    rows = rows[rows["answers"] > 0].sort_values("time", kind="stable")
    rows = rows[rows["time"] == rows.groupby(["team", "measure", "wave"])["time"].transform("min")]
    pooled = rows.groupby([*KEY, "measure"], sort=False)[["answers", "total"]].sum().reset_index()
    return pooled.assign(mean=pooled["total"] / pooled["answers"])


def _wide_staff(people: pd.DataFrame) -> pd.DataFrame:
    table = people.pivot_table(index=KEY, columns="measure", values=["mean", "answers"], sort=False)
    table.columns = _flat(table, "mean")
    return table.reset_index().sort_values(KEY, ignore_index=True)


def _outcomes(outcome: pd.DataFrame, code: str, period: str, unit: str, crosswalk: Crosswalk | None) -> pd.DataFrame:
    """One row per team, time and measure; value, low and high times weight, so that they add up over a window."""
    _columns(outcome, [code, period, "measure", "value"], "outcome")
    _refuse_repeats(outcome, [code, period, "measure"])
    given = outcome.reindex(columns=["measure", "value", "numerator", "denominator", "low", "high"])
    counted = given.groupby("measure")["denominator"].transform("count") > 0
    rows = given.assign(
        team=follow(clean_codes(outcome[code]), crosswalk),
        time=ordinals(outcome[period], unit=unit),
        weight=given["denominator"].where(counted, 1.0),
        low=given["low"].fillna(given["value"]),
        high=given["high"].fillna(given["value"]),
    )
    rows = rows.dropna(subset=["team", "time", "low"])
    rows = rows[rows["weight"] > 0]
    rows["hidden"] = rows["value"].isna()
    for name in ("value", "low", "high"):
        rows[name] *= rows["weight"]
    sums = ["weight", "numerator", "denominator", "value", "low", "high", "hidden"]
    return rows.groupby([*KEY, "measure"], sort=False)[sums].sum(min_count=1).reset_index()


def _refuse_repeats(outcome: pd.DataFrame, key: list[str]) -> None:
    repeated = outcome[outcome.duplicated(key) & outcome[key].notna().all(axis=1)]
    if len(repeated):
        by = repeated.groupby("measure").size()
        raise DataError(
            Problem(file="outcome", column=str(measure), found=f"{count} rows that repeat a team and period",
                    expected="one row per team, period and measure", fix="add them up, or keep one", rule="repeated")
            for measure, count in by.items()
        )  # fmt: skip


def _window(
    keys: pd.DataFrame, services: pd.DataFrame, first: int, last: int, needed: int, measures: tuple[str, ...]
) -> pd.DataFrame:
    """Every staff team-period x outcome measure: sums over the window, and what became of it."""
    wanted = keys.merge(pd.DataFrame({"shift": range(first, last + 1)}), how="cross")
    wanted["there"] = wanted["time"] + wanted["shift"]
    hits = wanted.merge(services.rename(columns={"time": "there"}), on=["team", "there"])
    sums = ["weight", "numerator", "denominator", "value", "low", "high", "hidden"]
    found = hits.groupby([*KEY, "measure"])[sums].sum(min_count=1)
    found["periods"] = hits.groupby([*KEY, "measure"]).size()
    everything = keys.merge(pd.DataFrame({"measure": measures}), how="cross")
    found = everything.merge(found.reset_index(), on=[*KEY, "measure"], how="left")
    found["periods"] = found["periods"].fillna(0).astype(int)
    known = pd.MultiIndex.from_frame(services[["team", "measure"]].drop_duplicates())
    code_known = pd.MultiIndex.from_frame(found[["team", "measure"]]).isin(known)
    found["status"] = np.select(
        [~code_known, found["periods"] == 0, found["periods"] < needed, found["hidden"] > 0],
        ["no outcome at all", "no outcome in these periods", "too few periods in the window", "hidden small number"],
        "joined",
    )
    return found


def _wide_outcomes(found: pd.DataFrame) -> pd.DataFrame:
    usable = found["status"].isin(["joined", "hidden small number"])
    rows = found[[*KEY, "measure", "numerator", "denominator", "periods"]].copy()
    rows["value"] = (found["value"] / found["weight"]).where(found["status"] == "joined")
    for name in ("low", "high"):
        rows[name] = (found[name] / found["weight"]).where(usable)
    for name in ("numerator", "denominator"):
        rows[name] = rows[name].where(found["status"] == "joined")
    table = rows.pivot(index=KEY, columns="measure")
    table.columns = _flat(table, "value")
    return table.reset_index()


def _described(data: pd.DataFrame, teams: pd.DataFrame, code: str, crosswalk: Crosswalk | None) -> pd.DataFrame:
    """Add what is known of teams; of merged ones, what is known of the first."""
    _columns(teams, [code], "teams")
    known = teams.assign(team=follow(clean_codes(teams[code]), crosswalk)).drop_duplicates("team")
    if clash := set(known.columns.drop("team")) & set(data.columns):
        raise UsageError(f"teams: found {', '.join(sorted(clash))}, which the measures use too; rename one")
    return data.merge(known, on="team", how="left")


def _flat(table: pd.DataFrame, main: str) -> pd.Index:
    """Join pairs of kind and measure: the main kind goes by the name of the measure."""
    kinds, names = (table.columns.get_level_values(level) for level in (0, 1))
    return pd.Index([n if k == main else f"{n}_{k}" for k, n in zip(kinds, names, strict=True)])


def _flow(found: pd.DataFrame) -> pd.DataFrame:
    counts = found.groupby(["measure", "status"])["team"].agg(teams="nunique", team_periods="size")
    return counts.reset_index().rename(columns={"measure": "outcome"})


def _unmatched(wide: pd.DataFrame, services: pd.DataFrame) -> pd.DataFrame:
    sides = {"staff": (wide, services), "outcome": (services, wide)}
    parts = [
        own.loc[~own["team"].isin(other["team"]), "team"]
        .value_counts(sort=False)
        .rename("rows")
        .reset_index()
        .assign(side=side)
        for side, (own, other) in sides.items()
    ]
    return pd.concat(parts, ignore_index=True).rename(columns={"team": "code"})[["side", "code", "rows"]]


def _difference(data: pd.DataFrame, names: tuple[str, ...], measures: tuple[str, ...]) -> pd.DataFrame:
    """Staff measures of team-periods that joined each outcome against those that did not."""
    rows = []
    for measure in measures:
        joined = data[measure].notna()
        for name in names:
            one, other = data.loc[joined, name].dropna(), data.loc[~joined, name].dropna()
            gap, spread = one.mean() - other.mean(), data[name].std()
            rows.append(
                (name, measure, one.mean(), other.mean(), gap, gap / spread if spread else np.nan, len(one), len(other))
            )
    columns = ["staff", "outcome", "joined", "left_out", "difference", "sd_units", "n_joined", "n_left_out"]
    return pd.DataFrame(rows, columns=columns)


def _nothing(wide: pd.DataFrame, services: pd.DataFrame, first: int, last: int, unit: str) -> str:
    shared = wide["team"].isin(services["team"])
    known = wide.loc[shared, "team"].nunique()
    return (
        f"no team-period joined: {known} of {wide['team'].nunique()} codes are on both sides, and none has enough "
        f"outcomes {first:+d} to {last:+d} {unit}s after its staff answers; "
        "give a crosswalk if codes differ, or another lag"
    )


def _notes(
    staff: pd.DataFrame,
    wide: pd.DataFrame,
    names: tuple[str, ...],
    measures: tuple[str, ...],
    flow: pd.DataFrame,
    unmatched: pd.DataFrame,
    difference: pd.DataFrame,
    improve: Mapping[str, str],
    noun: str,
) -> tuple[str, ...]:
    lost = flow[flow["status"] != "joined"]
    notes = [
        f"{r.outcome}: {counted(r.team_periods, noun + '-period')} of {counted(r.teams, noun)} not joined, {r.status}"
        for r in lost.itertuples()
    ]
    sides = unmatched.groupby("side")["code"].agg(list)
    notes += [
        f"{counted(len(codes), noun)} with {ONE_SIDED[side]}, such as {codes[0]}" for side, codes in sides.items()
    ]
    far = difference[difference["sd_units"].abs() > UNLIKE]
    notes += [
        f"{noun}-periods that joined {r.outcome} differ from the rest in {r.staff} by {r.sd_units:+.2f} standard "
        f"deviations ({r.n_joined} against {r.n_left_out}): they do not stand for all {noun}s"
        for r in far.itertuples()
    ]
    if "wave" not in staff:
        notes += _repeated(wide, names)
    unstated = [name for name in (*names, *measures) if name not in improve]
    if unstated:
        notes.append(Note("association.way_not_stated", outcome=", ".join(unstated)))
    return tuple(notes)


def _repeated(wide: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    """Find yearly figures that were written out over shorter periods: they are no new observations."""
    notes = []
    for name in names:
        step = wide.groupby("team")[name].diff()
        if step.notna().sum() >= 10 and (share := float((step[step.notna()] == 0).mean())) >= REPEATED:
            notes.append(
                f"{name} repeats the value of the period before in {share:.0%} of cases: if it is measured less often "
                "than it is written, add a column `wave` so that each survey counts once"
            )
    return notes
