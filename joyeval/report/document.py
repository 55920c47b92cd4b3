"""An executed notebook becomes a document: its blocks in order, numbered, with anchors.

Only what notebooks emit as blocks and what stands in Markdown cells enters. Printed text, warnings, raw cells and
other outputs stay behind: they may hold paths, or words of a respondent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from joyeval.errors import StepError
from joyeval.figures.text import clean
from joyeval.report import blocks
from joyeval.report.blocks import LINKS, MIME, Block, Figure, Heading, Items, Note, Run, Table, Text, Title
from joyeval.report.explain import explained, in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HIDDEN = {"remove_cell", "remove-cell"}  # tags of cells whose outputs stay out


@dataclass(frozen=True)
class Document:
    """A title page and the blocks after it; tables and figures are numbered, headings have anchors."""

    title: Title
    blocks: tuple[Block, ...]

    @property
    def contents(self) -> tuple[Heading, ...]:
        """The headings that the contents list names."""
        return tuple(block for block in self.blocks if isinstance(block, Heading) and block.level < 4)


def document(notebook: Mapping[str, Any], audience: str = "public", readers: str = "") -> Document:
    """Return the document of an executed notebook (nbformat 4), as one audience reads it; of teams, one team."""
    found = list(_found(notebook, {"audience": audience} | ({"readers": readers} if readers else {})))
    heads = [block for block in found if isinstance(block, Heading) and block.level == 1]
    named = next((block for block in found if isinstance(block, Title)), None)
    head = named or Title(title=heads[0].text if heads else "Report")
    body = [block for block in found if not isinstance(block, Title) and block not in heads]
    return Document(head, tuple(_numbered(explained(in_words(tuple(body), head.names)))))


def readers_of(notebook: Mapping[str, Any], audience: str) -> tuple[str, ...]:
    """Return who of an audience is spoken to in an executed notebook, such as the teams, in order."""
    outputs = (output for cell in notebook["cells"] for output in cell.get("outputs", ()))
    said = (output.get("metadata", {}).get("joyeval", {}) for output in outputs)
    return tuple(dict.fromkeys(one["readers"] for one in said if one.get("audience") == audience))


def _found(notebook: Mapping[str, Any], of: Mapping[str, str]) -> Iterator[Block]:
    for position, cell in enumerate(notebook["cells"], start=1):
        if HIDDEN & set(cell.get("metadata", {}).get("tags", ())):
            continue
        if cell["cell_type"] == "markdown":
            yield from markdown("".join(cell["source"]))  # on disk a list of lines
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                raise StepError(f"cell {position} of the notebook failed ({output['ename']}); run it again first")
            about = of | output.get("metadata", {}).get("joyeval", {})
            if MIME in output.get("data", {}) and of.items() <= about.items():
                yield blocks.read(output["data"][MIME])


def _numbered(body: Iterable[Block]) -> Iterator[Block]:
    """Return tables and figures with numbers, headings with anchors and without gaps in their levels."""
    tables = figures = 0
    level, taken = 1, set[str]()
    for block in body:
        match block:
            case Table():
                tables += 1
                yield replace(block, number=tables)
            case Figure():
                figures += 1
                yield replace(block, number=figures)
            case Heading():
                level = min(block.level, level + 1)
                yield replace(block, level=level, anchor=_anchor(block.text, taken))
            case _:
                yield block


def _anchor(text: str, taken: set[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
    anchor = next(name for name in chain([slug], (f"{slug}-{i}" for i in count(2))) if name not in taken)
    taken.add(anchor)
    return anchor


def markdown(source: str) -> Iterator[Block]:
    """Return the blocks of Markdown text: headings, paragraphs, lists, quotes; HTML in it is left out."""
    import mistune

    for token in mistune.create_markdown(renderer=None)(source):
        yield from _block(token)


def _block(token: dict[str, Any]) -> Iterator[Block]:
    children = token.get("children", ())
    match token["type"]:
        case "heading":
            yield Heading(_words(children), token["attrs"]["level"])
        case "paragraph":
            yield Text(_runs(children))
        case "block_quote":
            yield Note(tuple(_runs(part["children"]) for part in children if part["type"] == "paragraph"))
        case "list":
            entries = tuple(_runs(_leaves(item)) for item in children)
            yield Items(entries, ordered=token["attrs"]["ordered"])
        case "block_code":
            yield Text(blocks.plain(token["raw"]))


def _leaves(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Inline tokens of a list item; a list within it runs on in the same line."""
    for child in item["children"]:
        if child["type"] in ("block_text", "paragraph"):
            yield from child["children"]
        else:
            yield {"type": "text", "raw": " "}
            yield from (leaf for nested in child.get("children", ()) for leaf in _leaves(nested))


def _runs(tokens: Iterable[dict[str, Any]], **look: Any) -> tuple[Run, ...]:
    return tuple(run for token in tokens for run in _run(token, look))


def _run(token: dict[str, Any], look: dict[str, Any]) -> tuple[Run, ...]:
    match token["type"]:
        case "strong":
            return _runs(token["children"], **look | {"bold": True})
        case "emphasis":
            return _runs(token["children"], **look | {"italic": True})
        case "link":
            url = token["attrs"]["url"]
            return _runs(token["children"], **look | ({"link": url} if url.lower().startswith(LINKS) else {}))
        case "text" | "codespan":
            return (Run(_inline(token["raw"]), **look),)
        case "softbreak" | "linebreak":
            return (Run(" ", **look),)
        case "inline_html" | "image":
            return ()
        case _:
            return _runs(token.get("children", ()), **look)


def _inline(text: str) -> str:
    """Clean a text but keep the space at its ends, where the next run follows."""
    return f"{' ' * text[:1].isspace()}{clean(text)}{' ' * (text[-1:].isspace() and bool(text.strip()))}"


def _words(tokens: Iterable[dict[str, Any]]) -> str:
    return clean("".join(run.text for run in _runs(tokens)))
