"""The pulses of one team, as it may see them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.disclosure.rule import TEAM
from joyeval.disclosure.shown import MASK, Shown

if TYPE_CHECKING:
    from joyeval.disclosure.rule import Rule

POOLED = pd.Timedelta(days=28)  # what thin weeks are put together to
EPOCH = pd.Timestamp(1970, 1, 5)  # a Monday: blocks are the same whatever weeks a file holds
COUNTS = ["positive", "answers", "opportunities"]


def show_own(pulse: pd.DataFrame, *, staff: float, rule: Rule = TEAM) -> Shown:
    """Return what a team may see of its own answers to one pulse.

    Periods over too few answers, and those in which all or none of few were positive, are missing. Where most are too
    thin, four weeks are put together; the last four only when they are over, since each week could be taken from them.

    Parameters
    ----------
    pulse : DataFrame
        Of one team and measure, one row per period: period, positive, answers, opportunities, and what names it.
    staff : float
        People in post of the team; below the threshold nothing is shown.
    rule : Rule
        Of the audience "team".

    Returns
    -------
    Shown
        The same columns, one row per period or four weeks.

    Examples
    --------
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> pulse = pd.DataFrame({"period": weeks, "positive": [3, 4, 1], "answers": [5, 4, 2], "opportunities": 7})
    >>> show_own(pulse, staff=7).what["positive"].tolist()
    [3.0, nan, nan]
    """
    counts = pulse.sort_values("period").reset_index(drop=True)
    given = counts["answers"] > 0
    if (counts.loc[given, "answers"] < rule.answers).sum() > given.sum() / 2:
        counts = _pooled(counts)
        given = counts["answers"] > 0
    enough = staff >= rule.threshold
    hidden = given & (too_plain(counts["positive"], counts["answers"], rule) | (not enough))
    kept = counts.assign(**{name: counts[name].astype(float).mask(hidden | ~given) for name in COUNTS})
    mask = pd.DataFrame({"where": counts.loc[hidden, "period"], "what": "point", "why": rule.too_little})
    return Shown(kept, rule, mask[list(MASK)].reset_index(drop=True), int(given.sum()))


def too_plain(positive: pd.Series, answers: pd.Series, rule: Rule) -> pd.Series:
    """Tell points over too few answers, and those in which all or none of few answered alike."""
    alike = ((positive == 0) | (positive == answers)) & (answers < rule.alike)
    return alike | (answers < rule.answers)


def _pooled(counts: pd.DataFrame) -> pd.DataFrame:
    """Sum whole blocks of four weeks; periods as long as that stay as they are."""
    step = counts["period"].diff().median()
    if pd.isna(step) or step >= POOLED:
        return counts
    block = EPOCH + (counts["period"] - EPOCH) // POOLED * POOLED
    over = block + POOLED <= counts["period"].max() + step
    names = [name for name in counts if name not in (*COUNTS, "period")]
    how = dict.fromkeys(names, "first") | {name: lambda column: column.sum(min_count=1) for name in COUNTS}
    return counts[over].assign(period=block[over]).groupby("period").agg(how).reset_index()[list(counts)]
