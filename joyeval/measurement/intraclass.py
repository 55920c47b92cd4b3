"""Intraclass correlation within teams: how much of a score belongs to the team, how reliable the team mean is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.measurement.groups import Groups, answers_of, join_labels, nested_groups
from joyeval.models.estimates import holding
from joyeval.result import Result
from joyeval.wording import counted

TERMS = ("ICC(1)", "ICC(2)")
NO_SPREAD = 1e-9  # of the variance of a mean, in units of chance, that is rounding of equal means


@dataclass(frozen=True, kw_only=True, eq=False)
class Icc(Result):
    """ICC(1) and ICC(2) of one or more scores; `n` counts the respondents used in any of them.

    Parameters
    ----------
    level : float
    group : str
        What the groups are called (the name of the labels).
    estimates : DataFrame
        The columns of `by`, then scale, term, estimate, se, ci_low, ci_high, p, n, groups, mean_size, f. ``ICC(1)`` is
        the share of variance between groups, ``ICC(2)`` the reliability of the mean of a group of mean size; p tests
        that all group means are equal.
    """

    level: float
    group: str
    estimates: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Both coefficients of the first score; of several, how many are reliable."""
        one, two = (self.estimates[self.estimates["term"] == term].reset_index(drop=True) for term in TERMS)
        known = one["estimate"].notna()
        one, two = one[known], two[known]
        if len(one) > 1:
            return (
                f"ICC(1) lay between {one['estimate'].min():.2f} and {one['estimate'].max():.2f} in {len(one)} "
                f"analyses; in {int((two['estimate'] >= 0.7).sum())} of them the {self.group} means reached a "
                f"reliability of 0.70."
            )
        first = one.iloc[0]
        return (
            f"{max(first['estimate'], 0):.0%} of the variation in {first['scale']} lay between {first['groups']:.0f} "
            f"{self.group}s (ICC(1) {first['estimate']:.3f}, {self.level:.0%} CI {first['ci_low']:.3f} to "
            f"{first['ci_high']:.3f}); the reliability of their means, ICC(2), {_reliable(two.iloc[0], self.group)}."
        )


def _reliable(row: pd.Series, group: str) -> str:
    """Say an ICC(2), which has no lower limit where the means of groups agree more than chance would make them."""
    if np.isnan(row["estimate"]):
        return f"is not defined: the means of {group}s are all equal ({row['n']:.0f} respondents)"
    if row["estimate"] < 0:
        return f"is 0: {group}s differ less than chance would make them ({row['n']:.0f} respondents)"
    reach = "at most" if np.isnan(row["ci_low"]) else f"{row['ci_low']:.2f} to"
    return f"was {row['estimate']:.2f} ({reach} {row['ci_high']:.2f}; {row['n']:.0f} respondents)"


def icc(
    values: pd.Series | pd.DataFrame,
    group: pd.Series | np.ndarray,
    *,
    by: pd.Series | pd.DataFrame | None = None,
    method: str = "anova",
    level: float = 0.95,
) -> Icc:
    """ICC(1) and ICC(2) of one or more scores, with exact intervals.

    Parameters
    ----------
    values : Series or DataFrame, shape (respondents, scales)
        One score per respondent; several columns are several scales, each with its own gaps.
    group : Series or array
        Team of each respondent.
    by : Series or DataFrame, optional
        Further labels (wave): one analysis for each level.
    method : {"anova", "reml"}
        One-way analysis of variance with the mean group size (Bliese 2000, R multilevel), or the variances of a mixed
        model, which weighs groups of very unequal size better. The intervals hold for any sizes.

    Raises
    ------
    ModelError
        One group, no group with two respondents, or no variation, in every scale and level.

    References
    ----------
    Bliese (2000), in Klein & Kozlowski, Multilevel Theory, Research, and Methods in Organizations, 349-381; Wald (1940)
    doi:10.1214/aoms/1177731882 (intervals); Swiger et al. (1964) doi:10.2307/2528131 (standard error).

    Examples
    --------
    >>> joy = pd.Series([5, 5, 4, 2, 1, 2], name="joy")
    >>> icc(joy, pd.Series(["a", "a", "a", "b", "b", "b"], name="team")).tidy()["estimate"].round(3).tolist()
    [0.929, 0.975]
    """
    answers = answers_of(values, what="icc")
    teams, levels, name = nested_groups(by, group, answers)
    rows = np.flatnonzero((teams.codes >= 0) & answers.notna().any(axis=1).to_numpy())
    if method not in ("anova", "reml"):
        raise UsageError(f"method: found {method!r}; expected 'anova' or 'reml'")
    x, here = answers.to_numpy()[rows], teams.take(rows)
    parts = _mean_squares(x, here, levels)
    table = _table(parts, level, _by_reml(x, here, levels, parts) if method == "reml" else None)
    if table["estimate"].isna().all():
        raise ModelError(
            f"likeness within {name}s of {and_others(list(answers))}: {len(rows)} respondents in "
            f"{counted(teams.count, name)}; needs at least "
            f"two "
            f"{name}s, one of them with two respondents, and scores that differ. Merge small groups or report one mean"
        )
    table.insert(0, "scale", np.repeat([str(column) for column in answers], len(TERMS) * levels.count))
    labels = pd.concat([levels.labels] * answers.shape[1], ignore_index=True)
    return Icc(
        n=len(rows),
        n_dropped=len(answers) - len(rows),
        notes=_notes(parts, table, name),
        level=level,
        group=name,
        estimates=join_labels(labels, table, repeat=len(TERMS)),
    )


@dataclass(frozen=True, eq=False)
class _MeanSquares:
    """One-way analysis of variance; arrays have shape (levels, scales), `sizes` and `means` (groups, scales)."""

    between: np.ndarray
    within: np.ndarray
    n: np.ndarray
    groups: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    levels: Groups


def _mean_squares(x: np.ndarray, teams: Groups, levels: Groups) -> _MeanSquares:
    answered = ~np.isnan(x)
    sizes = teams.sums(answered.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        grand = levels.sums(teams.sums(np.where(answered, x, 0.0))) / levels.sums(sizes)
        centred = np.where(answered, x - grand[levels.codes][teams.codes], 0.0)
        means = teams.sums(centred) / np.where(sizes > 0, sizes, 1)
        n, groups = levels.sums(sizes), levels.sums((sizes > 0).astype(float))
        between = levels.sums(sizes * means**2) / (groups - 1)
        inside = np.where(answered, centred - means[teams.codes], 0.0)
        within = levels.sums(teams.sums(inside**2)) / (n - groups)
    answerable = (groups > 1) & (n > groups) & (between + within > 1e-12)
    between, within = np.where(answerable, between, np.nan), np.where(answerable, within, np.nan)
    return _MeanSquares(between, within, n, groups, sizes, means, levels)


def _by_reml(x: np.ndarray, teams: Groups, levels: Groups, ms: _MeanSquares) -> np.ndarray:
    """ICC(1) from the variances of a mixed model, shape (levels, scales)."""
    from joyeval.models.mixed_models import mixed

    found = np.full(ms.between.shape, np.nan)
    for level, scale in np.argwhere(np.isfinite(ms.between)):
        here = (levels.codes[teams.codes] == level) & ~np.isnan(x[:, scale])
        data = pd.DataFrame({"score": x[here, scale], "team": teams.codes[here]})
        found[level, scale] = mixed("score ~ 1", data, groups="team").icc
    return found


def _table(ms: _MeanSquares, level: float, icc1: np.ndarray | None) -> pd.DataFrame:
    """Two rows (ICC(1), ICC(2)) per scale and level, scale by scale."""
    from scipy.special import fdtrc

    size, df1, df2 = ms.n / np.maximum(ms.groups, 1), ms.groups - 1, ms.n - ms.groups
    with np.errstate(invalid="ignore", divide="ignore"):
        f = ms.between / ms.within
        one = np.where(np.isinf(f), 1.0, (f - 1) / (f + size - 1)) if icc1 is None else icc1
        p = np.where(np.isnan(f), np.nan, fdtrc(df1, df2, f))
        se = np.sqrt(2 * (ms.n - 1) * ((1 - one) * (1 + (size - 1) * one)) ** 2 / (size**2 * df1 * df2))
        low, high = (np.where(np.isinf(f), 1.0, _limit(ms, q)) for q in ((1 + level) / 2, (1 - level) / 2))
        low, high = holding(one, low, high)  # limits weigh groups of unequal size, the estimate does not
        pairs = {
            "estimate": (one, _stepped_up(one, size)),
            "se": (se, np.where(np.isnan(_stepped_up(one, size)), np.nan, se * size / (1 + (size - 1) * one) ** 2)),
            "ci_low": (low, _stepped_up(low, size)),
            "ci_high": (high, _stepped_up(high, size)),
            "p": (p, p),
            "n": (ms.n, ms.n),
            "groups": (ms.groups, ms.groups),
            "mean_size": (size, size),
            "f": (f, f),
        }
    table = pd.DataFrame({column: np.stack(pair, axis=-1).swapaxes(0, 1).ravel() for column, pair in pairs.items()})
    table.insert(0, "term", pd.Series(list(TERMS) * ms.n.size, dtype="str"))
    return table.astype({"n": int, "groups": int})


def _stepped_up(icc1: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Reliability of the mean of `size` respondents (Spearman-Brown); missing where means do not vary at all."""
    spread = 1 + (size - 1) * icc1  # variance of a mean, in units of that of one answer / size
    return np.where(spread > NO_SPREAD, size * icc1 / spread, np.nan)


def _limit(ms: _MeanSquares, quantile: float) -> np.ndarray:
    """ICC(1) at which the weighted F ratio takes this quantile, by bisection: exact for any group sizes (Wald 1940).

    With weights n / (1 + (n - 1) icc) the squares between groups follow the F distribution at the true value; the usual
    limits, from the F ratio alone, covered 90 % where sizes differed and 20 % of the variance lay between groups.
    """
    from scipy.special import fdtri

    target = fdtri(np.maximum(ms.groups - 1, 1), np.maximum(ms.n - ms.groups, 1), quantile)
    largest = np.full(ms.n.shape, 2.0)
    np.maximum.at(largest, ms.levels.codes, ms.sizes)
    low, high = -1 / (largest - 1), np.ones(ms.n.shape)
    for _ in range(60):
        middle = (low + high) / 2
        spread = middle[ms.levels.codes]
        weights = ms.sizes * (1 - spread) / (1 + (ms.sizes - 1) * spread)
        total = ms.levels.sums(weights)
        squares = ms.levels.sums(weights * ms.means**2) - ms.levels.sums(weights * ms.means) ** 2 / total
        above = squares / (ms.groups - 1) / ms.within > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(np.isnan(ms.between), np.nan, (low + high) / 2)


def _notes(ms: _MeanSquares, table: pd.DataFrame, name: str) -> tuple[str, ...]:
    notes = []
    if missing := int(table["estimate"].isna().sum() // len(TERMS)):
        notes.append(
            f"{missing} of {len(table) // 2} analyses have one {name}, only {name}s of one, or equal scores: no ICC"
        )
    if singles := int((ms.sizes == 1).any(axis=1).sum()):
        notes.append(f"{counted(singles, name)} of one respondent: counted between {name}s only")
    used = ms.sizes[ms.sizes > 0]
    if used.std() > used.mean():
        notes.append(f"{name} sizes differ much ({used.min():.0f} to {used.max():.0f}): prefer method='reml'")
    few = ms.groups[np.isfinite(ms.between)]
    if len(few) and few.min() < 10:
        notes.append(f"fewer than 10 {name}s in at least one analysis: the interval of ICC(1) is wide")
    if (table.loc[table["term"] == "ICC(1)", "estimate"] < 0).any():
        notes.append(f"a negative ICC(1) means that {name}s differ less than chance would make them: read it as 0")
    return tuple(notes)
