"""From the programme to its files, and the truth about each of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval.synthetic import activities, relational, service, staff, tables
from joyeval.synthetic.damage import damage, previews
from joyeval.synthetic.exports import CELLS, NOT_ASKED, SHAPES, SUFFIXES, headings, survey_file, table
from joyeval.synthetic.programme import PLANS, found
from joyeval.synthetic.questionnaire import KEYS

if TYPE_CHECKING:
    from joyeval.synthetic.damage import Damaged
    from joyeval.synthetic.programme import Programme

HEADING_ROWS = {"surveymonkey": 2, "qualtrics": 3, "spss": 0}
PREVIEWS = 2  # in each Qualtrics export


def build(seed: int) -> dict[str, bytes]:
    """Return every file by its name, ``truth.json`` among them."""
    programme = found(seed)
    weeks = staff.staff_weeks(programme)
    share = staff.monthly_share(weeks)
    ties = relational.ties(programme)
    surveys, planted = _surveys(programme)
    pulses = {f"pulses/good-day_{p.cohort}.csv": tables.pulse_table(weeks, p.cohort, programme.rng(6)) for p in PLANS}
    made = {
        "teams.csv": tables.teams_file(programme),
        "events.csv": tables.events_file(activities.events(programme)),
        **{name: table(pulse) for name, pulse in pulses.items()},
        **surveys,
        **{
            coordination_name(cohort, wave): tables.coordination_file(ties, cohort, wave)
            for cohort in relational.COHORTS
            for wave in relational.WAVES
        },
        "coordination/roster.csv": tables.roster_file(ties),
        **tables.outcome_files(service.outcomes(programme, share)),
    }
    truth = _truth(programme, share) | {"pulses": _pulse_truth(pulses), "surveys": planted}
    return made | {"truth.json": _json(truth)}


def survey_name(cohort: str, wave: str) -> str:
    """Return the name of a survey export below the data folder."""
    return f"surveys/{SHAPES[cohort]}_{cohort}_{wave}.{SUFFIXES[SHAPES[cohort]]}"


def coordination_name(cohort: str, wave: str) -> str:
    """Return the name of a coordination file below the data folder."""
    return f"coordination/rc_{cohort}_{wave}.{'xlsx' if cohort == '4' else 'csv'}"


def _surveys(programme: Programme) -> tuple[dict[str, bytes], dict[str, Any]]:
    made, truth, rng = {}, {}, programme.rng(7)
    for (cohort, wave), answers in staff.surveys(programme).groupby(["cohort", "wave"]):
        asked = [key for key in KEYS if key != NOT_ASKED.get((cohort, wave))]
        damaged = damage(answers, cells_are=CELLS[SHAPES[cohort]], asked=asked, rng=rng)
        rows = damaged.rows
        if SHAPES[cohort] == "qualtrics":
            rows = pd.concat([previews(rows, PREVIEWS), rows], ignore_index=True)
        name = survey_name(cohort, wave)
        made[name] = survey_file(rows, cohort, wave)
        truth[name] = _planted(damaged, rows, cohort, wave)
    return made, truth


def _planted(damaged: Damaged, rows: pd.DataFrame, cohort: str, wave: str) -> dict[str, Any]:
    """Who answered in each row, and where the faults are: rows as the file counts them, headings as they stand."""
    first = HEADING_ROWS.get(SHAPES[cohort], 1) + 1 + (len(rows) - len(damaged.rows))
    names = headings(cohort, wave)
    cells = {
        what: [[row + first, names[key]] for row, key in getattr(damaged, what)]
        for what in ("out_of_range", "other_spelling")
    }
    whole = {what: [row + first for row in getattr(damaged, what)] for what in ("duplicates", "unfinished", "straight")}
    people = [None if person < 0 else int(person) for person in rows["person"]]
    return {"people": people, "slips": [int(n) for n in rows["slips"]], **cells, **whole}


def _pulse_truth(pulses: dict[str, pd.DataFrame]) -> dict[str, dict[str, int]]:
    """Rows, answers left blank, and weeks with no answer."""
    return {
        name: {
            "rows": len(pulse),
            "blank": int(pulse["Answer"].eq("").sum()) if "Answer" in pulse else 0,
            "no_answers": int(pulse["Answers"].eq(0).sum()) if "Answers" in pulse else 0,
        }
        for name, pulse in pulses.items()
    }


def _truth(programme: Programme, share: pd.DataFrame) -> dict[str, Any]:
    share_of = share.groupby("team")["share"].agg(lambda s: [round(v, 4) for v in s])
    teams = programme.teams[["cohort", "team", "course", "effect", "level", "headcount"]]
    return {
        "synthetic": True,
        "seed": programme.seed,
        "staff": len(programme.people),
        "assumptions": asdict(programme.truth),
        "outcome_window_months": list(service.WINDOW),
        "outcome_estimates": service.SEEN,
        "coordination": {
            "change_by_wave": dict(zip(relational.WAVES, relational.CHANGE, strict=True)),
            "seen_change_by_wave": dict(zip(relational.WAVES, relational.SEEN_CHANGE, strict=True)),
            "units_that_change": [units[0] for units in relational.UNITS.values()],
            "variances": relational.VARIANCES,
            "reciprocity": relational.RECIPROCITY,
        },
        "teams": [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in team.items()} | {"share": share_of[team["team"]]}
            for team in teams.to_dict("records")
        ],
    }


def _json(data: dict[str, Any]) -> bytes:
    """Return JSON with one line for each team, file and number."""
    lines = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in data.items())
    return f"{{\n{lines}\n}}\n".encode()


def _lines(value: Any) -> str:
    if isinstance(value, dict):
        inner = ",\n".join(f" {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
        return f"{{\n{inner}\n}}"
    if isinstance(value, list) and len(value) > 5:
        return "[\n" + ",\n".join(f" {json.dumps(entry)}" for entry in value) + "\n]"
    return json.dumps(value)
