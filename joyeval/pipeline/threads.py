"""How many numerical threads a kernel may start: kernels that run side by side share the cores of the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: "200000 100000" is two cores


def cores() -> int:
    """Return the cores that this process may use: those it is bound to, at most its container's share."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return max(1, min(bound, int(quota) // int(period)))
    except (OSError, ValueError):  # no container, or "max": no limit
        return bound


def threads_of(workers: int) -> int:
    """Return the numerical threads of each of so many kernels; a number the user has set (OMP_NUM_THREADS) stands."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else max(1, cores() // max(1, workers))


def environment(threads: int) -> Mapping[str, str]:
    """Return the environment of a kernel with so many numerical threads."""
    return {**os.environ, **dict.fromkeys(VARIABLES, str(threads))}
