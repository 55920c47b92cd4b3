"""Units that start at different times: waves counted from each unit's own start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.coordination.ratings import wave_order
from joyeval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_start(ties: pd.DataFrame, *, first_after: Mapping[str, str]) -> pd.DataFrame:
    """Count the waves of every unit from its own start, so that `change` compares like with like.

    The last wave before the start is called ``0-before``, those after it ``1-after``, ``2-after`` and so on. Earlier
    ones are left out: what changes before a start is not part of its effect. Between two waves of the calendar, units
    that have not started yet are the comparison: `difference_in_differences` on the table as it was.

    Parameters
    ----------
    ties : DataFrame
        As `joyeval.coordination.ties` makes it; a unit is a process.
    first_after : mapping
        Every process and its first wave after its start.

    Returns
    -------
    DataFrame
        The same rows with the new waves as an ordered categorical, those of earlier waves left out.

    Raises
    ------
    UsageError
        A process without a start, a wave that it does not have, or none before its start.

    Examples
    --------
    >>> counted = from_start(ties, first_after={"ward a": "2", "ward b": "3"})  # doctest: +SKIP
    >>> change(counted).sentence()  # doctest: +SKIP
    """
    processes = set(ties["process"])
    if odd := sorted(processes ^ set(first_after)):
        raise UsageError(f"first_after: expected every process once; check {', '.join(odd)}")
    steps = [
        (process, wave, step)
        for process, rows in ties.groupby("process")
        for wave, step in _steps(process, wave_order(rows), first_after[process]).items()
    ]
    named = pd.DataFrame(steps, columns=["process", "was", "wave"])
    rows = ties.assign(was=ties["wave"].astype(str)).drop(columns="wave")
    counted = rows.merge(named, on=["process", "was"]).drop(columns="was")[list(ties.columns)]
    order = sorted(named["wave"].unique(), key=lambda wave: int(wave.split("-")[0]))
    return counted.assign(wave=pd.Categorical(counted["wave"], order, ordered=True))


def _steps(process: str, waves: tuple[str, ...], first: str) -> dict[str, str]:
    """Wave to its new name, from the last one before the start on."""
    if first not in waves or first == waves[0]:
        raise UsageError(f"{process}: wave {first!r} with one before it expected; it has {', '.join(waves)}")
    since = waves[waves.index(first) - 1 :]
    return {wave: f"{step}-after" if step else "0-before" for step, wave in enumerate(since)}
