"""Correlations that suit teams seen more than once, or measures that share a third."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import p_value
from joyeval.models.panel import regression
from joyeval.outcomes.association import NOT_CAUSE, detectable_r, number, open_answer, quoted
from joyeval.outcomes.linkage import noun_of, table_of
from joyeval.result import Result
from joyeval.wording import counted
from joyeval.words import Note, called

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.outcomes.linkage import Linkage

UNLIKE = 2.0  # times: p of independent errors and p of clustered ones that differ by more are both shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Correlation(Result):
    """A correlation; `n` counts rows.

    Parameters
    ----------
    x, y, kind : str
        The measures, and "repeated measures" or "partial" with what was held constant.
    r, ci_low, ci_high, p : float
        p as usual, with independent errors.
    df : float
    p_clustered : float
        p that allows for errors of a team that hang together (CR2); missing without teams.
    n_teams : int
        0 without teams.
    noun : str
        What a team is called.
    """

    x: str
    y: str
    kind: str
    r: float
    ci_low: float
    ci_high: float
    df: float
    p: float
    p_clustered: float = np.nan
    n_teams: int = 0
    noun: str = "team"

    def tidy(self) -> pd.DataFrame:
        """Return the correlation as one row; it has no standard error."""
        row = {"term": f"{self.x} with {self.y}", "estimate": self.r, "se": np.nan, "ci_low": self.ci_low}
        return pd.DataFrame([row | {"ci_high": self.ci_high, "p": self.p, "n": self.n}])

    def sentence(self) -> str:
        """Return the correlation in words."""
        basis = f"95% CI {number(self.ci_low)} to {number(self.ci_high)}; {self.n} rows"
        if self.n_teams:
            basis += f" of {self.n_teams} {self.noun}s"
        found = f"the {self.kind} correlation of {quoted(self.x)} with {quoted(self.y)} was {number(self.r)} ({basis})"
        if self.ci_low <= 0 <= self.ci_high:
            return open_answer(found)
        return f"{found[0].upper()}{found[1:]}. {NOT_CAUSE}"


def repeated_correlation(data: pd.DataFrame | Linkage, *, x: str, y: str, team: str = "team") -> Correlation:
    """Correlate two measures within teams, whatever the level of each team.

    Parameters
    ----------
    data : DataFrame or Linkage
        Several rows per team; rows with a gap, and teams with one row, are left out.

    Raises
    ------
    ModelError
        Fewer than 2 teams with 2 rows each, or a measure that does not vary within teams.

    References
    ----------
    Bland & Altman (1995), BMJ 310, 446. doi:10.1136/bmj.310.6977.446
    Bakdash & Marusich (2017), Front. Psychol. 8, 456. doi:10.3389/fpsyg.2017.00456
    """
    table, noun = table_of(data), noun_of(data)
    rows = _complete(table, [x, y, team], [x, y])
    rows = rows[rows.groupby(team)[x].transform("size") > 1]
    n_teams = rows[team].nunique()
    df = len(rows) - n_teams - 1
    if n_teams < 2 or df < 2:
        raise ModelError(
            f"{x} with {y}: {counted(n_teams, noun)} with 2 rows or more; needs at least 2 {noun}s and 5 rows"
        )
    within = rows[[x, y]] - rows.groupby(team)[[x, y]].transform("mean")
    r = _pearson(within[x], within[y])
    slope = regression("y ~ x", rows.rename(columns={x: "x", y: "y", team: "team"}), absorb="team", cluster="team")
    clustered = float(slope.terms["p"].iloc[0])
    notes = [Note("association.common_time", noun=noun), Note("association.units", noun=noun)]
    notes += called(slope.notes, noun)
    p = _p(r, df)
    if max(p, clustered) > UNLIKE * min(p, clustered):
        said, plain = ("below 0.001" if value < 0.001 else f"{value:.3f}" for value in (clustered, p))
        notes.append(Note("association.clustered", clustered=said, plain=plain, noun=noun))
    return _correlation(
        r, df, x=x, y=y, kind="repeated-measures", p_clustered=clustered, n_teams=n_teams, n=len(rows),
        n_dropped=len(table) - len(rows), notes=tuple(notes), noun=noun,
    )  # fmt: skip


def partial_correlation(
    data: pd.DataFrame, *, x: str, y: str, given: Sequence[str], method: str = "pearson"
) -> Correlation:
    """Correlate two measures across teams, with others held constant.

    Parameters
    ----------
    data : DataFrame
        One row per team (average repeated periods first).
    given : sequence of str
        What is held constant.
    method : {"pearson", "spearman"}

    Raises
    ------
    ModelError
        Fewer rows than measures and 3, or measures that determine each other.
    """
    if method not in ("pearson", "spearman"):
        raise UsageError(f"method={method!r}: expected pearson or spearman")
    columns = [x, y, *given]
    rows = _complete(data, columns, columns)
    if len(rows) < len(columns) + 3:
        raise ModelError(
            f"{x} with {y}: {len(rows)} complete rows for {len(columns)} measures; needs 3 more than these"
        )
    table = rows.rank() if method == "spearman" else rows
    Z = np.column_stack([np.ones(len(rows)), table[list(given)]])
    rest = table[[x, y]].to_numpy() - Z @ np.linalg.lstsq(Z, table[[x, y]].to_numpy(), rcond=None)[0]
    r = _pearson(pd.Series(rest[:, 0], name=x), pd.Series(rest[:, 1], name=y))
    kind = f"partial {method.capitalize()}" if given else method.capitalize()
    held = f" (given {', '.join(given)})" if given else ""
    return _correlation(
        r, len(rows) - 2 - len(given), x=x, y=y, kind=kind + held, n=len(rows), n_dropped=len(data) - len(rows),
        notes=(
            Note("association.units"),
            Note("association.least_of_rows", rows=len(rows), r=detectable_r(len(rows))),
        ),
    )  # fmt: skip


def _complete(data: pd.DataFrame, columns: list[str], measures: list[str]) -> pd.DataFrame:
    absent = [name for name in columns if name not in data]
    if absent:
        raise no_column(absent, data)
    refuse_infinite(data, columns[:2], f"{columns[0]} with {columns[1]}")
    if text := [name for name in measures if data[name].dtype.kind not in "biuf"]:
        raise ModelError(f"{', '.join(text)}: found text or dates in {len(data)} rows; expected numbers")
    rows = data[list(dict.fromkeys(columns))].dropna()
    return rows.astype(dict.fromkeys(measures, float))[columns]


def _pearson(x: pd.Series, y: pd.Series) -> float:
    lengths = [float(np.linalg.norm(v - v.mean())) for v in (x, y)]
    for v, length in zip((x, y), lengths, strict=True):
        if length < 1e-10 * max(1.0, float(np.abs(v).max())):
            raise ModelError(f"{v.name} does not vary in {len(v)} rows once the rest is held constant")
    return float(np.clip((x - x.mean()) @ (y - y.mean()) / (lengths[0] * lengths[1]), -1, 1))


def _p(r: float, df: float) -> float:
    return float(p_value(np.array([r]), np.sqrt(np.array([(1 - r**2) / df])), np.array([float(df)]))[0])


def _correlation(r: float, df: float, **fields) -> Correlation:
    """Fisher's interval; with df = n - 2 - k its error is 1/sqrt(df - 1)."""
    reach = ndtri(0.975) / np.sqrt(df - 1)
    with np.errstate(divide="ignore"):  # a correlation of 1 has no width
        low, high = np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)
    return Correlation(r=r, ci_low=float(low), ci_high=float(high), df=float(df), p=_p(r, df), **fields)
