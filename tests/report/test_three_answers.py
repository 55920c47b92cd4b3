"""What the data leave open is said to be open, a number goes with its noun, and what is told fits the case."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from joyeval import disclosure
from joyeval.coordination.answers import AnswerQuality
from joyeval.measurement.scores import score_change
from joyeval.models.meta import meta_analysis
from joyeval.network import Comparison
from joyeval.network.practices import Practices
from joyeval.outcomes.reliability import Corrected
from joyeval.outcomes.sensitivity import SpecificationCurve, TippingPoint
from joyeval.report.sections.experience import _estimate
from joyeval.result import NoAnswer
from tests.conftest import ROOT

NULLS = re.compile(
    r"No \w+(?: \w+)? (?:was|were) found|was no change|did not (?:clearly )?change\b|no more than chance"
    r"|no clear change|showed no |beyond (?:what )?chance (?:would|explains)|No difference"
)


def texts():
    """Every string of the package that is no docstring, with where it stands."""
    for path in sorted((ROOT / "joyeval").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield path.relative_to(ROOT), node.lineno, node.value


def test_no_sentence_claims_a_null():
    found = [(str(path), line, text) for path, line, text in texts() if NULLS.search(text)]
    assert found == []


def comparison(kind="good days", low=-1.0, high=2.0, better="higher"):
    pooled = meta_analysis(np.array([0.4, 0.5, 0.6]), np.array([0.1, 0.1, 0.1]))
    pooled = replace(pooled, terms=pooled.terms.assign(estimate=(low + high) / 2, se=0.5, ci_low=low, ci_high=high))
    none = NoAnswer(n=3, question="whether", reason="few")
    rows = pd.DataFrame({"cohort": list("abc"), "title": list("ABC"), "before": 50.0})
    return Comparison(
        n=3, kind=kind, question="Joy", unit="points", better=better, cohorts=rows, pooled=pooled, learning=none
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({}, ": whether it changed is not clear."),
        ({"low": 0.5}, ": clearly better."),
        ({"low": 0.5, "better": "lower"}, ": clearly worse."),
        ({"low": 0.5, "better": ""}, ": clearly changed."),
        ({"kind": "association"}, ": whether they go together cannot be told."),
        ({"kind": "association", "low": 0.5}, ": they go together."),
    ],
)
def test_a_mean_over_cohorts_has_the_word_of_its_interval(call, said):
    told = comparison(**call).sentence()
    assert said in told
    assert ("mean change" in told) == (call.get("kind") != "association")


def test_a_prediction_is_rounded_like_the_interval_beside_it():
    found = comparison(low=-8.3, high=11.8)
    pooled = replace(found.pooled, terms=found.pooled.terms.assign(se=5.0), predicted_low=-8.334, predicted_high=11.76)
    pooled = replace(pooled, tau2=1.0)
    assert "95% CI -8.30 to 11.8" in replace(found, pooled=pooled).sentence()
    assert "between -8.30 and 11.8" in replace(found, pooled=pooled).sentence()
    alike = replace(found, pooled=replace(pooled, tau2=0.0)).sentence()
    assert alike.endswith("few of them do not tell how far a further one may.")


def test_practices_say_which_way_they_went():
    table = pd.DataFrame({"practice": ["huddles", "walks", "talks"], "estimate": [2.0, -1.0, 0.1]})
    told = Practices(n=9, table=table.assign(p_adjusted=[0.01, 0.02, 0.7])).sentence()
    assert (
        "1 went with more improvement (huddles +2.0 points), 1 went with less improvement (walks -1.0 points)" in told
    )
    assert "of 1 it cannot be told" in told


def test_scores_without_an_interval_cannot_be_judged_and_no_interval_is_printed():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"person": range(40), "team": "a", "wave": np.repeat([1, 2], 20), "joy": rng.normal(3, 1, 40)})
    found = score_change(rows, {"joy": ("Joy", "higher")})
    assert found.sentence() == "Whether 1 score changed cannot be judged: too few teams or answers."
    assert "nobody is known to have answered both waves: the change is between different people" in found.notes
    assert any(note.startswith("1 team answered the first and the last wave") for note in found.notes)
    (row,) = found.changes.query("estimator == 'everyone'").itertuples()
    assert "nan" not in _estimate(row)


def test_how_many_answered_twice_is_rounded_for_readers():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"person": [*range(37), *range(18, 55)], "wave": np.repeat([1, 2], 37)})
    rows = rows.assign(team=rows["person"] % 9, joy=rng.normal(3, 1, 74))
    found = score_change(rows, {"joy": ("Joy", "higher")})
    told = disclosure.inexact(found.notes[1], disclosure.Rule())
    assert told.startswith("linked in both waves: about 20 of 55 people")


def test_one_value_is_no_range():
    table = pd.DataFrame({"alpha": [0.961, 0.962], "halo": [0.68, 0.69]})
    assert AnswerQuality(n=9, terms=table).sentence() == (
        "Over 2 waves alpha was 0.96; who answered made up 68% to 69% of the spread within ties."
    )


def test_specifications_are_counted_on_a_named_side():
    rows = pd.DataFrame({"estimate": [-0.3, -0.2], "ci_low": -0.5, "ci_high": -0.1})
    curve = SpecificationCurve(n=2, estimates=rows, choices=(), median=-0.25, share_significant=1.0)
    assert curve.sentence().endswith("0 of their intervals lie above 0, 2 below.")


@pytest.mark.parametrize(
    ("low", "said"), [(-1.0, "a link with joy to show."), (0.2, "a link with joy no longer to show.")]
)
def test_a_tipping_point_says_what_would_tip(low, said):
    tip = TippingPoint(
        n=9, x="joy", y="waits", estimate=0.5, ci_low=low, ci_high=1.0, slope=1.0, tip=2.0, tip_sd=4.0, n_missing=1
    )  # fmt: skip
    assert tip.sentence().startswith("1 team-period lacks waits. They would have to lie")
    assert tip.sentence().endswith(said)


@pytest.mark.parametrize(
    ("low", "begins"), [(-1.0, "Whether averages of teams go together cannot"), (0.2, "Teams whose")]
)
def test_averages_of_teams_have_three_answers(low, begins):
    terms = pd.DataFrame({"term": ["between", "between, corrected"], "estimate": 0.5, "ci_low": low, "ci_high": 1.0})
    assert Corrected(n=9, x="joy", y="waits", terms=terms, reliability=0.8).sentence().startswith(begins)
