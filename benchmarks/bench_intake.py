"""The way in: `check` of the demonstration beside mere reading of its files; many cohorts beside few.

    python -m benchmarks.bench_intake

CPU seconds of this process and its children, the smaller of two runs, the start of the program apart. A programme of
40 cohorts has 8 times the teams, rows and survey files of one of 5; teams, pulses and outcomes of all cohorts stand in
one file each.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bench_waves import cpu
from joyeval import load_study
from joyeval.intake import read
from joyeval.intake.tables import check_study

DEMONSTRATION = Path(__file__).resolve().parents[1] / "pipelines" / "enjoying_work.yml"
TEAMS, WEEKS, PEOPLE = 6, 52, 120  # of a cohort


def programme(folder: Path, cohorts: int) -> Path:
    """Write raw files and study file of a programme."""
    rng, raw = np.random.default_rng(1), folder / "raw"
    raw.mkdir()
    names = [f"c{i:02d}" for i in range(cohorts)]
    teams = pd.DataFrame(
        [(c, f"{c} team {j}", 60) for c in names for j in range(TEAMS)], columns=["Cohort", "Team", "N"]
    )
    teams.to_csv(raw / "teams.csv", index=False)
    weeks = pd.date_range("2024-01-01", periods=WEEKS, freq="7D").strftime("%Y-%m-%d")
    pulse = teams[["Team"]].merge(pd.Series(weeks, name="Week"), how="cross").assign(Answers=12)
    pulse.assign(Good=rng.binomial(12, 0.6, len(pulse))).to_csv(raw / "pulse.csv", index=False)
    months = pd.date_range("2024-01-01", periods=12, freq="MS").strftime("%Y-%m-%d")
    falls = teams[["Team"]].merge(pd.Series(months, name="Month"), how="cross").assign(Days=500)
    falls.assign(Falls=rng.poisson(3, len(falls))).to_csv(raw / "falls.csv", index=False)
    for cohort in names:
        own = teams.loc[teams["Cohort"] == cohort, "Team"]
        answers = pd.DataFrame(rng.integers(0, 6, (PEOPLE, 5)), columns=[f"who5_{i}" for i in range(1, 6)])
        about = {"id": np.arange(PEOPLE), "team": rng.choice(own, PEOPLE), "date": "2024-05-06"}
        pd.DataFrame(about).join(answers).to_csv(raw / f"{cohort}.csv", index=False)
    items = ", ".join(f"who5_{i}: who5_{i}" for i in range(1, 6))
    waves = "".join(
        f"  - {{wave: spring, file: {c}.csv, cohorts: [{c}], instruments: [who5], start: 2024-05-01, end: 2024-05-31, "
        f"columns: {{person: id, team: team, date: date, {items}}}}}\n"
        for c in names
    )
    listed = "".join(f"  - {{cohort: {c}, title: {c}, start: 2024-01-01, end: 2024-12-31}}\n" for c in names)
    all_of_them = f"cohorts: [{', '.join(names)}]"
    (folder / "many.yml").write_text(
        "study: many\ntitle: Many cohorts\ndata: raw\nsynthetic: true\nprogramme: {name: Joy, aim: More good days.}\n"
        f"cohorts:\n{listed}teams: {{file: teams.csv, columns: {{cohort: Cohort, team: Team, headcount: N}}}}\n"
        f"waves:\n{waves}"
        f"pulses:\n  - {{measure: good_day, title: Good days, {all_of_them}, period: week, file: pulse.csv, "
        "columns: {team: Team, period: Week, positive: Good, answers: Answers}}\n"
        "outcomes:\n  - {measure: falls, title: Falls, kind: rate, unit: falls, improve: decrease, period: month, "
        "per: 1000, file: falls.csv, columns: {team: Team, period: Month, numerator: Falls, denominator: Days}}\n"
    )
    return folder / "many.yml"


def read_all(study) -> None:
    """Read every raw file of a study once, and do nothing with it."""
    parts = [study.teams, study.events, study.roster, *study.waves, *study.pulses, *study.coordination, *study.outcomes]
    files = {(path, part.sheet): part.place for part in parts if part for path in part.files(study.folder)}
    for (path, _), place in files.items():
        read(path, **place)


def main() -> None:
    study = load_study(DEMONSTRATION)
    check_study(study)  # imports are not counted
    reading, checking = cpu(read_all, study), cpu(check_study, study)
    ratio = checking / reading
    print(f"check of the demonstration: {checking:.2f} s; reading its files {reading:.2f} s; ratio {ratio:.2f}")
    spent = {}
    for cohorts in (5, 40):
        with tempfile.TemporaryDirectory() as folder:
            many = load_study(programme(Path(folder), cohorts))
            blocking = [problem for problem in check_study(many) if problem.blocking]
            assert not blocking, blocking[0]
            spent[cohorts] = cpu(check_study, many)
    print(f"check of 5 cohorts {spent[5]:.2f} s, of 40 cohorts {spent[40]:.2f} s; ratio {spent[40] / spent[5]:.2f}")


if __name__ == "__main__":
    main()
