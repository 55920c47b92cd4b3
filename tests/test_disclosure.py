"""What may leave: statistics over fewer than 11 valid answers never do."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.disclosure import THRESHOLD, protect, suppressed
from joyeval.errors import UsageError

WORDS = "suppressed (fewer than 11)"


def table(**columns):
    return pd.DataFrame({"team": ["A", "B", "C"], **columns})


@pytest.mark.parametrize(("n", "shown"), [(10, False), (11, True), (0, False), (None, False)])
def test_the_threshold_is_eleven_valid_answers(n, shown):
    got = protect(pd.DataFrame({"team": ["A"], "mean": [3.5], "n": [n]}), n="n")
    assert got.loc[0, "mean"] == (3.5 if shown else WORDS)


def test_the_count_itself_is_hidden_with_its_statistic():
    assert protect(table(mean=[1.0, 2, 3], n=[4, 11, 30]), n="n")["n"].tolist() == [WORDS, 11, 30]


def test_each_statistic_goes_by_its_own_count():
    data = table(joy=[1.0, 2, 3], voice=[4.0, 5, 6], n_joy=[11, 12, 9], n_voice=[9, 12, 30])
    got = protect(data, n={"joy": "n_joy", "voice": "n_voice"})
    assert got["joy"].tolist() == [1, 2, WORDS]
    assert got["voice"].tolist() == [WORDS, 5, 6]


def test_numbers_that_name_a_group_stay():
    got = protect(pd.DataFrame({"wave": [1, 2], "mean": [3.0, 4], "n": [5, 50]}), n="n", by=["wave"])
    assert got["wave"].tolist() == [1, 2]


def test_a_statistic_without_a_count_is_refused():
    with pytest.raises(UsageError, match="voice"):
        protect(table(joy=[1.0, 2, 3], voice=[1.0, 2, 3], n_joy=[20, 20, 20]), n={"joy": "n_joy"})


def test_the_words_name_the_threshold():
    assert suppressed() == WORDS
    assert suppressed(20) == "suppressed (fewer than 20)"
    assert THRESHOLD == 11
