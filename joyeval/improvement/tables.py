"""The tables of a chart result: one row per point, one row per part of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import UsageError
from joyeval.improvement.judging import FEWEST_AFTER, NO_VARIATION, TOO_FEW, compared, reasons
from joyeval.improvement.limits import LINES
from joyeval.improvement.rules import FEWEST_POINTS
from joyeval.improvement.sheet import ratio
from joyeval.wording import counted

if TYPE_CHECKING:
    from joyeval.improvement.analysis import Analysis
    from joyeval.improvement.baselines import Plan
    from joyeval.improvement.intake import Rows
    from joyeval.improvement.periods import Rhythm
    from joyeval.improvement.sheet import Sheet

SIGNALS = ("beyond", "shift", "trend", "two_of_three")


def points(
    rows: Rows, marked: Plan, time: Rhythm, found: Analysis, *, x: str, target: np.ndarray, counted: bool
) -> pd.DataFrame:
    """Return one row per point; `counted` says whether n is a number of cases."""
    columns = {
        "y": rows.y,
        "n": rows.n if counted else np.nan,
        **{name: getattr(found.lines, name) for name in LINES},
        "target": target,
        "part": marked.part,
        "baseline": marked.baseline,
        "excluded": marked.excluded,
        **{name: getattr(found.signals, name) != 0 for name in SIGNALS},
        "direction": found.signals.direction,
        "gap": time.gap,
        "participation": ratio(rows.n, rows.opportunities),
    }
    if taken := sorted({*rows.by, x} & set(columns)):
        raise UsageError(f"column {', '.join(taken)}: the result has a column of that name; rename yours")
    keys = rows.keys.iloc[rows.series].reset_index(drop=True)
    return pd.concat([keys, rows.x, pd.DataFrame(columns, copy=False)], axis=1)


def series(
    rows: Rows, marked: Plan, time: Rhythm, sheet: Sheet, found: Analysis, *, improve: np.ndarray
) -> pd.DataFrame:
    """Return one row per part of a series; counts of runs are missing where no point is off the centre line."""
    owner = rows.series[marked.start]
    runs, judgement = found.runs, found.judgement
    on_line = pd.array(runs.useful == 0)
    counts = ("longest", "longest_max", "crossings", "crossings_min")
    longest, longest_max, crossings, crossings_min = (
        pd.Series(getattr(runs, name), dtype="Int64").mask(on_line) for name in counts
    )
    columns = {
        "part": marked.part[marked.start],
        "frozen": marked.frozen,
        "n": sheet.count(sheet.kept),
        "n_missing": sheet.count(sheet.kept & ~sheet.plotted),
        "n_absent": np.bincount(marked.stretch, weights=time.gap).astype(int),
        "n_useful": runs.useful,
        "longest_run": longest,
        "longest_run_max": longest_max,
        "crossings": crossings,
        "crossings_min": crossings_min,
        "runs_signal": runs.signal,
        "improve": improve[owner].astype(str),
        "rhythm": time.name[owner].astype(str),
        "state": found.state.astype(str),
        "reason": _reasons(rows, marked, time, sheet, found).astype(str),
        "variation": judgement.variation.astype(str),
        "assurance": judgement.assurance.astype(str),
        "signal": judgement.said.astype(str),
    }
    keys = rows.keys.iloc[owner].reset_index(drop=True)
    return pd.concat([keys, pd.DataFrame(columns)], axis=1)


def _reasons(rows: Rows, marked: Plan, time: Rhythm, sheet: Sheet, found: Analysis) -> np.ndarray:
    silent = rows.n == 0
    no_value = sheet.kept & ~sheet.plotted
    plotted = sheet.count(sheet.plotted)
    after = sheet.count(compared(sheet, marked.frozen)[1])
    short = marked.frozen & (sheet.count(sheet.used) < FEWEST_POINTS)
    to_mean = np.zeros(sheet.stretches, bool) if found.lines.to_mean is None else found.lines.to_mean
    return reasons(
        [
            (plotted * (found.state == TOO_FEW), f"{{}} points, {FEWEST_POINTS} are needed to judge"),
            ((found.state == NO_VARIATION) * plotted, "all {} points have the same value"),
            (sheet.count(no_value & silent), "{} with no responses"),
            (sheet.count(no_value & ~silent), "{} without a value"),
            (np.bincount(marked.stretch, weights=time.gap), "{} without a row"),
            (sheet.count(~sheet.kept), "{} excluded"),
            (to_mean, "half or more of the points lie on the median, so the centre line is the mean"),
            (short * sheet.count(sheet.used), f"a baseline of {{}} points, fewer than {FEWEST_POINTS}: lines may move"),
            (marked.frozen & (after < FEWEST_AFTER), f"fewer than {FEWEST_AFTER} points after the baseline"),
        ]
    )


def wrong_unit(name: str, given: np.ndarray, shown: np.ndarray, *, share: bool, multiply: float) -> tuple[str, ...]:
    """Say that a target or centre seems not to be in the units shown, as 0.75 on a chart in per cent is not.

    Parameters
    ----------
    given, shown : array of float
        The targets, and the values that the charts show.
    share : bool
        Whether the values are shares, which lie between 0 and `multiply`.
    """
    given, shown = given[np.isfinite(given)], shown[np.isfinite(shown)]
    if not len(given) or not len(shown):
        return ()
    if share and (given.max() > multiply or given.min() < 0):
        return (f"{name} {given.max():g} lies outside 0 to {multiply:g}, between which these shares are shown.",)
    inside = shown.min() <= given.max() * multiply <= max(shown.max(), multiply if share else 0)
    if multiply != 1 and given.max() < shown.min() and inside:
        meant = given.max() * multiply
        return (f"{name} {given.max():g} lies below every value; {name}s are in the units shown: was {meant:g} meant?",)
    return ()


def notes(rows: Rows, time: Rhythm, table: pd.DataFrame, *, share: bool) -> tuple[str, ...]:
    """Return the caveats that hold for the charts as a whole."""
    states = table["state"].value_counts()
    absent = int((time.absent > 0).sum())
    found = [f"{count} of {len(table)} charts: {state}." for state, count in states.items() if state != "judged"]
    if absent:
        found.append(
            f"{absent} series lack{'s' * (absent == 1)} rows for {counted(int(time.absent.sum()), 'period')} of the "
            "rhythm; the neighbours were taken as neighbours."
        )
    if (time.name == "irregular").any() and rows.in_time:
        found.append(f"{int((time.name == 'irregular').sum())} series have no steady rhythm.")
    if rows.merged.min() != rows.merged.max():
        found.append(f"Points are made of {rows.merged.min()} to {rows.merged.max()} rows: what is added up changes.")
    if share:
        found.append("The same people may answer every time: answers are not independent, and plain binomial limits "
                     "are too narrow; P' and I' limits rest on the variation between points.")  # fmt: skip
    return tuple(found)
