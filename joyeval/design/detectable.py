"""The least true change or association that a design finds with 80 % chance.

Data without any effect are drawn, analysed exactly as reports do, and the size found with 80 % chance follows from the
standard error and its degrees of freedom: an effect shifts these estimates and leaves their errors alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Callable, Iterator, Mapping

    from joyeval.design.conditions import Conditions

POWER = 0.8
SERIES = 60  # of a pulse: drawn and judged at once
SLOW = 0.8  # correlation of neighbouring weeks behind a pulse
ECHO = 0.5  # correlation of neighbouring periods of a team's outcome
FEWEST_WEEKS = 12
PLANNED = "as planned"
PULSE, PULSES, SURVEY, ASSOCIATION, TIES = "pulse", "pulses", "survey", "association", "coordination"
COLUMNS = ["question", "design", "teams", "people", "weeks", "waves", "linkage", "detectable", "unit", "false_alarms",
           "datasets"]  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Design(Result):
    """What a design could find; `n` counts simulated data sets, `n_dropped` those that could not be analysed.

    Parameters
    ----------
    table : DataFrame
        question, design ("as planned", or the one thing that differs from it), teams, people (per team; of
        coordination, workgroups and raters in each), weeks (or periods), waves, linkage, detectable (the least effect
        found with 80 % chance), unit, false_alarms (share of data sets without any effect in which one was found),
        datasets.
    assumed : dict
        The conditions as planned.
    """

    table: pd.DataFrame
    assumed: dict[str, float | int | str]

    def tidy(self) -> pd.DataFrame:
        """Return one row per question and design."""
        return self.table

    def sentence(self) -> str:
        """Say what the design as it is could find, question by question."""
        planned = self.table[self.table["design"] == PLANNED]
        told = [f"{row.question} of {row.detectable:.2g} {row.unit}" for row in planned.itertuples()]
        return f"With {_planned(self.assumed)} this could be found with {POWER:.0%} chance: {'; '.join(told)}."


def _planned(assumed: Mapping[str, Any]) -> str:
    told = (
        "{teams} teams of {people} people, {weeks} weeks ({before} before the start), {waves} survey waves answered by"
    )
    told += " {response:.0%} and linked for {linkage:.0%}, {periods} periods of experience and outcome"
    ties = "{workgroups} workgroups of {raters} raters" if assumed["workgroups"] else ""
    return " and ".join(part.format(**assumed) for part in (told, ties) if part)


def simulate(conditions: Conditions, *, datasets: int = 40, seed: int = 1) -> Design:
    """Simulate pulses, a survey, an association and coordination as planned, and with one thing changed at a time.

    Parameters
    ----------
    conditions : Conditions
        Of the cohort as planned, or as the last one was.
    datasets : int
        Per design; of a pulse, 60 series are drawn at once.

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
    ask = {PULSE: pulse, PULSES: all_pulses, SURVEY: survey, ASSOCIATION: association}
    ask |= {TIES: ties} if conditions.workgroups else {}
    rows, lost = [], 0
    for number, (question, simulated) in enumerate(ask.items()):
        for name, other in variations(conditions, question).items():
            rng = np.random.default_rng([seed, number])  # the same draws for every design, as far as they go
            found, dropped = simulated(other, rng, datasets=datasets)
            rows += [row | {"design": name} for row in found]
            lost += dropped
    table = pd.DataFrame(rows, columns=COLUMNS)
    notes = ("sizes are those of the conditions assumed; people and weeks that differ more than assumed find less",)
    if lost:
        notes += (f"{lost} simulated data sets could not be analysed and were left out",)
    used = int(table["datasets"].sum())
    return Design(n=used, n_dropped=lost, notes=notes, table=table, assumed=asdict(conditions))


def variations(conditions: Conditions, question: str) -> dict[str, Conditions]:
    """Name the designs that differ from the planned one in one thing that the question depends on."""
    c = conditions
    half, double = (lambda n, least: max(n // 2, least)), (lambda n, _: 2 * n)
    sizes = {
        "teams": ("teams", 4, (PULSES, SURVEY, ASSOCIATION)),
        "people": ("people per team", 2, (SURVEY,)),
        "weeks": ("weeks", FEWEST_WEEKS, (PULSE, PULSES)),
        "periods": ("periods", 4, (ASSOCIATION,)),
        "raters": ("raters per workgroup", 2, (TIES,)),
    }
    found = {PLANNED: c}
    for name, (words, least, asked) in sizes.items():
        if question in asked:
            for other in (change(getattr(c, name), least) for change in (half, double)):
                found[f"{other} {words}"] = replace(c, **{name: other})
    if question in (PULSE, PULSES):
        share = c.before / c.weeks
        found = {name: replace(d, before=max(round(d.weeks * share), 3)) for name, d in found.items()}
    if question in (SURVEY, TIES):
        found |= {f"{share:.0%} linked": replace(c, linkage=share) for share in (0.25, 0.75)}
        found |= {f"{c.waves + 1} waves": replace(c, waves=c.waves + 1)}
    return {name: d for name, d in found.items() if name == PLANNED or d != found[PLANNED]}


def pulse(conditions: Conditions, rng: np.random.Generator, *, datasets: int = SERIES) -> tuple[list[dict], int]:
    """Return what the chart of one team could find; share points, in per cent."""
    found, lost = _pulses(conditions, rng, max(datasets, SERIES))
    half = np.maximum(found["ci_high"] - found["change"], found["change"] - found["ci_low"])  # one end may be cut
    size, alarms = float((half + ndtri(POWER) * found["se"]).mean()), float(found["clear"].mean())
    return _of_pulses("a change in the pulse of one team", conditions, size, alarms, len(found)), lost


def all_pulses(conditions: Conditions, rng: np.random.Generator, *, datasets: int = SERIES) -> tuple[list[dict], int]:
    """Return what the mean of all teams could find; share points, in per cent."""
    found, lost = _pulses(conditions, rng, max(datasets, SERIES))
    df, spread = conditions.teams - 1, float(found["change"].std()) / np.sqrt(conditions.teams)
    size = float((stdtrit(df, 0.975) + stdtrit(df, POWER)) * spread)
    return _of_pulses("a mean change in the pulses of all teams", conditions, size, np.nan, len(found)), lost


def _pulses(c: Conditions, rng: np.random.Generator, series: int) -> tuple[pd.DataFrame, int]:
    """Change of each of many teams whose weeks only drift; how many could not be judged."""
    odds = np.log(c.share / (1 - c.share)) + _walk(rng, series, c.weeks, SLOW) * c.drift
    positive = rng.binomial(c.answers, 1 / (1 + np.exp(-odds)))
    team, week = np.indices(positive.shape)
    rows = pd.DataFrame({"team": team.ravel(), "week": week.ravel(), "y": positive.ravel(), "n": c.answers})
    charts = improvement.chart(
        rows, x="week", y="y", n="n", by="team", kind="p'", freeze=c.before, improve="increase", multiply=100
    )
    found = changes(charts)[0].dropna(subset=["se"])
    if found.empty:
        raise ModelError(f"a pulse of {c.weeks} weeks with {c.before} before the start cannot be judged")
    return found, series - len(found)


def _of_pulses(question: str, c: Conditions, size: float, alarms: float, n: int) -> list[dict]:
    where = {"teams": c.teams, "people": c.people, "weeks": c.weeks, "unit": "percentage points"}
    return [{"question": question, "detectable": size, "false_alarms": alarms, "datasets": n, **where}]


def survey(conditions: Conditions, rng: np.random.Generator, *, datasets: int) -> tuple[list[dict], int]:
    """Return what a change from the first survey wave to a later one could find, in units of the score.

    Later waves are tests of their own, corrected for their number, so that more of them find a little less each.
    """
    c, scales = conditions, {"score": ("the score", "higher")}

    def once() -> pd.Series:
        changes = score_change(_waves(c, rng), scales).changes
        row = changes[changes["estimator"] == "everyone"].iloc[-1]
        return row.drop("p").rename({"p_adjusted": "p"})

    where = {"people": c.people, "waves": c.waves, "linkage": c.linkage, "unit": c.unit}
    return _simulated("a change of a survey score", c, once, datasets, where, tests=c.waves - 1)


def association(conditions: Conditions, rng: np.random.Generator, *, datasets: int) -> tuple[list[dict], int]:
    """Return what an association within teams could find: outcome SD for one SD of staff experience."""
    c = conditions

    def once() -> pd.Series:
        x, y = (_walk(rng, c.teams, c.periods, ECHO) + rng.normal(size=(c.teams, 1)) for _ in range(2))
        team, period = np.indices(x.shape)
        rows = pd.DataFrame({"team": team.ravel(), "period": period.ravel(), "x": x.ravel(), "y": y.ravel()})
        return within_between(rows, y="y", x="x", draws=0).effect

    where = {"people": c.people, "weeks": c.periods, "unit": "SD of the outcome per SD"}
    return _simulated("an association within teams", c, once, datasets, where)


def ties(conditions: Conditions, rng: np.random.Generator, *, datasets: int) -> tuple[list[dict], int]:
    """Return what a mean change of coordination from the first wave to the last could find, in one site."""
    c = conditions
    where = {"waves": c.waves, "linkage": c.linkage}
    sizes = {"groups": c.workgroups, "raters": c.raters, "response": c.response}
    found = coordination.power(**sizes, **where, datasets=datasets, seed=int(rng.integers(2**31)))
    row = {"question": "a mean change of coordination", "teams": c.workgroups, "people": c.raters, "unit": "points"}
    told = {"detectable": found.detectable, "false_alarms": found.false_alarms, "datasets": found.n}
    return [row | where | told], found.n_dropped


def _simulated(
    question: str,
    conditions: Conditions,
    once: Callable[[], pd.Series],
    datasets: int,
    where: dict,
    *,
    tests: int = 1,
) -> tuple[list[dict], int]:
    """Analyse data sets without an effect; those that cannot be analysed are counted. `tests` share the 5 %."""
    found = pd.DataFrame(list(_answers(once, datasets)))
    found = found.dropna(subset=["se"]) if len(found) else found
    if found.empty:
        raise ModelError(f"{question}: none of {datasets} data sets of {conditions.teams} teams could be analysed")
    df = found["df"].to_numpy(dtype=float)
    size = float(((stdtrit(df, 1 - 0.025 / tests) + stdtrit(df, POWER)) * found["se"]).mean())
    told = {"detectable": size, "false_alarms": float((found["p"] < 0.05).mean()), "datasets": len(found)}
    return [{"question": question, "teams": conditions.teams, **where, **told}], datasets - len(found)


def _answers(once: Callable[[], pd.Series], datasets: int) -> Iterator[pd.Series]:
    for _ in range(datasets):
        try:
            yield once()
        except ModelError:
            continue


def _waves(c: Conditions, rng: np.random.Generator) -> pd.DataFrame:
    """Draw waves: of those who answered one, a share is linked to the others; the rest are new pseudonyms each time."""
    team = np.repeat(np.arange(c.teams), c.people)
    level = c.between * rng.normal(size=c.teams)[team] + c.person * rng.normal(size=len(team))
    rows = []
    known = rng.random(len(team)) < c.linkage
    for wave in range(1, c.waves + 1):
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
