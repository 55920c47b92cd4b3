"""Pulses and outcomes over time: all teams together, team by team, their changes, and their levels side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures, improvement
from joyeval.exhibits.exhibit import Exhibit
from joyeval.judgement import tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.disclosure import Said, Shown
    from joyeval.improvement import Charts, Funnel, Verdicts
    from joyeval.study import Cohort

PHASE = "programme"  # name of the phase whose first day small charts mark
WHOLE = "all teams together"
LIMITS = "Limits are those of the usual number of answers"
LEFT_OUT = "Points that rest on too few people are left out"
LINES = ["value", "centre", "lower", "upper"]
CHANGE = ["team", "verdict", "estimate", "ci_low", "ci_high", "relative"]
MARKED = ["learning set"]  # events drawn on charts; the others stand in the table of what was done
COLUMNS, ROWS = 3, 8  # of small charts on a page
FEWEST_TEAMS = 4  # teams that may be shown, below which no picture of them is drawn


def pulse_chart(charts: Shown, measure: str, title: str, *, who: str = WHOLE, events: Shown | None = None) -> Exhibit:
    """Return the control chart of a pulse, of all teams together or of one."""
    return Exhibit(
        f"chart_{measure}",
        figures.plot_chart(charts, events=events, ylabel=f"{title} (%)"),
        charts.say(_course, f"{title.lower()}, {who}"),
        f"{title}: share of positive answers, {who}. {LIMITS}",
        charts.pipe(_points),
    )


def verdict_marks(counts: Mapping[str, int], words: Mapping[str, str], alt: str, caption: str) -> Exhibit:
    """Return one mark for each team that is counted, by its verdict."""
    about = "teams by verdict"
    rows = pd.DataFrame({"verdict": [words[name] for name in counts], "teams": list(counts.values())})
    marks = figures.team_marks(disclosure.nobody(dict(counts), about), words=words)
    return Exhibit("teams_by_verdict", marks, disclosure.nobody(alt, about), caption, disclosure.nobody(rows, about))


def own_pulse(charts: Shown, title: str, events: Shown | None, alt: Said, caption: str, *, invited: bool) -> Exhibit:
    """Return the run chart of a team's own pulse, with how many answered where it is known who was asked."""
    draw = figures.plot_pulse if invited else figures.plot_chart
    drawn = draw(charts, events=events, ylabel=f"{title} (%)")
    return Exhibit("own_pulse", drawn, alt, caption, charts.pipe(_points))


def of_measure(charts: Shown, measure: str) -> Shown | None:
    """Return the charts of one measure; None where nothing of it may be drawn."""
    seen = charts.what.points.dropna(subset="value")
    return charts.pipe(lambda found: found.only(measure=measure)) if (seen["measure"] == measure).any() else None


def marked(events: pd.DataFrame) -> Shown:
    """Return the events of the programme that charts mark."""
    return disclosure.nobody(events.query("scope != 'team' and kind in @MARKED"), "events of the programme")


def outcome_chart(charts: Shown, measure: str, title: str, unit: str) -> Exhibit:
    """Return the control chart of an outcome of one team."""
    said, named = charts.say(_course, title.lower()), f"{title} ({unit})"
    return Exhibit(f"chart_{measure}", figures.plot_chart(charts, ylabel=named), said, named, charts.pipe(_points))


def _course(charts: Charts, what: str) -> str:
    return f"Control chart of {what}. {charts.sentence()}"


def small_charts(
    charts: Shown,
    measure: str,
    title: str,
    cohort: Cohort,
    *,
    unit: str = "%",
    columns: int = COLUMNS,
    rows: int = ROWS,
) -> list[Exhibit]:
    """Return the small charts of several teams, a page each, with the start of the programme marked."""
    teams = charts.what.latest()["team"].tolist()
    if not teams:
        return []
    start = next((pd.Timestamp(phase.start) for phase in cohort.phases if phase.name == PHASE), None)
    pages = figures.small_multiples(charts, columns=columns, rows=rows, ylabel=unit, start=start)
    alt, data, found = charts.say(_each, title), charts.pipe(_points), []
    for number, page in enumerate(pages):
        here = teams[number * columns * rows : (number + 1) * columns * rows]
        name = f"teams_{measure}_{number + 1}" if len(pages) > 1 else f"teams_{measure}"
        shown = data.pipe(lambda table, here=here: table[table["team"].isin(here)])
        found.append(Exhibit(name, page, alt, f"{title}, team by team. {LEFT_OUT}. {LIMITS}", shown))
    return found


def of_named(charts: Shown, verdicts: Shown, measure: str = "") -> Shown:
    """Return the charts of teams whose verdict is named, each with its verdict; of one measure where there are more."""
    return charts.pipe(_of_teams, verdicts.pipe(_verdict_of_teams, measure))


def _verdict_of_teams(found: Verdicts, measure: str) -> pd.Series:
    rows = found.teams[found.teams["measure"] == measure] if measure else found.teams
    return rows.set_index("team")["verdict"]


def _of_teams(charts: Charts, verdict: pd.Series) -> Charts:
    kept = charts.keep(charts.latest()["team"].isin(verdict.index).to_numpy())
    return replace(kept, series=kept.series.assign(verdict=kept.series["team"].map(verdict)))


def _each(charts: Charts, title: str) -> str:
    counts = charts.latest().get("verdict", pd.Series(dtype=str)).value_counts()
    found = f" {tally(counts)}." if len(counts) else ""
    return f"Small control charts of {title.lower()}, one for each team.{found} {charts.sentence()}"


def _points(charts: Charts) -> pd.DataFrame:
    """Points as they are drawn, beside their lines; no counts, which with a share would give it away."""
    table = charts.points[[*charts.by, charts.x, *LINES]]
    return table.assign(**{charts.x: charts.points[charts.x].astype(str)})


def changes_of_teams(found: Shown, titles: Mapping[str, str]) -> list[Exhibit]:
    """Return the change of each team with its interval, pulse by pulse."""
    rows = found.pipe(_changes)
    return [_forest(found, rows, measure, titles[measure]) for measure in rows.what["measure"].unique()]


def _changes(found: Verdicts) -> pd.DataFrame:
    return found.tidy().dropna(subset=["estimate"]).sort_values("team")


def _forest(found: Shown, rows: Shown, measure: str, title: str) -> Exhibit:
    of_measure = rows.pipe(lambda table: table.loc[table["measure"] == measure])
    these = replace(of_measure, mask=of_measure.mask[:0])
    return Exhibit(
        f"forest_{measure}",
        figures.forest(these, names="team", xlabel=f"Change of {title.lower()}, percentage points"),
        found.say(lambda found: f"Forest plot: change of each team with its interval, by name. {found.sentence()}"),
        f"{title}: change from before to after, each team with its 95% interval; not a ranking; teams of too few "
        "people are not drawn",
        these.pipe(lambda table: table[CHANGE]),
    )


def levels_of_teams(levels: Shown, measure: str, title: str) -> Exhibit | None:
    """Return the levels of teams side by side, with limits for their size; none of few teams."""
    if len(levels.what) < FEWEST_TEAMS:
        return None
    columns = {"numerator": "positive", "denominator": "answers", "group": "team", "multiply": 100}
    found = levels.pipe(lambda table: improvement.funnel(table, **columns))
    return Exhibit(
        f"funnel_{measure}",
        figures.plot_funnel(found, ylabel=f"{title} (%)", xlabel="Answers in the last three months", name=0),
        found.say(lambda found: f"Funnel plot of {title.lower()}, one point per team. {found.sentence()}"),
        f"{title}: teams in the last three months, with limits for their size, from counts to the nearest 5",
        found.pipe(_levels),
    )


def _levels(found: Funnel) -> pd.DataFrame:
    table = found.points[["team", "denominator", "value"]].rename(columns={"denominator": "answers"})
    return table.assign(value=table["value"].round())
