"""What this machine has that joyeval needs."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from joyeval._version import __version__
from joyeval.intake import keys
from joyeval.pipeline.permissions import open_to_others, others_can_write
from joyeval.pipeline.steps import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing looked for."""

    what: str
    found: str
    verdict: str


def findings(home: Path | None = None) -> list[Finding]:
    """Return what was found, one line each; a verdict that starts with "missing" or "open" needs mending.

    Parameters
    ----------
    home : Path, optional
        A workspace whose permissions are looked at too.
    """
    python = Finding(
        "Python", platform.python_version(), "ok" if sys.version_info >= (3, 11) else "missing: 3.11 or later"
    )
    return [Finding("joyeval", __version__, "ok"), python, *map(_library, LIBRARIES), _kernel(), *_permissions(home)]


def _library(name: str) -> Finding:
    try:
        return Finding(name, version(name), "ok")
    except PackageNotFoundError:
        return Finding(name, "not installed", f"missing: pip install {name}")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    kernels = KernelSpecManager().find_kernel_specs()
    if "python3" in kernels:
        return Finding("Jupyter kernel", kernels["python3"], "ok")
    return Finding("Jupyter kernel", "no python3 kernel", "missing: python -m ipykernel install --sys-prefix")


def _permissions(home: Path | None) -> Iterator[Finding]:
    """Keys, rows of people and outputs: who else on this machine may read or replace them."""
    made = sorted((keys.settings() / "joyeval").glob("*.key"))
    faults = [fault for path in made if (fault := keys.open_to_others(path))]
    for fault in faults:
        yield Finding("key for pseudonyms", fault.partition(";")[0], f"open:{fault.partition(':')[2]}")
    if made and not faults:
        yield Finding("keys for pseudonyms", ", ".join(path.stem for path in made), "ok")
    if home is None or not (home / "data").is_dir():
        return
    rows = list(open_to_others(home))
    for path in rows:
        yield Finding("for its owner alone", f"others may read {path}", f"open: chmod -R go-rwx {path}")
    free = [path for path in (home / "reports", *sorted((home / "reports").glob("*/*"))) if others_can_write(path)]
    for path in free:
        yield Finding("reports", f"others can write to {path}", f"open: chmod o-w {path}")
    if not rows and not free:
        yield Finding("permissions", "rows of people, and editions for few readers, are for their owner alone", "ok")
    raw = home / "data" / "raw"
    if raw.is_dir() and raw.stat().st_mode & 0o004:
        yield Finding("raw files", "others on this machine may read data/raw", f"see to it: chmod -R go-rwx {raw}")
