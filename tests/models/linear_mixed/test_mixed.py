"""What `mixed` says and refuses; contrasts, predictions and intervals against R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joyeval.errors import ModelError, UsageError
from joyeval.models import mixed
from joyeval.models.mixed_models import Mixed
from tests.conftest import reference

WAVES = [f"C(wave)[T.{wave}]" for wave in range(2, 13)]


def programme(seed: int = 0, teams: int = 8, waves: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    team, wave = np.repeat(np.arange(teams), waves), np.tile(np.arange(1, waves + 1), teams)
    joy = 6 + 0.2 * wave + rng.normal(size=teams)[team] + 0.5 * rng.normal(size=len(team))
    table = pd.DataFrame({"joy": joy, "wave": wave, "team": [f"T{t:02d}" for t in team]})
    return table.assign(trust=np.where(team % 2, "A", "B"), n_resp=rng.integers(5, 30, len(team)))


def simulated() -> pd.DataFrame:
    data = pd.read_csv(reference("reference", "golden", "models", "data", "sim_programme.csv"))
    data["joy_b"] = data.groupby("team")["joy"].transform("mean")
    return data.assign(joy_w=data["joy"] - data["joy_b"])


def sleepstudy() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "sleepstudy.csv"))


def test_every_row_left_out_is_counted():
    data = programme()
    data.loc[3, "joy"] = np.nan
    got = mixed("joy ~ wave", data, groups="team")
    assert (got.n, got.n_dropped) == (39, 1)
    assert got.notes[0] == "1 of 40 rows were left out: 1 with a gap in joy"
    assert (got.tidy()["n"] == 39).all()


def test_the_sentence_is_made_from_the_table():
    got = mixed("joy ~ wave", programme(), groups="team")
    row = got.tidy().iloc[1]
    interval = f"95% CI {row['ci_low']:+.2f} to {row['ci_high']:+.2f}"
    assert got.sentence() == (
        f"A difference of 1 in wave went with {row['estimate']:+.2f} in joy ({interval}, Kenward-Roger; 40 rows, "
        "8 levels of team)."
    )


def test_a_category_is_named_against_the_first():
    got = mixed("joy ~ C(trust)", programme(), groups="team")
    assert got.sentence().startswith("C(trust) = B, against the first level, went with")


def test_a_result_survives_json_and_still_answers():
    got = mixed("joy ~ wave", programme(), groups=["trust", "team"], slopes={"team": "wave"})
    back = Mixed.from_json(got.to_json())
    pd.testing.assert_frame_equal(back.tidy(), got.tidy())
    pd.testing.assert_frame_equal(back.contrast({"wave": 4}), got.contrast({"wave": 4}))
    pd.testing.assert_series_equal(back.predict(programme()), got.predict(programme()))


def test_joint_test_is_that_of_pbkrtest():
    """KRmodcomp(m, update(m, . ~ . - w)) and (m, . - joy_w - joy_b); m has (joy_w | team)."""
    got = mixed("pat_exp ~ joy_w + joy_b + C(wave)", simulated(), groups="team", slopes="joy_w")
    for terms, want in ((WAVES, (3.943150473, 11, 512.960467)), (["joy_w", "joy_b"], (23.04489956, 2, 59.93354639))):
        row = got.test(terms).iloc[0]
        assert (row["statistic"], row["df1"], row["df2"]) == pytest.approx(want, rel=1e-5)
    assert got.test(WAVES)["p"][0] == pytest.approx(1.619647643e-05, rel=1e-4)


def test_joint_test_by_satterthwaite_is_that_of_lmertest():
    """contest(lmerTest::lmer(...), L) on the same model."""
    got = mixed("pat_exp ~ joy_w + joy_b + C(wave)", simulated(), groups="team", slopes="joy_w", df="satterthwaite")
    for terms, want in ((WAVES, (3.994886215, 11, 510.7244876)), (["joy_w", "joy_b"], (24.23058115, 2, 50.49502212))):
        row = got.test(terms).iloc[0]
        assert (row["statistic"], row["df1"], row["df2"]) == pytest.approx(want, rel=1e-5)


def test_one_term_tested_is_its_t_test():
    got = mixed("joy ~ wave", programme(), groups="team")
    row = got.tidy().iloc[1]
    tested = got.test(["wave"]).iloc[0]
    assert tested["p"] == pytest.approx(row["p"], rel=1e-9)
    assert tested["statistic"] == pytest.approx((row["estimate"] / row["se"]) ** 2)


def test_profile_intervals_are_those_of_lme4():
    """confint(lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE)); lme4 interpolates to about 1e-6."""
    got = mixed("Reaction ~ Days", sleepstudy(), groups="Subject", slopes="Days", reml=False, profile=True)
    spread = got.variances[got.variances["with"] == ""][["ci_low", "ci_high"]].to_numpy()
    want = [[14.381481116, 37.716018740], [3.801164762, 8.753366659], [22.898266215, 28.857997323]]
    np.testing.assert_allclose(spread, want, rtol=1e-5)
    want = [[237.680695469, 265.129514692], [7.358653295, 13.575918741]]
    np.testing.assert_allclose(got.tidy()[["ci_low", "ci_high"]], want, rtol=1e-5)


def test_profile_interval_of_nothing_starts_at_zero():
    """confint(lmer(Yield ~ 1 + (1 | Batch), Dyestuff2, REML = FALSE)): .sig01 0 to 2.08404349."""
    data = pd.read_csv(reference("reference", "golden", "models", "data", "Dyestuff2.csv"))
    got = mixed("Yield ~ 1", data, groups="Batch", reml=False, profile=True)
    assert got.variances["ci_low"][0] == 0
    assert got.variances["ci_high"][0] == pytest.approx(2.08404349, rel=1e-5)


def test_standard_errors_of_effects_are_those_of_lme4():
    """attr(ranef(m, condVar = TRUE)$Subject, "postVar")[,,1] for (Days | Subject), REML."""
    got = mixed("Reaction ~ Days", sleepstudy(), groups="Subject", slopes="Days")
    np.testing.assert_allclose(got.ranef["se"][:2] ** 2, [145.7055875, 5.312282912], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("lmm_univbct_growth_ar1", "JSAT", (0.418335531807494, 0.4572885, 0.809415569005146, -1712.15614828955)),
        ("rewb_simprog_ar1", "pat_exp", (0.0192179308966988, 0.5232902, 0.37193504533925, -331.973361346099)),
    ],
)
def test_autocorrelated_residuals_are_those_of_nlme(name, rows, expected):
    """lme(..., random = ~1 | group, correlation = corAR1()); without a form, corAR1 counts the rows of a group."""
    if rows == "JSAT":
        data = pd.read_csv(reference("reference", "golden", "models", "data", "univbct.csv")).dropna(subset="JSAT")
        data["occasion"] = data.groupby("SUBNUM").cumcount()
        got = mixed("JSAT ~ TIME", data, groups="SUBNUM", ar1="occasion")
        beta, se = [3.22061497742918, 0.052533112407055], [0.0418600834479834, 0.0239460759958544]
    else:
        got = mixed("pat_exp ~ joy_w + joy_b + wave", simulated(), groups="team", ar1="wave")
        beta = [3.15301797198506, 0.105676357664122, 0.567898583977378, 0.0290694133476351]
        se = [0.684251532442923, 0.0242900066745676, 0.105854353355166, 0.00474186841245327]
    sd = got.variances["estimate"]
    np.testing.assert_allclose(got.tidy()["estimate"], beta, rtol=1e-5)
    np.testing.assert_allclose(got.tidy()["se"], se, rtol=1e-4)
    assert (got.ar1, sd[0], got.sigma) == pytest.approx(expected[:3], rel=1e-4)
    assert got.loglik == pytest.approx(expected[3], rel=1e-6)


def test_autocorrelation_with_gaps_weights_and_slopes_is_that_of_nlme():
    """Every seventh row left out; lme(joy ~ wave, random = ~wave | team, corAR1(form = ~wave | team), varFixed)."""
    data = simulated().iloc[lambda d: np.arange(len(d)) % 7 > 0]
    got = mixed("joy ~ wave", data, groups="team", slopes="wave", ar1="wave", weights="n_resp")
    assert got.loglik == pytest.approx(-552.389086009, rel=1e-6)
    np.testing.assert_allclose(got.tidy()["estimate"], [6.0504927316126, 0.0558090639749], rtol=1e-4)
    np.testing.assert_allclose(got.tidy()["se"], [0.1236965254973, 0.0100575634363], rtol=1e-3)
    assert got.ar1 == pytest.approx(0.167770293361, rel=1e-3)


def test_predictions_add_the_effects_of_known_groups():
    data = programme()
    got = mixed("joy ~ wave", data, groups=["trust", "team"], slopes={"team": "wave"})
    new = pd.DataFrame({"wave": [3, 3], "trust": ["A", "A"], "team": ["T01", "never seen"]}, index=["x", "y"])
    plain, full = got.predict(new, random=False), got.predict(new)
    effects = got.ranef.set_index(["group", "level", "term"])["estimate"]
    trust = effects["trust", "A", "Intercept"]
    assert full["y"] == pytest.approx(plain["y"] + trust)
    want = plain["x"] + trust + effects["team", "T01", "Intercept"] + 3 * effects["team", "T01", "wave"]
    assert full["x"] == pytest.approx(want)


def test_predictions_refuse_an_unknown_category():
    got = mixed("joy ~ C(trust)", programme(), groups="team")
    with pytest.raises(ModelError, match="a category that the model does not know"):
        got.predict(programme().assign(trust="C"))


def test_transformed_columns_are_predicted_as_they_were_coded():
    data = programme()
    got = mixed("joy ~ center(wave) + C(trust)", data, groups="team")
    pd.testing.assert_series_equal(got.predict(data.tail(3)), got.predict(data).tail(3))


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ({"team": range(40)}, {}, "team has 40 levels x 1 effects for 40 rows"),
        ({"team": "T00"}, {}, "team has 1 group in 40 complete rows"),
        ({"joy": 5.0}, {}, "outcome joy is the same in all 40 complete rows"),
        ({"joy": lambda d: d["team"].str[1:].astype(float)}, {}, "joy is constant within each level of team"),
        ({"joy": lambda d: 2.0 * d["wave"]}, {}, "the predictors explain the outcome exactly"),
        ({"unit": lambda d: d["team"]}, {"groups": ["team", "unit"]}, "team and unit divide the rows in the same way"),
        ({"size": lambda d: d["team"].str[1:].astype(float)}, {"slopes": "size"}, "size is constant within each level"),
        ({}, {"slopes": "wave", "groups": "pair"}, "pair has 20 levels x 2 effects for 40 rows"),
        ({"wave": lambda d: d["wave"] / 2}, {"ar1": "wave"}, "whole-numbered periods"),
        ({"wave": 1}, {"formula": "joy ~ n_resp", "ar1": "wave"}, "rows repeat a period"),
        ({}, {"groups": ["team", "n_resp"], "ar1": "wave"}, "ar1 needs nested groups"),
    ],
)
def test_data_that_cannot_answer_are_refused_with_the_way_out(change, options, says):
    data = programme().assign(pair=np.repeat(np.arange(20), 2)).assign(**change)
    options = {"formula": "joy ~ wave", "groups": "team", **options}
    with pytest.raises(ModelError) as error:
        mixed(data=data, **options)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"family": "gamma"}, "expected one of gaussian, binomial"),
        ({"exposure": "n_resp"}, "exposure and nodes are for"),
        ({"df": "t"}, "expected 'kenward-roger' or 'satterthwaite'"),
        ({"ar1": "wave", "profile": True}, "not available together with ar1"),
        ({"groups": ["team", "trust"], "slopes": "wave"}, "slopes of which factor"),
        ({"slopes": {"ward": "wave"}}, "slopes of ward; expected one of the groups team"),
        ({"groups": "ward"}, "found no column ward"),
    ],
)
def test_arguments_that_do_not_go_together(options, says):
    with pytest.raises(UsageError) as error:
        mixed("joy ~ wave", programme(), **{"groups": "team", **options})
    assert says in str(error.value)


def test_few_groups_are_said():
    got = mixed("joy ~ wave", programme(teams=4), groups="team")
    assert "only 4 levels of team: its variance is known roughly" in got.notes


def test_kenward_roger_asked_for_and_not_to_be_had_is_said():
    got = mixed("joy ~ wave", programme(), groups="team", reml=False, df="kenward-roger")
    assert got.df_method == "Satterthwaite"
    assert any("in place of Kenward-Roger, defined for REML" in note for note in got.notes)


def test_too_many_crossed_effects_for_kenward_roger_are_said(monkeypatch):
    monkeypatch.setattr("joyeval.models.linear_mixed.kenward_roger.MOST_EFFECTS", 12)
    got = mixed("joy ~ n_resp", programme(), groups=["team", "wave"])
    assert got.df_method == "Satterthwaite"
    assert any("too many crossed random effects" in note for note in got.notes)


def test_weights_share_out_the_residual_variance():
    """With the spread between teams known, a wave mean of 4 respondents counts as its 4 equal rows would."""
    data = programme()
    fourfold = mixed("joy ~ wave", data.assign(n=4), groups="team", weights="n")
    single = mixed("joy ~ wave", data, groups="team")
    assert fourfold.sigma == pytest.approx(2 * single.sigma, rel=1e-6)
    pd.testing.assert_frame_equal(fourfold.tidy(), single.tidy(), rtol=1e-6)
    assert fourfold.icc == pytest.approx(single.icc, rel=1e-6)


@given(order=st.permutations(range(40)), names=st.permutations(range(8)))
def test_order_of_rows_and_names_of_teams_do_not_matter(order, names):
    data = programme()
    renamed = data.assign(team=data["team"].str[1:].astype(int).map(lambda t: f"team {names[t]}")).iloc[list(order)]
    one, two = (mixed("joy ~ wave", table, groups="team") for table in (data, renamed))
    pd.testing.assert_frame_equal(one.tidy(), two.tidy(), rtol=1e-8)
    assert one.loglik == pytest.approx(two.loglik, rel=1e-12)


@given(st.floats(1e-4, 1e4), st.floats(-1e3, 1e3), st.integers(0, 20))
def test_units_of_the_outcome_carry_over(factor, shift, seed):
    data = programme(seed)
    one = mixed("joy ~ wave", data, groups="team", slopes="wave")
    two = mixed("joy ~ wave", data.assign(joy=data["joy"] * factor + shift), groups="team", slopes="wave")
    np.testing.assert_allclose(two.tidy()["estimate"], one.tidy()["estimate"] * factor + [shift, 0], rtol=1e-6)
    np.testing.assert_allclose(two.tidy()["se"], one.tidy()["se"] * factor, rtol=1e-5)
    np.testing.assert_allclose(
        two.variances["estimate"][:2], one.variances["estimate"][:2] * factor, rtol=1e-4, atol=2e-4 * factor
    )
    assert two.icc == pytest.approx(one.icc, rel=1e-5)


@given(st.floats(0.01, 100), st.floats(-2000, 2000), st.integers(0, 20))
def test_units_of_a_predictor_do_not_change_the_fit(factor, shift, seed):
    data = programme(seed)
    one = mixed("joy ~ wave", data, groups="team", slopes="wave")
    two = mixed("joy ~ wave", data.assign(wave=data["wave"] * factor + shift), groups="team", slopes="wave")
    columns = ["estimate", "se", "ci_low", "ci_high"]
    np.testing.assert_allclose(two.tidy()[columns].iloc[1] * factor, one.tidy()[columns].iloc[1], rtol=1e-4)
    np.testing.assert_allclose(
        two.predict(data.assign(wave=data["wave"] * factor + shift)), one.predict(data), rtol=1e-5
    )
