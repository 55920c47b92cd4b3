"""Which comes first? Experience and outcome, each predicting the other one period later."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import ModelError, no_column
from joyeval.models.structural import MISFITS, sem
from joyeval.outcomes.association import NOT_CAUSE, number, quoted, signed
from joyeval.outcomes.linkage import noun_of, table_of
from joyeval.outcomes.periods import ordinals
from joyeval.result import Result
from joyeval.words import Note

if TYPE_CHECKING:
    from joyeval.models.structural import Sem
    from joyeval.outcomes.linkage import Linkage

MODELS = {"ri_clpm": "cross-lagged model with random intercepts", "clpm": "cross-lagged model"}
FEWEST_WAVES = {"ri_clpm": 3, "clpm": 2}
PER_PARAMETER = 5  # teams for each parameter, a usual least for maximum likelihood (Bentler & Chou 1987)
ORDER = ("x to y", "y to x", "x to x", "y to y")


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossLagged(Result):
    """Cross-lagged panel models; `n` counts teams.

    Parameters
    ----------
    x, y : str
    model : str
        The model that the sentence speaks of: "ri_clpm" (within teams) or "clpm" (mixes within and between).
    terms : DataFrame
        ``model, term, wave, estimate, se, ci_low, ci_high, p, n, standardised``: from x to y, y to x, and each to
        itself, one period apart; `wave` is 0 where paths are equal over waves.
    fit : DataFrame
        ``model, chisq, df, p, cfi, tli, rmsea, srmr, npar``.
    waves : int
    noun : str
        What a team is called.
    """

    x: str
    y: str
    model: str
    terms: pd.DataFrame
    fit: pd.DataFrame
    waves: int
    noun: str = "team"

    def tidy(self) -> pd.DataFrame:
        """Return one row per path and model."""
        return self.terms

    def sentence(self) -> str:
        """Return both directions in words."""
        rows = self.terms[self.terms["model"] == self.model].groupby("term", sort=False).first()
        ways = [self._way(rows.loc["x to y"], self.x, self.y), self._way(rows.loc["y to x"], self.y, self.x)]
        paths = rows.loc[["x to y", "y to x"]]
        cause = f" {NOT_CAUSE}" if ((paths["ci_low"] > 0) | (paths["ci_high"] < 0)).any() else ""
        where = f"Within {self.noun}s" if self.model == "ri_clpm" else f"Within and between {self.noun}s mixed"
        return f"{where}, {ways[0]}; {ways[1]} ({self.n} {self.noun}s, {self.waves} periods).{cause}"

    def _way(self, row: pd.Series, first: str, second: str) -> str:
        interval = f"{signed(row['estimate'])} per 1, 95% CI {number(row['ci_low'])} to {number(row['ci_high'])}"
        if row["ci_low"] <= 0 <= row["ci_high"]:
            return f"whether {quoted(first)} predicts {quoted(second)} one period later cannot be told ({interval})"
        return f"{quoted(first)} predicted {quoted(second)} one period later ({interval})"


def cross_lagged(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    team: str = "team",
    period: str = "period",
    equal: bool = True,
    estimator: str = "ML",
    unit: str = "month",
) -> CrossLagged:
    """Ask in which direction experience and outcome predict each other from one period to the next.

    Estimand: the difference in one measure, a period later, per 1 unit by which the other lay above the team's own
    level (random-intercept model). The plain cross-lagged model is fitted beside it and labelled for what it is:
    it mixes stable differences between teams into its paths.

    Parameters
    ----------
    data : DataFrame or Linkage
        One row per team and period; at least 3 periods, evenly spaced, better 4 or more. With 2, the plain model only.
    equal : bool
        Paths are the same from each period to the next.
    estimator : {"ML", "MLR"}
        Gaps are used under missing at random (full information).

    Raises
    ------
    ModelError
        Too few periods or teams, a period without data, a model that does not converge.

    References
    ----------
    Hamaker, Kuiper & Grasman (2015), Psychol. Methods 20(1), 102-116. doi:10.1037/a0038889
    """
    table = table_of(data)
    absent = [name for name in (y, x, team, period) if name not in table]
    if absent:
        raise no_column(absent, table)
    wide, waves = _wide(table, y, x, team, period, unit)
    models = [name for name in MODELS if waves >= FEWEST_WAVES[name]]
    options = {"missing": "fiml", "estimator": estimator}
    try:
        fits = {name: sem(_model(name, waves, equal), wide, name=MODELS[name], **options) for name in models}
    except ModelError as error:
        size = f"{len(wide)} {noun_of(data)}s over {waves} periods"
        raise ModelError(
            f"{size} do not bear a cross-lagged model of {quoted(x)} and {quoted(y)} ({_why(error)}); use "
            f"fixed effects with lags in both directions, or more {noun_of(data)}s"
        ) from error
    fit = pd.DataFrame([{"model": name, **_fit(f)} for name, f in fits.items()])
    noun = noun_of(data)
    notes = [*next(iter(fits.values())).notes, Note("association.units", noun=noun), *_notes(fits, waves, noun)]
    return CrossLagged(
        x=x,
        y=y,
        model=models[0],
        terms=pd.concat([_paths(name, f) for name, f in fits.items()], ignore_index=True),
        fit=fit,
        waves=waves,
        n=fits[models[0]].n,
        n_dropped=int(table[team].nunique() - fits[models[0]].n),
        notes=tuple(notes),
        noun=noun,
    )


def _why(error: ModelError) -> str:
    """Return the first clause of a reason, without the name of the model."""
    reason = re.split(r"[.;] ", str(error))[0].split(": ", 1)[-1]
    return reason.replace("rows", "teams")


def _wide(table: pd.DataFrame, y: str, x: str, team: str, period: str, unit: str) -> tuple[pd.DataFrame, int]:
    """One row per team: x1, x2, ... and y1, y2, ... in the order of periods."""
    frame = pd.DataFrame(
        {"team": table[team], "time": ordinals(table[period], unit=unit), "x": table[x], "y": table[y]}
    )
    frame = frame.dropna(subset=["team", "time"]).dropna(subset=["x", "y"], how="all")
    if repeated := int(frame.duplicated(["team", "time"]).sum()):
        raise ModelError(f"{repeated} of {len(frame)} rows repeat a {team} and {period}; aggregate to one row each")
    times = sorted(frame["time"].unique())
    steps = {int(late - early) for early, late in itertools.pairwise(times)}
    if len(times) < min(FEWEST_WAVES.values()) or len(steps) != 1:
        raise ModelError(
            f"{len(times)} periods with gaps of {sorted(steps)}: a lag needs 3 or more periods, evenly spaced; "
            "choose a unit in which waves are neighbours, or leave odd ones out"
        )
    frame["wave"] = frame["time"].map({time: i + 1 for i, time in enumerate(times)}).astype(int)
    wide = frame.pivot(index="team", columns="wave", values=["x", "y"])
    wide.columns = [f"{name}{wave}" for name, wave in wide.columns]
    empty = [name for name in wide if wide[name].notna().sum() < 2]
    if empty:
        raise ModelError(
            f"{len(empty)} of {len(wide.columns)} measures by wave have data of fewer than 2 teams: {empty}"
        )
    return wide.reset_index(drop=True), len(times)


def _model(name: str, waves: int, equal: bool) -> str:
    """Write the model out in the notation of lavaan."""
    numbers = range(1, waves + 1)
    lines = []
    px, py = "x", "y"
    if name == "ri_clpm":
        px, py = "wx", "wy"
        for side in ("x", "y"):
            lines.append(f"RI{side} =~ " + " + ".join(f"1*{side}{i}" for i in numbers))
            lines += [f"w{side}{i} =~ 1*{side}{i}\n{side}{i} ~~ 0*{side}{i}" for i in numbers]
        lines += ["RIx ~~ RIy", "RIx ~~ 0*wx1 + 0*wy1", "RIy ~~ 0*wx1 + 0*wy1"]
    labels = {key: f"{key}*" if equal else "" for key in "abcd"}
    for i in numbers[1:]:
        lines.append(f"{px}{i} ~ {labels['a']}{px}{i - 1} + {labels['d']}{py}{i - 1}")
        lines.append(f"{py}{i} ~ {labels['b']}{py}{i - 1} + {labels['c']}{px}{i - 1}")
    lines += [f"{px}{i} ~~ {py}{i}" for i in numbers]
    return "\n".join(lines)


def _paths(name: str, fit: Sem) -> pd.DataFrame:
    """Regressions of the model by direction; where they are equal over waves, one row each."""
    parts = fit.estimates["term"].str.extract(r"^w?([xy])(\d+) ~ w?([xy])(\d+)$")
    rows = fit.estimates.assign(
        model=name, wave=pd.to_numeric(parts[1]), term=parts[2] + " to " + parts[0], standardised=fit.estimates["std"]
    )[parts[0].notna()]
    columns = ["model", "term", "wave", "estimate", "se", "ci_low", "ci_high", "p", "n", "standardised"]
    if (rows["label"] != "").all():
        means = rows.groupby("term")["standardised"].mean()
        rows = rows.groupby("term", sort=False).head(1).assign(wave=0)
        rows["standardised"] = rows["term"].map(means)
    rows = rows.assign(wave=rows["wave"].astype(int), place=rows["term"].map(ORDER.index))
    return rows.sort_values(["wave", "place"])[columns]


def _fit(fit: Sem) -> dict[str, float]:
    return {name: fit.fit[name] for name in ("chisq", "df", "p", "cfi", "tli", "rmsea", "srmr", "npar")}


def _notes(fits: dict[str, Sem], waves: int, noun: str) -> list[Note]:
    notes = []
    if "ri_clpm" not in fits:
        notes.append(Note("lagged.two_waves", waves=waves))
    for name, fit in fits.items():
        if fit.n < PER_PARAMETER * fit.fit["npar"]:
            size = {"teams": fit.n, "parameters": float(fit.fit["npar"])}
            notes.append(Note("lagged.few", model=MODELS[name], noun=noun, **size))
        if fit.quality == MISFITS:
            indices = {index: float(fit.fit[index]) for index in ("cfi", "rmsea", "srmr")}
            notes.append(Note("lagged.misfit", model=MODELS[name], **indices))
    if "clpm" in fits:
        notes.append(Note("lagged.mixed", model=MODELS["clpm"], noun=noun))
    return notes
