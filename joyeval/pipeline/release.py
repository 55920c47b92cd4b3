"""What may be shared of a cohort, looked through as a stranger would and packed into one file."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from joyeval._version import __version__
from joyeval.disclosure import check_release, rule_of
from joyeval.errors import DisclosureError, Problem, UsageError
from joyeval.pipeline import released
from joyeval.pipeline.locks import hold
from joyeval.pipeline.permissions import keep_to_owner
from joyeval.pipeline.readback import hidden_from
from joyeval.pipeline.record import folders, refuse_stale
from joyeval.pipeline.recorded import shared, strange
from joyeval.pipeline.steps import NETWORK
from joyeval.store import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.study import Study

TEXTS = (".html", ".csv", ".json", ".txt", ".tex", ".svg", ".eps")
WHEN = datetime(1980, 1, 1).timetuple()[:6]  # the first day that a zip knows: the same bytes each time


def release(study: Study, cohort: str, *, withdraw: str = "", **waiting: Any) -> tuple[Path, tuple[str, ...]]:
    """Check everything that may be shared, as it was made by a run or `figures`, and pack it with a manifest.

    Parameters
    ----------
    withdraw : str
        Why nothing that was released before is in anybody's hands, where this release would give a few people away
        beside it; kept in the ledger and told in the manifest.
    **waiting
        `wait` and `tell`, while another command is at work: see `joyeval.pipeline.locks.hold`.

    Returns
    -------
    archive : Path
        reports/<study>/<cohort>/release/<study>_<cohort>.zip; the same bytes for the same files.
    names : tuple of str
        What is in it.

    Raises
    ------
    DisclosureError
        Every file that nobody's record names or that was changed since, every place that may not leave, or a group that
        differs by a few people from what was released before; nothing is packed, and an older archive is taken away.
    UsageError
        A cohort that was not run or is stale.
    """
    keep_to_owner(study, [study.cohort(cohort).cohort, NETWORK])
    ledger = folders(study, NETWORK).processed  # one for all cohorts
    with hold([folders(study, cohort).processed, ledger], **waiting):
        if withdraw.strip():
            released.withdraw(study, [cohort], withdraw.strip())
        return _released(study, cohort)


def _released(study: Study, cohort: str) -> tuple[Path, tuple[str, ...]]:
    where = folders(study, cohort)
    archive = where.reports / "release" / f"{study.study}_{cohort}.zip"
    archive.unlink(missing_ok=True)
    _refuse_strange(study, cohort)
    refuse_stale(study, [study.cohort(cohort).cohort], "a release is made from")
    files = {name: (where.reports / name).read_bytes() for name in shared(where)}
    if "report.html" not in files:
        raise UsageError(f"{where.reports} holds no report; `joyeval run {study.path.name}` makes it")
    _refuse_old_figures(study, cohort, where.reports, [name for name in files if name.endswith("/manifest.json")])
    _look_through(study, cohort, where.reports / ".staging" / "release", files)
    released.enter(study, [cohort], "release")
    write_whole(archive, _packed(study, cohort, files))
    return archive, tuple(files)


def _refuse_strange(study: Study, cohort: str) -> None:
    """Refuse files that somebody put beside those of a run, or changed: nobody knows what is in them."""
    run = f"`joyeval run {study.path.name}` or `joyeval figures {study.path.name} --cohort {cohort}`"
    told = {"expected": "a file as it was made", "fix": f"move it away, or make it again: {run}", "rule": "release"}
    problems = [Problem(file=name, found=what, **told) for name, what in strange(study, cohort).items()]
    if problems:
        raise DisclosureError(problems, f"{len(problems)} files are not as they were made; nothing was packed")


def _refuse_old_figures(study: Study, cohort: str, reports: Path, manifests: list[str]) -> None:
    """Refuse figures, and the tables made with them, that were drawn from results of an earlier run."""
    for manifest in (reports / name for name in manifests):
        for entry in json.loads(manifest.read_text(encoding="utf-8")).values():
            drawn_from = entry.get("results", {})
            if released.digests_of_results(study, cohort, drawn_from) != drawn_from:
                again = f"joyeval figures {study.path.name} --cohort {cohort} --journal {manifest.parent.name}"
                raise UsageError(f"{manifest.parent} was drawn from earlier results; `{again}` first")


def _look_through(study: Study, cohort: str, staging: Path, files: dict[str, bytes]) -> None:
    """Read a copy of exactly what would be packed."""
    shutil.rmtree(staging, ignore_errors=True)
    for name, content in files.items():
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_bytes(content)
    rule = rule_of(study, "public")
    problems = [problem for name in files for problem in _paths(staging / name, name, study)]
    try:
        check_release(staging, rule=rule, hidden=hidden_from(study, cohort, rule))
    except DisclosureError as error:
        problems += error.problems
    finally:
        shutil.rmtree(staging)
    if problems:
        raise DisclosureError(problems, f"{len(problems)} places may not leave; nothing was packed")


def _paths(path: Path, name: str, study: Study) -> list[Problem]:
    """Find folders of this machine: they tell who made the report, and often for whom."""
    places = {str(study.home), str(study.folder)}
    if path.suffix not in TEXTS or not any(place in path.read_text(encoding="utf-8") for place in places):
        return []
    fix = "run the step again; if it stays, tell the authors of joyeval"
    return [Problem(file=name, found="a folder of this machine", expected="no path", fix=fix, rule="release")]


def _packed(study: Study, cohort: str, files: dict[str, bytes]) -> bytes:
    manifest = {
        "study": study.study,
        "title": study.title,
        "cohort": cohort,
        "synthetic": study.synthetic,
        "made_with": f"joyeval {__version__}",
        "disclosure": _rule(study),
        **({"withdrawn": told} if (told := released.withdrawn(study)) else {}),
        "files": {
            name: {"bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in files.items()
        },
    }
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        _add(archive, "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False).encode("utf-8"))
        for name, content in files.items():
            _add(archive, name, content)
    return packed.getvalue()


def _rule(study: Study) -> dict[str, Any]:
    """Say by what rule the files were made: that of the public."""
    rule = rule_of(study, "public")
    return {name: getattr(rule, name) for name in ("audience", "threshold", "nearest", "reason")}


def _add(archive: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name, date_time=WHEN)
    entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
    archive.writestr(entry, content)
