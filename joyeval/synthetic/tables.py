"""The plain files of the programme: teams, events, pulses, coordination and outcomes, as trusts hand them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.synthetic.exports import sheet, table
from joyeval.synthetic.relational import DIMENSIONS, SCORED_TO_RAW
from joyeval.synthetic.service import FEW, FFT
from joyeval.synthetic.staff import DAYS_ASKED

if TYPE_CHECKING:
    from joyeval.synthetic.programme import Programme

TEAMS = {
    "cohort": "Cohort", "team": "Team", "organisation": "Organisation", "directorate": "Directorate",
    "setting": "Setting", "headcount": "Staff in post", "start_date": "Started",
}  # fmt: skip
DIMENSION_NAMES = {
    "freq": "Frequent", "time": "Timely", "accu": "Accurate", "prob": "Problem-solving",
    "goal": "Shared goals", "know": "Shared knowledge", "resp": "Mutual respect",
}  # fmt: skip
FACES = {True: (4, 5), False: (1, 2, 3)}
AGREEMENT = {True: ("Agree", "Strongly agree"), False: ("Disagree", "Strongly disagree")}
RENAMED_GROUP = {"Therapists": "Therapy team"}
RENAMED_IN = ("4", "3-sustain")  # cohort and wave
HARD_SPACED = "Larch Ward"  # its name ends in a no-break space in one file
EXPOSURE = {True: "occupied bed days", False: "contacts"}
NO_FACE, OUTAGE = 0.01, 0.03
SILENT = ("2023-05-01", "2023-06-11")  # three teams of cohort 4


def teams_file(programme: Programme) -> bytes:
    """Return the list of teams."""
    teams = programme.teams.assign(cohort="Cohort " + programme.teams["cohort"])
    return table(teams[list(TEAMS)].rename(columns=TEAMS))


def events_file(events: pd.DataFrame) -> bytes:
    """Return the log of events."""
    return table(events.rename(columns=lambda name: name.replace("_", " ").capitalize()))


def single_answers(weeks: pd.DataFrame, cohort: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per answer of a cohort's pulse: ``Date, Team, Answer``; some taps gave no answer."""
    rows = weeks[weeks["cohort"].eq(cohort) & weeks["answers"].gt(0)]
    rows = rows.loc[rows.index.repeat(rows["answers"])]
    good = rows.groupby(["person", "week"]).cumcount() < rows["positive"]
    date = rows["week"] + pd.to_timedelta(rng.integers(0, DAYS_ASKED, len(rows)), unit="D")
    meaning = AGREEMENT if cohort == "1" else FACES
    answer = np.where(good, rng.choice(meaning[True], len(rows)), rng.choice(meaning[False], len(rows)))
    answer = pd.Series(answer, index=rows.index).mask(rng.random(len(rows)) < NO_FACE, "")
    answers = pd.DataFrame({"Date": date, "Team": rows["team"], "Answer": answer})
    return answers.iloc[rng.permutation(len(rows))].sort_values("Date", kind="stable").reset_index(drop=True)


def weekly_counts(weeks: pd.DataFrame, cohort: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per team and week: ``Week, Team, Good days, Answers, Asked``; some weeks are not there."""
    rows = weeks[weeks["cohort"] == cohort]
    by = rows.groupby(["week", "team"], sort=True)
    counts = by.agg(good=("positive", "sum"), answers=("answers", "sum"), people=("person", "size")).reset_index()
    counts = counts[rng.random(len(counts)) >= OUTAGE]
    counts = counts.assign(asked=DAYS_ASKED * counts["people"]).drop(columns="people")
    names = {"week": "Week", "team": "Team", "good": "Good days", "answers": "Answers", "asked": "Asked"}
    return counts.rename(columns=names).reset_index(drop=True)


def pulse_table(weeks: pd.DataFrame, cohort: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return a cohort's pulse: single answers (1, 3), counts (2, 4), percentages (5)."""
    if cohort in ("1", "3"):
        return single_answers(weeks, cohort, rng)
    counts = weekly_counts(weeks, cohort, rng)
    if cohort == "4":
        silent = counts["Team"].isin(counts["Team"].unique()[:3]) & counts["Week"].between(*SILENT)
        counts = counts[~silent].assign(Week=counts["Week"].dt.strftime("%d/%m/%Y"))
    if cohort == "5":
        percent = (100 * counts["Good days"] / counts["Answers"].where(counts["Answers"] > 0)).round(1)
        counts = counts.assign(**{"Good days": percent}).rename(columns={"Good days": "% good days"})
    return counts


def coordination_file(ties: pd.DataFrame, cohort: str, wave: str) -> bytes:
    """Return one wave of a cohort's coordination survey: ties scored (3), ties raw (4), wide (5)."""
    rows = ties[ties["cohort"].eq(cohort) & ties["wave"].eq(wave)]
    none = np.where(rows["no_contact"], "yes", "")
    rows = rows.assign(rater="R" + rows["rater"].astype(str), no_contact=none)
    if cohort == "5":
        return table(_wide(rows))
    if cohort == "4":
        rows = rows.assign(freq=rows["freq"].map(SCORED_TO_RAW))
    if (cohort, wave) == RENAMED_IN:
        rows = rows.replace({"workgroup": RENAMED_GROUP, "target": RENAMED_GROUP})
    names = {"process": "Process", "rater": "Rater", "date": "Date", "workgroup": "Workgroup", "target": "Rates"}
    names |= DIMENSION_NAMES | {"no_contact": "No contact"}
    long = rows[list(names)].rename(columns=names)
    return sheet(long, "Ties") if cohort == "4" else table(long)


def roster_file(ties: pd.DataFrame) -> bytes:
    """Return how many members each workgroup had at each wave of coordination surveys."""
    names = {"process": "Process", "workgroup": "Workgroup", "wave": "Wave", "headcount": "Members"}
    return table(ties[list(names)].drop_duplicates().rename(columns=names))


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per respondent, a column per dimension and target."""
    keys = ["process", "rater", "date", "workgroup"]
    wide = rows.pivot(index=keys, columns="target", values=[*DIMENSIONS, "no_contact"])
    wide.columns = [f"{dimension}__{target}" for dimension, target in wide.columns]
    return wide.reset_index().rename(columns={key: key.capitalize() for key in keys})


def outcome_files(outcomes: pd.DataFrame) -> dict[str, bytes]:
    """Return the outcome files; support offices have no service users, only staff who fall ill."""
    outcomes = outcomes.rename(columns={"team": "Team", "period": "Month"}).sort_values(["Month", "Team"])
    served = outcomes[outcomes["setting"] != "corporate"]
    return {
        "outcomes/experience.csv": table(_experience(served)),
        "outcomes/incidents.xlsx": sheet(_incidents(served), "Incidents", title=("Incidents", "by team and month")),
        "outcomes/dialog.csv": table(_dialog(served), delimiter=";"),
        "outcomes/sickness.csv": table(_sickness(outcomes)),
    }


def _experience(rows: pd.DataFrame) -> pd.DataFrame:
    counts = rows[list(FFT)].astype(object)
    counts[rows[list(FFT)].sum(axis=1) < FEW] = "*"
    spaced = rows["Team"].replace({HARD_SPACED: f"{HARD_SPACED}\u00a0"})
    return pd.concat([spaced, rows["Month"], counts], axis=1)


def _incidents(rows: pd.DataFrame) -> pd.DataFrame:
    unit = rows["setting"].eq("inpatient").map(EXPOSURE)
    counts = rows[["incidents", "exposure"]].rename(columns=str.capitalize)
    return pd.concat([rows[["Team", "Month"]], unit.rename("Exposure counted in"), counts], axis=1)


def _dialog(rows: pd.DataFrame) -> pd.DataFrame:
    month = rows["Month"].dt.strftime("%d/%m/%Y")
    return pd.DataFrame(
        {"Team": rows["Team"], "Month": month, "Mean score": rows["dialog"].round(2), "Completed": rows["dialog_n"]}
    )


def _sickness(rows: pd.DataFrame) -> pd.DataFrame:
    """Return days lost per team and month, with a total for each month as such files have."""
    names = {"days_lost": "Days lost", "days_available": "Days available"}
    totals = rows.groupby("Month", as_index=False)[list(names)].sum().assign(Team="All teams")
    both = pd.concat([rows, totals])[["Team", "Month", *names]]
    return both.sort_values(["Month", "Team"], kind="stable").rename(columns=names)
