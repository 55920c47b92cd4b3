"""Factor structure of a questionnaire: confirmatory factor analysis with reliability from the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from joyeval.errors import UsageError, and_others
from joyeval.measurement.groups import Groups, items_of
from joyeval.measurement.keying import against
from joyeval.models.estimates import estimate_table
from joyeval.models.structural import NAME, OrdinalFitted, Sem, delta, fit_model, parse_model, summarise
from joyeval.result import Result

if TYPE_CHECKING:
    from joyeval.models.structural import Fitted


@dataclass(frozen=True, kw_only=True, eq=False)
class Factor(Result):
    """A confirmatory factor analysis; `n` counts respondents.

    Parameters
    ----------
    scale : str
    sem : Sem
        The model behind it, with every parameter, fit indices and hints.
    loadings : DataFrame
        term (``joy =~ q1``), estimate (standardised), se, ci_low, ci_high, p, n.
    reliability : DataFrame
        term, estimate, se, ci_low, ci_high, p, n: ``omega <factor>`` of the sum of its items, and ``omega_h <factor>``
        of the sum of all items under a second-order factor.
    """

    scale: str
    sem: Sem
    loadings: pd.DataFrame
    reliability: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return standardised loadings, then reliability."""
        return pd.concat([self.loadings, self.reliability], ignore_index=True)

    def sentence(self) -> str:
        """Fit, then the range of the loadings."""
        low, high = self.loadings["estimate"].min(), self.loadings["estimate"].max()
        return f"{self.sem.sentence()} Standardised loadings lie between {low:.2f} and {high:.2f}."


def factor(
    items: pd.DataFrame,
    model: str | Mapping[str, Sequence[str]] | None = None,
    *,
    scale: str = "the scale",
    estimator: str = "MLR",
    missing: str = "listwise",
    level: float = 0.95,
) -> Factor:
    """Fit a factor model to the items of a questionnaire.

    Parameters
    ----------
    items : DataFrame, shape (respondents, items)
        Keyed answers.
    model : str or mapping, optional
        In the notation of lavaan (``"joy =~ q1 + q2 + q3"``; ``"g =~ joy + calm"`` for a second-order factor), or the
        items of each factor; by default one factor of all items.
    estimator : {"MLR", "ML", "WLSMV"}
        Robust against non-normal answers, or not; WLSMV takes the items as ordered options, and omega is then that of
        the normal scales underneath.
    missing : {"listwise", "fiml"}
        Complete responses, or every answer under missing at random.

    Raises
    ------
    UsageError
        The model cannot be read or names an absent item.
    ModelError
        Too few responses, a constant item, a model that is not identified or does not converge.

    References
    ----------
    Brown (2015) Confirmatory Factor Analysis for Applied Research, 2nd ed.; Hu & Bentler (1999)
    doi:10.1080/10705519909540118 (what counts as good fit).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> joy, calm = rng.normal(size=(2, 200, 1))
    >>> answers = np.hstack([joy + rng.normal(size=(200, 3)), calm + rng.normal(size=(200, 3))])
    >>> items = pd.DataFrame(answers, columns=["q1", "q2", "q3", "q4", "q5", "q6"])
    >>> found = factor(items, {"joy": ["q1", "q2", "q3"], "calm": ["q4", "q5", "q6"]})
    >>> found.reliability[["term", "estimate"]].round(2)
             term  estimate
    0   omega joy      0.76
    1  omega calm      0.67
    """
    name = f"the factor model of {scale}"
    text = model_text(model, items, what=name)
    fitted = fit_model(text, items, estimator=estimator, missing=missing, name=name)
    result = summarise(fitted, model=text, name=name, estimator=estimator, missing=missing, level=level)
    return Factor(
        n=result.n,
        n_dropped=result.n_dropped,
        notes=(*against_their_factor(items, text), *result.notes),
        scale=scale,
        sem=result,
        loadings=_loadings(result, level),
        reliability=_reliability(fitted, level),
    )


def model_text(model: str | Mapping[str, Sequence[str]] | None, items: pd.DataFrame, *, what: str) -> str:
    """Write a model out in the notation of lavaan, once the answers are seen to be numbers."""
    if model is not None and not isinstance(model, (str, Mapping)):
        raise UsageError(f"{what}: the model is of type {type(model).__name__}; expected text or the items of factors")
    if isinstance(model, str):
        named = set(parse_model(model).observed)
        items_of(items[[name for name in items if name in named]] if named & set(items) else items, what=what)
        return model
    answers = items_of(items, what=what)
    model = {"common": list(answers)} if model is None else model
    check_names([name for own in model.values() for name in own], what=what)
    return "\n".join(f"{name} =~ {' + '.join(map(str, own))}" for name, own in model.items())


def against_their_factor(items: pd.DataFrame, model: str, groups: Groups | None = None) -> tuple[str, ...]:
    """Return notes on items that run against the others of their factor."""
    parsed = parse_model(model)
    measured = ([item for item in parsed.indicators(name) if item in items] for name in parsed.latent)
    return tuple(note for own in measured if len(own) > 1 for note in against(items[own].astype(float), groups))


def check_names(names: Sequence[object], *, what: str) -> None:
    """Refuse names that cannot stand in a model."""
    odd = [str(name) for name in names if not NAME.match(str(name))]
    if odd:
        raise UsageError(
            f"{what}: found items named {and_others(odd)}; names in a model begin with a letter and hold letters, "
            "digits, _ and . only: rename the columns (q1, q2, ...)"
        )


def _loadings(result: Sem, level: float) -> pd.DataFrame:
    rows = result.estimates[result.estimates["term"].str.contains("=~", regex=False)]
    table = estimate_table(rows["term"], rows["std"].to_numpy(), rows["std_se"].to_numpy(), n=result.n, level=level)
    return table.drop(columns="df").astype({"term": "str"})


def _reliability(fitted: Fitted, level: float) -> pd.DataFrame:
    """Omega of each factor with delta-method limits on the logit scale; of ordered items, on their underlying scale."""
    sums, ordered = _sums(fitted), isinstance(fitted, OrdinalFitted)

    def shares(theta: np.ndarray) -> np.ndarray:
        here = fitted.likelihood.implied(theta)[0]
        found = []
        for place, items in sums.values():
            unit = 1 / np.sqrt(np.diag(here.covariance)[items]) if ordered else np.ones(len(items))
            pull = (here.effects[items, place] * unit).sum() ** 2 * here.total[place, place]
            found.append(pull / (unit @ here.covariance[np.ix_(items, items)] @ unit))
        return np.array(found)

    values, errors = shares(fitted.theta), delta(shares, fitted.theta, fitted.vcov)
    low, high = logit_limits(values, errors, level)
    table = pd.DataFrame({"term": pd.Series(list(sums), dtype="str"), "estimate": values, "se": errors})
    return table.assign(ci_low=low, ci_high=high, p=np.nan, n=fitted.sample.n)


def logit_limits(values: np.ndarray, errors: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of shares between 0 and 1, from normal limits of their logits."""
    inside = np.clip(values, 1e-6, 1 - 1e-6)
    reach = ndtri((1 + level) / 2) * errors / (inside * (1 - inside))
    centre = np.log(inside / (1 - inside))
    return expit(centre - reach), expit(centre + reach)


def _sums(fitted: Fitted) -> dict[str, tuple[int, np.ndarray]]:
    """For each factor its position and the items of its sum: its own, or those of the factors it is measured by."""
    p, found, measured = len(fitted.layout.observed), {}, {}
    for cell in fitted.layout.of_group(0):
        if cell.term.op == "=~":
            measured.setdefault(cell.col, []).append(cell.row)
    for place, rows in measured.items():
        own = [row for row in rows if row < p]
        below = [item for row in rows if row >= p for item in measured[row] if item < p]
        name = fitted.layout.latent[place - p]
        found[f"omega {name}" if own else f"omega_h {name}"] = (place, np.array(own or below))
    return found
