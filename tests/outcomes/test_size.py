"""How often each design finds what is not there: its default errors, few and many teams, autocorrelated or not.

Promised is a size of .04 to .065 where 5 % is nominal. A cell has 400 panels, so it may lie 2.6 Monte Carlo errors
outside; the cells of a design taken together have to keep a band three times as narrow. The effect of .3 is added to
every outcome but the correlated ones: these estimates move by .3 and their errors not at all, so that an interval
misses it exactly where p would have been below .05 without it (held by a test), and coverage is 1 less the size.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd
import pytest

from benchmarks.grid.panels import PERIODS, walk
from joyeval.outcomes.correlation import repeated_correlation
from joyeval.outcomes.cross_section import between
from joyeval.outcomes.event_study import event_study
from joyeval.outcomes.interrupted import interrupted
from joyeval.outcomes.mediation import mediation
from joyeval.outcomes.panel import change_on_change, fixed_effects, within_between

PANELS = 400
EFFECT = 0.3
PROMISED = (0.04, 0.065)
TEAMS, ECHOES = (6, 12, 30, 70), (0.0, 0.5)


def programme(rng: np.random.Generator, n_teams: int, rho: float) -> pd.DataFrame:
    """Exposure with differences between teams; half the teams start at one of two times, the rest never."""
    x = walk(rng, n_teams, rho) + rng.normal(size=(n_teams, 1))
    start = np.repeat([5, 8, 0], [n_teams // 4, n_teams // 2 - n_teams // 4, n_teams - n_teams // 2])
    started = (start[:, None] > 0) & (np.arange(PERIODS) >= start[:, None])
    y = walk(rng, n_teams, rho) + 0.7 * rng.normal(size=(n_teams, 1)) + rng.normal(size=PERIODS)
    way = walk(rng, n_teams, rho)
    team, period = np.indices(x.shape)
    return pd.DataFrame(
        {"team": team.ravel(), "period": period.ravel(), "x": x.ravel(), "start": start[team].ravel(),
         "null": y.ravel(), "moved": (y + EFFECT * x).ravel(), "helped": (y + EFFECT * started).ravel(),
         "way": way.ravel(), "by_way": (y + 0.5 * way).ravel()}
    )  # fmt: skip


def missed(row: pd.Series) -> bool:
    return not row["ci_low"] < EFFECT < row["ci_high"]


def false_mediation(data: pd.DataFrame) -> bool:
    """The mediator moves the outcome by .5 and is not moved by x."""
    terms = mediation(data, y="by_way", x="x", mediator="way", draws=4000).terms.set_index("term")
    return terms.loc["indirect", "ci_low"] > 0 or terms.loc["indirect", "ci_high"] < 0


WRONG = {
    "fixed_effects": lambda data: missed(fixed_effects(data, y="moved", x="x", draws=0).effect),
    "within_between": lambda data: missed(within_between(data, y="moved", x="x", draws=0).effect),
    "change_on_change": lambda data: missed(change_on_change(data, y="moved", x="x").effect),
    "between": lambda data: missed(between(data, y="moved", x="x").effect),
    "event_study": lambda data: missed(event_study(data, y="helped", start="start", draws=0).overall.iloc[0]),
    "repeated_correlation": lambda data: repeated_correlation(data, x="x", y="null").p_clustered < 0.05,
    "mediation": false_mediation,
}


@cache
def errors(design: str, n_teams: int, rho: float, panels: int = PANELS) -> float:
    """Share of panels in which the design is wrong."""
    rng = np.random.default_rng([n_teams, int(10 * rho), list(WRONG).index(design)])
    return float(np.mean([WRONG[design](programme(rng, n_teams, rho)) for _ in range(panels)]))


THIN = {("event_study", 6)}  # one team starts first and two later: such few are judged with care, and rarely wrong


def assert_within(size: float, panels: int, *, thin: bool = False) -> None:
    low, high = (
        edge + side * 2.6 * np.sqrt(edge * (1 - edge) / panels) for edge, side in zip(PROMISED, (-1, 1), strict=True)
    )
    low = 0.0 if thin else low
    assert low <= size <= high, f"size {size:.4f} over {panels} panels, expected {low:.4f} to {high:.4f}"


@pytest.mark.slow
@pytest.mark.parametrize("rho", ECHOES)
@pytest.mark.parametrize("n_teams", TEAMS)
@pytest.mark.parametrize("design", WRONG)
def test_size(design, n_teams, rho, record_property):
    got = errors(design, n_teams, rho)
    record_property("size", got)
    assert_within(got, PANELS, thin=(design, n_teams) in THIN)


@pytest.mark.slow
@pytest.mark.parametrize("design", WRONG)
def test_size_of_all_cells_together(design, record_property):
    cells = [errors(design, n_teams, rho) for n_teams in TEAMS for rho in ECHOES]
    record_property("size", float(np.mean(cells)))
    assert_within(float(np.mean(cells)), PANELS * len(cells))


@pytest.mark.slow
@pytest.mark.parametrize("rho", ECHOES)
@pytest.mark.parametrize("points", [30, 60, 120])
def test_size_of_interrupted_series(points, rho, record_property):
    """No change of level half way, with the default model for a series of this length."""
    rng = np.random.default_rng([points, int(10 * rho)])
    got = []
    for series in walk(rng, PANELS, rho, points):
        data = pd.DataFrame({"period": np.arange(points), "y": series})
        got.append(interrupted(data, y="y", start=points // 2, after=(6,)).effects["p"].iloc[0] < 0.05)
    record_property("size", float(np.mean(got)))
    assert_within(float(np.mean(got)), PANELS)


@pytest.mark.parametrize(
    ("design", "null", "moved"),
    [
        (partial(fixed_effects, x="x", draws=0), "null", "moved"),
        (partial(within_between, x="x", draws=0), "null", "moved"),
        (partial(change_on_change, x="x"), "null", "moved"),
        (partial(between, x="x"), "null", "moved"),
        (partial(event_study, start="start", draws=0), "null", "helped"),
    ],
)
def test_an_added_effect_moves_the_estimate_and_not_its_error(design, null, moved):
    data = programme(np.random.default_rng(4), 12, 0.5)
    without, effect = (
        answer.overall.iloc[0] if hasattr(answer, "overall") else answer.effect
        for answer in (design(data, y=null), design(data, y=moved))
    )
    assert effect["estimate"] - without["estimate"] == pytest.approx(EFFECT, abs=1e-5)
    assert effect["se"] == pytest.approx(without["se"], rel=1e-4)


def weighted(rng: np.random.Generator, n_teams: int, rho: float, share: float) -> pd.DataFrame:
    """Outcomes counted over denominators that differ sixfold between teams; `share` of the noise comes from them."""
    x = walk(rng, n_teams, rho) + rng.normal(size=(n_teams, 1))
    weights = rng.poisson(np.exp(rng.normal(np.log(60), 0.8, size=(n_teams, 1))) * np.ones((1, PERIODS))) + 3.0
    noise = walk(rng, n_teams, rho) * np.sqrt(1 - share + share * 60 / weights)
    y = noise + 0.7 * rng.normal(size=(n_teams, 1))
    team, period = np.indices(x.shape)
    columns = {"team": team, "period": period, "x": x, "y": y, "weights": weights}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, 0.7, 0.0])
@pytest.mark.parametrize("rho", ECHOES)
@pytest.mark.parametrize("n_teams", [8, 20])
@pytest.mark.parametrize("design", [fixed_effects, within_between])
def test_size_of_weighted_slopes(design, n_teams, rho, share, record_property):
    """Weights that are right, partly right, and wrong: few teams are the hard case."""
    rng = np.random.default_rng([n_teams, int(10 * rho), int(10 * share)])
    panels = [weighted(rng, n_teams, rho, share) for _ in range(PANELS)]
    p = [design(data, y="y", x="x", weights="weights", draws=0).effect["p"] for data in panels]
    record_property("size", float(np.mean(np.array(p) < 0.05)))
    assert np.mean(np.array(p) < 0.05) <= PROMISED[1] + 2.6 * np.sqrt(0.065 * 0.935 / PANELS)
