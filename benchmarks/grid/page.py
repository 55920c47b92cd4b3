"""The page `docs/estimators.md`, made of the stored results: tables, and every cell outside its band and why."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.grid.harness import shares, stored
from benchmarks.grid.tables import BANDS, REASONS, TABLES, all_cells

if TYPE_CHECKING:
    import pandas as pd

MOST_PULSE = 0.075  # most false verdicts
PAGE = Path(__file__).parents[2] / "docs" / "estimators.md"
HEAD = """\
# Estimators in the conditions people have

Measured by simulation with the estimators as they are; made by `make grid` from `benchmarks/grid/grid.csv`, not by
hand. Per cent of data sets, in brackets one standard error of the simulation. **Size**: a change, slope or difference
is found at 5 % where there is none; the 95 % interval then covers 100 less this. **Power**: one is found where there is
one. Promised are sizes of at most 6.5 (of pulses 7.5) and coverage of 93 at least; cells beyond are named below their
table. Sizes below 4, and coverage above 97, err on the safe side, at the power beside. `make grid` goes on until every
cell has its data sets; those that it has not reached yet are counted below their table.
"""


def text() -> str:
    """Return the page."""
    found = shares(stored())
    return "\n".join([HEAD, *(_section(name, found[found["table"] == name]) for name in TABLES)])


def write() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")


def beyond(found: pd.DataFrame, *, errors: float = 0.0) -> pd.DataFrame:
    """Return the rows that lie beyond the band of their statistic, by more than `errors` standard errors."""
    band = [BANDS.get(name.partition(",")[0], (0.0, 1.0)) for name in found["statistic"]]
    slack = errors * found["error"]
    most = [MOST_PULSE if name.startswith("pulse") and top < 1 else top
            for name, (_, top) in zip(found["table"], band, strict=True)]  # fmt: skip
    return found[(found["share"] - slack > most) | (found["share"] + slack < [low for low, _ in band])]


def _section(name: str, rows: pd.DataFrame) -> str:
    statistics = list(dict.fromkeys(rows["statistic"]))
    lines = [f"## {TABLES[name].title}", "", textwrap.fill(TABLES[name].about, 120), ""]
    if len(rows):
        lines.append(f"| condition | data sets | {' | '.join(statistics)} |")
        lines.append("|---" * (len(statistics) + 2) + "|")
    for cell, own in rows.groupby("cell", sort=False):
        told = own.set_index("statistic")
        shown = [_shown(told.loc[one]) if one in told.index else "" for one in statistics]
        lines.append(f"| {cell} | {own['tried'].max()} | {' | '.join(shown)} |")
    return "\n".join([*lines, *_below(name, rows), ""])


def _below(name: str, rows: pd.DataFrame) -> list[str]:
    """Name cells beyond their band and why, and count cells that lack data sets."""
    surely = beyond(rows, errors=2)
    perhaps = beyond(rows).drop(surely.index)
    tried = rows.groupby("cell")["tried"].max().to_dict()
    cells = [cell for cell in all_cells() if cell.table == name]
    short = sum(0 < tried.get(cell.name, 0) < cell.replicates for cell in cells)
    absent = sum(cell.name not in tried for cell in cells)
    said = [f"Beyond the band: {_named(surely)}. {REASONS.get(name, '')}"] if len(surely) else []
    said += [f"Beyond the band, but by less than two errors: {_named(perhaps)}."] if len(perhaps) else []
    said += [f"Not simulated yet: {absent} of {len(cells)} conditions; {short} more lack data sets."] * bool(
        absent + short
    )
    said += [TABLES[name].also] * bool(TABLES[name].also)
    return [part for text in said for part in ("", textwrap.fill(text, 120))]


def _named(rows: pd.DataFrame) -> str:
    return "; ".join(f"{row.cell} ({row.statistic} {100 * row.share:.1f})" for row in rows.itertuples())


def _shown(row: pd.Series) -> str:
    return f"{100 * row['share']:.1f} ({100 * row['error']:.1f})"
