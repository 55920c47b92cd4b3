"""Three waves of relational coordination in two units of each later cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.synthetic.programme import plan_of

if TYPE_CHECKING:
    from joyeval.synthetic.programme import Programme

DIMENSIONS = ("freq", "time", "accu", "prob", "goal", "know", "resp")
WAVES = ("1-baseline", "2-end", "3-sustain")
WORKGROUPS = ("Nurses", "Doctors", "Therapists", "Social workers", "Administrators")
UNITS = {  # two focal work processes in each later cohort; the second one does not change
    "3": ("discharge-planning", "first-appointment"),
    "4": ("crisis-handover", "medication-review"),
    "5": ("care-planning", "step-down"),
}
COHORTS = tuple(UNITS)
CHANGE = (0.0, 0.30, 0.20)  # of the first unit's ties at each wave, in points; a gain, then some decline
SEEN_CHANGE = (0.0, 0.27, 0.185)  # what is left of it in answers from 1 to 5: mean of 40 seeds, standard error 0.004
VARIANCES = {"rater": 0.35, "out": 0.02, "in": 0.03, "dyad": 0.05, "tie": 0.12, "item": 0.35}
RECIPROCITY = 0.3
MEAN = 3.6
ITEM_SHIFTS = (0.10, 0.05, 0.15, -0.05, -0.10, -0.15, 0.10)
NO_CONTACT, SKIPPED, STAYS = 0.04, 0.01, 0.75
SCORED_TO_RAW = {1: 1, 3: 2, 5: 3, 4: 4, 2: 5}  # of the frequency item


def ties(programme: Programme) -> pd.DataFrame:
    """Return one row per respondent, rated workgroup and wave.

    Returns
    -------
    DataFrame
        ``cohort, process, wave, date, rater`` (an anonymous number), ``workgroup, target``, the seven items (the
        frequency item as scored) and ``no_contact``; items are missing where there was no contact. ``headcount``:
        members of the workgroup at that wave.
    """
    rng = programme.rng(4)
    units = [(cohort, unit, i) for cohort, names in UNITS.items() for i, unit in enumerate(names)]
    return pd.concat([_unit(*unit, rng) for unit in units], ignore_index=True)


def _unit(cohort: str, process: str, number: int, rng: np.random.Generator) -> pd.DataFrame:
    raters = _raters(cohort, 10_000 * int(cohort) + 1000 * number, rng)
    targets = pd.DataFrame({"target": WORKGROUPS, "b": range(len(WORKGROUPS))})
    rows = raters.merge(targets, how="cross")
    rows["tie"] = rows.groupby(["rater", "target"]).ngroup()
    gain = np.asarray(CHANGE) if number == 0 else np.zeros(len(WAVES))
    score = MEAN + gain[rows["w"]] + _random_effects(rows, rng) + 0.35 * (rows["a"] == rows["b"]).to_numpy()
    noise = np.sqrt(VARIANCES["item"]) * rng.standard_normal((len(rows), len(DIMENSIONS)))
    latent = score[:, None] + np.asarray(ITEM_SHIFTS) + noise
    items = np.column_stack([_frequency(latent[:, 0], rng), np.clip(np.round(latent[:, 1:]), 1, 5)])
    none = (rng.random(len(rows)) < NO_CONTACT) & (rows["a"] != rows["b"]).to_numpy()
    items[none | (rng.random(len(rows)) < SKIPPED)] = np.nan
    items[rng.random(items.shape) < SKIPPED] = np.nan
    keep = ["cohort", "wave", "date", "rater", "workgroup", "target", "headcount"]
    answers = pd.DataFrame(items, columns=list(DIMENSIONS)).astype("Int64")
    return pd.concat([rows[keep].assign(process=process), answers], axis=1).assign(no_contact=none)


def _frequency(latent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As scored: just right 5, not enough 3, not nearly enough 1; now and then too often 4, much too often 2."""
    enough = np.select([latent > 3.8, latent > 2.2], [5, 3], 1)
    return np.where(rng.random(len(latent)) < 0.06, rng.choice([4, 4, 4, 2], len(latent)), enough)


def _raters(cohort: str, first: int, rng: np.random.Generator) -> pd.DataFrame:
    """Six to fourteen raters per workgroup and wave, numbered from `first`; most of them stay from wave to wave."""
    plan = plan_of(cohort)
    days = [pd.Timestamp(day) + pd.Timedelta(days=60) for day in (plan.start, plan.programme, plan.sustain)]
    days[1] = pd.Timestamp(plan.sustain) - pd.Timedelta(days=30)
    rows = []
    for a, group in enumerate(WORKGROUPS):
        here = [first + 100 * a + i for i in range(int(rng.integers(7, 16)))]
        for w, wave in enumerate(WAVES):
            if w:
                here = [r if rng.random() < STAYS else r + 20 * w for r in here]
            answering = [r for r in here if rng.random() < 0.9]
            day = days[w] + pd.to_timedelta(rng.integers(0, 14, len(answering)), unit="D")
            same = {"workgroup": group, "a": a, "wave": wave, "w": w, "headcount": len(here)}
            rows.append(pd.DataFrame({"rater": answering, "date": day, **same}))
    return pd.concat(rows, ignore_index=True).assign(cohort=cohort)


def _random_effects(rows: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Rater, rating and rated group, dyad (with reciprocity) and tie; all of them last over the waves."""
    g, sd = len(WORKGROUPS), {name: np.sqrt(v) for name, v in VARIANCES.items()}
    a, b = rows["a"].to_numpy(), rows["b"].to_numpy()
    shared, own = rng.standard_normal((g, g)), rng.standard_normal((g, g))
    both = (np.triu(shared) + np.triu(shared, 1).T) * np.sqrt(RECIPROCITY) + own * np.sqrt(1 - RECIPROCITY)
    rater = rng.standard_normal(rows["rater"].nunique())[rows.groupby("rater").ngroup()]
    tie = rng.standard_normal(rows["tie"].nunique())[rows["tie"]]
    out, rated = rng.standard_normal(g)[a], rng.standard_normal(g)[b]
    return sd["rater"] * rater + sd["out"] * out + sd["in"] * rated + sd["dyad"] * both[a, b] + sd["tie"] * tie
