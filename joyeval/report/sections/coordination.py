"""Relational coordination: change, and how workgroups see each other.

Two views. The public one hides what rests on few people and never ranks groups: strengths first, differences as seen
differently. The facilitator's is for a meeting with the groups themselves; nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from joyeval import disclosure, report
from joyeval.coordination import LICENCE, RC, Change, Survey, seen_differently, strengths
from joyeval.disclosure import Shown
from joyeval.errors import UsageError
from joyeval.exhibits import coordination as exhibits
from joyeval.report.audiences import section
from joyeval.report.sections.words import answer
from joyeval.words import code

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.coordination import Matrix
    from joyeval.disclosure import Rule
    from joyeval.result import Result
    from joyeval.study import Study

TERMS = ["process", "part", "kind", "first", "second", "estimate", "ci_low", "ci_high", "percent", "p", "detectable"]
BESIDE = ["estimator", "process", "term", "estimate", "ci_low", "ci_high", "n"]
TURNOVER = ["process", "term", "stayers", "leavers", "joiners", "linkage", "leavers_differ", "joiners_differ"]
BY_DIMENSION = ["process", "dimension", "kind", "first", "second", "estimate", "ci_low", "ci_high", "q"]
POINTS = ["estimate", "ci_low", "ci_high", "leavers_differ", "joiners_differ", "lowest", "highest"]
FORMATS = {
    **dict.fromkeys(POINTS, "+.2f"),
    **dict.fromkeys(["companion", "companion_low", "companion_high"], "+.2f"),
    **dict.fromkeys(["linkage", "halo", "same_items", "same_targets", "ceiling", "no_contact"], ".0%"),
    **dict.fromkeys(["response_first", "response_second"], ".0%"),
    **dict.fromkeys(["alpha", "alpha_low", "alpha_high", "alpha_target", "value", "value_low", "value_high"], ".2f"),
    **dict.fromkeys(["cfi", "cfi_one", "cfi_two", "rmsea", "rmsea_one", "rmsea_two"], ".3f"),
    "chances": "+.1f",
    "p": "p",
    "q": "p",
    "percent": "+.1f",
    "detectable": ".2f",
    "n": ",.0f",
}
LABELS = {
    "part": "ties",
    "kind": "contrast",
    "percent": "change (%)",
    "q": "q value",
    "detectable": "least detectable change",
    "n": "raters",
    "first": "from wave",
    "second": "to wave",
    "term": "waves compared",
    "linkage": "recognised",
    "leavers_differ": "leavers less stayers",
    "joiners_differ": "joiners less stayers",
    "companion": "ordered answers",
    "companion_low": "ordered answers, low",
    "companion_high": "ordered answers, high",
    "chances": "chance of a high answer (percentage points)",
    "response_first": "answered, first wave",
    "response_second": "answered, second wave",
    "lowest": "lowest possible",
    "highest": "highest possible",
    "tipping": "tipping point",
    "cfi_one": "CFI, one factor",
    "cfi_two": "CFI, two factors",
    "rmsea_one": "RMSEA, one factor",
    "rmsea_two": "RMSEA, two factors",
    "alpha_target": "Alpha, one group rated",
    "halo": "spread that is who answered",
    "same_items": "one answer to all items",
    "same_targets": "all groups rated alike",
    "ceiling": "answers at the top",
    "no_contact": "no contact",
}


def view(name: str, study: Study, out: str = "") -> Rule | None:
    """Show to the readers of the notebook, or to the facilitator alone, which is announced and never stored.

    Raises
    ------
    UsageError
        No such view, or the facilitator's in a run that stores chapters for the report.
    """
    if name == "public":
        return None
    if name != "facilitator":
        raise UsageError(f"view {name!r}; expected public or facilitator")
    if out:
        raise UsageError(
            "the facilitator's view never enters a report: open this notebook in JupyterLab and run it there"
        )
    disclosure.read_for(disclosure.FACILITATOR)
    report.note("For the facilitator and the groups themselves; not to be published, copied or forwarded.")
    return disclosure.FACILITATOR


@section
def coordination_change(found: Result, survey: Survey = RC) -> None:
    """Emit the mean change of ties over the waves: gain, sustain and decay, and each dimension."""
    if not isinstance(found, Change):
        told(found)
        return
    if not enough(found.terms["n"]):
        return
    shown = disclosure.show(found, audience=disclosure.reader())
    told(shown)
    report.exhibit(exhibits.ties_over_waves(shown))
    scale = f"{survey.scale}; gain: to the second wave, sustain: to a later one, decay: between later ones"
    table(
        shown.pipe(lambda change: change.terms[TERMS]),
        f"Mean change of ties, between and within workgroups, {scale}",
        named_by=5,
    )
    report.text(shown.say(lambda change: f"What is estimated: {change.estimand}."))
    if len(shown.what.dimensions):
        ordered = shown.pipe(_by_dimension, dict(survey.names))
        table(ordered, "Mean change between workgroups by dimension; q: false discovery rate over them", named_by=5)


def _by_dimension(change: Change, names: dict[str, str]) -> pd.DataFrame:
    rows = change.dimensions[(change.dimensions["process"] != "all") & (change.dimensions["kind"] != "decay")]
    rows = rows.assign(dimension=rows["dimension"].map(names))
    return rows.sort_values(["process", "second"], kind="stable")[BY_DIMENSION]


@section
def coordination_estimators(found: Result) -> None:
    """Emit the same change by other estimators, and who stayed, left and came."""
    if not isinstance(found, Change):
        return
    shown = disclosure.show(found, audience=disclosure.reader())
    beside = shown.pipe(lambda change: change.estimators.dropna(subset=["estimate"])[BESIDE])
    caption = "Mean change between workgroups from all ratings, from raters seen in both waves, and from others"
    table(beside, caption, named_by=3)
    if len(shown.what.respondents):
        tests = shown.pipe(lambda change: change.respondents.rename(columns={"test": "estimator"}))
        tests = tests.pipe(lambda rows: rows.dropna(subset=["estimate"])[BESIDE])
        table(tests, "The simple companion: tests on one mean per respondent", named_by=3)
    if len(shown.what.turnover):
        table(
            shown.pipe(lambda change: change.turnover[TURNOVER]),
            "Raters who stayed, left and came, and how they rated (points)",
            named_by=2,
        )


@section
def tie_change(found: Result, *, process: str) -> None:
    """Emit how each tie of one process changed, from the first wave to the second and to the last."""
    if not isinstance(found, Change):
        return
    shown = disclosure.show(found, audience=disclosure.reader())
    for drawn in exhibits.tie_changes(shown, process):
        report.exhibit(drawn)


@section
def matrix(found: Matrix, process: str = "all") -> None:
    """Emit every tie that may be shown: strengths first, then the maps, then pairs that see their tie differently."""
    shown = disclosure.show(found, audience=disclosure.reader())
    told(shown)
    if strong := shown.say(strengths):
        report.items(strong)
    for drawn in exhibits.ties(shown, process):
        report.exhibit(drawn)
    report.items(shown.say(seen_differently))


@section
def coordination_heading(survey: Survey) -> None:
    """Emit the heading of the chapter, the line on the licence and what a reader must know of the survey."""
    report.heading("Relational coordination" if survey == RC else "How workgroups see each other")
    for line in (survey.licence, survey.note):
        if line:
            report.note(disclosure.nobody(line, "the survey"))


def enough(raters: pd.Series | int) -> bool:
    """Return whether so many raters may be spoken of; where not, say that nothing is shown."""
    rule = disclosure.reader()
    if bool(np.all(disclosure.may_show(raters, rule=rule))):
        return True
    report.text(disclosure.nobody(f"Not shown: {rule.why}.", "the threshold"))
    return False


def told(found: Result | Shown) -> None:
    """Emit a result in words; the line on the licence stands once, at the head of the chapter."""
    shown = found if isinstance(found, Shown) else disclosure.show(found, audience=disclosure.reader())
    answer(
        shown.pipe(
            lambda result: replace(result, notes=tuple(note for note in result.notes if code(note) != LICENCE.code))
        )
    )


def table(data: Shown, caption: str, *, named_by: int) -> None:
    """Emit a table with the labels and formats of this chapter; columns without any value are left out."""
    kept = data.pipe(_with_values)
    columns = list(kept.what)
    formats = {name: FORMATS[name] for name in columns if name in FORMATS}
    labels = {name: LABELS[name][:1].upper() + LABELS[name][1:] for name in columns if name in LABELS}
    named = [name for name in data.what.columns[:named_by] if name in columns]
    if not columns:
        report.text(disclosure.nobody(f"{caption}: too few ratings for any of these estimates.", "the scale"))
        return
    report.table(
        replace(kept, mask=kept.mask[:0]), caption=caption, labels=labels, formats=formats, header_columns=len(named)
    )


def _with_values(table: pd.DataFrame) -> pd.DataFrame:
    kept = table.dropna(axis=1, how="all")
    return kept.assign(process=kept["process"].replace("all", "mean of all")) if "process" in kept else kept
