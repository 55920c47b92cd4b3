"""Published NHS data: what correlations between trusts become within trusts, and nulls that stay nulls."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from joyeval import load_study
from joyeval.intake.tables import take_in
from joyeval.outcomes import Linkage, change_on_change, fixed_effects, link, partial_correlation, within_between
from joyeval.outcomes.analyses import secondary_analyses
from joyeval.store import Store
from tests.conftest import ROOT, reference
from tests.outcomes.test_linkage import trusts as trusts

STARTS = {"Q1 2025/26": "2025-04", "Q2 2025/26": "2025-07", "Q3 2025/26": "2025-10", "Q4 2025/26": "2026-01"}
MEASURES = {"OF0063": "long stays", "OF0016": "crisis within 24 h", "OF0082": "sickness"}


@pytest.fixture(scope="module")
def oversight() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Engagement and outcomes of 61 mental-health and community trusts, by quarter."""
    table = pd.read_csv(
        reference("data", "nhs_oversight_mh_community", "nof_data_mhcom.csv"), encoding="utf-8-sig"
    ).assign(period=lambda d: d["Quarter"].map(STARTS), team=lambda d: d["Trust_code"])
    staff = table[table["Metric_ID"] == "OF0084"].assign(measure="engagement", answers=1, mean=lambda d: d["Value"])
    services = table[table["Metric_ID"].isin(MEASURES)]
    return staff, services.assign(measure=services["Metric_ID"].map(MEASURES), value=services["Value"])


def test_better_staffed_trusts_differ_but_a_trust_does_not_move_with_its_staffing(trusts: Linkage):
    """Enough staff and four-hour waits: r = -.36 between trusts; within them the interval holds 0 and is narrow."""
    got = within_between(trusts, y="over_4_hours", x="Enough_staff", draws=0)
    rows = got.terms.set_index("term")
    assert rows.loc["between", "ci_high"] < -0.7
    assert rows.loc["within", "ci_low"] < 0 < rows.loc["within", "ci_high"]
    assert got.sentence().startswith(
        "Whether they go together cannot be told: comparing a team with its own average, with outcomes"
    )
    assert any("different sizes" in note for note in got.notes)
    change = change_on_change(trusts, y="over_4_hours", x="Enough_staff")
    assert change.n > 350
    assert change.effect["ci_low"] < 0 < change.effect["ci_high"]
    fixed = fixed_effects(trusts, y="over_4_hours", x="Enough_staff", draws=0)
    assert fixed.effect["ci_low"] < 0 < fixed.effect["ci_high"]
    assert fixed.effect["estimate"] == pytest.approx(rows.loc["within", "estimate"], abs=0.05)


def test_pooled_correlations_are_those_of_the_readme(oversight):
    """Yearly engagement written out by quarter: -.12, +.11 and -.29 over 244 rows, and the repetition is noticed."""
    staff, services = oversight
    linked = link(staff, services, unit="quarter")
    r = linked.data[["engagement", *MEASURES.values()]].corr()["engagement"]
    assert r[list(MEASURES.values())].round(2).tolist() == [-0.12, 0.11, -0.29]
    assert any("engagement repeats the value of the period before" in note for note in linked.notes)


def test_only_distinct_surveys_count(oversight):
    """Two surveys a trust, not four quarters; one per trust gives 45 to 47 rows, and intervals that hold 0."""
    staff, services = oversight
    surveys = staff.assign(wave=np.where(staff["period"] == "2026-01", 2025, 2024))
    linked = link(surveys, services, unit="quarter")
    assert linked.data.groupby("team").size().unique().tolist() == [2]
    first = linked.data[linked.data["period"] == "2025-04-01"]
    for measure in ("long stays", "crisis within 24 h"):
        got = partial_correlation(first, x="engagement", y=measure, given=[])
        assert 44 <= got.n <= 48
        assert got.sentence().startswith("Whether they go together cannot be told")
        assert any("can show a correlation of about 0.4" in note for note in got.notes)


@pytest.fixture(scope="module")
def study():
    return load_study(ROOT / "pipelines" / "nhs_trusts.yml", data=reference("data"))


@pytest.fixture(scope="module")
def taken(study):
    """What the study file takes in for the mental-health trusts."""
    return take_in(study, "mental_health")


def test_a_survey_repeated_over_quarters_is_taken_in_once(taken):
    """Q1 to Q3 carry the survey of 2024, Q4 that of 2025: two observations of a trust, not four."""
    rows = taken.tables["pulse"].query("measure == 'engagement'")
    years = rows.groupby("team")["period"].apply(lambda days: tuple(sorted(days.dt.year)))
    assert years.unique().tolist() == [(2024, 2025)]
    assert rows["mean"].between(6, 8).all()


def test_sickness_in_a_quarter_is_that_of_the_quarter_before(taken):
    """The values of Q1 2025/26 are those of January to March 2025."""
    rows = taken.tables["outcomes"].query("measure == 'sickness_oversight'")
    assert sorted(rows["period"].dt.strftime("%Y-%m").unique()) == ["2025-01", "2025-04", "2025-07", "2025-10"]


def test_an_area_with_several_trusts_says_nothing_of_one(taken):
    """37 of 51 trusts are alone in their area; East London (RWK) shares its own and gets no score."""
    rows = taken.tables["outcomes"].query("measure == 'cmhs_2021'")
    assert rows["team"].nunique() == 37
    assert "RWK" not in set(rows["team"])
    [alone] = [step for step in taken.flow if step["step"] == "alone"]
    assert alone["n_out"] == 37 < alone["n_in"]


def test_totals_and_stray_columns_of_monthly_files_do_no_harm(study):
    """Each file ends in a total, written three ways; one has six unnamed columns more."""
    acute = take_in(study, "acute")
    assert not [problem for problem in acute.problems if problem.blocking]
    rows = acute.tables["outcomes"].query("measure == 'ae_type1_over_4h'")
    assert rows["period"].nunique() == 12
    assert rows["value"].between(0, 1).all()
    assert not {"TOTAL", "TOTAL "} & set(rows["team"].str.upper())


def test_links_near_zero_cannot_be_told(study, taken, tmp_path):
    """All seven analyses compare trusts once; each interval holds 0, and the sentence says that it cannot be told."""
    store = Store(tmp_path, tmp_path)
    store.save(**taken.tables)
    answers = secondary_analyses(study, "mental_health", store)
    assert len(answers) == 7
    for answer in answers:
        assert answer.sentence().startswith("Whether they go together cannot be told: comparing trusts with each other")
        assert not re.search(r"\bteams?\b|_denominator|caused", " ".join([answer.sentence(), *answer.notes]))
    assert [answer.n_teams for answer in answers] == [47, 47, 25, 37, 46, 44, 47]
