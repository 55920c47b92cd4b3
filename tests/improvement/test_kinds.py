"""A kind of chart is one object: limits, title, simulation and what may be shown of it are found nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from joyeval.disclosure import show
from joyeval.errors import UsageError
from joyeval.improvement import chart
from joyeval.improvement.false_alarms import Design, false_alarm_rate, false_alarms
from joyeval.improvement.limits import KINDS, Kind, _individuals


@pytest.fixture
def squared(monkeypatch):
    """A chart of counts whose stable series are skewed, so that a simulation of anything else would be seen."""

    def stable(rng, level, n, *, counted):
        return rng.exponential(level, len(n)) ** 2, None

    kind = Kind(title="squares chart", lines=_individuals, stable=stable, denominator=False, events=True, mean=True)
    monkeypatch.setitem(KINDS, "squares", kind)
    return kind


def weeks(seed=1, points=42):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"week": np.arange(points), "cases": rng.poisson(9, points) ** 2})


def test_a_new_kind_draws_is_named_and_is_simulated_by_itself(squared):
    found = chart(weeks(), x="week", y="cases", kind="squares", improve="decrease")
    assert "squares chart" in found.sentence()
    assert found.points["upper"].notna().all()
    own = false_alarm_rate(Design(kind="squares", points=42, level=100.0), rules="anhoej")
    normal = false_alarm_rate(Design(kind="i", points=42), rules="anhoej")
    assert own > normal + 0.05, "these are skewed: normal values in their place would cry wolf less"
    assert false_alarms(found)["false_alarm"].iloc[0] == own


def test_what_a_kind_counts_decides_who_stands_behind_a_point(squared):
    found = chart(weeks(), x="week", y="cases", kind="squares", improve="decrease")
    shown = show(found, people=500).what.points
    few = found.points["y"] < 11
    assert few.any()
    assert shown.loc[few, "value"].isna().all()
    assert (shown["value"].dropna() % 5 == 0).all()


def test_every_kind_says_all_of_itself():
    for name, kind in KINDS.items():
        y, spread = kind.stable(np.random.default_rng(1), 0.4, np.full(30, 6.0), counted=kind.share)
        assert len(y) == 30, name
        assert (spread is not None) == kind.subgroups, name
        assert not (kind.share and kind.events), name


def test_an_unknown_kind_is_refused_with_the_nearest(squared):
    with pytest.raises(UsageError, match="did you mean 'squares'"):
        chart(weeks(), x="week", y="cases", kind="square", improve="decrease")
