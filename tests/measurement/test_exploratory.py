"""Exploring factors: parallel analysis finds how many, and the notes say what is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError
from joyeval.measurement import Exploratory, explore, omega


def answers(n: int = 400, factors: int = 2, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pattern = np.kron(np.eye(factors), np.full((1, 4), 0.7))
    x = rng.normal(size=(n, factors)) @ pattern + rng.normal(0, 0.7, size=(n, 4 * factors))
    return pd.DataFrame(x, columns=[f"q{i + 1}" for i in range(4 * factors)])


@pytest.mark.parametrize("factors", [1, 2, 3])
def test_parallel_analysis_finds_how_many(factors):
    got = explore(answers(factors=factors))
    assert got.suggested == got.factors == factors
    assert f"suggests {factors} factor" in got.sentence()


def test_items_go_to_their_factor():
    got = explore(answers())
    own = got.loadings.set_index("item")[["F1", "F2"]].abs().idxmax(axis=1)
    assert len(set(own[["q1", "q2", "q3", "q4"]])) == len(set(own[["q5", "q6", "q7", "q8"]])) == 1
    assert set(own) == {"F1", "F2"}
    assert got.tidy().query("term == 'F1 =~ q1'")["n"].iloc[0] == 400


def test_what_is_wrong_is_noted():
    noise = pd.DataFrame(np.random.default_rng(2).normal(size=(200, 4)), columns=list("abcd"))
    notes = " ".join(explore(noise).notes)
    assert "no eigenvalue exceeds chance" in notes
    assert any("not determined" in note for note in explore(answers().iloc[:, :5], 3).notes)


@pytest.mark.parametrize(
    ("items", "found"),
    [
        (answers()[["q1", "q2"]], "400 complete responses to 2 items"),
        (answers(n=6), "6 complete responses to 8 items"),
        (answers().assign(q3=1.0), "q3 does not vary"),
    ],
)
def test_data_that_cannot_answer_are_refused_with_scale_and_n(items, found):
    with pytest.raises(ModelError, match="factor analysis of joy") as error:
        explore(items, scale="joy")
    assert found in str(error.value)


def test_omega_with_a_general_factor_lies_below_the_total_and_has_limits():
    rng = np.random.default_rng(5)
    items = answers(factors=3) + rng.normal(0, 0.5, size=(400, 1))
    got = omega(items, factors=3, draws=50)
    rows = got.tidy().set_index("term")
    assert rows.loc["omega_h", "estimate"] < rows.loc["omega_total", "estimate"]
    assert (rows["ci_low"] < rows["estimate"]).all()
    assert (rows["estimate"] < rows["ci_high"]).all()
    assert got.sentence().startswith("Omega total of the scale was")
    assert list(got.loadings) == ["item", "general", "uniqueness", "F1", "F2", "F3"]


def test_result_survives_json():
    got = explore(answers(), method="ml", rotation="varimax")
    back = Exploratory.from_json(got.to_json())
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    assert back.fit == got.fit
