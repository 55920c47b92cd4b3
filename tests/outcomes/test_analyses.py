"""Analyses that a study file names: the negative control, and the correction for unreliable averages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import outcomes
from joyeval.report import sections
from joyeval.report.blocks import Heading, Table
from joyeval.result import NoAnswer
from joyeval.store import Store
from joyeval.study import load_study
from tests.report.samples import emitted
from tests.test_study import GOOD, STILL, write

CONTROL = "negative_control: {outcome: checks, why: Contractors check buildings.}\n"


def named(folder, *, text: str = CONTROL, shared: float = 0.0, called: str = "team"):
    """A study of 24 teams over 18 months; `shared` moves good days, experience and building checks alike."""
    good = GOOD.replace("outcomes:\n", "outcomes:\n" + STILL).replace(
        "{file: teams", f"{{called: {called}, file: teams"
    )
    study = load_study(write(folder, good + text))
    rng = np.random.default_rng(6)
    team, month = (part.ravel() for part in np.indices((24, 18)))
    hidden = shared * rng.normal(size=len(team))
    share = np.clip(0.6 + 0.1 * rng.normal(size=24)[team] + 0.05 * rng.normal(size=len(team)) + 0.05 * hidden, 0, 1)
    when = {"team": [f"T{t:02d}" for t in team], "period": pd.date_range("2023-01-01", periods=18, freq="MS")[month]}
    before = pd.Series(hidden).groupby(team).shift(1).fillna(0).to_numpy()
    pulse = pd.DataFrame(when | {"measure": "good_day", "positive": rng.binomial(40, share), "answers": 40})
    fft = pd.DataFrame(when | {"measure": "fft", "value": 0.8 + 0.03 * rng.normal(size=len(team)) + 0.03 * before})
    checks = pd.DataFrame(when | {"measure": "checks", "value": 9 + rng.normal(size=len(team)) + 2 * before})
    both = pd.concat([fft.assign(denominator=50.0), checks.assign(denominator=np.nan)], ignore_index=True)
    both = both.assign(numerator=both["value"] * both["denominator"], n=both["denominator"])
    teams = pd.DataFrame({"team": sorted(set(when["team"])), "cohort": "one"})
    Store(study.home, study.store("one").folder).save(pulse=pulse, outcomes=both, teams=teams)
    return study, study.store("one")


def test_a_control_that_nothing_moves_stays_still(tmp_path):
    study, store = named(tmp_path)
    got = outcomes.control_analysis(study, "one", store)
    assert "“Checks of buildings (days)” did not clearly move, as it should not" in got.sentence()
    assert got.tidy()["term"].tolist() == ["Friends and family (%)", "Checks of buildings (days)"]
    blocks = emitted(lambda: sections.control(study, got))
    assert [b.text for b in blocks if isinstance(b, Heading)] == ["An outcome that experience cannot move"]
    assert sum(isinstance(b, Table) for b in blocks) == 1


def test_a_control_that_moves_tells_of_confounding(tmp_path):
    study, store = named(tmp_path, shared=2.0)
    assert "although it should not" in outcomes.control_analysis(study, "one", store).sentence()


def test_without_a_control_nothing_is_shown(tmp_path):
    study, store = named(tmp_path, text="")
    got = outcomes.control_analysis(study, "one", store)
    assert isinstance(got, NoAnswer)
    assert emitted(lambda: sections.control(study, got)) == []


def test_caveats_and_reasons_call_teams_what_the_study_calls_them(tmp_path):
    study, store = named(tmp_path, called="trust")
    for result in (outcomes.primary_analysis(study, "one", store), *outcomes.robustness(study, "one", store).values()):
        told = " ".join([result.sentence(), *result.notes])
        assert "team" not in told, told
    assert study.teams.in_words("team-periods of 3 teams in team_b") == "trust-periods of 3 trusts in team_b"


def test_differences_between_teams_are_corrected_for_chance_in_averages(tmp_path):
    study, store = named(tmp_path)
    primary = outcomes.primary_analysis(study, "one", store)
    got = outcomes.corrected_for_reliability(study, "one", store, primary)
    rows = got.tidy().set_index("term")["estimate"]
    want = rows["within"] + (rows["between"] - rows["within"]) / got.reliability
    assert 0.5 < got.reliability < 1
    assert rows["between, corrected"] == pytest.approx(want)
    assert got.notes[0].startswith("what changed over time counts as chance")
    assert not set(got.notes) & set(primary.notes)
    assert any(isinstance(block, Table) for block in emitted(lambda: sections.reliable_differences(got)))
