"""Automatic rebasing proposes only shifts that last, and takes nothing back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.improvement import chart, stable_shift

LOW = [4, 6, 5, 7, 3]
HIGH = [14, 16, 15, 17, 13]


def proposed(values, **call):
    data = pd.DataFrame({"week": range(1, len(values) + 1), "y": values})
    return stable_shift(chart(data, x="week", y="y", kind="i"), **call)["week"].tolist()


@pytest.mark.parametrize(
    ("values", "places"),
    [
        (LOW * 12, []),
        (LOW * 5 + HIGH * 5, [25]),
        (LOW * 5 + HIGH * 4, []),  # 20 points are too few for new limits
        (LOW * 5 + HIGH * 2 + LOW * 8, []),  # it comes back
        (LOW * 5 + [None, None] + HIGH * 5, [27]),  # missing points are passed over; the last of the part is blank
        (LOW * 5 + HIGH * 5 + [-v for v in LOW] * 5, [25, 50]),
    ],
)
def test_where_a_series_is_rebased(values, places):
    found = proposed(values)
    assert [abs(one - two) <= 2 for one, two in zip(found, places, strict=True)] == [True] * len(places)


def test_a_spike_does_not_move_the_limits_of_a_period():
    calm, spiked = LOW * 5 + HIGH * 5, LOW * 5 + HIGH * 5
    spiked[3] = 400
    assert proposed(spiked) == proposed(calm) == [25]


def test_later_data_take_nothing_back():
    rng = np.random.default_rng(8)
    values = np.concatenate([rng.normal(level, 1, 40) for level in (0, 3, 1.5, 4)])
    for end in range(45, 160, 7):
        early, later = proposed(values[:end]), proposed(values)
        assert later[: len(early)] == early


def test_teams_are_rebased_as_if_alone():
    rng = np.random.default_rng(9)
    data = pd.DataFrame({"team": np.repeat(range(20), 80), "week": np.tile(range(80), 20)})
    data["y"] = rng.normal(size=1600) + 2 * (data["week"] > 10 + 2 * data["team"])
    together = stable_shift(chart(data, x="week", y="y", by="team", kind="i"))
    assert len(together) > 10
    for team, rows in data.groupby("team"):
        alone = stable_shift(chart(rows, x="week", y="y", kind="i"))
        assert together.loc[together["team"] == team, "week"].tolist() == alone["week"].tolist()


def test_the_proposal_is_the_part_of_a_chart():
    data = pd.DataFrame({"week": range(1, 51), "y": LOW * 5 + HIGH * 5})
    parts = stable_shift(chart(data, x="week", y="y", kind="i"))
    assert parts["reason"].tolist() == ["stable shift upwards"]
    found = chart(data, x="week", y="y", kind="i", part=parts)
    assert found.points.groupby("part")["centre"].first().tolist() == [5, 15]
    assert found.marks["reason"].tolist() == ["stable shift upwards"]
