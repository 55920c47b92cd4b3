"""joyeval evaluates joy-in-work programmes in health care, from raw survey files to the report.

Everything heavy is imported where it is first used, so ``import joyeval`` stays quick.

Examples
--------
>>> import joyeval as je
>>> study = je.load_study("pipelines/enjoying_work.yml")  # doctest: +SKIP
>>> study.table("pulse", cohort="3")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from joyeval._version import __version__

__all__ = ["__version__", "instruments", "load_study", "score"]

_FUNCTIONS = {"load_study": "study", "score": "instruments"}
_FOLDERS = (
    "instruments",
    "intake",
    "measurement",
    "improvement",
    "coordination",
    "outcomes",
    "design",
    "learning",
    "network",
    "models",
    "disclosure",
    "figures",
    "report",
    "pipeline",
    "explore",
    "synthetic",
)
_MOVED = {"waves": "intake"}


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562)."""
    if name in _FUNCTIONS:
        return getattr(import_module(f"joyeval.{_FUNCTIONS[name]}"), name)
    if name in _FOLDERS or name in _MOVED:
        return import_module(f"joyeval.{_MOVED.get(name, name)}")
    raise AttributeError(f"module 'joyeval' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_FUNCTIONS, *_FOLDERS, "__version__"])
