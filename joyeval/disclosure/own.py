"""The pulses of one team, as it may see them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.disclosure.rule import TEAM
from joyeval.disclosure.shown import MASK, Shown

if TYPE_CHECKING:
    from joyeval.disclosure.rule import Rule

POOLED = pd.Timedelta(days=28)  # what thin weeks are put together to
HISTORY = 3  # blocks of four weeks that tell whether the next is put together
EPOCH = pd.Timestamp(1970, 1, 5)  # a Monday: blocks are the same whatever weeks a file holds
COUNTS = ["positive", "answers", "opportunities"]


def show_own(pulse: pd.DataFrame, *, staff: float, rule: Rule = TEAM) -> Shown:
    """Return what a team may see of its own answers to one pulse.

    Periods over too few answers, and those in which all or none of few were positive, are missing. Four weeks are put
    together, once they are over, where most of the twelve before them were too thin: so what is shown of a week never
    depends on later ones, and no sheet tells by difference what another has left out.

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
    counts = _thin_together(pulse.sort_values("period").reset_index(drop=True), rule)
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


def _thin_together(counts: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Sum those blocks of four weeks that thin weeks came before; periods as long as that stay as they are."""
    step = counts["period"].diff().median()
    if pd.isna(step) or step >= POOLED:
        return counts
    block = (counts["period"] - EPOCH) // POOLED
    thin = block.map(_after_thin(counts["answers"], block, rule))
    over = EPOCH + (block + 1) * POOLED <= counts["period"].max() + step
    named = [name for name in counts if name not in (*COUNTS, "period")]
    how = dict.fromkeys(named, "first") | {name: lambda column: column.sum(min_count=1) for name in COUNTS}
    together = counts.assign(period=EPOCH + block * POOLED)[thin & over].groupby("period").agg(how).reset_index()
    return pd.concat([counts[~thin], together[list(counts)]]).sort_values("period", ignore_index=True)


def _after_thin(answers: pd.Series, block: pd.Series, rule: Rule) -> pd.Series:
    """Tell, block by block, whether most of the periods with answers in the blocks before it were too thin."""
    counted = (
        pd.DataFrame({"given": answers > 0, "thin": (answers > 0) & (answers < rule.answers)}).groupby(block).sum()
    )
    every = counted.reindex(range(block.min(), block.max() + 1), fill_value=0)
    before = every.rolling(HISTORY, min_periods=1).sum().shift(1, fill_value=0)
    return before["thin"] > before["given"] / 2
