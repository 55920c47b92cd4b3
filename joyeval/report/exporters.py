"""The three writers as nbconvert exporters: `jupyter nbconvert --to joyeval-html|joyeval-pdf|joyeval-docx`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbconvert.exporters import Exporter
from traitlets import Unicode

from joyeval.report.document import document
from joyeval.report.writers import render

if TYPE_CHECKING:
    from nbformat import NotebookNode


class _ReportExporter(Exporter):
    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **options: Any
    ) -> tuple[bytes, dict[str, Any]]:
        """Return the file and what nbconvert keeps beside it."""
        notebook, resources = super().from_notebook_node(nb, resources, **options)
        return self._render(notebook), resources

    def _render(self, notebook: NotebookNode) -> bytes:
        return render(document(notebook), self.file_extension.lstrip("."))


class HTMLExporter(_ReportExporter):
    """One self-contained HTML file, without script or request."""

    export_from_notebook = "Report (HTML)"
    output_mimetype = "text/html"
    file_extension = Unicode(".html").tag(config=True)


class PDFExporter(_ReportExporter):
    """A tagged PDF (A4, PDF/UA-1)."""

    export_from_notebook = "Report (PDF)"
    output_mimetype = "application/pdf"
    file_extension = Unicode(".pdf").tag(config=True)


class WordExporter(_ReportExporter):
    """A Word document."""

    export_from_notebook = "Report (Word)"
    output_mimetype = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    file_extension = Unicode(".docx").tag(config=True)
    word_template = Unicode("", help="A DOCX whose styles, margins, header and footer are used.").tag(config=True)

    def _render(self, notebook: NotebookNode) -> bytes:
        return render(
            document(notebook), "docx", word_template=Path(self.word_template) if self.word_template else None
        )
