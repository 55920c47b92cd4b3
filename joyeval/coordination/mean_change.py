"""Mean change of the ties of each process, and of all processes together, from the model of raters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from joyeval.errors import ModelError
from joyeval.models.estimates import estimate_table

if TYPE_CHECKING:
    from joyeval.coordination.ratings import Contrast, Ratings

POWER = 0.8  # at which a change counts as detectable


def mean_changes(data: Ratings) -> pd.DataFrame:
    """Mean change between and within groups, one row per process (and "all" of several), part and contrast."""
    common = data.in_waves(data.waves)
    rows = []
    for contrast in data.contrasts:
        asked = (data.raters(common, contrast.first) > 0) & (data.raters(common, contrast.second) > 0)
        for part, within in (("between", False), ("within", True)):
            ties = common[asked & (common["within"] == within)]
            if len(ties):
                rows.append(_mean_change(data, ties, contrast).assign(part=part))
    if not rows:
        return pd.DataFrame(columns=["process", "part", "kind", "term"])
    return pd.concat(rows, ignore_index=True)


def mean_levels(data: Ratings) -> pd.DataFrame:
    """Mean tie between and within groups at each wave, over the ties rated in every wave."""
    common = data.in_waves(data.waves)
    rows = []
    for wave in data.waves:
        for part, within in (("between", False), ("within", True)):
            ties = common[(data.raters(common, wave) > 0) & (common["within"] == within)]
            if len(ties):
                rows.append(data.possible(averaged(data, ties, {wave: 1.0})).assign(part=part, wave=wave))
    return pd.concat(rows, ignore_index=True)


def _mean_change(data: Ratings, ties: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    table = averaged(data, ties, {contrast.second: 1.0, contrast.first: -1.0})
    before = averaged(data, ties, {contrast.first: 1.0})
    return data.possible(table, before["estimate"].to_numpy()).assign(
        kind=contrast.kind,
        term=contrast.term,
        first=contrast.first,
        second=contrast.second,
        percent=100 * table["estimate"] / before["estimate"],
        detectable=detectable(table["se"], table["df"]),
    )


def averaged(data: Ratings, ties: pd.DataFrame, waves: dict[str, float]) -> pd.DataFrame:
    """Weighted waves, averaged over the ties of each process, and over processes of the programme where several are.

    Returns
    -------
    DataFrame
        process, estimate, se, df, ci_low, ci_high, p, n (raters of these waves), ties.

    Raises
    ------
    ModelError
        No ties.
    """
    if ties.empty:
        raise ModelError(f"no such tie was rated in every one of the waves {', '.join(waves)}")
    process, names = pd.factorize(ties["process"], sort=True)
    cells, blocks = cells_of(data, ties, waves)
    home = pd.Series(process).groupby(ties["block"].to_numpy()).first().to_numpy()
    raters = _raters(data, ties, list(waves))
    own = _table(data, names, cells, blocks, home).assign(n=raters.reindex(names).to_numpy(), ties=np.bincount(process))
    treated = [name for name in names if name not in data.comparison]
    if len(treated) < 2:
        return own
    kept = np.isin(names[home], treated)
    together = np.zeros(int(kept.sum()), dtype=int)
    whole = _table(data, ["all"], cells[kept] / len(treated), blocks[kept], together)
    whole = whole.assign(n=raters[treated].sum(), ties=int(ties["process"].isin(treated).sum()))
    return pd.concat([whole, own], ignore_index=True)


def cells_of(
    data: Ratings, ties: pd.DataFrame, waves: dict[str, float], *, weight: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of cells, one row per block, that average ties within their process; and the blocks."""
    sizes = ties.groupby("process")["process"].transform("size").to_numpy()
    blocks, at = np.unique(ties["block"], return_inverse=True)
    cells = np.zeros((len(blocks), data.means.mean.shape[1]))
    for wave, sign in waves.items():
        cells[at, data.cells(ties, wave)] += sign * weight / sizes
    return cells, blocks


def detectable(se: pd.Series, df: pd.Series) -> np.ndarray:
    """Return the least change that a test at 5 % finds with 80 % chance."""
    df = np.asarray(df, dtype=float)
    return (stdtrit(df, 0.975) + stdtrit(df, POWER)) * np.asarray(se, dtype=float)


def _table(data: Ratings, names: list[str], cells: np.ndarray, blocks: np.ndarray, group: np.ndarray) -> pd.DataFrame:
    estimate, se, df = data.means.contrasts(cells, blocks, group, alike=False)
    return estimate_table(names, estimate, se, df=df, n=0).rename(columns={"term": "process"})


def _raters(data: Ratings, ties: pd.DataFrame, waves: list[str]) -> pd.Series:
    """Raters of each process who rated one of these ties in one of these waves."""
    goals = data.means.mean.shape[1]
    rows, asked = (table["block"].to_numpy() * goals + table["goal"].to_numpy() for table in (data.rows, ties))
    kept = data.rows.loc[np.isin(rows, asked) & data.rows["wave"].isin(waves).to_numpy(), ["process", "rater"]]
    return kept.drop_duplicates()["process"].value_counts()
