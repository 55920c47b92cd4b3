"""All charts of one sheet: drawn, tested and judged. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from joyeval.improvement import judging, limits, signals
from joyeval.improvement.limits import KINDS

if TYPE_CHECKING:
    import numpy as np

    from joyeval.improvement.judging import Judgement
    from joyeval.improvement.limits import Centre, Lines
    from joyeval.improvement.rules import RuleSet
    from joyeval.improvement.sheet import Sheet
    from joyeval.improvement.signals import Runs, Signals


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What was found: lines (in shown units) and signals per row; runs, state and judgement per stretch."""

    lines: Lines
    signals: Signals
    runs: Runs
    state: np.ndarray
    judgement: Judgement


def analyse(
    sheet: Sheet,
    kind: str,
    rules: RuleSet,
    *,
    centre: Centre,
    frozen: np.ndarray,
    good: np.ndarray,
    target: np.ndarray,
    multiply: float = 1,
) -> Analysis:
    """Draw, test and judge every stretch of a sheet.

    Parameters
    ----------
    sheet : Sheet
        The points, in the units of the data.
    centre : Centre
        Given centre lines, in the units of the data.
    frozen, good : array, shape (stretches,)
        Has a baseline of its own; 1, -1 or 0 as an increase, a decrease or neither is an improvement.
    target : array of float, shape (rows,)
        In shown units, missing where there is none.
    multiply : float
        From data to shown units.
    """
    lines = limits.draw(kind, sheet, rules, centre)
    if multiply != 1:
        lines = lines.map(lambda line: line * multiply)
    tested = sheet.in_time and not KINDS[kind].moving
    flags, runs = signals.find(sheet, lines, rules, kind, tested=tested)
    state = judging.states(sheet)
    judgement = judging.judge(sheet, lines, flags, runs, state=state, frozen=frozen, good=good, target=target)
    return Analysis(lines=lines, signals=flags, runs=runs, state=state, judgement=judgement)
