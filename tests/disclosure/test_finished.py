"""Documents that a run made of the demonstration, as their readers hold them: alone, together, and beside a sheet."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from joyeval.cli import app
from joyeval.disclosure import rule_of
from joyeval.disclosure.people import known_in_post
from joyeval.store import edition
from joyeval.study import load_study
from tests.disclosure.editions import threshold_of
from tests.disclosure.stranger import beyond_chance, read, recovered, truth_of
from tests.report.contradictions import contradictions

pytestmark = pytest.mark.slow
COHORTS = ("1", "2", "3", "4", "5")
HELD = (("public",), ("programme",), ("public", "programme"))
TOGETHER = re.compile(r"\d+ small teams(?:, (.*))?")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The study of `joyeval demo`, after it ran, with the figures of each cohort."""
    home = tmp_path_factory.mktemp("demonstration")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(home)
        done = CliRunner().invoke(app, ["demo"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        path = "pipelines/enjoying_work.yml"
        for cohort in COHORTS:
            assert CliRunner().invoke(app, ["figures", path, "--cohort", cohort], catch_exceptions=False).exit_code == 0
    return load_study(home / "pipelines" / "enjoying_work.yml")


def reports(study, cohort):
    return study.home / "reports" / "enjoying_work" / cohort


@pytest.mark.parametrize("held", HELD, ids="+".join)
@pytest.mark.parametrize("cohort", [*COHORTS, "network"])
def test_nothing_of_few_people_is_recovered(made, cohort, held):
    threshold = threshold_of(made, held)
    for of in COHORTS if cohort == "network" else [cohort]:
        truth = truth_of(made.store(of), threshold)
        places = [edition(reports(made, cohort), audience) for audience in held]
        found = pd.concat([recovered(place, truth, threshold) for place in places], ignore_index=True)
        assert len(found) or cohort == "network"
        right = found[found["right"] & found["kind"].isin(["share", "count"])]
        assert right.empty, right[["route", "file", "who", "what"]].to_string()
        assert beyond_chance(found) == []


@pytest.mark.parametrize("cohort", COHORTS)
def test_a_sheet_tells_its_team_nothing_of_another_even_beside_every_edition(made, cohort):
    store = made.store(cohort)
    staff = known_in_post(store.table("teams"))
    sheets = sorted((reports(made, cohort) / "team").glob("*.html"))
    assert sheets
    for sheet in sheets:
        text = read(sheet).text
        named = [team for team in staff.index if re.search(rf"(?<!\w){re.escape(team)}(?!\w)", text)]
        assert len([team for team in named if not any(team in other != team for other in named)]) == 1, sheet.name


@pytest.mark.parametrize("audience", ["public", "programme"])
@pytest.mark.parametrize("cohort", COHORTS)
def test_teams_drawn_together_leave_enough_others_to_each_of_them(made, cohort, audience):
    teams, rule = made.store(cohort).table("teams"), rule_of(made, audience)
    staff = known_in_post(teams)
    small = teams[~(teams["team"].map(staff) >= rule.threshold)]
    for _, drawing in read(edition(reports(made, cohort), audience) / "report.html").drawings:
        for found in filter(None, (TOGETHER.fullmatch(word) for word, _, _ in drawing.words)):
            members = small[small["setting"] == found[1]] if found[1] else small
            people = members["team"].map(staff)
            assert people.sum() - people.max() >= rule.threshold, found[0]


@pytest.mark.parametrize("cohort", [*COHORTS, "network"])
def test_no_document_denies_itself(made, cohort):
    pages = [path for path in reports(made, cohort).rglob("report.html") if "notebooks" not in path.parts]
    assert len(pages) == 2, "for the public, and for the programme"
    assert [wrong for path in pages for wrong in contradictions(path.read_text(encoding="utf-8"))] == []
