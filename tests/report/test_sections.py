"""Programme, participants, groups, limits, methods and guidelines: what they say, and what they never show."""

from __future__ import annotations

import re
import sys

import numpy as np
import pandas as pd
import pytest

from joyeval import disclosure, measurement
from joyeval.disclosure.release import COUNT_COLUMN
from joyeval.measurement.response import response
from joyeval.report import sections
from joyeval.report.blocks import Figure, Heading, Items, Table
from joyeval.report.sections import checklists, closing, data, people
from joyeval.report.sections.summary import response_rate
from joyeval.result import NoAnswer
from joyeval.store import Store
from joyeval.study import Squire, load_study
from joyeval.words import Note
from tests.measurement.test_equity import waves
from tests.report.samples import emitted
from tests.report.test_summary import STUDY, link, text_of
from tests.shown import as_shown, figures

PROGRAMME = """\
programme:
  name: Small
  aim: More good days.
  description: Teams test changes.
  drivers:
    Rest: {Breaks: [Quiet room, Walks]}
    Thanks: [Board]
  currency: €
  costs:
    - {what: Coaches, amount: 1500, basis: 2 days, cohorts: [one]}
    - {what: Rooms, amount: 500}
    - {what: Elsewhere, amount: 9999, cohorts: [two]}
"""
SQUIRE = "squire: {ethics: No review was needed., funding: The trust paid.}\n"


@pytest.fixture
def study(tmp_path):
    text = (
        STUDY.replace("LANGUAGE", "en").replace("programme: {name: Small, aim: More good days.}\n", PROGRAMME) + SQUIRE
    )
    text = text.replace("\nteams:", "\n  - {cohort: two, title: Second, start: 2025-01-01, end: 2025-12-31}\nteams:")
    path = tmp_path / "pipelines" / "small.yml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return load_study(path)


def store(study, **things):
    teams = pd.DataFrame({"team": ["A", "B"], "headcount": [40.0, 60.0], "setting": ["ward", "office"]})
    Store(study.home, study.store("one").folder).save(teams=teams, **things)
    return study.store("one")


def events():
    rows = [
        ("2024-02-01", "cohort", "one", "learning set", "Learning set 1"),
        ("2024-03-01", "team", "A", "change idea", "Quiet room"),
        ("2024-03-08", "team", "A", "pdsa cycle", "Quiet room: cycle 1"),
        ("2024-03-15", "team", "A", "pdsa cycle", "Quiet room: cycle 2"),
        ("2024-04-01", "team", "B", "change idea", "Nobody planned this"),
        ("2024-04-02", "team", "B", "pdsa cycle", "Nobody planned this: cycle 1"),
        ("2024-04-03", "team", "B", "huddles", "Huddles"),
    ]
    return pd.DataFrame(rows, columns=["date", "scope", "scope_id", "kind", "label"]).assign(
        date=lambda d: pd.to_datetime(d["date"])
    )


def tables(blocks):
    return {block.caption: block for block in blocks if isinstance(block, Table)}


def test_the_programme_is_told_from_study_file_and_events(study):
    blocks = emitted(lambda: sections.programme(study, "one", store(study, events=events())))
    said = text_of(blocks)
    assert "The cohort had 1 learning set. 2 teams logged 3 PDSA cycles: 1 to 2 each." in said
    assert "The account adds up to €2,000, or €1,000 for each of 2 teams." in said
    assert "Elsewhere" not in said
    dose = next(table for caption, table in tables(blocks).items() if caption.startswith("What each team logged"))
    assert dose.rows == (("A", "2", "1", "0"), ("B", "1", "1", "1"))
    ideas = next(table for caption, table in tables(blocks).items() if caption.startswith("Changes tested"))
    assert ideas.rows[0][:4] == ("Quiet room", "Rest", "1", "2")
    assert ideas.rows[1][1] == "not in the driver diagram"


def test_a_driver_diagram_says_in_words_all_that_it_draws(study):
    ideas = study.programme.change_ideas()
    ax = figures.driver_diagram(study.programme.aim, as_shown(ideas))
    drawn = "\n".join(text.get_text() for text in ax.texts)
    alt = figures.driver_diagram_alt(study.programme.aim, as_shown(ideas))
    for words in ("More good days.", "Rest", "Breaks", "Quiet room", "Walks", "Thanks", "Board"):
        assert words in drawn
        assert words in alt


def test_boxes_of_a_driver_diagram_do_not_overlap():
    ideas = [
        (f"Primary {i} with a rather long name", f"Secondary {i}{j}", f"Idea {k}")
        for i in range(5)
        for j in range(3)
        for k in range(3)
    ]
    ax = figures.driver_diagram("An aim of many words " * 6, as_shown(ideas))
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_marks_are_as_many_as_teams_and_differ_in_shape():
    counts = {"clearly_better": 3, "clearly_worse": 2, "not_clear": 0, "cannot_be_judged": 1}
    ax = figures.team_marks(counts, words={name: name for name in counts})
    drawn = {line.get_marker(): len(line.get_xdata()) for line in ax.lines if line.get_marker() != "None"}
    assert drawn == {"^": 3, "v": 2, "o": 1}


def test_a_crowded_lane_has_bars_with_the_events_of_each_month():
    days = pd.date_range("2024-01-02", periods=40, freq="2D")
    ax = figures.timeline(pd.DataFrame({"date": days, "kind": "huddle"}))
    per_month = pd.Series(days).dt.to_period("M").value_counts().sort_index()
    heights = np.array([-bar.get_height() for bar in ax.patches])
    assert heights / heights.max() == pytest.approx((per_month / per_month.max()).to_numpy())
    assert ax.texts[0].get_text().strip() == str(per_month.max())


def test_respondents_stand_beside_the_roster_and_small_groups_are_not_shown(study):
    answers = pd.DataFrame({"role": np.repeat(["nurse", "doctor", "manager", "clerk", "porter"], [30, 5, 14, 30, 30])})
    roster = pd.Series({"nurse": 40, "doctor": 10, "manager": 50, "clerk": 60, "porter": 60}).rename_axis("role")
    found = response(answers, roster)
    table = emitted(lambda: people._against_roster(found, "1", study))[0]
    shown = {row[1]: row[2:] for row in table.rows}
    assert shown["nurse"] == ("30", "18", "27", "75")  # of 30 of 110, both rounded, not of 30 of 109
    assert shown["doctor"] == ("–", "–", "–", "–")
    assert shown["manager"] == ("–", "–", "–", "–")  # would give the doctors away
    assert "fewer than 11 people" in table.footnotes[-1]
    assert people._told(found, disclosure.rule_of(study)).endswith("so means may lean one way.")


CAPTION = "Scores by setting: mean in wave 1-start and 2-end, and the change"


def test_groups_stand_in_order_of_name_and_small_ones_are_hidden_everywhere(study):
    data = waves(teams=12, people=8, groups=3)
    small = data[data["setting"] != "S2"].copy()
    few = pd.concat([small, data[data["setting"] == "S2"].groupby("wave").head(5)]).sort_values("wave", kind="stable")
    found = measurement.equity(few, by=["setting"], scales={"joy": "Joy"})
    blocks = emitted(lambda: sections.equity(found, study))
    groups = tables(blocks)[CAPTION]
    (why,) = groups.footnotes
    names = [row[1] for row in groups.rows]
    assert names == sorted(set(names))
    assert "S2" not in names
    assert len(names) <= 1  # five answers could be had from the total: a second group goes too
    assert all(name in why for name in {"S0", "S1", "S2"} - set(names))
    assert not re.search(r"best|worst|highest|lowest|rank", text_of(blocks), re.I)


def test_a_group_that_would_leave_a_small_team_beside_the_named_ones_is_not_shown(study, monkeypatch):
    data = waves(teams=6, people=30, groups=3)  # two teams in each setting
    place = data.groupby(["team", "wave"], sort=False).cumcount()
    of = {people: data[~data["team"].isin(["T3", "T4"]) | (place < people)] for people in (12, 6)}
    found = measurement.equity(of[6], by=["setting"], scales={"joy": "Joy"})

    def settings(people):
        monkeypatch.setattr("joyeval.measurement.surveys.with_groups", lambda *_: of[people])
        return {row[1] for row in tables(emitted(lambda: sections.equity(found, study)))[CAPTION].rows}

    monkeypatch.setattr(sys.modules["joyeval.report.sections.people"], "stores", lambda: ["a cohort"])
    assert settings(12) == {"S0", "S1", "S2"}  # of twelve people a team may be named
    assert not {"S0", "S1"} & settings(6)


def test_groups_without_an_answer_are_told_why(study):
    none = NoAnswer(n=0, question="whether groups differ", reason="one wave")
    assert "The data cannot say whether groups differ: one wave." in text_of(
        emitted(lambda: sections.equity(none, study))
    )


def test_a_list_of_teams_without_organisations_and_settings_is_no_roster(study):
    """Two blanks are not two organisations."""
    teams = pd.DataFrame({"team": ["A", "B"], "headcount": [40.0, 60.0]} | dict.fromkeys(people.OF_TEAMS, np.nan))
    who = {"person": ["p", "q"], "cohort": "one", "team": ["A", "B"], "role": "nurse", "wave": "1", "date": pd.NaT}
    wave = pd.DataFrame(who | {"joy": 1.0, "joy_answered": 1})
    blocks = emitted(lambda: people._representative(study, "one", store(study, wave_joy=wave), teams))
    assert not blocks


def test_caveats_stand_once_by_part_and_other_notes_are_left_out():
    first = link(notes=(Note("association.named", place="the study file small.yml"), "21 teams can show 0.58"))
    second = NoAnswer(n=0, question="q", reason="r", notes=("20 teams can show 0.61", "another limit"))
    told = closing._caveats({"outcomes_primary": first, "experience_equity": second})
    assert told == {"Link with outcomes": ["21 teams can show 0.58."], "Groups of staff": ["Another limit."]}


def test_methods_name_versions_and_every_raw_file_but_no_plain_hash_of_it(study, monkeypatch):
    """A plain SHA-256 confirms a guess of what is in a file."""
    digest = "ab12" * 16
    fingerprint = {"library": {"joyeval": "0.1.0", "code": "c0de", "numpy": "2.4.6"}, "inputs": {"teams.csv": digest}}
    record = {"steps": {"01_clean_waves": {"fingerprint": fingerprint}}}
    blocks = emitted(lambda: sections.methods(study, "one", store(study, outcomes_primary=link()), record))
    said = text_of(blocks)
    assert digest not in said
    assert "teams.csv" in said
    assert "the SHA-256 of each stays at home" in said
    monkeypatch.setattr("joyeval.intake.keys._with_people", lambda study: [study.path])
    keyed = text_of(emitted(lambda: sections.methods(study, "one", store(study, outcomes_primary=link()), record)))
    assert digest not in keyed
    assert re.search(r"teams.csv\s+[0-9a-f]{64}", keyed)
    assert "joyeval 0.1.0 (code c0de), with numpy 2.4.6." in said
    assert "“A good day” against “Rated good”, 1 to 3 months later" in said
    assert any(
        "Within-between model" in run.text
        for block in blocks
        if isinstance(block, Items)
        for item in block.items
        for run in item
    )


def test_squire_has_every_item_and_says_what_is_still_to_be_written(study):
    table = checklists.squire(study, store(study)).set_index("item")
    assert list(table.index) == [
        *map(str, range(1, 13)), "13a", "13b", "13c", "13d", "13e", "13f", *map(str, range(14, 19)),
    ]  # fmt: skip
    assert table.loc["12", "answered"] == "No review was needed."
    assert table.loc["17", "answered"] == checklists.OPEN
    assert table.loc["13d", "answered"] == checklists.OPEN  # no outcomes in this cohort
    found = checklists.squire(study, store(study, outcomes_primary=link())).set_index("item")
    assert found.loc["13d", "answered"] == "Here: Staff experience and outcomes."


def test_every_key_of_the_study_file_has_its_item():
    assert {item.authors for item in checklists.squire_items()} - {""} == set(Squire.model_fields)


def test_chapters_that_guidelines_name_are_chapters_of_the_report():
    named = {item.here for item in checklists.squire_items()} - {"", "Title page"}
    known = {"Staff experience", "Improvement over time", "Staff experience and outcomes"}
    known |= {"Data: what was read, kept and left out", "Summary", "Aim and programme", "Methods", "Limitations"}
    assert named <= known


def test_guidelines_are_saved_for_authors(study, tmp_path):
    out = tmp_path / "out"
    things = store(study, events=events(), flow=pd.DataFrame({"wave": [], "step": []}))
    emitted(lambda: sections.guidelines(study, "one", Store(things.folder, out)))
    for name in ("squire_2_0", "re_aim"):
        for ending in (".csv", ".docx"):
            assert (out / "tables" / f"{name}{ending}").stat().st_size > 0
    saved = pd.read_csv(out / "tables" / "squire_2_0.csv")
    assert len(saved) == 23
    assert list(saved.columns) == ["Item", "Heading", "Asks for", "Answered"]


def test_re_aim_counts_what_was_done_and_claims_no_more(study):
    things = store(study, events=events(), flow=pd.DataFrame({"wave": [], "step": []}))
    told = checklists.re_aim(study, "one", things).set_index("dimension")["answered"]
    assert told["Reach"].startswith("About 100 staff in post")
    assert told["Adoption"].startswith("2 teams from 2 settings")
    assert "5 tests, change ideas and huddles and 1 uses" in told["Implementation"]
    assert told["Maintenance"] == checklists.OPEN


def test_where_there_is_no_programme_nobody_took_it_up(study):
    none = events().iloc[:0]
    bare = study.model_copy(update={"cohorts": tuple(c.model_copy(update={"phases": ()}) for c in study.cohorts)})
    told = checklists.re_aim(bare, "one", store(study, events=none, flow=pd.DataFrame({"wave": [], "step": []})))
    assert told.set_index("dimension").loc["Adoption", "answered"] == checklists.OPEN


def test_what_became_of_tables_is_told_without_noughts(study):
    record = {"steps": {"01_clean_waves": {"exhibits": {"public": {"whole": 3, "in part": 1}}}}}
    (said,) = emitted(lambda: sections.cost_of_the_gate(study, record))
    assert "people: 4; 3 whole here and 1 without numbers that rest on too few." in str(said)


def test_every_figure_of_these_sections_has_words(study):
    blocks = emitted(lambda: sections.programme(study, "one", store(study, events=events())))
    drawn = [block for block in blocks if isinstance(block, Figure)]
    assert len(drawn) == 2
    assert all(len(block.alt) > 60 for block in drawn)
    assert isinstance(blocks[0], Heading)


RESPONSE = {"wave": ["1", "2"], "team": "A", "invited": [60.0, 20.0], "opened": [48, 7], "started": [47, 7]}
RESPONSE |= {"kept": [46, 7], "complete": [46, 7], "scored": [46, 7], "linked": [39, 7]}


def test_steps_of_a_survey_that_differ_by_a_few_people_do_not_count_them(study):
    shelf = store(study, response=pd.DataFrame(RESPONSE))
    table = data.people_at_steps(shelf).what
    assert table.loc["1"].tolist() == [60, 50, 45, 45, 45, 40, 75]  # 45 of 60, not 46
    assert table.loc["2"].isna().tolist() == [False, *[True] * 6]
    (said,) = emitted(lambda: data.response(shelf))
    assert "7" not in str(said).split()


def test_people_at_each_step_are_told_where_nobody_knows_how_many_are_in_post(study):
    (said,) = emitted(lambda: data.response(store(study, response=pd.DataFrame(RESPONSE | {"invited": float("nan")}))))
    assert "response (%)" not in [column.label for column in said.columns]
    assert said.rows


def test_rows_of_people_are_rounded_where_rows_of_files_are_not():
    steps = [
        ("1", "read", 48, 46),
        ("1", "scored", 46, 46),
        ("coordination 1", "read", 48, 46),
        ("teams", "read", 7, 7),
    ]
    table = pd.DataFrame(steps, columns=["wave", "step", "n_in", "n_out"]).assign(reason="")
    (shown,) = emitted(lambda: data.flow(table))
    assert [row[2:4] for row in shown.rows] == [("50", "45"), ("45", "45"), ("50", "45"), ("7", "7")]


def test_a_few_people_who_answered_twice_are_not_counted():
    aside = pd.DataFrame({"file": "s.csv", "row": range(15), "rule": ["duplicate"] * 3 + ["range"] * 12, "fix": "none"})
    (shown,) = emitted(lambda: data.set_aside(aside))
    assert [row[2] for row in shown.rows] == ["fewer than 11", "about 10"]


def test_the_response_rate_is_known_where_no_row_was_left_out(study):
    flow = pd.DataFrame({"wave": "1", "step": ["invited", "scored"], "n_in": [60, 46], "n_out": [46, 46]})
    shelf = store(study, flow=flow, response=pd.DataFrame(RESPONSE).head(1))
    assert response_rate(shelf, "{}".format) == ["75%"]  # 45 of 60


def test_estimates_of_few_teams_are_not_mistaken_for_people(study):
    (shown,) = emitted(lambda: sections.estimates(link(), caption="The primary analysis"))
    assert [column.label for column in shown.columns][-1].lower() == "rows of data"
    assert not any(COUNT_COLUMN.fullmatch(column.label) for column in shown.columns)
