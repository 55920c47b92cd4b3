"""Improvement over time: participation, charts, verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.disclosure.people import EVERYBODY, besides_one
from joyeval.exhibits import charts as exhibits
from joyeval.exhibits.exhibit import MANY
from joyeval.improvement.pulses import pooled_charts
from joyeval.improvement.rules import named
from joyeval.intake.response import participation
from joyeval.judgement import VERDICTS, key
from joyeval.report.audiences import section
from joyeval.report.sections.words import answer, once, rule
from joyeval.words import code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from joyeval.disclosure import Rule, Shown
    from joyeval.improvement import Charts, Multiverse, Verdicts
    from joyeval.store import Store
    from joyeval.study import Outcome, Study

TEAM = ["team", "verdict", "before", "after", "change", "ci_low", "ci_high", "relative"]
COUNTS = {  # rows of the table of verdicts
    "series": "Teams",
    **{key(word): word[:1].upper() + word[1:] for word in VERDICTS},
    "expected_clear": "Would look clearly better or worse if none had changed",
    "charts": "Charts that are shown",
    "signals": "Of these, with a signal",
    "expected_signals": "Of these, would have one if nothing had changed",
}
CHOICES = ["rules", "baseline", *(key(word) for word in VERDICTS), "signals", "expected_signals"]
COUNTED_ONLY = "they stand in the counts above only."
NOT_COUNTED = "they are not counted either, since a count of all might tell what became of them."
FEW = 6  # of an outcome, so many teams are all drawn; of more, only those with a signal
SPREAD = {
    0.1: "A tenth below",
    0.25: "A quarter below",
    0.5: "Half below",
    0.75: "A quarter above",
    0.9: "A tenth above",
}
RATES = {"improvement.false_alarm_rates", "improvement.false_alarm_rates_high"}  # of each outcome another; what chance
# would give stands beside its count
OTHERS = "points of large teams that are not drawn"


@section
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
    counted = table.assign(measure=table["measure"].map(titles), participation=100 * table["participation"])[names]
    for name in ("answers", "opportunities"):
        if name in counted:
            counted[name] = rule(study).rounded(counted[name])
    report.table(
        disclosure.nobody(counted, "answers of everyone to all pulses"),
        caption="Answers to each pulse, to the nearest 5, and how many there are for each person in post and period",
        units={"participation": "%"} if known else {},
        labels={"per_head": "Answers per person and period"},
        formats={"answers": ",.0f", "per_head": ".2f"}
        | ({"participation": ".0f", "opportunities": ",.0f"} if known else {}),
    )


@section
def cohort_charts(charts: Charts, store: Store, study: Study, cohort: str) -> None:
    """Emit the chart of each measure over all teams, with the events of the programme."""
    staff = disclosure.in_post(store.table("teams"), published=study.published(cohort)).sum()
    shown = disclosure.show(charts, audience=rule(study), people=staff)
    marked = exhibits.marked(store.table("events"))
    for part in study.of_cohort("pulses", cohort):
        one = exhibits.of_measure(shown, part.measure)
        if one is None:
            report.text(disclosure.nobody(f"{part.title}: too few people stand behind it for a chart.", "pulses"))
        else:
            report.exhibit(exhibits.pulse_chart(one, part.measure, part.title, events=marked))


@section
def verdicts(found: Verdicts, study: Study, store: Store, cohort: str) -> None:
    """Emit how many teams got clearly better and worse, then each team; teams are not ranked."""
    titles = {part.measure: part.title for part in study.pulses}
    shown = _as_shown(found, study, store, cohort)
    answer(shown)
    counts = shown.what.counts.set_index("measure").rename(index=titles)[list(COUNTS)]
    report.table(
        disclosure.nobody(counts.T.rename(index=COUNTS).rename_axis("Verdict").rename_axis(columns=None), "teams"),
        caption="Verdicts on teams by the 95% interval of their change, signals of charts, and what chance would give",
        formats=dict.fromkeys(counts.index, _count),
    )
    counted = shown.what.counts.set_index("measure")["series"]
    for measure, every in found.teams.groupby("measure"):
        teams = shown.pipe(_of_measure, measure)
        if left := len(every) - len(teams.what):
            told = f"{titles[measure]}: {left} of {len(every)} teams have fewer than {rule(study).threshold} people"
            where = COUNTED_ONLY if counted.get(measure, 0) == len(every) else NOT_COUNTED
            report.text(disclosure.nobody(f"{told}, or would give one that has away; {where}", "teams"))
        of = "each team"
        if len(teams.what) > MANY:
            _spread(teams, titles[measure])
            teams = teams.pipe(_most_changed)
            of = f"the {len(teams.what)} teams that changed most, beyond chance"
        if len(teams.what):
            report.table(
                replace(teams.pipe(lambda table: table[TEAM].sort_values("team")), mask=teams.mask[:0]),
                caption=f"{titles[measure]}: {of}, in order of name, before and after",
                formats={
                    **dict.fromkeys(("before", "after"), ".0f"),
                    **dict.fromkeys(("change", "ci_low", "ci_high"), "+.0f"),
                    "relative": "+.0%",
                },
                units={"before": "%", "after": "%", "change": "percentage points"},
                labels={"relative": "Relative change"},
                footnotes=["Verdict: by the 95% interval of the change, before rounding."],
            )


def _as_shown(found: Verdicts, study: Study, store: Store, cohort: str) -> Shown:
    staff = disclosure.in_post(store.table("teams"), published=study.published(cohort))
    return disclosure.show(found, audience=rule(study), people=staff)


def _of_measure(found: Verdicts, measure: str) -> pd.DataFrame:
    return found.teams.loc[found.teams["measure"] == measure]


def _most_changed(teams: pd.DataFrame) -> pd.DataFrame:
    return teams.loc[teams.loc[teams["clear"].eq(True), "change"].abs().nlargest(MANY).index]


def _spread(teams: Shown, title: str) -> None:
    """Emit how the changes of many teams are spread."""
    report.table(
        replace(teams.pipe(_quantiles), mask=teams.mask[:0]),
        caption=f"{title}: how the changes of {int(teams.what['change'].notna().sum())} teams are spread",
        formats={"Teams": ".0f", **dict.fromkeys(SPREAD.values(), "+.0f")},
        units=dict.fromkeys(SPREAD.values(), "percentage points"),
    )


def _quantiles(teams: pd.DataFrame) -> pd.DataFrame:
    judged = teams.dropna(subset="change")
    table = judged.groupby("verdict")["change"].quantile(list(SPREAD)).unstack().rename(columns=SPREAD)
    table.insert(0, "Teams", judged["verdict"].value_counts())
    return table.rename_axis("Verdict").rename_axis(columns=None)


def _count(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


@section
def team_charts(charts: Charts, verdicts: Verdicts, study: Study, cohort: str, store: Store) -> None:
    """Emit the charts of the teams that may be drawn, small; those of too few people together, by setting."""
    staff = disclosure.in_post(store.table("teams"), published=study.published(cohort))
    titles = {part.measure: part.title for part in study.pulses}
    named = _as_shown(verdicts, study, store, cohort)
    for measure in charts.points["measure"].unique():
        every = charts.only(measure=measure)
        shown = disclosure.show(replace(every, by=("team",)), audience=rule(study), people=staff)
        shown = exhibits.of_named(shown, named, measure)
        drawn = shown.pipe(lambda charts: charts.legible())
        if left := len(every.latest()) - len(drawn.what.latest()):
            told = (
                f"{left} of {len(every.latest())} teams are not drawn by themselves: too few people stand behind them"
            )
            report.text(disclosure.nobody(f"{told} or most of their points.", "teams"))
        if len(drawn.what.latest()) > MANY:
            signals = drawn.pipe(lambda charts: charts.with_signal())
            drawn = signals.pipe(lambda charts: charts.furthest(MANY))
            told = f"{len(signals.what.latest())} teams have a signal; the {len(drawn.what.latest())} whose level "
            report.text(
                disclosure.nobody(f"{told}changed most are drawn. The stored result holds all of them.", "teams")
            )
        if len(drawn.what.latest()):
            _small(drawn, study, cohort, measure, titles[measure])
        _together(every, shown, staff, study, cohort, store, measure, titles[measure])


def _together(
    every: Charts, shown: Shown, staff: pd.Series, study: Study, cohort: str, store: Store, measure: str, title: str
) -> None:
    """Emit the charts of teams of too few people, those of a setting together; what they hold is drawn nowhere else."""
    called = called_together(store.table("teams"), staff, rule(study))
    here = every.points.merge(shown.what.points[["team", every.x, "value"]], on=["team", every.x], how="left")
    rest = every.points[here["value_y"].isna().to_numpy()]
    rest = rest.assign(team=rest["team"].map(called).astype(object).fillna(OTHERS)).loc[rest["value"].notna()]
    if (rest["team"] == OTHERS).all():
        return
    pooled = replace(pooled_charts(study, cohort, rest, every), by=("team",))
    people = pd.concat([besides_one(staff, called), pd.Series({OTHERS: staff.sum()})])
    groups = disclosure.show(pooled, audience=rule(study), people=people)
    groups = replace(groups.pipe(_without_others).pipe(lambda charts: charts.legible()), merged=True)
    if len(groups.what.latest()):
        _small(groups, study, cohort, f"{measure}_together", f"{title}, small teams together")


def _without_others(charts: Charts) -> Charts:
    return charts.keep((charts.latest()["team"] != OTHERS).to_numpy())


def called_together(teams: pd.DataFrame, staff: pd.Series, rule: Rule) -> dict[str, str]:
    """Return what each team of too few people is drawn as: one with the others of its setting."""
    small = teams[~(teams["team"].map(staff) >= rule.threshold)]
    places = (
        small["setting"].astype(object).where(small["setting"].notna(), "")
        if "setting" in small
        else pd.Series("", small.index)
    )
    count = small.groupby(places)["team"].transform("size")
    named = [f"{n} small teams" + (f", {place}" if place else "") for n, place in zip(count, places, strict=True)]
    return dict(zip(small["team"], named, strict=True))


def _small(charts: Shown, study: Study, cohort: str, measure: str, title: str, unit: str = "%") -> None:
    for one in exhibits.small_charts(charts, measure, title, study.cohort(cohort), unit=unit):
        report.exhibit(one)


@section
def multiverse(found: Multiverse, verdicts: Verdicts, study: Study, store: Store, cohort: str) -> None:
    """Emit the counts of verdicts under other rule sets and baselines, over the teams that are named."""
    told = _as_shown(verdicts, study, store, cohort).what.teams
    found = found.among(told[["measure", "team"]])
    answer(found)
    if not found.n:
        return
    table = found.counts[CHOICES].assign(rules=found.counts["rules"].map(lambda name: named(name).title))
    report.table(
        disclosure.nobody(table, "teams by verdict"),
        caption=f"The {found.n} series of teams named above, judged by other rules and baselines",
        labels={"expected_signals": "Signals if nothing had changed"},
        formats={"expected_signals": ".1f"},
        header_columns=2,
    )


@section
def outcome_charts(
    charts: Mapping[str, Charts], changes: Mapping[str, Verdicts], study: Study, cohort: str, store: Store
) -> None:
    """Emit what became of every outcome, and its charts, team by team."""
    parts = {part.measure: part for part in study.of_cohort("outcomes", cohort)}
    if not charts:
        report.text("No outcome has enough periods for a chart.")
    for measure, found in charts.items():
        title, unit = parts[measure].title, parts[measure].unit
        people = behind_outcome(parts[measure], store)
        as_it_stands = outcome_rule(study, parts[measure])
        of_teams = people.groupby("team")["people"].max()
        named = disclosure.show(changes[measure], audience=as_it_stands, people=of_teams)
        shown = disclosure.show(found, audience=as_it_stands, people=people).pipe(lambda charts: charts.legible())
        shown = exhibits.of_named(shown, named)
        series, every = len(shown.what.latest()), len(found.latest())
        drawn = _may_be_drawn(series, every)
        if series > FEW:
            shown = shown.pipe(lambda charts: charts.with_signal())
            drawn += f" Only {study.teams.called}s with a signal are drawn."
        alone = every == 1
        if not alone or len(named.what.teams):
            report.text(named.say(_outcome_told, title, drawn, study.teams.in_words))
        if alone and len(shown.what.series):
            report.exhibit(exhibits.outcome_chart(shown, measure, title, unit))
        else:
            if len(shown.what.latest()) > MANY:
                shown = shown.pipe(lambda charts: charts.furthest(MANY))
                report.text(disclosure.nobody(f"Of these, the {MANY} whose level changed most are drawn.", "teams"))
            _small(shown, study, cohort, measure, title, unit)
    notes = [
        study.teams.in_words(note) for found in changes.values() for note in found.notes if code(note) not in RATES
    ]
    report.items(disclosure.nobody(note, "series") for note in once(notes))


def _may_be_drawn(series: int, every: int) -> str:
    """Say how many of all series may be drawn; nothing where all of them may."""
    if series == every:
        return ""
    behind = "the others, or behind most of their points" if series else "them, or most of their points"
    return f" May be drawn: {series or 'none'}, as too few people stand behind {behind}."


def _outcome_told(found: Verdicts, title: str, drawn: str, in_words: Callable[[str], str]) -> str:
    return f"{title}. {in_words(found.sentence())}{drawn}"


def outcome_rule(study: Study, part: Outcome) -> Rule:
    """Return the rule for an outcome: figures that were published before stand as they are."""
    return replace(rule(study), nearest=1) if part.published else rule(study)


def behind_outcome(part: Outcome, store: Store) -> pd.DataFrame:
    """Return who stands behind each value of an outcome: whom it was counted over; of staff, no more than in post.

    Of figures that were published before nothing is hidden again.
    """
    rows = store.table("outcomes").query("measure == @part.measure")
    if part.published:
        return rows[["team", "period"]].assign(people=EVERYBODY)
    staff = disclosure.known_in_post(store.table("teams"))
    people = rows["denominator"].astype(float)
    if not part.service_users:
        people = pd.concat([people, rows["team"].map(staff)], axis=1).min(axis=1)
    return rows[["team", "period"]].assign(people=people.fillna(0))
