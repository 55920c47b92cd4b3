"""The mean change estimated in other ways, side by side, and who came and went between waves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.mean_change import mean_changes
from joyeval.errors import ModelError
from joyeval.models.estimates import estimate_table

if TYPE_CHECKING:
    from joyeval.coordination.ratings import Contrast, Ratings

FEW_GROUPS = 6  # workgroups from which ties may be thought a sample of ties like these
SHOWN = ["estimator", "process", "kind", "term", "estimate", "se", "df", "ci_low", "ci_high", "p", "n", "ties"]


def estimators(data: Ratings, terms: pd.DataFrame, ties: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Mean change between groups from all rows, linked raters, unlinked raters, and for ties like these.

    Returns
    -------
    DataFrame
        estimator, process, kind, term, estimate, se, df, ci_low, ci_high, p, n, ties.
    tuple of str
        What could not be estimated, and why.
    """
    found, missed = [terms[terms["part"] == "between"].assign(estimator="all rows")], []
    for contrast in data.contrasts:
        pair = data.between(contrast)
        linked = pair.rows.groupby("rater")["wave"].transform("nunique") == 2
        for name, rows in (("linked only", pair.rows[linked]), ("unlinked only", pair.rows[~linked])):
            try:
                part = mean_changes(replace(pair, rows=rows)) if rows["wave"].nunique() == 2 else pd.DataFrame()
            except ModelError:
                part = pd.DataFrame()
            if part.empty or not (part["part"] == "between").any():
                missed.append(f"{contrast.term}, {name}: too few such raters for an estimate")
                continue
            part = part[part["part"] == "between"]
            found.append(part.assign(estimator=name, kind=contrast.kind))
    found += _ties_like_these(ties)
    return pd.concat(found, ignore_index=True)[SHOWN], tuple(missed)


def _ties_like_these(ties: pd.DataFrame) -> list[pd.DataFrame]:
    """Mean change when workgroups are a sample: change of each tie, rating and rated group random."""
    from joyeval.models import mixed

    found = []
    for (process, kind, term), part in ties[~ties["within"]].groupby(["process", "kind", "term"], sort=False):
        if part["workgroup"].nunique() < FEW_GROUPS or part["target"].nunique() < FEW_GROUPS:
            continue
        precision = 1 / (1 / part["n_first"] + 1 / part["n_second"])
        rows = part.assign(precision=precision / precision.mean())
        fit = mixed("estimate ~ 1", rows, groups=["workgroup", "target"], weights="precision")
        names = {"estimator": "ties like these", "process": process, "kind": kind, "term": term, "ties": len(part)}
        found.append(fit.terms.drop(columns="term").assign(**names))
    return found


def respondents(data: Ratings) -> pd.DataFrame:
    """Test one mean per respondent (over the other groups): the simple companion of the model.

    Respondents, not ties, have the same weight. Welch's test takes the two waves as different people, which is
    cautious where most are the same.

    Returns
    -------
    DataFrame
        test ("Welch, all", "paired, linked"), process, kind, term, estimate, se, df, ci_low, ci_high, p, n.
    """
    found, means = [], _of_respondents(data)
    for contrast in data.contrasts:
        for process, wide in means.items():
            first, second = wide.get(contrast.first), wide.get(contrast.second)
            if first is None or second is None:
                continue
            for test, row in (("Welch, all", two_sample(first, second)), ("paired, linked", paired(second - first))):
                names = {"test": test, "process": process, "kind": contrast.kind, "term": contrast.term}
                found.append(row.drop(columns="term").assign(**names))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _of_respondents(data: Ratings) -> dict[str, pd.DataFrame]:
    """Mean of each respondent over the other groups, by process: a row each, a column for each wave."""
    others = data.rows[data.rows["workgroup"] != data.rows["target"]]
    means = others.groupby(["process", "rater", "wave"])["value"].mean().unstack("wave")
    return {name: wide.reset_index(drop=True) for name, wide in means.groupby(level="process")}


def two_sample(first: pd.Series, second: pd.Series, *, equal_variances: bool = False) -> pd.DataFrame:
    """Second less first, as independent samples: Welch's test, or Student's."""
    a, b = first.dropna(), second.dropna()
    if min(len(a), len(b)) < 2 or not (np.ptp(a) or np.ptp(b)):  # nothing says how sure a difference is
        return pd.DataFrame(columns=["term"])
    free = np.array([len(a) - 1, len(b) - 1])
    spread = np.array([a.var(), b.var()])
    if equal_variances:
        spread = np.full(2, (spread * free).sum() / free.sum())
    parts = spread / (free + 1)
    df = free.sum() if equal_variances else parts.sum() ** 2 / (parts**2 / free).sum()
    n = len(a.index.union(b.index))
    return estimate_table(["change"], [b.mean() - a.mean()], [np.sqrt(parts.sum())], df=df, n=n)


def paired(difference: pd.Series) -> pd.DataFrame:
    """Mean of the differences of pairs, by the t-test."""
    d = difference.dropna()
    if len(d) < 2 or not np.ptp(d):
        return pd.DataFrame(columns=["term"])
    return estimate_table(["change"], [d.mean()], [d.std() / np.sqrt(len(d))], df=len(d) - 1, n=len(d))


def turnover(data: Ratings) -> pd.DataFrame:
    """Who stayed, left and came, and how their ratings of the other groups differ from those who stayed.

    Returns
    -------
    DataFrame
        process, kind, term, stayers, leavers, joiners, linkage, then for ``leavers`` (at the first wave) and
        ``joiners`` (at the second) less stayers: <who>_differ, <who>_low, <who>_high, in points.
    """
    means = _of_respondents(data)
    rows = [
        {"process": process, "kind": c.kind, "term": c.term, **_turned_over(wide, c)}
        for c in data.contrasts
        for process, wide in means.items()
        if {c.first, c.second} <= set(wide.columns)
    ]
    return pd.DataFrame(rows)


def _turned_over(wide: pd.DataFrame, contrast: Contrast) -> dict[str, float]:
    first, second = wide[contrast.first], wide[contrast.second]
    stayed = first.notna() & second.notna()
    left, came = first[first.notna() & ~stayed], second[second.notna() & ~stayed]
    counts = {"stayers": int(stayed.sum()), "leavers": len(left), "joiners": len(came)}
    linkage = counts["stayers"] / max(counts["stayers"] + counts["joiners"], 1)
    parts = {"leavers": two_sample(first[stayed], left), "joiners": two_sample(second[stayed], came)}
    differ = {
        f"{who}_{name}": float(table[column].iloc[0]) if len(table) else np.nan
        for who, table in parts.items()
        for name, column in (("differ", "estimate"), ("low", "ci_low"), ("high", "ci_high"))
    }
    return {**counts, "linkage": linkage, **differ}
