"""Staff experience: questionnaires, scores over waves, reliability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, figures, report
from joyeval.measurement.scores import ScoreChange
from joyeval.report.sections.words import ESTIMATES, rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.instruments.model import Instrument
    from joyeval.measurement.surveys import Reliability
    from joyeval.result import Result
    from joyeval.study import Study

CHANGES = ["scale", "better", "estimator", "estimate", "ci_low", "ci_high", "relative", "p", "p_adjusted", "n"]


def instruments(used: Sequence[Instrument]) -> None:
    """Emit the questionnaires, where they come from and who may use their words."""
    rows = [(one.title, len(one.items), one.source, one.licence.terms) for one in used]
    table = pd.DataFrame(rows, columns=["questionnaire", "items", "source", "licence"])
    report.table(table, caption="Questionnaires used")
    unsure = [f"{one.title}: {said}" for one in used for said in one.unverified]
    if unsure:
        report.text("What nobody has confirmed about them yet:")
        report.items(unsure)


def score_change(change: Result, study: Study) -> None:
    """Emit means by wave, and the change from the first to the last wave, estimated three ways."""
    if isinstance(change, ScoreChange):
        _means(change, study)
        _changes(change, study)


def _means(change: ScoreChange, study: Study) -> None:
    means = change.means.assign(scale=change.means["scale"].map(change.titles)).drop(columns="sd")
    protected = [
        disclosure.protect(scores, n="n", by=["scale", "wave"], within=None, rule=rule(study))
        for _, scores in means.groupby("scale", sort=False)  # each scale has a precision of its own
    ]
    plain = dict.fromkeys(("mean", "ci_low", "ci_high"), _as_precise_as_shown)
    report.table(
        pd.concat(protected),
        formats=plain,
        caption="Mean scores by wave; the intervals allow for teams",
        header_columns=2,
    )


def _as_precise_as_shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.0f}" if abs(value) > 10 else f"{value:.1f}"


def _changes(change: ScoreChange, study: Study) -> None:
    table = change.changes
    last = table[(table["wave"] == table["wave"].iloc[-1]) & (table["n"] >= study.disclosure.threshold)]
    report.table(
        last[CHANGES].assign(scale=last["scale"].map(change.titles)),
        caption="Change from the first to the last wave, from everyone, from linked people, and from the others",
        labels={"p_adjusted": "p, corrected", "better": "better is", "estimator": "from"},
        formats={**ESTIMATES, "p_adjusted": "p", "relative": "+.0%"},
        header_columns=3,
    )
    report.figure(
        figures.coefficients(
            _in_standard_deviations(last[last["estimator"] == "everyone"], change),
            xlabel="change in standard deviations of the first wave",
        ),
        alt="Forest plot: change of each score from the first to the last wave, in standard deviations. "
        + change.sentence(),
        caption="Change of each score in standard deviations of the first wave, with 95 % intervals",
    )


def _in_standard_deviations(changes: pd.DataFrame, change: ScoreChange) -> pd.DataFrame:
    sd = changes["scale"].map(change.means.drop_duplicates("scale").set_index("scale")["sd"])
    scaled = {name: changes[name] / sd for name in ("estimate", "se", "ci_low", "ci_high")}
    return changes.assign(term=changes["scale"].map(change.titles), **scaled)


def reliability(result: Reliability, study: Study) -> None:
    """Emit alpha by scale and wave."""
    kept = result.table[result.table["n"] >= study.disclosure.threshold]
    if len(kept):
        cells = [f"{r.estimate:.2f} ({r.ci_low:.2f} to {r.ci_high:.2f})" for r in kept.itertuples()]
        wide = kept.assign(alpha=cells).pivot(index="title", columns="wave", values="alpha")
        ordered = wide.reindex(kept["title"].unique()).rename_axis("scale")
        report.table(ordered, caption="Cronbach's alpha with 95 % intervals, by wave")
