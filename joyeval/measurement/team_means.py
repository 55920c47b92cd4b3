"""Team means that allow for chance: each drawn towards the mean of all teams as far as its size and spread ask."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from joyeval.errors import ModelError
from joyeval.measurement.groups import answers_of, groups_of, join_labels
from joyeval.result import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class TeamMeans(Result):
    """Observed and shrunken means of teams; `n` counts respondents.

    Parameters
    ----------
    scale, group : str
    mean : float
        Of teams.
    between, within : float
        Standard deviations between teams and of people within them.
    level : float
    teams : DataFrame
        The group, then n, observed, estimate (shrunken), se, ci_low, ci_high, reliability (share of the observed
        difference from the mean that is kept), differs (whether the interval leaves out the mean of teams).
    """

    scale: str
    group: str
    mean: float
    between: float
    within: float
    level: float
    teams: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per team, in the columns of an estimate."""
        table = self.teams.assign(term=self.teams[self.group].astype(str), p=np.nan)
        return table[["term", "estimate", "se", "ci_low", "ci_high", "p", "n"]].astype({"term": "str"})

    def showing(self, teams: pd.DataFrame) -> TeamMeans:
        """Show other rows: some teams only, or rounded; everything else rests on all of them."""
        return replace(self, teams=teams.reset_index(drop=True))

    def sentence(self) -> str:
        """Say how many teams can be told from the mean; no ranks."""
        count = int(self.teams["differs"].sum())
        return (
            f"Of {len(self.teams)} {self.group}s, {count} can be told from the mean of {self.mean:.2f} on "
            f"{self.scale} once "
            f"chance is allowed for (standard deviation between {self.group}s {self.between:.2f}, within "
            f"{self.within:.2f})."
        )


def team_means(values: pd.Series, group: pd.Series, *, scale: str = "the score", level: float = 0.95) -> TeamMeans:
    """Estimate the mean of each team by empirical Bayes.

    A team mean of few people is mostly chance; the estimate moves it towards the mean of all teams in proportion.
    Intervals allow for the uncertainty of the shrinkage itself (Morris 1983), and hold on average over teams. Do not
    rank teams by them.

    Parameters
    ----------
    values : Series
        One score per respondent.
    group : Series
        Team of each respondent.

    Raises
    ------
    ModelError
        Fewer than 4 teams, or no team with two answers.

    References
    ----------
    Morris (1983) doi:10.1080/01621459.1983.10477920; Goldstein & Spiegelhalter (1996) doi:10.2307/2983325 (no league
    tables).

    Examples
    --------
    >>> joy = pd.Series([1.0, 4, 4, 5, 5, 2, 2, 1, 3, 3, 5, 4])
    >>> team_means(joy, pd.Series(list("aaabbbcccddd"), name="team")).teams[["team", "observed", "estimate"]].round(1)
      team  observed  estimate
    0    a       3.0       3.1
    1    b       4.0       3.8
    2    c       2.0       2.3
    3    d       4.0       3.8
    """
    from joyeval.models.mixed_models import mixed

    answers = answers_of(values.rename("score"), what=f"team means of {scale}")
    groups = groups_of(group, answers, default="group")
    name = str(groups.labels.columns[0])
    rows = np.flatnonzero(answers["score"].notna().to_numpy() & (groups.codes >= 0))
    y, codes = answers["score"].to_numpy()[rows], groups.codes[rows]
    sizes = np.bincount(codes, minlength=groups.count)
    seen = sizes > 0
    if seen.sum() < 4 or (sizes < 2).all() or np.ptp(y) == 0:
        raise ModelError(
            f"team means of {scale}: {len(y)} respondents in {int(seen.sum())} {name}s; needs 4 {name}s, one with two "
            f"answers, "
            "and scores that differ. Report the mean of all"
        )
    if not np.abs(y - (np.bincount(codes, y, groups.count) / np.maximum(sizes, 1))[codes]).max() > 0:
        raise ModelError(
            f"team means of {scale}: everybody in each {name} gave the same score, so that there is no chance within "
            f"{name}s to allow for. Report the means as they are"
        )
    model = mixed("score ~ 1", pd.DataFrame({"score": y, "team": codes}), groups="team")
    within = float(model.sigma)
    between = float(within * np.sqrt(model.icc / (1 - model.icc)))
    table = _shrunken(np.bincount(codes, y, groups.count)[seen], sizes[seen], between, within, level)
    mean = float(table.attrs.pop("mean"))
    return TeamMeans(
        n=len(y),
        n_dropped=len(values) - len(y),
        notes=_notes(table, int(seen.sum()), name, between),
        scale=scale,
        group=name,
        mean=mean,
        between=between,
        within=within,
        level=level,
        teams=join_labels(groups.labels[seen], table),
    )


def _shrunken(totals: np.ndarray, sizes: np.ndarray, between: float, within: float, level: float) -> pd.DataFrame:
    """Empirical Bayes means with Morris's correction; the mean of teams goes into `attrs`."""
    observed, error = totals / sizes, within**2 / sizes
    weights = 1 / (between**2 + error)
    mean = float(weights @ observed / weights.sum())
    count = len(sizes)
    pull = np.minimum((count - 3) / (count - 1) * error * weights, 1.0)  # Morris: the plain ratio shrinks too much
    estimate = observed - pull * (observed - mean)
    known = error * (1 - pull * (1 - weights / weights.sum()))
    doubt = 2 / (count - 3) * pull**2 * (error.mean() + between**2) * weights  # variance of the ratio itself
    se = np.sqrt(known + doubt * (observed - mean) ** 2)
    reach = stdtrit(count - 1, (1 + level) / 2) * se
    low, high = estimate - reach, estimate + reach
    table = pd.DataFrame(
        {
            "n": sizes,
            "observed": observed,
            "estimate": estimate,
            "se": se,
            "ci_low": low,
            "ci_high": high,
            "reliability": 1 - pull,
            "differs": (low > mean) | (high < mean),
        }
    )
    table.attrs["mean"] = mean
    return table


def _notes(table: pd.DataFrame, teams: int, name: str, between: float) -> tuple[str, ...]:
    notes = [f"estimates are for reading each {name} by itself: their order is too uncertain for a league table"]
    if between == 0:
        notes.append(f"whether {name}s differ cannot be told: all estimates lie near the mean")
    if teams < 10:
        notes.append(f"only {teams} {name}s: how far to shrink is itself uncertain")
    if small := int((table["n"] < 5).sum()):
        notes.append(f"{small} {name}s have fewer than 5 respondents: their estimates are mostly the mean of all")
    return tuple(notes)
