"""Who answered, held against the roster: response by group, and how unlike the respondents are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtri

from joyeval.errors import ModelError, UsageError, and_others
from joyeval.result import Result
from joyeval.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, eq=False)
class Response(Result):
    """Response against the roster; `n` counts people who answered, `n_dropped` those without a category.

    Parameters
    ----------
    invited : float
    rate : float
    groups : DataFrame
        margin, category, invited, answered, rate, ci_low, ci_high (Wilson), share_invited, share_answered.
    tests : DataFrame
        margin, chisq, df, p (that all categories respond alike), r_indicator (1 when they do; Schouten et al. 2009).
    """

    invited: float
    rate: float
    groups: pd.DataFrame
    tests: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row per category, in the columns of an estimate."""
        table = self.groups.assign(term=self.groups["margin"] + " " + self.groups["category"], p=np.nan)
        table["se"] = np.sqrt(table["rate"] * (1 - table["rate"]) / table["invited"])
        table = table.rename(columns={"rate": "estimate", "answered": "n"})
        return table[["term", "estimate", "se", "ci_low", "ci_high", "p", "n"]].astype({"term": "str"})

    def sentence(self) -> str:
        """Say the rate, and who is missing most."""
        text = f"{self.n} of {self.invited:.0f} people answered ({self.rate:.0%})"
        unlike = self.tests[self.tests["p"] < 0.05]
        if unlike.empty:
            return f"{text}; response did not differ clearly by {listed(list(self.tests['margin']), 'or')}."
        margin = unlike.sort_values("r_indicator").iloc[0]["margin"]
        rows = self.groups[self.groups["margin"] == margin].sort_values("rate")
        low, high = rows.iloc[0], rows.iloc[-1]
        return (
            f"{text}; it differed most by {margin}, from {low['rate']:.0%} ({low['category']}) to {high['rate']:.0%} "
            f"({high['category']})."
        )


def response(wave: pd.DataFrame, invited: pd.Series | Sequence[pd.Series]) -> Response:
    """Compare who answered with who was invited.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent.
    invited : Series or sequence of Series
        People on the roster by category; the name of the index is a column of `wave`. Several are several breakdowns.

    Raises
    ------
    UsageError
        A breakdown whose index has no name, or names no column.
    ModelError
        More answers than invitations in a category.

    References
    ----------
    Wilson (1927) doi:10.1080/01621459.1927.10502953; Schouten, Cobben & Bethlehem (2009) Surv. Methodol. 35(1),
    101-113.

    Examples
    --------
    >>> roster = pd.Series({"nurse": 40, "doctor": 10}, name="headcount").rename_axis("role")
    >>> response(pd.DataFrame({"role": ["nurse"] * 20 + ["doctor"] * 9}), roster).groups["rate"].tolist()
    [0.9, 0.5]
    """
    margins = [invited] if isinstance(invited, pd.Series) else list(invited)
    parts = [_breakdown(wave, margin) for margin in margins]
    tests = pd.DataFrame([{"margin": name, **_unlike(table)} for name, table in parts]).astype({"margin": "str"})
    groups = pd.concat([table for _, table in parts], ignore_index=True).astype({"margin": "str", "category": "str"})
    total = max(float(table["invited"].sum()) for _, table in parts)
    counted = min(int(table["answered"].sum()) for _, table in parts)
    return Response(
        n=counted,
        n_dropped=len(wave) - counted,
        notes=_notes(groups, counted / total, len(wave) - counted),
        invited=total,
        rate=counted / total,
        groups=groups,
        tests=tests,
    )


def _breakdown(wave: pd.DataFrame, invited: pd.Series) -> tuple[str, pd.DataFrame]:
    name = invited.index.name
    if name is None or name not in wave:
        raise UsageError(
            f"invited: the index is named {name!r}; expected a column of the wave: {', '.join(map(str, wave))}"
        )
    answered = wave[name].value_counts().reindex(invited.index, fill_value=0)
    unknown = sorted(set(wave[name].dropna()) - set(invited.index), key=str)
    over = invited.index[(answered > invited).to_numpy()]
    if invited.empty:
        raise ModelError(f"response by {name}: nobody on the roster has a {name}")
    if len(unknown) or len(over) or (invited <= 0).any():
        found = [f"{and_others(unknown)} not on the roster"] if unknown else []
        found += [f"more answers than invitations in {and_others(list(over))}"] if len(over) else []
        found += ["nobody invited in some category"] if (invited <= 0).any() else []
        raise ModelError(
            f"response by {name}: {'; '.join(found)} ({len(wave)} answers); mend the roster or the categories"
        )
    n, k, z = invited.to_numpy(dtype=float), answered.to_numpy(dtype=float), ndtri(0.975)
    rate = k / n
    centre, reach = (k + z**2 / 2) / (n + z**2), z * np.sqrt(n * rate * (1 - rate) + z**2 / 4) / (n + z**2)
    table = pd.DataFrame(
        {
            "margin": str(name),
            "category": [str(label) for label in invited.index],
            "invited": n,
            "answered": k.astype(int),
            "rate": rate,
            "ci_low": centre - reach,
            "ci_high": centre + reach,
            "share_invited": n / n.sum(),
            "share_answered": k / max(k.sum(), 1),
        }
    )
    return str(name), table.sort_values("category", kind="stable", ignore_index=True)


def _unlike(table: pd.DataFrame) -> dict[str, float]:
    """Pearson chi-square of answering by category, and the R indicator: 1 - 2 sd of the response rates."""
    n, rate = table["invited"], table["rate"]
    overall = float((n * rate).sum() / n.sum())
    away = float((n * (rate - overall) ** 2).sum())
    df = len(table) - 1
    spread = overall * (1 - overall)
    chisq = away / spread if spread > 0 else 0.0
    p = float(chdtrc(df, chisq)) if df and spread > 0 else np.nan
    return {"chisq": chisq, "df": df, "p": p, "r_indicator": 1 - 2 * float(np.sqrt(away / n.sum()))}


def _notes(groups: pd.DataFrame, rate: float, dropped: int) -> tuple[str, ...]:
    notes = []
    if dropped:
        notes.append(f"{dropped} answers have no category in some breakdown")
    silent = groups.loc[groups["answered"] == 0, "category"]
    if len(silent):
        notes.append(f"nobody answered in {and_others(list(silent))}: no weight can speak for them")
    if rate < 0.4:
        notes.append("fewer than 40 % answered: results may say more about who answered than about everybody")
    return tuple(notes)
