"""Names that parts of a study file may point to, and how a problem is told with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.errors import Problem
    from joyeval.strict_yaml import YamlFile

STEPS = (
    "01_clean_waves",
    "02_staff_experience",
    "03_improvement",
    "04_relational_coordination",
    "05_outcomes",
    "06_report",
)  # what a study runs that names no steps
COHORT_PARTS = ("waves", "pulses", "coordination", "outcomes")
TEAM_ATTRIBUTES = {"organisation", "directorate", "setting"}  # beside others that the list of teams names

_EXPECTED = {
    "missing": ("no such key", "this key", "add it"),
    "extra_forbidden": ("an unknown key", "a key that a study file has", "check the spelling, or remove it"),
    "string_type": ("a value that is not text", "text", "put it in quotes"),
    "string_pattern_mismatch": ("a name with other characters", "lower-case letters, digits, _ and -", "rename it"),
    "date_type": ("a value that is not a day", "a day as 2024-05-31, without quotes", "correct it"),
    "tuple_type": ("a single value", "a list", "put it in square brackets"),
    "int_type": ("a value that is not a whole number", "a whole number", "correct it"),
    "bool_type": ("a value that is neither true nor false", "true or false", "correct it"),
    "too_short": ("an empty list", "at least one entry", "add one"),
}


@dataclass(frozen=True)
class Known:
    """What names of a study file may point to, gathered before its parts are read.

    Parameters
    ----------
    names : mapping
        What is named (a cohort, an outcome) to all names of that kind.
    counts : mapping
        Key of a part that names it (cohort, measure) to how often each name is given.
    steps : frozenset of str
        Notebooks, ours and the user's own.
    primary : bool
        Whether a primary analysis is named.
    """

    names: Mapping[str, set[str]]
    counts: Mapping[str, Counter] = field(default_factory=dict)
    steps: frozenset[str] = frozenset(STEPS)
    primary: bool = False


def explain(file: YamlFile, details: list[Any]) -> list[Problem]:
    """Tell the findings of the typed reading in the words of the person who writes the file."""
    told = [_told(file, detail) for detail in details if not _follows_from_another(detail, details)]
    return list(dict.fromkeys(told))  # a form is read with every part that has it


def standing(file: YamlFile, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return where a key is written: one that a part has from its form stands in the form."""
    if len(path) < 3 or path in file.lines or not isinstance(path[1], int):
        return path
    form = file.data[path[0]][path[1]].get("form")
    return ("forms", form, *path[2:]) if ("forms", form, path[2]) in file.lines else path


def _follows_from_another(detail: Any, details: list[Any]) -> bool:
    """Say so of a list that is too short only because its entries are wrong, and of the other forms of a value.

    Where a value may be a list or a mapping, pydantic tells what is wrong with it as either.
    """
    here, kind = _path(detail), detail["type"]
    others = [other for other in details if other is not detail and _path(other)[: len(here)] == here]
    if kind == "tuple_type":
        return any(len(_path(other)) > len(here) for other in others)
    if kind == "mapping_type":
        return any(other["type"] == "tuple_type" for other in others)
    return kind == "too_short" and bool(others)


def _path(detail: Any) -> tuple[str | int, ...]:
    return tuple(part for part in detail["loc"] if not _is_branch(part))


def _told(file: YamlFile, detail: Any) -> Problem:
    path, kind = standing(file, _path(detail)), detail["type"]
    if "fix" in detail.get("ctx", ()):
        found, expected, fix = (detail["ctx"][key] for key in ("found", "expected", "fix"))
    elif kind in _EXPECTED:
        found, expected, fix = _EXPECTED[kind]
    elif kind == "literal_error":
        found, expected, fix = f"{detail['input']!r}", detail["ctx"]["expected"], "choose one of these"
    elif kind == "value_error":
        found, expected, fix = str(detail["ctx"]["error"]), "values that agree", "correct one of them"
    else:
        found, expected, fix = "a value that does not fit", detail["msg"].lower(), "correct it"
    return file.problem(path, found=found, expected=expected, fix=fix, rule=kind)


def _is_branch(part: str | int) -> bool:
    """Pydantic adds the name of the tried type to the path of a union."""
    return isinstance(part, str) and ("[" in part or part in {"str", "int", "float", "tuple", "function-after"})


def known_names(data: Any, folder: Path) -> tuple[Known, list[Problem]]:
    """Gather the names that a study file gives, and what is wrong with the instruments that are files of its own.

    Parameters
    ----------
    data
        The plain data of the file, whatever they are.
    folder : Path
        Where the study file lies; instruments of one's own lie beside it.
    """
    parts = {name: _entries(data, name) for name in (*COHORT_PARTS, "cohorts", "organisations")}
    forms = [form for form in _mapping(data, "forms").values() if isinstance(form, dict)]
    named = {str(name) for part in (*parts["waves"], *forms) for name in _texts(part.get("instruments"))}
    scales, problems = _scales(named, folder)
    outcomes = _given(parts["outcomes"], "measure")
    primary = _mapping(data, "primary")
    tables = [_mapping(data, "teams"), *parts["waves"], *forms]
    columns = {column for table in tables for column in _mapping(table, "columns")}
    names = {
        "cohort": set(_given(parts["cohorts"], "cohort")),
        "form": set(_mapping(data, "forms")),
        "instrument": _instruments(named),
        "outcome": set(outcomes),
        "other outcome": {outcome for outcome in outcomes if outcome != primary.get("outcome")},
        "staff measure": {*_given(parts["pulses"], "measure"), *scales},
        "attribute": (columns | TEAM_ATTRIBUTES) - {"person", "team", "cohort", "date"},
        "scale": scales,
        "measure": {*_given(parts["pulses"], "measure"), *outcomes},
        "phase": {str(name) for cohort in parts["cohorts"] for name in _given(_entries(cohort, "phases"), "name")},
    }
    given = (("cohorts", "cohort"), ("outcomes", "measure"), ("organisations", "code"))
    counts = {key: Counter(_given(parts[kind], key)) for kind, key in given}
    notebooks = (folder.parent if folder.name == "pipelines" else folder) / "notebooks"
    own = frozenset(path.stem for path in notebooks.glob("*.ipynb"))
    return Known(names, counts, own | set(STEPS), bool(primary.get("outcome"))), problems


def _given(parts: list[dict[str, Any]], key: str) -> list[str]:
    return [part[key] for part in parts if isinstance(part.get(key), str)]


def _mapping(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _entries(data: Any, key: str) -> list[dict[str, Any]]:
    found = data.get(key) if isinstance(data, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, tuple) else []


def _texts(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else ()


def _scales(named: set[str], folder: Path) -> tuple[set[str], list[Problem]]:
    """Scales of the instruments of a study, and everything that is wrong with those that are files of the user."""
    if not named:
        return set(), []
    from joyeval.errors import StudyError
    from joyeval.instruments import scales_of

    scales: set[str] = set()
    problems: list[Problem] = []
    for name in sorted(named & _instruments(named)):
        try:
            scales |= set(scales_of(folder / name if name.endswith(".yml") else name))
        except StudyError as error:
            problems += error.problems
    return scales, problems


def _instruments(named: set[str]) -> set[str]:
    """Instruments of the registry, and files of the user that are named."""
    if not named:
        return set()
    from joyeval.instruments import names

    return set(names()) | {name for name in named if name.endswith(".yml")}


def step_names(steps: Any) -> tuple[str, ...]:
    """Return the names of the steps, from a list of them or from a mapping that adds to the usual ones."""
    if isinstance(steps, Mapping):
        return tuple(dict.fromkeys([*STEPS[:-1], *(name for name in steps if name not in STEPS), STEPS[-1]]))
    named = [(entry,) if isinstance(entry, str) else tuple(entry) for entry in steps]
    return tuple(dict.fromkeys(name for names in named for name in names))
