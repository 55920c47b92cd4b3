"""Three jobs as evaluators hold them: their own spreadsheets, no reshaping by hand, and the numbers that are true.

Each needs two commands (`joyeval check`, `joyeval run`); how many lines its study file has is said by its test.
"""

from __future__ import annotations

import secrets
import shutil

import numpy as np
import pandas as pd
import pytest
import xlsxwriter

from joyeval.intake.tables import take_in
from joyeval.pipeline import folders, run
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.shapes.inprocess import InProcess

KEY = secrets.token_bytes(32)
HEAD = """\
study: job
title: {title}
data: ../raw
programme: {{name: {title}, aim: More good days at work.}}
cohorts:
  - {{cohort: a, title: All teams, start: 2024-04-01, end: 2025-03-31}}
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "pipelines").mkdir()
    return tmp_path


def taken(home, text):
    path = home / "pipelines" / "job.yml"
    path.write_text(text, encoding="utf-8")
    return take_in(load_study(path), "a", key=KEY)


def blocking(taken):
    return [problem.rule for problem in taken.problems if problem.blocking]


WIDE = (
    HEAD.format(title="Good days")
    + """\
teams:
  file: Good day pulse 2024.xlsx
  sheet: Teams
  columns: {team: Team, headcount: Staff}
  not_teams: [TOTAL]
pulses:
  - measure: good_day
    title: Good day at work
    cohorts: [a]
    period: week
    file: Good day pulse 2024.xlsx
    sheet: Good days
    layout: wide
    columns: {team: Team}
    percent: true
    answers_from: {sheet: Responses}
"""
)


def test_a_wide_pulse_workbook_with_a_row_of_totals(home):
    """Ten weeks as columns, per cent formats, answers on another sheet, a title above and TOTAL below."""
    rng = np.random.default_rng(3)
    teams, weeks = [f"Ward {letter}" for letter in "ABCDEFGH"], pd.date_range("2024-04-01", periods=10, freq="W-MON")
    answers = rng.integers(5, 20, (8, 10))
    good = rng.binomial(answers, 0.6)
    with xlsxwriter.Workbook(home / "raw" / "Good day pulse 2024.xlsx") as book:
        day, share = book.add_format({"num_format": "dd/mm/yyyy"}), book.add_format({"num_format": "0.0%"})
        sheets = {name: book.add_worksheet(name) for name in ("Good days", "Responses", "Teams")}
        for name, cells in (("Good days", good / answers), ("Responses", answers)):
            sheet = sheets[name]
            sheet.write(0, 0, f"{name}, all wards")
            sheet.write(2, 0, "Team")
            for j, week in enumerate(weeks, start=1):
                sheet.write_datetime(2, j, week, day)
            for i, team in enumerate([*teams, "TOTAL"]):
                sheet.write(3 + i, 0, team)
                sums = good.sum(axis=0) / answers.sum(axis=0) if name == "Good days" else answers.sum(axis=0)
                for j, value in enumerate(sums if team == "TOTAL" else cells[i], start=1):
                    sheet.write_number(3 + i, j, float(value), share if name == "Good days" else None)
        sheets["Teams"].write_row(0, 0, ["Team", "Staff"])
        for i, team in enumerate([*teams, "TOTAL"], start=1):
            sheets["Teams"].write_row(i, 0, [team, 240 if team == "TOTAL" else 30])
    done = taken(home, WIDE)
    assert blocking(done) == []
    assert done.tables["teams"]["headcount"].sum() == 240
    pulse = done.tables["pulse"]
    assert len(pulse) == 80
    assert pulse["positive"].sum() == good.sum()
    assert pulse["answers"].sum() == answers.sum()
    flow = done.tables["flow"].set_index(["wave", "step"])
    for source, n_in, n_out in (("teams", 9, 8), ("pulse good_day", 90, 80)):
        assert flow.loc[(source, "kept")].tolist() == [n_in, n_out, "no teams of this study"]
    assert len(WIDE.splitlines()) == 22


def test_the_same_workbook_without_the_word_on_totals_stops(home):
    test_a_wide_pulse_workbook_with_a_row_of_totals(home)
    assert set(blocking(taken(home, WIDE.replace("  not_teams: [TOTAL]\n", "")))) == {"totals"}


SURVEYS = (
    HEAD.format(title="Safe teams")
    + """\
teams:
  file: wards.csv
  columns: {team: Ward, headcount: Staff}
  also_called:
    Acute Admissions Unit: [AAU, A.A.U.]
    Ward 4: [STROKE UNIT W4]
waves:
  - wave: before
    cohorts: [a]
    instruments: [psychological_safety_7]
    file: spring.csv
    start: 2024-04-01
    end: 2024-04-30
    columns: {team: Ward, date: Completed, psafety_1: Q1, psafety_2: Q2, psafety_3: Q3, psafety_4: Q4, psafety_5: Q5,
      psafety_6: Q6, psafety_7: Q7}
  - wave: after
    cohorts: [a]
    instruments: [psychological_safety_7]
    file: autumn.xlsx
    start: 2024-10-01
    end: 2024-10-31
    dates: "%d/%m/%Y %H:%M"
    columns: {team: Which ward?, date: Completion time, psafety_1: Mistakes, psafety_2: Problems, psafety_3: Different,
      psafety_4: Risk, psafety_5: Help, psafety_6: Undermine, psafety_7: Skills}
outcomes:
  - measure: experience
    title: Good experience
    kind: proportion
    unit: "%"
    improve: increase
    period: month
    file: friends and family.csv
    dates: "%b-%y"
    columns: {team: Location, period: Month, numerator: Positive, denominator: Responses}
primary: {staff: psychological_safety, outcome: experience, window: [1, 3]}
"""
)


def test_two_surveys_of_two_tools_and_outcomes_of_wards_under_other_names(home):
    raw, wards = home / "raw", ["Acute Admissions Unit", "Ward 3", "Ward 4"]
    rng = np.random.default_rng(4)
    (raw / "wards.csv").write_text("Ward,Staff\n" + "".join(f"{ward},20\n" for ward in wards), encoding="utf-8")
    spring = pd.DataFrame(rng.integers(1, 8, (30, 7)), columns=[f"Q{i}" for i in range(1, 8)])
    spring.insert(0, "Ward", np.repeat(["A.A.U.", "ward 3", "Ward 4"], 10))
    spring.insert(1, "Completed", "2024-04-12")
    spring.to_csv(raw / "spring.csv", index=False, sep=";")
    autumn = rng.integers(1, 8, (24, 7))
    with xlsxwriter.Workbook(raw / "autumn.xlsx") as book:
        sheet = book.add_worksheet("Form1")
        topics = ["Mistakes", "Problems", "Different", "Risk", "Help", "Undermine", "Skills"]
        sheet.write_row(0, 0, ["ID", "Start time", "Completion time", "Which ward?", *topics])
        for i, row in enumerate(autumn, start=1):
            ward = ["AAU", "Ward  3", "STROKE UNIT W4"][i % 3]
            sheet.write_row(i, 0, [i, "07/10/2024 09:00", "07/10/2024 09:05", ward, *map(int, row)])
    months = ["Apr-24", "May-24", "Nov-24", "Dec-24"]
    rows = [(ward, month, 8, 10) for ward in ("AAU", "WARD 3", "STROKE UNIT W4") for month in months]
    columns = ["Location", "Month", "Positive", "Responses"]
    pd.DataFrame(rows, columns=columns).to_csv(raw / "friends and family.csv", index=False)
    done = taken(home, SURVEYS)
    assert blocking(done) == []
    wave = done.tables["wave_psychological_safety_7"]
    assert wave.groupby("wave")["person"].count().to_dict() == {"after": 24, "before": 30}
    assert set(wave["team"]) == set(done.tables["outcomes"]["team"]) == set(wards)
    assert len(done.tables["outcomes"]) == 12
    assert len(SURVEYS.splitlines()) == 41


def test_without_the_table_of_names_the_line_to_paste_is_told(home):
    test_two_surveys_of_two_tools_and_outcomes_of_wards_under_other_names(home)
    alone = SURVEYS.replace("    Acute Admissions Unit: [AAU, A.A.U.]\n", "").replace(
        "  also_called:\n    Ward 4: [STROKE UNIT W4]\n", ""
    )
    problems = [problem for problem in taken(home, alone).problems if problem.blocking]
    assert {problem.rule for problem in problems} == {"unknown team"}
    (outcome,) = (problem for problem in problems if problem.file == "friends and family.csv")
    assert "'AAU' (4)" in outcome.found
    assert "also_called:" in outcome.fix


COORDINATION = (
    HEAD.format(title="Discharge")
    + """\
teams: {file: teams.csv, columns: {team: Team}}
coordination:
  - wave: 1-before
    process: discharge
    cohorts: [a]
    layout: wide
    frequency: scored
    file: coordination.xlsx
    sheet: Before
    header_rows: 2
    pattern: "{target} | {dim}"
    dimensions: {Frequent: freq, Timely: time, Accurate: accu, Problem solving: prob, Goals: goal, Knowledge: know,
      Respect: resp}
    columns: {person: Code, workgroup: Your group}
"""
)


def test_a_coordination_workbook_with_two_rows_of_headings(home):
    """The rated group above seven dimensions, in merged cells, as survey reports are laid out."""
    groups, rng = ["Nurses", "Doctors", "Therapists"], np.random.default_rng(5)
    words = ["Frequent", "Timely", "Accurate", "Problem solving", "Goals", "Knowledge", "Respect"]
    (home / "raw" / "teams.csv").write_text("Team\nWard A\n", encoding="utf-8")
    ratings = rng.integers(1, 6, (12, 21))
    with xlsxwriter.Workbook(home / "raw" / "coordination.xlsx") as book:
        sheet = book.add_worksheet("Before")
        sheet.write_row(1, 0, ["Code", "Your group"])
        for g, group in enumerate(groups):
            sheet.merge_range(0, 2 + 7 * g, 0, 8 + 7 * g, group)
            sheet.write_row(1, 2 + 7 * g, words)
        for i, row in enumerate(ratings):
            sheet.write_row(2 + i, 0, [f"R{i:02d}", groups[i % 3], *map(int, row)])
    done = taken(home, COORDINATION)
    assert blocking(done) == []
    ties = done.tables["ties"]
    assert len(ties) == 36
    assert ties["rc"].sum() == pytest.approx(ratings.sum() / 7)
    assert set(ties["target"]) == set(groups)
    assert len(COORDINATION.splitlines()) == 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "job",
    [
        test_a_wide_pulse_workbook_with_a_row_of_totals,
        test_two_surveys_of_two_tools_and_outcomes_of_wards_under_other_names,
        test_a_coordination_workbook_with_two_rows_of_headings,
    ],
    ids=["wide pulse workbook", "two surveys and outcomes", "coordination workbook"],
)
def test_each_job_runs_to_the_report(job, home, monkeypatch):
    job(home)
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    monkeypatch.setenv("JOYEVAL_KEY", secrets.token_hex(32))
    study = load_study(home / "pipelines" / "job.yml")
    run(study, executor=InProcess())
    assert "<h1" in (folders(study, "a").reports / "report.html").read_text(encoding="utf-8")
