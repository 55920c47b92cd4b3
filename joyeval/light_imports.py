"""Imports that would cost more than what is done with them."""

from __future__ import annotations

import sys
from contextlib import suppress

GRAMMAR = "rfc3987_syntax"


def skip_iri_grammar() -> None:
    """Import jsonschema without the grammar of internationalised web addresses; call it before nbformat is imported.

    jsonschema tries rfc3987-syntax, which Jupyter's packages bring along, and that builds a parser at import: more
    than a second in every process that opens a notebook, to judge a format that no notebook holds. jsonschema does
    without it where it is not installed, and so it does here; whoever imports it by name still gets it.
    """
    if "jsonschema" in sys.modules:
        return
    sys.modules.setdefault(GRAMMAR, None)
    with suppress(ImportError):
        import jsonschema  # noqa: F401
    if sys.modules.get(GRAMMAR, ...) is None:
        del sys.modules[GRAMMAR]
