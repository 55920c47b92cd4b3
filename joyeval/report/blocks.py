"""The parts of a document: what notebooks emit and what the writers read.

A block is frozen and holds finished text: numbers are formatted once, here, so that HTML, PDF and DOCX cannot differ.
It travels in the executed notebook as JSON under its own MIME type; nothing is read back from HTML.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from joyeval.disclosure.prose import inexact
from joyeval.disclosure.rule import in_section, reader
from joyeval.disclosure.shown import opened
from joyeval.disclosure.words import spoken, titled
from joyeval.errors import UsageError
from joyeval.figures.text import clean, minus
from joyeval.report.held import hold

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pydantic import TypeAdapter

    from joyeval.disclosure import Shown
    from joyeval.exhibits import Exhibit

LINKS = ("https://", "http://", "mailto:", "#")
MIME = "application/vnd.joyeval.block+json"
DATA_ROWS = 60  # a figure's data are shown beside it up to this many rows; longer tables belong in a file


class _Shown:
    """Shown by JupyterLab as HTML, read by the writers as JSON."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from joyeval.report.html import fragment

        return {"text/html": fragment(self), "text/plain": f"<{type(self).__name__}>", MIME: dump(self)}


@dataclass(frozen=True)
class Run:
    """A stretch of text in one look; `meaning` explains a word where the report first uses it.

    Only Markdown cells, which an author writes, set the look.
    """

    text: str
    bold: bool = False
    italic: bool = False
    link: str = ""
    meaning: str = ""

    def __post_init__(self) -> None:
        if self.link and not self.link.lower().startswith(LINKS):
            raise ValueError(f"a link must begin with one of {LINKS}")


@dataclass(frozen=True)
class Title(_Shown):
    """What stands on the title page."""

    title: str
    subtitle: str = ""
    cohort: str = ""
    data_as_of: str = ""
    version: str = ""
    language: str = "en"
    names: tuple[str, ...] = ()
    readers: str = ""
    kind: Literal["title"] = "title"


@dataclass(frozen=True)
class Heading(_Shown):
    """A heading below the title (level 1)."""

    text: str
    level: int = 2
    new_page: bool = False
    anchor: str = ""
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True)
class Text(_Shown):
    """A paragraph."""

    runs: tuple[Run, ...]
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Note(_Shown):
    """One caveat or more that a reader must see, in one box."""

    items: tuple[tuple[Run, ...], ...]
    kind: Literal["note"] = "note"


@dataclass(frozen=True)
class Items(_Shown):
    """A list."""

    items: tuple[tuple[Run, ...], ...]
    ordered: bool = False
    kind: Literal["items"] = "items"


@dataclass(frozen=True)
class Column:
    """Heading of a column in plain words; numbers stand to the right."""

    label: str
    numeric: bool = False


@dataclass(frozen=True)
class Table(_Shown):
    """A table of finished text; the first `header_columns` columns name the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    header_columns: int = 1
    footnotes: tuple[str, ...] = ()
    number: int = 0
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Figure(_Shown):
    """A picture with its description in words, and its data where they are short."""

    alt: str
    caption: str
    svg: str = field(repr=False)
    png: str = field(repr=False)
    width_mm: float
    height_mm: float
    data: Table | None = None
    number: int = 0
    kind: Literal["figure"] = "figure"

    @property
    def address(self) -> str:
        """The drawing as a data address; a picture in an img element cannot run anything."""
        return "data:image/svg+xml;base64," + b64encode(self.svg.encode()).decode()


@dataclass(frozen=True)
class Glossary(_Shown):
    """The place of the list of words used; with it in a report, words are also explained at their first use."""

    heading: str
    caption: str
    word: str
    meaning: str
    kind: Literal["glossary"] = "glossary"


Block = Title | Heading | Text | Note | Items | Table | Figure | Glossary


def read(stored: dict[str, Any]) -> Block:
    """Return the block that `dump` wrote.

    Raises
    ------
    UsageError
        What is stored is no block of this version.
    """
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(stored)
    except ValidationError as problem:
        parts = sorted({".".join(map(str, error["loc"])) for error in problem.errors()})
        raise UsageError(
            f"a stored block of the report cannot be read ({', '.join(parts) or 'kind'}): it was written by another "
            "version of joyeval. Run the notebook again (joyeval run --force)."
        ) from None


def dump(block: Block | _Shown) -> dict[str, Any]:
    """Return the block as JSON values."""
    return _adapter().dump_python(block, mode="json")


@cache
def _adapter() -> TypeAdapter[Block]:
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[Block, Field(discriminator="kind")])


def title(
    title: str,
    *,
    subtitle: str = "",
    cohort: str = "",
    data_as_of: date | str = "",
    version: str = "",
    language: str = "en",
    names: Iterable[str] = (),
    readers: str = "",
) -> None:
    """Emit the title page.

    Parameters
    ----------
    data_as_of : date or str
        The day after which nothing was added to the data.
    version : str
        Version of joyeval, or of the report.
    language : str
        Language of the document, a file in messages/.
    names : iterable of str
        Keys of waves and processes, which the document says in words: "1-baseline" as "Baseline".
    readers : str
        For whom it is, where not for everyone; stands on every page.
    """
    as_of = data_as_of if isinstance(data_as_of, str) else f"{data_as_of.day} {data_as_of:%B %Y}"
    emit(
        Title(
            _required(title, "report.title", "title"),
            clean(subtitle),
            clean(cohort),
            clean(as_of),
            clean(version),
            language,
            tuple(names),
            clean(readers),
        )
    )


def heading(text: str, *, level: int = 2, new_page: bool = False) -> None:
    """Emit a heading; level 2 begins a section, levels 3 and 4 stand within it."""
    if level not in (2, 3, 4):
        raise UsageError(f"report.heading: level {level}; a section is level 2, parts of it 3 and 4")
    emit(Heading(_required(text, "report.heading", "text"), level, new_page))


def text(*paragraphs: str) -> None:
    """Emit one paragraph for each text; the text is shown as it is, never read as markup.

    Parameters
    ----------
    *paragraphs : Said or str
        What says a number of people comes from `Shown.say` or `Shown.sentence`; a plain text has no number.
    """
    for paragraph in paragraphs:
        hold("text", paragraph)
        emit(Text(plain(spoken(paragraph, "report.text"))))


def note(*texts: str) -> None:
    """Emit a caveat that a reader must see, or several in one box."""
    if texts:
        emit(Note(tuple(plain(spoken(text, "report.note")) for text in texts)))


def items(texts: Iterable[str], *, ordered: bool = False) -> None:
    """Emit a list."""
    emit(Items(tuple(plain(spoken(item, "report.items")) for item in texts), ordered))


def result(result: Shown) -> None:
    """Emit the sentence of a result and its caveats."""
    opened(result, "report.result")
    text(result.sentence())
    note(*result.notes)


def table(data: Shown, *, caption: str, **layout: Any) -> None:
    """Emit a table; one that is mostly hidden is said in a sentence.

    Parameters
    ----------
    data : Shown
        One row per row shown; a named index becomes the first columns.
    caption : str
        What the table shows; refused if empty.
    **layout
        `labels`, `units`, `formats`, `footnotes`, `header_columns`: see `joyeval.report.tables.layout`.
    """
    from joyeval.report.tables import layout as lay_out

    said = _required(caption, "report.table", "caption: say what the table shows")
    block = lay_out(data, caption=said, **layout)
    hold("table", data)
    emit(_hidden(said, data) if data.mostly_hidden else block, data)


def figure(fig: Any, *, alt: str, caption: str, data: Shown | None = None, **layout: Any) -> None:
    """Emit a figure; one that is mostly hidden is said in a sentence.

    Parameters
    ----------
    fig : Figure or Axes
        What to show, as drawn from a `Shown`.
    alt : str
        One or two sentences for who cannot see it: kind of chart, what against what, the main finding.
    caption : str
        What stands below it.
    data : Shown, optional
        The numbers drawn; up to 60 rows are shown with the figure in HTML.
    **layout
        How the data are shown: see `joyeval.report.tables.layout`.
    """
    from joyeval.figures.door import made_from
    from joyeval.figures.render import pictures
    from joyeval.report.tables import layout as lay_out

    shown = max(made_from(fig, "report.figure"), key=lambda one: len(one.mask))
    spoken(alt, "report.figure (alt)")
    said = _required(alt, "report.figure", "alt text: say the kind of chart, what it compares and what it shows")
    below = _required(caption, "report.figure", "caption")
    if shown.mostly_hidden:
        emit(_hidden(below, shown), shown)
        return
    table = None if data is None else lay_out(data, caption=f"Data of the figure: {below}", **layout)
    short = table if table and len(table.rows) <= DATA_ROWS else None
    emit(Figure(alt=said, caption=below, data=short, **pictures(fig)), shown)


def exhibit(shown: Exhibit) -> None:
    """Emit an exhibit: its figure, with its words."""
    hold("exhibit", shown)
    beside = {} if shown.beside is None else {"data": shown.data, **shown.beside}
    figure(shown.figure, alt=shown.alt, caption=shown.caption, **beside)


def glossary(*, language: str = "en") -> None:
    """Emit the place of the list of words used; see `joyeval.report.explain`."""
    from joyeval.report.messages import catalogue

    say = catalogue(language)
    emit(Glossary(say("headings.glossary"), *(say(f"glossary.{name}") for name in ("caption", "word", "meaning"))))


def plain(text: str) -> tuple[Run, ...]:
    """Return text as it is, in one run."""
    return (Run(minus(inexact(clean(text)))),)


def _required(text: str, call: str, what: str) -> str:
    if not clean(text):
        raise UsageError(f"{call}: no {what}")
    return minus(inexact(clean(titled(text, call))))


def _hidden(what: str, shown: Shown) -> Text:
    return Text(plain(f"Not shown: {what}. More than half of it rests on {shown.rule.too_little}."))


def emit(block: Block, shown: Shown | None = None) -> None:
    """Display a block for those who are read for here, with what it hides from them."""
    from IPython.display import display

    about = {"audience": reader().audience, "readers": reader().readers} if in_section() else {}
    if shown is not None and not shown.counts:
        about |= {"asked": shown.asked, "hidden": len(shown.mask), "merged": shown.merged}
        about |= {"sentence": shown.mostly_hidden}
    display(block, metadata={"joyeval": about})
