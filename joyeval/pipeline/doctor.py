"""What this machine has that joyeval needs."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from joyeval._version import __version__
from joyeval.pipeline.steps import LIBRARIES


@dataclass(frozen=True)
class Finding:
    """One thing looked for."""

    what: str
    found: str
    verdict: str


def findings() -> list[Finding]:
    """Return what was found, one line each; a verdict that starts with "missing" needs mending."""
    python = Finding(
        "Python", platform.python_version(), "ok" if sys.version_info >= (3, 11) else "missing: 3.11 or later"
    )
    return [Finding("joyeval", __version__, "ok"), python, *map(_library, LIBRARIES), _kernel()]


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
