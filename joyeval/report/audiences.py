"""For whom a notebook is read: each section is shown once for each audience, by its own rule."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from joyeval import disclosure
from joyeval.disclosure.rule import in_section
from joyeval.store import edition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joyeval.store import Store
    from joyeval.study import Study

_STORES: list[Store] = []  # of the cohorts that this notebook is about


def readers(study: Study, cohort: str = "", names: str = "public") -> None:
    """Say for whom the sections of this notebook are, and of which cohort they speak; of all cohorts, if of none.

    Parameters
    ----------
    names : str
        Audiences of the study file, separated by commas.

    Raises
    ------
    DisclosureError
        An audience that the study file does not name.
    """
    disclosure.read_for(*(disclosure.rule_of(study, name.strip()) for name in names.split(",")))
    _STORES[:] = [study.store(name) for name in ([cohort] if cohort else [one.cohort for one in study.cohorts])]


def everyone() -> int | None:
    """Return the people behind what rests on everyone: in post, or seen in surveys; None if no cohort is named."""
    return sum(map(disclosure.people_of, _STORES)) if _STORES else None


def tables_of(store: Store) -> Path:
    """Return where tables for the readers of this section are saved."""
    return edition(store.out, disclosure.reader().audience) / "tables"


def section(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a section show itself once for each audience of its notebook, or for the one that it is shown to already."""

    @wraps(function)
    def shown(*args: Any, **options: Any) -> Any:
        if in_section():
            return function(*args, **options)
        for rule in disclosure.readers():
            with disclosure.reading(rule):
                found = function(*args, **options)
        return found

    return shown
