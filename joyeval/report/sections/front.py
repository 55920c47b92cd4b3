"""What stands around the chapters: title, summary, programme, limitations, methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

import joyeval
from joyeval import report
from joyeval.report.sections.words import sentence

if TYPE_CHECKING:
    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

ANSWERS = {
    "improvement_verdicts": "Did teams have more good days?",
    "experience_change": "Did staff experience change?",
    "coordination_change": "Did workgroups come to work together better?",
    "outcomes_primary": "Did outcomes for service users go with it?",
}


def title_page(study: Study, cohort: str, store: Store) -> None:
    """Emit the title page: programme, cohort, the last day of the data, version."""
    report.title(
        study.title,
        subtitle="Synthetic data: nobody in this report exists" if study.synthetic else "Evaluation report",
        cohort=study.cohort(cohort).title,
        data_as_of=last_day(store) or "",
        version=f"joyeval {joyeval.__version__}",
        language=study.language,
    )


def last_day(store: Store) -> pd.Timestamp | None:
    """Return the last day of which the data know: the data-freeze date."""
    days = [store.table(name)["period"].max() for name in ("pulse", "outcomes") if name in store.tables()]
    days += [store.table(name)["date"].max() for name in store.tables() if name.startswith("wave_")]
    known = [day for day in days if pd.notna(day)]
    return max(known) if known else None


def summary(study: Study, cohort: str, store: Store) -> None:
    """Emit the page for who reads one page: what changed, how sure, what it does not show."""
    report.heading("Summary")
    teams = len(store.table("teams"))
    time = study.cohort(cohort)
    report.text(
        f"{study.programme.name}, {time.title}: {teams} teams, {time.start:%B %Y} to {time.end:%B %Y}. "
        f"Aim: {study.programme.aim}"
    )
    found = {name: store.result(name) for name in ANSWERS if name in store.results()}
    for name, result in found.items():
        report.heading(ANSWERS[name], level=3)
        report.text(result.sentence())
    absent = [question for name, question in ANSWERS.items() if name not in found]
    if absent:
        report.note(f"This cohort has no data to answer: {' '.join(absent)}")
    _not_shown(list(found.values()))


def _not_shown(results: list[Result]) -> None:
    notes = list(dict.fromkeys(note for result in results for note in result.notes))
    if notes:
        report.heading("What this does not show", level=3)
        report.items(sentence(note) for note in notes)


def programme(study: Study, cohort: str, store: Store) -> None:
    """Emit aim, theory, timeline and what was done."""
    report.heading("Aim and programme")
    for paragraph in (study.programme.description, study.programme.rationale):
        if paragraph:
            report.text(paragraph)
    _phases(study, cohort)
    _drivers(study)
    _done(store)


def _phases(study: Study, cohort: str) -> None:
    phases = study.cohort(cohort).phases
    if phases:
        rows = [(phase.name, f"{phase.start:%-d %B %Y}", f"{phase.end:%-d %B %Y}") for phase in phases]
        table = pd.DataFrame(rows, columns=["phase", "from", "to"])
        report.table(table, caption="Phases of the cohort")


def _drivers(study: Study) -> None:
    if study.programme.drivers:
        rows = [(driver, "; ".join(ideas)) for driver, ideas in study.programme.drivers.items()]
        table = pd.DataFrame(rows, columns=["driver", "change ideas"])
        report.table(table, caption="Driver diagram: what the programme works on, and the changes tested")


def _done(store: Store) -> None:
    events = store.table("events")
    if len(events):
        report.heading("What was done", level=3)
        counts = events.groupby("kind").agg(times=("date", "size"), first=("date", "min"), last=("date", "max"))
        days = {name: counts[name].dt.strftime("%B %Y") for name in ("first", "last")}
        report.table(counts.assign(**days).reset_index(), caption="Events of the programme, by kind")


def limitations(study: Study, store: Store) -> None:
    """Emit the caveats of every stored result, each once."""
    report.heading("Limitations")
    if study.synthetic:
        report.note("The data are synthetic: they were made to try the method out, and describe no real programme.")
    notes = [note for name in store.results() for note in store.result(name).notes]
    report.items(sentence(note) for note in dict.fromkeys(notes))
    report.text(
        f"No statistic over fewer than {study.disclosure.threshold} valid answers is shown. {study.disclosure.reason}"
    )


def methods(study: Study, cohort: str) -> None:
    """Emit how the numbers were made."""
    report.heading("Methods")
    report.text(
        f"This report was made by joyeval {joyeval.__version__} from the study file {study.path.name}; the same files "
        "give the same report. The record of the run, with the SHA-256 of every raw file and the version of every "
        "library, is kept beside it in run.json."
    )
    if study.source:
        report.text(f"Source of the data: {study.source}")
    if study.primary:
        first, last = study.primary.window
        report.text(
            f"The primary analysis was named in the study file: {study.primary.staff} against {study.primary.outcome}, "
            f"{first} to {last} months later. {study.primary.why}"
        )
