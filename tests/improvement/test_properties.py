"""What must hold for any series."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from joyeval.improvement import RULES, chart

ROW_FLAGS = ["beyond", "shift", "trend", "two_of_three", "direction"]
LINES = ["value", "centre", "lower", "upper", "lower_95", "upper_95"]
COUNTS = ["n_useful", "longest_run", "crossings", "runs_signal", "variation", "signal"]
rule_sets = st.sampled_from(sorted(RULES))
values = st.lists(st.one_of(st.none(), st.integers(0, 12)), min_size=12, max_size=40)


def frame(series, **columns):
    weeks = pd.date_range("2023-01-02", periods=len(series), freq="7D")
    return pd.DataFrame(
        {"week": weeks, "y": pd.array(series, dtype="Float64").to_numpy(float, na_value=np.nan)}
    ).assign(**columns)


@given(st.lists(values, min_size=2, max_size=5), rule_sets, st.randoms(use_true_random=False))
def test_naming_and_ordering_teams_otherwise_changes_nothing(many, rules, random):
    data = pd.concat([frame(series, team=name) for name, series in enumerate(many)])
    new = list(range(len(many)))
    random.shuffle(new)
    shuffled = data.assign(team=data["team"].map(dict(enumerate(new)))).sample(
        frac=1, random_state=random.randrange(99)
    )
    call = {"x": "week", "y": "y", "by": "team", "rules": rules, "kind": "i"}
    one, two = chart(data, **call), chart(shuffled, **call)
    for name, place in enumerate(new):
        left, right = (
            table[table["team"] == key].drop(columns="team").reset_index(drop=True)
            for table, key in ((one.points, name), (two.points, place))
        )
        pd.testing.assert_frame_equal(left, right)
        pd.testing.assert_series_equal(one.series.iloc[name, 1:], two.series.iloc[place, 1:], check_names=False)


@given(st.lists(values, min_size=2, max_size=4), rule_sets, st.sampled_from(["run", "i", "mr"]))
def test_a_team_alone_is_charted_as_among_others(many, rules, kind):
    data = pd.concat([frame(series, team=name) for name, series in enumerate(many)])
    together = chart(data, x="week", y="y", by="team", rules=rules, kind=kind)
    for name, series in enumerate(many):
        alone = chart(frame(series), x="week", y="y", rules=rules, kind=kind)
        mine = together.points[together.points["team"] == name].drop(columns="team").reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.points, mine)


@given(values, rule_sets, st.integers(-40, 40), st.sampled_from([0.25, 2, 8]), st.sampled_from(["run", "i"]))
def test_moving_and_stretching_values_does_the_same_to_the_lines(series, rules, shift, factor, kind):
    data = frame(series)
    moved = data.assign(y=data["y"] * factor + shift)
    one, two = (chart(table, x="week", y="y", rules=rules, kind=kind) for table in (data, moved))
    np.testing.assert_allclose(two.points[LINES], one.points[LINES] * factor + shift, atol=1e-9)
    pd.testing.assert_frame_equal(one.points[ROW_FLAGS], two.points[ROW_FLAGS])
    pd.testing.assert_frame_equal(one.series[COUNTS], two.series[COUNTS])


@given(values, rule_sets, st.sampled_from(["run", "i", "c"]))
def test_a_missing_week_at_the_end_changes_no_earlier_flag(series, rules, kind):
    before = chart(frame(series), x="week", y="y", rules=rules, kind=kind)
    after = chart(frame([*series, None]), x="week", y="y", rules=rules, kind=kind)
    columns = [*ROW_FLAGS, *LINES]
    pd.testing.assert_frame_equal(before.points[columns], after.points[columns].iloc[:-1])
    pd.testing.assert_frame_equal(before.series[COUNTS], after.series[COUNTS])


@given(values, st.integers(0, 39), rule_sets)
def test_a_missing_week_between_changes_no_rule_about_a_given_centre(series, place, rules):
    """Only moving ranges see the gap; runs, shifts and trends pass over it."""
    one = chart(frame(series), x="week", y="y", rules=rules, kind="run", centre=5)
    gap = [*series[:place], None, *series[place:]]
    two = chart(frame(gap), x="week", y="y", rules=rules, kind="run", centre=5)
    kept = np.delete(np.arange(len(gap)), min(place, len(series)))
    pd.testing.assert_frame_equal(one.points[ROW_FLAGS], two.points[ROW_FLAGS].iloc[kept].reset_index(drop=True))


@given(values, rule_sets, st.sampled_from(["run", "i"]))
def test_turning_a_series_upside_down_turns_its_signals(series, rules, kind):
    one = chart(frame(series), x="week", y="y", rules=rules, kind=kind)
    two = chart(frame([None if y is None else -y for y in series]), x="week", y="y", rules=rules, kind=kind)
    assert (one.points["direction"] == -two.points["direction"]).all()
    assert one.series["signal"].tolist() == two.series["signal"].tolist()


@given(values, st.integers(1, 9))
def test_shares_stay_between_0_and_1(series, extra):
    data = frame(series, n=12.0 + extra)
    assume(data["y"].notna().any())
    found = chart(data, x="week", y="y", n="n", kind="p'").points[LINES].to_numpy()
    assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()


def binary(points):
    """All sequences of that many points above (1) and below (-1) a line."""
    return 2 * ((np.arange(2**points)[:, None] >> np.arange(points)) & 1) - 1


def longest_block(row):
    return max(len(list(block)) for _, block in groupby(row))


@pytest.mark.parametrize("points", [3, 10])
def test_runs_of_every_possible_sequence_are_counted_right(points):
    signs = binary(points)
    crossings = (np.diff(signs, axis=1) != 0).sum(axis=1)
    data = pd.DataFrame(
        {"k": np.tile(np.arange(points), len(signs)), "s": np.repeat(np.arange(len(signs)), points), "y": signs.ravel()}
    )
    found = chart(data, x="k", y="y", by="s", kind="run", centre=0).series
    assert found["longest_run"].tolist() == [longest_block(row) for row in signs.tolist()]
    assert found["crossings"].tolist() == crossings.tolist()
