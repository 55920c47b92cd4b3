"""One series before and after a start: change of level, and of trend where there is a trend to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.judgement import NOT_CLEAR
from joyeval.models.design import build_design
from joyeval.models.estimates import estimate_table
from joyeval.models.panel import gls_ar1, least_squares, newey_west
from joyeval.outcomes.association import number, quoted, signed
from joyeval.outcomes.linkage import Linkage, table_of
from joyeval.outcomes.periods import ordinals
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST = 8  # points on each side, as reviews of interrupted series ask for
TREND = 24  # points before the start from which a trend is carried on: two years of months; our choice, no standard
SEASONS = {"none": "", "harmonic": " + sine + cosine", "month": " + C(month)"}
ALONE = "A single series cannot tell the programme from anything else that began at the same time."
STRONG = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Interrupted(Result):
    """An interrupted time series; `n` counts periods.

    Parameters
    ----------
    y, start : str
    scale : str
        "units" of the outcome, or "log rate" for counts: effects are then read as rate ratios.
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``: ``trend`` before, change of ``level`` and ``change of
        trend`` at the start, then seasons; without a trend ``level`` alone.
    effects : DataFrame
        ``after, estimate, se, df, ci_low, ci_high, p, expected``: outcome less what the earlier trend would have
        given, in the k-th period from the start on; `expected` is that counterfactual. Without a trend one row:
        the average from the start to the k-th and last period, less the average before.
    checks : DataFrame
        ``method, term, estimate, se, p``: level and trend by ordinary least squares with Newey-West errors, and
        beside a trend the change of level that a model without it gives.
    points : DataFrame
        ``period, value, fitted, expected``: for drawing; `expected` carries the earlier trend on.
    phi : float
        Correlation of errors one period apart; missing for counts.
    n_before, n_after : int
    improve : str
    trend : bool
        Whether a trend before the start is part of the model.
    """

    y: str
    start: str
    scale: str
    terms: pd.DataFrame
    effects: pd.DataFrame
    checks: pd.DataFrame
    points: pd.DataFrame
    phi: float
    n_before: int
    n_after: int
    improve: str = ""
    trend: bool = True

    def tidy(self) -> pd.DataFrame:
        """Return one row per coefficient."""
        return self.terms

    def sentence(self) -> str:
        """Return the effect at the last asked period in words."""
        row = self.effects.iloc[-1]
        values = row[["estimate", "ci_low", "ci_high"]].to_numpy(dtype=float)
        before = "what the earlier trend gives" if self.trend else "the average before"
        if self.scale == "log rate":
            values = np.exp(values)
            size = f"{number(values[0])} times {before}"
        else:
            size = f"{signed(values[0])} against {before}"
        interval = f"95% CI {number(values[1])} to {number(values[2])}"
        basis = f"{interval}; {self.n_before} periods before, {self.n_after} after"
        when = f"In period {row['after']:.0f} after the start" if self.trend else "On average since the start"
        where = f"{when}, {quoted(self.y)} was {size} ({basis})"
        if row["ci_low"] <= 0 <= row["ci_high"]:
            return f"{where}: whether it changed is {NOT_CLEAR}. {ALONE}"
        better = ""
        if self.improve:
            better = ", for the better" if (row["estimate"] > 0) == (self.improve == "increase") else ", for the worse"
        return f"{where}{better}. {ALONE}"


def interrupted(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    start: object,
    period: str = "period",
    control: str | None = None,
    exposure: str | None = None,
    season: str = "none",
    after: Sequence[int] = (6, 12),
    skip: int = 0,
    unit: str = "month",
    trend: bool | None = None,
) -> Interrupted:
    """Estimate how a series changed its level and trend at a start.

    Estimand: the outcome in the k-th period after the start, less what the trend before would have given. It is
    the effect of the programme only if nothing else changed then.

    Parameters
    ----------
    data : DataFrame or Linkage
        One row per period, in any order; gaps are allowed.
    y : str
        Outcome: a mean or proportion, or with `exposure` a count.
    start : period
        First period with the programme, of the type of `period`.
    control : str, optional
        Column of a series that the programme could not reach; its difference to y is then analysed.
    exposure : str, optional
        Column of the exposure of a count (bed days): a quasi-Poisson model of the log rate.
    season : {"none", "harmonic", "month"}
        One wave per twelve periods, or the months of the calendar.
    after : sequence of int
        Periods from the start on for which effects are given; those beyond the series are left out.
    skip : int
        Periods from the start on that are left out as a transition.
    trend : bool, optional
        Carry the trend before the start on; by default with 24 points before it or more. A trend seen over fewer
        is too uncertain to be carried on far: the averages before and after are then compared.

    Returns
    -------
    Interrupted

    Raises
    ------
    ModelError
        Fewer than 8 points before or after.

    References
    ----------
    Bernal, Cummins & Gasparrini (2017), Int. J. Epidemiol. 46(1), 348-355. doi:10.1093/ije/dyw098
    Turner, Forbes, Karahalios, Taljaard & McKenzie (2021), BMC Med. Res. Methodol. 21, 181.
    doi:10.1186/s12874-021-01364-0
    """
    if season not in SEASONS:
        raise UsageError(f"season={season!r}: expected one of {', '.join(SEASONS)}")
    if control and exposure:
        raise UsageError("interrupted: control is for means; give the rate as y, without exposure")
    table = table_of(data)
    frame, lost = _series(table, y, start, period, control, exposure, skip, unit)
    sides = [int((frame["level"] == side).sum()) for side in (0, 1)]
    if min(sides) < FEWEST:
        raise ModelError(
            f"{y}: {sides[0]} points before and {sides[1]} after the start; needs at least {FEWEST} on each side. "
            "Use a run or control chart instead"
        )
    carried = sides[0] >= TREND if trend is None else trend
    last = int(frame["since"].max())
    reached = [k for k in after if k <= last] if carried else [last]
    fit, design = _fit(frame, season, exposure, reached, trend=carried)
    if carried:
        plain, _ = _fit(frame, season, exposure, [last], trend=False)
        fit["checks"] = pd.concat([fit["checks"], plain["alone"]], ignore_index=True)
    points = _points(frame, design, fit["estimate"][: len(design.names)], exposure)
    terms, effects = _tables(fit, design.names, reached, points.set_index(frame["since"].to_numpy())["expected"])
    return Interrupted(
        y=f"{y} less {control}" if control else y,
        start=str(start),
        scale="log rate" if exposure else "units",
        terms=terms,
        effects=effects,
        checks=fit["checks"],
        points=points,
        phi=fit["phi"],
        n_before=sides[0],
        n_after=sides[1],
        improve=data.improve.get(y, "") if isinstance(data, Linkage) else "",
        trend=carried,
        n=len(frame),
        n_dropped=lost,
        notes=(*_notes(fit, lost, control, skip), *_reach(sides[0], reached, trend=carried)),
    )


def _series(table, y, start, period, control, exposure, skip: int, unit: str) -> tuple[pd.DataFrame, int]:
    """One row per period with a value: clock, level, periods since the start counted from 1."""
    named = [y, period, *(c for c in (control, exposure) if c)]
    absent = [name for name in named if name not in table]
    if absent:
        raise no_column(absent, table)
    clock = ordinals(table[period], unit=unit)
    if repeated := int(clock.duplicated().sum()):
        raise ModelError(f"{repeated} rows repeat a {period}; aggregate to one value per period, or use event_study")
    begin = int(ordinals(pd.Series([start], name="start"), unit=unit).iloc[0])
    month = (clock % 12).astype(int)
    frame = pd.DataFrame(
        {
            "period": table[period],
            "value": table[y] - table[control] if control else table[y],
            "exposure": table[exposure] if exposure else 1.0,
            "clock": (clock - clock.min() + 1).astype(float),
            "since": (clock - begin + 1).clip(lower=0).astype(float),
            "level": (clock >= begin).astype(float),
            "month": month,
            "sine": np.sin(2 * np.pi * month / 12),
            "cosine": np.cos(2 * np.pi * month / 12),
        }
    ).dropna(subset=["value", "exposure"])
    kept = frame[(frame["since"] == 0) | (frame["since"] > skip)].sort_values("clock", ignore_index=True)
    return kept, len(table) - len(kept)


def _fit(frame: pd.DataFrame, season: str, exposure: str | None, reached: Sequence[int], *, trend: bool) -> tuple:
    """Fit the course with or without a trend before; also the change of level as one row, to stand beside."""
    course = "clock + level + since" if trend else "level"
    design = build_design(f"value ~ {course}{SEASONS[season]}", frame)
    fit = (_counts if exposure else _means)(design, frame, _sums(design.names, reached))
    at = list(design.names).index("level")
    free = np.broadcast_to(fit["df"], len(fit["estimate"]))[[at]]
    row = estimate_table(["level"], fit["estimate"][[at]], fit["se"][[at]], n=len(frame), df=free)
    fit["alone"] = row[["term", "estimate", "se", "p"]].assign(
        term="level without a trend", method="averages before and after"
    )
    return fit, design


def _sums(names: Sequence[str], reached: Sequence[int]) -> np.ndarray:
    """Each coefficient, then level + k times change of trend for each k."""
    sums = np.zeros((len(names), len(names) + len(reached)))
    sums[:, : len(names)] = np.eye(len(names))
    for j, step in enumerate(reached):
        sums[names.index("level"), len(names) + j] = 1.0
        if "since" in names:
            sums[names.index("since"), len(names) + j] = step
    return sums


def _tables(fit: dict, names: Sequence[str], reached: Sequence[int], expected: pd.Series) -> tuple:
    """Coefficients, and effects with the counterfactual of their period beside."""
    told = [{"clock": "trend", "since": "change of trend"}.get(name, name) for name in names]
    table = estimate_table([*told, *map(str, reached)], fit["estimate"], fit["se"], n=len(expected), df=fit["df"])
    effects = table.iloc[len(names) :].drop(columns=["term", "n"]).reset_index(drop=True)
    effects.insert(0, "after", list(reached))
    effects["expected"] = [float(expected.get(step, np.nan)) for step in reached]
    return table.iloc[: len(names)], effects


def _means(design, frame: pd.DataFrame, sums: np.ndarray) -> dict:
    clock = frame["clock"].to_numpy().astype(int)
    fit = gls_ar1(design.y, design.X, clock, sums=sums)
    plain = least_squares(design.y, design.X, names=design.names)
    error = np.sqrt(np.diag(newey_west(plain)))
    told = _told(design.names)
    rows = [design.names.index(name) for name in told]
    free = len(frame) - plain.rank
    table = estimate_table(list(told.values()), plain.beta[rows], error[rows], n=len(frame), df=free)
    checks = table[["term", "estimate", "se", "p"]].assign(method="ordinary least squares, Newey-West errors")
    return {"estimate": fit.estimate, "se": fit.se, "df": fit.df, "phi": fit.phi, "checks": checks}


def _counts(design, frame: pd.DataFrame, sums: np.ndarray) -> dict:
    """Quasi-Poisson: variance in proportion to the mean, factor from Pearson's chi-squared."""
    import statsmodels.api as sm

    offset = np.log(frame["exposure"].to_numpy(dtype=float))
    model = sm.GLM(design.y, design.X, family=sm.families.Poisson(), offset=offset)
    fit = model.fit(scale="X2", tol=1e-12)
    se = np.sqrt(np.einsum("kq,kl,lq->q", sums, fit.cov_params(), sums))
    hac = model.fit(cov_type="HAC", cov_kwds={"maxlags": int(0.75 * len(frame) ** (1 / 3)), "use_correction": True})
    told = _told(design.names)
    rows = [list(design.names).index(name) for name in told]
    table = estimate_table(list(told.values()), hac.params[rows], hac.bse[rows], n=0, df=fit.df_resid)
    checks = table[["term", "estimate", "se", "p"]].assign(method="Poisson, Newey-West errors")
    rest = fit.resid_pearson
    echo = float(rest[1:] @ rest[:-1] / (rest @ rest))
    return {"estimate": fit.params @ sums, "se": se, "df": fit.df_resid, "phi": np.nan, "checks": checks, "echo": echo,
            "dispersion": float(fit.scale)}  # fmt: skip


def _told(names: Sequence[str]) -> dict[str, str]:
    return {name: told for name, told in (("level", "level"), ("since", "change of trend")) if name in names}


def _points(frame: pd.DataFrame, design, beta: np.ndarray, exposure: str | None) -> pd.DataFrame:
    without = design.X.copy()
    without[:, [list(design.names).index(name) for name in _told(design.names)]] = 0.0
    lines = {"fitted": design.X @ beta, "expected": without @ beta}
    value = frame["value"]
    if exposure:
        lines = {name: np.exp(line) for name, line in lines.items()}
        value = value / frame["exposure"]
    return pd.DataFrame({"period": frame["period"], "value": value, **lines})


def _reach(before: int, reached: Sequence[int], *, trend: bool) -> tuple[str, ...]:
    """Say where no trend is carried on, or for longer than it was seen."""
    if not trend:
        few = f"{before} points before the start tell too little of a trend to carry it on ({TREND} are asked for)"
        return (f"{few}: averages before and after are compared, so a trend that was there before counts as change",)
    if max(reached, default=0) <= before:
        return ()
    far = f"the earlier trend was seen over {before} periods and is carried on over {max(reached)}"
    return (f"{far}: an answer so far out rests on its being a straight line",)


def _notes(fit: dict, lost: int, control: str | None, skip: int) -> tuple[str, ...]:
    notes = [] if control else ["no control series: a change that came to all services at the time would look the same"]
    if lost:
        left = f", {skip} of them as transition" if skip else ""
        notes.append(f"{lost} periods left out, without a value{left}")
    if fit["phi"] > STRONG:
        notes.append(
            f"errors of neighbouring periods correlate at {fit['phi']:.2f}: intervals are wide for good reason"
        )
    if "dispersion" in fit:
        notes.append(f"counts vary {fit['dispersion']:.1f} times as much as chance alone would make them")
    if abs(fit.get("echo", 0.0)) > 0.2:
        notes.append(
            f"neighbouring residuals correlate at {fit['echo']:.2f}, which the quasi-Poisson errors do not know: "
            "read the Newey-West check beside them"
        )
    return tuple(notes)
