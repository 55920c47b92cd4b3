"""Interrupted series: R's numbers, the counterfactual by hand, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS

from joyeval.errors import ModelError, UsageError
from joyeval.outcomes import programme
from joyeval.outcomes.interrupted import Interrupted, interrupted
from tests.conftest import golden, reference

NAMES = {"Intercept": "(Intercept)", "trend": "month", "level": "level", "change of trend": "trend_post",
         "sine": "sin12", "cosine": "cos12"}  # fmt: skip


def simulated() -> pd.DataFrame:
    return pd.read_csv(reference("reference", "golden", "models", "data", "sim_its.csv"))


def expected() -> dict:
    return golden("models", "cases", "its_simits.json")["expected"]


def series(n: int = 40, begin: int = 20, seed: int = 3) -> pd.DataFrame:
    """Level -5, trend +.2 and then -.1 more; the control moves with the same season and no change."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    shared = 2 * np.sin(t / 3) + rng.normal(size=n)
    since = np.maximum(t - begin + 1, 0)
    months = pd.date_range("2021-01-01", periods=n, freq="MS")
    waits = 30 + 0.2 * t - 5 * (since > 0) - 0.1 * since + shared + rng.normal(size=n) * 0.3
    return pd.DataFrame({"period": months, "waits": waits, "elsewhere": 20 + shared + rng.normal(size=n) * 0.3})


def test_means_equal_nlme():
    got = interrupted(simulated(), y="score", start=37, period="month", season="harmonic")
    want = expected()["gls_ar1_reml"]
    estimates = {NAMES[t]: e for t, e in zip(got.terms["term"], got.terms["estimate"], strict=True)}
    assert estimates == pytest.approx(want["beta"], rel=1e-5)
    assert got.phi == pytest.approx(want["phi"], rel=1e-5)
    effect = got.effects.set_index("after")["estimate"]
    assert effect[12] == pytest.approx(want["beta"]["level"] + 12 * want["beta"]["trend_post"], rel=1e-5)
    checks = got.checks.set_index("term")
    assert checks.loc["level", "estimate"] == pytest.approx(expected()["ols"]["beta"]["level"], rel=1e-8)


def test_newey_west_beside_has_the_reach_for_its_length():
    """floor(.75 * 60^(1/3)) = 2 lags, as statsmodels gives them."""
    data = simulated()
    got = interrupted(data, y="score", start=37, period="month", season="harmonic").checks.set_index("term")
    X = data[["month", "level", "trend_post", "sin12", "cos12"]].assign(one=1.0)
    want = OLS(data["score"], X).fit(cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": True})
    assert got.loc["change of trend", "se"] == pytest.approx(want.bse["trend_post"], rel=1e-6)


def test_counts_equal_quasi_poisson_in_r():
    got = interrupted(simulated(), y="events", start=37, period="month", season="harmonic", exposure="exposure")
    want = expected()["quasipoisson"]
    for ours, theirs in (("estimate", "beta"), ("se", "se")):
        assert {NAMES[t]: v for t, v in zip(got.terms["term"], got.terms[ours], strict=True)} == pytest.approx(
            want[theirs], rel=1e-5
        )
    assert got.scale == "log rate"
    assert "times what the earlier trend gives" in got.sentence()
    assert any("2.0 times as much as chance" in note for note in got.notes)


def test_the_counterfactual_carries_the_earlier_trend_on():
    got = interrupted(series(), y="waits", start="2022-09", after=(1, 20), trend=True)
    terms = got.terms.set_index("term")["estimate"]
    last = got.points.iloc[-1]
    assert last["expected"] == pytest.approx(terms["Intercept"] + 40 * terms["trend"])
    assert last["fitted"] - last["expected"] == pytest.approx(terms["level"] + 20 * terms["change of trend"])
    effect = got.effects.set_index("after")
    assert effect.loc[20, "expected"] == pytest.approx(last["expected"])
    assert effect.loc[20, "estimate"] == pytest.approx(last["fitted"] - last["expected"])
    assert (got.n_before, got.n_after) == (20, 20)


def test_a_control_series_takes_out_what_came_to_all():
    alone = interrupted(series(), y="waits", start="2022-09", after=(10,), trend=True).effects.iloc[0]
    against = interrupted(
        series(), y="waits", start="2022-09", control="elsewhere", after=(10,), trend=True
    ).effects.iloc[0]
    assert against["se"] < alone["se"]
    assert against["ci_low"] < -6 < against["ci_high"]


def test_gaps_and_transitions_are_left_out_and_counted():
    data = series()
    data.loc[5, "waits"] = np.nan
    got = interrupted(data, y="waits", start="2022-09", skip=2, trend=True)
    assert (got.n, got.n_dropped) == (37, 3)
    assert "3 periods left out, without a value, 2 of them as transition" in got.notes
    assert got.effects["after"].tolist() == [6, 12]
    shuffled = interrupted(data.sample(frac=1, random_state=1), y="waits", start="2022-09", skip=2, trend=True)
    pd.testing.assert_frame_equal(shuffled.terms, got.terms)


def test_a_series_never_credits_the_programme():
    got = interrupted(series(), y="waits", start="2022-09")
    assert got.sentence().endswith("cannot tell the programme from anything else that began at the same time.")
    flat = series()
    flat["waits"] = np.random.default_rng(1).normal(size=40)
    assert "whether it changed is not clear" in interrupted(flat, y="waits", start="2022-09").sentence()
    assert Interrupted.from_json(got.to_json()).sentence() == got.sentence()


def test_a_short_time_before_gives_no_trend_to_carry_on():
    """Sixteen weeks that happen to rise: carried on, they would make a steady programme look harmful."""
    rng = np.random.default_rng(5)
    weeks = pd.date_range("2023-01-02", periods=70, freq="7D")
    good = np.r_[np.linspace(50, 56, 16), np.full(54, 56.0)] + rng.normal(size=70)
    data = pd.DataFrame({"period": weeks, "good": good})
    got = interrupted(data, y="good", start=weeks[16], unit="week")
    assert interrupted(data, y="good", start=weeks[16], unit="week", trend=True).effects.iloc[-1]["estimate"] < -2
    effect = got.effects.iloc[0]
    assert not got.trend
    assert got.terms["term"].tolist() == ["Intercept", "level"]
    assert len(got.effects) == 1
    assert effect["ci_low"] < good[16:].mean() - good[:16].mean() < effect["ci_high"]
    assert np.ptp(got.points["expected"]) == 0
    assert got.sentence().startswith("On average since the start, good was +")
    assert any(note.startswith("16 points before the start tell too little of a trend") for note in got.notes)
    counts = data.assign(good=rng.poisson(20, 70), beds=100.0)
    assert (
        "times the average before"
        in interrupted(counts, y="good", start=weeks[16], unit="week", exposure="beds").sentence()
    )


def test_a_trend_is_carried_on_from_24_points_and_the_averages_stand_beside():
    got = interrupted(series(60, 24), y="waits", start="2023-01")
    assert got.trend
    alone = got.checks.set_index("term").loc["level without a trend"]
    without = interrupted(series(60, 24), y="waits", start="2023-01", trend=False)
    assert alone["estimate"] == pytest.approx(without.effects.iloc[0]["estimate"])
    assert not interrupted(series(60, 23), y="waits", start="2022-12").trend


def test_months_of_the_calendar_are_seasons():
    got = interrupted(series(60, 30), y="waits", start="2023-07", season="month")
    assert sum("month" in term for term in got.terms["term"]) == 11


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": "2021-05"}, ModelError, "4 points before and 36 after the start; needs at least 8"),
        ({"season": "week"}, UsageError, "none, harmonic, month"),
        ({"control": "elsewhere", "exposure": "elsewhere"}, UsageError, "control is for means"),
        ({"y": "falls"}, UsageError, "no column falls"),
    ],
)
def test_series_that_cannot_answer_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        interrupted(series(), **{"y": "waits", "start": "2022-09"} | options)


def test_several_rows_per_period_are_refused():
    with pytest.raises(ModelError, match="40 rows repeat a period"):
        interrupted(pd.concat([series(), series()]), y="waits", start="2022-09")


@pytest.mark.parametrize(("chapters", "told"), [(("03_improvement",), True), ((), False)])
def test_a_pulse_cut_in_two_is_told_to_be_a_check_of_its_change(monkeypatch, chapters, told):
    weeks = pd.date_range("2024-01-01", periods=40, freq="W-MON")
    table = pd.DataFrame({"period": weeks, "total": np.random.default_rng(1).normal(size=40), "weight": 1.0})

    def of_staff(*_):
        return table, "week", "increase"

    monkeypatch.setattr(programme, "_staff_series", of_staff)
    study = SimpleNamespace(chapters=chapters)
    assert (programme.CHECK in programme._series(study, "one", None, "joy", of_staff, weeks[20]).notes) == told
