"""Every value that R printed for public multilevel data is reproduced to its last digit."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from joyeval.measurement import alpha, icc, rwg
from joyeval.models import mixed
from tests.conftest import reference

if TYPE_CHECKING:
    from collections.abc import Callable

# The example of R multilevel's help pages: 11 raters of two units, as Bliese's introduction prints it.
COHESION = pd.DataFrame(
    [
        ("1044B", 4, 5, 5, 5, 5),
        ("1044B", 3, np.nan, 5, 5, 5),
        ("1044B", 2, 3, 3, 3, 3),
        ("1044B", 3, 4, 3, 4, 4),
        ("1044B", 4, 4, 3, 4, 4),
        ("1044B", 3, 3, 2, 2, 1),
        ("1044C", 3, 3, 3, 3, 3),
        ("1044C", 3, 1, 4, 3, 4),
        ("1044C", 3, 3, 3, 3, 3),
        ("1044C", 2, 2, 2, 3, 2),
        ("1044C", 1, 1, 1, 3, 3),
    ],
    columns=["UNIT", "COH01", "COH02", "COH03", "COH04", "COH05"],
)
LEAD = [f"LEAD{i:02d}" for i in range(1, 12)]


@cache
def data(name: str) -> pd.DataFrame:
    return pd.read_csv(reference("data", "multilevel", f"{name}.csv"))


def within(name: str, group: str, scale: str, kind: int, method: str = "anova") -> float:
    table = icc(data(name)[scale], data(name)[group], method=method).tidy().set_index("term")
    return float(table.loc[f"ICC({kind})", "estimate"])


def agreement(column: str, unit: str) -> float:
    complete = COHESION.dropna()
    rows = rwg(complete.filter(like="COH"), complete["UNIT"], low=1).groups.set_index("UNIT")
    return float(rows.loc[unit, column])


def summary(items: list[str] | str, term: str, what: str) -> float:
    rows = rwg(data("lq2002")[items], data("lq2002")["COMPID"]).summary.set_index("term")
    return float(rows.loc[term, what])


@cache
def nurses():
    rows = data("hox_Nurses").assign(ward=lambda d: d["wardid"].astype(int))
    return mixed("stress ~ 1", rows, groups=["hospital", "ward"], reml=False)


def variance(group: str) -> float:
    rows = nurses().variances
    return float(rows.loc[rows["group"] == group, "estimate"].iloc[0]) ** 2  # the table holds standard deviations


def agreeableness() -> float:
    items = data("bfi")[["A1", "A2", "A3", "A4", "A5"]]
    return alpha(items.assign(A1=7 - items["A1"]), missing="pairwise").estimate


def people(*columns: str) -> pd.DataFrame:
    return data("univbct").drop_duplicates("SUBNUM")[list(columns)]


def iccs(name: str, group: str, scales: list[str], prefix: str = "", method: str = "anova") -> dict:
    return {
        (name, f"{prefix}ICC{kind}({scale})" if not prefix else f"{prefix}ICC{kind} {scale}"): partial(
            within, name, group, scale, kind, method
        )
        for scale in scales
        for kind in (1, 2)
    }


OURS: dict[tuple[str, str], Callable[[], float]] = {
    **iccs("bh1996", "GRP", ["HRS", "COHES", "LEAD", "WBEING"]),
    **iccs("bh1996", "GRP", ["HRS", "COHES", "LEAD"], prefix="REML ", method="reml"),
    **iccs("lq2002", "COMPID", ["LEAD", "TSIG", "HOSTILE"]),
    **iccs("klein2000", "GRPID", ["COHES", "JOBSAT"]),
    ("bh1996", "n groups"): lambda: icc(data("bh1996")["HRS"], data("bh1996")["GRP"]).tidy()["groups"].iloc[0],
    ("lq2002", "n companies"): lambda: summary(LEAD, "rwg", "groups"),
    ("lq2002", "mean rwg(j) LEAD01-LEAD11 uniform null ranvar=2"): lambda: summary(LEAD, "rwg", "mean"),
    ("lq2002", "median rwg(j) LEAD01-LEAD11"): lambda: summary(LEAD, "rwg", "median"),
    ("lq2002", "mean r*wg(j) Lindell LEAD01-LEAD11"): lambda: summary(LEAD, "r_star", "mean"),
    ("lq2002", "mean rwg(LEAD) ranvar=2"): lambda: summary("LEAD", "rwg", "mean"),
    ("lq2002", "Cronbach alpha LEAD01-LEAD11 (raw)"): lambda: alpha(data("lq2002")[LEAD]).estimate,
    **{("cohesion", f"rwg(j) unit {unit}"): partial(agreement, "rwg", unit) for unit in ("1044B", "1044C")},
    **{("cohesion", f"awg unit {unit}"): partial(agreement, "awg", unit) for unit in ("1044B", "1044C")},
    **{("cohesion", f"AD(M) unit {unit}"): partial(agreement, "ad", unit) for unit in ("1044B", "1044C")},
    ("univbct", "n subjects"): lambda: len(people("SUBNUM")),
    ("univbct", "cor JOBSAT1,JOBSAT2"): lambda: people("JOBSAT1", "JOBSAT2").corr().iloc[0, 1],
    ("univbct", "n JOBSAT1&2&3 complete"): lambda: len(people("JOBSAT1", "JOBSAT2", "JOBSAT3").dropna()),
    ("hox_Nurses", "ML variance hospital:ward"): lambda: variance("ward"),
    ("hox_Nurses", "ML variance hospital"): lambda: variance("hospital"),
    ("hox_Nurses", "ML variance Residual"): lambda: variance("Residual"),
    ("hox_Nurses", "ML intercept"): lambda: nurses().terms["estimate"].iloc[0],
    ("hox_Nurses", "deviance"): lambda: -2 * nurses().loglik,
    ("psych::bfi", "alpha Agreeableness A1(reversed)..A5"): agreeableness,
}


@pytest.mark.parametrize(("dataset", "statistic"), list(OURS), ids=[" ".join(key) for key in OURS])
def test_printed_value_is_reproduced(dataset, statistic):
    """Half a unit of the last printed digit, and for REML 1e-6 relative: R's nlme stops at its own tolerance."""
    table = pd.read_csv(reference("data", "multilevel", "reference_values_R.csv"), dtype=str)
    row = table[(table["dataset"] == dataset) & (table["statistic"] == statistic)].iloc[0]
    half = 0.5 * 10.0 ** -len(row["value"].partition(".")[2])
    rel = 1e-6 if "ML" in statistic or dataset == "hox_Nurses" else 0
    assert float(OURS[dataset, statistic]()) == pytest.approx(float(row["value"]), rel=rel, abs=half * 1.01)


def test_every_printed_value_has_a_test():
    table = pd.read_csv(reference("data", "multilevel", "reference_values_R.csv"), dtype=str)
    assert set(zip(table["dataset"], table["statistic"], strict=True)) == set(OURS)
