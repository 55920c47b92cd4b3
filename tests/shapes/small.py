"""Small studies of every shape: files and study file, as an evaluator would hold them."""

from __future__ import annotations

import heapq
import shutil
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pandas as pd
import yaml

from tests.conftest import ROOT

STARTS = pd.Timestamp("2024-01-01")
RC = ("freq", "time", "accu", "prob", "goal", "know", "resp")


@dataclass(frozen=True)
class Shape:
    """What a study has: one value of each of `CHOICES`."""

    pulses: str = "none"
    waves: int = 0
    questions: str = "one scale"
    outcomes: str = "none"
    coordination: int = 0
    events: str = "none"
    teams: int = 3
    people: int = 12

    def __str__(self):
        return (
            f"{self.pulses} pulses, {self.waves} waves ({self.questions}), {self.outcomes} outcomes, "
            f"{self.coordination} rc, {self.events} events, {self.teams} teams of {self.people}"
        )


CHOICES = {
    "pulses": ("none", "weekly"),
    "waves": (0, 1, 2, 4),
    "questions": ("one scale", "some waves only", "one item"),
    "outcomes": ("none", "alone", "primary"),
    "coordination": (0, 1, 2, 3),
    "events": ("none", "some"),
    "teams": (1, 3, 22),
    "people": (4, 12, 30),
}
ITEMS = {"psychological_safety_7": [f"psafety_{i}" for i in range(1, 8)], "burnout_item": ["burnout_answer"]}


def can_be(shape: Shape) -> bool:
    """Whether the parts go together: a primary analysis needs a staff measure; questions need a wave."""
    if shape.outcomes == "primary" and shape.pulses == "none" and not shape.waves:
        return False
    if not shape.waves and shape.questions != "one scale":
        return False
    return not (shape.questions == "some waves only" and shape.waves < 2)


def build(home, shape: Shape, seed: int = 1):
    """Write the files and the study file of a shape; return the path of the study file."""
    rng = np.random.default_rng(seed)
    data, pipelines = home / "data" / "raw" / "small", home / "pipelines"
    for folder in (data, pipelines, home / "notebooks"):
        folder.mkdir(parents=True, exist_ok=True)
    for notebook in (ROOT / "notebooks").glob("0*.ipynb"):
        shutil.copy(notebook, home / "notebooks")
    names = [f"Ward {letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUV"[: shape.teams]]
    pd.DataFrame({"Team": names, "Staff": shape.people}).to_csv(data / "teams.csv", index=False)
    written = {
        "study": "small",
        "title": "A small study",
        "data": "../data/raw/small",
        "programme": {"name": "Small", "aim": "More good days."},
        "cohorts": [
            {
                "cohort": "a",
                "title": "First cohort",
                "start": STARTS.date(),
                "end": pd.Timestamp("2025-06-30").date(),
                "phases": [
                    {"name": "baseline", "start": STARTS.date(), "end": pd.Timestamp("2024-04-30").date()},
                    {
                        "name": "programme",
                        "start": pd.Timestamp("2024-05-01").date(),
                        "end": pd.Timestamp("2025-06-30").date(),
                    },
                ],
            }
        ],
        "teams": {"file": "teams.csv", "columns": {"team": "Team", "headcount": "Staff"}},
    }
    for part in (_pulses, _waves, _outcomes, _coordination, _events):
        part(data, written, shape, names, rng)
    path = pipelines / "small.yml"
    path.write_text(yaml.dump(written, Dumper=_Plain, sort_keys=False), encoding="utf-8")
    return path


def _pulses(data, written, shape, names, rng):
    if shape.pulses == "none":
        return
    weeks = pd.date_range(STARTS, periods=60, freq="W-MON")
    table = pd.DataFrame({"Week": np.tile(weeks.strftime("%Y-%m-%d"), len(names)), "Team": np.repeat(names, 60)})
    table["Answers"] = rng.integers(1, shape.people + 1, len(table))
    table["Good days"] = rng.binomial(table["Answers"], 0.6)
    table.to_csv(data / "pulse.csv", index=False)
    columns = {"period": "Week", "team": "Team", "positive": "Good days", "answers": "Answers"}
    part = {"measure": "good_day", "title": "Good day", "cohorts": ["a"], "period": "week", "file": "pulse.csv"}
    written["pulses"] = [part | {"columns": columns}]


def _waves(data, written, shape, names, rng):
    asked = {
        "one scale": ["psychological_safety_7"],
        "one item": ["burnout_item"],
        "some waves only": ["psychological_safety_7", "burnout_item"],
    }
    days = pd.date_range("2024-02-01", periods=max(shape.waves, 1), freq="120D")
    for wave in range(shape.waves):
        here = asked[shape.questions]
        here = here[:1] if shape.questions == "some waves only" and wave % 2 else here
        people = len(names) * shape.people
        table = pd.DataFrame(
            {"Code": [f"P{i:04d}" for i in range(people)], "Team": np.repeat(names, shape.people), "Sent": days[wave]}
        )
        for instrument in here:
            level = rng.normal(0, 1, people)
            for item in ITEMS[instrument]:
                top = 7 if instrument.startswith("psych") else 5
                table[item] = np.clip(np.round((top + 1) / 2 + level + rng.normal(0, 1, people)), 1, top).astype(int)
        table["Sent"] = table["Sent"].dt.strftime("%Y-%m-%d")
        table = table[rng.random(people) < 0.9] if people > 4 else table
        table.to_csv(data / f"wave{wave + 1}.csv", index=False)
        columns = {"person": "Code", "team": "Team", "date": "Sent"} | {i: i for n in here for i in ITEMS[n]}
        end = (days[wave] + pd.Timedelta("20D")).date()
        part = {"wave": f"{wave + 1}-wave", "cohorts": ["a"], "instruments": here, "file": f"wave{wave + 1}.csv"}
        written.setdefault("waves", []).append(part | {"start": days[wave].date(), "end": end, "columns": columns})


def _outcomes(data, written, shape, names, rng):
    if shape.outcomes == "none":
        return
    months = pd.date_range(STARTS, periods=18, freq="MS")
    table = pd.DataFrame({"Month": np.tile(months.strftime("%Y-%m-%d"), len(names)), "Team": np.repeat(names, 18)})
    table["All"] = rng.integers(5, 40, len(table))
    table["Good"] = rng.binomial(table["All"], 0.8)
    table.to_csv(data / "outcome.csv", index=False)
    columns = {"period": "Month", "team": "Team", "numerator": "Good", "denominator": "All"}
    part = {"measure": "experience", "title": "Experience", "kind": "proportion", "unit": "%", "improve": "increase"}
    written["outcomes"] = [part | {"period": "month", "file": "outcome.csv", "columns": columns}]
    if shape.outcomes == "primary":
        wave = {"one item": "burnout", "one scale": "psychological_safety", "some waves only": "psychological_safety"}[
            shape.questions
        ]
        staff = "good_day" if shape.pulses != "none" else wave
        written["primary"] = {"staff": staff, "outcome": "experience", "window": [1, 3]}


def _coordination(data, written, shape, names, rng):
    groups = ["Nurses", "Doctors", "Therapists"]
    for wave in range(shape.coordination):
        rows = [
            {"Person": f"{group[0]}{i}", "Group": group, "Rated": other, "Process": "discharge"}
            | {d: int(rng.integers(2, 6)) for d in RC}
            for group in groups
            for i in range(max(shape.people // 3, 2))
            for other in groups
        ]
        pd.DataFrame(rows).to_csv(data / f"rc{wave + 1}.csv", index=False)
        columns = {"person": "Person", "workgroup": "Group", "target": "Rated", "process": "Process"} | {
            d: d for d in RC
        }
        part = {"wave": f"{wave + 1}-rc", "cohorts": ["a"], "layout": "ties", "frequency": "scored"}
        written.setdefault("coordination", []).append(part | {"file": f"rc{wave + 1}.csv", "columns": columns})


def _events(data, written, shape, names, rng):
    if shape.events == "none":
        return
    rows = [("2024-05-01", "cohort", "a", "learning set", "First"), ("2024-07-01", "team", names[0], "huddle", "Daily")]
    table = pd.DataFrame(rows, columns=["Date", "Scope", "Id", "Kind", "Label"])
    table.to_csv(data / "events.csv", index=False)
    columns = {"date": "Date", "scope": "Scope", "scope_id": "Id", "kind": "Kind", "label": "Label"}
    written["events"] = {"file": "events.csv", "columns": columns}


class _Plain(yaml.SafeDumper):
    """Writes every value out in full."""

    def ignore_aliases(self, data):
        return True


def every_shape() -> list[Shape]:
    """Return the whole grid."""
    every = (Shape(**dict(zip(CHOICES, values, strict=True))) for values in product(*CHOICES.values()))
    return [shape for shape in every if can_be(shape)]


def covering(size: int) -> list[Shape]:
    """Return few shapes in which every `size` choices that go together are met, those that cost least first."""
    shapes = sorted(every_shape(), key=_cost)
    met = [frozenset(combinations([(name, getattr(shape, name)) for name in CHOICES], size)) for shape in shapes]
    missing, chosen = set().union(*met), []
    waiting = [(-len(choices), i) for i, choices in enumerate(met)]  # most new choices first, of equals the cheapest
    while missing:
        _, i = heapq.heappop(waiting)
        new = len(met[i] & missing)
        if waiting and (-new, i) > waiting[0]:  # others may have more by now
            heapq.heappush(waiting, (-new, i))
            continue
        chosen.append(shapes[i])
        missing -= met[i]
    return sorted(chosen, key=_cost)


def _cost(shape):
    return (1 + shape.coordination) * shape.people + shape.teams * shape.people * (1 + shape.waves)
