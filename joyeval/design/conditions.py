"""The conditions of a cohort: how many teams, people and weeks there were, and how much answers differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import ModelError
from joyeval.measurement.surveys import instruments, respondents, scales
from joyeval.models import mixed
from joyeval.models.design import quoted

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.store import Store
    from joyeval.study import Study


@dataclass(frozen=True)
class Conditions:
    """What is simulated; the defaults are those of a small programme.

    Parameters
    ----------
    teams, people : int
        Teams, and people in each who could answer.
    weeks, before : int
        Periods of a pulse, and how many of them come before the start.
    answers : int
        Of a team in one period.
    share : float
        Positive answers, 0 to 1.
    drift : float
        Standard deviation of slowly moving weeks on the scale of log odds (neighbours correlate by 0.8).
    response, linkage : float
        Share who answer a survey wave, and share of those of one wave whose answers to the next can be linked.
    between, person, rest : float
        Standard deviations of a survey score: of teams, of people within them, and of one person's answers.
    shock : float
        Standard deviation of what a team shares in one wave only, as a share of `person`.
    unit : str
        Of the survey score.
    periods : int
        Of staff experience and outcome together, for an association.
    waves : int
        Of the survey, and of coordination.
    workgroups, raters : int
        That rate each other in a coordination survey, and members of each; 0 workgroups where there is none.
    """

    teams: int = 12
    people: int = 12
    weeks: int = 52
    before: int = 17
    answers: int = 6
    share: float = 0.6
    drift: float = 0.15
    response: float = 0.6
    linkage: float = 0.5
    between: float = 0.2
    person: float = 0.6
    rest: float = 0.5
    shock: float = 0.15
    unit: str = "points"
    periods: int = 18
    waves: int = 2
    workgroups: int = 0
    raters: int = 8


def conditions_of(study: Study, cohort: str, store: Store) -> Conditions:
    """Take from the tables of a cohort that has run what they tell; the rest stays as in `Conditions`."""
    teams = store.table("teams")
    found: dict[str, float | int | str] = {"teams": len(teams)}
    if teams["headcount"].notna().any():
        found["people"] = max(int(teams["headcount"].median()), 2)
    names = store.tables()
    if "pulse" in names:
        found |= _of_pulse(store.table("pulse"), teams)
    if any(name.startswith("wave_") for name in names):
        found |= _of_survey(study, cohort, store, int(found.get("people", Conditions.people)) * len(teams))
    if "ties" in names:
        found |= _of_ties(store.table("ties"))
    return Conditions(**found)  # type: ignore[arg-type]


def _of_ties(ties: pd.DataFrame) -> dict[str, int]:
    """Return workgroups and raters of a typical process and wave."""
    seen = ties.groupby(["process", "wave"], observed=True)
    raters = ties.groupby(["process", "wave", "workgroup"], observed=True)["person"].nunique()
    groups = seen["workgroup"].nunique().median()
    return {"workgroups": int(groups), "raters": max(int(raters.median()), 2)} if groups >= 2 else {}


def _of_pulse(pulse: pd.DataFrame, teams: pd.DataFrame) -> dict[str, float | int]:
    first = pulse[pulse["measure"] == pulse["measure"].iloc[0]].dropna(subset=["answers"])
    first = first[first["answers"] > 0]
    if first.empty or first["positive"].isna().all():
        return {}
    weeks = int(first.groupby("team")["period"].nunique().median())
    starts = first["team"].map(teams.set_index("team")["start_date"])
    before = (first["period"] < starts).groupby(first["team"]).sum().median()
    return {
        "weeks": weeks,
        "before": int(np.clip(before, 3, weeks - 3)) if weeks >= 6 else weeks // 2,
        "answers": max(int(first["answers"].median()), 1),
        "share": float(np.clip(first["positive"].sum() / first["answers"].sum(), 0.05, 0.95)),
    }


def _of_survey(study: Study, cohort: str, store: Store, staff: int) -> dict[str, float | str]:
    answers = respondents(store)
    items = {name: len(scale.items) for one in instruments(study, cohort) for name, scale in one.scales.items()}
    asked = [name for name in items if name in answers and answers[name].notna().sum() > 20]
    if not asked:
        return {}
    scale = max(asked, key=items.__getitem__)  # the longest: single items and shares vary in a way of their own
    rows = answers[["person", "team", "wave", scale]].dropna()
    sizes = rows.groupby("wave", sort=False).size()
    found: dict[str, float | str] = {
        "response": float(np.clip(sizes.mean() / max(staff, 1), 0.05, 1.0)),
        "unit": f"points of {scales(study, cohort)[scale][0].lower()}",
    }
    if len(sizes) > 1:
        first, second = (set(rows.loc[rows["wave"] == wave, "person"]) for wave in sizes.index[:2])
        found["linkage"] = len(first & second) / len(first)
    try:
        model = mixed(f"{quoted(scale)} ~ C(wave)", rows, groups=["team", "person"])
    except ModelError:
        return found
    sd = model.variances.set_index("group")["estimate"]
    return found | {"between": float(sd["team"]), "person": float(sd["person"]), "rest": float(model.sigma)}
