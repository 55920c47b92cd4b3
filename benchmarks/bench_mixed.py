"""Gaussian mixed models at size, beside lme4 on the same data (statsmodels where R is not installed).

CPU seconds; peers are timed inside their own process, without reading the data.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd

from joyeval.models import mixed
from joyeval.models.design import build_design
from joyeval.models.linear_mixed.gram import gram
from joyeval.models.linear_mixed.lmm import as_terms, fit, refit
from joyeval.models.linear_mixed.terms import Term

ROWS, TEAMS = 1_000_000, 10_000
R_SCRIPT = """
suppressMessages(library(lme4))
args <- commandArgs(TRUE)
size <- as.integer(args[2:3])
d <- as.data.frame(matrix(readBin(args[1], "double", prod(size)), ncol = size[2]))
start <- proc.time()
m <- lmer(as.formula(args[4]), d, control = lmerControl(calc.derivs = FALSE))
spent <- proc.time() - start
cat(spent[[1]] + spent[[2]], sprintf("%.6f", -2 * as.numeric(logLik(m))))
"""


def main() -> None:
    data = staff()
    fit(data["y"][:1000].to_numpy(), np.ones((1000, 1)), [np.arange(1000) % 50])  # imports are not counted
    design = timed("design from a formula, 1M rows", lambda: build_design("y ~ x1 + x2 + x3", data, groups="team"))
    team = Term("team", design.groups[0].codes, TEAMS)
    slope = Term("team", team.codes, TEAMS, design.X[:, :2], ("Intercept", "x1"))
    timed("formula to result, random intercept", lambda: mixed("y ~ x1 + x2 + x3", data, groups="team"))
    timed("formula to result, random slope", lambda: mixed("y ~ x1 + x2 + x3", data, groups="team", slopes="x1"))
    memory("random slope", data, lambda: fit(design.y, design.X, [slope]))
    compare("random intercept, 1M rows, 10k teams", data, "V1 ~ V3 + V4 + V5 + (1 | V2)", design.X, [team])
    tenfold(design.y, design.X, team.codes)
    compare("random slope, 1M rows, 10k teams", data, "V1 ~ V3 + V4 + V5 + (V3 | V2)", design.X, [slope])
    crossed = ratings()
    X, terms = np.ones((len(crossed), 1)), as_terms([crossed["rater"].to_numpy(), crossed["target"].to_numpy()])
    compare("crossed, 50k ratings, 2,500 x 200", crossed, "V1 ~ 1 + (1 | V2) + (1 | V3)", X, terms)
    data, X, terms = coordination(groups=12, raters=60, waves=6)
    formula = "V1 ~ V2 + V3 + " + " + ".join(f"(1 | V{i})" for i in range(4, 4 + len(terms)))
    compare("12 groups x 60 raters x 6 waves, 7 factors", data, formula, X, terms)
    power()


def staff(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    team = rng.integers(0, TEAMS, ROWS)
    x = rng.normal(size=(3, ROWS))
    intercept, slope = rng.normal(size=(2, TEAMS)) * [[0.5], [0.3]]
    y = 1 + 0.3 * x[0] - 0.2 * x[1] + intercept[team] + slope[team] * x[0] + rng.normal(size=ROWS)
    return pd.DataFrame({"y": y, "team": team, "x1": x[0], "x2": x[1], "x3": x[2]})


def ratings(seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rater, target = rng.integers(0, 2500, 50_000), rng.integers(0, 200, 50_000)
    y = rng.normal(size=2500)[rater] * 0.6 + rng.normal(size=200)[target] * 0.3 + rng.normal(size=50_000)
    return pd.DataFrame({"y": y, "rater": rater, "target": target})


def coordination(groups: int, raters: int, waves: int, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray, list[Term]]:
    """Every rater rates every group, other raters in each wave."""
    rng = np.random.default_rng(seed)
    shape = range(groups), range(raters), range(waves), range(groups)
    giver, rater, wave, target = (axis.ravel() for axis in np.meshgrid(*shape, indexing="ij"))
    dyad = giver * groups + target
    codes = {"rater": (giver * raters + rater) * waves + wave, "giver": giver, "target": target, "dyad": dyad}
    codes |= {
        "dyad_wave": dyad * waves + wave,
        "giver_wave": giver * waves + wave,
        "target_wave": target * waves + wave,
    }
    sd = {
        "rater": 0.6,
        "giver": 0.2,
        "target": 0.3,
        "dyad": 0.2,
        "dyad_wave": 0.1,
        "giver_wave": 0.05,
        "target_wave": 0.05,
    }
    y = 3.5 + 0.05 * wave + rng.normal(size=len(wave)) * 0.5
    y += sum(rng.normal(size=code.max() + 1)[code] * sd[name] for name, code in codes.items())
    own = (giver == target).astype(float)
    data = pd.DataFrame({"y": y, "wave": wave, "own": own, **codes})
    X = np.column_stack([np.ones(len(y)), wave, own])
    return data, X, as_terms(list(codes.values()))


def power(data_sets: int = 1000) -> None:
    """Fit many outcomes of one design, which share everything else."""
    data, X, terms = coordination(groups=7, raters=10, waves=2)
    layout, rng = gram(X, terms[:4]), np.random.default_rng(4)
    outcomes = [rng.permutation(data["y"].to_numpy()) for _ in range(data_sets)]
    timed(f"{data_sets} simulated data sets, 980 ratings, 4 factors", lambda: [refit(layout, y) for y in outcomes])


def compare(what: str, data: pd.DataFrame, formula: str, X: np.ndarray, terms: list[Term]) -> None:
    y = data["y"].to_numpy()
    start = time.process_time()
    fitted = fit(y, X, terms)
    own = time.process_time() - start
    peer, name, deviance = lme4(data, formula) if shutil.which("Rscript") else statsmodels(y, X, terms)
    beside = f"{name} {peer:7.2f} ({peer / own:.0f} times); deviance {fitted.deviance - deviance:+.1e}"
    print(f"{what:48s} {own:7.2f} CPU s; {beside}")


def tenfold(y: np.ndarray, X: np.ndarray, codes: np.ndarray, repeats: int = 5) -> None:
    """Fit a tenth of the rows and the teams, then all: cost linear in rows is a ratio of about 10."""
    spent = []
    for rows in (codes < codes.max() / 10, np.ones(len(y), dtype=bool)):
        part = y[rows], X[rows], [codes[rows]]
        start = time.process_time()
        for _ in range(repeats):
            fit(*part)
        spent.append((time.process_time() - start) / repeats)
    what = f"random intercept, {len(y):,} rows against a tenth"
    print(f"{what:48s} {spent[1]:7.2f} CPU s against {spent[0]:.3f}: {spent[1] / spent[0]:.1f} times")


def lme4(data: pd.DataFrame, formula: str) -> tuple[float, str, float]:
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder, "data.bin"), Path(folder, "fit.R")
        data.to_numpy(dtype=float).ravel(order="F").tofile(table)
        script.write_text(R_SCRIPT)
        sizes = map(str, data.shape)
        done = subprocess.run(["Rscript", script, table, *sizes, formula], capture_output=True, text=True, check=True)
    seconds, deviance = map(float, done.stdout.split())
    return seconds, "lme4", deviance


def statsmodels(y: np.ndarray, X: np.ndarray, terms: list[Term]) -> tuple[float, str, float]:
    from statsmodels.regression.mixed_linear_model import MixedLM

    if len(terms) > 1:
        return float("nan"), "statsmodels (has no crossed model of this size)", float("nan")
    start = time.process_time()
    fitted = MixedLM(y, X, terms[0].codes, exog_re=terms[0].Z).fit()
    return time.process_time() - start, "statsmodels", -2 * fitted.llf


def memory(what: str, data: pd.DataFrame, call) -> None:
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{'peak memory above the arrays, ' + what:48s} {peak / data.memory_usage().sum():7.2f} times the data")


def timed(what: str, call):
    start = time.process_time()
    value = call()
    print(f"{what:48s} {time.process_time() - start:7.2f} CPU s")
    return value
