"""Finished documents, read again as each of their readers would, before they are put into place or leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from joyeval.disclosure import rule_of
from joyeval.disclosure.people import known_in_post
from joyeval.disclosure.release import READ, file_problems
from joyeval.errors import DisclosureError
from joyeval.pipeline.steps import NETWORK
from joyeval.store import edition

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.disclosure import Rule
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
    problems = []
    for audience in study.editions:
        rule = rule_of(study, audience)
        hidden = of_too_few(study, cohort, rule)
        files = [path for pattern in DOCUMENTS for path in sorted(edition(folder, audience).glob(pattern))]
        names = {path: str(path.relative_to(folder)) for path in files if path.suffix in READ}
        problems += [problem for path, name in names.items() for problem in file_problems(path, name, rule, hidden)]
    if problems:
        told = f"{len(problems)} places of the finished documents may not be shown; they were not put into place"
        raise DisclosureError(problems, told)


def of_too_few(study: Study, cohort: str, rule: Rule) -> set[str]:
    """Return the names of the teams that have fewer people than an audience may know of."""
    names = [one.cohort for one in study.cohorts] if cohort == NETWORK else [cohort]
    tables = [store.table("teams") for store in map(study.store, names) if "teams" in store.tables()]
    if not tables:
        return set()
    staff = known_in_post(pd.concat(tables))
    return set(staff.index[staff < rule.threshold])
