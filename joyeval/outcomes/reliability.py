"""Team means rest on few answers: what that does to differences between teams, and the correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.estimates import estimate_table
from joyeval.models.mixed_models import mixed
from joyeval.outcomes.association import number, open_answer, quoted
from joyeval.result import Result

if TYPE_CHECKING:
    from joyeval.outcomes.association import Association

REFUSE, WARN = 0.5, 0.7  # reliability of team means below which claims between teams are refused, or warned of


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanReliability(Result):
    """How much of the variance of team means is true difference between teams; `n` counts answers.

    Parameters
    ----------
    scale : str
    reliability : float
        tau2 / (tau2 + sigma2 / answers), at the harmonic mean of answers per team.
    tau2, sigma2 : float
        Variance between teams and within, by REML.
    answers : float
        Harmonic mean per team.
    n_teams : int
    """

    scale: str
    reliability: float
    tau2: float
    sigma2: float
    answers: float
    n_teams: int

    def tidy(self) -> pd.DataFrame:
        """Return the reliability as one row."""
        table = estimate_table([f"reliability of team means of {self.scale}"], [self.reliability], [np.nan], n=self.n)
        return table.assign(tau2=self.tau2, sigma2=self.sigma2, answers=self.answers)

    def sentence(self) -> str:
        """Return the reliability in words."""
        return (
            f"{self.reliability:.0%} of the variance of team means of {self.scale} is difference between teams, "
            f"the rest chance in who answered ({self.n_teams} teams, {number(self.answers)} answers each)."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Corrected(Result):
    """Within, between and contextual associations, the last two corrected for unreliable team means; `n` as before.

    Parameters
    ----------
    x, y : str
    reliability : float
        As given, taken as known.
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``.
    """

    x: str
    y: str
    reliability: float
    terms: pd.DataFrame
    noun: str = "team"

    def tidy(self) -> pd.DataFrame:
        """Return one row per term."""
        return self.terms

    def sentence(self) -> str:
        """Return the corrected difference between teams in words."""
        rows = self.terms.set_index("term")
        naive, row = rows.loc["between"], rows.loc["between, corrected"]
        found = (
            f"{self.noun}s whose average {quoted(self.x)} differs by 1 differed by {number(row['estimate'])} in "
            f"{quoted(self.y)} (95% CI {number(row['ci_low'])} to {number(row['ci_high'])}) once the reliability of "
            f"{self.noun} means ({self.reliability:.2f}) is allowed for, {number(naive['estimate'])} without"
        )
        if row["ci_low"] <= 0 <= row["ci_high"]:
            return open_answer(found, f"averages of {self.noun}s go together")
        return f"{found[0].upper()}{found[1:]}. Case-mix may explain it."


def mean_reliability(wave: pd.DataFrame, scale: str, *, team: str = "team", weights: str = "") -> MeanReliability:
    """Estimate how reliable team means of a scale are, from the answers of people or from several periods of a team.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent; or with `weights` one row per team and period.
    scale : str
        Scored column.
    weights : str, optional
        Column of the answers behind each row. What changes from period to period then counts as chance.

    Raises
    ------
    ModelError
        The answers cannot be split into teams.

    References
    ----------
    Bliese (2000), in Klein & Kozlowski, Multilevel Theory, Research, and Methods in Organizations, 349-381.
    """
    rows = wave.dropna(subset=[scale, team])
    rows = rows.assign(score=rows[scale], behind=rows[weights] if weights else 1.0)
    model = mixed("score ~ 1", rows, groups=team, df="satterthwaite", weights="behind" if weights else None)
    sizes = rows.groupby(team)["behind"].sum()
    tau2, sigma2 = (model.theta[0] * model.sigma) ** 2, model.sigma**2
    answers = len(sizes) / float((1 / sizes).sum())
    found = tau2 / (tau2 + sigma2 / answers)
    return MeanReliability(
        scale=scale, reliability=found, tau2=tau2, sigma2=sigma2, answers=answers, n_teams=len(sizes), n=model.n,
        n_dropped=len(wave) - len(rows), notes=(*model.notes, *_warning(found)),
    )  # fmt: skip


def correct_between(answer: Association, reliability: float | MeanReliability) -> Corrected:
    """Correct the difference between teams in a within-between model for unreliable team means.

    With reliability l of team means, the manifest between effect mixes: ``b = l B + (1 - l) w``; so
    ``B = w + (b - w) / l``. The reliability is taken as known, and errors of within and between as independent.

    Parameters
    ----------
    answer : Association
        From `within_between`.
    reliability : float or MeanReliability
        ICC2 of the staff measure (`measurement.icc`), or `mean_reliability`; not defined, 0 or below where teams
        differ no more than chance.

    Raises
    ------
    ModelError
        Reliability below .5 or not known: no claim between teams can be made.

    References
    ----------
    Luedtke et al. (2008), Psychol. Methods 13(3), 203-229. doi:10.1037/a0012869
    """
    known = reliability.reliability if isinstance(reliability, MeanReliability) else reliability
    if known > 1:
        raise UsageError(f"reliability={known}: expected a share of at most 1")
    if "between" not in set(answer.terms["term"]):
        raise UsageError(f"{answer.design}: found no term 'between'; correct a within_between model")
    if not known >= REFUSE:
        raise ModelError(
            f"{answer.noun} means of {answer.x} have reliability {_said(known)} over {answer.n_teams} {answer.noun}s; "
            f"below {REFUSE} no claim can be made between {answer.noun}s: pool waves, get more answers for "
            "each, or keep to the within association"
        )
    rows = answer.terms.set_index("term")
    w, b = rows.loc["within"], rows.loc["between"]
    between = w["estimate"] + (b["estimate"] - w["estimate"]) / known
    spread = np.hypot((1 - 1 / known) * w["se"], b["se"] / known)
    contextual = rows.loc["contextual"]
    corrected = estimate_table(
        ["between, corrected", "contextual, corrected"], [between, contextual["estimate"] / known],
        [spread, contextual["se"] / known], n=int(b["n"]), df=np.array([b["df"], contextual["df"]]),
    )  # fmt: skip
    kept = answer.terms[answer.terms["term"].isin(["within", "between", "contextual"])]
    return Corrected(
        x=answer.x, y=answer.y, reliability=known, terms=pd.concat([kept, corrected], ignore_index=True), n=answer.n,
        n_dropped=answer.n_dropped, noun=answer.noun, notes=(*answer.notes, *_warning(known)),
    )  # fmt: skip


def _said(reliability: float) -> str:
    return "unknown" if np.isnan(reliability) else f"{max(reliability, 0.0):.2f}"


def _warning(reliability: float) -> tuple[str, ...]:
    if reliability >= WARN:
        return ()
    return (f"reliability of team means {reliability:.2f} is below {WARN}: differences between teams are uncertain",)
