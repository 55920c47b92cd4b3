"""Pseudonyms are keyed, stable over spellings and over the order of rows, and made of what people wrote."""

from __future__ import annotations

import hashlib
import hmac

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.intake import WaveFile, clean
from joyeval.intake.pseudonyms import distinct, pseudonyms

KEY = hashlib.sha256(b"a key for tests").digest()


def test_a_pseudonym_is_hmac_sha256_of_the_normalised_text():
    expected = hmac.new(bytes(32), b"person\0ab12", hashlib.sha256).hexdigest()[:32]
    assert pseudonyms(["AB12", " ab12\u00a0", "\uff21B12", None], bytes(32), purpose="person") == [expected] * 3 + [
        None
    ]


def test_study_and_cohort_stand_inside_the_hash():
    expected = hmac.new(KEY, b"person\0trust\x003\0ab12", hashlib.sha256).hexdigest()[:32]
    assert pseudonyms(["ab12"], KEY, purpose="person", within=("trust", "3")) == [expected]


def test_other_keys_purposes_studies_and_cohorts_give_other_pseudonyms():
    made = {*pseudonyms(["x"], bytes(32), purpose="person"), *pseudonyms(["x"], bytes(32), purpose="value")}
    made |= {*pseudonyms(["x"], b"1" * 32, purpose="person")}
    for within in (("a", "1"), ("a", "2"), ("b", "1")):
        made |= {*pseudonyms(["x"], bytes(32), purpose="person", within=within)}
    assert len(made) == 6


def test_people_who_wrote_the_same_have_names_of_their_own():
    made = distinct(["x", "X ", "y", "x"], KEY, purpose="person")
    assert len(set(made)) == 4
    assert made[0] == pseudonyms(["x"], KEY, purpose="person")[0]


ITEMS = [f"cbi_{i}" for i in range(1, 20)]


def survey(path, people, *, code, shuffled=0):
    """One row per person; `people` is the seed of each, so that the same number answers the same."""
    rows = []
    for person in people:
        answers = hashlib.sha256(str(person).encode()).digest()
        row = {"Team": "AB"[person % 2], "Role": "nurse"} | {item: 1 + answers[i] % 5 for i, item in enumerate(ITEMS)}
        rows.append(({"Code": f"code {person}"} if code else {}) | row)
    frame = pl.DataFrame(rows)
    frame = frame.sample(fraction=1, shuffle=True, seed=shuffled) if shuffled else frame
    frame.write_csv(path)
    return path


def persons(path, *, code, wave="spring", **more):
    columns = {"team": "Team", "role": "Role"} | {item: item for item in ITEMS} | ({"person": "Code"} if code else {})
    file = WaveFile(path=path, wave=wave, instruments=("cbi",), columns=columns)
    table = clean([file], key=KEY, **{"cohort": "1", "study": "s"} | more).tables["wave_cbi"]
    return {tuple(row[4:]): row[0] for row in table.select("person", "team", "role", "wave", *ITEMS).rows()}


@pytest.mark.parametrize("code", [True, False])
def test_a_sorted_export_under_another_name_gives_nobody_the_pseudonym_of_another(tmp_path, code):
    """Made from file name and row, 113 of 140 recurred on other people."""
    people = range(140)
    first = persons(survey(tmp_path / "a.csv", people, code=code), code=code)
    second = persons(survey(tmp_path / "b.csv", people, code=code, shuffled=7), code=code)
    assert len(set(first.values())) == 140
    assert second == first
    with_late = persons(survey(tmp_path / "c.csv", [999, *people], code=code), code=code)
    assert {answers: name for answers, name in with_late.items() if answers in first} == first


@pytest.mark.parametrize("code", [True, False])
def test_another_study_and_another_cohort_have_other_pseudonyms(tmp_path, code):
    path = survey(tmp_path / "a.csv", range(30), code=code)
    made = [persons(path, code=code, **more) for more in ({}, {"study": "t"}, {"cohort": "2"})]
    assert len({name for one in made for name in one.values()}) == 90


def test_anonymous_people_who_answered_alike_stay_apart(tmp_path):
    path = survey(tmp_path / "a.csv", [4, 4, 4, 6], code=False)
    columns = {"team": "Team", "role": "Role"} | {item: item for item in ITEMS}
    file = WaveFile(path=path, wave="spring", instruments=("cbi",), columns=columns)
    assert clean([file], cohort="1", key=KEY).tables["wave_cbi"]["person"].n_unique() == 4


@given(st.lists(st.sampled_from(["x", "X", "y", " y", "z"]), max_size=12))
def test_every_person_has_a_name_of_their_own(texts):
    assert len(set(distinct(texts, KEY, purpose="person"))) == len(texts)
