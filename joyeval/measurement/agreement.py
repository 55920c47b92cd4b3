"""Agreement within teams: rwg, rwg(j), r*wg and AD, held against random groups of the same people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.measurement.groups import Groups, answers_of, join_labels, nested_groups
from joyeval.measurement.keying import against
from joyeval.measurement.random_groups import Chance, Coded, chance_of
from joyeval.result import Result
from joyeval.wording import counted

# Variance of answers that say nothing, by number of options: skewed towards one end slightly, moderately, heavily.
# LeBreton & Senter (2008), table 2. The uniform null is (options^2 - 1) / 12.
SKEWED = {
    5: (1.34, 0.90, 0.44),
    6: (1.85, 1.26, 0.69),
    7: (2.90, 2.14, 1.39),
    8: (3.47, 2.79, 2.35),
    9: (5.66, 4.73, 3.16),
    10: (6.30, 5.09, 3.46),
    11: (7.31, 6.32, 4.02),
}
INDICES = ("rwg", "rwg_slight", "rwg_moderate", "rwg_heavy", "r_star", "ad", "awg")
AGREE = 0.70  # customary least rwg; see LeBreton & Senter (2008) for finer bands
MOST_VALUES = 200  # distinct answers beyond which the columns are not answers to items


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement(Result):
    """Agreement of one scale in every group; `n` counts respondents in groups that could be judged.

    Parameters
    ----------
    scale, group : str
    j : int
        Number of items.
    options : int
        Answer options per item.
    permutations : int
        Random groupings drawn; 0 for none.
    groups : DataFrame
        The columns of `by`, the group, then n, rwg (uniform null; rwg(j) when there are several items), rwg_slight,
        rwg_moderate, rwg_heavy (skewed nulls; 5 to 11 options only), r_star (r*wg), ad (mean distance from the item
        mean, in points), awg (only with `low`) and p (share of random groups of this size that agree as much).
    summary : DataFrame
        The columns of `by`, then term, groups, mean, median, share (of groups at 0.70 or better; for ad at options / 6
        or less), random_mean, random_best (reached by one random grouping in twenty) and p, of the mean over groups.
    """

    scale: str
    group: str
    j: int
    options: int
    permutations: int
    groups: pd.DataFrame
    summary: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per group and index, in the columns of an estimate."""
        indices = [column for column in INDICES if column in self.groups]
        keys = [column for column in self.groups if column not in (*INDICES, "p")]
        long = self.groups.melt(id_vars=[*keys, "p"], value_vars=indices, var_name="term", value_name="estimate")
        suffix = "(j)" if self.j > 1 else ""
        long["term"] = long["term"].map({i: i.replace("r_star", "r*wg").replace("wg", f"wg{suffix}") for i in indices})
        long = long.assign(se=np.nan, ci_low=np.nan, ci_high=np.nan).astype({"term": "str"})
        return long[[*[key for key in keys if key != "n"], "term", "estimate", "se", "ci_low", "ci_high", "p", "n"]]

    def sentence(self) -> str:
        """How many groups agree, against what chance gives."""
        first = self.summary[self.summary["term"] == "rwg"].iloc[0]
        name = "rwg(j)" if self.j > 1 else "rwg"
        text = (
            f"On {self.scale}, {first['share']:.0%} of {first['groups']:.0f} {self.group}s reached {name} of "
            f"{AGREE:.2f} "
            f"(median {first['median']:.2f})"
        )
        if self.permutations:
            text += f"; random groups of the same people reached {first['random_mean']:.2f} on average, the real ones "
            text += f"{first['mean']:.2f} (p = {first['p']:.3f})"
        return text + "."


def rwg(
    items: pd.DataFrame | pd.Series,
    group: pd.Series | np.ndarray,
    options: int = 5,
    *,
    by: pd.Series | pd.DataFrame | None = None,
    scale: str = "the scale",
    step: float = 1.0,
    low: float | None = None,
    permutations: int = 0,
    seed: int = 1,
) -> Agreement:
    """Agreement of the members of each group about a scale.

    rwg is 1 when all members answer alike and 0 when their answers vary as much as the null distribution; it is set to
    0 where they vary more. It is high in any group when nobody in the study differs: compare with `permutations`. Each
    item is judged by the members who answered it (R multilevel leaves out members with a gap: drop them first to have
    the same).

    Parameters
    ----------
    items : Series or DataFrame, shape (respondents, items)
        Answers; a Series is one item.
    group : Series or array
        Team of each respondent.
    options : int
        Number of answer options.
    by : Series or DataFrame, optional
        Further labels (wave): groups are formed and shuffled within its levels.
    step : float
        Distance between neighbouring options (25 for a scale scored 0, 25, ... 100).
    low : float, optional
        The lowest option; adds awg: agreement against the most disagreement that the mean of the item leaves room for
        (missing where a mean is so near an end that there is none).
    permutations : int
        Random groupings of the respondents to hold the groups against; 1,000 for a report.

    Raises
    ------
    UsageError
        Answers that span more than the options, or too many distinct values to be answers.
    ModelError
        No group with two answers to every item.

    References
    ----------
    James, Demaree & Wolf (1984) doi:10.1037/0021-9010.69.1.85; Lindell, Brandt & Whitney (1999)
    doi:10.1177/01466219922031257 (r*wg); Burke & Dunlap (2002) doi:10.1177/1094428102005002002 (AD); LeBreton & Senter
    (2008) doi:10.1177/1094428106296642; Brown & Hauenstein (2005) doi:10.1177/1094428105275376 (awg); Bliese &
    Halverson (1996) doi:10.1177/014920639602200203 (random groups).

    Examples
    --------
    >>> team = pd.Series(["a", "a", "a", "b", "b", "b"], name="team")
    >>> rwg(pd.Series([4, 4, 5, 1, 3, 5], name="joy"), team).groups["rwg"].round(3).tolist()
    [0.833, 0.0]
    """
    answers = answers_of(items, what=f"rwg of {scale}")
    j = answers.shape[1]
    teams, levels, name = nested_groups(by, group, answers)
    rows = np.flatnonzero((teams.codes >= 0) & answers.notna().any(axis=1).to_numpy())
    teams = teams.take(rows)
    coded = _coded(answers.to_numpy().take(rows, axis=0), options=options, step=step, scale=scale)
    indices = partial(_indices, j=j, nulls=_null_variances(options, step))
    observed = indices(*coded.spread(coded.counts(teams.codes, teams.count)))
    judged = np.isfinite(observed["ad"])
    if not judged.any():
        raise ModelError(
            f"rwg of {scale}: none of {teams.count} {name}s has two answers to each of {j} items ({len(rows)} "
            f"respondents); "
            f"merge small {name}s"
        )
    chance = chance_of(coded, teams, levels, indices, permutations=permutations, seed=seed)
    more = (
        {} if low is None else {"awg": _awg(coded.counts(teams.codes, teams.count), coded.values, low, options, step)}
    )
    table = join_labels(teams.labels, pd.DataFrame({"n": teams.sizes, **observed, **more, "p": chance.p}))
    used = int(teams.sizes[judged].sum())
    return Agreement(
        n=used,
        n_dropped=len(answers) - used,
        notes=(*(against(answers) if j > 1 else ()), *_notes(table, judged, name, permutations)),
        scale=scale,
        group=name,
        j=j,
        options=options,
        permutations=permutations,
        groups=table[judged].reset_index(drop=True),
        summary=_summary(observed, levels, chance, good_ad=options * step / 6),
    )


def _null_variances(options: int, step: float) -> dict[str, float]:
    """Variance of uninformative answers under each null, by the name of its index."""
    nulls = {"rwg": (options**2 - 1) / 12}
    nulls |= dict(zip(("rwg_slight", "rwg_moderate", "rwg_heavy"), SKEWED.get(options, ()), strict=False))
    return {index: variance * step**2 for index, variance in nulls.items()}


def _coded(x: np.ndarray, *, options: int, step: float, scale: str) -> Coded:
    if options < 2 or step <= 0:
        raise UsageError(
            f"rwg of {scale}: found options={options}, step={step}; expected at least 2 options, step above 0"
        )
    at, values = pd.factorize(x.ravel(), sort=True)
    if np.ptp(values) > (options - 1) * step + 1e-9:
        raise UsageError(
            f"rwg of {scale}: answers span {np.ptp(values):g} points, but {options} options {step:g} apart span "
            f"{(options - 1) * step:g}; give the right options= and step="
        )
    if len(values) > MOST_VALUES:
        raise UsageError(f"rwg of {scale}: found {len(values)} distinct values; expected answers to items, not scores")
    n, j = x.shape
    cells = np.where(at >= 0, at + np.tile(np.arange(j) * len(values), n), j * len(values))
    return Coded(cells=cells.reshape(n, j), values=values)


def _indices(variance: np.ndarray, distance: np.ndarray, *, j: int, nulls: dict[str, float]) -> dict[str, np.ndarray]:
    """Every index of the mean item variance and the mean distance of groups, of any shape."""
    indices = {}
    for index, null in nulls.items():
        agreed = np.clip(1 - variance / null, 0, None)
        indices[index] = j * agreed / (j * agreed + np.minimum(variance / null, 1))
    return {**indices, "r_star": 1 - variance / nulls["rwg"], "ad": distance}


def _awg(counts: np.ndarray, values: np.ndarray, low: float, options: int, step: float) -> np.ndarray:
    """Mean over items of awg, by group; missing where the mean of an item leaves no room for disagreement."""
    high = low + (options - 1) * step
    with np.errstate(invalid="ignore", divide="ignore"):
        n, total, squares = np.moveaxis(counts @ np.vander(values, 3, increasing=True), -1, 0)
        mean = total / n
        variance = (squares - mean * total) / (n - 1)
        room = ((high + low) * mean - mean**2 - high * low) * n / (n - 1)
        inside = (mean >= (low * (n - 1) + high) / n) & (mean <= (high * (n - 1) + low) / n)
        return np.where(inside & (n > 1), 1 - 2 * variance / room, np.nan).mean(axis=1)


def _summary(observed: dict[str, np.ndarray], levels: Groups, chance: Chance, *, good_ad: float) -> pd.DataFrame:
    """One row per level and index: the groups together, and what random groups reach."""
    table = levels.labels.iloc[levels.codes].reset_index(drop=True)
    parts = []
    for position, (index, values) in enumerate(observed.items()):
        good = values <= good_ad if index == "ad" else values >= AGREE
        frame = pd.DataFrame({"value": values, "good": np.where(np.isnan(values), np.nan, good), "level": levels.codes})
        by_level = frame.groupby("level")
        part = by_level["value"].agg(groups="count", mean="mean", median="median").assign(share=by_level["good"].mean())
        parts.append(part.assign(term=index, order=position, **chance.against(index, part["mean"].to_numpy())))
    summary = pd.concat(parts).reset_index().sort_values(["level", "order"], kind="stable")
    labels = table.groupby(levels.codes).first() if len(table.columns) else levels.labels
    columns = ["term", "groups", "mean", "median", "share", "random_mean", "random_best", "p"]
    return join_labels(labels.reset_index(drop=True), summary[columns].astype({"term": "str"}), repeat=len(observed))


def _notes(table: pd.DataFrame, judged: np.ndarray, name: str, permutations: int) -> tuple[str, ...]:
    notes = []
    if unjudged := int((~judged).sum()):
        notes.append(f"left out: {unjudged} of {len(judged)} {name}s, with fewer than two answers to some item")
    if reset := int((table["r_star"] < 0).sum()):
        notes.append(f"in {counted(reset, name)} answers vary more than the uniform null: rwg is set to 0 there")
    if small := int((table.loc[judged, "n"] < 5).sum()):
        notes.append(f"{counted(small, name)} with fewer than 5 respondents: agreement there is very uncertain")
    if not permutations:
        notes.append("not held against random groups: rwg may be high because nobody in the study differs")
    return tuple(notes)
