"""A column per period, as spreadsheets hold pulses and outcomes."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import xlsxwriter
from pydantic import ValidationError

from joyeval.errors import DataError
from joyeval.intake import outcomes, pulse
from joyeval.intake.tabulate import tabulate
from joyeval.study import Outcome, Pulse
from tests.intake.files import csv, xlsx

WEEKS = ["2024-05-06", "2024-05-13", "2024-05-20"]


def pulse_part(file, **more) -> Pulse:
    about = {"measure": "day", "title": "Good days", "cohorts": ("1",), "period": "week", "columns": {"team": "Team"}}
    return Pulse(**about | {"file": file.name, "layout": "wide"} | more)


def outcome_part(file, **more) -> Outcome:
    about = {"measure": "falls", "title": "Falls", "kind": "rate", "unit": "falls", "improve": "decrease"}
    return Outcome(
        **about | {"period": "month", "columns": {"team": "Ward"}, "file": file.name, "layout": "wide"} | more
    )


def read(part, file) -> pd.DataFrame:
    module, build = (pulse, pulse.pulse_table) if isinstance(part, Pulse) else (outcomes, outcomes.outcome_table)
    done = tabulate(part, file.parent, module.FIELDS)
    table, problems = build(part, done.frame)
    blocking = [p for p in (*done.problems, *problems) if p.blocking]
    if blocking:
        raise DataError(blocking)
    return table


def test_weeks_as_columns_become_rows(tmp_path):
    file = csv(
        tmp_path / "p.csv", "Team,Division,06/05/2024,13/05/2024,20/05/2024,Mean", "A,x,3,4,,3.5", "B,y,5,0,6,3.7"
    )
    part = pulse_part(file, unit="points")
    table = read(part, file)
    assert table[["team", "mean"]].to_numpy().tolist() == [["A", 3], ["A", 4], ["B", 5], ["B", 0], ["B", 6]]
    assert table["period"].dt.strftime("%F").tolist() == [*WEEKS[:2], *WEEKS]
    done = tabulate(part, tmp_path, pulse.FIELDS)
    assert done.frame["row"].tolist() == [2, 2, 3, 3, 3]
    assert "columns that are no periods and were not used: Division, Mean" in done.notices


@pytest.mark.parametrize("cells", ["per cent format", "text", "shares"])
def test_percentages_and_the_sheet_of_answers_behind_them(tmp_path, cells):
    """0.52 shown as 52 %, 52% as text, and 0.52 where the study file says so, are 13 of 25 answers."""
    file = tmp_path / "pulse.xlsx"
    with xlsxwriter.Workbook(file) as book:
        per_cent = book.add_format({"num_format": "0%"})
        week = book.add_format({"num_format": "dd/mm/yyyy"})
        page, counts = book.add_worksheet("Good days"), book.add_worksheet("Responses")
        page.write(0, 0, "Good day pulse 2024")
        for sheet, top in ((page, 2), (counts, 0)):
            sheet.write(top, 0, "Team")
            for j, day in enumerate(WEEKS, start=1):
                sheet.write_datetime(top, j, pd.Timestamp(day), week)
        for i, team in enumerate(["Ward 1", "Ward 2"], start=1):
            page.write(2 + i, 0, team)
            counts.write(i, 0, team.upper())
            for j in range(1, 4):
                if cells == "text":
                    page.write_string(2 + i, j, "52%")
                else:
                    page.write_number(2 + i, j, 0.52, per_cent if cells == "per cent format" else None)
                counts.write_number(i, j, 25)
    unit = {"share": True} if cells == "shares" else {"percent": True}
    table = read(pulse_part(file, answers_from={"sheet": "Responses"}, **unit), file)
    assert len(table) == 6
    assert (table["positive"].unique(), table["answers"].unique()) == ([13], [25])


def test_a_number_without_the_answers_behind_it_stops(tmp_path):
    sheets = {"P": [["Team", *WEEKS], ["A", 50, 60, 70], ["B", 50, 60, 70]], "N": [["Team", *WEEKS], ["A", 10, 10, 10]]}
    with xlsxwriter.Workbook(tmp_path / "p.xlsx") as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for i, row in enumerate(rows):
                page.write_row(i, 0, row)
    part = pulse_part(tmp_path / "p.xlsx", sheet="P", percent=True, answers_from={"sheet": "N"})
    with pytest.raises(DataError) as caught:
        read(part, tmp_path / "p.xlsx")
    assert [(p.rule, p.row) for p in caught.value.problems] == [("answers behind", 3)]


def test_two_rows_of_headings_tell_numbers_of_a_period_apart(tmp_path):
    rows = [["Team", *(c for week in WEEKS for c in (week, ""))], ["", *["Good", "All"] * 3]]
    file = xlsx(tmp_path / "p.xlsx", *rows, ["A", 3, 9, 4, 8, 5, 7], ["B", 1, 2, "", "", 2, 2])
    part = pulse_part(file, header_rows=2, columns={"team": "Team", "positive": "Good", "answers": "All"})
    table = read(part, file)
    assert table[["positive", "answers"]].to_numpy().tolist() == [[3, 9], [4, 8], [5, 7], [1, 2], [2, 2]]
    done = tabulate(pulse_part(file, header_rows=2), tmp_path, pulse.FIELDS)
    assert [p.found for p in done.problems if p.blocking] == ["several numbers a period: good, all"]


def test_months_below_financial_years(tmp_path):
    file = csv(tmp_path / "f.csv", "Ward,2023/24,,2024/25,", ",Dec,Jan,Apr,Mar", "W1,1,2,3,4")
    table = read(outcome_part(file, header_rows=2, kind="mean"), file)
    assert table["period"].dt.strftime("%F").tolist() == ["2023-12-01", "2024-01-01", "2024-04-01", "2025-03-01"]
    assert table["value"].tolist() == [1, 2, 3, 4]


def test_outcomes_with_a_sheet_of_denominators_are_counts(tmp_path):
    months = ["Apr-24", "May-24", "Jun-24"]
    with xlsxwriter.Workbook(tmp_path / "f.xlsx") as book:
        for name, factor in (("Falls", 1), ("Bed days", 1000)):
            page = book.add_worksheet(name)
            for i, row in enumerate([["Ward", *months], *([ward, *(factor * n for n in (2, 3, 4))] for ward in "AB")]):
                page.write_row(i, 0, row)
    part = outcome_part(tmp_path / "f.xlsx", answers_from={"sheet": "Bed days"}, per=1000)
    table = read(part, tmp_path / "f.xlsx")
    assert (table["numerator"].tolist(), set(table["value"])) == ([2, 3, 4] * 2, {1.0})
    assert table["period"].dt.date.tolist()[:3] == [date(2024, 4, 1), date(2024, 5, 1), date(2024, 6, 1)]


def test_week_numbers_need_their_year(tmp_path):
    file = csv(tmp_path / "p.csv", "Team,Week 1,Week 2,Week 10", "A,1,2,3")
    table = read(pulse_part(file, dates="week number", year=2024, unit="points"), file)
    assert table["period"].dt.strftime("%F").tolist() == ["2024-01-01", "2024-01-08", "2024-03-04"]
    with pytest.raises(ValidationError, match="need each other"):
        pulse_part(file, dates="week number")


MONTHS = ["Apr", "May", "Jun", "Jul", "Aug", "Sept.", "October", "Nov", "Dec", "Jan", "Feb", "Mar"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_months_without_a_year_are_told_the_key_that_reads_them(tmp_path, kind):
    rows = [["Ward", *MONTHS, "Sepsis"], ["W1", *range(12), 99], ["W2", *range(12, 24), 99]]
    if kind == "xlsx":
        file = xlsx(tmp_path / "f.xlsx", ["Falls by month, 2023/24"], *rows)
    else:
        file = csv(tmp_path / "f.csv", *(",".join(map(str, row)) for row in rows))
    (told,) = tabulate(outcome_part(file, kind="mean"), tmp_path, outcomes.FIELDS).problems
    assert told.fix == "write `dates: month name` and the `year` of the first of these months in the study file"
    part = outcome_part(file, kind="mean", dates="month name", year=2023)
    table = read(part, file)
    assert table["value"].tolist() == list(range(24))
    expected = [f"2023-{month:02}-01" for month in range(4, 13)] + ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert table["period"].dt.strftime("%F").tolist() == expected * 2
    notices = tabulate(part, tmp_path, outcomes.FIELDS).notices
    assert "headings without a year were taken for 2023-04-01 to 2024-03-01" in notices
    assert "columns that are no periods and were not used: Sepsis" in notices


def test_weeks_without_a_year_are_told_the_key_that_reads_them(tmp_path):
    file = csv(tmp_path / "p.csv", "Team,wk 51,wk 52,wk 1,wk 2", "A,1,2,3,4")
    (told,) = tabulate(pulse_part(file, unit="points"), tmp_path, pulse.FIELDS).problems
    assert told.fix == "write `dates: week number` and the `year` of these weeks in the study file"
    table = read(pulse_part(file, unit="points", dates="week number", year=2024), file)
    assert table["period"].dt.strftime("%F").tolist() == ["2024-12-16", "2024-12-23", "2024-12-30", "2025-01-06"]


@pytest.mark.parametrize("months", [["Dec", "Nov", "Oct"], ["Apr", "Aug", "Dec", "Feb", "Jan"]])
def test_months_in_no_order_of_time_are_refused(tmp_path, months):
    file = csv(tmp_path / "f.csv", ",".join(["Ward", *months]), ",".join("W" * (len(months) + 1)))
    done = tabulate(outcome_part(file, kind="mean", dates="month name", year=2024), tmp_path, outcomes.FIELDS)
    assert [p.rule for p in done.problems] == ["no order of time"]


def test_a_column_of_months_without_a_year_is_told_the_key_that_reads_them(tmp_path):
    file = csv(tmp_path / "f.csv", "Ward,Month,Falls", "W1,Jan,1", "W1,Feb,2")
    about = {"layout": "long", "kind": "mean", "columns": {"team": "Ward", "period": "Month", "value": "Falls"}}
    (told,) = tabulate(outcome_part(file, **about), tmp_path, outcomes.FIELDS).problems
    assert told.fix == "write `dates: month name` and the `year` of these months in the study file"
    table = read(outcome_part(file, **about, dates="month name", year=2024), file)
    assert table["period"].dt.strftime("%F").tolist() == ["2024-01-01", "2024-02-01"]


def test_a_table_without_periods_is_told(tmp_path):
    file = csv(tmp_path / "p.csv", "Team,Score,N", "A,1,2")
    done = tabulate(pulse_part(file, unit="points"), tmp_path, pulse.FIELDS)
    assert [(p.rule, p.row) for p in done.problems] == [("no periods", 1)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"share": True, "percent": True}, "`share` and `percent`"),
        ({"answers_from": {"sheet": "N"}, "layout": "long"}, "without `layout: wide`"),
        ({"rows": (9, 3)}, "`rows` end in 3"),
        ({"dates": "weekly"}, "neither a pattern"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(tmp_path, more, said):
    with pytest.raises(ValidationError, match=said):
        pulse_part(tmp_path / "p.csv", **more)


STUDY = """
study: wards
title: Wards
data: raw
synthetic: true
programme: {name: Joy, aim: More good days.}
cohorts: [{cohort: "1", title: One, start: 2024-05-01, end: 2024-06-30}]
teams: {file: teams.csv, columns: {team: Team, headcount: Staff}}
pulses:
  - measure: good_day
    title: Good days
    cohorts: ["1"]
    period: week
    file: pulse.csv
    layout: wide
    dates: "%d/%m/%Y"
    percent: true
    answers_from: headcount
    columns: {team: Team}
coordination:
  - wave: "1"
    process: ward
    cohorts: ["1"]
    layout: matrix
    frequency: scored
    file: rc.xlsx
    sheets: {freq: Frequency}
    columns: {person: Who, workgroup: Group}
"""


def take(folder, text, pulses: list[str]):
    from joyeval import load_study
    from joyeval.intake.tables import take_in

    (folder / "raw").mkdir(exist_ok=True)
    (folder / "wards.yml").write_text(text)
    csv(folder / "raw" / "teams.csv", "Team,Staff", "Ward 1,20", "Ward 2,10")
    csv(folder / "raw" / "pulse.csv", *pulses)
    xlsx(folder / "raw" / "rc.xlsx", ["Who", "Group", "N", "D"], ["a", "N", 1, 2], sheet="Frequency")
    return take_in(load_study(folder / "wards.yml"), "1")


def test_a_study_with_a_wide_pulse_and_headcounts_behind_it(tmp_path):
    text = STUDY[: STUDY.index("coordination:")]
    taken = take(tmp_path, text, ["Team,06/05/2024,13/05/2024", "Ward 1,50%,60%", "Ward 2,50%,70%"])
    assert [problem for problem in taken.problems if problem.blocking] == []
    table = taken.tables["pulse"]
    assert table[["positive", "answers"]].to_numpy().tolist() == [[10, 20], [12, 20], [5, 10], [7, 10]]


def test_the_study_file_is_told_what_a_wide_table_and_a_matrix_need(tmp_path):
    text = STUDY.replace("columns: {team: Team}", "columns: {team: Team, period: Week, postive: Good}")
    told = take(tmp_path, text, ["Team,06/05/2024", "Ward 1,50%", "Ward 2,70%"]).problems
    found = {(p.column, p.rule) for p in told if p.file == "wards.yml"}
    assert ("pulses[1].columns.period", "key without effect") in found
    assert ("pulses[1].columns.postive", "unknown name of a column") in found
    assert ("coordination[1].sheets", "column not named") in found
