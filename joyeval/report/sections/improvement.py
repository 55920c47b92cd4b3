"""Improvement over time: participation, charts, verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures, report
from joyeval.improvement.rules import named
from joyeval.intake.response import participation
from joyeval.report.sections.words import rule

if TYPE_CHECKING:
    from joyeval.improvement import Charts, Multiverse, Verdicts
    from joyeval.store import Store
    from joyeval.study import Study

TEAM = ["team", "verdict", "before", "after", "change", "ci_low", "ci_high", "relative"]
COUNTS = {  # rows of the table of verdicts
    "series": "Teams",
    "improved": "Improved",
    "improved_clear": "… of these, with an interval that leaves no change out",
    "deteriorated": "Deteriorated",
    "deteriorated_clear": "… of these, with an interval that leaves no change out",
    "unchanged": "Did not change beyond chance",
    "cannot_tell": "Cannot be judged",
    "expected_false": "Signals that chance alone would give",
}
CHOICES = ["rules", "baseline", "improved", "deteriorated", "unchanged", "cannot_tell", "expected_false"]
MARKED = ["learning set"]  # events drawn on charts; the others stand in the table of what was done
FEW = 6  # of an outcome, so many teams are all drawn; of more, only those with a signal
MANY = 60  # of more teams, the pulse is told in summaries, and those that changed most are listed and drawn
SPREAD = {
    0.1: "A tenth below",
    0.25: "A quarter below",
    0.5: "Half below",
    0.75: "A quarter above",
    0.9: "A tenth above",
}
PROGRAMME = "programme"  # name of the phase whose first day the small charts mark


def pulses(study: Study, cohort: str, pulse: pd.DataFrame, teams: pd.DataFrame) -> None:
    """Emit what the pulses ask, how many answered, and how many answers there are for each person in post."""
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    table = participation(pulse, headcount=teams.set_index("team")["headcount"])
    known = table["opportunities"].notna().any()
    names = [
        "measure",
        "teams",
        "periods",
        "answers",
        *(["opportunities", "participation"] if known else []),
        "per_head",
    ]
    report.table(
        table.assign(measure=table["measure"].map(titles), participation=100 * table["participation"])[names],
        caption="Answers to each pulse, and how many there are for each person in post and period",
        units={"participation": "%"} if known else {},
        labels={"per_head": "Answers per person and period"},
        formats={"answers": ",.0f", "per_head": ".2f"}
        | ({"participation": ".0f", "opportunities": ",.0f"} if known else {}),
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


def verdicts(found: Verdicts, study: Study) -> None:
    """Emit how many teams improved, deteriorated and did neither, then each team; teams are not ranked."""
    titles = {part.measure: part.title for part in study.pulses}
    counts = found.counts.set_index("measure").rename(index=titles)[list(COUNTS)]
    report.table(
        counts.T.rename(index=COUNTS).rename_axis("Verdict").rename_axis(columns=None),
        caption="Verdicts on teams, beside the number of signals that chance alone would give",
        formats=dict.fromkeys(counts.index, _count),
    )
    for measure, teams in found.teams.groupby("measure"):
        of = "each team"
        if len(teams) > MANY:
            _spread(teams, titles[measure])
            teams = teams.loc[teams.loc[teams["clear"].eq(True), "change"].abs().nlargest(MANY).index]
            of = f"the {len(teams)} teams that changed most, beyond chance"
        report.table(
            teams[TEAM].sort_values("team"),
            caption=f"{titles[measure]}: {of}, in order of name, before and after",
            formats={
                **dict.fromkeys(("before", "after"), ".0f"),
                **dict.fromkeys(("change", "ci_low", "ci_high"), "+.0f"),
                "relative": "+.0%",
            },
            units={"before": "%", "after": "%", "change": "percentage points"},
            labels={"relative": "Relative change"},
            footnotes=[f"Rules: {found.rules}."],
        )


def _spread(teams: pd.DataFrame, title: str) -> None:
    """Emit how the changes of many teams are spread."""
    judged = teams.dropna(subset="change")
    table = judged.groupby("verdict")["change"].quantile(list(SPREAD)).unstack().rename(columns=SPREAD)
    table.insert(0, "Teams", judged["verdict"].value_counts())
    report.table(
        table.rename_axis("Verdict").rename_axis(columns=None),
        caption=f"{title}: how the changes of {len(judged)} teams are spread",
        formats={"Teams": ".0f", **dict.fromkeys(SPREAD.values(), "+.0f")},
        units=dict.fromkeys(SPREAD.values(), "percentage points"),
    )


def _count(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def team_charts(charts: Charts, study: Study, cohort: str) -> None:
    """Emit the charts of the teams that answer often enough to be drawn, small; say how many do not."""
    shown = disclosure.protect_charts(charts, rule=rule(study))
    titles = {part.measure: part.title for part in study.pulses}
    for measure in shown.points["measure"].unique():
        every = replace(shown.only(measure=measure), by=("team",))
        drawn = every.legible()
        if left := len(every.latest()) - len(drawn.latest()):
            report.text(
                f"{left} of {len(every.latest())} teams have too few answers a period to be drawn (fewer than "
                f"{rule(study).threshold} in most periods); the table gives their change."
            )
        if len(drawn.latest()) > MANY:
            signals = drawn.with_verdict("improved", "deteriorated", "changed")
            drawn = signals.furthest(MANY)
            report.text(
                f"{len(signals.latest())} teams have a signal; the {len(drawn.latest())} whose level changed most are "
                "drawn. The stored result holds all of them."
            )
        if len(drawn.latest()):
            _small(drawn, study, cohort, title=titles[measure], ylabel="%")


def _small(charts: Charts, study: Study, cohort: str, *, title: str, ylabel: str) -> None:
    """Emit small charts, a page each, with the start of the programme marked."""
    starts = [pd.Timestamp(phase.start) for phase in study.cohort(cohort).phases if phase.name == PROGRAMME]
    pages = figures.small_multiples(charts, columns=3, rows=8, ylabel=ylabel, start=starts[0] if starts else None)
    for page in pages:
        alt = f"Small control charts of {title.lower()}, one for each team, each with its verdict. {charts.sentence()}"
        caption = f"{title}, team by team. Points that rest on too few answers are left out"
        report.figure(page, alt=alt, caption=caption)


def multiverse(found: Multiverse) -> None:
    """Emit the counts of verdicts under other rule sets and baselines."""
    table = found.counts[CHOICES].assign(rules=found.counts["rules"].map(lambda name: named(name).title))
    report.table(
        table,
        caption="The same teams judged by other rules and baselines",
        labels={"expected_false": "Expected by chance"},
        formats={"expected_false": ".1f"},
        header_columns=2,
    )


def outcome_charts(charts: dict[str, Charts], study: Study, cohort: str) -> None:
    """Emit the charts of every outcome, team by team, and how many improved."""
    parts = {part.measure: part for part in study.of_cohort("outcomes", cohort)}
    if not charts:
        report.text("No outcome has enough periods for a chart.")
    for measure, found in charts.items():
        title, unit = parts[measure].title, parts[measure].unit
        shown = disclosure.protect_charts(found, rule=rule(study)).legible()
        drawn = ""
        if len(shown.latest()) > FEW:
            shown = shown.with_verdict("improved", "deteriorated", "changed")
            drawn = f" Only {study.teams.called}s with a signal are drawn."
        report.text(f"{title}. {found.sentence()}{drawn}")
        if len(found.latest()) == 1:
            alt = f"Control chart of {title.lower()}. {found.sentence()}"
            report.figure(figures.plot_chart(shown, ylabel=f"{title} ({unit})"), alt=alt, caption=f"{title} ({unit})")
        elif len(shown.series):
            if len(shown.latest()) > MANY:
                shown = shown.furthest(MANY)
                report.text(f"Of these, the {MANY} whose level changed most are drawn.")
            _small(shown, study, cohort, title=title, ylabel=unit)
