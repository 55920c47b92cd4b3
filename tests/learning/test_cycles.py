"""Ideas and cycles counted, against the counts that were put into the synthetic cohort and small cases by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.errors import ModelError, UsageError
from joyeval.learning import cycles
from tests.conftest import reference


def ideas(**more) -> pd.DataFrame:
    return pd.DataFrame({"idea_id": ["i1", "i2", "i3"], "team": ["a", "a", "b"], **more})


def record(rows: list[tuple[str, int, str | None]], **more) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["idea_id", "cycle", "decision"])
    days = {"start": "2025-01-06", "end": "2025-01-10"}
    return table.assign(cycle_id=[f"c{k}" for k in range(len(rows))], team="a", **{**days, **more})


def test_the_synthetic_cohort():
    folder = reference("data", "learning", "synthetic_cohort")
    found = cycles(pd.read_csv(folder / "change_ideas.csv"), pd.read_csv(folder / "cycles.csv"))
    assert found.sentence() == "20 teams wrote down 66 ideas and tested 57; 22 were kept, 22 dropped, 13 are open."
    assert (found.n, found.n_dropped) == (106, 0)
    assert found.notes == (
        "2 cycles end before they start",
        "18 predictions repeat the one before word for word",
        "4 ideas are not matched to a practice",
    )
    every = found.tidy().iloc[0]
    assert every["share_kept"] == pytest.approx(22 / 57)
    assert [round(every[name], 4) for name in ("ci_low", "ci_high")] == [0.2706, 0.5157]  # Wilson, by hand
    assert found.predictions["cycles"].tolist() == [27, 40, 27]
    assert found.features["tested"].iloc[0] == 57


def test_the_last_decision_in_the_order_of_cycles_decides():
    tested = record([("i1", 2, "adopt"), ("i1", 1, "abandon"), ("i2", 1, "abandon"), ("i2", 2, None)])
    states = cycles(ideas(), tested).ideas.set_index("idea_id")["state"].to_dict()
    assert states == {"i1": "kept", "i2": "dropped", "i3": "not tested"}
    assert cycles(ideas(), record([("i1", 1, "adapt")])).tidy()["open"].tolist() == [1]


def test_features_are_shares_of_ideas_not_of_cycles_and_missing_where_nothing_was_recorded():
    tested = record([("i1", 1, "adapt"), ("i1", 2, "adapt"), ("i1", 3, None), ("i2", 1, None)])
    tested["prediction"] = ["up", None, None, None]
    features = cycles(ideas(), tested).features.set_index("team")
    assert features.loc["all", ["iterated", "predicted", "documented"]].tolist() == [0.5, 0.5, 0.5]
    assert features["started small"].isna().all()
    assert features.loc["a", "tested"] == 2


def test_what_is_odd_is_told_with_its_count():
    tested = record(
        [("i1", 1, "adopt"), ("i1", 2, "adapt"), ("i9", 1, None), ("i2", 1, "abandon")],
        end=["2025-01-01", "2025-01-20", "2025-01-20", None],
    )
    found = cycles(ideas(practice=["p", None, "q"]), tested)
    assert found.notes == (
        "1 cycles of ideas that are not on the list, left out",
        "1 cycles end before they start",
        "1 cycles have a decision but no end",
        "1 cycles test an idea that had been adopted before",
        "1 ideas are not matched to a practice",
    )
    assert (found.n, found.n_dropped) == (3, 1)
    assert found.tidy()["practice"].tolist() == ["all", "not matched to a practice", "p", "q"]


def test_a_programme_that_has_tested_nothing_yet():
    found = cycles(ideas(), record([]))
    assert found.sentence() == "2 teams wrote down 3 ideas and tested 0; 0 were kept, 0 dropped, 0 are open."
    assert found.tidy()["share_kept"].isna().all()


def test_bad_input_is_answered_in_words():
    with pytest.raises(UsageError, match="decision 'done'; expected one of: adopt, abandon, adapt"):
        cycles(ideas(), record([("i1", 1, "done")]))
    with pytest.raises(UsageError, match="cycles: found no column decision"):
        cycles(ideas(), record([]).drop(columns="decision"))
    with pytest.raises(UsageError, match="1 ideas stand on the list twice"):
        cycles(pd.concat([ideas(), ideas().head(1)]), record([]))
    with pytest.raises(ModelError, match="no change idea was written down"):
        cycles(ideas().head(0), record([]))


def test_a_result_comes_back_from_its_stored_text():
    found = cycles(ideas(practice=["p", None, "q"]), record([("i1", 1, "adopt")]))
    again = type(found).from_json(found.to_json())
    pd.testing.assert_frame_equal(again.practices, found.practices)
    assert again.sentence() == found.sentence()
