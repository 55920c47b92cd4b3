"""Gaussian mixed models agree with lme4, lmerTest and pbkrtest on published and simulated data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.models.mixed_models import mixed
from tests.conftest import golden, reference

LOGLIK = 1e-6  # relative, as the reference states
RELATIVE = 1e-5  # estimates and standard errors: the reference's optimiser stopped at about 1e-7 in theta
DF = 2e-5  # lmerTest differentiates numerically: 4 to 6 digits
REWB = "pat_exp ~ joy_w + joy_b + wave"
CASES = {
    "lmm_sleepstudy_rs_reml": ("Reaction ~ Days", {"groups": "Subject", "slopes": "Days"}),
    "lmm_sleepstudy_rs_ml": ("Reaction ~ Days", {"groups": "Subject", "slopes": "Days", "reml": False}),
    "lmm_sleepstudy_ri_ml": ("Reaction ~ Days", {"groups": "Subject", "reml": False}),
    "lmm_sleepstudy_uncorr_reml": ("Reaction ~ Days", {"groups": "Subject", "slopes": "Days", "correlated": False}),
    "lmm_penicillin_crossed_reml": ("diameter ~ 1", {"groups": ["plate", "sample"]}),
    "lmm_insteval_crossed_reml": ("y ~ C(service)", {"groups": ["s", "d"]}),
    "lmm_insteval_3re_ml": ("y ~ C(service)", {"groups": ["s", "d", "dept:service"], "reml": False}),
    "lmm_orthodont_rs_sex_reml": ("distance ~ age * Sex", {"groups": "Subject", "slopes": "age"}),
    "lmm_bh1996_rewb_hrs": ("WBEING ~ `W.HRS` + `G.HRS` + `W.LEAD` + `G.LEAD`", {"groups": "GRP"}),
    "lmm_bh1996_rs_cross_level": ("WBEING ~ `W.HRS` * `G.LEAD`", {"groups": "GRP", "slopes": "`W.HRS`"}),
    "lmm_univbct_growth_rs": ("JSAT ~ TIME", {"groups": "SUBNUM", "slopes": "TIME"}),
    "lmm_dyestuff2_boundary": ("Yield ~ 1", {"groups": "Batch"}),
    "rewb_simprog_3level": (REWB, {"groups": ["trust", "team"]}),
    "rewb_simprog_rs": (REWB, {"groups": "team", "slopes": "joy_w"}),
    "lmm_simprog_weighted": ("joy ~ post + wave", {"groups": "team", "weights": "n_resp"}),
    "lmm_simrc_crossed4": (
        "rating ~ C(wave) + own_group",
        {"groups": ["rater", "rated_group", "item", "rater:rated_group"]},
    ),
}
SLOW = {"lmm_insteval_3re_ml"}


def rows(case: dict) -> pd.DataFrame:
    """The data of a case with the columns its `prep` describes."""
    data = pd.read_csv(reference("reference", "golden", "models", *case["data"].split("/")))
    if "joy" in data and "team" in data:
        data["joy_b"] = data.groupby("team")["joy"].transform("mean")
        data["joy_w"] = data["joy"] - data["joy_b"]
    if "Sex" in data:
        data["Sex"] = pd.Categorical(data["Sex"], categories=["Male", "Female"])
    return data


def values(part: dict | list) -> np.ndarray:
    return np.array(list(part.values()) if isinstance(part, dict) else part, dtype=float)


def fit(name: str, **options):
    case = golden("models", "cases", f"{name}.json")
    formula, model = CASES[name]
    return mixed(formula, rows(case), **{**model, **options}), case["expected"]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in CASES])
def test_agrees_with_lme4(name):
    got, expected = fit(name, df="satterthwaite")
    table = got.tidy()
    se = values(expected["se"])
    assert got.loglik == pytest.approx(expected["logLik"], rel=LOGLIK)
    np.testing.assert_allclose(table["se"], se, rtol=RELATIVE)
    np.testing.assert_array_less(np.abs(table["estimate"] - values(expected["beta"])), RELATIVE * se)
    compare_variances(got, expected["varcomp"])
    if df := expected.get("satterthwaite_df") or expected.get("df"):
        np.testing.assert_allclose(table["df"], values(df), rtol=DF)
    if "AIC" in expected:
        assert (got.aic, got.bic) == pytest.approx((expected["AIC"], expected["BIC"]), rel=LOGLIK)
    for group, levels in expected.get("ranef_first5", {}).items():
        compare_effects(got, group, levels)


def compare_variances(got, expected: list[dict]) -> None:
    table = got.variances.set_index(["group", "term", "with"])["variance"]
    plain = {"(Intercept)": "Intercept", None: ""}
    for row in expected:
        group = row["grp"].removesuffix(".1")
        term, other = (plain.get(row[k], row[k]) for k in ("var1", "var2"))
        # lme4's own stopping leaves 1e-6 of the residual variance in a covariance near 0
        assert table[group, term, other] == pytest.approx(row["vcov"], rel=RELATIVE, abs=1e-6 * got.sigma**2)


def compare_effects(got, group: str, expected: list[dict]) -> None:
    """By level where the reference names it; R sorts levels as text, as we sort combinations."""
    table = got.ranef[got.ranef["group"] == group].pivot(index="level", columns="term", values="estimate")
    order = list(dict.fromkeys(got.ranef.loc[got.ranef["group"] == group, "level"]))
    for position, row in enumerate(expected):
        level = row.pop("_row", order[position])
        want = {"Intercept" if key == "(Intercept)" else key: value for key, value in row.items()}
        for term, value in want.items():
            # BLUPs move with theta; the reference's theta holds 1e-7 to 1e-5
            assert table.loc[level, term] == pytest.approx(value, rel=1e-4, abs=1e-5 * got.sigma)


KENWARD_ROGER = [
    "lmm_sleepstudy_rs_reml",
    "lmm_sleepstudy_uncorr_reml",
    "lmm_penicillin_crossed_reml",
    "lmm_orthodont_rs_sex_reml",
    "rewb_simprog_3level",
    "rewb_simprog_rs",
]


@pytest.mark.parametrize("name", KENWARD_ROGER)
def test_kenward_roger_is_the_default_and_agrees_with_pbkrtest(name):
    got, expected = fit(name)
    assert got.df_method == "Kenward-Roger"
    np.testing.assert_allclose(got.tidy()["se"], values(expected["se_kr"]), rtol=RELATIVE)
    np.testing.assert_allclose(got.tidy()["df"], values(expected["df_kr"]), rtol=1e-6)
    np.testing.assert_allclose(got.tidy()["p"], values(expected["p_kr"]), rtol=1e-4)


def test_theta_is_in_the_order_of_lme4():
    got, expected = fit("lmm_sleepstudy_rs_reml")
    np.testing.assert_allclose(got.theta, expected["theta"], rtol=RELATIVE)


def test_variance_of_nothing_is_exactly_zero_and_said():
    got, _ = fit("lmm_dyestuff2_boundary")
    assert got.singular
    assert got.variances["variance"].iloc[0] == 0
    assert "between levels of Batch was estimated as 0 (boundary)" in got.notes[0]


def test_contextual_effect_is_a_contrast_of_within_and_between():
    """Mundlak's form of the same model, in which the reference has the contextual effect as a coefficient."""
    got, expected = fit("lmm_bh1996_rewb_hrs")
    for column in ("HRS", "LEAD"):
        contextual = got.contrast({f"G.{column}": 1, f"W.{column}": -1})
        want = expected["mundlak_contextual"]
        # group means are stored to 10 digits, so that both forms of the data agree to 1e-7 only
        assert contextual["estimate"][0] == pytest.approx(want["beta"][f"G.{column}"], rel=1e-6)
        assert contextual["se"][0] == pytest.approx(want["se"][f"G.{column}"], rel=1e-6)


def test_mundlak_test():
    case = golden("models", "cases", "hausman_mundlak_simprog.json")
    got = mixed("pat_exp ~ joy + joy_b + wave", rows(case), groups="team", df="satterthwaite").tidy()
    for column in ("beta", "se", "df", "p"):
        want = values(case["expected"][column])
        np.testing.assert_allclose(got["estimate" if column == "beta" else column], want, rtol=DF)


def test_share_of_variance_between_groups_is_the_icc_of_lme():
    case = golden("models", "cases", "icc_bh1996.json")
    data = rows(case)
    for row in case["expected"]["mult.icc_lme"]:
        got = mixed(f"{row['Variable']} ~ 1", data, groups="GRP")
        assert got.icc == pytest.approx(row["ICC1"], rel=RELATIVE)


def test_manifest_between_effect():
    case = golden("models", "cases", "latent_context_bh1996.json")
    expected = case["expected"]["manifest_between"]
    got = mixed("WBEING ~ `W.HRS` + `G.HRS`", rows(case), groups="GRP", reml=False).tidy()
    np.testing.assert_allclose(got["estimate"], values(expected["beta"]), rtol=RELATIVE)
    np.testing.assert_allclose(got["se"], values(expected["se"]), rtol=RELATIVE)


def test_leaving_out_one_team_at_a_time():
    case = golden("models", "cases", "loo_simprog.json")
    data, expected = rows(case), case["expected"]
    got = [
        mixed(REWB, data[data["team"] != team], groups="team", df="satterthwaite").tidy().set_index("term")["estimate"]
        for team in sorted(data["team"].unique())
    ]
    for term in ("joy_w", "joy_b"):
        np.testing.assert_allclose([estimate[term] for estimate in got], expected[term], rtol=RELATIVE)
