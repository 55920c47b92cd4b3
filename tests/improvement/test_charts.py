"""What a chart shows and says, on series small enough to check by eye."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.improvement import RULES, Charts, RuleSet, chart

WAVE = [5, 6, 4, 6, 5, 7, 4, 5, 6, 4, 7, 5, 6, 4, 5, 6]  # 16 ordinary points about 5.3

UP = [*WAVE[:12], 9, 10, 9, 11, 10, 9, 10, 11, 9, 10]


def weekly(values, **columns):
    weeks = pd.date_range("2024-01-01", periods=len(values), freq="7D")
    return pd.DataFrame({"week": weeks, "y": np.array(values, float), **columns})


def teams(*series):
    return pd.concat([weekly(values, team=name) for name, values in series], ignore_index=True)


def one(charts: Charts) -> pd.Series:
    assert len(charts.series) == 1
    return charts.series.iloc[0]


def flagged(charts, rule):
    return np.flatnonzero(charts.points[rule]).tolist()


def rules(**fields):
    return RuleSet(name="mine", title="mine", source="a test", **{"beyond": False, **fields})


class TestSignals:
    def test_a_point_on_the_line_is_passed_over_by_ihi_and_breaks_a_shift_in_nhsrplotthedots(self):
        values = [1, 1, 1, 2, 3, 3, 3, 2, 3, 3, 3, 1, 1, 1, 2, 2]
        by_ihi = chart(weekly(values), x="week", y="y", kind="run", centre=2, rules="ihi-run")
        strict = chart(weekly(values), x="week", y="y", kind="i", centre=2, rules=rules(shift=6, ties="break"))
        assert flagged(by_ihi, "shift") == [4, 5, 6, 8, 9, 10]
        assert flagged(strict, "shift") == []

    def test_a_repeated_value_neither_adds_to_nor_cancels_a_trend(self):
        values = [5, 1, 2, 3, 3, 4, 5, 1, 5, 2, 4, 3]
        assert flagged(chart(weekly(values), x="week", y="y", rules="ihi-run"), "trend") == [1, 2, 3, 5, 6]
        broken = chart(weekly(values), x="week", y="y", rules=rules(trend=5, ties="break"))
        assert flagged(broken, "trend") == []

    def test_a_fall_follows_a_rise_from_the_same_point(self):
        values = [1, 2, 3, 4, 5, 4, 3, 2, 1, 3, 2, 3]
        found = chart(weekly(values), x="week", y="y", rules="ihi-run")
        assert flagged(found, "trend") == list(range(9))
        assert found.points["direction"].tolist()[:9] == [1] * 5 + [-1] * 4

    def test_two_of_three_needs_the_third_on_the_same_side(self):
        spread = [50, 52, 48, 51, 49, 50, 52, 48, 50, 51, 49, 50, 48, 52, 50, 49, 51, 50]
        same = chart(weekly([*spread, 55, 51, 55]), x="week", y="y", kind="i", rules="mdc-2023")
        other = chart(weekly([*spread, 55, 49, 55]), x="week", y="y", kind="i", rules="mdc-2023")
        assert flagged(same, "two_of_three") == [18, 20]
        assert flagged(other, "two_of_three") == []

    def test_beyond_3_sigma_counts_in_two_of_three_since_2023_but_not_in_nhsrplotthedots(self):
        values = [50, 52, 48, 51, 49, 50, 52, 48, 50, 51, 49, 50, 60, 51, 56.5, 49, 51, 50, 48, 52, 50, 49, 51, 50]
        new = chart(weekly(values), x="week", y="y", kind="i", rules="mdc-2023", screen=True)
        old = chart(weekly(values), x="week", y="y", kind="i", rules="mdc-nhsr-0.2.2")
        assert flagged(new, "two_of_three") == [12, 14]
        assert flagged(old, "two_of_three") == []

    def test_a_run_goes_on_over_a_missing_week(self):
        values = [1, 5, 1, 5, 1, 5, 1, 1, 5, 9, 9, 9, np.nan, 9, 9, 9, 9, 9, 9, 1, 1, 5, 1, 1]
        found = chart(weekly(values), x="week", y="y", kind="run", centre=3)
        assert one(found)[["longest_run", "longest_run_max"]].tolist() == [10, 8]
        assert flagged(found, "shift") == [8, 9, 10, 11, 13, 14, 15, 16, 17, 18]

    def test_no_rule_crosses_a_rebase(self):
        values = WAVE[:12] + [6] * 4 + [9] * 4 + WAVE[:8]
        whole = chart(weekly(values), x="week", y="y", kind="i", centre=5.5, rules=rules(shift=8))
        split = chart(weekly(values), x="week", y="y", kind="i", centre=5.5, rules=rules(shift=8), part=16)
        assert flagged(whole, "shift") == list(range(12, 20))
        assert flagged(split, "shift") == []

    def test_elft_looks_for_six_on_a_run_chart_and_seven_on_a_control_chart(self):
        values = [4, 6, 4, 6, 4, 6, 4, 6, 4, 6, 4, 6, 7, 7, 7, 7, 7, 4, 4, 6, 4]
        run = chart(weekly(values), x="week", y="y", kind="run", rules="elft", centre=5)
        control = chart(weekly(values), x="week", y="y", kind="i", rules="elft", centre=5)
        assert flagged(run, "shift") == list(range(11, 17))
        assert flagged(control, "shift") == []

    def test_anhoej_marks_the_points_of_a_run_that_is_too_long(self):
        values = [1, 9] * 8 + [9] * 9 + [1, 9, 1]
        found = chart(weekly(values), x="week", y="y", kind="i", centre=5)
        assert one(found)["longest_run"] == 10 > one(found)["longest_run_max"]
        assert flagged(found, "shift") == list(range(15, 25))


class TestStates:
    def test_a_week_without_answers_has_no_value(self):
        data = weekly([*WAVE[:14], 0, 5], n=[10.0] * 14 + [0, 10])
        found = chart(data, x="week", y="y", n="n")
        assert found.points["value"].isna().tolist() == [False] * 14 + [True, False]
        assert one(found)["reason"] == "1 with no responses"
        assert one(found)["n_missing"] == 1

    def test_a_missing_week_is_left_blank_and_no_range_spans_it(self):
        values = [*WAVE[:8], np.nan, *WAVE[8:]]
        found = chart(weekly(values), x="week", y="y", kind="mr")
        assert np.flatnonzero(found.points["value"].isna()).tolist() == [0, 8, 9]
        assert one(found)["reason"] == "1 without a value"

    def test_weeks_without_a_row_are_counted_and_told(self):
        data = weekly(WAVE).drop([5, 6, 11])
        found = chart(data, x="week", y="y")
        assert one(found)["n_absent"] == 3
        assert one(found)["rhythm"] == "weekly"
        assert found.points["gap"].tolist() == [0] * 5 + [2, 0, 0, 0, 1, 0, 0, 0]
        assert any("1 series lacks rows for 3 periods" in note for note in found.notes)

    def test_below_12_points_there_is_a_run_chart_and_no_judgement(self):
        found = chart(weekly([5, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]), x="week", y="y", kind="i")
        assert found.points[["lower", "upper"]].isna().all(axis=None)
        assert (found.points["centre"] == 9).all()
        assert one(found)[["state", "signal"]].tolist() == ["too few to judge", "cannot tell"]
        assert one(found)["reason"] == "11 points, 12 are needed to judge"

    def test_nobody_ever_answered(self):
        found = chart(weekly([np.nan] * 12), x="week", y="y")
        assert one(found)[["state", "signal", "variation"]].tolist() == ["no responses", "cannot tell", ""]
        assert one(found)["longest_run"] is pd.NA

    def test_a_constant_series_has_no_variation(self):
        found = chart(weekly([7.1] * 20), x="week", y="y", kind="i", screen=False)
        assert one(found)[["state", "signal"]].tolist() == ["no variation", "no signal"]
        assert not found.points["beyond"].any()

    def test_the_mean_is_the_centre_where_half_of_the_points_lie_on_the_median(self):
        values = [5, 5, 5, 6, 5, 9, 5, 5, 4, 5, 9, 5, 6, 5, 5, 8]
        found = chart(weekly(values), x="week", y="y", kind="run")
        assert found.points["centre"].iloc[0] == pytest.approx(np.mean(values))
        assert "the centre line is the mean" in one(found)["reason"]
        assert (chart(weekly(values), x="week", y="y", kind="run", centre="median").points["centre"] == 5).all()

    def test_a_short_baseline_is_told(self):
        found = chart(weekly(WAVE), x="week", y="y", kind="i", freeze=8)
        assert "a baseline of 8 points" in one(found)["reason"]

    def test_nothing_is_said_of_two_points_after_a_baseline(self):
        found = chart(weekly([*WAVE[:14], 30, 31]), x="week", y="y", kind="i", freeze=14)
        assert one(found)["signal"] == "cannot tell"
        assert "fewer than 3 points after the baseline" in one(found)["reason"]


class TestBaselinesAndParts:
    def test_limits_rest_on_the_baseline(self):
        found = chart(weekly([*WAVE, 30, 31, 32, 33]), x="week", y="y", kind="i", freeze=16)
        alone = chart(weekly(WAVE), x="week", y="y", kind="i")
        np.testing.assert_allclose(found.points["upper"], alone.points["upper"].iloc[0])
        assert flagged(found, "beyond") == [16, 17, 18, 19]

    def test_one_table_gives_every_team_its_own_baseline_rebase_and_exclusion(self):
        data = teams(("a", WAVE * 2), ("b", WAVE * 2))
        table = pd.DataFrame(
            {
                "team": ["a", "a", "b", "a"],
                "date": ["2024-03-25", "2024-04-15", "2024-02-05", "2024-05-27"],
                "kind": ["freeze", "part", "exclude", "note"],
                "reason": ["first learning set", "moved ward", "holiday", "for the chart only"],
            }
        )
        found = chart(data, x="week", y="y", by="team", kind="i", freeze=table, part=table, exclude=table)
        assert found.series[["team", "part", "frozen"]].to_numpy().tolist() == [
            ["a", 1, True], ["a", 2, False], ["b", 1, False],
        ]  # fmt: skip
        assert found.points.groupby("team")["baseline"].sum().to_dict() == {"a": 13 + 16, "b": 32}
        assert found.points.loc[found.points["excluded"], ["team", "week"]].to_numpy().tolist() == [
            ["b", pd.Timestamp("2024-02-05")]
        ]
        assert found.marks["reason"].tolist() == ["first learning set", "moved ward", "holiday"]

    def test_dates_and_positions_say_the_same(self):
        data = weekly(WAVE * 2)
        counted = chart(data, x="week", y="y", kind="i", freeze=12, part=20, exclude=[3])
        dated = chart(data, x="week", y="y", kind="i", freeze="2024-03-18", part="2024-05-13", exclude=["2024-01-15"])
        pd.testing.assert_frame_equal(counted.points, dated.points)

    def test_a_part_ends_at_the_last_point_before_a_date_between_points(self):
        found = chart(weekly(WAVE), x="week", y="y", part="2024-02-01")
        assert found.points["part"].tolist() == [1] * 5 + [2] * 11

    def test_an_excluded_point_counts_for_nothing_but_is_still_seen_outside_the_limits(self):
        values = [*WAVE[:9], 60, *WAVE[9:]]
        found = chart(weekly(values), x="week", y="y", kind="i", exclude=10)
        without = chart(weekly(values).drop(9), x="week", y="y", kind="i")
        assert found.points["upper"].iloc[0] == without.points["upper"].iloc[0]
        assert one(found)["signal"] == "no signal"
        assert flagged(found, "beyond") == [9]
        assert one(found)["reason"] == "1 excluded"

    def test_a_shared_exclusion_may_be_absent_from_some_series(self):
        data = pd.concat([weekly(WAVE, team="a"), weekly(WAVE, team="b").drop(3)])
        found = chart(data, x="week", y="y", by="team", exclude="2024-01-22")
        assert found.points.loc[found.points["excluded"], "team"].tolist() == ["a"]


class TestUnits:
    def test_what_is_given_in_shown_units_is_not_multiplied(self):
        data = weekly(WAVE, n=10.0, goal=65.0)
        found = chart(data, x="week", y="y", n="n", kind="p", multiply=100, centre=50, target="goal")
        plain = chart(data, x="week", y="y", n="n", kind="p", centre=0.5)
        np.testing.assert_allclose(found.points["centre"], 50)
        np.testing.assert_allclose(found.points["upper"], 100 * plain.points["upper"])
        assert (found.points["target"] == 65).all()

    def test_series_may_have_their_own_centre_target_and_direction(self):
        data = teams(("joy", WAVE), ("burnout", WAVE))
        table = pd.DataFrame(
            {
                "team": ["burnout", "joy"],
                "centre": [4.0, np.nan],
                "target": [19, -9],
                "improve": ["decrease", "increase"],
            }
        )
        found = chart(data, x="week", y="y", by="team", kind="i", centre=table, target=table, improve=table)
        assert found.points.groupby("team")["centre"].first().to_dict() == {"burnout": 4.0, "joy": np.mean(WAVE)}
        assert found.series["assurance"].tolist() == ["pass", "pass"]

    def test_a_trajectory_is_judged_at_the_last_point(self):
        data = weekly(WAVE, goal=np.linspace(0, 20, 16))
        assert one(chart(data, x="week", y="y", kind="i", target="goal"))["assurance"] == "fail"

    @pytest.mark.parametrize(
        ("improve", "target", "said"),
        [
            ("increase", 99.9, "pass"), ("increase", 100, "pass"), ("increase", 100.1, "fail"),
            ("decrease", 100, "pass"), ("decrease", 99.9, "fail"), ("neutral", 100, ""),
        ],
    )  # fmt: skip
    def test_a_target_that_is_reached_is_met(self, improve, target, said):
        found = chart(weekly([100] * 14), x="week", y="y", kind="i", target=target, improve=improve)
        assert one(found)["assurance"] == said

    def test_a_target_between_the_limits_is_hit_or_missed(self):
        assert one(chart(weekly(WAVE), x="week", y="y", kind="i", target=5))["assurance"] == "inconsistent"
        assert one(chart(weekly(WAVE), x="week", y="y", kind="run", target=5))["assurance"] == ""


class TestSignal:
    @pytest.mark.parametrize(
        ("improve", "variation"),
        [("increase", "improvement_high"), ("decrease", "concern_high"), ("neutral", "neutral_high")],
    )
    def test_direction_of_improvement(self, improve, variation):
        found = one(chart(weekly(UP), x="week", y="y", kind="i", freeze=12, improve=improve))
        assert found[["signal", "variation"]].tolist() == ["signal", variation]

    def test_stable_has_none(self):
        found = chart(weekly(WAVE), x="week", y="y", kind="i")
        assert one(found)[["signal", "variation"]].tolist() == ["no signal", "common_cause"]
        assert found.sentence().startswith("The chart has no signal")


class TestCall:
    def test_shares_are_drawn_on_p_prime_charts_and_values_on_run_charts(self):
        assert chart(weekly(WAVE, n=10.0), x="week", y="y", n="n").kind == "p'"
        assert chart(weekly(WAVE), x="week", y="y").kind == "run"

    def test_teams_are_pooled_only_when_asked(self):
        data = teams(("a", WAVE), ("b", WAVE[:12])).assign(n=10.0, places=20.0)
        found = chart(data, x="week", y="y", n="n", kind="p", aggregate="sum", opportunities="places")
        assert found.points["y"].tolist() == [2 * y for y in WAVE[:12]] + WAVE[12:]
        assert found.points["n"].tolist() == [20] * 12 + [10] * 4
        assert (found.points["participation"] == 0.5).all()
        assert any("made of 1 to 2 rows" in note for note in found.notes)

    def test_repeated_measurements_are_averaged_only_when_asked(self):
        data = pd.concat([weekly(WAVE), weekly([y + 1 for y in WAVE])])
        found = chart(data, x="week", y="y", aggregate="mean")
        np.testing.assert_allclose(found.points["value"], np.array(WAVE) + 0.5)

    def test_subgroups_have_their_mean_and_spread(self):
        rng = np.random.default_rng(3)
        data = pd.DataFrame({"k": np.repeat(range(15), 5), "y": rng.normal(10, 2, 75)})
        means, spreads = (data.groupby("k")["y"].agg(how).to_numpy() for how in ("mean", "std"))
        xbar, s = (chart(data, x="k", y="y", kind=kind).points for kind in ("xbar", "s"))
        np.testing.assert_allclose(xbar["value"], means)
        np.testing.assert_allclose(s["value"], spreads)
        np.testing.assert_allclose(xbar["upper"], means.mean() + 1.4272993 * spreads.mean(), rtol=1e-7)  # A3(5)
        np.testing.assert_allclose(s["upper"], 2.0889979 * spreads.mean(), rtol=1e-7)  # B4(5)

    def test_limits_of_counts_times_and_cases_between(self):
        counts = chart(weekly(WAVE), x="week", y="y", kind="c").points.iloc[0]
        assert counts["upper"] == pytest.approx(np.mean(WAVE) + 3 * np.sqrt(np.mean(WAVE)))
        between = chart(weekly(WAVE), x="week", y="y", kind="g").points.iloc[0]
        assert between["centre"] == np.median(WAVE)
        assert between["upper"] == pytest.approx(np.mean(WAVE) + 3 * np.sqrt(np.mean(WAVE) * (np.mean(WAVE) + 1)))
        times = np.array(WAVE) ** (1 / 3.6)
        sigma = np.abs(np.diff(times)).mean() / 1.128
        drawn = chart(weekly(WAVE), x="week", y="y", kind="t").points.iloc[0]
        assert drawn["upper"] == pytest.approx((times.mean() + 3 * sigma) ** 3.6)
        assert drawn["centre"] == pytest.approx(times.mean() ** 3.6)
        rates = chart(weekly(WAVE, n=[1.0, 4.0] * 8), x="week", y="y", n="n", kind="u").points
        level = sum(WAVE) / 40
        np.testing.assert_allclose(rates["upper"], level + 3 * np.sqrt(level / rates["n"]))

    def test_the_rule_set_travels_with_the_charts(self):
        found = chart(weekly(WAVE), x="week", y="y", rules="mdc-2023", screen=True)
        assert found.rule_set.name == "mdc-2023"
        assert found.rule_set.screen is True
        assert RULES["mdc-2023"].screen is False

    def test_charts_come_back_from_json(self):
        found = chart(teams(("a", WAVE), ("b", [np.nan, *WAVE])), x="week", y="y", by="team", freeze=12)
        back = Charts.from_json(found.to_json())
        pd.testing.assert_frame_equal(back.points, found.points)
        pd.testing.assert_frame_equal(back.series, found.series)
        assert back.sentence() == found.sentence()
        assert back.rule_set == found.rule_set


def test_series_with_too_few_values_to_be_drawn_are_left_out_whole():
    data = teams(("often", WAVE), ("seldom", [5.0] * 3 + [np.nan] * 13), ("never", [np.nan] * 16))
    found = chart(data, x="week", y="y", by="team")
    kept = found.legible()
    assert kept.latest()["team"].tolist() == ["often"]
    assert kept.points["team"].unique().tolist() == ["often"]
    assert (kept.n, kept.n_dropped) == (16, 0)
    assert found.legible(share=0.1).latest()["team"].tolist() == ["often", "seldom"]


def test_series_are_chosen_by_their_signal():
    data = teams(("same", [5.0, 6.0] * 8), ("fell", [9.0, 8.0] * 4 + [1.0, 2.0] * 4))
    found = chart(data, x="week", y="y", by="team", improve="increase", freeze=8)
    chosen = found.with_signal()
    assert chosen.latest()["team"].tolist() == chosen.points["team"].unique().tolist() == ["fell"]


def test_the_sentence_counts_teams_where_series_are_teams():
    found = chart(teams(("a", WAVE), ("b", UP)), x="week", y="y", by="team", improve="increase", freeze=12)
    assert found.sentence().startswith("Of 2 teams: ")
    assert found.only(team="b").sentence().startswith("The chart has a signal (")
    both = chart(weekly(WAVE).assign(k=1), x="week", y="y", by="k")
    assert both.sentence().startswith("The chart has no signal (")


def test_a_target_in_the_wrong_unit_is_told_of():
    months = pd.date_range("2023-01-01", periods=24, freq="MS")
    data = pd.DataFrame({"t": months, "y": [70 + i % 5 for i in range(24)], "n": 100})
    call = {"x": "t", "y": "y", "n": "n", "improve": "increase"}
    percent = chart(data, **call, multiply=100, target=0.75)
    assert any("target 0.75 lies below every value" in note and "was 75 meant" in note for note in percent.notes)
    assert any("outside 0 to 1" in note for note in chart(data, **call, target=75).notes)
    for right, multiply in ((75, 100), (0.75, 1)):
        assert not any("target" in note for note in chart(data, **call, target=right, multiply=multiply).notes)


def test_a_centre_in_the_wrong_unit_is_told_of():
    months = pd.date_range("2023-01-01", periods=24, freq="MS")
    data = pd.DataFrame({"t": months, "y": [70 + i % 5 for i in range(24)], "n": 100})
    call = {"x": "t", "y": "y", "n": "n", "improve": "increase"}
    assert any("centre 0.75 lies below" in note for note in chart(data, **call, multiply=100, centre=0.75).notes)
    assert any("centre 75 lies outside 0 to 1" in note for note in chart(data, **call, centre=75).notes)
    for right, multiply in ((75, 100), (0.75, 1), ("median", 100), (None, 100)):
        assert not any("centre" in note for note in chart(data, **call, centre=right, multiply=multiply).notes)
