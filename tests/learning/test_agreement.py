"""Agreement of coders against published worked examples, and against what it must be by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.errors import ModelError, UsageError
from joyeval.learning import agreement
from tests.conftest import reference


def long(matrix: list[list[object]]) -> pd.DataFrame:
    """One row per coder, one column per unit, to one row per judgement."""
    table = pd.DataFrame(matrix)
    return table.rename_axis("coder").reset_index().melt(id_vars="coder", var_name="unit", value_name="value")


def estimates(data: pd.DataFrame, level: str = "nominal") -> dict[str, float]:
    table = agreement(data, unit="unit", coder="coder", value="value", level=level, draws=0).tidy()
    return dict(zip(table["term"], table["estimate"], strict=True))


_ = None
# Krippendorff (2011), part C and D: four observers, twelve units, missing judgements.
FOUR_BY_TWELVE = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
# Krippendorff (2011), part A (binary, two observers) and part B (nominal, two observers).
BINARY = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
NOMINAL = [list("aabbdcccedda"), list("babbbccceddd")]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("nominal", 113 / 152), ("ordinal", 0.8153875038), ("interval", 0.8491071429), ("ratio", 0.7974027747)],
)
def test_alpha_of_the_worked_example_with_missing_judgements(level, expected):
    assert estimates(long(FOUR_BY_TWELVE).astype({"value": float}), level)["alpha"] == pytest.approx(expected, abs=1e-9)


def test_alpha_of_two_observers():
    assert estimates(long(BINARY))["alpha"] == pytest.approx(0.0952380952, abs=1e-9)
    assert estimates(long(NOMINAL))["alpha"] == pytest.approx(0.6919643, abs=1e-7)


def test_gwets_ac1_and_percent_agreement_with_missing_judgements():
    """irrCAC, its documented example: AC1 .77544, percent agreement .8181818."""
    found = estimates(long(FOUR_BY_TWELVE))
    assert found["AC1"] == pytest.approx(0.77544, abs=5e-6)
    assert found["percent agreement"] == pytest.approx(0.8181818, abs=1e-7)
    assert "kappa" not in found, "Cohen's kappa is of two coders"


def expand(table: np.ndarray) -> pd.DataFrame:
    """A table of two coders' categories to judgements."""
    a, b = np.indices(table.shape)
    first, second = np.repeat(a.ravel(), table.ravel()), np.repeat(b.ravel(), table.ravel())
    return long([first.tolist(), second.tolist()])


def test_kappa_of_the_abstractors():
    """Two abstractors, three categories, 100 records (Gwet): kappa .7964094, AC1 .8493305, alpha .7972585."""
    table = pd.read_csv(reference("data", "learning", "agreement_oracles", "abstractors_3x3.csv"), header=None)
    found = estimates(expand(table.to_numpy()))
    assert found["kappa"] == pytest.approx(0.7964094, abs=1e-7)
    assert found["AC1"] == pytest.approx(0.8493305, abs=1e-7)
    assert found["alpha"] == pytest.approx(0.7972585, abs=1e-7)
    assert found["percent agreement"] == pytest.approx(0.89)


def test_six_psychiatrists():
    """Fleiss's psychiatrists as counts of six raters: AC1 .4448007, alpha .4204384."""
    counts = pd.read_csv(reference("data", "learning", "agreement_oracles", "raters_6x15.csv"), header=None).to_numpy()
    rows = [np.repeat(np.arange(counts.shape[1]), unit) for unit in counts]
    found = estimates(long(np.array(rows).T.tolist()))
    assert found["AC1"] == pytest.approx(0.4448007, abs=1e-7)
    assert found["alpha"] == pytest.approx(0.4204384, abs=1e-7)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=40))
def test_order_of_units_and_names_of_coders_change_nothing(pairs):
    data = long([[a for a, _ in pairs], [b for _, b in pairs]])
    turned = data.sample(frac=1, random_state=1).replace({"coder": {0: 7, 1: 3}})
    assert estimates(data) == pytest.approx(estimates(turned), nan_ok=True)


def test_those_who_judge_alike_agree_wholly():
    same = long([[0, 1, 1, 0, 1], [0, 1, 1, 0, 1]])
    assert set(estimates(same).values()) == {1.0}


def test_coders_who_never_saw_a_code_have_no_alpha():
    """Nobody saw it: agreement beyond chance is not defined, though they agree in every unit."""
    found = estimates(long([[0, 0, 0], [0, 0, 0]]))
    assert np.isnan(found["alpha"])
    assert found["percent agreement"] == 1


def test_intervals_need_eight_sources_and_resample_whole_sources():
    rng = np.random.default_rng(3)
    seen = rng.integers(0, 2, 60)
    other = np.where(rng.random(60) < 0.9, seen, 1 - seen)
    data = long([seen.tolist(), other.tolist()])
    many = agreement(data.assign(talk=data["unit"] // 5), unit="unit", coder="coder", value="value", source="talk")
    assert (many.sources, many.draws) == (12, 1000)
    alpha = many.tidy().iloc[0]
    assert alpha["ci_low"] < alpha["estimate"] < alpha["ci_high"]
    few = agreement(data.assign(talk=data["unit"] // 10), unit="unit", coder="coder", value="value", source="talk")
    assert few.tidy()["ci_low"].isna().all()
    assert "6 sources are too few" in few.notes[0]
    assert few.verdicts["verdict"].tolist() == ["cannot be told"]


def test_codes_are_judged_one_by_one():
    """A code that is agreed on and one that is not are never pooled into one number."""
    good = long([[0, 1] * 20, [0, 1] * 20]).assign(code="breaks")
    poor = long([[0, 1] * 20, [0, 0, 1, 1] * 10]).assign(code="system")
    found = agreement(pd.concat([good, poor]), unit="unit", coder="coder", value="value", by="code")
    assert found.verdicts["verdict"].tolist() == ["enough", "too little"]
    assert found.sentence() == "Coders agreed well enough to rely on in 1 of 2 codes; too little in 1."


def test_bad_input_is_answered_in_words():
    data = long(BINARY)
    call = {"unit": "unit", "coder": "coder", "value": "value"}
    with pytest.raises(UsageError, match="no column rater; the table has coder, unit, value"):
        agreement(data, **{**call, "coder": "rater"})
    with pytest.raises(UsageError, match="level='rank'"):
        agreement(data, **call, level="rank")
    with pytest.raises(UsageError, match="2 judgements of a unit by a coder who had judged it already"):
        agreement(pd.concat([data, data.head(2)]), **call)
    with pytest.raises(UsageError, match="needs numbers"):
        agreement(long(NOMINAL), **call, level="ordinal")
    with pytest.raises(ModelError, match="needs two coders on the same units"):
        agreement(data[data["coder"] == 0], **call)


def test_a_result_comes_back_from_its_stored_text():
    found = agreement(long(FOUR_BY_TWELVE), unit="unit", coder="coder", value="value")
    again = type(found).from_json(found.to_json())
    pd.testing.assert_frame_equal(again.estimates, found.estimates)
    assert again.sentence() == found.sentence()
