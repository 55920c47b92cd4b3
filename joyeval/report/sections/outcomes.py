"""Outcomes: what they are, what could be linked, and the analyses side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import report
from joyeval.outcomes import side_by_side as together
from joyeval.report.sections.words import ESTIMATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.result import Result
    from joyeval.study import Study


def measures(study: Study, cohort: str) -> None:
    """Emit the outcomes and which way is better."""
    parts = study.of_cohort("outcomes", cohort)
    ways = {"increase": "higher", "decrease": "lower"}
    rows = [
        (part.title, part.unit, ways[part.improve], "service users" if part.service_users else "staff")
        for part in parts
    ]
    table = pd.DataFrame(rows, columns=["outcome", "unit", "better", "about"])
    report.table(table, caption="Outcomes, their units and which way is better")


def linkage(result: Result) -> None:
    """Emit what joined and what did not."""
    if len(result.tidy()):
        report.table(result.tidy(), caption="Team-periods of staff experience, by what became of their outcome")


def checks(results: dict[str, Result]) -> None:
    """Emit the same question asked in other ways."""
    rows = [
        {"design": getattr(result, "design", name), **result.effect[["estimate", "ci_low", "ci_high", "p", "n"]]}
        for name, result in results.items()
        if hasattr(result, "effect")
    ]
    named = {"outcomes_reverse": "within-between, outcomes before the staff answers (against the order of time)"}
    for row, name in zip(rows, [n for n, r in results.items() if hasattr(r, "effect")], strict=True):
        row["design"] = named.get(name, row["design"])
    if rows:
        report.table(pd.DataFrame(rows), caption="The primary question by other designs", formats=ESTIMATES)
    for result in results.values():
        if not hasattr(result, "effect"):
            report.text(result.sentence())


def side_by_side(results: Sequence[Result]) -> None:
    """Emit several analyses in one table, and what could not be answered."""
    table = together(results)
    if len(table):
        report.table(
            table,
            caption="Other analyses named beforehand; p values within teams also with Holm's correction",
            labels={"n_teams": "teams", "p_adjusted": "p, corrected"},
            formats={**ESTIMATES, "p_adjusted": "p"},
            header_columns=3,
        )
    for result in results:
        if not hasattr(result, "effect"):
            report.text(result.sentence())
