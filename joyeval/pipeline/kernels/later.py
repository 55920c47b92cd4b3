"""polars, imported in a kernel when it first uses it.

Its import starts a thread, which the process that kernels are forked from must not have; our own modules and
statsmodels import it. So a module without content takes its place until anything of it is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import suppress
from threading import RLock
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """A module that becomes the real one, in place, at the first attribute that it lacks."""

    _lock, _loading = RLock(), False

    def __getattr__(self, name: str) -> Any:
        with Later._lock:
            if type(self) is Later and not Later._loading:
                Later._loading = True
                self.__path__ = self.__spec__.submodule_search_locations
                try:
                    self.__spec__.loader.exec_module(self)
                finally:
                    Later._loading = False
                self.__class__ = ModuleType
                _tell_statsmodels(self)
        return ModuleType.__getattribute__(self, name)


def postpone_polars() -> None:
    """Put the module without content in place of polars, unless that was imported or is not installed."""
    if "polars" in sys.modules or (spec := importlib.util.find_spec("polars")) is None:
        return
    sys.modules["polars"] = None  # as if it were not installed: no table can be one of its own yet
    with suppress(ImportError):
        importlib.import_module("statsmodels.tools.data")
    sys.modules["polars"] = module = Later("polars")
    module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
    module.__package__ = "polars"


def _tell_statsmodels(polars: ModuleType) -> None:
    if told := sys.modules.get("statsmodels.tools.data"):
        told._POLARS_TYPES = (polars.DataFrame, polars.Series)
