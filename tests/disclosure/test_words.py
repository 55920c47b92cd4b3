"""Words have a door like numbers: what says one comes from what may be shown, or is declared to speak of nobody."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from joyeval import disclosure, report
from joyeval.disclosure import Said, know, nobody, reading, rule_of, show, spoken
from joyeval.errors import DisclosureError
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.report.samples import emitted

TEAMS = pd.DataFrame({"team": ["Ward 7", "Ward 12", "Ward 3"], "joy": [61.0, 74.0, 66.0], "n": [7, 40, 30]})


@pytest.fixture(autouse=True)
def named():
    know(["Ward 7", "Ward 12", "1-baseline", "1"], pd.Series({"Ward 7": 7.0, "Ward 12": 40.0}))
    yield
    know([])


@pytest.mark.parametrize(
    "door",
    [report.text, report.note, lambda text: report.items([text]), lambda text: report.items(iter([text]))],
)
@pytest.mark.parametrize("text", ["Of 22 teams 3 improved.", "61% in Ward 7", f"{TEAMS['joy'][0]:.0f} points"])
def test_a_plain_text_with_a_number_is_refused_with_the_way_to_say_it(door, text):
    with pytest.raises(DisclosureError, match=r"shown\.say") as refused:
        door(text)
    assert refused.value.exit_code == 3
    assert "61" not in str(refused.value)


def test_words_made_of_what_may_be_shown_pass_and_what_is_put_together_by_hand_does_not():
    shown = show(TEAMS, people="n")
    told = shown.say(lambda table: f"Joy is {table['joy'].max():.0f} in Ward 12.")
    assert str(emitted(lambda: report.text(told))[0].runs[0].text) == "Joy is 74 in Ward 12."
    assert all(isinstance(one, Said) for one in shown.say(lambda table: [f"{n}" for n in table["joy"].dropna()]))
    with pytest.raises(DisclosureError):
        report.text(told + " And 61 in another one.")


@pytest.mark.parametrize(
    "text",
    [
        "Ward 7 began later.",
        "Wave 1-baseline, with 95% intervals, to the nearest 5",
        "PHQ9",
        "r2",
        "WHO-5",
        "2-end",
        "Q12",
        "GAD7, then UWES-9; the 2nd wave.",
        "6-month",
        "(CR2)",
        "3-follow-up",
    ],
)
def test_names_of_the_study_may_hold_numbers(text):
    assert spoken(text, "here") == text


@pytest.mark.parametrize(
    "text",
    ["25percent", "share25", "a quarter, ¼", "1⅓", "25pc", "25-percent", "3of4", "3-of-4", "Q12 %", "r2.5", "195%",
     "5.95%", "joy61", "12-people"],
)  # fmt: skip
def test_numbers_in_other_clothes_are_numbers(text):
    with pytest.raises(DisclosureError):
        spoken(text, "here")


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"team": ["Ward 7"], "score": ["3.4"]}),
        pd.DataFrame({"team": ["Ward 7"], "score": ["25 %"]}),
        pd.DataFrame({"team": ["Ward 7"], "score": ["1 of 4"]}),
        pd.DataFrame({"team": ["Ward 7"], "score": [3.0]}),
        pd.DataFrame({"team": ["Ward 7"], "score": pd.Series([3.4], dtype=object)}),
        pd.DataFrame({"team": ["Ward 7"], "score": [Decimal("3.4")]}),
        pd.DataFrame({"said": ["In Ward 7, scores"], "score": [3.4]}),
        pd.DataFrame({"score": [3.0]}, index=["Ward 7"]),
        pd.DataFrame({"score": [3.0]}, index=pd.MultiIndex.from_tuples([("Ward 7", "joy")])),
        pd.DataFrame({"Ward 7": [4.0], "Ward 12": [5.0]}, index=["joy"]),
        pd.DataFrame([[4.0]], columns=pd.MultiIndex.from_tuples([("joy", "Ward 7")])),
        pd.Series({"Ward 7": 3.4}),
        {"Ward 7": 3.4},
        {"Ward 7": "¼"},
    ],
    ids=str,
)
def test_statistics_beside_a_small_team_are_refused_wherever_its_name_stands(table):
    with pytest.raises(DisclosureError, match="too few people"):
        nobody(table, "scores")


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"team": ["Ward 7"], "cycles": [3], "first": [pd.Timestamp("2024-03-01")], "day": ["2024-03-01"]}),
        pd.DataFrame({"team": ["Ward 7", "Ward 12"], "score": [None, 3.4]}),
        pd.DataFrame({"Ward 7": [4], "Ward 12": [5]}, index=["cycles"]),
        {"Ward 7": 3, "Ward 12": 3.5},
        {"Ward 7": True},
    ],
    ids=str,
)
def test_integers_and_days_of_a_small_team_stay(table):
    assert nobody(table, "cycles").what is table


def test_a_name_that_is_a_number_frees_no_other_number():
    with pytest.raises(DisclosureError):
        spoken("11 of them", "here")


@pytest.mark.parametrize("text", ["12 respondents", "Ward 7: 61", "3 of 7 people"])
def test_what_is_declared_to_speak_of_nobody_may_not_speak_of_people(text):
    with pytest.raises(DisclosureError, match="speak of people"):
        nobody(text, "nothing")


def test_numbers_beside_names_of_small_teams_are_refused_unless_their_readers_may_see_them():
    table = pd.DataFrame({"team": ["Ward 7", "Ward 12"], "score": [3.21, 4.0], "cycles": [2, 3]})
    with pytest.raises(DisclosureError, match="too few people"):
        nobody(table, "scores")
    assert nobody(table[["team", "cycles"]], "cycles").counts == "cycles"  # what a team did is no statistic of people
    programme = disclosure.RULES["programme"]
    with reading(programme):
        assert nobody(table, "scores").audience == "programme"


def test_words_for_the_programme_do_not_pass_where_the_public_reads():
    shown = show(TEAMS, audience="programme", people="n")
    with pytest.raises(DisclosureError, match="made for the programme"):
        report.text(shown.say(lambda table: f"Joy is {table['joy'][0]:.0f} in Ward 7."))


def test_alt_texts_are_words_too():
    from joyeval import figures

    shown = show(TEAMS.query("n > 30"), people="n")
    drawn = figures.from_shown(figures.new(height_mm=20)[1], shown)
    with pytest.raises(DisclosureError, match=r"report\.figure \(alt\)"):
        report.figure(drawn, alt="Ward 7 stands at 61.", caption="Joy")


SHOWN = show(pd.DataFrame({"team": ["Ward 12"], "joy": [74.0], "n": [61]}), people="n")


@pytest.mark.parametrize(
    "door",
    [
        report.heading,
        lambda text: report.table(SHOWN, caption=text),
        lambda text: report.table(SHOWN, caption="Joy", footnotes=[text]),
    ],
)
def test_headings_captions_and_footnotes_hold_no_number_beside_a_small_team(door):
    emitted(lambda: door("Joy in 2 waves, Ward 12 and others"))
    emitted(lambda: door("Ward 7 began later"))
    with pytest.raises(DisclosureError, match="beside the name of a team"):
        door("Ward 7 stood at 61 %")


def test_texts_of_a_study_file_are_names(tmp_path):
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    report.readers(study)
    assert spoken(study.programme.rationale, "here")
    assert rule_of(study, "team", team="Ward 7").readers == "Ward 7"


def test_rounding_moves_no_end_of_an_interval_onto_no_change():
    ends = {"ci_low": [0.04, 0.0], "ci_high": [8.2, 6.0]}
    table = pd.DataFrame({"team": ["A", "B"], "estimate": [4.1, 3.0], **ends, "n": 40})
    places = dict.fromkeys(("estimate", "ci_low", "ci_high"), 0)
    shown = show(table, people="n", by=["team"], within=None, places=places).what
    assert shown["ci_low"].tolist() == [1.0, 0.0]
    assert shown["ci_high"].tolist() == [8.0, 6.0]
