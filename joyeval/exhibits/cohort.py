"""The figures of a cohort for a paper, drawn from what its run has stored, as they may be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval import coordination, disclosure, figures
from joyeval.errors import UsageError
from joyeval.exhibits import charts
from joyeval.exhibits.charts import FEWEST_TEAMS
from joyeval.exhibits.exhibit import Exhibit
from joyeval.figures.coordination import chosen_ties
from joyeval.intake.response import respondent_flow
from joyeval.measurement import surveys
from joyeval.measurement.page import Page
from joyeval.measurement.spread import answer_counts
from joyeval.network.courses import LAST_MONTHS
from joyeval.outcomes.association import Association
from joyeval.outcomes.event_study import EventStudy
from joyeval.outcomes.sensitivity import LeaveOneOut, SpecificationCurve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joyeval.disclosure import Shown
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

ESTIMATE = ["estimate", "ci_low", "ci_high"]
COLUMNS, ROWS = 2, 7  # small charts on one page: at 8 pt more would not be read
STEPS = 41  # points along a line of predictions


def cohort_figures(study: Study, cohort: str, store: Store) -> list[Exhibit]:
    """Draw every figure that the stored results of a cohort allow.

    Returns
    -------
    list of Exhibit
        In the order of a paper: what was done, good days, teams, measurement, coordination, outcomes.
    """
    rule = disclosure.rule_of(study)
    there = {name: store.result(name) for name in store.results()}
    makers = (_timeline, _respondents, _answers, _improvement, _teams, _caterpillars, _coordination, _outcomes)
    return [drawn for make in makers for drawn in make(study, cohort, store, there, rule)]


def _timeline(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    events = store.table("events")
    if events.empty:
        return
    phases = [(p.name, pd.Timestamp(p.start), pd.Timestamp(p.end)) for p in study.cohort(cohort).phases]
    counts = "; ".join(f"{kind}: {times}" for kind, times in events["kind"].value_counts().sort_index().items())
    months = events.assign(month=events["date"].dt.strftime("%Y-%m")).groupby(["kind", "month"]).size()
    yield Exhibit(
        "timeline",
        figures.timeline(disclosure.nobody(events, "events of the programme"), phases=phases),
        disclosure.nobody(f"Timeline of the programme: one lane for each kind of event. Times: {counts}.", "events"),
        "What was done when, by kind of event, with the phases of the programme",
        disclosure.nobody(months.reset_index(name="times"), "events of the programme"),
    )


def _respondents(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    if "response" not in store.tables() or store.table("response").empty:
        return
    shown = disclosure.show_flow(respondent_flow(store.table("response")), audience=rule)
    yield Exhibit(
        "respondents",
        figures.respondents(shown),
        shown.say(_at_first),
        "Flow of respondents through each survey wave, to the nearest 5; linked means: answered another wave too",
        shown.pipe(lambda flow: flow.rename_axis("wave").reset_index()),
    )


def _at_first(flow: pd.DataFrame) -> str:
    told = [f"{wave}: {row.max():.0f} at the first step" for wave, row in flow.iterrows() if row.notna().any()]
    return f"Bars, one panel for each survey wave: people at each step. {'; '.join(told)}."


def _answers(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    for instrument in surveys.instruments(study, cohort):
        name = f"wave_{instrument.id}"
        for vocabulary in instrument.responses if name in store.tables() else ():
            counts = answer_counts(store.table(name), instrument, vocabulary)
            shares = disclosure.show_shares(counts, audience=rule)
            if not shares.what.notna().any(axis=None) or shares.mostly_hidden:
                continue
            waves = list(dict.fromkeys(counts.index.get_level_values("wave")))
            ends = list(dict.fromkeys([waves[0], waves[-1]]))
            shown = shares.pipe(lambda table, ends=ends: {wave: table.loc[wave] for wave in ends})
            yield Exhibit(
                f"answers_{instrument.id}_{vocabulary}",
                figures.likert(shown, options=list(shares.what.columns)),
                shares.say(_bars, instrument.title, ends),
                f"{instrument.title}: answers given, from counts rounded to the nearest {rule.nearest}, not reversed",
                shown.pipe(lambda parts: pd.concat(parts, names=["wave", "item"]).reset_index().round(2)),
            )


def _bars(_: pd.DataFrame, title: str, waves: list[str]) -> str:
    return f"Diverging bars: share of each answer to {title}, in the waves {' and '.join(waves)}."


def _improvement(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    staff = _staff(study, cohort, store)
    marked, verdicts = charts.marked(store.table("events")), None
    if "improvement_verdicts" in there:
        verdicts = disclosure.show(there["improvement_verdicts"], audience=rule, people=staff)
    for part in study.of_cohort("pulses", cohort):
        if "improvement_cohort" in there:
            exact = there["improvement_cohort"].only(measure=part.measure)
            whole = disclosure.show(exact, audience=rule, people=staff.sum())
            drawn = charts.pulse_chart(whole, part.measure, part.title, events=marked)
            yield replace(drawn, caption=f"{drawn.caption}. {exact.caption()}")
        if "improvement_charts" in there:
            exact = replace(there["improvement_charts"].only(measure=part.measure), by=("team",))
            every = disclosure.show(exact, audience=rule, people=staff)
            if verdicts is not None:
                every = charts.of_named(every, verdicts, part.measure)
            legible = every.pipe(lambda found: found.legible())
            page = {"columns": COLUMNS, "rows": ROWS}
            yield from charts.small_charts(legible, part.measure, part.title, study.cohort(cohort), **page)


def _staff(study: Study, cohort: str, store: Store) -> pd.Series:
    teams, published = store.table("teams"), study.published(cohort)
    return disclosure.in_post(teams, published=True) if published else disclosure.known_in_post(teams).fillna(0)


def _teams(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    staff = _staff(study, cohort, store)
    if "improvement_verdicts" in there:
        shown = disclosure.show(there["improvement_verdicts"], audience=rule, people=staff)
        yield from charts.changes_of_teams(shown, titles)
    if "pulse" in store.tables():
        pulse = store.table("pulse")
        since = pulse["period"].max() - pd.DateOffset(months=LAST_MONTHS)
        for measure, rows in pulse[pulse["period"] > since].groupby("measure", sort=False):
            levels = rows.groupby("team")[["positive", "answers"]].sum().reset_index()
            people = pd.concat([levels["team"].map(staff), levels["answers"]], axis=1).min(axis=1)
            shown = disclosure.show_levels(levels.assign(people=people), audience=rule)
            if drawn := charts.levels_of_teams(shown, measure, titles[measure]):
                yield drawn


def _caterpillars(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    for page in (result for result in there.values() if isinstance(result, Page)):
        for scale, means in page.team_means.items():
            title = page.scales.set_index("scale").loc[scale, "title"]
            shown = disclosure.show(means, audience=rule)
            numbers = [means.group, "n", "observed", "estimate", "ci_low", "ci_high"]
            if len(shown.what.teams) >= FEWEST_TEAMS:
                drawn = replace(shown, mask=shown.mask[:0])
                yield Exhibit(
                    f"means_{scale}",
                    figures.caterpillar(drawn, xlabel=title),
                    shown.say(lambda means: f"Means of teams with 95% intervals, by name. {means.sentence()}"),
                    f"{title}: means of {len(shown.what.teams)} of {len(means.teams)} teams, chance allowed for; not a "
                    "ranking",
                    drawn.pipe(lambda means, numbers=numbers: means.teams[numbers]),
                )


def _coordination(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    change = there.get("coordination_change")
    if isinstance(change, coordination.Change):
        shown = disclosure.show(change, audience=rule)
        whole = replace(shown, mask=shown.mask[:0])
        yield Exhibit(
            "ties_over_waves",
            figures.ties_over_waves(whole),
            figures.ties_over_waves_alt(whole),
            "Mean tie between workgroups at each wave, with 95% intervals",
            whole.pipe(_levels_of_ties),
        )
        for process in shown.what.ties["process"].unique():
            yield from _change_map(shown, process)
    for matrix in (result for result in there.values() if isinstance(result, coordination.Matrix)):
        name = next(key for key, value in there.items() if value is matrix).removeprefix("coordination_matrix_")
        yield from _maps(disclosure.show(matrix, audience=rule), name)


def _levels_of_ties(change: coordination.Change) -> pd.DataFrame:
    levels = change.levels[(change.levels["part"] == "between") & (change.levels["process"] != "all")]
    return levels[["process", "wave", *ESTIMATE]].round(2)


def _change_map(shown: Shown, process: str) -> Iterator[Exhibit]:
    try:
        ties = shown.pipe(lambda change: chosen_ties(change, process=process, kind="gain"))
    except UsageError:
        return
    hidden = ties.what["shrunken"].isna()
    if 2 * hidden.sum() <= len(hidden):  # a map that is mostly hatched tells nothing
        columns = ["workgroup", "target", "shrunken", "shrunken_low", "shrunken_high", "q"]
        yield Exhibit(
            f"tie_change_{process}",
            figures.change_map(shown, process=process),
            figures.change_map_alt(shown, process=process),
            f"Change of each tie in {process}; a star marks a false discovery rate below 5%, hatching too few raters",
            ties.pipe(lambda table: table[columns].round(2)),
        )


def _maps(shown: Shown, process: str) -> Iterator[Exhibit]:
    if shown.mostly_hidden or shown.what.cells["mean"].isna().all():
        return
    cells = shown.pipe(lambda matrix: matrix.cells[["workgroup", "target", "mean", "ci_low", "ci_high"]].round(1))
    yield Exhibit(
        f"ties_{process}",
        figures.heat_map(shown),
        figures.heat_map_alt(shown),
        f"How workgroups (rows) rate each other (columns) in {process}, 1 to 5; hatching marks too few raters",
        cells,
    )
    yield Exhibit(
        f"network_{process}",
        figures.network_map(shown),
        figures.network_map_alt(shown),
        f"Ties between workgroups in {process}: wider where stronger, fainter where less sure",
        cells,
    )


def _outcomes(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Exhibit]:
    people = disclosure.people_of(store)
    shown = {
        name: disclosure.show(result, audience=rule, people=people)
        for name, result in there.items()
        if isinstance(result, Association | EventStudy | SpecificationCurve | LeaveOneOut)
    }
    primary = shown.get("outcomes_primary")
    if primary is not None and isinstance(primary.what, Association):
        yield _designs(primary, same_question(primary.what, {name: one.what for name, one in shown.items()}))
        if np.isfinite(primary.what.sd_x):
            yield _marginal(primary)
    for name, one in shown.items():
        result = one.what
        if isinstance(result, EventStudy):
            drawing = figures.event_study(one, ylabel=result.y)
            yield _of(name, drawing, one, "Effects by months since the start", "event")
        if isinstance(result, SpecificationCurve):
            drawing, _ = figures.specification_curve(one, ylabel="Estimate")
            yield _of(name, drawing, one, "The primary question by every defensible choice", *result.choices)
        if isinstance(result, LeaveOneOut):
            drawing = figures.leave_one_out(one, ylabel="Estimate")
            yield _of(name, drawing, one, f"The primary estimate without one {result.noun} at a time")


def _of(name: str, drawing: Any, shown: Shown, caption: str, *keys: str) -> Exhibit:
    table = shown.pipe(lambda result: result.tidy()[[*keys, *ESTIMATE]])
    alt = shown.say(lambda result: f"{caption}. {result.sentence()}")
    return Exhibit(name.removeprefix("outcomes_"), drawing, alt, caption, table)


def same_question(primary: Association, there: Mapping[str, Result]) -> dict[str, Association]:
    """Return the analyses of the same staff measure and outcome by their design, the primary one first."""
    others = {
        f"{result.design}{', outcomes first' if name.endswith('reverse') else ''}": result
        for name, result in there.items()
        if isinstance(result, Association) and (result.x, result.y) == (primary.x, primary.y)
    }
    return {primary.design: primary} | others


def _designs(primary: Shown, models: Mapping[str, Association]) -> Exhibit:
    rows = primary.pipe(
        lambda _: pd.DataFrame([{"term": name, **model.effect[ESTIMATE]} for name, model in models.items()])
    )
    y, x, design = primary.what.y, primary.what.x, primary.what.design
    return Exhibit(
        "designs",
        figures.coefficients(rows, xlabel="Effect on the outcome, for 1 more in the staff measure"),
        primary.say(lambda found: f"Coefficients with 95% intervals, one row per design. {found.sentence()}"),
        f"{y} for 1 more in {x}, by several designs; the primary analysis is {design}",
        rows,
    )


def _marginal(shown: Shown) -> Exhibit:
    """Draw the primary effect along two standard deviations of the staff measure on either side."""
    table, primary = shown.pipe(_along), shown.what
    return Exhibit(
        "marginal_effect",
        figures.effect(table, x="x", xlabel="Staff measure, from the team's own mean", ylabel="Change in the outcome"),
        shown.say(lambda found: f"Line with its 95% band: what the model expects along it. {found.sentence()}"),
        f"Marginal effect of the primary analysis: {primary.x} (across) and {primary.y} (up), {primary.estimand}; "
        "drawn over two standard deviations on either side",
        table,
    )


def _along(primary: Association) -> pd.DataFrame:
    away = np.linspace(-2, 2, STEPS) * primary.sd_x
    ends = np.outer(away, primary.effect[["ci_low", "ci_high"]].to_numpy(dtype=float))
    table = pd.DataFrame({"x": away, "estimate": away * float(primary.effect["estimate"])})
    return table.assign(ci_low=ends.min(axis=1), ci_high=ends.max(axis=1))
