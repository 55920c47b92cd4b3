"""REDCap: fetched once through its API and frozen as a raw file with its hash; exports read with their dictionary."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import polars as pl

from joyeval.errors import DataError, Problem, UsageError
from joyeval.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from joyeval.intake.raw import Raw

SECONDS = 60  # how long the server may be silent
NEVER_KEPT = ("redcap_survey_identifier",)  # names or addresses of participants
EVENT, FORM, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
_TOKEN = re.compile(r"[0-9A-Fa-f]{32}")
_CHECKED = {"1", "checked", "yes", "true"}


@dataclass(frozen=True)
class Frozen:
    """What was fetched: the file, how many rows, and its SHA-256."""

    path: Path
    rows: int
    sha256: str


def read_token(variable: str) -> str:
    """Return the token that an environment variable holds.

    Raises
    ------
    UsageError
        There is none, or it is not a REDCap token; the message never holds it.
    """
    token = os.environ.get(variable, "").strip()
    if not token:
        raise UsageError(f"no token for REDCap: set {variable} to the API token of the project, for this command only")
    if not _TOKEN.fullmatch(token):
        raise UsageError(f"{variable} does not hold a REDCap token (32 letters A to F and digits)")
    return token


def fetch(
    url: str,
    token: str,
    path: Path,
    *,
    forms: Sequence[str] = (),
    events: Sequence[str] = (),
    force: bool = False,
    seconds: float = SECONDS,
) -> Frozen:
    """Fetch the records of a project and freeze them: answers, data dictionary, and where they came from.

    Parameters
    ----------
    url : str
        Address of the API, such as ``https://redcap.example.org/api/``.
    path : Path
        CSV to write; ``.dictionary.csv`` and ``.source.json`` of the same name are written beside it.
    forms, events : sequence of str
        Only these, by their unique names; all when left out.
    force : bool
        Replace what was fetched before. Without it, a file that is there is left alone and refused.
    seconds : float
        How long the server may be silent.

    Raises
    ------
    UsageError
        The file is there already, the address is not that of an API, or PyCap is not installed.
    DataError
        The server cannot be reached, refuses, or answers with something else than records.
    """
    if path.exists() and not force:
        raise UsageError(f"{path} was fetched before; raw files are not changed (--force fetches it again)")
    host = _host(url)
    project = _project(url, token, seconds)
    try:
        dictionary = project.export_metadata(format_type="json")
        records = project.export_records(
            format_type="json",
            forms=list(forms) or None,
            events=list(events) or None,
            event_name="unique",
            export_survey_fields=True,
            export_data_access_groups=True,
        )
    except (OSError, ValueError) as error:  # everything that requests raises is one or the other
        raise DataError([_trouble(host, error, token, seconds)]) from None
    if not _is_table(records) or not _is_table(dictionary):
        found = "no records" if records == [] else "something else than records"
        fix = "check forms and events in the study file, and what the token's owner may export"
        raise DataError([Problem(host, found, "records of a project", fix, rule="REDCap")])
    return _freeze(path, url, records, dictionary)


def _host(url: str) -> str:
    """Return the host of an API address; a token goes over an encrypted line only."""
    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1")
    if not parts.hostname or not url.endswith("/api/") or (parts.scheme != "https" and not here):
        raise UsageError("the address of a REDCap API begins with https:// and ends with /api/")
    return parts.hostname


def _project(url: str, token: str, seconds: float) -> Any:
    try:
        from redcap import Project
    except ImportError:
        raise UsageError("fetching from REDCap needs PyCap: pip install 'joyeval[redcap]'") from None
    return Project(url, token, timeout=seconds, allow_redirects=False)  # a redirect could take the token elsewhere


def _trouble(host: str, error: Exception, token: str, seconds: float) -> Problem:
    """Say what went wrong in plain words; of the server's own words only what it says about an error."""
    import requests

    said = error.args[0] if error.args else ""
    fix = "try again later; if it stays, ask who runs the server"
    if isinstance(error, requests.Timeout):
        found = f"no answer within {seconds:g} seconds"
    elif isinstance(error, requests.ConnectionError):
        found, fix = "no connection", "check the address in the study file and the network"
    elif isinstance(said, dict) and "error" in said:
        words = " ".join(str(said["error"]).split()).replace(token, "(token)")[:200]
        found, fix = f"a refusal: {words}", "check the token, and whether its owner may export by API"
    else:
        found, fix = "an answer that is not that of a REDCap API", "check the address in the study file"
    return Problem(host, found, "records of a project", fix, rule="REDCap")


def _is_table(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, dict) for row in rows)


def _freeze(path: Path, url: str, records: list[dict], dictionary: list[dict]) -> Frozen:
    kept = [{name: value for name, value in row.items() if name not in NEVER_KEPT} for row in records]
    answers, meanings = _as_csv(kept), _as_csv(dictionary)
    digest = hashlib.sha256(answers).hexdigest()
    source = {
        "url": url,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(kept),
        "sha256": digest,
        "dictionary_sha256": hashlib.sha256(meanings).hexdigest(),
    }
    write_whole(path.with_suffix(".dictionary.csv"), meanings)
    write_whole(path.with_suffix(".source.json"), json.dumps(source, indent=1).encode())
    write_whole(path, answers, private=True)
    return Frozen(path, len(kept), digest)


def _as_csv(rows: list[dict]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def changed(path: Path) -> list[Problem]:
    """Return a problem if a file that was fetched is no longer what was fetched."""
    try:
        source = json.loads(path.with_suffix(".source.json").read_text(encoding="utf-8"))
        same = hashlib.sha256(path.read_bytes()).hexdigest() == source["sha256"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        same = False
    fix = "fetch it again with joyeval redcap --force; raw files are not edited"
    return [] if same else [Problem(path.name, "another file than was fetched", "its SHA-256", fix, rule="changed")]


# ---- exports, fetched or from the web pages of REDCap ----------------------------------------------


def complete(raw: Raw, path: Path, keep: Collection[str]) -> Raw:
    """Add to a REDCap export what its dictionary knows, join its checkboxes, and tell of events and repeats.

    Parameters
    ----------
    path : Path
        Of the export; its dictionary lies beside it as ``<name>.dictionary.csv``, if there is one.
    keep : collection of str
        Fields that identify people and are needed to link them.
    """
    fields = _dictionary(dictionary_of(path))
    marked = [n for n in raw.frame.columns if fields.get(n, {}).get("identifier", "").lower() in ("y", "1")]
    personal = [name for name in marked if name not in keep]
    frame, joined = _joined_checkboxes(raw.frame.drop(personal))
    labels = {name: text for name in frame.columns if (text := _plain(fields.get(name, {}).get("field_label", "")))}
    choices = {name: _choices(fields[name]) for name in frame.columns if name in fields and name not in joined}
    notices = [f"dropped at once, as its dictionary marks them as identifiers: {', '.join(personal)}"] * bool(personal)
    notices += [f"checkboxes joined into one column each: {', '.join(joined)}"] * bool(joined)
    return replace(
        raw,
        frame=frame,
        labels={**raw.labels, **labels},
        answer_labels={**raw.answer_labels, **{name: found for name, found in choices.items() if found}},
        notices=(*raw.notices, *notices, *_layers(frame)),
    )


def dictionary_of(path: Path) -> Path:
    """Return where the dictionary of an export lies, if there is one."""
    return path.with_suffix(".dictionary.csv")


def _dictionary(path: Path) -> dict[str, dict[str, str]]:
    """Fields by name, from the API's dictionary or the one that REDCap's web pages offer."""
    from joyeval.intake.reading import read

    if not path.is_file():
        return {}
    rows = read(path).frame.select(pl.all().cast(pl.String)).to_dicts()
    known = {
        "variable / field name": "field_name",
        "field label": "field_label",
        "field type": "field_type",
        "choices, calculations, or slider labels": "select_choices_or_calculations",
        "choices, calculations, or slider": "select_choices_or_calculations",
        "identifier?": "identifier",
    }
    named = [{known.get(str(k).lower(), str(k)): v or "" for k, v in row.items()} for row in rows]
    return {row["field_name"]: row for row in named if row.get("field_name")}


def _choices(field: Mapping[str, str]) -> dict[str, str]:
    """Read ``1, Never | 2, Rarely`` as code to words."""
    if field.get("field_type") not in ("radio", "dropdown"):
        return {}
    pairs = [part.split(",", 1) for part in field.get("select_choices_or_calculations", "").split("|")]
    return {pair[0].strip(): _plain(pair[1]) for pair in pairs if len(pair) == 2}


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def _joined_checkboxes(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Add one column per checkbox field: the codes ticked, ``1;3``; blank where none is."""
    groups: dict[str, list[str]] = {}
    for name in frame.columns:
        field, mark, _ = name.partition("___")
        if mark and field not in frame.columns:
            groups.setdefault(field, []).append(name)
    for field, columns in groups.items():
        ticked = [
            pl.when(pl.col(name).cast(pl.String).str.to_lowercase().is_in(sorted(_CHECKED))).then(
                pl.lit(name.partition("___")[2])
            )
            for name in columns
        ]
        together = pl.concat_str(ticked, separator=";", ignore_nulls=True)
        frame = frame.with_columns(pl.when(together != "").then(together).alias(field))
    return frame, list(groups)


def _layers(frame: pl.DataFrame) -> list[str]:
    """Say which events and repeated forms the rows belong to, as a study file must choose among them."""
    told = []
    for column, what in ((EVENT, "events"), (FORM, "repeated forms")):
        counts = Counter(frame[column].cast(pl.String).drop_nulls().to_list()) if column in frame.columns else {}
        if counts:
            listed = ", ".join(f"{name} ({n} rows)" for name, n in sorted(counts.items()))
            told.append(f"{what}: {listed}; `where: {{{column}: NAME}}` keeps one")
    return told
