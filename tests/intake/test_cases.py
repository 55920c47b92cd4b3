"""Small inputs that public reports of other programs led to: each gives what was expected, or stops in words."""

from __future__ import annotations

import re
import zipfile

import pytest

from joyeval.intake import read
from joyeval.intake.tables import take_in
from joyeval.study import load_study
from tests.intake.files import csv, xlsx

STUDY = """\
study: breaks
title: Breaks
data: raw
synthetic: true
source: made up
programme: {name: Breaks, aim: More of them.}
cohorts: [{cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}]
teams: {file: teams.csv, columns: {team: Team, headcount: Staff}}
"""
WAVE = """\
waves:
  - {wave: spring, file: spring.csv, cohorts: [one], instruments: [breaks.yml], start: 2024-05-01, end: 2024-05-31,
    columns: {team: team, q1: q1, q2: q2}}
"""
OUTCOME = """\
outcomes:
  - {measure: rate, title: Sickness, kind: mean, unit: days, improve: decrease, period: month, file: out.csv,
    columns: {team: Team, period: Month, value: Rate}}
"""
BREAKS = """\
id: breaks
title: Breaks
about: Two questions about breaks.
source: the wellbeing group
licence: {terms: ours, wording: ships, commercial: free}
responses:
  often: {codes: [1, 5], labels: {1: Never, 2: Seldom, 3: Sometimes, 4: Often, 5: Always}}
items:
  q1: {topic: time for a break, responses: often, text: "Did you have time for a break?"}
  q2: {topic: break with others, responses: often, text: "Did you spend it with others?"}
scales:
  breaks: {title: Breaks (1 to 5), items: [q1, q2], answered: 1, rule: ours, better: higher}
"""
HEAD = "id,team,comment,q1,q2"
ROWS = [f"{i},{'AB'[i % 2]},fine,{i % 5 + 1},{i % 4 + 1}" for i in range(1, 41)]


@pytest.fixture
def taken(tmp_path):
    """Take in a study with this survey or outcome file."""

    def take(content, part=WAVE):
        (tmp_path / "raw").mkdir()
        (tmp_path / "raw" / ("spring.csv" if part is WAVE else "out.csv")).write_bytes(content)
        csv(tmp_path / "raw" / "teams.csv", "Team,Staff", "A,40", "B,40")
        (tmp_path / "breaks.yml").write_text(BREAKS, encoding="utf-8")
        (tmp_path / "study.yml").write_text(STUDY + part, encoding="utf-8")
        done = take_in(load_study(tmp_path / "study.yml"), "one", key=b"k" * 32)
        return done.tables, [(p.file, p.row, p.column, p.rule) for p in done.problems if p.blocking]

    return take


def text(*rows: str) -> bytes:
    return "\n".join([*rows, ""]).encode()


def test_foreign_words_numbers(taken):
    words = {1: "Immer", 2: "Oft", 3: "Manchmal", 4: "Selten", 5: "Nie"}
    rows = [f"{i},{'AB'[i % 2]},{i % 5 + 1} - {words[i % 5 + 1]},{i % 5 + 1}" for i in range(30)]
    assert taken(text("id,team,q1,q2", *rows))[1] == [("spring.csv", 2, "q1", "mixed scale")]


def test_two_lone_quotes(taken):
    rows = [*ROWS]
    rows[4], rows[8] = '5,A,Ward 6" beds,4,5', '9,A,the "A team,3,3'
    tables, problems = taken(text(HEAD, *rows))
    assert problems == []
    assert tables["wave_breaks"]["q1"].tolist()[4:9:4] == [4, 3]
    assert len(tables["wave_breaks"]) == 40


def test_mixed_line_ends(taken):
    tables, problems = taken(text(HEAD, *ROWS[:30]) + "\r".join([*ROWS[30:], ""]).encode())
    assert problems == []
    assert tables["wave_breaks"]["q1"].tolist() == [i % 5 + 1 for i in range(1, 41)]


@pytest.mark.parametrize(
    "above", [("Staff pulse May 2024,,,,", "Contact: the office,,,,", ",,,,"), ("# export", "VERSION,1.0")]
)
def test_headings_below_a_title_in_text(taken, above):
    tables, problems = taken(text(*above, HEAD, *ROWS))
    assert problems == []
    assert tables["wave_breaks"]["q2"].tolist() == [i % 4 + 1 for i in range(1, 41)]


def test_headings_below_a_title_in_a_workbook(tmp_path):
    """Two questions side by side call their columns alike."""
    heads = ["Code", "Name", "Score", "Base", "Score", "Base"]
    rows = [[f"R{i}", f"Trust {i}", 6.1 + i / 10, 300 + i, 5.2, 310] for i in range(14)]
    raw = read(xlsx(tmp_path / "w.xlsx", ["Survey 2024", "", "Q1", "", "Q2"], ["Weighted"], [], heads, *rows))
    assert raw.header_row == 4
    assert raw.frame.columns == ["Code", "Name", "Score", "Base", "Score (2)", "Base (2)"]
    assert raw.frame.height == 14


def test_surveymonkey_matrix_only(tmp_path):
    about = "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Custom Data 1"
    when = "05/01/2024 10:00:00 AM,05/01/2024 10:04:00 AM"
    rows = [f"{i},9,{when},1.2.3.4,a{i}@x.org,Ann,Lee,,{i % 5 + 1},{i % 4 + 1}" for i in range(7)]
    raw = read(csv(tmp_path / "w.csv", f"{about},Rate each:,", ",,,,,,,,,Breaks,Lunch", *rows))
    assert (raw.source, raw.frame.height) == ("SurveyMonkey", 7)
    assert raw.frame.columns[-2:] == ["Rate each: [Breaks]", "Rate each: [Lunch]"]
    assert not {"First Name", "Last Name", "Email Address", "IP Address"} & set(raw.frame.columns)


def test_decimal_comma_three_places(taken):
    cells = ["0,125", "0,250", "0,375", "1,234", "12,500", "0,075"]
    rows = [f"{team};2024-{month:02}-01;{cells[month % 6]}" for team in "AB" for month in range(1, 13)]
    tables, problems = taken(text("Team;Month;Rate", *rows), OUTCOME)
    assert problems == []
    assert tables["outcomes"]["value"].tolist()[:6] == [0.25, 0.375, 1.234, 12.5, 0.075, 0.125]


@pytest.mark.parametrize("cell", ["inf", "nan", "-Infinity"])
def test_infinite_outcome(taken, cell):
    rows = [f"{team},2024-{month:02}-01,4.{month}" for team in "AB" for month in range(1, 10)]
    rows[4] = f"A,2024-05-01,{cell}"
    assert taken(text("Team,Month,Rate", *rows), OUTCOME)[1] == [("out.csv", 6, "Rate", "not a number")]


def test_libreoffice_dimension(tmp_path):
    """Where whole rows have a format, LibreOffice writes rows without columns as the extent of the sheet."""
    rows = [["id", "team", "q1", "q2"], *([i, "AB"[i % 2], i % 5 + 1, i % 4 + 1] for i in range(20))]
    file = xlsx(tmp_path / "a.xlsx", *rows)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="1:58"', old.read(name)))
    raw = read(tmp_path / "b.xlsx")
    assert (raw.frame.columns, raw.frame.height) == (rows[0], 20)
