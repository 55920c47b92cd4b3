"""Raw export to clean wave: read, map, check, dedupe, link people, and account for every row."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "CleanFile": "cleaning",
    "Cleaned": "all_waves",
    "Raw": "raw",
    "WaveFile": "cleaning",
    "clean": "all_waves",
    "clean_file": "cleaning",
    "find_columns": "columns",
    "propose": "mapping",
    "propose_map": "mapping",
    "read": "reading",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562): a key is looked up without the readers of files."""
    if name in _HOME:
        return getattr(import_module(f"joyeval.intake.{_HOME[name]}"), name)
    raise AttributeError(f"module 'joyeval.intake' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
