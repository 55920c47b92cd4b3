"""Who answered, weights, turnover, tipping point, unanswered items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.measurement import item_gaps, rake, response, tipping_point, turnover, weighted_mean
from joyeval.measurement.weighting import WeightedMean
from tests.conftest import golden, reference


def roster(name: str, **counts: int) -> pd.Series:
    return pd.Series(counts, name="headcount").rename_axis(name)


STAFF = pd.DataFrame({"role": ["nurse"] * 20 + ["doctor"] * 9, "site": ["north"] * 15 + ["south"] * 14})


def test_response_by_category_has_wilson_limits():
    """9 of 10: the Wilson interval is 0.5958 to 0.9821 (statsmodels proportion_confint, checked here)."""
    from statsmodels.stats.proportion import proportion_confint

    got = response(STAFF, roster("role", nurse=40, doctor=10)).groups.set_index("category")
    known = proportion_confint(9, 10, method="wilson")
    assert tuple(got.loc["doctor", ["ci_low", "ci_high"]]) == pytest.approx(known)
    assert got["share_answered"].tolist() == pytest.approx([9 / 29, 20 / 29])


def test_unlike_response_is_tested_and_said():
    """Chi-square of the 2 x 2 table of answering by role, from scipy."""
    from scipy.stats import chi2_contingency

    got = response(STAFF, [roster("role", nurse=40, doctor=10), roster("site", north=25, south=25)])
    known = chi2_contingency([[20, 20], [9, 1]], correction=False)
    assert got.tests.loc[0, ["chisq", "p"]].tolist() == pytest.approx([known.statistic, known.pvalue])
    assert (
        got.sentence() == "29 of 50 people answered (58%); it differed most by role, from 50% (nurse) to 90% (doctor)."
    )
    assert got.tests["r_indicator"].iloc[1] > got.tests["r_indicator"].iloc[0]


def test_a_roster_that_does_not_fit_is_refused():
    with pytest.raises(ModelError, match="response by role: doctor not on the roster"):
        response(STAFF, roster("role", nurse=40))
    with pytest.raises(ModelError, match="more answers than invitations in doctor"):
        response(STAFF, roster("role", nurse=40, doctor=5))
    with pytest.raises(UsageError, match="the index is named 'grade'"):
        response(STAFF, roster("grade", nurse=40))


def test_raking_equals_r_survey():
    known = golden("models", "cases", "weights_rake_apistrat.json")["expected"]
    data = pd.read_csv(reference("reference", "golden", "models", "data", "apistrat.csv"))
    margins = [roster("stype", E=4421, H=755, M=1018), roster("sch.wide", No=1072, Yes=5122)]
    weights = rake(data, margins, base=data["pw"])
    cells = weights.weight.groupby([data["stype"], data["sch.wide"]]).first().unstack()
    for row in known["cell_weights"]:
        assert cells.loc[row["_row"]].to_dict() == pytest.approx({k: row[k] for k in ("No", "Yes")}, rel=1e-8)
    assert weights.effective_n == pytest.approx(known["kish_neff"], rel=1e-9)
    got = weighted_mean(data["api00"], weights, strata=data["stype"], population=data["fpc"]).tidy().iloc[0]
    assert (got["estimate"], got["se"]) == pytest.approx((known["raked"]["mean"], known["raked"]["se"]), rel=1e-9)


def test_base_weights_alone_give_the_stratified_mean_of_r_survey():
    """Raking to the strata themselves changes nothing: mean and error of the plain stratified design."""
    known = golden("models", "cases", "weights_rake_apistrat.json")["expected"]["unraked"]
    data = pd.read_csv(reference("reference", "golden", "models", "data", "apistrat.csv"))
    weights = rake(data, roster("stype", E=4421, H=755, M=1018), base=data["pw"])
    got = weighted_mean(data["api00"], weights, strata=data["stype"], population=data["fpc"]).tidy().iloc[0]
    assert (got["estimate"], got["se"]) == pytest.approx((known["mean"], known["se"]), rel=1e-7)  # weights as printed


def test_several_index_levels_are_post_stratification():
    cells = pd.Series([30, 10, 8, 4], index=pd.MultiIndex.from_product([["nurse", "doctor"], ["north", "south"]]))
    cells.index.names = ["role", "site"]
    got = rake(STAFF, cells)
    sums = got.weight.groupby([STAFF["role"], STAFF["site"]]).sum()
    assert sums["nurse", "north"] == pytest.approx(40 * 52 / (30 + 10 + 4) * 30 / 40 * (44 / 52) * 52 / 44)
    assert any("nobody answered in ('doctor', 'north')" in note for note in got.notes)


def test_weights_are_trimmed_and_still_sum_to_the_roster():
    wave = pd.DataFrame({"role": ["nurse"] * 95 + ["doctor"] * 5})
    margin = roster("role", nurse=50, doctor=50)
    free, held = rake(wave, margin), rake(wave, margin, limits=(0.3, 3))
    assert free.weight.max() / free.weight.mean() == pytest.approx(10)
    assert held.weight.max() / held.weight.mean() == pytest.approx(3)
    assert held.weight.sum() == pytest.approx(100)
    assert any("some category is off by 70%" in note for note in held.notes)
    assert held.effective_n > free.effective_n
    assert any("worth" in note for note in free.notes)


@pytest.mark.slow
def test_weighting_mends_a_biased_sample():
    """Doctors answer three times as often and score 1 higher; over 300 samples the weighted mean covers the truth."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(300):
        wave = pd.DataFrame({"role": np.repeat(["nurse", "doctor"], [60, 60])})
        joy = pd.Series(rng.normal(3, 1, 120) + (wave["role"] == "doctor"))
        row = weighted_mean(joy, rake(wave, roster("role", nurse=300, doctor=100))).tidy().iloc[0]
        hits += row["ci_low"] <= 3.25 <= row["ci_high"]
    assert 0.92 <= hits / 300 <= 0.98


def test_categories_off_the_roster_and_gaps_are_told():
    with pytest.raises(ModelError, match=r"margin role: doctor not on the roster \(9 respondents\)"):
        rake(STAFF, roster("role", nurse=40))
    wave = STAFF.assign(role=STAFF["role"].mask(STAFF.index < 2))
    got = rake(wave, roster("role", nurse=40, doctor=10))
    assert got.weight.isna().sum() == 2
    result = weighted_mean(pd.Series(range(29), dtype=float), got)
    assert (result.n, result.n_dropped) == (27, 2)
    assert WeightedMean.from_json(result.to_json()).sentence() == result.sentence()


def wave(values: dict[str, float]) -> pd.Series:
    return pd.Series(values)


def test_turnover_adds_up_by_hand():
    """Stayers a b c: 4 to 4.67; leavers d e at 2.5; joiner f at 6."""
    got = turnover(wave({"a": 3, "b": 4, "c": 5, "d": 2, "e": 3}), wave({"a": 4, "b": 4, "c": 6, "f": 6}))
    parts = got.tidy().set_index("term")["estimate"]
    assert parts["change"] == pytest.approx(5 - 3.4)
    assert parts["stayers"] == pytest.approx(14 / 3 - 4)
    assert parts["joiners"] == pytest.approx(0.25 * (6 - 14 / 3))
    assert parts["leavers"] == pytest.approx(-0.4 * (2.5 - 4))
    assert parts["change"] == pytest.approx(parts[["stayers", "joiners", "leavers"]].sum())
    assert (got.stayed, got.left, got.joined) == (3, 2, 1)


def test_errors_of_a_fully_linked_change_are_those_of_the_paired_t_test():
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(3)
    before = pd.Series(rng.normal(3, 1, 80))
    after = before + rng.normal(0.2, 0.5, 80)
    row = turnover(before, after).tidy().iloc[0]
    known = ttest_rel(after, before).confidence_interval()
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((known.low, known.high))


@pytest.mark.slow
def test_errors_of_the_parts_cover_with_people_coming_and_going():
    """300 samples of 120 persons: stayers gain 0.3, joiners are 0.5 above stayers, leavers are like stayers."""
    rng, hits = np.random.default_rng(5), []
    for _ in range(300):
        true = rng.normal(3, 0.8, 120)
        status = rng.choice(["stay", "leave", "join"], 120, p=[0.5, 0.25, 0.25])
        before = pd.Series(true + rng.normal(0, 0.4, 120))[status != "join"]
        after = pd.Series(true + 0.3 + 0.5 * (status == "join") + rng.normal(0, 0.4, 120))[status != "leave"]
        rows = turnover(before, after).tidy().set_index("term")
        truth = pd.Series({"stayers": 0.3, "joiners": 0.5 / 3, "change": 0.3 + 0.5 / 3, "leavers": 0.0})
        truth = truth.loc[rows.index]
        hits.append((rows["ci_low"] <= truth) & (truth <= rows["ci_high"]))
    assert np.mean(hits, axis=0) == pytest.approx(0.95, abs=0.04)


def test_teams_widen_the_errors_when_they_move_together():
    rng = np.random.default_rng(4)
    team = pd.Series(np.repeat(range(10), 20))
    before = pd.Series(rng.normal(3, 1, 200))
    after = before + rng.normal(0, 0.5, 10)[team] + rng.normal(0, 0.3, 200)
    alone, together = turnover(before, after).tidy(), turnover(before, after, team=team).tidy()
    assert together["se"].iloc[0] > 1.5 * alone["se"].iloc[0]


def test_tipping_point_is_where_the_change_of_everybody_is_zero():
    """Change 0.5 among respondents, half of 8 answered the second wave: 0.5 / 0.5 = 1 point below."""
    before, after = wave({"a": 3, "b": 4, "c": 5, "d": 4}), wave({"a": 4, "b": 4, "c": 5, "d": 5})
    got = tipping_point(before, after, invited=(4, 8))
    rows = got.tidy().set_index("term")["estimate"]
    assert (rows["change"], rows["tipping"]) == pytest.approx((0.5, -1.0))
    assert "1.00 points (1.7 standard deviations) below those who did" in got.sentence()
    zero = got.scenarios.set_index("difference")["change"]
    assert zero[-1] == pytest.approx(0.5 - 0.5 * got.sd)


def test_tipping_point_of_full_response_and_of_too_many_answers():
    both = wave({"a": 3, "b": 4, "c": 5})
    assert "cannot tip" in tipping_point(both, both + 1, invited=(3, 3)).sentence()
    with pytest.raises(ModelError, match="3 and 3 answers of 3 and 2"):
        tipping_point(both, both, invited=(3, 2))


def test_turnover_without_links_and_with_double_answers():
    with pytest.raises(ModelError, match="none of 6 people answered both waves"):
        turnover(wave({"a": 3, "b": 4, "c": 5}), wave({"d": 3, "e": 4, "f": 5}))
    with pytest.raises(UsageError, match="before: 1 persons answered more than once"):
        turnover(pd.Series([1.0, 2, 3], index=list("aab")), wave({"a": 3}))


def test_item_gaps_compare_three_rules():
    rng = np.random.default_rng(6)
    items = pd.DataFrame(np.clip(np.round(3 + rng.normal(size=(300, 1)) + 0.6 * rng.normal(size=(300, 4))), 1, 5))
    gone = items.mask((rng.random(items.shape) < 0.15) & (items >= 4))
    got = item_gaps(gone, m=5)
    rows = got.tidy().set_index("term")["estimate"]
    truth = items.mean(axis=1).mean()
    assert abs(rows["imputed"] - truth) < abs(rows["complete"] - truth)
    assert got.items["missing"].sum() == gone.isna().to_numpy().sum()
    assert "matters for the mean" in got.sentence()


def test_without_gaps_the_rule_does_not_matter():
    items = pd.DataFrame(np.random.default_rng(7).integers(1, 6, (50, 3))).astype(float)
    got = item_gaps(items, m=2)
    assert got.tidy()["estimate"].tolist() == pytest.approx([items.mean(axis=1).mean()] * 3)
    assert "does not matter" in got.sentence()


def test_item_gaps_refuse_what_cannot_be_filled():
    with pytest.raises(ModelError, match="item gaps of joy: 3 respondents"):
        item_gaps(pd.DataFrame({"a": [1.0, 2, 3], "b": [1.0, None, 2]}), scale="joy")
