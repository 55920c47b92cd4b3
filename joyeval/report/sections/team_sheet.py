"""A sheet for each team: its own pulses, for itself alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import joyeval
from joyeval import disclosure, report
from joyeval.exhibits.charts import own_pulse
from joyeval.improvement.pulses import own_chart
from joyeval.report.audiences import for_team
from joyeval.report.messages import catalogue
from joyeval.report.sections.front import mark
from joyeval.report.sections.summary import last_day

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from joyeval.disclosure import Shown
    from joyeval.improvement import Charts
    from joyeval.report.messages import Catalogue
    from joyeval.store import Store
    from joyeval.study import Study

MARKED = ["change idea"]  # of what a team logged, what its chart marks


def team_sheets(study: Study, cohort: str, store: Store, *, rules: str = "anhoej") -> None:
    """Emit one sheet for each team with pulses: its run charts with what it tried, and what is left out of them.

    Parameters
    ----------
    rules : str
        Name of a rule set; see `joyeval.improvement.RULES`.
    """
    staff = disclosure.in_post(store.table("teams"), published=study.published(cohort))
    pulse = store.table("pulse")
    events = store.table("events").query("scope == 'team' and kind in @MARKED") if "events" in store.tables() else None
    say = catalogue(study.language, noun=study.teams.called)
    for team, own in pulse.groupby("team", sort=True):
        with for_team(study, team):
            _front(study, cohort, store, say)
            for part in study.of_cohort("pulses", cohort):
                counts = disclosure.show_own(own[own["measure"] == part.measure], staff=staff[team])
                mine = None if events is None else events[events["scope_id"] == team]
                if counts.asked:
                    _pulse(counts, part.title, staff[team], partial(own_chart, study, cohort, rules=rules), mine, say)


def _front(study: Study, cohort: str, store: Store, say: Catalogue) -> None:
    rule, freeze = disclosure.reader(), last_day(store)
    report.title(
        rule.readers,
        subtitle=say("sheet.title", study=study.title),
        cohort=study.cohort(cohort).title,
        data_as_of=say.day(freeze) if freeze else "",
        version=f"joyeval {joyeval.__version__}",
        language=study.language,
        readers=mark(rule),
    )


def _pulse(
    counts: Shown,
    title: str,
    staff: float,
    chart: Callable[[pd.DataFrame], Charts],
    events: pd.DataFrame | None,
    say: Catalogue,
) -> None:
    """Emit the chart of one pulse, how many answered, and what is left out and why."""
    if counts.mostly_hidden:
        report.text(counts.say(lambda _: say("sheet.hidden", title=title, few=counts.rule.too_little)))
        return
    charts = counts.pipe(chart)
    tried = disclosure.nobody(events, "changes tried") if events is not None and len(events) else None
    alt = charts.say(lambda charts: say("sheet.alt", title=title, found=charts.sentence()))
    invited = counts.what["opportunities"].notna().any()
    report.exhibit(own_pulse(charts, title, tried, alt, say("sheet.caption", title=title), invited=invited))
    report.text(
        charts.say(lambda charts: f"{title}. {charts.sentence()} {say('sheet.signal')}"),
        counts.say(_participation, staff, say),
    )
    if left := len(counts.mask):
        fields = {"left": left, "asked": counts.asked, "few": counts.rule.too_little}
        report.text(counts.say(lambda _: say("sheet.left_out", **fields)))


def _participation(counts: pd.DataFrame, staff: float, say: Catalogue) -> str:
    """Say how many answered, in the periods shown: of those asked, or for each person in post."""
    shown = counts.dropna(subset="answers")
    if shown["opportunities"].notna().all():
        return say("sheet.participation", share=say.number(100 * shown["answers"].sum() / shown["opportunities"].sum()))
    return say("sheet.per_head", answers=say.number(shown["answers"].mean() / staff, 1))
