"""Coded interviews from the tools people code in: REFI-QDA projects and codebooks, QualCoder, Taguette.

No text of an interview leaves this module: a segment is a place, a length and a hash.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from joyeval.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

LARGEST = 64 * 1024 * 1024  # bytes of one unpacked entry
MOST_ENTRIES = 5000
SEGMENT_COLUMNS = (
    "source",
    "case",
    "code",
    "parent",
    "path",
    "coder",
    "coded_at",
    "start",
    "end",
    "length",
    "text_hash",
)
CODEBOOK_COLUMNS = ("code", "parent", "codable", "definition")
CASE_COLUMNS = ("case", "source", "variable", "value")


@dataclass(frozen=True, eq=False)
class Project:
    """What a project file holds, without a word that anybody said.

    Parameters
    ----------
    segments : DataFrame
        source, case, code, parent, path, coder, coded_at, start, end (Unicode code points from 0, end not included;
        missing where a whole source is coded), length, text_hash.
    codebook : DataFrame
        code, parent, codable, definition.
    cases : DataFrame
        case, source, variable, value: one row per variable (variable missing for a case without any).
    notes : tuple of str
        What could not be read as it stands.
    """

    segments: pd.DataFrame
    codebook: pd.DataFrame
    cases: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_project(path: str | Path) -> Project:
    """Read the coded segments, codes and cases of a project file.

    Parameters
    ----------
    path : str or Path
        A REFI-QDA project (.qdpx, .qde) or codebook (.qdc), or a QualCoder project (.qda, or the folder it stands in).

    Returns
    -------
    Project
        Tables `segments`, `codebook` and `cases`.

    Raises
    ------
    DataError
        A file that is no such project, is damaged, is too large, declares document types, or points outside itself.

    References
    ----------
    REFI-QDA standard, specification 1.5 (2019), https://www.qdasoftware.org.

    Examples
    --------
    >>> read_project("interviews.qdpx").segments.groupby("code").size()  # doctest: +SKIP
    """
    path = Path(path)
    if path.is_dir():
        path = path / "data.qda"
    if not path.is_file():
        raise _refused(path, "no such file", "a project file", "check the name and the folder")
    if path.stat().st_size > LARGEST:
        raise _refused(path, f"{path.stat().st_size // 2**20} MB", f"at most {LARGEST // 2**20} MB", "leave out media")
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3"):
        return _read_qualcoder(path)
    if start.startswith(b"PK"):
        return _read_archive(path)
    return _Reader(path, _parse(path, path.read_bytes()), {}).project()


def _refused(path: Path, found: str, expected: str, fix: str) -> DataError:
    return DataError([Problem(path.name, found, expected, fix, rule="project file")])


def _read_archive(path: Path) -> Project:
    """Read an archive in memory; nothing is unpacked to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES or sum(e.file_size for e in entries if _is_read(e.filename)) > LARGEST:
                raise _refused(
                    path, "a very large archive", f"texts of at most {LARGEST // 2**20} MB", "leave out media"
                )
            files = {entry.filename: archive.read(entry) for entry in entries if _is_read(entry.filename)}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        fix = "export the project again, without a password"
        raise _refused(path, "a damaged or locked archive", "a project that opens", fix) from error
    main = [name for name in files if name.lower().endswith(".qde")]
    if len(main) != 1:
        raise _refused(path, f"{len(main)} project descriptions", "one .qde file", "export the project again")
    texts = {Path(name).name.lower(): content for name, content in files.items() if name.lower().endswith(".txt")}
    return _Reader(path, _parse(path, files[main[0]]), texts).project()


def _is_read(name: str) -> bool:
    return name.lower().endswith((".qde", ".txt"))


def _parse(path: Path, content: bytes) -> _Element:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise _refused(path, "damaged XML", "a REFI-QDA project or codebook", "export the project again") from error
    if root.getroottree().docinfo.doctype:
        fix = "export the project again from the tool itself"
        raise _refused(path, "a document type declaration", "a project without one", fix)
    if _name(root) not in ("Project", "CodeBook"):
        raise _refused(path, "another kind of XML", "a REFI-QDA project or codebook", "export as REFI-QDA")
    return root


def _name(element: _Element) -> str:
    """Local name: tools write the namespace in several ways."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _children(element: _Element, *names: str) -> Iterator[_Element]:
    return (child for child in element if _name(child) in names)


def _within(element: _Element, name: str) -> Iterator[_Element]:
    return (child for child in element.iter() if _name(child) == name)


def _guid(element: _Element, attribute: str = "guid") -> str:
    return (element.get(attribute) or "").lower()


class _Reader:
    """One project, element by element."""

    def __init__(self, path: Path, root: _Element, texts: dict[str, bytes]) -> None:
        self.path, self.root, self.texts = path, root, texts
        self.notes: list[str] = []
        self.users = {_guid(user): user.get("name") or user.get("id") for user in _within(root, "User")}
        self.codes: dict[str, tuple[str, str | None, str]] = {}
        self.codebook = pd.DataFrame(self._codebook(), columns=list(CODEBOOK_COLUMNS))

    def project(self) -> Project:
        """Everything that is read."""
        cases, case_of = self._cases()
        rows = [row for element in _within(self.root, "Sources") for source in element for row in self._source(source)]
        segments = _segments(rows, case_of)
        if len(segments) and segments["coder"].isna().any():
            self.notes.append("codings without a coder: agreement between coders cannot be computed for them")
        return Project(segments, self.codebook, cases, tuple(dict.fromkeys(self.notes)))

    def _codebook(self) -> list[tuple[str, str | None, bool, str | None]]:
        rows = []

        def visit(element: _Element, above: tuple[str, ...]) -> None:
            for code in _children(element, "Code"):
                name = code.get("name") or ""
                path = (*above, name)
                parent = above[-1] if above else _before_colons(name)
                self.codes[_guid(code)] = (name, parent, " / ".join(path))
                definition = next((child.text for child in _children(code, "Description")), None)
                rows.append((name, parent, code.get("isCodable", "true").lower() != "false", definition))
                visit(code, path)

        for element in _within(self.root, "Codes"):
            visit(element, ())
        return rows

    def _cases(self) -> tuple[pd.DataFrame, dict[str, str]]:
        variables = {_guid(variable): variable.get("name") for variable in _within(self.root, "Variable")}
        rows, case_of = [], {}
        for case in _within(self.root, "Case"):
            name = case.get("name")
            sources = [_guid(ref, "targetGUID") for ref in _children(case, "SourceRef")]
            case_of |= dict.fromkeys(sources, name)
            values = [_value(value, variables) for value in _children(case, "VariableValue")] or [(None, None)]
            rows += [(name, source, *value) for source in sources or [None] for value in values]
        titles = {_guid(s): s.get("name") for element in _within(self.root, "Sources") for s in element}
        table = pd.DataFrame(rows, columns=list(CASE_COLUMNS))
        return table.assign(source=table["source"].map(titles)), case_of

    def _source(self, source: _Element) -> Iterator[dict[str, object]]:
        """Codings of one source: of a whole source, of passages, and of the text of a PDF."""
        if not isinstance(source.tag, str):
            return
        for element in (source, *_children(source, "Representation")):
            selections = list(_children(element, "PlainTextSelection"))
            places = self._places(element, selections, source.get("name") or "")
            for selection, place in zip(selections, places, strict=True):
                yield from self._codings(selection, source, place)
            yield from self._codings(element, source, (None, None, None))
        others = [c for c in source.iter() if _name(c).endswith("Selection") and _name(c) != "PlainTextSelection"]
        if lost := sum(1 for selection in others for _ in _children(selection, "Coding")):
            self.notes.append(f"left out: {lost} codings of pictures, sound, video or page areas, which are no text")

    def _codings(
        self, element: _Element, source: _Element, place: tuple[int | None, int | None, str | None]
    ) -> Iterator[dict[str, object]]:
        start, end, text = place
        for coding in _children(element, "Coding"):
            user = _guid(coding, "creatingUser") or _guid(element, "creatingUser")
            for reference in _children(coding, "CodeRef"):
                target = _guid(reference, "targetGUID")
                if target not in self.codes:
                    self.notes.append("codings of codes that the codebook does not have")
                code, parent, path = self.codes.get(target, (None, None, None))
                yield {
                    "source": source.get("name"),
                    "guid": _guid(source),
                    "code": code,
                    "parent": parent,
                    "path": path,
                    "coder": self.users.get(user),
                    "coded_at": coding.get("creationDateTime") or element.get("creationDateTime"),
                    "start": start,
                    "end": end,
                    "text": text,
                }

    def _places(
        self, element: _Element, selections: list[_Element], title: str
    ) -> list[tuple[int | None, int | None, str | None]]:
        """Start, end and text of passages; whether the tool counts letters or UTF-16 units is told from the texts."""
        text = self._text(element)
        spans = [(_whole(s.get("startPosition")), _whole(s.get("endPosition"))) for s in selections]
        if text is None:
            if selections:
                self.notes.append(f"source {title!r} comes without its text: the places of its codings are not checked")
            return [(start, end, None) for start, end in spans]
        named = [
            (span, s.get("name")) for span, s in zip(spans, selections, strict=True) if (s.get("name") or "").strip()
        ]
        units = _units(text, named, self.root.get("origin") or "")
        if units is None:
            self.notes.append(f"in source {title!r} the places of codings do not fit the words they name")
            units = range(len(text) + 1)
        placed = [_letters(units, start, end) for start, end in spans]
        if any(start is None for start, _ in placed):
            self.notes.append(f"codings beyond the end of source {title!r}")
        return [(a, b, None if a is None or b is None else text[a:b]) for a, b in placed]

    def _text(self, element: _Element) -> str | None:
        path = element.get("plainTextPath")
        if path is None:
            inside = next(_children(element, "PlainTextContent"), None)
            return None if inside is None else inside.text
        scheme, _, name = path.rpartition("://")
        if scheme not in ("", "internal") or name != Path(name).name or "\\" in name:
            expected = "texts inside the project file"
            raise _refused(self.path, "a text outside the project file", expected, "export with sources included")
        content = self.texts.get(name.lower())
        return None if content is None else content.decode("utf-8-sig", "replace")


def _before_colons(name: str) -> str | None:
    """Return the parent in a flat codebook, which writes it before two colons."""
    return name.partition("::")[0] if "::" in name else None


def _value(value: _Element, variables: dict[str, str | None]) -> tuple[str | None, str | None]:
    name = next((variables.get(_guid(ref, "targetGUID")) for ref in _children(value, "VariableRef")), None)
    return name, next((child.text for child in value if _name(child).endswith("Value")), None)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else None


def _units(text: str, named: list[tuple[tuple[int | None, int | None], str]], origin: str) -> list[int] | range | None:
    """Return the letter at which each counted unit (letter, or UTF-16 unit) begins; None where neither fits.

    The words that passages are named after decide; without any, NVivo counts UTF-16 units and the others letters.
    """
    letters = range(len(text) + 1)
    if len(text) == len(text.encode("utf-16-le")) // 2:
        wide: list[int] | range = letters
    else:
        wide = [at for at, letter in enumerate(text) for _ in range(2 if ord(letter) > 0xFFFF else 1)] + [len(text)]
    for units in (letters, wide):
        if named and all(_says(text, _letters(units, *span), words) for span, words in named):
            return units
    if named:
        return None
    return wide if origin.lower().startswith("nvivo") else letters


def _says(text: str, place: tuple[int | None, int | None], words: str) -> bool:
    """Whether a passage is what it is named after (tools shorten long names)."""
    start, end = place
    return start is not None and end is not None and text[start:end].startswith(words.rstrip(".… "))


def _letters(units: list[int] | range, start: int | None, end: int | None) -> tuple[int | None, int | None]:
    if start is None or end is None or not 0 <= start <= end < len(units):
        return None, None
    return units[start], units[end]


def _segments(rows: list[dict[str, object]], case_of: dict[str, str]) -> pd.DataFrame:
    """Return the table of segments: texts become lengths and hashes."""
    table = pd.DataFrame(rows, columns=[*SEGMENT_COLUMNS[:-2], "guid", "text"])
    table["case"] = table["guid"].map(case_of)
    table["text_hash"] = [None if pd.isna(text) else _hash(text) for text in table["text"]]
    for name in ("start", "end"):
        table[name] = table[name].astype("Int64")
    table["length"] = table["end"] - table["start"]
    return table[list(SEGMENT_COLUMNS)].drop_duplicates(ignore_index=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_qualcoder(path: Path) -> Project:
    """QualCoder keeps a project in SQLite; it is opened read-only."""
    query = """
        select s.name as source, c.name as code, k.name as parent, t.owner as coder, t.date as coded_at,
               t.pos0 as start, t.pos1 as "end", t.seltext as text, s.id as guid
        from code_text t join code_name c on c.cid = t.cid join source s on s.id = t.fid
             left join code_cat k on k.catid = c.catid
        order by s.id, t.ctid"""
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True) as database:
            database.set_progress_handler(lambda: 1, 200_000_000)  # a hostile view ends instead of running on
            coded = pd.read_sql_query(query, database)
            codes = pd.read_sql_query(
                "select c.name as code, k.name as parent, c.memo as definition from code_name c "
                "left join code_cat k on k.catid = c.catid order by c.cid",
                database,
            )
            parents = pd.read_sql_query(
                "select c.name as code, k.name as parent, c.memo as definition from code_cat c "
                "left join code_cat k on k.catid = c.supercatid order by c.catid",
                database,
            )
            texts = dict(database.execute("select id, fulltext from source"))
            cases = _qualcoder_cases(database)
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        expected = "a QualCoder project (data.qda)"
        raise _refused(path, "a database of another kind", expected, "save the project again in QualCoder") from error
    finally:
        if "database" in locals():
            database.close()
    wrong = [
        str(texts[g] or "")[a:b] != t for g, a, b, t in coded[["guid", "start", "end", "text"]].itertuples(index=False)
    ]
    notes = (f"{sum(wrong)} codings whose words are not where they say",) if any(wrong) else ()
    coded["path"] = [
        code if parent is None else f"{parent} / {code}"
        for parent, code in zip(coded["parent"], coded["code"], strict=True)
    ]
    codebook = pd.concat([codes.assign(codable=True), parents.assign(codable=False)], ignore_index=True)
    segments = _segments(coded.to_dict("records"), dict(zip(cases["guid"], cases["case"], strict=True)))
    return Project(segments, codebook[list(CODEBOOK_COLUMNS)], cases[list(CASE_COLUMNS)], notes)


def _qualcoder_cases(database: sqlite3.Connection) -> pd.DataFrame:
    """One row per case, source and attribute; which text is whose stands in a table that old projects lack."""
    tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
    if "case_text" not in tables:
        return pd.DataFrame(columns=[*CASE_COLUMNS, "guid"])
    return pd.read_sql_query(
        """
        select distinct c.name as "case", s.name as source, a.name as variable, a.value as value, s.id as guid
        from cases c join case_text t on t.caseid = c.caseid join source s on s.id = t.fid
             left join attribute a on a.id = c.caseid and a.attr_type = 'case'
        order by c.caseid, s.id, a.attrid""",
        database,
    )
