"""Aim and programme: the theory as a driver diagram, what was done when, by whom, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.exhibits import programme as exhibits
from joyeval.exhibits.programme import EVENTS, NAMES, PRACTICES, SUPPORT, TESTS
from joyeval.report.audiences import section, tables_of
from joyeval.report.messages import catalogue

if TYPE_CHECKING:
    from joyeval.store import Store
    from joyeval.study import Study


@section
def programme(study: Study, cohort: str, store: Store) -> None:
    """Emit aim, theory, timeline, what was done and what it cost."""
    report.heading(catalogue(study.language)("headings.programme"), new_page=True)
    for paragraph in (study.programme.description, study.programme.rationale):
        if paragraph:
            report.text(paragraph)
    _drivers(study)
    events = store.table("events")
    if len(events):
        report.heading("What was done, and when", level=3)
        report.text(disclosure.nobody(_in_short(events), EVENTS))
        report.exhibit(exhibits.timeline(study, cohort, events))
        _dose(events)
        _ideas(study, events)
        _log(events, store)
    _costs(study, cohort, teams=len(store.table("teams")))


def _drivers(study: Study) -> None:
    if drawn := exhibits.driver_diagram(study):
        report.heading("How the programme should work", level=3)
        report.exhibit(drawn)


def _in_short(events: pd.DataFrame) -> str:
    shared = events[events["kind"].isin(SUPPORT)]
    counts = shared["kind"].value_counts().reindex([kind for kind in SUPPORT if kind in set(shared["kind"])])
    told = [f"{n} {SUPPORT[kind][n != 1]}" for kind, n in counts.items()]
    teams = events[events["scope"] == "team"]
    cycles = teams[teams["kind"] == "pdsa cycle"].groupby("scope_id").size()
    text = f"The cohort had {', '.join(told)}. " if told else ""
    if len(cycles):
        text += f"{len(cycles)} teams logged {cycles.sum()} PDSA cycles: {_between(cycles)} each."
    return text.strip()


def _between(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"


def _dose(events: pd.DataFrame) -> None:
    """Show how much each team did, teams in order of name."""
    teams = events[(events["scope"] == "team") & events["kind"].isin(TESTS | PRACTICES)]
    if teams.empty:
        return
    kinds = [kind for kind in TESTS | PRACTICES if kind in set(teams["kind"])]
    table = teams.pivot_table(index="scope_id", columns="kind", values="date", aggfunc="size", fill_value=0)[kinds]
    table = table.rename(columns=NAMES).rename_axis("team").sort_index()
    report.table(
        disclosure.nobody(table, EVENTS),
        caption="What each team logged (times), in order of name; the last six are partnership practices",
    )


def _ideas(study: Study, events: pd.DataFrame) -> None:
    """Show each change idea with its driver, the teams that took it up and the test cycles logged for it."""
    ideas = events[events["kind"] == "change idea"]
    if ideas.empty:
        return
    driver = {idea: primary for primary, _, idea in study.programme.change_ideas()}
    cycles = events[events["kind"] == "pdsa cycle"]["label"].str.split(":").str[0].value_counts()
    table = ideas.groupby("label").agg(teams=("scope_id", "nunique"), first=("date", "min")).reset_index()
    table = table.assign(
        driver=table["label"].map(driver).fillna("not in the driver diagram"),
        cycles=table["label"].map(cycles).fillna(0).astype(int),
    ).sort_values(["driver", "label"])
    report.table(
        disclosure.nobody(table[["label", "driver", "teams", "cycles", "first"]], EVENTS),
        caption="Changes tested: teams that took each up, and PDSA cycles logged for it",
        labels={"label": "change idea", "cycles": "PDSA cycles", "first": "first taken up"},
    )


def _log(events: pd.DataFrame, store: Store) -> None:
    """Save what teams logged, event by event, for who wants the whole of it."""
    own = events[events["scope"] == "team"].sort_values(["date", "scope_id", "kind", "label"])
    if store.out is None or own.empty:
        return
    table = own.assign(kind=own["kind"].map(lambda kind: NAMES.get(kind, kind)))[["date", "scope_id", "kind", "label"]]
    caption = "What teams logged, in order of time"
    shown = disclosure.nobody(table, EVENTS)
    report.save_table(shown, tables_of(store) / "log", caption=caption, labels={"scope_id": "team"})
    report.text("The whole log stands in the folder tables beside the report.")


def _costs(study: Study, cohort: str, *, teams: int) -> None:
    lines = [line for line in study.programme.costs if line.cohorts is None or cohort in line.cohorts]
    if not lines:
        return
    sign, total = study.programme.currency, sum(line.amount for line in lines)
    report.heading("What it cost", level=3)
    each = f"{sign}{total / max(teams, 1):,.0f} for each of {teams} teams"
    report.text(disclosure.nobody(f"The account adds up to {sign}{total:,.0f}, or {each}.", "costs"))
    rows = [(line.what, line.amount, line.basis or "not stated") for line in lines]
    costs = pd.DataFrame([*rows, ("Total", total, "")], columns=["what", "amount", "basis"])
    report.table(
        disclosure.nobody(costs.replace({"basis": {"": "–"}}), "costs"),
        caption="Costs of this cohort, as the study file gives them; staff time is not counted unless named",
        labels={"amount": f"amount ({sign})"},
        formats={"amount": ",.0f"},
    )
