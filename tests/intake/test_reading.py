"""Any export in: recognised, decoded, cut into rows whose numbers are those of the spreadsheet."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from joyeval.errors import DataError
from joyeval.intake import read
from joyeval.intake.text import scan
from tests.intake.files import crafted_xlsx, csv, xlsx, zip_bomb


def refused(path, **options) -> str:
    """The rule by which a file is refused."""
    with pytest.raises(DataError) as caught:
        read(path, **options)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0].rule


def cells(raw) -> list[dict]:
    return raw.frame.cast(pl.String).to_dicts()


# ---- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_give_the_same_cells(tmp_path, encoding):
    raw = read(csv(tmp_path / "w.csv", "id,team", "1,Café", "2,Day’s end", encoding=encoding))
    assert cells(raw) == [{"id": "1", "team": "Café"}, {"id": "2", "team": "Day’s end"}]


def test_an_old_encoding_is_said(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "id,team", "1,Café", encoding="cp1252"))
    assert any("Windows-1252" in notice for notice in raw.notices)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_although_texts_hold_others(tmp_path, delimiter):
    rows = [delimiter.join(row) for row in (["id", "why"], ["1", '"a, b; c"'], ["2", '"d | e\tf"'])]
    assert cells(read(csv(tmp_path / "w.csv", *rows)))[0] == {"id": "1", "why": "a, b; c"}


def test_a_sep_line_is_obeyed_and_counted(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "sep=;", "a;b", "1;2", "3;4"))
    assert raw.frame.columns == ["a", "b"]
    assert raw.rows.to_list() == [3, 4]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    assert cells(read(csv(tmp_path / "w.csv", "a,b", "1,2", "3,4", end=end))) == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
    ]


def test_a_line_break_within_quotation_marks_is_one_row(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "a,b", '1,"one', 'two, three"', "2,x"))
    assert raw.rows.to_list() == [2, 3]
    assert cells(raw)[0]["b"] == "one\ntwo, three"


def test_blank_rows_are_left_out_but_counted(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "a,b", "1,2", "", "3,4", ",", ""))
    assert raw.rows.to_list() == [2, 4]


def test_rows_of_another_width_are_set_aside_not_shifted(tmp_path):
    good = [f"{i},{i}" for i in range(40)]
    raw = read(csv(tmp_path / "w.csv", "a,b", *good, "1,2,3", "9"))
    assert raw.set_aside.to_dicts() == [{"row": 42, "rule": "ragged row"}, {"row": 43, "rule": "ragged row"}]
    assert raw.frame.height == 40


def test_a_row_too_long_and_one_too_short_do_not_make_up_for_each_other(tmp_path):
    good = [f"{i},{i}" for i in range(100)]
    raw = read(csv(tmp_path / "w.csv", "a,b", *good, "1,2,3", "9"))
    assert raw.set_aside["row"].to_list() == [102, 103]


@pytest.mark.parametrize("odd", ["Often", "4.0", "007", " 4", "40000"])
def test_a_column_of_numbers_may_hold_something_else_far_below(tmp_path, odd):
    raw = read(csv(tmp_path / "w.csv", "a,b", *["1,2"] * 2500, f"{odd},2"))
    assert cells(raw)[-1]["a"].strip(" 0") == odd.strip(" 0")
    assert cells(raw)[0] == {"a": "1", "b": "2"}


def test_delimiters_at_the_end_of_rows_do_no_harm(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "a,b", "1,2,,", "3,4,"))
    assert cells(raw) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_table_with_unnamed_row_names_is_refused_not_shifted(tmp_path):
    assert refused(csv(tmp_path / "w.csv", "a,b", "1,2,3", "4,5,6")) == "ragged file"


def test_an_open_quotation_mark_is_told(tmp_path):
    assert refused(csv(tmp_path / "w.csv", "a,b", '1,"two', "3,4")) == "open quotation"


def test_a_quotation_mark_within_a_cell_is_a_letter(tmp_path):
    """Two lone marks, rows 6 and 10: polars takes the text between them for one cell."""
    rows = [f"{i},A,fine,3" for i in range(1, 27)]
    rows[4], rows[8] = '5,A,Ward 6" beds,4', '9,A,the "A team,3'
    raw = read(csv(tmp_path / "w.csv", "id,team,comment,q1", *rows))
    assert (raw.frame.height, raw.set_aside.height) == (26, 0)
    assert [cells(raw)[i]["comment"] for i in (4, 8)] == ['Ward 6" beds', 'the "A team']
    assert cells(raw)[4]["q1"] == "4"


def test_a_cell_that_begins_with_a_lone_mark_is_told_with_its_row(tmp_path):
    rows = [f"{i},A,fine,3" for i in range(1, 27)]
    rows[4], rows[8] = '5,A,"Ward 6 beds,4', '9,A,the "A" team,3'
    with pytest.raises(DataError) as caught:
        read(csv(tmp_path / "w.csv", "id,team,comment,q1", *rows))
    assert [(p.rule, p.row) for p in caught.value.problems] == [("open quotation", 6)]


def test_rows_swallowed_by_an_open_mark_are_never_lost_in_silence(tmp_path):
    rows = [f"{i},A,fine,3" for i in range(1, 40)]
    rows[4], rows[12] = '5,A,"Ward 6,4', '13,A,fine"'
    assert refused(csv(tmp_path / "w.csv", "id,team,comment,q1", *rows)) == "open quotation"


def test_line_ends_may_change_within_a_file(tmp_path):
    rows = [f"{i},{i % 5}" for i in range(40)]
    path = tmp_path / "w.csv"
    path.write_bytes(("\n".join(["id,q", *rows[:30], ""]) + "\r".join([*rows[30:], ""])).encode())
    raw = read(path)
    assert (raw.frame.height, raw.set_aside.height, raw.rows.to_list()[-1]) == (40, 0, 41)


letters = st.text(st.sampled_from('ab,;"\n\r é'), max_size=60)


@settings(deadline=None)
@given(letters)
def test_every_text_is_read_as_the_csv_module_reads_it_or_refused(tmp_path_factory, text):
    """No cell ever stands in another column: what is read is what RFC 4180 says."""
    import csv as standard
    import io

    path = tmp_path_factory.mktemp("w") / "w.csv"
    path.write_bytes(("sep=,\nx,y\n1,2\n" + text).encode())
    page = io.StringIO("x,y\n1,2\n" + text, newline="")
    try:
        rows = [row for row in list(standard.reader(page, strict=True))[1:] if any(row[:2]) and not any(row[2:])]
    except standard.Error:
        assert refused(path) == "open quotation"
        return
    try:
        raw = read(path, header_row=2)  # a wider row below would be taken for the headings
    except DataError as error:
        rules = [problem.rule for problem in error.problems]
        event(rules[0])
        assume(rules not in (["ragged file"], ["open quotation"]))  # rows of another width, in one line or in several
        raise
    got = [[cell or "" for cell in row] for row in raw.frame.cast(pl.String).rows()]
    assert got == [row[:2] for row in rows if len(row) > 1]


PIECES = [b",", b";", b"\t", b"|", b'"', b"\n", b"\r", b"a", b"team", b"1", b"2.5", b" ", b"\xe9", b"\0", b"%", b"V1"]
PIECES += [b"2024-01-01", b"Respondent ID", b"ImportId", b"sep=;", b"Timestamp", b"\xff\xfe", b"StartDate"]
PIECES += [b"___1", b"Note: x y z"]
PLACES = [{}, {"header_row": 2}, {"header_rows": 2}, {"header_rows": 3, "header_row": 2}, {"rows": (2, 4)}]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=100), st.sampled_from(PLACES))
def test_whatever_bytes_a_file_holds_end_in_rows_or_in_problems(tmp_path_factory, pieces, place):
    path = tmp_path_factory.mktemp("w") / "w.csv"
    path.write_bytes(b"".join(pieces))
    try:
        raw = read(path, **place)
    except DataError as error:
        event(error.problems[0].rule)
    else:
        assert raw.frame.height == len(raw.rows)


def test_repeated_and_empty_headings_are_numbered_and_told(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "Score,Score,", "1,2,3"))
    assert raw.frame.columns == ["Score", "Score (2)", "(column 3)"]
    assert [problem.column for problem in raw.problems] == ["Score (2)"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [(b"", "empty file"), (b"\xff\xfe", "empty file"), (b"a,b\n", "no rows"), (b"\0\0\n", "empty file")],
)
def test_nothing_to_read_is_told(tmp_path, content, rule):
    path = tmp_path / "w.csv"
    path.write_bytes(content)
    assert refused(path) == rule


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n" + b"x" * 2_000_000 + b",1\n",  # one endless cell
        b'a,b\n"' + b"x\n" * 500_000 + b'",1\n',  # a text that never seems to end
        b"a" + b"," * 200_000 + b"\n1" + b"," * 200_000 + b"\n",  # more columns than any spreadsheet
    ],
)
def test_text_that_is_no_table_is_told(tmp_path, content):
    path = tmp_path / "w.csv"
    path.write_bytes(content)
    assert refused(path) == "no table"


def test_a_missing_file_is_told(tmp_path):
    assert refused(tmp_path / "nowhere.csv") == "missing file"


def test_zeros_at_the_end_are_no_row(tmp_path):
    path = tmp_path / "w.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"\0" * 500)
    assert cells(read(path)) == [{"a": "1", "b": "2"}]


def test_more_distinct_answers_than_the_sample_promised(tmp_path):
    """The first 2,000 rows repeat five texts; 70,000 others follow, more than 16 bits number."""
    raw = read(
        csv(tmp_path / "w.csv", "a,b", *(f"x{i % 5},1" for i in range(2000)), *(f"y{i},1" for i in range(70_000)))
    )
    assert raw.frame["a"].cast(pl.String).n_unique() == 70_005


fields = st.text(st.sampled_from('ab,;"\n é'), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=8))
def test_scan_agrees_with_the_csv_module(rows):
    import csv as standard
    import io

    page = io.StringIO(newline="")
    standard.writer(page, lineterminator="\n", quoting=standard.QUOTE_ALL).writerows(rows)
    ends, counts = scan(page.getvalue().encode(), ",")
    assert len(ends) == len(rows)
    assert set(counts) == {2}


# ---- what stands beside the table ------------------------------------------------------------------

ANSWERS = [f"{i},{'AB'[i % 2]},fine,{i % 5 + 1}" for i in range(40)]


@pytest.mark.parametrize(
    "above",
    [["# export", "VERSION,1.0"], ["Staff pulse May 2024,,,", "Contact: hr@example.org,,,", ",,,"], ["Pulse", ""]],
)
def test_headings_of_a_text_file_stand_below_a_title(tmp_path, above):
    raw = read(csv(tmp_path / "w.csv", *above, "id,team,comment,q1", *ANSWERS))
    assert (raw.frame.columns, raw.frame.height) == (["id", "team", "comment", "q1"], 40)
    assert raw.rows[0] == len(above) + 2
    assert f"the headings stand in row {len(above) + 1}; what stands above them was left out" in raw.notices


def test_headings_may_repeat_below_a_title(tmp_path):
    rows = [
        ["Results"],
        [],
        ["Organisation", "", "Morale", "", "Engagement", ""],
        ["Code", "Name", *["Score", "Base"] * 2],
    ]
    rows += [[f"R{i}", f"Trust {i}", 6.1, 101, 6.6, 102] for i in range(14)]
    path = xlsx(tmp_path / "w.xlsx", *rows, ["Source: the survey of 2024"])
    raw = read(path)
    assert raw.frame.columns == ["Code", "Name", "Score", "Base", "Score (2)", "Base (2)"]
    assert (raw.frame.height, raw.set_aside.to_dicts()) == (14, [{"row": 19, "rule": "note below the table"}])
    (told,) = [problem for problem in raw.problems if problem.rule == "two header rows"]
    assert "`header_row: 3` and `header_rows: 2`" in told.fix
    joined = ["Organisation | Code", "Organisation | Name", "Morale | Score", "Morale | Base"]
    for more in ({}, {"header_row": 3}):
        raw = read(path, header_rows=2, **more)
        assert raw.frame.columns == [*joined, "Engagement | Score", "Engagement | Base"]
        assert raw.rows[0] == 5


def test_headings_of_three_rows_in_a_text_file(tmp_path):
    rows = ["Person,Falls,,,Harm,", ",2023,,2024,2024,", ",Jan,Feb,Jan,Jan,Feb", "p1,1,2,3,4,5"]
    raw = read(csv(tmp_path / "w.csv", *rows), header_row=1, header_rows=3)
    assert raw.frame.columns == [
        "Person",
        *("Falls | 2023 | Jan", "Falls | 2023 | Feb", "Falls | 2024 | Jan", "Harm | 2024 | Jan", "Harm | 2024 | Feb"),
    ]


def test_rows_named_are_the_table_and_others_are_counted(tmp_path):
    path = csv(tmp_path / "w.csv", "Team,N,M", "A,1,2", "B,3,4", "", "Team,Answers,All", "A,7,8", "B,9,10")
    raw = read(path, rows=(2, 3))
    assert (raw.rows.to_list(), raw.set_aside["row"].to_list()) == ([2, 3], [5, 6, 7])
    (told,) = [problem for problem in read(path).problems if problem.blocking]
    assert (told.rule, told.row) == ("second table", 5)
    assert "`rows: [2, 3]`" in told.fix


def test_headings_repeated_by_blocks_are_no_records(tmp_path):
    block = ["Team,Week,Good,All", *(f"{t},2024-01-0{i},3,9" for t in "AB" for i in range(1, 4))]
    raw = read(csv(tmp_path / "w.csv", *block, "", "Community teams,,,", *block, "", *block))
    assert raw.frame.height == 18
    assert raw.set_aside.sort("row")["rule"].to_list() == ["note below the table", *["headings repeated"] * 2]


@pytest.mark.parametrize(
    "notes", [["", "Source: PAS extract, 3 June", "Note: Pharmacy has no beds"], ["* provisional figures"]]
)
def test_notes_below_a_table_are_no_records(tmp_path, notes):
    raw = read(csv(tmp_path / "w.csv", "id,team,comment,q1", *ANSWERS, *notes))
    assert (raw.frame.height, raw.set_aside["rule"].unique().to_list()) == (40, ["note below the table"])


def test_a_row_cut_short_at_the_end_is_no_note(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "id,team,comment,q1", *ANSWERS, "R_12345678901234567"))
    assert raw.set_aside["rule"].to_list() == ["ragged row"]


def test_a_last_team_of_which_nothing_is_known_is_no_note(tmp_path):
    rows = ["Ward,Staff,Started", "Ward 1,20,2024-01-01", "Acute Admissions Unit,,"]
    raw = read(csv(tmp_path / "w.csv", *rows))
    assert (raw.frame["Ward"].to_list(), raw.set_aside.height) == (["Ward 1", "Acute Admissions Unit"], 0)
    assert read(csv(tmp_path / "w.csv", *rows[:2], ",,", rows[2])).frame.height == 1  # below a blank row


def test_who_gave_no_answer_but_a_number_is_kept(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "id,team,comment,q1", *ANSWERS, "R_12345678901234567,,,"))
    assert raw.frame.height == 41


def test_columns_that_look_personal_are_told_unless_people_are_linked_by_them(tmp_path):
    rows = ["Surname,Contact,q1,Tel", *(f"Lee,a{i}@x.org,{i % 5},07700 90{i:04d}" for i in range(20))]
    told = [p for p in read(csv(tmp_path / "w.csv", *rows), keep=["Surname"]).problems if p.rule == "personal data"]
    assert [(p.column, p.found, p.blocking) for p in told] == [
        ("Contact", "what looks like e-mail addresses", False),
        ("Tel", "what looks like telephone numbers", False),
    ]


# ---- workbooks -----------------------------------------------------------------------------------


def test_numbers_dates_and_words_of_a_workbook(tmp_path):
    from datetime import datetime

    day = datetime(2026, 1, 5, 9, 30)
    raw = read(
        xlsx(
            tmp_path / "w.xlsx",
            ["id", "when", "score", "yes", "mixed"],
            [1, day, 2.5, True, "x"],
            [2, day, 3, False, 4],
        )
    )
    assert cells(raw)[0] == {"id": "1", "when": "2026-01-05 09:30:00", "score": "2.5", "yes": "TRUE", "mixed": "x"}
    assert cells(raw)[1]["mixed"] == "4"


def test_headings_below_notes_are_found(tmp_path):
    rows = [["Published by the trust"], [], ["Team", "Score", "n"], ["A", 3.5, 12], [], ["B", "-", 4]]
    raw = read(xlsx(tmp_path / "w.xlsx", *rows))
    assert raw.frame.columns == ["Team", "Score", "n"]
    assert raw.rows.to_list() == [4, 6]


def test_an_unknown_sheet_is_told(tmp_path):
    assert refused(xlsx(tmp_path / "w.xlsx", ["a", "b"], [1, 2]), sheet="Data") == "sheet"


def test_an_open_document_sheet_is_read(tmp_path):
    import pandas as pd

    pd.DataFrame({"id": [1, 2], "q": [3, None]}).to_excel(tmp_path / "w.ods", index=False, engine="odf")
    assert cells(read(tmp_path / "w.ods")) == [{"id": "1", "q": "3"}, {"id": "2", "q": None}]


def test_text_under_the_name_of_a_workbook_is_read_as_text(tmp_path):
    assert cells(read(csv(tmp_path / "w.xlsx", "a,b", "1,2"))) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("start", ["<html><body><table>", "\n<!DOCTYPE html><title>Log in</title>", "<table border=1>"])
def test_a_web_page_under_the_name_of_a_workbook_is_told(tmp_path, start):
    assert refused(csv(tmp_path / "w.xls", start)) == "really HTML"


@pytest.mark.parametrize(
    "content", [b"<?xml version='1.0'?><Project/>", b"SQLite format 3\0", b"%PDF-1.7", b"\x1f\x8b\x08", b'{"a": 1}']
)
def test_other_files_under_the_name_of_a_table_are_told(tmp_path, content):
    (tmp_path / "w.csv").write_bytes(content)
    assert refused(tmp_path / "w.csv") == "no table"


def test_a_packed_file_that_is_no_workbook_is_told(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "project.qdpx", "w") as parts:
        parts.writestr("project.qde", "<Project/>")
    assert refused(tmp_path / "project.qdpx") == "no table"


def test_a_table_of_r_has_blanks_between_cells_and_row_names_without_a_heading(tmp_path):
    raw = read(csv(tmp_path / "w.tab", '"rater" "rated" "q"', '"1" "a b" 2 NA', '"2" 1 3 5'))
    assert raw.frame.columns == ["(column 1)", "rater", "rated", "q"]
    assert raw.frame["rater"].to_list() == ["a b", "1"]
    raw = read(csv(tmp_path / "w.tab", '"rater" "rated"', '"a b" 2'))
    assert cells(raw) == [{"rater": "a b", "rated": "2"}]


def test_a_dimension_bomb_ends_in_one_problem(tmp_path):
    """1.5 KB that claim 17 thousand million cells: the reading process dies, we do not."""
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert refused(crafted_xlsx(tmp_path / "w.xlsx", far)) == "sheet size"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    assert refused(zip_bomb(tmp_path / "w.xlsx", megabytes=301)) == "unpacked size"


def test_an_external_entity_is_not_followed(tmp_path):
    prologue = '<!DOCTYPE x [<!ENTITY leak SYSTEM "file:///etc/hostname">]>'
    cell = '<row r="1"><c r="A1" t="str"><v>&leak;</v></c></row>'
    assert refused(crafted_xlsx(tmp_path / "w.xlsx", cell, prologue)) in {"damaged", "no rows"}


def test_a_password_is_told(tmp_path):
    path = tmp_path / "w.xlsx"
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 512
    )
    assert refused(path) == "password"


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 no zip", b"\xd0\xcf\x11\xe0 no workbook", b"PAR1 no parquet", b"$FL2 no spss"]
)
def test_a_damaged_file_is_told(tmp_path, content):
    path = tmp_path / "w.bin"
    path.write_bytes(content)
    assert refused(path) == "damaged"


# ---- survey tools --------------------------------------------------------------------------------

QUALTRICS = (
    "StartDate,Status,IPAddress,RecipientEmail,Finished,ResponseId,Q1",
    "Start Date,Response Type,IP Address,Recipient Email,Finished,Response ID,I enjoy my work",
    ",".join(f'"{{""ImportId"":""{name}""}}"' for name in "abcdefg"),
)


def test_qualtrics_three_rows_previews_and_personal_columns(tmp_path):
    raw = read(
        csv(tmp_path / "w.csv", *QUALTRICS, "d,IP Address,1.2.3.4,x@nhs.example,1,R_1,4", "d,Survey Preview,,,1,R_2,5")
    )
    assert raw.source == "Qualtrics"
    assert raw.frame.columns == ["StartDate", "Status", "Finished", "ResponseId", "Q1"]
    assert raw.labels["Q1"] == "I enjoy my work"
    assert (raw.rows.to_list(), raw.set_aside.to_dicts()) == ([4], [{"row": 5, "rule": "preview"}])
    assert raw.identifier == "ResponseId"


def test_an_address_that_people_are_linked_by_is_kept(tmp_path):
    raw = read(csv(tmp_path / "w.csv", *QUALTRICS, "d,0,1.2.3.4,x@nhs.example,1,R_1,4"), keep=["RecipientEmail"])
    assert "RecipientEmail" in raw.frame.columns
    assert "IPAddress" not in raw.frame.columns


def test_qualtrics_legacy_names_its_first_columns_from_the_second_row(tmp_path):
    raw = read(csv(tmp_path / "w.csv", "V1,V6,V7,Q1", "ResponseID,IPAddress,Status,I enjoy my work", "R_1,1.2.3.4,0,2"))
    assert (raw.source, raw.frame.columns, raw.rows.to_list()) == (
        "Qualtrics (legacy)",
        ["ResponseID", "Status", "Q1"],
        [3],
    )


def test_surveymonkey_options_take_the_question_from_the_left(tmp_path):
    rows = (
        "Respondent ID,Collector ID,IP Address,My team,How often?,,Why?",
        ",,,Response,Tired,Happy,Open-Ended Response",
        "11,5,1.2.3.4,A,3,4,because",
    )
    raw = read(csv(tmp_path / "w.csv", *rows))
    assert raw.source == "SurveyMonkey"
    assert raw.frame.columns == [
        "Respondent ID",
        "Collector ID",
        "My team",
        "How often? [Tired]",
        "How often? [Happy]",
        "Why?",
    ]
    assert (raw.rows.to_list(), raw.identifier) == ([3], "Respondent ID")


@pytest.mark.parametrize("second", [",,,,,,,,,Breaks,Lunch", ",,,,,,,,,,"])
def test_surveymonkey_is_told_by_its_first_columns(tmp_path, second):
    """A survey of matrix questions only has no "Response" in row 2; a condensed export has nothing there."""
    about = "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Custom Data 1"
    asked = ",Rate each:," if "Breaks" in second else ",Breaks,Lunch"
    rows = [f"1{i},9,05/01/2024 10:00:00 AM,05/01/2024 10:04:00 AM,1.2.3.4,a@x.org,Ann,Lee,,{i},2" for i in range(1, 6)]
    raw = read(csv(tmp_path / "w.csv", about + asked, second, *rows))
    questions = ["Rate each: [Breaks]", "Rate each: [Lunch]"] if "Breaks" in second else ["Breaks", "Lunch"]
    assert (raw.source, raw.frame.height, raw.frame.columns[-2:]) == ("SurveyMonkey", 5, questions)
    assert not {"IP Address", "Email Address", "First Name", "Last Name"} & set(raw.frame.columns)


def test_options_of_a_question_with_several_answers_are_joined(tmp_path):
    rows = [
        "Respondent ID,Collector ID,Why?,,How?,",
        ",,Pay,Team,Well,Badly",
        "1,9,Pay,Team,4,5",
        "2,9,,,3,1",
        "3,9,,Team,,",
    ]
    raw = read(csv(tmp_path / "w.csv", *rows))
    assert raw.frame["Why?"].to_list() == ["Pay;Team", None, "Team"]
    assert "How?" not in raw.frame.columns
    assert "options joined into one column each: Why?" in raw.notices


def test_an_export_with_its_dictionary_beside_it_is_redcap(tmp_path):
    """A classic project has no column of its own kind; its dictionary is the sign."""
    csv(
        tmp_path / "w.dictionary.csv",
        '"Variable / Field Name","Field Type","Field Label","Choices, Calculations, OR Slider Labels","Identifier?"',
        'id,text,Number,,\nname,text,Your name,,y\nq1,radio,Breaks,"1, Never | 2, Often",',
    )
    raw = read(csv(tmp_path / "w.csv", "id,name,q1", "1,Ann,2"))
    assert (raw.source, raw.frame.columns, raw.labels["q1"]) == ("REDCap", ["id", "q1"], "Breaks")
    assert raw.answer_labels["q1"] == {"1": "Never", "2": "Often"}


def test_microsoft_forms_drops_who_answered(tmp_path):
    head = ["Id", "Start time", "Completion time", "Email", "Name", "Did you have a good day at work yesterday?"]
    raw = read(xlsx(tmp_path / "w.xlsx", head, [1, "s", "c", "x@nhs.example", "Ann", "Agree"]))
    assert raw.source == "Microsoft Forms"
    assert raw.frame.columns == ["Id", "Start time", "Completion time", head[-1]]


@pytest.mark.parametrize(
    ("head", "source"),
    [
        ("id,submitdate,lastpage,startlanguage,q1", "LimeSurvey (codes)"),
        ('"Response ID","Date submitted","Last page","I enjoy my work"', "LimeSurvey"),
        (
            "affSat1. I enjoy my work,affSat2[SQ001]. Most days [I am keen],socio1. Country",
            "LimeSurvey (codes and texts)",
        ),
        ("record_id,redcap_event_name,redcap_repeat_instance,q1", "REDCap"),
        ("record_id,why___1,why___2,survey_complete", "REDCap"),
        ("StartDate,EndDate,Status,Progress,ResponseId,Q1", "Qualtrics (one header row)"),
        ("StartDate,EndDate,Status,IPAddress,Q1", "Qualtrics (one header row)"),
        ("id,submitdate,startlanguage,q1", "LimeSurvey (codes)"),
        ("record_id,q1,survey_complete", "REDCap"),
        ("Respondent ID,Collector ID,Q1", "SurveyMonkey"),
        ("Unique response number,Q1", "Jisc Online Surveys"),
        ("respondent_id,team,q1", "a table"),
    ],
)
def test_tools_are_told_by_their_headings(tmp_path, head, source):
    width = len(next(iter(__import__("csv").reader([head]))))
    assert read(csv(tmp_path / "w.csv", head, ",".join("0" * width))).source == source


def test_spss_keeps_prefer_not_to_say_apart_from_blank(tmp_path):
    import pandas as pd
    import pyreadstat

    pyreadstat.write_sav(
        pd.DataFrame({"q1": [1.0, 9.0, None], "team": ["A", "B", ""]}),
        tmp_path / "w.sav",
        column_labels=["I enjoy my work", "Team"],
        variable_value_labels={"q1": {1.0: "Never", 5.0: "Always", 9.0: "Prefer not to say"}},
        missing_ranges={"q1": [9]},
    )
    raw = read(tmp_path / "w.sav")
    assert cells(raw) == [{"q1": "1", "team": "A"}, {"q1": "9", "team": "B"}, {"q1": None, "team": None}]
    assert raw.declined == {"q1": frozenset({"9"})}
    assert raw.answer_labels["q1"]["5"] == "Always"
    assert raw.labels["q1"] == "I enjoy my work"


def test_stata_keeps_extended_missing_codes(tmp_path):
    import pandas as pd
    import pyreadstat

    pyreadstat.write_dta(
        pd.DataFrame({"q1": [1.0, "a", None]}, dtype=object),
        tmp_path / "w.dta",
        variable_value_labels={"q1": {1: "Never", "a": "Prefer not to say"}},
        missing_user_values={"q1": ["a"]},
    )
    raw = read(tmp_path / "w.dta")
    assert [row["q1"] for row in cells(raw)] == ["1", "a", None]
    assert raw.declined == {"q1": frozenset({"a"})}


def test_parquet_is_read_as_text(tmp_path):
    pl.DataFrame({"q": [1, None], "x": [1.5, 2.0], "t": ["a", ""]}).write_parquet(tmp_path / "w.parquet")
    assert cells(read(tmp_path / "w.parquet")) == [{"q": "1", "x": "1.5", "t": "a"}, {"q": None, "x": "2.0", "t": None}]


def openpyxl_book(path, change):
    """A workbook as programs write it that calculate nothing."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Team", "Good"], ["Ash", 3], ["Birch", 4], ["Cedar", 5]):
        sheet.append(row)
    change(book, sheet)
    book.save(path)
    return path


def test_formulas_without_results_are_no_blanks(tmp_path):
    path = openpyxl_book(tmp_path / "f.xlsx", lambda _, sheet: sheet.__setitem__("B3", "=2*2"))
    with pytest.raises(DataError) as caught:
        read(path)
    (told,) = caught.value.problems
    assert (told.rule, told.row) == ("not calculated", 3)
    assert "cell B3" in told.found


def test_a_formula_whose_result_is_an_empty_text_is_a_blank(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "e.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_column(0, 0, ["Team", "Ash", "Birch"])
        sheet.write_column(0, 1, ["Good", 3])
        sheet.write_formula(2, 1, '=IF(B2>2,"","x")', None, "\u200b")
    content = (tmp_path / "e.xlsx").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(tmp_path / "e.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace("<v>\u200b</v>".encode(), b"<v></v>"))
    assert read(tmp_path / "e.xlsx").frame["Good"].null_count() == 1


def test_hidden_rows_are_read_and_hidden_sheets_are_named(tmp_path):
    def hide(book, sheet):
        sheet.row_dimensions[3].hidden = True
        book.create_sheet("Old", 0).append(["Team", "Good"])
        book["Old"].sheet_state = "hidden"

    raw = read(openpyxl_book(tmp_path / "h.xlsx", hide))
    assert raw.frame.height == 3
    assert any("1 rows that the sheet hides" in told and "(row 3, ...)" in told for told in raw.notices)
    assert any("Old (hidden)" in told for told in raw.notices)


def test_a_file_in_utf_32_and_one_with_each_line_in_one_cell_are_read_like_any_other(tmp_path):
    lines = ["Team,Good,Comment", "Ash,x,fine", 'Birch,y,"so, so"']
    csv(tmp_path / "a.csv", *lines)
    (tmp_path / "b.csv").write_bytes("\n".join(lines).encode("utf-32"))
    (tmp_path / "c.csv").write_text("".join('"' + line.replace('"', '""') + '"\r\n' for line in lines))
    plain, one, two = (read(tmp_path / f"{name}.csv") for name in "abc")
    assert plain.frame.rows() == [("Ash", "x", "fine"), ("Birch", "y", "so, so")]
    assert one.frame.rows() == two.frame.rows() == plain.frame.rows()
    assert any("one cell" in told for told in two.notices)


def test_quoted_texts_of_one_column_stay_whole(tmp_path):
    raw = read(csv(tmp_path / "w.csv", '"Comment, if any"', '"good, but slow"', '"fine, thanks"'))
    assert raw.frame.shape == (2, 1)
