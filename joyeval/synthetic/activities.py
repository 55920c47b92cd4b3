"""What was done and when: the events of the programme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.synthetic.programme import PLANS, plan_of

if TYPE_CHECKING:
    from datetime import date

    from joyeval.synthetic.programme import Plan, Programme

PRACTICES = (
    "model the way",
    "doing with",
    "effective conversations",
    "huddles",
    "label and link",
    "improve daily",
)
CHANGE_IDEAS = (
    "Protected breaks", "Thank-you board", "Ten-minute check-in", "Shared lunch on Wednesdays", "Quiet room",
    "Fewer meetings", "Buddy for new starters", "Walk and talk", "Rota agreed a month ahead", "No e-mail after six",
    "Good-news round", "Peer supervision",
)  # fmt: skip
COLUMNS = ["date", "scope", "scope_id", "kind", "label"]


def events(programme: Programme) -> pd.DataFrame:
    """Return one row per event: ``date, scope`` (team, cohort or network), ``scope_id, kind, label``."""
    rng = programme.rng(5)
    parts = [_network(), *(_cohort(plan) for plan in PLANS)]
    parts += [_team(team, rng) for team in programme.teams.to_dict("records")]
    return pd.concat(parts, ignore_index=True).sort_values(COLUMNS, kind="stable").reset_index(drop=True)


def _network() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (plan.programme, "network", "enjoying_work", "workshop", f"Network day: {plan.title.lower()} begins")
            for plan in PLANS
        ],
        columns=COLUMNS,
    ).assign(date=lambda d: pd.to_datetime(d["date"]))


def _cohort(plan: Plan) -> pd.DataFrame:
    """Six learning sets with action periods between them, a call every month, two workshops."""
    sets = _spread(plan.programme, plan.sustain, 6)
    calls = _spread(plan.programme, plan.end, 8)
    rows = [(day, "learning set", f"Learning set {i}") for i, day in enumerate(sets, 1)]
    rows += [(day + pd.Timedelta(days=7), "action period", f"Action period {i}") for i, day in enumerate(sets[:-1], 1)]
    rows += [(day, "coaching call" if i % 2 else "leadership call", f"Call {i}") for i, day in enumerate(calls, 1)]
    rows += [
        (sets[0] + pd.Timedelta(days=1), "workshop", "What matters to you?"),
        (sets[-1], "workshop", "Celebration"),
    ]
    table = pd.DataFrame(rows, columns=["date", "kind", "label"])
    return table.assign(scope="cohort", scope_id=plan.cohort)[COLUMNS]


def _team(team: dict, rng: np.random.Generator) -> pd.DataFrame:
    """Teams that improve try more: test cycles, huddles and practices rise with the effect, with much scatter."""
    plan = plan_of(team["cohort"])
    dose = 1.0 + 0.8 * max(team["effect"], -0.5)
    ideas = rng.choice(CHANGE_IDEAS, 1 + rng.binomial(3, 0.5), replace=False)
    rows = [("change idea", idea) for idea in ideas]
    rows += [("pdsa cycle", f"{rng.choice(ideas)}: cycle {i}") for i in range(1, 1 + rng.poisson(4 * dose))]
    rows += [("huddle", "Team huddle")] * int(rng.poisson(6 * dose))
    rows += [(practice, practice.capitalize()) for practice in PRACTICES for _ in range(rng.poisson(1.2 * dose))]
    first, last = pd.Timestamp(team["start_date"]), pd.Timestamp(plan.end)
    days = np.sort(rng.integers(0, (last - first).days - 60, len(rows)))
    table = pd.DataFrame(rows, columns=["kind", "label"])
    return table.assign(date=first + pd.to_timedelta(days, unit="D"), scope="team", scope_id=team["team"])[COLUMNS]


def _spread(start: date, end: date, n: int) -> pd.DatetimeIndex:
    """Return n days, evenly spread from the second week of a stretch to its end."""
    first, last = pd.Timestamp(start) + pd.Timedelta(days=8), pd.Timestamp(end) - pd.Timedelta(days=10)
    return pd.DatetimeIndex([first + (last - first) * i / (n - 1) for i in range(n)]).normalize()
