"""The registry: what ships, what does not, what is told of it, and instruments of one's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import joyeval as je
from joyeval import instruments
from joyeval.errors import DataError, StudyError, UsageError
from joyeval.instruments import load, names, score

OWN = """
id: own
title: Own scale
about: Two items.
source: nobody
licence: {terms: ours, wording: ships, commercial: free}
responses:
  agree: {codes: [1, 5]}
items:
  own_1: {topic: first, responses: agree}
  own_2: {topic: second, responses: agree, reverse: true}
scales:
  own: {title: Own, items: [own_1, own_2], answered: 1, rule: ours, better: higher}
"""


def own(tmp_path, text: str):
    path = tmp_path / "own.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_registry_is_called_and_imported_by_one_name():
    listing = je.instruments()
    assert set(listing["instrument"]) == set(names())
    assert je.instruments.load is load
    assert je.score is score


@pytest.mark.parametrize("name", names())
def test_every_instrument_can_be_explained(name):
    text = instruments.explain(name)
    assert load(name).title in text
    assert text.count("[unverified]") >= len(load(name).unverified)


def test_words_are_held_only_where_the_licence_lets_them():
    for name in names():
        instrument = load(name)
        if instrument.licence.wording == "keys only":
            assert all(item.text is None for item in instrument.items.values()), name


@pytest.mark.parametrize(
    "name", ["mbi_hss", "ambi", "rc", "nss", "nqps", "saq", "sops", "olbi", "uwes9", "uwes3", "pfi"]
)
def test_licensed_questionnaires_are_keys_only(name):
    assert load(name).licence.wording == "keys only"


def test_every_scale_that_a_component_names_exists_once_per_owner():
    table = instruments.components()
    assert table["component"].nunique() == 9
    assert not table.duplicated(["component", "scale", "instrument"]).any()


def test_an_unknown_instrument_is_told_with_those_there_are():
    with pytest.raises(UsageError, match="who5"):
        load("whoo5")


def test_an_instrument_of_ones_own(tmp_path):
    wave = pd.DataFrame({"own_1": [5, None], "own_2": [1, None]})
    assert score(wave, own(tmp_path, OWN))["own"].tolist()[0] == 5


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("answered: 1", "answered: 3", "scales.own"),
        ("items: [own_1, own_2]", "items: [own_1, own_9]", ""),
        ("better: higher", "better: up", "scales.own.better"),
        ("title: Own scale\n", "", "title"),
        ("id: own", "id: other", "id"),
    ],
)
def test_a_faulty_instrument_is_told_with_its_line(tmp_path, old, new, key):
    with pytest.raises(StudyError) as caught:
        load(own(tmp_path, OWN.replace(old, new)))
    assert caught.value.problems[0].column == key


def test_codes_that_the_instrument_does_not_have_are_refused():
    with pytest.raises(DataError) as caught:
        score(pd.DataFrame({"who5_1": [3, 9], "who5_2": [1.5, 2]}), "who5")
    assert [problem.column for problem in caught.value.problems] == ["who5_1", "who5_2"]


def test_a_wave_without_items_is_refused():
    with pytest.raises(UsageError, match="who5_1"):
        score(pd.DataFrame({"x": [1]}), "who5")


def test_an_unknown_coding_is_refused():
    with pytest.raises(UsageError, match="agree_is_4"):
        score(pd.DataFrame({"olbi_1": [1]}), "olbi", coding="other")


def test_an_item_that_was_not_asked_counts_as_not_answered():
    scored = score(pd.DataFrame({f"cbi_{i}": [5] for i in range(2, 7)}), "cbi")
    assert (scored["cbi_personal"].item(), scored["cbi_personal_answered"].item()) == (100, 5)


def test_scores_keep_the_index_and_the_other_columns():
    wave = pd.DataFrame({"team": ["a", "b"], "enps_answer": [10, 0]}, index=[7, 3])
    scored = score(wave, "enps")
    assert scored.index.tolist() == [7, 3]
    assert scored.columns.tolist() == ["team", "enps_answer", "enps", "enps_answered"]
    assert "enps" not in wave


def test_polars_in_polars_out():
    scored = score(pl.DataFrame({"enps_answer": [10, None]}), "enps")
    assert scored["enps"].to_list() == [100, None]


half = st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=6, max_size=6)


@settings(deadline=None)
@given(st.lists(half, min_size=1, max_size=20))
def test_half_rule_mean_of_what_was_answered(rows):
    wave = pd.DataFrame(rows, columns=[f"cbi_{i}" for i in range(1, 7)], dtype="float")
    scored = score(wave, "cbi")
    for (_, codes), (_, got) in zip(wave.iterrows(), scored.iterrows(), strict=True):
        answered = codes.dropna()
        assert got["cbi_personal_answered"] == len(answered)
        if len(answered) < 3:
            assert np.isnan(got["cbi_personal"])
        else:
            assert got["cbi_personal"] == pytest.approx((answered.mean() - 1) * 25)


@settings(deadline=None)
@given(st.sampled_from(names()), st.randoms(use_true_random=False))
def test_scores_stay_within_their_range(name, random):
    instrument = load(name)
    codes = {item: [random.choice(sorted(instrument.responses_of(item).scored))] for item in instrument.items}
    scored = score(pd.DataFrame(codes), name)
    for scale, (low, high) in instrument.ranges.items():
        assert low - 1e-9 <= scored[scale].item() <= high + 1e-9
