"""What the programme may have had to do with it: before and after its start, staggered starts, dose of practices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError
from joyeval.outcomes.analyses import UNNAMED, ask, labels, linked, staff_table
from joyeval.outcomes.dose import dose
from joyeval.outcomes.event_study import event_study
from joyeval.outcomes.interrupted import interrupted
from joyeval.outcomes.mediation import mediation
from joyeval.outcomes.panel import fixed_effects
from joyeval.words import code

if TYPE_CHECKING:
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

DOSE = "programme events in three months"
MONTHS = 3
IMPROVEMENT = "03_improvement"
CHECK = (
    "a check of the change told in the chapter on improvement, counted otherwise: here every period counts alike, "
    "there every answer"
)


def before_and_after(study: Study, cohort: str, store: Store) -> dict[str, Result]:
    """Ask of the primary staff measure and outcome, over all teams, whether their course changed at the start.

    Returns
    -------
    dict
        ``outcomes_series_staff`` (periods of the pulse, or months) and ``outcomes_series_outcome`` (months): each
        an `Interrupted`, or why there is none.
    """
    if study.primary is None:
        return {}
    x, y = labels(study, study.primary)
    begin = store.table("teams").query("cohort == @cohort")["start_date"].min()
    asked = {"outcomes_series_staff": (x, _staff_series), "outcomes_series_outcome": (y, _outcome_series)}
    return {
        key: ask(
            study, f"whether “{name}” changed its course at the start", _series, study, cohort, store, name, take, begin
        )
        for key, (name, take) in asked.items()
    }


def _series(study: Study, cohort: str, store: Store, name: str, take, begin: pd.Timestamp) -> Result:
    if pd.isna(begin):
        raise ModelError(f"no {study.teams.called} has a day on which it started (start_date)")
    table, unit, improve = take(study, cohort, store)
    series = table.groupby("period")[["total", "weight"]].sum().reset_index()
    series = series.assign(**{name: series["total"] / series["weight"]})
    answer = interrupted(series, y=name, start=begin, unit=unit)
    beside = (CHECK,) if take is _staff_series and IMPROVEMENT in study.chapters else ()
    return replace(answer, improve=improve, notes=(*beside, *answer.notes))


def _staff_series(study: Study, cohort: str, store: Store) -> tuple[pd.DataFrame, str, str]:
    table, improve = staff_table(study, cohort, store, study.primary.staff)
    unit = next((p.period for p in study.of_cohort("pulses", cohort) if p.measure == study.primary.staff), "month")
    return table.assign(total=table["mean"] * table["answers"], weight=table["answers"]), unit, improve


def _outcome_series(study: Study, cohort: str, store: Store) -> tuple[pd.DataFrame, str, str]:
    part = next(part for part in study.outcomes if part.measure == study.primary.outcome)
    table = store.table("outcomes").query("measure == @part.measure")
    weight = table["denominator"].fillna(1.0)
    value = (100 if part.kind == "proportion" else 1) * table["value"]
    return table.assign(total=value * weight, weight=weight), part.period, part.improve


def starts(study: Study, cohort: str, store: Store) -> Result:
    """Compare teams that had started with those that had not yet, month by month, on the primary staff measure."""
    if study.primary is None:
        return UNNAMED
    x, _ = labels(study, study.primary)
    return ask(study, f"what starting did to “{x}”", _starts, study, cohort, store, x)


def _starts(study: Study, cohort: str, store: Store, x: str) -> Result:
    monthly, _ = _monthly(study, cohort, store)
    begun = pd.to_datetime(store.table("teams").set_index("team")["start_date"]).dt.to_period("M").dt.to_timestamp()
    monthly = monthly.assign(start=monthly["team"].map(begun)).rename(columns={"mean": x})
    if monthly["start"].nunique(dropna=False) < 2:
        raise ModelError(
            f"all {monthly['team'].nunique()} {study.teams.called}s started in the same month, so none can stand for "
            "what would have been; compare cohorts that started at different times"
        )
    return event_study(monthly, y=x, start="start")


def _monthly(study: Study, cohort: str, store: Store) -> tuple[pd.DataFrame, str]:
    """Return the primary staff measure by team and month, and which way is better."""
    table, improve = staff_table(study, cohort, store, study.primary.staff)
    months = table["period"].dt.to_period("M").dt.to_timestamp()
    sums = table.assign(period=months, mean=table["mean"] * table["answers"]).groupby(["team", "period"])
    monthly = sums[["mean", "answers"]].sum().reset_index()
    return monthly.assign(mean=monthly["mean"] / monthly["answers"]), improve


def practices(study: Study, cohort: str, store: Store) -> dict[str, Result]:
    """Ask whether more of the programme went with better staff experience, and by way of it with the outcome.

    The dose of a team in a month is the number of events that reached it in that month and the two before.

    Returns
    -------
    dict
        ``outcomes_dose`` (dose to staff measure, team and month effects taken out) and ``outcomes_by_way_of``
        (dose to outcome by way of the staff measure): results, or why there are none.
    """
    if study.primary is None:
        return {}
    x, y = labels(study, study.primary)
    return {
        "outcomes_dose": ask(study, f"whether more {DOSE} went with “{x}”", _dose, study, cohort, store),
        "outcomes_by_way_of": ask(
            study, f"whether {DOSE} went with “{y}” by way of “{x}”", _chain, study, cohort, store
        ),
    }


def _dose(study: Study, cohort: str, store: Store) -> Result:
    x, _ = labels(study, study.primary)
    monthly, improve = _monthly(study, cohort, store)
    table = _with_dose(monthly.rename(columns={"mean": x}), study, cohort, store)
    answer = fixed_effects(table, y=x, x=DOSE, weights="answers")
    stated = "association.way_not_stated" if improve else ""
    notes = tuple(note for note in answer.notes if not stated or code(note) != stated)
    return replace(answer, improve=improve, noun=study.teams.called, notes=notes)


def _chain(study: Study, cohort: str, store: Store) -> Result:
    x, y = labels(study, study.primary)
    linkage = linked(study, cohort, store, study.primary)
    return mediation(_with_dose(linkage.data, study, cohort, store), y=y, x=DOSE, mediator=x)


def _with_dose(table: pd.DataFrame, study: Study, cohort: str, store: Store) -> pd.DataFrame:
    """Add the events of all kinds that reached each team in the month of its row and the two before."""
    events, teams = store.table("events"), store.table("teams")
    if events.empty:
        raise ModelError("the study file names no events of the programme")
    counts = dose(events, teams[teams["cohort"] == cohort], table["period"], window=MONTHS)
    total = counts.groupby(["team", "period"])["mean"].sum().rename(DOSE)
    return table.join(total, on=["team", "period"])
