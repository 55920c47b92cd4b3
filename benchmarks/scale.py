"""Large programmes: made, not stored; run from raw files to reports; what each step costs.

    python -m benchmarks.scale [--teams 2000] [--respondents 100000] [--cohorts 1] [--steps 02 03 …] [--keep FOLDER]

`--respondents` are people in all cohorts together, each asked in two survey waves; every team has a weekly pulse and a
monthly outcome. For each step: wall seconds, CPU seconds of its kernel, the most memory the kernel held, and size of
what it made. With `--cohorts 40 --teams 50` a programme of 40 cohorts of 50 teams each.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 7
ROLES = ("Nurse", "Support worker", "Doctor", "Therapist", "Administrator", "Manager")
SETTINGS = ("community", "inpatient", "crisis", "older adults")
ITEMS = {"cbi": 19, "psafety": 7, "nqps": 9}  # prefix: items
OPTIONS = {"cbi": 5, "psafety": 7, "nqps": 5}
WEEKS, MONTHS = 52, 18
START = pd.Timestamp("2022-01-03")
WAVES = {"1-start": START + pd.Timedelta(days=30), "2-end": START + pd.Timedelta(days=330)}


def teams(cohorts: int, each: int, people: int, rng: np.random.Generator) -> pd.DataFrame:
    n = cohorts * each
    number = np.arange(n)
    return pd.DataFrame(
        {
            "Cohort": [str(c + 1) for c in number // each],
            "Team": [f"Team {k:05d}" for k in number],
            "Organisation": [f"ORG{k % 20:02d}" for k in number],
            "Directorate": "All",
            "Setting": [SETTINGS[k % len(SETTINGS)] for k in number],
            "Staff in post": np.maximum(12, np.round(people / n * 1.3).astype(int) + rng.integers(0, 6, n)),
            "Started": (START + pd.Timedelta(days=90)).date(),
        }
    )


def survey(members: pd.DataFrame, wave: str, rng: np.random.Generator) -> pd.DataFrame:
    """Answers of everybody in one wave: a person, a team and an item stand behind each."""
    n, later = len(members), wave == "2-end"
    made = pd.DataFrame({"person": members["person"], "team": members["team"], "role": members["role"]})
    made["date"] = (WAVES[wave] + pd.to_timedelta(rng.integers(0, 14, n), unit="D")).strftime("%Y-%m-%d")
    level = members["trait"].to_numpy() + members["level"].to_numpy() + 0.2 * later
    for prefix, items in ITEMS.items():
        middle, most = (1 + OPTIONS[prefix]) / 2, OPTIONS[prefix]
        for item in range(1, items + 1):
            seen = middle + (level if prefix != "cbi" else -level) + rng.normal(0, 0.9, n)
            codes = np.clip(np.round(seen), 1, most).astype(int)
            made[f"{prefix}_{item}"] = np.where(rng.random(n) < 0.02, "", codes.astype(str))
    return made


def pulse(team: pd.DataFrame, level: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n = len(team)
    weeks = pd.date_range(START, periods=WEEKS, freq="W-MON")
    asked = rng.integers(6, 14, (n, WEEKS))
    logit = 0.3 + level[:, None] + 0.5 * (np.arange(WEEKS) > 13) + rng.normal(0, 0.2, (n, WEEKS))
    good = rng.binomial(asked, 1 / (1 + np.exp(-logit)))
    return pd.DataFrame(
        {
            "Week": np.tile(weeks.strftime("%Y-%m-%d"), n),
            "Team": np.repeat(team["Team"].to_numpy(), WEEKS),
            "Good": good.ravel(),
            "Answers": asked.ravel(),
        }
    )


def outcome(team: pd.DataFrame, level: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n = len(team)
    months = pd.date_range(START.replace(day=1), periods=MONTHS, freq="MS")
    asked = rng.integers(20, 60, (n, MONTHS))
    positive = rng.binomial(asked, 1 / (1 + np.exp(-(1.5 + 0.4 * level[:, None] + rng.normal(0, 0.15, (n, MONTHS))))))
    return pd.DataFrame(
        {
            "Team": np.repeat(team["Team"].to_numpy(), MONTHS),
            "Month": np.tile(months.strftime("%Y-%m-%d"), n),
            "Positive": positive.ravel(),
            "Asked": asked.ravel(),
        }
    )


def write(home: Path, cohorts: int, each: int, people: int) -> Path:
    """Write raw files, study file and notebooks of a programme; returns the study file."""
    rng = np.random.default_rng(SEED)
    raw = home / "data" / "raw" / "large"
    for folder in (raw, home / "pipelines"):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(Path(__file__).parents[1] / "notebooks", home / "notebooks", dirs_exist_ok=True)
    listed = teams(cohorts, each, people, rng)
    listed.to_csv(raw / "teams.csv", index=False)
    level = rng.normal(0, 0.4, len(listed))
    of = np.sort(rng.integers(0, len(listed), people))
    members = pd.DataFrame(
        {
            "person": [f"P{k:06d}" for k in range(people)],
            "team": listed["Team"].to_numpy()[of],
            "cohort": listed["Cohort"].to_numpy()[of],
            "role": rng.choice(ROLES, people),
            "trait": rng.normal(0, 0.7, people),
            "level": level[of],
        }
    )
    outcome(listed, level, rng).to_csv(raw / "outcome.csv", index=False)
    for cohort in listed["Cohort"].unique():
        here = (listed["Cohort"] == cohort).to_numpy()
        for wave in WAVES:
            answers = survey(members[members["cohort"] == cohort], wave, rng)
            answers.to_csv(raw / f"survey_{cohort}_{wave}.csv", index=False)
        pulse(listed[here], level[here], rng).to_csv(raw / f"pulse_{cohort}.csv", index=False)
    path = home / "pipelines" / "large.yml"
    path.write_text(study_file([*listed["Cohort"].unique()]), encoding="utf-8")
    return path


def study_file(cohorts: list[str]) -> str:
    end = (START + pd.Timedelta(days=540)).date()
    items = ", ".join(f"{p}_{i}: {p}_{i}" for p, n in ITEMS.items() for i in range(1, n + 1))
    lines = [
        "study: large",
        "title: A large programme",
        "data: ../data/raw/large",
        "synthetic: true",
        "source: Made by benchmarks.scale; nobody in it exists.",
        "programme: {name: Large, aim: More good days}",
        "organisations:",
        *(f"  - {{code: ORG{k:02d}, name: Organisation {k}}}" for k in range(20)),
        "cohorts:",
        *(f'  - {{cohort: "{c}", title: "Cohort {c}", start: {START.date()}, end: {end}}}' for c in cohorts),
        "teams:",
        "  file: teams.csv",
        "  columns: {cohort: Cohort, team: Team, organisation: Organisation, directorate: Directorate,",
        "    setting: Setting, headcount: Staff in post, start_date: Started}",
        "forms:",
        "  survey:",
        '    dates: "%Y-%m-%d"',
        "    instruments: [cbi, psychological_safety_7, nqps]",
        f"    columns: {{person: person, team: team, role: role, date: date, {items}}}",
        "waves:",
        *(
            f"  - {{wave: {wave}, form: survey, file: survey_{c}_{wave}.csv, cohorts: ['{c}'], "
            f"start: {day.date()}, end: {(day + pd.Timedelta(days=14)).date()}}}"
            for c in cohorts
            for wave, day in WAVES.items()
        ),
        "pulses:",
        *(
            f"  - {{measure: good_day, title: Good day, cohorts: ['{c}'], period: week, improve: increase, "
            f"file: pulse_{c}.csv, columns: {{period: Week, team: Team, positive: Good, answers: Answers}}}}"
            for c in cohorts
        ),
        "outcomes:",
        "  - {measure: experience, title: Good experience, kind: proportion, unit: '%', improve: increase,",
        "    period: month, file: outcome.csv,",
        "    columns: {team: Team, period: Month, numerator: Positive, denominator: Asked}}",
        "primary: {staff: good_day, outcome: experience, window: [1, 3], why: Named beforehand.}",
        "equity: {by: [role, setting], scales: [cbi_work, nqps_engagement]}",
        "",
    ]
    return "\n".join(lines)


def measured(study_path: Path, cohorts: list[str], steps: list[str]) -> None:
    """Run step by step with one worker and print what each cost."""
    import resource

    from joyeval import load_study
    from joyeval.pipeline import folders, run

    study = load_study(study_path)
    names = steps or [step for step in study.step_names if step != "04_relational_coordination"]
    print(f"{'cohort':8} {'step':28} {'wall s':>8} {'CPU s':>8} {'memory MB':>10} {'made MB':>8}", flush=True)
    for cohort in cohorts:
        where = folders(study, cohort)
        for step in names:
            before, began = _children(resource), time.monotonic()
            try:
                run(study, cohorts=[cohort], steps=[step], workers=1, force=True)
            except Exception as error:
                print(f"{cohort:8} {step:28} failed: {str(error)[:300]}", flush=True)
                continue
            wall, spent = time.monotonic() - began, _children(resource) - before
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = sum(p.stat().st_size for p in where.reports.glob("report.*")) / 1e6
            print(f"{cohort:8} {step:28} {wall:8.1f} {spent:8.1f} {memory:10.0f} {size:8.1f}", flush=True)


def _children(resource) -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.split("\n")[0])
    parser.add_argument("--teams", type=int, default=2000, help="of each cohort")
    parser.add_argument("--respondents", type=int, default=100_000, help="in all cohorts together")
    parser.add_argument("--cohorts", type=int, default=1)
    parser.add_argument("--run", type=int, default=0, help="how many of the cohorts to run; 0: all")
    parser.add_argument("--steps", nargs="*", default=[])
    parser.add_argument("--keep", type=Path, help="folder for the programme, which then stays")
    asked = parser.parse_args(arguments)
    os.environ["JOYEVAL_COLD"] = "1"  # so that a kernel's cost is its own
    os.environ["JOYEVAL_KEY"] = hashlib.sha256(b"nobody is behind these pseudonyms").hexdigest()
    with tempfile.TemporaryDirectory() as name:
        home = asked.keep or Path(name)
        study = write(home, asked.cohorts, asked.teams, asked.respondents)
        chosen = [str(k + 1) for k in range(asked.run or asked.cohorts)]
        measured(study, chosen, asked.steps)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
