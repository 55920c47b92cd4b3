"""Alpha, omega, ICC, rwg and random groups for a large programme, beside a loop over pingouin.

2,000 teams, 6 waves, about 200,000 answers, 12 scales of 5 items. CPU seconds of this process.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from joyeval import measurement

TEAMS, WAVES, SCALES, ITEMS, RESPONDENTS = 2000, 6, 12, 5, 200_000


THREE = {f"f{i}": [f"s{i}q{item}" for item in range(ITEMS)] for i in range(3)}


def programme(seed: int = 1) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    rng = np.random.default_rng(seed)
    team, wave = rng.integers(0, TEAMS, RESPONDENTS), rng.integers(1, WAVES + 1, RESPONDENTS)
    columns, scales = {"team": team, "wave": wave}, {}
    for scale in range(SCALES):
        person = rng.standard_normal(RESPONDENTS) + 0.4 * rng.standard_normal(TEAMS)[team]
        names = [f"s{scale}q{item}" for item in range(ITEMS)]
        for name in names:
            columns[name] = np.clip(np.round(3.4 + 0.8 * person + 0.7 * rng.standard_normal(RESPONDENTS)), 1, 5)
        scales[f"s{scale}"] = names
    return pd.DataFrame(columns), scales


def seconds(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def pingouin_alpha(data: pd.DataFrame, scales: dict[str, list[str]]) -> None:
    import pingouin

    for items in scales.values():
        for _, wave in data.groupby("wave"):
            pingouin.cronbach_alpha(wave[items])


def against_pingouin_icc(targets: int = 2000, raters: int = 6) -> None:
    """Six intraclass correlations of a balanced table; pingouin takes no teams of unequal size."""
    import pingouin

    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(targets, raters)) + rng.normal(size=(targets, 1)))
    long = table.rename_axis("target").reset_index().melt(id_vars="target", var_name="rater")
    measurement.icc_forms(table.head(50))
    ours = seconds(lambda: measurement.icc_forms(table))
    peer = seconds(lambda: pingouin.intraclass_corr(long, targets="target", raters="rater", ratings="value"))
    print(f"six ICCs, {targets} x {raters}: {ours:.4f} CPU s, pingouin {peer:.4f} ({peer / max(ours, 1e-9):.0f} times)")


def main() -> None:
    data, scales = programme()
    scores = pd.DataFrame({name: data[items].mean(axis=1) for name, items in scales.items()})
    calls = {
        "alpha": lambda: [measurement.alpha(data[items], by=data["wave"]) for items in scales.values()],
        "omega": lambda: [measurement.omega(data[items], by=data["wave"]) for items in scales.values()],
        "icc": lambda: measurement.icc(scores, data["team"], by=data["wave"]),
        "rwg": lambda: [measurement.rwg(data[items], data["team"], by=data["wave"]) for items in scales.values()],
    }
    measurement.aggregation(data.head(1000), scales)  # imports are not counted
    measurement.omega(data[scales["s0"]].head(1000))
    total = 0.0
    for name, call in calls.items():
        spent = seconds(call)
        total += spent
        print(f"{name:34s} {spent:7.2f} CPU s")
    print(f"{'together':34s} {total:7.2f} CPU s")
    pingouin_alpha(data.head(1000), scales)
    peer = seconds(lambda: pingouin_alpha(data, scales))
    print(f"{'pingouin.cronbach_alpha in a loop':34s} {peer:7.2f} CPU s (scale by wave: 72 calls, no item statistics)")
    against_pingouin_icc()
    people = data.head(3000)
    spent = seconds(lambda: measurement.factor(people[scales["s0"] + scales["s1"] + scales["s2"]], THREE))
    print(f"factor model, 3,000 x 15 items, MLR {spent:7.2f} CPU s")
    spent = seconds(lambda: measurement.invariance(people[scales["s0"]], people["wave"]))
    print(f"invariance over 6 waves, 3,000 x 5 items {spent:7.2f} CPU s")
    one = next(iter(scales.values()))
    for rows in (RESPONDENTS // 4, RESPONDENTS):
        part = data.head(rows)
        spent = seconds(lambda part=part: measurement.rwg(part[one], part["team"], by=part["wave"], permutations=1000))
        print(f"rwg of 1 scale, {rows:6d} rows, 1,000 random groupings {spent:7.2f} CPU s")


if __name__ == "__main__":
    main()
