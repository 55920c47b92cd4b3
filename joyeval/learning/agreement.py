"""Do two or more people judge alike? Krippendorff's alpha, Gwet's AC1, Cohen's kappa and plain percent agreement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.estimates import holding
from joyeval.result import ESTIMATE_COLUMNS, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEVELS = ("nominal", "ordinal", "interval", "ratio")
ENOUGH = 0.667  # alpha below which Krippendorff (2004, p. 241) would draw no conclusion, not even a tentative one
FEWEST_SOURCES = 8  # below, resampling sources says nothing about other sources
TERMS = ("alpha", "AC1", "kappa", "percent agreement")


@dataclass(frozen=True, kw_only=True, eq=False)
class CoderAgreement(Result):
    """Agreement of coders (or raters) by code; `n` counts units that two or more of them judged.

    Parameters
    ----------
    level : str
        How far apart two different judgements are: nominal, ordinal, interval or ratio.
    sources : int
        Interviews, teams or documents that the intervals were resampled from.
    draws : int
        Resamples; 0 where there were too few sources for an interval.
    estimates : DataFrame
        The `by` column, then term (alpha, AC1, kappa, percent agreement), estimate, se (of the resamples), ci_low,
        ci_high, p (always missing), n (units).
    verdicts : DataFrame
        The `by` column, then verdict: "enough", "too little" or "cannot be told".
    """

    level: str
    sources: int
    draws: int
    estimates: pd.DataFrame
    verdicts: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per code and coefficient."""
        return self.estimates.copy()

    def sentence(self) -> str:
        """How many codes were agreed on well enough to rely on."""
        counts = self.verdicts["verdict"].value_counts()
        of = len(self.verdicts)
        parts = [f"Coders agreed well enough to rely on in {counts.get('enough', 0)} of {of} codes"]
        if few := counts.get("too little", 0):
            parts.append(f"too little in {few}")
        if unclear := counts.get("cannot be told", 0):
            parts.append(f"{unclear} cannot be told from {self.sources} sources")
        return "; ".join(parts) + "."


def agreement(
    data: pd.DataFrame,
    *,
    unit: str | Sequence[str],
    coder: str,
    value: str,
    by: str | None = None,
    source: str | None = None,
    level: str = "nominal",
    draws: int = 1000,
    seed: int = 1,
) -> CoderAgreement:
    """Agreement between coders on fixed units, code by code, never pooled over codes.

    alpha is 1 where all judge alike and 0 where they do no better than chance would with the judgements they used.
    AC1 stands beside it as the check for rare codes, where alpha falls though coders hardly ever differ; kappa is
    Cohen's and stands only where the same two coders judged. Units are not independent within a source (an
    interview), so that intervals come from resampling whole sources.

    Parameters
    ----------
    data : DataFrame, shape (judgements, columns)
        One row per unit, coder (and code); a missing value is a unit that this coder did not judge.
    unit : str or sequence of str
        What was judged: an answer, a turn, a team in a month.
    coder, value : str
        Who judged, and the judgement (0 or 1 for a code seen or not; any categories; numbers for the other levels).
    by : str, optional
        The code; one result for each.
    source : str, optional
        What is resampled for the intervals; each unit is its own source when left out.
    level : {"nominal", "ordinal", "interval", "ratio"}
        How far apart two different judgements are.
    draws : int
        Resamples of sources; no interval below eight sources.

    Returns
    -------
    CoderAgreement
        `tidy()`: the `by` column, term, estimate, se, ci_low, ci_high, p, n.

    Raises
    ------
    UsageError
        A column that is not there, an unknown level, one coder who judged one unit twice, a unit in two sources, or
        categories that are no numbers where the level needs numbers.
    ModelError
        No unit that two coders judged.

    References
    ----------
    Krippendorff (2011) Computing Krippendorff's alpha-reliability, University of Pennsylvania; Gwet (2008)
    doi:10.1348/000711006X126600 (AC1); Cohen (1960) doi:10.1177/001316446002000104 (kappa); O'Connor & Joffe (2020)
    doi:10.1177/1609406919899220 (when to ask for it).

    Examples
    --------
    >>> judged = pd.DataFrame({"answer": [1, 2, 3, 4] * 2, "coder": ["A"] * 4 + ["B"] * 4,
    ...                        "seen": [0, 1, 1, 0, 0, 1, 0, 0]})
    >>> agreement(judged, unit="answer", coder="coder", value="seen").tidy()["estimate"].round(3).tolist()
    [0.533, 0.529, 0.5, 0.75]
    """
    units = [unit] if isinstance(unit, str) else list(unit)
    judged = _judged(data, units, coder, value, by, source, level)
    rng = np.random.default_rng(seed)
    tables, verdicts, counts, sources, drawn = [], [], 0, 0, 0
    for label, rows in _codes(judged, by):
        panel = _Panel.of(rows, units, coder, value, source, level)
        sources = max(sources, panel.sources)
        if not panel.paired.any():
            continue
        counts += int(panel.paired.sum())
        times = draws if panel.sources >= FEWEST_SOURCES else 0
        drawn = max(drawn, times)
        table = _estimates(panel, level, times, rng)
        heading = {by: label} if by else {}
        tables.append(table.assign(**heading)[[*heading, *ESTIMATE_COLUMNS]])
        verdicts.append({**heading, "verdict": _verdict(table)})
    if not tables:
        raise ModelError(
            f"agreement of coders: none of the {len(judged)} judgements has a second one of the same unit "
            f"({', '.join(units)}); agreement needs two coders on the same units"
        )
    total = judged.drop_duplicates([*units, *([by] if by else [])]).shape[0]
    return CoderAgreement(
        n=counts,
        n_dropped=total - counts,
        notes=_notes(total - counts, sources, drawn),
        level=level,
        sources=sources,
        draws=drawn,
        estimates=pd.concat(tables, ignore_index=True),
        verdicts=pd.DataFrame(verdicts),
    )


@dataclass(frozen=True, eq=False)
class _Panel:
    """Judgements of one code, counted.

    Parameters
    ----------
    counts : ndarray, shape (units, categories)
        Coders who gave each category.
    pairs : ndarray, shape (units, categories, categories) or None
        First coder's category against the second's, where the same two coders judged.
    source : ndarray of int, shape (units,)
    values : ndarray, shape (categories,)
        Categories as numbers (positions, where the level is nominal).
    """

    counts: np.ndarray
    pairs: np.ndarray | None
    source: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, units: list[str], coder: str, value: str, source: str | None, level: str) -> _Panel:
        at = rows.groupby(units, sort=False).ngroup().to_numpy()
        category, values = pd.factorize(rows[value], sort=True)
        who, names = pd.factorize(rows[coder], sort=True)
        counts = np.zeros((at.max() + 1, len(values)))
        np.add.at(counts, (at, category), 1)
        first = np.zeros(len(counts), int)
        first[at] = pd.factorize(rows[source])[0] if source else at
        pairs = None
        if len(names) == 2:
            sides = np.zeros((2, *counts.shape))
            sides[who, at, category] = 1
            pairs = sides[0][:, :, None] * sides[1][:, None, :]
        numbers = np.arange(len(values)) if level == "nominal" else np.asarray(values, float)
        return cls(counts, pairs, first, numbers)

    @property
    def paired(self) -> np.ndarray:
        """Units that two or more coders judged."""
        return self.counts.sum(axis=1) >= 2

    @property
    def sources(self) -> int:
        """Distinct sources of those units."""
        return len(np.unique(self.source[self.paired]))


def _judged(
    data: pd.DataFrame, units: list[str], coder: str, value: str, by: str | None, source: str | None, level: str
) -> pd.DataFrame:
    """Return the judgements that were made, or say what the table lacks."""
    if level not in LEVELS:
        raise UsageError(f"agreement of coders: level={level!r}; expected one of: {', '.join(LEVELS)}")
    names = [*units, coder, value, *([by] if by else []), *([source] if source else [])]
    if missing := [name for name in names if name not in data]:
        raise no_column(missing, data, "agreement of coders")
    names = list(dict.fromkeys(names))
    judged = data[names].dropna()
    key = [*([by] if by else []), *units]
    if twice := int(judged.duplicated([*key, coder]).sum()):
        raise UsageError(f"agreement of coders: {twice} judgements of a unit by a coder who had judged it already")
    if source and judged[[*units, source]].drop_duplicates().duplicated(units).any():
        raise UsageError(f"agreement of coders: some units stand in more than one {source}; name the unit with it")
    if level != "nominal" and not pd.api.types.is_numeric_dtype(judged[value]):
        raise UsageError(f"agreement of coders: {value} holds words; {level} agreement needs numbers")
    if level == "ratio" and (judged[value] < 0).any():
        raise UsageError(f"agreement of coders: {value} holds numbers below 0; ratio agreement needs 0 or more")
    return judged


def _codes(judged: pd.DataFrame, by: str | None) -> Iterator[tuple[object, pd.DataFrame]]:
    yield from judged.groupby(by, sort=False, observed=True) if by else [(None, judged)]


def _estimates(panel: _Panel, level: str, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """Every coefficient with its interval; weights are how often each source is drawn (first row: once each)."""
    _, at = np.unique(panel.source, return_inverse=True)
    sources = at.max() + 1
    weights = np.ones((1 + draws, sources))
    weights[1:] = rng.multinomial(sources, np.full(sources, 1 / sources), size=draws)
    by_source = _BySource(panel, at, sources)
    values = {
        "alpha": _alpha(weights @ by_source.coincidences, panel.values, level, len(panel.values)),
        "AC1": _ac1(weights @ by_source.shares, len(panel.values)),
        "kappa": _kappa(weights @ by_source.pairs, len(panel.values)) if panel.pairs is not None else None,
        "percent agreement": _agreed(weights @ by_source.shares),
    }
    rows = []
    for term, drawn in values.items():
        if drawn is None:
            continue
        whole, resampled = drawn[0], drawn[1:][np.isfinite(drawn[1:])]
        enough = len(resampled) > draws / 2
        low, high = np.quantile(resampled, [0.025, 0.975]) if draws and enough else (np.nan, np.nan)
        low, high = holding(whole, low, high)
        se = resampled.std(ddof=1) if draws and enough else np.nan
        rows.append((term, whole, se, low, high, np.nan, int(panel.paired.sum())))
    return pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))


class _BySource:
    """Sums within sources, of which every coefficient is a function: a resample only weighs them."""

    def __init__(self, panel: _Panel, at: np.ndarray, sources: int) -> None:
        size = panel.counts.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(size[:, None] > 0, panel.counts / size[:, None], 0.0)
            within = panel.counts[:, :, None] * (panel.counts[:, None, :] - np.eye(len(panel.values)))
            coincidences = np.where(panel.paired[:, None, None], within / (size - 1)[:, None, None], 0.0)
            agreed = np.where(panel.paired, np.trace(within, axis1=1, axis2=2) / (size * (size - 1)), 0.0)
        columns = np.column_stack([panel.paired, agreed, size > 0, shares])
        self.coincidences = _within(coincidences.reshape(len(at), -1), at, sources)
        self.shares = _within(columns, at, sources)
        self.pairs = None if panel.pairs is None else _within(panel.pairs.reshape(len(at), -1), at, sources)


def _within(columns: np.ndarray, at: np.ndarray, sources: int) -> np.ndarray:
    total = np.zeros((sources, columns.shape[1]))
    np.add.at(total, at, columns)
    return total


def _alpha(coincidences: np.ndarray, values: np.ndarray, level: str, q: int) -> np.ndarray:
    """One minus observed over expected disagreement, for each resample; missing where only one category was used."""
    o = coincidences.reshape(-1, q, q)
    margins = o.sum(axis=2)
    n = margins.sum(axis=1)
    apart = _apart(margins, values, level)
    observed = (o * apart).sum(axis=(1, 2))
    expected = (margins[:, :, None] * margins[:, None, :] * apart).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)


def _apart(margins: np.ndarray, values: np.ndarray, level: str) -> np.ndarray:
    """Squared distance of every two categories; between ranks it counts the judgements that lie between."""
    if level == "nominal":
        return (1 - np.eye(len(values)))[None]
    if level == "ordinal":
        ranks = np.cumsum(margins, axis=1) - margins / 2
        return (ranks[:, :, None] - ranks[:, None, :]) ** 2
    difference = values[:, None] - values[None, :]
    if level == "interval":
        return (difference**2)[None]
    total = values[:, None] + values[None, :]
    return np.divide(difference, total, out=np.zeros_like(difference), where=total != 0)[None] ** 2


def _agreed(sums: np.ndarray) -> np.ndarray:
    """Share of pairs of coders who judged alike, averaged over units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[:, 1] / sums[:, 0]


def _ac1(sums: np.ndarray, q: int) -> np.ndarray:
    if q < 2:
        return np.ones(len(sums))
    share = sums[:, 3:] / sums[:, [2]]
    chance = (share * (1 - share)).sum(axis=1) / (q - 1)
    return (_agreed(sums) - chance) / (1 - chance)


def _kappa(pairs: np.ndarray, q: int) -> np.ndarray:
    table = pairs.reshape(-1, q, q)
    n = table.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.trace(table, axis1=1, axis2=2) / n
        chance = (table.sum(axis=2) * table.sum(axis=1)).sum(axis=1) / n**2
        return np.where(chance < 1, (alike - chance) / (1 - chance), np.nan)


def _verdict(table: pd.DataFrame) -> str:
    """Three answers, by the interval of alpha."""
    alpha = table.iloc[0]
    if alpha["ci_low"] >= ENOUGH:
        return "enough"
    if alpha["ci_high"] < ENOUGH:
        return "too little"
    return "cannot be told"


def _notes(alone: int, sources: int, draws: int) -> tuple[str, ...]:
    notes = []
    if alone:
        notes.append(f"left out: {alone} units that only one coder judged")
    if not draws:
        notes.append(
            f"no intervals: {sources} sources are too few to say how other sources would be coded (at least "
            f"{FEWEST_SOURCES})"
        )
    return tuple(notes)
