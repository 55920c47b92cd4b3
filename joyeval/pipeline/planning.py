"""The page for planning: what a next cohort like the last one could find, as a table and a picture."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from joyeval.design import Design, conditions_of, simulate
from joyeval.store import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.study import Study


def write_design(study: Study, cohort: str = "", *, datasets: int = 40) -> tuple[Design, tuple[Path, ...]]:
    """Simulate designs under the conditions of a cohort that has run (default the last), and write what they find.

    The files hold simulated numbers only, nothing of any person or team.

    Returns
    -------
    Design
    tuple of Path
        ``reports/<study>/design/<cohort>.csv`` and ``.png``.

    Raises
    ------
    UsageError
        No such cohort, or it has not run yet.
    """
    from joyeval.figures.design import detectable
    from joyeval.figures.render import pictures

    name = study.cohort(cohort or study.cohorts[-1].cohort).cohort
    found = simulate(conditions_of(study, name, study.store(name)), datasets=datasets)
    folder = study.home / "reports" / study.study / "design"
    table, picture = folder / f"{name}.csv", folder / f"{name}.png"
    write_whole(table, found.table.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    write_whole(picture, b64decode(pictures(detectable(found))["png"]))
    return found, (table, picture)
