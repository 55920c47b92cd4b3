"""Change of every single tie: estimate, false discovery rate, and what is left of it after shrinkage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import false_discovery_control

from joyeval.coordination.matrix import SPREADS
from joyeval.coordination.mean_change import detectable
from joyeval.models.estimates import estimate_table

if TYPE_CHECKING:
    from joyeval.coordination.ratings import Contrast, Ratings

UNKNOWN = 1e12  # variance of a place in a batch that holds no tie
FAMILY = ["process", "kind", "term"]


def tie_changes(data: Ratings) -> pd.DataFrame:
    """Change of every tie rated in both waves of a contrast; columns as `Change.ties`.

    The shrunken change borrows strength from the other ties of its process and kind (between or within), as far as
    these changed alike; how much ties differ in their change is averaged over, not taken as known.
    """
    tables = [table for contrast in data.contrasts if len(table := _tie_change(data, contrast))]
    ties = pd.concat(tables, ignore_index=True)
    q = ties.groupby(FAMILY, sort=False)["p"].transform(false_discovery_control)
    return ties.assign(q=q, detectable=detectable(ties["se"], ties["df"])).drop(columns=["block", "goal", "n"])


def rated_changes(data: Ratings) -> pd.DataFrame:
    """Change of how each group is rated by all others together, each tie with the same weight.

    Returns
    -------
    DataFrame
        process, target, kind, term, n_first, n_second (raters), estimate, se, df, ci_low, ci_high, p.
    """
    tables = []
    for contrast in data.contrasts:
        ties, sizes, weights = _compared(data, contrast)
        kept = ~ties["within"].to_numpy()
        ties, sizes, weights = ties[kept], sizes[kept], weights[kept]
        if ties.empty:
            continue
        group, names = pd.factorize(pd.MultiIndex.from_frame(ties[["process", "target"]]), sort=True)
        share = weights / np.bincount(group)[group][:, None]
        estimate, se, df = data.means.contrasts(share, ties["block"].to_numpy(), group, alike=False, pooled=True)
        first = data.means.mean[ties["block"], data.cells(ties, contrast.first)]
        table = estimate_table([target for _, target in names], estimate, se, df=df, n=0).drop(columns="n")
        table = data.possible(table, np.bincount(group, first) / np.bincount(group))
        raters = {name: np.bincount(group, sizes[name]) for name in sizes}
        said = {"process": [process for process, _ in names], "kind": contrast.kind, **raters}
        tables.append(table.rename(columns={"term": "target"}).assign(**said, term=contrast.term))
    if not tables:
        return pd.DataFrame(columns=["process", "target", "kind", "term", "n_first", "n_second", "estimate"])
    return pd.concat(tables, ignore_index=True)


def _compared(data: Ratings, contrast: Contrast) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Ties rated in both waves of a contrast, their raters, and their change as weights of cells."""
    sizes = pd.DataFrame(
        {"n_first": data.raters(data.ties, contrast.first), "n_second": data.raters(data.ties, contrast.second)}
    )
    both = ((sizes["n_first"] > 0) & (sizes["n_second"] > 0)).to_numpy()
    ties, row = data.ties[both].reset_index(drop=True), np.arange(int(both.sum()))
    weights = np.zeros((len(ties), data.means.mean.shape[1]))
    weights[row, data.cells(ties, contrast.second)], weights[row, data.cells(ties, contrast.first)] = 1.0, -1.0
    return ties, sizes[both].reset_index(drop=True), weights


def _tie_change(data: Ratings, contrast: Contrast) -> pd.DataFrame:
    ties, sizes, weights = _compared(data, contrast)
    if ties.empty:
        return ties
    row = np.arange(len(ties))
    estimate, se, df = data.means.contrasts(weights, ties["block"].to_numpy(), row, alike=False, pooled=True)
    before = data.means.mean[ties["block"], data.cells(ties, contrast.first)]
    table = data.possible(estimate_table(row, estimate, se, df=df, n=0).drop(columns="term"), before)
    ties = pd.concat([ties, sizes, table], axis=1).assign(kind=contrast.kind, term=contrast.term)
    first, second = data.cells(ties, contrast.first), data.cells(ties, contrast.second)
    return _shrunken(ties, data.means.vcov, first, second)


def _shrunken(ties: pd.DataFrame, vcov: np.ndarray, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Shrink the changes of each process and kind towards their mean."""
    batch = ties.groupby(["process", "within"], observed=True, sort=False).ngroup().to_numpy()
    place = ties.groupby(batch).cumcount().to_numpy()
    size = place.max() + 1
    changes = np.zeros((batch.max() + 1, size))
    changes[batch, place] = ties["estimate"]
    sampling = np.zeros((len(changes), size, size))
    sampling[:, np.arange(size), np.arange(size)] = UNKNOWN
    i, j = _pairs(ties["block"].to_numpy(), batch)
    block = ties["block"].to_numpy()[i]
    cells = ((second[i], second[j], 1), (first[i], first[j], 1), (first[i], second[j], -1), (second[i], first[j], -1))
    shared = sum(sign * vcov[block, a, b] for a, b, sign in cells)
    own = np.zeros(len(ties))
    own[i[i == j]] = shared[i == j]
    louder = np.where(own > 0, ties["se"] ** 2 / np.where(own > 0, own, 1), 1.0)  # the spread of a workgroup
    sampling[batch[i], place[i], place[j]] = np.sqrt(louder[i] * louder[j]) * shared
    one = np.zeros_like(changes)
    one[batch, place] = 1.0
    mean, sd, up = (found[batch, place] for found in _posterior(changes, sampling, one))
    reach = ndtri(0.975) * sd
    return ties.assign(shrunken=mean, shrunken_se=sd, shrunken_low=mean - reach, shrunken_high=mean + reach, p_up=up)


def _pairs(block: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows of the same block and batch: their estimates share raters."""
    rows = pd.DataFrame({"block": block, "batch": batch, "row": np.arange(len(block))})
    pairs = rows.merge(rows, on=["block", "batch"])
    return pairs["row_x"].to_numpy(), pairs["row_y"].to_numpy()


def _posterior(y: np.ndarray, sampling: np.ndarray, one: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation and chance above 0 of true changes, y ~ N(mu one, tau^2 I + sampling), per batch.

    The prior is flat in mu and in tau (on `SPREADS`); all of tau is done at once in the axes of `sampling`.
    """
    values, axes = np.linalg.eigh(sampling)
    seen, ones = (np.einsum("bij,bi->bj", axes, x)[:, None] for x in (y, one))
    tau2 = SPREADS[:, None] ** 2
    values = np.maximum(values, 0)[:, None]
    precision = 1 / (tau2 + values)
    known = (precision * ones**2).sum(axis=2, keepdims=True)
    mu = (precision * ones * seen).sum(axis=2, keepdims=True) / known
    misfit = (precision * (seen - mu * ones) ** 2).sum(axis=2)
    log = (np.log(precision).sum(axis=2) - np.log(known[..., 0]) - misfit) / 2
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    weight = (weight / weight.sum(axis=1, keepdims=True))[:, :, None]
    pull = values * precision
    back = axes.transpose(0, 2, 1)
    means = ((1 - pull) * seen + pull * mu * ones) @ back
    variances = (pull * tau2) @ back**2 + ((pull * ones) @ back) ** 2 / known
    mean = (weight * means).sum(axis=1)
    spread = (weight * (variances + (means - mean[:, None]) ** 2)).sum(axis=1)
    up = (weight * ndtr(means / np.sqrt(np.maximum(variances, 1e-12)))).sum(axis=1)
    return mean, np.sqrt(spread), up
