"""Finished documents, read again as each of their readers would, before they are put into place or leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from joyeval.disclosure import rule_of
from joyeval.disclosure.hidden import Hidden
from joyeval.disclosure.people import known_in_post
from joyeval.disclosure.release import READ, file_problems
from joyeval.errors import DisclosureError
from joyeval.pipeline.steps import NETWORK
from joyeval.store import edition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from joyeval.disclosure import Rule
    from joyeval.errors import Problem
    from joyeval.store import Store
    from joyeval.study import Study

DOCUMENTS = ("report.*", "tables/*")


def read_back(study: Study, cohort: str, folder: Path) -> None:
    """Read what a step has made for each audience.

    Parameters
    ----------
    cohort : str
        Or ``network``.
    folder : Path
        Documents of the public, and below it those of other audiences.

    Raises
    ------
    DisclosureError
        Every place that its readers may not see.
    """
    problems = [p for path in sorted((folder / "team").glob("*")) for p in _of_sheet(study, path, folder)]
    for audience in study.editions:
        rule = rule_of(study, audience)
        hidden = hidden_from(study, cohort, rule)
        files = [path for pattern in DOCUMENTS for path in sorted(edition(folder, audience).glob(pattern))]
        names = {path: str(path.relative_to(folder)) for path in files if path.suffix in READ}
        problems += [problem for path, name in names.items() for problem in file_problems(path, name, rule, hidden)]
    if problems:
        told = f"{len(problems)} places of the finished documents may not be shown; they were not put into place"
        raise DisclosureError(problems, told)


def _of_sheet(study: Study, path: Path, folder: Path) -> Iterator[Problem]:
    """Find what a team may not see on its own sheet."""
    return file_problems(path, str(path.relative_to(folder)), rule_of(study, "team"))


def hidden_from(study: Study, cohort: str, rule: Rule) -> Hidden:
    """Return the groups that have fewer people than an audience may know of, with their exact statistics.

    Parameters
    ----------
    cohort : str
        Or ``network``.
    """
    names = [one.cohort for one in study.cohorts] if cohort == NETWORK else [cohort]
    stores = [study.store(name) for name in names]
    tables = [store.table("teams") for store in stores if "teams" in store.tables()]
    staff = known_in_post(pd.concat(tables)) if tables else pd.Series(dtype=float)
    teams = frozenset(staff.index[staff < rule.threshold])
    means = [
        part for store in stores if cohort != NETWORK for part in (*_of_roles(store, rule), *_of_ties(store, rule))
    ]
    return Hidden(
        teams, pd.concat([Hidden().means, *means], ignore_index=True), _shares(stores, teams), _served(study, stores)
    )


def _served(study: Study, stores: Sequence[Store]) -> dict[str, Collection[str]]:
    """Return the teams that have each outcome that says nothing of staff, by its title."""
    rows = [store.table("outcomes")[["measure", "team"]] for store in stores if "outcomes" in store.tables()]
    teams = pd.concat(rows).groupby("measure")["team"].unique() if rows else {}
    told = [part for part in study.outcomes if part.measure in teams and (part.service_users or part.published)]
    return {part.title: frozenset(teams[part.measure]) for part in told}


def _of_roles(store: Store, rule: Rule) -> Iterator[pd.DataFrame]:
    """Yield the means of roles of which too few people answered any survey."""
    if "experience_change" not in store.results():
        return
    titles = getattr(store.result("experience_change"), "titles", {})
    for name in store.tables():
        table = store.table(name) if name.startswith("wave_") else pd.DataFrame()
        scales = [scale for scale in titles if scale in table]
        if "role" in table and scales:
            by = table.astype({"role": str, "wave": str}).groupby(["role", "wave"])[scales]
            few = by.count().groupby("role").max().max(axis=1) < rule.threshold
            means = by.mean().loc[few[few].index].rename(columns=titles).reset_index()
            long = means.melt(["role", "wave"], var_name="beside").rename(columns={"role": "name"}).dropna()
            yield long[["name", "beside", "value"]].assign(after=False)


def _of_ties(store: Store, rule: Rule) -> Iterator[pd.DataFrame]:
    """Yield how workgroups of too few raters see the others."""
    if "ties" not in store.tables():
        return
    ties = store.table("ties").query("answered > 0").astype({"workgroup": str, "target": str, "wave": str})
    raters = ties.groupby(["process", "workgroup", "wave"], observed=True)["person"].nunique()
    few = raters.groupby("workgroup").max() < rule.threshold
    here = ties[ties["workgroup"].isin(few[few].index)]
    means = here.groupby(["workgroup", "target", "process", "wave"], observed=True)["rc"].mean().reset_index()
    yield means.rename(columns={"workgroup": "name", "target": "beside", "rc": "value"})[
        ["name", "beside", "value"]
    ].assign(after=True)


def _shares(stores: Sequence[Store], teams: Collection[str]) -> np.ndarray:
    """Return the exact points of pulses of these teams, but for those that a rounded share can equal, in order."""
    found = [np.zeros(0)]
    for store in stores:
        pulse = store.table("pulse") if "pulse" in store.tables() else pd.DataFrame({"team": []})
        if {"positive", "answers"} <= set(pulse):
            here = pulse[pulse["team"].isin(teams) & (pulse["answers"] > 0)]
            found.append((100 * here["positive"] / here["answers"]).to_numpy(dtype=float))
    values = np.unique(np.concatenate(found).round(9))
    return values[np.abs(10 * values - np.round(10 * values)) > 1e-6]
