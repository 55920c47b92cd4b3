"""Plain data of any library go in, and what does not fit comes back as a sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from joyeval import coordination, improvement, measurement, models, outcomes
from joyeval.errors import JoyevalError, UsageError
from joyeval.plain import plain
from tests.coordination.surveys import survey
from tests.measurement.test_equity import waves
from tests.test_screen import pulses

ITEMS = pd.DataFrame(np.random.default_rng(1).integers(1, 6, (80, 4)), columns=list("abcd"))
CHART = {"x": "week", "y": "good", "n": "answers", "by": "team", "improve": "increase"}
PANEL = waves(teams=12).assign(period=lambda table: table.groupby("team").cumcount(), x=lambda table: table["joy"] ** 2)
SCALES = {"joy": ("Joy", "higher")}
CALLS = {
    "alpha": (measurement.alpha, ITEMS, {}),
    "omega": (measurement.omega, ITEMS, {}),
    "change of scores": (measurement.score_change, waves(), {"scales": SCALES}),
    "equity": (measurement.equity, waves(), {"by": ["setting"], "scales": {"joy": "Joy"}}),
    "chart": (improvement.chart, pulses(), CHART),
    "funnel": (improvement.funnel, pulses(), {"numerator": "good", "denominator": "answers", "group": "team"}),
    "matrix": (coordination.matrix, survey(waves=("1", "2"), raters=6), {"wave": "1"}),
    "ties": (coordination.change, survey(waves=("1", "2"), raters=6), {}),
    "within and between": (outcomes.within_between, PANEL, {"y": "joy", "x": "x"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_polars_frame_says_the_same_as_a_pandas_one(name):
    function, table, options = CALLS[name]
    table = table.astype(dict.fromkeys(table.select_dtypes(exclude=["number", "bool", "datetime"]), str))
    given = [[table], [pl.from_pandas(table)], [pl.from_pandas(table).lazy()]]
    one, two, three = (function(*part, **options).sentence() for part in given)
    assert one == two == three


def test_polars_where_the_table_comes_second():
    found = models.mixed("joy ~ wave", pl.from_pandas(waves()), groups="team")
    assert found.sentence() == models.mixed("joy ~ wave", waves(), groups="team").sentence()


def test_lists_stand_for_columns_and_numbers():
    values, groups = [1.0, 2, 3, 4, 5, 6, 7, 9] * 2, list("aabbccdd") * 2
    found = measurement.team_means(values, groups)
    assert found.sentence() == measurement.team_means(pd.Series(values), pd.Series(groups)).sentence()
    assert models.meta_analysis([0.1, 0.2, 0.4], [0.1, 0.1, 0.1]).n == 3
    assert measurement.alpha({"a": [1, 2, 3, 4], "b": [1, 2, 4, 4]}).n == 4


WRONG = {
    "a list for a table": (lambda: measurement.alpha([[1, 2], [2, 3]]), "items is a list; expected a table"),
    "a name for a column": (lambda: measurement.team_means(ITEMS["a"], "team"), "group is a str; expected one column"),
    "text for numbers": (lambda: models.meta_analysis("a", "b"), "estimate is a str; expected numbers"),
    "a table for charts": (lambda: improvement.verdicts(pulses()), "charts is a DataFrame; expected Charts"),
    "a column that is not there": (
        lambda: measurement.equity(waves(), by=["seting"], scales={"joy": "Joy"}),
        "no column seting; did you mean setting?",
    ),
    "words for yes and no": (
        lambda: coordination.matrix(survey(raters=6).assign(no_contact="False"), wave="1"),
        "hold something else than is meant",
    ),
    "no score": (lambda: measurement.score_change(waves(), {"joyy": ("Joy", "higher")}), "found no column joyy"),
    "a wrong column of a chart": (
        lambda: improvement.chart(pulses(), **CHART | {"x": "weeek"}),
        "found no column weeek; did you mean week?",
    ),
    "no table at all": (lambda: improvement.chart([1, 2], **CHART), "data is a list; expected a table"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_turn_ends_in_a_sentence(wrong):
    call, told = WRONG[wrong]
    with pytest.raises(JoyevalError) as caught:
        call()
    assert told in str(caught.value)


def test_an_error_of_the_library_itself_stays_one():
    @plain
    def faulty(table: pd.DataFrame) -> None:
        {}["inside"]

    with pytest.raises(UsageError, match="no column inside"):
        faulty(pd.DataFrame({"a": [1]}))
    with pytest.raises(KeyError):
        faulty.__wrapped__(pd.DataFrame({"a": [1]}))


def test_a_wrong_argument_is_named_by_python():
    with pytest.raises(TypeError, match="unexpected keyword argument 'scales'"):
        measurement.alpha(ITEMS, scales=1)
