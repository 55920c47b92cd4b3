"""All cohorts together: what is pooled, what is not, and a report that comes out whole and the same."""

from __future__ import annotations

import re
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
from lxml import html
from scipy.special import stdtrit

from joyeval import network
from joyeval.coordination import change
from joyeval.disclosure import check_release
from joyeval.errors import UsageError
from joyeval.improvement.change import changes
from joyeval.measurement.scores import score_change
from joyeval.models import meta_analysis
from joyeval.network import Comparison
from joyeval.network.effects import _coordination
from joyeval.pipeline import network as pipeline
from joyeval.result import NoAnswer
from joyeval.store import Store
from tests.conftest import ROOT
from tests.coordination.surveys import survey
from tests.measurement.test_equity import waves
from tests.network import programme


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("network")


@pytest.fixture(scope="module")
def study(home):
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    return programme.study(home)


@pytest.fixture(scope="module")
def found(study):
    return network.comparisons(study)[0]


def test_the_mean_over_cohorts_is_the_meta_analysis_of_their_own_changes(study, found):
    own = pd.concat([changes(study.store(c.cohort).result("improvement_cohort"))[0] for c in study.cohorts])
    assert found.cohorts["estimate"].tolist() == own["change"].tolist()
    expected = meta_analysis(own["change"].to_numpy(), own["se"].to_numpy()).terms
    assert found.pooled.terms["estimate"].tolist() == expected["estimate"].tolist()
    assert "percentage points" in found.sentence()
    assert "of the level before" in found.sentence()


def test_later_cohorts_gained_more_where_they_were_made_to(tmp_path):
    """Made so: 5 points from one cohort to the next; four cohorts of 24 teams, each allowing for slow weeks."""
    (large,) = network.comparisons(programme.study(tmp_path, teams=24))
    slope = large.learning.terms.iloc[1]
    assert slope["ci_low"] > 0
    assert slope["estimate"] == pytest.approx(5, abs=2)


def test_a_comparison_survives_storage(found):
    assert Comparison.from_json(found.to_json()).sentence() == found.sentence()


def test_groups_that_are_not_to_be_pooled_are_not(tmp_path):
    (only,) = network.comparisons(programme.study(tmp_path, pool=False))
    assert isinstance(only.pooled, NoAnswer)
    assert "not to be pooled" in only.sentence()
    assert isinstance(only.learning, NoAnswer)


def test_cohorts_of_the_same_time_have_no_learning_curve(tmp_path):
    (only,) = network.comparisons(programme.study(tmp_path, follow=False))
    assert isinstance(only.learning, NoAnswer)
    assert not isinstance(only.pooled, NoAnswer)


def test_counts_of_teams_add_up_over_cohorts_and_organisations(study):
    totals = network.team_totals(study)
    by_cohort = totals.counts[totals.counts["cohort"] != "All"]
    whole = totals.counts[totals.counts["cohort"] == "All"].iloc[0]
    for name in ("judged", "clearly_better", "clearly_worse", "not_clear", "expected_clear", "expected_signals"):
        assert by_cohort[name].sum() == pytest.approx(whole[name])
    table = network.organisations(study, totals)
    assert table["organisation"].tolist() == ["Alder Trust", "Birch Trust"]
    assert table["clearly_better"].sum() == whole["clearly_better"]
    assert table["teams"].sum() == 4 * programme.TEAMS


def test_a_practice_that_drives_improvement_is_found(study):
    """Made so: one more huddle in the year went with 0.6 points. (Of 150 such programmes 142 had it in the interval, of
    150 whose gains differ twice as much 148.)"""
    practices = network.practices(study, network.team_totals(study))
    row = practices.table.iloc[0]
    assert row["practice"] == "huddle"
    assert row["ci_low"] < 0.6 < row["ci_high"]
    assert row["p_adjusted"] < 0.05


def test_months_are_counted_from_the_start_of_each_cohort(study):
    found = network.courses(study)
    assert set(found.begins["month"]) == {4}  # sixteen weeks after the first week of January or July
    assert found.months.groupby("cohort")["month"].min().tolist() == [1, 1, 1, 1]
    answers = sum(study.store(c.cohort).table("pulse")["answers"].sum() for c in study.cohorts)
    assert found.months["answers"].sum() == found.n == answers


def test_cohorts_that_were_not_run_are_refused_by_name(study):
    with pytest.raises(UsageError, match=r"cohort a, 01_clean_waves: it has not been run"):
        pipeline.network_report(study)
    assert not (study.home / "reports").exists()


def test_a_cohort_of_the_name_of_the_folder_is_refused(study):
    renamed = tuple(cohort.model_copy(update={"cohort": "network"}) for cohort in study.cohorts)
    with pytest.raises(UsageError, match="another name"):
        pipeline.network_report(study.model_copy(update={"cohorts": renamed}))


def report_of(study, **options):
    """The report, made by its notebook; cohorts count as run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "refuse_stale", lambda *given: None)
        files, ran = pipeline.network_report(study, **options)
    return {file.name: file.read_bytes() for file in files}, ran


@pytest.fixture(scope="module")
def written(study):
    return report_of(study)[0]


def test_the_report_is_made_once_and_is_the_same_bytes_again(written, study):
    assert list(written) == ["report.html", "report.pdf", "report.docx"]
    assert report_of(study) == (written, False)
    assert report_of(study, force=True) == (written, True)


def test_the_report_says_what_a_board_asks(written, found):
    text = html.fromstring(written["report.html"]).text_content()
    told = re.search(r"Good day: over 4 cohorts the mean change was \+([\d.]+) percentage points", text)
    exact = re.search(r"mean change was \+([\d.]+)", found.sentence())
    assert float(told[1]) == pytest.approx(float(exact[1]), abs=0.5)  # rounded for its readers
    for asked in (
        "Data as of",
        "prediction interval",
        "if nothing had changed",
        "Did later cohorts gain more?",
        "Methods",
    ):
        assert asked.lower() in text.lower()


def test_the_aim_is_answered_for_every_cohort(written):
    told = [item.text_content() for item in html.fromstring(written["report.html"]).iter("li")]
    asked = [item for item in told if "Was the aim reached: “Good day” 60% by" in item]
    assert [item.split(":")[0] for item in asked] == ["Cohort a", "Cohort b", "Cohort c", "Cohort d"]
    for item in asked:
        answer, value = re.search(r"\? (Yes|No): (\d+)% in", item).groups()
        assert (answer == "Yes") == (int(value) >= 60)
    yes = sum("? Yes: " in item for item in asked)
    assert 0 < yes < 4
    text = html.fromstring(written["report.html"]).text_content()
    assert f"The aim was reached by {yes} of 4 cohorts." in text


def test_nothing_in_the_report_rests_on_too_few(written, tmp_path):
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    assert len(check_release(tmp_path)) == 3


def test_the_report_of_groups_says_that_they_are_not_pooled(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    made, _ = report_of(programme.study(tmp_path, pool=False, follow=False))
    page = html.fromstring(made["report.html"])
    assert "never pooled into one number" in page.text_content()
    cells = {cell.text_content().strip() for cell in page.iter("th", "td")}
    assert not cells & {"Mean", "All"}


def test_units_without_the_programme_are_no_part_of_a_cohort_s_effect():
    """Two wards gain about a point, a unit for comparison gains nothing: the cohort's effect is that of the wards."""
    gains = {"a": 1.0, "b": 0.8, "c": 0.0}
    parts = [survey(seed=i, process=name, gain=gain) for i, (name, gain) in enumerate(gains.items())]
    ties = pd.concat([part.assign(person=part["process"] + part["person"]) for part in parts])
    found = change(ties, comparison=["c"], dimensions=False)
    (row,) = _coordination(None, found, SimpleNamespace(comparison=("c",)))
    between = found.terms[found.terms["part"] == "between"].set_index("process")
    assert row["estimate"] == pytest.approx(between.loc[["a", "b"], "estimate"].mean())
    assert row["estimate"] == pytest.approx(between.loc["all", "estimate"])
    assert row["n"] == between.loc[["a", "b"], "n"].sum()
    assert row["estimate"] > between["estimate"].drop("all").mean() + 0.2


def test_scores_are_a_family_whose_intervals_hold_together(tmp_path):
    study = programme.study(tmp_path)
    scales = {"joy": ("Joy", "higher"), "calm": ("Calm", "higher")}
    for seed, cohort in enumerate(study.cohorts):
        people = waves(gain=0.5, seed=seed)
        scores = score_change(people.assign(calm=people["joy"].sample(frac=1, random_state=seed).to_numpy()), scales)
        Store(tmp_path, study.store(cohort.cohort).folder).save(experience_change=scores)
    joy, calm = (one for one in network.comparisons(study) if one.kind == "experience")
    assert joy.together == calm.together == 2
    own = joy.cohorts
    single = meta_analysis(own["estimate"].to_numpy(), own["se"].to_numpy())
    alone, told = single.terms.iloc[0], joy.pooled.terms.iloc[0]
    assert told["estimate"] == alone["estimate"]
    assert told["ci_high"] - told["estimate"] == pytest.approx(stdtrit(alone["df"], 1 - 0.05 / 4) * alone["se"])
    assert told["p"] == pytest.approx(min(1, 2 * alone["p"]))
    wider = (told["ci_high"] - told["estimate"]) / (alone["ci_high"] - alone["estimate"])
    predicted = (joy.pooled.predicted_high - told["estimate"]) / (single.predicted_high - alone["estimate"])
    assert predicted == pytest.approx(wider), "the prediction is of the same level as the interval beside it"
    stored = study.store(study.cohorts[0].cohort).result("experience_change").changes
    last = stored[(stored["estimator"] == "everyone") & (stored["scale"] == "joy")].iloc[-1]
    assert own["ci_low"].iloc[0] == last["ci_low_all"]
    assert "95% interval for all 2 scores together" in joy.sentence()
