"""Relational coordination: change, and how workgroups see each other; thin ties are not shown, groups not ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval import disclosure, report
from joyeval.coordination import Change
from joyeval.report.sections.words import answer, rule

if TYPE_CHECKING:
    from joyeval.coordination import Matrix
    from joyeval.result import Result
    from joyeval.study import Study

CELLS = ["workgroup", "target", "mean", "ci_low", "ci_high", "shrunken", "n"]
TERMS = ["process", "part", "first", "second", "estimate", "ci_low", "ci_high", "percent", "p", "n"]
DIMENSIONS = {
    "freq": "frequent communication",
    "time": "timely communication",
    "accu": "accurate communication",
    "prob": "problem solving",
    "goal": "shared goals",
    "know": "shared knowledge",
    "resp": "mutual respect",
    "com": "communication (four items)",
    "rel": "relationships (three items)",
}
FORMATS = {"estimate": "+.2f", "ci_low": "+.2f", "ci_high": "+.2f", "p": "p", "q": "p", "percent": "+.1f"}


def coordination_change(found: Result) -> None:
    """Emit the mean change of ties, the same by other estimators, and by dimension."""
    if not isinstance(found, Change):
        return
    report.table(
        found.terms.loc[found.terms["kind"] != "decay", TERMS],
        caption="Mean change of ties, between and within workgroups, on the scale from 1 to 5",
        labels={"part": "ties", "first": "from wave", "second": "to wave", "percent": "change (%)", "n": "raters"},
        formats=FORMATS,
        header_columns=4,
    )
    report.text(f"What is estimated: {found.estimand}.")
    dimensions = found.dimensions[found.dimensions["kind"] != "decay"]
    names = ["process", "dimension", "first", "second", "estimate", "ci_low", "ci_high", "q"]
    if len(dimensions):
        report.table(
            dimensions.assign(dimension=dimensions["dimension"].map(DIMENSIONS))[names],
            caption="Mean change between workgroups, by dimension; q is the false discovery rate over dimensions",
            labels={"first": "from wave", "second": "to wave"},
            formats=FORMATS,
            header_columns=4,
        )


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
