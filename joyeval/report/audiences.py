"""For whom a notebook is read: each section is shown once for each audience, by its own rule."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval import disclosure
from joyeval.disclosure.rule import in_section
from joyeval.figures import once
from joyeval.report.held import Held, holding
from joyeval.store import edition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
    teams = [store.table("teams") for store in _STORES if "teams" in store.tables()]
    disclosure.know(
        _written(study.model_dump(warnings=False)), disclosure.known_in_post(pd.concat(teams)) if teams else None
    )


def _written(part: Any) -> Iterator[str]:
    """Yield every text of a study file: titles, names, units and reasons, which may hold numbers."""
    match part:
        case str():
            yield part
        case dict():
            yield from (text for value in (*part, *part.values()) for text in _written(value))
        case list() | tuple():
            yield from (text for value in part for text in _written(value))


def everyone() -> int | None:
    """Return the people behind what rests on everyone: in post, or seen in surveys; None if no cohort is named."""
    return sum(map(disclosure.people_of, _STORES)) if _STORES else None


def stores() -> tuple[Store, ...]:
    """Return the stores of the cohorts that this notebook is about."""
    return tuple(_STORES)


def tables_of(store: Store) -> Path:
    """Return where tables for the readers of this section are saved."""
    return edition(store.out, disclosure.reader().audience) / "tables"


@contextmanager
def for_team(study: Study, team: str) -> Iterator[None]:
    """Speak to one team alone, about itself, for the length of the block."""
    with disclosure.reading(disclosure.rule_of(study, "team", team=team)):
        yield


def section(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a section show itself once for each audience of its notebook, or for the one that it is shown to already.

    The call returns what it showed.
    """

    @wraps(function)
    def shown(*args: Any, **options: Any) -> Any:
        if in_section():
            return function(*args, **options)
        with once.kept(), holding() as held:
            for rule in disclosure.readers():
                with disclosure.reading(rule):
                    function(*args, **options)
        return Held(disclosure.readers()[0].audience, tuple(held))

    return shown
