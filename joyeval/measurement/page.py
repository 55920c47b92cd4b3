"""One page on a questionnaire: what its numbers may be used for, scale by scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.errors import ModelError, UsageError
from joyeval.measurement.aggregation import aggregation
from joyeval.measurement.groups import and_others
from joyeval.measurement.invariance import invariance
from joyeval.measurement.omega import omega
from joyeval.measurement.reliability import alpha
from joyeval.measurement.structure import factor
from joyeval.models.sem import best
from joyeval.result import ESTIMATE_COLUMNS, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RELIABLE = 0.70


@dataclass(frozen=True, kw_only=True, eq=False)
class Page(Result):
    """What can be said of every scale of a questionnaire; `n` counts respondents, all waves together.

    Parameters
    ----------
    scales : DataFrame
        scale, n, items, alpha, alpha_low, alpha_high, omega, omega_low, omega_high, cfi, rmsea, fit (of one factor:
        good, acceptable, poor), teams (may team means be used: yes, with care, no), waves (what is the same over
        waves: strict, scalar, metric, configural, or none). Missing where a question was not asked or could not be
        answered; the notes say why.
    """

    scales: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return alpha and omega in the columns of an estimate."""
        parts = []
        for kind in ("alpha", "omega"):
            part = self.scales[["scale", kind, f"{kind}_low", f"{kind}_high", "n"]]
            part = part.set_axis(["scale", "estimate", "ci_low", "ci_high", "n"], axis=1)
            parts.append(part.assign(term=f"{kind} of " + part["scale"], se=np.nan, p=np.nan))
        return pd.concat(parts, ignore_index=True)[list(ESTIMATE_COLUMNS)].astype({"term": "str"})

    def sentence(self) -> str:
        """Say for which scales what may be done."""
        names = self.scales.set_index("scale")
        reliable = names.index[names["alpha"] >= RELIABLE]
        said = [f"{len(reliable)} of {len(names)} scales are reliable (alpha of {RELIABLE:.2f} or more)"]
        if (names["teams"] != "").any():
            said.append(f"team means may be used for {_listed(names.index[names['teams'] == 'yes'])}")
        if (names["waves"] != "").any():
            said.append(f"means can be compared over waves for {_listed(names.index[names['waves'].isin(COMPARABLE)])}")
        return "; ".join(said) + "."


COMPARABLE = ("scalar", "strict")


def _listed(names: pd.Index) -> str:
    return and_others(list(names)) if len(names) else "none of them"


def page(
    wave: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    group: str | None = "team",
    by: str | None = "wave",
    person: str | None = None,
    options: int | Mapping[str, int] = 5,
    step: float | Mapping[str, float] = 1.0,
) -> Page:
    """Ask of every scale whether it is reliable, has one factor, means the same over waves, and tells teams apart.

    Reliability and structure rest on the first wave, so that no person counts twice.

    Parameters
    ----------
    wave : DataFrame
        One row per respondent and wave: keyed items, `group`, `by`, `person`.
    scales : mapping
        Items of each scale.
    group, by, person : str or None
        Columns of the team, the wave and the person; without them the question is not asked (without `person` waves are
        treated as different people).
    options, step : number or mapping
        Answer options and their distance, see `rwg`.

    Examples
    --------
    >>> page(wave, {"joy": ["q1", "q2", "q3", "q4"]}).sentence()  # doctest: +SKIP
    """
    asked = [column for column in (group, by, person) if column]
    absent = sorted({*asked, *(item for items in scales.values() for item in items)} - set(wave.columns))
    if absent:
        raise UsageError(f"page: found no column {and_others(absent)}; check group, by, person and the items")
    first = wave if by is None else wave[wave[by] == wave[by].dropna().sort_values().iloc[0]]
    rows, notes = [], []
    for name, items in scales.items():
        row = _of_scale(first[list(items)], name, notes)
        if group:
            row |= _teams(first, name, list(items), group, options, step, notes)
        if by and len(set(wave[by].dropna())) > 1 and len(items) > 2:
            row |= _waves(wave, name, list(items), by, person, notes)
        rows.append(row)
    return Page(n=len(wave), notes=tuple(notes), scales=pd.DataFrame(rows).astype({"scale": "str", "fit": "str"}))


def _of_scale(items: pd.DataFrame, name: str, notes: list[str]) -> dict[str, object]:
    """Reliability and fit of one factor; what cannot be answered stays missing, with a note."""
    row: dict[str, object] = {"scale": name, "n": int(items.notna().all(axis=1).sum()), "items": items.shape[1]}
    row |= {f"{kind}{end}": np.nan for kind in ("alpha", "omega") for end in ("", "_low", "_high")}
    row |= {"cfi": np.nan, "rmsea": np.nan, "fit": "", "teams": "", "waves": ""}
    for kind, function in (("alpha", alpha), ("omega", omega)):
        try:
            found = function(items, scale=name)
        except ModelError as error:
            notes.append(str(error))
            continue
        values = found.tidy().iloc[0]
        row |= {
            f"{kind}{end}": float(values[key])
            for end, key in (("", "estimate"), ("_low", "ci_low"), ("_high", "ci_high"))
        }
        notes += [f"{name}: {note}" for note in found.notes]
    if items.shape[1] > 3:
        try:
            fitted = factor(items, scale=name).sem
            row |= {"cfi": best(fitted.fit, "cfi"), "rmsea": best(fitted.fit, "rmsea"), "fit": fitted.quality}
        except ModelError as error:
            notes.append(str(error))
    return row


def _teams(
    first: pd.DataFrame,
    name: str,
    items: list[str],
    group: str,
    options: int | Mapping[str, int],
    step: float | Mapping[str, float],
    notes: list[str],
) -> dict[str, object]:
    try:
        found = aggregation(first, {name: items}, group=group, options=options, step=step)
    except ModelError as error:
        notes.append(str(error))
        return {}
    notes.append(f"{name}, team means {found.scales['verdict'].iloc[0]}: {found.scales['reason'].iloc[0]}")
    return {"teams": str(found.scales["verdict"].iloc[0])}


def _waves(
    wave: pd.DataFrame, name: str, items: list[str], by: str, person: str | None, notes: list[str]
) -> dict[str, object]:
    try:
        found = invariance(wave[items], wave[by], person=wave[person] if person else None, scale=name)
    except ModelError as error:
        notes.append(str(error))
        return {}
    notes.append(found.sentence())
    return {"waves": found.reached or "none"}
