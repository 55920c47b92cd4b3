"""ICC(1) and ICC(2) equal R multilevel; the interval is exact for unequal groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError
from joyeval.measurement import Icc, aggregation, icc
from tests.conftest import golden, reference

PRINTED = 5e-9  # the reference values are printed to eight digits


def both(result: Icc, scale: str) -> tuple[float, float]:
    rows = result.tidy().set_index(["scale", "term"])["estimate"]
    return rows[scale, "ICC(1)"], rows[scale, "ICC(2)"]


def test_icc_of_bh1996_equals_multilevel():
    case = golden("models", "cases", "icc_bh1996.json")
    data = pd.read_csv(reference("reference", "golden", "models", "data", "bh1996.csv"))
    got = icc(data[case["spec"]["vars"]], data["GRP"])
    for scale in case["spec"]["vars"]:
        known = case["expected"][scale]
        assert both(got, scale) == pytest.approx((known["ICC1"], known["ICC2"]), rel=1e-10)
        row = got.tidy().query("scale == @scale").iloc[0]
        assert row["f"] == pytest.approx(known["F"], rel=1e-10)
        assert row["p"] == pytest.approx(known["p"], rel=1e-6)


@pytest.mark.parametrize(
    ("file", "group", "scales"),
    [
        ("bh1996", "GRP", ["HRS", "COHES", "LEAD", "WBEING"]),
        ("lq2002", "COMPID", ["LEAD", "TSIG", "HOSTILE"]),
        ("klein2000", "GRPID", ["COHES", "JOBSAT"]),
    ],
)
def test_icc_equals_the_values_printed_by_r(file, group, scales):
    known = pd.read_csv(reference("data", "multilevel", "reference_values_R.csv")).query("dataset == @file")
    printed = pd.to_numeric(known.set_index("statistic")["value"])
    data = pd.read_csv(reference("data", "multilevel", f"{file}.csv"))
    got = icc(data[scales], data[group])
    for scale in scales:
        assert both(got, scale) == pytest.approx((printed[f"ICC1({scale})"], printed[f"ICC2({scale})"]), abs=PRINTED)


def test_icc_of_staff_equals_multilevel():
    known = golden("models", "cases", "staff_psychometrics.json")["expected"]
    staff = pd.read_csv(reference("reference", "golden", "models", "data", "sim_staff.csv"))
    score = staff[["q1", "q2", "q3", "q4", "q5"]].mean(axis=1).rename("joy")
    got = icc(score, staff["team"], by=staff["wave"]).tidy().query("wave == 1")
    assert got["estimate"].tolist() == pytest.approx([known["ICC1"], known["ICC2"]], rel=1e-9)
    assert got["p"].iloc[0] == pytest.approx(known["p"], rel=1e-6)


def test_interval_of_equal_groups_is_the_f_interval():
    """Shrout & Fleiss (1979) table 2, one-way: the limits R psych gives for ICC1 and ICC1k."""
    ratings = pd.read_csv(reference("reference", "golden", "models", "data", "shrout_fleiss.csv"))
    long = ratings.melt(ignore_index=False)
    got = icc(long["value"].reset_index(drop=True), pd.Series(long.index, name="target")).tidy()
    table = golden("models", "cases", "icc_shrout_fleiss.json")["expected"]["table"]
    for row, known in zip(got.to_dict("records"), (table[0], table[3]), strict=True):
        got_three = [row["estimate"], row["ci_low"], row["ci_high"]]
        assert got_three == pytest.approx([known["ICC"], known["lower bound"], known["upper bound"]], rel=1e-9)


def test_each_scale_keeps_its_own_gaps_and_each_wave_its_own_teams():
    rng = np.random.default_rng(4)
    scores = pd.DataFrame(rng.normal(size=(120, 2)), columns=["joy", "calm"])
    scores.loc[:9, "calm"] = np.nan
    team, wave = pd.Series(np.arange(120) % 12, name="team"), pd.Series(np.repeat([1, 2], 60), name="wave")
    together = icc(scores, team, by=wave).tidy()
    for number in (1, 2):
        here = wave == number
        for scale in scores:
            part = together.query("wave == @number and scale == @scale").drop(columns="wave").reset_index(drop=True)
            pd.testing.assert_frame_equal(part, icc(scores.loc[here, scale], team[here]).tidy())


@pytest.mark.parametrize(
    ("values", "teams"),
    [([1, 2, 3], ["a", "a", "a"]), ([1, 2, 3], ["a", "b", "c"]), ([2, 2, 2, 2], ["a", "a", "b", "b"])],
    ids=["one team", "teams of one", "constant score"],
)
def test_data_that_cannot_answer_are_refused_with_scale_and_n(values, teams):
    with pytest.raises(ModelError, match=r"likeness within teams of joy: \d respondents in \d team"):
        icc(pd.Series(values, name="joy"), pd.Series(teams, name="team"))


def test_people_without_a_team_are_dropped_and_counted():
    got = icc(pd.Series([1.0, 2, 4, 5, 3]), pd.Series(["a", "a", "b", "b", None], name="team"))
    assert (got.n, got.n_dropped) == (4, 1)


def test_a_team_of_one_and_very_unequal_teams_are_noted():
    got = icc(pd.Series(range(60), dtype=float), pd.Series(["a"] * 50 + ["b"] * 4 + list("cdefgh"), name="team"))
    assert any("6 teams of one respondent" in note for note in got.notes)
    assert any("sizes differ much (1 to 50)" in note for note in got.notes)


def test_members_who_agree_fully_give_one():
    got = icc(pd.Series([1.0, 1, 3, 3], name="joy"), pd.Series(list("aabb"), name="team"))
    assert got.tidy()["estimate"].tolist() == [1.0, 1.0]
    assert got.tidy()["ci_low"].tolist() == [1.0, 1.0]


def test_result_survives_json_and_speaks():
    got = icc(pd.Series([5.0, 5, 4, 2, 1, 2], name="joy"), pd.Series(list("aaabbb"), name="team"))
    assert Icc.from_json(got.to_json()).sentence() == got.sentence()
    assert "lay between 2 teams (ICC(1) 0.929" in got.sentence()


def draw(rng, groups: int, icc1: float, samples: int):
    """Scores in groups of 2 to 60, sizes log-normal, as `samples` separate studies."""
    sizes = np.clip(rng.lognormal(2.1, 0.7, samples * groups).astype(int), 2, 60)
    team = np.repeat(np.arange(samples * groups), sizes)
    score = rng.standard_normal(samples * groups)[team] * np.sqrt(icc1)
    score += rng.standard_normal(len(team)) * np.sqrt(1 - icc1)
    return pd.Series(score, name="joy"), pd.Series(team, name="team"), pd.Series(team // groups, name="study")


@pytest.mark.parametrize(("groups", "icc1"), [(30, 0.05), (30, 0.4)])
def test_interval_covers_with_unequal_groups(groups, icc1):
    """Exact theory: 95 %; 400 samples leave a Monte Carlo error of 1.1 points."""
    score, team, study = draw(np.random.default_rng(1), groups, icc1, 400)
    rows = icc(score, team, by=study).tidy().query("term == 'ICC(1)'")
    assert 0.92 <= (rows["ci_low"].le(icc1) & rows["ci_high"].ge(icc1)).mean() <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("groups", [10, 30, 100, 300])
@pytest.mark.parametrize("icc1", [0.0, 0.05, 0.2])
def test_interval_covers(groups, icc1):
    score, team, study = draw(np.random.default_rng(groups), groups, icc1, 3000)
    rows = icc(score, team, by=study).tidy().query("term == 'ICC(1)'")
    assert 0.93 <= (rows["ci_low"].le(icc1) & rows["ci_high"].ge(icc1)).mean() <= 0.97


def test_equal_means_of_teams_are_an_answer():
    """Every team answers 1, 2, 3, 4: no variance between, so that nothing can be said of how reliable means are."""
    values, team = pd.Series(np.tile([1.0, 2, 3, 4], 10), name="joy"), pd.Series(np.repeat(range(10), 4), name="team")
    found = icc(values, team)
    table = found.tidy().set_index("term")
    assert table.loc["ICC(1)", "estimate"] == pytest.approx(-1 / 3)
    assert table.loc["ICC(2)", ["estimate", "se", "ci_low", "ci_high"]].isna().all()
    assert "ICC(2), is not defined: the means of teams are all equal" in found.sentence()
    almost = icc(values.where(values.index > 0, 1.3), team)
    assert "ICC(2), is 0: teams differ less than chance would make them" in almost.sentence()
    rows = pd.DataFrame({"a": values, "b": values, "team": team})
    judged = aggregation(rows, {"joy": ["a", "b"]}, group="team", options=4).scales.iloc[0]
    assert (judged["verdict"], judged["reason"]) == ("no", "the means of teams are all equal")


def test_an_icc_below_what_groups_of_its_largest_size_can_have_lies_in_its_interval():
    """Means alike by more than chance in teams of unequal size: ICC(2) is far below 0, and so is its lower limit."""
    team = pd.Series(np.repeat(list("abcdef"), [15, 4, 4, 3, 3, 2]), name="team")
    rng = np.random.default_rng(3)
    joy = pd.Series(rng.normal(size=len(team)), name="joy")
    joy -= 0.85 * joy.groupby(team).transform("mean")
    rows = icc(joy, team).tidy()
    assert rows["estimate"].iloc[1] < -1
    assert (rows["ci_low"] <= rows["estimate"]).all()
    assert (rows["estimate"] <= rows["ci_high"]).all()
