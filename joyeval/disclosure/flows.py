"""How many people were left at each step: steps that differ by a few people would count those few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.disclosure.rule import Rule, may_show

if TYPE_CHECKING:
    from collections.abc import Collection


def protect_flow(
    flow: pd.DataFrame, *, known: Collection[str] = ("invited",), rule: Rule | None = None
) -> pd.DataFrame:
    """Return a flow of people as it may be shown: counts rounded to the nearest 5, those over too few people missing.

    Parameters
    ----------
    flow : DataFrame
        One row per wave, one column per step: people.
    known : collection of str
        Columns that are no secret, such as staff in post; left as they are.

    Examples
    --------
    >>> flow = pd.DataFrame({"invited": [63, 20], "kept": [48, 12], "linked": [42, 4]})
    >>> protect_flow(flow).loc[1].tolist()
    [20, 10, <NA>]
    """
    rule = rule or Rule()
    steps = [name for name in flow if name not in known]
    counts = flow[steps].astype("Float64")
    shown = counts.apply(
        lambda column: pd.Series(rule.rounded(column.to_numpy("float64", na_value=float("nan"))), flow.index)
    )
    return flow.assign(**shown.where(may_show(counts, rule=rule).fillna(False)).astype("Int64"))
