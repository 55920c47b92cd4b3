"""One executed notebook, three finished files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from joyeval.errors import UsageError
from joyeval.light_imports import skip_iri_grammar
from joyeval.report.document import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joyeval.report.document import Document

FORMATS = ("html", "pdf", "docx")


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
