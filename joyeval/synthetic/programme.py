"""Who takes part in the demonstration programme, when, and what is true about them.

Every number here is an assumption that was chosen, not measured; `Truth` names them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

PLACES = (
    "Harbour", "Larch", "Millbrook", "Foxglove", "Kestrel", "Rowan", "Heron", "Juniper", "Meadow", "Sandpiper",
    "Willow", "Beacon", "Alder", "Curlew", "Orchard", "Quarry", "Hazel", "Lapwing", "Ferry", "Bramble", "Cedar",
    "Plover", "Weir", "Clover", "Aspen", "Dunlin", "Bridge", "Heather", "Maple", "Skylark", "Canal", "Primrose",
    "Elm", "Swift", "Wharf", "Yarrow", "Birch", "Linnet", "Hilltop", "Teasel", "Hawthorn", "Osprey", "Lockside",
    "Sorrel", "Sycamore", "Wren", "Marsh", "Campion", "Poplar", "Redwing", "Viaduct", "Burdock", "Chestnut",
    "Starling", "Quayside", "Tansy", "Hornbeam", "Fieldfare", "Moorland", "Bluebell", "Spindle", "Whimbrel",
    "Riverside", "Comfrey", "Blackthorn", "Goldcrest", "Station", "Lavender", "Walnut", "Avocet", "Market",
    "Mallow", "Laburnum", "Siskin",
)  # fmt: skip

SETTINGS = {  # setting: directorate, what such a team is called
    "community": ("Adult community", "Community Team"),
    "inpatient": ("Inpatient", "Ward"),
    "talking therapies": ("Talking therapies", "Talking Therapies"),
    "older adults": ("Older adults", "Memory Service"),
    "young people": ("Children and young people", "Young People Team"),
    "crisis": ("Urgent care", "Crisis Team"),
    "corporate": ("Corporate", "Support Office"),
}
ROTATION = (
    "community", "inpatient", "talking therapies", "community", "older adults", "inpatient",
    "young people", "community", "crisis", "inpatient", "talking therapies", "corporate",
)  # fmt: skip

ROLES = {
    "Nurse": 0.34,
    "Support worker": 0.22,
    "Allied health professional": 0.14,
    "Psychological therapist": 0.12,
    "Doctor": 0.06,
    "Administrator – clinic": 0.09,
    "Manager": 0.03,
}


@dataclass(frozen=True)
class Plan:
    """Calendar of a cohort (`programme` and `sustain` are the first days of these phases), teams, organisations."""

    cohort: str
    title: str
    start: date
    programme: date
    sustain: date
    end: date
    teams: int
    organisations: tuple[str, ...]
    wave_days: tuple[int, ...] = (35, 215, 335, 490)  # day on which each survey wave opens

    @property
    def mondays(self) -> pd.DatetimeIndex:
        """Monday of every week of the pulse."""
        return pd.date_range(self.start, self.end, freq="W-MON")

    @property
    def months(self) -> pd.DatetimeIndex:
        """First day of every month."""
        return pd.date_range(self.start, self.end, freq="MS")


PLANS = (
    Plan("1", "Prototype", date(2021, 2, 1), date(2021, 4, 1), date(2021, 8, 1), date(2021, 10, 31), 7, ("HFP",),
         wave_days=(21, 110, 170, 240)),
    Plan("2", "First spread", date(2021, 9, 1), date(2022, 1, 1), date(2022, 9, 1), date(2023, 2, 28), 18,
         ("HFP", "NMC")),
    Plan("3", "Second spread", date(2022, 3, 1), date(2022, 7, 1), date(2023, 3, 1), date(2023, 8, 31), 22,
         ("HFP", "NMC", "AVC")),
    Plan("4", "Third spread", date(2022, 9, 1), date(2023, 1, 1), date(2023, 9, 1), date(2024, 2, 29), 14,
         ("NMC", "AVC")),
    Plan("5", "Fourth spread", date(2023, 3, 1), date(2023, 7, 1), date(2024, 3, 1), date(2024, 8, 31), 13,
         ("HFP", "AVC")),
)  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """Effects and variance components behind the data; good days on the logit scale unless said otherwise."""

    share_improve: float = 0.43
    share_deteriorate: float = 0.27
    improve: tuple[float, float] = (0.95, 0.15)  # mean, SD over teams of the full effect
    deteriorate: tuple[float, float] = (-0.70, 0.15)
    ramp_days: int = 140  # from a team's start to the full effect
    fade: float = 0.15  # share of the effect that is lost by the end of the sustain phase
    intercept: float = 0.25
    team_sd: float = 0.45
    person_sd: float = 0.80
    week_sd: float = 0.20  # shocks shared by a team in a week
    winter: float = 0.12  # half the distance between midsummer and midwinter
    leaving_per_month: float = 0.012
    slip: float = 0.06  # chance that an element of a linkage code differs from the person's true one
    burnout_on_response: float = -0.45  # log odds of answering a survey per SD of burnout
    outcomes: dict[str, dict[str, float]] = field(
        default_factory=lambda: {
            "fft_positive": {"within": 1.2, "between": 2.0, "team_sd": 0.35, "noise_sd": 0.15, "rho": 0.4},
            "incidents": {"within": -1.0, "between": -1.0, "team_sd": 0.30, "noise_sd": 0.20, "rho": 0.4},
            "dialog": {"within": 0.35, "between": 0.5, "team_sd": 0.25, "noise_sd": 0.08, "rho": 0.3},
            "sickness": {"within": 0.0, "between": 0.0, "team_sd": 0.25, "noise_sd": 0.15, "rho": 0.3},
        }
    )


@dataclass(frozen=True)
class Programme:
    """The people and teams, and the assumptions that made them."""

    seed: int
    truth: Truth
    teams: pd.DataFrame
    people: pd.DataFrame

    def rng(self, topic: int) -> np.random.Generator:
        """Return the random numbers of one topic, so that a change in one leaves the others as they are."""
        return np.random.default_rng([self.seed, topic])


def found(seed: int) -> Programme:
    """Make the teams and people of the programme."""
    truth, rng = Truth(), np.random.default_rng([seed, 0])
    teams = _teams(truth, rng)
    return Programme(seed, truth, teams, _people(teams, truth, rng))


def plan_of(cohort: str) -> Plan:
    """Return the calendar of a cohort."""
    return next(plan for plan in PLANS if plan.cohort == cohort)


def _teams(truth: Truth, rng: np.random.Generator) -> pd.DataFrame:
    n = sum(plan.teams for plan in PLANS)
    setting = [ROTATION[i % len(ROTATION)] for i in range(n)]
    plans = [plan for plan in PLANS for _ in range(plan.teams)]
    late = rng.choice([0, 0, 0, 14, 28], n)  # days after the cohort began
    course = np.concatenate([_courses(plan.teams, truth, rng) for plan in PLANS])
    return pd.DataFrame(
        {
            "cohort": [plan.cohort for plan in plans],
            "team": [f"{place} {SETTINGS[s][1]}" for place, s in zip(PLACES, setting, strict=True)],
            "organisation": [plan.organisations[i % len(plan.organisations)] for i, plan in enumerate(plans)],
            "directorate": [SETTINGS[s][0] for s in setting],
            "setting": setting,
            "headcount": 4 + np.minimum(np.round(rng.gamma(1.3, 3.3, n)), 16).astype(int),
            "start_date": pd.to_datetime([plan.programme for plan in plans]) + pd.to_timedelta(late, unit="D"),
            "course": course,
            "effect": _effects(course, truth, rng),
            "level": truth.intercept + truth.team_sd * rng.standard_normal(n),
        }
    )


def _courses(n: int, truth: Truth, rng: np.random.Generator) -> np.ndarray:
    improve, deteriorate = round(truth.share_improve * n), round(truth.share_deteriorate * n)
    return rng.permutation(
        ["improve"] * improve + ["deteriorate"] * deteriorate + ["stay"] * (n - improve - deteriorate)
    )


def _effects(course: np.ndarray, truth: Truth, rng: np.random.Generator) -> np.ndarray:
    z = np.clip(rng.standard_normal(len(course)), -2, 2)
    up, down = (mean + sd * z for mean, sd in (truth.improve, truth.deteriorate))
    return np.select([course == "improve", course == "deteriorate"], [up, down], 0.0)


def _people(teams: pd.DataFrame, truth: Truth, rng: np.random.Generator) -> pd.DataFrame:
    """Staff in post at the start, and those who took the place of leavers."""
    first = _staff(teams, np.repeat(teams.index, teams["headcount"]), truth, rng)
    start, end = _calendar(teams, first["team_index"])
    first["joined"] = start
    first["left"] = _leaving(first, start, truth, rng)
    gone = first[(first["left"] <= end) & (rng.random(len(first)) < 0.85)]
    later = _staff(teams, gone["team_index"].to_numpy(), truth, rng)
    later["joined"] = gone["left"].to_numpy() + pd.to_timedelta(rng.integers(14, 90, len(gone)), unit="D")
    later["left"] = _leaving(later, later["joined"], truth, rng)
    people = pd.concat([first, later], ignore_index=True)
    return people.assign(person=people.index, **linkage_codes(len(people), rng))


def _staff(teams: pd.DataFrame, team_index: np.ndarray, truth: Truth, rng: np.random.Generator) -> pd.DataFrame:
    n = len(team_index)
    return pd.DataFrame(
        {
            "team_index": team_index,
            "cohort": teams["cohort"].to_numpy()[team_index],
            "team": teams["team"].to_numpy()[team_index],
            "role": rng.choice(list(ROLES), n, p=list(ROLES.values())),
            "trait": truth.person_sd * rng.standard_normal(n),
            "participation": rng.beta(1.8, 3.4, n),
        }
    )


def _calendar(teams: pd.DataFrame, team_index: pd.Series) -> tuple[pd.Series, pd.Series]:
    cohort = team_index.map(teams["cohort"])
    return tuple(
        pd.to_datetime(cohort.map({plan.cohort: getattr(plan, day) for plan in PLANS})) for day in ("start", "end")
    )


def _leaving(people: pd.DataFrame, since: pd.Series, truth: Truth, rng: np.random.Generator) -> pd.Series:
    """Day on which each person leaves; people with fewer good days leave sooner."""
    rate = truth.leaving_per_month * np.exp(-0.5 * people["trait"])
    days = np.minimum(30.4 * rng.exponential(1 / rate), 3650)
    return since + pd.to_timedelta(np.round(days), unit="D")


LETTERS = tuple("ABCDEFGHIJKLMNOPRSTW")
CODE_VALUES = {  # elements of the code that respondents make for themselves
    "code_day": tuple(f"{day:02d}" for day in range(1, 32)),
    "code_month": tuple(f"{month:02d}" for month in range(1, 13)),
    "code_mother": tuple(a + b for a in LETTERS for b in "AEHILORU"),
    "code_siblings": tuple("01234"),
    "code_birthplace": LETTERS,
    "code_school": LETTERS,
}


def linkage_codes(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the true elements of the linkage codes of n people."""
    return {name: rng.choice(values, n) for name, values in CODE_VALUES.items()}


def climate(programme: Programme, team_index: np.ndarray, days: pd.Series) -> np.ndarray:
    """Log odds of a good day for an average member of a team on a day, without the shocks of single weeks."""
    teams, truth = programme.teams.loc[team_index], programme.truth
    sustain = pd.to_datetime(teams["cohort"].map({plan.cohort: plan.sustain for plan in PLANS}))
    since_start = (days.to_numpy() - teams["start_date"].to_numpy()) / np.timedelta64(1, "D")
    since_sustain = (days.to_numpy() - sustain.to_numpy()) / np.timedelta64(1, "D")
    dose = np.clip(since_start / truth.ramp_days, 0, 1) * (1 - truth.fade * np.clip(since_sustain / 180, 0, 1))
    season = -truth.winter * np.cos(2 * np.pi * (days.dt.day_of_year.to_numpy() - 15) / 365)
    return teams["level"].to_numpy() + teams["effect"].to_numpy() * dose + season
