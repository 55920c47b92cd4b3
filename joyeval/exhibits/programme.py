"""The programme: how it should work, and what was done when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures
from joyeval.exhibits.exhibit import Exhibit

if TYPE_CHECKING:
    from joyeval.study import Study

SUPPORT = {  # kinds of event that a whole cohort shares: one of them, several of them
    "learning set": ("learning set", "learning sets"),
    "workshop": ("workshop", "workshops"),
    "action period": ("action period", "action periods"),
    "coaching call": ("coaching call", "coaching calls"),
    "leadership call": ("leadership call", "leadership calls"),
}
TESTS = {"pdsa cycle": "PDSA cycles", "change idea": "change ideas", "huddle": "huddles held"}
PRACTICES = {  # the six partnership practices
    "model the way": "model the way",
    "doing with": "doing with",
    "effective conversations": "effective conversations",
    "huddles": "huddles as a practice",
    "label and link": "label and link",
    "improve daily": "improve daily",
}
EVENTS = "events of the programme"
NAMES = {**{kind: many for kind, (_, many) in SUPPORT.items()}, **TESTS, **PRACTICES}


def driver_diagram(study: Study) -> Exhibit | None:
    """Return the aim, what drives it and the changes that teams test; none where the study names none."""
    ideas = study.programme.change_ideas()
    if not ideas:
        return None
    shown = disclosure.nobody(ideas, "change ideas")
    return Exhibit(
        "driver_diagram",
        figures.driver_diagram(study.programme.aim, shown),
        figures.driver_diagram_alt(study.programme.aim, shown),
        "Driver diagram: the aim, what drives it, and the changes that teams test",
        shown.pipe(_tabled),
        beside={},
    )


def _tabled(ideas: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Return the ideas of the driver diagram as a table: drivers, and their ideas in one cell."""
    table = pd.DataFrame(ideas, columns=["primary driver", "secondary driver", "change ideas"])
    if not table["secondary driver"].any():
        table = table.drop(columns="secondary driver")
    return table.groupby(list(table.columns[:-1]), sort=False, as_index=False).agg("; ".join)


def timeline(study: Study, cohort: str, events: pd.DataFrame) -> Exhibit | None:
    """Return what was done when, a lane for each kind of event; none where nothing is recorded."""
    if events.empty:
        return None
    practices = events["kind"].where(~events["kind"].isin(PRACTICES), "partnership practices")
    named = events.assign(kind=practices.map(lambda kind: NAMES.get(kind, kind)))
    phases = [(p.name, pd.Timestamp(p.start), pd.Timestamp(p.end)) for p in study.cohort(cohort).phases]
    months = named.assign(month=named["date"].dt.strftime("%Y-%m")).groupby(["kind", "month"]).size()
    return Exhibit(
        "timeline",
        figures.timeline(disclosure.nobody(named, EVENTS), phases=phases),
        disclosure.nobody(f"Timeline of the programme, one lane for each kind of event. {_lanes(named)}.", EVENTS),
        "What was done when; bars: events per month, with the number in the busiest month",
        disclosure.nobody(months.reset_index(name="times"), EVENTS),
    )


def _lanes(events: pd.DataFrame) -> str:
    counts = events["kind"].value_counts(sort=False)
    first = events.groupby("kind")["date"].agg(["min", "max"])
    days = [
        f"{row['min'].day} {row['min']:%b %Y} to {row['max'].day} {row['max']:%b %Y}" for _, row in first.iterrows()
    ]
    return "; ".join(f"{kind} {counts[kind]}, {when}" for kind, when in zip(first.index, days, strict=True))
