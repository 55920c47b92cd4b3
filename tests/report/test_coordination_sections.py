"""The chapter on coordination: what the two views show, and that the facilitator's is never stored."""

from __future__ import annotations

import numpy as np
import pytest

from joyeval import coordination, disclosure, load_study
from joyeval.errors import UsageError
from joyeval.pipeline.steps import steps_of
from joyeval.report import sections
from joyeval.result import answered
from tests.conftest import ROOT
from tests.coordination.surveys import survey
from tests.report.samples import emitted


@pytest.fixture(scope="module")
def study():
    return load_study(ROOT / "pipelines" / "enjoying_work.yml")


@pytest.fixture(scope="module")
def ties():
    return survey(groups="ABCDE", raters=8, waves=("1", "2", "3"), gain=0.3)


def test_a_run_makes_the_public_view_whatever_the_notebook_says(study):
    step = next(step for step in steps_of(study) if step.name == "04_relational_coordination")
    assert (step.declared["view"], dict(step.decided_by)) == ("public", {"view": "disclosure.audiences"})


def test_the_facilitators_view_is_refused_where_it_would_be_stored(study, tmp_path):
    assert sections.view("public", study, str(tmp_path)) is None
    assert disclosure.reader().threshold == 11
    with pytest.raises(UsageError, match="never enters a report"):
        sections.view("facilitator", study, str(tmp_path))
    with pytest.raises(UsageError, match="public or facilitator"):
        sections.view("everyone", study)
    try:
        assert sections.view("facilitator", study).threshold == 5
        assert disclosure.reader() == disclosure.FACILITATOR
    finally:
        disclosure.read_for(disclosure.RULES["public"])


def test_only_the_facilitator_learns_which_tie_is_weakest(ties):
    nets = {"ward": coordination.network(ties, wave="3", draws=200)}
    public = str(emitted(lambda: sections.networks(nets, facilitator=False)))
    with disclosure.reading(disclosure.FACILITATOR):
        close = str(emitted(lambda: sections.networks(nets, facilitator=True)))
    assert "weakest" not in public
    assert "share weak" in public
    assert "the weakest tie is how" in close


def test_the_ordinal_companion_stands_beside_the_primary_change(ties):
    rng = np.random.default_rng(1)
    noisy = {d: (ties[d] + rng.normal(0, 0.7, len(ties))).round().clip(1, 5) for d in coordination.RC.dimensions}
    whole = ties.assign(**noisy)
    change = coordination.change(whole, dimensions=False)
    found = {"ward": coordination.ordinal_change(whole)}
    (table,) = emitted(lambda: sections.ordinal_companion(change, found))
    primary = change.terms.query("part == 'between' and kind != 'decay'")["estimate"]
    text = str(table)
    assert all(
        f"{value:+.2f}" in text for value in [*primary, *found["ward"].changes.query("term == 'mean'")["estimate"]]
    )


def test_what_cannot_be_answered_is_said_and_nothing_else(ties):
    one = ties[ties["wave"] == "1"]
    change = answered("whether ties changed", coordination.change, one)
    shown = emitted(lambda: sections.coordination_change(change))
    assert len(shown) == 1
    assert "The data cannot say whether ties changed" in str(shown)
    assert emitted(lambda: sections.tie_change(change, process="ward")) == []


def test_nothing_is_said_of_a_survey_of_too_few(ties):
    """Eight raters: no sentence, table or picture of the change, of scoring rules or of the answers."""
    few = ties[
        ties["workgroup"].isin(["A", "B"]) & ties["person"].isin(ties["person"].unique()[[0, 1, 2, 3, 12, 13, 14]])
    ]
    few = few[few["wave"].isin(["1", "2"])]
    rng = np.random.default_rng(2)
    few = few.assign(**{d: rng.integers(1, 6, len(few)).astype(float) for d in coordination.RC.dimensions})
    change = coordination.change(few, dimensions=False)
    assert change.n < 11
    quality = coordination.answer_quality(few)
    rules = coordination.scoring_rules(few, first="1", second="2")
    said = [
        *emitted(lambda: sections.coordination_change(change)),
        *emitted(lambda: sections.coordination_quality(quality)),
        *emitted(lambda: sections.scoring(rules)),
    ]
    assert len(said) == 3
    assert all("Not shown: suppressed (fewer than 11)" in str(block) for block in said)
