"""Sections of the cohort report that say who, what and how; every number comes from a stored table or result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

import joyeval
from joyeval import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

ESTIMATES = {"estimate": ".3g", "ci_low": ".3g", "ci_high": ".3g", "p": "p"}
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
        report.items(_sentence(note) for note in notes)


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}" + ("" if note.endswith((".", "?", "!")) else ".")


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


def recognised(notices: dict[str, tuple[str, ...]]) -> None:
    """Emit what each raw file was recognised as."""
    rows = [(file, "; ".join(_counted(told))) for file, told in notices.items()]
    table = pd.DataFrame(rows, columns=["file", "recognised as"])
    report.table(table, caption="Raw files, and what each was recognised as when it was read")


def _counted(told: tuple[str, ...]) -> list[str]:
    counts = pd.Series(told, dtype="str").value_counts(sort=False)
    return [notice if count == 1 else f"{count} files: {notice}" for notice, count in counts.items()]


def flow(table: pd.DataFrame) -> None:
    """Emit what became of the rows of every source."""
    shown = table.rename(columns={"wave": "source", "n_in": "rows in", "n_out": "rows out"})
    report.table(shown, caption="Rows at each step, from the raw files to the tables that the analyses read")


def set_aside(quarantine: pd.DataFrame) -> None:
    """Emit why rows and values were not used."""
    if quarantine.empty:
        report.text("Nothing was set aside.")
        return
    counts = quarantine.groupby(["file", "rule"], sort=False).agg(entries=("row", "size"), remedy=("fix", "first"))
    report.table(counts.reset_index(), caption="Rows and values that were not used, by reason")


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


def estimates(result: Result, *, caption: str) -> None:
    """Emit the estimates of a result; one that has none says so in its sentence."""
    table = result.tidy()
    if len(table):
        names = [name for name in ("term", "estimate", "ci_low", "ci_high", "p", "n") if name in table]
        report.table(table[names], caption=caption, formats=ESTIMATES)


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
    from joyeval.outcomes import side_by_side as together

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


def limitations(study: Study, store: Store) -> None:
    """Emit the caveats of every stored result, each once."""
    report.heading("Limitations")
    if study.synthetic:
        report.note("The data are synthetic: they were made to try the method out, and describe no real programme.")
    notes = [note for name in store.results() for note in store.result(name).notes]
    report.items(_sentence(note) for note in dict.fromkeys(notes))
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
