"""A cohort's survey waves, from the study file to the tables of its intake."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from joyeval.errors import DataError, Problem, and_others
from joyeval.intake.all_waves import Cleaned, clean
from joyeval.intake.cleaning import WaveFile
from joyeval.intake.keys import study_key
from joyeval.intake.opened import absent_file, same_content
from joyeval.intake.teams import SURPLUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from joyeval.study import Study, Wave

KEPT = {"where", "leave_out", "sheet", "sheets", "rows", "columns"}  # what a wave takes of a file
_TAKEN_OVER = (
    *("wave", "columns", "sheet", "header_row", "header_rows", "rows", "answers", "missing", "not_asked"),
    *("where", "leave_out", "dates", "year", "link_by", "start", "end"),
    *("attention", "straight_lining", "shortest", "set_aside", "unfinished", "accept"),
)


def wave_files(study: Study, cohort: str) -> list[WaveFile]:
    """Return the survey files of a cohort, in order of time.

    Raises
    ------
    DataError
        Files that are not there.
    """
    parts = sorted(study.of_cohort("waves", cohort), key=lambda part: part.start)
    absent = [part for part in parts if not part.files(study.folder)]
    if absent:
        raise DataError([absent_file(part.file, study.folder) for part in absent])
    return [_wave_file(study, part, path) for part in parts for path in part.files(study.folder)]


def _wave_file(study: Study, part: Wave, path: Path) -> WaveFile:
    named = {name: getattr(part, name) for name in _TAKEN_OVER}
    called = {"also_called": study.teams.also_called, "not_teams": study.teams.not_teams}
    return WaveFile(path=path, instruments=own_instruments(study, part), **named, **called)


def own_instruments(study: Study, part: Wave) -> tuple[str | Path, ...]:
    """Return the instruments of a wave; files of the user lie beside the study file."""
    return tuple(study.path.parent / name if name.endswith(".yml") else name for name in part.instruments)


def clean_study_waves(study: Study, cohort: str, teams: dict[str, str], key: bytes | None = None) -> Cleaned:
    """Clean the survey waves of a cohort as its study file says.

    Parameters
    ----------
    teams : dict
        Team to cohort, for every team of the study.
    key : bytes, optional
        Without it the key of the study.

    Raises
    ------
    DataError
        Every blocking problem of all files.
    UsageError
        There is no key for pseudonyms, or one that keeps nothing secret (the demonstration's own files need none).
    """
    files, key = wave_files(study, cohort), key or study_key(study)
    return clean(files, cohort=cohort, study=study.study, key=key, teams=teams or None)


def clean_cohort(study: Study, cohort: str, taken: Any) -> None:
    """Add a cohort's survey waves to what has been taken in: tables, rejected values, flow, problems, notices.

    Parameters
    ----------
    taken : Intake
        Holds every team of the study; blocking problems are noted there like all others.
    """
    teams = taken.everyone
    for part in study.of_cohort("waves", cohort):
        taken.problems += same_content(part.files(study.folder))
    try:
        cleaned = clean_study_waves(study, cohort, dict(zip(teams["team"], teams["cohort"], strict=True)), taken.key)
    except DataError as error:
        taken.problems += error.problems
        return
    for name in (*cleaned.tables, "gaps", "response"):
        taken.tables[name] = cleaned.table(name)
    invited = taken.tables["response"]["team"].map(teams.set_index("team")["headcount"])
    taken.tables["response"].insert(2, "invited", invited.astype("float64"))
    taken.problems += _more_than_all(study, taken.tables["response"])
    taken.problems += same_answers(study, study.of_cohort("waves", cohort))
    taken.problems += _teams_left(study, taken.tables["response"], list(taken.tables["teams"]["team"]))
    taken.rejected.append(cleaned.table("quarantine"))
    taken.problems += cleaned.problems
    taken.flow += _with_invited(cleaned, teams.loc[teams["cohort"] == cohort, "headcount"].sum(min_count=1))
    taken.notices |= {path.relative_to(study.folder).as_posix(): said for path, said in cleaned.notices.items()}
    for part in study.of_cohort("waves", cohort):
        for name in (path.relative_to(study.folder).as_posix() for path in part.files(study.folder) if part.note):
            taken.notices[name] += (f"note: {part.note}",)


def _more_than_all(study: Study, response: Any) -> list[Problem]:
    """Tell of teams of which clearly more people answered than are in post."""
    over = response[(response["kept"] > SURPLUS * response["invited"]) & (response["kept"] >= response["invited"] + 2)]
    problems = []
    for wave, rows in over.groupby("wave", sort=False):
        part = next(part for part in study.waves if part.wave == wave)
        found = f"wave {wave}: more answers than staff in post in {', '.join(rows['team'].astype(str))}"
        why = part.accept.get("more than all")
        fix = f"accepted: {why}" if why else "correct the headcounts, or accept: {more than all: why}"
        told = Problem(part.file, found, "at most as many", fix, None, None, "more than all", blocking=not why)
        problems.append(told)
    return problems


def same_answers(study: Study, parts: Iterable[Any]) -> list[Problem]:
    """Tell of two waves whose files hold the same, byte by byte, and of which the same rows and columns are kept."""
    seen: dict[Any, Any] = {}
    problems = []
    for part in parts:
        kept = part.model_dump_json(include=KEPT)
        for path in part.files(study.folder):
            first = seen.setdefault((sha256(path.read_bytes()).hexdigest(), kept), part)
            if first is not part:
                found = f"the same content as the file of wave {first.wave}"
                fix = "put the file of this wave there, or say with `where` which rows are of which wave"
                problems.append(Problem(part.file, found, "the answers of this wave", fix, rule="twice"))
    return problems


def _teams_left(study: Study, response: Any, own: Sequence[str]) -> list[Problem]:
    """Tell of teams that have no row in a wave, where others have."""
    problems = []
    seen: dict[str, set[str]] = {}
    for wave, team in zip(response["wave"].tolist(), response["team"].tolist(), strict=True):
        seen.setdefault(wave, set()).add(team)
    for wave, teams in seen.items():
        part = next(part for part in study.waves if part.wave == wave)
        none = [team for team in own if team not in teams] if teams & set(own) else []
        if none and len(none) < len(own):
            found = f"wave {wave}: no row of {len(none)} of {len(own)} teams: {and_others(none)}"
            fix = "nothing, if nobody there was asked or answered; else correct their names, or `also_called`"
            told = Problem(part.file, found, "rows of every team", fix, rule="team without rows", blocking=False)
            problems.append(told)
    return problems


def _with_invited(cleaned: Cleaned, invited: float) -> list[dict[str, Any]]:
    """Return the steps of each wave, begun with how many were invited, where headcounts are known."""
    steps = cleaned.flow.to_dicts()
    if not invited > 0:
        return steps
    opened = cleaned.flow.filter(step="read").select("wave", n_out="n_in").to_dicts()
    first = {"step": "invited", "n_in": int(invited), "reason": "did not open it"}
    return [row for one in opened for row in ({**one, **first}, *(s for s in steps if s["wave"] == one["wave"]))]
