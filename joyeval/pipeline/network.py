"""The network report: all cohorts together, from what their runs have stored."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from joyeval.errors import StepError, UsageError
from joyeval.pipeline.door import run_notebook
from joyeval.pipeline.record import folders, read_record, refuse_stale, write_record
from joyeval.pipeline.steps import digests, library, sha256
from joyeval.pipeline.threads import threads_of

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.study import Study

NAME = "network"
TABLES = ("teams", "events", "pulse")
KEYS = ("study", "title", "cohorts", "pool", "organisations", "programme", "pulses", "source", "disclosure")


def network_report(study: Study, *, force: bool = False) -> tuple[tuple[Path, ...], bool]:
    """Write reports/<study>/network/report.html, .pdf and .docx; the same bytes for the same results.

    Returns
    -------
    files : tuple of Path
    ran : bool
        False: nothing had changed, and nothing was run.

    Raises
    ------
    UsageError
        Cohorts that were not run or are stale, each with the reason.
    StepError
        A cell of the notebook failed; the report is as it was.
    """
    _refuse_stale(study)
    home = study.home / "reports" / study.study / NAME
    notebook, record = study.home / "notebooks" / "network_report.ipynb", home / "run.json"
    print_of = _fingerprint(study, notebook)
    done = read_record(record)
    names = tuple(home / f"report.{kind}" for kind in ("html", "pdf", "docx"))
    if not force and done.get("fingerprint") == print_of and done.get("outputs") == _digests(names):
        return names, False
    staging = home / ".staging"
    shutil.rmtree(staging, ignore_errors=True)
    _execute(study, notebook, staging, home / "notebooks")
    for file in names:
        os.replace(staging / file.name, file)
    shutil.rmtree(staging)
    write_record(record, {"study": study.study, "fingerprint": print_of, "outputs": _digests(names)})
    return names, True


def _refuse_stale(study: Study) -> None:
    if any(cohort.cohort == NAME for cohort in study.cohorts):
        raise UsageError(f"a cohort is called {NAME}, which is the folder of the network report; give it another name")
    refuse_stale(study, [cohort.cohort for cohort in study.cohorts], "the network report is made from")


def _execute(study: Study, notebook: Path, staging: Path, kept: Path) -> None:
    from joyeval import report

    staging.mkdir(parents=True)
    executed = staging / notebook.name
    parameters = {"study": str(study.path), "data": str(study.folder), "out": str(staging)}
    try:
        run_notebook(notebook, executed, parameters, threads=threads_of(1))
        report.write(executed, staging)
    except StepError as error:
        kept.mkdir(parents=True, exist_ok=True)
        if executed.exists():
            os.replace(executed, kept / "network_report.failed.ipynb")
        raise StepError(f"{error}; {kept / 'network_report.failed.ipynb'} shows where") from None
    kept.mkdir(parents=True, exist_ok=True)
    os.replace(executed, kept / notebook.name)


def _fingerprint(study: Study, notebook: Path) -> dict[str, Any]:
    files = [
        path
        for cohort in study.cohorts
        for folder in [folders(study, cohort.cohort).processed]
        for path in [*sorted((folder / "results").glob("*.json")), *(folder / f"{name}.parquet" for name in TABLES)]
        if path.exists()
    ]
    written = json.dumps(study.written(*KEYS), sort_keys=True, default=str)
    return {
        "inputs": digests(files, [study.home / "data" / "processed" / study.study]),
        "notebook": sha256(notebook),
        "study": hashlib.sha256(written.encode()).hexdigest(),
        "library": library(),
    }


def _digests(files: tuple[Path, ...]) -> dict[str, str]:
    return {file.name: sha256(file) for file in files if file.exists()}
