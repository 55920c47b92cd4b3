"""Unanswered items: does the rule for them matter? Complete cases, half the items, multiple imputation side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.measurement.groups import items_of
from joyeval.measurement.turnover import error_of, influence
from joyeval.models.estimates import estimate_table
from joyeval.models.imputation import impute, pool
from joyeval.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

RULES = ("complete", "half", "imputed")
ROUNDING = 1e-9  # difference of means that is none


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemGaps(Result):
    """A scale mean under three rules for unanswered items; `n` counts respondents with any answer.

    Parameters
    ----------
    scale : str
    items : DataFrame
        item, answered, missing, share (of missing answers).
    estimates : DataFrame
        term (``complete``: all items answered; ``half``: at least half, mean of those; ``imputed``), estimate, se,
        ci_low, ci_high, p, n.
    fmi : float
        Share of the information about the mean that the gaps cost, by imputation.
    """

    scale: str
    items: pd.DataFrame
    estimates: pd.DataFrame
    fmi: float

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Say the three means, and whether the rule matters."""
        rows = self.estimates.set_index("term")
        spread = rows["estimate"].max() - rows["estimate"].min()
        word = "matters" if spread > np.nan_to_num(rows["se"].min()) + ROUNDING else "does not matter"
        means = ", ".join(f"{rows.loc[rule, 'estimate']:.2f} ({rule}, n = {rows.loc[rule, 'n']})" for rule in RULES)
        return f"The rule for unanswered items {word} for the mean of {self.scale}: {means}."


def item_gaps(
    items: pd.DataFrame,
    *,
    also: pd.DataFrame | None = None,
    cluster: pd.Series | None = None,
    scale: str = "the scale",
    m: int = 20,
    seed: int = 1,
) -> ItemGaps:
    """Compare a scale mean under three rules for unanswered items.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Keyed answers; respondents without any answer are left out and counted.
    also : DataFrame, optional
        Further columns that predict answers (other scales, role) for the imputation.
    cluster : Series, optional
        Team of each respondent, for the imputation and the errors.
    m, seed : int
        Imputations and their start.

    Raises
    ------
    ModelError
        Fewer than 10 respondents with an answer, or an item nobody answered.

    References
    ----------
    van Buuren (2018) Flexible Imputation of Missing Data, doi:10.1201/9780429492259.
    """
    answers = items_of(items, what=f"item gaps of {scale}")
    kept = answers.notna().any(axis=1)
    if kept.sum() < 10:
        raise ModelError(
            f"item gaps of {scale}: {int(kept.sum())} respondents with an answer to {answers.shape[1]} items; needs 10"
        )
    cluster, also = (None if given is None else _beside(given, answers, scale) for given in (cluster, also))
    here = answers.reset_index(drop=True)[kept.to_numpy()]
    if cluster is not None and (alone := int(cluster[here.index].isna().sum())):
        raise ModelError(f"item gaps of {scale}: {alone} of {len(here)} respondents have no team; leave them out")
    share = here.notna().mean(axis=1)
    scores = {"complete": here[share == 1].mean(axis=1), "half": here[share >= 0.5].mean(axis=1)}
    rows = [_mean(rule, score, cluster) for rule, score in scores.items()]
    imputed, fmi = _imputed(here, also, cluster, m, seed)
    gaps = here.isna().sum()
    return ItemGaps(
        n=len(here),
        n_dropped=len(answers) - len(here),
        notes=_notes(share),
        scale=scale,
        items=pd.DataFrame(
            {
                "item": pd.Series([str(name) for name in here], dtype="str"),
                "answered": (len(here) - gaps).to_numpy(),
                "missing": gaps.to_numpy(),
                "share": (gaps / len(here)).to_numpy(),
            }
        ),
        estimates=pd.concat([*rows, imputed], ignore_index=True).astype({"term": "str"}),
        fmi=fmi,
    )


def _beside(given: Any, answers: pd.DataFrame, scale: str) -> Any:
    """Put what else is known of the respondents into the order of their answers, numbered from 0."""
    if not given.index.equals(answers.index):
        if given.index.has_duplicates or not answers.index.isin(given.index).all():
            raise UsageError(f"item gaps of {scale}: other rows than those of the answers; take both from one table")
        given = given.loc[answers.index]
    return given.reset_index(drop=True)


def _mean(rule: str, score: pd.Series, cluster: pd.Series | None) -> pd.DataFrame:
    se, df = _error(score, cluster)
    table = estimate_table([rule], np.array([score.mean()]), np.array([se]), n=len(score), df=max(df, 1.0))
    return table.drop(columns="df").assign(p=np.nan)


def _error(score: pd.Series, cluster: pd.Series | None) -> tuple[float, float]:
    """Give the standard error of a mean, teams as the units where they are known, and its degrees of freedom."""
    codes = np.arange(len(score)) if cluster is None else pd.factorize(cluster.loc[score.index])[0]
    if len(score) < 2 or codes.max() < 1:
        return np.nan, 1.0
    return error_of(influence(score.to_numpy(), np.ones(len(score), dtype=bool))[1], codes), float(codes.max())


def _imputed(
    here: pd.DataFrame, also: pd.DataFrame | None, cluster: pd.Series | None, m: int, seed: int
) -> tuple[pd.DataFrame, float]:
    table = here.rename(columns=str)
    columns: Sequence[str] = list(table)
    extra = None if also is None else also.loc[here.index].rename(columns=lambda name: f"also {name}")
    table = table if extra is None else pd.concat([table, extra], axis=1)
    table = table if cluster is None else table.assign(**{"the team": cluster.loc[here.index].to_numpy()})
    wanted = [*columns, *([] if extra is None else extra)]
    filled = impute(table, wanted, cluster=None if cluster is None else "the team", m=m, seed=seed)
    means = [one[columns].mean(axis=1) for one in filled]
    estimates = np.array([[mean.mean()] for mean in means])
    errors = [_error(mean, cluster) for mean in means]
    variances = np.array([[error**2] for error, _ in errors])
    pooled = pool(estimates, variances, errors[0][1], terms=["imputed"], n=len(here)).terms
    return pooled[["term", "estimate", "se", "ci_low", "ci_high", "p", "n"]].assign(p=np.nan), float(
        pooled["fmi"].iloc[0]
    )


def _notes(share: pd.Series) -> tuple[str, ...]:
    notes = []
    if (share < 1).mean() > 0.2:
        notes.append(f"{(share < 1).mean():.0%} of the respondents left items out: look at which, and why")
    if (share < 0.5).any():
        notes.append("some respondents answered fewer than half of the items: the half rule leaves them out")
    return tuple(notes)
