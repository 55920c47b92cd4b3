"""The network report: all cohorts together, from what their runs have stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joyeval.intake.keys import is_demonstration
from joyeval.pipeline import released
from joyeval.pipeline.record import folders, refuse_stale
from joyeval.pipeline.run import run
from joyeval.pipeline.steps import NETWORK, NETWORK_REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.study import Study


def network_report(study: Study, **options: Any) -> tuple[tuple[Path, ...], bool]:
    """Write reports/<study>/network/report.html, .pdf and .docx; the same bytes for the same results.

    Who asks for it by itself shows it to readers: who stands behind it is entered in the ledger, as of a release.

    Parameters
    ----------
    **options
        `force`, `wait`, `on_step`, `tell` and others: see `joyeval.pipeline.run`.

    Returns
    -------
    files : tuple of Path
    ran : bool
        False: nothing had changed, and nothing was run.

    Raises
    ------
    DisclosureError
        A report that would give a few people away beside what was released before.
    UsageError
        Cohorts that were not run or are stale, each with the reason.
    StepError
        A cell of the notebook failed; the report is as it was.
    """
    cohorts = [cohort.cohort for cohort in study.cohorts]
    refuse_stale(study, cohorts, "the network report is made from")
    released.consult(study, cohorts)
    outcomes = run(study, steps=[NETWORK_REPORT], **options)
    files = [folders(study, NETWORK).reports / f"report.{kind}" for kind in ("html", "pdf", "docx")]
    if not is_demonstration(study):
        released.enter(study, cohorts, NETWORK)
    return tuple(file for file in files if file.exists()), any(outcome.ran for outcome in outcomes)
