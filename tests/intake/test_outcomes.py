"""Raw outcomes become one row per team and period; counts that cannot be are told."""

from __future__ import annotations

import pandas as pd
import pytest

from joyeval.intake.outcomes import outcome_table
from joyeval.study import Outcome


def outcome(kind, **changes):
    part = {
        "file": "o.csv",
        "columns": {"team": "T"},
        "measure": "fft",
        "title": "FFT",
        "unit": "%",
        "improve": "increase",
    }
    return Outcome(**part | {"kind": kind, "period": "month"} | changes)


def rows(**columns):
    table = pd.DataFrame({"team": "A", "period": "2024-05-31", **columns})
    return table.assign(period=pd.to_datetime(table["period"]), file="o.csv", row=range(2, len(table) + 2))


def test_a_share_is_added_up_within_the_month():
    given = rows(period=["2024-05-02", "2024-05-30"], numerator=[8.0, 1.0], denominator=[10.0, 5.0])
    table, _ = outcome_table(outcome("proportion"), given)
    assert table[["value", "numerator", "denominator"]].values.tolist() == [[pytest.approx(0.6), 9.0, 15.0]]
    assert table["period"].dt.strftime("%F").tolist() == ["2024-05-01"]


def test_a_rate_is_per_so_much_exposure():
    table, _ = outcome_table(outcome("rate", per=1000.0), rows(numerator=[3.0], denominator=[600.0]))
    assert table["value"].item() == pytest.approx(5.0)


def test_a_mean_is_weighted_by_its_answers():
    given = rows(value=[4.0, 5.0], denominator=[1.0, 3.0])
    table, _ = outcome_table(outcome("mean"), given)
    assert table["value"].item() == pytest.approx(4.75)
    assert pd.isna(table["numerator"].item())


def test_a_percentage_without_counts_becomes_a_share():
    table, _ = outcome_table(outcome("proportion", percent=True), rows(value=[53.0]))
    assert table["value"].item() == pytest.approx(0.53)


def test_a_hidden_count_is_missing_and_never_zero():
    table, problems = outcome_table(
        outcome("proportion"), rows(numerator=[None], denominator=[20.0]).astype({"numerator": float})
    )
    assert table.empty
    assert problems == []


def test_impossible_counts_are_told_with_their_row():
    given = rows(numerator=[5.0, -1.0, 2.0], denominator=[4.0, 3.0, 4.0])
    table, problems = outcome_table(outcome("proportion"), given)
    assert {(p.row, p.rule) for p in problems} == {(2, "above 1"), (3, "negative")}
    assert table["value"].tolist() == [0.5]
