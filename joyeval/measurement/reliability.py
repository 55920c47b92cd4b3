"""Internal consistency: Cronbach's alpha and its relatives, for one group of respondents or many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.measurement.groups import Groups, groups_of, items_of, join_labels, unanswered
from joyeval.measurement.jackknife import jackknife_limits
from joyeval.measurement.keying import against
from joyeval.measurement.ordinal_alpha import with_ordinal
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMS = ("alpha", "alpha_standardised", "guttman_lambda6", "mean_r", "sem", "mdc")
FEWEST = 3  # complete responses below which no coefficient is given
CHUNK = 2_000_000  # numbers drawn at a time in the bootstrap: keeps memory flat


@dataclass(frozen=True, kw_only=True, eq=False)
class Alpha(Result):
    """Cronbach's alpha of one scale; `n` counts the respondents it rests on.

    Parameters
    ----------
    scale : str
    level : float
        Confidence of the intervals.
    estimates : DataFrame
        The label columns, then term, estimate, se, ci_low, ci_high, p, n. Terms: ``alpha`` (raw),
        ``alpha_standardised`` (of correlations), ``guttman_lambda6``, ``mean_r`` (mean correlation between items),
        ``sem`` (standard error of measurement of a person's scale mean, in points) and ``mdc`` (smallest change of one
        person beyond measurement error at `level`, in points). Standard error and interval belong to raw alpha only.
    items : DataFrame
        The label columns, then item, n, mean, sd, r_drop (correlation with the sum of the other items),
        alpha_if_dropped (missing for scales of two items).
    """

    scale: str
    level: float
    estimates: pd.DataFrame
    items: pd.DataFrame

    @property
    def estimate(self) -> float:
        """Raw alpha (of the first group when there are several)."""
        return float(self.estimates["estimate"].iloc[0])

    @property
    def ci_low(self) -> float:
        """Lower limit of raw alpha."""
        return float(self.estimates["ci_low"].iloc[0])

    @property
    def ci_high(self) -> float:
        """Upper limit of raw alpha."""
        return float(self.estimates["ci_high"].iloc[0])

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Alpha with its interval; of several groups, the range."""
        raw = self.estimates[(self.estimates["term"] == "alpha") & self.estimates["estimate"].notna()]
        left = f", {self.n_dropped} left out" if self.n_dropped else ""
        if len(raw) > 1:
            low, high = raw["estimate"].min(), raw["estimate"].max()
            return (
                f"Cronbach's alpha of {self.scale} lay between {low:.2f} and {high:.2f} in {len(raw)} groups "
                f"({self.n} respondents{left})."
            )
        return (
            f"Cronbach's alpha of {self.scale} was {raw['estimate'].iloc[0]:.2f} ({self.level:.0%} CI "
            f"{raw['ci_low'].iloc[0]:.2f} to {raw['ci_high'].iloc[0]:.2f}; {self.n} respondents{left})."
        )


def alpha(
    items: pd.DataFrame,
    *,
    by: pd.Series | pd.DataFrame | None = None,
    scale: str = "the scale",
    level: float = 0.95,
    interval: str = "feldt",
    missing: str = "listwise",
    ordinal: bool = False,
    draws: int = 2000,
    seed: int = 1,
) -> Alpha:
    """Cronbach's alpha with an interval, item statistics and the error of one person's score.

    Alpha estimates the reliability of the sum of the items when all items measure one thing equally well;
    when they do not it is a lower bound (see `omega`).

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Keyed answers (negative items already reversed), one column per item.
    by : Series or DataFrame, optional
        Labels of the same rows (wave, staff group): one alpha for each combination.
    scale : str
        Name used in messages.
    interval : {"feldt", "jackknife", "bootstrap"}
        Feldt's interval supposes normal items with equal covariances; the other two (complete responses only, each left
        out in turn or drawn again within groups) do not. Reports use the jackknife.
    missing : {"listwise", "pairwise"}
        Use complete responses only, or every pair of answers (as R psych does; n is then everyone who answered
        anything).
    ordinal : bool
        Add ``alpha_ordinal``, standardised alpha of the polychoric correlations of complete responses: what alpha
        would be on the normal scales underneath the options (higher than the alpha of the answers that are summed).
    draws, seed : int
        Size and start of the bootstrap.

    Raises
    ------
    ModelError
        One item; fewer than 3 usable responses or no variation in any group.

    References
    ----------
    Feldt, Woodruff & Salih (1987) doi:10.1177/014662168701100107; Duhachek & Iacobucci (2004)
    doi:10.1037/0021-9010.89.5.792 (standard error); Zumbo et al. (2007) doi:10.22237/jmasm/1177992180 (ordinal).

    Examples
    --------
    >>> answers = pd.DataFrame({"q1": [1, 2, 3, 4, 5], "q2": [2, 2, 3, 5, 4], "q3": [1, 3, 3, 4, 5]})
    >>> round(alpha(answers).estimate, 3)
    0.945
    """
    _check_choices(interval, missing)
    answers = items_of(items, what=f"alpha of {scale}")
    k = answers.shape[1]
    everyone = groups_of(by, answers, default="group")
    empty = unanswered(answers, everyone)
    x, groups = _usable(answers, everyone, missing)
    cov, means, pairs = covariances(x, groups) if k > 1 else (np.empty((1, 1, 1)),) * 3
    answerable = (groups.sizes >= FEWEST) & (cov.sum(axis=(1, 2)) > 1e-12)
    _check_answers(answerable, len(x), len(answers), k, scale)
    cov[~answerable] = np.nan
    table = _estimates(cov, groups.sizes, level)
    if interval != "feldt":
        at = table["term"] == "alpha"
        raw = table["estimate"][at].to_numpy()
        limits = (
            jackknife_limits(x, groups, raw=raw, level=level)
            if interval == "jackknife"
            else _bootstrap(x, groups, raw=raw, level=level, draws=draws, seed=seed)
        )
        table.loc[at, ["ci_low", "ci_high"]] = limits
    if ordinal:
        table = with_ordinal(table, x, groups, answerable, scale=scale, level=level)
    item_table = _items(cov, means, pairs, list(answers.columns))
    return Alpha(
        n=len(x),
        n_dropped=len(answers) - len(x),
        notes=(
            *empty,
            *against(pd.DataFrame(x, columns=answers.columns), groups),
            *_notes(groups, answerable, cov, item_table),
        ),
        scale=scale,
        level=level,
        estimates=join_labels(groups.labels, table, repeat=len(table) // groups.count),
        items=join_labels(groups.labels, item_table, repeat=k),
    )


def _usable(answers: pd.DataFrame, groups: Groups, missing: str) -> tuple[np.ndarray, Groups]:
    """Keep the rows that count: complete ones, or those with any answer."""
    answered = answers.notna()
    kept = answered.all(axis=1) if missing == "listwise" else answered.any(axis=1)
    rows = np.flatnonzero(kept.to_numpy() & (groups.codes >= 0))
    return answers.to_numpy().take(rows, axis=0), groups.take(rows)


def _check_answers(answerable: np.ndarray, usable: int, given: int, k: int, scale: str) -> None:
    if k < 2:
        raise ModelError(
            f"alpha of {scale}: found 1 item and {given} respondents; needs 2 items. A single item has no internal "
            "consistency: use retest on two waves"
        )
    if not answerable.any():
        raise ModelError(
            f"alpha of {scale}: {usable} usable responses of {given} to {k} items, in {len(answerable)} group(s); "
            f"needs "
            f"{FEWEST} that differ from each other. Merge groups or check the item map"
        )


def _check_choices(interval: str, missing: str) -> None:
    if interval not in ("feldt", "jackknife", "bootstrap"):
        raise UsageError(f"interval: found {interval!r}; expected 'feldt', 'jackknife' or 'bootstrap'")
    if missing not in ("listwise", "pairwise"):
        raise UsageError(f"missing: found {missing!r}; expected 'listwise' or 'pairwise'")
    if interval != "feldt" and missing == "pairwise":
        raise UsageError(f"interval {interval!r} takes complete responses; use missing='listwise' with it")


def covariances(x: np.ndarray, groups: Groups) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariances of the answered pairs within groups.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Answers, NaN where none; every row in a group.

    Returns
    -------
    tuple of ndarray
        Covariances (groups, k, k), means (groups, k) and numbers of pairs (groups, k, k); NaN where a pair has fewer
        than two rows.
    """
    mask = (~np.isnan(x.T)).astype(float)
    complete = bool(mask.all())
    centred, means = np.empty(mask.shape), np.empty((len(mask), groups.count))
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, column in enumerate(x.T if complete else np.nan_to_num(x.T)):
            means[i] = groups.sum(column) / groups.sum(mask[i])
            centred[i] = (column - means[i].take(groups.codes)) * mask[i]
        products = groups.products(centred, centred)
        if complete:
            pairs = np.broadcast_to(groups.sizes[:, None, None].astype(float), products.shape)
        else:
            pairs, sums = groups.products(mask, mask), groups.products(centred, mask)
            products = products - sums * sums.swapaxes(1, 2) / pairs
        cov = products / np.where(pairs > 1, pairs - 1, np.nan)
    return cov, means.T, pairs


def alpha_of(cov: np.ndarray) -> np.ndarray:
    """Raw alpha of covariance matrices (..., k, k)."""
    k = cov.shape[-1]
    return k / (k - 1) * (1 - np.trace(cov, axis1=-2, axis2=-1) / cov.sum(axis=(-2, -1)))


def correlations(cov: np.ndarray) -> np.ndarray:
    """Correlations of covariance matrices (..., k, k); NaN for a constant item."""
    sd = np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return cov / (sd[..., :, None] * sd[..., None, :])


def _coefficients(cov: np.ndarray, level: float) -> np.ndarray:
    """All `TERMS` of covariance matrices (groups, k, k), shape (groups, terms)."""
    from scipy.special import ndtri

    k = cov.shape[-1]
    raw = alpha_of(cov)
    r = correlations(cov)
    mean_r = (r.sum(axis=(1, 2)) - k) / (k * (k - 1))
    spread = np.sqrt(cov.sum(axis=(1, 2))) / k
    sem = spread * np.sqrt(np.clip(1 - raw, 0, None))
    mdc = ndtri((1 + level) / 2) * np.sqrt(2) * sem
    return np.stack([raw, alpha_of(r), _lambda6(r), mean_r, sem, mdc], axis=1)


def _lambda6(r: np.ndarray) -> np.ndarray:
    """Guttman's lambda 6: what each item shares with the others (squared multiple correlation) counts as true."""
    usable = np.isfinite(r).all(axis=(1, 2))
    usable[usable] = np.linalg.cond(r[usable]) < 1e12
    result = np.full(len(r), np.nan)
    unique = 1 / np.diagonal(np.linalg.inv(r[usable]), axis1=1, axis2=2)
    result[usable] = 1 - unique.sum(axis=1) / r[usable].sum(axis=(1, 2))
    return result


def _estimates(cov: np.ndarray, sizes: np.ndarray, level: float) -> pd.DataFrame:
    """One row per group and term, in the columns of an estimate."""
    from scipy.special import fdtri

    values = _coefficients(cov, level)
    filler = np.full(values.shape, np.nan)
    se, low, high = filler.copy(), filler.copy(), filler.copy()
    k, tail = cov.shape[-1], (1 - level) / 2
    df1 = np.maximum(sizes - 1, 1)
    df2 = df1 * (k - 1)
    se[:, 0] = _alpha_se(cov, sizes)
    low[:, 0] = 1 - (1 - values[:, 0]) * fdtri(df1, df2, 1 - tail)
    high[:, 0] = 1 - (1 - values[:, 0]) * fdtri(df1, df2, tail)
    return pd.DataFrame(
        {
            "term": np.tile(np.array(TERMS, dtype=object), len(cov)),
            "estimate": values.ravel(),
            "se": se.ravel(),
            "ci_low": low.ravel(),
            "ci_high": high.ravel(),
            "p": np.nan,
            "n": np.repeat(sizes, len(TERMS)),
        }
    ).astype({"term": "str"})


def _alpha_se(cov: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Large-sample standard error for normal items, whatever their covariances (Duhachek & Iacobucci 2004)."""
    k = cov.shape[-1]
    trace, total = np.trace(cov, axis1=1, axis2=2), cov.sum(axis=(1, 2))
    squared = cov @ cov
    inner = total * (np.trace(squared, axis1=1, axis2=2) + trace**2) - 2 * trace * squared.sum(axis=(1, 2))
    return np.sqrt(2 * k**2 / ((k - 1) ** 2 * total**3) * np.maximum(inner, 0) / np.maximum(sizes, 1))


def _items(cov: np.ndarray, means: np.ndarray, pairs: np.ndarray, names: list[object]) -> pd.DataFrame:
    """One row per group and item."""
    k = cov.shape[-1]
    own = np.diagonal(cov, axis1=1, axis2=2)
    row = cov.sum(axis=2)
    total, trace = row.sum(axis=1, keepdims=True), own.sum(axis=1, keepdims=True)
    rest = total - 2 * row + own
    with np.errstate(invalid="ignore", divide="ignore"):
        r_drop = (row - own) / np.sqrt(own * rest)
        dropped = (k - 1) / (k - 2) * (1 - (trace - own) / rest) if k > 2 else np.full(own.shape, np.nan)
    return pd.DataFrame(
        {
            "item": pd.Series([str(name) for name in names] * len(cov), dtype="str"),
            "n": np.diagonal(pairs, axis1=1, axis2=2).ravel().astype(int),
            "mean": means.ravel(),
            "sd": np.sqrt(own).ravel(),
            "r_drop": r_drop.ravel(),
            "alpha_if_dropped": dropped.ravel(),
        }
    )


def _bootstrap(x: np.ndarray, groups: Groups, *, raw: np.ndarray, level: float, draws: int, seed: int) -> np.ndarray:
    """Limits of raw alpha: t interval on the scale of log(1 - alpha), its standard error from the bootstrap.

    On that scale alpha is close to normal at any n; percentile and BCa limits covered 90 to 92 % at n = 30.
    """
    from scipy.special import stdtrit

    error = np.log(np.clip(1 - np.concatenate(list(_resampled(x, groups, draws, seed))), 1e-15, None))
    df = np.maximum(groups.sizes - 1, 1)
    reach = stdtrit(df, (1 + level) / 2) * np.nanstd(error, axis=0, ddof=1) * np.sqrt((df + 1) / df)
    centre = np.log(np.clip(1 - raw, 1e-15, None))
    return 1 - np.exp(np.stack([centre + reach, centre - reach], axis=1))


def _resampled(x: np.ndarray, groups: Groups, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Raw alpha of respondents drawn again within their group, in chunks of shape (draws, groups)."""
    rng = np.random.default_rng(seed)
    order = np.argsort(groups.codes, kind="stable")
    codes, sizes = groups.codes[order], groups.sizes
    start, size = (np.cumsum(sizes) - sizes)[codes], sizes[codes]
    k = x.shape[1]
    centred = x - x.mean(axis=0)
    columns = np.column_stack([centred, centred.sum(axis=1)])
    step = max(1, CHUNK // columns.size)
    for done in range(0, draws, step):
        now = min(step, draws - done)
        drawn = columns[order[start + (rng.random((now, len(codes))) * size).astype(int)].ravel()]
        many = Groups(
            (np.arange(now)[:, None] * groups.count + codes).ravel(), pd.DataFrame(index=range(now * groups.count))
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            squares = many.sums(drawn**2) - many.sums(drawn) ** 2 / many.sizes[:, None]
            alphas = k / (k - 1) * (1 - squares[:, :k].sum(axis=1) / squares[:, k])
        yield np.where(squares[:, k] > 1e-9, alphas, np.nan).reshape(now, groups.count)


def _notes(groups: Groups, answerable: np.ndarray, cov: np.ndarray, items: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    if unanswered := int((~answerable).sum()):
        few = groups.labels[~answerable].astype(str).agg(" ".join, axis=1).tolist()
        notes.append(
            f"no coefficient for {unanswered} of {groups.count} groups (fewer than {FEWEST} usable responses, or none "
            f"that differ): {and_others(few)}"
        )
    if constant := sorted(set(items.loc[items["sd"] == 0, "item"])):
        notes.append(
            f"constant in at least one group: {and_others(constant)}; coefficients of correlations are not defined "
            f"there"
        )
    if negative := int((alpha_of(cov[answerable]) < 0).sum()):
        notes.append(f"alpha is negative in {negative} group(s): check that negatively worded items were reversed")
    if cov.shape[-1] == 2:
        notes.append("a scale of two items: alpha if dropped is not defined")
    if (groups.sizes[answerable] < 30).any():
        notes.append("fewer than 30 responses in at least one group: read the interval, not the estimate")
    return tuple(notes)
