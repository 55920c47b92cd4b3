"""One command at a time writes to a cohort; who waits is told at once for whom."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from joyeval.errors import StepError
from joyeval.store import private, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Tell = Callable[[str], None]


@contextmanager
def hold(folders: Iterable[Path], *, wait: bool = True, tell: Tell = lambda text: None) -> Iterator[None]:
    """Hold the locks of folders; each is given back when the process ends, however it ends.

    Parameters
    ----------
    folders : iterable of Path
        Processed folders of cohorts.
    wait : bool
        False: refuse at once what another process holds.
    tell : callable
        Told for which process it waits, since when that has been at work.

    Raises
    ------
    StepError
        Another process holds one of them, and `wait` is False.
    """
    with ExitStack() as held:
        for folder in sorted(folders):  # one order for everyone, so that no two wait for each other
            held.enter_context(_one(folder, wait, tell))
        yield


@contextmanager
def _one(folder: Path, wait: bool, tell: Tell) -> Iterator[None]:
    from filelock import FileLock, Timeout

    private(folder)
    lock, note = FileLock(folder / ".lock"), folder / ".lock.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        found = f"{folder.name} is in use by {_holder(note)}"
        if not wait:
            raise StepError(f"{found}; nothing was done") from None
        tell(f"waiting: {found}")
        lock.acquire()
    try:
        command = " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:]])
        mine = {"process": os.getpid(), "since": datetime.now().isoformat(timespec="seconds"), "command": command}
        write_whole(note, json.dumps(mine).encode("utf-8"))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        return f"process {found['process']} (`{found['command']}`) since {found['since'].replace('T', ' ')}"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just taken the lock
        return "another process"
