"""Generalised and ordinal mixed models at the size of a national programme, beside lme4 where R is installed.

Logistic model of 100,000 answers in 2,000 teams, by Laplace and by quadrature with 9 points; cumulative-logit model
of 50,000 ratings by 2,500 raters of 200 workgroups; the same with four random factors at 10, 20 and 40 sites. CPU
seconds, from a table to a result.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from joyeval.models import mixed, ordinal

LME4 = """
suppressMessages(library(lme4))
data <- read.csv(commandArgs(TRUE)[1])
spent <- system.time(fit <- glmer(y ~ a + b + c + (1 | team), data, family = binomial, nAGQ = {nodes}))
cat(sum(spent[1:2]), sprintf("%.4f", logLik(fit)))
"""


def answers(rows: int = 100_000, teams: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(rows, 3)), columns=list("abc")).assign(team=rng.integers(0, teams, rows))
    eta = 0.2 + data[list("abc")] @ [0.5, -0.3, 0.1] + 0.7 * rng.normal(size=teams)[data["team"]]
    return data.assign(y=(rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(int))


def ratings(raters: int = 2500, groups: int = 200, each: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rated = np.concatenate([rng.choice(groups, each, replace=False) for _ in range(raters)])
    data = pd.DataFrame({"rater": np.repeat(np.arange(raters), each), "rated": rated})
    data = data.loc[data.index.repeat(2)].reset_index(drop=True)
    data = data.assign(wave=rng.integers(1, 4, len(data)), own=(rng.random(len(data)) < 0.1).astype(int))
    pair = pd.factorize(data["rater"] * groups + data["rated"])[0]
    eta = 0.2 * data["wave"] + 0.3 * data["own"]
    for index, size, sd in ((data["rater"], raters, 0.8), (data["rated"], groups, 0.5), (pair, len(data), 0.4)):
        eta = eta + sd * rng.normal(size=size)[index]
    return data.assign(rating=1 + np.searchsorted([-2.5, -1.2, 0, 1.5], eta + rng.logistic(size=len(data))))


def sites(count: int, raters: int = 60, groups: int = 12) -> pd.DataFrame:
    """Each site's raters rate its own workgroups on 7 items in 2 waves; four in ten answer."""
    rng = np.random.default_rng(1)
    site, rater, rated, item, wave = (part.ravel() for part in np.indices((count, raters, groups, 7, 2)))
    data = pd.DataFrame({"rater": site * raters + rater, "rated": site * groups + rated, "item": item, "wave": wave})
    data = data[rng.random(len(data)) < 0.4].reset_index(drop=True)
    eta = 0.2 * data["wave"] + 0.8 * rng.normal(size=count * raters)[data["rater"]]
    eta += 0.5 * rng.normal(size=count * groups)[data["rated"]] + 0.2 * rng.normal(size=7)[data["item"]]
    return data.assign(rating=1 + np.searchsorted([-2.5, -1.2, 0, 1.5], eta + rng.logistic(size=len(data))))


def seconds(call) -> tuple[float, object]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def lme4(data: pd.DataFrame, nodes: int) -> tuple[float, float] | None:
    """CPU seconds and log-likelihood of glmer, without reading the file."""
    if not shutil.which("Rscript"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        data.to_csv(file, index=False)
        command = ["Rscript", "-e", LME4.format(nodes=nodes), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(map(float, done.stdout.split())) if done.returncode == 0 else None


def main() -> None:
    mixed("y ~ a", answers(2000, 20), groups="team", family="binomial")  # imports are not counted
    data = answers()
    for nodes, name in ((1, "Laplace"), (9, "quadrature, 9 points")):
        spent, fit = seconds(lambda n=nodes: mixed("y ~ a + b + c", data, groups="team", family="binomial", nodes=n))
        print(f"logistic 100,000 x 2,000, {name:22s} {spent:7.2f} CPU s, log-likelihood {fit.loglik:.4f}")
        if peer := lme4(data, nodes):
            print(
                f"{'lme4::glmer':49s} {peer[0]:7.2f} CPU s, log-likelihood {peer[1]:.4f}, {peer[0] / spent:.0f} times"
            )
    data = ratings()
    for groups in (("rater", "rated"), ("rater", "rated", "rater:rated")):
        spent, fit = seconds(lambda g=groups: ordinal("rating ~ C(wave) + own", data, groups=g))
        print(f"ordinal 50,000, {' + '.join(groups):33s} {spent:7.2f} CPU s, log-likelihood {fit.loglik:.4f}")
    for count in (10, 20, 40):
        data = sites(count)
        groups = ("rater", "rated", "item", "rater:rated")
        spent, _ = seconds(lambda d=data, g=groups: ordinal("rating ~ C(wave)", d, groups=g))
        per_row = f"{1e6 * spent / len(data):.0f} microseconds per row"
        print(f"ordinal {len(data):,}, four factors, {count} sites {spent:23.2f} CPU s, {per_row}")


if __name__ == "__main__":
    main()
