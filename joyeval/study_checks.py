"""What a study file's parts must agree on, and how a problem is told with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def explain(file: YamlFile, details: list[Any]) -> list[Problem]:
    """Tell the findings of the typed reading in the words of the person who writes the file."""
    return [_told(file, detail) for detail in details if not _follows_from_another(detail, details)]


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
    path, kind = _path(detail), detail["type"]
    if kind in _EXPECTED:
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


def cross_references(file: YamlFile, folder: Path) -> list[Problem]:
    """Return every name that points nowhere, every name given twice, and what is wrong with instruments of one's own.

    Parameters
    ----------
    folder : Path
        Where the study file lies; instruments of one's own lie beside it.
    """
    if not isinstance(file.data, dict):
        return []
    own, problems = _own_instruments(file, folder)
    for check in (_given_twice, _teams_twice, _unknown_cohorts, _unknown_forms, _unknown_instruments):
        problems += check(file)
    problems += _unknown_steps(file, folder)
    return [*problems, *_unknown_measures(file, own), *_unknown_groups(file, own)]


def step_names(steps: Any) -> tuple[str, ...]:
    """Return the names of the steps, from a list of them or from a mapping that adds to the usual ones."""
    if isinstance(steps, Mapping):
        return tuple(dict.fromkeys([*STEPS[:-1], *(name for name in steps if name not in STEPS), STEPS[-1]]))
    named = [(entry,) if isinstance(entry, str) else tuple(entry) for entry in steps]
    return tuple(dict.fromkeys(name for names in named for name in names))


def _unknown_steps(file: YamlFile, folder: Path) -> Iterator[Problem]:
    """Find steps that are no notebook: neither one of ours nor one of the user's own."""
    notebooks = (folder.parent if folder.name == "pipelines" else folder) / "notebooks"
    named = [(("steps",), file.data.get("steps") or ())]
    named += [(("cohorts", i, "steps"), entry.get("steps") or ()) for i, entry in _entries(file, "cohorts")]
    for path, steps in named:
        entries = steps if isinstance(steps, tuple) else (steps,) if isinstance(steps, dict) else ()
        for name in (name for entry in entries for name in ((entry,) if isinstance(entry, str) else entry)):
            if name not in STEPS and not (notebooks / f"{name}.ipynb").exists():
                fix = f"correct the name, or put the notebook there; joyeval's own are {', '.join(STEPS)}"
                expected = f"a notebook of that name in {notebooks.name}/"
                yield file.problem(path, found=f"a step {name!r}", expected=expected, fix=fix, rule="unknown step")


def _own_instruments(file: YamlFile, folder: Path) -> tuple[set[str], list[Problem]]:
    """Scales of the instruments that are files of the user, and everything that is wrong with these files."""
    from joyeval.errors import StudyError
    from joyeval.instruments import scales_of

    scales: set[str] = set()
    problems: list[Problem] = []
    named = {str(name) for _, names in _named_instruments(file) for name in names}
    for name in sorted(name for name in named if name.endswith(".yml")):
        try:
            scales |= set(scales_of(folder / name))
        except StudyError as error:
            problems += error.problems
    return scales, problems


def _entries(file: YamlFile, part: str) -> list[tuple[int, dict[str, Any]]]:
    entries = file.data.get(part) or ()
    return (
        [(i, entry) for i, entry in enumerate(entries) if isinstance(entry, dict)] if isinstance(entries, tuple) else []
    )


def _given_twice(file: YamlFile) -> Iterator[Problem]:
    for part, key in (("cohorts", "cohort"), ("outcomes", "measure"), ("organisations", "code")):
        counts = Counter(entry.get(key) for _, entry in _entries(file, part))
        for i, entry in _entries(file, part):
            if counts[entry.get(key)] > 1 and entry.get(key) is not None:
                found = f"{key} {entry[key]!r} {counts[entry[key]]} times"
                yield file.problem(
                    (part, i, key), found=found, expected="each once", fix="rename or remove one", rule="twice"
                )


def _teams_twice(file: YamlFile) -> Iterator[Problem]:
    """Return teams named in two processes: two sites that share people are not independent."""
    places = [(("coordination", i), entry) for i, entry in _entries(file, "coordination")]
    places += [(("forms", name), form) for name, form in _forms(file).items() if isinstance(form, dict)]
    for path, entry in places:
        named = entry.get("teams")
        lists = {process: teams for process, teams in named.items() if isinstance(teams, tuple)} if named else {}
        counts = Counter(team for teams in lists.values() for team in teams)
        for process, teams in lists.items():
            for j, team in enumerate(teams):
                if counts[team] > 1:
                    found, fix = f"team {team!r} {counts[team]} times", "keep it under the process it does most for"
                    where = (*path, "teams", process, j)
                    yield file.problem(where, found=found, expected="each once", fix=fix, rule="twice")


def _unknown_cohorts(file: YamlFile) -> Iterator[Problem]:
    known = {entry.get("cohort") for _, entry in _entries(file, "cohorts")}
    parts = [((name, i), part) for name in (*COHORT_PARTS, "secondary") for i, part in _entries(file, name)]
    programme = file.data.get("programme")
    costs = programme.get("costs") if isinstance(programme, dict) else None
    parts += [(("programme", "costs", i), cost) for i, cost in enumerate(costs if isinstance(costs, tuple) else ())]
    parts += [(("negative_control",), control)] if (control := file.data.get("negative_control")) else []
    for path, entry in parts:
        named = entry.get("cohorts") if isinstance(entry, dict) else None
        for j, cohort in enumerate(named if isinstance(named, tuple) else ()):
            if cohort not in known:
                yield _unknown(file, (*path, "cohorts", j), "cohort", cohort, known)


def _unknown_forms(file: YamlFile) -> Iterator[Problem]:
    known = set(_forms(file))
    for part in COHORT_PARTS:
        for i, entry in _entries(file, part):
            if entry.get("form") is not None and entry["form"] not in known:
                yield _unknown(file, (part, i, "form"), "form", entry["form"], known)


def _unknown_instruments(file: YamlFile) -> Iterator[Problem]:
    for path, named in _named_instruments(file):
        for j, name in enumerate(named):
            if name not in _instruments() and not str(name).endswith(".yml"):
                yield _unknown(file, (*path, j), "instrument", name, _instruments())


def _unknown_measures(file: YamlFile, own: set[str]) -> Iterator[Problem]:
    outcomes = {entry.get("measure") for _, entry in _entries(file, "outcomes")}
    staff = {entry.get("measure") for _, entry in _entries(file, "pulses")} | _scales(file) | own
    primary = file.data.get("primary")
    analyses = [(("primary",), primary)] if isinstance(primary, dict) else []
    analyses += [(("secondary", i), entry) for i, entry in _entries(file, "secondary")]
    for path, entry in analyses:
        if entry.get("outcome") not in outcomes:
            yield _unknown(file, (*path, "outcome"), "outcome", entry.get("outcome"), outcomes)
        if entry.get("staff") not in staff:
            yield _unknown(file, (*path, "staff"), "staff measure", entry.get("staff"), staff)
    yield from _unfit_control(file, outcomes)


def _unfit_control(file: YamlFile, outcomes: set[Any]) -> Iterator[Problem]:
    """Return what keeps a negative control from standing beside the primary analysis as another outcome."""
    control, primary = file.data.get("negative_control"), file.data.get("primary")
    if not isinstance(control, dict):
        return
    named = primary.get("outcome") if isinstance(primary, dict) else None
    if not named:
        yield file.problem(
            ("negative_control",), found="a negative control without a primary analysis", expected="primary, too",
            fix="name the primary analysis", rule="control alone",
        )  # fmt: skip
    if control.get("outcome") not in outcomes - {named}:
        path = ("negative_control", "outcome")
        yield _unknown(file, path, "outcome", control.get("outcome"), outcomes - {named})


def _unknown_groups(file: YamlFile, own: set[str]) -> Iterator[Problem]:
    """Return attributes and scales of the equity breakdown that no file and no instrument has."""
    equity = file.data.get("equity")
    if not isinstance(equity, dict):
        return
    tables = [file.data.get("teams"), *(entry for _, entry in _entries(file, "waves")), *_forms(file).values()]
    columns = {c for table in tables if isinstance(table, dict) for c in table.get("columns") or ()} | TEAM_ATTRIBUTES
    known = {"by": columns - {"person", "team", "cohort", "date"}, "scales": _scales(file) | own}
    for key, names in known.items():
        named = equity.get(key)
        for i, name in enumerate(named if isinstance(named, tuple) else ()):
            if name not in names:
                yield _unknown(file, ("equity", key, i), "attribute" if key == "by" else "scale", name, names)


def _forms(file: YamlFile) -> dict[str, Any]:
    forms = file.data.get("forms")
    return forms if isinstance(forms, dict) else {}


def _scales(file: YamlFile) -> set[str]:
    named = {name for _, names in _named_instruments(file) for name in names}
    if not named:
        return set()
    from joyeval.instruments import scales_of

    return {scale for name in named & _instruments() for scale in scales_of(name)}


def _named_instruments(file: YamlFile) -> Iterator[tuple[tuple[str | int, ...], tuple[str, ...]]]:
    places = [(("waves", i), entry) for i, entry in _entries(file, "waves")]
    places += [(("forms", name), form) for name, form in _forms(file).items()]
    for path, entry in places:
        named = entry.get("instruments") if isinstance(entry, dict) else None
        if isinstance(named, tuple):
            yield (*path, "instruments"), named


def _instruments() -> set[str]:
    from joyeval.instruments import names

    return set(names())


def _unknown(file: YamlFile, path: tuple[str | int, ...], what: str, name: Any, known: set[Any]) -> Problem:
    expected = "one of: " + (", ".join(sorted(str(k) for k in known if k)) or "none is named in this file")
    found = f"{what} {name!r}"
    return file.problem(path, found=found, expected=expected, fix="check the spelling", rule=f"unknown {what}")
