"""Words explained where a report first uses them and listed at its end (GLOSSARY.md is the source); keys in words."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from joyeval.figures.text import titled
from joyeval.report.blocks import Column, Figure, Glossary, Heading, Items, Note, Run, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from joyeval.report.blocks import Block

SECTION = "## Words that reports explain"


@cache
def terms() -> dict[str, str]:
    """Return the words that reports explain, with their meaning."""
    source = (files("joyeval.report") / "glossary.md").read_text(encoding="utf-8")
    part = source.partition(SECTION)[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return dict(rows[2:])


def explained(blocks: Iterable[Block]) -> Iterator[Block]:
    """Mark the first use of each word in running text, and put the list of all words used where the report wants it.

    Without a `Glossary` block nothing is marked: a notebook of one's own need not explain its words.
    """
    body = list(blocks)
    if not any(isinstance(block, Glossary) for block in body):
        yield from body
        return
    used = {word for block in body for word in _words_in(block)}
    marked: set[str] = set()
    for block in body:
        match block:
            case Glossary():
                yield from _listed(block, used)
            case Text(runs):
                yield replace(block, runs=_marked(runs, marked))
            case Items() | Note():
                yield replace(block, items=tuple(_marked(runs, marked) for runs in block.items))
            case _:
                yield block


def _listed(block: Glossary, used: set[str]) -> Iterator[Block]:
    rows = tuple((word, meaning) for word, meaning in terms().items() if word in used)
    if rows:
        yield Heading(block.heading)
        yield Table(block.caption, (Column(block.word), Column(block.meaning)), rows)


def _words_in(block: Block) -> set[str]:
    match block:
        case Text(runs):
            said = " ".join(run.text for run in runs)
        case Items() | Note():
            said = " ".join(run.text for runs in block.items for run in runs)
        case Table():
            cells = [cell for row in block.rows for cell in row]
            said = " ".join([block.caption, *(column.label for column in block.columns), *cells, *block.footnotes])
        case Figure() | Heading():
            said = block.caption if isinstance(block, Figure) else block.text
        case _:
            said = ""
    return {_word(found[0]) for found in _pattern().finditer(said)}


def _marked(runs: tuple[Run, ...], marked: set[str]) -> tuple[Run, ...]:
    return tuple(part for run in runs for part in ([run] if run.link else _split(run, marked)))


def _split(run: Run, marked: set[str]) -> Iterator[Run]:
    """Cut a run at words that were not met before; what is cut keeps its look."""
    done = 0
    for found in _pattern().finditer(run.text):
        word = _word(found[0])
        if word not in marked:
            marked.add(word)
            if found.start() > done:
                yield replace(run, text=run.text[done : found.start()])
            yield replace(run, text=found[0], meaning=terms()[word])
            done = found.end()
    if done < len(run.text):
        yield replace(run, text=run.text[done:])


NOT_TEXT = {"svg", "png", "anchor", "link", "kind"}  # fields of blocks that are no words to read


def in_words(value: Any, names: Sequence[str]) -> Any:
    """Return blocks, or a text, in which keys of waves and processes are words; names of files keep theirs.

    Examples
    --------
    >>> in_words("2-end - 1-baseline in day-care, from rc_1-baseline.csv", ["1-baseline", "2-end", "day-care"])
    'End less Baseline in day care, from rc_1-baseline.csv'
    """
    keys = "|".join(re.escape(name) for name in names if "-" in name or "_" in name)
    return (
        _in_words(value, re.compile(rf"(?<![\w./-])(?:{keys})(?: - (?:{keys}))?(?![\w/-]|\.\w)", re.I))
        if keys
        else value
    )


def _in_words(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(_said, value)
    if isinstance(value, tuple):
        return tuple(_in_words(part, pattern) for part in value)
    if not is_dataclass(value):
        return value
    names = [field.name for field in fields(value) if field.name not in NOT_TEXT]
    return replace(value, **{name: _in_words(getattr(value, name), pattern) for name in names})


def _said(found: re.Match[str]) -> str:
    """Waves keep their capital letter within a sentence, processes do not."""
    words = titled(found[0])
    own = found.start() == 0 or found[0][0].isdigit() or found[0][0].isupper()
    return words if own else words[:1].lower() + words[1:]


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(terms(), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})s?(?![\w-])", re.I)


def _word(found: str) -> str:
    """Return the entry for a word as it stands in a text: any case, one or several."""
    entries = {word.casefold(): word for word in terms()}
    low = found.casefold()
    return entries.get(low) or entries[low.removesuffix("s")]
