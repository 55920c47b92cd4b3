"""Differences between groups of staff, described without ranking; small groups are not shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joyeval import disclosure, report
from joyeval.measurement.equity import Equity
from joyeval.report.audiences import section
from joyeval.report.messages import catalogue
from joyeval.report.sections.people import left_over
from joyeval.report.sections.words import mean, rule, sentence
from joyeval.words import code

if TYPE_CHECKING:
    import pandas as pd

    from joyeval.result import Result
    from joyeval.study import Study

ORDER = "Groups stand in order of name."
DIFFERENCE = (
    "A difference between groups is not the work of the group: groups differ in much else, such as their teams, hours "
    "and service users."
)
LABELS = {"title": "score", "category": "group", "n_first": "n, first", "n_last": "n, last"}


@section
def equity(found: Result, study: Study) -> None:
    """Emit scores of each group in the first and last survey, its change, and tests that groups are alike."""
    report.heading(catalogue(study.language)("headings.equity"))
    shown = disclosure.show(found, audience=rule(study), people=found.n)
    report.text(shown.sentence())
    if not isinstance(found, Equity):
        return
    report.text(f"{ORDER} {DIFFERENCE}", *shown.say(_few))
    attributes, scores = (list(found.groups[name].unique()) for name in ("attribute", "scale"))
    few = left_over(attributes, scores, found.waves, study)
    for attribute, groups in found.groups.groupby("attribute", sort=False):
        keys = zip(groups["scale"], groups["attribute"], groups["category"].astype(str), strict=True)
        given_away = [key in few for key in keys]
        _groups(groups, given_away, f"Scores by {attribute}", found, study)
    _tests(found, study)


def _few(found: Equity) -> list[str]:
    return [sentence(note) for note in found.notes if code(note) == "equity.few"]


def _groups(groups: pd.DataFrame, given_away: list[bool], caption: str, found: Equity, study: Study) -> None:
    """Show the scores of the groups of one attribute; a change goes with the smaller of its two counts."""
    counts = ["n_first", "n_last"]
    table = groups.assign(n=groups[counts].min(axis="columns"))
    change = ["estimate", "ci_low", "ci_high"]
    shown = disclosure.show(
        table[["title", "category", "n_first", "first", "n_last", "last", *change, "n"]],
        audience=rule(study),
        people={"first": "n_first", "last": "n_last", **dict.fromkeys(change, "n")},
        within=["title"],
        besides=given_away,
        places=dict.fromkeys(["first", "last", *change], 1),
    )
    hidden = shown.what["n_first"].isna()
    left_out = _left_out(shown.what[hidden])
    if hidden.all():
        report.text(shown.say(lambda _: f"{caption}: no group may be shown. {left_out}"))
        return
    kept = shown.pipe(lambda table: table.loc[table["n_first"].notna()].drop(columns="n"))
    report.table(
        replace(kept, mask=shown.mask[:0]),
        caption=f"{caption}: mean in wave {found.waves[0]} and {found.waves[1]}, and the change",
        labels=LABELS | {"estimate": "change"},
        formats={"first": mean, "last": mean, **dict.fromkeys(change, _signed)},
        footnotes=[left_out] if left_out else [],
        header_columns=2,
    )


def _left_out(hidden: pd.DataFrame) -> str:
    """Say which groups are not shown: once where they are the same for every score."""
    lists = {title: ", ".join(rows["category"].astype(str)) for title, rows in hidden.groupby("title", sort=False)}
    if not lists:
        return ""
    alike = len(set(lists.values())) == 1
    told = next(iter(lists.values())) if alike else "; ".join(f"{title}: {names}" for title, names in lists.items())
    return f"Not shown, as they are small or would give away a small group: {told}."


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _tests(found: Equity, study: Study) -> None:
    if found.tests.empty:
        return
    names = {"level": "level, first survey", "change": "change"}
    shown = disclosure.show(found, audience=rule(study), people=int(found.tests["n"].min()))
    if not isinstance(shown.what, Equity):
        report.text(shown.sentence())
        return
    columns = ["title", "attribute", "question", "categories", "statistic", "df", "p", "p_adjusted"]
    report.table(
        shown.pipe(lambda found: _worded(found.tests, names)[columns]),
        caption="Are the groups alike? Joint tests, p values corrected for their number by Holm's method",
        labels={
            "title": "score",
            "attribute": "by",
            "question": "alike in",
            "categories": "groups",
            "statistic": "F",
            "df": "degrees of freedom",
            "p_adjusted": "p, corrected",
        },
        formats={"p_adjusted": "p"},
        header_columns=3,
    )


def _worded(tests: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    df = [f"{row.df1:.0f}, {row.df2:.0f}" for row in tests.itertuples()]
    return tests.assign(df=df, question=tests["question"].map(names))
