"""Scores: columns added to a wave, each with the number of answers behind it."""

from __future__ import annotations

import warnings
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from joyeval.errors import DataError, Problem, UsageError
from joyeval.instruments.keying import run_against
from joyeval.instruments.registry import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from joyeval.instruments.model import Instrument, Scale

ENOUGH = 5000  # complete responses that show which way an item runs
Wave = TypeVar("Wave", "pd.DataFrame", "pl.DataFrame")


def score(wave: Wave, instrument: str | Path | Instrument, *, coding: str | None = None) -> Wave:
    """Add the scores of an instrument to a wave.

    Parameters
    ----------
    wave : DataFrame of pandas or polars
        One row per respondent, one column per item, holding codes; an item that was not asked may be absent.
    instrument : str, path or Instrument
        Name in the registry, or a YAML file of one's own.
    coding : str, optional
        One of the instrument's other codings, if the wave holds that instead of ours.

    Returns
    -------
    DataFrame
        `wave` with ``<scale>`` (missing below the fewest answers that the instrument asks for) and
        ``<scale>_answered`` (how many answers it rests on) for each scale. The items stay as they are.

    Warns
    -----
    UserWarning
        Items that run against the others of their scale: reversed items that an export had already turned round, say.

    Raises
    ------
    DataError
        Items with codes that the instrument does not have.
    UsageError
        None of the items is in the wave, or there is no such coding.

    Examples
    --------
    >>> import pandas as pd
    >>> wave = pd.DataFrame({f"who5_{i}": [3, 2] for i in range(1, 6)})
    >>> score(wave, "who5")["who5"].tolist()
    [60.0, 40.0]
    """
    instrument = load(instrument)
    items = _items(wave, instrument)
    codes = items.select(_recoded(instrument, name, coding) for name in items.columns)
    _refuse_foreign_codes(codes, instrument)
    codes = codes.cast(pl.Int16)
    scores = score_codes(codes, instrument)
    _warn_of_turned_items(codes, instrument)
    if isinstance(wave, pl.DataFrame):
        return wave.with_columns(scores)
    return wave.assign(**{name: scores[name].to_numpy() for name in scores.columns})


def _warn_of_turned_items(codes: pl.DataFrame, instrument: Instrument) -> None:
    for name, items in turned_items(codes, instrument).items():
        warnings.warn(
            f"{name}: {', '.join(items)} run the other way than the other items; reversed already?", stacklevel=3
        )


def turned_items(codes: pl.DataFrame, instrument: Instrument) -> dict[str, list[str]]:
    """Return the items of each scale that run the other way than its others, those turned that the scoring turns.

    Parameters
    ----------
    codes : polars.DataFrame
        Item codes.
    """
    found, names = {}, codes.columns
    table = np.column_stack([cells.to_numpy() for cells in codes.head(ENOUGH).iter_columns()]).astype(float)
    place = {item: i for i, item in enumerate(names)}
    for name, scale in instrument.scales.items():
        items = sorted(place[item] for item in set(scale.items) & set(place))
        keyed = table[:, items] * [_runs(instrument, names[i], scale) for i in items]
        keyed = keyed[~np.isnan(keyed).any(axis=1)]
        moves = np.ptp(keyed, axis=0) > 0 if len(keyed) else np.zeros(len(items), dtype=bool)
        if moves.sum() < 3:
            continue
        turned = run_against(np.corrcoef(keyed[:, moves].T), len(keyed))
        if turned.any():
            found[name] = [names[i] for i in np.array(items)[moves][turned]]
    return found


def _runs(instrument: Instrument, item: str, scale: Scale) -> float:
    """Return 1 for an item whose codes go with its scale, -1 for one that the scoring turns."""
    values = instrument.values_of(item, scale)
    return -1.0 if values[max(values)] < values[min(values)] else 1.0


def score_codes(items: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """Return the scores of items whose codes have been checked."""
    done = items.lazy().with_columns(_unasked(items, instrument))
    for name, scale in instrument.scales.items():
        values = [_value(instrument, part, scale) for part in scale.parts]
        answered = pl.sum_horizontal(value.is_not_null() for value in values).cast(pl.Int16)
        added = pl.sum_horizontal(values).alias(name), answered.alias(f"{name}_answered")
        done = done.with_columns(added).with_columns(_score(name, scale))
    scores = done.select(column for name in instrument.scales for column in (name, f"{name}_answered"))
    return scores.collect(optimizations=pl.QueryOptFlags.none())  # there is nothing to gain by a plan


def percent_positive(
    wave: pd.DataFrame, instrument: str | Path | Instrument, *, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the percentage of positive answers, at the level that the instrument counts it.

    Parameters
    ----------
    wave : DataFrame
        Items with codes, and the columns of `by`.
    by : sequence of str
        Groups, such as team and wave.

    Returns
    -------
    DataFrame
        by..., scale, level, n (respondents with a score, or answers), percent. At the level of respondents
        it is the share of them at or above the line; at the level of items the mean of the items' shares.
    """
    instrument = load(instrument)
    scored = pl.DataFrame(score(_items(wave, instrument), instrument))
    groups = pl.from_pandas(wave[list(by)]) if by else pl.DataFrame({"_all": [True] * len(wave)})
    tables = [
        _percent(scored, groups, instrument, name, scale)
        for name, scale in instrument.scales.items()
        if scale.positive and set(scale.items) & set(wave.columns)
    ]
    if not tables:
        raise UsageError(f"{instrument.id} does not say what counts as positive")
    return pl.concat(tables).drop("_all", strict=False).to_pandas()


def _percent(
    scored: pl.DataFrame, groups: pl.DataFrame, instrument: Instrument, name: str, scale: Scale
) -> pl.DataFrame:
    """Percent positive of one scale in each group."""
    if scale.positive.level == "respondent":
        parts = scored.select(name)
    else:
        parts = scored.select(_value(instrument, item, scale).alias(item) for item in scale.items if item in scored)
    positive = parts.select(pl.all() >= scale.positive.at_least)
    shares = pl.concat([groups, positive], how="horizontal").group_by(groups.columns, maintain_order=True)
    table = shares.agg(n=pl.sum_horizontal(pl.col(positive.columns).count()), percent=_mean_of_shares(positive.columns))
    what = [pl.lit(name).alias("scale"), pl.lit(scale.positive.level).alias("level")]
    return table.select(*groups.columns, *what, "n", "percent")


def _mean_of_shares(columns: list[str]) -> pl.Expr:
    return 100 * pl.mean_horizontal(pl.col(columns).mean())


def _items(wave: Wave, instrument: Instrument) -> pl.DataFrame:
    present = [name for name in instrument.items if name in wave.columns]
    if not present:
        some = ", ".join(list(instrument.items)[:3])
        raise UsageError(f"the wave holds no item of {instrument.id}; expected columns such as {some}")
    return wave.select(present) if isinstance(wave, pl.DataFrame) else pl.from_pandas(wave[present])


def _recoded(instrument: Instrument, item: str, coding: str | None) -> pl.Expr:
    if coding is None:
        return pl.col(item)
    if coding not in instrument.codings:
        raise UsageError(
            f"{instrument.id} has no coding {coding!r}; it has {', '.join(instrument.codings) or 'one only'}"
        )
    return pl.col(item).replace(dict(instrument.codings[coding]))


def _refuse_foreign_codes(codes: pl.DataFrame, instrument: Instrument) -> None:
    problems = []
    for item in codes.columns:
        valid = sorted(instrument.responses_of(item).valid)
        foreign = _foreign(codes[item], valid)
        if foreign:
            expected = ", ".join(map(str, valid))
            fix = "clean the wave first (joyeval.intake), or name the coding it holds"
            found = f"{foreign} answers that are no codes"
            problems.append(Problem("the wave", found, expected, fix, column=item, rule="foreign code"))
    if problems:
        raise DataError(problems)


def _foreign(codes: pl.Series, valid: list[int]) -> int:
    """How many cells hold something else than a code."""
    if not (codes.dtype.is_numeric() or codes.dtype == pl.Null):
        return codes.count()
    return codes.drop_nulls().cast(pl.Float64).is_in([float(code) for code in valid]).not_().sum()


def _unasked(items: pl.DataFrame, instrument: Instrument) -> list[pl.Expr]:
    """Items that the wave did not ask count as not answered."""
    asked = set(items.columns)
    return [pl.lit(None, dtype=pl.Int8).alias(name) for name in instrument.items if name not in asked]


def _value(instrument: Instrument, part: str, scale: Scale) -> pl.Expr:
    """Value that an item or sub-score adds: arithmetic where codes map evenly, which is ten times quicker."""
    if scale.scales:
        return pl.col(part)
    values = instrument.values_of(part, scale)
    first, last = min(values), max(values)
    step = (values[last] - values[first]) / (last - first) if last > first else 0.0
    even = all(abs(values[first] + step * (code - first) - value) < 1e-9 for code, value in values.items())
    if not even or len(values) < len(instrument.responses_of(part).valid):
        return _looked_up(pl.col(part), values)
    shift = values[first] - step * first
    if (step, shift) == (1, 0):
        return pl.col(part).cast(pl.Int32)
    if step.is_integer() and shift.is_integer():
        return pl.col(part).cast(pl.Int32) * int(step) + int(shift)
    return pl.col(part).cast(pl.Float64) * step + shift


def _looked_up(codes: pl.Expr, values: Mapping[int, float]) -> pl.Expr:
    """Value of each code, one condition for each value: quicker than a table where there are few."""
    by_value: dict[float, list[int]] = {}
    for code, value in values.items():
        by_value.setdefault(value, []).append(code)
    return pl.coalesce(
        pl.when(reduce(or_, (codes == code for code in alike))).then(pl.lit(value, dtype=pl.Float64))
        for value, alike in by_value.items()
    )


def _score(name: str, scale: Scale) -> pl.Expr:
    """Mean of what the parts add, which stands under the name of the scale; a sum is filled up for gaps."""
    answered, times = pl.col(f"{name}_answered"), scale.multiply * (len(scale.parts) if scale.score == "sum" else 1)
    return pl.when(answered >= scale.answered).then(pl.col(name) / answered * times).alias(name)


def keyed(wave: pd.DataFrame, instrument: str | Path | Instrument, scale: str) -> pd.DataFrame:
    """Return the items of a scale as they enter its score: reversed where they are, in the units of the score.

    Parameters
    ----------
    wave : DataFrame
        Item codes, one column per item.
    scale : str
        A scale made of items.

    Returns
    -------
    DataFrame
        The items of the scale that the wave holds, row by row as in `wave`.
    """
    from joyeval.instruments.registry import load

    questionnaire = load(instrument)
    items = _items(wave, questionnaire)
    named = questionnaire.scales[scale]
    values = items.select(_value(questionnaire, item, named).alias(item) for item in named.items if item in items)
    return values.to_pandas().set_index(wave.index)
