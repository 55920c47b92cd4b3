"""One executed notebook, three finished files."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

from joyeval.errors import UsageError
from joyeval.light_imports import skip_iri_grammar
from joyeval.report.document import document, readers_of
from joyeval.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joyeval.report.document import Document

FORMATS = ("html", "pdf", "docx")
SHEET_FORMATS = ("html", "pdf")
LONGEST = 60  # letters of a file name made of the name of a team
UNCLEAR = re.compile(r"|con|prn|aux|nul|com\d|lpt\d")  # nothing left of it, or kept by Windows for itself


def write(
    notebook: Path | str,
    folder: Path | str,
    *,
    name: str = "report",
    formats: Iterable[str] = FORMATS,
    word_template: Path | None = None,
    audience: str = "public",
) -> tuple[Path, ...]:
    """Write the report of an executed notebook; the same bytes each time.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it is not there.
    name : str
        Name of the files without ending.
    formats : iterable of str
        Of "html", "pdf", "docx".
    word_template : Path, optional
        A template of one's own for Word; see `house_template`.
    audience : str
        Whose edition.

    Returns
    -------
    tuple of Path
        The files, in the order of `formats`.

    Raises
    ------
    StepError
        A cell of the notebook failed.
    UsageError
        An unknown format, or a Word template without the styles needed.
    """
    skip_iri_grammar()
    import nbformat

    wanted = tuple(formats)
    unknown = sorted(set(wanted) - set(FORMATS))
    if unknown:
        raise UsageError(f"report formats {unknown}: choose from {FORMATS}")
    made = document(nbformat.read(notebook, as_version=4), audience)
    files = tuple(Path(folder) / f"{name}.{kind}" for kind in wanted)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for file, kind in zip(files, wanted, strict=True):
        file.write_bytes(render(made, kind, word_template=word_template))
    return files


def write_sheets(notebook: Path | str, folder: Path | str) -> tuple[Path, ...]:
    """Write what an executed notebook says to each team as one HTML page and PDF, named like the team.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    StepError
        A cell of the notebook failed.
    """
    skip_iri_grammar()
    import nbformat

    executed = nbformat.read(notebook, as_version=4)
    teams = readers_of(executed, "team")
    made = []
    for team, name in zip(teams, file_names(teams), strict=True):
        sheet = document(executed, "team", readers=team)
        made += [(Path(folder) / f"{name}.{kind}", render(sheet, kind)) for kind in SHEET_FORMATS]
    for path, content in made:
        write_whole(path, content, private=True)
    return tuple(path for path, _ in made)


def file_names(names: Sequence[str]) -> list[str]:
    """Return for each name one that every file system takes; names that would look alike get a few letters more.

    Examples
    --------
    >>> file_names(["Ward 7", "Équipe de nuit / 2"])
    ['ward-7', 'equipe-de-nuit-2']
    """
    plain = [_file_name(name) for name in names]
    clear = [plain.count(name) == 1 and not UNCLEAR.fullmatch(name) for name in plain]
    more = [sha256(name.encode()).hexdigest()[:8] for name in names]
    told = zip(plain, clear, more, strict=True)
    return [name if good else f"{name or 'team'}-{letters}" for name, good, letters in told]


def _file_name(name: str) -> str:
    letters = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", letters))[:LONGEST]


def render(document: Document, kind: str, *, word_template: Path | None = None) -> bytes:
    """Return the document in one format."""
    match kind:
        case "html":
            from joyeval.report.html import page

            return page(document).encode("utf-8")
        case "pdf":
            from joyeval.report.pdf import pdf

            return pdf(document)
        case _:
            from joyeval.report.word import word

            return word(document, template=word_template)
