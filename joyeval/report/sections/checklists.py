"""Reporting guidelines, item by item: SQUIRE 2.0 as an exportable checklist, and RE-AIM from the results."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from joyeval import disclosure, report
from joyeval.improvement import Verdicts
from joyeval.judgement import BETTER, NOT_CLEAR, WORSE, key
from joyeval.measurement.scores import ScoreChange
from joyeval.report.audiences import section, tables_of
from joyeval.report.messages import catalogue
from joyeval.report.sections.programme import PRACTICES, TESTS
from joyeval.report.sections.summary import by_phase, last_day, response_rate, shown_of
from joyeval.report.sections.words import rule
from joyeval.wording import counted, listed

if TYPE_CHECKING:
    from joyeval.disclosure import Rule
    from joyeval.store import Store
    from joyeval.study import Study

OPEN = "not reported: to be written by the authors"


@dataclass(frozen=True)
class Item:
    """One item of a reporting guideline, and where a report answers it."""

    item: str
    section: str
    heading: str
    asks: str
    here: str = ""
    needs: str = ""
    authors: str = ""


@cache
def squire_items() -> tuple[Item, ...]:
    """Return the items of SQUIRE 2.0 in order."""
    import yaml

    stored = (files("joyeval.report") / "guidelines" / "squire_2_0.yml").read_text(encoding="utf-8")
    return tuple(Item(**entry) for entry in yaml.safe_load(stored))


@section
def guidelines(study: Study, cohort: str, store: Store) -> None:
    """Emit the SQUIRE 2.0 checklist and the RE-AIM table, and save both as files for authors."""
    report.heading(catalogue(study.language)("headings.guidelines"), new_page=True)
    report.text("Where this report answers what guidelines ask. The folder tables beside it has both as CSV and Word.")
    if any(name.startswith("wave_") for name in store.tables()):
        report.text("The checklist for e-surveys (CHERRIES) stands in the chapter on data.")
    report.heading("SQUIRE 2.0", level=3)
    _emit(squire(study, store), "squire_2_0", "SQUIRE 2.0: each item, and where it is answered", store, named=2)
    report.heading("RE-AIM", level=3)
    _emit(re_aim(study, cohort, store), "re_aim", "RE-AIM: reach, effect, adoption, carrying out and upkeep", store)


def _emit(table: pd.DataFrame, name: str, caption: str, store: Store, *, named: int = 1) -> None:
    shown = disclosure.nobody(table, "items of a checklist")
    report.table(shown, caption=caption, header_columns=named)
    if store.out is not None:
        report.save_table(shown, tables_of(store) / name, caption=caption, header_columns=named)


ALSO = {"conclusions": "conclusions", "context": "context", "contextual_elements": "hindered"}


def squire(study: Study, store: Store) -> pd.DataFrame:
    """Return the checklist: item, heading, what it asks, and where it is answered.

    Returns
    -------
    DataFrame
        item, heading, asks, answered: a part of this report, the authors' words, or that it is still to be written.
    """
    rows = [(one.item, one.heading, one.asks, _answered(one, study, store)) for one in squire_items()]
    return pd.DataFrame(rows, columns=["item", "heading", "asks for", "answered"])


def _answered(item: Item, study: Study, store: Store) -> str:
    there = item.here and (not item.needs or any(name.startswith(item.needs) for name in store.results()))
    told = getattr(study.squire, item.authors) if item.authors else ""
    told = told or getattr(study.interpretation, ALSO.get(item.authors, ""), "")
    answers = [f"Here: {item.here}." if there else "", told]
    return " ".join(answer for answer in answers if answer) or OPEN


def re_aim(study: Study, cohort: str, store: Store) -> pd.DataFrame:
    """Return the five dimensions of RE-AIM with what this evaluation can say of each.

    References
    ----------
    Glasgow, Vogt & Boles (1999), Am. J. Public Health 89(9), 1322-1327, doi:10.2105/AJPH.89.9.1322.
    """
    told = {
        "Reach": _reach(store, rule(study)),
        "Effectiveness": _effect(study, store),
        "Adoption": _adoption(study, cohort, store),
        "Implementation": _carried_out(store),
        "Maintenance": _kept_up(study, cohort, store),
    }
    asks = (
        "Who was reached, and are they like everyone?",
        "What changed, for better and for worse?",
        "Which teams and places took it up?",
        "Was it carried out as planned, with what changes, at what cost?",
        "Did it last?",
    )
    rows = [(name, question, text or OPEN) for (name, text), question in zip(told.items(), asks, strict=True)]
    return pd.DataFrame(rows, columns=["dimension", "asks", "answered"])


def _reach(store: Store, seen: Rule) -> str:
    counts = disclosure.show_counts({"staff": store.table("teams")["headcount"].sum()}, audience=seen).what
    text = f"About {counts['staff']} staff in post were offered the programme. " if counts else ""
    told = response_rate(store, lambda rate: f"{rate} answered the last survey; see Who took part.")
    return text + "".join(told)


def _effect(study: Study, store: Store) -> str:
    parts = []
    if "improvement_verdicts" in store.results():
        found = shown_of(store, study, ["improvement_verdicts"]).what["improvement_verdicts"]
        if isinstance(found, Verdicts) and found.n:
            total = found.counts.select_dtypes("number").sum()
            better, worse = (int(total[key(word)]) for word in (BETTER, WORSE))
            told = f"{counted(better, study.teams.called)} got clearly better and {worse} clearly worse"
            parts.append(f"{told}, of {found.n} that can be counted.")
    if "experience_change" in store.results():
        found = store.result("experience_change")
        if isinstance(found, ScoreChange):
            last = found.changes.query("estimator == 'everyone'").drop_duplicates("scale", keep="last")
            clear = last[last.index.isin(found.clear().index)]
            better = ((clear["estimate"] > 0) == (clear["better"] == "higher")).sum()
            told = (
                f"{better} became clearly better, {len(clear) - better} clearly worse; of the others it is {NOT_CLEAR}"
            )
            told = f"Of {counted(len(last), 'score')} {told}."
            parts.append("Whether scores changed cannot be judged." if last["p_adjusted"].isna().all() else told)
    return " ".join(parts)


def _adoption(study: Study, cohort: str, store: Store) -> str:
    if store.table("events").empty and not study.cohort(cohort).phases:
        return ""  # nothing to take part in
    teams = store.table("teams")
    many = {name: teams[name].nunique() for name in ("setting", "organisation") if name in teams}
    own = many.get("organisation") == len(teams)  # each is an organisation: nothing is said by counting them twice
    places = [counted(n, name) for name, n in many.items() if n and not (own and name == "organisation")]
    joined = f" from {listed(places)}" if places else ""
    return f"{counted(len(teams), study.teams.called)}{joined} took part. Who was asked and declined is not known."


def _carried_out(store: Store) -> str:
    events = store.table("events")
    own = events[events["scope"] == "team"]
    if own.empty:
        return ""
    tests, practices = own["kind"].isin(TESTS).sum(), own["kind"].isin(PRACTICES).sum()
    return (
        f"Teams logged {tests} tests, change ideas and huddles and {practices} uses of the partnership practices; "
        "dose by team and costs stand under Aim and programme. Whether practices were done as meant was not observed."
    )


def _kept_up(study: Study, cohort: str, store: Store) -> str:
    """Say how long the data go on after the programme phase, and what the last survey shows."""
    ends = [phase.end for phase in study.cohort(cohort).phases if phase.name == "programme"]
    last = last_day(store)
    if not ends or last is None:
        return ""
    months = round((last - pd.Timestamp(ends[0])).days / 30.4)
    told = (
        f"The data go on for {counted(months, 'month')} after the programme phase; changes in this report run to "
        "the last survey and the last week, so they include what was kept."
    )
    levels = {
        part.title: by_phase(study, cohort, part.measure, store, catalogue("en"))
        for part in study.of_cohort("pulses", cohort)
        if "pulse" in store.tables()
    }
    return " ".join([told, *(f"{title}. {level}" for title, level in levels.items() if level)])
