"""The study file of the demonstration programme, written out as an evaluator would write it."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval.synthetic import relational, service, staff, tables
from joyeval.synthetic.build import coordination_name, survey_name
from joyeval.synthetic.exports import CELLS, NOT_ASKED, RENAMED, SHAPES, headings
from joyeval.synthetic.programme import CODE_VALUES, ORGANISATIONS, PLANS
from joyeval.synthetic.questionnaire import INSTRUMENTS, ITEMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joyeval.synthetic.programme import Plan

_HEAD = """\
# The demonstration programme. Everything in it is synthetic: see data/raw/enjoying_work/README.md.
# It is also an example of a study file; editors complete it from study.schema.json.
study: enjoying_work
title: Enjoying Work
data: ../data/raw/enjoying_work
synthetic: true
source: >-
  Synthetic data made by joyeval.synthetic, seed 2017. Shaped like published joy-in-work programmes; no real
  organisation, team or person is described.
programme:
  name: Enjoying Work
  aim: Six in ten answers to the pulse report a good day by the end of the programme, in every cohort.
  description: >-
    Teams ask what matters to them, find what stands in the way of a good day, and test changes in small cycles,
    supported by six learning sets, action periods and coaching calls over eight months.
  rationale: >-
    Staff who have good days at work have more to give, so service users' experience should improve one to three
    months later.
  drivers:
    Wellness and resilience: [Protected breaks, Quiet room, Walk and talk, No e-mail after six]
    Daily improvement: [Fewer meetings, Rota agreed a month ahead, Ten-minute check-in]
    Camaraderie and teamwork: [Shared lunch on Wednesdays, Buddy for new starters, Peer supervision]
    Recognition and reward: [Thank-you board, Good-news round]
"""

_TAIL = """
primary:
  staff: good_day
  outcome: fft_positive
  window: [1, 3]
  why: >-
    Named before the data were collected: weekly good days are the measure that teams work on, and experience is
    the outcome that every service collects.
secondary:
  - {staff: good_day, outcome: incidents_contacts, window: [1, 3], why: Fewer incidents where staff have better days.}
  - {staff: good_day, outcome: dialog, window: [1, 3], why: Better quality of life where staff have better days.}
  - {staff: good_day, outcome: sickness, window: [1, 3], why: Less sickness absence where staff have better days.}
disclosure:
  threshold: 11
"""

WIDTH = 112
_HARD_SPACE = "\x1f"  # keeps the words of an entry together while lines are filled
_DATES = {"surveymonkey": "%m/%d/%Y %I:%M:%S %p", "qualtrics": "%Y-%m-%d %H:%M:%S", "semicolon": "%d/%m/%Y %H:%M"}
_RATES = {"incidents_beds": True, "incidents_contacts": False}


def study_text() -> str:
    """Return the text of ``pipelines/enjoying_work.yml``."""
    parts = [_organisations(), _cohorts(), _teams(), _forms(), _waves(), _pulses(), _coordination(), _outcomes()]
    return _HEAD + "".join(parts) + _events() + _TAIL


def _organisations() -> str:
    return "\norganisations:\n" + "".join(f"  - {_flow(code=c, name=n)}\n" for c, n in ORGANISATIONS.items())


def _cohorts() -> str:
    return "\ncohorts:\n" + "".join(map(_cohort, PLANS))


def _cohort(plan: Plan) -> str:
    phases = "".join(f"      - {_flow(name=n, start=a, end=b)}\n" for n, (a, b) in plan.phases.items())
    one = f"    organisation: {plan.organisations[0]}\n" if len(plan.organisations) == 1 else ""
    head = f'  - cohort: "{plan.cohort}"\n    title: {plan.title}\n    start: {plan.start}\n    end: {plan.end}\n'
    return f"{head}{one}    phases:\n{phases}"


def _teams() -> str:
    names = {f"Cohort {plan.cohort}": plan.cohort for plan in PLANS}
    return f"\nteams:\n  file: teams.csv\n{_mapping('columns', tables.TEAMS, 2)}{_mapping('cohort_names', names, 2)}"


def _forms() -> str:
    """Return what the waves of a cohort have in common, written once."""
    return "\nforms:\n" + "".join(map(_survey_form, SHAPES)) + "".join(map(_coordination_form, relational.COHORTS))


def _survey_form(cohort: str) -> str:
    dates = {"dates": _DATES[SHAPES[cohort]]} if SHAPES[cohort] in _DATES else {}
    answers = "" if CELLS[SHAPES[cohort]] == "numbers" else _answers()
    return (
        f'  survey_{cohort}:\n    cohorts: ["{cohort}"]\n{_rest(dates, 4)}'
        f"{_list('instruments', INSTRUMENTS)}{_list('link_by', tuple(CODE_VALUES))}"
        f"{_mapping('columns', headings(cohort, staff.WAVES[0]), 4)}{answers}"
    )


def _waves() -> str:
    return "\nwaves:\n" + "".join(_wave(plan, wave, day) for plan in PLANS for wave, day in _opened(plan))


def _opened(plan: Plan) -> list[tuple[str, pd.Timestamp]]:
    days = [pd.Timestamp(plan.start) + pd.Timedelta(days=day) for day in plan.wave_days]
    return list(zip(staff.WAVES, days, strict=True))


def _wave(plan: Plan, wave: str, opens: pd.Timestamp) -> str:
    closes = opens + pd.Timedelta(days=staff.WAVE_LENGTH)
    return (
        f"  - wave: {wave}\n    form: survey_{plan.cohort}\n    file: {survey_name(plan.cohort, wave)}\n"
        f"    start: {opens:%Y-%m-%d}\n    end: {closes:%Y-%m-%d}\n{_peculiar(plan.cohort, wave)}"
    )


def _peculiar(cohort: str, wave: str) -> str:
    """In what a wave differs from the others of its cohort."""
    missing, renamed = NOT_ASKED.get((cohort, wave)), RENAMED.get((cohort, wave))
    if missing:
        return f"    not_asked: [{missing}]\n    note: {missing} was left out of this wave by mistake.\n"
    if renamed:
        columns = _mapping("columns", {renamed: headings(cohort, wave)[renamed]}, 4)
        return f"{columns}    note: The heading of {renamed} was changed in this wave.\n"
    return ""


def _answers() -> str:
    """Labels and their codes, by instrument: exports hold labels, or a label here and there among codes."""
    labels: dict[str, dict[str, int]] = {}
    for item in ITEMS:
        labels.setdefault(item.instrument, {}).update({label: code for code, label in enumerate(item.answers, 1)})
    return "    answers:\n" + "".join(_mapping(name, codes, 6) for name, codes in labels.items())


_PULSES: dict[str, dict[str, Any]] = {
    "1": {"columns": {"date": "Date", "team": "Team", "answer": "Answer"}, "positive": ["Agree", "Strongly agree"]},
    "2": {"columns": {"period": "Week", "team": "Team", "positive": "Good days", "answers": "Answers",
                      "opportunities": "Asked"}},
    "3": {"columns": {"date": "Date", "team": "Team", "answer": "Answer"}, "positive": [4, 5]},
    "4": {"columns": {"period": "Week", "team": "Team", "positive": "Good days", "answers": "Answers",
                      "opportunities": "Asked"}, "dates": "%d/%m/%Y"},
    "5": {"columns": {"period": "Week", "team": "Team", "positive": "% good days", "answers": "Answers",
                      "opportunities": "Asked"}, "percent": True},
}  # fmt: skip


def _pulses() -> str:
    return "\npulses:\n" + "".join(
        f"  - measure: good_day\n    title: Good day at work\n    cohorts: [{_quoted(cohort)}]\n    period: week\n"
        f"    improve: increase\n    file: pulses/good-day_{cohort}.csv\n{_rest(more, 4)}"
        for cohort, more in _PULSES.items()
    )


def _coordination_form(cohort: str) -> str:
    wide, raw = cohort == "5", cohort == "4"
    names = {"process": "Process", "person": "Rater", "workgroup": "Workgroup", "date": "Date"}
    if not wide:
        names |= {"target": "Rates"} | tables.DIMENSION_NAMES | {"no_contact": "No contact"}
    return (
        f'  coordination_{cohort}:\n    cohorts: ["{cohort}"]\n    layout: {"wide" if wide else "ties"}\n'
        f"    frequency: {'raw' if raw else 'scored'}\n{_mapping('columns', names, 4)}"
    )


def _coordination() -> str:
    return "\ncoordination:\n" + "".join(
        f"  - wave: {wave}\n    form: coordination_{cohort}\n    file: {coordination_name(cohort, wave)}\n"
        + _other_groups(cohort, wave)
        for cohort in relational.COHORTS
        for wave in relational.WAVES
    )


def _other_groups(cohort: str, wave: str) -> str:
    renamed = {new: old for old, new in tables.RENAMED_GROUP.items()}
    return _mapping("workgroups", renamed, 4) if (cohort, wave) == tables.RENAMED_IN else ""


def _outcomes() -> str:
    both = {"team": "Team", "period": "Month"}
    fft = both | {"numerator": list(service.FFT[:2]), "denominator": list(service.FFT)}
    incidents = both | {"numerator": "Incidents", "denominator": "Exposure"}
    entries = [
        ("fft_positive", "Service users who rate their experience good or very good", "proportion", "%", "increase",
         "experience.csv", {"columns": fft, "missing": ["", "*"]}),
        *(
            (measure, f"Incidents per 1,000 {tables.EXPOSURE[ward]}", "rate", f"per 1,000 {tables.EXPOSURE[ward]}",
             "decrease", "incidents.xlsx", {"per": 1000.0, "columns": incidents,
                                            "where": {"Exposure counted in": tables.EXPOSURE[ward]}})
            for measure, ward in _RATES.items()
        ),
        ("dialog", "DIALOG, mean of the eleven items", "mean", "points, 1 to 7", "increase", "dialog.csv",
         {"columns": both | {"value": "Mean score", "denominator": "Completed"}, "dates": "%d/%m/%Y"}),
        ("sickness", "Working days lost to sickness", "proportion", "% of days", "decrease", "sickness.csv",
         {"columns": both | {"numerator": "Days lost", "denominator": "Days available"},
          "leave_out": {"Team": "All teams"}, "service_users": False}),
    ]  # fmt: skip
    return "\noutcomes:\n" + "".join(_outcome(*entry) for entry in entries)


def _outcome(measure: str, title: str, kind: str, unit: str, improve: str, file: str, more: dict[str, Any]) -> str:
    return (
        f"  - measure: {measure}\n    title: {_quoted(title)}\n    kind: {kind}\n    unit: {_quoted(unit)}\n"
        f"    improve: {improve}\n    period: month\n    file: outcomes/{file}\n{_rest(more, 4)}"
    )


def _events() -> str:
    names = {name: name.replace("_", " ").capitalize() for name in ("date", "scope", "scope_id", "kind", "label")}
    return f"\nevents:\n  file: events.csv\n{_mapping('columns', names, 2)}"


def _rest(more: dict[str, Any], indent: int) -> str:
    pad = " " * indent
    return "".join(
        _mapping(key, value, indent) if isinstance(value, dict) else f"{pad}{key}: {_value(value)}\n"
        for key, value in more.items()
    )


def _list(key: str, names: tuple[str, ...]) -> str:
    return _filled(f"{key}: [", names, "]", 4)


def _mapping(key: str, value: Mapping[str, Any], indent: int) -> str:
    pairs = tuple(f"{_key(name)}: {_value(entry)}" for name, entry in value.items())
    return _filled(f"{key}: {{", pairs, "}", indent)


def _filled(start: str, entries: tuple[str, ...], end: str, indent: int) -> str:
    """Fill entries into as few lines as they take; no entry is broken."""
    whole = start + ", ".join(entry.replace(" ", _HARD_SPACE) for entry in entries) + end
    options = {"initial_indent": " " * indent, "subsequent_indent": " " * (indent + 2), "break_on_hyphens": False}
    return textwrap.fill(whole, WIDTH, break_long_words=False, **options).replace(_HARD_SPACE, " ") + "\n"


def _flow(**pairs: Any) -> str:
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in pairs.items()) + "}"


def _key(name: str) -> str:
    return name if name.isidentifier() else _quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
