"""Relational coordination: how workgroups see each other; thin ties are not shown, groups are not ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval import disclosure, report
from joyeval.report.sections.words import answer, rule

if TYPE_CHECKING:
    from joyeval.coordination import Matrix
    from joyeval.study import Study

CELLS = ["workgroup", "target", "mean", "ci_low", "ci_high", "shrunken", "n"]


def matrix(found: Matrix, study: Study) -> None:
    """Emit every tie between workgroups that may be shown, in order of name."""
    answer(found)
    ties = found.cells.loc[~found.cells["within"], CELLS]
    report.table(
        disclosure.protect(ties, n="n", by=["workgroup", "target"], within=["workgroup"], rule=rule(study)),
        caption="How each workgroup (first column) rates each other one, on the scale from 1 to 5",
        labels={"workgroup": "rated by", "target": "workgroup", "shrunken": "steadied estimate"},
        header_columns=2,
    )
