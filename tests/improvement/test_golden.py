"""Charts against R: qicharts2, NHSRplotthedots, pbcharts, the Power BI engine; floats at relative 1e-9.

Where a case pins behaviour that joyeval does not follow, the test states ours: see docs/improvement.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from joyeval.errors import DataError
from joyeval.improvement import RULES, chart, funnel
from joyeval.improvement.limits import c4
from joyeval.improvement.runs import run_limits
from tests.conftest import golden, golden_ids

NHSR = {"x": "week", "y": "y", "kind": "i", "rules": "mdc-nhsr-0.2.2"}
RRK = {"x": "period", "y": "breaches", "kind": "i"}
WEEK = {"x": "week", "y": "y"}
JOY = {"x": "week", "y": "good", "n": "n"}
POWER_BI = replace(RULES["mdc-2023"], name="power-bi", screen=True, d2=1.128, trend=5, ties="break")
TAKEN = {
    "q_run_rrk_pct": {"x": "period", "y": "breaches", "n": "attendances", "kind": "run", "multiply": 100},
    "q_run_ties": {**WEEK, "kind": "run", "centre": "median"},
    "q_run_const": {**WEEK, "kind": "run"},
    "q_run_short5": {**WEEK, "kind": "run"},
    "q_run_missing": {**WEEK, "kind": "run"},
    "q_run_joy_bestbox": {**JOY, "kind": "run", "rules": "best-box"},
    "q_i_nat_breaches": RRK,
    "q_i_rrk_screened": RRK,
    "q_i_spike_screened": {**WEEK, "kind": "i"},
    "q_i_spike_unscreened": {**WEEK, "kind": "i", "screen": False},
    "q_i_rrk_freeze24": {**RRK, "freeze": 24},
    "q_i_rrk_part24": {**RRK, "part": 24},
    "q_i_cl_given": {**WEEK, "kind": "i", "centre": 50, "target": 55},
    "q_i_ceiling": {**WEEK, "kind": "i"},
    "q_i_const_unscreened": {**WEEK, "kind": "i", "screen": False},
    "q_mr_rrk": {**RRK, "kind": "mr"},
    "q_p_joy": {**JOY, "kind": "p"},
    "q_p_joy_freeze30": {**JOY, "kind": "p", "freeze": 30},
    "q_pp_joy_exclude": {**JOY, "kind": "p'", "exclude": [15, 40], "multiply": 100},
    "q_pp_categorical": {"x": "org_code", "y": "breaches", "n": "attendances", "kind": "p'"},
    "q_ip_joy_freeze30": {**JOY, "kind": "i'", "freeze": 30},
    "q_t_zero_error": {"x": "k", "y": "days", "kind": "t"},
    "n_rrk_breaches": {**NHSR, "x": "period", "y": "breaches", "improve": "decrease"},
    "n_rrk_rebase": {**NHSR, "x": "period", "y": "breaches", "improve": "decrease", "part": 27, "target": 4000},
    "n_rrk_fix12": {**NHSR, "x": "period", "y": "breaches", "improve": "decrease", "freeze": 12},
    "n_five_facets_targets": {
        **NHSR,
        "x": "period",
        "y": "breaches",
        "by": "org_code",
        "improve": "decrease",
        "target": pd.DataFrame({"org_code": ["RAS", "RJZ", "RR1", "RJC"], "target": [1200, 3000, 9000, 1200]}),
        "part": pd.DataFrame({"org_code": ["RJZ", "RR1"], "date": ["2017-09-01", "2017-06-01"]}),
    },
    "n_trend7": NHSR,
    "n_trend_tie": NHSR,
    "n_shift7": NHSR,
    "n_two_in_three": NHSR,
    "n_point_on_mean": NHSR,
    "n_missing": NHSR,
    "n_missing_single": NHSR,
    "n_const100_target100": {**NHSR, "target": 100},
    "n_ceiling_target95": {**NHSR, "target": 95},
    "n_spike": {**NHSR, "improve": "decrease", "target": 70},
    "pb_i_ontime": {"x": "month", "y": "ontime", "n": "cases", "kind": "i'", "screen": False},
    "pb_i_hba1c_screen": {"x": "month", "y": "sum", "n": "n", "kind": "i'"},
    "pb_i_cdi_split24": {
        "x": "month", "y": "n", "n": "days", "kind": "i'", "screen": False, "part": 24, "multiply": 10000,
    },
    "pb_i_bacteremia_facets": {
        "x": "month", "y": "deaths", "n": "cases", "by": "hospital", "kind": "i'", "screen": False,
    },
    "pb_run_csection": {"x": "month", "y": "avg_delay", "kind": "run"},
    "pb_ms_csection": {"x": "month", "y": "sum", "n": "n", "kind": "ms", "screen": False},
    "pb_i_joy_missing": {**JOY, "kind": "i'", "screen": False, "freeze": 30},
    "c_i_spike": {**WEEK, "kind": "i", "rules": POWER_BI},
    "c_im_spike": {**WEEK, "kind": "i", "rules": POWER_BI, "centre": "median"},
    "c_imm_spike": {**WEEK, "kind": "i", "rules": POWER_BI, "centre": "median", "screen": "median"},
    "c_i_two3_astro": {**WEEK, "kind": "i", "rules": POWER_BI},
    "c_i_trend7": {**WEEK, "kind": "i", "rules": replace(POWER_BI, trend=7), "improve": "decrease"},
    "c_p_joy": {**JOY, "kind": "p", "rules": POWER_BI, "multiply": 100},
    "c_run_joy_missing": {**JOY, "kind": "run", "rules": "ihi-run"},
    "f_pr_ae_od99": {"numerator": "breaches", "denominator": "attendances", "group": "org_code", "kind": "PR"},
    "f_rc_ae_od": {"numerator": "admissions", "denominator": "attendances", "group": "org_code", "kind": "RC",
                   "method": "published"},
    "f_sr_los_shmi": {"numerator": "Death", "denominator": "pred", "group": "Organisation", "kind": "SR", "limit": 95},
}  # fmt: skip
OURS_DIFFER = {
    "q_ip_joy_freeze30", "q_t_zero_error", "q_run_joy_bestbox", "n_missing", "n_const100_target100", "c_imm_spike",
    "c_run_joy_missing", "pb_ms_csection",
}  # fmt: skip
LINES = {
    "qicharts2": {
        "y": "value", "cl": "centre", "lcl": "lower", "ucl": "upper", "lcl.95": "lower_95", "ucl.95": "upper_95",
        "target": "target",
    },
    "NHSRplotthedots": {"y": "value", "mean_col": "centre", "lpl": "lower", "upl": "upper", "target": "target"},
    "pbcharts": {"y": "value", "cl": "centre", "lcl": "lower", "ucl": "upper"},
    "controlcharts": {
        "value": "value", "target": "centre", "ll99": "lower", "ul99": "upper", "ll95": "lower_95", "ul95": "upper_95",
    },
}  # fmt: skip
RUNS = {
    "n.obs": "n", "n.useful": "n_useful", "longest.run": "longest_run", "longest.run.max": "longest_run_max",
    "n.crossings": "crossings", "n.crossings.min": "crossings_min", "runs.signal": "runs_signal",
}  # fmt: skip
FUNNEL = {
    "rr": "value", "Y": "transformed", "Uzscore": "z", "s": "se", "outlier": "outlier", "denominator": "denominator",
    "LCL95": "lower_95", "UCL95": "upper_95", "LCL99": "lower_998", "UCL99": "upper_998",
    "OD95LCL": "adjusted_lower_95", "OD95UCL": "adjusted_upper_95",
    "OD99LCL": "adjusted_lower_998", "OD99UCL": "adjusted_upper_998",
}  # fmt: skip


def charted(case):
    told = golden("spc", f"{case}.json")
    data = pd.DataFrame(told["input"])
    if "avg_hba1c" in data:
        data["sum"] = data["avg_hba1c"] * data["n"]
    if "avg_delay" in data:
        data["sum"] = data["avg_delay"] * data["n"]
    return told, chart(data, **TAKEN[case])


def close(ours, theirs, what):
    """Relative 1e-9, the same gaps."""
    np.testing.assert_allclose(
        pd.Series(ours).to_numpy(dtype=float, na_value=np.nan),
        pd.Series(theirs).to_numpy(dtype=float, na_value=np.nan),
        rtol=1e-9,
        atol=1e-12,
        err_msg=what,
    )


def test_every_open_case_is_taken():
    tables = {"t_runs_limits", "t_constants"}
    assert set(golden_ids("spc")) == set(TAKEN) | tables or not golden_ids("spc")


@pytest.mark.parametrize("case", sorted(k for k in set(TAKEN) - OURS_DIFFER if k[0] in "qpc"))
def test_lines_and_runs(case):
    told, charts = charted(case)
    for theirs, ours in LINES[told["package"]].items():
        if theirs in told["points"]:
            cut = charts.points[ours].clip(0, 1) if "ypct = TRUE" in told["call"] else charts.points[ours]
            close(cut, told["points"][theirs], f"{case} {theirs}")
    per_part = charts.points[[*charts.by, "part"]].merge(charts.series, on=[*charts.by, "part"])
    for theirs, ours in RUNS.items():
        if theirs in told["points"]:
            close(per_part[ours], told["points"][theirs], f"{case} {theirs}")
    if told["package"] == "qicharts2":
        assert charts.points["beyond"].tolist() == [bool(flag) for flag in told["points"]["sigma.signal"]]
        assert charts.points["baseline"].tolist() == told["points"]["baseline"]


@pytest.mark.parametrize("case", sorted(k for k in set(TAKEN) - OURS_DIFFER if k[0] == "c"))
def test_points_that_the_power_bi_engine_flags(case):
    told, charts = charted(case)
    names = {"astpoint": "beyond", "shift": "shift", "trend": "trend", "two_in_three": "two_of_three"}
    for theirs, ours in names.items():
        if theirs in told["points"]:
            assert charts.points[ours].tolist() == [flag != "none" for flag in told["points"][theirs]], theirs


def nhsr_label(point):
    """The one word that NHSRplotthedots gives a point, in its order of precedence."""
    up = point["direction"] > 0
    if point["beyond"]:
        return "Above UCL" if up else "Below LCL"
    if point["trend"]:
        return "7 Point Trend (Increasing)" if up else "7 Point Trend (Decreasing)"
    if point["two_of_three"]:
        return "2 in 3 Above CL" if up else "2 in 3 Below CL"
    if point["shift"]:
        return "7 Points Above CL" if up else "7 Points Below CL"
    return "Common Cause"


@pytest.mark.parametrize("case", sorted(k for k in set(TAKEN) - OURS_DIFFER if k[0] == "n"))
def test_nhsrplotthedots_point_by_point(case):
    told, charts = charted(case)
    for theirs, ours in LINES["NHSRplotthedots"].items():
        if theirs != "target":  # theirs gives a group without a target a missing one only in the icon
            close(charts.points[ours], told["points"][theirs], f"{case} {theirs}")
    assert charts.points.apply(nhsr_label, axis=1).tolist() == told["points"]["special_cause_type"]
    icons = pd.DataFrame(told["extra"]["icons"])
    last = charts.series.groupby(list(charts.by) or (lambda _: 0)).tail(1)
    shown = icons[icons["type"] == "variation"]["icon"].str.removesuffix(".svg")
    assert last["variation"].tolist() == shown.tolist()
    targeted = last["assurance"] != ""
    if targeted.any():
        sure = icons[icons["type"] == "assurance"]["icon"].str.removesuffix(".svg").to_numpy()
        assert last["assurance"][targeted].tolist() == sure[targeted.to_numpy()].tolist()


@pytest.mark.parametrize("case", sorted(k for k in TAKEN if k[0] == "f"))
def test_funnels(case):
    told = golden("spc", f"{case}.json")
    found = funnel(pd.DataFrame(told["input"]), **TAKEN[case])
    points = found.points.set_index(found.group).loc[told["points"]["group"]]
    for theirs, ours in FUNNEL.items():
        close(points[ours].to_numpy(), told["points"][theirs], f"{case} {theirs}")
    close([found.phi, found.tau2], [told["extra"]["phi"], told["extra"]["tau2"]], case)
    left_out = np.array(told["points"].get("truncated", [0] * len(points))) == 1
    close(points["z_trimmed"], np.where(left_out, np.nan, told["points"]["Wuzscore"]), "z_trimmed")


def test_limits_of_the_runs_tests():
    told = golden("spc", "t_runs_limits.json")["points"]
    useful = np.array(told["n_useful"])
    anhoej, best, cut = (run_limits(useful, method=name) for name in ("anhoej", "best-box", "cut-box"))
    close(anhoej.longest_max, told["longest_run_max"], "longest")
    close(anhoej.crossings_min, told["n_crossings_min"], "crossings")
    boxed = pd.Series(told["bestbox_c"]).notna().to_numpy()
    close(best.crossings_min[boxed], pd.Series(told["bestbox_c"])[boxed], "best box")
    close(best.longest_max[boxed], pd.Series(told["bestbox_l"])[boxed], "best box")
    corner = pd.Series(told["cutbox_cbord"]).notna().to_numpy()
    close(cut.corner_crossings[corner], pd.Series(told["cutbox_cbord"])[corner], "cut box")
    close(cut.corner_longest[corner], pd.Series(told["cutbox_lbord"])[corner], "cut box")
    assert (cut.corner_crossings[boxed & ~corner] == 0).all()


def test_constants_of_subgroup_charts():
    told = golden("spc", "t_constants.json")["points"]
    n = np.array(told["n"], float)
    spread = np.sqrt(1 - c4(n) ** 2) / c4(n)
    close(c4(n), told["c4"], "c4")
    for width, suffix in ((3, ""), (2, "_95")):
        close(width / (c4(n) * np.sqrt(n)), told[f"a3{suffix}"], "A3")
        close(np.maximum(0, 1 - width * spread), told[f"b3{suffix}"], "B3")
        close(1 + width * spread, told[f"b4{suffix}"], "B4")


def test_i_prime_takes_sigma_from_the_baseline_only():
    """Theirs (qicharts2) uses all points; ours is what pbcharts gives."""
    told, charts = charted("q_ip_joy_freeze30")
    close(charts.points["centre"], told["points"]["cl"], "centre")
    before = charts.points["baseline"]
    data = pd.DataFrame(told["input"])[before.to_numpy()]
    alone = chart(data, **{**TAKEN["q_ip_joy_freeze30"], "freeze": None})
    close(charts.points.loc[before, "upper"], alone.points["upper"], "limits of the baseline alone")
    assert not np.allclose(charts.points["upper"], pd.Series(told["points"]["ucl"], dtype=float), equal_nan=True)


def test_a_time_of_zero_between_events_is_refused():
    with pytest.raises(DataError, match="above 0"):
        charted("q_t_zero_error")


def test_missing_weeks_do_not_stop_the_chart():
    """Theirs is an error."""
    told, charts = charted("n_missing")
    assert "error" in told["extra"]
    assert charts.points["lower"].notna().all()
    assert charts.series["n_missing"].tolist() == [sum(value is None for value in told["input"]["y"])]


def test_a_target_that_is_always_reached_is_met():
    """Theirs says hit or miss, as its limits vanish on a constant series."""
    told, charts = charted("n_const100_target100")
    assert "inconsistent.svg" in told["extra"]["icons"]["icon"]
    assert charts.series[["state", "assurance", "signal"]].to_numpy().tolist() == [
        ["no variation", "pass", "no signal"]
    ]


def test_the_median_range_has_its_own_constant():
    """Theirs screens, then divides by 1.128, which is for mean ranges; 0.954 is for medians (Wheeler)."""
    told, charts = charted("c_imm_spike")
    ranges = np.abs(np.diff(told["input"]["y"]))
    close(charts.points["centre"], told["points"]["target"], "centre")
    close(charts.points["upper"] - charts.points["centre"], [3 * np.median(ranges) / 0.954] * 26, "limits")
    screened = np.median(ranges[ranges < 3.267 * ranges.mean()])
    close([told["points"]["ul99"][0] - told["points"]["target"][0]], [3 * screened / 1.128], "theirs")


def test_a_missing_week_is_not_a_share_of_zero():
    """Theirs draws 0 for weeks without a numerator, so that its runs end or begin there."""
    told, charts = charted("c_run_joy_missing")
    silent = pd.Series(told["input"]["good"]).isna() | (pd.Series(told["input"]["n"]) == 0)
    assert charts.points["value"].isna().tolist() == silent.tolist()
    close(charts.points["value"], np.where(silent, np.nan, pd.Series(told["points"]["value"], dtype=float)), "value")
    close(charts.points["centre"], [charts.points["value"].median()] * 60, "centre")


def test_limits_of_the_box_are_shown_where_the_box_decides():
    """Theirs shows the Anhøj limits beside the decision of the box."""
    told, charts = charted("q_run_joy_bestbox")
    close(charts.points["centre"], told["points"]["cl"], "centre")
    row = charts.series.iloc[0]
    assert [row["n_useful"], row["longest_run"], row["crossings"], row["runs_signal"]] == [41, 9, 14, True]
    assert [row["longest_run_max"], row["crossings_min"]] == [9, 15]
    assert [told["points"][name][0] for name in ("longest.run.max", "n.crossings.min", "runs.signal")] == [8, 15, True]


def test_limits_of_moving_ranges_begin_at_zero():
    """Theirs leaves the lower limit missing, and the upper one where there is no range."""
    told, charts = charted("pb_ms_csection")
    close(charts.points["value"], told["points"]["y"], "value")
    close(charts.points["centre"], told["points"]["cl"], "centre")
    close(charts.points["upper"][1:], told["points"]["ucl"][1:], "upper")
    assert (charts.points["lower"] == 0).all()
    assert charts.series["n_useful"].tolist() == told["points"]["n.useful"][:1]
