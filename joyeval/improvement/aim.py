"""Where a cohort stood: against its aim at the day of the aim, and in each phase; plain values over all answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from datetime import date

    from joyeval.store import Store
    from joyeval.study import Outcome, Study

LENGTH = {"quarter": "Q", "year": "Y"}  # of measures that are rarer than a month; all others are taken by the month


@dataclass(frozen=True)
class Reached:
    """Where a cohort stood on the measure of its aim.

    Parameters
    ----------
    title, unit, improve : str
        Of the measure.
    by : date
        The day of the aim.
    month : Timestamp or None
        First day of the last full month (quarter, year) up to that day; None where it has no data.
    counts : DataFrame
        One row: `value`, or the counts that it is the percentage of.
    percents : dict
        ``{"value": (numerator, denominator)}`` where it is a percentage.
    people : float
        Who answered or were counted, at most; infinite for figures that stand for everyone to read.
    """

    title: str
    unit: str
    improve: str
    by: date
    month: pd.Timestamp | None
    counts: pd.DataFrame = field(default_factory=pd.DataFrame)
    percents: dict[str, tuple[str, str]] = field(default_factory=dict)
    people: float = 0.0


def reached(study: Study, cohort: str, store: Store) -> Reached:
    """Return where a cohort stood on the measure of the aim that its study file names, at the day of the aim."""
    aim = study.aim
    part = next(part for part in (*study.pulses, *study.outcomes) if part.measure == aim.measure)
    pulse = part in study.pulses
    by = _day(study, cohort)
    unit = "%" if pulse or part.kind == "proportion" else part.unit
    about = {"title": part.title, "unit": part.unit if pulse and part.unit else unit, "improve": part.improve, "by": by}
    name = "pulse" if pulse else "outcomes"
    table = store.table(name).query("measure == @aim.measure") if name in store.tables() else pd.DataFrame()
    last = pd.Period(pd.Timestamp(by) + pd.Timedelta(days=1), LENGTH.get(part.period, "M")) - 1
    here = table[table["period"].dt.to_period(last.freqstr) == last] if len(table) else table
    if here.empty:
        return Reached(**about, month=None)
    row, people = _of_pulse(here) if pulse else _of_outcome(here, part)
    percents = {"value": ("positive", "answers")} if "positive" in row else {}
    known = pd.notna(list(row.values())).all() and row.get("answers", 1) > 0
    month = last.start_time if known else None
    return Reached(**about, month=month, counts=pd.DataFrame([row]), percents=percents, people=people)


def _day(study: Study, cohort: str) -> date:
    """Return the day of the aim: as named, or the end of the phase named, or of the cohort where it has none such."""
    by, time = study.aim.by, study.cohort(cohort)
    if not isinstance(by, str):
        return by
    return next((phase.end for phase in time.phases if phase.name == by), time.end)


def _of_pulse(rows: pd.DataFrame) -> tuple[dict[str, float], float]:
    answers = rows["answers"].sum(min_count=1)
    if pd.isna(answers):
        return {"value": rows["mean"].mean()}, float("inf")  # published means
    return {"positive": rows["positive"].sum(), "answers": answers}, float(answers)


def _of_outcome(rows: pd.DataFrame, part: Outcome) -> tuple[dict[str, float], float]:
    top, base = (rows[name].sum(min_count=1) for name in ("numerator", "denominator"))
    people = float("inf") if part.published else float(base)
    if part.kind == "proportion" and pd.notna(top):
        return {"positive": top, "answers": base}, people
    shown = 100 if part.kind == "proportion" else 1
    value = part.per * top / base if part.kind == "rate" and pd.notna(top) and base else shown * rows["value"].mean()
    return {"value": value}, people


def phase_levels(study: Study, cohort: str, measure: str, store: Store) -> pd.DataFrame:
    """Return the answers to a pulse in each phase of a cohort, in order: ``phase, positive, answers``."""
    pulse = store.table("pulse").query("measure == @measure")
    rows = []
    for phase in sorted(study.cohort(cohort).phases, key=lambda phase: phase.start):
        here = pulse[pulse["period"].between(pd.Timestamp(phase.start), pd.Timestamp(phase.end))]
        rows.append((phase.name, here["positive"].sum(), here["answers"].sum()))
    table = pd.DataFrame(rows, columns=["phase", "positive", "answers"])
    return table[table["answers"] > 0].astype({"positive": int, "answers": int}).reset_index(drop=True)
