"""People over waves: exact first, then one slip, only where it is unique both ways, never over a whole trust."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.intake.linking import chance_of_agreement, link_people

CODE = ["day", "month", "mother", "siblings"]


def answers(*rows):
    table = pd.DataFrame(rows, columns=["wave", "team", "code"])
    return table.join(pd.DataFrame([list(c) for c in table["code"]], columns=CODE).replace("?", None))


def linked(table, **options):
    person, found = link_people(table, code=CODE, waves=["1", "2"], **options)
    return person.tolist(), found.counts.set_index("wave").loc["2"]


def test_the_same_code_is_the_same_person():
    person, counts = linked(answers(("1", "A", "abcd"), ("1", "A", "efgh"), ("2", "A", "efgh")))
    assert person == [0, 1, 1]
    assert (counts.exact, counts.tolerant, counts.new) == (1, 0, 0)


def test_one_slip_is_forgiven_and_two_are_not():
    person, counts = linked(answers(("1", "A", "abcd"), ("1", "A", "efgh"), ("2", "A", "abcX"), ("2", "A", "efXX")))
    assert person[2] == 0
    assert person[3] not in person[:2]
    assert (counts.exact, counts.tolerant, counts.new) == (0, 1, 1)


def test_a_missing_element_counts_as_the_slip():
    assert linked(answers(("1", "A", "abcd"), ("2", "A", "abc?")))[0] == [0, 0]
    assert linked(answers(("1", "A", "abcd"), ("2", "A", "ab??")))[0] == [0, 1]


def test_what_fits_two_people_is_left_unlinked():
    person, counts = linked(answers(("1", "A", "abcd"), ("1", "A", "abcX"), ("2", "A", "abcY")))
    assert len(set(person)) == 3
    assert counts.ambiguous == 1
    twice, _ = linked(answers(("1", "A", "abcd"), ("2", "A", "abcd"), ("2", "A", "abcd")))
    assert len(set(twice)) == 3


def test_another_team_is_another_person_unless_there_is_a_panel_id():
    table = answers(("1", "A", "abcd"), ("2", "B", "abcd"))
    assert linked(table)[0] == [0, 1]
    person, _ = link_people(table.assign(id="x1"), code=["id"], waves=["1", "2"])
    assert person.tolist() == [0, 0]


def test_later_waves_are_linked_to_any_earlier_one():
    table = answers(("1", "A", "abcd"), ("2", "A", "efgh"), ("3", "A", "abcX"), ("4", "A", "abcX"))
    person, _ = link_people(table, code=CODE, waves=list("1234"))
    assert person.tolist() == [0, 1, 0, 0]


def test_expected_false_pairs_of_a_six_element_code():
    """Birth day, month, two letters, siblings, letter: 500 people against 500 give .12 exact, about 9.5 with a slip."""
    agree = 1 / np.array([30, 12, 12, 12, 3.3, 12])
    assert 500**2 * np.prod(agree) == pytest.approx(0.12, abs=0.005)
    assert 500**2 * chance_of_agreement(agree) == pytest.approx(9.4, abs=0.2)


def test_recovery_with_slips_is_what_the_arithmetic_says():
    """Teams of 12, six elements, 5 % slips: exact .95**6 = .74; with one slip forgiven .97 (3 SE of 6,000)."""
    rng = np.random.default_rng(3)
    n, sizes = 6000, (30, 12, 12, 12, 4, 12)
    names = [f"e{i}" for i in range(6)]
    first = pd.DataFrame({name: rng.integers(k, size=n) for name, k in zip(names, sizes, strict=True)})
    slip = rng.random((n, 6)) < 0.05
    second = first.where(~slip, (first + 1 + rng.integers(2, size=(n, 6))) % np.array(sizes))
    both = pd.concat([first.assign(wave="1"), second.assign(wave="2")], ignore_index=True)
    both["team"] = np.tile(np.arange(n) // 12, 2)
    person, found = link_people(both, code=names, waves=["1", "2"])
    right = (person[:n].to_numpy() == person[n:].to_numpy()).mean()
    counts = found.counts.iloc[1]
    assert counts.exact / n == pytest.approx(0.95**6, abs=0.017)
    assert right == pytest.approx(0.95**6 + 6 * 0.05 * 0.95**5, abs=0.012)
    wrong = (counts.exact + counts.tolerant) / n - right
    assert wrong * n <= 3 * counts.expected_false + 3


@given(st.data())
def test_nobody_is_linked_twice_and_order_of_rows_changes_nothing(data):
    code = st.text("ab", min_size=4, max_size=4)
    rows = data.draw(st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("AB"), code), min_size=1, max_size=14))
    table = answers(*rows)
    person, found = link_people(table, code=CODE, waves=["1", "2"])
    assert not table.assign(person=person).duplicated(["wave", "person"]).any()
    assert found.counts["people"].sum() == len(table)
    assert (found.counts[["exact", "tolerant", "new"]].sum(axis=1) == found.counts["people"]).all()
    order = data.draw(st.permutations(range(len(table))))
    again, _ = link_people(table.iloc[list(order)], code=CODE, waves=["1", "2"])
    assert (pd.factorize(again.sort_index())[0] == pd.factorize(person)[0]).all()
