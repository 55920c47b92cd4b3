"""The figures of a cohort for a paper, drawn from what its run has stored, as they may be shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval import coordination, disclosure, figures, improvement
from joyeval.errors import UsageError
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
    from joyeval.improvement import Charts, Funnel
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

CHART = ["value", "centre", "lower", "upper"]
ESTIMATE = ["estimate", "ci_low", "ci_high"]
COLUMNS, ROWS = 2, 7  # small charts on one page: at 8 pt more would not be read
FEWEST_TEAMS = 4  # teams that may be shown, below which no picture of them is drawn
STEPS = 41  # points along a line of predictions


@dataclass(frozen=True)
class Drawn:
    """A figure with its words and its source data, after disclosure control."""

    name: str
    figure: Any
    alt: str
    caption: str
    data: Shown


def cohort_figures(study: Study, cohort: str, store: Store) -> list[Drawn]:
    """Draw every figure that the stored results of a cohort allow.

    Returns
    -------
    list of Drawn
        In the order of a paper: what was done, good days, teams, measurement, coordination, outcomes.
    """
    rule = disclosure.rule_of(study)
    there = {name: store.result(name) for name in store.results()}
    makers = (_timeline, _respondents, _answers, _improvement, _teams, _caterpillars, _coordination, _outcomes)
    return [drawn for make in makers for drawn in make(study, cohort, store, there, rule)]


def _timeline(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    events = store.table("events")
    if events.empty:
        return
    phases = [(p.name, pd.Timestamp(p.start), pd.Timestamp(p.end)) for p in study.cohort(cohort).phases]
    counts = "; ".join(f"{kind}: {times}" for kind, times in events["kind"].value_counts().sort_index().items())
    months = events.assign(month=events["date"].dt.strftime("%Y-%m")).groupby(["kind", "month"]).size()
    yield Drawn(
        "timeline",
        figures.timeline(disclosure.nobody(events, "events of the programme"), phases=phases),
        disclosure.nobody(f"Timeline of the programme: one lane for each kind of event. Times: {counts}.", "events"),
        "What was done when, by kind of event, with the phases of the programme",
        disclosure.nobody(months.reset_index(name="times"), "events of the programme"),
    )


def _respondents(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    if "response" not in store.tables() or store.table("response").empty:
        return
    shown = disclosure.show_flow(respondent_flow(store.table("response")), audience=rule)
    yield Drawn(
        "respondents",
        figures.respondents(shown),
        shown.say(_at_first),
        "Flow of respondents through each survey wave, to the nearest 5; linked means: answered another wave too",
        shown.pipe(lambda flow: flow.rename_axis("wave").reset_index()),
    )


def _at_first(flow: pd.DataFrame) -> str:
    told = [f"{wave}: {row.max():.0f} at the first step" for wave, row in flow.iterrows() if row.notna().any()]
    return f"Bars, one panel for each survey wave: people at each step. {'; '.join(told)}."


def _answers(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
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
            yield Drawn(
                f"answers_{instrument.id}_{vocabulary}",
                figures.likert(shown, options=list(shares.what.columns)),
                shares.say(_bars, instrument.title, ends),
                f"{instrument.title}: answers given, from counts rounded to the nearest {rule.nearest}, not reversed",
                shown.pipe(lambda parts: pd.concat(parts, names=["wave", "item"]).reset_index().round(2)),
            )


def _bars(_: pd.DataFrame, title: str, waves: list[str]) -> str:
    return f"Diverging bars: share of each answer to {title}, in the waves {' and '.join(waves)}."


def _chart_data(shown: Charts) -> pd.DataFrame:
    """Points as they are drawn, beside their lines; no counts, which with a share would give it away."""
    names = [*shown.by, shown.x]
    table = shown.points[[*names, *CHART]]
    return table.assign(**{shown.x: shown.points[shown.x].astype(str)})


def _improvement(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    staff = _staff(study, cohort, store)
    for name, people in (("improvement_cohort", staff.sum()), ("improvement_charts", staff)):
        for measure in there[name].points["measure"].unique() if name in there else ():
            exact, title = there[name].only(measure=measure), titles[measure]
            if name == "improvement_cohort":
                one = disclosure.show(exact, audience=rule, people=people)
                yield Drawn(
                    f"chart_{measure}",
                    figures.plot_chart(one, ylabel=f"{title} (%)"),
                    one.say(lambda charts, title: f"Control chart of {title}, all teams. {charts.sentence()}", title),
                    f"{title}: share of positive answers, all teams together. {exact.caption()}",
                    one.pipe(_chart_data),
                )
            else:
                teams = disclosure.show(replace(exact, by=("team",)), audience=rule, people=people)
                legible = teams.pipe(lambda charts: charts.legible())
                yield from _small(legible, f"teams_{measure}", title, study.cohort(cohort))


def _staff(study: Study, cohort: str, store: Store) -> pd.Series:
    teams, published = store.table("teams"), study.published(cohort)
    return disclosure.in_post(teams, published=True) if published else disclosure.known_in_post(teams).fillna(0)


def _small(charts: Shown, name: str, title: str, cohort: Any) -> Iterator[Drawn]:
    teams = charts.what.latest()["team"].tolist()
    if not teams:
        return
    starts = [pd.Timestamp(phase.start) for phase in cohort.phases[1:2]]
    pages = figures.small_multiples(charts, columns=COLUMNS, rows=ROWS, ylabel="%", start=next(iter(starts), None))
    data = charts.pipe(_chart_data)
    for number, page in enumerate(pages):
        here = teams[number * COLUMNS * ROWS : (number + 1) * COLUMNS * ROWS]
        yield Drawn(
            f"{name}_{number + 1}" if len(pages) > 1 else name,
            page,
            charts.say(_many, len(here)),
            f"{title}, team by team; points and teams of too few people are not drawn",
            data.pipe(lambda table, here=here: table[table["team"].isin(here)]),
        )


def _many(charts: Charts, teams: int) -> str:
    return f"Small control charts of {teams} teams, each with its verdict. {charts.sentence()}"


def _teams(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    staff = _staff(study, cohort, store)
    if "improvement_verdicts" in there:
        shown = disclosure.show(there["improvement_verdicts"], audience=rule, people=staff)
        yield from _changes_of_teams(shown, titles)
    if "pulse" in store.tables():
        pulse = store.table("pulse")
        since = pulse["period"].max() - pd.DateOffset(months=LAST_MONTHS)
        for measure, rows in pulse[pulse["period"] > since].groupby("measure", sort=False):
            yield from _funnel(rows, titles[measure], measure, staff, rule)


def _changes_of_teams(found: Shown, titles: dict[str, str]) -> Iterator[Drawn]:
    rows = found.pipe(lambda verdicts: verdicts.tidy().dropna(subset=["estimate"]).sort_values("team"))
    for measure in rows.what["measure"].unique():
        these = rows.pipe(lambda table, measure=measure: table[table["measure"] == measure])
        these = replace(these, mask=these.mask[:0])
        columns = ["team", "verdict", *ESTIMATE, "relative"]
        yield Drawn(
            f"forest_{measure}",
            figures.forest(these, names="team", xlabel=f"Change of {titles[measure].lower()}, percentage points"),
            found.say(lambda found: f"Forest plot: change of each team with its interval, by name. {found.sentence()}"),
            f"{titles[measure]}: change from before to after, each team with its 95% interval; not a ranking; "
            "teams of too few people are not drawn",
            these.pipe(lambda table, columns=columns: table[columns]),
        )


def _funnel(rows: pd.DataFrame, title: str, measure: str, staff: pd.Series, rule: Any) -> Iterator[Drawn]:
    levels = rows.groupby("team")[["positive", "answers"]].sum().reset_index()
    people = pd.concat([levels["team"].map(staff), levels["answers"]], axis=1).min(axis=1)
    shown = disclosure.show_levels(levels.assign(people=people), audience=rule)
    if len(shown.what) < FEWEST_TEAMS:
        return
    options = {"numerator": "positive", "denominator": "answers", "group": "team", "multiply": 100}
    found = shown.pipe(lambda levels: improvement.funnel(levels, **options))
    yield Drawn(
        f"funnel_{measure}",
        figures.plot_funnel(found, ylabel=f"{title} (%)", xlabel="Answers in the last three months", name=0),
        found.say(lambda found: f"Funnel plot of {title.lower()}, one point per team. {found.sentence()}"),
        f"{title}: teams in the last three months, with limits for their size, from counts to the nearest 5",
        found.pipe(_levels),
    )


def _levels(found: Funnel) -> pd.DataFrame:
    table = found.points[["team", "denominator", "value"]].rename(columns={"denominator": "answers"})
    return table.assign(value=table["value"].round())


def _caterpillars(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    for page in (result for result in there.values() if isinstance(result, Page)):
        for scale, means in page.team_means.items():
            title = page.scales.set_index("scale").loc[scale, "title"]
            shown = disclosure.show(means, audience=rule)
            numbers = [means.group, "n", "observed", "estimate", "ci_low", "ci_high"]
            if len(shown.what.teams) >= FEWEST_TEAMS:
                drawn = replace(shown, mask=shown.mask[:0])
                yield Drawn(
                    f"means_{scale}",
                    figures.caterpillar(drawn, xlabel=title),
                    shown.say(lambda means: f"Means of teams with 95% intervals, by name. {means.sentence()}"),
                    f"{title}: means of {len(shown.what.teams)} of {len(means.teams)} teams, chance allowed for; not a "
                    "ranking",
                    drawn.pipe(lambda means, numbers=numbers: means.teams[numbers]),
                )


def _coordination(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    change = there.get("coordination_change")
    if isinstance(change, coordination.Change):
        shown = disclosure.show(change, audience=rule)
        whole = replace(shown, mask=shown.mask[:0])
        yield Drawn(
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


def _change_map(shown: Shown, process: str) -> Iterator[Drawn]:
    try:
        ties = shown.pipe(lambda change: chosen_ties(change, process=process, kind="gain"))
    except UsageError:
        return
    hidden = ties.what["shrunken"].isna()
    if 2 * hidden.sum() <= len(hidden):  # a map that is mostly hatched tells nothing
        columns = ["workgroup", "target", "shrunken", "shrunken_low", "shrunken_high", "q"]
        yield Drawn(
            f"tie_change_{process}",
            figures.change_map(shown, process=process),
            figures.change_map_alt(shown, process=process),
            f"Change of each tie in {process}; a star marks a false discovery rate below 5%, hatching too few raters",
            ties.pipe(lambda table: table[columns].round(2)),
        )


def _maps(shown: Shown, process: str) -> Iterator[Drawn]:
    if shown.mostly_hidden or shown.what.cells["mean"].isna().all():
        return
    cells = shown.pipe(lambda matrix: matrix.cells[["workgroup", "target", "mean", "ci_low", "ci_high"]].round(1))
    yield Drawn(
        f"ties_{process}",
        figures.heat_map(shown),
        figures.heat_map_alt(shown),
        f"How workgroups (rows) rate each other (columns) in {process}, 1 to 5; hatching marks too few raters",
        cells,
    )
    yield Drawn(
        f"network_{process}",
        figures.network_map(shown),
        figures.network_map_alt(shown),
        f"Ties between workgroups in {process}: wider where stronger, fainter where less sure",
        cells,
    )


def _outcomes(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
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


def _of(name: str, drawing: Any, shown: Shown, caption: str, *keys: str) -> Drawn:
    table = shown.pipe(lambda result: result.tidy()[[*keys, *ESTIMATE]])
    alt = shown.say(lambda result: f"{caption}. {result.sentence()}")
    return Drawn(name.removeprefix("outcomes_"), drawing, alt, caption, table)


def same_question(primary: Association, there: Mapping[str, Result]) -> dict[str, Association]:
    """Return the analyses of the same staff measure and outcome by their design, the primary one first."""
    others = {
        f"{result.design}{', outcomes first' if name.endswith('reverse') else ''}": result
        for name, result in there.items()
        if isinstance(result, Association) and (result.x, result.y) == (primary.x, primary.y)
    }
    return {primary.design: primary} | others


def _designs(primary: Shown, models: Mapping[str, Association]) -> Drawn:
    rows = primary.pipe(
        lambda _: pd.DataFrame([{"term": name, **model.effect[ESTIMATE]} for name, model in models.items()])
    )
    y, x, design = primary.what.y, primary.what.x, primary.what.design
    return Drawn(
        "designs",
        figures.coefficients(rows, xlabel="Effect on the outcome, for 1 more in the staff measure"),
        primary.say(lambda found: f"Coefficients with 95% intervals, one row per design. {found.sentence()}"),
        f"{y} for 1 more in {x}, by several designs; the primary analysis is {design}",
        rows,
    )


def _marginal(shown: Shown) -> Drawn:
    """Draw the primary effect along two standard deviations of the staff measure on either side."""
    table, primary = shown.pipe(_along), shown.what
    return Drawn(
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
