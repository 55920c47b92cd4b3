"""The note on items that run against the others of their scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joyeval.errors import and_others
from joyeval.instruments.keying import run_against

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.measurement.groups import Groups

FEWEST = 3  # answers to both items of a pair


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
    turned = run_against(_correlations(answers, groups), answers.notna().sum().to_numpy())
    if not turned.any():
        return ()
    return (f"items that run the other way, to be reversed or left out: {and_others(list(answers.columns[turned]))}",)


def _correlations(answers: pd.DataFrame, groups: Groups | None) -> np.ndarray:
    """Of all pairs of items, within groups; far quicker where nothing is missing."""
    if len(answers) < FEWEST or answers.isna().to_numpy().any():
        if groups is not None:
            answers = answers - answers.groupby(groups.codes).transform("mean")
        return answers.corr(min_periods=FEWEST).to_numpy().copy()
    x = answers.to_numpy(dtype=float).T
    if groups is not None:
        codes = groups.codes - groups.codes.min()
        means = np.array([np.bincount(codes, column) for column in x]) / np.maximum(np.bincount(codes), 1)
        x = x - means[:, codes]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.atleast_2d(np.corrcoef(x))
