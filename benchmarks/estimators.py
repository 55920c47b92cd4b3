"""What each estimator costs, now and at an earlier commit, in one run.

    python -m benchmarks.estimators [--against fe7ead4] [--only coordination …]

CPU seconds on one thread, the least of several repetitions, from a table to a result. Each commit is timed in a process
of its own, with its own benchmarks and public calls alone; a call that it had not yet is left blank.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
LONG = 2.0  # seconds from which two repetitions are enough, else 5
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def waves(teams: int, people: int = 10, count: int = 2, seed: int = 1) -> pd.DataFrame:
    """Draw survey waves of six scales, half of the people in all of them, three roles."""
    rng = np.random.default_rng(seed)
    team = np.repeat(np.arange(teams), people)
    person, stays = np.arange(len(team)), rng.random(len(team)) < 0.5
    level, own = 0.2 * rng.normal(size=teams)[team], rng.normal(size=(count, len(team)))
    parts = []
    for wave in range(count):
        who = np.where(stays, person, person + wave * len(team))
        scores = 3 + (level + 0.5 * np.where(stays, own[0], own[wave]))[:, None] + 0.4 * rng.normal(size=(len(team), 6))
        part = pd.DataFrame(scores, columns=[f"s{i}" for i in range(6)])
        parts.append(part.assign(person=who, team=team, wave=wave + 1, role=np.char.mod("role %d", who % 3)))
    return pd.concat(parts, ignore_index=True)


def months(teams: int, periods: int = 36, seed: int = 1) -> pd.DataFrame:
    """Draw experience and an outcome of teams by month, with denominators and starts at four different times."""
    rng = np.random.default_rng(seed)
    team, period = (axis.ravel() for axis in np.indices((teams, periods)))
    x = 0.5 * rng.normal(size=teams)[team] + rng.normal(size=len(team))
    y = rng.normal(size=teams)[team] + rng.normal(size=periods)[period] + 0.1 * x + rng.normal(size=len(team))
    table = pd.DataFrame({"team": team, "period": period, "x": x, "y": y, "n": rng.integers(5, 200, len(team))})
    table["good"] = rng.binomial(table["n"], 1 / (1 + np.exp(-0.2 * y)))
    return table.assign(start=np.array([8, 14, 20, np.nan])[team % 4])


def improvement_calls() -> dict[str, Callable]:
    from benchmarks.bench_improvement import charted, cohort
    from joyeval import improvement
    from joyeval.improvement.change import changes

    charts, few = charted(cohort(1000), "mdc-2023"), charted(cohort(70), "anhoej")
    rng = np.random.default_rng(1)
    groups = pd.DataFrame({"team": np.arange(2000), "n": rng.integers(30, 400, 2000)})
    groups["k"] = rng.binomial(groups["n"], 0.6)
    named = {"numerator": "k", "denominator": "n", "group": "team"}
    return {
        "charts, 1,000 series x 104": lambda: charted(cohort(1000), "mdc-2023"),
        "size of change, 1,000 series x 104": lambda: changes(charts),
        "verdicts of 70 series": lambda: improvement.verdicts(few),
        "funnel of 2,000 groups": lambda: improvement.funnel(groups, **named),
    }


def coordination_calls() -> dict[str, Callable]:
    from benchmarks.bench_coordination import survey
    from joyeval import coordination

    large, small = survey(groups=12, raters=60, waves=6), survey(groups=7, raters=20, waves=2)
    sites, items = survey(sites=200, waves=3), survey(groups=8, raters=81, items=True)
    chances = {"groups": 7, "raters": 20, "linkage": 0.6, "response": 0.8}
    return {
        "change of ties, 7 groups x 20 raters x 2 waves": lambda: coordination.change(small, dimensions=False),
        "change of ties, 12 x 60 x 6": lambda: coordination.change(large, dimensions=False),
        "change of ties, 200 sites x 5 x 10 x 3": lambda: coordination.change(sites, dimensions=False),
        "power, 1,000 surveys of 7 x 20 x 2": lambda: coordination.power(**chances),
        "ordered answers, 8 x 81 x 2, seven items": lambda: coordination.ordinal_change(items),
    }


def surveys_calls() -> dict[str, Callable]:
    from joyeval.measurement import equity
    from joyeval.measurement.scores import score_change

    few, many, large = waves(20, count=3), waves(200), waves(200, people=50)
    titles = {f"s{i}": (f"scale {i}", "higher") for i in range(6)}
    names = {scale: title for scale, (title, _) in titles.items()}
    return {
        "score change, 6 scales, 20 teams x 10 x 3 waves": lambda: score_change(few, titles),
        "score change, 6 scales, 200 teams x 10 x 2 waves": lambda: score_change(many, titles),
        "score change, 6 scales, 200 teams x 50 x 2 waves": lambda: score_change(large, titles),
        "equity, 6 scales, 3 roles, 20 teams x 10 x 3": lambda: equity(few, by=["role"], scales=names),
        "equity, 6 scales, 3 roles, 200 teams x 10 x 2": lambda: equity(many, by=["role"], scales=names),
    }


def outcomes_calls() -> dict[str, Callable]:
    from joyeval import outcomes

    eight, seventy, named = months(8), months(70), {"y": "y", "x": "x"}
    counts = {"y": "good", "of": "n", "x": "x"}
    one = seventy[seventy["team"] == 0]
    begun = {"y": "y", "start": "start"}
    return {
        "fixed effects, 8 teams x 36": lambda: outcomes.fixed_effects(eight, **named),
        "fixed effects, 70 teams x 36": lambda: outcomes.fixed_effects(seventy, **named),
        "fixed effects, weighted, 70 teams x 36": lambda: outcomes.fixed_effects(seventy, **named, weights="n"),
        "within-between, 8 teams x 36": lambda: outcomes.within_between(eight, **named),
        "within-between, 70 teams x 36": lambda: outcomes.within_between(seventy, **named),
        "within-between, weighted, 70 teams x 36": lambda: outcomes.within_between(seventy, **named, weights="n"),
        "within-between of counts, 70 teams x 36": lambda: outcomes.within_between_counts(seventy, **counts),
        "starts at different times, 70 teams x 36": lambda: outcomes.event_study(seventy, **begun),
        "one series cut in two, 36 months": lambda: outcomes.interrupted(one, y="y", start=18),
    }


def measurement_calls() -> dict[str, Callable]:
    from benchmarks.bench_measurement import THREE, programme
    from joyeval import measurement

    data, scales = programme()
    scores = pd.DataFrame({name: data[items].mean(axis=1) for name, items in scales.items()})
    people, first = data.head(3000), scales["s0"]
    by, team = data["wave"], data["team"]
    return {
        "alpha, 200,000 x 60": lambda: [measurement.alpha(data[items], by=by) for items in scales.values()],
        "omega, 200,000 x 60": lambda: [measurement.omega(data[items], by=by) for items in scales.values()],
        "ICC, 200,000 x 12 in 2,000 teams": lambda: measurement.icc(scores, team, by=by),
        "rwg, 200,000 x 60": lambda: [measurement.rwg(data[items], team, by=by) for items in scales.values()],
        "factor model, 3,000 x 15": lambda: measurement.factor(people[[*chain(*THREE.values())]], THREE),
        "invariance, 3,000 x 5 in 6 waves": lambda: measurement.invariance(people[first], people["wave"]),
    }


def models_calls() -> dict[str, Callable]:
    from benchmarks.bench_glmm import answers, ratings
    from benchmarks.bench_mixed import staff
    from benchmarks.bench_panel import panel
    from joyeval.models import meta_analysis, mixed, ordinal, regression

    large, logistic, rated, many = staff(), answers(), ratings(), panel(10_000, 100)
    rng = np.random.default_rng(1)
    crossed = pd.DataFrame({"rater": rng.integers(0, 2500, 50_000), "rated": rng.integers(0, 200, 50_000)})
    crossed["y"] = rng.normal(size=2500)[crossed["rater"]] + rng.normal(size=50_000)
    effects = pd.DataFrame({"estimate": rng.normal(size=20), "se": rng.uniform(0.5, 1, 20)})
    x, teams = "y ~ x1 + x2 + x3", {"groups": "team"}
    trusts = {"absorb": ("team", "period"), "cluster": "trust", "errors": "CR1"}
    binomial = {"groups": "team", "family": "binomial"}
    by_rater = {"groups": ("rater", "rated")}
    return {
        "random intercept, 1M rows, 10,000 teams": lambda: mixed(x, large, **teams),
        "random slope, 1M rows, 10,000 teams": lambda: mixed(x, large, **teams, slopes="x1"),
        "crossed, 50,000 rows, 2,500 x 200": lambda: mixed("y ~ 1", crossed, **by_rater),
        "logistic, 100,000 in 2,000 teams, Laplace": lambda: mixed("y ~ a + b + c", logistic, **binomial),
        "logistic, 9 points": lambda: mixed("y ~ a + b + c", logistic, **binomial, nodes=9),
        "ordinal, 50,000, raters x rated": lambda: ordinal("rating ~ C(wave) + own", rated, **by_rater),
        "two-way fixed effects, 950,000 rows": lambda: regression("y ~ a + b + c", many, **trusts),
        "meta-analysis of 20": lambda: meta_analysis(effects["estimate"], effects["se"]),
    }


ROOMS = {name.removesuffix("_calls"): made for name, made in list(globals().items()) if name.endswith("_calls")}


def least(call: Callable) -> float | None:
    """CPU seconds of the quickest of several repetitions; the first, which imports, is not counted."""
    try:
        spent = [_once(call)]
    except (AttributeError, TypeError):  # not there, or called otherwise, at this commit
        return None
    while len(spent) < (3 if spent[0] > LONG else 6):
        spent.append(_once(call))
    return min(spent[1:])


def _once(call: Callable) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def measured(code: Path, room: str) -> dict[str, float | None]:
    """Seconds of the calls of one room, in a process of its own with that code."""
    command = [sys.executable, __file__, "--here", room]
    done = subprocess.run(
        command,
        env={**os.environ, **THREADS, "PYTHONPATH": str(code)},
        cwd=tempfile.gettempdir(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def compared(code: Path, asked: list[str]) -> None:
    """Print both side by side, room by room."""
    print("| estimator | before | now | now / before |\n|---|---|---|---|")
    for room in asked:
        before, now = measured(code, room), measured(ROOT, room)
        for name, spent in now.items():
            old = before.get(name)
            beside = f"{old:.3f} | {spent:.3f} | {spent / old:.2f}" if old and spent else f"{old} | {spent} |"
            print(f"| {name} | {beside} |", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__.split("\n")[0])
    parser.add_argument("--against", default="fe7ead4", help="a commit")
    parser.add_argument("--only", nargs="*", choices=ROOMS, default=list(ROOMS), help="rooms")
    parser.add_argument("--here", choices=ROOMS, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.here:
        print(json.dumps({name: least(call) for name, call in ROOMS[asked.here]().items()}))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "before"
        subprocess.run(["git", "worktree", "add", "--detach", "-q", old, asked.against], cwd=ROOT, check=True)
        try:
            compared(old, asked.only)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", old], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
