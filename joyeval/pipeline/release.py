"""What may be shared of a cohort, looked through as a stranger would and packed into one file."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
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
from joyeval.pipeline.steps import NETWORK, sha256
from joyeval.store import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.study import Study

SHARED = ("report.*", "figures/*/*", "tables/*")  # never notebooks, run records, problems or anything with rows
TEXTS = (".html", ".csv", ".json", ".txt", ".tex", ".svg", ".eps")
WHEN = datetime(1980, 1, 1).timetuple()[:6]  # the first day that a zip knows: the same bytes each time


def release(study: Study, cohort: str, *, withdraw: str = "", **waiting: Any) -> tuple[Path, tuple[str, ...]]:
    """Check everything that may be shared and pack it with a manifest.

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
        Every place that may not leave, or a group that differs by a few people from what was released before; nothing
        is packed, and an older archive is taken away.
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
    refuse_stale(study, [study.cohort(cohort).cohort], "a release is made from")
    home = folders(study, cohort).reports
    archive = home / "release" / f"{study.study}_{cohort}.zip"
    archive.unlink(missing_ok=True)
    files = sorted(path for pattern in SHARED for path in home.glob(pattern) if path.is_file())
    if not any(path.name == "report.html" for path in files):
        raise UsageError(f"{home} holds no report; `joyeval run {study.path.name}` makes it")
    _refuse_old_figures(study, cohort, [path for path in files if path.name == "manifest.json"])
    _look_through(study, cohort, home, files)
    released.enter(study, [cohort], "release")
    write_whole(archive, _packed(study, cohort, home, files))
    return archive, tuple(str(path.relative_to(home)) for path in files)


def _refuse_old_figures(study: Study, cohort: str, manifests: list[Path]) -> None:
    """Refuse figures, and the tables made with them, that were drawn from results of an earlier run."""
    for manifest in manifests:
        for entry in json.loads(manifest.read_text(encoding="utf-8")).values():
            drawn_from = entry.get("results", {})
            if released.digests_of_results(study, cohort, drawn_from) != drawn_from:
                again = f"joyeval figures {study.path.name} --cohort {cohort} --journal {manifest.parent.name}"
                raise UsageError(f"{manifest.parent} was drawn from earlier results; `{again}` first")


def _look_through(study: Study, cohort: str, home: Path, files: list[Path]) -> None:
    """Read a copy of exactly what would be packed."""
    staging = home / ".staging" / "release"
    shutil.rmtree(staging, ignore_errors=True)
    for path in files:
        target = staging / path.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    rule = rule_of(study, "public")
    problems = [problem for path in files for problem in _paths(path, str(path.relative_to(home)), study)]
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


def _packed(study: Study, cohort: str, home: Path, files: list[Path]) -> bytes:
    names = {path.relative_to(home).as_posix(): path for path in files}
    manifest = {
        "study": study.study,
        "title": study.title,
        "cohort": cohort,
        "synthetic": study.synthetic,
        "made_with": f"joyeval {__version__}",
        "disclosure": _rule(study),
        **({"withdrawn": told} if (told := released.withdrawn(study)) else {}),
        "files": {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in names.items()},
    }
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        _add(archive, "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False).encode("utf-8"))
        for name, path in names.items():
            _add(archive, name, path.read_bytes())
    return content.getvalue()


def _rule(study: Study) -> dict[str, Any]:
    """Say by what rule the files were made: that of the public."""
    rule = rule_of(study, "public")
    return {name: getattr(rule, name) for name in ("audience", "threshold", "nearest", "reason")}


def _add(archive: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name, date_time=WHEN)
    entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
    archive.writestr(entry, content)
