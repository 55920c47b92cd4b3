"""Figures of estimates and designs draw the numbers they are given, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.figures import style
from joyeval.outcomes import interrupted
from joyeval.outcomes.sensitivity import LeaveOneOut
from joyeval.result import Result
from tests.shown import as_shown, figures


def estimates(n=3, **more):
    middle = np.linspace(-0.5, 1, n)
    names = [f"Cohort {i + 1}" for i in range(n)]
    return pd.DataFrame({"term": names, "estimate": middle, "ci_low": middle - 0.25, "ci_high": middle + 0.5} | more)


def segments(collection):
    return [tuple(point[0] for point in part) for part in collection.get_segments()]


def names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


class Answer(Result):
    def tidy(self):
        return estimates()

    def sentence(self):
        return ""


def test_forest_draws_estimates_and_intervals_from_top_to_bottom():
    ax = figures.forest(estimates(), xlabel="Change")
    assert names(ax) == ["Cohort 1", "Cohort 2", "Cohort 3"]
    assert ax.yaxis_inverted()
    squares, lines = ax.collections[1], ax.collections[0]
    assert [point[0] for point in squares.get_offsets()] == [-0.5, 0.25, 1]
    assert segments(lines) == [(-0.75, 0), (0, 0.75), (0.75, 1.5)]


def test_forest_prints_the_numbers_it_draws():
    ax = figures.forest(estimates(1), xlabel="Change")
    assert [text.get_text() for text in ax.texts] == ["−0.50 (−0.75 to 0.00)"]


def test_forest_draws_the_pooled_estimate_as_a_diamond():
    pooled = {"estimate": 0.3, "ci_low": 0.1, "ci_high": 0.5, "pi_low": -0.4, "pi_high": 1}
    ax = figures.forest(estimates(), xlabel="Change", pooled=as_shown(pooled))
    corners = ax.patches[0].get_xy()
    assert corners[:4, 0].tolist() == [0.1, 0.3, 0.5, 0.3]
    assert segments(ax.collections[2]) == [(-0.4, 1)]
    assert names(ax)[-1] == "Pooled"


def test_forest_squares_grow_with_their_weight():
    ax = figures.forest(estimates(weight=[1, 2, 4]), xlabel="Change", weights="weight")
    sizes = ax.collections[1].get_sizes()
    assert sizes[0] < sizes[1] < sizes[2]


def test_ratios_stand_on_a_logarithmic_axis_about_one():
    rows = estimates().assign(estimate=[0.5, 1, 2], ci_low=[0.3, 0.8, 1.5], ci_high=[0.8, 1.2, 3])
    ax = figures.forest(rows, xlabel="Rate ratio", null=1, ratio=True)
    assert ax.get_xscale() == "log"
    assert ax.lines[0].get_xdata() == [1, 1]


def test_an_estimate_without_interval_is_still_drawn():
    ax = figures.forest(estimates(2).assign(ci_low=[np.nan, 0.1], ci_high=[np.nan, 2]), xlabel="Change")
    assert len(segments(ax.collections[0])) == 1
    assert ax.texts[0].get_text() == "−0.50"


def test_a_result_is_drawn_as_its_table():
    assert names(figures.forest(Answer(n=3), xlabel="Change")) == names(figures.forest(estimates(), xlabel="Change"))


def test_models_stand_side_by_side_and_a_missing_term_leaves_a_gap():
    ax = figures.coefficients({"Full": estimates(3), "Short": estimates(2)}, xlabel="Difference")
    full, short = (line.get_xdata() for line in ax.lines[1:])
    assert full.tolist() == [-0.5, 0.25, 1]
    assert short.tolist() == pytest.approx([-0.5, 1, np.nan], nan_ok=True)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Full", "Short"]
    assert full[0] == short[0]
    assert ax.lines[1].get_ydata()[0] < ax.lines[2].get_ydata()[0]


def test_one_model_has_no_legend():
    assert figures.coefficients(estimates(), xlabel="Difference").get_legend() is None


def test_an_effect_has_a_band_for_each_group():
    rows = pd.concat([estimates(group=g).assign(x=[3, 1, 2]) for g in ("ward", "community")])
    ax = figures.effect(rows, x="x", by="group", xlabel="Joy", ylabel="Incidents")
    assert len(ax.collections) == 2
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[0].get_ydata().tolist() == [0.25, 1, -0.5]


def test_an_event_study_sets_before_apart_from_after():
    rows = estimates(5, event=[-3, -2, 0, 1, 2])
    ax = figures.event_study(rows, ylabel="Effect")
    drawn = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    assert drawn["before the start"] == [-3, -2]
    assert drawn["since the start"] == [0, 1, 2]
    assert drawn["compared with"] == [-1]


def test_a_specification_curve_orders_estimates_and_marks_choices():
    rows = estimates(3, p=[0.5, 0.01, 0.2], lag=["1", "2", "1"]).iloc[[2, 0, 1]]
    curve, grid = figures.specification_curve(rows, ylabel="Difference", choices=["lag"])
    drawn = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in curve.lines[1:]}
    assert drawn["p below 0.05"] == ([1], [0.25])
    assert drawn["p of 0.05 or more"] == ([0, 2], [-0.5, 1])
    assert names(grid) == ["lag: 1", "lag: 2"]
    assert [list(line.get_xdata()) for line in grid.lines] == [[0, 2], [1]]


def test_a_timeline_has_a_lane_for_each_kind_in_order():
    days = pd.to_datetime(["2024-03-01", "2024-01-05", "2024-02-01"])
    events = pd.DataFrame({"date": days, "kind": ["PDSA cycle", "learning set", "PDSA cycle"]})
    ax = figures.timeline(events, phases=[("Prototype", days[1], days[0])])
    assert names(ax) == ["Learning set (1)", "PDSA cycle (2)"]
    assert [len(line.get_xdata()) for line in ax.lines] == [1, 2]
    assert ax.texts[0].get_text() == "Prototype"


@pytest.mark.parametrize("days", [3, 20, 90, 400, 800, 1_300, 2_500, 6_000])
def test_a_time_axis_can_be_read_whatever_its_length(days):
    fig, ax = style.new(height_mm=40)
    ax.plot(pd.date_range("2020-02-03", periods=2, freq=f"{days}D"), [1, 2])
    style.date_axis(ax)
    fig.draw_without_rendering()
    shown = [tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
    assert 2 <= len(shown) <= 12


def test_hostile_names_are_drawn_as_they_are():
    rows = estimates().assign(term=["$x$", "_a", "x" * 500])
    ax = figures.forest(rows, xlabel=r"\frac{1}{2}")
    ax.figure.draw_without_rendering()
    assert names(ax)[0] == "$x$"
    lines = names(ax)[2].split("\n")
    assert [len(line) for line in lines] == [52, 52, 1]


def test_leaving_one_out_is_drawn_in_order_beside_the_whole():
    rows = pd.DataFrame(
        {"left_out": list("CAB"), "estimate": [0.3, 0.1, 0.2], "ci_low": 0.0, "ci_high": 0.5, "change": 0.0}
    )
    ax = figures.leave_one_out(
        LeaveOneOut(term="within", estimate=0.2, estimates=rows, noun="trust", n=3), ylabel="Change"
    )
    assert ax.lines[1].get_ydata().tolist() == [0.1, 0.2, 0.3]
    assert ax.get_xlabel().startswith("Trust left out, of 3")


def test_what_joined_and_what_did_not_add_up_to_a_bar():
    flow = pd.DataFrame(
        {"pair": ["a", "a", "b"], "status": ["joined", "no outcome at all", "joined"], "team_periods": [5, 2, 7]}
    )
    ax = figures.linkage(flow, unit="trust-periods")
    assert [bar.get_width() for bar in ax.patches] == [5, 7, 2, 0]
    assert (names(ax), ax.get_xlabel()) == (["a", "b"], "Trust-periods")


def test_the_earlier_trend_is_carried_on_only_as_long_as_it_was_seen():
    weeks = pd.date_range("2024-01-01", periods=40, freq="W-MON")
    data = pd.DataFrame({"period": weeks, "good": np.random.default_rng(1).normal(60, 2, 40)})
    for trend, reach, told in ((True, 10, "earlier trend carried on"), (False, 30, "average before")):
        series = interrupted(data, y="good", start=weeks[10], unit="week", trend=trend)
        ax = figures.interrupted(series, ylabel="Good days (%)")
        assert len(ax.lines[3].get_xdata()) == reach
        assert ax.get_legend().get_texts()[2].get_text() == told
