"""What was asked in advance, and what was looked at besides: kept apart, and corrected."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.models.multiplicity import METHODS, adjust
from joyeval.outcomes.linkage import table_of
from joyeval.outcomes.panel import change_on_change, fixed_effects, within_between
from joyeval.result import Result
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joyeval.outcomes.association import Association
    from joyeval.outcomes.linkage import Linkage

DESIGNS = {"within_between": within_between, "fixed_effects": fixed_effects, "change_on_change": change_on_change}
LEVEL = 0.05


@dataclass(frozen=True)
class Plan:
    """The one analysis that was named before the outcomes were seen.

    Parameters
    ----------
    y, x : str
        Outcome and staff measure.
    named : str
        Where and when it was written down: "protocol v2, 2024-03-01".
    design : {"within_between", "fixed_effects", "change_on_change"}
    options : mapping
        Further arguments of the design, such as ``{"lag": 1, "cluster": "trust"}``.
    """

    y: str
    x: str
    named: str
    design: str = "within_between"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploration(Result):
    """Many associations, corrected for their number; `n` counts those that could be fitted.

    Parameters
    ----------
    estimates : DataFrame
        ``y, x, lag, estimate, se, df, ci_low, ci_high, p, p_adjusted, standardised, n, n_teams``, smallest p first.
        `standardised` is in standard deviations of the outcome per usual swing of x within teams.
    design, method : str
    """

    estimates: pd.DataFrame
    design: str
    method: str

    def tidy(self) -> pd.DataFrame:
        """Return one row per outcome, staff measure and lag."""
        return self.estimates

    def sentence(self) -> str:
        """Return how many stand after correction, beside how many chance alone would give."""
        raw, kept = ((self.estimates[name] < LEVEL).sum() for name in ("p", "p_adjusted"))
        return (
            f"Of {self.n} associations looked at, {raw} have p < .05, where chance alone would give about "
            f"{LEVEL * self.n:.0f}; {kept} stand{'s' if kept == 1 else ''} after correction ({METHODS[self.method]}). "
            "All are exploratory."
        )


def primary(data: pd.DataFrame | Linkage, plan: Plan) -> Association:
    """Run the analysis that was named in advance, as it was named.

    Parameters
    ----------
    data : DataFrame or Linkage
    plan : Plan

    Raises
    ------
    UsageError
        An unknown design.
    ModelError
        The data cannot answer.
    """
    if plan.design not in DESIGNS:
        raise UsageError(f"design {plan.design!r}: expected one of {', '.join(DESIGNS)}")
    answer = DESIGNS[plan.design](data, y=plan.y, x=plan.x, **dict(plan.options), role="primary")
    return replace(answer, notes=(Note("association.named", place=plan.named), *answer.notes))


def explore(
    data: pd.DataFrame | Linkage,
    *,
    y: Sequence[str],
    x: Sequence[str],
    lags: Sequence[int] = (0,),
    design: str = "fixed_effects",
    method: str = "bh",
    **options: Any,
) -> Exploration:
    """Fit one design to every outcome, staff measure and lag, and correct the p values for their number.

    Parameters
    ----------
    y, x : sequence of str
    lags : sequence of int
    design : {"fixed_effects", "within_between", "change_on_change"}
    method : {"bh", "holm"}
        Benjamini-Hochberg, or Holm.
    options
        Further arguments of the design.

    Raises
    ------
    ModelError
        None can be fitted.

    References
    ----------
    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300. doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    if design != "change_on_change":
        options = {"draws": 0} | options
    rows, failed = [], []
    for outcome, measure, lag in product(y, x, lags):
        try:
            answer = DESIGNS[design](data, y=outcome, x=measure, lag=lag, **options)
        except ModelError as error:
            failed.append(f"{outcome} on {measure}, lag {lag}: {error}")
            continue
        rows.append({"y": outcome, "x": measure, "lag": lag, **_figures(data, answer)})
    if not rows:
        raise ModelError(f"none of {len(failed)} associations can be fitted; the first: {failed[0]}")
    table = pd.DataFrame(rows).sort_values("p", ignore_index=True)
    table.insert(table.columns.get_loc("p") + 1, "p_adjusted", adjust(table["p"].to_numpy(), method))
    return Exploration(
        estimates=table,
        design=design,
        method=method,
        n=len(table),
        n_dropped=len(failed),
        notes=(f"p values are corrected for {len(table)} associations ({METHODS[method]})", *failed),
    )


def _figures(data: pd.DataFrame | Linkage, answer: Association) -> dict[str, float]:
    spread = table_of(data)[answer.y].std()
    row = answer.effect
    numbers = {name: row[name] for name in ("estimate", "se", "df", "ci_low", "ci_high", "p")}
    standardised = row["estimate"] * answer.sd_x / spread if spread else np.nan
    return numbers | {"standardised": standardised, "n": answer.n, "n_teams": answer.n_teams}
