"""The report as one HTML file: no script, no request, readable by eye, by keyboard, by screen reader and on paper."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from joyeval.report.layout import fit
from joyeval.report.messages import words

if TYPE_CHECKING:
    from jinja2 import Environment

    from joyeval.report.document import Document

# Pictures inside the file and style inside the page are all that a browser may load.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(document: Document) -> str:
    """Return the whole document as HTML."""
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            document=document,
            words=words(document.title.language),
            policy=POLICY,
            style=(files("joyeval.report") / "templates" / "report.css").read_text(encoding="utf-8"),
        )
    )


def fragment(block: Any) -> str:
    """Return one block as HTML, for JupyterLab."""
    return templates().get_template("blocks.html.j2").module.block(block, words("en"))


@cache
def templates() -> Environment:
    """Return the templates; every value put into one is escaped, for HTML and for XML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("joyeval.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.globals["fit"] = fit
    return made
