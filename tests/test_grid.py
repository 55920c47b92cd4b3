"""The page on estimators is made of stored simulations; whoever runs the slow tests draws a part of them again."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.grid import coordination, page, pulses
from benchmarks.grid.harness import shares, stored
from benchmarks.grid.tables import REASONS, all_cells
from joyeval.coordination.mean_change import mean_changes
from joyeval.coordination.ratings import ratings
from joyeval.improvement import slow_weeks

CELLS = {(cell.table, cell.name): cell for cell in all_cells()}


def test_the_page_is_made_of_the_stored_results():
    assert page.PAGE.read_text(encoding="utf-8") == page.text()


def test_what_is_stored_belongs_to_the_grid():
    tried = stored().groupby(["table", "cell"])["tried"].max().to_dict()
    assert {key: count for key, count in tried.items() if key not in CELLS or count > CELLS[key].replicates} == {}


def test_tables_with_a_cell_surely_beyond_its_band_say_why():
    assert set(page.beyond(shares(stored()), errors=2)["table"]) == set(REASONS)


def test_what_the_grid_takes_of_a_change_of_coordination_is_what_the_report_tells():
    table = coordination.ties(np.random.default_rng(1), (2, 3, 5), (2, 1, 0.7))
    told = mean_changes(ratings(table)).query("part == 'between'").iloc[0]
    assert coordination.mean_change(table) == pytest.approx((told["estimate"], told["se"], told["df"]))


def test_series_that_learn_nothing_from_each_other_are_as_each_alone():
    rng, condition = np.random.default_rng(2), {"length": (20, 10), "answers": (5, 13), "slow": (0.3, 0.8)}
    n, odds, _ = pulses.weeks(rng, 3, 20, 10, (5, 13), condition["slow"])
    good = rng.binomial(n, 1 / (1 + np.exp(-odds)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slow_weeks, "ROUNDS", 0)
        together = pulses.changes_of(good, n, 10)
    alone = [pulses.changes_of(good[[i]], n[[i]], 10)["se"].item() for i in range(3)]
    assert together["se"].tolist() == pytest.approx(alone)


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", sorted({(row.table, row.cell) for row in stored().itertuples()}), ids=lambda key: f"{key[0]}: {key[1]}"
)
def test_cells_drawn_again_with_other_numbers_agree(key):
    """A twentieth of the replicates, other seeds: within 4.5 standard errors of the difference."""
    cell = CELLS[key]
    count = max(cell.replicates // 20, 2)
    again = shares(cell.run(range(count), seed=1)).set_index("statistic")
    known = shares(stored()).query("table == @key[0] and cell == @key[1]").set_index("statistic")
    for name, row in known.iterrows():
        spread = row["error"] * np.sqrt(row["answered"])  # of one data set
        allowed = 4.5 * spread * np.sqrt(1 / count + 1 / row["answered"]) + 1.5 / count
        assert abs(again.loc[name, "share"] - row["share"]) <= allowed, name
