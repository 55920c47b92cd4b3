"""Items that run the other way, and items that nobody answered, are told by every call that takes items."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import joyeval as je
from joyeval import measurement
from joyeval.errors import ModelError
from joyeval.instruments.keying import run_against

rng = np.random.default_rng(11)
ITEMS = pd.DataFrame(rng.normal(size=(150, 1)) + rng.normal(size=(150, 5)), columns=[f"q{i}" for i in range(1, 6)])
TURNED = ITEMS.assign(q2=-ITEMS["q2"])
TEAM = pd.Series(np.arange(150) % 10, name="team")
CALLS = {
    "alpha": measurement.alpha,
    "ordinal alpha": lambda items: measurement.alpha(_ordered(items), ordinal=True),
    "omega": measurement.omega,
    "factor": measurement.factor,
    "ordered factor": lambda items: measurement.factor(_ordered(items), estimator="WLSMV"),
    "explore": measurement.explore,
    "invariance": lambda items: measurement.invariance(items, TEAM % 2),
    "multilevel": lambda items: measurement.multilevel_reliability(items, TEAM),
    "rwg": lambda items: measurement.rwg(_ordered(items), TEAM, options=5),
}


def _ordered(items: pd.DataFrame) -> pd.DataFrame:
    return items.apply(lambda column: pd.cut(column, [-9, -1.2, -0.4, 0.4, 1.2, 9], labels=False) + 1.0)


@pytest.mark.parametrize("call", CALLS)
def test_an_item_that_was_not_reversed_is_named(call):
    told = [note for note in CALLS[call](TURNED).notes if "run the other way" in note]
    assert told
    assert told[0].endswith(": q2")


@pytest.mark.parametrize("call", CALLS)
def test_items_that_go_together_are_not(call):
    assert not any("run the other way" in note for note in CALLS[call](ITEMS).notes)


def test_a_weak_item_is_not_taken_for_a_turned_one():
    """Of 400 scales of 60 people with one item of pure chance, about 1 in 100 names it."""
    draw, named = np.random.default_rng(12), 0
    for _ in range(400):
        x = np.column_stack([draw.normal(size=(60, 1)) + draw.normal(size=(60, 4)), draw.normal(size=60)])
        named += run_against(np.corrcoef(x.T), 60).any()
    assert named / 400 < 0.03


@pytest.mark.parametrize("call", ["alpha", "omega", "factor", "explore", "invariance", "multilevel"])
def test_an_item_that_nobody_answered_is_named(call):
    with pytest.raises(ModelError, match="answered q9; leave it out"):
        CALLS[call](ITEMS.assign(q9=np.nan))


@pytest.mark.parametrize("call", [measurement.alpha, measurement.omega])
def test_an_item_that_nobody_in_one_wave_answered_is_named(call):
    wave = pd.Series(np.arange(150) % 2 + 1, name="wave")
    found = call(ITEMS.assign(q3=ITEMS["q3"].where(wave == 1)), by=wave)
    assert "items that nobody answered: q3 in 2" in found.notes


def test_scoring_warns_of_items_that_an_export_had_already_turned():
    """Utrecht work engagement has no reversed items; one column is turned here."""
    level = np.random.default_rng(3).normal(size=(200, 1))
    codes = np.clip(np.round(3 + level + np.random.default_rng(4).normal(size=(200, 5)) * 0.7), 0, 5).astype(int)
    wave = pd.DataFrame(codes, columns=[f"who5_{i}" for i in range(1, 6)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        je.score(wave, "who5")
    with pytest.warns(UserWarning, match="who5: who5_4 run the other way"):
        je.score(wave.assign(who5_4=5 - wave["who5_4"]), "who5")
