"""The calls of measurement exist under their names, give results that speak and last, and their examples are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pandas as pd
import pytest

from joyeval import measurement
from joyeval.result import Result

RNG = np.random.default_rng(4)
TEAM = pd.Series(np.arange(240) % 20, name="team")
LEVEL = RNG.normal(size=240) + RNG.normal(size=20)[TEAM]
ITEMS = pd.DataFrame(
    np.clip(np.round(3 + 0.7 * LEVEL[:, None] + RNG.normal(0, 0.6, (240, 4))), 1, 5), columns=["q1", "q2", "q3", "q4"]
).mask(np.arange(960).reshape(240, 4) % 97 == 0)
WAVE = pd.Series(np.repeat([1, 2], 120), name="wave")
MODEL = "joy =~ q1 + q2 + q3 + q4"
CALLS = {
    "alpha": lambda: measurement.alpha(ITEMS),
    "omega": lambda: measurement.omega(ITEMS),
    "icc": lambda: measurement.icc(ITEMS, TEAM),
    "rwg": lambda: measurement.rwg(ITEMS, TEAM, options=5),
    "factor": lambda: measurement.factor(ITEMS, MODEL),
    "invariance": lambda: measurement.invariance(ITEMS, WAVE, MODEL),
}


@pytest.mark.parametrize("call", list(CALLS))
def test_call_gives_a_result_that_counts_speaks_and_lasts(call):
    got = CALLS[call]()
    assert isinstance(got, Result)
    assert 0 < got.n <= 240
    assert got.n + got.n_dropped == 240
    assert isinstance(got.notes, tuple)
    assert len(got.tidy())
    assert got.sentence().endswith(".")
    back = type(got).from_json(got.to_json())
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    assert (back.n, back.n_dropped, back.notes, back.sentence()) == (got.n, got.n_dropped, got.notes, got.sentence())


@pytest.mark.parametrize("call", ["alpha", "omega", "icc", "factor"])
def test_estimates_use_the_columns_of_the_contract(call):
    columns = {"term", "estimate", "se", "ci_low", "ci_high", "p", "n"}
    assert columns <= set(CALLS[call]().tidy())


@pytest.mark.parametrize("name", [f"joyeval.measurement.{m.name}" for m in pkgutil.iter_modules(measurement.__path__)])
def test_examples_of_docstrings_are_right(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module, extraglobs={"np": np, "pd": pd}):
        assert runner.run(test).failed == 0, test.name
