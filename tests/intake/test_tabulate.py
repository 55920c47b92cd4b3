"""Raw tables become typed columns under our names; what does not fit is told in the spreadsheet's terms."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.intake.pulse import FIELDS, pulse_table, start_of
from joyeval.intake.raw import NOTE
from joyeval.intake.tabulate import tabulate
from joyeval.study import Pulse, RawTable

MAP = {"team": "Team", "n": "N", "day": "Day"}


def raw(folder, text, **part):
    (folder / "t.csv").write_text(text, encoding="utf-8")
    fields = {"team": "text", "n": "number", "day": "day"}
    return tabulate(RawTable(file=part.pop("file", "t.csv"), **part), folder, fields)


def test_values_are_typed_and_keep_their_rows(tmp_path):
    done = raw(tmp_path, 'Team,N,Day\nA,"1,204",2024-05-31\n B ,-,2024-06-01\n', columns=MAP, missing=("-",))
    assert done.problems == ()
    assert list(done.frame["team"]) == ["A", "B"]
    assert list(done.frame["row"]) == [2, 3]
    assert done.frame["n"].tolist()[0] == 1204
    assert pd.isna(done.frame["n"][1])
    assert done.frame["day"].dt.strftime("%F").tolist() == ["2024-05-31", "2024-06-01"]


def test_cells_of_another_kind_are_listed_together_without_their_content(tmp_path):
    done = raw(tmp_path, "Team,N,Day\nA,many,31/05/2024\nB,2,2024-06-01\nC,few,x\n", columns=MAP)
    assert [(p.row, p.column, p.rule) for p in done.problems] == [(2, "N", "not a number"), (2, "Day", "not a day")]
    assert "rows 2, 4" in done.problems[0].found
    assert "many" not in str(done.problems)


def test_two_different_cells_that_begin_as_numbers_do_are_shown_and_none_of_a_person(tmp_path):
    text = "Team,N,Day\nA,<5,2024-06-01\nB,<5,2024-06-01\nC,12*,2024-06-01\nD,7 of 9,2024-06-01\n"
    (told,) = raw(tmp_path, text, columns=MAP).problems
    assert "such as '<5' and '12*' (rows 2, 3, 4, 5)" in told.found
    (told,) = raw(tmp_path, text, columns=MAP | {"person": "Team"}).problems
    assert "<5" not in str(told)


def test_an_absent_heading_is_told_with_the_nearest_ones(tmp_path):
    done = raw(tmp_path, "Team,Number\nA,1\n", columns={"team": "Team", "n": "Numbr"})
    assert [(p.column, p.expected) for p in done.problems] == [("Numbr", "one of: Number")]
    assert done.frame.empty


def test_rows_are_left_out_only_where_the_study_says_so_and_counted(tmp_path):
    text = "Team,N,Kind\nA,1,x\nTOTAL ,9,x\nB,2,y\nC,3,x\n"
    done = raw(tmp_path, text, columns={"team": "Team", "n": "N"}, leave_out={"Team": "Total"}, where={"Kind": "x"})
    assert list(done.frame["team"]) == ["A", "C"]
    assert (done.n_read, done.n_left_out) == (4, 2)


def test_several_headings_are_added_up_and_a_gap_stays_a_gap(tmp_path):
    done = raw(tmp_path, "Team,A,B\nA,1,2\nB,1,\n", columns={"team": "Team", "n": ("A", "B")})
    assert done.frame["n"].tolist()[0] == 3
    assert pd.isna(done.frame["n"][1])


@pytest.mark.parametrize(
    ("pattern", "cell"), [("%d/%m/%Y", "01/04/2024"), ("%B %Y", "April 2024"), ("MSitAE-%B-%Y", "MSitAE-APRIL-2024")]
)
def test_days_and_months_are_read_as_they_are_written(tmp_path, pattern, cell):
    done = raw(tmp_path, f"Team,Day\nA,{cell}\n", columns={"team": "Team", "day": "Day"}, dates=pattern)
    assert done.frame["day"].dt.strftime("%F").tolist() == ["2024-04-01"]


def test_several_files_of_one_shape_are_joined_and_a_missing_one_is_a_problem(tmp_path):
    for month in "12":
        (tmp_path / f"m{month}.csv").write_text(f"Team,N\nA,{month}\n")
    done = raw(tmp_path, "x\n1\n", file="m*.csv", columns={"team": "Team", "n": "N"})
    assert done.frame["n"].tolist() == [1, 2]
    assert done.frame["file"].tolist() == ["m1.csv", "m2.csv"]
    assert raw(tmp_path, "x\n1\n", file="gone.csv", columns={"team": "T"}).problems[0].rule == "missing file"


def pulse(**changes):
    part = {"file": "p.csv", "measure": "good_day", "title": "Good day", "cohorts": ("1",), "period": "week"}
    return Pulse(**part | {"columns": {"team": "T"}} | changes)


def rows(**columns):
    table = pd.DataFrame(columns)
    for name in ("date", "period"):
        if name in table:
            table[name] = pd.to_datetime(table[name])
    return table.assign(file="p.csv", row=range(2, len(table) + 2))


def test_single_answers_are_counted_by_team_and_week():
    given = rows(
        team=list("AAAB"), date=["2024-05-27", "2024-06-02", "2024-06-03", "2024-06-02"], answer=["4", "2", "5", None]
    )
    table, problems = pulse_table(pulse(positive=(4, 5)), given)
    assert problems == []
    assert table[["team", "positive", "answers", "mean"]].values.tolist() == [["A", 1, 2, 3.0], ["A", 1, 1, 5.0]]
    assert table["period"].dt.strftime("%F").tolist() == ["2024-05-27", "2024-06-03"]


def test_labels_count_as_positive_when_the_study_lists_them():
    given = rows(team=["A", "A"], date=["2024-05-27"] * 2, answer=["Agree", "Disagree"])
    assert pulse_table(pulse(positive=("Agree",)), given)[0]["positive"].tolist() == [1]


def test_percentages_become_counts():
    given = rows(team=["A"], period=["2024-05-27"], positive=[37.5], answers=[16.0])
    assert pulse_table(pulse(percent=True), given)[0][["positive", "answers"]].values.tolist() == [[6.0, 16.0]]


def test_more_positive_than_answers_is_refused():
    given = rows(team=["A", "B"], period=["2024-05-27"] * 2, positive=[5.0, 1.0], answers=[4.0, 2.0])
    table, problems = pulse_table(pulse(), given)
    assert [(p.row, p.rule) for p in problems] == [(2, "more than all")]
    assert table["team"].tolist() == ["B"]


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("day", "2024-05-31"),
        ("week", "2024-05-27"),
        ("month", "2024-05-01"),
        ("quarter", "2024-04-01"),
        ("year", "2024-11-01"),
    ],
)
def test_periods_are_named_by_their_first_day(period, start):
    assert start_of(pd.Series([pd.Timestamp("2024-05-31")]), period, 11).dt.strftime("%F").item() == start


def test_fields_of_a_pulse_are_declared():
    assert {"team", "period", "positive", "answers"} <= set(FIELDS)


def test_codes_are_led_through_other_files(tmp_path):
    (tmp_path / "areas.csv").write_text("Area,Score\nA1,5\nA2,7\nA3,9\n")
    (tmp_path / "names.csv").write_text("Area,Short\nA1,a\nA2,b\nA3,c\n")
    (tmp_path / "trusts.csv").write_text("Short,Trust\na,R1\nb,R2\nb,R3\n")
    steps = [
        {"file": "names.csv", "old": "Area", "new": "Short"},
        {"file": "trusts.csv", "old": "Short", "new": "Trust"},
    ]
    named = {"file": "areas.csv", "columns": {"team": "Area", "value": "Score"}, "through": tuple(steps)}
    rows = tabulate(RawTable(**named), tmp_path, {"team": "text", "value": "number"}).frame
    assert sorted(zip(rows["team"], rows["value"], strict=True)) == [("R1", 5.0), ("R2", 7.0), ("R3", 7.0)]
    gone = RawTable(**named | {"through": ({"file": "gone.csv", "old": "a", "new": "b"},)})
    [problem] = tabulate(gone, tmp_path, {"team": "text", "value": "number"}).problems
    assert (problem.file, problem.rule) == ("gone.csv", "missing file")


def test_a_published_mean_counts_once_however_often_it_is_repeated():
    part = Pulse(
        measure="joy", title="Joy", file="t.csv", cohorts=("1",), period="year", month=11, columns={"mean": "M"}
    )
    days = pd.to_datetime(["2024-01-01", "2024-01-01", "2025-01-01"])
    rows = pd.DataFrame({"team": "A", "period": days, "mean": [7.0, 7.0, 6.5], "file": "t.csv", "row": [2, 3, 4]})
    table, problems = pulse_table(part, rows)
    assert problems == []
    assert table["mean"].tolist() == [7.0, 6.5]
    assert table["period"].dt.strftime("%Y-%m").tolist() == ["2024-11", "2025-11"]
    _, [problem] = pulse_table(part, rows.assign(mean=[7.0, 7.1, 6.5]))
    assert (problem.rule, problem.row) == ("several means", 2)


def test_answers_that_hold_a_number_and_words_count_by_either():
    from joyeval.study import Pulse

    rows = pd.DataFrame(
        {"team": "A", "date": pd.Timestamp("2024-01-01"), "answer": ["4 - Good", "Good (4)", "1 - Bad"]}
    )
    about = {"file": "p.csv", "columns": {}, "measure": "day", "title": "Day", "cohorts": ("1",), "period": "week"}
    for positive in ((4,), ("Good",), ("4 - Good", "Good (4)")):
        table, problems = pulse_table(Pulse(**about, positive=positive), rows)
        assert (problems, table["positive"][0], table["answers"][0], table["mean"][0]) == ([], 2, 3, 3)


def test_rows_that_the_reader_sets_aside_are_counted_and_told(tmp_path):
    text = "Team,N,Day\n" + "A,1,2024-05-31\n" * 30 + "A,1\n\nSource: the payroll of May\n"
    done = raw(tmp_path, text, columns=MAP)
    assert (done.n_read, done.n_left_out, len(done.frame)) == (32, 2, 30)
    assert done.reasons == ("ragged row", NOTE)
    assert [(p.rule, p.row, p.blocking) for p in done.problems] == [("ragged row", 32, False)]


def test_a_file_that_leads_on_and_cannot_be_used_is_told(tmp_path):
    (tmp_path / "scores.csv").write_text("Area,Score\nA1,5\nA2,7\n")
    about = {"file": "scores.csv", "columns": {"team": "Area", "n": "Score"}}
    for content, rule in (("Area;Trst\nA1;T\n", "unknown column"), ('Area,Trust\n"A1,T\n', "open quotation")):
        (tmp_path / "areas.csv").write_text(content)
        through = ({"file": "areas.csv", "old": "Area", "new": "Trust"},)
        part = RawTable(**about, through=through)
        done = tabulate(part, tmp_path, {"team": "text", "n": "number"})
        assert [problem.rule for problem in done.problems] == [rule]
        assert done.frame.empty


def test_decimals_with_a_comma_in_a_file_with_semicolons(tmp_path):
    """A group of thousands never begins with 0, and the semicolon leaves the comma free for decimals."""
    cells = ["0,125", "0,250", "0,375", "1,234", "12,500", "0,075"]
    text = "Team;N;Day\n" + "".join(f"A;{cell};2024-0{i}-01\n" for i, cell in enumerate(cells, start=1))
    done = raw(tmp_path, text, columns=MAP)
    assert done.problems == ()
    assert done.frame["n"].tolist() == [0.125, 0.25, 0.375, 1.234, 12.5, 0.075]
    done = raw(tmp_path, text.replace("0,250", "2.5"), columns=MAP)
    assert [problem.rule for problem in done.problems] == ["decimal mark"]


def test_a_pipe_is_no_file_of_a_study(tmp_path):
    import os

    os.mkfifo(tmp_path / "t.csv")
    done = tabulate(RawTable(file="*.csv", columns=MAP), tmp_path, {"team": "text"})
    assert [problem.rule for problem in done.problems] == ["missing file"]
