"""Files are read once within a command, whatever number of cohorts look at them."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval import load_study
from joyeval.errors import DataError
from joyeval.intake import read, reading, tables
from joyeval.intake.once import held, once, shelf_of
from joyeval.pipeline.shelf import read_once
from tests.conftest import ROOT
from tests.intake.files import csv
from tests.shapes.small import Shape, build


def test_what_is_made_is_kept_until_the_end_of_the_block_and_no_longer():
    made = []

    def make():
        made.append(1)
        return len(made)

    assert [once("a", make), once("a", make)] == [1, 2]
    with held():
        assert [once("a", make), once("a", make)] == [3, 3]
        with held():
            assert once("a", make) == 3
        assert once("b", make) == 4
    assert once("a", make) == 5


def test_a_problem_is_kept_like_a_table(tmp_path):
    with held():
        for _ in range(2):
            with pytest.raises(DataError, match="no such file"):
                read(tmp_path / "w.csv")
    csv(tmp_path / "w.csv", "a,b", "1,2")
    assert read(tmp_path / "w.csv").frame.height == 1


def test_a_file_that_changes_is_read_again(tmp_path):
    with held():
        path = csv(tmp_path / "w.csv", "a,b", "1,2")
        assert read(path).frame.height == 1
        csv(path, "a,b", "1,2", "3,4")
        assert read(path).frame.height == 2


def test_what_a_run_has_read_its_other_processes_do_not_read_again(tmp_path, monkeypatch):
    study = load_study(build(tmp_path, Shape("weekly", 2, outcomes="primary", coordination=1)))
    alone, read_files = tables.take_in(study, "a"), []
    _read = reading._read
    monkeypatch.setattr(
        reading, "_read", lambda path, *given, **named: read_files.append(path.name) or _read(path, *given, **named)
    )
    with read_once(study):
        first, again = tables.take_in(study, "a"), tables.take_in(study, "a")  # as `check` and the kernel of a step
        assert len(read_files) == len(set(read_files)) == 6
        csv(study.folder / "teams.csv", "Team,Staff", "Ward A,12", "Ward B,12", "Ward C,13")
        assert tables.take_in(study, "a").everyone["headcount"].tolist() == [12, 12, 13]
        assert read_files[6:] == ["teams.csv"]
    assert not shelf_of(study).exists()
    for taken in (first, again):
        assert [str(problem) for problem in taken.problems] == [str(problem) for problem in alone.problems]
        for name, table in alone.tables.items():
            pd.testing.assert_frame_equal(taken.tables[name], table, check_exact=True)


@pytest.mark.slow
def test_every_file_of_the_demonstration_is_opened_once_for_all_cohorts(monkeypatch):
    opened = []
    content_of = reading.content_of
    monkeypatch.setattr(reading, "content_of", lambda path: opened.append(path) or content_of(path))
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    alone = {cohort: tables.take_in(study, cohort).problems for cohort in ("1", "2")}
    opened.clear()
    together = tables.problems_of(study, ["1", "2"])
    assert together == alone
    assert len(opened) == len(set(opened)) > 10
