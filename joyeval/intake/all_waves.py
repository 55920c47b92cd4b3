"""All survey waves of a cohort: cleaned, linked, scored; one table per instrument and a full account."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING

import polars as pl

from joyeval.errors import DataError
from joyeval.instruments import load
from joyeval.intake.account import accepted
from joyeval.intake.careless import DURATION
from joyeval.intake.cleaning import CleanFile, WaveFile, clean_file
from joyeval.intake.opened import idle
from joyeval.intake.plausible import answers_again, counted_rows, in_two_files, moved
from joyeval.intake.pseudonyms import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from joyeval.errors import Problem
    from joyeval.instruments.model import Instrument
    from joyeval.intake.linking import PeopleLinked

FLOW = {"wave": str, "step": str, "n_in": int, "n_out": int, "reason": str}
PLACE = {"key", "file", "row"}  # where a row stands, which says nothing of who wrote it
FIRST = ("person", "cohort", "team", "role", "wave", "date")


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """The clean waves of a cohort.

    Parameters
    ----------
    tables : mapping
        ``wave_<instrument>`` to person, cohort, team, role, wave, date, other mapped columns, items, scores and
        ``<scale>_answered``: one row per respondent and wave with an answer to that instrument.
    flow : polars.DataFrame
        wave, step, n_in, n_out, reason: read, kept, scored, linked.
    quarantine : polars.DataFrame
        file, row, column, value_hash, rule, expected, fix.
    gaps : polars.DataFrame
        wave, file, item, coded, blank, declined, rejected.
    response : polars.DataFrame
        wave, team, opened, started, kept, complete, scored, linked.
    linkage : PeopleLinked
    problems : tuple of Problem
        What to know or mend; none of them stopped the run.
    notices : mapping
        Path of each file to what was recognised when it was read.
    """

    tables: Mapping[str, pl.DataFrame]
    flow: pl.DataFrame
    quarantine: pl.DataFrame
    gaps: pl.DataFrame
    response: pl.DataFrame
    linkage: PeopleLinked
    problems: tuple[Problem, ...]
    notices: Mapping[Path, tuple[str, ...]]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table for pandas: one of `tables`, or flow, quarantine, gaps, response."""
        return (self.tables[name] if name in self.tables else getattr(self, name)).to_pandas()


def clean(
    files: Sequence[WaveFile],
    *,
    cohort: str,
    key: bytes,
    study: str = "",
    teams: Mapping[str, str] | None = None,
) -> Cleaned:
    """Clean, link and score the waves of a cohort.

    Parameters
    ----------
    files : sequence of WaveFile
        In order of time; several files may belong to one wave.
    cohort : str
    key : bytes
        Secret that pseudonyms are made with (`study_key`).
    study : str
        Its name: a person of two studies or cohorts has two pseudonyms.
    teams : mapping, optional
        Team to cohort, for every team of the study.

    Raises
    ------
    DataError
        The blocking problems of all files.
    """
    done = _clean_all(files, teams, cohort)
    waves = {wave: _joined([d for f, d in done if f.wave == wave]) for wave in dict.fromkeys(f.wave for f in files)}
    persons, linkage = _persons(waves, files[0].link_by, key, within=(study, cohort))
    scored = {wave: _scored(rows, persons[wave], wave, cohort, files) for wave, rows in waves.items()}
    instruments, others = _instruments(files), _others(files)
    asked = {w: {i.id for i in _instruments([f for f in files if f.wave == w])} for w in scored}
    tables = {
        f"wave_{i.id}": _stacked([t for w, t in scored.items() if i.id in asked[w]], i, others) for i in instruments
    }
    problems = [problem for _, one in done for problem in one.account.all_problems()]
    problems += _beside_each_other(waves, files)
    if blocking := [problem for problem in problems if problem.blocking]:
        raise DataError(blocking)
    response = _response(scored, instruments, _reached_teams(done))
    return Cleaned(
        tables=tables,
        flow=_flow([one.account.flow for _, one in done], response, coded=_coded(files)),
        quarantine=pl.concat(one.account.quarantine(key) for _, one in done),
        gaps=pl.concat(
            one.gaps.select(pl.lit(file.wave).alias("wave"), pl.lit(file.path.name).alias("file"), pl.all())
            for file, one in done
        ),
        response=response,
        linkage=linkage,
        problems=tuple(problems),
        notices={file.path: one.notices for file, one in done},
    )


def _clean_all(files: Iterable[WaveFile], teams: Mapping | None, cohort: str) -> list[tuple[WaveFile, CleanFile]]:
    """Clean every file, so that all blocking problems are told at once."""
    done, problems = [], []
    for file in files:
        try:
            done.append((file, clean_file(file, teams=teams, cohort=cohort)))
        except DataError as error:
            problems += error.problems
    for wave in dict.fromkeys(file.wave for file, _ in done):
        of_wave = [(file, one) for file, one in done if file.wave == wave]
        problems += idle(of_wave[0][0].path.name, of_wave[0][0], [one.matched for _, one in of_wave])
    if problems:
        raise DataError(problems)
    return done


def _joined(files: list[CleanFile]) -> pl.DataFrame:
    """Rows of one wave; `file` keeps row numbers apart."""
    return pl.concat([one.rows.with_columns(file=pl.lit(one.account.file)) for one in files], how="diagonal_relaxed")


def _beside_each_other(waves: Mapping[str, pl.DataFrame], files: Sequence[WaveFile]) -> list[Problem]:
    """Return what only two waves together show: answers of the one in the other, numbers of people that are none."""
    of = {file.wave: file.path.name for file in files}
    items = [item for instrument in _instruments(files) for item in instrument.items]
    problems = answers_again(waves, dict.fromkeys(items), of)
    for wave, rows in waves.items():
        accept = next(file.accept for file in files if file.wave == wave)
        problems += [accepted(problem, accept) for problem in in_two_files(rows, wave)]
    if len(files[0].link_by) == 1:
        (name,) = files[0].link_by
        codes = {wave: rows.sort("file", "row")[name] for wave, rows in waves.items() if name in rows.columns}
        problems += counted_rows(codes, name, of) + moved(waves, of)
    return problems


def _persons(
    waves: Mapping[str, pl.DataFrame], link_by: Sequence[str], key: bytes, *, within: tuple[str, str]
) -> tuple[dict[str, pl.Series], PeopleLinked]:
    """Pseudonym of each respondent: of the linkage code that the person wrote first, else of the answers."""
    from joyeval.intake.linking import link_people

    coded = pl.concat(_written(rows, wave, link_by) for wave, rows in waves.items())
    numbers, linkage = link_people(coded.to_pandas(), code=link_by, waves=list(waves))
    person = pl.Series("person", numbers.to_numpy())
    first = coded.select("written", person).unique("person", keep="first", maintain_order=True)
    named = first.with_columns(name=pl.Series(distinct(first["written"], key, purpose="person", within=within)))
    names = person.to_frame().join(named, on="person", how="left", maintain_order="left")["name"]
    ends = pl.Series([0, *(rows.height for rows in waves.values())]).cum_sum()
    return {wave: names[ends[i] : ends[i + 1]] for i, wave in enumerate(waves)}, linkage


def _written(rows: pl.DataFrame, wave: str, link_by: Sequence[str]) -> pl.DataFrame:
    """Wave, team and linkage code; and what a row holds of a person: the whole code, else everything but its place."""
    blank = pl.lit(None, dtype=pl.String)
    code = [pl.col(name) if name in rows.columns else blank.alias(name) for name in link_by]
    block = [pl.col("team").fill_null("")] if len(link_by) > 1 else []
    whole = pl.concat_str(pl.lit("code"), *block, *code, separator="\0")
    said = [pl.lit(f"{name}=") + pl.col(name).cast(pl.String) for name in sorted(set(rows.columns) - PLACE)]
    answers = pl.concat_str(pl.lit("answers"), pl.lit(wave), *said, separator="\0", ignore_nulls=True)
    return rows.select(pl.lit(wave).alias("wave"), "team", *code, pl.coalesce(whole, answers).alias("written"))


def _scored(rows: pl.DataFrame, person: pl.Series, wave: str, cohort: str, files: Sequence[WaveFile]) -> pl.DataFrame:
    """Rows of one wave with persons and the scores of its instruments."""
    from joyeval.instruments.scoring import score_codes

    secret = {name for file in files for name in file.link_by}
    done = rows.drop("key", "file", "row", *secret, strict=False).with_columns(
        person=person, cohort=pl.lit(cohort), wave=pl.lit(wave)
    )
    for instrument in _instruments([file for file in files if file.wave == wave]):
        items = [item for item in instrument.items if item in rows.columns]
        if items:
            done = done.hstack(score_codes(rows.select(items), instrument))
    return done


def _instruments(files: Iterable[WaveFile]) -> list[Instrument]:
    return list({i.id: i for file in files for i in map(load, file.instruments)}.values())


def _stacked(waves: Iterable[pl.DataFrame], instrument: Instrument, others: list[str]) -> pl.DataFrame:
    """Answers to one instrument of the waves that list it; an item that a wave did not ask is blank there."""
    table = pl.concat(waves, how="diagonal_relaxed")
    table = table.with_columns(
        pl.lit(None, dtype=pl.String).alias(c) for c in (*FIRST, *others) if c not in table.columns
    )
    items = [item for item in instrument.items if item in table.columns]
    scores = [column for column in _scores(instrument) if column in table.columns]
    answered = pl.any_horizontal(pl.col(items).is_not_null()) if items else pl.lit(value=False)
    return table.filter(answered).select(*FIRST, *others, *items, *scores)


def _scores(instrument: Instrument) -> list[str]:
    return [column for scale in instrument.scales for column in (scale, f"{scale}_answered")]


def _others(files: Sequence[WaveFile]) -> list[str]:
    """Return mapped columns that are neither ours nor answers nor parts of a code, such as a staff group."""
    items = {item for instrument in _instruments(files) for item in instrument.items}
    secret = {name for file in files for name in (*file.link_by, *file.attention, *DURATION)}
    named = dict.fromkeys(name for file in files for name in file.columns)
    return [name for name in named if name not in items | secret | set(FIRST)]


def _reached_teams(done: list[tuple[WaveFile, CleanFile]]) -> pl.DataFrame:
    """Rows per wave and team that were opened, and that hold an answer; files of one wave added up."""
    each = [one.reached.select(pl.lit(file.wave).alias("wave"), pl.all()) for file, one in done]
    return pl.concat(each).group_by("wave", "team", maintain_order=True).agg(pl.sum("opened", "started"))


def _response(waves: Mapping[str, pl.DataFrame], instruments: list[Instrument], reached: pl.DataFrame) -> pl.DataFrame:
    """Respondents per wave and team: opened, started, kept, complete (every scale scored), scored (any), linked."""
    scales = [scale for instrument in instruments for scale in instrument.scales]
    people = pl.concat([_reached(rows, scales) for rows in waves.values()])
    linked = pl.col("wave").n_unique().over("person") > 1
    steps = pl.len().alias("kept"), pl.sum("complete"), pl.sum("scored"), pl.sum("linked")
    kept = people.with_columns(linked=linked).group_by("wave", "team").agg(*steps)
    return reached.join(kept, on=["wave", "team"], how="left", nulls_equal=True, maintain_order="left").fill_null(0)


def _reached(rows: pl.DataFrame, scales: list[str]) -> pl.DataFrame:
    """Who has a score, and who has every score that anybody in the same team has: others were not asked."""
    asked = [scale for scale in scales if scale in rows.columns]
    if not asked:
        return rows.select("wave", "team", "person", complete=False, scored=False)
    have = pl.col(asked).is_not_null()
    complete = pl.all_horizontal(have | pl.col(asked).is_null().all().over("team")) & pl.any_horizontal(have)
    return rows.select("wave", "team", "person", complete=complete, scored=pl.any_horizontal(have))


def _flow(files: list[list[dict]], response: pl.DataFrame, *, coded: bool) -> pl.DataFrame:
    """Put the steps of each wave in order, files of one wave added up."""
    steps = pl.DataFrame([row for rows in files for row in rows], schema=FLOW)
    alone = "in one wave only" if coded else "the files hold nothing to link people by"
    total = response.group_by("wave", maintain_order=True).agg(pl.sum("kept", "scored", "linked"))
    scored = total.select("wave", step=pl.lit("scored"), n_in="kept", n_out="scored", reason=pl.lit("too few answers"))
    linked = total.select("wave", step=pl.lit("linked"), n_in="scored", n_out="linked", reason=pl.lit(alone))
    table = pl.concat([steps, *(t.cast(FLOW).with_columns(_reason_if_lost()) for t in (scored, linked))])
    added = table.group_by("wave", "step", "reason", maintain_order=True).agg(pl.sum("n_in", "n_out"))
    order = pl.col("wave").replace_strict({w: i for i, w in enumerate(total["wave"])}, return_dtype=pl.Int64)
    return added.select(*FLOW).sort(order, maintain_order=True)


def _coded(files: Sequence[WaveFile]) -> bool:
    return any(set(file.link_by) <= set(file.columns) for file in files)


def _reason_if_lost() -> pl.Expr:
    return pl.when(pl.col("n_in") > pl.col("n_out")).then("reason").otherwise(pl.lit("")).alias("reason")
