"""Panel designs: the numbers of R, what is counted and said, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from joyeval.errors import ModelError, UsageError
from joyeval.models.panel.linear import regression
from joyeval.outcomes import between, leave_one_out, link
from joyeval.outcomes.association import CANNOT_BE_TOLD, NO_MORE, Association, detectable_effect, detectable_r, number
from joyeval.outcomes.panel import change_on_change, fixed_effects, within_between
from tests.conftest import golden, reference


def programme() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "sim_programme.csv"))


def case(name: str) -> dict:
    return golden("models", "cases", f"{name}.json")["expected"]


def panel(n_teams: int = 12, periods: int = 8, effect: float = 0.6, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([(f"t{i:02}", p) for i in range(n_teams) for p in range(periods)], columns=["team", "period"])
    own = rng.normal(size=n_teams)[pd.factorize(rows["team"])[0]]
    rows["joy"] = own + rng.normal(size=len(rows))
    rows["waits"] = effect * rows["joy"] - 3 * own + 0.2 * rows["period"] + rng.normal(size=len(rows))
    return rows


# --- fixed effects


def test_lag_equals_the_distributed_lag_of_r():
    """Golden lag_simprog_fe: lag_joy in the reverse direction, both with team and wave effects."""
    data = programme()
    data["lag_joy"] = data.groupby("team")["joy"].shift()
    got = fixed_effects(data, y="pat_exp", x="joy", covariates=["lag_joy"], period="wave", draws=0)
    want = case("lag_simprog_fe")
    rows = got.terms.set_index("term")
    assert rows["estimate"].to_dict() == pytest.approx(want["beta"], rel=1e-7)
    assert rows["se"].to_dict() == pytest.approx(want["CR2"]["se"], rel=1e-7)
    assert rows["df"].to_dict() == pytest.approx(want["CR2"]["df"], rel=1e-7)
    assert (got.n, got.n_dropped, got.n_teams) == (528, 48, 48)


def test_the_lag_of_a_design_is_the_lag_of_the_table():
    data = panel().drop(index=[3, 20])
    lagged = data.copy()
    earlier = data.assign(period=data["period"] + 1).set_index(["team", "period"])["joy"]
    lagged["joy"] = earlier.reindex(pd.MultiIndex.from_frame(data[["team", "period"]])).to_numpy()
    one = fixed_effects(data, y="waits", x="joy", lag=1, draws=0)
    two = fixed_effects(lagged, y="waits", x="joy", draws=0)
    pd.testing.assert_frame_equal(one.terms, two.terms)
    assert "1 period earlier" in one.sentence()


def test_teams_may_not_be_told_apart_from_their_average():
    """The between association is -3 + .6: fixed effects must not see it."""
    got = fixed_effects(panel(), y="waits", x="joy", draws=0)
    assert got.effect["ci_low"] < 0.6 < got.effect["ci_high"]


def test_a_benchmark_group_gets_its_own_periods():
    data = panel().assign(setting=lambda d: np.where(d["team"] < "t06", "ward", "clinic"))
    data.loc[data["setting"] == "ward", "waits"] += 5 * data["period"]
    got = fixed_effects(data, y="waits", x="joy", benchmark="setting", draws=0)
    dummies = pd.get_dummies(data[["team"]].assign(moment=data["setting"] + data["period"].astype(str)), dtype=float)
    want = np.linalg.lstsq(np.column_stack([data["joy"], dummies]), data["waits"], rcond=None)[0][0]
    assert got.effect["estimate"] == pytest.approx(want, rel=1e-8)
    assert "2 groups by setting have their own period effects" in got.notes
    pooled = fixed_effects(data.rename(columns={"setting": "benchmark"}), y="waits", x="joy", draws=0)
    assert any("2 benchmark groups are pooled" in note for note in pooled.notes)


def test_a_permutation_p_stands_beside_or_its_absence_is_explained():
    data = panel()
    assert fixed_effects(data, y="waits", x="joy", draws=199).permutation_p == pytest.approx(0.005, abs=0.02)
    gaps = fixed_effects(data.drop(index=3), y="waits", x="joy", draws=199)
    assert np.isnan(gaps.permutation_p)
    assert any("no permutation test: joy: 1 of 12 teams lack" in note for note in gaps.notes)


def test_denominators_of_a_linkage_are_weights():
    data = panel()
    staff = data.assign(measure="joy", mean=data["joy"], answers=10)
    rng = np.random.default_rng(1)
    services = data[["team", "period"]].assign(measure="waits", value=data["waits"], numerator=np.nan)
    services["denominator"] = rng.integers(20, 90, len(data))
    linked = link(staff, services, improve={"waits": "decrease"})
    got = fixed_effects(linked, y="waits", x="joy", draws=0)
    want = regression("waits ~ joy", data.assign(d=services["denominator"]), absorb=("team", "period"), cluster="team",
                      weights="d").terms.iloc[0]  # fmt: skip
    assert got.effect["se"] == pytest.approx(want["se"], rel=1e-9)
    assert "which is worse" in got.sentence()
    assert "in the same period as the staff answers" in got.sentence()
    assert "team-periods are weighted by what waits was counted over" in got.notes


# --- within and between


def test_within_between_equals_lme4_with_clubsandwich_errors():
    """Estimates of lmer (rewb_simprog_3level: trust variance 0); CR2 errors of the balanced OLS form."""
    got = within_between(programme(), y="pat_exp", x="joy", period="wave", time="linear", draws=0)
    rows = got.terms.set_index("term")
    lmer, club = case("rewb_simprog_3level"), case("hausman_mundlak_simprog")
    assert rows.loc["within", "estimate"] == pytest.approx(lmer["beta"]["joy_w"], rel=1e-6)
    assert rows.loc["between", "estimate"] == pytest.approx(lmer["beta"]["joy_b"], rel=1e-6)
    assert rows.loc["contextual", "estimate"] == pytest.approx(club["beta"]["joy_b"], rel=1e-6)
    assert rows.loc["within", "se"] == pytest.approx(club["ols_cr2"]["se"]["joy"], rel=1e-6)
    assert rows.loc["contextual", "se"] == pytest.approx(club["ols_cr2"]["se"]["joy_b"], rel=1e-6)
    spread = {v["grp"]: v["sdcor"] for v in lmer["varcomp"]}
    assert got.extra == pytest.approx({"sd_between_teams": spread["team"], "sd_residual": spread["Residual"]}, rel=1e-6)


def test_opposite_signs_within_and_between_are_shown_not_hidden():
    """Built in: +.6 within, -2.4 between."""
    got = within_between(panel(n_teams=20), y="waits", x="joy", draws=0)
    rows = got.terms.set_index("term")["estimate"]
    assert rows["within"] == pytest.approx(0.6, abs=0.3)
    assert rows["between"] == pytest.approx(-2.4, abs=0.8)
    assert any("opposite signs" in note for note in got.notes)
    assert got.sentence().startswith("Comparing a team with its own average, 1 more in joy went with +")


def test_without_a_team_effect_nothing_is_swept_out():
    """Between-team variance 0: the fit is ordinary least squares on within, between and periods."""
    rng = np.random.default_rng(0)
    data = panel(n_teams=6).assign(waits=lambda d: rng.normal(size=len(d)))
    data["waits"] -= data.groupby("team")["waits"].transform("mean")
    got = within_between(data, y="waits", x="joy", draws=0)
    assert got.extra["sd_between_teams"] == pytest.approx(0, abs=1e-6)
    fixed = fixed_effects(data, y="waits", x="joy", draws=0).effect
    assert got.effect["estimate"] == pytest.approx(fixed["estimate"], rel=1e-6)


# --- change on change


def test_two_waves_of_change_are_fixed_effects():
    data = panel(periods=2)
    one = change_on_change(data, y="waits", x="joy").effect
    two = fixed_effects(data, y="waits", x="joy", draws=0).effect
    assert one["estimate"] == pytest.approx(two["estimate"], rel=1e-9)
    assert one["se"] == pytest.approx(two["se"], rel=1e-9)


def test_changes_equal_first_differences_of_plm():
    """plm keeps an intercept and no period effects: the same slopes from demeaned differences need those too."""
    data = pd.read_csv(reference("reference", "golden", "models", "data", "Produc.csv"))
    names = {"log(pcap)": "pcap", "log(pc)": "pc", "log(emp)": "emp"}
    data = data.assign(gsp=np.log(data["gsp"]), **{n: np.log(data[n]) for n in names.values()})
    columns = ["gsp", *names.values(), "unemp"]
    change = data[columns] - data.groupby("state")[columns].shift()
    got = regression("gsp ~ pcap + pc + emp + unemp", change.assign(state=data["state"]), cluster="state").terms
    want = case("panel_produc_plm")["first_diff"]["beta"]
    assert got["estimate"].tolist() == pytest.approx(list(want.values()), rel=1e-8)
    design = change_on_change(data, y="gsp", x="pcap", covariates=["pc", "emp", "unemp"], team="state", period="year")
    fit = smf.ols("gsp ~ pcap + pc + emp + unemp + C(year)", change.assign(year=data["year"]).dropna()).fit()
    assert design.effect["estimate"] == pytest.approx(fit.params["pcap"], rel=1e-8)
    assert (design.n, design.n_dropped) == (768, 48)


def test_a_change_over_a_missing_period_is_no_change():
    got = change_on_change(panel(n_teams=6).drop(index=[3]), y="waits", x="joy")
    assert (got.n, got.n_dropped) == (6 * 7 - 2, 7)


# --- words and guard rails


def test_what_r_can_be_detected():
    """Numbers of the evidence review: 30 teams .49, 70 teams .33, at 80 % power and 5 %."""
    assert [round(detectable_r(n), 2) for n in (30, 70)] == [0.49, 0.33]
    assert detectable_effect(1.0, np.inf) == pytest.approx(1.95996 + 0.84162, rel=1e-4)
    with pytest.raises(ModelError, match="3 units"):
        detectable_r(3)


def test_a_null_is_said_to_be_one_with_its_interval():
    got = fixed_effects(panel(effect=0.0), y="waits", x="joy", draws=0)
    assert got.answer == CANNOT_BE_TOLD
    assert got.sentence().startswith("Whether they go together cannot be told: within teams, 1 more in joy went with")
    assert f"95% CI {number(got.effect['ci_low'])} to {number(got.effect['ci_high'])}" in got.sentence()
    assert got.sentence().endswith("; a rise, a fall and no difference all fit.")
    widest = np.abs(got.effect[["ci_low", "ci_high"]]).max()
    small, not_small = (replace(got, smallest=factor * widest) for factor in (1.01, 0.99))
    assert (small.answer, not_small.answer) == (NO_MORE, CANNOT_BE_TOLD)
    assert "named as the least that matters" in small.sentence()


def test_no_sentence_claims_a_cause_and_every_result_carries_its_guard_rails():
    got = fixed_effects(panel(), y="waits", x="joy", draws=0)
    assert got.sentence().endswith("This is an association; it does not show what brought it about.")
    assert "caused" not in got.sentence()
    notes = " ".join(got.notes)
    for part in ("not people", "12 teams can show a correlation between teams of about 0.73", "exploratory"):
        assert part in notes
    assert Association.from_json(got.to_json()).sentence() == got.sentence()
    assert "exploratory" not in " ".join(fixed_effects(panel(), y="waits", x="joy", draws=0, role="primary").notes)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda d: d.assign(joy=d["team"].str[1:].astype(float)), {}, ModelError, "joy does not vary in 96 rows"),
        (lambda d: d[d["period"] == d["team"].str[1:].astype(int) % 8], {}, ModelError, "12 rows for .* more periods"),
        (lambda d: d.assign(waits=4.0), {}, ModelError, "waits is the same in all 96"),
        (lambda d: d, {"lag": 9}, ModelError, "none of 96 rows is complete"),
        (lambda d: pd.concat([d, d.iloc[:2]]), {}, ModelError, "2 of 98 rows repeat a team and period"),
        (lambda d: d, {"cluster": "trust"}, UsageError, "no column trust"),
        (lambda d: d, {"role": "main"}, UsageError, "exploratory"),
        (lambda d: d[d["team"] < "t02"], {}, ModelError, "2 teams with complete rows; .* fewer than 3: add teams"),
        (lambda d: d.assign(waits="long"), {}, ModelError, "waits: found text or dates in 96 rows"),
    ],
    ids=["constant in team", "one period per team", "constant outcome", "lag all missing", "repeats", "column", "role",
         "two teams", "text"],
)  # fmt: skip
def test_data_that_cannot_answer_are_refused(change, options, error, message):
    with pytest.raises(error, match=message):
        fixed_effects(change(panel()), y="waits", x="joy", draws=0, **options)


def test_measures_may_have_names_of_several_words():
    table = pd.DataFrame({"team": np.repeat(list("abcdefgh"), 6), "period": np.tile(range(6), 8)})
    rng = np.random.default_rng(2)
    table["good days (%)"], table["A&E waits (%)"] = rng.normal(size=(2, 48))
    got = within_between(table, y="A&E waits (%)", x="good days (%)", draws=99)
    assert "1 more in “good days (%)”" in got.sentence()


def test_teams_are_compared_with_each_other_when_there_is_one_period():
    """One row per team: ordinary least squares with errors that hold when teams vary unequally (HC2, Satterthwaite)."""
    data = panel(n_teams=30).groupby("team", as_index=False).first()
    got = between(data, y="waits", x="joy")
    fit = sm.OLS(data["waits"], sm.add_constant(data["joy"])).fit(cov_type="HC2")
    assert got.effect["estimate"] == pytest.approx(fit.params["joy"], rel=1e-10)
    assert got.effect["se"] == pytest.approx(fit.bse["joy"], rel=1e-8)
    assert got.extra["r"] == pytest.approx(data["waits"].corr(data["joy"]), rel=1e-12)
    assert any("teams differ in much besides joy" in note for note in got.notes)
    assert "comparing teams with each other" in got.sentence().lower()


def test_each_team_counts_once_between_teams():
    data = panel(n_teams=30)
    means = data.groupby("team", as_index=False)[["waits", "joy"]].mean().assign(period=1)
    more = pd.concat([data, data.assign(period=lambda d: d["period"] + 100)])
    ends = [between(table, y="waits", x="joy").effect["estimate"] for table in (means, data, more)]
    assert ends == pytest.approx([ends[0]] * 3, rel=1e-10)


def test_the_unit_is_called_by_its_name():
    data = panel()
    staff = data.rename(columns={"joy": "mean"}).assign(measure="joy", answers=20)
    falls = data.rename(columns={"waits": "value"}).assign(measure="waits", denominator=100)
    linked = link(staff, falls, improve={"joy": "increase", "waits": "decrease"}, noun="trust")
    for got in (linked, within_between(linked, y="waits", x="joy"), between(linked, y="waits", x="joy"),
                leave_one_out(lambda d: fixed_effects(d, y="waits", x="joy", draws=0), linked)):  # fmt: skip
        assert "trust" in got.sentence()
        assert not re.search(r"\bteams?\b|__|_denominator", " ".join([got.sentence(), *got.notes]))


def test_the_line_of_an_effect_passes_through_the_averages_with_its_slope():
    data = panel()
    got = within_between(data, y="waits", x="joy", draws=0)
    line = got.along(data)
    assert set(line["comparison"]) == {"within teams", "between teams"}
    for name, rows in line.groupby("comparison"):
        slope = np.polyfit(rows["joy"], rows["estimate"], 1)
        assert slope[0] == pytest.approx(got.terms.set_index("term").loc[name.split()[0], "estimate"], rel=1e-8)
        assert np.polyval(slope, data["joy"].mean()) == pytest.approx(data["waits"].mean(), rel=1e-8)
        assert rows["estimate"].between(rows["ci_low"], rows["ci_high"]).all()


def test_the_line_of_an_effect_ends_at_no_value_of_a_single_team():
    """Of twelve teams the lowest twentieth is one: the end of the line was its exact mean."""
    data = panel()
    line = within_between(data, y="waits", x="joy", draws=0).along(data)
    ends = line.loc[line["comparison"] == "between teams", "joy"].agg(["min", "max"]).to_numpy()
    assert np.abs(data.groupby("team")["joy"].mean().to_numpy()[:, None] - ends).min() > 1e-3


def test_standardised_effects_do_not_depend_on_units():
    one, two = (
        within_between(d, y="waits", x="joy", draws=0)
        for d in (panel(), panel().assign(waits=lambda d: 60 * d["waits"]))
    )
    assert one.standardised["estimate"] == pytest.approx(two.standardised["estimate"], rel=1e-6)


@pytest.mark.parametrize("design", [fixed_effects, within_between, change_on_change, between])
@pytest.mark.parametrize(
    "change",
    [
        lambda d: d[d["team"] < "t02"],
        lambda d: d[:0],
        lambda d: d.assign(joy=np.nan),
        lambda d: d.assign(joy=1.0),
        lambda d: d.assign(joy=d["period"]),
        lambda d: d.assign(waits=3.0),
        lambda d: d.assign(waits="long"),
        lambda d: pd.concat([d, d]),
    ],
    ids=["two teams", "empty", "missing", "constant", "common", "constant outcome", "text", "repeats"],
)
def test_every_refusal_speaks_of_the_user_s_columns(design, change):
    with pytest.raises(ModelError) as refused:
        design(change(panel()), y="waits", x="joy")
    assert not re.search(r"__|\bwithin \+|Traceback", str(refused.value))
    assert re.search(r"\d", str(refused.value))


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR2", "CR3"])
def test_clusters_that_mirror_each_other_have_no_error(errors):
    """Two teams with team and period effects: the scores of one are the other's negative, and errors came out as 0."""
    two = panel()[lambda d: d["team"] < "t02"]
    found = regression("waits ~ joy", two, absorb=("team", "period"), cluster="team", errors=errors)
    assert found.tidy()[["se", "ci_low", "ci_high", "p"]].isna().all(axis=None)
    assert "no standard error for joy: single clusters by team decide it" in found.notes


@pytest.mark.parametrize("design", [fixed_effects, within_between])
def test_infinite_values_and_a_measure_that_moves_in_one_team_are_refused_in_words(design):
    data = panel()
    with pytest.raises(ModelError, match=r"infinite or impossible values in \d+ rows \(2 in joy\); mend them"):
        design(data.assign(joy=data["joy"].where(data.index > 1, np.inf)), y="waits", x="joy", draws=0)
    alone = data.assign(joy=data["joy"].where(data["team"] == data["team"].iloc[0], 3.0))
    with pytest.raises(ModelError, match="a single team decides the estimate"):
        design(alone, y="waits", x="joy", draws=0)
