"""Funnel plots: many groups at one time against what chance and ordinary differences between them allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import UsageError, no_column
from joyeval.improvement.checking import MORE_THAN_ALL, NEGATIVE, Source
from joyeval.improvement.sheet import ratio
from joyeval.result import Result

Z = {95: 1.959964, 99.8: 3.090232}  # standard normal, two-sided; to the six decimals that funnels are published with
METHODS = ("SHMI", "CQC", "published")
RARE = 5  # events expected of a group; of fewer, limits on the arcsine scale miss their rate
TINY = 1e-9  # of an event: a count on its limit is not outside
HALF = 0.5  # events that stand for none where a logarithm is taken
FEWEST_GROUPS = 10  # below this the overdispersion is hardly known
TITLES = {"PR": "share", "SR": "ratio of observed to expected", "RC": "ratio of counts"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Funnel(Result):
    """Groups at one time; `n` counts groups, `n_dropped` those without a denominator.

    Parameters
    ----------
    points : DataFrame
        One row per group, smallest denominator first (never ranked by result): the group column, numerator,
        denominator, value, transformed (value on the scale of the test), se, z, z_trimmed, lower_95, upper_95,
        lower_998, upper_998 (by chance alone), adjusted_lower_95, ... (allowing for `tau2`), outlier.
    phi, tau2 : float
        Overdispersion: mean square of the trimmed z; variance between groups beyond chance, transformed scale.
    target : float
        The centre line.
    adjusted : bool
        Whether outliers are judged by the adjusted limits.
    limit : float
        95 or 99.8: limits, in per cent, that an outlier lies outside of.
    group, kind : str
        Column of the groups; PR, SR or RC.
    multiply : float
        What value, limits and target were multiplied by.
    by_chance : float
        Groups that would lie outside if none differed: worked out from the counts that each could have (PR, SR), since
        limits on a transformed scale miss their rate where events are rare. Missing for adjusted limits and for RC.
    """

    points: pd.DataFrame
    phi: float
    tau2: float
    target: float
    adjusted: bool
    limit: float
    group: str
    kind: str
    multiply: float = 1.0
    by_chance: float = float("nan")

    def tidy(self) -> pd.DataFrame:
        """Return the groups, one row each."""
        return self.points

    def sentence(self) -> str:
        """Say how many groups lie outside, and how many would by chance."""
        outside = int(self.points["outlier"].sum())
        how = "limits that allow for ordinary differences between groups" if self.adjusted else "limits of chance alone"
        by_chance = self.n * (1 - self.limit / 100) if np.isnan(self.by_chance) else self.by_chance
        some = "fewer than 0.1" if by_chance < 0.05 else f"{by_chance:.1f}"
        return f"Outside the {self.limit:g} % {how}: {outside} of {self.n} groups, where {some} would if none differed."


@dataclass(frozen=True)
class _Scale:
    """A transformed scale: values, their target, standard errors for z and for limits, and the way back."""

    value: np.ndarray
    target: float
    se: np.ndarray
    se_limits: np.ndarray

    @property
    def z(self) -> np.ndarray:
        return (self.value - self.target) / self.se


def funnel(
    data: pd.DataFrame,
    *,
    numerator: str,
    denominator: str,
    group: str,
    kind: str = "PR",
    method: str = "SHMI",
    limit: float = 99.8,
    adjust: bool = True,
    decimals: int | None = 2,
    multiply: float = 1,
) -> Funnel:
    """Compare groups at one time.

    Parameters
    ----------
    data : DataFrame
        Rows of one group are added up.
    numerator, denominator, group : str
        Columns: events and cases (PR), observed and expected events (SR), two counts (RC).
    kind : {"PR", "SR", "RC"}
        Proportion, standardised ratio, ratio of counts.
    method : {"SHMI", "CQC", "published"}
        For SR: log ratios with the outer tenths of z left out, or square roots with z winsorised. For RC: limits know
        the chance in both counts, unless "published": then that of the denominator alone, as in FunnelPlotR, which
        names nearly half of equal groups.
    limit : {99.8, 95}
        Limits that decide who is an outlier (99 is read as 99.8).
    adjust : bool
        Allow for overdispersion where there is some (phi above 1).
    decimals : int, optional
        Expected events of SR are rounded so, as FunnelPlotR does; None leaves them.
    multiply : float
        Factor to shown units, such as 100.

    Returns
    -------
    Funnel

    Raises
    ------
    DataError
        Negative or infinite numbers, or a share above 1.

    References
    ----------
    Spiegelhalter (2005) doi:10.1002/sim.1970 and doi:10.1136/qshc.2005.013755; NHS Digital, SHMI specification.

    Examples
    --------
    >>> teams = pd.DataFrame({"team": list("abcd"), "good": [30, 42, 9, 55], "answers": [60, 80, 40, 100]})
    >>> funnel(teams, numerator="good", denominator="answers", group="team").target
    0.4857142857142857
    """
    if kind not in TITLES or method not in METHODS:
        raise UsageError(f"kind {kind!r}, method {method!r}; expected PR, SR or RC, and {', '.join(METHODS)}")
    limit = 99.8 if limit == 99 else limit
    if limit not in Z:
        raise UsageError(f"limit is {limit}; expected 95 or 99.8")
    groups, dropped = _groups(data, numerator, denominator, group, kind)
    value = ratio(groups["numerator"], groups["denominator"])
    if kind == "SR" and decimals is not None:
        groups["denominator"] = groups["denominator"].round(decimals)
    top, bottom = groups["numerator"].to_numpy(), groups["denominator"].to_numpy()
    scale = _scale(top, bottom, kind, method)
    trimmed, kept = _trim(scale.z, truncate=kind == "SR" and method == "SHMI")
    k = int(kept.sum())
    phi = float((trimmed[kept] ** 2).sum() / k)
    tau2 = _tau2(phi, k, scale.se[kept])
    adjusted = adjust and phi > 1 and tau2 > 0
    bands = _bands(scale, bottom, tau2, kind, method)
    low, high = (bands[f"{'adjusted_' * adjusted}{side}_{_name(limit)}"] for side in ("lower", "upper"))
    points = groups.rename(columns={"group": group}).assign(
        value=value * multiply,
        transformed=scale.value,
        se=scale.se_limits,
        z=scale.z,
        z_trimmed=np.where(kept, trimmed, np.nan),
        **{name: band * multiply for name, band in bands.items()},
        outlier=(value > high) | (value < low),
    )
    return Funnel(
        n=len(points),
        n_dropped=dropped,
        notes=_notes(groups, phi, kind, method, scale.target, adjusted=adjusted),
        points=points.sort_values("denominator", kind="stable", ignore_index=True),
        phi=phi,
        tau2=tau2,
        target=float(_back(scale.target, kind, method) * multiply),
        adjusted=adjusted,
        limit=limit,
        group=group,
        kind=kind,
        multiply=float(multiply),
        by_chance=float("nan") if adjusted else _by_chance(bottom, _back(scale.target, kind, method), low, high, kind),
    )


def _by_chance(bottom: np.ndarray, target: float, low: np.ndarray, high: np.ndarray, kind: str) -> float:
    """How many groups would lie outside, were the target the level of each."""
    from scipy.stats import binom, poisson

    if kind == "RC":
        return float("nan")
    count = binom(np.round(bottom), target) if kind == "PR" else poisson(bottom)
    below, above = np.ceil(low * bottom - TINY) - 1, np.floor(high * bottom + TINY)
    return float((count.cdf(below) + count.sf(above)).sum())


def _name(limit: float) -> str:
    return f"{limit:g}".replace(".", "")


def _groups(data: pd.DataFrame, numerator: str, denominator: str, group: str, kind: str) -> tuple[pd.DataFrame, int]:
    """Add up the rows of each group; groups without a denominator are dropped and counted."""
    if missing := [name for name in (numerator, denominator, group) if name not in data.columns]:
        raise no_column(missing, data)
    source = Source(data, (group,))
    top, bottom = source.numbers(numerator), source.numbers(denominator)
    source.refuse(top < 0, numerator, NEGATIVE)
    source.refuse(bottom < 0, denominator, NEGATIVE)
    source.refuse((top > bottom) & (kind == "PR"), numerator, MORE_THAN_ALL)
    source.finish()
    whole = np.isfinite(top) & np.isfinite(bottom)
    counts = pd.DataFrame({"group": data[group].to_numpy(), "numerator": top, "denominator": bottom})[whole]
    sums = counts.groupby("group", as_index=False, observed=True).sum()
    sums = sums[sums["denominator"] > 0].reset_index(drop=True)
    if len(sums) < 2:
        raise UsageError(f"{len(sums)} groups have a denominator; a funnel compares at least 2")
    return sums, data[group].nunique() - len(sums)


def _scale(top: np.ndarray, bottom: np.ndarray, kind: str, method: str) -> _Scale:
    if kind == "PR":
        se = 1 / (2 * np.sqrt(bottom))
        return _Scale(np.arcsin(np.sqrt(top / bottom)), float(np.arcsin(np.sqrt(top.sum() / bottom.sum()))), se, se)
    if kind == "RC":
        se = np.sqrt(top / (top + 0.5) ** 2 + bottom / (bottom + 0.5) ** 2)
        log = np.log((top + 0.5) / (bottom + 0.5))
        total = max(top.sum(), HALF) / bottom.sum()
        limits = 1 / (2 * np.sqrt(bottom)) if method == "published" else np.sqrt((1 + 1 / total) / bottom)
        return _Scale(log, float(np.log(total)), se, limits)
    if method == "CQC":
        se = 1 / (2 * np.sqrt(bottom))
        return _Scale(np.sqrt(top / bottom), 1.0, se, se)
    log = np.log(np.maximum(top, HALF) / bottom)
    return _Scale(log, 0.0, 1 / np.sqrt(bottom), 1 / np.sqrt(bottom))


def _trim(z: np.ndarray, *, truncate: bool) -> tuple[np.ndarray, np.ndarray]:
    """Tame the outer tenths on both sides: leave them out, or pull them in to the 10 % and 90 % quantiles."""
    if truncate:
        rank = np.argsort(np.argsort(z, kind="stable"), kind="stable") + 1
        tenth = np.floor(rank * 10 / (len(z) + 1))
        return z, (tenth >= 1) & (tenth <= 8)
    return np.clip(z, *np.quantile(z, [0.1, 0.9])), np.ones(len(z), bool)


def _tau2(phi: float, k: int, se: np.ndarray) -> float:
    """Variance between groups by the method of moments."""
    weight = 1 / se**2
    excess = k * phi - (k - 1)
    return max(0.0, float(excess / (weight.sum() - (weight**2).sum() / weight.sum()))) if k > 1 else 0.0


def _back(value: np.ndarray, kind: str, method: str) -> np.ndarray:
    """From the transformed scale to the value."""
    if kind == "PR":
        return np.sin(np.clip(value, 0, np.pi / 2)) ** 2
    if kind == "SR" and method == "CQC":
        return value
    return np.exp(value)


def _bands(scale: _Scale, bottom: np.ndarray, tau2: float, kind: str, method: str) -> dict[str, np.ndarray]:
    """Limits of chance alone (exact Poisson for SR) and limits widened by tau2."""
    from scipy.special import chdtri

    bands = {}
    wide = np.sqrt(scale.se_limits**2 + tau2)
    for level, z in Z.items():
        name, tail = _name(level), (1 - level / 100) / 2
        for side, sign in (("lower", -1), ("upper", 1)):
            bands[f"{side}_{name}"] = _back(scale.target + sign * z * scale.se_limits, kind, method)
            bands[f"adjusted_{side}_{name}"] = _back(scale.target + sign * z * wide, kind, method)
        if kind == "SR":
            bands[f"lower_{name}"] = chdtri(2 * bottom, 1 - tail) / 2 / bottom
            bands[f"upper_{name}"] = chdtri(2 * (bottom + 1), tail) / 2 / bottom
    return bands


def _notes(
    groups: pd.DataFrame, phi: float, kind: str, method: str, target: float, *, adjusted: bool
) -> tuple[str, ...]:
    k, none = len(groups), int((groups["numerator"] == 0).sum())
    rare = int((groups["denominator"] * _back(target, kind, method) < RARE).sum()) if kind == "PR" else 0
    found = []
    if rare and groups["numerator"].any():
        found.append(
            f"{rare} of {k} groups would have fewer than {RARE} events at the level of all: their limits are rough, "
            "and too many or too few such groups lie outside."
        )
    if not groups["numerator"].any():
        found.append("No group had an event: nothing tells them apart.")
    elif none and kind == "SR" and method == "SHMI":
        found.append(f"{none} of {k} groups had no event; on the log scale they count as half an event.")
    if k < FEWEST_GROUPS:
        found.append(f"{k} groups: how much they differ in the ordinary way is hardly known from so few.")
    if phi > 1 and not adjusted:
        found.append(
            f"The groups differ more than chance allows (phi {phi:.1f}); limits of chance alone flag too many."
        )
    if kind == "RC" and method == "published" and not adjusted:
        found.append("Limits of a ratio of counts rest on the denominator alone, as published; they are narrow.")
    return tuple(found)
