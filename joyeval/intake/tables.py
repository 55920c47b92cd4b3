"""Everything a cohort's raw files hold, as the tables that all later steps read; every problem on the way."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval.errors import DataError, Problem, UsageError
from joyeval.intake import outcomes, periods, pulse, teams, ties
from joyeval.intake.account import accepted
from joyeval.intake.cohort import clean_cohort, same_answers
from joyeval.intake.contract import contract
from joyeval.intake.keys import KEY_BYTES, study_key
from joyeval.intake.names import OF_OTHERS, Names
from joyeval.intake.once import beside, held, once
from joyeval.intake.pseudonyms import pseudonyms
from joyeval.intake.redcap import changed
from joyeval.intake.tabulate import tabulate
from joyeval.intake.wide import is_wide
from joyeval.wave_order import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from joyeval.intake.tabulate import Kind, Tabulated
    from joyeval.study import Coordination, RawTable, Study

TEAM_FIELDS: dict[str, Kind] = {
    "cohort": "text",
    "team": "text",
    "organisation": "text",
    "directorate": "text",
    "setting": "text",
    "headcount": "number",
    "start_date": "day",
}
EVENT_FIELDS: dict[str, Kind] = {"date": "day", "scope": "text", "scope_id": "text", "kind": "text", "label": "text"}
ONLY_TOLD = {"team without rows", "repeated", "template text", "no team column", "looks wrong"}
FLOW = ["wave", "step", "n_in", "n_out", "reason"]
QUARANTINE = ["file", "row", "column", "value_hash", "rule", "expected", "fix"]


@dataclass
class Intake:
    """What was taken in for one cohort.

    Parameters
    ----------
    tables : dict
        Name to DataFrame, as the later steps read them.
    problems : list of Problem
        Blocking ones stop a run; the others stand in the table ``quarantine``.
    flow : list of dict
        What became of the rows: wave, step, n_in, n_out, reason.
    notices : dict
        File, as the study file names it, to what was recognised when it was read.
    everyone : DataFrame
        Every team of the study.
    names : Names
        What teams are called in files.
    rejected : list of DataFrame
        Rows and values of survey waves that did not pass, one by one; they go to ``quarantine``.
    key : bytes, optional
        What pseudonyms are made with; without it the key of the study.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    flow: list[dict[str, Any]] = field(default_factory=list)
    notices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    everyone: pd.DataFrame = field(default_factory=pd.DataFrame)
    rejected: list[pd.DataFrame] = field(default_factory=list)
    key: bytes | None = None
    names: Names = field(default_factory=lambda: Names({}))

    def tell(self, part: RawTable, problems: Iterable[Problem]) -> None:
        """Note the problems of a part; what its study file accepts stops nothing."""
        self.problems += [accepted(problem, part.accept) for problem in problems]

    def count(self, wave: str, step: str, n_in: int, n_out: int, reason: str) -> None:
        """Note what became of the rows at one step."""
        self.flow.append({"wave": wave, "step": step, "n_in": n_in, "n_out": n_out, "reason": reason})

    def count_kept(self, wave: str, n: int, left: Iterable[tuple[str, int]]) -> None:
        """Note of `n` rows which were left out, by reason; that all were kept, if none was."""
        lost = [(reason, of) for reason, of in left if of]
        for reason, of in lost or [("", 0)]:
            self.count(wave, "kept", n, n - of, reason)
            n -= of

    def notice(self, file: str, told: Sequence[str]) -> None:
        """Note what a file was recognised as; several sheets of one file each tell their own."""
        self.notices[file] = tuple(dict.fromkeys([*self.notices.get(file, ()), *told]))


def check_study(
    study: Study, *, cohorts: Sequence[str] | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[Problem]:
    """Return every problem of the raw data of a study, each once; runs and writes nothing.

    Parameters
    ----------
    cohorts : sequence of str, optional
        Only these; all when left out.
    progress : callable
        Told which cohort is being read.
    """
    key, told = _key_of_a_check(study)
    found = problems_of(study, cohorts, progress, key=key).values()
    return list(dict.fromkeys([p for these in found for p in these] + told))


def _key_of_a_check(study: Study) -> tuple[bytes, list[Problem]]:
    """Return any key, since a check keeps no pseudonyms, and what is wrong with the study's own, if it needs one."""
    if not (study.waves or study.coordination):
        return secrets.token_bytes(KEY_BYTES), []
    try:
        return study_key(study), []
    except UsageError as error:
        fix = "see to the key before `joyeval run`, which stops without one"
        told = Problem(study.path.name, str(error), "a secret key", fix, rule="key", blocking=not study.synthetic)
        return secrets.token_bytes(KEY_BYTES), [told]


@held()
def problems_of(
    study: Study,
    cohorts: Sequence[str] | None,
    progress: Callable[[str], None] = lambda text: None,
    *,
    key: bytes | None = None,
) -> dict[str, list[Problem]]:
    """Return the problems of the raw data of each cohort; pseudonyms are made with `key`, or with that of the study."""
    found = {}
    for cohort in [c.cohort for c in study.cohorts] if cohorts is None else cohorts:
        progress(f"reading cohort {cohort}")
        found[cohort] = take_in(study, cohort, key=key).problems
    return found


def intake(study: Study, cohort: str) -> Intake:
    """Take in a cohort's raw files.

    Raises
    ------
    DataError
        Every blocking problem.
    """
    taken = take_in(study, cohort)
    blocking = [problem for problem in taken.problems if problem.blocking]
    if blocking:
        raise DataError(blocking)
    return taken


@held()
def take_in(study: Study, cohort: str, *, key: bytes | None = None) -> Intake:
    """Take in a cohort's raw files, with all their problems; pseudonyms as in `problems_of`."""
    with beside(study):
        return _take_in(study, cohort, key)


def _take_in(study: Study, cohort: str, key: bytes | None) -> Intake:
    taken = Intake(problems=list(once(("contract", id(study)), lambda: contract(study))), key=key)
    taken.everyone = everyone = _teams(study, taken)
    taken.names = Names(
        dict(zip(everyone["team"], everyone["cohort"], strict=True)), study.teams.also_called, study.teams.not_teams
    )
    here = everyone[everyone["cohort"] == cohort]
    taken.problems += teams.of_unknown_size(study, cohort, here)
    taken.tables["teams"] = here[list(TEAM_FIELDS)].reset_index(drop=True)
    taken.problems += [problem for part in study.redcap for problem in changed(study.folder / part.file)]
    _events(study, cohort, taken)
    _surveys(study, cohort, taken)
    pulses, listed = study.of_cohort("pulses", cohort), study.of_cohort("outcomes", cohort)
    _parts(study, cohort, taken, "pulse", pulses, pulse.FIELDS, pulse.pulse_table)
    _ties(study, cohort, taken)
    _parts(study, cohort, taken, "outcomes", listed, outcomes.FIELDS, outcomes.outcome_table)
    taken.tables["flow"] = pd.DataFrame(taken.flow, columns=FLOW)
    taken.tables["flow"]["reason"] = taken.tables["flow"]["reason"].map(study.teams.in_words)
    taken.tables["quarantine"] = _quarantine(taken)
    return taken


def _read(study: Study, part: RawTable, fields: Mapping[str, Kind], taken: Intake, name: str) -> Tabulated:
    done = tabulate(part, study.folder, fields)
    taken.tell(part, done.problems)
    taken.notice(part.file, done.notices)
    taken.count(name, "read", done.n_read, done.n_read - done.n_left_out, ", ".join(done.reasons) or "all rows")
    return done


def _teams(study: Study, taken: Intake) -> pd.DataFrame:
    part = study.teams
    rows = _read(study, part, TEAM_FIELDS, taken, "teams").frame
    table = rows.reindex(columns=[*TEAM_FIELDS, "file", "row"])
    if "cohort" not in part.columns:
        table["cohort"] = study.cohorts[0].cohort
    if part.cohort_names:
        called = table["cohort"]
        table["cohort"] = called.map(dict(part.cohort_names)).where(called.isin(part.cohort_names), called)
    known = [c.cohort for c in study.cohorts]
    listed, problems, left = once(("teams", id(study)), lambda: teams.listed(part, table, known))
    taken.tell(part, problems)
    taken.problems += once(("starts", id(study)), lambda: teams.far_starts(study, listed))
    taken.problems += once(("teams of nobody", id(study)), lambda: teams.names_of_nobody(study, listed))
    here = int(listed["cohort"].isin(known).sum())
    taken.count_kept("teams", len(table), [*left, ("teams of no cohort of this study", len(listed) - here)])
    return listed


def _events(study: Study, cohort: str, taken: Intake) -> None:
    if study.events is None:
        taken.tables["events"] = pd.DataFrame({name: pd.Series(dtype="str") for name in EVENT_FIELDS})
        return
    read = _read(study, study.events, EVENT_FIELDS, taken, "events").frame
    if not {"date", "scope", "scope_id"} <= set(read):  # told by `contract`
        read = read.reindex(columns=list(EVENT_FIELDS)).iloc[:0].astype({"scope": "str", "scope_id": "str"})
    rows, problems = teams.placed(study, read.reindex(columns=[*EVENT_FIELDS, "file", "row"]), taken.names)
    taken.tell(study.events, problems)
    rows = rows[list(EVENT_FIELDS)]
    own = set(taken.tables["teams"]["team"])
    of_team = (rows["scope"] == "team") & rows["scope_id"].isin(own)
    of_cohort = (rows["scope"] == "cohort") & (rows["scope_id"] == cohort)
    here = rows[of_team | of_cohort | (rows["scope"] == "network")]
    time = study.cohort(cohort)
    inside = here["date"].between(pd.Timestamp(time.start), pd.Timestamp(time.end))
    kept = here[inside | (here["scope"] != "network")]
    left = [("events without a day, or of nobody of this study", len(read) - len(rows))]
    taken.count_kept("events", len(read), [*left, ("events of others, or of another time", len(rows) - len(kept))])
    taken.tables["events"] = kept.sort_values(["date", "scope", "scope_id"]).reset_index(drop=True)


def _surveys(study: Study, cohort: str, taken: Intake) -> None:
    """Survey waves: read, mapped, checked, scored and linked by `joyeval.intake`."""
    names_taken = any(problem.rule == "name taken" for problem in taken.problems)  # a table could not be made of them
    if study.of_cohort("waves", cohort) and not names_taken:
        clean_cohort(study, cohort, taken)


def _parts(
    study: Study,
    cohort: str,
    taken: Intake,
    name: str,
    parts: Sequence[Any],
    fields: Mapping[str, Kind],
    build: Callable[..., tuple[pd.DataFrame, list[Problem]]],
) -> None:
    """Read the parts of one kind into one table of this cohort's teams."""
    own = list(taken.tables["teams"]["team"])
    tables = []
    for part in parts:
        done = _read(study, part, fields, taken, f"{name} {part.measure}")
        if done.frame.empty or "team" not in done.frame:
            continue
        rows, found, left = once(("named", id(part)), partial(teams.named, part, done.frame, taken.names))
        problems = list(found)
        here = rows[rows["team"].isin(own)]
        problems += teams.absent(part, rows, own, taken.names, cohort)
        problems += periods.check(part, rows, here, study.cohort(cohort))
        problems += teams.more_than_staff(part, here, taken.everyone)
        left = [*left, (OF_OTHERS, len(rows) - len(here))]
        taken.count_kept(f"{name} {part.measure}", len(done.frame), left)
        if part.through:
            place = ["file", "row", *(["period"] if is_wide(part) else [])]
            alone = here[~here.duplicated(place, keep=False)]
            reason = "figures that several teams share left out"
            taken.count(f"{name} {part.measure}", "alone", len(here), len(alone), reason)
            here = alone
        if part.answers_from == "headcount":
            sizes = taken.everyone.set_index("team")["headcount"]
            here = here.assign(**{part.number_of_answers: here["team"].map(sizes)})
        table, found = build(part, here, done.percents)
        taken.tell(part, [*problems, *found])
        tables.append(table)
    if tables:
        taken.tables[name] = pd.concat(tables, ignore_index=True).sort_values(["measure", "team", "period"])


def _ties(study: Study, cohort: str, taken: Intake) -> None:
    done, days, parts = [], [], study.of_cohort("coordination", cohort)
    taken.problems += ties.changed_scales(parts) + same_answers(study, parts)
    for part in parts:
        survey = ties.with_wide_columns(part, _headings(study, part)) if part.layout == "wide" else part
        name = f"coordination {part.wave}"
        rows = _read(study, survey, ties.fields_of(survey), taken, name).frame
        if rows.empty:
            continue
        members = _members(study, part, taken)
        table, problems, left = ties.tie_table(part, rows, members)
        taken.tell(part, problems)
        taken.count_kept(name, len(rows), left)
        if table.empty:
            continue
        done.append(table)
        days.append(ties.rating_days(part, rows))
    table = pd.concat(done, ignore_index=True) if done else pd.DataFrame()
    if table.empty:
        return
    taken.problems += ties.rated_again(table, parts) + ties.changed_names(table, parts)
    key = taken.key or study_key(study)
    names = pseudonyms(table["person"], key, purpose="rater", within=(study.study, cohort))
    waves = in_order(table, [wave for wave in dict.fromkeys(part.wave for part in parts) if wave in set(table["wave"])])
    taken.tables["ties"] = table.assign(person=names, wave=waves)
    taken.tables["rating_days"] = pd.concat(days, ignore_index=True)
    taken.problems += [p for part in parts for p in ties.unknown_sites(part, table, set(taken.everyone["team"]), study)]
    _roster(study, table, taken)


def _members(study: Study, part: Coordination, taken: Intake) -> pd.DataFrame | None:
    """Who belongs to which workgroup, where people rate people."""
    if part.members is None:
        return None
    name = f"coordination {part.wave} members"
    members = _read(study, part.members, ties.MEMBER_FIELDS, taken, name).frame
    taken.count_kept(name, len(members), [("people a second time", int(members["person"].duplicated().sum()))])
    return members


def _roster(study: Study, rated: pd.DataFrame, taken: Intake) -> None:
    """Who was invited to the coordination surveys of this cohort."""
    if study.roster is None:
        return
    rows = _read(study, study.roster, ties.ROSTER_FIELDS, taken, "roster").frame
    if rows.empty or not {"process", "workgroup", "headcount"} <= set(rows):
        return
    taken.tell(study.roster, ties.unknown_waves(rows, [part.wave for part in study.coordination]))
    other = ~rows["process"].isin(rated["process"].unique())
    taken.count_kept("roster", len(rows), [("processes that this cohort did not rate", int(other.sum()))])
    rows = rows[~other]
    roster = rows.drop(columns=["file", "row"])
    taken.tell(study.roster, ties.roster_problems(rows, rated))
    taken.tell(study.roster, ties.not_on_roster(rated, roster, file=study.roster.file))
    taken.tables["roster"] = roster.reset_index(drop=True)


def _headings(study: Study, part: RawTable) -> list[str]:
    from joyeval.intake.reading import read

    paths = part.files(study.folder)
    return list(read(paths[0], **part.place).frame.columns) if paths else []


def _rejects(problem: Problem) -> bool:
    """Whether a row or value was set aside; what is only told of is none."""
    return not problem.blocking and problem.rule not in ONLY_TOLD


def _quarantine(taken: Intake) -> pd.DataFrame:
    told = {file for table in taken.rejected for file in table["file"]}
    rows = [p.as_row() | {"value_hash": ""} for p in taken.problems if _rejects(p) and p.file not in told]
    return pd.concat([*taken.rejected, pd.DataFrame(rows, columns=QUARANTINE)])[QUARANTINE].astype({"row": "Int64"})
