"""Service-user outcomes per team and month, driven a little by the good days of one to three months before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from joyeval.synthetic.programme import PLANS

if TYPE_CHECKING:
    from joyeval.synthetic.programme import Programme

WINDOW = (1, 3)
SEEN = {  # within-team estimate per 1.0 of share in outcomes 1 to 3 months later: mean and SD over seeds 2017 to 2056
    "fft_positive": {"true_share": 0.123, "pulse_share": 0.060, "sd": 0.017},
    "incidents_beds": {"true_share": -12.7, "pulse_share": -5.7, "sd": 3.7},
    "incidents_contacts": {"true_share": -4.6, "pulse_share": -2.4, "sd": 1.2},
    "dialog": {"true_share": 0.314, "pulse_share": 0.149, "sd": 0.070},
    "sickness": {"true_share": 0.0, "pulse_share": 0.0, "sd": 0.005},
}
FFT = ("Very good", "Good", "Neither good nor poor", "Poor", "Very poor", "Don’t know")
FEW = 5  # the trusts withhold counts of fewer responses


def outcomes(programme: Programme, share: pd.DataFrame) -> pd.DataFrame:
    """Return one row per team and month with the numbers behind every outcome.

    Parameters
    ----------
    programme : Programme
    share : DataFrame
        True share of good days: ``team, period, share``.

    Returns
    -------
    DataFrame
        ``team, setting, period, driver`` (mean true share one to three months before), the six answer counts of
        the experience question, ``incidents, exposure``, ``dialog, dialog_n``, ``days_lost, days_available``.
    """
    rows = _team_months(programme, share)
    rng = programme.rng(3)
    size = rows["headcount"].to_numpy()
    return rows.assign(
        **_experience(rows, size, programme, rng),
        **_incidents(rows, size, programme, rng),
        **_dialog(rows, size, programme, rng),
        **_sickness(rows, size, programme, rng),
    )


def _team_months(programme: Programme, share: pd.DataFrame) -> pd.DataFrame:
    """Return teams by months in order; the months before the first are taken to be like the first."""
    months = pd.concat([pd.DataFrame({"cohort": plan.cohort, "period": plan.months}) for plan in PLANS])
    rows = programme.teams[["cohort", "team", "setting", "headcount"]].merge(months, on="cohort")
    rows = rows.merge(share, on=["team", "period"]).sort_values(["team", "period"]).reset_index(drop=True)
    by_team = rows.groupby("team")["share"]
    first = by_team.transform("first")
    earlier = [by_team.shift(lag).fillna(first) for lag in range(WINDOW[0], WINDOW[1] + 1)]
    return rows.assign(driver=sum(earlier) / len(earlier))


def _linear(rows: pd.DataFrame, measure: str, programme: Programme, rng: np.random.Generator) -> np.ndarray:
    """Within-team and between-team effect of the driver, the team's own level, season, and AR(1) noise."""
    t = programme.truth.outcomes[measure]
    usual = rows.groupby("team")["driver"].transform("mean").to_numpy()
    own = t["team_sd"] * rng.standard_normal(rows["team"].nunique())[rows.groupby("team").ngroup()]
    season = 0.08 * np.cos(2 * np.pi * (rows["period"].dt.month.to_numpy() - 1) / 12)
    effect = t["within"] * (rows["driver"].to_numpy() - usual) + t["between"] * (usual - usual.mean())
    return effect + own - np.sign(t["within"] or -1) * season + _ar1(rows, t["noise_sd"], t["rho"], rng)


def _ar1(rows: pd.DataFrame, sd: float, rho: float, rng: np.random.Generator) -> np.ndarray:
    """Stationary AR(1) noise, one series per team."""
    shocks = sd * np.sqrt(1 - rho**2) * rng.standard_normal(len(rows))
    first = ~rows["team"].duplicated().to_numpy()
    noise = np.where(first, shocks / np.sqrt(1 - rho**2), shocks)
    for i in np.flatnonzero(~first):
        noise[i] += rho * noise[i - 1]
    return noise


def _experience(
    rows: pd.DataFrame, size: np.ndarray, programme: Programme, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    answers = rng.negative_binomial(6, 6 / (6 + 3.5 * size))
    chance = expit(logit(0.87) + _linear(rows, "fft_positive", programme, rng))
    positive = rng.binomial(answers, chance)
    very_good = rng.binomial(positive, 0.72)
    rest = rng.multinomial(answers - positive, [0.36, 0.22, 0.18, 0.24])
    return dict(zip(FFT, [very_good, positive - very_good, *rest.T], strict=True))


def _incidents(
    rows: pd.DataFrame, size: np.ndarray, programme: Programme, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Incidents per occupied bed day on wards, per contact elsewhere."""
    ward = rows["setting"].eq("inpatient").to_numpy()
    exposure = rng.poisson(np.where(ward, 30 * (10 + 0.4 * size), 28 * size))
    rate = np.where(ward, 0.014, 0.004) * np.exp(_linear(rows, "incidents", programme, rng))
    return {"incidents": rng.poisson(rate * exposure), "exposure": exposure}


def _dialog(
    rows: pd.DataFrame, size: np.ndarray, programme: Programme, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    n = rng.poisson(2.2 * size)
    mean = 4.8 + _linear(rows, "dialog", programme, rng) + rng.standard_normal(len(rows)) / np.sqrt(np.maximum(n, 1))
    return {"dialog": np.where(n > 0, np.clip(mean, 1, 7), np.nan), "dialog_n": n}


def _sickness(
    rows: pd.DataFrame, size: np.ndarray, programme: Programme, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    available = size * rows["period"].dt.days_in_month.to_numpy()
    chance = expit(logit(0.05) + _linear(rows, "sickness", programme, rng))
    return {"days_lost": rng.binomial(available, chance), "days_available": available}
