"""The figures of a cohort for a paper: the exhibits of its chapters, from what its run has stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure
from joyeval.coordination import Change, Matrix
from joyeval.exhibits import charts, coordination, outcomes, programme
from joyeval.exhibits import surveys as answered
from joyeval.exhibits.charts import FEWEST_TEAMS
from joyeval.intake.response import respondent_flow
from joyeval.measurement import surveys
from joyeval.measurement.page import Page
from joyeval.measurement.spread import answer_counts
from joyeval.network.courses import LAST_MONTHS
from joyeval.outcomes.association import Association
from joyeval.outcomes.event_study import EventStudy
from joyeval.outcomes.linkage import Linkage
from joyeval.outcomes.sensitivity import LeaveOneOut, SpecificationCurve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.disclosure import Rule, Shown
    from joyeval.exhibits.exhibit import Exhibit
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

COLUMNS, ROWS = 2, 7  # small charts on one page: at 8 pt more would not be read
KINDS = {
    EventStudy: outcomes.event_study,
    SpecificationCurve: outcomes.specifications,
    LeaveOneOut: outcomes.leave_one_out,
}


def cohort_figures(study: Study, cohort: str, store: Store) -> list[Exhibit]:
    """Draw every figure that the stored results of a cohort allow, but those that would be mostly hidden.

    Returns
    -------
    list of Exhibit
        In the order of a paper: what was done, good days, teams, measurement, coordination, outcomes.
    """
    results = {name: store.result(name) for name in store.results()}
    stored = _Stored(study, cohort, store, results, disclosure.rule_of(study))
    makers = (_programme, _surveys, _improvement, _teams, _team_means, _coordination, _outcomes)
    every = (drawn for make in makers for drawn in make(stored))
    return [drawn for drawn in every if drawn is not None and not drawn.data.mostly_hidden]


@dataclass(frozen=True)
class _Stored:
    """What a run has stored of a cohort, and the rule of who reads."""

    study: Study
    cohort: str
    store: Store
    results: dict[str, Result]
    rule: Rule

    @cached_property
    def staff(self) -> pd.Series:
        """Who stands behind each team."""
        return disclosure.behind_teams(self.store.table("teams"), published=self.study.published(self.cohort))

    @cached_property
    def verdicts(self) -> Shown | None:
        """What became of each team, as it may be shown."""
        found = self.results.get("improvement_verdicts")
        return None if found is None else disclosure.show(found, audience=self.rule, people=self.staff)


def _programme(of: _Stored) -> Iterator[Exhibit | None]:
    yield programme.timeline(of.study, of.cohort, of.store.table("events"))


def _surveys(of: _Stored) -> Iterator[Exhibit | None]:
    if "response" not in of.store.tables() or of.store.table("response").empty:
        return
    yield answered.respondents(disclosure.show_flow(respondent_flow(of.store.table("response")), audience=of.rule))
    for instrument in surveys.instruments(of.study, of.cohort):
        name = f"wave_{instrument.id}"
        for vocabulary in instrument.responses if name in of.store.tables() else ():
            counts = answer_counts(of.store.table(name), instrument, vocabulary)
            shares = disclosure.show_shares(counts, audience=of.rule)
            yield answered.answers(shares, instrument.title, f"{instrument.id}_{vocabulary}")


def _improvement(of: _Stored) -> Iterator[Exhibit]:
    marked = charts.marked(of.store.table("events"))
    for part in of.study.of_cohort("pulses", of.cohort):
        if "improvement_cohort" in of.results:
            found = of.results["improvement_cohort"]
            every = disclosure.show(found, audience=of.rule, people=of.staff.sum())
            if (whole := charts.of_measure(every, part.measure)) is not None:
                drawn = charts.pulse_chart(whole, part.measure, part.title, events=marked)
                yield replace(drawn, caption=f"{drawn.caption}. {found.only(measure=part.measure).caption()}")
        if "improvement_charts" in of.results:
            exact = replace(of.results["improvement_charts"].only(measure=part.measure), by=("team",))
            every = disclosure.show(exact, audience=of.rule, people=of.staff)
            if of.verdicts is not None:
                every = charts.of_named(every, of.verdicts, part.measure)
            legible = every.pipe(lambda found: found.legible())
            page = {"columns": COLUMNS, "rows": ROWS}
            yield from charts.small_charts(legible, part.measure, part.title, of.study.cohort(of.cohort), **page)


def _teams(of: _Stored) -> Iterator[Exhibit]:
    titles = {part.measure: part.title for part in of.study.of_cohort("pulses", of.cohort)}
    if of.verdicts is not None:
        yield from charts.changes_of_teams(of.verdicts, titles)
    if "pulse" in of.store.tables():
        pulse = of.store.table("pulse")
        since = pulse["period"].max() - pd.DateOffset(months=LAST_MONTHS)
        for measure, rows in pulse[pulse["period"] > since].groupby("measure", sort=False):
            levels = rows.groupby("team")[["positive", "answers"]].sum().reset_index()
            people = pd.concat([levels["team"].map(of.staff), levels["answers"]], axis=1).min(axis=1)
            shown = disclosure.show_levels(levels.assign(people=people), audience=of.rule)
            if drawn := charts.levels_of_teams(shown, measure, titles[measure]):
                yield drawn


def _team_means(of: _Stored) -> Iterator[Exhibit]:
    for page in (result for result in of.results.values() if isinstance(result, Page)):
        for scale, means in page.team_means.items():
            title = page.scales.set_index("scale").loc[scale, "title"]
            shown = disclosure.show(means, audience=of.rule)
            if len(shown.what.teams) >= FEWEST_TEAMS:
                yield answered.team_means(shown, title, scale, len(means.teams))


def _coordination(of: _Stored) -> Iterator[Exhibit]:
    change = of.results.get("coordination_change")
    if isinstance(change, Change):
        shown = disclosure.show(change, audience=of.rule)
        yield coordination.ties_over_waves(shown)
        for process in shown.what.ties["process"].unique():
            yield from coordination.tie_changes(shown, process)
    for name, matrix in of.results.items():
        if isinstance(matrix, Matrix):
            yield from coordination.ties(
                disclosure.show(matrix, audience=of.rule), name.removeprefix("coordination_matrix_")
            )


def _outcomes(of: _Stored) -> Iterator[Exhibit]:
    behind = {"audience": of.rule, "people": disclosure.people_of(of.store)}
    drawn = {name: one for name, one in of.results.items() if isinstance(one, (Association, *KINDS))}
    shown = {name: disclosure.show(one, **behind) for name, one in drawn.items()}
    primary = shown.get("outcomes_primary")
    if primary is not None and isinstance(primary.what, Association):
        models = {name: one.what for name, one in shown.items()}
        yield outcomes.designs(primary, outcomes.same_question(primary.what, models))
        if isinstance(linkage := of.results.get("outcomes_linkage"), Linkage):
            exact = of.results["outcomes_primary"]
            along = outcomes.Along(n=exact.n, table=exact.along(linkage.data))
            yield outcomes.effect(primary, disclosure.show(along, **behind))
    for one in shown.values():
        if draw := KINDS.get(type(one.what)):
            yield draw(one)
