"""Waves counted from each unit's own start."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.coordination import change, from_start
from joyeval.errors import UsageError
from tests.coordination.surveys import survey

FIRST_AFTER = {"u0": "2", "u1": "3", "u2": "4"}
GAIN = 0.5


def staggered():
    """Three units over four waves; ties of each rise by half a point when it starts, and stay there."""
    units = [
        survey(seed=i + 5, waves=("1", "2", "3", "4"), raters=15, process=name, bias=0.1)
        for i, name in enumerate(FIRST_AFTER)
    ]
    table = pd.concat(units, ignore_index=True)
    return table.assign(rc=table["rc"] + GAIN * (table["wave"] >= table["process"].map(FIRST_AFTER)))


def first_change(ties):
    terms = change(ties, dimensions=False).terms.query("process == 'all' and part == 'between'")
    return terms.set_index("term").iloc[0]


@pytest.mark.slow
def test_each_unit_is_compared_with_itself_just_before_its_start():
    """Half a point is found from own starts; of the calendar's first two waves only one unit in three had started."""
    ties = staggered()
    own = first_change(from_start(ties, first_after=FIRST_AFTER))
    assert own.name == "1-after - 0-before"
    assert own["ci_low"] < GAIN < own["ci_high"]
    calendar = first_change(ties)
    assert calendar["ci_high"] < GAIN
    assert calendar["ci_low"] < GAIN / 3 < calendar["ci_high"]


def test_waves_long_before_a_start_are_left_out_and_nothing_else():
    ties = staggered()
    got = from_start(ties, first_after=FIRST_AFTER)
    assert list(got.columns) == list(ties.columns)
    kept = ties.groupby(["process", "wave"]).size()
    assert len(got) == len(ties) - kept["u1", "1"] - kept["u2", "1"] - kept["u2", "2"]
    last = got.query("process == 'u2'")
    assert set(last["wave"]) == {"0-before", "1-after"}
    assert (last["wave"] == "1-after").sum() == kept["u2", "4"]


def test_a_start_that_is_not_known_or_has_nothing_before_it_is_refused():
    ties = staggered()
    with pytest.raises(UsageError, match="check u2"):
        from_start(ties, first_after={"u0": "2", "u1": "3"})
    for wave in ("1", "9"):
        with pytest.raises(UsageError, match=f"u0: wave '{wave}' with one before it"):
            from_start(ties, first_after=FIRST_AFTER | {"u0": wave})
