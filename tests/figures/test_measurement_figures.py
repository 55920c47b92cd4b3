"""Figures of measurement draw the numbers of their results, and rank nobody."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.measurement import alpha, explore, team_means
from tests.shown import figures

caterpillar, plot_items, scree = figures.caterpillar, figures.plot_items, figures.scree


@pytest.fixture(scope="module")
def wave() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    team = np.repeat([f"team {i}" for i in range(8)], 12)
    joy = rng.normal(size=96) + np.repeat(rng.normal(0, 1, 8), 12)
    items = {f"q{i}": joy + rng.normal(0, 0.8, 96) for i in range(1, 5)}
    return pd.DataFrame({"team": team, "joy": joy, **items})


def test_caterpillar_draws_teams_in_the_order_of_their_names(wave):
    means = team_means(wave["joy"], wave["team"])
    ax = caterpillar(means, xlabel="Joy at work (points)")
    assert [text.get_text() for text in ax.get_yticklabels()] == [f"team {i} (12)" for i in range(8)]
    drawn = [offset[0] for offset in ax.collections[-1].get_offsets()]
    assert drawn == pytest.approx(means.teams["estimate"].tolist())
    lines = [part[:, 0].tolist() for part in ax.collections[0].get_segments()]
    assert lines == [pytest.approx(pair) for pair in means.teams[["ci_low", "ci_high"]].to_numpy().tolist()]


def test_items_are_drawn_with_their_correlation_and_alpha_without_them(wave):
    found = alpha(wave[["q1", "q2", "q3", "q4"]])
    ax = plot_items(found)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(found.items["r_drop"].tolist())
    dropped = [offset[0] for offset in ax.collections[0].get_offsets()]
    assert dropped == pytest.approx(found.items["alpha_if_dropped"].tolist())


def test_scree_draws_eigenvalues_and_chance(wave):
    found = explore(wave[["q1", "q2", "q3", "q4"]])
    ax = scree(found)
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert lines["items"] == pytest.approx(found.eigenvalues["eigenvalue"].tolist())
    assert lines["by chance (95th percentile)"] == pytest.approx(found.eigenvalues["by_chance"].tolist())
