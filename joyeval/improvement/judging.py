"""What a chart says, per stretch: its state in words, whether it signals, variation, assurance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joyeval.improvement.rules import FEWEST_POINTS
from joyeval.improvement.sheet import same, side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.improvement.limits import Lines
    from joyeval.improvement.sheet import Sheet
    from joyeval.improvement.signals import Runs, Signals

FEWEST_AFTER = 3  # points after a baseline below which nothing is said of them
IMPROVE = {"increase": 1, "decrease": -1, "neutral": 0}
JUDGED, NO_RESPONSES, TOO_FEW, NO_VARIATION = "judged", "no responses", "too few to judge", "no variation"
SIGNAL, NO_SIGNAL, CANNOT_TELL = "signal", "no signal", "cannot tell"


def states(sheet: Sheet) -> np.ndarray:
    """Return the state of each stretch; only of a judged one do the rules say anything."""
    points = sheet.count(sheet.plotted)
    level = sheet.each(sheet.level(sheet.plotted))
    varied = sheet.count(sheet.plotted & ~same(sheet.value, level)) > 0
    return np.select(
        [points == 0, points < FEWEST_POINTS, ~varied], [NO_RESPONSES, TOO_FEW, NO_VARIATION], JUDGED
    ).astype(object)


def reasons(facts: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    """Return one text per stretch of the facts whose count is not 0; `{}` in a text stands for the count."""
    texts: list[list[str]] = [[] for _ in facts[0][0]]
    for counts, text in facts:
        for row in np.flatnonzero(counts):
            texts[row].append(text.format(int(counts[row])))
    return np.array(["; ".join(parts) for parts in texts], dtype=object)


def compared(sheet: Sheet, frozen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows before and after: baseline and the rest where frozen, else the halves of the plotted points."""
    seen = np.cumsum(sheet.plotted)
    count = sheet.count(sheet.plotted)
    rank = seen - sheet.each(np.cumsum(count) - count)
    first = np.where(sheet.each(frozen), sheet.baseline, 2 * rank <= sheet.each(count) + 1)
    return sheet.plotted & first, sheet.plotted & ~first


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Per stretch: a signal after the baseline, the same in words; and the two icons."""

    signal: np.ndarray
    said: np.ndarray
    variation: np.ndarray
    assurance: np.ndarray


def judge(
    sheet: Sheet,
    lines: Lines,
    signals: Signals,
    runs: Runs,
    *,
    state: np.ndarray,
    frozen: np.ndarray,
    good: np.ndarray,
    target: np.ndarray,
) -> Judgement:
    """Judge every stretch.

    Parameters
    ----------
    state : array of str, shape (stretches,)
        From `states`.
    frozen : array of bool, shape (stretches,)
        The stretch has a baseline of its own; only points after it can signal.
    good : array of int, shape (stretches,)
        1, -1 or 0: an increase, a decrease or neither is an improvement.
    target : array of float, shape (rows,)
        Missing where there is none.
    """
    after = compared(sheet, frozen)[1]
    flagged = sheet.plotted & (signals.direction != 0) & ~(sheet.each(frozen) & sheet.baseline)
    signal = (sheet.count(flagged) > 0) | runs.signal
    last = np.zeros(sheet.stretches, np.int64)
    rows = np.flatnonzero(sheet.plotted)
    last[sheet.stretch[rows]] = rows
    return Judgement(
        signal=signal,
        said=_said(state, signal, few=frozen & (sheet.count(after) < FEWEST_AFTER)),
        variation=np.where(state == NO_RESPONSES, "", _variation(signals.direction[last], good)).astype(object),
        assurance=_assurance(lines, last, target[last], good, flat=state == NO_VARIATION),
    )


def _said(state: np.ndarray, signal: np.ndarray, *, few: np.ndarray) -> np.ndarray:
    unclear = np.isin(state, (NO_RESPONSES, TOO_FEW)) | few
    none = ~signal | (state == NO_VARIATION)
    return np.select([unclear, none], [CANNOT_TELL, NO_SIGNAL], SIGNAL).astype(object)


def _variation(direction: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Kind of the last point, as the variation icon of Making Data Count shows it."""
    kind = np.select([good == 0, direction == good], ["neutral", "improvement"], "concern").astype(object)
    return np.where(direction == 0, "common_cause", kind + np.where(direction > 0, "_high", "_low").astype(object))


def _assurance(lines: Lines, last: np.ndarray, target: np.ndarray, good: np.ndarray, *, flat: np.ndarray) -> np.ndarray:
    """Will the target be met? A target that is reached is met, so equality passes."""
    lower, upper = (np.where(flat, lines.centre[last], limit[last]) for limit in (lines.lower, lines.upper))
    worst, best = np.where(good > 0, lower, -upper), np.where(good > 0, upper, -lower)
    wanted = np.where(good > 0, target, -target)
    known = (good != 0) & np.isfinite(wanted) & np.isfinite(worst)
    met, missed = side(worst, wanted) >= 0, side(best, wanted) < 0
    return np.select([~known, met, missed], ["", "pass", "fail"], "inconsistent").astype(object)
