"""The page for who reads one page: what changed, for whom, how sure, what it does not show; results only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval import disclosure, report
from joyeval.coordination import Change
from joyeval.coordination.comparison import Difference
from joyeval.disclosure.people import EVERYBODY
from joyeval.exhibits.charts import verdict_marks
from joyeval.improvement import Reached, Verdicts, phase_levels, reached
from joyeval.intake.response import respondent_flow
from joyeval.judgement import about, key
from joyeval.measurement.equity import Equity
from joyeval.measurement.scores import ScoreChange
from joyeval.outcomes.association import Association
from joyeval.report.audiences import section
from joyeval.report.messages import catalogue
from joyeval.report.sections.summary_links import SECONDARY, link_rows
from joyeval.report.sections.summary_outcomes import outcome_rows, tallied, totals
from joyeval.wording import decimals, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from joyeval.disclosure import Said, Shown
    from joyeval.report.messages import Catalogue
    from joyeval.result import NoAnswer, Result
    from joyeval.store import Store
    from joyeval.study import Study

TOLD_OF = (  # results that the page speaks of
    "outcomes_primary",
    "improvement_cohort_change",
    "improvement_verdicts",
    "experience_change",
    "experience_equity",
    "coordination_change",
    "coordination_comparison",
)
LEVELS = ("positive", "answers", "value")
FEWEST_PHASES = 3  # of two, before and after tell the same
TOLD = 3  # scores named one by one
INTERVAL = {"estimate": "estimate", "low": "ci_low", "high": "ci_high"}


@dataclass(frozen=True)
class Row:
    """One question of the page, what the data show, and how sure that is."""

    question: str
    found: str
    sure: str


@section
def summary(study: Study, cohort: str, store: Store) -> None:
    """Emit the one-page summary, in the language of the study."""
    say = catalogue(study.language, noun=study.teams.called)
    told = (name for name in store.results() if name in TOLD_OF or name.startswith(SECONDARY))
    found = shown_of(store, study, told)
    report.heading(say("headings.summary"), new_page=True)
    report.text(disclosure.nobody(_lead(study, cohort, store, say), "teams and days"))
    report.text(say("summary.aim", aim=study.programme.aim))
    rows = found.pipe(lambda found: pd.DataFrame(_rows(study, cohort, found, store, say)))
    if len(rows.what):
        labels = {name: say(f"summary.{name}") for name in ("question", "found", "sure")}
        report.table(rows, caption=say("summary.table" if study.primary else "summary.table_open"), labels=labels)
    _teams_figure(found.what.get("improvement_verdicts"), say)
    report.heading(say("headings.not_shown"), level=3)
    report.items(_not_shown(found.what, store, say))
    if say.missing:
        report.note(disclosure.nobody(say("summary.partly", count=len(say.missing)), "sentences"))


@section
def interpretation(study: Study) -> None:
    """Emit what the authors conclude and recommend; what they have not written is visibly missing."""
    say, told = catalogue(study.language), study.interpretation
    report.heading(say("interpretation.heading"), level=3)
    if told.owner and told.written:
        by_whom = say("interpretation.by_whom", owner=told.owner, day=say.day(told.written))
        report.text(disclosure.nobody(by_whom, "days"))
    missing = say("interpretation.missing")
    parts = ("conclusions", "context", "hindered", "people")
    report.items(f"{say(f'interpretation.{part}')} {getattr(told, part) or missing}" for part in parts)
    if told.recommendations:
        rows = [(one.what, one.owner, say.day(one.by)) for one in told.recommendations]
        columns = [say(f"interpretation.{name}") for name in ("what", "owner", "by")]
        table = disclosure.nobody(pd.DataFrame(rows, columns=columns), "recommendations")
        report.table(table, caption=say("interpretation.recommendations"))
    else:
        report.text(f"{say('interpretation.recommendations')}: {missing}")


def shown_of(store: Store, study: Study, names: Iterable[str]) -> Shown:
    """Return stored results by name, as the readers of this section may see them."""
    rule, people = disclosure.rule_of(study), disclosure.people_of(store)
    teams, published = store.table("teams"), study.published(store.folder.name)
    staff = disclosure.behind_teams(teams, published=published)
    found = {name: store.result(name) for name in names}
    of_teams = {name for name, one in found.items() if isinstance(one, Verdicts) and "team" in one.teams}
    behind = dict.fromkeys(found, people) | dict.fromkeys(of_teams, staff)
    return disclosure.show_all(found, audience=rule, people=behind)


def last_day(store: Store) -> pd.Timestamp | None:
    """Return the last day of which the data know: the data-freeze date."""
    days = [store.table(name)["period"].max() for name in ("pulse", "outcomes") if name in store.tables()]
    days += [store.table(name)["date"].max() for name in store.tables() if name.startswith("wave_")]
    known = [day for day in days if pd.notna(day)]
    return max(known) if known else None


def _lead(study: Study, cohort: str, store: Store, say: Catalogue) -> str:
    time, freeze = study.cohort(cohort), last_day(store)
    facts = {"cohort": f"{study.programme.name}, {time.title}", "teams": len(store.table("teams"))}
    facts |= {"start": say.month(time.start), "end": say.month(time.end)}
    if freeze is None:
        return say("summary.lead_open", **facts)
    monthly = freeze.day == 1  # the first day of a month stands for the month
    return say("summary.lead_month" if monthly else "summary.lead", **facts, **_when(freeze, say))


def _when(freeze: pd.Timestamp, say: Catalogue) -> dict[str, str]:
    return {"freeze": say.day(freeze), "month": say.month(freeze)}


def _rows(study: Study, cohort: str, found: dict[str, Result], store: Store, say: Catalogue) -> list[Row]:
    rows = [aim_row(study, *at_its_day(study, cohort, store), found, say)] if study.aim else []
    rows += [Row(*row) for row in link_rows(study, cohort, found, store, say)]
    rows += _pulses(study, cohort, found.get("improvement_cohort_change"), store, say)
    questions = {
        "improvement_verdicts": "teams.question",
        "experience_change": "scores.question",
        "experience_equity": "equity.question",
        "coordination_change": "coordination.question",
    }
    there = {name: key for name, key in questions.items() if name in found}
    told = [Row(say(key), *_told(found[name], found, store, say)) for name, key in there.items()]
    of_teams = int("improvement_verdicts" in there)
    outcomes = [Row(*row) for row in outcome_rows(study, cohort, store, say)]
    return [*rows, *told[:of_teams], *outcomes, *told[of_teams:]]


def _told(result: Result, found: dict[str, Result], store: Store, say: Catalogue) -> tuple[str, str]:
    match result:
        case Verdicts():
            return _teams(result, len(store.table("teams")), say)
        case ScoreChange():
            return _scores(result, say)
        case Equity():
            return _equity(result, say)
        case Change():
            return _coordination(result, found.get("coordination_comparison"), say)
        case _:
            return _unknown(result, say)


def _unknown(result: NoAnswer, say: Catalogue) -> tuple[str, str]:
    reason = result.reason.rstrip(".")
    return say("summary.no_answer", question=result.question, reason=reason), say("summary.no_answer_sure")


def aim_row(study: Study, value: Reached, stood: float, found: dict[str, Result], say: Catalogue) -> Row:
    """Answer the aim: the last full month before its day, over all answers, against the target; whether it changed."""
    told = {"title": value.title, "target": _amount(study.aim.target, value.unit, say)}
    question = say("aim.question", **told, by=say.day(value.by))
    if value.month is None:
        return Row(question, say("aim.not_known"), say("summary.no_answer_sure"))
    if np.isnan(stood):
        return Row(question, say("aim.too_few"), say("summary.no_answer_sure"))
    kind = "aim.reached" if meets(value, stood, study.aim.target) else "aim.missed"
    shown = say(kind, value=_amount(stood, value.unit, say), month=say.month(value.month), **told)
    change = found.get("improvement_cohort_change")
    rows = change.teams.query("measure == @study.aim.measure") if isinstance(change, Verdicts) else pd.DataFrame()
    sure = say(f"aim.{key(rows['verdict'].iloc[0])}") if len(rows) else say("aim.descriptive")
    return Row(question, shown, sure)


def at_its_day(study: Study, cohort: str, store: Store) -> tuple[Reached, float]:
    """Return what is known of the measure of the aim at its day, and its value as it may be shown, or none."""
    value = reached(study, cohort, store)
    if value.month is None:
        return value, float("nan")
    staff = disclosure.people_of(store) if np.isfinite(value.people) else EVERYBODY
    people = int(min(np.nan_to_num(value.people, nan=0.0), staff))
    options = {"within": None, "percents": value.percents}
    counts = disclosure.show(value.counts, audience=disclosure.reader(), people=people, **options).what.iloc[0]
    return value, float(counts["value"])


def meets(value: Reached, stood: float, target: float) -> bool:
    """Whether a value reaches the target, in the direction that is better."""
    return stood >= target if value.improve == "increase" else stood <= target


def _amount(value: float, unit: str, say: Catalogue) -> str:
    """Return a value with its unit, as whole as it can be."""
    number = say.number(value, 0 if float(value).is_integer() or abs(value) >= 20 else 1)
    return f"{number}%" if unit == "%" else f"{number} {unit}".strip()


def _pulses(study: Study, cohort: str, change: Result | None, store: Store, say: Catalogue) -> list[Row]:
    if not isinstance(change, Verdicts):
        return []
    titles, rows = {part.measure: part.title for part in study.pulses}, []
    for _, row in change.teams.iterrows():
        found, sure = _pulse(row, say)
        question = say("pulse.question", title=titles[row["measure"]])
        rows.append(Row(question, f"{found} {by_phase(study, cohort, row['measure'], store, say)}".strip(), sure))
    return rows


def by_phase(study: Study, cohort: str, measure: str, store: Store, say: Catalogue) -> str:
    """Tell the level of a pulse in each phase, over all answers: whether it lasted is the last of them."""
    levels = phase_levels(study, cohort, measure, store)
    if len(levels) < FEWEST_PHASES:
        return ""
    people = levels["answers"].clip(upper=disclosure.people_of(store)).astype(int)
    options = {"by": ["phase"], "within": None, "percents": {"value": ("positive", "answers")}}
    table = disclosure.show(
        levels.assign(people=people), audience=disclosure.reader(), people=dict.fromkeys(LEVELS, "people"), **options
    ).what
    told = [f"{row.phase} {say.number(row.value)}%" for row in table.itertuples() if pd.notna(row.value)]
    return say("pulse.phases", list=", ".join(told)) if len(told) == len(levels) else ""


def _pulse(row: pd.Series, say: Catalogue) -> tuple[str, str]:
    if pd.isna(row["ci_low"]):
        return say("pulse.not_known"), say("summary.no_answer_sure")
    places = 0 if float(row["change"]).is_integer() else 1
    found = say(
        "pulse.halves" if row["compared"] == "halves" else "pulse.change",
        before=say.number(row["before"]),
        after=say.number(row["after"]),
        change=say.signed(row["change"], places),
        relative=say.percent(row["relative"]),
    )
    sure = "pulse.sure_clear" if row["clear"] else "pulse.sure_unclear"
    return found, say(sure, low=say.signed(row["ci_low"], places), high=say.signed(row["ci_high"], places))


def _teams(result: Verdicts, every: int, say: Catalogue) -> tuple[str, str]:
    if not result.n:
        return say("teams.not_told"), say("summary.no_answer_sure")
    chance = float(result.counts["expected_clear"].sum())
    judged = int(result.counts["judged"].sum())
    sure = say("teams.sure", judged=judged, chance=about(chance))
    counts = "counts_series" if len(result.counts) > 1 else "counts_some" if result.n < every else "counts"
    return say(f"teams.{counts}", teams=result.n, list=tallied(totals(result), say)), sure


def _scores(result: ScoreChange, say: Catalogue) -> tuple[str, str]:
    rows = result.changes
    last = rows[(rows["estimator"] == "everyone") & (rows["wave"] == result.means["wave"].iloc[-1])]
    if last["p_adjusted"].isna().all():
        return say("scores.unknown", total=len(last)), say("summary.no_answer_sure")
    sure = result.clear()
    clear = last[last.index.isin(sure.index)].sort_values("p_adjusted", kind="stable")
    told = [_score(row, result.titles, say) for _, row in clear.head(TOLD).iterrows()]
    told += [say("scores.more", count=len(clear) - TOLD)] if len(clear) > TOLD else []
    key = "scores.some" if len(clear) else "scores.none"
    return say(key, clear=len(clear), total=len(last), list="; ".join(told)), say("scores.sure")


def _score(row: pd.Series, titles: dict[str, str], say: Catalogue) -> str:
    places = decimals(row[["estimate", "ci_low_all", "ci_high_all"]].astype(float))
    better = (row["estimate"] > 0) == (row["better"] == "higher")
    numbers = {"estimate": row["estimate"], "low": row["ci_low_all"], "high": row["ci_high_all"]}
    return say(
        "scores.one",
        title=titles[row["scale"]],
        relative=say.percent(row["relative"]),
        way=say("primary.better" if better else "primary.worse"),
        **{name: say.signed(value, places) for name, value in numbers.items()},
    )


def _equity(result: Equity, say: Catalogue) -> tuple[str, str]:
    if result.tests.empty:
        return say("equity.small"), say("summary.no_answer_sure")
    changes = result.tests[result.tests["question"] == "change"]
    unlike = changes[changes["p_adjusted"] < 0.05]
    levels = result.tests[(result.tests["question"] == "level") & (result.tests["p_adjusted"] < 0.05)]
    told = say(
        "equity.differ" if len(unlike) else "equity.alike", attributes=_all(unlike if len(unlike) else changes, say)
    )
    if len(levels):
        told = f"{told} {say('equity.level', attributes=_all(levels, say))}"
    return told, say("equity.sure", tests=len(result.tests))


def _all(tests: pd.DataFrame, say: Catalogue) -> str:
    return listed(list(dict.fromkeys(tests["attribute"])), say("equity.and")) if len(tests) else ""


def _coordination(result: Change, beside: Result | None, say: Catalogue) -> tuple[str, str]:
    """Tell the change from the first to the last wave, process by process, and how it compares with units without."""
    rows = result.terms.query("part == 'between' and kind != 'decay' and process != 'all'")
    last = rows.drop_duplicates("process", keep="last")
    told, sure, scale = [], [], dict(zip(("lowest", "highest"), result.scale, strict=True))
    for _, row in last.iterrows():
        way = "same" if row["ci_low"] <= 0 <= row["ci_high"] else "rose" if row["estimate"] > 0 else "fell"
        process = f"{row['process'][:1].upper()}{row['process'][1:]}"
        shown = {"process": process, "percent": say.percent(row["percent"] / 100), **scale}
        told.append(say(f"coordination.{way}", estimate=say.signed(row["estimate"], 2), **shown))
        low, high = (say.signed(row[name], 2) for name in ("ci_low", "ci_high"))
        sure.append(say("coordination.sure_one", process=process, low=low, high=high))
    intervals = say("coordination.sure", list="; ".join(sure))
    if isinstance(beside, Difference):
        row = beside.tidy().iloc[0]
        numbers = {name: say.signed(row[key], 2) for name, key in INTERVAL.items()}
        intervals = f"{intervals} {say('coordination.beside', **numbers)}"
    return " ".join(told), intervals


def _teams_figure(result: Result | None, say: Catalogue) -> None:
    if isinstance(result, Verdicts) and result.n:
        total = totals(result)
        words = {name: say(f"teams.{name}") for name in total}
        alt, caption = say("teams.alt", list=tallied(total, say)), say("summary.teams_figure")
        report.exhibit(verdict_marks(total, words, alt, caption))


def _not_shown(found: dict[str, Result], store: Store, say: Catalogue) -> list[str]:
    """Name the few limits that every reader must know, each only where it holds."""
    primary = found.get("outcomes_primary")
    link = isinstance(primary, Association) and not primary.experimental
    told = ["not_cause"] if link else []
    told += ["no_comparison"] if {"improvement_verdicts", "experience_change"} & set(found) else []
    told += ["signal"] if "improvement_verdicts" in found else []
    limits = [say(f"not_shown.{name}") for name in told]
    limits += response_rate(store, lambda rate: say("not_shown.respondents", rate=rate))
    return [*limits, say("not_shown.teams", teams=len(store.table("teams")))]


def response_rate(store: Store, words: Callable[[str], str]) -> list[Said]:
    """Say the share of staff in post who answered the last wave, whole per cent of a rounded count, where known."""
    if "response" not in store.tables() or store.table("response").empty:
        return []
    flow = disclosure.show_flow(respondent_flow(store.table("response")), audience=disclosure.reader())
    return flow.say(lambda flow: [words(rate) for rate in _last_rate(flow)])


def _last_rate(flow: pd.DataFrame) -> list[str]:
    last = flow.iloc[-1]
    known = pd.notna(last["invited"]) and pd.notna(last["kept"])
    return [disclosure.share_in_words(last["kept"], last["invited"], disclosure.reader())] if known else []
