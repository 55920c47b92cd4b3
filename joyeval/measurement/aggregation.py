"""May team means be used? ICC and agreement of every scale, and a verdict in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.measurement.agreement import AGREE, rwg
from joyeval.measurement.intraclass import icc
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RELIABLE = 0.70  # of a team mean: comparisons of teams (Bliese 2000; LeBreton & Senter 2008)
USABLE = 0.50  # below: a team mean says more about who answered than about the team


@dataclass(frozen=True, kw_only=True, eq=False)
class Aggregation(Result):
    """Evidence for and against using team means; `n` counts respondents with a score and a team.

    Parameters
    ----------
    group : str
    scales : DataFrame
        The columns of `by`, then scale, n, groups, mean_size, icc1, icc1_low, icc1_high, p (all team means equal),
        icc2, icc2_low, icc2_high, size_needed (respondents per team for a reliability of 0.70), rwg (median), agree
        (share of teams at 0.70), random_rwg and rwg_p (random groups of the same people; missing without
        permutations), verdict (yes, with care, no) and reason.
    """

    group: str
    scales: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return ICC(1), ICC(2) and median rwg in the columns of an estimate."""
        keys = list(self.scales.columns[: self.scales.columns.get_loc("scale") + 1])
        parts = []
        for term, value, low, high in (
            ("ICC(1)", "icc1", "icc1_low", "icc1_high"),
            ("ICC(2)", "icc2", "icc2_low", "icc2_high"),
        ):
            part = self.scales[[*keys, value, low, high, "p", "n"]]
            names = {value: "estimate", low: "ci_low", high: "ci_high"}
            parts.append(part.rename(columns=names).assign(term=term, se=np.nan))
        rwg_part = self.scales[[*keys, "rwg", "rwg_p", "n"]].rename(columns={"rwg": "estimate", "rwg_p": "p"})
        parts.append(rwg_part.assign(term="median rwg", se=np.nan, ci_low=np.nan, ci_high=np.nan))
        long = pd.concat(parts, ignore_index=True)[[*keys, "term", "estimate", "se", "ci_low", "ci_high", "p", "n"]]
        return long.astype({"term": "str"})

    def sentence(self) -> str:
        """For which scales team means may be used."""
        said = []
        for verdict, words in (
            ("yes", "may be used"),
            ("with care", "may be used with care"),
            ("no", "should not be used"),
        ):
            names = list(dict.fromkeys(self.scales.loc[self.scales["verdict"] == verdict, "scale"]))
            if names:
                said.append(f"{words} for {', '.join(names)}")
        return f"{self.group.capitalize()} means {'; '.join(said)}."


def aggregation(
    wave: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    group: str = "team",
    by: str | Sequence[str] = (),
    options: int | Mapping[str, int] = 5,
    step: float | Mapping[str, float] = 1.0,
    permutations: int = 0,
    seed: int = 1,
) -> Aggregation:
    """Give a verdict on every scale, from ICC and agreement: may the mean of a team stand for the team.

    ``yes``: the mean of a team of ordinary size has a reliability of at least 0.70, teams differ beyond chance and at
    least half of them agree (rwg of 0.70). ``with care``: reliability of at least 0.50 and teams differ beyond chance.
    Otherwise ``no``.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent: items, `group`, the columns of `by` and, where it was scored, a column named after the
        scale (else the mean of the answered items is used).
    scales : mapping
        Items of each scale.
    group : str
        Column of the team.
    by : str or sequence of str
        Columns (wave) within whose levels everything is done anew.
    options, step : number or mapping
        Answer options and their distance, for all scales or by scale; see `rwg`.
    permutations, seed : int
        Random groups to compare agreement with; see `rwg`.

    Raises
    ------
    UsageError
        A column is not there.

    References
    ----------
    Bliese (2000); LeBreton & Senter (2008) doi:10.1177/1094428106296642; Woehr et al. (2015)
    doi:10.1177/1094428115582090.
    """
    levels = [by] if isinstance(by, str) else list(by)
    absent = sorted({group, *levels, *(item for items in scales.values() for item in items)} - set(wave.columns))
    if absent:
        raise UsageError(
            f"aggregation: found no column {', '.join(absent)}; check group, by and the items of the scales"
        )
    labels = wave[levels] if levels else None
    scores = pd.DataFrame({name: _score(wave, name, list(items)) for name, items in scales.items()})
    coefficients = icc(scores, wave[group], by=labels)
    parts, notes = [], list(coefficients.notes)
    for name, items in scales.items():
        agreed = rwg(
            wave[list(items)],
            wave[group],
            options[name] if not isinstance(options, int) else options,
            by=labels,
            scale=name,
            step=step[name] if not isinstance(step, (int, float)) else step,
            permutations=permutations,
            seed=seed,
        )
        notes += [f"{name}: {note}" for note in agreed.notes]
        parts.append(agreed.summary[agreed.summary["term"] == "rwg"].assign(scale=name))
    table = _wide(coefficients.estimates, pd.concat(parts), levels)
    return Aggregation(
        n=coefficients.n, n_dropped=coefficients.n_dropped, notes=tuple(notes), group=group, scales=table
    )


def _score(wave: pd.DataFrame, name: str, items: list[str]) -> pd.Series:
    return wave[name] if name in wave else wave[items].mean(axis=1)


def _wide(estimates: pd.DataFrame, agreed: pd.DataFrame, levels: list[str]) -> pd.DataFrame:
    """One row per level and scale, with the verdict."""
    keys = [*levels, "scale"]
    limits = {"estimate": "", "ci_low": "_low", "ci_high": "_high"}
    one = estimates[estimates["term"] == "ICC(1)"].rename(columns={c: f"icc1{end}" for c, end in limits.items()})
    two = estimates[estimates["term"] == "ICC(2)"].rename(columns={c: f"icc2{end}" for c, end in limits.items()})
    names = {"median": "rwg", "share": "agree", "random_mean": "random_rwg", "p": "rwg_p"}
    table = one.drop(columns=["term", "se", "f"])
    table = table.merge(two[[*keys, "icc2", "icc2_low", "icc2_high"]], on=keys, validate="one_to_one")
    table = table.merge(agreed.rename(columns=names)[[*keys, *names.values()]], on=keys, validate="one_to_one")
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = RELIABLE / (1 - RELIABLE) * (1 - table["icc1"]) / table["icc1"]
    table["size_needed"] = np.ceil(needed.where(table["icc1"] > 0))
    judged = [_verdict(row) for row in table.to_dict("records")]
    order = ["n", "groups", "mean_size", "icc1", "icc1_low", "icc1_high", "p", "icc2", "icc2_low", "icc2_high"]
    order += ["size_needed", "rwg", "agree", "random_rwg", "rwg_p"]
    words = pd.DataFrame(judged, columns=["verdict", "reason"], dtype="str")
    return pd.concat([table[[*keys, *order]], words], axis=1)


def _verdict(row: dict) -> tuple[str, str]:
    """Yes, with care or no, and why, from one row of the table."""
    if np.isnan(row["icc1"]):
        return "no", "too few teams or answers to tell"
    if np.isnan(row["icc2"]):
        return "no", "the means of teams are all equal"
    reach = "at most" if np.isnan(row["icc2_low"]) else f"{row['icc2_low']:.2f} to"
    reliability = f"reliability of a team mean {row['icc2']:.2f} ({reach} {row['icc2_high']:.2f})"
    if row["p"] >= 0.05:
        return "no", f"whether teams differ cannot be told (p = {row['p']:.2f}); {reliability}"
    if row["icc2"] < USABLE:
        return "no", f"{reliability}; teams of {row['size_needed']:.0f} would be needed for {RELIABLE:.2f}"
    if row["icc2"] < RELIABLE:
        return "with care", f"{reliability}; teams of {row['size_needed']:.0f} would reach {RELIABLE:.2f}"
    if row["agree"] < 0.5:
        return "with care", f"{reliability}, but only {row['agree']:.0%} of teams agree (rwg of {AGREE:.2f})"
    return "yes", f"{reliability}; {row['agree']:.0%} of teams agree (rwg of {AGREE:.2f})"
