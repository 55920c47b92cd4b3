"""What staff experience and say: good days week by week, and four survey waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from joyeval.synthetic.programme import CODE_VALUES, PLANS, climate
from joyeval.synthetic.questionnaire import CONSTRUCTS, ITEMS, KEYS

if TYPE_CHECKING:
    from joyeval.synthetic.programme import Programme

WAVES = ("1-baseline", "2-midway", "3-end", "4-sustain")
WAVE_LENGTH = 21  # days that a survey stays open
DAYS_ASKED = 5  # the pulse asks on working days


def staff_weeks(programme: Programme) -> pd.DataFrame:
    """Return one row per person and week in post.

    Returns
    -------
    DataFrame
        ``cohort, team_index, team, week, person, chance`` (of a good day), ``answers`` and ``positive``
        (answers given that week, and how many of them said "a good day").
    """
    rng = programme.rng(1)
    weeks = pd.concat([pd.DataFrame({"cohort": plan.cohort, "week": plan.mondays}) for plan in PLANS])
    rows = programme.people.merge(weeks, on="cohort")
    rows = rows[(rows["joined"] <= rows["week"]) & (rows["week"] < rows["left"])].reset_index(drop=True)
    shock = _weekly_shocks(rows, programme.truth.week_sd, rng)
    chance = expit(climate(programme, rows["team_index"], rows["week"]) + rows["trait"] + shock)
    answers = rng.binomial(DAYS_ASKED, rows["participation"] * _willing(rows))
    keep = ["cohort", "team_index", "team", "week", "person"]
    return rows[keep].assign(chance=chance, answers=answers, positive=rng.binomial(answers, chance))


def _weekly_shocks(rows: pd.DataFrame, sd: float, rng: np.random.Generator) -> np.ndarray:
    group = rows.groupby(["team_index", "week"]).ngroup().to_numpy()
    return sd * rng.standard_normal(group.max() + 1)[group]


def _willing(rows: pd.DataFrame) -> np.ndarray:
    """Share of the first week's participation that is left: it wears off, and few answer around New Year."""
    first = rows.groupby("cohort")["week"].transform("min")
    worn = np.exp(-0.005 * (rows["week"] - first).dt.days / 7)
    holidays = rows["week"].dt.strftime("%m-%d").between("12-21", "12-31")
    return np.where(holidays, 0.15 * worn, worn)


def monthly_share(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return the true share of good days per team and month: ``team, period, share``."""
    period = weeks["week"].dt.to_period("M").dt.to_timestamp()
    share = weeks.groupby([weeks["team"], period.rename("period")], sort=True)["chance"].mean()
    return share.rename("share").reset_index()


def surveys(programme: Programme) -> pd.DataFrame:
    """Return what every respondent of every wave meant to answer.

    Returns
    -------
    DataFrame
        One row per respondent and wave: ``person, cohort, team, role, wave, date``, the elements of the linkage
        code as written (slips included), ``slips`` (how many), and the items as codes from 1 upwards.
    """
    rng = programme.rng(2)
    invited = _invited(programme)
    factors = _factors(invited, programme, rng)
    willing = expit(0.75 + programme.truth.burnout_on_response * factors["burnout"])
    rows = pd.concat([invited, _items(factors, rng)], axis=1)[rng.random(len(invited)) < willing]
    rows = rows.reset_index(drop=True)
    minutes = 1440 * rng.integers(0, WAVE_LENGTH - 1, len(rows)) + rng.integers(420, 1200, len(rows))
    rows = rows.assign(date=rows["opens"] + pd.to_timedelta(minutes, unit="min"))
    rows = rows.assign(**_written_codes(rows, programme.truth.slip, rng))
    keep = ["person", "cohort", "team", "role", "wave", "date", *CODE_VALUES, "slips", *KEYS]
    return rows[keep].sort_values(["cohort", "wave", "date", "person"]).reset_index(drop=True)


def _invited(programme: Programme) -> pd.DataFrame:
    """Everyone in post when a wave opens."""
    opens = [
        {"cohort": plan.cohort, "wave": wave, "opens": pd.Timestamp(plan.start) + pd.Timedelta(days=day)}
        for plan in PLANS
        for wave, day in zip(WAVES, plan.wave_days, strict=True)
    ]
    rows = programme.people.merge(pd.DataFrame(opens), on="cohort")
    return rows[(rows["joined"] <= rows["opens"]) & (rows["opens"] < rows["left"])].reset_index(drop=True)


def _factors(invited: pd.DataFrame, programme: Programme, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Standardised standing of each respondent on each construct: experience, what is lasting, and the moment."""
    truth = programme.truth
    state = climate(programme, invited["team_index"], invited["opens"]) + invited["trait"].to_numpy()
    state = (state - truth.intercept) / np.hypot(truth.team_sd, truth.person_sd)
    lasting = rng.standard_normal((len(programme.people), len(CONSTRUCTS)))[invited["person"]]
    team = rng.standard_normal((len(programme.teams), len(CONSTRUCTS)))[invited["team_index"]]
    moment = rng.standard_normal(lasting.shape)
    own = np.sqrt(0.5) * lasting + np.sqrt(0.5) * moment
    return {
        name: c.experience * state + c.team * team[:, i] + np.sqrt(1 - c.experience**2 - c.team**2) * own[:, i]
        for i, (name, c) in enumerate(CONSTRUCTS.items())
    }


def _items(factors: dict[str, np.ndarray], rng: np.random.Generator) -> pd.DataFrame:
    """Codes from 1 upwards: the factor plus noise of the item's own, cut at the item's thresholds."""
    n = len(next(iter(factors.values())))
    codes = {}
    for item in ITEMS:
        latent = item.loading * factors[item.construct] + np.sqrt(1 - item.loading**2) * rng.standard_normal(n)
        above = np.searchsorted(np.asarray(item.cuts), latent)
        codes[item.key] = 1 + (len(item.cuts) - above if item.reverse else above)
    return pd.DataFrame(codes)


def _written_codes(rows: pd.DataFrame, slip: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Linkage codes as people write them: the first answer is right by definition, later elements may slip."""
    later = rows["wave"].ne(rows.groupby("person")["wave"].transform("min")).to_numpy()
    written, slips = {}, np.zeros(len(rows), dtype=int)
    for element, values in CODE_VALUES.items():
        position = pd.Index(values).get_indexer(rows[element])
        slipped = later & (rng.random(len(rows)) < slip)
        other = position + slipped * rng.integers(1, len(values), len(rows))
        written[element] = np.asarray(values)[other % len(values)]
        slips += slipped
    return {**written, "slips": slips}
