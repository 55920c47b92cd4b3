"""Networks of ties: statistics by hand, exact relabelling, refusal where a test would be empty."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from joyeval.coordination import matrix, mrqap, network, qap
from joyeval.errors import ModelError, UsageError
from joyeval.result import read_result
from tests.coordination.surveys import survey


def square(values):
    """Ties of one wave with two raters who agree; `values` is a square of means."""
    names = "ABCDEFGHIJ"[: len(values)]
    rows = [
        ("1", "ward", f"{a}{k}", a, b, values[i][j], False)
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        for k in range(2)
        if values[i][j] is not None
    ]
    return pd.DataFrame(rows, columns=["wave", "process", "person", "workgroup", "target", "rc", "no_contact"])


def table_of(values):
    names = list("ABCDEFGHIJ"[: len(values)])
    return pd.DataFrame(values, index=names, columns=names)


def random(groups, seed):
    return np.random.default_rng(seed).uniform(2, 5, (groups, groups))


def test_statistics_by_hand():
    ties = square([[5, 4, 2], [4, 5, 3], [4, 4, 5]])
    got = network(ties, wave="1", stages={"A": "ward", "B": "ward", "C": "home"}, draws=50)
    value = got.terms.set_index("term")["estimate"]
    assert got.weakest == ("A", "C")
    assert value["weakest tie"] == 2
    assert value["share weak"] == pytest.approx(2 / 6)
    received = np.array([3 + 3, 3 + 3, 1 + 2])
    assert value["centralisation rated"] == pytest.approx((6 - received).sum() / (2 * 8))
    strength = np.array([[0, 3, 1], [3, 0, 2], [3, 3, 0]])
    expected = np.outer(strength.sum(1), strength.sum(0)) / 15
    same = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert value["modularity"] == pytest.approx(((strength - expected) * same).sum() / 15)


def test_raters_who_agree_leave_nothing_uncertain_and_others_do():
    sure = network(square(random(5, 1)), wave="1", draws=50).terms
    assert (sure["se"] < 1e-12).all()
    unsure = network(survey(groups="ABCD", raters=6), wave="1", draws=200).terms.set_index("term")
    assert (unsure["se"] > 0).all()
    assert unsure.loc["weakest tie", "ci_low"] < unsure.loc["weakest tie", "estimate"]


def test_pseudonyms_do_not_decide_who_is_drawn():
    """Another key makes other pseudonyms of the same people: their intervals stay as they are."""
    ties = survey(groups="ABCD", raters=6)
    people = sorted(set(ties["person"]))
    names = dict(zip(people, reversed(people), strict=True))
    again = network(ties.assign(person=ties["person"].map(names)), wave="1", draws=200)
    pd.testing.assert_frame_equal(again.terms, network(ties, wave="1", draws=200).terms)


def test_qap_tries_every_relabelling():
    x, y = random(5, 1), random(5, 2)
    got = qap(matrix(square(x), wave="1"), matrix(square(y), wave="1"))
    off = ~np.eye(5, dtype=bool)
    by_hand = [np.corrcoef(x[off], y[np.ix_(p, p)][off])[0, 1] for p in permutations(range(5))]
    assert got.terms["estimate"].iloc[0] == pytest.approx(by_hand[0])
    assert got.terms["p"].iloc[0] == pytest.approx(np.mean(np.abs(by_hand) >= abs(by_hand[0]) - 1e-9))
    assert (got.relabellings, got.exact) == (120, True)
    assert read_result(got.to_json()).sentence() == got.sentence()


def test_a_matrix_goes_with_itself_as_surely_as_relabelling_can_say():
    same = matrix(square(random(6, 3)), wave="1")
    assert qap(same, same).terms["p"].iloc[0] == pytest.approx(1 / 720)


def test_larger_networks_are_sampled():
    got = qap(matrix(square(random(9, 1)), wave="1"), matrix(square(random(9, 2)), wave="1"), draws=200)
    assert (got.relabellings, got.exact) == (200, False)


def test_mrqap_coefficients_are_least_squares_and_find_what_is_there():
    near, before, noise = random(7, 1), random(7, 2), random(7, 3)
    outcome = matrix(square(1 + 0.5 * near + 0.05 * noise), wave="1")
    got = mrqap(outcome, {"near": table_of(near), "before": table_of(before)}).terms.set_index("term")
    off = ~np.eye(7, dtype=bool)
    X = np.column_stack([np.ones(42), near[off], before[off]])
    known = np.linalg.lstsq(X, (1 + 0.5 * near + 0.05 * noise)[off])[0]
    np.testing.assert_allclose(got["estimate"], known[1:], atol=1e-9)
    assert got.loc["near", "p"] < 0.01
    assert got.loc["before", "p"] > 0.05


@pytest.mark.slow
def test_mrqap_keeps_its_size():
    """5 % nominal, 300 null data sets: 1.3 points of standard error, three of them allowed."""
    found = []
    for seed in range(300):
        outcome = matrix(square(random(7, 3 * seed)), wave="1")
        tables = {"a": table_of(random(7, 3 * seed + 1)), "b": table_of(random(7, 3 * seed + 2))}
        found.append(mrqap(outcome, tables).terms["p"].iloc[0] < 0.05)
    assert 0.012 < np.mean(found) < 0.088


def test_what_cannot_be_tested_is_refused():
    four = matrix(square(random(4, 1)), wave="1")
    with pytest.raises(ModelError, match="relabelled in 24 ways"):
        qap(four, four)
    holes = random(5, 1).tolist()
    holes[0][1] = None
    with pytest.raises(ModelError, match="are missing"):
        qap(matrix(square(holes), wave="1"), matrix(square(random(5, 2)), wave="1"))
    with pytest.raises(ModelError, match="nobody of A rated B"):
        network(square(holes), wave="1")
    with pytest.raises(UsageError, match="no stage for B"):
        network(square(random(2, 1)), wave="1", stages={"A": "ward"})
    with pytest.raises(ModelError, match="does not vary"):
        mrqap(matrix(square(random(5, 1)), wave="1"), {"flat": table_of(np.ones((5, 5)))})
