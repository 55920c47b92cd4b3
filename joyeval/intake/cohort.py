"""A cohort's survey waves, from the study file to the tables of its intake."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from joyeval.errors import DataError, Problem
from joyeval.intake.all_waves import Cleaned, clean
from joyeval.intake.cleaning import WaveFile
from joyeval.intake.keys import study_key

if TYPE_CHECKING:
    from pathlib import Path

    from joyeval.study import Study, Wave

SURPLUS = 1.2  # more answers than this share of the staff in post are no matter of people who came and went
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
        fix = f"put it into {study.folder.name}, or correct `file` in the study file"
        raise DataError([Problem(part.file, "no such file", "a file", fix, rule="missing file") for part in absent])
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
    taken.problems += _same_answers(study, cohort)
    taken.rejected.append(cleaned.table("quarantine"))
    taken.problems += cleaned.problems
    taken.flow += _with_invited(cleaned, teams.loc[teams["cohort"] == cohort, "headcount"].sum(min_count=1))
    taken.notices |= {path.relative_to(study.folder).as_posix(): said for path, said in cleaned.notices.items()}


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


def _same_answers(study: Study, cohort: str) -> list[Problem]:
    """Tell of two waves whose files hold the same, byte by byte, and of which the same rows are kept."""
    seen: dict[Any, Wave] = {}
    problems = []
    for part in study.of_cohort("waves", cohort):
        for path in part.files(study.folder):
            kept = (sorted(part.where.items()), sorted(part.leave_out.items()), part.sheet, part.rows)
            first = seen.setdefault((sha256(path.read_bytes()).hexdigest(), str(kept)), part)
            if first is not part:
                found = f"the same content as the file of wave {first.wave}"
                fix = "put the file of this wave there, or say with `where` which rows are of which wave"
                problems.append(Problem(part.file, found, "the answers of this wave", fix, rule="twice"))
    return problems


def _with_invited(cleaned: Cleaned, invited: float) -> list[dict[str, Any]]:
    """Return the steps of each wave, begun with how many were invited, where headcounts are known."""
    steps = cleaned.flow.to_dicts()
    if not invited > 0:
        return steps
    opened = cleaned.flow.filter(step="read").select("wave", n_out="n_in").to_dicts()
    first = {"step": "invited", "n_in": int(invited), "reason": "did not open it"}
    return [row for one in opened for row in ({**one, **first}, *(s for s in steps if s["wave"] == one["wave"]))]
