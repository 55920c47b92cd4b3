"""Change over waves: what is estimated, what stands beside it, and what is said of bad input."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from joyeval.coordination import RC, change, matrix
from joyeval.coordination.tie_change import _posterior
from joyeval.errors import DataError, ModelError, UsageError
from joyeval.intake.tables import intake
from joyeval.result import read_result
from joyeval.study import load_study
from tests.conftest import ROOT
from tests.coordination.surveys import survey


def between(result, kind="gain"):
    terms = result.tidy()
    return terms[(terms["part"] == "between") & (terms["kind"] == kind)].iloc[0]


def test_mean_change_weighs_every_tie_the_same():
    """With complete data the estimate is the plain mean of differences of cell means, whatever the group sizes."""
    table = survey(skip=0.0, groups="ABC", gain=0.3)
    table = table[~table["person"].isin(table.query("workgroup == 'A'")["person"].unique()[:3])]
    cells = table.groupby(["workgroup", "target", "wave"])["rc"].mean().unstack("wave")
    off = cells.index.get_level_values(0) != cells.index.get_level_values(1)
    unlinked = change(table, linked=False)
    assert between(unlinked).estimate == pytest.approx((cells["2"] - cells["1"])[off].mean())
    assert between(unlinked).ties == 6


def test_three_waves_give_gain_sustain_and_decay_that_add_up():
    got = change(survey(waves=("1", "2", "10"), gain=0.4)).tidy().query("part == 'between'")
    kinds = got.set_index("kind")["estimate"]
    assert list(got["term"]) == ["2 - 1", "10 - 1", "10 - 2"]
    assert kinds["gain"] + kinds["decay"] == pytest.approx(kinds["sustain"])


def test_several_processes_have_the_same_weight():
    two = pd.concat([survey(process="a", gain=0.5, raters=8), survey(seed=2, process="b", groups="XYZW")])
    got = change(two, dimensions=False).tidy().query("part == 'between'").set_index("process")["estimate"]
    assert got["all"] == pytest.approx((got["a"] + got["b"]) / 2)


def test_detectable_change_is_found_with_the_power_it_says():
    """The noncentral t of scipy at that change gives 80 %, but for the shift that the usual formula leaves out."""
    row = between(change(survey(raters=10), dimensions=False))
    found = stats.nct.sf(stats.t.ppf(0.975, row.df), row.df, row.detectable / row.se)
    assert found == pytest.approx(0.8, abs=0.01)


def test_shrunken_changes_are_those_of_brute_force():
    """Posterior by dense matrices for each spread between ties, against the one in the axes of the sampling errors."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(5, 5)) * 0.2
    sampling, y, one = root @ root.T + 0.02 * np.eye(5), rng.normal(0.2, 0.3, 5), np.ones(5)
    weights, means, seconds = [], [], []
    for tau in np.linspace(0.005, 2, 200):
        V = sampling + tau**2 * np.eye(5)
        P = np.linalg.inv(V)
        mu = one @ P @ y / (one @ P @ one)
        weights.append(-0.5 * (np.linalg.slogdet(V)[1] + np.log(one @ P @ one) + (y - mu) @ P @ (y - mu)))
        m = mu + tau**2 * P @ (y - mu)
        rest = sampling @ P @ one
        means.append(m)
        seconds.append(np.diag(tau**2 * P @ sampling) + rest**2 / (one @ P @ one) + m**2)
    weights = np.exp(np.array(weights) - max(weights))
    weights /= weights.sum()
    mean = weights @ np.array(means)
    got, sd, _ = _posterior(y[None], sampling[None], one[None])
    np.testing.assert_allclose(got[0], mean, atol=1e-8)
    np.testing.assert_allclose(sd[0], np.sqrt(weights @ np.array(seconds) - mean**2), atol=1e-8)


def test_false_discovery_rate_is_over_the_ties_of_one_contrast():
    ties = change(survey(waves=("1", "2", "3")), dimensions=False).ties
    for _, family in ties.groupby("kind"):
        np.testing.assert_allclose(family["q"], stats.false_discovery_control(family["p"]))


def test_estimators_stand_side_by_side_with_the_turnover():
    got = change(survey(raters=12, linked=0.5, gain=0.3), dimensions=False)
    assert list(got.estimators["estimator"]) == ["all rows", "linked only", "unlinked only"]
    people = got.turnover.iloc[0]
    assert people.linkage == people.stayers / (people.stayers + people.joiners)
    paired = got.respondents.query("test == 'paired, linked'").iloc[0]
    assert paired.n == people.stayers


def test_companion_tests_are_scipys():
    table = survey(raters=8, linked=0.6)
    means = table[table["workgroup"] != table["target"]].groupby(["person", "wave"])["rc"].mean().unstack()
    got = change(table, dimensions=False).respondents.set_index("test")
    welch = stats.ttest_ind(means["2"].dropna(), means["1"].dropna(), equal_var=False)
    paired = stats.ttest_rel(means.dropna()["2"], means.dropna()["1"])
    assert got.loc["Welch, all", "p"] == pytest.approx(welch.pvalue)
    assert got.loc["paired, linked", "p"] == pytest.approx(paired.pvalue)


def test_six_groups_are_also_read_as_a_sample_of_ties():
    got = change(survey(groups="ABCDEF", raters=4), dimensions=False)
    row = got.estimators.set_index("estimator").loc["ties like these"]
    assert row.ties == 30
    assert abs(row.estimate - between(got).estimate) < 0.1
    assert not any("treated as fixed" in note for note in got.notes)


@pytest.mark.slow
def test_demonstration_truth_is_within_the_intervals():
    """Six processes x two contrasts: 11 or 12 of 12 intervals at 95 % hold the truth (1 miss expected in 0.6)."""
    study = load_study(ROOT / "pipelines" / "enjoying_work.yml")
    truth = json.loads((study.folder / "truth.json").read_text(encoding="utf-8"))["coordination"]
    held = []
    for cohort in "345":
        terms = (
            change(intake(study, cohort).tables["ties"], dimensions=False)
            .tidy()
            .query("part == 'between' and process != 'all'")
        )
        for row in terms[terms["kind"] != "decay"].itertuples():
            true = truth["seen_change_by_wave"][row.second] * (row.process in truth["units_that_change"])
            held.append(row.ci_low < true < row.ci_high)
    assert len(held) == 12
    assert sum(held) >= 11


def test_what_cannot_be_answered_is_refused():
    table = survey()
    with pytest.raises(ModelError, match="needs two waves"):
        change(table[table["wave"] == "1"])
    with pytest.raises(UsageError, match="no measure 'joy'"):
        change(table, measure="joy")
    with pytest.raises(UsageError, match="no process 'theatre'; there are ward"):
        change(table, process="theatre")
    with pytest.raises(UsageError, match="no ties of wave 9"):
        change(table, waves=("1", "9"))
    with pytest.raises(DataError, match="second scores"):
        change(pd.concat([table, table.iloc[:2]]))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t[(t["workgroup"] != "C") | (t["wave"] == "1")], "C answered in some waves only"),
        (lambda t: t[t["workgroup"] != "C"], "C were rated but did not answer"),
        (lambda t: t.assign(time=t["time"].where(t["wave"] == "1")), "did not ask the same dimensions"),
        (lambda t: t.assign(person=t["person"] + t["wave"]), "no rater was recognised in two waves"),
        (lambda t: t.assign(freq=np.where(t["wave"] == "1", 5, 2)), "frequency item may be coded differently"),
        (
            lambda t: t[(t["workgroup"] != "C") | (t["person"] == t.query("workgroup == 'C'")["person"].iloc[0])],
            "single",
        ),
        (
            lambda t: t.assign(person="x" + t.groupby("workgroup")["person"].rank("dense").astype(str)),
            "people answered",
        ),
    ],
)
def test_what_spoils_a_change_is_noted(spoil, said):
    notes = change(spoil(survey(linked=1.0, raters=5)), dimensions=False).notes
    assert any(said in note for note in notes), notes


def test_round_trip_and_sentence():
    got = change(survey(gain=0.6, raters=15, waves=("1", "2", "3")))
    back = read_result(got.to_json())
    pd.testing.assert_frame_equal(back.terms, got.terms)
    gain, last = between(got), between(got, "sustain")
    assert back.sentence() == (
        f"In ward, ties between workgroups rose from wave 1 to wave 2: {gain.estimate:+.2f} points (95% CI "
        f"{gain.ci_low:+.2f} to {gain.ci_high:+.2f}), on the scale from 1 to 5 ({gain.n} respondents). By wave 3 the "
        f"change since 1 was {last.estimate:+.2f} points (95% CI {last.ci_low:+.2f} to {last.ci_high:+.2f})."
    )
    assert set(got.dimensions["dimension"]) == {"com", "rel", "freq", "time", "accu", "prob", "goal", "know", "resp"}


def test_change_of_how_all_others_rate_a_group_is_the_mean_change_of_its_ties():
    got = change(survey(groups="ABC", raters=6, gain=0.4), dimensions=False)
    ties = got.ties[~got.ties["within"]]
    expected = ties.groupby("target")["estimate"].mean()
    assert got.rated.set_index("target")["estimate"].to_numpy() == pytest.approx(expected.to_numpy())
    assert got.rated["se"].to_numpy() == pytest.approx(
        np.sqrt(ties.groupby("target")["se"].agg(lambda s: (s**2).sum())) / 2, rel=0.15
    )  # the spread of a workgroup is that over its ties, here without the one with itself
    assert list(got.rated["n_first"]) == list(ties.groupby("target")["n_first"].sum())


def test_comparison_units_are_no_part_of_the_mean_over_processes():
    parts = [
        survey(seed=i, process=name, gain=gain) for i, (name, gain) in enumerate({"a": 1.0, "b": 1.0, "c": 0}.items())
    ]
    table = pd.concat([part.assign(person=part["process"] + part["person"]) for part in parts])
    found = change(table, comparison=["c"], dimensions=False).terms.query("part == 'between'").set_index("process")
    assert found.loc["all", "estimate"] == pytest.approx(found.loc[["a", "b"], "estimate"].mean())
    assert found.loc["all", "n"] == found.loc[["a", "b"], "n"].sum()
    assert "c" in found.index


def test_a_loud_workgroup_makes_the_mean_change_less_sure_and_is_told():
    table = survey(groups="ABCD", raters=12, seed=4)
    loud = table["workgroup"] == "A"
    middle = table.groupby(["workgroup", "target"])["rc"].transform("mean")
    spread = table.assign(rc=np.where(loud, middle + 4 * (table["rc"] - middle), table["rc"]))
    calm, wild = (change(rows, dimensions=False) for rows in (table, spread))
    assert any("differ in how far" in note and "most in A" in note for note in wild.notes)
    assert not any("differ in how far" in note for note in calm.notes)
    assert wild.terms["df"].iloc[0] < calm.terms["df"].iloc[0]
    before, after = (found.ties.groupby("workgroup")["se"].mean() for found in (calm, wild))
    assert after["A"] > 3 * before["A"]
    assert after["B"] == pytest.approx(before["B"], rel=0.35)  # the loud one widens its own ties, not those of others


def test_intervals_end_where_the_scale_ends():
    """Answers near the top: a mean of 4.7 was given an interval up to 5.7, and a change one beyond the scale."""
    near = survey(raters=4, groups="ABC").assign(rc=lambda t: (t["rc"] + 1.4).round().clip(1, 5))
    found = change(near, dimensions=False)
    first = found.levels.set_index(["part", "wave"])["estimate"]
    for row in found.terms.itertuples():
        before = first[row.part, row.first]
        assert 1 - before <= row.ci_low <= row.estimate <= row.ci_high <= max(5 - before, row.estimate)
    seen = matrix(near, wave="1", process="ward")
    for table, mean in ((found.levels, "estimate"), (seen.cells, "mean"), (seen.rated, "mean")):
        known = table.dropna(subset=["ci_high"])
        assert (known["ci_low"] >= 1).all()
        assert (known["ci_high"] <= known[mean].clip(lower=5)).all()
        assert known["ci_high"].max() >= 5


def test_dimensions_of_units_without_the_programme_are_no_part_of_the_mean():
    parts = [survey(), survey(seed=2, process="other", gain=1.0), survey(seed=3, process="third")]
    three = pd.concat(parts, ignore_index=True)
    three = three.assign(**dict.fromkeys(("com", *RC.dimensions), three["rc"]))
    found = change(three, comparison=["other"])
    each = found.terms[found.terms["part"] == "between"].set_index("process")["estimate"]
    assert each["all"] == pytest.approx((each["ward"] + each["third"]) / 2)
    assert found.dimensions.query("process == 'all'")["estimate"].to_numpy() == pytest.approx(each["all"])
