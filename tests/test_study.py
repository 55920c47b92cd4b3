"""The study file: typed, frozen, every problem at once with its line."""

from __future__ import annotations

import json

import pytest

from joyeval.disclosure import rule_of
from joyeval.errors import DisclosureError, StudyError, UsageError
from joyeval.study import json_schema, load_study
from tests.conftest import ROOT

GOOD = """\
study: small
title: A small study
programme: {name: Small, aim: More good days}
data: raw
cohorts:
  - {cohort: one, title: Cohort one, start: 2024-01-01, end: 2024-12-31}
teams: {file: teams.csv, columns: {team: Team, cohort: Cohort}}
pulses:
  - measure: good_day
    title: Good days
    file: pulse.csv
    columns: {team: Team, period: Week, positive: Good, answers: Answers}
    cohorts: [one]
    period: week
outcomes:
  - measure: fft
    title: Friends and family
    kind: proportion
    unit: "%"
    improve: increase
    period: month
    file: fft.csv
    columns: {team: Team, period: Month, numerator: Positive, denominator: All}
primary: {staff: good_day, outcome: fft, window: [1, 3]}
"""


def write(folder, text):
    path = folder / "pipelines" / "small.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def found(folder, text, kind=StudyError):
    with pytest.raises(kind) as caught:
        load_study(write(folder, text))
    return [(p.row, p.column) for p in caught.value.problems]


def test_a_good_study_loads_typed_and_frozen(tmp_path):
    study = load_study(write(tmp_path, GOOD))
    assert study.cohort("one").start.year == 2024
    assert study.folder == tmp_path / "pipelines" / "raw"
    assert study.store("one").folder == tmp_path / "data" / "processed" / "small" / "one"
    assert study.line("primary") == 24
    with pytest.raises(Exception, match="frozen"):
        study.title = "Another"
    with pytest.raises(TypeError):
        study.teams.columns["team"] = "Other"


def test_the_data_folder_is_an_argument(tmp_path):
    assert load_study(write(tmp_path, GOOD), data=tmp_path / "elsewhere").folder == tmp_path / "elsewhere"


def test_ten_errors_are_listed_at_once(tmp_path):
    text = GOOD
    for old, new in (
        ("study: small", "study: Small Study"),
        ("title: A small", "titel: A small"),
        ("end: 2024-12-31", "end: 2023-12-31"),
        ("title: Good days", "title: 7"),
        ("cohorts: [one]", "cohorts: [two]"),
        ("kind: proportion", "kind: share"),
        ("improve: increase", "improve: up"),
        ("period: month\n", "period: 12\n"),
        ("outcome: fft", "outcome: ftf"),
        ("window: [1, 3]", "window: 3"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    places = found(tmp_path, text)
    assert len(places) == 11  # the misspelt key counts twice: unknown `titel`, missing `title`
    assert [row for row, _ in places] == sorted(row for row, _ in places)
    assert {(1, "study"), (2, "titel"), (13, "pulses[1].cohorts[1]"), (24, "primary.outcome")} <= set(places)


def test_what_several_files_share_stands_in_one_form(tmp_path):
    old = "    columns: {team: Team, period: Week, positive: Good, answers: Answers}\n"
    form = "forms:\n  counts: {columns: {team: Team, period: Week, positive: Good, answers: All}, percent: true}\n"
    text = GOOD.replace(old, "    form: counts\n    columns: {answers: Answers}\n") + form
    pulse = load_study(write(tmp_path, text)).pulses[0]
    assert dict(pulse.columns) == {"team": "Team", "period": "Week", "positive": "Good", "answers": "Answers"}
    assert pulse.percent is True
    assert found(tmp_path, text.replace("form: counts", "form: count"))[-1] == (12, "pulses[1].form")


@pytest.mark.parametrize("value", ["{a: 1}", "[x]", "7", "[{a: [1]}]", "true", "[]"])
@pytest.mark.parametrize("old", ["good_day", "cohorts: [one]", "cohort: one", "measure: fft", "outcome: fft", "small"])
def test_whatever_stands_where_a_name_should_is_a_problem_with_its_line(tmp_path, old, value):
    key = old.partition(": ")[0] + ": " if ": " in old else ""
    text = GOOD.replace(old, key + value, 1)
    line = text[: text.index(key + value)].count("\n") + 1
    assert line in [row for row, _ in found(tmp_path, text)]


def test_what_is_wrong_in_a_form_is_told_once_and_stands_there(tmp_path):
    old = "    cohorts: [one]\n    period: week\n"
    second = "  - {measure: rest, title: Rest, file: r.csv, columns: {team: T}, form: weekly}\noutcomes:\n"
    text = GOOD.replace(old, "    form: weekly\n").replace("outcomes:\n", second)
    assert found(tmp_path, text + "forms:\n  weekly: {cohorts: [two], period: wek}\n") == [
        (26, "forms.weekly.cohorts[1]"),
        (26, "forms.weekly.period"),
    ]


def test_steps_that_are_no_notebooks_are_told_together(tmp_path):
    with pytest.raises(StudyError, match="a step '07_mine', '08_mine'"):
        load_study(write(tmp_path, GOOD + "steps: {07_mine: {}, 08_mine: {}}\n"))
    (tmp_path / "notebooks").mkdir()
    for name in ("07_mine", "08_mine"):
        (tmp_path / "notebooks" / f"{name}.ipynb").touch()
    assert "08_mine" in load_study(write(tmp_path, GOOD + "steps: {07_mine: {}, 08_mine: {}}\n")).step_names


OWN = """\
id: ours
title: Ours
about: one item
source: nobody
licence: {terms: ours, wording: ships, commercial: free}
responses:
  agree: {codes: [1, 5]}
items:
  ours_1: {topic: first, responses: agree}
scales:
  joy: {title: Joy, items: [ours_1], answered: 1, rule: ours, better: higher}
"""
WAVE = """\
waves:
  - {wave: first, cohorts: [one], file: w.csv, columns: {ours_1: Q1}, instruments: [ours.yml], start: 2024-01-01,
    end: 2024-01-31}
"""


def test_a_scale_of_ones_own_instrument_may_be_the_primary_measure(tmp_path):
    text = GOOD.replace("staff: good_day", "staff: joy") + WAVE
    (tmp_path / "pipelines").mkdir()
    own = tmp_path / "pipelines" / "ours.yml"
    own.write_text(OWN, encoding="utf-8")
    assert load_study(write(tmp_path, text)).primary.staff == "joy"


def test_what_is_wrong_with_ones_own_instrument_is_told_with_the_study(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "ours.yml").write_text(OWN.replace("answered: 1", "answered: two"), encoding="utf-8")
    assert (11, "scales.joy.answered") in found(tmp_path, GOOD + WAVE)
    absent = GOOD + WAVE.replace("ours.yml", "theirs.yml")
    assert (None, None) in found(tmp_path, absent)


def test_a_lower_threshold_needs_a_reason(tmp_path):
    assert found(tmp_path, GOOD + "disclosure: {threshold: 8}\n", DisclosureError) == [(25, "disclosure")]
    typo = GOOD + "disclosure: {treshold: 8}\n"  # a slip of the pen is a problem like others
    assert found(tmp_path, typo) == [(25, "disclosure.treshold")]
    agreed = GOOD + "disclosure: {threshold: 8, reason: agreed with the information governance lead}\n"
    assert load_study(write(tmp_path, agreed)).disclosure.threshold == 8


def test_audiences_are_known_and_the_programme_edition_has_an_agreement(tmp_path):
    unknown = GOOD + "disclosure: {audiences: [public, board]}\n"
    assert found(tmp_path, unknown, DisclosureError) == [(25, "disclosure.audiences[2]")]
    assert found(tmp_path, GOOD + "disclosure: {audiences: [programme]}\n", DisclosureError) == [(25, "disclosure")]
    agreed = "{readers: programme team, reason: data sharing agreement, date: 2025-01-15}"
    study = load_study(write(tmp_path, GOOD + f"disclosure: {{audiences: [public, programme], programme: {agreed}}}\n"))
    assert (rule_of(study).threshold, rule_of(study, "programme").threshold) == (11, 5)
    assert rule_of(study, "programme").reason == "data sharing agreement (15 January 2025)"
    with pytest.raises(DisclosureError, match="names public, programme"):
        rule_of(study, "team")


STILL = """\
  - {measure: checks, title: Checks of buildings, kind: mean, unit: days, improve: decrease, period: month,
    file: c.csv, columns: {team: Team, period: Month, value: Days}}
"""


def test_a_negative_control_is_another_outcome_beside_a_primary_analysis(tmp_path):
    other = GOOD.replace("outcomes:\n", "outcomes:\n" + STILL)
    control = "negative_control: {outcome: checks, why: Contractors do them.}\n"
    assert load_study(write(tmp_path, other + control)).negative_control.outcome == "checks"
    assert found(tmp_path, GOOD + control) == [(25, "negative_control.outcome")]
    assert found(tmp_path, GOOD + control.replace("checks", "fft")) == [(25, "negative_control.outcome")]
    assert found(tmp_path, other + control.replace("Contractors do them.", "''")) == [(27, "negative_control.why")]
    alone = "".join(line for line in other.splitlines(keepends=True) if not line.startswith("primary"))
    assert [place for _, place in found(tmp_path, alone + control)] == ["negative_control"]


def test_an_unknown_cohort_is_told_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="no cohort 'two'; it names one"):
        load_study(write(tmp_path, GOOD)).cohort("two")


def test_costs_drivers_and_groups_are_checked_with_their_lines(tmp_path):
    text = GOOD.replace(
        "programme: {name: Small, aim: More good days}\n",
        "programme:\n  name: Small\n  aim: More good days\n  drivers: {Rest: {Breaks: Quiet room}}\n"
        "  costs:\n    - {what: Coaches, amount: -3}\n    - {what: Rooms, amount: 1, cohorts: [two]}\n",
    )
    text += "equity: {by: [role, setting], scales: [good_day]}\nsquire: {conclusion: None}\n"
    assert found(tmp_path, text) == [
        (6, "programme.drivers.Rest.Breaks"),
        (8, "programme.costs[1].amount"),
        (9, "programme.costs[2].cohorts[1]"),
        (31, "equity.by[1]"),
        (31, "equity.scales[1]"),
        (32, "squire.conclusion"),
    ]


def test_change_ideas_stand_in_order_with_and_without_secondary_drivers(tmp_path):
    text = GOOD.replace("aim: More good days}", "aim: More, drivers: {Rest: {Breaks: [Room, Walk]}, Thanks: [Board]}}")
    ideas = load_study(write(tmp_path, text)).programme.change_ideas()
    assert ideas == [("Rest", "Breaks", "Room"), ("Rest", "Breaks", "Walk"), ("Thanks", "", "Board")]


def test_cohort_names_cannot_leave_the_folder(tmp_path):
    assert found(tmp_path, GOOD.replace("cohort: one,", 'cohort: "../one",'))[0] == (6, "cohorts[1].cohort")


@pytest.mark.parametrize("file", ["../../secret.csv", "/etc/passwd", "raw/../../x.csv"])
def test_raw_files_lie_below_the_data_folder(tmp_path, file):
    with pytest.raises(StudyError, match="outside the data folder") as caught:
        load_study(write(tmp_path, GOOD.replace("{file: teams.csv", f"{{file: {file}")))
    assert caught.value.problems[0].column == "teams.file"


def test_the_shipped_schema_is_the_one_in_force():
    shipped = json.loads((ROOT / "pipelines" / "study.schema.json").read_text(encoding="utf-8"))
    assert shipped == json_schema(), "python -m joyeval.study > pipelines/study.schema.json"
