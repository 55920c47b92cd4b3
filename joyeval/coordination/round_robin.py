"""Round robin: who rates high, who is rated high, and what is particular to a pair (the social relations model).

For groups whose members rate each other. The covariance of all ratings of a group is linear in six parameters; they
are estimated by REML directly, so that the two covariances (of what a member gives and receives, and of the two
directions of a pair) are part of the model and not corrected for afterwards. They are also why `models.mixed` cannot
fit it: an actor and a partner are the same person in different rows, and the two directions of a pair may go against
each other, which no random effect they share allows. Groups are small, so that their covariances are inverted as they
are; `rater_model` says what that would cost where they are large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from joyeval.errors import DataError, ModelError, Problem, UsageError
from joyeval.models.design import refuse_infinite
from joyeval.models.estimates import estimate_table
from joyeval.models.one_thread import one_thread
from joyeval.result import Result

TERMS = ("group", "actor", "partner", "dyad", "actor-partner covariance", "dyadic covariance")
MOST_STEPS = 100
CLOSE = 1e-9  # of the total variance; a smaller step ends the search
FEW_GROUPS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class RoundRobin(Result):
    """Variances of directed ratings; `n` counts ratings.

    Parameters
    ----------
    terms : DataFrame
        term (group, actor, partner, dyad, actor-partner covariance, dyadic covariance), estimate, se, df, ci_low,
        ci_high, p (of the covariances: a variance is never 0), n, share (of the four variances), correlation (of the
        two covariances). Intervals are from the curvature of the likelihood. The dyad's variance holds measurement
        error too.
    mean, mean_se : float
        Mean rating and its standard error.
    loglik : float
        Restricted.
    groups, members : int
    """

    terms: pd.DataFrame
    mean: float
    mean_se: float
    loglik: float
    groups: int
    members: int

    def tidy(self) -> pd.DataFrame:
        """Return the variances and covariances."""
        return self.terms

    def sentence(self) -> str:
        """Return the shares of the variance and the correlation of the two directions of a pair."""
        table = self.terms.set_index("term")
        share, both_ways = table["share"], table.loc["dyadic covariance", "correlation"]
        return (
            f"Of the variance of {self.n} ratings, {share['actor']:.0%} lay in who rated, {share['partner']:.0%} in "
            f"who was rated and {share['dyad']:.0%} in the pair; the two directions of a pair correlated "
            f"{both_ways:.2f} ({self.members} members of {self.groups} groups)."
        )


@one_thread
def round_robin(data: pd.DataFrame, *, group: str, rater: str, target: str, value: str) -> RoundRobin:
    """Estimate the social relations model by REML.

    The estimands are the variances, between groups like these, of group means, of what members give (actor) and
    receive (partner), and of what is particular to a pair (dyad).

    Parameters
    ----------
    data : DataFrame
        One row per rating; rows with a gap are left out and counted, ratings of oneself too.
    group, rater, target, value : str
        Columns. Members are numbered within their group or throughout.

    Raises
    ------
    UsageError
        No such column.
    DataError
        A pair rated twice in the same direction.
    ModelError
        No group with 4 members, or nothing left to tell apart.

    References
    ----------
    Snijders & Kenny (1999), Pers. Relatsh. 6(4), 471-486, doi:10.1111/j.1475-6811.1999.tb00204.x.
    Knight & Humphrey (2019), in: The Handbook of Multilevel Theory, Measurement, and Analysis (the model).

    Examples
    --------
    >>> round_robin(ratings, group="team", rater="from", target="to", value="liking").sentence()  # doctest: +SKIP
    """
    rows = _rows(data, [group, rater, target, value])
    y, seen, K = _layout(rows)
    fit = _fit(y, seen, K if len(y) > 1 else K[1:])
    names = TERMS if len(y) > 1 else TERMS[1:]
    members = len(pd.concat([rows[["g", "r"]], rows[["g", "t"]].set_axis(["g", "r"], axis=1)]).drop_duplicates())
    return RoundRobin(
        n=len(rows),
        n_dropped=len(data) - len(rows),
        notes=_notes(len(y), fit),
        terms=_terms(names, fit, len(rows)),
        mean=fit.mean,
        mean_se=float(np.sqrt(fit.mean_variance)),
        loglik=fit.loglik,
        groups=len(y),
        members=members,
    )


def _rows(data: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    if missing := [name for name in columns if name not in data]:
        raise UsageError(f"round_robin: no column {', '.join(missing)}")
    rows = data[columns].set_axis(["g", "r", "t", "y"], axis=1).dropna()
    rows = rows[rows["r"] != rows["t"]].reset_index(drop=True)
    refuse_infinite(rows.rename(columns={"y": columns[3]}), [columns[3]], "round robin")
    if twice := int(rows.duplicated(["g", "r", "t"]).sum()):
        found = f"{twice} second ratings of the same pair in the same direction"
        raise DataError([Problem("ratings", found, "one each", "keep one, or give one wave at a time", rule="twice")])
    sizes = rows.groupby("g")["r"].nunique()
    if not (sizes >= 4).any():
        raise ModelError(
            f"round robin: {len(sizes)} groups, the largest with {sizes.max() if len(sizes) else 0} raters; what "
            "members give, receive and share in pairs can be told apart only in groups of 4 or more"
        )
    return rows.assign(y=rows["y"].astype(float))


def _layout(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratings of each group in one row, padded: y and seen (groups, m), and the six matrices K (6, groups, m, m)."""
    place = rows.groupby("g").cumcount().to_numpy()
    g = rows.groupby("g").ngroup().to_numpy()
    shape = (g.max() + 1, place.max() + 1)
    y, seen = np.zeros(shape), np.zeros(shape, dtype=bool)
    y[g, place], seen[g, place] = rows["y"], True
    codes = pd.factorize(pd.concat([rows["r"], rows["t"]]))[0]
    r, t = np.full(shape, -1), np.full(shape, -1)
    r[g, place], t[g, place] = codes[: len(rows)], codes[len(rows) :]
    both = seen[:, :, None] & seen[:, None, :]
    same_r, same_t = r[:, :, None] == r[:, None, :], t[:, :, None] == t[:, None, :]
    cross = (r[:, :, None] == t[:, None, :]).astype(float) + (t[:, :, None] == r[:, None, :])
    back = (r[:, :, None] == t[:, None, :]) & (t[:, :, None] == r[:, None, :])
    return y, seen, np.stack([both, same_r, same_t, same_r & same_t, cross, back]) * both


@dataclass(frozen=True, eq=False)
class _Fit:
    variances: np.ndarray
    information: np.ndarray
    mean: float
    mean_variance: float
    loglik: float
    bounded: bool


def _fit(y: np.ndarray, seen: np.ndarray, K: np.ndarray) -> _Fit:
    """Fisher scoring on the variances, kept where they make a covariance."""
    total = float(y[seen].var(ddof=1))
    if not total > 0:
        raise ModelError("round robin: all ratings are the same")
    variances = np.array([0.1] * (len(K) - 5) + [0.3, 0.1, 0.5, 0.0, 0.0]) * total
    loglik, step, information, mean, spread = _scoring(y, seen, K, variances)
    for _ in range(MOST_STEPS):
        for half in range(30):
            after = _possible(variances + step / 2**half)
            found = _scoring(y, seen, K, after)
            if found[0] >= loglik - 1e-10 * abs(loglik):
                break
        moved, variances = np.abs(after - variances).max(), after
        loglik, step, information, mean, spread = found
        if moved < CLOSE * total:
            break
    bounded = bool(np.abs(_possible(variances + step) - variances - step).max() > 1e-6 * total)
    return _Fit(variances, information, mean, spread, loglik, bounded)


def _possible(variances: np.ndarray) -> np.ndarray:
    """Variances at least 0 (the dyad's above it), correlations from -1 to 1."""
    out = variances.copy()
    out[:-2] = np.maximum(out[:-2], 0)
    out[-3] = max(out[-3], 1e-8 * out.sum())
    reach = np.sqrt(out[-5] * out[-4])
    out[-2] = np.clip(out[-2], -reach, reach)
    out[-1] = np.clip(out[-1], -0.999999 * out[-3], 0.999999 * out[-3])
    return out


def _scoring(
    y: np.ndarray, seen: np.ndarray, K: np.ndarray, variances: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, float, float]:
    """Restricted log-likelihood, step of the variances, their information, mean and its variance."""
    # V = sum of variance_k K_k, group by group; empty places get a 1 on the diagonal, to be inverted and left out. With
    # u = V^-1 1, spread = 1 / 1'u the variance of the mean, and P = V^-1 - spread u u' (the mean taken out):
    #   score_k = (y'P K_k P y - tr(P K_k)) / 2 and information_kl = tr(P K_k P K_l) / 2,
    # where P y = w and the traces are those of V^-1 less the parts along u, S_k = u'K_k u and Q_kl = u'K_k V^-1 K_l u.
    V = np.tensordot(variances, K, 1) + (~seen)[:, :, None] * np.eye(seen.shape[1])
    both = seen[:, :, None] & seen[:, None, :]
    inverse = np.linalg.inv(V) * both
    one = seen.astype(float)
    u = np.einsum("gij,gj->gi", inverse, one)
    spread = 1 / (one * u).sum()
    mean = spread * (u * y).sum()
    w = np.einsum("gij,gj->gi", inverse, (y - mean) * one)
    VK = inverse @ K
    trace, S = np.einsum("kgii->k", VK), np.einsum("gi,kgij,gj->k", u, K, u, optimize=True)
    score = (np.einsum("gi,kgij,gj->k", w, K, w, optimize=True) - trace + spread * S) / 2
    KVu = np.einsum("kgij,gj->kgi", K, u)
    Q = np.einsum("kgi,gij,lgj->kl", KVu, inverse, KVu, optimize=True)
    information = (np.einsum("kgij,lgji->kl", VK, VK, optimize=True) - 2 * spread * Q + spread**2 * np.outer(S, S)) / 2
    misfit = float((w * (y - mean)).sum())
    n = int(seen.sum())
    loglik = -(np.linalg.slogdet(V)[1].sum() - np.log(spread) + misfit + (n - 1) * np.log(2 * np.pi)) / 2
    return float(loglik), np.linalg.lstsq(information, score)[0], information, float(mean), float(spread)


def _terms(names: tuple[str, ...], fit: _Fit, n: int) -> pd.DataFrame:
    se = np.sqrt(np.diag(np.linalg.pinv(fit.information, hermitian=True)))
    table = estimate_table(names, fit.variances, se, n=n)
    variance = np.arange(len(names)) < len(names) - 2
    share = np.where(variance, fit.variances / fit.variances[:-2].sum(), np.nan)
    actor, partner, dyad = fit.variances[-5:-2]
    scale = np.full(len(names), np.nan)
    scale[-2:] = np.sqrt(actor * partner), dyad
    ratio = np.divide(fit.variances, scale, out=np.full(len(names), np.nan), where=scale > 0)
    return table.assign(p=table["p"].mask(variance), share=share, correlation=ratio)


def _notes(groups: int, fit: _Fit) -> tuple[str, ...]:
    notes = []
    if groups == 1:
        notes.append("one group: how much groups differ cannot be told")
    elif groups < FEW_GROUPS:
        notes.append(f"{groups} groups only: how much groups differ is hardly known")
    if fit.bounded:
        notes.append("a variance or correlation lies at the end of what is possible; its interval is rough")
    return tuple(notes)
