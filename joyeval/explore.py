"""Widgets for JupyterLab: choose, and see at once what the library says. Nothing is saved, nothing is worked out here.

Examples
--------
>>> import joyeval as je
>>> je.explore.charts(je.load_study("pipelines/enjoying_work.yml"))  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display

from joyeval import disclosure, improvement, outcomes
from joyeval.disclosure import Shown
from joyeval.errors import JoyevalError, UsageError
from joyeval.exhibits.charts import WHOLE, pulse_chart
from joyeval.figures.render import pictures
from joyeval.measurement import surveys
from joyeval.outcomes.analyses import labels
from joyeval.report.blocks import Figure, Items, Table, Text, plain
from joyeval.report.sections.words import sentence
from joyeval.report.tables import layout
from joyeval.study import Analysis

if TYPE_CHECKING:
    from collections.abc import Callable

    from joyeval.study import Study

EXPLORATORY = "Exploratory: you may have looked at many of these. Name an analysis beforehand before you rely on it."


def charts(study: Study) -> widgets.VBox:
    """Show the control chart of a pulse: choose cohort, measure, team and rule set.

    Parameters
    ----------
    study : Study
        Whose first step, 01_clean_waves, has been run.

    Returns
    -------
    VBox
        The choices, the chart and what it says.
    """
    cohort = _cohorts(study, "pulses", "pulse")
    measure = widgets.Dropdown(description="Measure")
    team = widgets.Dropdown(description="Team")
    rules = widgets.Dropdown(options=[(r.title, name) for name, r in improvement.RULES.items()], description="Rules")

    def refill(_: Any = None) -> None:
        _offer(measure, {part.title: part.measure for part in study.of_cohort("pulses", cohort.value)})
        teams = sorted(study.table("pulse", cohort=cohort.value)["team"].unique())
        _offer(team, {name: name for name in (WHOLE, *teams)})

    cohort.observe(refill, "value")
    refill()
    return _panel(
        {"cohort": cohort, "measure": measure, "team": team, "rules": rules},
        lambda **chosen: _tell(chart_of(study, **chosen), draw_chart(study, **chosen)),
    )


def chart_of(study: Study, *, cohort: str, measure: str, team: str = WHOLE, rules: str = "anhoej") -> Shown:
    """Return the chart of one measure, of one team or of all together, as it may be shown.

    Raises
    ------
    UsageError
        Too few people stand behind the points of the team.
    """
    pulse, whole = study.table("pulse", cohort=cohort), team == WHOLE
    staff = disclosure.in_post(study.table("teams", cohort=cohort), published=study.published(cohort))
    made = improvement.cohort_charts if whole else improvement.team_charts
    people = staff.sum() if whole else staff
    chosen = made(study, cohort, pulse, rules=rules).only(measure=measure)
    rule = disclosure.rule_of(study)
    shown = disclosure.show(chosen, audience=rule, people=people)
    if not whole and team not in set(shown.what.series["team"]):
        raise UsageError(f"{team}: fewer than {rule.threshold} people stand behind its points, so none is shown")
    return shown if whole else shown.pipe(lambda charts: charts.only(team=team))


def draw_chart(study: Study, *, cohort: str, measure: str, team: str = WHOLE, rules: str = "anhoej") -> Figure:
    """Return the picture of `chart_of`, with its description in words."""
    title = next(part.title for part in study.of_cohort("pulses", cohort) if part.measure == measure)
    found = chart_of(study, cohort=cohort, measure=measure, team=team, rules=rules)
    made = pulse_chart(found, measure, title, who=team)
    return Figure(alt=made.alt, caption=made.caption, **pictures(made.figure))


def scores(study: Study) -> widgets.VBox:
    """Show the mean of a score over the waves of a cohort, for everyone or by role: choose cohort and score."""
    cohort = _cohorts(study, "waves", "response")
    scale = widgets.Dropdown(description="Score")
    by = widgets.Dropdown(options=[("everyone", ""), ("role", "role"), ("team", "team")], description="By")

    def refill(_: Any = None) -> None:
        _offer(scale, {title: name for name, (title, _) in surveys.scales(study, cohort.value).items()})

    cohort.observe(refill, "value")
    refill()
    return _panel({"cohort": cohort, "scale": scale, "by": by}, lambda **chosen: _tell(_score_table(study, **chosen)))


def scores_of(study: Study, *, cohort: str, scale: str, by: str = "") -> Shown:
    """Return wave x group means of a score with the people behind each, as they may be shown."""
    answers = surveys.respondents(study.store(cohort)).rename(columns={scale: "mean"})
    groups = ["wave", by] if by else ["wave"]
    table = answers.groupby(groups, sort=False)["mean"].agg(["count", "mean"]).reset_index()
    within = ["wave"] if by else None
    named = table.rename(columns={"count": "n"})
    return disclosure.show(named, audience=disclosure.rule_of(study), people="n", by=groups, within=within)


def _score_table(study: Study, **chosen: str) -> Table:
    title = surveys.scales(study, chosen["cohort"])[chosen["scale"]][0]
    return layout(scores_of(study, **chosen), caption=f"{title}: mean at every wave", header_columns=1)


def links(study: Study) -> widgets.VBox:
    """Show what a pulse goes with: choose cohort, staff measure, outcome and the months between them."""
    cohort = _cohorts(study, "pulses", "pulse")
    staff = widgets.Dropdown(description="Staff")
    outcome = widgets.Dropdown(options=[(part.title, part.measure) for part in study.outcomes], description="Outcome")
    window = widgets.IntRangeSlider(value=(1, 3), min=-6, max=12, description="Months", continuous_update=False)

    def refill(_: Any = None) -> None:
        _offer(staff, {part.title: part.measure for part in study.of_cohort("pulses", cohort.value)})

    cohort.observe(refill, "value")
    refill()
    return _panel(
        {"cohort": cohort, "staff": staff, "outcome": outcome, "window": window},
        lambda **chosen: _tell(link_of(study, **chosen), EXPLORATORY),
    )


def link_of(study: Study, *, cohort: str, staff: str, outcome: str, window: tuple[int, int]) -> Shown:
    """Return the association of a staff measure with an outcome, within and between teams, as it may be shown."""
    named = Analysis(staff=staff, outcome=outcome, window=tuple(window))
    linkage = outcomes.linked(study, cohort, study.store(cohort), named)
    x, y = labels(study, named)
    found = outcomes.within_between(linkage, y=y, x=x, role="exploratory")
    people = disclosure.people_of(study.store(cohort))
    return disclosure.show(found, audience=disclosure.rule_of(study), people=people)


def _cohorts(study: Study, part: str, table: str) -> widgets.Dropdown:
    """Return the choice of the cohorts that have this part of a study and have been run."""
    names = [cohort.cohort for cohort in study.cohorts if study.of_cohort(part, cohort.cohort)]
    ready = [name for name in names if table in study.store(name).tables()]
    if not ready:
        raise UsageError(f"{study.title}: no cohort with {part} has been run yet; joyeval run {study.path} does that")
    return widgets.Dropdown(options=ready, description="Cohort")


def _offer(box: widgets.Dropdown, choices: dict[str, str]) -> None:
    """Offer these choices, by their titles; the first is chosen."""
    box.options = list(choices.items())
    box.value = next(iter(choices.values()), None)


def _panel(choices: dict[str, widgets.Widget], show: Callable[..., None]) -> widgets.VBox:
    """Return the choices above what they show; whatever cannot be answered is said in words."""

    def safely(**chosen: Any) -> None:
        if any(value is None for value in chosen.values()):
            return
        try:
            show(**chosen)
        except JoyevalError as error:
            _tell(str(error))

    return widgets.VBox([widgets.HBox(list(choices.values())), widgets.interactive_output(safely, choices)])


def _tell(*things: Any) -> None:
    """Display results as their sentence and caveats, text as text; blocks show themselves."""
    for thing in things:
        if isinstance(thing, Shown):
            display(Text(plain(thing.sentence())), Items(tuple(plain(sentence(note)) for note in thing.notes)))
        else:
            display(Text(plain(thing)) if isinstance(thing, str) else thing)
