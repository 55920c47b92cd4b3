"""The network report: cohorts and organisations side by side, pooled, and what went with improvement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import joyeval
from joyeval import disclosure, network, report
from joyeval.disclosure import coarse_table
from joyeval.exhibits import network as exhibits
from joyeval.exhibits.charts import FEWEST_TEAMS
from joyeval.exhibits.programme import NAMES
from joyeval.judgement import NOT_CLEAR, VERDICTS
from joyeval.models.meta import SITE
from joyeval.network import Comparison
from joyeval.report.audiences import everyone, section
from joyeval.report.messages import catalogue
from joyeval.report.sections.front import last_day, mark
from joyeval.report.sections.summary import aim_row, at_its_day, meets
from joyeval.report.sections.words import answer, once, rule, sentence
from joyeval.report.sections.words import shown as shown_as
from joyeval.result import NoAnswer
from joyeval.wording import counted, listed
from joyeval.words import called

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.disclosure import Rule, Shown
    from joyeval.improvement import Verdicts
    from joyeval.network import Courses, TeamTotals
    from joyeval.result import Result
    from joyeval.study import Study

EFFECTS = ["title", "before", "estimate", "ci_low", "ci_high", "relative", "p", "n"]
SIGNED = {
    **dict.fromkeys(["estimate", "ci_low", "ci_high"], "+.2f"),
    "relative": "+.1%",
    "p": "p",
    "before": ".1f",
    "n": ",.0f",
}
ESTIMATED = ("before", "estimate", "ci_low", "ci_high", "relative")
SAME = "the same files give the same report."
ESTIMATED_IS = (
    "What is estimated: for pulses, the share of positive answers after the baseline less the share in it, all "
    "answers of a cohort together; for scores, the last wave less the first, everyone who answered; for "
    "relational coordination, the mean change of ties between workgroups up to the end of the programme; for the "
    "primary analysis, the effect that the study file named. The mean is over the true effects of cohorts."
)
MEANS = (
    "Means over cohorts: random effects, variance between cohorts by REML, interval by Hartung-Knapp, and a prediction "
    "interval for the effect in a further cohort where cohorts differ beyond chance. Learning: random-effects "
    "regression on the order of cohorts. Teams are judged one by one, by the rules named below their table."
)
KINDS = {
    "good days": "Did good days change?",
    "experience": "Did staff experience change?",
    "coordination": "Did relational coordination change?",
    "association": "Did outcomes for service users go with it?",
}
RESTS_ON = {
    "good days": "answers",
    "experience": "answers",
    "coordination": "raters",
    "association": "team-periods",
}


@section
def network_title(study: Study) -> None:
    """Emit the title page: all cohorts, and the last day of their data."""
    days = [day for cohort in study.cohorts if (day := last_day(study.store(cohort.cohort))) is not None]
    report.title(
        f"{study.title}: all cohorts",
        subtitle="Synthetic data: nobody in this report exists" if study.synthetic else "Network report",
        cohort=f"{len(study.cohorts)} cohorts",
        data_as_of=max(days) if days else "",
        version=f"joyeval {joyeval.__version__}",
        language=study.language,
        readers=mark(rule(study)),
    )


@section
def network_summary(study: Study, found: Sequence[Comparison], totals: TeamTotals | None) -> None:
    """Emit the page for who reads one page."""
    report.heading("Summary")
    report.text(f"Aim: {study.programme.aim}")
    _aims(study)
    if not study.pool:
        report.note(
            "The cohorts of this study are groups of different kind. They stand side by side and are never pooled into "
            "one number; differences between them are not differences in what was done."
        )
    main = [c for c in found if c.kind != "experience"] if study.pool else []
    report.items(shown_as(comparison).sentence() for comparison in main)
    scores = [c for c in found if c.kind == "experience" and len(c.pooled.tidy())]
    if scores and study.pool:
        report.text(disclosure.nobody(_scores(scores), "scores"))
    if totals is not None:
        report.text(shown_as(_counted(study, totals)).sentence())
    report.text(
        "There is no comparison group in these figures: a change common to all cohorts may have another cause, and a "
        "mean over few cohorts says little about the next one."
    )


def _aims(study: Study) -> None:
    """Answer the aim for every cohort, as its own report does, and say how many reached it."""
    if study.aim is None:
        return
    say, told, met = catalogue("en", noun=study.teams.called), [], []
    for cohort in study.cohorts:
        value, stood = at_its_day(study, cohort.cohort, study.store(cohort.cohort))
        row = aim_row(study, value, stood, {}, say)
        told.append(f"{cohort.title}: {row.question} {row.found}")
        met += [] if np.isnan(stood) else [meets(value, stood, study.aim.target)]
    known = "" if len(met) == len(told) else f"; of {len(told) - len(met)} it cannot be told"
    reached = f"The aim was reached by {sum(met)} of {counted(len(told), 'cohort')}{known}."
    report.text(disclosure.nobody(reached, "cohorts"))
    report.items(disclosure.nobody(line, "aims") for line in told)


def _scores(found: Sequence[Comparison]) -> str:
    """Count the scores by what their intervals say, which hold for all of them together."""
    named = {word: [c.question for c in found if c.verdict == word] for word in VERDICTS}
    told = [
        f"{len(names)} {word}" + (f" ({'; '.join(names)})" if word != NOT_CLEAR else "")
        for word, names in named.items()
        if names
    ]
    return (
        f"Mean change of the cohorts in {counted(len(found), 'score')} of staff experience: {listed(told)} (by "
        f"{'intervals that hold for all of them together' if len(found) > 1 else 'its 95% interval'})."
    )


@section
def cohorts_side_by_side(study: Study) -> None:
    """Emit who the cohorts are: time, teams, organisations, answers to the last wave."""
    rows = []
    for cohort in study.cohorts:
        teams = study.store(cohort.cohort).table("teams")
        when = {"from": f"{cohort.start:%B %Y}", "to": f"{cohort.end:%B %Y}"}
        counts = {"teams": len(teams), "organisations": teams["organisation"].nunique()}
        rows.append({"cohort": cohort.title, **when, **counts})
    report.table(disclosure.nobody(pd.DataFrame(rows), "teams"), caption="The cohorts")


@section
def cohort_courses(study: Study, found: Courses | None) -> None:
    """Emit a figure per measure: every cohort by months since it began."""
    if found is None:
        report.text("No cohort has pulses.")
        return
    titles = {part.measure: part.title for part in study.pulses}
    staff = {cohort.title: disclosure.people_of(study.store(cohort.cohort)) for cohort in study.cohorts}
    months = found.months.drop(columns="value").astype({"positive": int, "answers": int})
    people = pd.concat([months["answers"], months["cohort"].map(staff)], axis=1).min(axis=1)
    shown = disclosure.show(
        months.assign(people=people.astype(int)),
        audience=rule(study),
        people=dict.fromkeys(("positive", "answers", "value"), "people"),
        by=["measure", "cohort", "month"],
        within=None,
        percents={"value": ("positive", "answers")},
    )
    begins = disclosure.nobody(found.begins, "months")
    for measure in shown.what["measure"].unique():
        rows = shown.pipe(lambda table, measure=measure: table[table["measure"] == measure])
        report.exhibit(exhibits.courses(rows, measure, titles[measure], begins))


@section
def effects(found: Sequence[Comparison], study: Study) -> None:
    """Emit, kind by kind, the effect of every cohort, their mean, and what a further cohort may expect."""
    for kind, question in KINDS.items():
        these = [comparison for comparison in found if comparison.kind == kind]
        if these:
            report.heading(question, level=3)
            for comparison in these:
                report.text(shown_as(comparison).sentence())
                _forest(comparison, study)
            _effect_table(these, study)
            first, *others = map(shown_as, these)
            report.items(first.say(lambda *every: once(note for one in every for note in one.notes), *others))


def _shown(found: Comparison, study: Study) -> Shown:
    """Effects of cohorts to the precision of their error; n rounded."""
    table = coarse_table(found.cohorts[EFFECTS].astype({"n": "Int64"}))
    places = dict.fromkeys(["before", "estimate", "ci_low", "ci_high", "relative", "p"])
    return disclosure.show(table, audience=rule(study), people="n", by=["title"], within=None, places=places)


def _mean(found: Comparison) -> dict[str, float]:
    """Return the mean over cohorts with its intervals."""
    ends = {"pi_low": found.pooled.predicted_low, "pi_high": found.pooled.predicted_high}
    mean = found.pooled.tidy().iloc[0][["estimate", "ci_low", "ci_high"]].to_dict() | ends
    return {name: float(f"{value:.2g}") for name, value in mean.items()}


def _forest(found: Comparison, study: Study) -> None:
    pooled = shown_as(found).pipe(_mean) if len(found.pooled.tidy()) else None
    drawn = _shown(found, study).pipe(lambda rows: rows.dropna(subset=["estimate"]))
    report.exhibit(exhibits.effects(drawn, shown_as(found), _axis(found), pooled))


def _effect_table(found: Sequence[Comparison], study: Study) -> None:
    """One table for all questions of a kind: change and relative change of every cohort, then the mean."""
    parts = [_shown(one, study).pipe(_with_mean, one.question, shown_as(one)) for one in found]
    rows = parts[0].pipe(lambda first, *others: pd.concat([first, *others], ignore_index=True), *parts[1:])
    several = len(found) > 1
    columns = ["question", *EFFECTS]
    kept = [name for name in columns if rows.what[name].notna().any() and (several or name != "question")]
    link = found[0].kind == "association"
    labels = {"title": "cohort", "n": RESTS_ON[found[0].kind], "relative": "relative change"}
    labels["estimate"] = "slope" if link else "change"
    told = ["slope, and what it rests on"] if link else ["level before, change and relative change"]
    units = {} if several else {"estimate": found[0].unit}
    report.table(
        rows.pipe(lambda table: table[kept]),
        caption=("Each question" if several else found[0].question) + ": " + ", ".join(told),
        labels={name: words for name, words in labels.items() if name in kept},
        formats={name: style for name, style in SIGNED.items() if name in kept},
        units=units,
        header_columns=2 if several else 1,
    )


def _with_mean(shown: pd.DataFrame, question: str, found: Result) -> pd.DataFrame:
    rows = shown.assign(question=question)
    mean = found.pooled.tidy() if isinstance(found, Comparison) else pd.DataFrame()
    if mean.empty:
        return rows
    before = rows["before"].mean()
    last = mean.iloc[0][["estimate", "ci_low", "ci_high", "p"]].to_dict()
    last |= {"title": "Mean", "question": question, "before": before, "relative": last["estimate"] / before}
    last["n"] = rows["n"].sum() if rows["n"].notna().all() else float("nan")
    return pd.concat([rows, pd.DataFrame([last]).dropna(axis="columns")], ignore_index=True)


def _axis(found: Comparison) -> str:
    side = {"higher": "; right of 0 is better", "lower": "; left of 0 is better"}.get(found.better, "")
    return (
        f"Change ({found.unit}){side}" if found.kind != "association" else f"Slope, 1 more in the staff measure{side}"
    )


@section
def learning(found: Sequence[Comparison]) -> None:
    """Emit whether later cohorts gained more, for every question."""
    rows = [
        {"question": c.question, "unit": c.unit, **c.learning.tidy().iloc[1][["estimate", "ci_low", "ci_high", "p"]]}
        for c in found
        if len(c.learning.tidy())
    ]
    if not rows:
        report.text("Whether later cohorts gained more cannot be told: cohorts are few, or did not follow one another.")
        return
    table = pd.DataFrame(rows)
    table["p_adjusted"] = _corrected(table)
    table = coarse_table(table)
    by, places = ["question", "unit"], dict.fromkeys(["estimate", "ci_low", "ci_high", "p", "p_adjusted"])
    report.table(
        disclosure.show(table, audience=disclosure.reader(), people=everyone() or 0, by=by, within=None, places=places),
        caption="Learning curve: how the effect changed from one cohort to the next, in order of their start",
        formats={**dict.fromkeys(["estimate", "ci_low", "ci_high"], "+.2f"), "p": "p", "p_adjusted": "p"},
        labels={"estimate": "change of the effect for each later cohort", "p_adjusted": "p, corrected"},
        footnotes=[
            "Random-effects regression on the order of cohorts, Knapp-Hartung; p corrected by Benjamini-Hochberg."
        ],
    )
    sure = [row["question"] for row in table.to_dict("records") if row["p_adjusted"] < 0.05]
    report.text(disclosure.nobody(_gained(sure), "questions"))
    notes = [note for one in found for note in called(one.learning.notes, "cohort", instead_of=SITE)]
    report.items(disclosure.nobody(note, "cohorts") for note in once(notes))


def _gained(sure: Sequence[str]) -> str:
    """Say on which questions later cohorts clearly gained more or less."""
    if not sure:
        return "Whether later cohorts gained more or less than earlier ones is not clear for any question."
    return f"Later cohorts clearly gained more or less than earlier ones, after correction, on: {'; '.join(sure)}."


def _corrected(table: pd.DataFrame) -> pd.Series:
    from joyeval.models import adjust_family

    done = adjust_family(table, declared=list(table["question"]), method="bh", name="question").tidy()
    return table["question"].map(done.set_index("question")["p_adjusted"])


@section
def team_counts(study: Study, totals: TeamTotals | None) -> None:
    """Emit verdicts on teams, by cohort and by organisation, beside what chance would give."""
    if totals is None:
        report.text("No cohort has pulses by team.")
        return
    titles = {part.measure: part.title for part in study.pulses}
    counted = _counted(study, totals)
    report.text(shown_as(counted).sentence())
    if counted.n:
        _counts(study, counted, titles)
    report.items(shown_as(totals).say(lambda totals: once(totals.notes)))


def _counted(study: Study, totals: TeamTotals) -> TeamTotals:
    """Count the teams that the reports of the cohorts count."""
    return totals.counting({title: found.counts for title, found in _told(study).items()})


def _told(study: Study) -> dict[str, Verdicts]:
    """Return the verdicts on teams of each cohort, by its title, as its own report tells them."""
    told = {}
    for cohort, found, teams in network.cohort_verdicts(study):
        staff = disclosure.behind_teams(teams, published=study.published(cohort.cohort))
        told[cohort.title] = disclosure.show(found, audience=rule(study), people=staff).what
    return told


def _counts(study: Study, totals: TeamTotals, titles: dict[str, str]) -> None:
    counts = totals.counts if study.pool else totals.counts[totals.counts["cohort"] != "All"]
    report.table(
        disclosure.nobody(_named(counts, titles), "teams by verdict"),
        caption="Verdicts on teams and signals of their charts, beside what chance would give",
        labels={
            "judged": "teams judged",
            "expected_clear": "would look clear if nothing had changed",
            "charts": "charts shown",
            "signals": "of these, with a signal",
            "expected_signals": "signals if nothing had changed",
        },
        footnotes=[
            f"Rules: {totals.rules}. Clearly: the interval of the change leaves out no change.",
            "Teams of too few people are counted where that tells what became of none of them.",
        ],
    )
    if len(study.organisations) > 1:
        _organisations(study, totals, titles)


def _organisations(study: Study, totals: TeamTotals, titles: dict[str, str]) -> None:
    told = pd.concat(found.teams.assign(cohort=title) for title, found in _told(study).items())
    table = network.organisations(study, totals, named=told[["cohort", "measure", "team"]])
    numbers = dict.fromkeys(["estimate", "ci_low", "ci_high"], "+.1f")
    staff = _staff_of_organisations(study).reindex(table["organisation"]).fillna(0).astype(int)
    few = _give_away(study, totals, rule(study))
    besides = [key in few for key in zip(table["measure"], table["organisation"], strict=True)]
    shown = disclosure.show(
        table.assign(people=staff["sum"].to_numpy(), largest=staff["max"].to_numpy()),
        audience=rule(study),
        people=dict.fromkeys(ESTIMATED, "people"),
        by=[name for name in table if name not in ESTIMATED],
        within=["measure"],
        largest="largest",
        besides=besides,
        places=dict.fromkeys(ESTIMATED, 0) | {"relative": 2},
    )
    report.table(
        shown.pipe(lambda table: _named(table.drop(columns=["people", "largest"]), titles)),
        caption="Organisations in order of name: verdicts on teams that cohorts name, and the mean change of all teams",
        formats=numbers | {"before": ".0f", "relative": "+.0%"},
        units={"before": "%", "estimate": "percentage points"},
        labels={"estimate": "mean change of teams", "relative": "relative change"},
    )


def _named(table: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Say the measure in words; leave the column out where there is one measure only."""
    named = table.assign(measure=table["measure"].map(titles))
    return (
        named.drop(columns="measure")
        if len(set(named["measure"])) == 1
        else named.set_index(["measure", named.columns[1]])
    )


@section
def funnels(study: Study) -> None:
    """Emit a funnel per measure: where teams of all cohorts stood in the last three months of their cohort."""
    titles = {part.measure: part.title for part in study.pulses}
    levels = network.last_levels(study)
    people = levels["team"].map(_staff_of_teams(study))
    levels = levels.assign(people=pd.concat([people, levels["answers"]], axis=1).min(axis=1, skipna=False).fillna(0))
    groups = ["measure"] if study.pool else ["measure", "cohort"]
    for names, rows in levels.groupby(groups, sort=False):
        title = titles[names[0]] + ("" if study.pool else f", {names[1]}")
        shown = disclosure.show_levels(rows, audience=rule(study))
        if len(shown.what) < FEWEST_TEAMS:
            told = f"{title}: {len(shown.what)} of {len(rows)} teams may be drawn one by one, too few for a funnel."
            report.text(disclosure.nobody(told, "teams"))
            continue
        hidden = len(rows) - len(shown.what)
        drawn, found = exhibits.levels_of_teams(shown, "_".join(names), title, hidden)
        report.exhibit(drawn)
        answer(found)


def _staff_of_teams(study: Study) -> pd.Series:
    """Return the people in post of each team of all cohorts, by its name; of a name that comes twice, the fewest."""
    return disclosure.known_in_post(_teams(study)).groupby(level=0).min()


def _give_away(study: Study, totals: TeamTotals, rule: Rule) -> set[tuple[str, str]]:
    """Return measure and organisation of those whose teams, less the ones that cohorts name, are a few people."""
    names = {organisation.code: organisation.name for organisation in study.organisations}
    teams = totals.teams.assign(people=totals.teams["team"].map(_staff_of_teams(study)))
    teams = teams.assign(organisation=teams["organisation"].map(lambda code: names.get(code, code)))
    return {
        (measure, name)
        for measure, here in teams.groupby("measure")
        for _, name in disclosure.teams_leave_few(here, ["organisation"], rule)
    }


def _staff_of_organisations(study: Study) -> pd.DataFrame:
    """Return the people in post of each organisation, `sum`, and of its largest team, `max`."""
    names = {organisation.code: organisation.name for organisation in study.organisations}
    teams = _teams(study)
    staff = disclosure.known_in_post(teams).groupby(teams["organisation"].to_numpy()).agg(["sum", "max"])
    return staff.rename(names)


def _teams(study: Study) -> pd.DataFrame:
    return pd.concat([study.store(cohort.cohort).table("teams") for cohort in study.cohorts])


@section
def practices(found: Result) -> None:
    """Emit what went with improvement, as exploration."""
    report.note("Explored after the fact: teams chose what they did, so this cannot show what works.")
    if not isinstance(found, NoAnswer):
        found = replace(
            found, table=found.table.assign(practice=found.table["practice"].map(lambda kind: NAMES.get(kind, kind)))
        )
    shown = shown_as(found)
    answer(shown)
    if isinstance(shown.what, NoAnswer):
        return
    report.exhibit(exhibits.practices(shown))
    report.table(
        shown.pipe(lambda found: found.table.drop(columns="se")),
        caption="Practices and the change of teams, one practice at a time",
        formats={**dict.fromkeys(["estimate", "ci_low", "ci_high"], "+.1f"), "p": "p", "p_adjusted": "p"},
        units={"estimate": "percentage points for one more use a year"},
        labels={"p_adjusted": "p, corrected", "n": "teams", "median_use": "uses a year, median team"},
    )


@section
def network_methods(study: Study) -> None:
    """Emit how the numbers were made."""
    report.heading("Methods")
    made = f"Made by joyeval {joyeval.__version__} from the stored results of {len(study.cohorts)} cohorts; {SAME}"
    reason = sentence(rule(study).reason) if rule(study).reason else ""
    rests = f"No statistic over fewer than {rule(study).threshold} people is shown, neither within a cohort nor across "
    told = (made, ESTIMATED_IS, MEANS, f"{rests}cohorts. {reason}")
    report.text(*(disclosure.nobody(paragraph, "methods") for paragraph in told))
    if study.source:
        report.text(f"Source of the data: {study.source}")
