"""Figures of survey waves: what was drawn is what was given, and what may not be shown is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval import disclosure
from joyeval.coordination import change
from tests.coordination.surveys import survey
from tests.shown import figures


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_every_step_is_a_bar_with_its_count():
    flow = pd.DataFrame({"invited": [60, 60], "opened": [42, np.nan]}, index=["1", "2"])
    axes = figures.respondents(flow).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["1", "2"]
    assert [bar.get_width() for bar in axes[0].patches] == [60, 42]
    assert (texts(axes[0]), texts(axes[1])) == (["60", "42"], ["60", "not shown"])


@pytest.mark.parametrize(("row", "left"), [([0.2, 0.3, 0.5], -0.35), ([0.1, 0.2, 0.3, 0.4], -0.3)])
def test_bars_diverge_from_the_middle_of_the_options(row, left):
    table = pd.DataFrame(
        [row, [np.nan] * len(row)], index=["tired", "small"], columns=[f"o{i}" for i in range(len(row))]
    )
    ax = figures.likert({"1": table}, options=list(table)).axes[0]
    first = [container.patches[0] for container in ax.containers]
    assert first[0].get_x() == pytest.approx(left)
    assert [bar.get_width() for bar in first] == pytest.approx(row)
    assert texts(ax).count("not shown") == 1


def test_scores_stand_on_the_range_that_they_can_take():
    means = pd.DataFrame(
        {"scale": "cbi", "wave": ["1", "2"], "mean": [40, np.nan], "ci_low": [30, np.nan], "ci_high": 50}
    )
    ax = figures.scores_over_waves(
        means, titles={"cbi": "CBI"}, better={"cbi": "lower"}, ranges={"cbi": (0, 100)}
    ).axes[0]
    assert ax.get_ylim() == (0, 100)
    assert "lower is better" in ax.get_title(loc="left")
    assert np.isnan(ax.lines[0].get_ydata()[1])


@pytest.mark.parametrize("names", [("pre", "post", "sustain"), ("wave 9", "wave 10"), ("6-month", "12-month")])
def test_waves_are_drawn_in_the_order_of_time_whatever_they_are_called(names):
    order = [name.replace("-", " ").capitalize() for name in names]
    ends = {"ci_low": 1.0, "ci_high": 4.0}
    means = pd.DataFrame({"scale": "joy", "wave": names, "mean": range(len(names)), **ends})
    ax = figures.scores_over_waves(means, titles={"joy": "Joy"}, better={"joy": "higher"}, ranges={"joy": (1, 5)})
    assert ticks(ax.axes[0]) == order
    assert list(ax.axes[0].lines[0].get_ydata()) == list(range(len(names)))
    parts = pd.DataFrame({"title": "Meaning", "wave": names, "estimate": [10.0 * i for i in range(len(names))]})
    ax = figures.component_map(parts.assign(scales=1))
    assert ticks(ax) == order
    assert texts(ax) == [str(10 * i) for i in range(len(names))]
    flow = pd.DataFrame({"answered": range(1, len(names) + 1)}, index=list(names))
    panels = figures.respondents(flow).axes[: len(names)]
    assert [panel.get_title(loc="left") for panel in panels] == order
    ties = survey(waves=names, gain=0.6, raters=8, skip=0).assign(
        wave=lambda t: pd.Categorical(t["wave"], names, ordered=True)
    )
    ax = figures.ties_over_waves(change(ties, dimensions=False))
    assert ticks(ax) == order
    heights = ax.containers[0].lines[0].get_ydata()
    assert heights[0] < min(heights[1:])


def ticks(ax):
    return [tick.get_text() for tick in ax.get_xticklabels()]


def test_components_that_nobody_asked_about_are_hatched():
    table = pd.DataFrame({"title": ["Safety", "Meaning"], "wave": "1", "estimate": [63.0, np.nan], "scales": [2, 0]})
    ax = figures.component_map(table)
    assert texts(ax) == ["63"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["Safety (2 scales)", "Meaning (not asked)"]


@pytest.mark.parametrize(
    ("counts", "shown"),
    [([4, 6], False), ([5, 6], True), ([40, 0], False), ([0, 11], False), ([30, 12], True)],
)
def test_shares_of_few_people_and_of_everyone_are_not_shown(counts, shown):
    shares = disclosure.protect_shares(pd.DataFrame([counts], columns=["a", "b"]))
    assert shares.notna().all(axis=None) == shown
    if shown:
        assert shares.sum(axis=1).tolist() == pytest.approx([1])
        assert shares.iloc[0, 0] == pytest.approx(round(counts[0] / 5) * 5 / sum(round(c / 5) * 5 for c in counts))
