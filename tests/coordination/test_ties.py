"""Ties and their scores: the mean of seven dimensions, coding stated, nothing guessed."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.coordination import RC, from_wide, looks_scored, ties
from joyeval.errors import DataError, UsageError

ANSWERS = dict(zip(RC.dimensions, (5, 4, 4, 3, 2, 2, 1), strict=True))


def long(answers=ANSWERS, **changes):
    row = {"wave": "1", "process": "ward", "person": "a", "workgroup": "Nurses", "target": "Doctors", **changes}
    return pd.DataFrame([{**row, "dimension": d, "value": v} for d, v in answers.items()])


def test_index_is_the_mean_of_the_items_not_of_the_blocks():
    got = ties(long(), frequency="scored").iloc[0]
    assert (got.rc, got.com, got.rel, got.answered) == (pytest.approx(21 / 7), 4.0, pytest.approx(5 / 3), 7)


def test_published_composites_are_four_parts_communication_three_parts_relationship():
    """doi:10.1186/1472-6920-6-23, table 1: seven of eight composites to the printed digit, one within 0.011."""
    com = [3.57, 3.15, 4.26, 3.85, 2.74, 4.36, 3.97, 3.76]
    rel = [3.75, 2.75, 4.00, 3.53, 2.60, 4.37, 3.50, 3.52]
    printed = [3.65, 2.98, 4.16, 3.71, 2.68, 4.36, 3.77, 3.66]
    weights = (len(RC.communication), len(RC.relationship))
    got = [(weights[0] * c + weights[1] * r) / sum(weights) for c, r in zip(com, rel, strict=True)]
    assert [abs(g - p) < 0.0051 for g, p in zip(got, printed, strict=True)].count(True) == 7
    assert max(abs(g - p) for g, p in zip(got, printed, strict=True)) < 0.0115


def test_raw_frequency_is_recoded_and_an_unstated_coding_refused():
    assert ties(long(), frequency="raw").iloc[0].freq == 2
    with pytest.raises(DataError, match="frequency: scored"):
        ties(long())


def test_fewer_than_four_answers_give_no_score():
    few = {d: (v if d in ("freq", "time", "accu") else None) for d, v in ANSWERS.items()}
    got = ties(long(few), frequency="scored").iloc[0]
    assert got.answered == 3
    assert pd.isna(got.rc)
    assert pd.isna(got.com)


def test_no_contact_is_kept_apart_from_missing():
    table = long({**ANSWERS, **dict.fromkeys(RC.dimensions)}).assign(no_contact=True)
    got = ties(table, frequency="scored").iloc[0]
    assert (got.no_contact, got.answered) == (True, 0)


def test_every_problem_is_listed_without_the_answers():
    bad = pd.concat([long({**ANSWERS, "time": 6, "goal": 0}), long({"mood": 3}), long({"resp": 1})])
    with pytest.raises(DataError) as caught:
        ties(bad, frequency="scored")
    assert [p.rule for p in caught.value.problems] == ["dimension", "range", "range", "twice"]


def test_wide_layout_becomes_one_row_per_target():
    row = {"wave": "1", "process": "ward", "person": "a", "workgroup": "Nurses"}
    row |= {f"{d}__{t}": v for t in ("doc", "pha") for d, v in ANSWERS.items()}
    got = from_wide(pd.DataFrame([row]), targets={"doc": "Doctors", "pha": "Pharmacy"})
    assert list(got["target"]) == ["Doctors", "Pharmacy"]
    with pytest.raises(UsageError, match="freq__hca"):
        from_wide(pd.DataFrame([row]), targets=["hca"])


def test_the_hint_on_coding():
    assert looks_scored(pd.Series([1] * 273 + [3] * 364 + [4] * 3 + [5] * 85)) == "looks scored"
    assert looks_scored(pd.Series([2, 3, 3, 4, 2, 3, 5, 4])) == "looks raw"
    assert looks_scored(pd.Series([None, None])) == "no answers to judge by"
