"""Analyses of the demonstration programme find what is true of it, within what chance allows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from scipy import stats

from joyeval import improvement, outcomes
from joyeval.intake import outcomes as outcome_tables
from joyeval.intake import pulse, reading
from joyeval.intake import ties as tie_tables
from joyeval.intake.linking import link_people
from joyeval.intake.tables import take_in
from joyeval.intake.tabulate import tabulate
from joyeval.judgement import BETTER, VERDICTS, WORSE, verdict
from joyeval.study import load_study
from joyeval.synthetic.programme import PLANS, found
from joyeval.synthetic.staff import staff_weeks
from tests.conftest import ROOT

if TYPE_CHECKING:
    import numpy as np

    from joyeval.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(ROOT / "pipelines" / "enjoying_work.yml")


@pytest.fixture(scope="module")
def truth(study) -> dict:
    return json.loads((study.folder / "truth.json").read_text(encoding="utf-8"))


def read(study, part, fields, build) -> pd.DataFrame:
    """One part of the study as a table; the demonstration's plain files have no problems."""
    typed = tabulate(part, study.folder, fields)
    table, problems, *_ = build(part, typed.frame)
    assert not [problem for problem in (*typed.problems, *problems) if problem.blocking]
    return table.assign(cohort=part.cohorts[0] if part.cohorts else None)


@pytest.fixture(scope="module")
def good_days(study) -> pd.DataFrame:
    return pd.concat([read(study, part, pulse.FIELDS, pulse.pulse_table) for part in study.pulses])


def test_verdicts_on_teams(study, truth, good_days):
    """No team is judged the wrong way round, and few of those that stay are called clearly changed."""
    teams = pd.DataFrame(truth["teams"]).set_index("team")
    judged = []
    for cohort in study.cohorts:
        weeks = good_days[good_days["cohort"] == cohort.cohort]
        baseline = pd.Timestamp(cohort.phases[0].end)
        charts = improvement.chart(weeks, x="period", y="positive", n="answers", by="team", freeze=baseline)
        judged.append(improvement.verdicts(charts).teams.set_index("team")["verdict"])
    counts = pd.crosstab(teams["course"], pd.concat(judged)).reindex(columns=VERDICTS, fill_value=0)
    assert counts.loc["improve", WORSE] == counts.loc["deteriorate", BETTER] == 0
    assert counts.loc["stay", [BETTER, WORSE]].sum() <= stats.binom.ppf(0.999, counts.loc["stay"].sum(), 0.075)
    assert counts.loc["improve", BETTER] >= 0.5 * counts.loc["improve"].sum()


def of_one_programme(seed: int) -> pd.DataFrame:
    """Return the verdict on every team, its interval, the true change, and the change in true standard errors."""
    programme = found(seed)
    weeks = staff_weeks(programme)
    p = weeks["chance"]
    shock = programme.truth.week_sd * p * (1 - p) * weeks["answers"]  # of one team and week: all of its people share it
    weeks = weeks.assign(expected=weeks["answers"] * p, noise=weeks["answers"] * p * (1 - p), shock=shock)
    numbers = ["positive", "answers", "expected", "noise", "shock"]
    tables = []
    for plan in PLANS:
        team = weeks[weeks["cohort"] == plan.cohort].groupby(["team", "week"])[numbers].sum().reset_index()
        after = team["week"] >= pd.Timestamp(plan.programme)
        charts = improvement.chart(
            team, x="week", y="positive", n="answers", by="team", freeze=team["week"][~after].max()
        )
        rows = improvement.verdicts(charts).teams.set_index("team")[["verdict", "ci_low", "ci_high"]]
        sides = team.assign(after=after, shock=team["shock"] ** 2).groupby(["after", "team"])[numbers].sum()
        before, later = sides.loc[False], sides.loc[True]
        variance = sum((side["noise"] + side["shock"]) / side["answers"] ** 2 for side in (before, later))
        change, true = (later[y] / later["answers"] - before[y] / before["answers"] for y in ("positive", "expected"))
        tables.append(rows.assign(true=true, z=change / variance**0.5))
    return pd.concat(tables).join(programme.teams.set_index("team")["course"])


@pytest.mark.slow
def test_verdicts_of_twenty_programmes_beside_an_oracle_that_knows_the_variance():
    """The oracle knows course and noise; the verdict has to tell a ramp from weeks that move slowly by themselves."""
    table = pd.concat([of_one_programme(seed) for seed in range(4000, 4020)])
    oracle = verdict(table["z"] - 1.96, table["z"] + 1.96, good=1)
    shares = {
        name: pd.crosstab(table["course"], word, normalize="index").reindex(columns=VERDICTS[:4], fill_value=0)
        for name, word in (("joyeval", table["verdict"]), ("oracle", oracle))
    }
    print((100 * pd.concat(shares)).round(1).to_string())
    covered = ((table["ci_low"] <= table["true"]) & (table["true"] <= table["ci_high"])).mean()
    print(f"coverage {covered:.3f}")
    ours, known = shares["joyeval"], shares["oracle"]
    way = table["verdict"].map({BETTER: 1, WORSE: -1}).fillna(0)
    changed = table["course"] != "stay"
    assert not (way * table["true"] < 0)[changed].any(), "no change is called the wrong way round"
    assert ours.loc["stay", [BETTER, WORSE]].sum() <= 0.075
    assert ours.loc["improve", BETTER] >= known.loc["improve", BETTER] - 0.15
    assert covered >= 0.95


@pytest.mark.parametrize("measure", ["fft_positive", "incidents_beds", "incidents_contacts", "dialog", "sickness"])
def test_within_team_association(study, truth, good_days, measure):
    """The interval covers what the assumptions lead one to expect; only the seed's own chance can prevent it."""
    [part] = [part for part in study.outcomes if part.measure == measure]
    monthly = read(study, part, outcome_tables.FIELDS, outcome_tables.outcome_table)
    linked = outcomes.link(good_days.drop(columns="mean"), monthly, lag=study.primary.window)
    effect = outcomes.within_between(linked, y=measure, x="good_day").effect
    assert effect["ci_low"] <= truth["outcome_estimates"][measure]["pulse_share"] <= effect["ci_high"]


def test_primary_analysis_finds_the_association(study, good_days):
    [part] = [part for part in study.outcomes if part.measure == study.primary.outcome]
    monthly = read(study, part, outcome_tables.FIELDS, outcome_tables.outcome_table)
    linked = outcomes.link(good_days.drop(columns="mean"), monthly, lag=study.primary.window)
    assert outcomes.within_between(linked, y=study.primary.outcome, x="good_day").effect["ci_low"] > 0


def linked_change(ties: pd.DataFrame, before: str, after: str) -> np.ndarray:
    """Change of each respondent who answered twice: mean over the ties rated both times."""
    rated = ties.pivot(index=["process", "person", "target"], columns="wave", values="rc")
    change = (rated[after] - rated[before]).dropna()
    return change.groupby(["process", "person"]).mean().to_numpy()


@pytest.mark.parametrize(("after", "changes"), [("2-end", True), ("3-sustain", True), ("2-end", False)])
def test_change_of_coordination(study, truth, after, changes):
    """Respondents' mean change, cohorts 3 and 4 together: the interval covers what is true of their units."""
    parts = [part for part in study.coordination if part.layout == "ties"]
    ties = pd.concat([read(study, part, tie_tables.fields_of(part), tie_tables.tie_table) for part in parts])
    known = truth["coordination"]
    units = ties[ties["process"].isin(known["units_that_change"]) == changes]
    expected = known["seen_change_by_wave"][after] if changes else 0.0
    interval = stats.ttest_1samp(linked_change(units, "1-baseline", after), 0).confidence_interval()
    assert interval.low <= expected <= interval.high
    assert (interval.low > 0) == changes


def respondents(study, truth, cohort) -> pd.DataFrame:
    """Team, code as written and true person of everyone who answered a cohort's waves, once per wave."""
    tables = []
    for wave in study.of_cohort("waves", cohort):
        raw = reading.read(study.folder / wave.file, unfinished=wave.unfinished)
        planted = truth["surveys"][wave.file]
        people = pd.Series(planted["people"]).dropna().astype(int)
        names = {wave.columns[name]: name for name in ("team", *wave.link_by)}
        rows = raw.frame.select(list(names)).to_pandas().rename(columns=names).astype("str").iloc[: len(people)]
        tables.append(rows.assign(wave=wave.wave, true=people.to_numpy()).drop_duplicates("true"))
    table = pd.concat(tables, ignore_index=True)
    codes = list(study.waves[0].link_by)
    return table.assign(**table[codes].apply(lambda column: column.str.strip().str.upper()))


@pytest.mark.parametrize("cohort", list("12345"))
def test_people_are_linked_in_spite_of_slips(study, truth, cohort):
    """Of answers by people seen before, at least 85 % are linked to that very person and at most 2 % to another."""
    answers = respondents(study, truth, cohort)
    waves = sorted(answers["wave"].unique())
    found, counts = link_people(answers, code=study.waves[0].link_by, waves=waves)
    owner = answers.groupby(found)["true"].transform("first")
    seen_before = answers["true"].duplicated()
    linked = found.duplicated()
    assert (linked & (owner == answers["true"]))[seen_before].mean() >= 0.85
    assert (linked & (owner != answers["true"])).mean() <= 0.02
    assert counts.counts["tolerant"].sum() > 0


def test_raters_leave_the_raw_files_as_pseudonyms_only():
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    persons = take_in(study, "3").tables["ties"]["person"]
    assert persons.str.fullmatch("[0-9a-f]{32}").all()
