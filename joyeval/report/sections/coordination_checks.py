"""Relational coordination, checked: ordered answers, comparison units, scoring rules, non-response, measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures, report
from joyeval.coordination import AnswerQuality, Change, Difference, Network, NonResponse, ScoringRules
from joyeval.outcomes import BesideCoordination
from joyeval.report.sections.coordination import enough, table, told
from joyeval.report.sections.words import ESTIMATES, NOT_SHOWN, answer, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.disclosure import Rule
    from joyeval.result import Result

QUALITY = ["wave", "alpha", "alpha_low", "alpha_high", "alpha_target", "cfi_one", "cfi_two", "rmsea_one", "rmsea_two"]
HABITS = ["wave", "halo", "same_items", "same_targets", "ceiling", "no_contact"]
MISSING = ["process", "term", "response_first", "response_second", "estimate", "lowest", "highest", "tipping"]
OF_GROUPS = "weakest tie"  # a statistic of one tie, which the public view does not show


def ordinal_companion(change: Result, companions: Mapping[str, Result], shown_by: Rule) -> None:
    """Emit the change of the answers on their own ordered scale beside the primary change, process by process."""
    rows = [_companion(change, process, found) for process, found in companions.items()]
    rows = [row for row in rows if row is not None and disclosure.may_show(row["n"].min(), rule=shown_by)]
    if rows and isinstance(change, Change):
        text = "In points: the primary model of scores beside a cumulative-logit model of all single answers"
        shown = pd.concat(rows).assign(n=lambda found: shown_by.rounded(found["n"]))
        table(shown, f"{text}; a high answer is one in the upper half of the scale", named_by=2)
    for process, found in companions.items():
        if not hasattr(found, "changes"):
            report.text(f"{process}: {found.sentence()}")


def _companion(change: Result, process: str, found: Result) -> pd.DataFrame | None:
    """Join the primary change of one process to its companion, contrast by contrast with the first wave."""
    if not (isinstance(change, Change) and hasattr(found, "changes")):
        return None
    own = change.terms[(change.terms["process"] == process) & (change.terms["part"] == "between")]
    own = own.loc[own["kind"] != "decay", ["process", "term", "second", "estimate", "ci_low", "ci_high", "n"]]
    upper = f"P(>= {found.levels[len(found.levels) // 2 + len(found.levels) % 2]})"
    by_wave = found.changes.set_index(["term", "value"])
    mean, high = by_wave.loc["mean"], by_wave.loc[upper]
    points = {"estimate": "companion", "ci_low": "companion_low", "ci_high": "companion_high"}
    beside = mean[list(points)].rename(columns=points).assign(chances=100 * high["estimate"])
    joined = own.merge(beside, left_on="second", right_index=True)
    return joined[["process", "term", *list(points), *points.values(), "chances", "n"]]


def comparison(found: Result, shown_by: Rule) -> None:
    """Emit the change beside units without the programme."""
    if isinstance(found, Difference) and not enough(found.units["n"], shown_by):
        return
    answer(found)
    if isinstance(found, Difference):
        units = found.units.assign(n=shown_by.rounded(found.units["n"]))
        table(units[["process", "arm", "estimate", "ci_low", "ci_high", "n"]], "Change of each unit", named_by=2)
        kept = found.terms[["estimator", "term", "estimate", "ci_low", "ci_high", "p", "detectable"]]
        table(kept, "Difference between the changes", named_by=2)


def scoring(found: Result, shown_by: Rule) -> None:
    """Emit the change under every defensible combination of scoring rules."""
    if isinstance(found, ScoringRules) and not enough(found.table["n"], shown_by):
        return
    answer(found)
    if isinstance(found, ScoringRules):
        rules = list(found.table.columns[: found.table.columns.get_loc("estimate")])
        axes, _ = figures.specification_curve(found.table, ylabel="mean change of ties, points", choices=rules)
        alt = f"Estimates in order, each with its interval, and below which rules each used. {found.sentence()}"
        report.figure(axes, alt=alt, caption="Mean change under each combination of scoring rules, all processes")


def silent(found: Result, shown_by: Rule) -> None:
    """Emit how far the change depends on those who did not answer."""
    if isinstance(found, NonResponse) and not enough(found.n, shown_by):
        return
    answer(found)
    if isinstance(found, NonResponse):
        text = (
            "lowest, highest: if all who did not answer had rated at one end; tipping point: how much lower they would "
            "have to rate in the second wave than others for the change to be 0"
        )
        table(found.terms[MISSING], f"What non-response could hide, in points; {text}", named_by=2)


def coordination_quality(found: Result, shown_by: Rule) -> None:
    """Emit reliability, structure and habits of answering, wave by wave."""
    if isinstance(found, AnswerQuality) and not enough(found.terms["n"], shown_by):
        return
    told(found)
    if isinstance(found, AnswerQuality):
        shown = found.terms
        measured = shown[QUALITY].dropna(axis=1, how="all")
        if measured.shape[1] > 1:
            table(measured, "Reliability and factor structure of respondents' means, by wave", named_by=1)
        table(shown[HABITS], "Habits of answering, by wave", named_by=1)


def pattern(found: Result, process: str, shown_by: Rule, *, raters: int) -> None:
    """Emit whether the pattern of ties lasted from the first wave to the last."""
    if not enough(raters, shown_by):
        return
    report.text(f"{process}: {found.sentence()}")
    report.items(sentence(note) for note in found.notes)


def networks(found: Mapping[str, Result], shown_by: Rule, *, facilitator: bool) -> None:
    """Emit statistics of the network of ties; which tie is weakest is for the facilitator alone."""
    rows = []
    for process, result in found.items():
        if not isinstance(result, Network):
            report.text(result.sentence())
        elif disclosure.may_show(result.n, rule=shown_by):
            kept = result.terms if facilitator else result.terms[result.terms["term"] != OF_GROUPS]
            names = {"estimate": "value", "ci_low": "value_low", "ci_high": "value_high", "term": "statistic"}
            rows.append(kept.rename(columns=names).assign(process=process))
        if facilitator and isinstance(result, Network):
            report.text(f"{process}: the weakest tie is how {result.weakest[0]} see {result.weakest[1]}.")
    if rows:
        columns = ["process", "statistic", "value", "value_low", "value_high"]
        table(
            pd.concat(rows)[columns],
            "The ties as a network, last wave; 0: all groups alike, 1: one has it all",
            named_by=2,
        )
        if facilitator:
            report.items(dict.fromkeys(sentence(note) for result in found.values() for note in result.notes))


def beside(found: Result, shown_by: Rule) -> None:
    """Emit coordination of sites beside the scores and outcomes of their teams, and how they go together."""
    told(found)
    if not isinstance(found, BesideCoordination):
        return
    table = found.table
    rated = disclosure.may_show(table["raters"], rule=shown_by)
    behind = table["fewest"].isna() | disclosure.may_show(table["fewest"], rule=shown_by)
    why = disclosure.suppressed(shown_by.threshold)
    shown = table.assign(
        rc=table["rc"].map("{:.2f}".format).where(rated, NOT_SHOWN),
        raters=_whole(table["raters"], shown_by).where(rated, why),
        value=table["value"].map(lambda value: f"{value:#.3g}".rstrip(".")).where(behind, NOT_SHOWN),
        answers=_whole(table["answers"], shown_by).where(behind, why).where(table["answers"].notna(), NOT_SHOWN),
    )
    report.table(
        shown[["measure", "site", "wave", "raters", "rc", "value", "answers"]],
        caption="Mean tie between workgroups at each site beside the scores and outcomes of its teams; answers: of "
        "staff within two months of the ratings, or what the outcome was counted over in the months named",
        labels={"rc": "Mean tie", "answers": "Answers"},
        header_columns=3,
    )
    for title, association in found.associations.items():
        report.text(association.sentence())
        if len(terms := association.tidy()):
            columns = ["term", "estimate", "ci_low", "ci_high", "p"]
            report.table(terms[columns], caption=f"Coordination and {title}, in points", formats=ESTIMATES)


def _whole(counts: pd.Series, shown_by: Rule) -> pd.Series:
    return pd.Series(shown_by.rounded(counts), index=counts.index).map("{:,.0f}".format)
