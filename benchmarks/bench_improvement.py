"""Control charts of many series: CPU seconds of one call, and the ratio to peers measured in the same run.

    python -m benchmarks.bench_improvement [--large]

Peers are called if they are installed (pip install abspc statprocon); a plain loop in pandas always is. None of them
takes groups, missing weeks or shares with P' limits: they get XmR charts of the weeks that have a value.
"""

from __future__ import annotations

import resource
import sys
from importlib.util import find_spec
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval import improvement
from joyeval.disclosure import RULES, Shown
from joyeval.figures.improvement import small_multiples
from joyeval.figures.render import pictures

if TYPE_CHECKING:
    from collections.abc import Callable


def cohort(series: int, points: int = 104) -> pd.DataFrame:
    """Weekly good days of many teams of 5 to 14 people; one week in ten nobody answers."""
    rng = np.random.default_rng(1)
    n = rng.integers(5, 15, series * points)
    good = rng.binomial(n, 0.6).astype(float)
    return pd.DataFrame(
        {
            "team": np.repeat([f"team {k:06d}" for k in range(series)], points),
            "week": np.tile(pd.date_range("2022-01-03", periods=points, freq="7D"), series),
            "good": np.where(rng.random(len(n)) < 0.1, np.nan, good),
            "n": n,
        }
    )


def charted(data: pd.DataFrame, rules: str) -> improvement.Charts:
    """All rules, limits and verdicts in one call."""
    return improvement.chart(
        data, x="week", y="good", n="n", by="team", rules=rules, freeze=26, target=65, multiply=100
    )


def loop(data: pd.DataFrame) -> list[tuple[float, float, int]]:
    """Do what an analyst writes with pandas: mean, screened limits and the longest run, team by team."""
    out = []
    for _, rows in data.groupby("team"):
        value = (rows["good"] / rows["n"]).dropna()
        ranges = value.diff().abs()
        ranges = ranges[ranges < 3.267 * ranges.mean()]
        above = value > value.mean()
        runs = (above != above.shift()).cumsum()
        out.append((value.mean(), 2.66 * ranges.mean(), int(runs.value_counts().max())))
    return out


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """Median CPU seconds."""
    times = []
    for _ in range(repeat):
        begin = process_time()
        work()
        times.append(process_time() - begin)
    return float(np.median(times))


def peers(data: pd.DataFrame) -> dict[str, Callable[[], object]]:
    """Return peers at hand, each as a loop over all series: limits and rules, nothing drawn."""
    found: dict[str, Callable[[], object]] = {"pandas (limits and longest run only)": lambda: loop(data)}
    whole = data.dropna().assign(value=lambda rows: (rows["good"] / rows["n"]).round(3))
    series = [rows for _, rows in whole.groupby("team")]
    if find_spec("abspc"):
        from abspc import calculate_control_limits, detect_special_causes

        found["abspc, XmR"] = lambda: [detect_special_causes(calculate_control_limits(rows, "XmR")) for rows in series]
    if find_spec("statprocon"):
        from statprocon import XmR

        found["statprocon, XmR"] = lambda: [_statprocon(XmR(rows["value"].tolist())) for rows in series]
    return found


def _statprocon(chart: object) -> tuple[object, ...]:
    return (
        chart.rule_1_x_indices_beyond_limits(),
        chart.rule_2_runs_about_central_line(),
        chart.rule_3_runs_near_limits(),
    )


def main() -> None:
    data = cohort(1000)
    charted(data, "best-box")  # warm: imports, tables of the boxes
    ours = {rules: seconds(lambda rules=rules: charted(data, rules)) for rules in ("anhoej", "mdc-2023", "best-box")}
    for rules, cpu in ours.items():
        print(f"1,000 series x 104 points, {rules}: {cpu:.3f} CPU s")
    for name, work in peers(data).items():
        cpu = seconds(work, repeat=1)
        print(f"  {name}: {cpu:.2f} CPU s, {cpu / ours['mdc-2023']:.0f} times ours")
    few = charted(cohort(70), "anhoej")
    print(f"verdicts of 70 series, simulations included: {seconds(lambda: improvement.verdicts(few), 1):.2f} CPU s")
    shown = Shown(few, RULES["public"])  # invented teams
    page = seconds(lambda: [pictures(page) for page in small_multiples(shown)])
    print(f"70 panels to PNG at 200 dpi and SVG: {page:.2f} CPU s")
    sizes = (1_000, 10_000, 100_000) if "--large" in sys.argv else (1_000, 10_000)
    for size in sizes:
        many = cohort(size)
        cpu = seconds(lambda many=many: charted(many, "mdc-2023"), repeat=1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{size:,} series x 104: {cpu:.2f} CPU s, {1e6 * cpu / (size * 104):.2f} us per point, peak {peak:.2f} GB"
        )


if __name__ == "__main__":
    main()
