"""What a design could find, held against closed forms and against effects that are there."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from joyeval.design import (
    Conditions,
    Design,
    all_pulses,
    association,
    conditions_of,
    pulse,
    simulate,
    survey,
    variations,
)
from joyeval.design.detectable import COLUMNS
from joyeval.errors import UsageError
from joyeval.figures.design import detectable
from joyeval.pipeline import planning
from tests.coordination.surveys import survey as ratings

SMALL = Conditions(teams=8, people=10, weeks=40, before=14)


@pytest.fixture(scope="module")
def found() -> Design:
    """Two of the questions, for what is said and drawn; all of them stand behind slow."""
    rows = []
    for name, design in {"as planned": SMALL, "16 teams": replace(SMALL, teams=16)}.items():
        for asked in (pulse, all_pulses):
            rows += [row | {"design": name} for row in asked(design, np.random.default_rng(1))[0]]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return Design(n=240, n_dropped=0, table=table, assumed=asdict(SMALL))


@pytest.mark.slow
def test_more_teams_people_weeks_and_linked_answers_find_smaller_effects():
    found = simulate(replace(SMALL, workgroups=4, raters=6), datasets=10)
    assert found.n + found.n_dropped > 0
    size = found.table.set_index(["question", "design"])["detectable"]
    for question, designs in {
        "a change in the pulse of one team": ("20 weeks", "as planned", "80 weeks"),
        "a mean change in the pulses of all teams": ("4 teams", "as planned", "16 teams"),
        "a change of a survey score": ("4 teams", "as planned", "16 teams"),
        "an association within teams": ("9 periods", "as planned", "36 periods"),
        "a mean change of coordination": ("3 raters per workgroup", "as planned", "12 raters per workgroup"),
    }.items():
        assert (np.diff([size[question, design] for design in designs]) < 0).all(), question
    survey_sizes = size["a change of a survey score"]
    assert survey_sizes["20 people per team"] < survey_sizes["5 people per team"]
    assert size["a mean change of coordination", "75% linked"] < size["a mean change of coordination", "25% linked"]


def test_each_design_differs_from_the_planned_one_in_one_thing():
    planned = Conditions(workgroups=4)
    for question in ("pulse", "pulses", "survey", "association", "coordination"):
        first, *others = variations(planned, question).values()
        assert first == planned
        for other in others:
            unlike = [name for name, value in vars(other).items() if value != getattr(planned, name)]
            assert len([name for name in unlike if name != "before"]) == 1
    assert {"3 waves", "6 people per team", "75% linked", "24 teams"} <= set(variations(planned, "survey"))


def test_it_speaks_of_the_design_as_planned_and_survives_json(found):
    said = found.sentence()
    assert said.startswith("With 8 teams of ")
    assert " weeks (" in said
    assert " this could be found with 80% chance: a change in the pulse of one team of" in said
    assert said.count("a mean change in the pulses of all teams") == 1
    assert Design.from_json(found.to_json()).sentence() == said
    size = found.table.set_index(["question", "design"])["detectable"]["a mean change in the pulses of all teams"]
    assert size["16 teams"] < size["as planned"]


def test_an_association_is_what_the_closed_form_gives():
    """Independent periods: se = 1 / sqrt(teams x (periods - 1)) about, and 2.8 of it is found with 80 % chance."""
    rng = np.random.default_rng(3)
    many = Conditions(teams=60, periods=18)
    rows, lost = association(many, rng, datasets=10)
    echoed = np.sqrt((1 + 0.5 * 0.5) / (1 - 0.5 * 0.5))  # both series echo by .5: fewer periods than there seem
    expected = (ndtri(0.975) + ndtri(0.8)) * echoed / np.sqrt(60 * 17)
    assert lost == 0
    assert rows[0]["detectable"] == pytest.approx(expected, rel=0.2)


@pytest.mark.slow
def test_a_change_of_the_size_named_is_found_with_80_per_cent():
    rng = np.random.default_rng(4)
    base = replace(SMALL, weeks=52, before=17, answers=20, drift=0.0)
    size = np.mean([pulse(base, rng)[0][0]["detectable"] for _ in range(5)])
    from joyeval import improvement
    from joyeval.improvement.change import changes

    week = np.arange(52)
    p = np.where(week < 17, 0.6 - size / 200, 0.6 + size / 200)
    y = rng.binomial(20, p, size=(600, 52))
    rows = pd.DataFrame({"team": np.repeat(np.arange(600), 52), "week": np.tile(week, 600), "y": y.ravel(), "n": 20})
    charts = improvement.chart(rows, x="week", y="y", n="n", by="team", kind="p'", freeze=17, improve="increase")
    assert changes(charts)[0]["clear"].mean() == pytest.approx(0.8, abs=0.08)


def test_a_survey_of_two_waves_has_the_error_of_its_people():
    """Everybody linked and answering, no shocks: the change is the mean of paired differences."""
    rng = np.random.default_rng(5)
    all_linked = Conditions(teams=10, people=12, response=1.0, linkage=1.0, shock=0.0, rest=0.5)
    rows, _ = survey(all_linked, rng, datasets=20)
    paired = (ndtri(0.975) + ndtri(0.8)) * 0.5 * np.sqrt(2 / 120)
    assert (
        0.9 * paired < rows[0]["detectable"] < 1.5 * paired
    )  # t of 9 degrees of freedom: 1.12 of it, give or take chance


def test_the_picture_has_a_panel_per_question(found):
    fig = detectable(found)
    titles = [ax.get_title(loc="left") for ax in fig.axes if ax.get_title(loc="left")]
    assert len(titles) == found.table["question"].nunique()


def test_too_small_a_programme_is_refused():
    with pytest.raises(UsageError, match="at least 4 teams"):
        simulate(Conditions(teams=3))


class _Store:
    """The tables of a cohort without a survey."""

    def __init__(self, **tables):
        self._tables = tables

    def tables(self):
        return list(self._tables)

    def table(self, name):
        return self._tables[name]


def test_conditions_are_those_of_the_tables():
    weeks = pd.date_range("2024-01-01", periods=30, freq="W")
    pulse_table = pd.DataFrame(
        {
            "team": np.repeat(["a", "b"], 30),
            "period": [*weeks, *weeks],
            "measure": "good",
            "positive": 6.0,
            "answers": 8.0,
        }
    )
    teams = pd.DataFrame({"team": ["a", "b"], "headcount": [9.0, 11.0], "start_date": weeks[10]})
    ties = ratings(groups="ABCD", raters=7, skip=0)
    got = conditions_of(None, "1", _Store(teams=teams, pulse=pulse_table, ties=ties))
    assert (got.teams, got.people, got.weeks, got.before, got.answers) == (2, 10, 30, 10, 8)
    assert got.share == pytest.approx(0.75)
    assert (got.workgroups, got.raters) == (4, 7)
    assert conditions_of(None, "1", _Store(teams=teams)).workgroups == 0


def test_the_command_writes_a_table_and_a_picture(found, tmp_path, monkeypatch):
    cohort = SimpleNamespace(cohort="3")
    known = {"study": "joy", "home": tmp_path, "cohorts": [cohort], "cohort": lambda name: cohort}
    study = SimpleNamespace(**known, store=lambda name: None)
    monkeypatch.setattr(planning, "conditions_of", lambda *given: SMALL)
    monkeypatch.setattr(planning, "simulate", lambda conditions, *, datasets: found)
    got, (table, picture) = planning.write_design(study, datasets=10)
    assert got is found
    assert pd.read_csv(table)["detectable"].tolist() == pytest.approx(found.table["detectable"].tolist())
    assert picture.read_bytes().startswith(b"\x89PNG")
    first = picture.read_bytes()
    planning.write_design(study, datasets=10)
    assert picture.read_bytes() == first
