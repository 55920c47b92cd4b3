"""Results survive the round trip through JSON, exactly."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from joyeval import result as module
from joyeval.errors import ModelError, UsageError
from joyeval.result import NoAnswer, Result, answered, read_result


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer(Result):
    table: pd.DataFrame
    weights: np.ndarray
    when: pd.Timestamp
    bounds: tuple[float, float]
    inner: Result | None = None

    def tidy(self):
        return self.table

    def sentence(self):
        return f"{self.n} answers."


@pytest.fixture
def answer(monkeypatch):
    monkeypatch.setattr(Answer, "__module__", "joyeval.result")
    monkeypatch.setattr(module, "Answer", Answer, raising=False)
    table = pd.DataFrame(
        {
            "term": ["a", None],
            "estimate": [0.1 + 0.2, np.nan],
            "n": pd.array([3, None], dtype="Int64"),
            "when": pd.to_datetime(["2024-01-02", None]),
            "shown": [True, False],
        }
    )
    return Answer(
        n=3, n_dropped=1, notes=("few",), table=table, weights=np.array([1.5, np.inf]), when=pd.Timestamp("2024-05-06"),
        bounds=(-math.inf, 2.0),
    )  # fmt: skip


def test_round_trip_is_exact(answer):
    back = Answer.from_json(answer.to_json())
    pd.testing.assert_frame_equal(back.table, answer.table, check_exact=True)
    np.testing.assert_array_equal(back.weights, answer.weights)
    assert (back.n, back.n_dropped, back.notes, back.when, back.bounds) == (3, 1, ("few",), answer.when, answer.bounds)
    assert back.to_json() == answer.to_json()


def test_a_result_inside_a_result_comes_back(answer):
    outer = Answer(n=1, table=answer.table, weights=answer.weights, when=answer.when, bounds=(0.0, 1.0), inner=answer)
    assert read_result(outer.to_json()).inner.sentence() == "3 answers."


def test_only_our_own_classes_are_loaded():
    with pytest.raises(TypeError, match="refused"):
        read_result('{"!result": "subprocess:Popen", "fields": {"args": "true"}}')


@pytest.mark.parametrize("change", [{"lately": 1}, {"question": None}])
def test_a_result_stored_by_another_version_says_so(change):
    stored = json.loads(NoAnswer(n=0, question="whether", reason="few").to_json())
    stored["fields"] = {k: v for k, v in (stored["fields"] | change).items() if v is not None}
    with pytest.raises(UsageError, match=r"NoAnswer.*another version.*--force"):
        read_result(json.dumps(stored))


def test_a_result_whose_class_is_gone_says_so():
    text = NoAnswer(n=0, question="whether", reason="few").to_json()
    with pytest.raises(UsageError, match=r"Gone.*another version"):
        read_result(text.replace(":NoAnswer", ":Gone"))


def test_what_cannot_be_answered_is_a_result_too():
    def ask(waves):
        raise ModelError(f"{waves} wave; needs two.")

    stored = read_result(answered("whether joy grew", ask, 1).to_json())
    assert stored.sentence() == "The data cannot say whether joy grew: 1 wave; needs two."
    assert stored.tidy().empty
