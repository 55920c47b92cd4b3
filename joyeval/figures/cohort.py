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

    from joyeval.improvement import Charts, Verdicts
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
    data: pd.DataFrame


def cohort_figures(study: Study, cohort: str, store: Store) -> list[Drawn]:
    """Draw every figure that the stored results of a cohort allow.

    Returns
    -------
    list of Drawn
        In the order of a paper: what was done, good days, teams, measurement, coordination, outcomes.
    """
    rule = disclosure.Rule(threshold=study.disclosure.threshold, reason=study.disclosure.reason)
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
        figures.timeline(events, phases=phases),
        f"Timeline of the programme: one lane for each kind of event, one mark for each event. Times: {counts}.",
        "What was done when, by kind of event, with the phases of the programme",
        months.reset_index(name="times"),
    )


def _respondents(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    if "response" not in store.tables() or store.table("response").empty:
        return
    shown = disclosure.protect_flow(respondent_flow(store.table("response")), rule=rule)
    told = "; ".join(
        f"{wave}: {row.max():.0f} at the first step" for wave, row in shown.iterrows() if row.notna().any()
    )
    yield Drawn(
        "respondents",
        figures.respondents(shown),
        f"Bars, one panel for each survey wave: people at each step. {told}.",
        "Flow of respondents through each survey wave, to the nearest 5; linked means: answered another wave too",
        shown.rename_axis("wave").reset_index(),
    )


def _answers(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    for instrument in surveys.instruments(study, cohort):
        name = f"wave_{instrument.id}"
        for vocabulary in instrument.responses if name in store.tables() else ():
            counts = answer_counts(store.table(name), instrument, vocabulary)
            shares = disclosure.protect_shares(counts, rule=rule)
            if not shares.notna().any(axis=None):
                continue
            waves = list(dict.fromkeys(counts.index.get_level_values("wave")))
            shown = {wave: shares.loc[wave] for wave in dict.fromkeys([waves[0], waves[-1]])}
            yield Drawn(
                f"answers_{instrument.id}_{vocabulary}",
                figures.likert(shown, options=list(shares)),
                f"Diverging bars: share of each answer to {instrument.title}, in the waves {' and '.join(shown)}.",
                f"{instrument.title}: answers given, from counts rounded to the nearest {rule.nearest}, not reversed",
                pd.concat(shown, names=["wave", "item"]).reset_index().round(2),
            )


def _chart_data(shown: Charts, rule: Any) -> pd.DataFrame:
    """Points as they may be shown, beside their lines; counts are rounded."""
    names = [*shown.by, shown.x]
    table = shown.points[[*names, "n", *CHART]].assign(**{shown.x: shown.points[shown.x].astype(str)})
    return disclosure.protect(table, n="n", by=names, within=None, rule=rule, words=False, places={"value": 1})


def _improvement(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    for name in ("improvement_cohort", "improvement_charts"):
        if name not in there:
            continue
        shown = disclosure.protect_charts(there[name], rule=rule)
        for measure in shown.points["measure"].unique():
            one, title = shown.only(measure=measure), titles[measure]
            if name == "improvement_cohort":
                yield Drawn(
                    f"chart_{measure}",
                    figures.plot_chart(one, ylabel=f"{title} (%)"),
                    f"Control chart of {title.lower()}, all teams together. {one.sentence()}",
                    f"{title}: share of positive answers, all teams together. {one.caption()}",
                    _chart_data(one, rule),
                )
            else:
                legible = replace(one, by=("team",)).legible()
                yield from _small(legible, f"teams_{measure}", title, study.cohort(cohort), rule)


def _small(charts: Charts, name: str, title: str, cohort: Any, rule: Any) -> Iterator[Drawn]:
    starts = [pd.Timestamp(phase.start) for phase in cohort.phases[1:2]]
    pages = figures.small_multiples(charts, columns=COLUMNS, rows=ROWS, ylabel="%", start=next(iter(starts), None))
    data = _chart_data(charts, rule)
    teams = charts.latest()["team"].tolist()
    for number, page in enumerate(pages):
        here = teams[number * COLUMNS * ROWS : (number + 1) * COLUMNS * ROWS]
        yield Drawn(
            f"{name}_{number + 1}" if len(pages) > 1 else name,
            page,
            f"Small control charts of {len(here)} teams, each with its verdict. {charts.sentence()}",
            f"{title}, team by team; points and teams with too few answers are not drawn",
            data[data["team"].isin(here)],
        )


def _teams(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    titles = {part.measure: part.title for part in study.of_cohort("pulses", cohort)}
    if "improvement_verdicts" in there:
        yield from _changes_of_teams(there["improvement_verdicts"], titles)
    if "pulse" in store.tables():
        pulse = store.table("pulse")
        since = pulse["period"].max() - pd.DateOffset(months=LAST_MONTHS)
        for measure, rows in pulse[pulse["period"] > since].groupby("measure", sort=False):
            yield from _funnel(rows, titles[measure], measure, rule)


def _changes_of_teams(found: Verdicts, titles: dict[str, str]) -> Iterator[Drawn]:
    rows = found.tidy().dropna(subset=["estimate"]).sort_values("team")
    for measure, these in rows.groupby("measure", sort=False):
        yield Drawn(
            f"forest_{measure}",
            figures.forest(these, names="team", xlabel=f"Change of {titles[measure].lower()}, percentage points"),
            f"Forest plot: change of each team with its interval, in order of name. {found.sentence()}",
            f"{titles[measure]}: change from before to after, each team with its 95% interval; not a ranking",
            these[["team", "verdict", *ESTIMATE, "relative"]].round(dict.fromkeys(ESTIMATE, 1) | {"relative": 3}),
        )


def _funnel(rows: pd.DataFrame, title: str, measure: str, rule: Any) -> Iterator[Drawn]:
    levels = rows.groupby("team")[["positive", "answers"]].sum().reset_index()
    levels = levels[levels["answers"] >= rule.threshold]
    if len(levels) < FEWEST_TEAMS:
        return
    found = improvement.funnel(levels, numerator="positive", denominator="answers", group="team", multiply=100)
    table = found.points[["team", "denominator", "value"]].rename(columns={"denominator": "answers"})
    yield Drawn(
        f"funnel_{measure}",
        figures.plot_funnel(found, ylabel=f"{title} (%)", xlabel="Answers in the last three months", name=0),
        f"Funnel plot of {title.lower()}, one point per team. {found.sentence()}",
        f"{title}: teams in the last three months, with limits for their size",
        disclosure.protect(table, n="answers", by=["team"], within=None, rule=rule, words=False),
    )


def _caterpillars(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    for page in (result for result in there.values() if isinstance(result, Page)):
        for scale, means in page.team_means.items():
            title = page.scales.set_index("scale").loc[scale, "title"]
            numbers = ["n", "observed", "estimate", "ci_low", "ci_high"]
            names = means.teams[[means.group, *numbers]]
            kept = disclosure.protect(names, n="n", by=[means.group], rule=rule, words=False)
            teams = means.teams.assign(**kept[numbers])[kept["n"].notna()]
            if len(teams) >= FEWEST_TEAMS:
                yield Drawn(
                    f"means_{scale}",
                    figures.caterpillar(means.showing(teams), xlabel=title),
                    f"Means of teams with 95% intervals, in order of their names. {means.sentence()}",
                    f"{title}: means of {len(teams)} of {len(means.teams)} teams, chance allowed for; not a ranking",
                    teams[[means.group, *numbers]],
                )


def _coordination(study: Study, cohort: str, store: Store, there: dict, rule: Any) -> Iterator[Drawn]:
    change = there.get("coordination_change")
    if isinstance(change, coordination.Change):
        shown = disclosure.protect_change(change, rule=rule)
        levels = shown.levels[(shown.levels["part"] == "between") & (shown.levels["process"] != "all")]
        yield Drawn(
            "ties_over_waves",
            figures.ties_over_waves(shown),
            figures.ties_over_waves_alt(shown),
            "Mean tie between workgroups at each wave, with 95% intervals",
            levels[["process", "wave", *ESTIMATE]].round(2),
        )
        for process in shown.ties["process"].unique():
            yield from _change_map(shown, process)
    for matrix in (result for result in there.values() if isinstance(result, coordination.Matrix)):
        name = next(key for key, value in there.items() if value is matrix).removeprefix("coordination_matrix_")
        yield from _maps(disclosure.protect_matrix(matrix, rule=rule), name)


def _change_map(shown: coordination.Change, process: str) -> Iterator[Drawn]:
    try:
        ties = chosen_ties(shown, process=process, kind="gain")
    except UsageError:
        return
    if ties["shrunken"].notna().any():
        yield Drawn(
            f"tie_change_{process}",
            figures.change_map(shown, process=process),
            figures.change_map_alt(shown, process=process),
            f"Change of each tie in {process}; a star marks a false discovery rate below 5%, hatching too few raters",
            ties[["workgroup", "target", "shrunken", "shrunken_low", "shrunken_high", "q"]].round(2),
        )


def _maps(shown: coordination.Matrix, process: str) -> Iterator[Drawn]:
    if shown.cells["mean"].isna().all():
        return
    cells = shown.cells[["workgroup", "target", "mean", "ci_low", "ci_high"]].round(1)
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
    primary = there.get("outcomes_primary")
    primary = primary if isinstance(primary, Association) else None
    if primary is not None:
        yield _designs(primary, same_question(primary, there))
    if primary is not None and np.isfinite(primary.sd_x):
        yield _marginal(primary)
    for name, result in there.items():
        if isinstance(result, EventStudy):
            drawing = figures.event_study(result, ylabel=result.y)
            yield _of(name, drawing, result, "Effects by months since the start", "event")
        if isinstance(result, SpecificationCurve):
            drawing, _ = figures.specification_curve(result, ylabel="Estimate")
            yield _of(name, drawing, result, "The primary question by every defensible choice", *result.choices)
        if isinstance(result, LeaveOneOut):
            drawing = figures.leave_one_out(result, ylabel="Estimate")
            yield _of(name, drawing, result, f"The primary estimate without one {result.noun} at a time", "left_out")


def _of(name: str, drawing: Any, result: Result, caption: str, *keys: str) -> Drawn:
    table = result.tidy()[[*keys, *ESTIMATE]]
    return Drawn(name.removeprefix("outcomes_"), drawing, f"{caption}. {result.sentence()}", caption, table)


def same_question(primary: Association, there: Mapping[str, Result]) -> dict[str, Association]:
    """Return the analyses of the same staff measure and outcome by their design, the primary one first."""
    others = {
        f"{result.design}{', outcomes first' if name.endswith('reverse') else ''}": result
        for name, result in there.items()
        if isinstance(result, Association) and (result.x, result.y) == (primary.x, primary.y)
    }
    return {primary.design: primary} | others


def _designs(primary: Association, models: Mapping[str, Association]) -> Drawn:
    rows = pd.DataFrame([{"term": name, **model.effect[ESTIMATE]} for name, model in models.items()])
    return Drawn(
        "designs",
        figures.coefficients(rows, xlabel="Effect on the outcome, for 1 more in the staff measure"),
        f"Coefficients with 95% intervals, one row per design. {primary.sentence()}",
        f"{primary.y} for 1 more in {primary.x}, by several designs; the primary analysis is {primary.design}",
        rows,
    )


def _marginal(primary: Association) -> Drawn:
    """Draw the primary effect along two standard deviations of the staff measure on either side."""
    away = np.linspace(-2, 2, STEPS) * primary.sd_x
    ends = np.outer(away, primary.effect[["ci_low", "ci_high"]].to_numpy(dtype=float))
    table = pd.DataFrame({"x": away, "estimate": away * float(primary.effect["estimate"])})
    table = table.assign(ci_low=ends.min(axis=1), ci_high=ends.max(axis=1))
    return Drawn(
        "marginal_effect",
        figures.effect(table, x="x", xlabel="Staff measure, from the team's own mean", ylabel="Change in the outcome"),
        f"Line with its 95% band: what the primary model expects along the staff measure. {primary.sentence()}",
        f"Marginal effect of the primary analysis: {primary.x} (across) and {primary.y} (up), {primary.estimand}; "
        "drawn over two standard deviations on either side",
        table,
    )
