"""Who on this machine may look at rows of people, and who may put a report in the place of ours.

Folders with rows of people are for their owner alone (0700), their files too (0600); reports as the user's umask says.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from joyeval.errors import DisclosureError
from joyeval.pipeline.record import folders
from joyeval.store import private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from joyeval.study import Study

OTHERS = 0o077
OWNERS = ("notebooks", "programme", "team")  # folders below those of the reports that are for their owner alone
OTHERS_WRITE = stat.S_IWOTH


def keep_to_owner(study: Study, names: Iterable[str]) -> None:
    """Make the folders of cohorts, private ones where rows of people will lie.

    Parameters
    ----------
    names : iterable of str
        Cohorts, or "network".

    Raises
    ------
    DisclosureError
        A folder of the outputs in which everybody on this machine can write; nothing was written.
    """
    where = [folders(study, name) for name in names]
    ours = [study.home / "data" / "processed", study.home / "reports"]
    ours += [folder for one in where for place in (one.processed, one.reports) for folder in (place.parent, place)]
    if free := [folder for folder in dict.fromkeys(ours) if others_can_write(folder)]:
        told = ", ".join(str(folder) for folder in free)
        raise DisclosureError(
            (),
            f"everybody on this machine can write to {told}, and could put other reports there; nothing was written; "
            f"mend it with: chmod o-w {' '.join(str(folder) for folder in free)}",
        )
    for folder in ours:
        folder.mkdir(parents=True, exist_ok=True, mode=0o775)  # whatever the umask, not for everybody to write
    for one in where:
        private(one.processed.parent)
        private(one.processed)


def others_can_write(folder: Path) -> bool:
    """Whether everybody on this machine can write to a folder, as far as its file system knows of modes."""
    return folder.is_dir() and bool(folder.stat().st_mode & OTHERS_WRITE) and _knows_modes(folder)


def open_to_others(home: Path) -> Iterator[Path]:
    """Yield what is for its owner or few readers and can be read by others; a folder stands for what is in it."""
    processed = home / "data" / "processed"
    places = [path for path in processed.glob("*") if path.is_dir()] if processed.is_dir() else []
    places += [path for name in OWNERS for path in (home / "reports").glob(f"*/*/{name}")]
    for place in sorted(places):
        if place.stat().st_mode & OTHERS and _knows_modes(place):
            yield place


def _knows_modes(folder: Path) -> bool:
    """Whether a folder made for its owner alone is one: on shares of other systems everything is open to all."""
    if os.name != "posix":
        return False
    try:
        with tempfile.TemporaryDirectory(dir=folder) as made:  # made 0700
            return not Path(made).stat().st_mode & OTHERS
    except OSError:
        return True
