"""Links between staff experience and outcomes, on the page for who reads one page: within, between, other questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.judgement import clear
from joyeval.outcomes.analyses import step_of
from joyeval.outcomes.association import CANNOT_BE_TOLD, GOES_WITH, NO_MORE, Association
from joyeval.wording import decimals, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from joyeval.report.messages import Catalogue
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Analysis, Outcome, Study

SECONDARY = "outcomes_secondary_"  # and the number of the analysis in the study file
KINDS = {GOES_WITH: "link", NO_MORE: "small", CANNOT_BE_TOLD: "open"}


def link_rows(
    study: Study, cohort: str, found: Mapping[str, Result], store: Store, say: Catalogue
) -> Iterator[tuple[str, str, str]]:
    """Yield question, what was found and how sure that is: within teams, between them, other questions named before."""
    result, named = found.get("outcomes_primary"), study.primary
    if named is None or result is None:
        return
    outcome = _outcome(study, named)
    question = say("primary.question" if outcome.service_users else "primary.question_other")
    if not isinstance(result, Association):
        reason = result.reason.rstrip(".")
        yield question, say("summary.no_answer", question=result.question, reason=reason), say("summary.no_answer_sure")
    else:
        yield question, *_within(study, named, result, store, say)
        if {"within", "between"} <= set(result.terms["term"]):
            yield say("between.question"), *_between(study, named, result, store, say)
    others = [
        (one, found[name])
        for number, one in enumerate(study.of_cohort("secondary", cohort), 1)
        if (name := f"{SECONDARY}{number}") in found
    ]
    if others:
        yield say("secondary.question"), *_others(study, others, store, say)


def _within(study: Study, named: Analysis, result: Association, store: Store, say: Catalogue) -> tuple[str, str]:
    kind = KINDS[result.answer]
    told, interval = _told(study, named, result, result.primary, store, say)
    told["smallest"] = say.number(result.smallest * step_of(study, named), told.pop("places"))
    sure = "by_lot_sure" if result.experimental and kind == "link" else f"{kind}_sure"
    return say(f"primary.{kind}", **told), say(f"primary.{sure}", **interval, teams=result.n_teams)


def _between(study: Study, named: Analysis, result: Association, store: Store, say: Catalogue) -> tuple[str, str]:
    told, interval = _told(study, named, result, "between", store, say)
    row = result.terms.set_index("term").loc["between"]
    kind = "link" if clear(row["ci_low"], row["ci_high"]) else "open"
    return say(f"between.{kind}", **told), say("between.sure", **interval)


def _others(study: Study, found: Sequence[tuple[Analysis, Result]], store: Store, say: Catalogue) -> tuple[str, str]:
    """Tell the answers that there are one by one, then the questions without one together."""
    answers, unanswered = [], {}
    for named, result in found:
        if isinstance(result, Association) and result.answer != CANNOT_BE_TOLD:
            told, interval = _told(study, named, result, result.primary, store, say)
            answers.append(say(f"secondary.{KINDS[result.answer]}", **told, **interval))
        else:
            unanswered.setdefault(_staff(study, named), []).append(f"“{_outcome(study, named).title}”")
    every = [
        say("secondary.pair", staff=staff, outcomes=listed(names, say("equity.and")))
        for staff, names in unanswered.items()
    ]
    told = [*answers, *([say("secondary.open", list="; ".join(every))] if every else [])]
    return " ".join(told), say("secondary.sure", questions=len(found))


def _told(
    study: Study, named: Analysis, result: Association, term: str, store: Store, say: Catalogue
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the words and numbers of one term, for so much more of the staff measure as a reader has a feeling for."""
    outcome, step = _outcome(study, named), step_of(study, named)
    row = result.terms.set_index("term").loc[term, ["estimate", "ci_low", "ci_high"]].astype(float) * step
    places = decimals(row)
    told = {
        "staff": _staff(study, named),
        "step": say("primary.step_points", step=step) if step > 1 else say("primary.step_one"),
        "outcome": outcome.title,
        "estimate": say.signed(row["estimate"], places),
        "unit": say("primary.points") if outcome.kind == "proportion" else outcome.unit,
        "relative": say.percent(row["estimate"] / _level(outcome, store)),
        "first": named.window[0],
        "last": named.window[1],
        "way": say("primary.better" if (row["estimate"] > 0) == (outcome.improve == "increase") else "primary.worse"),
        "places": places,
    }
    return told, {name: say.signed(row[f"ci_{name}"], places) for name in ("low", "high")}


def _staff(study: Study, named: Analysis) -> str:
    return next((part.title for part in study.pulses if part.measure == named.staff), named.staff)


def _outcome(study: Study, named: Analysis) -> Outcome:
    return next(part for part in study.outcomes if part.measure == named.outcome)


def _level(outcome: Outcome, store: Store) -> float:
    """Return the usual level of an outcome, over all teams and periods, in the units of the analysis."""
    table = store.table("outcomes")
    here = table[(table["measure"] == outcome.measure) & table["value"].notna()]
    weight = here["denominator"].fillna(1) if here["denominator"].notna().any() else pd.Series(1.0, here.index)
    share = 100 if outcome.kind == "proportion" else 1
    return share * float((here["value"] * weight).sum() / weight.sum())
