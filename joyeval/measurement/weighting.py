"""Weights that make respondents look like the roster: raking, post-stratification, and means with honest errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.models.estimates import estimate_table
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS, FLAT = 1000, 1e-12


@dataclass(frozen=True, eq=False)
class Weights:
    """One weight per respondent. Rows of people: not a result, and not to be stored in one.

    Parameters
    ----------
    weight : Series, shape (respondents,)
        Sums to the roster; missing for respondents without a category.
    cells : DataFrame, shape (respondents, margins)
        Category of each respondent in each margin.
    effective_n : float
        Kish's size of an equally weighted sample that would be as informative.
    notes : tuple of str
    """

    weight: pd.Series
    cells: pd.DataFrame
    effective_n: float
    notes: tuple[str, ...]


def rake(
    wave: pd.DataFrame,
    margins: pd.Series | Sequence[pd.Series],
    *,
    base: pd.Series | None = None,
    limits: tuple[float, float] | None = None,
) -> Weights:
    """Weight respondents so that they agree with the roster in every margin.

    One margin over several columns (a Series with several index levels) is post-stratification.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent.
    margins : Series or sequence of Series
        People on the roster by category; the names of the index are columns of `wave`.
    base : Series, optional
        Weights to start from (inverse chances of being asked); by default equal.
    limits : tuple of float, optional
        Least and largest weight, in multiples of the mean weight (``(0.3, 3)``); trimming and raking alternate.

    Raises
    ------
    UsageError
        A margin that names no column.
    ModelError
        Respondents in a category that the roster has not, or margins that cannot be met together.

    References
    ----------
    Deming & Stephan (1940) doi:10.1214/aoms/1177731829; Kish (1965) Survey Sampling.

    Examples
    --------
    >>> roster = pd.Series({"nurse": 30, "doctor": 10}, name="headcount").rename_axis("role")
    >>> rake(pd.DataFrame({"role": ["nurse", "nurse", "doctor", "doctor"]}), roster).weight.tolist()
    [15.0, 15.0, 5.0, 5.0]
    """
    wanted = [margins] if isinstance(margins, pd.Series) else list(margins)
    codes, totals, notes = _cells(wave, wanted)
    kept = (codes >= 0).all(axis=1)
    start = np.ones(len(wave)) if base is None else base.to_numpy(dtype=float)
    if (start[kept] <= 0).any():
        raise UsageError("base: found weights of 0 or less; expected positive numbers")
    weight, rounds = _raked(start[kept], codes[kept], totals, limits)
    if rounds > STEPS:
        raise ModelError(
            f"raking of {int(kept.sum())} respondents did not meet the margins in {STEPS} rounds; merge small "
            f"categories "
            "or widen the limits"
        )
    full = np.full(len(wave), np.nan)
    full[kept] = weight
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    if lost := int((~kept).sum()):
        notes.append(f"{lost} of {len(wave)} respondents have no category in some margin: no weight")
    if (missed := _missed(weight, codes[kept], totals)) > 0.01:
        notes.append(f"within the limits the roster cannot be met: some category is off by {missed:.0%}")
    if effective < 0.7 * len(weight):
        notes.append(
            f"unequal weights make {len(weight)} answers worth {effective:.0f}: consider limits or fewer margins"
        )
    names = ["x".join(map(str, margin.index.names)) for margin in wanted]
    cells = pd.DataFrame(codes, columns=names, index=wave.index)
    return Weights(pd.Series(full, index=wave.index, name="weight"), cells, effective, tuple(notes))


def _cells(wave: pd.DataFrame, margins: list[pd.Series]) -> tuple[np.ndarray, list[np.ndarray], list[str]]:
    """Find the category of each respondent (-1 for none) and the roster totals, margin by margin."""
    codes, totals, notes = [], [], []
    whole = float(margins[0].sum())
    for margin in margins:
        names = list(margin.index.names)
        absent = [name for name in names if name not in wave]
        if absent:
            raise UsageError(f"margin: the index is named {', '.join(map(str, names))}; expected columns of the wave")
        keys = pd.MultiIndex.from_frame(wave[names]) if len(names) > 1 else pd.Index(wave[names[0]])
        code = margin.index.get_indexer(keys)
        here = wave[names].notna().all(axis=1).to_numpy()
        if (lost := (code < 0) & here).any():
            raise ModelError(
                f"margin {', '.join(map(str, names))}: {and_others(sorted(set(map(str, keys[lost]))))} not on the "
                f"roster "
                f"({int(lost.sum())} respondents); add them or merge categories"
            )
        seen = np.bincount(code[here], minlength=len(margin)) > 0
        if not seen.all():
            silent = [str(label) for label in margin.index[~seen]]
            notes.append(f"nobody answered in {and_others(silent)}: the weights do not speak for them")
        total = np.where(seen, margin.to_numpy(dtype=float), 0.0)
        if abs(float(margin.sum()) - whole) > 1e-9 * whole:
            notes.append(
                f"the roster by {', '.join(map(str, names))} adds up to {margin.sum():g}, not {whole:g}: scaled"
            )
        codes.append(np.where(here, code, -1))
        totals.append(total / total.sum() * whole)
    return np.stack(codes, axis=1), totals, notes


def _raked(
    weight: np.ndarray, codes: np.ndarray, totals: list[np.ndarray], limits: tuple[float, float] | None
) -> tuple[np.ndarray, int]:
    """Fit the margins in turn until nothing moves; also the number of rounds it took."""
    for rounds in range(1, STEPS + 1):
        before = weight
        for column, total in zip(codes.T, totals, strict=True):
            sums = np.bincount(column, weight, minlength=len(total))
            weight = weight * (total / np.where(sums > 0, sums, 1))[column]
        if limits is not None:
            weight = _trimmed(weight, limits)
        if np.abs(weight / before - 1).max() < (FLAT if limits is None else 1e-6):
            return weight, rounds
    return weight, STEPS + 1


def _trimmed(weight: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Cut weights to multiples of their mean, the others taking what is cut, so that the sum stays."""
    total = weight.sum()
    low, high = (limit * total / len(weight) for limit in limits)
    for _ in range(len(weight)):
        weight = np.clip(weight, low, high)
        free = (weight > low) & (weight < high)
        gap = total - weight.sum()
        if abs(gap) < 1e-12 * total or not free.any():
            break
        weight = np.where(free, weight * (1 + gap / weight[free].sum()), weight)
    return weight


def _missed(weight: np.ndarray, codes: np.ndarray, totals: list[np.ndarray]) -> float:
    """Largest relative distance of a category from the roster."""
    away = [
        np.abs(np.bincount(column, weight, minlength=len(total)) / np.where(total > 0, total, 1) - 1)[total > 0].max()
        for column, total in zip(codes.T, totals, strict=True)
    ]
    return float(max(away))


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightedMean(Result):
    """A weighted mean beside the plain one; `n` counts respondents.

    Parameters
    ----------
    effective_n : float
        Kish's effective size.
    estimates : DataFrame
        term (``weighted``, ``unweighted``, ``difference``), estimate, se, ci_low, ci_high, p, n.
    """

    effective_n: float
    estimates: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Say both means, and how much weighting moved them."""
        rows = self.estimates.set_index("term")
        one, two = rows.loc["weighted"], rows.loc["unweighted"]
        return (
            f"Weighted to the roster the mean was {one['estimate']:.2f} (95% CI {one['ci_low']:.2f} to "
            f"{one['ci_high']:.2f}), unweighted {two['estimate']:.2f} ({self.n} respondents, worth "
            f"{self.effective_n:.0f})."
        )


def weighted_mean(
    values: pd.Series,
    weights: Weights,
    *,
    strata: pd.Series | None = None,
    population: pd.Series | float | None = None,
) -> WeightedMean:
    """Mean of everybody on the roster, with the error of raked weights.

    Only what the margins do not explain varies between samples: errors come from the residuals of `values` on the
    margins.

    Parameters
    ----------
    values : Series
        Same index as the wave that was weighted; gaps are left out.
    weights : Weights
    strata : Series, optional
        Groups that were sampled separately.
    population : Series or float, optional
        People on the roster, of each respondent's stratum or in all: shrinks the error when most of them answered.

    References
    ----------
    Deville & Särndal (1992) doi:10.1080/01621459.1992.10475217; Lumley (2010) Complex Surveys,
    doi:10.1002/9780470580066.
    """
    kept = (values.notna() & weights.weight.notna()).to_numpy()
    n = int(kept.sum())
    if n < 2:
        raise ModelError(f"weighted mean: {n} of {len(values)} respondents have a value and a weight; needs at least 2")
    y, w = values[kept].to_numpy(dtype=float), weights.weight[kept].to_numpy()
    codes = weights.cells[kept].to_numpy()
    layer = np.zeros(n, dtype=int) if strata is None else pd.factorize(strata[kept])[0]
    sizes = np.full(n, np.inf) if population is None else np.broadcast_to(population, len(values))[kept].astype(float)
    one, two = float(w @ y / w.sum()), float(y.mean())
    pull = w * _residuals((y - one) / w.sum(), codes)
    plain = (y - two) / n
    estimate = np.array([one, two, one - two])
    se = np.array([_error(part, layer, sizes) for part in (pull, plain, pull - plain)])
    table = estimate_table(["weighted", "unweighted", "difference"], estimate, se, n=n, df=n - layer.max() - 1)
    table.loc[table["term"] != "difference", "p"] = np.nan
    return WeightedMean(
        n=n,
        n_dropped=len(values) - n,
        notes=weights.notes,
        effective_n=float(w.sum() ** 2 / (w**2).sum()),
        estimates=table.drop(columns="df").astype({"term": "str"}),
    )


def _residuals(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Keep what the margins leave of `values` (least squares on their categories)."""
    columns = [(code[:, None] == np.unique(code)).astype(float) for code in codes.T]
    design = np.concatenate(columns, axis=1)
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def _error(parts: np.ndarray, layer: np.ndarray, population: np.ndarray) -> float:
    """Give the standard error of a sum over strata sampled without replacement."""
    count = np.bincount(layer)
    away = parts - (np.bincount(layer, parts) / count)[layer]
    left = 1 - count[layer] / population
    return float(np.sqrt((np.clip(left, 0, 1) * (count / np.maximum(count - 1, 1))[layer] * away**2).sum()))
