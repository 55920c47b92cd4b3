"""The graph of steps: what follows what, the longest first, and what a failure or an equal output stops.

No kernel is started here: the executor of these tests writes what a notebook would.
"""

from __future__ import annotations

import json
from concurrent.futures import Future

import pandas as pd
import pytest

from joyeval.errors import StepError, StudyError, UsageError
from joyeval.pipeline import all_states, run, states, steps_of
from joyeval.pipeline.run import graph_of
from joyeval.pipeline.steps import read_parameters
from joyeval.store import write_whole
from joyeval.study import load_study
from tests.pipeline.test_run import write_notebook

STUDY = """\
study: small
title: Small
programme: {name: Small, aim: More}
data: raw
cohorts:
  - {cohort: a, title: A, start: 2024-01-01, end: 2024-12-31}
  - {cohort: b, title: B, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team}}
"""
NOTEBOOKS = {
    "01_clean_waves": {"reads": ["raw"], "needs": ["raw"], "writes": ["*.parquet"], "seconds": 1},
    "02_staff_experience": {"reads": ["pulse.parquet"], "writes": ["results/experience_*.json"], "seconds": 9},
    "03_improvement": {"reads": ["pulse.parquet"], "writes": ["results/improvement_*.json"], "seconds": 3},
    "04_relational_coordination": {"reads": ["ties.parquet"], "needs": ["ties.parquet"], "seconds": 20},
    "05_outcomes": {"reads": ["pulse.parquet"], "writes": ["results/outcomes_*.json"], "seconds": 5},
    "06_report": {"reads": ["results/*.json", "chapters/*.json"], "makes": "report", "study": [], "seconds": 2},
    "network_report": {"reads": ["results/*.json"], "makes": "report", "for": "study", "study": []},
}


class Scripted:
    """Does at once what a script says; `fails` names steps as (cohort, number)."""

    def __init__(self, slots=2, fails=(), table=(1, 2), saves=()):
        self.slots, self.fails, self.table, self.saves, self.jobs = slots, set(fails), table, dict(saves), []

    def submit(self, job):
        self.jobs.append(job)
        done = Future()
        if (job.cohort, job.step[:2]) in self.fails:
            done.set_exception(StepError(f"{job.step} went wrong"))
            return done
        write_whole(job.executed, b'{"cells": []}')
        if job.step.startswith("01"):
            pd.DataFrame({"n": self.table}).to_parquet(job.staging / "pulse.parquet")
        elif job.makes == "report":
            write_whole(job.staging / "report.html", b"report")
        else:
            write_whole(job.staging / "chapters" / f"{job.step}.json", b"[]")
            name = job.step.split("_")[1].replace("staff", "experience")
            write_whole(job.staging / "results" / f"{name}_x.json", json.dumps(job.parameters["cohort"]).encode())
        for name in self.saves.get(job.step, ()):
            (job.staging / name).parent.mkdir(exist_ok=True)
            pd.DataFrame({"x": [1]}).to_parquet(job.staging / name)
        done.set_result(None)
        return done

    def stop(self):
        pass

    def close(self):
        pass

    @property
    def order(self):
        return [(job.cohort, job.step[:2]) for job in self.jobs]


@pytest.fixture
def home(tmp_path):
    for folder in ("pipelines/raw", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pipelines" / "raw" / "teams.csv").write_text("Team\nx\n")
    for name, metadata in NOTEBOOKS.items():
        write_notebook(tmp_path, name, "", metadata, parameters='\nrules = "anhoej"' if name.startswith("03") else "")
    return tmp_path


def study_of(home, more=""):
    (home / "pipelines" / "small.yml").write_text(STUDY + more)
    return load_study(home / "pipelines" / "small.yml")


def test_chapters_wait_for_the_tables_and_reports_for_the_chapters(home):
    names = {step.name[:2]: step for step in steps_of(study_of(home))}
    follows = {name: {o for o, other in names.items() if step.follows(other)} for name, step in names.items()}
    chapters = {"02", "03", "04", "05"}
    assert follows["01"] == set()
    assert all(follows[name] == {"01"} for name in chapters)
    assert follows["06"] == {"01", *chapters}
    assert follows["ne"] == {"02", "03", "05"}


def test_the_longest_chain_goes_first_and_the_report_over_all_after_its_results(home):
    study, place = study_of(home), Scripted(slots=4)
    run(study, executor=place)
    assert place.order[:2] == [("a", "01"), ("b", "01")]
    assert [step for cohort, step in place.order if cohort == "a"] == ["01", "02", "05", "03", "06"]
    of_all = place.order.index(("network", "ne"))
    assert all(place.order.index((cohort, step)) < of_all for cohort in "ab" for step in ("02", "03", "05"))
    assert ("a", "04") not in place.order  # no ties


def test_what_took_long_here_goes_first_the_next_time(home):
    study = study_of(home)
    run(study, executor=Scripted())
    path = home / "reports" / "small" / "a" / "run.json"
    record = json.loads(path.read_text())
    for step in record["steps"]:
        record["steps"][step]["seconds"] = 60 if step.startswith("03") else NOTEBOOKS[step]["seconds"]
    path.write_text(json.dumps(record))
    place = Scripted()
    run(study, cohorts=["a"], force=True, executor=place)
    assert [step for _, step in place.order] == ["01", "03", "02", "05", "06"]


def test_a_failure_stops_what_depends_on_it_and_nothing_else(home):
    study, place, told = study_of(home), Scripted(fails=[("a", "02")]), []
    with pytest.raises(StepError, match="cohort a: 02_staff_experience went wrong"):
        run(study, executor=place, on_step=told.append)
    assert {("a", "03"), ("a", "05"), ("b", "06")} <= set(place.order)
    assert not {("a", "06"), ("network", "ne")} & set(place.order)
    held = {(o.cohort, o.step[:2]): o.reason for o in told if o.state == "held back"}
    assert held == {
        ("a", "06"): "cohort a, 02_staff_experience failed before it",
        ("network", "ne"): "cohort a, 02_staff_experience failed before it",
    }
    assert told[-1].share == pytest.approx(1)
    assert not [s for s in states(study, "b") if s.stale]


def test_equal_outputs_cut_the_run_short(home):
    study = study_of(home)
    run(study, executor=Scripted())
    (home / "pipelines" / "raw" / "teams.csv").write_text("Team\nx\n\n")
    expected = {(s.cohort, s.step[:2]): s.reason for s in all_states(study) if s.stale}
    assert expected["a", "01"] == "its input teams.csv changed"
    assert expected["a", "02"] == "01_clean_waves runs before it"
    assert expected["network", "ne"] == "01_clean_waves of cohort a runs before it"
    again = Scripted()
    run(study, executor=again)
    assert sorted(again.order) == [("a", "01"), ("b", "01")]
    assert not [s for s in all_states(study) if s.stale]


def test_an_edited_notebook_runs_again_with_what_depends_on_it_and_outputs_left_in_it_do_not_count(home):
    study = study_of(home)
    run(study, executor=Scripted())
    path = home / "notebooks" / "03_improvement.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x"]}]
    notebook["cells"][1]["execution_count"] = 7
    path.write_text(json.dumps(notebook))
    assert not [s for s in all_states(study) if s.stale]
    notebook["cells"][1]["source"] = ["1 + 1"]
    path.write_text(json.dumps(notebook))
    again = Scripted()
    run(study, executor=again)
    assert sorted(again.order) == [("a", "03"), ("b", "03")]


class TestParameters:
    def test_the_cohort_wins_over_the_study_and_the_command_over_both(self, home):
        text = STUDY.replace("{cohort: b,", "{cohort: b, steps: {03_improvement: {rules: mdc-2023}},")
        (home / "pipelines" / "small.yml").write_text(text + "steps: {03_improvement: {rules: nelson}}\n")
        study = load_study(home / "pipelines" / "small.yml")
        place = Scripted()
        run(study, executor=place)
        assert {j.cohort: j.parameters["rules"] for j in place.jobs if j.step[:2] == "03"} == {
            "a": "nelson",
            "b": "mdc-2023",
        }
        place = Scripted()
        run(study, executor=place, cohorts=["b"], parameters={"rules": "ihi"})
        assert [(job.step[:2], job.parameters.get("rules")) for job in place.jobs] == [("03", "ihi")]
        changed = [s.reason for s in all_states(study) if s.stale and s.step[:2] == "03"]
        assert changed == ["its parameters changed (rules)"]

    def test_not_given_is_the_default_of_the_notebook(self, home):
        place = Scripted()
        run(study_of(home), executor=place, steps=["01", "03"])
        assert "rules" not in place.jobs[-1].parameters
        assert set(place.jobs[-1].parameters) == {"study", "data", "cohort", "out"}

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            ("steps: {03_improvement: {ruls: ihi}}", "no parameter 'ruls'; expected one that the notebook declares"),
            ("steps: {03_improvement: {rules: 3}}", "rules is a whole number; expected text"),
            ("steps: {07_nobody: {}}", "a step '07_nobody'; expected a notebook of that name in notebooks/"),
            ("steps: [01_clean_waves, {03_improvement: {rules: true}}]", "rules is true or false; expected text"),
        ],
    )
    def test_what_does_not_fit_is_told_with_its_line(self, home, more, says):
        with pytest.raises(StudyError) as told:
            steps_of(study_of(home, more + "\n"))
        assert says in str(told.value)
        assert "small.yml, row 9" in str(told.value)

    def test_a_choice_that_has_a_key_of_its_own_is_not_made_twice(self, home):
        write_notebook(
            home,
            "04_relational_coordination",
            "",
            NOTEBOOKS["04_relational_coordination"] | {"decided_by": {"view": "disclosure.audiences"}},
            parameters='\nview = "public"',
        )
        with pytest.raises(StudyError, match=r"made once, under `disclosure\.audiences` of the study file"):
            steps_of(study_of(home, "steps: {04_relational_coordination: {view: facilitator}}\n"))
        with pytest.raises(UsageError, match=r"disclosure\.audiences"):
            run(study_of(home), parameters={"view": "facilitator"})

    def test_the_command_line_s_words_are_read_as_the_default_s_type(self, home):
        more = "\nweeks = 12\nshare = 0.5\nshow = True"
        write_notebook(home, "03_improvement", "", NOTEBOOKS["03_improvement"], parameters=more)
        steps = steps_of(study_of(home))
        texts = {"weeks": "007", "share": "1", "show": "false"}
        assert read_parameters(steps, texts) == {"weeks": 7, "share": 1.0, "show": False}
        with pytest.raises(UsageError, match=r"weeks is text; expected a whole number.*03_improvement: weeks, share"):
            read_parameters(steps, {"weeks": "1e5"})
        with pytest.raises(UsageError, match="no parameter 'out'"):
            read_parameters(steps, {"out": "/"})


class TestOwnNotebooks:
    def test_one_of_your_own_is_a_chapter_between_the_others_and_the_report(self, home):
        write_notebook(home, "07_costs", "", {})
        study, place = study_of(home, "steps: {07_costs: {}}\n"), Scripted()
        run(study, executor=place)
        mine = [step for cohort, step in place.order if cohort == "a"]
        assert mine.index("01") < mine.index("07") < mine.index("06")
        assert study.chapters[-1] == "07_costs"

    def test_a_list_names_all_there_are(self, home):
        write_notebook(home, "my_check", "", {"makes": "nothing", "reads": ["pulse.parquet"]})
        study = study_of(home, "steps: [01_clean_waves, my_check]\n")
        assert [node.step.name for node in graph_of(study, ["a"])] == ["01_clean_waves", "my_check"]

    def test_steps_that_wait_for_each_other_are_told(self, home):
        write_notebook(home, "07_one", "", {"reads": ["results/two.json"], "writes": ["results/one.json"]})
        write_notebook(home, "08_two", "", {"reads": ["results/one.json"], "writes": ["results/two.json"]})
        with pytest.raises(StudyError, match=r"07_one.*08_two|08_two.*07_one"):
            steps_of(study_of(home, "steps: {07_one: {}, 08_two: {}}\n"))

    def test_one_step_does_not_write_what_another_makes(self, home):
        write_notebook(home, "07_costs", "", {"reads": ["pulse.parquet"]})
        study = study_of(home, "steps: {07_costs: {}}\n")
        with pytest.raises(StepError, match=r"07_costs saves pulse.parquet, which is made by 01_clean_waves"):
            run(study, cohorts=["a"], executor=Scripted(saves={"07_costs": ["pulse.parquet"]}))

    def test_its_tables_stay_when_the_raw_files_are_read_again(self, home):
        write_notebook(home, "07_costs", "", {"reads": ["pulse.parquet"]})
        study = study_of(home, "steps: {07_costs: {}}\n")
        run(study, executor=Scripted(saves={"07_costs": ["costs.parquet"]}))
        (home / "pipelines" / "raw" / "teams.csv").write_text("Team\nx\n\n")
        run(study, executor=Scripted())
        assert (home / "data" / "processed" / "small" / "a" / "costs.parquet").exists()


def test_what_a_step_no_longer_makes_is_removed(home):
    study = study_of(home)
    run(study, executor=Scripted(saves={"03_improvement": ["results/improvement_old.json"]}))
    old = study.store("a").folder / "results" / "improvement_old.json"
    assert old.exists()
    run(study, executor=Scripted(), force=True)
    assert not old.exists()


def test_progress_grows_to_the_whole_and_time_left_falls_to_nothing(home):
    told = []
    run(study_of(home), executor=Scripted(), on_step=told.append)
    shares = [outcome.share for outcome in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert told[-1].left == pytest.approx(0)
    assert told[0].state == "begun"
