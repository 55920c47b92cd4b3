"""What stands after the chapters: limitations, methods with versions and inputs, glossary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

import joyeval
from joyeval import disclosure, report
from joyeval.coordination import LICENCE
from joyeval.improvement import Charts
from joyeval.intake.keys import KEY, keyed_digest
from joyeval.measurement import surveys
from joyeval.report.audiences import section
from joyeval.report.messages import catalogue
from joyeval.report.sections.experience import instruments
from joyeval.report.sections.summary import shown_of
from joyeval.report.sections.words import kind, sentence
from joyeval.study_checks import STEPS
from joyeval.wording import listed
from joyeval.words import code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.result import Result
    from joyeval.store import Store
    from joyeval.study import Study

# The results whose caveats bear on the summary, most weighty first. Caveats of side analyses stand with them.
MAIN = {
    "experience_change": "Survey scores",
    "outcomes_primary": "Link with outcomes",
    "outcomes_leave_one_out": "Link with outcomes, without one of them",
    "improvement_verdicts": "Verdicts on teams",
    "experience_equity": "Groups of staff",
    "coordination_change": "Relational coordination",
}
NO_LIMIT = {"association.named", LICENCE.code}  # notes that say something else
BECAME = {
    "whole": "whole here",
    "merged": "with small groups together",
    "in part": "without numbers that rest on too few",
    "hidden": "told in one sentence, since more than half would be hidden",
}
SAME = "The same files give the same report; draws of random numbers start from fixed seeds."
METHODS = {
    "improvement_charts": "Shares of positive answers on {chart}; rules: {rules}.",
    "improvement_multiverse": "The same teams judged by other rule sets, with and without a frozen baseline.",
    "experience_change": "Mixed models, random intercepts for person and team; teams as clusters (CR2, Satterthwaite); "
    "p values and intervals corrected by Bonferroni over scores and waves; linked people and others also apart.",
    "experience_equity": "One mixed model for each attribute and score, change varying by team; joint F tests; Holm.",
    "experience_reliability": "Cronbach's alpha by wave; intervals by the jackknife, which needs no normal items.",
    "experience_page": "Of each questionnaire: omega and one factor (robust maximum likelihood); the same meaning over "
    "linked waves with correlated residuals (Chen 2007) and as ordered options (WLSMV); ICC from analysis of variance; "
    "agreement (rwg) against 1,000 random groupings; reliable change (Jacobson & Truax 1991).",
    "experience_missing": "Non-response: change of people who stayed, left, joined; tipping points; weights raked to "
    "staff in post, 0.3 to 3 times their mean; unanswered items filled 20 times by chained equations that know the "
    "teams.",
    "coordination_change": "Mean of every tie at every wave by restricted maximum likelihood, raters as the sample.",
    "outcomes_primary": "Within-between model of team-periods, teams as clusters (CR2, Satterthwaite).",
    "outcomes_fixed_effects": "The same question by team and period fixed effects.",
    "outcomes_change": "The same question by change on change.",
    "outcomes_reverse": "The same question against the order of time.",
    "outcomes_leave_one_out": "The same question without each team in turn.",
}


@section
def limitations(study: Study, store: Store) -> None:
    """Emit the caveats behind the summary, most weighty first, each once."""
    report.heading(catalogue(study.language)("headings.limitations"), new_page=True)
    if study.synthetic:
        report.note("The data are synthetic: they were made to try the method out, and describe no real programme.")
    found = shown_of(store, study, [name for name in MAIN if name in store.results()])
    if _caveats(found.what):
        report.table(
            found.pipe(_table_of_caveats),
            caption="Limits of the main findings; the parts with the most weighty ones come first",
        )
    rule = disclosure.rule_of(study)
    told = (
        f"No statistic over fewer than {rule.threshold} people is shown. {sentence(rule.reason) if rule.reason else ''}"
    )
    report.text(disclosure.nobody(told, "the threshold"), *_published(study))


def _published(study: Study) -> list[str]:
    """Say which figures stand for everyone to read already, so that nothing in them is hidden again."""
    parts = [part for part in (*study.pulses, *study.outcomes) if part.published]
    told = (f"“{part.title}” is shown as it stands for everyone to read: {part.published}" for part in parts)
    return [disclosure.nobody(sentence(one), "published figures") for one in dict.fromkeys(told)]


def _table_of_caveats(found: Mapping[str, Result]) -> pd.DataFrame:
    rows = [(part, " ".join(notes)) for part, notes in _caveats(found).items()]
    return pd.DataFrame(rows, columns=["part", "limits"])


def _caveats(found: Mapping[str, Result]) -> dict[str, list[str]]:
    """Return the caveats of each part; those that differ in their numbers only stand once, where they come first."""
    told, seen = {}, set()
    for name, result in found.items():
        alike = {kind(note): note for note in result.notes if code(note) not in NO_LIMIT}
        new = [sentence(note) for key, note in alike.items() if key not in seen]
        seen |= set(alike)
        told |= {MAIN[name]: new} if new else {}
    return told


@section
def cost_of_the_gate(study: Study, record: Mapping[str, Any]) -> None:
    """Emit how many tables and pictures of the chapters are whole for these readers, and what became of the others."""
    audience, steps = disclosure.reader().audience, (STEPS[0], *study.chapters)
    costs = [record["steps"].get(name, {}).get("exhibits", {}).get(audience, {}) for name in steps]
    total = {kind: sum(of.get(kind, 0) for of in costs) for kind in ("whole", "merged", "in part", "hidden")}
    if sum(total.values()):
        became = [f"{total[kind]} {words}" for kind, words in BECAME.items() if total[kind]]
        told = f"Tables and pictures that speak of groups of people: {sum(total.values())}; {listed(became)}."
        report.text(disclosure.nobody(told, "tables and pictures"))


@section
def methods(study: Study, cohort: str, store: Store, record: Mapping[str, Any]) -> None:
    """Emit how the numbers were made: analyses, questionnaires, versions, and the raw files with their keyed hashes.

    Parameters
    ----------
    record : mapping
        The run record, as `joyeval.pipeline.record.read_record` gives it.
    """
    report.heading(catalogue(study.language)("headings.methods"))
    made = f"This report was made by joyeval {joyeval.__version__} from the study file {study.path.name}."
    report.text(disclosure.nobody(made, "versions"), SAME)
    if study.source:
        report.text(f"Source of the data: {study.source}")
    _named_beforehand(study)
    _analyses(study, store)
    _questionnaires(study, cohort)
    made_with = record["steps"].get("01_clean_waves", {}).get("fingerprint", {})
    _versions(made_with.get("library", {}))
    _inputs(study, made_with.get("inputs", {}))


def _named_beforehand(study: Study) -> None:
    if study.primary:
        first, last = study.primary.window
        staff = {part.measure: part.title for part in study.pulses}.get(study.primary.staff, study.primary.staff)
        outcome = next(part.title for part in study.outcomes if part.measure == study.primary.outcome)
        named = f"The primary analysis was named in the study file: “{staff}” against “{outcome}”, {first} to {last} "
        report.text(disclosure.nobody(f"{named}months later. {study.primary.why}", "months"))


def _analyses(study: Study, store: Store) -> None:
    charts = store.result("improvement_charts") if "improvement_charts" in store.results() else None
    facts = {"chart": "control charts", "rules": ""}
    if isinstance(charts, Charts):
        facts = {"chart": f"{charts.kind} charts", "rules": f"{charts.rule_set.title} ({charts.rule_set.source})"}
    told = [
        study.teams.in_words(text.format(**facts))
        for name, text in METHODS.items()
        if any(one.startswith(name) for one in store.results())
    ]
    if told:
        report.heading("Analyses", level=3)
        report.items(disclosure.nobody(text, "methods") for text in told)


def _questionnaires(study: Study, cohort: str) -> None:
    used = surveys.instruments(study, cohort)
    if used:
        report.heading("Questionnaires", level=3)
        instruments(used)


def _versions(library: Mapping[str, str]) -> None:
    if library:
        named = ", ".join(f"{name} {version}" for name, version in library.items() if name not in ("joyeval", "code"))
        report.heading("Versions and raw files", level=3)
        told = f"joyeval {library['joyeval']} (code {library['code']}), with {named}."
        report.text(disclosure.nobody(told, "versions"))


def _inputs(study: Study, inputs: Mapping[str, str]) -> None:
    """Raw files by keyed hashes: a plain one would confirm a guess of what is in them, and stands in run.json only."""
    files = {name: digest for name, digest in inputs.items() if name != KEY}
    if not files:
        return
    table = pd.DataFrame(files.items(), columns=["raw file", "keyed hash"])
    table["keyed hash"] = [keyed_digest(study, digest) for digest in files.values()]
    told = "each with its SHA-256, hashed with the key of the study; plain ones stay at home, in run.json"
    if table["keyed hash"].isna().all():
        table, told = table[["raw file"]], "the SHA-256 of each stays at home, in run.json"
    report.table(disclosure.nobody(table, "raw files"), caption=f"Raw files that this report rests on; {told}")
