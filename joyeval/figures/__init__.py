"""Results become Axes, and Axes become files that a journal takes.

Each figure draws what may be shown of a result or a table (`joyeval.disclosure.Shown`) and works nothing out. Names
are imported where they are first used, so that text and settings can be read without loading matplotlib.

Examples
--------
>>> from joyeval import figures
>>> figures.save  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "WEAK_ITEM": "measurement",
    "caterpillar": "measurement",
    "change_map": "coordination",
    "change_map_alt": "coordination",
    "check": "checks",
    "coefficients": "estimates",
    "cohort_courses": "network",
    "component_map": "waves",
    "dimension_changes": "coordination",
    "driver_diagram": "programme",
    "driver_diagram_alt": "programme",
    "effect": "estimates",
    "event_study": "designs",
    "forest": "estimates",
    "from_shown": "door",
    "heat_map": "coordination",
    "heat_map_alt": "coordination",
    "icon": "icons",
    "interrupted": "designs",
    "journals": "journal",
    "leave_one_out": "designs",
    "linkage": "designs",
    "likert": "waves",
    "network_map": "coordination",
    "network_map_alt": "coordination",
    "new": "style",
    "panels": "style",
    "plot_chart": "improvement",
    "plot_funnel": "improvement",
    "plot_overview": "icons",
    "plot_participation": "improvement",
    "plot_pulse": "improvement",
    "respondents": "waves",
    "save": "export",
    "scores_over_waves": "waves",
    "plot_items": "measurement",
    "questionnaire": "measurement",
    "scree": "measurement",
    "small_multiples": "improvement",
    "specification_curve": "designs",
    "styled": "style",
    "team_marks": "programme",
    "ties_over_waves": "coordination",
    "ties_over_waves_alt": "coordination",
    "timeline": "designs",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562)."""
    if name in _HOME:
        return getattr(import_module(f"joyeval.figures.{_HOME[name]}"), name)
    raise AttributeError(f"module 'joyeval.figures' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
