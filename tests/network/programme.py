"""A small study of four cohorts whose results are stored as a run would store them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from joyeval import improvement
from joyeval.store import Store
from joyeval.study import load_study

STUDY = """\
study: small
title: Small
programme: {{name: Small, aim: More good days}}
data: raw
pool: {pool}
cohorts:
{cohorts}
teams: {{file: teams.csv, columns: {{team: Team}}}}
organisations: [{{code: A, name: Alder Trust}}, {{code: B, name: Birch Trust}}]
pulses:
  - {{measure: good_day, title: Good day, file: a.csv, columns: {{team: T}}, cohorts: [a, b, c, d], period: week}}
aim: {{measure: good_day, target: 60, by: programme}}
"""
COHORT = """\
  - cohort: {name}
    title: Cohort {name}
    start: {start:%Y-%m-%d}
    end: {end:%Y-%m-%d}
    phases:
      - {{name: baseline, start: {start:%Y-%m-%d}, end: {base:%Y-%m-%d}}}
      - {{name: programme, start: {after:%Y-%m-%d}, end: {end:%Y-%m-%d}}}
"""
WEEKS, BASE, TEAMS = 52, 16, 6


def study(home, *, pool=True, follow=True, teams=TEAMS):
    """Write study file, tables and results below `home`; `follow`: cohorts begin one after the other."""
    parts = []
    for place, name in enumerate("abcd"):
        start = pd.Timestamp("2021-01-04") + pd.Timedelta(weeks=26 * place * follow)
        base = start + pd.Timedelta(weeks=BASE) - pd.Timedelta(days=1)
        days = {"start": start, "base": base, "after": base + pd.Timedelta(days=1)}
        parts.append(COHORT.format(name=name, **days, end=start + pd.Timedelta(weeks=WEEKS)))
    path = home / "pipelines" / "small.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STUDY.format(pool=str(pool).lower(), cohorts="".join(parts)))
    loaded = load_study(path)
    for place, cohort in enumerate(loaded.cohorts):
        _store(loaded, cohort, teams, gain=0.02 + 0.05 * place)
    return loaded


def _store(loaded, cohort, count, *, gain):
    rng = np.random.default_rng(7 + ord(cohort.cohort))
    teams = [f"Team {cohort.cohort}{i}" for i in range(count)]
    huddles = rng.integers(0, 30, count)
    rows = []
    for team, done in zip(teams, huddles, strict=True):
        for week in range(WEEKS):
            share = 0.5 + (gain + 0.006 * (done - 15)) * (week >= BASE)
            answers = int(rng.integers(8, 16))
            good = int(rng.binomial(answers, share))
            when = pd.Timestamp(cohort.start) + pd.Timedelta(weeks=week)
            rows.append((team, when, "good_day", float(good), float(answers), float(answers), np.nan))
    columns = ["team", "period", "measure", "positive", "answers", "opportunities", "mean"]
    pulse = pd.DataFrame(rows, columns=columns)
    events = [
        (pd.Timestamp(cohort.start) + pd.Timedelta(days=5 * i), "team", team, "huddle", "Huddle")
        for team, done in zip(teams, huddles, strict=True)
        for i in range(done)
    ]
    folder = loaded.store(cohort.cohort).folder
    store = Store(folder, folder)
    who = pd.DataFrame(
        {"team": teams, "organisation": ["A", "B"] * (count // 2), "directorate": "D", "headcount": 15.0}
    )
    names = ["date", "scope", "scope_id", "kind", "label"]
    store.save(teams=who.assign(cohort=cohort.cohort), pulse=pulse, events=pd.DataFrame(events, columns=names))
    charts = improvement.team_charts(loaded, cohort.cohort, pulse)
    store.save(
        improvement_cohort=improvement.cohort_charts(loaded, cohort.cohort, pulse),
        improvement_charts=charts,
        improvement_verdicts=improvement.verdicts(charts, over="measure"),
    )
