"""Relational coordination: change, and how workgroups see each other; thin ties are not shown, groups not ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval import disclosure, figures, report
from joyeval.coordination import NAMES, Change, seen_differently, strengths
from joyeval.report.sections.words import answer, rule

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.coordination import Matrix
    from joyeval.result import Result
    from joyeval.study import Study

TERMS = ["process", "part", "first", "second", "estimate", "ci_low", "ci_high", "percent", "p", "detectable", "n"]
BESIDE = ["estimator", "process", "term", "estimate", "ci_low", "ci_high", "n"]
TURNOVER = ["process", "term", "stayers", "leavers", "joiners", "linkage", "leavers_differ", "joiners_differ"]
BY_DIMENSION = ["process", "dimension", "first", "second", "estimate", "ci_low", "ci_high", "q"]
FORMATS = {
    **dict.fromkeys(["estimate", "ci_low", "ci_high", "leavers_differ", "joiners_differ"], "+.2f"),
    "p": "p",
    "q": "p",
    "percent": "+.1f",
    "detectable": ".2f",
    "linkage": ".0%",
    "n": ",.0f",
}
LABELS = {
    "part": "ties",
    "percent": "change (%)",
    "detectable": "least detectable change",
    "n": "raters",
    "first": "from wave",
    "second": "to wave",
    "term": "waves compared",
    "leavers_differ": "leavers less stayers",
    "joiners_differ": "joiners less stayers",
}


def coordination_change(found: Result, study: Study | None = None) -> None:
    """Emit the mean change of ties, the same by other estimators, who came and went, and each dimension."""
    if not isinstance(found, Change):
        return
    shown = disclosure.protect_change(found, rule=rule(study) if study else None)
    report.figure(
        figures.ties_over_waves(shown),
        alt=figures.ties_over_waves_alt(shown),
        caption="Mean tie between workgroups at each wave, with 95% intervals",
    )
    terms = shown.terms[shown.terms["kind"] != "decay"]
    _table(terms[TERMS], "Mean change of ties, between and within workgroups, on the scale from 1 to 5", named_by=4)
    report.text(f"What is estimated: {shown.estimand}.")
    beside = shown.estimators[shown.estimators["kind"] == "gain"].dropna(subset=["estimate"])
    _table(beside[BESIDE], "The same from all ratings, from raters seen in both waves, and from others", named_by=3)
    if len(shown.turnover):
        _table(shown.turnover[TURNOVER], "Raters who stayed, left and came, and how they rated (points)", named_by=2)
    if len(shown.dimensions):
        rows = shown.dimensions[shown.dimensions["kind"] != "decay"]
        named = rows.assign(dimension=rows["dimension"].map(NAMES))[BY_DIMENSION]
        _table(named, "Mean change between workgroups by dimension; q: false discovery rate over them", named_by=4)


def _table(data: pd.DataFrame, caption: str, *, named_by: int) -> None:
    labels, formats = ({name: of[name] for name in data if name in of} for of in (LABELS, FORMATS))
    report.table(data, caption=caption, labels=labels, formats=formats, header_columns=named_by)


def tie_change(found: Result, study: Study, *, process: str) -> None:
    """Emit how each tie of one process changed."""
    if not isinstance(found, Change) or process not in set(found.ties.loc[found.ties["kind"] == "gain", "process"]):
        return
    shown = disclosure.protect_change(found, rule=rule(study))
    report.figure(
        figures.change_map(shown, process=process),
        alt=figures.change_map_alt(shown, process=process),
        caption=f"{process}: change of each tie from the first wave to the second, steadied towards the mean change; "
        "* false discovery rate below 5%; hatched: not shown",
    )


def matrix(found: Matrix, study: Study) -> None:
    """Emit every tie that may be shown: strengths first, then the map, then pairs that see their tie differently."""
    shown = disclosure.protect_matrix(found, rule=rule(study))
    answer(shown)
    report.items(strengths(shown))
    report.figure(
        figures.heat_map(shown),
        alt=figures.heat_map_alt(shown),
        caption=f"How each workgroup (row) rates each other one (column), wave {shown.wave}, with 95% intervals; "
        "framed: own group; hatched: not shown",
    )
    report.items(seen_differently(shown))
