"""Which files of a cohort may be shared: those that a run, or `joyeval figures`, wrote down, as they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joyeval.pipeline.record import folders, read_record, write_record
from joyeval.pipeline.steps import sha256, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joyeval.pipeline.record import Folders
    from joyeval.study import Study

SHARED = ("report.*", "figures/*/*", "tables/*")  # never notebooks, run records, problems or anything with rows
PUBLIC = ("report.", "tables/")  # outputs of steps that everybody may read
NOBODYS, CHANGED = "no run made this file", "it was changed after it was made"


def shared(where: Folders) -> list[str]:
    """Return the names of all files that lie where files to share do, whoever put them there."""
    files = {path for pattern in SHARED for path in where.reports.glob(pattern) if not path.is_dir()}
    return sorted(path.relative_to(where.reports).as_posix() for path in files)


def recorded(study: Study, cohort: str) -> dict[str, str]:
    """Return the files of the public edition that steps of the study or `figures` made, each with its SHA-256."""
    record = read_record(folders(study, cohort).record)
    done = [record["steps"].get(step.name, {}).get("outputs", {}) for step in steps_of(study)]
    outputs = {name: digest for made in done for name, digest in made.items() if name.startswith(PUBLIC)}
    return outputs | record.get("artwork", {})


def strange(study: Study, cohort: str) -> dict[str, str]:
    """Return the files that nobody's record names or that are not as they were made, each with which of the two."""
    where, known = folders(study, cohort), recorded(study, cohort)
    added = {name: NOBODYS for name in shared(where) if name not in known}
    there = {name: where.reports / name for name in known if (where.reports / name).is_file()}
    return added | {name: CHANGED for name, path in there.items() if sha256(path) != known[name]}


def write_down(where: Folders, names: Iterable[str], *, instead: tuple[str, ...]) -> None:
    """Write into run.json that these files were made for papers, and remove earlier ones whose names begin so."""
    record = read_record(where.record)
    kept = {name: digest for name, digest in record.get("artwork", {}).items() if not name.startswith(instead)}
    made = {name: sha256(where.reports / name) for name in names}
    for name in record.get("artwork", {}).keys() - kept.keys() - made.keys():
        (where.reports / name).unlink(missing_ok=True)
    write_record(where.record, {**record, "artwork": kept | made})
