"""Improvement over time: participation, charts, verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joyeval import disclosure, figures, report
from joyeval.report.sections.words import rule
from joyeval.waves.response import participation

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.improvement import Charts, Multiverse, Verdicts
    from joyeval.store import Store
    from joyeval.study import Study

TEAM = ["team", "verdict", "before", "after", "change", "ci_low", "ci_high", "relative"]
COUNTS = ["rules", "baseline", "series", "improved", "deteriorated", "unchanged", "cannot_tell", "expected_false"]
MARKED = ["learning set"]  # events drawn on charts; the others stand in the table of what was done
BY_CHANCE = {"expected_false": "signals expected by chance"}


def pulses(study: Study, cohort: str, pulse: pd.DataFrame) -> None:
    """Emit what the pulses ask and how many answered."""
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    table = participation(pulse)
    shown = table.assign(measure=table["measure"].map(titles), participation=100 * table["participation"])
    report.table(
        shown,
        caption="Answers to each pulse, and their share of the answers that could have been given",
        units={"participation": "%"},
        formats={"participation": ".0f", "answers": ",.0f", "opportunities": ",.0f"},
    )


def cohort_charts(charts: Charts, store: Store, study: Study) -> None:
    """Emit the chart of each measure over all teams, with the events of the programme."""
    shown = disclosure.protect_charts(charts, rule=rule(study))
    events = store.table("events").query("scope != 'team' and kind in @MARKED")
    titles = {part.measure: part.title for part in study.pulses}
    for measure in shown.points["measure"].unique():
        one = shown.only(measure=measure)
        drawn = figures.plot_chart(one, events=events, ylabel=f"{titles[measure]} (%)")
        report.figure(
            drawn,
            alt=f"Control chart of {titles[measure].lower()}, all teams together. {one.sentence()}",
            caption=f"{titles[measure]}: share of positive answers, all teams together",
        )


def verdicts(found: Verdicts) -> None:
    """Emit how many teams improved, deteriorated and did neither, then each team; teams are not ranked."""
    report.table(
        found.counts,
        caption="Verdicts on teams, beside the number of signals that chance alone would give",
        labels={"improved_clear": "clearly improved", "deteriorated_clear": "clearly deteriorated", **BY_CHANCE},
    )
    report.table(
        found.teams[TEAM].sort_values("team"),
        caption="Each team, in order of name: share before and after, change in points and relative to before",
        formats={
            **dict.fromkeys(("before", "after"), ".0f"),
            **dict.fromkeys(("change", "ci_low", "ci_high"), "+.0f"),
            "relative": "+.0%",
        },
        units={"before": "%", "after": "%", "change": "percentage points"},
        labels={"relative": "relative change"},
        footnotes=[f"Rules: {found.rules}."],
    )


def team_charts(charts: Charts, study: Study) -> None:
    """Emit the charts of all teams, small."""
    shown = disclosure.protect_charts(charts, rule=rule(study))
    titles = {part.measure: part.title for part in study.pulses}
    for measure in shown.points["measure"].unique():
        one = replace(shown.only(measure=measure), by=("team",))
        for page in figures.small_multiples(one, columns=3, rows=8, ylabel="%"):
            report.figure(
                page,
                alt="Small control charts, one for each team, each with its verdict. " + one.sentence(),
                caption=f"{titles[measure]}, team by team; points over too few answers are not drawn",
            )


def multiverse(found: Multiverse) -> None:
    """Emit the counts of verdicts under other rule sets and baselines."""
    caption = "The same teams judged by other rules and baselines"
    report.table(found.counts[COUNTS], caption=caption, labels=BY_CHANCE, header_columns=2)


def outcome_charts(charts: dict[str, Charts], study: Study) -> None:
    """Emit the charts of every outcome, team by team, and how many improved."""
    parts = {part.measure: part for part in study.outcomes}
    for measure, found in charts.items():
        title = parts[measure].title
        shown = disclosure.protect_charts(found, rule=rule(study))
        report.text(f"{title}: {found.sentence()}")
        one = len(found.latest()) == 1
        pages = [figures.plot_chart(shown, ylabel=title)] if one else figures.small_multiples(shown, columns=3, rows=8)
        for page in pages:
            alt = f"Control charts of {title.lower()}, one for each team. {found.sentence()}"
            report.figure(page, alt=alt, caption=f"{title}, by team; unit: {parts[measure].unit}")
