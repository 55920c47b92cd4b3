"""Rows of a table to blocks of a likelihood: groups, complete rows or patterns of gaps, unrestricted moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, no_column
from joyeval.models.design import refuse_infinite
from joyeval.models.one_thread import one_thread
from joyeval.models.structural.likelihood import Block, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

EM_STEPS = 5000
EM_FLAT = 1e-10  # largest change of a standardised moment at which the EM algorithm ends


@dataclass(frozen=True, eq=False)
class Moments:
    """Unrestricted estimates in one group: mean (p,), covariance (p, p) with divisor n, rows."""

    mean: np.ndarray
    covariance: np.ndarray
    n: int


@dataclass(frozen=True, eq=False)
class Sample:
    """What a model is fitted to.

    Parameters
    ----------
    observed : tuple of str
    labels : tuple of str
        Groups, in order.
    blocks : tuple of Block
        One per group, or with gaps one per group and pattern; they hold the rows.
    moments, independent : tuple of Moments
        One per group: all moments free, and each variable on its own.
    means : bool
        Whether the blocks carry means.
    n_dropped : int
    notes : tuple of str
    """

    observed: tuple[str, ...]
    labels: tuple[str, ...]
    blocks: tuple[Block, ...]
    moments: tuple[Moments, ...]
    independent: tuple[Moments, ...]
    means: bool
    n_dropped: int
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Rows used."""
        return sum(moments.n for moments in self.moments)


@one_thread
def build_sample(
    data: pd.DataFrame, observed: Sequence[str], *, group: str | None, missing: str, means: bool, what: str
) -> Sample:
    """Sort rows into blocks.

    Parameters
    ----------
    group : str, optional
        Column of labels; an ordered or plain categorical keeps its order, others are sorted.
    missing : {"listwise", "fiml"}
        Leave incomplete rows out, or use every answer (full information).
    means : bool
        Whether means are modelled; always so with "fiml".
    what : str
        Named in messages.

    Raises
    ------
    UsageError
        A column is not there or does not hold numbers.
    ModelError
        Too few rows, or a variable that does not vary, in some group.
    """
    if missing not in ("listwise", "fiml"):
        raise UsageError(f"{what}: found missing={missing!r}; expected 'listwise' or 'fiml'")
    absent = [name for name in (*observed, *([group] if group else [])) if name not in data]
    if absent:
        raise no_column(absent, data, what)
    words = [name for name in observed if not pd.api.types.is_numeric_dtype(data[name])]
    if words:
        raise UsageError(f"{what}: found no numbers in {', '.join(words)}; expected scored answers")
    refuse_infinite(data, observed, what)
    table = data[list(observed)].to_numpy(dtype=float, na_value=np.nan)
    codes, labels = group_codes(data, group)
    answered = ~np.isnan(table)
    usable = (answered.all(axis=1) if missing == "listwise" else answered.any(axis=1)) & (codes >= 0)
    rows = np.flatnonzero(usable)
    table, codes = table[rows], codes[rows]
    _check(table, codes, labels, observed, what)
    parts = [_blocks(table, codes, number, means or missing == "fiml") for number in range(len(labels))]
    independent = tuple(_independent(blocks, len(observed)) for blocks in parts)
    dropped = len(data) - len(rows)
    return Sample(
        observed=tuple(observed),
        labels=labels,
        blocks=tuple(block for blocks in parts for block in blocks),
        moments=tuple(_unrestricted(*pair) for pair in zip(parts, independent, strict=True)),
        independent=independent,
        means=means or missing == "fiml",
        n_dropped=dropped,
        notes=_notes(dropped, len(data), missing, table),
    )


def group_codes(data: pd.DataFrame, group: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Give rows the number of their group (-1 without one), categories in their order, other labels sorted."""
    if group is None:
        return np.zeros(len(data), dtype=int), ("all",)
    if isinstance(data[group].dtype, pd.CategoricalDtype):
        column = data[group].cat.remove_unused_categories()
        return column.cat.codes.to_numpy(dtype=int), tuple(map(str, column.cat.categories))
    codes, labels = pd.factorize(data[group], sort=True)
    return codes, tuple(map(str, labels))


def _check(table: np.ndarray, codes: np.ndarray, labels: tuple[str, ...], observed: Sequence[str], what: str) -> None:
    for number, label in enumerate(labels):
        part = table[codes == number]
        where = "" if len(labels) == 1 else f" in group {label}"
        if len(part) <= len(observed):
            raise ModelError(
                f"{what}: {len(part)} usable rows{where} for {len(observed)} variables; needs more rows than "
                f"variables. "
                "Use fewer items, merge groups, or missing='fiml' if gaps cost the rows"
            )
        filled = (~np.isnan(part)).sum(axis=0)
        with np.errstate(invalid="ignore"):
            spread = np.nanmax(part, axis=0, initial=-np.inf) - np.nanmin(part, axis=0, initial=np.inf)
        flat = [name for name, width, count in zip(observed, spread, filled, strict=True) if count < 2 or width <= 0]
        if flat:
            raise ModelError(
                f"{what}: {', '.join(flat)} does not vary{where} ({len(part)} rows); leave it out or merge groups"
            )


def _blocks(table: np.ndarray, codes: np.ndarray, group: int, means: bool) -> list[Block]:
    """One block per pattern of gaps in a group."""
    rows = np.flatnonzero(codes == group)
    answered = ~np.isnan(table[rows])
    patterns, which = np.unique(answered, axis=0, return_inverse=True)
    blocks = []
    for number, pattern in enumerate(patterns):
        at = rows[which.ravel() == number]
        values = table[at][:, pattern]
        centre = values.mean(axis=0)
        covariance = (values - centre).T @ (values - centre) / len(values)
        part = Part(group, np.flatnonzero(pattern))
        blocks.append(Block((part,), len(at), covariance, centre if means else None, values, at))
    return blocks


def _independent(blocks: list[Block], p: int) -> Moments:
    """Mean and variance of each variable over its own rows, nothing correlated."""
    counts, totals, squares = np.zeros(p), np.zeros(p), np.zeros(p)
    for block in blocks:
        rows, mean = block.parts[0].rows, block.data.mean(axis=0)
        counts[rows] += block.n
        totals[rows] += block.n * mean
        squares[rows] += block.n * (np.diag(block.covariance) + mean**2)
    mean = totals / counts
    return Moments(mean, np.diag(squares / counts - mean**2), int(sum(block.n for block in blocks)))


def _unrestricted(blocks: list[Block], start: Moments) -> Moments:
    """Maximum likelihood mean and covariance: the sample's when complete, else by the EM algorithm."""
    p, n = len(start.mean), start.n
    if len(blocks) == 1 and len(blocks[0].covariance) == p:
        return Moments(start.mean, blocks[0].covariance, n)
    mean, covariance = start.mean, start.covariance
    scale = np.sqrt(np.diag(covariance))
    for _ in range(EM_STEPS):
        total, squares = np.zeros(p), np.zeros((p, p))
        for block in blocks:
            try:
                first, second = _expected(block, mean, covariance)
            except np.linalg.LinAlgError:
                raise ModelError(
                    f"what {n} rows answered determines itself: some variables follow from others, or too few rows "
                    "have them together"
                ) from None
            total += block.n * first
            squares += block.n * second
        step = total / n - mean
        change = squares / n - np.outer(step, step) - covariance
        mean, covariance = mean + step, covariance + change
        if max(np.abs(step / scale).max(), np.abs(change / np.outer(scale, scale)).max()) < EM_FLAT:
            break
    return Moments(mean, covariance, n)


def _expected(block: Block, mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fill a block: expected mean of its full rows, and their second moment about the current mean."""
    seen = block.parts[0].rows
    fill = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen]).T
    away = block.mean - mean[seen]
    left = covariance - fill @ covariance[seen]
    second = fill @ (block.covariance + np.outer(away, away)) @ fill.T + left
    return mean + fill @ away, second


def _notes(dropped: int, given: int, missing: str, table: np.ndarray) -> tuple[str, ...]:
    notes = []
    if dropped:
        why = "incomplete, or without a group" if missing == "listwise" else "without any answer, or without a group"
        notes.append(f"{dropped} of {given} rows were left out: {why}")
    if missing == "listwise" and dropped > 0.1 * given:
        notes.append("more than a tenth of the rows are incomplete: missing='fiml' would use their answers")
    if missing == "fiml" and (gaps := float(np.isnan(table).mean())) > 0:
        notes.append(f"{gaps:.1%} of the values are missing; full information supposes they are missing at random")
    return tuple(notes)
