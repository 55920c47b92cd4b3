"""Outcomes that are counts: proportions of responders, events per exposure; effects in points and per 1,000."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.models.design import quoted
from joyeval.models.generalised import marginal_effects
from joyeval.outcomes.linkage import Linkage
from joyeval.outcomes.panel import associate, prepare
from joyeval.outcomes.periods import ordinals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from joyeval.outcomes.association import Association

FAMILIES = ("binomial", "betabinomial", "poisson", "negbin")


def within_between_counts(
    data: pd.DataFrame | Linkage,
    *,
    y: str,
    x: str,
    of: str | None = None,
    family: str = "betabinomial",
    team: str = "team",
    period: str = "period",
    lag: int = 0,
    covariates: Sequence[str] = (),
    unit: str = "month",
    role: str = "exploratory",
) -> Association:
    """Separate within from between for an outcome that is counted, by a mixed model of its own distribution.

    Estimands as in `within_between`, averaged over team-periods and teams: percentage points of a proportion, or
    events per 1,000 of exposure. Errors are those of the model, which takes errors of a team as alike in all its
    periods; `within_between` on the rate, whose errors do not rest on that, belongs beside it.

    Parameters
    ----------
    data : DataFrame or Linkage
    y, of : str
        Count, and what it is out of (denominator) or per (exposure). With a linkage `y` is the measure, and its
        numerator and denominator are taken.
    family : {"betabinomial", "binomial", "negbin", "poisson"}
        The first and third allow for more than chance variation.
    x, team, period, lag, covariates, unit, role
        As in `within_between`.

    Returns
    -------
    Association
        Terms ``within`` and ``between``, then covariates.

    Raises
    ------
    ModelError
        Counts above their denominator or below 0, separation, or data that cannot answer.
    """
    if family not in FAMILIES:
        raise UsageError(f"family={family!r}: expected one of {', '.join(FAMILIES)}")
    title, count, of = _columns(data, y, of)
    panel = prepare(data, y=count, x=x, team=team, period=period, lag=lag, covariates=covariates, weights="", unit=unit)
    if of not in panel.frame:
        raise UsageError(f"found no column {of}; the table has {', '.join(map(str, panel.frame))}")
    frame = panel.frame.dropna(subset=[count, of, x, team, period, *covariates]).copy()
    frame["__time"] = ordinals(frame[period], unit=panel.unit).astype(int)
    mean = frame.groupby(team)[x].transform("mean")
    frame["within"], frame["between"] = frame[x] - mean, mean
    rest = [*(quoted(name) for name in covariates), "C(__time)"]
    formula = f"{quoted(count)} ~ within + between + {' + '.join(rest)}"
    effects = marginal_effects(
        formula, frame, ["within", "between", *covariates], family=family, groups=team, exposure=of
    )
    return associate(
        panel, effects.terms, "within", role=role, design=f"within-between, {family}",
        estimand=f"comparing a team with its own average{panel.when}", n=effects.n,
        n_dropped=len(panel.frame) - effects.n, sd_x=float(frame["within"].std()),
        y=f"{title} ({effects.unit})", notes=effects.notes,
    )  # fmt: skip


def _columns(data: pd.DataFrame | Linkage, y: str, of: str | None) -> tuple[str, str, str]:
    """Name of the measure, and columns of its count and of what it is out of."""
    if isinstance(data, Linkage):
        return y, f"{y}_numerator", f"{y}_denominator"
    if not of:
        raise UsageError("within_between_counts: give of=, the column of denominators or exposure")
    return y, y, of
