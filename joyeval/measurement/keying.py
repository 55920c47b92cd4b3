"""The note on items that run against the others of their scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import and_others
from joyeval.instruments.keying import run_against

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.measurement.groups import Groups


def against(answers: pd.DataFrame, groups: Groups | None = None) -> tuple[str, ...]:
    """Return a note on the items that run the other way, none if there are none.

    Parameters
    ----------
    answers : DataFrame, shape (n, items)
        Gaps allowed: each pair of items rests on its own respondents.
    groups : Groups, optional
        Differences between groups play no part.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> items = pd.DataFrame(rng.normal(size=(90, 1)) + rng.normal(size=(90, 3)), columns=["q1", "q2", "q3"])
    >>> against(items), against(items.assign(q2=-items["q2"]))
    ((), ('items that run the other way, to be reversed or left out: q2',))
    """
    if groups is not None:
        answers = answers - answers.groupby(groups.codes).transform("mean")
    turned = run_against(answers.corr(min_periods=3).to_numpy().copy(), answers.notna().sum().to_numpy())
    if not turned.any():
        return ()
    return (f"items that run the other way, to be reversed or left out: {and_others(list(answers.columns[turned]))}",)
