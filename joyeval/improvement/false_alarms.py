"""How often a rule set cries wolf: the share of stable series that it flags, found by simulation.

The very code that judges real charts judges simulated series in which nothing changes, of the same kind, length,
denominator, level and baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import UsageError
from joyeval.improvement.analysis import analyse
from joyeval.improvement.limits import KINDS, Centre
from joyeval.improvement.rules import FEWEST_POINTS, RuleSet, named
from joyeval.improvement.sheet import Sheet, ratio

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.improvement.charts import Charts

SERIES = 2_000  # simulated for one rate: its standard error is at most 1.1 points, 0.5 at a rate of 5 %
SEED = 20_140_101
POINTS = (12, 14, 16, 18, 20, 24, 28, 32, 36, 42, 48, 52, 60, 72, 84, 104, 130, 156, 208, 260)
BASELINES = (4, 6, 8, 10, 12, 14, 16, 20, 26, 36, 52, 78, 104, 156, 208)
DENOMINATORS = (1, 2, 3, 4, 5, 7, 9, 12, 16, 24, 36, 60, 100)
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
MEANS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a stable series looks like.

    Parameters
    ----------
    kind : str
        Kind of chart.
    points : int
        Plotted points.
    denominator : int, optional
        Cases per point; None: values are normal (or, by kind, counts or times).
    varying : bool
        Denominators differ from point to point, as Poisson counts do (at least 1).
    level : float
        Share, mean count or mean time; of no matter for normal values.
    baseline : int, optional
        Points on which centre and limits rest; None: all.
    """

    kind: str = "i"
    points: int = 52
    denominator: int | None = None
    varying: bool = False
    level: float = 0.5
    baseline: int | None = None


def false_alarm_rate(
    design: Design, *, rules: str | RuleSet = "anhoej", series: int = SERIES, seed: int = SEED
) -> float:
    """Return the share of stable, independent series with at least one signal.

    Parameters
    ----------
    design : Design
        The series to simulate.
    rules : str or RuleSet
        The rules in question.
    series : int
        How many to simulate; the standard error is sqrt(rate (1 - rate) / series).
    seed : int
        The same seed gives the same rate.

    Examples
    --------
    >>> 0.55 < false_alarm_rate(Design(kind="run", points=52), rules="ihi-run") < 0.85
    True
    """
    return _rate(design, named(rules), series, seed)


@cache
def _rate(design: Design, rules: RuleSet, series: int, seed: int) -> float:
    if design.kind not in KINDS:
        raise UsageError(f"no kind of chart {design.kind!r}; there are {', '.join(KINDS)}")
    sheet = _simulate(design, series, seed)
    found = analyse(
        sheet,
        design.kind,
        rules,
        centre=Centre(given=np.full(series, np.nan)),
        frozen=np.full(series, design.baseline is not None),
        good=np.ones(series, np.int64),
        target=np.full(len(sheet.value), np.nan),
    )
    return float(found.judgement.signal.mean())


def _simulate(design: Design, series: int, seed: int) -> Sheet:
    y, n, spread = _drawn(replace(design, baseline=None), series, seed)
    place = np.tile(np.arange(design.points), series)
    return Sheet(
        stretch=np.repeat(np.arange(series), design.points),
        stretches=series,
        value=y / n,
        y=y,
        n=n,
        kept=np.ones(len(y), bool),
        baseline=place < (design.baseline or design.points),
        spread=spread,
    )


@lru_cache(maxsize=16)
def _drawn(design: Design, series: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Draw what is counted, out of how many, and the spread within: the same for all rules and baselines."""
    size, rng = series * design.points, np.random.default_rng(seed)
    cases = design.denominator or 1
    n = np.maximum(rng.poisson(cases, size), 1.0) if design.varying else np.full(size, float(cases))
    y, spread = KINDS[design.kind].stable(rng, design.level, n, counted=design.denominator is not None)
    return y, n, spread


def false_alarms(charts: Charts) -> pd.DataFrame:
    """Return, for every part of every series, the rate at which its rule set flags a stable series like it.

    Length, denominator (its median), level and baseline are taken to the nearest of a grid, so that like series
    share one simulation. Weeks are taken as independent: where they are not, the true rate is higher.

    Parameters
    ----------
    charts : Charts
        Any kind.

    Returns
    -------
    DataFrame
        The `by` columns, part, false_alarm (missing where the series is too short to judge).
    """
    keys = [*charts.by, "part"]
    designs = _designs(charts, keys)
    rates = designs.drop(columns=keys).drop_duplicates().dropna()
    rates = rates.assign(
        false_alarm=[
            false_alarm_rate(
                Design(
                    kind=charts.kind,
                    points=int(row.points),
                    denominator=int(row.denominator) or None,
                    varying=bool(row.varying),
                    level=row.level,
                    baseline=int(row.baseline) or None,
                ),
                rules=charts.rule_set,
            )
            for row in rates.itertuples()
        ]
    )
    found = designs.merge(rates, on=["points", "denominator", "varying", "level", "baseline"], how="left")
    return charts.series[keys].merge(found[[*keys, "false_alarm"]], on=keys, how="left")


def _designs(charts: Charts, keys: list[str]) -> pd.DataFrame:
    """Return the nearest design on the grids for each part of a series that is long enough to judge."""
    points = charts.points[charts.points["value"].notna() & ~charts.points["excluded"]]
    facts = points.groupby(keys, observed=True, as_index=False).agg(
        points=("value", "size"),
        y=("y", "sum"),
        n=("n", "median"),
        spread=("n", "std"),
        cases=("n", "sum"),
        baseline=("baseline", "sum"),
    )
    facts = facts[facts["points"] >= FEWEST_POINTS]
    size, mean = facts["points"].to_numpy(), (facts["y"] / facts["points"]).to_numpy()
    counted = points["n"].notna().any() and (KINDS[charts.kind].subgroups or (points["y"] <= points["n"]).all())
    counts = KINDS[charts.kind].mean
    level = _nearest(ratio(facts["y"], facts["cases"]), SHARES) if counted else np.full(len(facts), 0.5)
    return facts[keys].assign(
        points=_nearest(size, POINTS),
        denominator=_nearest(facts["n"], DENOMINATORS) if counted and not counts else 0,
        varying=(facts["spread"] > 0.1 * facts["n"]).to_numpy() & counted,
        level=_nearest(mean, MEANS) if counts else level,
        baseline=np.where(facts["baseline"] < size, _nearest(facts["baseline"], BASELINES), 0),
    )


def _nearest(values: np.ndarray, grid: tuple[float, ...]) -> np.ndarray:
    """Nearest number of the grid, by ratio."""
    steps = np.log(grid)
    far = np.abs(np.log(np.maximum(np.asarray(values, float), grid[0]))[:, None] - steps)
    return np.asarray(grid)[far.argmin(axis=1)]
