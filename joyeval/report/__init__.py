"""Blocks that notebooks emit, and the three writers that make a report of them.

Examples
--------
>>> from joyeval import report
>>> report.heading("Who took part?")  # doctest: +SKIP
>>> report.table(flow, caption="Respondents at each step")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "chapter": "chapters",
    "exhibit": "blocks",
    "figure": "blocks",
    "glossary": "blocks",
    "heading": "blocks",
    "house_template": "house",
    "items": "blocks",
    "model_table": "papers",
    "note": "blocks",
    "readers": "audiences",
    "result": "blocks",
    "save_chapter": "chapters",
    "save_table": "papers",
    "table": "blocks",
    "table_one": "papers",
    "text": "blocks",
    "title": "blocks",
    "write": "writers",
    "write_sheets": "writers",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562)."""
    if name in _HOME:
        return getattr(import_module(f"joyeval.report.{_HOME[name]}"), name)
    raise AttributeError(f"module 'joyeval.report' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
