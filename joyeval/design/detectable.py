"""The least true change or association that a design finds with 80 % chance.

Data without any effect are drawn, analysed exactly as reports do, and the size found with 80 % chance follows from the
standard error and its degrees of freedom: an effect shifts these estimates and leaves their errors alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from joyeval import coordination, improvement
from joyeval.errors import ModelError, UsageError
from joyeval.improvement.change import changes
from joyeval.measurement.scores import score_change
from joyeval.outcomes.panel import within_between
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from joyeval.design.conditions import Conditions

POWER = 0.8
WEEKS = (26, 52, 104)
SERIES = 60  # of a pulse: drawn and judged at once
SLOW = 0.8  # correlation of neighbouring weeks behind a pulse
ECHO = 0.5  # correlation of neighbouring periods of a team's outcome
COLUMNS = ["question", "teams", "people", "weeks", "linkage", "detectable", "unit", "false_alarms", "datasets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Design(Result):
    """What a design could find; `n` counts simulated data sets, `n_dropped` those that could not be analysed.

    Parameters
    ----------
    table : DataFrame
        question, teams, people (per team), weeks (or periods), linkage, detectable (the least effect found with 80 %
        chance), unit, false_alarms (share of data sets without any effect in which one was found), datasets.
    assumed : dict
        The conditions that were varied.
    """

    table: pd.DataFrame
    assumed: dict[str, float | int | str]

    def tidy(self) -> pd.DataFrame:
        """Return one row per question and design."""
        return self.table

    def sentence(self) -> str:
        """Say what the design as it is could find, question by question."""
        table, assumed = self.table, self.assumed
        same = table["weeks"].isna() | table["weeks"].isin([assumed["weeks"], assumed["periods"]])
        same &= table["linkage"].isna() | np.isclose(table["linkage"].fillna(0.0), float(assumed["linkage"]))
        same &= (table["teams"] == assumed["teams"]) | table["question"].str.contains("coordination")
        told = [f"{row.question} of {row.detectable:.2g} {row.unit}" for row in table[same].itertuples()]
        return f"With {self.assumed['teams']} teams this could be found with {POWER:.0%} chance: {'; '.join(told)}."


def simulate(
    conditions: Conditions,
    *,
    datasets: int = 40,
    seed: int = 1,
    ties: tuple[int, int] | None = None,
) -> Design:
    """Simulate pulses, a survey and an association with half, as many and twice as many teams.

    Parameters
    ----------
    conditions : Conditions
        Of the cohort as planned, or as the last one was.
    datasets : int
        Per design; of a pulse, 60 series are drawn at once.
    ties : (int, int), optional
        Workgroups and raters in each, where relational coordination is measured.

    Returns
    -------
    Design

    Raises
    ------
    UsageError
        Fewer than 4 teams or 10 data sets.
    ModelError
        A question of which no data set could be analysed.

    Examples
    --------
    >>> simulate(Conditions(teams=12), datasets=10).sentence()  # doctest: +SKIP
    """
    if conditions.teams < 4 or datasets < 10:
        raise UsageError(f"{conditions.teams} teams, {datasets} data sets; expected at least 4 teams and 10 data sets")
    sizes = sorted({max(conditions.teams // 2, 4), conditions.teams, 2 * conditions.teams})
    links = sorted({0.25, conditions.linkage, 0.75})
    rng = np.random.default_rng(seed)
    parts = [pulse(conditions, rng)]
    share = conditions.before / conditions.weeks
    others = [replace(conditions, weeks=w, before=max(round(w * share), 3)) for w in WEEKS if w != conditions.weeks]
    parts += [pulse(other, rng) for other in others]
    for teams in sizes:
        here = replace(conditions, teams=teams)
        parts += [survey(replace(here, linkage=link), rng, datasets=datasets) for link in links]
        parts.append(association(here, rng, datasets=datasets))
    if ties:
        parts += [_coordination(ties, link, datasets, seed) for link in links]
    table = pd.DataFrame([row for rows, _ in parts for row in rows], columns=COLUMNS)
    lost = sum(dropped for _, dropped in parts)
    notes = ("sizes are those of the conditions assumed; people and weeks that differ more than assumed find less",)
    if lost:
        notes += (f"{lost} simulated data sets could not be analysed and were left out",)
    used = int(table["datasets"].sum())
    return Design(n=used, n_dropped=lost, notes=notes, table=table, assumed=asdict(conditions))


def pulse(conditions: Conditions, rng: np.random.Generator) -> tuple[list[dict], int]:
    """Return what the chart of one team, and the mean of all teams, could find; share points, in per cent."""
    c, weeks = conditions, conditions.weeks
    slow = _walk(rng, SERIES, weeks, SLOW) * c.drift
    odds = np.log(c.share / (1 - c.share)) + slow
    positive = rng.binomial(c.answers, 1 / (1 + np.exp(-odds)))
    team, week = np.indices(positive.shape)
    rows = pd.DataFrame({"team": team.ravel(), "week": week.ravel(), "y": positive.ravel(), "n": c.answers})
    charts = improvement.chart(
        rows, x="week", y="y", n="n", by="team", kind="p'", freeze=c.before, improve="increase", multiply=100
    )
    found = changes(charts)[0].dropna(subset=["se"])
    if found.empty:
        raise ModelError(f"a pulse of {weeks} weeks with {c.before} before the start cannot be judged")
    half = (found["ci_high"] - found["ci_low"]) / 2
    shared = {"people": c.people, "weeks": weeks, "linkage": np.nan, "unit": "percentage points"}
    one = float((half + ndtri(POWER) * found["se"]).mean())
    spread = float(found["change"].std()) / np.sqrt(c.teams)
    all_teams = float((stdtrit(c.teams - 1, 0.975) + stdtrit(c.teams - 1, POWER)) * spread)
    told = {"false_alarms": float(found["clear"].mean()), "datasets": len(found)}
    return [
        {"question": "a change in the pulse of one team", "teams": c.teams, "detectable": one, **shared, **told},
        {"question": "a mean change in the pulses of all teams", "teams": c.teams, "detectable": all_teams, **shared,
         "false_alarms": np.nan, "datasets": len(found)},
    ], SERIES - len(found)  # fmt: skip


def survey(conditions: Conditions, rng: np.random.Generator, *, datasets: int) -> tuple[list[dict], int]:
    """Return what a change between two survey waves could find, in units of the score."""
    scales = {"score": ("the score", "higher")}

    def once() -> pd.Series:
        changes = score_change(_waves(conditions, rng), scales).changes
        return changes[changes["estimator"] == "everyone"].iloc[0]

    where = {"people": conditions.people, "weeks": np.nan, "linkage": conditions.linkage, "unit": conditions.unit}
    return _simulated("a change of a survey score", conditions, once, datasets, where)


def association(conditions: Conditions, rng: np.random.Generator, *, datasets: int) -> tuple[list[dict], int]:
    """Return what an association within teams could find: outcome SD for one SD of staff experience."""
    c = conditions

    def once() -> pd.Series:
        x, y = (_walk(rng, c.teams, c.periods, ECHO) + rng.normal(size=(c.teams, 1)) for _ in range(2))
        team, period = np.indices(x.shape)
        rows = pd.DataFrame({"team": team.ravel(), "period": period.ravel(), "x": x.ravel(), "y": y.ravel()})
        return within_between(rows, y="y", x="x", draws=0).effect

    where = {"people": c.people, "weeks": c.periods, "linkage": np.nan, "unit": "SD of the outcome per SD"}
    return _simulated("an association within teams", c, once, datasets, where)


def _coordination(ties: tuple[int, int], linkage: float, datasets: int, seed: int) -> tuple[list[dict], int]:
    groups, raters = ties
    found = coordination.power(groups=groups, raters=raters, linkage=linkage, datasets=datasets, seed=seed)
    row = {"question": "a mean change of coordination", "teams": groups, "people": raters, "weeks": np.nan}
    row |= {"linkage": linkage, "detectable": found.detectable, "unit": "points", "datasets": found.n}
    return [{**row, "false_alarms": found.false_alarms}], datasets - found.n


def _simulated(
    question: str, conditions: Conditions, once: Callable[[], pd.Series], datasets: int, where: dict
) -> tuple[list[dict], int]:
    """Analyse data sets without an effect; those that cannot be analysed are counted."""
    found = pd.DataFrame(list(_answers(once, datasets)))
    found = found.dropna(subset=["se"]) if len(found) else found
    if found.empty:
        raise ModelError(f"{question}: none of {datasets} data sets of {conditions.teams} teams could be analysed")
    df = found["df"].to_numpy(dtype=float)
    size = float(((stdtrit(df, 0.975) + stdtrit(df, POWER)) * found["se"]).mean())
    told = {"detectable": size, "false_alarms": float((found["p"] < 0.05).mean()), "datasets": len(found)}
    return [{"question": question, "teams": conditions.teams, **where, **told}], datasets - len(found)


def _answers(once: Callable[[], pd.Series], datasets: int) -> Iterator[pd.Series]:
    for _ in range(datasets):
        try:
            yield once()
        except ModelError:
            continue


def _waves(c: Conditions, rng: np.random.Generator) -> pd.DataFrame:
    """Draw two waves: of those who answered the first, a share is linked to the second; others are new pseudonyms."""
    team = np.repeat(np.arange(c.teams), c.people)
    level = c.between * rng.normal(size=c.teams)[team] + c.person * rng.normal(size=len(team))
    rows = []
    known = rng.random(len(team)) < c.linkage
    for wave in (1, 2):
        here = np.flatnonzero(rng.random(len(team)) < c.response)
        moved = c.shock * c.person * rng.normal(size=c.teams)[team[here]]
        score = level[here] + moved + c.rest * rng.normal(size=len(here))
        person = np.where(known[here], here, here + wave * len(team))
        rows.append(pd.DataFrame({"person": person, "team": team[here], "wave": wave, "score": score}))
    return pd.concat(rows, ignore_index=True)


def _walk(rng: np.random.Generator, series: int, points: int, echo: float) -> np.ndarray:
    """Stationary series of variance 1 whose neighbours correlate by `echo`."""
    out = rng.normal(size=(series, points))
    for t in range(1, points):
        out[:, t] = echo * out[:, t - 1] + np.sqrt(1 - echo**2) * out[:, t]
    return out
