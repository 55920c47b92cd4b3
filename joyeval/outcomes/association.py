"""The answer that panel designs share: an estimate, what it estimates, and words that do not overreach."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri

from joyeval.errors import ModelError
from joyeval.judgement import clear
from joyeval.models.estimates import quantile
from joyeval.result import Result
from joyeval.words import Note

GOES_WITH = "goes with"
NO_MORE = "no more than a small effect"  # than the smallest that matters, where one was named
CANNOT_BE_TOLD = "cannot be told"
POWER = 0.8
REACH = 1.645  # standard deviations to either side: 90 % of what is normal
ROLES = ("primary", "secondary", "exploratory")
NOT_CAUSE = "This is an association; it does not show what brought it about."
BY_LOT = "Start dates were drawn by lot, so the difference can be put down to the programme."


@dataclass(frozen=True, kw_only=True, eq=False)
class Association(Result):
    """How an outcome went with staff experience; `n` counts team-periods.

    Parameters
    ----------
    design, estimand : str
        Name of the design, and in one clause what it estimates.
    y, x : str
        Outcome and staff measure.
    primary : str
        The term that answers the question.
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``; effects in units of the outcome per 1 unit of x.
    n_teams : int
    sd_x : float
        Standard deviation of x within teams (or of its change), to turn an effect per point into one per usual swing.
    permutation_p : float
        p of the primary term when teams exchange their histories of x; missing where they cannot.
    detectable : float
        Smallest effect that data of this precision would find in 8 of 10 studies.
    improve : str
        "increase" or "decrease" where the better direction of the outcome is known.
    role : str
        "primary" (named in advance), "secondary" or "exploratory".
    experimental : bool
        True when exposure was drawn by lot.
    sd_y : float
        Standard deviation of the outcome within teams (or of its change, or between teams), as of x.
    noun : str
        What a team is called: "trust".
    smallest : float
        Smallest effect that matters, per 1 unit of x, as named in advance; missing where none was.
    extra : dict
        Further numbers of the design, by name.
    """

    design: str
    estimand: str
    y: str
    x: str
    primary: str
    terms: pd.DataFrame
    n_teams: int
    sd_x: float
    detectable: float
    permutation_p: float = np.nan
    improve: str = ""
    role: str = "exploratory"
    experimental: bool = False
    sd_y: float = np.nan
    noun: str = "team"
    smallest: float = np.nan
    extra: dict[str, float] = field(default_factory=dict)

    @property
    def effect(self) -> pd.Series:
        """The row of the primary term."""
        return self.terms[self.terms["term"] == self.primary].iloc[0]

    def along(self, data: pd.DataFrame, points: int = 25) -> pd.DataFrame:
        """Return the outcome that the model gives along x, most of its spread to both sides, within and between teams.

        Each line starts from the averages of x and outcome, which are taken as known. It ends at nothing that any one
        team was, such as the lowest.

        Parameters
        ----------
        data : DataFrame
            One row per team and period: ``team``, `x` and `y`, as analysed.

        Returns
        -------
        DataFrame
            `comparison`, the column of x, ``estimate, ci_low, ci_high``.
        """
        rows = data.dropna(subset=[self.x, self.y])
        averages = rows.groupby("team")[self.x].transform("mean")
        swings = {"within": rows[self.x] - averages, "between": averages - rows[self.x].mean()}
        parts = []
        for term, slopes in self.terms.set_index("term").iterrows():
            if term in (self.primary, "between"):
                steps = np.linspace(-REACH, REACH, points) * swings.get(str(term), swings["within"]).std()
                ends = np.sort(np.outer(steps, slopes[["ci_low", "ci_high"]].to_numpy(float)), axis=1)
                line = {self.x: rows[self.x].mean() + steps, "estimate": steps * slopes["estimate"]}
                part = pd.DataFrame(line | {"ci_low": ends[:, 0], "ci_high": ends[:, 1]})
                part[["estimate", "ci_low", "ci_high"]] += rows[self.y].mean()
                name = f"between {self.noun}s" if term == "between" else f"within {self.noun}s"
                parts.append(part.assign(comparison=name))
        return pd.concat(parts, ignore_index=True)

    @property
    def standardised(self) -> pd.Series:
        """The primary term in standard deviations of the outcome per standard deviation of x."""
        row = self.effect.copy()
        row[["estimate", "se", "ci_low", "ci_high"]] *= self.sd_x / self.sd_y
        return row

    def tidy(self) -> pd.DataFrame:
        """Return one row per term."""
        return self.terms

    @property
    def answer(self) -> str:
        """What the interval of the primary term says: see `GOES_WITH`, `NO_MORE` and `CANNOT_BE_TOLD`."""
        row = self.effect
        if clear(row["ci_low"], row["ci_high"]):
            return GOES_WITH
        return NO_MORE if max(-row["ci_low"], row["ci_high"]) < self.smallest else CANNOT_BE_TOLD

    def sentence(self) -> str:
        """Return the primary estimate in words: one of three answers, and no cause where none was shown."""
        row = self.effect
        interval = f"95% CI {number(row['ci_low'])} to {number(row['ci_high'])}"
        basis = f"{interval}; {self.n} {self.noun}-periods of {self.n_teams} {self.noun}s"
        x, y = quoted(self.x), quoted(self.y)
        found = f"{self.estimand}, 1 more in {x} went with {signed(row['estimate'])} in {y} ({basis})"
        if self.answer == NO_MORE:
            below = (
                f"anything in this interval is smaller than {number(self.smallest)}, named as the least that matters"
            )
            return f"They go together by no more than a small effect: {found}; {below}."
        if self.answer == CANNOT_BE_TOLD:
            return open_answer(f"{found}; a rise, a fall and no difference all fit")
        cause = BY_LOT if self.experimental else NOT_CAUSE
        return f"{found[0].upper()}{found[1:]}{self._better(row['estimate'])}. {cause}"

    def _better(self, estimate: float) -> str:
        if not self.improve:
            return ""
        return ", which is better" if (estimate > 0) == (self.improve == "increase") else ", which is worse"


def open_answer(found: str, asked: str = "they go together") -> str:
    """Say that the data leave a question open, and what they fit.

    Examples
    --------
    >>> open_answer("the correlation of a with b was 0.1 (95% CI -0.1 to 0.3)")
    'Whether they go together cannot be told: the correlation of a with b was 0.1 (95% CI -0.1 to 0.3).'
    """
    return f"Whether {asked} cannot be told: {found}."


def detectable_r(n: int, *, power: float = POWER, alpha: float = 0.05) -> float:
    """Return the smallest correlation that n independent units would show as significant with the given power.

    Parameters
    ----------
    n : int
        Units, such as teams; at least 4.

    References
    ----------
    Fisher's z with standard error 1/sqrt(n - 3): Cohen (1988), Statistical Power Analysis, chapter 3.

    Examples
    --------
    >>> round(detectable_r(30), 2), round(detectable_r(70), 2)
    (0.49, 0.33)
    """
    if n < 4:
        raise ModelError(f"{n} units: no correlation can be tested with fewer than 4")
    return float(np.tanh((ndtri(1 - alpha / 2) + ndtri(power)) / np.sqrt(n - 3)))


def detectable_effect(se: float, df: float) -> float:
    """Return the smallest effect that an estimate with this standard error would find in 8 of 10 studies."""
    free = np.array(df, dtype=float)
    return float(se * (quantile(0.975, free) + quantile(POWER, free)))


def guard_notes(*, n_teams: int, y: str, detectable: float, role: str, improve: str, noun: str = "team") -> list[Note]:
    """Caveats that every association of team-periods carries, with their numbers."""
    notes = [Note("association.units", noun=noun)]
    if n_teams >= 4:
        notes.append(Note("association.least_between", teams=n_teams, r=detectable_r(n_teams), noun=noun))
    notes.append(Note("association.least", small=number(detectable), outcome=quoted(y)))
    if role == "exploratory":
        notes.append(Note("association.exploratory"))
    if not improve:
        notes.append(Note("association.way_not_stated", outcome=y))
    return notes


def number(value: float) -> str:
    """Three figures from 1 up and two below, never with an exponent.

    Examples
    --------
    >>> number(1234.56), number(9.84), number(0.0213), number(-0.5)
    ('1235', '9.84', '0.021', '-0.50')
    """
    if not np.isfinite(value) or abs(value) < 1e-9:
        return f"{value:.0f}".lstrip("-")
    figures = 3 if abs(value) >= 1 else 2
    return f"{value:.{max(figures - 1 - int(np.floor(np.log10(abs(value)))), 0)}f}"


def quoted(name: str) -> str:
    """Put a name of several words in quotation marks, so that a sentence can be read."""
    return f"“{name}”" if " " in name else name


def signed(value: float) -> str:
    """Return `number` with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)
