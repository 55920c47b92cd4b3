"""Surveys of which only n, mean and standard deviation of each tie are at hand, from a report or a paper.

What needs respondents cannot be had: who answered twice, how one rater's ratings go together. Changes of single ties
take the waves as different people; the mean over ties needs an assumed correlation, or is given without an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.coordination.matrix import (
    BETWEEN,
    Bands,
    Matrix,
    group_means,
    on_scale,
    pair_differences,
    rated_by_others,
    reciprocity,
    shrink,
    thin_notes,
    with_intervals,
)
from joyeval.coordination.ties import LICENCE, RC
from joyeval.errors import DataError, Problem, UsageError
from joyeval.models.estimates import estimate_table
from joyeval.result import Result

COLUMNS = ("wave", "workgroup", "target", "n", "mean", "sd")


@dataclass(frozen=True, kw_only=True, eq=False)
class MeansChange(Result):
    """Change of published means; `n` counts ties compared, `n_dropped` ties in one wave only.

    Parameters
    ----------
    terms : DataFrame
        workgroup, target, term, estimate, se, df, ci_low, ci_high, p, n (raters of both waves together).
    mean : DataFrame
        term, estimate, se, df, ci_low, ci_high, p, n: mean over the ties between groups, with the assumed correlation;
        without one, only estimate.
    """

    terms: pd.DataFrame
    mean: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return the change of every tie."""
        return self.terms

    def sentence(self) -> str:
        """Return the mean change over ties."""
        row = self.mean.iloc[0]
        interval = f" (95% CI {row.ci_low:+.2f} to {row.ci_high:+.2f})" if np.isfinite(row.se) else ""
        return f"The mean change of {self.n} published ties, {row.term}, was {row.estimate:+.2f} points{interval}."


def matrix_of_means(table: pd.DataFrame, *, wave: str, bands: Bands = BETWEEN) -> Matrix:
    """Describe the ties of one wave of which n, mean and standard deviation are known.

    Parameters
    ----------
    table : DataFrame
        wave, workgroup, target, n, mean, sd; one row per tie and wave.

    Returns
    -------
    Matrix
        `index` by ties only; `n` is the number of raters, taken as the largest n of each rating group.
    """
    _check(table)
    chosen = table[table["wave"].astype(str) == str(wave)].reset_index(drop=True)
    if chosen.empty:
        raise UsageError(f"no means of wave {wave}; there are {', '.join(sorted(table['wave'].astype(str).unique()))}")
    cells = shrink(with_intervals(chosen[list(COLUMNS[1:])].assign(no_contact=0)), bands)
    index = cells.groupby("within")["mean"].mean().rename({False: "between", True: "within"})
    return Matrix(
        n=int(cells.groupby("workgroup")["n"].max().sum()),
        notes=(LICENCE, *thin_notes(cells, bands), "made from means: raters, response and other indices are not known"),
        measure="mean",
        wave=str(wave),
        cells=on_scale(cells, RC),
        groups=group_means(cells),
        rated=on_scale(rated_by_others(cells), RC),
        pairs=pair_differences(cells),
        index=index.rename_axis("part").reset_index(name="mean").assign(weighting="tie")[["part", "weighting", "mean"]],
        reciprocity=reciprocity(cells),
        bands=(bands.weak_below, bands.strong_above, bands.source),
    )


def change_of_means(table: pd.DataFrame, *, first: str, second: str, correlation: float | None = None) -> MeansChange:
    """Compare two waves of which n, mean and standard deviation of each tie are known.

    Parameters
    ----------
    table : DataFrame
        As for `matrix_of_means`.
    first, second : str
        Waves.
    correlation : float, optional
        Assumed between the ratings that one rater gives to different groups (0.56 in `power`); needed for the interval
        of the mean over ties.

    References
    ----------
    Welch (1947), Biometrika 34(1-2), 28-35, doi:10.1093/biomet/34.1-2.28.
    """
    _check(table)
    one, two = (table[table["wave"].astype(str) == str(wave)] for wave in (first, second))
    both = one.merge(two, on=["workgroup", "target"], suffixes=("_1", "_2"))
    if both.empty:
        raise UsageError(f"no tie with a mean in both waves {first} and {second}")
    parts = both[["sd_1", "sd_2"]].to_numpy() ** 2 / both[["n_1", "n_2"]].to_numpy()
    variance = parts.sum(axis=1)
    df = variance**2 / (parts**2 / (both[["n_1", "n_2"]].to_numpy() - 1)).sum(axis=1)
    estimate = (both["mean_2"] - both["mean_1"]).to_numpy()
    term = f"{second} - {first}"
    ties = estimate_table([term] * len(both), estimate, np.sqrt(variance), df=df, n=0)
    ties = pd.concat([both[["workgroup", "target"]], ties], axis=1).assign(n=(both["n_1"] + both["n_2"]).to_numpy())
    return MeansChange(
        n=len(both),
        n_dropped=len(one) + len(two) - 2 * len(both),
        notes=_notes(correlation),
        terms=ties,
        mean=_mean(ties, term, correlation),
    )


def _mean(ties: pd.DataFrame, term: str, correlation: float | None) -> pd.DataFrame:
    """Average the ties between groups; ties of one rating group share raters."""
    between = ties[ties["workgroup"] != ties["target"]]
    between = between if len(between) else ties
    if correlation is None:
        table = estimate_table([term], [between["estimate"].mean()], [np.nan], n=0)
    else:
        by_group = between.groupby("workgroup")["se"]
        variance = (1 - correlation) * by_group.apply(lambda se: (se**2).sum()) + correlation * by_group.sum() ** 2
        se = np.sqrt(variance.sum()) / len(between)
        table = estimate_table([term], [between["estimate"].mean()], [se], df=between["df"].min(), n=0)
    return table.assign(n=between.groupby("workgroup")["n"].max().sum())


def _notes(correlation: float | None) -> tuple[str, ...]:
    unlinked = "the waves are taken as different people, which is cautious if some answered twice"
    if correlation is None:
        return (unlinked, "no interval of the mean over ties: how one rater's ratings go together is not in the means")
    return (unlinked, f"ratings of one rater are assumed to correlate {correlation:.2f}")


def _check(table: pd.DataFrame) -> None:
    if missing := [name for name in COLUMNS if name not in table]:
        raise UsageError(f"means of ties: no column {', '.join(missing)}")
    bad = (table["n"] < 2) | (table["sd"] < 0) | table[["n", "mean", "sd"]].isna().any(axis=1)
    twice = table.duplicated(["wave", "workgroup", "target"])
    told = [(bad, "rows without n of 2 or more, mean and standard deviation"), (twice, "second rows of the same tie")]
    problems = [
        Problem("means of ties", f"{int(rows.sum())} {found}", "one complete row per tie and wave", "mend or leave out")
        for rows, found in told
        if rows.any()
    ]
    if problems:
        raise DataError(problems)
