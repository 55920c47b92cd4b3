"""One file: mapped, checked, one row per person, and every row and value accounted for."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.errors import DataError
from joyeval.intake import WaveFile, clean, clean_file
from joyeval.intake.raw import NOTE
from tests.intake.files import csv

COLUMNS = {"person": "id", "team": "team", "date": "sent"} | {f"who5_{i}": f"q{i}" for i in range(1, 6)}
TEAMS = {"Ash Ward": "1", "Birch Team": "1", "Cedar Unit": "2"}
HEAD = "id,team,sent,q1,q2,q3,q4,q5"


def wave(path, **changes):
    plan = {"path": path, "wave": "1", "instruments": ("who5",), "columns": COLUMNS}
    return WaveFile(**(plan | {"start": date(2024, 5, 1), "end": date(2024, 5, 31)} | changes))


def cleaned(tmp_path, *rows, head=HEAD, **changes):
    return clean_file(wave(csv(tmp_path / "w.csv", head, *rows), **changes), teams=TEAMS, cohort="1")


def rejected(done) -> list[tuple]:
    return done.account.table().select("row", "column", "rule").rows()


def blocked(tmp_path, *rows, **changes) -> list:
    with pytest.raises(DataError) as caught:
        cleaned(tmp_path, *rows, **changes)
    return list(caught.value.problems)


FINE = "p1,Ash Ward,2024-05-02,3,3,3,3,3"


def test_codes_days_and_teams_are_typed(tmp_path):
    rows = cleaned(
        tmp_path, "P1, ash  WARD,2024-05-02 10:00:00,Most of the time,3 - More than half of the time,0,,5"
    ).rows
    assert rows.select("team", "date", "person", *(f"who5_{i}" for i in range(1, 6))).row(0) == (
        "Ash Ward",
        date(2024, 5, 2),
        "p1",
        4,
        3,
        0,
        None,
        5,
    )


def test_values_that_are_no_options_go_to_quarantine_and_the_row_stays(tmp_path):
    done = cleaned(tmp_path, "p1,Ash Ward,2024-05-02,7,often,3,3,3", FINE.replace("p1", "p2"))
    assert rejected(done) == [(2, "q1", "out of range"), (2, "q2", "unknown answer")]
    assert done.rows["who5_1"].to_list() == [None, 3]
    assert done.gaps.row(0, named=True) == {"item": "who5_1", "coded": 1, "blank": 0, "declined": 0, "rejected": 1}


def test_alike_problems_are_told_as_one_in_the_words_of_a_spreadsheet(tmp_path):
    rows = [f"p{i},Ash Ward,2024-05-02,{9 if i % 100 < 4 else 3},3,3,3,3" for i in range(200)]
    problem = next(p for p in cleaned(tmp_path, *rows).account.all_problems() if p.rule == "out of range")
    assert problem.column == "q1"
    assert problem.found == "8 answers outside 0 to 5; rows 2, 3, 4, 5, 102, ..."
    assert problem.expected == "0 to 5"
    assert not problem.blocking


def test_a_problem_never_tells_the_answer(tmp_path):
    done = cleaned(tmp_path, "p1,Ash Ward,2024-05-02,secret words,3,3,3,3", "p2,Ash Ward,2024-05-02,77,3,3,3,3")
    told = " ".join(map(str, done.account.all_problems()))
    assert "secret" not in told
    assert "77" not in told
    table = done.account.quarantine(bytes(32))
    assert table["value_hash"].null_count() == 0
    assert not table["value_hash"].is_in(["secret words", "77"]).any()


def test_a_column_most_of_which_no_table_knows_is_a_fault_of_the_map(tmp_path):
    rows = [f"p{i},Ash Ward,2024-05-02,{'a lot' if i < 12 else 3},3,3,3,3" for i in range(200)]
    assert [(p.rule, p.column) for p in blocked(tmp_path, *rows)] == [("unknown answer", "q1")]


def test_who_answered_again_is_kept_once_the_fullest_then_the_last(tmp_path):
    done = cleaned(
        tmp_path,
        "p1,Ash Ward,2024-05-02,1,,,,",
        "p1,Ash Ward,2024-05-03,2,2,2,2,2",
        "P1,Ash Ward,2024-05-04,3,3,3,3,3",
        "p1,Ash Ward,2024-05-09,4,,,,",
        "p2,Ash Ward,2024-05-02,5,5,5,5,5",
        accept={"duplicate": "the survey was sent out again"},
    )
    assert done.rows.select("row", "who5_1").rows() == [(4, 3), (6, 5)]
    assert rejected(done) == [(2, None, "duplicate"), (3, None, "duplicate"), (5, None, "duplicate")]


def test_a_code_that_many_share_is_nobodys_and_missing_says_so(tmp_path):
    rows = [f"N/A,Ash Ward,2024-05-02,{i},1,2,3,4" for i in range(5)]
    assert [p.rule for p in blocked(tmp_path, *rows)] == ["shared code", "duplicate"]
    done = cleaned(tmp_path, *rows, missing=("", "N/A"))
    assert (done.rows.height, done.rows["key"].null_count()) == (5, 5)


def test_people_without_a_code_are_no_duplicates_of_each_other(tmp_path):
    assert cleaned(tmp_path, ",Ash Ward,2024-05-02,1,1,1,1,1", ",Ash Ward,2024-05-02,1,1,1,1,1").rows.height == 2


def test_the_same_self_made_code_in_two_teams_is_two_people(tmp_path):
    rows = [
        "05,x,Ash Ward,2024-05-02,1,1,1,1,1",
        "5,X,Birch Team,2024-05-02,2,2,2,2,2",
        "5 , x,ash ward,2024-05-03,3,3,3,3,3",
    ]
    columns = {name: heading for name, heading in COLUMNS.items() if name != "person"} | {"day": "d", "letter": "l"}
    done = cleaned(tmp_path, *rows, head="d,l,team,sent,q1,q2,q3,q4,q5", columns=columns, link_by=("day", "letter"))
    assert done.rows["row"].to_list() == [3, 4]


def test_rows_without_an_answer_or_a_team_are_set_aside(tmp_path):
    done = cleaned(tmp_path, FINE, "p2,Ash Ward,2024-05-02,,,,,", "p3,,2024-05-02,1,1,1,1,1")
    assert rejected(done) == [(4, None, "no team"), (3, None, "no answers")]


def test_rows_of_other_cohorts_are_counted_not_rejected(tmp_path):
    done = cleaned(tmp_path, FINE, "p2,Cedar Unit,2024-05-02,1,1,1,1,1")
    assert rejected(done) == []
    assert done.account.flow[-1]["reason"] == "teams of other cohorts"


def test_an_unknown_team_stops_the_run(tmp_path):
    problem = blocked(tmp_path, FINE, "p2,Elm Team,2024-05-02,1,1,1,1,1")[0]
    assert (problem.rule, problem.row) == ("unknown team", 3)


def test_a_day_outside_the_wave_stops_the_run(tmp_path):
    assert blocked(tmp_path, FINE, "p2,Ash Ward,2042-05-02,1,1,1,1,1")[0].rule == "day outside the wave"


def test_what_is_no_day_goes_to_quarantine(tmp_path):
    assert rejected(cleaned(tmp_path, FINE, "p2,Ash Ward,31/05/2024,1,1,1,1,1")) == [(3, "sent", "not a day")]


def test_days_are_mended_in_the_words_that_other_tables_have_for_them(tmp_path):
    """Days that may be read two ways ask which; weeks and serial numbers of a spreadsheet say what they are."""
    for days, rule, fix in (
        (
            ["05/02/2024", "06/02/2024"],
            "day or month",
            'say `dates: "%d/%m/%Y"` or `dates: "%m/%d/%Y"` in the study file',
        ),
        (["Week 18", "Week 19"], "not a day", "write `dates: week number` and the `year` of these weeks"),
        (["45414", "45415"], "not a day", "the numbers that a spreadsheet keeps for days"),
    ):
        rows = [FINE.replace("p1", f"p{i}").replace("2024-05-02", day) for i, day in enumerate(days)]
        (problem,) = blocked(tmp_path, *rows)
        assert problem.rule == rule
        assert fix in problem.fix


def test_a_value_to_leave_out_that_no_file_of_the_wave_holds_is_told(tmp_path):
    people = {"a": ("p1", "p2", "TEST"), "b": ("q1", "q2", "q1")}
    files = [csv(tmp_path / f"{name}.csv", HEAD, *(who + FINE[2:] for who in of)) for name, of in people.items()]
    plans = [wave(path, leave_out={"id": "test"}) for path in files]
    assert clean(plans, cohort="1", key=b"k" * 32, teams=TEAMS).flow.row(0)[2:4] == (3, 2)
    with pytest.raises(DataError) as caught:
        clean(plans[1:], cohort="1", key=b"k" * 32, teams=TEAMS)
    assert [(p.rule, p.column) for p in caught.value.problems] == [("key without effect", "id")]


def test_an_attention_check_that_fails_sets_the_row_aside(tmp_path):
    done = cleaned(
        tmp_path,
        FINE + ",blue",
        "p2,Ash Ward,2024-05-02,1,1,1,1,1,Red",
        head=HEAD + ",colour",
        columns=COLUMNS | {"check": "colour"},
        attention={"check": "red"},
    )
    assert rejected(done) == [(2, None, "attention check")]


def test_an_attention_check_needs_a_column(tmp_path):
    assert [p.rule for p in blocked(tmp_path, FINE, attention={"check": "red"})] == ["unmapped"]


def test_who_was_faster_than_anybody_can_be_is_set_aside_where_the_study_file_says_so(tmp_path):
    rows = [f"{FINE},40", FINE.replace("p1", "p2") + ",400", FINE.replace("p1", "p3") + ",-3"]
    plan = {"head": HEAD + ",took", "columns": COLUMNS | {"seconds": "took"}}
    told = cleaned(tmp_path, *rows, shortest=60, **plan)
    assert (told.rows.height, [p.rows for p in told.account.all_problems()]) == (3, [(2, 4)])
    done = cleaned(tmp_path, *rows, shortest=60, set_aside=("impossible duration",), **plan)
    assert rejected(done) == [(2, None, "impossible duration"), (4, None, "impossible duration")]
    assert (done.rows.height, done.account.flow[-1]["n_out"]) == (1, 1)


def test_a_time_that_cannot_be_read_is_told(tmp_path):
    rows = [f"{FINE},soon", FINE.replace("p1", "p2") + ",40", FINE.replace("p1", "p3") + ","]
    told = cleaned(tmp_path, *rows, head=HEAD + ",took", columns=COLUMNS | {"seconds": "took"}).account.problems
    assert [(p.rule, p.row, p.column) for p in told] == [("not a time", 2, "seconds")]


def test_impossible_durations_are_told_and_kept(tmp_path):
    times = "2024-05-02 10:00:00,2024-05-02 09:59:00"
    done = cleaned(
        tmp_path,
        f"{FINE},{times}",
        head=HEAD + ",from,to",
        columns=COLUMNS | {"begun": "from", "ended": "to"},
    )
    assert [p.rule for p in done.account.problems] == ["impossible duration"]
    assert done.rows.height == 1


def test_one_answer_to_items_worded_both_ways_is_told_and_kept(tmp_path):
    head = "team," + ",".join(f"c{i}" for i in range(1, 20))
    columns = {"team": "team"} | {f"cbi_{i}": f"c{i}" for i in range(1, 20)}
    done = cleaned(
        tmp_path,
        "Ash Ward," + ",".join("3" * 19),
        "Ash Ward," + ",".join("3" * 18) + ",4",
        head=head,
        columns=columns,
        instruments=("cbi",),
    )
    assert [(p.rule, p.row) for p in done.account.problems] == [("straight-lining", 2)]
    assert done.rows.height == 2
    plan = {"head": head, "columns": columns, "instruments": ("cbi",)}
    lines = ["Ash Ward," + ",".join("3" * 19), "Ash Ward," + ",".join("3" * 18) + ",4"]
    assert cleaned(tmp_path, *lines, straight_lining=0, **plan).account.problems == []
    assert rejected(cleaned(tmp_path, *lines, set_aside=("straight-lining",), **plan)) == [(2, None, "straight-lining")]


def test_a_cell_that_the_study_file_calls_missing_is_no_problem(tmp_path):
    done = cleaned(tmp_path, "p1,Ash Ward,-,-,N/A,3,3,3", missing=("-", "N/A"))
    assert rejected(done) == []
    assert done.gaps.row(0, named=True)["declined"] == 1


def test_columns_that_are_not_there_and_codes_that_are_none_are_told_together(tmp_path):
    problems = blocked(
        tmp_path, FINE, columns=COLUMNS | {"who5_5": "q9"}, answers={"who5": {"Rarely": 7}}, where={"event": "x"}
    )
    assert {(p.rule, p.column) for p in problems} == {
        ("unknown column", "q9"),
        ("unknown column", "event"),
        ("answer code", "who5"),
    }


def test_an_item_that_the_map_forgets_is_told_unless_it_was_not_asked(tmp_path):
    fewer = {name: heading for name, heading in COLUMNS.items() if name != "who5_5"}
    assert [p.rule for p in cleaned(tmp_path, FINE, columns=fewer).account.problems] == ["unmapped item"]
    assert cleaned(tmp_path, FINE, not_asked=("who5_5",)).account.problems == []


def test_a_renamed_and_reordered_wave_gives_the_same_rows(tmp_path):
    first = cleaned(tmp_path, FINE)
    moved = {"who5_1": "likert[5]. [Calm]", "who5_5": "likert[1]. [Fresh]"}
    again = cleaned(
        tmp_path,
        "3,p1,3,Ash Ward,3,2024-05-02,3,3",
        head="likert[1]. [Fresh],id,q2,team,q3,sent,likert[5]. [Calm],q4",
        columns=COLUMNS | moved,
    )
    assert again.rows.drop("row").equals(first.rows.drop("row").select(again.rows.drop("row").columns))


# ---- nothing is lost -----------------------------------------------------------------------------

cell = st.sampled_from(["0", "3", "5", "9", "", "often", "Most of the time", "4 - Most of the time", "\ufeff2", "=1+1"])
record = st.tuples(
    st.sampled_from(["p1", "P1", "p2", "p3", "", "007", "7"]),
    st.sampled_from(["Ash Ward", "ash ward ", "Birch Team", "Cedar Unit", ""]),
    st.sampled_from(["2024-05-02", "2024-05-31 23:59:59", "soon", ""]),
    cell,
    cell,
    cell,
    cell,
    cell,
)
damage = st.sampled_from([""] * 22 + ["cut", "longer", "blank", "unanswered", "unanswered"])


@given(st.lists(st.tuples(record, damage), min_size=1, max_size=25), st.integers(0, 2**20))
def test_rows_in_are_rows_out_set_aside_or_of_others(tmp_path_factory, rows, seed):
    """Every row of the file is kept, or stands once in quarantine, or belongs to another cohort; same for values."""
    lines, n_rows, n_other = [], 0, 0
    for fields, how in rows:
        cells = list(fields)
        if how == "cut":
            cells = cells[:4]
        if how == "unanswered":
            cells[3:] = [""] * 5
        if how == "longer":
            cells = [*cells, "x"]
        lines.append("" if how == "blank" else ",".join(cells))
        n_rows += how != "blank" and any(cells)
        n_other += how in ("", "unanswered") and fields[1] == "Cedar Unit"
    random.Random(seed).shuffle(lines)
    strict = {"attention": {"role": "3"}, "columns": COLUMNS | {"role": "q5", "seconds": "q4"}, "shortest": 3}
    strict = strict | {"set_aside": ("impossible duration", "straight-lining")} if seed % 2 else {}
    path = csv(tmp_path_factory.mktemp("w") / "w.csv", HEAD, *lines)
    try:
        done = clean_file(wave(path, **strict), teams=TEAMS, cohort="1")
    except DataError:  # nothing was kept, and the reason is told
        return
    aside = done.account.table()
    whole = aside.filter(aside["column"].is_null())
    assert whole["row"].is_unique().all()
    notes = whole.filter(whole["rule"] == NOTE).height  # a name alone below a blank row may be one of another cohort
    assert 0 <= done.rows.height + whole.height + n_other - n_rows <= notes
    assert not set(whole["row"]) & set(done.rows["row"])
    for step in done.account.flow:
        assert step["n_in"] >= step["n_out"]
    told = done.gaps.select("coded", "blank", "declined", "rejected").sum_horizontal()
    assert told.n_unique() == 1
    values = aside.filter(aside["column"].is_not_null() & (aside["column"] != "sent"))
    assert values.height == done.gaps["rejected"].sum()


def test_a_column_headed_as_ours_is_read_as_it_stands(tmp_path):
    rows = ("Ward,team,who5_1", "Alpha,Nurse,3", "Beta,Doctor,4")
    columns = {"team": "Ward", "role": "team", "who5_1": "who5_1"}
    file = wave(csv(tmp_path / "w.csv", *rows), columns=columns)
    found = clean_file(file, teams={"Alpha": "1", "Beta": "1"}, cohort="1").rows
    assert found["team"].to_list() == ["Alpha", "Beta"]
    assert found["role"].to_list() == ["Nurse", "Doctor"]
