"""Guard rails: each against a loop or a refit written out in the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from joyeval.errors import ModelError, UsageError
from joyeval.models.mixed_models import mixed
from joyeval.models.panel.linear import regression
from joyeval.outcomes import Linkage, link
from joyeval.outcomes.panel import fixed_effects
from joyeval.outcomes.plan import Exploration, Plan, explore, primary
from joyeval.outcomes.sensitivity import (
    LeaveOneOut,
    SpecificationCurve,
    leave_one_out,
    negative_control,
    specification_curve,
    tipping_point,
)
from tests.conftest import golden, reference
from tests.outcomes.test_panel import panel


def fe(data: pd.DataFrame, **options):
    return fixed_effects(data, y="waits", x="joy", draws=0, **options)


def test_leaving_one_team_out_equals_a_loop():
    data = panel()
    got = leave_one_out(fe, data)
    want = [regression("waits ~ joy", data[data["team"] != t], absorb=("team", "period"), cluster="team")
            .terms["estimate"].iloc[0] for t in sorted(data["team"].unique())]  # fmt: skip
    assert got.estimates["estimate"].tolist() == pytest.approx(want, rel=1e-9)
    assert got.n == 12
    assert "the sign never changes" in got.sentence()
    assert LeaveOneOut.from_json(got.to_json()).sentence() == got.sentence()


def test_leaving_one_team_out_equals_lme4():
    """Golden loo_simprog: 48 refits by REML, the parts of joy computed once on all teams."""
    data = pd.read_csv(reference("reference", "golden", "models", "data", "sim_programme.csv"))
    data["joy_b"] = data.groupby("team")["joy"].transform("mean")
    data["joy_w"] = data["joy"] - data["joy_b"]
    want = golden("models", "cases", "loo_simprog.json")["expected"]

    def fit(d):
        return mixed("pat_exp ~ joy_w + joy_b + wave", d, groups="team", df="satterthwaite")

    for term in ("joy_w", "joy_b"):
        got = leave_one_out(fit, data, term=term)
        assert got.estimate == pytest.approx(want["full"][term], rel=1e-5)
        by_team = got.estimates.assign(left_out=got.estimates["left_out"].astype(int)).sort_values("left_out")
        assert by_team["estimate"].tolist() == pytest.approx(want[term], rel=1e-5)


def linked(data: pd.DataFrame) -> Linkage:
    staff = data.assign(measure="joy", mean=data["joy"], answers=10)
    services = data[["team", "period"]].assign(measure="waits", value=data["waits"], numerator=np.nan)
    services["denominator"] = np.random.default_rng(1).integers(20, 90, len(data))
    return link(staff, services)


def test_a_linkage_keeps_its_weights_while_teams_are_left_out():
    data = linked(panel(n_teams=6))
    got = leave_one_out(fe, data)
    assert got.estimate == pytest.approx(fe(data).effect["estimate"])
    assert got.estimate != pytest.approx(fe(data.data).effect["estimate"])


def test_a_team_on_which_all_hangs_is_found_and_the_note_that_everybody_reads_names_nobody():
    data = panel(effect=0.6)
    opposed = data["team"] == "t03"
    data.loc[opposed, "joy"] *= 2
    data.loc[opposed, "waits"] -= data.loc[opposed, "joy"]
    got = leave_one_out(fe, data)
    assert got.estimates.loc[got.estimates["change"].abs().idxmax(), "left_out"] == "t03"
    assert any(note.startswith("the conclusion at 5 % hangs on single units") for note in got.notes)
    assert not any("t03" in note for note in got.notes)


def test_a_curve_holds_every_specification_sorted():
    specs = [{"design": d, "lag": lag} for d in ("fixed_effects", "change_on_change") for lag in (0, 1, 99)]
    got = specification_curve(panel(), y="waits", x="joy", specifications=specs)
    assert (got.n, got.n_dropped) == (4, 2)
    assert got.choices == ("design", "lag")
    assert got.estimates["estimate"].is_monotonic_increasing
    row = got.estimates.query("design == 'fixed_effects' and lag == '1'").iloc[0]
    assert row["estimate"] == pytest.approx(fe(panel(), lag=1).effect["estimate"])
    assert got.median == pytest.approx(got.estimates["estimate"].median())
    assert any("none of 96 rows is complete" in note for note in got.notes)
    assert SpecificationCurve.from_json(got.to_json()).sentence() == got.sentence()


def test_what_is_defensible_depends_on_the_data():
    """Three designs, two lags; with denominators two designs weighted or not."""
    assert specification_curve(panel(), y="waits", x="joy").n == 6
    got = specification_curve(linked(panel(n_teams=6)), y="waits", x="joy")
    assert got.n == 10
    rows = got.estimates.set_index(["design", "lag", "weights"])["estimate"]
    assert rows["fixed_effects", "0", "denominators"] == pytest.approx(fe(linked(panel(n_teams=6))).effect["estimate"])
    assert rows["fixed_effects", "0", "equal"] == pytest.approx(fe(panel(n_teams=6)).effect["estimate"])
    with pytest.raises(UsageError, match="within_between, fixed_effects, change_on_change"):
        specification_curve(panel(), y="waits", x="joy", specifications=[{"design": "ols"}])


@pytest.mark.slow
def test_a_curve_of_chance_has_no_small_p():
    """With a strong effect no exchange of histories comes near; without one the p is not small."""
    specs = [{"design": "fixed_effects"}]
    strong, null = (
        specification_curve(panel(effect=e, seed=9), y="waits", x="joy", specifications=specs, draws=39)
        for e in (2.0, 0.0)
    )
    assert strong.permutation_p == pytest.approx(1 / 40)
    assert null.permutation_p > 0.1
    with pytest.raises(ModelError, match="7 to 8 rows"):
        specification_curve(panel().drop(index=3), y="waits", x="joy", specifications=specs, draws=3)


def test_a_negative_control_that_moves_is_called_out():
    data = panel().assign(parking=lambda d: np.random.default_rng(2).normal(size=len(d)))
    still = negative_control(data, y="waits", control="parking", x="joy", draws=0)
    assert "did not clearly move, as it should not" in still.sentence()
    data["parking"] += data["joy"]
    moved = negative_control(data, y="waits", control="parking", x="joy", draws=0)
    assert "although it should not" in moved.sentence()
    sd = data["waits"].std()
    assert still.tidy().iloc[0]["estimate"] == pytest.approx(still.main.effect["estimate"] / sd)


def test_the_tipping_point_is_where_imputed_outcomes_put_the_interval_on_0():
    """Impute what the model predicts plus the tip: the refitted estimate moves exactly as far as the near limit."""
    data = panel(n_teams=14)
    data.loc[data["joy"] > data["joy"].quantile(0.85), "waits"] = np.nan
    got = tipping_point(data, y="waits", x="joy")
    observed = data.dropna()
    fit = smf.ols("waits ~ joy + C(team) + C(period)", observed).fit()
    rows = data["team"].isin(observed["team"]) & data["waits"].isna()
    filled = data.copy()
    filled.loc[rows, "waits"] = fit.predict(data[rows]) + got.tip
    moved = smf.ols("waits ~ joy + C(team) + C(period)", filled).fit().params["joy"]
    edge = got.ci_low if got.estimate > 0 else got.ci_high
    assert got.estimate == pytest.approx(fit.params["joy"], rel=1e-8)
    assert moved - got.estimate == pytest.approx(-edge, rel=1e-7)
    assert got.tip_sd == pytest.approx(got.tip / np.sqrt(fit.mse_resid), rel=1e-8)
    assert got.n_missing == int(rows.sum())
    table = got.tidy().set_index("shift_sd")
    assert table.loc[0, "estimate"] == pytest.approx(got.estimate)


def test_nothing_missing_cannot_tip():
    with pytest.raises(ModelError, match="is known in all 96 team-periods"):
        tipping_point(panel(), y="waits", x="joy")


def test_a_primary_analysis_is_the_one_that_was_named():
    plan = Plan(y="waits", x="joy", named="protocol v2, 2024-03-01", design="fixed_effects", options={"draws": 0})
    got = primary(panel(), plan)
    assert got.role == "primary"
    assert got.notes[0] == "primary analysis, named in protocol v2, 2024-03-01"
    with pytest.raises(UsageError, match="regression"):
        primary(panel(), Plan(y="waits", x="joy", named="-", design="regression"))


def test_exploring_is_counted_and_corrected():
    data = panel(effect=2.0)
    rng = np.random.default_rng(3)
    for i in range(9):
        data[f"noise{i}"] = rng.normal(size=len(data))
    got = explore(data, y=["waits"], x=["joy", *(f"noise{i}" for i in range(9))], lags=[0, 50])
    assert (got.n, got.n_dropped) == (10, 10)
    p = got.estimates["p"].to_numpy()
    want = np.minimum.accumulate((p * 10 / np.arange(1, 11))[::-1])[::-1]
    assert got.estimates["p_adjusted"].tolist() == pytest.approx(np.minimum(want, 1).tolist(), rel=1e-12)
    top = got.estimates.iloc[0]
    assert top["x"] == "joy"
    within = data["joy"] - data.groupby("team")["joy"].transform("mean")
    assert top["standardised"] == pytest.approx(top["estimate"] * within.std() / data["waits"].std(), rel=1e-9)
    assert "where chance alone would give about 0" in got.sentence()
    assert "All are exploratory." in got.sentence()
    assert Exploration.from_json(got.to_json()).n == 10
    with pytest.raises(ModelError, match="none of 1"):
        explore(data, y=["waits"], x=["joy"], lags=[50])
