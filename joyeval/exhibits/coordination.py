"""Relational coordination: ties over waves, how each tie changed, how workgroups see each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joyeval import figures
from joyeval.exhibits.exhibit import ESTIMATE, Exhibit
from joyeval.figures.coordination import chosen_ties

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.coordination import Change, Matrix
    from joyeval.coordination.sensitivity import ScoringRules
    from joyeval.disclosure import Shown

CHANGED = (
    "change of each tie, steadied towards the mean change, with 95% intervals; * false discovery rate below 5%; last "
    "row: as all other groups together rate; hatched: not shown"
)
RATED = (
    "with 95% intervals; in order of name; framed: own group; last row: all other groups together; hatched: not shown"
)
CHANGE = ["workgroup", "target", "shrunken", "shrunken_low", "shrunken_high", "q"]
CELLS = ["workgroup", "target", "mean", "ci_low", "ci_high"]


def ties_over_waves(change: Shown) -> Exhibit:
    """Return the mean tie at each wave, over hidden ones too."""
    means = replace(change, mask=change.mask[:0])
    return Exhibit(
        "ties_over_waves",
        figures.ties_over_waves(means),
        figures.ties_over_waves_alt(means),
        "Mean tie between workgroups at each wave, with 95% intervals",
        means.pipe(_levels),
    )


def _levels(change: Change) -> pd.DataFrame:
    levels = change.levels[(change.levels["part"] == "between") & (change.levels["process"] != "all")]
    return levels[["process", "wave", *ESTIMATE]].round(2)


def tie_changes(change: Shown, process: str) -> list[Exhibit]:
    """Return how each tie of a process changed, from the first wave to the second and to the last."""
    kinds = change.what.ties.loc[change.what.ties["process"] == process, "kind"].drop_duplicates(keep="last")
    return [_tie_change(change, process, kind) for kind in kinds if kind != "decay"]


def _tie_change(change: Shown, process: str, kind: str) -> Exhibit:
    options = {"process": process, "kind": kind}
    drawn = chosen_ties(change.what, **options)
    one = replace(change, mask=change.mask[: int(drawn["estimate"].isna().sum())], asked=len(drawn))
    return Exhibit(
        f"tie_change_{process}" if kind == "gain" else f"tie_change_{process}_{kind}",
        figures.change_map(one, **options),
        figures.change_map_alt(one, **options),
        f"{process}, {drawn['term'].iloc[0]}: {CHANGED}",
        one.pipe(lambda change: chosen_ties(change, **options)[CHANGE].round(2)),
    )


def ties(matrix: Shown, process: str) -> list[Exhibit]:
    """Return how workgroups rate each other: as a map, and as a network where a tie between groups may be shown."""
    wave, cells = matrix.what.wave, matrix.pipe(_cells)
    rated = Exhibit(
        f"ties_{process}",
        figures.heat_map(matrix),
        figures.heat_map_alt(matrix),
        f"How each workgroup (row) rates each other one (column), wave {wave}, {RATED}",
        cells,
    )
    if matrix.what.cells.loc[~matrix.what.cells["within"], "mean"].isna().all():
        return [rated]
    network = Exhibit(
        f"network_{process}",
        figures.network_map(matrix),
        figures.network_map_alt(matrix),
        f"The same ties, wave {wave}: wider where stronger, fainter where less sure; dotted: hidden",
        cells,
    )
    return [rated, network]


def _cells(matrix: Matrix) -> pd.DataFrame:
    return matrix.cells[CELLS].round(1)


def scoring_rules(found: Shown) -> Exhibit:
    """Return the mean change under every combination of scoring rules."""
    table = found.pipe(lambda found: found.table)
    rules = list(table.what.columns[: table.what.columns.get_loc("estimate")])
    drawn, _ = figures.specification_curve(table, ylabel="mean change of ties, points", choices=rules)
    return Exhibit(
        "scoring_rules",
        drawn,
        found.say(_scored),
        "Mean change under each combination of scoring rules, all processes of the programme",
        table.pipe(lambda table: table[[*rules, *ESTIMATE]]),
    )


def _scored(found: ScoringRules) -> str:
    return f"Estimates in order, each with its interval, and below which rules each used. {found.sentence()}"
