"""Distributions of answers as they may be shown: shares of rounded counts, groups too small left blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.disclosure.rule import Rule
from joyeval.disclosure.statistics import END

if TYPE_CHECKING:
    import pandas as pd

MERGED_BELOW = 30  # people; fewer than these are too few for five answers


def protect_shares(counts: pd.DataFrame, *, rule: Rule | None = None) -> pd.DataFrame:
    """Return the share of each answer, row by row, as it may be shown.

    Where a row to be shown rests on fewer than 30 people, neighbouring answers are merged first, in the whole table.
    Counts are then rounded and shares worked out from what is left, so that no count comes back from a share. A row
    over too few people is missing, and so is one in which nearly all gave the same answer; a share nearer to 0 than
    5 per cent is missing, since it would speak of everyone too.

    Parameters
    ----------
    counts : DataFrame
        One row per group of respondents, one column per answer, in their order: how many gave it.

    Returns
    -------
    DataFrame
        Shares, 0 to 1, one column per answer or per merged answers.

    Examples
    --------
    >>> import pandas as pd
    >>> protect_shares(pd.DataFrame({"no": [12, 3], "yes": [31, 5]})).round(2).to_numpy().tolist()
    [[0.25, 0.75], [nan, nan]]
    >>> protect_shares(pd.DataFrame([[4, 6, 5, 9]], columns=["never", "rarely", "often", "always"])).to_dict("list")
    {'never or rarely': [0.4], 'often or always': [0.6]}
    """
    rule = rule or Rule()
    few = counts.sum(axis=1) < rule.threshold
    counts = _merged(counts) if (counts[~few].sum(axis=1) < MERGED_BELOW).any() else counts
    rounded = counts.astype(float).apply(lambda column: rule.rounded(column))
    shares = rounded.div(rounded.sum(axis=1), axis=0)
    if not rule.ends:
        return shares.mask(few)
    return shares.mask(few | (shares.max(axis=1) > 1 - END / 100)).where(shares >= END / 100)


def _merged(counts: pd.DataFrame) -> pd.DataFrame:
    """Lower answers, the middle one if there is one, higher answers."""
    import pandas as pd

    names = list(counts)
    half = len(names) // 2
    parts = [names[:half], names[half : len(names) - half], names[len(names) - half :]]
    return pd.DataFrame({_joined(part): counts[part].sum(axis=1) for part in parts if part}, index=counts.index)


def _joined(names: list[str]) -> str:
    return " or ".join(map(str, names)) if len(names) < 3 else f"{names[0]} to {names[-1]}"
