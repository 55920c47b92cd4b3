"""Whether the change would be seen under other scoring rules, and if everyone had answered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.coordination.mean_change import averaged
from joyeval.coordination.ratings import Ratings, ratings
from joyeval.coordination.ties import RAW_TO_SCORED, RC
from joyeval.errors import UsageError
from joyeval.judgement import clear
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = {
    "index": ("mean of items", "mean of blocks"),
    "frequency": ("scored", "as displayed", "left out"),
    "fewest": (4, len(RC.dimensions)),
    "no contact": ("missing", "weakest"),
    "own group": ("left out", "counted"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoringRules(Result):
    """The mean change under every combination of scoring rules; `n` counts combinations.

    Parameters
    ----------
    table : DataFrame
        One column per rule, then estimate, se, df, ci_low, ci_high, p, n.
    """

    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per combination."""
        return self.table

    def sentence(self) -> str:
        """Return the range of the estimates and how many intervals leave out 0."""
        above, below = int((self.table["ci_low"] > 0).sum()), int((self.table["ci_high"] < 0).sum())
        low, high = self.table["estimate"].min(), self.table["estimate"].max()
        return (
            f"Under {self.n} combinations of scoring rules the mean change ran from {low:+.2f} to {high:+.2f} points; "
            f"of the 95% intervals {above} lie above 0, {below} below."
        )


def scoring_rules(
    ties: pd.DataFrame, *, first: str, second: str, process: str | None = None, linked: bool = True
) -> ScoringRules:
    """Estimate the mean change under each defensible combination of scoring rules.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it, with the seven dimensions.
    first, second : str
        Waves.
    """
    rows: list[dict[str, object]] = []
    estimated: dict[tuple[bytes, str], pd.Series] = {}
    for rules in product(*RULES.values()):
        chosen = dict(zip(RULES, rules, strict=True))
        scored = _scored(ties, chosen)
        same = (scored["rc"].to_numpy().tobytes(), str(chosen["own group"]))
        if same not in estimated:  # where every item was answered, several rules give the same scores
            data = ratings(scored, process=process, waves=(first, second), linked=linked)
            common = data.in_waves(data.waves)
            kept = common if chosen["own group"] == "counted" else common[~common["within"]]
            estimated[same] = averaged(data, kept, {second: 1.0, first: -1.0}).iloc[0]
        rows.append({**chosen, **estimated[same].drop(["process", "ties"])})
    table = pd.DataFrame(rows)
    return ScoringRules(n=len(table), notes=("no published rule settles these choices",), table=table)


def _scored(ties: pd.DataFrame, rules: Mapping[str, object]) -> pd.DataFrame:
    answers = ties[list(RC.dimensions)].astype(float)
    if rules["no contact"] == "weakest":
        answers = answers.mask(answers.isna().mul(ties["no_contact"].astype(bool), axis=0), RC.low)
    if rules["frequency"] == "as displayed":
        answers["freq"] = answers["freq"].map({scored: raw for raw, scored in RAW_TO_SCORED.items()})
    if rules["frequency"] == "left out":
        answers["freq"] = np.nan
    asked = len(RC.dimensions) - (rules["frequency"] == "left out")
    enough = answers.notna().sum(axis=1) >= min(int(rules["fewest"]), asked)
    blocks = [answers[list(block)].mean(axis=1) for block in (RC.communication, RC.relationship)]
    score = (blocks[0] + blocks[1]) / 2 if rules["index"] == "mean of blocks" else answers.mean(axis=1)
    return ties.assign(rc=score.where(enough))


@dataclass(frozen=True, kw_only=True, eq=False)
class NonResponse(Result):
    """What non-response could hide; `n` counts raters.

    Parameters
    ----------
    terms : DataFrame
        process, term, estimate, ci_low, ci_high, response_first, response_second (mean over rating groups), lowest,
        highest (all non-respondents of one wave at one end of the scale, of the other at the other), tipping (how far
        below respondents the non-respondents of the second wave would have to lie for the change to be 0),
        tipping_interval (for its interval to reach 0; 0 if it does).
    """

    terms: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per process."""
        return self.terms

    def sentence(self) -> str:
        """Say of every clear change what those who did not answer would have to think for it to vanish."""
        own = self.terms[self.terms["process"] != "all"]
        sure = own[clear(own["ci_low"], own["ci_high"])]
        if sure.empty:
            return "No change is clear, so there is none that those who did not answer could undo."
        return " ".join(f"In {row.process} {_undone(row)}." for row in sure.itertuples())


def beyond_scale(tipping: float) -> bool:
    """Whether people would have to differ by more than the scale is wide."""
    return abs(tipping) > RC.high - RC.low


def _undone(row: object) -> str:
    """Say of one clear change what would undo it."""
    told = f"{row.response_second:.0%} answered in the second wave; the change of {row.estimate:+.2f} points would"
    if np.isnan(row.tipping):
        return f"everybody answered in the second wave; the change of {row.estimate:+.2f} points cannot tip"
    if beyond_scale(row.tipping):
        return f"{told} not vanish whatever those who did not answer then think: the scale is not wide enough"
    side = "lower" if row.tipping > 0 else "higher"
    return (
        f"{told} vanish if those who did not answer then rated {abs(row.tipping):.2f} points {side} than those who did"
    )


def non_response(
    ties: pd.DataFrame,
    roster: pd.DataFrame,
    *,
    first: str,
    second: str,
    process: str | None = None,
    measure: str = "rc",
    linked: bool = True,
) -> NonResponse:
    """Bound the change by what those who did not answer may think.

    Parameters
    ----------
    roster : DataFrame
        process, workgroup, wave, headcount: members invited.
    first, second : str
        Waves.

    Raises
    ------
    UsageError
        A rating group without a headcount, or with fewer members than raters.

    References
    ----------
    Manski (1990), Am. Econ. Rev. 80(2), 319-323 (bounds without assumptions).
    """
    data = ratings(ties, measure=measure, process=process, waves=(first, second), linked=linked)
    common = data.in_waves(data.waves)
    between = common[~common["within"]]
    silent = _silent(data, roster)
    change = averaged(data, between, {second: 1.0, first: -1.0}).set_index("process")
    share, ends = {}, {}
    for wave in (first, second):
        by_tie = silent[wave].reindex(pd.MultiIndex.from_frame(between[["process", "workgroup"]])).to_numpy()
        kept = (1 - by_tie) * data.means.mean[between["block"], data.cells(between, wave)]
        share[wave] = _by_process(between, by_tie)
        ends[wave] = [_by_process(between, kept + by_tie * end) for end in (RC.low, RC.high)]
    terms = change[["estimate", "ci_low", "ci_high"]].assign(
        term=f"{second} - {first}",
        response_first=1 - share[first],
        response_second=1 - share[second],
        lowest=ends[second][0] - ends[first][1],
        highest=ends[second][1] - ends[first][0],
    )
    nearest = np.where(terms["ci_low"] > 0, terms["ci_low"], np.where(terms["ci_high"] < 0, terms["ci_high"], 0.0))
    away = share[second].where(share[second] > 0)
    terms = terms.assign(tipping=terms["estimate"] / away, tipping_interval=nearest / away).rename_axis("process")
    return NonResponse(n=data.rows["rater"].nunique(), n_dropped=data.n_dropped, terms=terms.reset_index())


def _silent(data: Ratings, roster: pd.DataFrame) -> pd.DataFrame:
    """Share of each rating group that did not answer, one column per wave."""
    keys = ["process", "workgroup"]
    raters = data.rows.groupby([*keys, "wave"])["rater"].nunique().unstack("wave")
    listed = roster.assign(wave=roster["wave"].astype(str)).pivot(index=keys, columns="wave", values="headcount")
    heads = listed.reindex(index=raters.index, columns=raters.columns)
    wrong = (heads.isna() | (heads < raters)) & raters.notna()
    if wrong.any(axis=None):
        names = ", ".join(f"{group} ({process})" for process, group in wrong.index[wrong.any(axis=1)])
        raise UsageError(f"roster: no headcount, or fewer members than raters, for {names}")
    return 1 - raters / heads


def _by_process(ties: pd.DataFrame, values: np.ndarray) -> pd.Series:
    """Mean over the ties of each process, and over processes where there are several."""
    own = pd.Series(np.asarray(values, dtype=float)).groupby(ties["process"].to_numpy()).mean()
    return pd.concat([pd.Series({"all": own.mean()}), own]) if len(own) > 1 else own
