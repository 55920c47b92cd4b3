"""No mistake of the catalogue that changes a number passes without being stopped or told; the docs print it."""

from __future__ import annotations

import secrets
from collections import Counter

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joyeval.errors import StudyError
from joyeval.intake.tables import take_in
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.intake.mistakes import APART, CATALOGUE, Programme

KEY = secrets.token_bytes(32)
WORDS = {"stops": "stops", "goes on with a word": "goes on, and says so", "reads it": "reads it"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Programme.whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def clean(whole, tmp_path_factory):
    return read(whole, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def parts(whole, clean, tmp_path_factory):
    """By kind of file: the programme without what a mistake in such a file leaves alone, and what is read of it."""
    small = {where: whole.only(where) for where in APART}
    read_once = {where: (part, read(part, tmp_path_factory.mktemp("part"))) for where, part in small.items()}
    return lambda where: read_once.get(where, (whole, clean))


def read(programme, home):
    """Tables and problems of a programme, as `check` and the first step see them."""
    try:
        taken = take_in(load_study(programme.write(home)), "a", key=KEY)
    except StudyError as error:
        return {}, list(error.problems)
    return taken.tables, taken.problems


def passes_unseen(found, clean):
    """Whether a damaged programme gives other numbers without a word."""
    (tables, problems), (before, told_before) = found, clean
    if any(problem.blocking for problem in problems) or Counter(problems) - Counter(told_before):
        return False
    names = set(before) - {"flow", "quarantine"}
    return names != set(tables) - {"flow", "quarantine"} or any(not same(tables[n], before[n]) for n in names)


def same(one, other):
    try:
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), check_exact=True)
    except AssertionError:
        return False
    return True


def test_the_whole_programme_has_no_mistake(clean):
    assert [problem for problem in clean[1] if problem.blocking] == []


def test_the_catalogue_holds_at_least_sixty_kinds():
    assert len(CATALOGUE) >= 60


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.name)
def test_each_mistake_is_met_as_the_catalogue_says(one, parts, tmp_path):
    met(one, *parts(one.where), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.name)
def test_each_mistake_is_met_among_all_other_files(one, whole, clean, tmp_path):
    met(one, whole, clean, tmp_path)


def met(one, programme, clean, home):
    """See that a mistake in a programme is met as the catalogue says."""
    damaged = programme.copy()
    one.make(damaged)
    tables, problems = read(damaged, home)
    new = [problem for problem in problems if problem not in clean[1]]
    blocking = {problem.rule for problem in new if problem.blocking}
    told = {problem.rule for problem in new if not problem.blocking}
    if one.does == "stops":
        assert one.rule in blocking, (blocking, told)
    else:
        assert not blocking, [str(problem) for problem in new if problem.blocking]
        assert one.rule in told if one.rule else not passes_unseen((tables, problems), clean)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(CATALOGUE), min_size=1, max_size=3, unique_by=lambda one: one.name))
def test_no_mistake_that_changes_a_number_passes_unseen(chosen, whole, clean, tmp_path_factory):
    damaged = whole.copy()
    for one in chosen:
        try:
            one.make(damaged)
        except (KeyError, ValueError, TypeError):  # what it would damage another one has damaged already
            return
    assert not passes_unseen(read(damaged, tmp_path_factory.mktemp("m")), clean)


def page() -> str:
    """The catalogue as the docs print it."""
    rows = [f"| {one.where} | {one.what} | {WORDS[one.does]} |" for one in CATALOGUE]
    head = "\n".join(("| in | mistake | joyeval |", "|---|---|---|"))
    return f"{head}\n" + "\n".join(rows) + "\n"


def test_the_docs_print_the_catalogue():
    text = (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8")
    assert page() in text, "print it again: python -m tests.intake.test_mistakes"


if __name__ == "__main__":
    target = ROOT / "docs" / "mistakes.md"
    above = target.read_text(encoding="utf-8").split("| in |")[0]
    target.write_text(above + page(), encoding="utf-8")
