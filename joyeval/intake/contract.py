"""What each part of a study file may say: columns it needs and may have, keys that do something, possible days.

A column or key that would have no effect is a problem, with "did you mean".
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from joyeval.errors import JoyevalError, and_others
from joyeval.intake.columns import listed
from joyeval.study_checks import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joyeval.errors import Problem
    from joyeval.instruments.model import Instrument
    from joyeval.study import RawTable, Study

Path = tuple[str | int, ...]
TEMPLATE = re.compile(
    r"say here where the data come from.*|say what should change, by how much.*|say why this measure, this outcome.*"
    r"|.*\b(todo|fixme|tbc|tbd|lorem ipsum|xxx+)\b.*|<[^<>]+>|\[(your|insert|name)[^\]]*\]|\{\w+\}"
    r"|(your|insert) .{0,30} here",
    re.I | re.S,
)
WORDED = {"title", "source", "programme", "primary", "secondary", "squire", "negative_control", "cohorts", "disclosure"}
OURS = {"row", "key", "answers", "file", "cohort", "wave", "person"}  # columns that a table of a wave has anyway
PERSONAL = {"team", "role", "date", "begun", "ended", "seconds"}  # what else a wave may say of who answered, and when
MEANING = {
    "measure",
    "title",
    "cohorts",
    "improve",
    "unit",
    "kind",
    "service_users",
    "form",
    "accept",
}  # not the numbers
PLACES = {"team", "period", "date", "person", "workgroup", "target", "process", "dimension"}  # may share a heading
NEAR_ITEM = 0.75  # likeness of a mapped name to an item that no column is mapped for


@dataclass(frozen=True)
class Columns:
    """Columns of one kind of part: all of `needs`, one of the sets `either`, any of `may`."""

    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    either: tuple[frozenset[str], ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Every name that has an effect."""
        return self.needs | self.may | frozenset().union(*self.either)


def _columns(needs: str, may: str = "", *either: str) -> Columns:
    return Columns(frozenset(needs.split()), frozenset(may.split()), tuple(frozenset(one.split()) for one in either))


TEAMS = _columns("team", "cohort organisation directorate setting headcount start_date")
EVENTS = _columns("date scope scope_id kind", "label")
ROSTER = _columns("process workgroup headcount", "wave")
MEMBERS = _columns("person workgroup")
OUTCOME = frozenset(("team", "period", "value", "numerator", "denominator"))
PULSE = _columns("team", "", "date answer", "date positive answers", "period positive answers", "period mean")


def contract(study: Study) -> list[Problem]:
    """Return what in a study file contradicts itself, would do nothing, or was never filled in."""
    checks = (_plain_tables, _pulses, _outcomes, _coordination, _waves, _taken_names, _mapped_twice)
    checks += (_same_numbers, _codes_missing)
    checks += (_calendar, _templates, _unused_forms, _names)
    return [problem for check in checks for problem in check(study)]


def _parts(study: Study, name: str) -> Iterator[tuple[Path, Any]]:
    yield from (((name, i), part) for i, part in enumerate(getattr(study, name)))


def _problem(study: Study, path: Path, found: str, expected: str, fix: str, rule: str) -> Problem:
    """Place a problem on its line."""
    path = standing(study._yaml, path)
    return study._yaml.problem(path, found=found, expected=expected, fix=fix, rule=rule)


def _did_you_mean(name: str, known: frozenset[str] | set[str]) -> str:
    near = get_close_matches(name, sorted(known), 1, 0.6)
    return f"did you mean {near[0]!r}? " if near else ""


def _unknown_columns(study: Study, path: Path, part: RawTable, known: frozenset[str]) -> Iterator[Problem]:
    for name in part.columns:
        if name not in known:
            yield _problem(
                study, (*path, "columns", name), f"a column {name!r} that this part does not use",
                "any of " + ", ".join(sorted(known)), f"{_did_you_mean(name, known)}correct or remove it",
                "unknown name of a column",
            )  # fmt: skip


def _absent(study: Study, path: Path, part: RawTable, needed: set[str] | frozenset[str], why: str = "") -> Iterator:
    absent = sorted(needed - set(part.columns))
    if absent:
        close = "".join(
            f"; {name!r} may be meant by {near[0]!r}"
            for name in absent
            if (near := get_close_matches(name, [c for c in part.columns if c not in needed], 1, 0.6))
        )
        yield _problem(
            study, (*path, "columns"), f"no column for {', '.join(absent)}{close}", why or "a column for each",
            "add them to `columns`: our name: heading in the file", "column not named",
        )  # fmt: skip


def _no_effect(study: Study, path: Path, part: Any, keys: dict[str, str]) -> Iterator[Problem]:
    """Tell of keys that are written and do nothing; `keys` says of each why."""
    for key, why in keys.items():
        if key in part.model_fields_set:
            yield _problem(
                study, (*path, key), f"`{key}`, which does nothing here: {why}", "keys that have an effect",
                "remove it, or correct what it was meant to change", "key without effect",
            )  # fmt: skip


def _plain_tables(study: Study) -> Iterator[Problem]:
    parts: list[tuple[Path, Any, Columns]] = [(("teams",), study.teams, TEAMS)]
    parts += [(("events",), study.events, EVENTS)] if study.events else []
    parts += [(("roster",), study.roster, ROSTER)] if study.roster else []
    parts += [((*p, "members"), c.members, MEMBERS) for p, c in _parts(study, "coordination") if c.members]
    for path, part, columns in parts:
        yield from _unknown_columns(study, path, part, columns.known)
        yield from _absent(study, path, part, columns.needs)
        yield from _no_effect(study, path, part, {"through": "only pulses and outcomes are led to teams"})
        if not {"date", "start_date"} & set(part.columns):
            yield from _no_effect(study, path, part, {"dates": "no column of days is named"})
    if "cohort" not in study.teams.columns:
        yield from _no_effect(study, ("teams",), study.teams, {"cohort_names": "no column `cohort` is named"})
        if len(study.cohorts) > 1:
            yield _problem(
                study, ("teams", "columns"), f"no column for cohort, of {len(study.cohorts)} cohorts",
                "which team is in which cohort", "add cohort: its heading", "column not named",
            )  # fmt: skip
    known = {cohort.cohort for cohort in study.cohorts}
    for called, cohort in study.teams.cohort_names.items():
        if cohort not in known:
            yield _problem(
                study, ("teams", "cohort_names", called), f"cohort {cohort!r}", f"one of: {', '.join(sorted(known))}",
                f"{_did_you_mean(cohort, known)}check the spelling", "unknown cohort",
            )  # fmt: skip


def _names(study: Study) -> Iterator[Problem]:
    from joyeval.intake.columns import plain

    meant: dict[str, str] = {}
    for team, names in study.teams.also_called.items():
        for name in names:
            if meant.setdefault(plain(name), team) != team:
                yield _problem(
                    study, ("teams", "also_called", team),
                    f"{name!r} for two teams: {meant[plain(name)]!r} and {team!r}", "each name once",
                    "keep it at the team that is meant", "twice",
                )  # fmt: skip
    for i, name in enumerate(study.teams.not_teams):
        if plain(name) in meant:
            yield _problem(
                study, ("teams", "not_teams", i), f"{name!r}, which is another name of {meant[plain(name)]!r} too",
                "a team or no team", "keep one of the two", "twice",
            )  # fmt: skip


def _is_wide(part: Any) -> bool:
    return getattr(part, "layout", None) == "wide"


def _wide(study: Study, path: Path, part: Any, numbers: set[str]) -> Iterator[Problem]:
    """Tell of columns of a wide table that its headings say already, or that nothing reads."""
    names = set(part.columns)
    yield from _unknown_columns(study, path, part, frozenset({"team", "period", "date", *numbers}))
    yield from _absent(study, path, part, {"team"})
    yield from _idle_columns(study, path, names & {"period", "date"}, "headings are the periods")


def _pulses(study: Study) -> Iterator[Problem]:
    for path, part in _parts(study, "pulses"):
        if _is_wide(part):
            yield from _wide(study, path, part, {"positive", "answers", "opportunities", "mean"})
            continue
        names = set(part.columns)
        yield from _unknown_columns(study, path, part, PULSE.known | {"opportunities"})
        yield from _absent(study, path, part, PULSE.needs)
        single = "answer" in names
        day = {"date", "period"} & names
        if len(day) != 1:
            yield _problem(
                study, (*path, "columns"), f"{'no column' if not day else 'two columns'} for when",
                "date or period", "name one: `date` of single answers, `period` of counts", "column not named",
            )  # fmt: skip
        if single:
            yield from _idle_columns(
                study, path, names & {"positive", "answers", "opportunities", "mean"}, "rows are single answers"
            )
            yield from _no_effect(
                study, path, part, {"percent": "rows are single answers", "combine": "single answers are counted"}
            )
        elif names & {"positive", "answers"}:
            yield from _absent(study, path, part, {"positive", "answers"} if "mean" not in names else {"answers"})
            yield from _no_effect(study, path, part, {"positive": "the file holds counts, so nothing is counted"})
        elif "mean" in names:
            keys = {
                "percent": "the file holds means",
                "positive": "the file holds means",
                "combine": "means are not added up",
            }
            yield from _idle_columns(study, path, names & {"opportunities"}, "the file holds means")
            yield from _no_effect(study, path, part, keys)
        else:
            yield from _absent(
                study,
                path,
                part,
                {"positive", "answers"},
                "single answers (answer), counts (positive and answers) or means (mean)",
            )
        if part.period != "year":
            yield from _no_effect(study, path, part, {"month": f"the period is a {part.period}"})


def _idle_columns(study: Study, path: Path, names: set[str], why: str) -> Iterator[Problem]:
    for name in sorted(names):
        yield _problem(
            study, (*path, "columns", name), f"a column {name!r} that does nothing here: {why}",
            "columns that are used", "remove it, or correct what it was meant for", "key without effect",
        )  # fmt: skip


def _outcomes(study: Study) -> Iterator[Problem]:
    for path, part in _parts(study, "outcomes"):
        if _is_wide(part):
            yield from _wide(study, path, part, {"value", "numerator", "denominator"})
            continue
        names = set(part.columns)
        yield from _unknown_columns(
            study, path, part, frozenset(["team", "period", "value", "numerator", "denominator"])
        )
        yield from _absent(study, path, part, {"team"} if part.on else {"team", "period"})
        if part.on:
            yield from _idle_columns(study, path, names & {"period"}, "all rows stand for the day `on`")
            yield from _no_effect(study, path, part, {"dates": "all rows stand for the day `on`"})
        if part.kind == "mean" or "value" in names:
            yield from _absent(study, path, part, {"value"})
            why = (
                "a mean has a value" if part.kind == "mean" else "`value` and `numerator` are two ways to say the same"
            )
            yield from _idle_columns(study, path, names & {"numerator"}, why)
        else:
            yield from _absent(study, path, part, {"numerator", "denominator"}, "a value, or numerator and denominator")
        if part.kind != "rate" or "numerator" not in names:
            yield from _no_effect(study, path, part, {"per": "only a rate of counts is shown per so much exposure"})
        if part.kind != "proportion" or "value" not in names:
            yield from _no_effect(study, path, part, {"percent": "only the value of a proportion is a percentage"})


def _coordination(study: Study) -> Iterator[Problem]:
    from joyeval.coordination.asked import survey_of

    for path, part in _parts(study, "coordination"):
        dimensions = set(survey_of(part).dimensions)
        needs = {"person", "target"} | ({"workgroup"} if part.members is None else set())
        needs |= set() if part.process else {"process"}
        if part.layout == "wide":
            needs -= {"target"}
            known = {n for n in part.columns if "__" in n} | needs | {"date", "process", "workgroup"}
            named = {n.split("__", 1)[0] for n in part.columns if "__" in n} - dimensions - {"no_contact"}
            for name in sorted(named):
                yield _problem(
                    study, (*path, "columns"), f"ratings of {name!r}", ", ".join(sorted(dimensions)),
                    f"{_did_you_mean(name, dimensions)}name a dimension", "unknown name of a column",
                )  # fmt: skip
        elif part.layout == "items":
            needs |= {"dimension", "value"}
            known = needs | {"date", "no_contact", "process"}
        elif part.layout == "matrix":
            needs -= {"target"}
            known = needs | {"date", "process", "workgroup"}
            yield from _wrong_sheets(study, path, part, dimensions)
        else:
            needs |= dimensions - ({"not asked"} & set(part.accept) and dimensions - set(part.columns))
            known = needs | dimensions | {"date", "no_contact", "process"}
        if part.process:
            yield from _idle_columns(study, path, {"process"} & set(part.columns), "`process` names the shared work")
            known -= {"process"}
            known |= {"process"} & set(part.columns)
        yield from _unknown_columns(study, path, part, frozenset(known))
        yield from _absent(study, path, part, needs)
        if part.layout != "wide":
            yield from _no_effect(study, path, part, {"pattern": f"the layout is {part.layout}"})
        if part.layout in ("ties", "matrix"):
            where = "columns" if part.layout == "ties" else "sheets"
            yield from _no_effect(study, path, part, {"dimensions": f"dimensions are {where} here"})
        if part.layout != "matrix":
            yield from _no_effect(study, path, part, {"sheets": f"the layout is {part.layout}"})
        if part.scale is not None:
            yield from _no_effect(study, path, part, {"frequency": "the survey is on a scale of its own"})
            if part.scale.low >= part.scale.high or part.scale.fewest > len(part.scale.items):
                yield _problem(
                    study, (*path, "scale"), f"a scale from {part.scale.low} to {part.scale.high}, "
                    f"{part.scale.fewest} of {len(part.scale.items)} items needed",
                    "low below high, no more items than there are", "correct it", "contradiction",
                )  # fmt: skip
        yield from _no_effect(study, path, part, {"through": "only pulses and outcomes are led to teams"})
        if "date" not in part.columns:
            yield from _no_effect(study, path, part, {"dates": "no column of days is named"})


def _wrong_sheets(study: Study, path: Path, part: Any, dimensions: set[str]) -> Iterator[Problem]:
    """Tell of sheets of no dimension, and of dimensions without a sheet."""
    for name in part.sheets:
        if name not in dimensions:
            yield _problem(
                study, (*path, "sheets", name), f"a sheet for {name!r}", ", ".join(sorted(dimensions)),
                f"{_did_you_mean(name, dimensions)}name a dimension", "unknown name of a column",
            )  # fmt: skip
    absent = sorted(dimensions - set(part.sheets)) if len(dimensions) > 1 and "not asked" not in part.accept else []
    if absent:
        yield _problem(
            study, (*path, "sheets"), f"no sheet for {', '.join(absent)}", "a sheet for each dimension",
            "add them to `sheets`, or say accept: {not asked: why}", "column not named",
        )  # fmt: skip


def _waves(study: Study) -> Iterator[Problem]:
    for (path, part), instruments in zip(_parts(study, "waves"), _instruments_of_waves(study), strict=True):
        if not instruments:
            continue  # told where the instruments are checked
        items = {item for one in instruments for item in one.items}
        ids = {one.id for one in instruments}
        special = {"team", "role", "date", "begun", "ended", "seconds", *part.link_by, *part.attention}
        free = items - set(part.columns) - set(part.not_asked)
        for name in part.columns:
            near = get_close_matches(name, sorted(free | ({"team", "date", "role"} - set(part.columns))), 1, NEAR_ITEM)
            if name not in items | special and near:
                yield _problem(
                    study, (*path, "columns", name), f"a column {name!r}, of which nothing is known",
                    f"{near[0]!r}, which has no column",
                    f"did you mean {near[0]!r}? rename it, or list that under `not_asked`", "unknown name of a column",
                )  # fmt: skip
        forgotten = [item for item in items if item in free]
        if forgotten:
            named = sorted(forgotten, key=lambda item: [i for one in instruments for i in one.items].index(item))
            yield _problem(
                study, (*path, "columns"), f"no column for {and_others(named)}",
                "a column for every item of the instruments",
                "map them, or list under `not_asked` those that this wave did not ask", "unmapped item",
            )  # fmt: skip
        for i, name in enumerate(part.not_asked):
            if name not in items:
                yield _problem(
                    study, (*path, "not_asked", i), f"an item {name!r} that no instrument of this wave has",
                    "items of " + ", ".join(sorted(ids)), f"{_did_you_mean(name, items)}correct or remove it",
                    "unknown item",
                )  # fmt: skip
        for name in part.answers:
            if name not in items | ids:
                yield _problem(
                    study, (*path, "answers", name), f"answers of {name!r}", "an item or instrument of this wave",
                    f"{_did_you_mean(name, items | ids)}correct or remove it", "key without effect",
                )  # fmt: skip
        if "link_by" in part.model_fields_set:
            yield from _absent(study, path, part, set(part.link_by), "a column for each part of the linkage code")
        if "team" not in part.columns and {"team", "organisation"} & set(study.teams.columns):
            told = _problem(
                study, (*path, "columns"), "no column for team", "the team of each respondent",
                "map it; without it no answer of this wave is an answer of a team", "no team column",
            )  # fmt: skip
            yield replace(told, blocking=False)
        idle = {"through": "only pulses and outcomes are led to teams"}
        if not {"begun", "ended", "seconds"} & set(part.columns):
            idle["shortest"] = "no column says how long answering took"
            if "date" not in part.columns:
                idle["dates"] = "no column of days or times is named"
        yield from _no_effect(study, path, part, idle)


def _taken_names(study: Study) -> Iterator[Problem]:
    """Return columns of waves under names that their tables need for something else."""
    instruments = _instruments_of_waves(study)
    every = {one.id: one for own in instruments for one in own}
    for (path, part), asked in zip(_parts(study, "waves"), instruments, strict=True):
        own = {item for one in asked for item in one.items}
        scales = [scale for one in asked for scale in one.scales]
        for name in sorted({scale for scale in scales if scales.count(scale) > 1}):
            yield _taken(study, (*path, "instruments"), f"a score {name!r}", "one of two instruments of this wave")
        taken = dict.fromkeys(OURS - set(part.link_by), "joyeval's own")
        for one in every.values():
            taken |= {name: f"a score of {one.id}" for scale in one.scales for name in (scale, f"{scale}_answered")}
            taken |= dict.fromkeys(set(one.items) - own, f"an item of {one.id}, which this wave does not list")
        for name in part.columns:
            if name in taken and name not in own:
                yield _taken(study, (*path, "columns", name), f"a column {name!r}", taken[name])
        for key in ("link_by", "attention"):
            for name in getattr(part, key):
                what = taken.get(name) or ("an item" if name in own else "a column of its own" * (name in PERSONAL))
                if what:
                    yield _taken(study, (*path, key), f"{name!r} under `{key}`", what)


def _instruments_of_waves(study: Study) -> list[list[Instrument]]:
    """Instruments of each wave; what is wrong with one is told where instruments are checked."""
    from joyeval.instruments import load
    from joyeval.intake.cohort import own_instruments

    found: list[list[Instrument]] = [[] for _ in study.waves]
    for own, part in zip(found, study.waves, strict=True):
        with suppress(JoyevalError):
            own += [load(name) for name in own_instruments(study, part)]
    return found


def _taken(study: Study, path: Path, found: str, what: str) -> Problem:
    fix = "give it another name of your own"
    return _problem(study, path, f"{found}, which is {what}", "names that nothing else has", fix, "name taken")


def _mapped_twice(study: Study) -> Iterator[Problem]:
    """Return headings that are to hold two different answers or numbers, as a slip of the pen has it."""
    items = {item for own in _instruments_of_waves(study) for one in own for item in one.items}
    for kind in ("waves", "pulses", "outcomes", "coordination"):
        for path, part in _parts(study, kind):
            first: dict[Any, str] = {}
            for name, headings in part.columns.items():
                before = first.setdefault(listed(headings), name)
                other = {before, name} & items if kind == "waves" else {before, name} - PLACES
                if (before != name and other) or len(set(listed(headings))) < len(listed(headings)):
                    yield _problem(
                        study, (*path, "columns", name), f"{' + '.join(listed(headings))!r} for {before} and {name}",
                        "each heading once", "correct the one that is wrong", "heading twice",
                    )  # fmt: skip


def _same_numbers(study: Study) -> Iterator[Problem]:
    """Return measures that are read from the same columns as another, as in a part copied and half changed."""
    for kind in ("pulses", "outcomes"):
        seen: dict[str, str] = {}
        for path, part in _parts(study, kind):
            first = seen.setdefault(part.model_dump_json(exclude=MEANING), part.measure)
            if first != part.measure:
                yield _problem(
                    study, (*path, "columns"), f"the numbers of {first} for {part.measure}", "columns of its own",
                    "correct `file`, `columns` or `where` of one of them", "twice",
                )  # fmt: skip


def _codes_missing(study: Study) -> Iterator[Problem]:
    """Return answers of a scale that `missing` takes away."""
    for (path, part), instruments in zip(_parts(study, "waves"), _instruments_of_waves(study), strict=True):
        for one in instruments:
            codes = {str(code) for item in one.items for code in one.responses_of(item).valid}
            if lost := sorted(codes & set(part.missing)) if one.id not in part.answers else ():
                yield _problem(
                    study, (*path, "missing"), f"{', '.join(lost)}, which is an answer of {one.id}",
                    "cells that hold no answer", "remove it, or say under `answers` which number is which code",
                    "contradiction",
                )  # fmt: skip


def _calendar(study: Study) -> Iterator[Problem]:
    """Return what the calendar forbids: stages outside their cohort or over each other, windows that end first."""
    for i, cohort in enumerate(study.cohorts):
        for j, phase in enumerate(cohort.phases):
            path = ("cohorts", i, "phases", j)
            if phase.start < cohort.start or phase.end > cohort.end:
                yield _problem(
                    study, path, f"phase {phase.name!r} from {phase.start} to {phase.end}",
                    f"days of the cohort, {cohort.start} to {cohort.end}", "correct the phase, or the cohort",
                    "contradiction",
                )  # fmt: skip
            before = cohort.phases[j - 1] if j else None
            if before and phase.start <= before.end:
                yield _problem(
                    study, path, f"phase {phase.name!r} begins on {phase.start}, when {before.name!r} is not over",
                    f"a day after {before.end}", "correct one of them", "contradiction",
                )  # fmt: skip
    for path, wave in _parts(study, "waves"):
        for name in wave.cohorts:
            cohort = next((c for c in study.cohorts if c.cohort == name), None)
            if cohort and (wave.end < cohort.start or wave.start > cohort.end):
                yield _problem(
                    study, (*path, "start"), f"wave {wave.wave!r} from {wave.start} to {wave.end}",
                    f"days within cohort {name}, {cohort.start} to {cohort.end}", "correct one of them",
                    "contradiction",
                )  # fmt: skip
    analyses = [(("primary",), study.primary)] if study.primary else []
    analyses += [(("negative_control",), study.negative_control)] if study.negative_control else []
    for path, one in [*analyses, *_parts(study, "secondary")]:
        if one.window and one.window[0] > one.window[1]:
            yield _problem(
                study, (*path, "window"), f"a window from month {one.window[0]} to month {one.window[1]}",
                "first month, then last", "turn them round", "contradiction",
            )  # fmt: skip


def _templates(study: Study) -> Iterator[Problem]:
    """Return texts of a template that nobody has replaced."""
    for path, value in _texts(study._yaml.data, ()):
        if path[0] in WORDED and TEMPLATE.fullmatch(value.strip()):
            fix = "say it in your own words, or remove the key"
            told = _problem(study, path, "the text of a template", "your own words", fix, "template text")
            yield replace(told, blocking=False)


def _texts(data: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of the study file with its path."""
    if isinstance(data, str) and path:
        yield path, data
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, tuple) else ()
    for key, value in entries:
        yield from _texts(value, (*path, key))


def _unused_forms(study: Study) -> Iterator[Problem]:
    used = {part.form for name in ("waves", "pulses", "coordination", "outcomes") for part in getattr(study, name)}
    for form in study.forms:
        if form not in used:
            yield _problem(
                study, ("forms", form), f"form {form!r}, which no part uses", "a part with `form`",
                f"remove it, or write form: {form} in the part that is meant", "key without effect",
            )  # fmt: skip
