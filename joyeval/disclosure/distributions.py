"""Distributions of answers as they may be shown: shares of rounded counts, groups too small left blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.disclosure.rule import Rule

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 0.95  # a share above this would speak of everyone


def protect_shares(counts: pd.DataFrame, *, rule: Rule | None = None) -> pd.DataFrame:
    """Return the share of each answer, row by row, as it may be shown.

    Counts are rounded first and shares worked out from what is left, so that no count comes back from a share. A row
    over fewer answers than the threshold is missing, and so is one in which nearly all gave the same answer.

    Parameters
    ----------
    counts : DataFrame
        One row per group of respondents, one column per answer: how many gave it.

    Returns
    -------
    DataFrame
        Shares that add up to 1 in each row that is shown.

    Examples
    --------
    >>> import pandas as pd
    >>> protect_shares(pd.DataFrame({"no": [12, 3], "yes": [31, 5]})).round(2).to_numpy().tolist()
    [[0.25, 0.75], [nan, nan]]
    """
    rule = rule or Rule()
    rounded = counts.astype(float).apply(lambda column: rule.rounded(column))
    shares = rounded.div(rounded.sum(axis=1), axis=0)
    few = counts.sum(axis=1) < rule.threshold
    alike = shares.max(axis=1) > ALIKE if rule.ends else few
    return shares.mask(few | alike)
