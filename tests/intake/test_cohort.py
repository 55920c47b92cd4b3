"""The demonstration's waves against its known truth: every planted fault is found, and people are linked rightly."""

from __future__ import annotations

import json
from functools import cache

import pandas as pd
import pytest

from joyeval import load_study
from joyeval.instruments import load, scales_of
from joyeval.intake import clean_file
from joyeval.intake.account import RULES
from joyeval.intake.cohort import clean_study_waves, wave_files
from joyeval.intake.tables import take_in
from tests.conftest import ROOT
from tests.intake.files import csv

COHORTS = [pytest.param(cohort, marks=() if cohort in "25" else pytest.mark.slow) for cohort in "12345"]
FIRST_ROW = {"1": 3, "2": 2, "3": 4, "4": 1, "5": 2}  # below two headings, one, three, none (SPSS), one
CONTRACT = ["person", "cohort", "team", "role", "wave", "date"]


@cache
def study():
    return load_study(ROOT / "pipelines" / "enjoying_work.yml")


@cache
def truth() -> dict:
    return json.loads((study().folder / "truth.json").read_text(encoding="utf-8"))["surveys"]


@cache
def teams() -> dict[str, str]:
    table = take_in(study(), "1").everyone
    return dict(zip(table["team"], table["cohort"], strict=True))


@cache
def cleaned(cohort):
    return clean_study_waves(study(), cohort, teams())


def named(file) -> str:
    return file.path.relative_to(study().folder).as_posix()


SMALL = """\
study: small
title: Small
synthetic: true
programme: {name: Small, aim: More}
data: raw
cohorts: [{cohort: one, title: One, start: 2024-01-01, end: 2024-12-31}]
teams: {file: teams.csv, columns: {team: Team, headcount: Staff}}
pulses:
  - {measure: good, title: Good, file: p.csv, cohorts: [one], period: week,
    columns: {team: Team, period: Week, positive: Good, answers: All}, accept: {totals: told, unknown team: told}}
waves:
  - {wave: spring, file: spring_*.csv, cohorts: [one], instruments: [who5], start: 2024-05-01, end: 2024-05-31,
    columns: {team: Team, who5_1: q1, who5_2: q2, who5_3: q3, who5_4: q4, who5_5: q5}}
"""


def test_two_files_of_a_wave_with_the_same_content_stop_a_run_and_totals_are_counted_apart(tmp_path):
    (tmp_path / "raw").mkdir()
    csv(tmp_path / "raw" / "teams.csv", "Team,Staff", "Ash,20", "Birch,20")
    for part in "ab":
        csv(tmp_path / "raw" / f"spring_{part}.csv", "Team,q1,q2,q3,q4,q5", "Ash,1,2,3,4,5", "Birch,5,4,3,2,1")
    csv(tmp_path / "raw" / "p.csv", "Team,Week,Good,All", *(f"{t},2024-05-06,3,{n}" for t, n in PULSES))
    (tmp_path / "small.yml").write_text(SMALL, encoding="utf-8")
    taken = take_in(load_study(tmp_path / "small.yml"), "one")
    assert [(p.file, p.found) for p in taken.problems if p.blocking] == [("spring_b.csv", SAME)]
    steps = [(step["n_in"], step["n_out"], step["reason"]) for step in taken.flow if step["wave"] == "pulse good"]
    assert steps[1:] == [(4, 3, RULES["totals"][1]), (3, 2, RULES["unknown team"][1])]


PULSES, SAME = (("Ash", 9), ("Birch", 8), ("Cedar", 7), ("TOTAL", 24)), "the same content as spring_a.csv"


@pytest.mark.parametrize("cohort", COHORTS)
def test_every_planted_impossible_answer_is_found_and_nothing_else(cohort):
    for file in wave_files(study(), cohort):
        done = clean_file(file, teams=teams(), cohort=cohort).account.table()
        cells = done.filter(done["column"].is_not_null())
        expected = {tuple(place) for place in truth()[named(file)]["out_of_range"]}
        others = {tuple(place) for place in truth()[named(file)]["other_spelling"]}
        found = set(cells.select("row", "column").rows())
        assert expected <= found
        assert found <= expected | others


@pytest.mark.parametrize("cohort", COHORTS)
def test_everybody_who_sent_twice_is_kept_once(cohort):
    for file in wave_files(study(), cohort):
        done = clean_file(file, teams=teams(), cohort=cohort)
        assert done.account.table().filter(rule="duplicate").height == len(truth()[named(file)]["duplicates"]) == 3
        people = truth()[named(file)]["people"]
        assert done.rows.height == len({person for person in people if person is not None})


@pytest.mark.parametrize("cohort", COHORTS)
def test_one_answer_throughout_is_told(cohort):
    for file in wave_files(study(), cohort):
        told = [p for p in clean_file(file, teams=teams()).account.problems if p.rule == "straight-lining"]
        assert set(truth()[named(file)]["straight"]) <= {told[0].row, *told[0].rows}


@pytest.mark.parametrize("cohort", COHORTS)
def test_links_are_right_and_most_that_could_be_are_made(cohort):
    """Precision and recall of the pairs of waves against who really answered (joined by row number)."""
    files = wave_files(study(), cohort)
    done = {file.wave: clean_file(file, teams=teams(), cohort=cohort).rows for file in files}
    who = {}
    for file in files:
        people = truth()[named(file)]["people"]
        who[file.wave] = [people[row - FIRST_ROW[cohort]] for row in done[file.wave]["row"]]
    table = cleaned(cohort).tables["wave_cbi"].to_pandas()
    real = pd.DataFrame({"wave": w, "real": p} for w, people in who.items() for p in people)
    assert len(table) == len(real)
    both = table.reset_index(drop=True).assign(real=real["real"])
    pairs = both.merge(both, on="cohort", suffixes=("", "_2"))
    pairs = pairs[pairs["wave"] < pairs["wave_2"]]
    linked, same = pairs["person"] == pairs["person_2"], pairs["real"] == pairs["real_2"]
    assert (linked & ~same).sum() == 0
    assert (linked & same).sum() / same.sum() > 0.85


@pytest.mark.slow
def test_an_item_left_out_of_one_wave_is_blank_there_and_the_scale_says_so():
    table = cleaned("4").table("wave_cbi").set_index("wave")
    assert table.loc["2-midway", "cbi_13"].isna().all()
    assert table.loc["2-midway", "cbi_work_answered"].max() == 6
    assert table.loc["1-baseline", "cbi_work_answered"].max() == 7


def test_a_renamed_heading_gives_the_same_item():
    table = cleaned("3").table("wave_psychological_safety_7")
    assert table.loc[table["wave"] == "3-end", "psafety_4"].notna().mean() > 0.9


@pytest.mark.parametrize("cohort", COHORTS)
def test_tables_have_the_columns_of_the_contract_and_no_code(cohort):
    done = cleaned(cohort)
    for name in ("cbi", "nqps"):
        table = done.table(f"wave_{name}")
        items = [item for item in load(name).items if item in table]
        scores = [column for scale in scales_of(name) for column in (scale, f"{scale}_answered")]
        assert list(table.columns) == CONTRACT + items + scores
        assert table["person"].str.fullmatch("[0-9a-f]{32}").all()
        assert not table.duplicated(["person", "wave"]).any()
        assert set(table["team"]) <= {team for team, of in teams().items() if of == cohort}


@pytest.mark.parametrize("cohort", COHORTS)
def test_the_flow_loses_nobody_unseen(cohort):
    flow = cleaned(cohort).table("flow")
    for _, steps in flow.groupby("wave", sort=False):
        assert steps["step"].tolist()[0] == "read"
        assert (steps["n_in"].iloc[1:].to_numpy() == steps["n_out"].iloc[:-1].to_numpy()).all()
        assert (steps.loc[steps["n_in"] > steps["n_out"], "reason"] != "").all()


def test_the_intake_says_how_many_were_invited_and_keeps_rejected_values_apart():
    taken = take_in(study(), "3")
    flow = taken.tables["flow"]
    invited = flow[flow["step"] == "invited"]
    assert invited["n_in"].tolist() == [int(taken.tables["teams"]["headcount"].sum())] * 4
    assert set(taken.tables["quarantine"]["rule"]) >= {"out of range", "duplicate", "preview"}
    hashes = taken.tables["quarantine"].query("column.notna() and rule == 'out of range'")["value_hash"]
    assert hashes.str.fullmatch("[0-9a-f]{32}").all()


def test_response_per_team_adds_up_to_the_flow():
    done = cleaned("2")
    kept = done.table("flow").query("step == 'linked'").set_index("wave")["n_out"]
    assert done.table("response").groupby("wave")["linked"].sum().to_dict() == kept.to_dict()
