"""Factor models of ordered items equal lavaan's WLSMV."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import ModelError
from joyeval.measurement import alpha, factor, invariance
from joyeval.models.structural.model import Sem, fit_model, sem
from tests.conftest import golden, reference

SAME = 1e-6


@pytest.fixture(scope="module")
def bfi() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "bfi.csv"))


def test_ordered_factor_model_equals_lavaan(bfi):
    """lavaan prints the delta parametrisation with factor variance 1: our standardised solution and its errors."""
    case = golden("models", "cases", "cfa_bfi_A_wlsmv.json")
    known = case["expected"]
    got = sem(case["spec"]["model"], bfi, estimator="WLSMV")
    fit = {key.replace(".", "_"): value for key, value in known["fit"].items()}
    same = ("chisq", "df", "cfi", "tli", "rmsea", "srmr", "npar", "chisq_scaled", "cfi_scaled", "rmsea_scaled")
    assert [got.fit[key] for key in same] == pytest.approx([fit[key] for key in same], rel=SAME)
    limits = (got.fit["rmsea_low"], got.fit["rmsea_high"])
    assert limits == pytest.approx((fit["rmsea_ci_lower"], fit["rmsea_ci_upper"]), rel=SAME)
    rows = got.tidy().set_index("term")
    for row in known["parameters"]:
        if row["op"] in ("=~", "|"):
            mine = rows.loc[f"{row['lhs']} {row['op']} {row['rhs']}"]
            assert (mine["std"], mine["std_se"]) == pytest.approx((row["est"], row["se"]), rel=SAME)


def draw(n: int, seed: int, *, shift: float = 0.0, groups: int = 2) -> pd.DataFrame:
    """Five items of four options in groups that differ in the mean of the factor, and in q2's thresholds by `shift`."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), n)
    y = (rng.normal(size=n * groups) + 0.4 * group)[:, None] * [0.8, 0.7, 0.9, 0.8, 0.7]
    y = y + 0.6 * rng.normal(size=y.shape)
    y[:, 1] += shift * group
    return pd.DataFrame(np.digitize(y, [-1, 0, 0.9]), columns=[f"q{i}" for i in range(1, 6)]).assign(group=group)


MODEL = "joy =~ q1 + q2 + q3 + q4 + q5"


def test_slopes_of_the_expected_moments_are_numerical_ones():
    fitted = fit_model(MODEL, draw(300, 1), group="group", estimator="WLSMV", equal=["loadings", "thresholds"])
    squares = fitted.likelihood
    theta = fitted.theta + np.random.default_rng(0).normal(0, 0.05, len(fitted.theta))
    step = 1e-6 * np.eye(len(theta))
    numeric = [(squares.expected(theta + e)[0] - squares.expected(theta - e)[0]) / 2e-6 for e in step]
    assert squares.expected(theta)[1] == pytest.approx(np.array(numeric).T, abs=1e-7)


def test_ordered_invariance_recovers_the_difference_of_the_factor():
    data = draw(1500, 2)
    got = invariance(data.filter(like="q"), data["group"], MODEL, estimator="WLSMV")
    assert got.steps["step"].tolist() == ["configural", "scalar", "strict"]
    assert got.reached == "strict"
    assert got.means["ci_low"].iloc[0] < 0.4 < got.means["ci_high"].iloc[0]


def test_ordered_invariance_finds_the_item_that_moved():
    data = draw(1500, 3, shift=0.8)
    got = invariance(data.filter(like="q"), data["group"], MODEL, estimator="WLSMV")
    released = got.steps.set_index("step").loc["scalar", "released"]
    assert released
    assert set(released.replace(",", "").split()) & {"q1", "q3", "q4", "q5"} == set()


def test_groups_that_used_other_options_are_refused():
    data = draw(200, 4)
    data.loc[(data["group"] == 1) & (data["q3"] == 3), "q3"] = 2
    with pytest.raises(ModelError, match=r"joy: the groups did not use the same options of q3 \(400 rows\)"):
        sem(MODEL, data, group="group", estimator="WLSMV", name="joy")


def test_invariance_merges_options_that_a_group_did_not_use():
    data = draw(200, 4)
    data.loc[(data["group"] == 1) & (data["q3"] == 3), "q3"] = 2
    got = invariance(data.filter(like="q"), data["group"], MODEL, estimator="WLSMV")
    by_hand = data.assign(q3=data["q3"].clip(upper=2))
    alone = invariance(by_hand.filter(like="q"), by_hand["group"], MODEL, estimator="WLSMV")
    assert got.steps["chisq"].tolist() == pytest.approx(alone.steps["chisq"].tolist())
    assert "options that some group did not use were merged with their neighbours in q3" in got.notes


def test_linked_waves_are_refused_for_ordered_items():
    from joyeval.errors import UsageError

    data = draw(100, 5)
    person = pd.Series(list(range(100)) * 2, name="person")
    with pytest.raises(UsageError, match="linked waves are modelled with estimator 'MLR' or 'ML'"):
        invariance(data.filter(like="q"), data["group"], MODEL, person=person, estimator="WLSMV")


def test_omega_of_ordered_items_is_that_of_the_scales_underneath():
    """Population: loadings 0.8 to 0.6 of unit residual sd 0.6, standardised; omega by hand."""
    items = draw(20_000, 6, groups=1).filter(like="q")
    raw = np.array([0.8, 0.7, 0.9, 0.8, 0.7])
    std = raw / np.sqrt(raw**2 + 0.36)
    truth = std.sum() ** 2 / (std.sum() ** 2 + (1 - std**2).sum())
    assert factor(items, MODEL, estimator="WLSMV").reliability["estimate"].iloc[0] == pytest.approx(truth, abs=0.01)


def test_ordinal_alpha_is_the_alpha_of_the_polychoric_correlations(bfi):
    """Five items of polychoric mean correlation r: 5 r / (1 + 4 r), from lavaan's correlations."""
    known = pd.DataFrame(golden("models", "cases", "polychoric_bfi_A.json")["expected"]["lavaan"]).set_index("_row")
    r = known.to_numpy()[np.triu_indices(5, 1)].mean()
    rows = alpha(bfi[["A1", "A2", "A3", "A4", "A5"]], ordinal=True).tidy().set_index("term")
    assert rows.loc["alpha_ordinal", "estimate"] == pytest.approx(5 * r / (1 + 4 * r), rel=1e-6)
    assert rows.loc["alpha_ordinal", "estimate"] > rows.loc["alpha", "estimate"]


def test_result_survives_json():
    got = sem(MODEL, draw(300, 7, groups=1), estimator="WLSMV")
    assert Sem.from_json(got.to_json()).sentence() == got.sentence()


@pytest.mark.slow
def test_scaled_chi_square_and_difference_keep_their_size():
    """300 samples of 200 + 200, nothing differs but the factor's mean: about 5 % below 0.05 (Monte Carlo error 1.3)."""
    fit, step = [], []
    for seed in range(300):
        data = draw(200, 1000 + seed)
        rows = invariance(data.filter(like="q"), data["group"], MODEL, estimator="WLSMV", partial=False).steps
        fit.append(rows["p"].iloc[0])
        step.append(rows["delta_p"].iloc[1])
    assert 0.02 <= np.mean(np.array(fit) < 0.05) <= 0.09
    assert 0.02 <= np.mean(np.array(step) < 0.05) <= 0.09


@pytest.mark.slow
def test_intervals_of_standardised_loadings_cover():
    """400 samples of 250: 93 to 97 % at nominal 95 % (Monte Carlo error 0.5 over five loadings)."""
    raw, hits = np.array([0.8, 0.7, 0.9, 0.8, 0.7]), []
    std = raw / np.sqrt(raw**2 + 0.36)
    for seed in range(400):
        rows = sem(MODEL, draw(250, 5000 + seed, groups=1), estimator="WLSMV").tidy().head(5)
        hits.append(np.abs(rows["std"] - std) <= 1.96 * rows["std_se"])
    assert 0.93 <= np.mean(hits) <= 0.97
