"""Questionnaires as data: one YAML each, the registry that reads them, the scorer that uses them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from joyeval.instruments.registry import components, listing, load, names, scales_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["components", "explain", "keyed", "listing", "load", "names", "percent_positive", "scales_of", "score"]

_LATER = {  # these import what is heavy
    "explain": "describe",
    "keyed": "scoring",
    "percent_positive": "scoring",
    "score": "scoring",
}


class _Registry(ModuleType):
    """`je.instruments()` lists the registry, and `je.instruments.load` is in this package: one name serves both."""

    def __call__(self) -> pd.DataFrame:
        return listing()

    def __getattr__(self, name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{self.__name__}.{_LATER[name]}"), name)


sys.modules[__name__].__class__ = _Registry
