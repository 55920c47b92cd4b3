"""Coordination surveys at the size of a national programme, beside lme4 where R is installed.

Change over waves of 12 workgroups of 60 raters and 6 waves; the same model for 25 to 200 sites in one call; power by
1,000 simulated surveys; ordered answers, 50,000 of them. CPU seconds, from a table to a result. R's clmm took 351 CPU
seconds on 50,000 ratings of the same kind (measured once, elsewhere).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from joyeval.coordination import RC, change, ordinal_change, power, score_ties
from joyeval.coordination.ratings import ratings

LME4 = """
suppressMessages(library(lme4))
ties <- read.csv(commandArgs(TRUE)[1])
ties$wave <- factor(ties$wave)
ties$tie <- factor(paste(ties$workgroup, ties$target))
spent <- system.time(fit <- lmer(rc ~ 0 + tie:wave + (1 | person) + (1 | person:wave) + (1 | person:target), ties))
found <- fixef(fit)
between <- !grepl("tie(.*) \\\\1:", names(found))
change <- mean(found[between & grepl("wave2", names(found))]) - mean(found[between & grepl("wave1", names(found))])
cat(sum(spent[1:2]), change)
"""


def survey(*, sites: int = 1, groups: int = 5, raters: int = 10, waves: int = 2, items: bool = False) -> pd.DataFrame:
    """Ties of sites whose workgroups rate each other; eight in ten answer, the same people in all waves."""
    rng = np.random.default_rng(1)
    shape = (sites, groups, raters, waves, groups)
    site, group, rater, wave, target = (part.ravel() for part in np.indices(shape))
    score = 3.6 + 0.1 * (wave > 0) + (0.5 * rng.standard_normal(shape[:3])[..., None, None] + np.zeros(shape)).ravel()
    score += (0.3 * rng.standard_normal((*shape[:3], 1, groups)) + np.zeros(shape)).ravel()
    keep = np.repeat(rng.random(shape[:4]).ravel() < 0.8, groups)
    names = np.array([f"group {g:02d}" for g in range(groups)])
    people = np.char.mod("p%d", (site * groups + group) * raters + rater)
    table = pd.DataFrame({"wave": (wave + 1).astype(str), "process": np.char.mod("site %d", site), "person": people})
    table = table.assign(workgroup=names[group], target=names[target], no_contact=False)
    noise = rng.standard_normal((len(table), len(RC.dimensions)))
    answers = np.clip(np.round(score[:, None] + 0.6 * noise), 1, 5)
    table = pd.concat([table, pd.DataFrame(answers, columns=list(RC.dimensions))], axis=1)[keep]
    return (
        score_ties(table.reset_index(drop=True), frequency="scored")
        if items
        else table.assign(rc=score[keep] + noise[keep, 0] * 0.4)
    )


def seconds(call) -> tuple[float, object]:
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


def with_lme4(ties: pd.DataFrame) -> list[str]:
    """CPU seconds and mean change between groups of the same model in R."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "fit.R").write_text(LME4)
        ties.to_csv(Path(folder) / "ties.csv", index=False)
        command = ["Rscript", "--vanilla", f"{folder}/fit.R", f"{folder}/ties.csv"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    large = survey(groups=12, raters=60, waves=6)
    spent, found = seconds(lambda: change(large, dimensions=False))
    print(f"change, 12 groups x 60 raters x 6 waves, {len(large):,} ratings: {spent:.1f} s ({found.n} raters)")
    if shutil.which("Rscript"):
        small = survey(groups=10, raters=30, waves=3)
        ours, found = seconds(lambda: ratings(small).means)
        theirs, estimate = with_lme4(small)
        print(f"model alone, 10 x 30 x 3: {ours:.2f} s; lme4 {theirs} s, {float(theirs) / ours:.0f} times")
        found = change(small, dimensions=False).terms["estimate"].iloc[0]
        print(f"  mean change between groups {found:+.6f}; lme4 {float(estimate):+.6f}")
    for sites in (25, 50, 100, 200):
        table = survey(sites=sites, groups=5, raters=10, waves=3)
        spent, _ = seconds(lambda table=table: change(table, dimensions=False))
        each = f"{1000 * spent / sites:.0f} ms a site"
        print(f"change, {sites} sites in one call, {len(table):,} ratings: {spent:.1f} s, {each}")
    spent, found = seconds(lambda: power(groups=7, raters=20, linkage=0.6, response=0.8))
    print(f"power, 1,000 surveys of 7 x 20, two waves, linked: {spent:.1f} s ({found.false_alarms:.1%} false alarms)")
    table = survey(groups=8, raters=81, waves=2, items=True)
    spent, fit = seconds(lambda: ordinal_change(table))
    print(f"ordered answers, {fit.n:,} of {table['person'].nunique()} raters: {spent:.1f} s")


if __name__ == "__main__":
    main()
