"""Figures and tables of a cohort for a journal, from what its run has stored."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from joyeval.pipeline import released
from joyeval.pipeline.locks import hold
from joyeval.pipeline.permissions import keep_to_owner
from joyeval.pipeline.record import folders, refuse_stale
from joyeval.pipeline.recorded import write_down

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from joyeval.study import Study


def write_artwork(study: Study, cohort: str, journal: str, **waiting: Any) -> tuple[Path, pd.DataFrame]:
    """Write reports/<study>/<cohort>/figures/<journal>/ and tables/; the same bytes for the same results.

    run.json keeps the SHA-256 of each file: a release packs no others.

    Parameters
    ----------
    **waiting
        `wait` and `tell`, while another command is at work: see `joyeval.pipeline.locks.hold`.

    Returns
    -------
    folder : Path
        Of the figures; what lay there before is replaced.
    checks : DataFrame
        What the files were found to be when opened again: see `joyeval.figures.check`.

    Raises
    ------
    DisclosureError
        Figures that would give a few people away beside what was released before.
    UsageError
        A journal without a preset, a cohort that was not run or is stale.
    """
    from joyeval.figures.journal import preset

    preset(journal)
    keep_to_owner(study, [study.cohort(cohort).cohort])
    with hold([folders(study, cohort).processed], **waiting):
        return _written(study, cohort, journal)


def _written(study: Study, cohort: str, journal: str) -> tuple[Path, pd.DataFrame]:
    from joyeval import figures
    from joyeval.report.cohort_tables import cohort_tables

    refuse_stale(study, [study.cohort(cohort).cohort], "figures are drawn from")
    released.consult(study, [cohort])
    where, store = folders(study, cohort), study.store(cohort)
    staging, target = where.reports / ".staging" / "figures", where.reports / "figures" / journal
    shutil.rmtree(staging, ignore_errors=True)
    _draw(study, cohort, journal, staging / journal)
    tables = [table.relative_to(staging) for table in cohort_tables(study, cohort, store, staging / "tables")]
    for table in tables:
        (where.reports / "tables").mkdir(parents=True, exist_ok=True)
        os.replace(staging / table, where.reports / table)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(staging / journal, target)
    shutil.rmtree(staging)
    made = [*target.iterdir(), *(where.reports / table for table in tables)]
    names = [path.relative_to(where.reports).as_posix() for path in made]
    write_down(where, names, instead=(f"figures/{journal}/", "tables/"))
    return target, figures.check(target)


def _draw(study: Study, cohort: str, journal: str, folder: Path) -> None:
    from joyeval import disclosure, figures
    from joyeval.exhibits.cohort import cohort_figures

    store = study.store(cohort)
    about = {
        "study": study.study,
        "cohort": cohort,
        "disclosure_threshold": disclosure.rule_of(study).threshold,
        "results": released.digests_of_results(study, cohort, store.results()),
    }
    folder.mkdir(parents=True)
    for number, drawn in enumerate(cohort_figures(study, cohort, store), start=1):
        said = {"alt": drawn.alt, "caption": drawn.caption, "about": about | {"shows": drawn.name}}
        figures.save(drawn.figure, folder / f"fig{number}", journal=journal, data=drawn.data, **said)
