"""The rhythm of a series, and the periods for which it has no row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.improvement.periods import rhythm


def found(x):
    got = rhythm(np.asarray(x), np.array([0]))
    return got.name[0], int(got.absent[0])


@pytest.mark.parametrize(
    ("freq", "name"),
    [("D", "daily"), ("B", "working days"), ("7D", "weekly"), ("14D", "fortnightly"), ("MS", "monthly"),
     ("ME", "monthly"), ("QS", "quarterly"), ("YS", "yearly"), ("3D", "every 3 days")],
)  # fmt: skip
def test_calendars(freq, name):
    dates = pd.date_range("2023-01-02", periods=20, freq=freq)
    assert found(dates.to_numpy()) == (name, 0)
    assert found(dates.delete([4, 5, 11]).to_numpy()) == (name, 3)


def test_numbers_names_and_odd_dates():
    assert found(np.array([1, 2, 3, 6, 7])) == ("numbered", 2)
    assert found(np.array([0.5, 1.5, 2.0])) == ("irregular", 0)
    dates = pd.to_datetime(["2024-01-01", "2024-01-04", "2024-01-20", "2024-02-03"])
    assert found(dates.to_numpy()) == ("irregular", 0)


def test_each_series_has_its_own():
    weeks = pd.date_range("2024-01-01", periods=6, freq="7D")
    months = pd.date_range("2024-01-01", periods=4, freq="MS").delete(2)
    got = rhythm(np.concatenate([weeks, months]), np.array([0, 6]))
    assert got.name.tolist() == ["weekly", "monthly"]
    assert got.absent.tolist() == [0, 1]
    assert got.gap.tolist() == [0] * 8 + [1]
