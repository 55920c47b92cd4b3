"""Every shape of study that a study file allows is checked, run, and reported; what cannot be said is said so."""

from __future__ import annotations

import secrets
import shutil

import pytest

from joyeval.exhibits.cohort import cohort_figures
from joyeval.intake.tables import check_study
from joyeval.pipeline import folders, run
from joyeval.study import load_study
from tests.report.contradictions import contradictions
from tests.shapes.inprocess import InProcess
from tests.shapes.small import CHOICES, Shape, build, covering, every_shape

PAIRS = covering(2)


def reported(shape, home, monkeypatch):
    """Build a study, see that nothing stands in its way, run it, and return its report."""
    monkeypatch.setenv("JOYEVAL_KEY", secrets.token_hex(32))
    study = load_study(build(home, shape))
    assert [str(problem) for problem in check_study(study) if problem.blocking] == []
    run(study, executor=InProcess())
    return (folders(study, "a").reports / "report.html").read_text(encoding="utf-8")


def test_the_shapes_meet_all_pairs_of_choices():
    names = list(CHOICES)
    for shape in every_shape():
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                wanted = getattr(shape, one), getattr(shape, other)
                assert any((getattr(s, one), getattr(s, other)) == wanted for s in PAIRS)


@pytest.mark.parametrize("shape", PAIRS, ids=str)
def test_all_pairs_of_choices_run_to_the_report(shape, tmp_path, monkeypatch):
    page = reported(shape, tmp_path, monkeypatch)
    assert "<h1" in page
    assert contradictions(page) == []


@pytest.mark.slow
def test_all_triples_of_choices_run_to_the_report(tmp_path, monkeypatch, capsys):
    """The whole grid would take hours; faults of shapes come from two or three choices that meet."""
    shapes = covering(3)
    with capsys.disabled():
        print(f"{len(shapes)} shapes of study, in which every three choices meet, of {len(every_shape())}")
    failed = {}
    for i, shape in enumerate(shapes):
        try:
            assert "<h1" in reported(shape, tmp_path / str(i), monkeypatch)
        except Exception as error:  # all of them are told at once
            failed[str(shape)] = repr(error)[:300]
        shutil.rmtree(tmp_path / str(i))
    assert failed == {}


def test_a_cohort_of_too_few_people_has_a_report_and_no_chart(tmp_path, monkeypatch):
    page = reported(Shape(pulses="weekly", teams=1, people=4), tmp_path, monkeypatch)
    assert "too few people stand behind it for a chart" in page
    assert contradictions(page) == []
    study = load_study(tmp_path / "pipelines" / "small.yml")
    assert not [one.name for one in cohort_figures(study, "a", study.store("a")) if "good_day" in one.name]
