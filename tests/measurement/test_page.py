"""One page on a questionnaire answers what can be answered and says what cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import UsageError
from joyeval.measurement import Page, alpha, page

SCALES = {"joy": ["q1", "q2", "q3", "q4"], "short": ["s1", "s2"], "single": ["x1"]}


@pytest.fixture(scope="module")
def waves() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    people, parts = 240, []
    team = np.arange(people) % 20
    lasting = rng.normal(size=people) + rng.normal(0, 0.8, 20)[team]
    for wave in (1, 2):
        joy = lasting + rng.normal(0, 0.4, people) + 0.2 * (wave == 2)
        items = {
            name: np.clip(np.round(3 + joy + rng.normal(0, 0.7, people)), 1, 5) for name in ("q1", "q2", "q3", "q4")
        }
        items |= {name: np.clip(np.round(3 + joy + rng.normal(0, 1, people)), 1, 5) for name in ("s1", "s2", "x1")}
        parts.append(pd.DataFrame({"person": range(people), "team": team, "wave": wave, **items}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def found(waves) -> Page:
    return page(waves, SCALES, person="person")


def test_page_answers_every_question_of_a_full_scale(found, waves):
    row = found.scales.set_index("scale").loc["joy"]
    first = waves[waves["wave"] == 1]
    assert row["alpha"] == pytest.approx(alpha(first[SCALES["joy"]]).estimate)
    assert row["omega_low"] < row["omega"] < row["omega_high"]
    assert (row["fit"], row["teams"]) == ("good", "yes")
    assert row["waves"] in ("scalar", "strict")


def test_page_leaves_open_what_cannot_be_answered_and_says_why(found):
    rows = found.scales.set_index("scale")
    assert np.isnan(rows.loc["single", "alpha"])
    assert np.isnan(rows.loc["short", "cfi"])
    assert rows.loc["short", "waves"] == ""
    assert any("alpha of single: found 1 item" in note for note in found.notes)


def test_page_speaks_in_one_sentence(found):
    said = found.sentence()
    assert said.startswith("1 of 3 scales are reliable (alpha of 0.70 or more); team means may be used for joy")
    assert said.endswith("means can be compared over waves for joy.")
    assert Page.from_json(found.to_json()).sentence() == said


def test_questions_without_a_column_are_not_asked(waves):
    got = page(waves, {"joy": SCALES["joy"]}, group=None, by=None)
    assert got.sentence() == "1 of 1 scales are reliable (alpha of 0.70 or more)."
    with pytest.raises(UsageError, match="found no column q9"):
        page(waves, {"joy": ["q1", "q9"]})
