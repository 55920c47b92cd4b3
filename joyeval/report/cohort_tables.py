"""The tables of a cohort for a paper: who took part, change of scores, models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval import disclosure
from joyeval.exhibits.outcomes import same_question
from joyeval.measurement import surveys
from joyeval.measurement.scores import ScoreChange
from joyeval.outcomes.association import Association
from joyeval.report.papers import model_table, save_table, table_one

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from joyeval.store import Store
    from joyeval.study import Study

MOST_ROLES = 12  # kinds of a characteristic, beyond which it is no row of a Table 1
INTERVAL = "Estimate (95% confidence interval)."


def cohort_tables(study: Study, cohort: str, store: Store, folder: Path) -> tuple[Path, ...]:
    """Write what the results of a cohort hold as tables that an author pastes: DOCX, LaTeX, CSV and HTML.

    Returns
    -------
    tuple of Path
        `table1`, `score_change` and `outcome_models`, each as four files; what a cohort has no data for is left out.
    """
    return (*_who(study, cohort, store, folder), *_change(study, store, folder), *_models(study, store, folder))


def _who(study: Study, cohort: str, store: Store, folder: Path) -> tuple[Path, ...]:
    if not any(name.startswith("wave_") for name in store.tables()):
        return ()
    people = surveys.respondents(store)
    titles = {name: title for name, (title, _) in surveys.scales(study, cohort).items() if name in people}
    roles = ["role"] if 1 < people["role"].nunique() <= MOST_ROLES else []
    rule = disclosure.rule_of(study)
    table = table_one(people, variables=[*roles, *titles], by="wave", labels=titles, rule=rule)
    base = f"Counts are rounded to the nearest {rule.nearest}; nothing rests on fewer than {rule.threshold} people."
    notes = ["Means with standard deviations, and counts with percentages of those who answered.", base]
    notes += ["One person may have answered several waves."]
    caption = f"Characteristics and scores of respondents by wave, {study.cohort(cohort).title}"
    return save_table(table, folder / "table1", caption=caption, footnotes=notes)


def _change(study: Study, store: Store, folder: Path) -> tuple[Path, ...]:
    found = store.result("experience_change") if "experience_change" in store.results() else None
    if not isinstance(found, ScoreChange):
        return ()
    shown = disclosure.show(found, audience=disclosure.rule_of(study), people=found.n)
    first = found.means["wave"].iloc[0]
    notes = [f"{INTERVAL} Points of each score, or percentage points where the title says %.", *shown.notes]
    caption = f"Change of scores from wave {first}"
    notes = [disclosure.inexact(note) for note in notes]
    return save_table(shown.pipe(_by_wave), folder / "score_change", caption=caption, footnotes=notes)


def _by_wave(found: ScoreChange) -> pd.DataFrame:
    rows = found.changes[found.changes["estimator"] == "everyone"]
    named = rows.assign(term=rows["scale"].map(found.titles))
    waves = {str(wave): part for wave, part in named.groupby("wave", sort=False)}
    return model_table(waves).rename(columns={"Term": "Score"})


def _models(study: Study, store: Store, folder: Path) -> tuple[Path, ...]:
    first = store.result("outcomes_primary") if "outcomes_primary" in store.results() else None
    if not isinstance(first, Association):
        return ()
    shown = disclosure.show(first, audience=disclosure.rule_of(study), people=disclosure.people_of(store))
    if not isinstance(shown.what, Association):
        return ()
    others = {name: store.result(name) for name in store.results()}
    models = {name: disclosure.coarse(one) for name, one in same_question(first, others).items()}
    terms = {"within": "Within teams", "between": "Between teams", "contextual": "Between less within"}
    estimates = {name: _within(model) for name, model in models.items()}
    rests_on = {"n": "n", "Left out": "n_dropped", "Teams": "n_teams"}
    below = {words: {k: getattr(m, field) for k, m in models.items()} for words, field in rests_on.items()}
    table = shown.pipe(lambda _: model_table(estimates, places=3, terms=terms, rows=below))
    notes = [
        f"{INTERVAL} {first.x} against {first.y}; n counts {first.noun}-periods.",
        f"The primary analysis is {first.design}: {first.estimand}.",
    ]
    caption = f"Models of {first.y}, side by side"
    return save_table(table, folder / "outcome_models", caption=caption, footnotes=notes)


def _within(model: Association) -> pd.DataFrame:
    """Name the term of designs that have no other: they compare a team with itself, unless they say otherwise."""
    own = "between" if model.design.startswith("between") else "within"
    return model.tidy().replace({"term": {model.x: own}})
