"""McDonald's omega: reliability of a sum of items that measure one thing unequally well."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit, stdtrit

from joyeval.errors import ModelError, and_others
from joyeval.measurement.groups import groups_of, items_of, join_labels, unanswered
from joyeval.measurement.keying import against
from joyeval.measurement.reliability import covariances
from joyeval.models.structural import (
    Model,
    OneFactor,
    Term,
    build_layout,
    build_sample,
    delta,
    estimate,
    hierarchical_omega,
    one_factor,
    share,
    share_error,
)
from joyeval.result import ESTIMATE_COLUMNS, Result

if TYPE_CHECKING:
    from joyeval.measurement.groups import Groups
    from joyeval.models.structural import Implied


TERMS = ("omega", "omega_total", "omega_h")


@dataclass(frozen=True, kw_only=True, eq=False)
class Omega(Result):
    """Omega of one scale; `n` counts complete responses.

    Parameters
    ----------
    scale : str
    level : float
    estimates : DataFrame
        The label columns, then term, estimate, se, ci_low, ci_high, p, n. Term ``omega``, or with several factors
        ``omega_total`` (all common factors) and ``omega_h`` (the general factor alone), of the standardised items.
    loadings : DataFrame
        The label columns, then item, loading (on a factor of variance 1, in points) and std (correlation with the
        factor).
    """

    scale: str
    level: float
    estimates: pd.DataFrame
    loadings: pd.DataFrame

    @property
    def estimate(self) -> float:
        """Omega, or omega total (of the first group when there are several)."""
        return float(self.estimates["estimate"].iloc[0])

    def tidy(self) -> pd.DataFrame:
        """Return `estimates`."""
        return self.estimates

    def sentence(self) -> str:
        """Omega with its interval; of several groups, the range."""
        rows = self.estimates.dropna(subset="estimate")
        rows = rows[rows["term"] == rows["term"].iloc[0]]
        if len(rows) > 1:
            low, high = rows["estimate"].min(), rows["estimate"].max()
            span = f"between {low:.2f} and {high:.2f} in {len(rows)} groups ({self.n} respondents)"
            return f"Omega of {self.scale} lay {span}."
        row = rows.iloc[0]
        return (
            f"{row['term'].capitalize().replace('_', ' ')} of {self.scale} was {row['estimate']:.2f} "
            f"({self.level:.0%} CI {row['ci_low']:.2f} to "
            f"{row['ci_high']:.2f}; {self.n} respondents): that share of the variance of the sum is what the items "
            f"have in "
            "common."
        )


def omega(
    items: pd.DataFrame,
    *,
    by: pd.Series | pd.DataFrame | None = None,
    factors: int = 1,
    scale: str = "the scale",
    level: float = 0.95,
    draws: int = 200,
    seed: int = 1,
) -> Omega:
    """McDonald's omega from a one-factor model (maximum likelihood), with an interval that allows for non-normal items.

    Omega estimates the share of the variance of the sum of the items that their common factor explains; unlike alpha it
    does not suppose that all items measure it equally well. Two items are given equal loadings.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Keyed answers; rows with a gap are left out and counted.
    by : Series or DataFrame, optional
        Labels of the same rows (wave, staff group): one omega for each combination.
    factors : int
        1, or 3 and more group factors beneath a general one (minres, oblimin, Schmid-Leiman).
    scale : str
        Name used in messages.
    draws, seed : int
        Bootstrap behind the limits with several factors.

    Raises
    ------
    ModelError
        One item, or no group in which the model can be estimated.

    References
    ----------
    McDonald (1999) Test Theory, doi:10.4324/9781410601087; Kelley & Pornprasertmanit (2016) doi:10.1037/a0040086.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> items = pd.DataFrame(rng.normal(size=(200, 1)) + rng.normal(size=(200, 4)), columns=["q1", "q2", "q3", "q4"])
    >>> omega(items, scale="joy").tidy()[["term", "estimate", "ci_low", "ci_high"]].round(2)
        term  estimate  ci_low  ci_high
    0  omega      0.78    0.73     0.82
    """
    answers = items_of(items, what=f"omega of {scale}").rename(columns=str)
    if answers.shape[1] < 2:
        raise ModelError(f"omega of {scale}: found 1 item and {len(answers)} respondents; needs 2 items")
    groups = groups_of(by, answers, default="group")
    together = _all_groups(answers, groups, level) if factors == 1 else {}
    rows, loadings, failures, used = [], [], [], 0
    for code in range(groups.count):
        try:
            if code in together:
                n, found, table = together[code]
            else:
                part = answers[groups.codes == code]
                n = int(part.notna().all(axis=1).sum())
                found, table = _one_group(part, _named(scale, groups, code), level, factors, draws, seed)
        except ModelError as error:
            failures.append(error)
            found = dict.fromkeys(TERMS[1:] if factors > 1 else TERMS[:1], (np.nan,) * 4)
            table = pd.DataFrame({"item": list(answers)})
        used += n
        rows += [(term, *values, np.nan, n) for term, values in found.items()]
        loadings.append(table)
    if len(failures) == groups.count:
        raise failures[0]
    estimates = pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS)).astype({"term": "str"})
    return Omega(
        n=used,
        n_dropped=len(answers) - used,
        notes=(
            *unanswered(answers, groups),
            *against(answers, groups),
            *_notes(failures, groups.count, answers.shape[1], factors, pd.concat(loadings)),
        ),
        scale=scale,
        level=level,
        estimates=join_labels(groups.labels, estimates, repeat=len(estimates) // groups.count),
        loadings=join_labels(groups.labels, pd.concat(loadings), repeat=answers.shape[1]),
    )


def _named(scale: str, groups: Groups, code: int) -> str:
    label = " ".join(map(str, groups.labels.iloc[code]))
    return f"omega of {scale}, {label}" if label else f"omega of {scale}"


def _all_groups(answers: pd.DataFrame, groups: Groups, level: float) -> dict[int, tuple[int, dict, pd.DataFrame]]:
    """One factor in all groups at once: n, omega and loadings of those where it is estimated without trouble."""
    kept = np.flatnonzero(answers.notna().all(axis=1).to_numpy() & (groups.codes >= 0))
    x, here = answers.to_numpy().take(kept, axis=0), groups.take(kept)
    if not len(x):
        return {}
    cov, means, _ = covariances(x, here)
    n, k = here.sizes, x.shape[1]
    cov = cov * ((n - 1) / np.maximum(n, 1))[:, None, None]
    cov[n <= k] = np.nan
    fitted = one_factor(cov)
    good = fitted.converged
    place = np.cumsum(good) - 1
    rows = good[here.codes]
    fitted = OneFactor(fitted.loadings[good], fitted.unique[good], good[good])
    centred, codes = x[rows] - means[here.codes[rows]], place[here.codes[rows]]
    se = share_error(fitted, cov[good], centred, codes)
    limits = zip(*_limits(share(fitted), se, n[good], level), strict=True)
    sd = np.sqrt(np.diagonal(cov[good], axis1=1, axis2=2))
    found = {}
    for code, values, loading, spread in zip(np.flatnonzero(good), limits, fitted.loadings, sd, strict=True):
        table = pd.DataFrame({"item": list(answers), "loading": loading, "std": loading / spread})
        found[int(code)] = (int(n[code]), {"omega": values}, table)
    return found


def _limits(
    value: np.ndarray | float, se: np.ndarray | float, n: np.ndarray | int, level: float
) -> tuple[np.ndarray | float, ...]:
    """Value, error and limits on the logit scale; t and n - 1, since with z and n they covered 92 % at n = 30."""
    inside = np.clip(value, 1e-6, 1 - 1e-6)
    reach = stdtrit(n - 1, (1 + level) / 2) * se * np.sqrt(n / (n - 1)) / (inside * (1 - inside))
    return value, se, expit(logit(inside) - reach), expit(logit(inside) + reach)


def _one_group(
    answers: pd.DataFrame, what: str, level: float, factors: int, draws: int, seed: int
) -> tuple[dict[str, tuple], pd.DataFrame]:
    """Estimate, error and limits by term, and the loadings, of one group."""
    if factors == 1:
        return _one_factor(answers, what, level)
    return _several_factors(answers.dropna(), what, level, factors, draws, seed)


def _one_factor(answers: pd.DataFrame, what: str, level: float) -> tuple[dict[str, tuple], pd.DataFrame]:
    """Omega of one group by the general engine, which knows what stands in the way."""
    sample = build_sample(answers, tuple(answers), group=None, missing="listwise", means=False, what=what)
    tie = ("a",) if answers.shape[1] == 2 else ()
    terms = tuple(Term("f", "=~", item, tie) for item in answers)
    layout = build_layout(Model("", terms, ("f",), tuple(answers)), standard=True)
    found = estimate(layout, sample, robust=True, what=what)

    def share_of(theta: np.ndarray) -> np.ndarray:
        here: Implied = found.likelihood.implied(theta)[0]
        return np.array([here.effects[:-1, -1].sum() ** 2 / here.covariance.sum()])

    here = found.likelihood.implied(found.theta)[0]
    loading = here.effects[:-1, -1] * (1 if here.effects[:-1, -1].sum() >= 0 else -1)
    spread = np.sqrt(np.diag(here.covariance))
    values = _limits(share_of(found.theta)[0], delta(share_of, found.theta, found.vcov)[0], sample.n, level)
    return {"omega": values}, pd.DataFrame({"item": list(answers), "loading": loading, "std": loading / spread})


def _several_factors(
    complete: pd.DataFrame, what: str, level: float, factors: int, draws: int, seed: int
) -> tuple[dict[str, tuple], pd.DataFrame]:
    """Omega total and hierarchical with bootstrap limits (on the logit scale), and the Schmid-Leiman loadings."""
    x = complete.to_numpy()
    n, k = x.shape
    if n <= k or (x.std(axis=0) == 0).any() or k <= factors:
        raise ModelError(
            f"{what}: {n} complete responses to {k} items; {factors} factors need more items that vary, and more "
            "responses than items. Use factors=1"
        )
    try:
        hierarchical, total, split = hierarchical_omega(np.corrcoef(x.T), factors)
    except ModelError as error:
        raise ModelError(f"{what}: {error} ({n} complete responses)") from None
    rng, again = np.random.default_rng(seed), []
    for _ in range(draws):
        with contextlib.suppress(ModelError, np.linalg.LinAlgError):
            again.append(hierarchical_omega(np.corrcoef(x[rng.integers(0, n, n)].T), factors)[:2])
    found = {}
    for term, value, column in zip(TERMS[1:], (total, hierarchical), (1, 0), strict=True):
        drawn = np.clip(np.array(again)[:, column], 1e-6, 1 - 1e-6)
        inside = min(max(value, 1e-6), 1 - 1e-6)
        reach = stdtrit(n - 1, (1 + level) / 2) * logit(drawn).std(ddof=1)
        found[term] = (value, drawn.std(ddof=1), expit(logit(inside) - reach), expit(logit(inside) + reach))
    table = pd.DataFrame({"item": list(complete), "general": split.general, "uniqueness": split.uniqueness})
    groups = {f"F{i + 1}": split.group[:, i] for i in range(factors)}
    return found, pd.concat([table, pd.DataFrame(groups)], axis=1)


def _notes(failures: list[ModelError], groups: int, k: int, factors: int, loadings: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    if failures:
        notes.append(f"no omega in {len(failures)} of {groups} groups: {and_others(failures, 2)}")
    if k == 2:
        notes.append("two items: their loadings were set equal, omega then rests on that")
    if factors > 1 and (k - factors) ** 2 - k - factors < 0:
        notes.append(
            f"{factors} factors of {k} items have more parameters than there are correlations: omega_h is not "
            f"determined; "
            "use more items or factors=1"
        )
    strength = loadings["std" if factors == 1 else "general"]
    if (strength.abs() > 1).any():
        notes.append("an item has a negative residual variance: the model asks too much of these data")
    return tuple(notes)
