"""What to cite for a result: the references in the docstrings of its class and of the functions that return it."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import cleandoc, getmembers, isfunction
from itertools import pairwise
from typing import TYPE_CHECKING

from joyeval._version import __version__

if TYPE_CHECKING:
    from joyeval.result import Result

LIBRARY = f"joyeval {__version__}"
YEAR = re.compile(r"\(\d{4}\)")
SECTION = re.compile(r"^References\n-+\n(.*?)(?=\n\n\S[^\n]*\n-{3,}|\Z)", re.S | re.M)
# Authors and year, after the end of another reference.
BEGIN = re.compile(r"(?:[;.]|doi:\S+) ([A-Z][^;.()]*?(?: et al\. )?\(\d{4}\))")


def sources(found: Result) -> list[str]:
    """Return the references of the class of a result and of the functions that return it, each once, a line each.

    Of a result that names its design, those of the function of this name.

    Examples
    --------
    >>> from joyeval.models import meta_analysis
    >>> sources(meta_analysis([0.1, 0.3], [0.1, 0.1]))[0]
    'Viechtbauer (2005), J. Educ. Behav. Stat. 30(3), 261-293, doi:10.3102/10769986030003261 (REML)'
    """
    kind = type(found)
    home, package = (import_module(name) for name in (kind.__module__, kind.__module__.rpartition(".")[0]))
    made = {name: function for place in (home, package) for name, function in getmembers(place, isfunction)}
    returning = {
        name: function
        for name, function in made.items()
        if not name.startswith("_") and kind.__name__ in str(function.__annotations__.get("return", ""))
    }
    design = str(getattr(found, "design", "")).replace("-", "_").replace(" ", "_")
    asked = [returning[design]] if design in returning else list(returning.values())
    return list(dict.fromkeys(one for place in (kind, *asked, home) for one in references(place.__doc__ or "")))


def references(docstring: str) -> list[str]:
    """Return the entries of the section References: one begins with its authors and a year.

    Examples
    --------
    >>> doc = "Do it." + chr(10) * 2 + "References" + chr(10) + "-" * 10 + chr(10)
    >>> references(doc + "A (2001) doi:10.1/a (rules); B, C & D (2002), J. Stat. 3(1). E et al. (2003) doi:10.1/e.")
    ['A (2001) doi:10.1/a (rules)', 'B, C & D (2002), J. Stat. 3(1)', 'E et al. (2003) doi:10.1/e']
    """
    section = SECTION.search(cleandoc(docstring))
    if not section:
        return []
    text = " ".join(section[1].split())
    begins = [0, *(match.start(1) for match in BEGIN.finditer(text)), len(text)]
    entries = (text[begin:end].strip(" ;.") for begin, end in pairwise(begins))
    return [entry for entry in entries if YEAR.search(entry)]
