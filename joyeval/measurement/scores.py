"""Scores over waves: means with intervals, and change estimated three ways beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, no_column
from joyeval.judgement import NOT_CLEAR, NOT_JUDGED, clear
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import cut, quantile
from joyeval.models.multiplicity import adjust
from joyeval.models.swept import clustered_mixed
from joyeval.result import Result
from joyeval.wave_order import wave_order
from joyeval.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL = 0.95  # of intervals
FEWEST = 5  # answers in a wave below which no change is estimated
FEW_TEAMS = 8  # teams in both waves below which a note says that intervals rest on few
ESTIMATORS = {
    "everyone": "all answers; those of one person are linked where they can be",
    "linked": "people who answered both waves",
    "not linked": "people who answered one of the two waves",
    "same teams": "all answers of teams that answered both waves, where the teams of the waves differ",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreChange(Result):
    """How scores changed from the first wave on; `n` counts answers with a score, `n_dropped` those without.

    Parameters
    ----------
    means : DataFrame
        scale, wave, n, mean, sd, ci_low, ci_high: of the answers, the team as the unit of the interval.
    changes : DataFrame
        scale, better, wave (compared with the first), estimator, estimate, se, df, ci_low, ci_high, p, p_adjusted
        (Bonferroni over scales and waves, for ``everyone``), ci_low_all, ci_high_all (interval that holds for all
        scales and waves together: it decides whether a change is clear), relative (share of the first mean), n.
    titles : dict
        Scale to its title.
    """

    means: pd.DataFrame
    changes: pd.DataFrame
    titles: dict[str, str]

    def people(self) -> pd.Series:
        """Return the people behind each change: of the wave that fewer answered, or those left out if they are less.

        Who has the change of everyone and that of the teams of both waves has, by difference, that of the others.
        """
        rows, sizes = self.changes, self.means.set_index(["scale", "wave"])["n"]
        place = pd.MultiIndex.from_frame(rows[["scale", "wave"]])
        first = rows["scale"].map(self.means.drop_duplicates("scale").set_index("scale")["n"])
        fewer = np.minimum(first, sizes.reindex(place).to_numpy())
        answers = rows.pivot_table(index=["scale", "wave"], columns="estimator", values="n", sort=False)
        of = answers.reindex(place).set_index(rows.index).reindex(columns=["everyone", "linked"])
        linked, left_out = of["linked"].fillna(0) / 2, of["everyone"] - rows["n"]
        kinds = {
            "linked": linked,
            "not linked": fewer - linked,
            "same teams": np.minimum(rows["n"] / 2, left_out.where(left_out > 0, np.inf)),
        }
        for kind, people in kinds.items():
            fewer = fewer.mask(rows["estimator"] == kind, people)
        return fewer.fillna(0)

    def tidy(self) -> pd.DataFrame:
        """Return the changes."""
        return self.changes.assign(term=self.changes["scale"] + ", " + self.changes["wave"])

    def clear(self) -> pd.DataFrame:
        """Return the changes of everyone whose interval, which holds for all of them together, leaves out no change."""
        rows = self.changes[self.changes["estimator"] == "everyone"]
        return rows[clear(rows["ci_low_all"], rows["ci_high_all"])]

    def sentence(self) -> str:
        """Say which scores clearly changed from the first wave to any later one, all of them together considered."""
        asked, sure = self.changes[self.changes["estimator"] == "everyone"], self.clear()
        scores = counted(asked["scale"].nunique(), "score")
        if asked["ci_low_all"].isna().all():
            return f"Whether {scores} changed {NOT_JUDGED}: too few teams or answers."
        several = len(set(asked["wave"])) > 1
        later = "a later wave" if several else "the last wave"
        total = f"Of {scores}, {sure['scale'].nunique()} clearly changed from the first to {later}"
        if sure.empty:
            tests = "scores and waves" if several else "scores"
            return f"{total}; for the others it is {NOT_CLEAR} (by intervals that hold for all {tests} together)."
        told = "; ".join(self._told(row) + (f" (wave {row['wave']})" if several else "") for _, row in sure.iterrows())
        return f"{total}: {told}."

    def _told(self, row: pd.Series) -> str:
        good = (row["estimate"] > 0) == (row["better"] == "higher")
        title, way = self.titles[row["scale"]], "better" if good else "worse"
        several = len(self.titles) > 1 or len(set(self.changes["wave"])) > 1
        kind = "95% CI for all together" if several else "95% CI"
        interval = f"{kind} {row['ci_low_all']:+.2f} to {row['ci_high_all']:+.2f}"
        return f"{title} {row['estimate']:+.2f} points ({row['relative']:+.0%}; {interval}), which is {way}"


def score_change(
    waves: pd.DataFrame,
    scales: Mapping[str, tuple[str, str]],
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> ScoreChange:
    """Estimate how scores changed from the first wave to each later one.

    Estimand: the difference in the mean score between two waves, for the people of these teams who would answer.
    ``everyone`` is a mixed model with random intercepts for person and team, so that people who answered twice count
    for their own change and others for the difference between groups; ``linked`` and ``not linked`` use one kind of
    people only. Errors are CR2 with teams as the units: what happens to a whole team between waves is no evidence of
    many people. Where the three disagree, who answered has changed. Where the teams of two waves differ, ``same
    teams`` stands beside them.

    Parameters
    ----------
    waves : DataFrame
        person, team, wave (in the order of a column `date`, of an ordered categorical or of numbers) and one column per
        scale.
    scales : mapping
        Column to (title, "higher" or "lower": which way is better).
    ranges : mapping, optional
        Column to the lowest and highest score there can be: intervals of means then stay within them, those of changes
        within what they allow.

    Returns
    -------
    ScoreChange

    Raises
    ------
    UsageError
        Waves without an order, see `joyeval.wave_order`.
    ModelError
        Fewer than two waves with answers.

    References
    ----------
    Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36(4), 672-683. doi:10.1080/07350015.2016.1247004
    """
    order = list(map(str, wave_order(waves)))
    waves = waves.assign(wave=waves["wave"].astype(str))
    if len(order) < 2:
        raise ModelError(f"change of scores: {len(order)} wave; a change needs two")
    if not set(scales) & set(waves.columns):
        raise no_column(scales, waves, "change of scores")
    refuse_infinite(waves, [name for name in scales if name in waves], "change of scores")
    used = [name for name in scales if name in waves and waves.groupby("wave")[name].count().min() >= FEWEST]
    if not used:
        raise ModelError(f"change of scores: no scale with at least {FEWEST} answers in each of {len(order)} waves")
    ends = {name: (ranges or {}).get(name) for name in used}
    means = pd.concat([_means(waves, name, order, ends[name]) for name in used], ignore_index=True)
    rows = [_changes(waves, name, order, scales[name][1]) for name in used]
    changes = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    changes = _corrected(_relative(_possible(_together(changes), means, order[0], ends), means, order[0]))
    scored = waves[used].notna().any(axis=1)
    left_out = [scales[name][0] for name in scales if name not in used]
    notes = _notes(left_out, waves, order)
    titles = {name: scales[name][0] for name in used}
    dropped = int((~scored).sum())
    return ScoreChange(n=int(scored.sum()), n_dropped=dropped, notes=notes, means=means, changes=changes, titles=titles)


def _means(waves: pd.DataFrame, scale: str, order: list[str], ends: tuple[float, float] | None) -> pd.DataFrame:
    rows = []
    for wave in order:
        here = waves.loc[waves["wave"] == wave, ["team", scale]].dropna()
        half = _half_width(here, scale)
        mean = here[scale].mean()
        rows.append((scale, wave, len(here), mean, here[scale].std(), *_interval(mean, half, ends)))
    return pd.DataFrame(rows, columns=["scale", "wave", "n", "mean", "sd", "ci_low", "ci_high"])


def _interval(mean: float, half: float, ends: tuple[float, float] | None) -> tuple[float, float]:
    """Interval of a mean; on the logit of its place between the ends of the scale, where they are known."""
    if ends is None or not ends[0] < mean < ends[1]:
        return mean - half, mean + half
    low, span = ends[0], ends[1] - ends[0]
    place = (mean - low) / span
    logit, reach = np.log(place / (1 - place)), half / span / (place * (1 - place))
    return tuple(low + span / (1 + np.exp(-(logit + sign * reach))) for sign in (-1, 1))


def _half_width(here: pd.DataFrame, scale: str) -> float:
    """Half of the 95 % interval of a mean, teams as clusters (CR2 of an intercept)."""
    from joyeval.models import regression

    if here["team"].nunique() < 2 or here[scale].std() == 0:
        return float("nan")
    row = regression("score ~ 1", here.rename(columns={scale: "score"}), cluster="team").terms.iloc[0]
    return float(row["estimate"] - row["ci_low"])


def _changes(waves: pd.DataFrame, scale: str, order: list[str], better: str) -> pd.DataFrame:
    data = waves[["person", "team", "wave", scale]].dropna().rename(columns={scale: "score"})
    both = [_contrast(_two(data, order[0], wave), "score", wave) for wave in order[1:]]
    return pd.concat(both, ignore_index=True).assign(scale=scale, better=better)


def _two(data: pd.DataFrame, first: str, wave: str) -> pd.DataFrame:
    two = data[data["wave"].isin([first, wave])]
    return two.assign(later=(two["wave"] == wave).astype(float), times=two.groupby("person")["wave"].transform("size"))


def _contrast(two: pd.DataFrame, scale: str, wave: str) -> pd.DataFrame:
    kinds = {"everyone": two, "linked": two[two["times"] == 2], "not linked": two[two["times"] == 1]}
    same = two.groupby("team")["wave"].transform("nunique") == 2
    if not same.all():
        kinds["same teams"] = two[same]
    return pd.DataFrame([_fitted(rows, scale, kind) | {"wave": wave} for kind, rows in kinds.items()])


def _fitted(rows: pd.DataFrame, scale: str, kind: str) -> dict[str, object]:
    blank = dict.fromkeys(("estimate", "se", "df", "ci_low", "ci_high", "p"), np.nan)
    counts = rows["later"].value_counts()
    if len(counts) < 2 or counts.min() < FEWEST or rows["team"].nunique() < 2:
        return blank | {"estimator": kind, "n": len(rows)}
    team = pd.factorize(rows["team"])[0]
    nested = [rows.groupby(["team", "person"], sort=False).ngroup().to_numpy(), team]
    X = np.column_stack([np.ones(len(rows)), rows["later"]])
    try:
        terms = clustered_mixed(
            rows[scale].to_numpy(dtype=float), X, names=["first", "later"], nested=nested[not _twice(nested[0]) :]
        )
    except ModelError:
        return blank | {"estimator": kind, "n": len(rows)}
    row = terms.set_index("term").loc["later"]
    return {name: float(row[name]) for name in blank} | {"estimator": kind, "n": len(rows)}


def _twice(person: np.ndarray) -> bool:
    """Whether anybody answered more than once."""
    return person.max() + 1 < len(person)


def _teams_in_both(rows: pd.DataFrame) -> int:
    return int((rows.groupby("team")["wave"].nunique() == 2).sum())


def _together(changes: pd.DataFrame) -> pd.DataFrame:
    """Add intervals that hold for all scales and waves together (Bonferroni)."""
    family = ((changes["estimator"] == "everyone") & changes["p"].notna()).sum()
    half = changes["se"] * quantile(1 - (1 - LEVEL) / 2 / max(family, 1), changes["df"].to_numpy(dtype=float))
    return changes.assign(ci_low_all=changes["estimate"] - half, ci_high_all=changes["estimate"] + half)


def _possible(
    changes: pd.DataFrame, means: pd.DataFrame, first: str, ends: Mapping[str, tuple[float, float] | None]
) -> pd.DataFrame:
    """Cut intervals where a later mean would lie beyond the ends of its scale."""
    start = means[means["wave"] == first].set_index("scale")["mean"]
    reach = {name: np.subtract(span, start[name]) if span else (-np.inf, np.inf) for name, span in ends.items()}
    down, up = (changes["scale"].map({name: side[end] for name, side in reach.items()}) for end in (0, 1))
    limits = {}
    for kind in ("", "_all"):
        names = f"ci_low{kind}", f"ci_high{kind}"
        ends = cut(changes["estimate"], *(changes[name] for name in names), least=down, most=up)
        limits |= dict(zip(names, ends, strict=True))
    return changes.assign(**limits)


def _relative(changes: pd.DataFrame, means: pd.DataFrame, first: str) -> pd.DataFrame:
    start = means[means["wave"] == first].set_index("scale")["mean"]
    return changes.assign(relative=changes["estimate"] / changes["scale"].map(start))


def _corrected(changes: pd.DataFrame) -> pd.DataFrame:
    family = (changes["estimator"] == "everyone") & changes["p"].notna()
    adjusted = pd.Series(np.nan, index=changes.index)
    if family.any():
        adjusted[family] = adjust(changes.loc[family, "p"].to_numpy(), "bonferroni")
    order = ["scale", "better", "wave", "estimator", "estimate", "se", "df", "ci_low", "ci_high", "p", "p_adjusted"]
    return changes.assign(p_adjusted=adjusted)[[*order, "ci_low_all", "ci_high_all", "relative", "n"]]


def _notes(left_out: list[str], waves: pd.DataFrame, order: list[str]) -> tuple[str, ...]:
    notes = ["there is no comparison group: other causes of a change at the same time cannot be told apart"]
    if left_out:
        notes.append(f"no change is estimated for {', '.join(left_out)}: too few answers in some wave")
    ends = waves[waves["wave"].isin([order[0], order[-1]])]
    linked = (ends.groupby("person")["wave"].nunique() == 2).sum()
    people = ends["person"].nunique()
    if linked:
        notes.append(f"linked in both waves: {linked} of {people} people who answered the first or the last one")
    else:
        notes.append("nobody is known to have answered both waves: the change is between different people")
    teams = _teams_in_both(ends)
    if teams < FEW_TEAMS:
        notes.append(
            f"{counted(teams, 'team')} answered the first and the last wave: intervals allow for what happened to "
            "whole teams between waves, and are wide, or cannot be given, where teams are so few"
        )
    if (ends.groupby("team")["wave"].nunique() < 2).any():
        notes.append("the teams of the waves differ: the change of the teams in both stands beside that of all")
    return tuple(notes)
