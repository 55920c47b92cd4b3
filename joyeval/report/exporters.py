"""Executed notebooks to finished reports, by `write` or by nbconvert (`jupyter nbconvert --to joyeval-html`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbconvert.exporters import Exporter
from traitlets import default

from joyeval.report import html
from joyeval.report.document import document

if TYPE_CHECKING:
    from nbformat import NotebookNode


class HTMLExporter(Exporter):
    """One self-contained HTML file."""

    export_from_notebook = "joyeval report (HTML)"
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **options: Any) -> tuple[str, dict[str, Any]]:
        """Return the page and the resources of nbconvert."""
        notebook, resources = super().from_notebook_node(nb, resources, **options)
        return html.page(document(notebook)), resources
