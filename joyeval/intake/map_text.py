"""A proposed column map in writing: the wave as a study file holds it, what is unsure beside it as comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from joyeval.intake.answers import UNKNOWN, answer_table
from joyeval.intake.columns import find_columns, listed, plain
from joyeval.intake.days import read_days
from joyeval.intake.mapping import LOOKED_AT, propose
from joyeval.intake.names import Names
from joyeval.intake.reading import read
from joyeval.intake.tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from joyeval.intake.mapping import Proposal
    from joyeval.study import Study, Wave

COMMON = 11  # answers of one wording before that wording is shown: rarer ones could be a person's own words
ALIKE = 85  # of 100: wording so like a known answer is proposed to mean it
WIDEST = 80  # characters of a wording that is shown
WAYS = (None, "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S")
WAYS += ("%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d-%m-%Y", "%d %b %Y", "%d %B %Y")


class _Days(NamedTuple):
    way: str | None
    first: date | None
    last: date | None
    doubt: str


def propose_file(
    path: Path, *, names: Sequence[str] = (), study: Study | None = None, sheet: str | None = None
) -> tuple[Proposal, str]:
    """Propose how a study file should describe a survey file.

    Parameters
    ----------
    names : sequence of str
        Instruments that the file holds; without any, those of the wave of `study` that is most like it, or those that
        are recognised.
    study : Study, optional
        Its waves are looked at: the one that shares most headings lends its map, its answers and its form.

    Returns
    -------
    Proposal
        What was matched, and how well.
    str
        YAML to confirm and paste below ``waves:``.

    Raises
    ------
    DataError
        The file cannot be read.
    UsageError
        There is no such instrument.
    """
    from joyeval.instruments import load
    from joyeval.intake.cohort import own_instruments

    model = _most_like(path, study, sheet) if study else None
    keep = [h for headings in model.columns.values() for h in listed(headings)] if model else ()
    raw = read(path, sheet=sheet, keep=keep)
    chosen = names or (own_instruments(study, model) if study and model else None)
    earlier, answers = (dict(model.columns), dict(model.answers)) if model else ({}, {})
    proposal = propose(raw, [load(name) for name in chosen] if chosen else None, earlier=earlier, answers=answers)
    return proposal, "\n".join(_lines(proposal, path, study, model, sheet)) + "\n"


def as_data(proposal: Proposal, text: str) -> dict[str, Any]:
    """Return a proposal for machines: what was recognised, each column with how sure it is, and the YAML itself.

    Parameters
    ----------
    text : str
        The YAML of `propose_file`.
    """
    asked = proposal.raw.labels
    rows = [row | {"asked": asked.get(row["heading"], "")} for row in proposal.columns.iter_rows(named=True)]
    return {
        "file": proposal.raw.file,
        "source": proposal.raw.source,
        "header_row": proposal.raw.header_row,
        "rows": proposal.raw.frame.height,
        "set_aside": proposal.raw.set_aside.height,
        "notices": list(proposal.raw.notices),
        "problems": [problem.as_row() for problem in proposal.raw.problems],
        "instruments": [instrument.id for instrument in proposal.instruments],
        "columns": rows,
        "unused": proposal.unused,
        "yaml": text,
    }


def _most_like(path: Path, study: Study, sheet: str | None) -> Wave | None:
    """Return the wave of a study whose headings are found most in a file; the latest of equals, none if under half."""
    headings = [h for wave in study.waves for hs in wave.columns.values() for h in listed(hs)]
    raw = read(path, sheet=sheet, keep=headings)
    best, most = None, 0.5
    for wave in study.waves:
        found, _ = find_columns(raw, wave.columns)
        share = sum(hs[0] in raw.frame.columns for hs in found.values()) / max(len(found), 1)
        if wave.columns and share >= most:
            best, most = wave, share
    return best


def _lines(proposal: Proposal, path: Path, study: Study | None, model: Wave | None, sheet: str | None) -> Iterator[str]:
    raw, days = proposal.raw, _days(proposal, model)
    yield f"# Proposed from {_quoted(path.name)}, {raw.notices[0]}. Confirm each line, then paste it below `waves:`."
    if model:
        yield f"# Most like wave {model.wave} ({_quoted(model.file)}): its headings were looked for first."
    yield "  - wave: name-of-the-wave  # your name for it: small letters, digits, _ and -"
    form = model.form if model else None
    yield from [f"    form: {form}"] if form else []
    yield f"    file: {_quoted(_below(path, study))}"
    yield from [f"    sheet: {_quoted(sheet)}"] if sheet else []
    yield from [] if form else _of_all(proposal, model)
    yield f"    start: {days.first or ''}  # first and last day of the wave" + (
        " as answers show" if days.first else ""
    )
    yield f"    end: {days.last or ''}"
    if days.way and not (form and model and model.dates == days.way):
        yield f'    dates: "{days.way}"{days.doubt}'
    yield from _columns(proposal, model if form else None)
    yield from _answers(proposal, model)
    yield from _not_asked(proposal)
    yield from _unused(proposal)
    yield from _teams(proposal, study) if study else ()


def _of_all(proposal: Proposal, model: Wave | None) -> Iterator[str]:
    """Keys that waves of one form share."""
    yield f"    cohorts: [{', '.join(map(_quoted, model.cohorts)) if model else ''}]" + ("" if model else "  # which?")
    named = model.instruments if model else [instrument.id for instrument in proposal.instruments]
    unsure = "" if named else "  # none was recognised; joyeval instruments lists them, --instrument names one"
    yield f"    instruments: [{', '.join(named)}]{unsure}"
    parts = [name for name in proposal.found if name.startswith("code_")]
    link_by = model.link_by if model else tuple(parts) or ("person",)
    if link_by != ("person",):
        yield f"    link_by: [{', '.join(link_by)}]"


def _columns(proposal: Proposal, form: Wave | None) -> Iterator[str]:
    """Name, heading and how sure; of a form only what differs from it."""
    rows = proposal.columns.filter(pl.col("heading").is_not_null())
    if form:
        same, _ = find_columns(proposal.raw, form.columns)
        rows = rows.filter([same.get(row["name"], ("",))[0] != row["heading"] for row in rows.iter_rows(named=True)])
    if rows.height:
        yield "    columns:" + ("  # the others are as in the form" if form else "")
    for row in rows.iter_rows(named=True):
        yield f"      {row['name']}: {_quoted(row['heading'])}  # {_how_sure(row)}{_asked(proposal, row['heading'])}"


def _how_sure(row: dict[str, Any]) -> str:
    known = "" if row["known"] is None or row["known"] == 1 else f", {row['known']:.0%} of its answers are options"
    alike = f" {row['likeness']:.0f}" if row["because"] in ("wording", "topic", "earlier wave") else ""
    return f"{'please check' if row['sure'] == 'look' else row['sure']}: {row['because']}{alike}{known}"


def _asked(proposal: Proposal, heading: str) -> str:
    """Say the question that stands beside a heading in the file."""
    text = " ".join(proposal.raw.labels.get(heading, "").split())
    if not text or plain(text) == plain(heading):
        return ""
    return f"; asked: {_quoted(text if len(text) <= WIDEST else text[: WIDEST - 3] + '...')}"


def _answers(proposal: Proposal, model: Wave | None) -> Iterator[str]:
    """Answers that many gave and no table knows, with the code they most likely mean."""
    told = []
    for instrument in proposal.instruments:
        for item in instrument.items:
            heading = proposal.found.get(item)
            table = answer_table(instrument, item, own=dict(model.answers) if model else {})
            for text in _unknown(proposal, heading, table) if heading else ():
                told.append((instrument, item, text))
    meant = {(instrument.id, text): _meant(instrument, item, text) for instrument, item, text in told}
    if meant:
        yield '    answers:  # words that many wrote and no table knows; an empty code ("") means: declined'
    for name in dict.fromkeys(name for name, _ in meant):
        mine = {text: code for (owner, text), code in meant.items() if owner == name}
        yield f"      {name}:" + (" {}" if set(mine.values()) == {None} else "")
        for text, code in mine.items():
            yield f"        # {_quoted(text)}: which code?" if code is None else f"        {_quoted(text)}: {code}"


def _unknown(proposal: Proposal, heading: str, table: Any) -> list[str]:
    """Answers of a column, each given by many, that are in no table."""
    raw = proposal.raw
    if heading in raw.answer_labels:
        return []
    counts = raw.frame[heading].cast(pl.String).drop_nulls().value_counts(sort=True)
    common = counts.filter(pl.col("count") >= COMMON)[heading].head(LOOKED_AT)
    return [text for text in common if len(text) <= WIDEST and table.code(text) == UNKNOWN]


def _meant(instrument: Any, item: str, text: str) -> int | None:
    """Code of the option that is worded most alike, if any is alike enough."""
    from rapidfuzz import fuzz, process, utils

    responses = instrument.responses_of(item)
    words = {**responses.labels, **responses.unscored}
    best = process.extractOne(text, words, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=ALIKE)
    return best[2] if best else None


def _days(proposal: Proposal, model: Wave | None) -> _Days:
    """How days are written, and the first and last of them."""
    heading = proposal.found.get("date")
    if heading is None:
        return _Days(model.dates if model else None, None, None, "")
    cells = proposal.raw.frame[heading].cast(pl.String).str.strip_chars().drop_nulls()
    read_as = {
        way: read_days(cells, way or "%Y-%m-%d") for way in dict.fromkeys([*([model.dates] if model else []), *WAYS])
    }
    fits = [way for way, days in read_as.items() if len(days) and days.null_count() <= 0.05 * len(days)]
    if not fits:
        return _Days(None, None, None, "")
    way = fits[0]
    ambiguous = not model and way and any(other and other[:2] != way[:2] for other in fits)
    doubt = "  # please check: day or month first? both would fit" if ambiguous else ""
    return _Days(way, read_as[way].min(), read_as[way].max(), doubt)


def _not_asked(proposal: Proposal) -> Iterator[str]:
    items = {item for instrument in proposal.instruments for item in instrument.items}
    absent = [name for name in proposal.absent if name in items]
    if absent:
        yield "    # Still to say: nothing is like these items. Map what was asked, list here what was not:"
        yield f"    # not_asked: [{', '.join(absent)}]"


def _unused(proposal: Proposal) -> Iterator[str]:
    if proposal.unused:
        yield "# Columns that are proposed for nothing:"
        yield from (f"#   {_quoted(heading)}{_asked(proposal, heading)}" for heading in proposal.unused)


def _teams(proposal: Proposal, study: Study) -> Iterator[str]:
    """Say which teams of the list the file has no row of, and which names that many wrote the list has not."""
    heading = proposal.found.get("team")
    listed_teams = tabulate(study.teams, study.folder, {"team": "text"}).frame["team"].dropna().unique()
    if heading is None or not len(listed_teams):
        return
    names = Names(dict.fromkeys(listed_teams, ""), study.teams.also_called, study.teams.not_teams)
    counts = dict(proposal.raw.frame[heading].cast(pl.String).drop_nulls().value_counts(sort=True).iter_rows())
    judged = names.judged(counts)
    if absent := [team for team in listed_teams if team not in judged.teams.values()]:
        yield "# Teams of the list of which this file has no row; see that they are called alike:"
        yield f"#   {', '.join(map(_quoted, absent))}"
    strange = [name for name in counts if name not in judged.teams and name not in judged.left_out]
    near = {name: names.nearest(name) for name in strange if counts[name] >= COMMON or names.nearest(name)}
    if near:
        yield "# Names that the list of teams has not; `also_called` below `teams` says which team is meant:"
    for name, team in near.items():
        yield f"#   {_quoted(name)}" + (f": perhaps {_quoted(team)}" if team else "")


def _below(path: Path, study: Study | None) -> str:
    """Path as a study file names it: below its data folder."""
    here = path.resolve()
    return here.relative_to(study.folder).as_posix() if study and here.is_relative_to(study.folder) else path.name


def _quoted(text: str) -> str:
    """Text of others as YAML in quotation marks: nothing in it can end a comment or move a cursor."""
    import yaml

    written = yaml.dump(text, default_style='"', allow_unicode=True, width=10**6).strip()
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in written)
