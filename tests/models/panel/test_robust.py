"""Least squares with absorbed effects and robust errors, held against R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st

from joyeval.errors import ModelError, UsageError
from joyeval.models import design as design_module
from joyeval.models.panel import absorption as ls
from joyeval.models.panel import robust
from joyeval.models.panel.linear import Regression, fit_formula, regression
from tests.conftest import golden, reference

EXACT = 1e-8  # closed forms in double precision; the cases ask for 1e-5
PRODUC = "np.log(gsp) ~ np.log(pcap) + np.log(pc) + np.log(emp) + unemp"


def case(name: str) -> dict:
    return golden("models", "cases", f"{name}.json")["expected"]


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", name))


def as_r(name: str) -> str:
    name = {"Intercept": "(Intercept)"}.get(name, name).replace("[T.", "").replace("]", "")
    return name.removeprefix("np.")


def column(result: Regression, name: str) -> dict:
    return {as_r(t): v for t, v in zip(result.terms["term"], result.terms[name], strict=True)}


@pytest.fixture
def panel() -> pd.DataFrame:
    """Eight teams, six periods, two of 48 rows missing."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame([(t, p) for t in range(8) for p in range(6)], columns=["team", "period"])
    rows["trust"] = rows["team"] // 2
    rows["x"] = rng.normal(size=48)
    rows["y"] = rows["x"] * 0.5 + rows["team"] + rng.normal(size=48)
    rows["n"] = rng.integers(5, 40, size=48)
    return rows.drop(index=[7, 30]).reset_index(drop=True)


# --- against R


@pytest.mark.parametrize(("errors", "key"), [("CR1", "CR1S"), ("CR2", "CR2"), ("CR3", "CR3")])
def test_achievement_awards_equals_clubsandwich(errors, key):
    """coef_test(..., test = "Satterthwaite"), 35 schools."""
    data = table("AchievementAwards.csv").assign(yr=lambda d: (d["year"].astype(str) == "2001") * 1)
    data["tr"] = data["treated"]
    formula = "Bagrut_status ~ yr*school_type + tr + yr:tr + father_ed + mother_ed + immigrant + siblings"
    got, want = regression(formula, data, cluster="school_id", errors=errors), case("cr2_achievement")[key]
    assert (got.n, got.n_clusters) == (3862, 35)
    for ours, theirs in {"estimate": "beta", "se": "se", "df": "df", "p": "p"}.items():
        assert column(got, ours) == pytest.approx(want[theirs], rel=EXACT)


@pytest.mark.parametrize(
    ("cluster", "errors", "key"),
    [("firm", "CR0", "CR0_firm"), ("firm", "CR1", "CR1_firm"), ("year", "CR1", "CR1_year"), (None, "CR1", "HC1"),
     (None, "CR3", "HC3")],
)  # fmt: skip
def test_petersen_errors_equal_sandwich(cluster, errors, key):
    got = regression("y ~ x", table("PetersenCL.csv"), cluster=cluster, errors=errors)
    assert column(got, "se") == pytest.approx(case("ols_petersen_cluster")[key], rel=EXACT)


@pytest.mark.parametrize("errors", ["CR2", "CR3"])
def test_petersen_by_year_equals_clubsandwich(errors):
    got = regression("y ~ x", table("PetersenCL.csv"), cluster="year", errors=errors)
    want = case("ols_petersen_cluster")[f"{errors}_year"]
    assert column(got, "se") == pytest.approx(want["se"], rel=EXACT)
    assert column(got, "df") == pytest.approx(want["df"], rel=EXACT)


def test_petersen_two_way_equals_the_sum_of_its_parts():
    """sandwich::vcovCL gives each part its own G/(G-1); ours gives all the smaller one, as fixest."""
    data = table("PetersenCL.csv").assign(both=lambda d: d["firm"] * 100 + d["year"])
    errors = {c: column(regression("y ~ x", data, cluster=c, errors="CR1"), "se") for c in ("firm", "year", "both")}
    parts = {name: errors["firm"][name] ** 2 + errors["year"][name] ** 2 - errors["both"][name] ** 2
             for name in ("(Intercept)", "x")}  # fmt: skip
    want = {name: se**2 for name, se in case("ols_petersen_cluster")["twoway_firm_year_HC1"].items()}
    assert parts == pytest.approx(want, rel=EXACT)


@pytest.mark.parametrize("level", ["trust", "team"])
def test_two_way_fixed_effects_equal_clubsandwich_on_all_dummies(level):
    got = regression("pat_exp ~ post", table("sim_programme.csv"), absorb=("team", "wave"), cluster=level)
    want = case("did_simprog_twfe_cr2")[f"CR2_{level}"]
    row = got.terms.iloc[0]
    assert [row["estimate"], row["se"], row["df"], row["p"]] == pytest.approx(
        [want["beta"], want["SE"], want["df_Satt"], want["p_Satt"]], rel=1e-7
    )


def test_dummies_written_out_and_absorbed_give_one_answer():
    """A team's own dummy has full leverage; clipping it must leave what absorbing leaves."""
    data = table("sim_programme.csv")
    absorbed = regression("pat_exp ~ post", data, absorb=("team", "wave"), cluster="team").terms.iloc[0]
    written = regression("pat_exp ~ post + C(team) + C(wave)", data, cluster="team").terms
    row = written[written["term"] == "post"].iloc[0]
    for name in ("estimate", "se", "df"):
        assert row[name] == pytest.approx(absorbed[name], rel=1e-7)


def test_produc_equals_fixest():
    got = regression(PRODUC, table("Produc.csv"), absorb=("state", "year"), cluster="state", errors="CR1")
    want = case("panel_produc_fixest")
    assert column(got, "estimate") == pytest.approx(want["beta"], rel=EXACT)
    assert column(got, "se") == pytest.approx(want["cluster_state"], rel=EXACT)
    assert got.r2_within == pytest.approx(want["r2_within"], rel=EXACT)
    rows = regression(PRODUC, table("Produc.csv"), absorb=("state", "year"), errors="CR1")
    assert column(rows, "se") == pytest.approx(want["hetero"], rel=EXACT)


def test_produc_two_way_clusters_equal_fixest():
    design, fit, state = fit_formula(PRODUC, table("Produc.csv"), absorb=("state", "year"), cluster="state")
    got = robust.two_way(fit, state, design.groups[1].codes).se
    assert list(got) == pytest.approx(list(case("panel_produc_fixest")["twoway"].values()), rel=EXACT)


def test_state_means_equal_the_between_model_of_plm():
    table_of_logs = table("Produc.csv").assign(
        **{name: lambda d, name=name: np.log(d[name]) for name in ("gsp", "pcap", "pc", "emp")}
    )
    means = table_of_logs.groupby("state")[["gsp", "pcap", "pc", "emp", "unemp"]].mean()
    got = regression("gsp ~ pcap + pc + emp + unemp", means).terms
    assert got["estimate"].tolist() == pytest.approx(
        list(case("panel_produc_plm")["between"]["beta"].values()), rel=EXACT
    )


@pytest.mark.parametrize(("absorb", "key"), [("state", "within"), (("state", "year"), "twoways")])
def test_produc_equals_plm(absorb, key):
    got = regression(PRODUC, table("Produc.csv"), absorb=absorb, cluster="state", errors="CR0")
    want = case("panel_produc_plm")[key]
    assert column(got, "estimate") == pytest.approx(want["beta"], rel=EXACT)
    assert column(got, "se") == pytest.approx(want["se_arellano_HC0"], rel=EXACT)


def test_distributed_lag_equals_clubsandwich():
    data = table("sim_programme.csv")
    data["lag_joy"] = data.groupby("team")["joy"].shift()
    got = regression("pat_exp ~ joy + lag_joy", data, absorb=("team", "wave"), cluster="team")
    want = case("lag_simprog_fe")
    assert (got.n, got.n_dropped) == (want["n"], 48)
    assert column(got, "estimate") == pytest.approx(want["beta"], rel=1e-7)
    assert column(got, "se") == pytest.approx(want["CR2"]["se"], rel=1e-7)
    assert column(got, "df") == pytest.approx(want["CR2"]["df"], rel=1e-7)


# --- against other ways to compute the same


def test_demeaning_equals_regression_on_dummies(panel):
    columns = panel[["x", "y"]].to_numpy()
    factors = [panel[name].to_numpy() for name in ("team", "period", "trust")]
    weights = panel["n"].to_numpy(dtype=float)
    got, rank = ls.demean(columns, factors, weights=weights)
    for i, name in enumerate(("x", "y")):
        fit = smf.wls(f"{name} ~ C(team) + C(period)", panel, weights=weights).fit()
        assert got[:, i] == pytest.approx(fit.resid.to_numpy(), abs=1e-10)
    assert rank == 8 + 6 - 1


def test_weights_are_inverse_variances(panel):
    """WLS of statsmodels; its CR1 counts every dummy, ours not those nested in clusters."""
    got = regression("y ~ x", panel, absorb="period", cluster="team", weights="n", errors="CR0").terms.iloc[0]
    fit = smf.wls("y ~ x + C(period)", panel, weights=panel["n"]).fit(
        cov_type="cluster", cov_kwds={"groups": panel["team"], "use_correction": False}
    )
    assert [got["estimate"], got["se"]] == pytest.approx([fit.params["x"], fit.bse["x"]], rel=1e-10)


def test_weighted_cr2_lies_by_that_of_clubsandwich():
    """clubSandwich 0.5.8 on weighted lm with all dummies, inverse_var = TRUE: se .0320751575, df 39.6500566."""
    data = table("sim_programme.csv")
    got = regression("pat_exp ~ joy", data, absorb=("team", "wave"), cluster="team", weights="n_resp").terms.iloc[0]
    assert got["estimate"] == pytest.approx(0.1227153895577, rel=1e-9)
    assert got["se"] == pytest.approx(0.0320751575, rel=2e-3)
    assert got["df"] == pytest.approx(39.6500566, rel=1e-3)


def test_cr2_by_its_definition(panel):
    """(I - H_gg)^(-1/2) on the dummies of every effect, and df from the full quadratic form."""
    X = np.column_stack([panel["x"], pd.get_dummies(panel["team"]), pd.get_dummies(panel["period"]).iloc[:, 1:]])
    X, y, G = X.astype(float), panel["y"].to_numpy(), panel["trust"].to_numpy()
    M = np.linalg.inv(X.T @ X)
    hat = X @ M @ X.T
    e, rest = y - hat @ y, np.eye(len(y)) - hat
    weights = []
    for g in np.unique(G):
        own = np.flatnonzero(g == G)
        values, vectors = np.linalg.eigh(rest[np.ix_(own, own)])
        root = vectors @ np.diag([v**-0.5 if v > 1e-9 else 0 for v in values]) @ vectors.T
        weights.append(rest[:, own] @ root @ X[own] @ M[:, 0])
    variance = sum((w @ y) ** 2 for w in weights)
    form = np.array([[a @ b for a in weights] for b in weights])
    got = regression("y ~ x", panel, absorb=("team", "period"), cluster="trust").terms.iloc[0]
    assert got["se"] == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert got["df"] == pytest.approx(np.trace(form) ** 2 / np.sum(form**2), rel=1e-9)
    assert e @ X[:, 0] == pytest.approx(0, abs=1e-9)


@given(st.floats(-50, 50), st.floats(0.1, 20))
def test_errors_follow_the_units_of_measurement(shift, factor):
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(range(7), 5), "x": rng.normal(size=35), "y": rng.normal(size=35)})
    one = regression("y ~ x", data, cluster="g").terms.iloc[1]
    two = regression("y ~ x", data.assign(y=data["y"] * factor + shift), cluster="g").terms.iloc[1]
    assert two["se"] == pytest.approx(one["se"] * factor, rel=1e-7)
    assert two["df"] == pytest.approx(one["df"], rel=1e-7)


def test_when_blocks_do_not_fit_cr1_is_used_and_said(panel, monkeypatch):
    monkeypatch.setattr(robust, "BLOCK_CELLS", 1)
    got = regression("y ~ x", panel, absorb=("team", "period"), cluster="team")
    same = regression("y ~ x", panel, absorb=("team", "period"), cluster="team", errors="CR1")
    assert got.errors == "CR1"
    assert "CR1 was used" in " ".join(got.notes)
    assert got.terms["df"].iloc[0] == 7
    assert got.terms["se"].iloc[0] == pytest.approx(same.terms["se"].iloc[0], rel=1e-12)


def test_effects_too_many_to_write_out_are_swept_out(panel, monkeypatch):
    want = regression("y ~ x", panel, absorb=("team", "period"), cluster="team", errors="CR1")
    monkeypatch.setattr(ls, "EXPLICIT_CELLS", 1)
    got = regression("y ~ x", panel, absorb=("team", "period"), cluster="team")
    assert got.errors == "CR1"
    assert got.terms["se"].iloc[0] == pytest.approx(want.terms["se"].iloc[0], rel=1e-10)


# --- what a user meets


def test_few_clusters_are_said(panel):
    got = regression("y ~ x", panel, cluster="trust")
    assert any("only 4 clusters by trust" in note for note in got.notes)
    assert any("degrees of freedom" in note for note in got.notes)


def test_a_regression_survives_the_round_trip(panel):
    got = regression("y ~ x", panel, absorb=("team", "period"), cluster="team")
    back = Regression.from_json(got.to_json())
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    assert back.sentence() == got.sentence()
    assert "+0.241 in y (95% CI -0.125 to 0.607" in got.sentence()
    assert "46 rows, 8 clusters by team, CR2" in got.sentence()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(x=d["team"]), "x does not vary in 46 rows once the fixed effects are out"),
        (lambda d: d[d["period"] == d["team"] % 6], "more rows than parameters"),
        (lambda d: d.assign(y=1.0), "is the same in all"),
        (lambda d: d.assign(x=np.nan), "none of 46 rows is complete"),
    ],
    ids=["constant within team", "one period per team", "constant outcome", "all-missing regressor"],
)
def test_data_that_cannot_answer_are_refused(panel, change, message):
    with pytest.raises(ModelError, match=message):
        regression("y ~ x", change(panel), absorb=("team", "period"), cluster="team")


def test_an_unknown_kind_of_error_is_refused(panel):
    with pytest.raises(UsageError, match="CR9"):
        regression("y ~ x", panel, errors="CR9")


def test_design_is_where_collinear_columns_are_found(panel):
    assert ls.COLLINEAR is design_module.COLLINEAR
    with pytest.raises(ModelError, match="is determined by"):
        regression("y ~ x + z", panel.assign(z=panel["x"] + panel["team"]), absorb="team", cluster="team")


def test_driscoll_and_kraay_s_errors_equal_plm():
    """vcovSCC with HC0 weights and 2 lags, over 17 years of 48 states."""
    _, fit, years = fit_formula(PRODUC, table("Produc.csv"), cluster="year", absorb="state", weights=None)
    got = robust.driscoll_kraay(fit, years)
    assert list(got.se) == pytest.approx(
        list(case("panel_produc_plm")["within"]["se_driscoll_kraay"].values()), rel=1e-5
    )
    none = robust.driscoll_kraay(fit, years, lags=0)
    assert none.vcov == pytest.approx(robust.cluster_robust(fit, years, kind="CR0").vcov, rel=1e-9)


def test_a_coefficient_that_one_cluster_decides_has_no_error_and_says_so():
    """A region of one team: its residuals are 0 on average, which made the error about a quarter of the true one."""
    rng = np.random.default_rng(4)
    team = np.repeat(np.arange(12), 10)
    rows = pd.DataFrame({"team": team, "alone": (team == 0) * 1.0, "x": rng.normal(size=120)})
    rows["y"] = rng.normal(size=12)[team] + rng.normal(size=120)
    fit = regression("y ~ alone + x", rows, cluster="team")
    table = fit.tidy().set_index("term")
    assert table.loc["alone", ["se", "df", "ci_low", "p"]].isna().all()
    assert table.loc["x", "se"] > 0
    assert any("no standard error for alone" in note for note in fit.notes)
    assert "nan" not in fit.sentence()


def test_what_single_clusters_decide_in_part_is_scaled_up():
    """Two contrasts of unbiased variance stay unbiased when one team decides part of it."""
    rng, team = np.random.default_rng(5), np.repeat(np.arange(8), 6)
    wanted = np.array([[0.15], [0.5]])
    X = np.column_stack([(team == 0) * 1.0, (team > 0) * rng.normal(size=48)])
    true = float((wanted.T @ np.linalg.inv(X.T @ X) @ wanted)[0, 0])
    found = []
    for _ in range(400):
        fit = ls.least_squares(rng.normal(size=48), X, names=["own", "x"])
        found.append(robust.cluster_robust(fit, team, sums=wanted).vcov[0, 0])
    assert np.mean(found) == pytest.approx(true, rel=0.15)
