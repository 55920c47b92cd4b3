"""What was drawn, asked of the axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from joyeval.errors import UsageError
from joyeval.figures import icons
from joyeval.figures.improvement import LOOK, RUNS, looks
from joyeval.figures.render import pictures
from joyeval.figures.style import BETTER, WORSE
from joyeval.improvement import chart, funnel, overview
from tests.shown import figures

plot_chart = figures.plot_chart
plot_funnel = figures.plot_funnel
plot_participation = figures.plot_participation
plot_pulse = figures.plot_pulse
small_multiples = figures.small_multiples


def pulse(teams=3, weeks=30):
    rng = np.random.default_rng(6)
    n = rng.integers(6, 14, teams * weeks)
    return pd.DataFrame(
        {
            "team": np.repeat([f"Ward {k}" for k in range(teams)], weeks),
            "week": np.tile(pd.date_range("2024-01-01", periods=weeks, freq="7D"), teams),
            "good": rng.binomial(n, 0.6).astype(float),
            "n": n,
            "places": 14,
        }
    )


@pytest.fixture
def charts():
    data = pulse()
    late = (data["team"] == "Ward 0") & (data["week"] > "2024-04-01")
    data.loc[late, "good"] = data.loc[late, "n"]
    data.loc[70, "good"] = np.nan
    data = data.drop([35, 36])
    return chart(data, x="week", y="good", n="n", by="team", freeze=13, multiply=100, target=65,
                 exclude=pd.DataFrame({"team": ["Ward 0"], "position": [3]}), opportunities="places")  # fmt: skip


def line(ax, name):
    return next(one for one in ax.lines if one.get_label() == name)


def dots(ax, name):
    found = [one for one in ax.collections if one.get_label() == name]
    return found[0].get_offsets().data if found else np.zeros((0, 2))


def test_lines_are_drawn_where_they_were_computed(charts):
    one = charts.only(team="Ward 0")
    ax = plot_chart(one)
    np.testing.assert_array_equal(line(ax, RUNS).get_ydata(), one.points["centre"])
    np.testing.assert_array_equal(line(ax, "3-sigma limits").get_ydata(), one.points["upper"])
    np.testing.assert_array_equal(line(ax, "target").get_ydata(), one.points["target"])
    assert ax.get_ylabel() == "good"


def test_every_point_has_the_look_of_what_it_says(charts):
    one = charts.only(team="Ward 0")
    ax = plot_chart(one)
    better = (one.points["direction"] > 0) & ~one.points["excluded"]
    assert better.sum() > 5
    np.testing.assert_allclose(dots(ax, "signal for the better")[:, 1], one.points.loc[better, "value"])
    assert len(dots(ax, "left out")) == 1
    assert sum(len(dots(ax, name)) for name in LOOK) == one.points["value"].notna().sum()


def test_better_and_worse_differ_in_colour_and_shape():
    better, worse = LOOK["signal for the better"], LOOK["signal for the worse"]
    assert better["color"] != worse["color"]
    assert better["marker"] != worse["marker"]


def test_a_low_signal_is_good_where_a_decrease_is():
    data = pulse(1).assign(good=[9.0, 8] * 8 + [1.0, 2] * 7, n=10)
    for improve, name in (("decrease", "signal for the better"), ("increase", "signal for the worse")):
        ax = plot_chart(chart(data, x="week", y="good", n="n", freeze=16, improve=improve))
        assert len(dots(ax, name)) >= 14


def test_the_line_has_a_hole_where_weeks_have_no_row_or_no_value(charts):
    absent = plot_chart(charts.only(team="Ward 1"))
    silent = plot_chart(charts.only(team="Ward 2"))
    assert np.isnan(line(absent, "_value").get_ydata()).sum() == 1
    assert np.isnan(line(silent, "_value").get_ydata()).sum() == 1


def test_the_baseline_is_shaded_and_events_are_numbered(charts):
    done = pd.DataFrame({"date": ["2024-05-06", "2024-02-05"], "label": ["Huddles begin", "Learning set 1"]})
    ax = plot_chart(charts.only(team="Ward 0"), events=done)
    assert [patch.get_label() for patch in ax.patches] == ["baseline"]
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"1 Learning set 1", "2 Huddles begin"} <= set(words)
    assert [text.get_text() for text in ax.texts] == ["1", "2"]


def test_limits_end_where_a_part_ends():
    ax = plot_chart(chart(pulse(1), x="week", y="good", n="n", part=15))
    assert [len(one.get_ydata()) for one in ax.lines if one.get_label().strip("_") == "centre"] == [15, 15]


def test_one_chart_is_for_one_series(charts):
    with pytest.raises(UsageError, match="3 series in one chart; choose one"):
        plot_chart(charts)
    with pytest.raises(UsageError, match="no series with team = Ward 9"):
        charts.only(team="Ward 9")
    with pytest.raises(UsageError, match="not among the columns of by"):
        charts.only(ward="Ward 0")


def test_participation_is_drawn_beside_the_pulse(charts):
    fig = plot_pulse(charts.only(team="Ward 0"), ylabel="good days (%)")
    above, below = fig.axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("good days (%)", "answers (%)")
    heights = np.array([stroke[1, 1] for stroke in below.collections[0].get_segments()])
    np.testing.assert_allclose(heights, 100 * charts.only(team="Ward 0").points["participation"])
    with pytest.raises(UsageError, match="column of opportunities"):
        plot_participation(chart(pulse(1), x="week", y="good", n="n"))


def test_small_multiples_draw_every_series_once(charts):
    many = chart(pulse(23), x="week", y="good", n="n", by="team")
    pages = small_multiples(many, columns=4, rows=3)
    titles = [text.get_text() for page in pages for text in page.axes[0].texts if text.get_fontweight() == "bold"]
    assert len(pages) == 2
    assert sorted(titles) == sorted(many.series["team"])
    drawn = sum(len(dots(page.axes[0], name)) for page in pages for name in LOOK)
    assert drawn == many.n


def test_small_multiples_keep_each_panel_in_its_place():
    data = pulse(2, 12).assign(good=[float(k) for k in range(12)] * 2, n=12)
    (page,) = small_multiples(chart(data, x="week", y="good", n="n", by="team", kind="run"), columns=2)
    at = dots(page.axes[0], "signal for the better")
    at = np.vstack([at, *(dots(page.axes[0], name) for name in LOOK if name != "signal for the better")])
    left, right = at[at[:, 0] < 1], at[at[:, 0] > 1]
    np.testing.assert_allclose(np.sort(left[:, 0]) + 1, np.sort(right[:, 0]))
    np.testing.assert_allclose(np.sort(left[:, 1]), np.sort(right[:, 1]))
    scale = [text.get_text() for text in page.axes[0].texts if text.get_text().isdigit()]
    assert scale == ["0", "1"]  # round ends that hold the shares 0 to 11/12
    assert left[:, 1].min() == -0.94
    assert left[:, 1].max() == pytest.approx(-0.94 + 0.68 * 11 / 12)


def test_every_small_chart_marks_the_start_and_a_start_outside_is_not_drawn(charts):
    weeks = charts.points["week"]
    (page,) = small_multiples(charts, columns=3, start=weeks.iloc[13])
    strokes = next(one for one in page.axes[0].collections if one.get_label() == "programme starts").get_segments()
    at = [stroke[0, 0] - 0.03 for stroke in strokes]
    np.testing.assert_allclose(at, 0.92 * 13 / 29 + np.arange(3))
    (page,) = small_multiples(charts, start=pd.Timestamp("2031-01-01"))
    assert "programme starts" not in {one.get_label() for one in page.axes[0].collections}


def test_verdicts_are_written_in_words_and_colour(charts):
    judged = replace(charts, series=charts.series.assign(verdict="clearly better"))
    for drawn, word in ((judged, "clearly better"), (charts, "signal")):
        (page,) = small_multiples(drawn)
        words = {text.get_text(): to_hex(text.get_color()).upper() for text in page.axes[0].texts}
        assert (words[word] == BETTER.upper()) == (word == "clearly better")


def test_a_funnel_names_few_and_ranks_none():
    data = pd.DataFrame({"team": [f"T{k}" for k in range(30)], "good": [60] * 28 + [99, 15], "n": 100})
    found = funnel(data, numerator="good", denominator="n", group="team", adjust=False, multiply=100)
    ax = plot_funnel(found, xlabel="answers")
    np.testing.assert_allclose(line(ax, "99.8 % limits").get_ydata(), found.points["upper_998"])
    assert sorted(text.get_text() for text in ax.texts) == ["T28", "T29"]
    assert len(dots(ax, "outside")) == 2
    assert len(plot_funnel(found, name=1).texts) == 0


@pytest.mark.parametrize("name", icons.MEANING)
def test_an_icon_for_everything_that_can_be_said(name):
    ax = icons.icon(name).axes[0]
    assert [patch.get_gid() for patch in ax.patches] == [name]


def test_icons_for_better_and_worse_differ_in_colour_and_outline():
    better, worse = (icons.icon(name).axes[0].patches[0] for name in ("improvement_high", "concern_high"))
    assert (to_hex(better.get_facecolor()), to_hex(worse.get_facecolor())) == (BETTER.lower(), WORSE.lower())
    assert len(better.get_xy()) != len(worse.get_xy())


def test_an_icon_that_is_not_there():
    with pytest.raises(UsageError, match="no icon 'smile'"):
        icons.icon("smile")


def test_the_overview_shows_words_icons_and_courses(charts):
    found = overview(charts, chart(pulse(1), x="week", y="good", n="n", improve="neutral"))
    assert found.table["name"].tolist() == ["Ward 0", "Ward 1", "Ward 2", "good"]
    (page,) = figures.plot_overview(found)
    ax = page.axes[0]
    said = [name for name in (*found.table["variation"], *found.table["assurance"]) if name]
    assert sorted(patch.get_gid() for patch in ax.patches) == sorted(said)
    courses = next(one for one in ax.collections if one.get_label() == "_sparklines")
    assert len(courses.get_segments()) == len(found.sparks) - 4
    assert len(figures.plot_overview(found, rows=3)) == 2
    assert (
        found.sentence()
        == f"{(found.table['variation'].str.contains('_h|_l')).sum()} of 4 series show a signal at their last point."
    )


def test_the_same_drawing_is_the_same_file(charts):
    one, two = (pictures(small_multiples(charts)[0]) for _ in range(2))
    assert one == two


def test_without_a_baseline_a_signal_is_neither_better_nor_worse():
    rng = np.random.default_rng(2)
    y = np.r_[rng.normal(50, 2, 20), rng.normal(60, 2, 20)]
    data = pd.DataFrame({"week": pd.date_range("2024-01-01", periods=40, freq="W-MON"), "y": y})
    free, frozen = (chart(data, x="week", y="y", improve="increase", freeze=at) for at in (None, 20))
    assert "signal" in set(looks(free)) <= {"point", "signal"}
    assert "signal for the better" in set(looks(frozen))
