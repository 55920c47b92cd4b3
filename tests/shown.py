"""Figures and reports called as if the gate had passed what they are given: tests of drawing, not of disclosure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from joyeval import figures as real_figures
from joyeval import report as real_report
from joyeval.disclosure import RULES, Said, Shown
from joyeval.figures.door import REMEMBERED
from joyeval.figures.export import save as real_save
from joyeval.report.tables import layout as real_layout
from joyeval.result import Result


def as_shown(what: Any, **fields: Any) -> Shown:
    return what if isinstance(what, Shown) else Shown(what, RULES["public"], **fields)


def _passed(value: Any) -> Any:
    if isinstance(value, str):
        return Said(value, "public")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [Said(one, "public") for one in value]
    exact = isinstance(value, pd.DataFrame | Result)
    several = isinstance(value, Mapping) and any(isinstance(part, pd.DataFrame | Result) for part in value.values())
    if hasattr(value, "figure") and not getattr(value.figure, REMEMBERED, ()):
        real_figures.from_shown(value, as_shown(pd.DataFrame()))
    return as_shown(value) if exact or several else value


def passing(call: Any, *, first: bool = False) -> Any:
    """The same call, whose tables and results are taken as shown; `first`: whatever comes first, too."""

    def called(*args: Any, **options: Any) -> Any:
        given = [_passed(value) for value in args]
        if first and given:
            given[0] = as_shown(given[0])
        return call(*given, **{name: _passed(value) for name, value in options.items()})

    return called


class _Passing:
    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name == "table_one":
            return lambda *args, **options: found(*args, **options).what
        if name == "model_table":
            return found
        return passing(found, first=name == "team_marks") if callable(found) and not isinstance(found, type) else found


figures, report = _Passing(real_figures), _Passing(real_report)
save, layout = passing(real_save), passing(real_layout)
