"""Raw files in every layout to one table of ties; what does not fit is told and counted, never dropped silently."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from joyeval.coordination import RC, Survey, from_wide, matrix, score_ties, survey_of_cohort
from joyeval.errors import StudyError
from joyeval.intake import ratings
from joyeval.intake import ties as tables
from joyeval.intake.tables import take_in
from joyeval.study import Coordination, load_study
from tests.conftest import ROOT, reference

ANSWERS = dict(zip(RC.dimensions, (5, 4, 4, 3, 2, 2, 1), strict=True))
RATED = (("a", "Nurses", "Nurses"), ("a", "Nurses", "Doctors"), ("b", "Doctors", "Nurses"), ("b", "Doctors", "Doctors"))


def part(**changes):
    """One wave of a survey, as a study file describes it."""
    told = {"wave": "1", "process": "ward", "cohorts": ("c",), "layout": "ties", "frequency": "scored", "file": "w.csv"}
    return Coordination.model_validate({**told, "columns": {}, **changes})


def rows(rated=RATED, **changes):
    """Rows as the reader gives them: one per respondent and target, with file and row."""
    found = [{"person": p, "workgroup": g, "target": t, **ANSWERS, **changes} for p, g, t in rated]
    return pd.DataFrame(found).assign(file="w.csv", row=range(2, 2 + len(found)))


def rules(problems):
    return [problem.rule for problem in problems]


def test_item_level_tie_level_and_wide_give_the_same_ties():
    ties, told, *_ = tables.tie_table(part(), rows())
    long = rows().melt(["person", "workgroup", "target", "file", "row"], var_name="dimension")
    items, told_too, *_ = tables.tie_table(part(layout="items"), long)
    wide = rows().pivot(index=["person", "workgroup", "file"], columns="target", values=list(ANSWERS))
    wide.columns = [f"{dim}__{target}" for dim, target in wide.columns]
    flat, told_again, *_ = tables.tie_table(part(layout="wide"), wide.reset_index().assign(row=[2, 3]))
    assert told == told_too == told_again == []
    same = ["person", "target", *RC.dimensions, "rc", "com", "rel"]
    for other in (items, flat):
        pd.testing.assert_frame_equal(
            ties[same].sort_values(same[:2], ignore_index=True),
            other[same].sort_values(same[:2], ignore_index=True),
            check_dtype=False,
        )


def test_headings_of_any_pattern_and_words_for_dimensions():
    """Numbered matrix questions (Q3_2) and question texts with the target in brackets."""
    numbers = {str(i): dim for i, dim in enumerate(RC.dimensions, start=1)}
    asked = part(
        layout="wide", pattern="Q{dim}_{target}", dimensions=numbers, workgroups={"1": "Nurses", "2": "Doctors"}
    )
    mapped = tables.with_wide_columns(asked, [f"Q{i}_{t}" for i in range(1, 8) for t in (1, 2)] + ["Rater", "Q9_1"])
    assert mapped.columns["freq__1"] == "Q1_1"
    assert len(mapped.columns) == 14
    words = part(layout="wide", pattern="{dim} [{target}]", dimensions={"How often?": "freq"})
    assert tables.with_wide_columns(words, ["How often? [Nurses]"]).columns == {"freq__Nurses": "How often? [Nurses]"}


def test_two_header_rows_as_survey_tools_write_them():
    text = "person,workgroup,How often?,,Respect\n,,Nurses,Doctors,Nurses\na,Nurses,5,3,4\n"
    table = pd.read_csv(io.StringIO(text), header=[0, 1])
    table[[("wave", ""), ("process", "")]] = [["1", "ward"]]
    got = from_wide(table, targets=["Nurses"], dimensions={"How often?": "freq", "Respect": "resp"})
    assert got[["person", "target", "freq", "resp"]].to_numpy().tolist() == [["a", "Nurses", 5, 4]]


def test_rectangular_matrices_and_own_groups():
    """Patients are rated but do not answer; nurses rate themselves."""
    rated = [(f"n{i}", "Nurses", t) for i in range(4) for t in ("Nurses", "Patients")]
    ties, told, *_ = tables.tie_table(part(), rows(rated))
    cells = matrix(ties, wave="1").cells
    assert told == []
    assert cells[["workgroup", "target", "within", "n"]].to_numpy().tolist() == [
        ["Nurses", "Nurses", True, 4],
        ["Nurses", "Patients", False, 4],
    ]


def test_renamed_groups_get_one_name_and_merged_groups_are_averaged():
    rated = [("a", "Nurses", "Physio"), ("a", "Nurses", "OT"), ("b", "Physio", "Nurses")]
    table = rows(rated)
    table.loc[1, "time"] = 2
    ties, told, *_ = tables.tie_table(part(workgroups={"Physio": "Therapists", "OT": "Therapists"}), table)
    assert told == []
    assert ties[["workgroup", "target"]].to_numpy().tolist() == [["Nurses", "Therapists"], ["Therapists", "Nurses"]]
    assert ties.loc[0, "time"] == 3
    assert ties.loc[0, "rc"] == pytest.approx((21 + 19) / 14)


def test_people_who_rate_people_become_ties_between_workgroups():
    people = pd.DataFrame({"person": list("abcd"), "workgroup": ["N", "N", "D", "D"]})
    asked = part(
        frequency=None,
        scale={"items": {"trust": "trust"}, "low": 0, "high": 4},
        members={"file": "m.csv", "columns": {}, "unrated": 0},
    )
    given = pd.DataFrame(
        {"person": ["a", "a", "c", "z"], "target": ["c", "b", "a", "a"], "trust": [4.0, 3.0, 2.0, 1.0]}
    )
    ties, told, *_ = tables.tie_table(asked, given.assign(file="w.csv", row=[2, 3, 4, 5]), people)
    got = ties.set_index(["person", "target"])["rc"].to_dict()
    assert got == {("a", "D"): 2.0, ("a", "N"): 3.0, ("c", "N"): 1.0, ("c", "D"): 0.0}
    assert rules(told) == ["unknown group"]
    assert told[0].row == 5


def test_an_unstated_coding_stops_the_run_and_says_what_it_looks_like():
    table = rows([(f"p{i}", "Nurses", "Doctors") for i in range(9)]).assign(freq=[1, 3, 5, 5, 5, 3, 1, 5, 3])
    ties, told, *_ = tables.tie_table(part(frequency=None), table)
    assert ties.empty
    assert (told[-1].rule, told[-1].blocking) == ("frequency", True)
    assert "looks scored" in told[-1].found
    assert "ask the survey provider" in told[-1].fix


@pytest.mark.parametrize("code", [0, 6])
def test_codes_outside_the_scale_are_told_with_row_and_column_and_left_out(code):
    table = rows()
    table.loc[2, "goal"] = code
    ties, told, *_ = tables.tie_table(part(), table)
    assert [(p.rule, p.row, p.column) for p in told] == [("range", 4, "goal")]
    assert str(code) not in told[0].found.replace("outside 1 to 5", "").replace("rows 4", "").replace("1 answers", "")
    assert ties["goal"].isna().sum() == 1
    assert ties.loc[2, "answered"] == 6


def test_rows_without_a_group_second_ratings_and_unknown_dimensions_are_told():
    table = pd.concat([rows(), rows([("a", "Nurses", "Doctors"), ("c", None, "Nurses")])], ignore_index=True)
    ties, told, *_ = tables.tie_table(part(), table.assign(row=range(2, 8)))
    assert sorted(rules(told)) == ["incomplete", "twice"]
    assert len(ties) == 4
    long = rows().melt(["person", "workgroup", "target", "file", "row"], var_name="dimension")
    long.loc[0, "dimension"] = "mood"
    _, told, *_ = tables.tie_table(part(layout="items"), pd.concat([long, long.iloc[[5]]]))
    assert rules(told) == ["dimension", "twice"]


LONG = ["person", "workgroup", "target", "file", "row"]


def _faulty(layout):
    """Four ratings that count; one without a target (in a wide layout: a person), and one given again."""
    again = [("a", "Nurses", "Doctors"), ("c", "Nurses", None)]
    if layout == "ties":
        return rows([*RATED, *again])
    if layout == "items":
        return rows([*RATED, *again]).melt(LONG, var_name="dimension")
    wide = rows().pivot(index=["person", "workgroup", "file"], columns="target", values=list(ANSWERS))
    wide.columns = [f"{dim}__{target}" for dim, target in wide.columns]
    wide = wide.reset_index()
    return pd.concat([wide, wide.head(1), wide.assign(person=None).tail(1)], ignore_index=True).assign(row=range(2, 6))


@pytest.mark.parametrize(("layout", "each"), [("ties", 1), ("items", 7), ("wide", 1)])
def test_every_row_that_is_left_out_is_counted_with_its_reason(layout, each):
    found = _faulty(layout)
    ties, told, left = tables.tie_table(part(layout=layout), found)
    lost = {reason: n for reason, n in left if n}
    complete, again = "rows without a process, person, workgroup or target", "rows that rate a workgroup a second time"
    if layout == "items":
        again = "answers to a dimension a second time"
    assert lost == {complete: each, again: each}
    assert len(ties) == 4
    assert set(rules(told)) == {"incomplete", "twice"}


def test_answers_that_no_rating_needs_are_counted():
    long = rows().melt(LONG, var_name="dimension")
    long.loc[0, "dimension"] = "mood"
    blank = long.iloc[[5]].assign(value=None)
    ties, told, left = tables.tie_table(part(layout="items"), pd.concat([blank, long, long.iloc[[5]]]))
    assert {reason: n for reason, n in left if n} == {ratings.OTHER: 1, ratings.ANSWERED_AGAIN: 1}
    assert rules(told) == ["dimension", "twice"]
    assert ties["answered"].tolist() == [7, 6, 7, 7]


@pytest.mark.parametrize("layout", ["ties", "items"])
def test_a_pair_of_people_rated_twice_counts_once_and_pairs_without_a_rating_as_the_study_file_says(layout):
    people = pd.DataFrame({"person": list("abcd"), "workgroup": ["N", "N", "D", "D"], "file": "m.csv", "row": 2})
    about = {"items": {"trust": "trust"}, "low": 0, "high": 4}
    asked = part(layout=layout, frequency=None, scale=about, members={"file": "m.csv", "columns": {}, "unrated": 0})
    rated = [("a", "c", 4.0), ("a", "c", 1.0), ("a", "a", 4.0), ("a", "b", 3.0), ("c", "a", 2.0), ("z", "a", 1.0)]
    given = pd.DataFrame(rated, columns=["person", "target", "trust"]).assign(file="w.csv", row=range(2, 8))
    if layout == "items":
        given = given.assign(dimension="trust").rename(columns={"trust": "value"})
    ties, _, left = tables.tie_table(asked, given, people)
    got = ties.set_index(["person", "target"])["rc"].to_dict()
    assert got == {("a", "D"): 2.0, ("a", "N"): 3.0, ("c", "N"): 1.0, ("c", "D"): 0.0}
    again = ratings.ANSWERED_AGAIN if layout == "items" else ratings.AGAIN
    assert {reason: n for reason, n in left if n} == {ratings.STRANGERS: 1, "ratings of oneself": 1, again: 1}


def test_groups_that_are_not_on_the_roster_are_told():
    ties, *_ = tables.tie_table(part(), rows([*RATED, ("e", "Porters", "Nurses"), ("a", "Nurses", "Cooks")]))
    roster = pd.DataFrame({"process": "ward", "workgroup": ["Nurses", "Doctors"]})
    told = tables.not_on_roster(ties, roster, file="roster.csv")
    assert [p.found for p in told] == [
        "workgroup 'Porters' of ward answered, but is not on it",
        "workgroup 'Cooks' of ward was rated, but is not on it",
    ]
    assert not any(p.blocking for p in told)


def test_another_directed_scale_needs_no_licence():
    asked = part(frequency=None, scale={"items": {"trust": "trust", "help": "help"}, "low": 1, "high": 7})
    survey = tables.survey_of(asked)
    given = rows().drop(columns=list(ANSWERS)).assign(trust=[7.0, 3, 4, 5], help=[1.0, 3, 4, 5])
    ties, told, *_ = tables.tie_table(asked, given)
    assert told == []
    assert list(ties["rc"]) == [4, 3, 4, 5]
    assert "com" not in ties
    got = matrix(ties, wave="1", survey=survey)
    assert "on the scale from 1 to 7" in got.sentence()
    assert got.cells["p_strong"].isna().all()  # no bands are known for it
    assert not any("licence" in note for note in got.notes)


def test_waves_on_different_scales_stop_the_run():
    one = part(frequency=None, scale={"items": {"trust": "trust"}, "high": 5})
    two = part(wave="2", frequency=None, scale={"items": {"trust": "trust"}, "high": 7})
    assert tables.changed_scales([one, one]) == []
    (told,) = tables.changed_scales([one, two])
    assert told.blocking
    assert "wave 2" in told.found


def test_published_two_waves_run_without_a_licensed_survey():
    """Freeman's researchers: the mean rating of each discipline by each other, by hand with pandas."""
    folder = reference("data", "directed_ratings")
    study = load_study(ROOT / "pipelines" / "eies.yml", data=folder)
    asked = study.coordination[0]
    edges, nodes = (pd.read_csv(folder / f"eies_relations_{name}.csv") for name in ("edges", "nodes"))
    given = edges.rename(columns={"rater": "person", "ratee": "target", "rank_1": "closeness"}).astype({"person": str})
    given = given.astype({"target": str}).assign(file="eies_relations_edges.csv", row=edges.index + 2)
    home = nodes.astype(str).rename(columns={"id": "person", "Discipline": "workgroup"})
    ties, told, *_ = tables.tie_table(asked, given, home)
    square = edges.pivot(index="rater", columns="ratee", values="rank_1").reindex(
        index=nodes["id"], columns=nodes["id"]
    )
    square = square.fillna(0).to_numpy(copy=True)
    np.fill_diagonal(square, np.nan)
    groups = nodes["Discipline"].to_numpy()
    by_rater = pd.DataFrame(square).T.groupby(groups).mean().T.groupby(groups).mean()
    cells = matrix(ties, wave="1-start", survey=survey_of_cohort(study, "eies")).cells
    names = dict(asked.workgroups)
    found = cells.pivot(index="workgroup", columns="target", values="mean")
    expected = by_rater.rename(index=lambda g: names[str(g)], columns=lambda g: names[str(g)])
    pd.testing.assert_frame_equal(found, expected.loc[found.index, found.columns], check_names=False)
    assert told == []


def test_a_study_takes_in_roster_and_ties_and_tells_what_is_wrong(tmp_path):
    """From files to tables: a wave on another scale, a group that is not on the roster, a missing coding."""
    folder = tmp_path / "raw"
    folder.mkdir()
    headings = "Process,Rater,Workgroup,Rates," + ",".join(RC.dimensions)
    lines = [f"ward,{p},{g},{t},5,4,4,3,2,2,1" for p, g, t in RATED]
    (folder / "w1.csv").write_text("\n".join([headings, *lines]) + "\n")
    (folder / "w2.csv").write_text("\n".join([headings, *(line.replace("5,4,4", "7,6,6") for line in lines)]) + "\n")
    (folder / "teams.csv").write_text("Team\nT1\n")
    (folder / "roster.csv").write_text("Process,Workgroup,Wave,Members\nward,Nurses,1,5\nward,Nurses,2,5\n")
    (tmp_path / "study.yml").write_text(STUDY)
    taken = take_in(load_study(tmp_path / "study.yml"), "c")
    assert len(taken.tables["ties"]) == 8
    assert list(taken.tables["roster"]["headcount"]) == [5, 5]
    assert {p.rule for p in taken.problems} == {"range", "unknown group"}
    assert sum("outside 1 to 5" in p.found for p in taken.problems) == 3  # three items hold 6 or 7 in the second wave
    assert taken.tables["flow"]["step"].notna().all()
    assert all(len(steps) > 1 for _, steps in taken.tables["flow"].groupby("wave"))


def test_a_run_says_which_rows_of_a_coordination_file_were_lost(tmp_path):
    from joyeval.pipeline.closing import closing_note
    from joyeval.store import Store

    (tmp_path / "raw").mkdir()
    headings = "Process,Rater,Workgroup,Rates," + ",".join(RC.dimensions)
    rated = [(f"p{i}", g, t) for i, g in enumerate(("Nurses", "Doctors") * 20) for t in ("Nurses", "Doctors")]
    lines = [f"ward,{p},{g},{t},5,4,4,3,2,2,1" for p, g, t in [*rated, rated[0], ("", "Nurses", "Doctors")]]
    (tmp_path / "raw" / "w1.csv").write_text("\n".join([headings, *lines]) + "\n")
    (tmp_path / "raw" / "teams.csv").write_text("Team\nT1\n")
    one = STUDY[: STUDY.index('  - {wave: "2"')]
    (tmp_path / "study.yml").write_text(one)
    study = load_study(tmp_path / "study.yml")
    taken = take_in(study, "c")
    store = Store(tmp_path / "out", tmp_path / "out")
    store.save(flow=taken.tables["flow"])
    (said,) = closing_note(store)
    without, again = "rows without a process, person, workgroup or target", "rows that rate a workgroup a second time"
    assert said == f"coordination 1: 82 rows read, 80 kept; left out: {without}: 1; {again}: 1"


STUDY = """
study: small
title: A small study
synthetic: true
programme: {name: Programme, aim: Aim}
data: raw
cohorts:
  - {cohort: c, title: Cohort, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team}}
forms:
  survey:
    cohorts: [c]
    layout: ties
    frequency: scored
    columns: {process: Process, person: Rater, workgroup: Workgroup, target: Rates, freq: freq, time: time, accu: accu,
      prob: prob, goal: goal, know: know, resp: resp}
coordination:
  - {wave: "1", form: survey, file: w1.csv}
  - {wave: "2", form: survey, file: w2.csv}
roster:
  file: roster.csv
  columns: {process: Process, workgroup: Workgroup, wave: Wave, headcount: Members}
"""


def test_scores_of_a_survey_without_blocks_have_none():
    survey = Survey((), (), ("trust",), low=0, high=4, fewest=1, frequency=None, licence="")
    row = {"wave": "1", "process": "p", "person": "a", "workgroup": "A", "target": "B", "trust": 3}
    assert "com" not in score_ties(pd.DataFrame([row]), survey=survey)


def test_the_day_of_a_survey_is_the_middle_of_its_ratings():
    dated = rows().assign(date=pd.to_datetime(["2024-03-01", "2024-03-05", "2024-03-09", None]), process="ward")
    found = tables.rating_days(part(), dated)
    assert found.to_dict("records") == [{"process": "ward", "wave": "1", "date": pd.Timestamp("2024-03-05")}]
    assert tables.rating_days(part(), rows()).empty


def test_processes_and_teams_that_are_not_there_are_told(tmp_path):
    teams = "coordination:\n  - {wave: '1', form: survey, file: w1.csv, teams: {ward: [T1, T9], word: [T2]}}\n"
    (tmp_path / "study.yml").write_text(STUDY[: STUDY.index("coordination:")] + teams)
    study = load_study(tmp_path / "study.yml")
    ties, *_ = tables.tie_table(part(), rows())
    told = tables.unknown_sites(study.coordination[0], ties, {"T1", "T2"}, study)
    assert [problem.rule for problem in told] == ["unknown process", "unknown team"]
    assert "'word'" in told[0].found
    assert "'T9'" in told[1].found


def test_a_team_of_two_processes_is_told_with_its_line(tmp_path):
    twice = "    teams:\n      ward: [T1, T2]\n      clinic: [T1]\n"
    (tmp_path / "study.yml").write_text(STUDY.replace("    layout: ties\n", twice + "    layout: ties\n"))
    with pytest.raises(StudyError) as told:
        load_study(tmp_path / "study.yml")
    lines = (tmp_path / "study.yml").read_text().splitlines()
    assert [lines[problem.row - 1].split(":")[0].strip() for problem in told.value.problems] == ["ward", "clinic"]


def _ratings_of_a_folder(folder, **more):
    from joyeval.intake.tabulate import tabulate

    survey = part(**more)
    if survey.layout == "wide":
        from joyeval.intake import read

        headings = list(read(folder / survey.file, **survey.place).frame.columns)
        survey = tables.with_wide_columns(survey, headings)
    done = tabulate(survey, folder, tables.fields_of(survey))
    table, told, *_ = tables.tie_table(survey, done.frame)
    return table, [*done.problems, *told], done.notices


WORDS = {
    "Frequent communication": "freq",
    "Timely communication": "time",
    "Accurate communication": "accu",
    "Problem-solving communication": "prob",
    "Shared goals": "goal",
    "Shared knowledge": "know",
    "Mutual respect": "resp",
}


def _long_ratings() -> dict:
    """Two raters, two workgroups rated, seven dimensions: who rates, whom, what, how."""
    who = {"r1": "Nurses", "r2": "Doctors"}
    keys = enumerate((p, w, d) for p in who for w in ("Nurses", "Doctors") for d in WORDS)
    return {(person, who[person], target, dimension): i % 5 + 1 for i, (person, target, dimension) in keys}


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_two_rows_of_headings_with_merged_cells(tmp_path, kind):
    """Dimensions across the top, workgroups below each: merged in a workbook, blank cells in a text file."""
    from tests.intake.files import csv, xlsx

    answers = _long_ratings()
    targets = ["Nurses", "Doctors"]
    upper = ["Respondent", "Workgroup", *(c for d in WORDS for c in (d, ""))]
    rows = [
        [p, w, *(answers[p, w, t, d] for d in WORDS for t in targets)] for p, w in (("r1", "Nurses"), ("r2", "Doctors"))
    ]
    sheet = [upper, ["", "", *targets * 7], *rows]
    if kind == "xlsx":
        file = xlsx(tmp_path / "w.xlsx", ["Wave 1 of the survey"], *sheet)
    else:
        file = csv(tmp_path / "w.csv", *(",".join(map(str, row)) for row in sheet))
    about = {"layout": "wide", "header_rows": 2, "pattern": "{dim} | {target}", "dimensions": WORDS}
    columns = {"person": "Respondent", "workgroup": "Workgroup"}
    table, told, _ = _ratings_of_a_folder(tmp_path, file=file.name, columns=columns, **about)
    assert told == []
    found = table.set_index(["person", "workgroup", "target"])[list(WORDS.values())]
    assert {(*k[:3], d): found.loc[k, WORDS[d]] for k in found.index for d in WORDS} == answers


def test_names_across_the_top_a_sheet_for_each_dimension(tmp_path):
    import xlsxwriter

    answers, labels = _long_ratings(), {1: "1 - Never", 2: "2", 3: "3", 4: "4", 5: "5 - Always"}
    with xlsxwriter.Workbook(tmp_path / "w.xlsx") as book:
        for dimension in WORDS:
            page = book.add_worksheet(dimension[:31])
            page.write_row(0, 0, ["Who", "Group", "Nurses", "Doctors", "Comment"])
            for i, (person, group) in enumerate((("r1", "Nurses"), ("r2", "Doctors")), start=1):
                given = [labels[answers[person, group, t, dimension]] for t in ("Nurses", "Doctors")]
                page.write_row(i, 0, [person, group, *given, "so it is"])
    sheets = {key: words[:31] for words, key in WORDS.items()}
    columns = {"person": "Who", "workgroup": "Group"}
    more = {"file": "w.xlsx", "layout": "matrix", "columns": columns}
    table, told, notices = _ratings_of_a_folder(tmp_path, sheets=sheets, **more)
    assert told == []
    assert "columns that hold no ratings and were not used: Comment" in notices
    found = table.set_index(["person", "workgroup", "target"])[list(WORDS.values())]
    assert {(*k[:3], d): found.loc[k, WORDS[d]] for k in found.index for d in WORDS} == answers
    from joyeval.intake.tabulate import tabulate

    alone = part(**more)
    assert [p.rule for p in tabulate(alone, tmp_path, tables.fields_of(alone)).problems] == ["sheets"]


def test_a_matrix_of_people_needs_no_sheets_where_one_thing_is_asked(tmp_path):
    from tests.intake.files import csv

    file = csv(tmp_path / "w.csv", "Person,Group,Ann,Ben,Cem", "Ann,N,,5,3", "Ben,N,4,,2", "Cem,D,1,,")
    scale = {"items": {"talk": "How often do you talk?"}}
    columns = {"person": "Person", "workgroup": "Group"}
    more = {"layout": "matrix", "scale": scale, "frequency": None}
    table, told, _ = _ratings_of_a_folder(tmp_path, file=file.name, columns=columns, **more)
    assert told == []
    rated = {(p, t): v for p, t, v in table[["person", "target", "talk"]].itertuples(index=False)}
    assert rated == {
        ("Ann", "Ben"): 5,
        ("Ann", "Cem"): 3,
        ("Ben", "Ann"): 4,
        ("Ben", "Cem"): 2,
        ("Cem", "Ann"): 1,
    }
