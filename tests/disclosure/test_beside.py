"""Exhibits of one partition of staff held beside teams and the whole: added and taken off, they leave nobody or enough.

Who answered, by setting or organisation; response rates of teams; Table 1; scores by group. The slow version reads the
demonstration, the quick one cohorts of a few small teams.
"""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from joyeval import disclosure, measurement, report
from joyeval.disclosure import Rule
from joyeval.report import papers
from joyeval.report.sections import people, survey_response
from joyeval.report.sections.measurement import _response
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.disclosure import editions
from tests.disclosure.attacks import fewest_left
from tests.report.test_summary import STUDY

AUDIENCES = ("public", "programme")
AGREED = """\
disclosure:
  audiences: [public, programme]
  programme: {reason: agreed, date: 2024-01-01, readers: The programme team}
"""
MARGINS = ("organisation", "setting")
SMALL = {  # staff who answered, setting, organisation
    "a setting less its team": [(20, "ward", "x"), (4, "ward", "x"), (20, "clinic", "x"), (14, "clinic", "x")],
    "two of three": [(30, "ward", "x"), (9, "ward", "y"), (13, "clinic", "y"), (25, "clinic", "y"), (8, "home", "x")],
    "across": [(16, "ward", "x"), (6, "ward", "y"), (6, "clinic", "x"), (16, "clinic", "y"), (16, "home", "y")],
}


def taken(call) -> dict[str, disclosure.Shown]:
    """Tables that a section emits, by the beginning of their captions."""
    found = {}
    keep = lambda shown, caption, **_: found.update({caption.split(" (")[0].split(",")[0]: shown})  # noqa: E731
    with mock.patch.object(report, "table", keep), mock.patch.object(report, "figure"):
        call()
    return found


def exhibits(study, cohort, store, audience) -> list[tuple[str, list, list]]:
    """Wave, sets of teams that are shown as groups, and teams that are named, of all that a reader holds."""
    report.readers(study, cohort, audience)
    teams = store.table("teams")
    answers = measurement.surveys.respondents(store)
    rates = taken(lambda: survey_response._rates(store.table("response"), disclosure.rule_of(study, audience)))
    named = rates.get("Response rate", SimpleNamespace(what=pd.DataFrame())).what
    found = []
    for wave in dict.fromkeys(answers["wave"].astype(str)):
        here = answers[answers["wave"].astype(str) == wave].drop(columns=list(MARGINS), errors="ignore")
        here = here.merge(teams[["team", *MARGINS]], on="team")
        roster = [teams.groupby(name)["headcount"].sum() for name in MARGINS if len(teams[name].unique()) > 1]
        response = measurement.response(here, roster)
        one = SimpleNamespace(waves=(wave, wave), response=response)
        tables = [
            *taken(lambda one=one: _response(one, study)).values(),
            *taken(lambda all_=response, wave=wave: people._against_roster(all_, wave, study)).values(),
        ]
        groups = [row for shown in tables for row in shown.what.dropna(subset=["answered"]).itertuples()]
        known = [set(teams.loc[teams[row.margin] == row.category, "team"]) for row in groups]
        first = report.table_one(here, variables=["joy"] if "joy" in here else [], by="setting").what.iloc[0]
        rows = report.table_one(here, variables=["organisation"]).what.set_index("Characteristic")["All"].dropna()
        kinds = [name.removeprefix("Organisation: ") for name in rows.index]
        known += [set(teams.loc[teams["setting"] == name, "team"]) for name in first.dropna().index]
        known += [set(teams.loc[teams["organisation"] == name, "team"]) for name in kinds]
        shown = list(named[wave].dropna().index) if wave in named else []
        found.append((wave, [one for one in map(frozenset, known) if one], shown))
    return found


def attacked(study, cohort, store) -> int:
    """Hold all sums and differences against the threshold of each audience; how many groups were held."""
    answers, held = measurement.surveys.respondents(store), 0
    for audience in AUDIENCES:
        threshold = editions.threshold_of(study, [audience])
        for wave, known, named in exhibits(study, cohort, store, audience):
            here = answers[answers["wave"].astype(str) == wave]
            size = here.groupby("team").size().reindex(store.table("teams")["team"], fill_value=0)
            every = [*dict.fromkeys(known), frozenset(size.index)]
            if size.sum() >= threshold:
                alone = fewest_left(size, every[-1:], named)
                assert fewest_left(size, every, named) >= min(threshold, alone), (audience, wave)
            held += len(every) - 1
    return held


def small_cohort(home, teams):
    """A study of one wave: everybody in post answered."""
    path = home / "pipelines" / "small.yml"
    path.parent.mkdir()
    path.write_text(STUDY.replace("LANGUAGE", "en") + AGREED)
    study = load_study(path)
    listed = pd.DataFrame(teams, columns=["headcount", "setting", "organisation"]).assign(
        team=lambda rows: [f"Team {one}" for one in "ABCDEFGH"[: len(rows)]], cohort="one"
    )
    size, name = listed["headcount"], listed["team"]
    who = {"person": np.arange(size.sum()).astype(str), "cohort": "one", "team": np.repeat(name, size).to_numpy()}
    wave = pd.DataFrame(who | {"role": "nurse", "wave": "1", "date": pd.Timestamp("2024-02-01")})
    steps = dict.fromkeys(("invited", "opened", "started", "kept", "complete", "scored"), size.astype(float))
    response = pd.DataFrame({"wave": "1", "team": name} | steps)
    store = study.store("one")
    type(store)(store.folder, store.folder).save(
        teams=listed.astype({"headcount": float}), wave_joy=wave.assign(joy=3.0), response=response
    )
    return study, study.store("one")


@pytest.mark.parametrize("teams", SMALL.values(), ids=SMALL)
def test_groups_beside_named_teams_leave_nobody_or_enough(tmp_path, teams):
    study, store = small_cohort(tmp_path, teams)
    attacked(study, "one", store)


@pytest.mark.parametrize("teams", SMALL.values(), ids=SMALL)
def test_without_the_rule_a_few_people_are_left(tmp_path, teams):
    study, store = small_cohort(tmp_path, teams)
    nothing = lambda *_: frozenset()  # noqa: E731
    off = mock.patch.object(disclosure, "leaves_few", nothing), mock.patch.object(papers, "leaves_few", nothing)
    with off[0], off[1], pytest.raises(AssertionError):
        attacked(study, "one", store)


def test_groups_that_leave_nobody_are_shown(tmp_path):
    study, store = small_cohort(
        tmp_path, [(20, "ward", "x"), (20, "ward", "x"), (20, "clinic", "y"), (20, "home", "y")]
    )
    assert attacked(study, "one", store) == 2 * 4  # organisation x and the setting ward are one


def test_a_team_whose_rate_is_not_known_counts_among_those_not_shown(tmp_path):
    """A team of 4 without staff in post: the wave less the teams with rates would be those 4."""
    _, store = small_cohort(tmp_path, [(20, "ward", "x"), (30, "ward", "x"), (40, "ward", "x"), (4, "ward", "x")])
    response = store.table("response")
    response.loc[3, ["invited", "opened"]] = np.nan, 4
    found = taken(lambda: survey_response._rates(response, disclosure.Rule()))["Response rate"].what
    assert list(found.index) == ["Team B", "Team C"]


def test_organisations_of_the_network_leave_no_small_team_beside_the_teams_that_cohorts_name():
    teams = pd.DataFrame(
        [("1", "A", 20, "x"), ("1", "B", 20, "x"), ("1", "C", 8, "x"), ("1", "D", 12, "y"), ("2", "E", 30, "y")],
        columns=["cohort", "team", "people", "organisation"],
    )
    few = disclosure.teams_leave_few(teams, ["organisation"], disclosure.Rule())
    assert few == {("organisation", "x"), ("organisation", "y")}  # x less A and B is C; all less y is C, too
    assert disclosure.teams_leave_few(teams, ["organisation"], Rule(threshold=5, reason="agreed")) == frozenset()


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(40, 60, "67%"), (60, 60, "94%"), (150, 150, "95% or more"), (0, 150, "5% or less"), (152, 150, "95% or more")],
)
def test_shares_of_people_never_say_all_or_none(part, whole, said):
    assert disclosure.share_in_words(part, whole, disclosure.Rule()) == said


@pytest.mark.slow
@pytest.mark.parametrize("cohort", ["1", "2", "3", "4", "5"])
def test_groups_of_the_demonstration_beside_its_teams_leave_nobody_or_enough(tmp_path, cohort):
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw").symlink_to(ROOT / "data" / "raw")
    study = load_study(tmp_path / "pipelines" / "enjoying_work.yml")
    store = editions.prepare(study, cohort)
    if any(name.startswith("wave_") for name in store.tables()):
        assert attacked(study, cohort, store)
