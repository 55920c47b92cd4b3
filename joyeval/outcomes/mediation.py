"""Associations by way of something between, such as relational coordination or burnout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import no_column
from joyeval.models.estimates import estimate_table
from joyeval.models.panel import regression
from joyeval.outcomes.association import number, open_answer
from joyeval.result import Result
from joyeval.words import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS = 100_000
GROUND = (
    "an indirect effect is one only if nothing unmeasured moves mediator and outcome, or exposure and either "
    "(sequential ignorability); the data cannot show this"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mediation(Result):
    """An association split into a part that goes by way of a mediator and the rest; `n` counts rows.

    Parameters
    ----------
    x, mediator, y : str
    terms : DataFrame
        ``term, estimate, se, df, ci_low, ci_high, p, n``: ``a`` (x to mediator), ``b`` (mediator to outcome given x),
        ``direct``, ``indirect`` (a times b; Sobel's error, interval by simulation), ``total``.
    share : float
        Indirect over total; missing where they have opposite signs.
    within : bool
        True when team and period effects were taken out.
    """

    x: str
    mediator: str
    y: str
    terms: pd.DataFrame
    share: float
    within: bool

    def tidy(self) -> pd.DataFrame:
        """Return one row per path."""
        return self.terms

    def sentence(self) -> str:
        """Return the indirect part in words."""
        row = self.terms.set_index("term").loc["indirect"]
        where = "within teams, " if self.within else ""
        basis = f"95% CI {number(row['ci_low'])} to {number(row['ci_high'])}; {self.n} rows"
        size = f"{number(row['estimate'])} in {self.y} per 1 in {self.x} ({basis})"
        if np.isnan(row["ci_low"]):
            return (
                f"An indirect association by way of {self.mediator} cannot be told: too few clusters for an interval."
            )
        if row["ci_low"] <= 0 <= row["ci_high"]:
            return open_answer(f"{where}{size}", f"there is an indirect association by way of {self.mediator}")
        part = "" if np.isnan(self.share) else f", {self.share:.0%} of the whole"
        return f"The indirect association by way of {self.mediator} was, {where}{size}{part}. It need not be a cause."


def mediation(
    data: pd.DataFrame,
    *,
    y: str,
    x: str,
    mediator: str,
    team: str | None = "team",
    period: str | None = "period",
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Mediation:
    """Split an association into an indirect part by way of a mediator and a direct part.

    Parameters
    ----------
    data : DataFrame
        One row per team and period.
    mediator : str
        Measured between exposure and outcome, at best a period apart (`lagged`).
    team, period : str, optional
        Effects taken out of all three, so that only changes within teams count; None keeps differences between.
    cluster : str, optional
        Level at which errors hang together; default the team.
    draws : int
        Of the simulation of a times b, from t distributions with the degrees of freedom of each path.

    Raises
    ------
    ModelError
        The data cannot answer.

    References
    ----------
    Tofighi & MacKinnon (2016), Struct. Equ. Modeling 23(2), 194-205. doi:10.1080/10705511.2015.1057284
    Imai, Keele & Tingley (2010), Psychol. Methods 15(4), 309-334. doi:10.1037/a0020761
    """
    names = dict(
        zip([y, x, mediator, *covariates], ["y", "x", "m", *(f"c{i}" for i in range(len(covariates)))], strict=True)
    )
    absorb = [name for name in (team, period) if name]
    absent = [name for name in [*names, *absorb] if name not in data]
    if absent:
        raise no_column(absent, data)
    rows = data.dropna(subset=[*names, *absorb]).rename(columns=names)
    rest = "".join(f" + {names[c]}" for c in covariates)
    fit = partial(regression, data=rows, absorb=absorb, cluster=cluster or team)
    to_mediator, to_outcome, whole = fit(f"m ~ x{rest}"), fit(f"y ~ x + m{rest}"), fit(f"y ~ x{rest}")
    paths = [_path(to_mediator, "x", "a"), _path(to_outcome, "m", "b"), _path(to_outcome, "x", "direct")]
    indirect = _indirect(paths[0], paths[1], draws, seed)
    terms = pd.concat([*paths, indirect, _path(whole, "x", "total")], ignore_index=True)
    value = terms.set_index("term")["estimate"]
    return Mediation(
        x=x,
        mediator=mediator,
        y=y,
        terms=terms,
        share=float(value["indirect"] / value["total"]) if value["indirect"] * value["total"] > 0 else np.nan,
        within=bool(absorb),
        n=len(rows),
        n_dropped=len(data) - len(rows),
        notes=(GROUND, Note("association.units"), *dict.fromkeys(to_mediator.notes + to_outcome.notes)),
    )


def _path(fit, name: str, term: str) -> pd.DataFrame:
    return fit.terms[fit.terms["term"] == name].assign(term=term)


def _indirect(a: pd.DataFrame, b: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Product of two independent paths: error by Sobel, interval and p by simulation."""
    (one, two), rng = (path.iloc[0] for path in (a, b)), np.random.default_rng(seed)
    drawn = [path["estimate"] + path["se"] * rng.standard_t(path["df"], size=draws) for path in (one, two)]
    products = np.sort(drawn[0] * drawn[1])
    se = float(np.hypot(one["estimate"] * two["se"], two["estimate"] * one["se"]))
    row = estimate_table(["indirect"], [one["estimate"] * two["estimate"]], [se], n=int(one["n"]), df=np.nan)
    below = float(np.mean(products < 0))
    return row.assign(
        ci_low=float(np.quantile(products, 0.025)), ci_high=float(np.quantile(products, 0.975)),
        p=min(1.0, 2 * max(min(below, 1 - below), 1 / draws)),
    )  # fmt: skip
