"""How often each design finds what is not there, and covers what is: its default errors, few and many teams.

5 % nominal. Exposure and errors of a team are autocorrelated alike. Measured once with 1,000 panels a cell
(Monte Carlo error .007); the bounds here leave room for 300 (error .013).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.outcomes.cross_section import between
from joyeval.outcomes.event_study import event_study
from joyeval.outcomes.panel import change_on_change, fixed_effects, within_between

PERIODS = 12
EFFECT = 0.3


def walk(rng: np.random.Generator, n_teams: int, rho: float) -> np.ndarray:
    """Stationary AR(1) histories with variance 1, shape (teams, periods)."""
    out = rng.normal(size=(n_teams, PERIODS))
    for t in range(1, PERIODS):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * out[:, t]
    return out


def programme(rng: np.random.Generator, n_teams: int, rho: float) -> pd.DataFrame:
    """Exposure with differences between teams; half the teams start at one of two times, the rest never."""
    x = walk(rng, n_teams, rho) + rng.normal(size=(n_teams, 1))
    start = np.repeat([5, 8, 0], [n_teams // 4, n_teams // 2 - n_teams // 4, n_teams - n_teams // 2])
    started = (start[:, None] > 0) & (np.arange(PERIODS) >= start[:, None])
    y = walk(rng, n_teams, rho) + 0.7 * rng.normal(size=(n_teams, 1)) + rng.normal(size=PERIODS)
    team, period = np.indices(x.shape)
    return pd.DataFrame(
        {"team": team.ravel(), "period": period.ravel(), "x": x.ravel(), "start": start[team].ravel(),
         "null": y.ravel(), "moved": (y + EFFECT * x).ravel(), "helped": (y + EFFECT * started).ravel()}
    )  # fmt: skip


def answers(data: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """p under the null and the interval where the effect is .3, by design."""
    found = {}
    for name, design, options in (
        ("fixed_effects", fixed_effects, {"draws": 0}),
        ("within_between", within_between, {"draws": 0}),
        ("change_on_change", change_on_change, {}),
        ("between", between, {}),
    ):
        null, moved = (design(data, y=y, x="x", **options).effect for y in ("null", "moved"))
        found[name] = (null["p"], moved["ci_low"], moved["ci_high"])
    null, helped = (event_study(data, y=y, start="start", draws=0).overall.iloc[0] for y in ("null", "helped"))
    found["event_study"] = (null["p"], helped["ci_low"], helped["ci_high"])
    return found


def rates(n_teams: int, rho: float, panels: int, seed: int = 0) -> pd.DataFrame:
    """Share of p < .05 under the null, and of intervals that hold the effect, by design."""
    rng = np.random.default_rng([seed, n_teams, int(10 * rho)])
    table = pd.DataFrame([answers(programme(rng, n_teams, rho)) for _ in range(panels)])
    size = table.map(lambda a: a[0] < 0.05).mean()
    coverage = table.map(lambda a: a[1] < EFFECT < a[2]).mean()
    return pd.DataFrame({"size": size, "coverage": coverage})


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.5])
@pytest.mark.parametrize("n_teams", [6, 12, 30, 70])
def test_errors_are_honest(n_teams, rho):
    got = rates(n_teams, rho, panels=300)
    assert (got["size"] <= 0.09).all(), got
    assert (got["size"] >= 0.015).all(), got
    assert (got["coverage"] >= 0.91).all(), got
