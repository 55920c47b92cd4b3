"""YAML without surprises: what YAML 1.1 would quietly turn into something else is refused, with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from joyeval.errors import Problem, StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import yaml

LONGEST = 2_000_000  # characters; a study file is a few thousand
DEEPEST = 50  # levels of keys and lists within each other; a study file has five

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?|[-+]?(0|[1-9][0-9]*)", re.I)
_PLAIN_WORDS = {"true": True, "false": False, "null": None, "": None}

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """Plain data of a file, and the line on which each key or item stands."""

    name: str
    data: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """Line of the key at `path`, or of the nearest key above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, path: KeyPath, *, found: str, expected: str, fix: str, rule: str) -> Problem:
        """Return a problem placed on the line of `path`."""
        return Problem(self.name, found, expected, fix, row=self.line(path), column=dotted(path), rule=rule)


def dotted(path: KeyPath) -> str:
    """Write a path as people read it.

    Examples
    --------
    >>> dotted(("waves", 0, "columns"))
    'waves[1].columns'
    """
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file into plain data: mappings, tuples, text, numbers, true/false and dates.

    Raises
    ------
    StudyError
        Every place that is not plain: duplicate keys, aliases, tags, and bare words or numbers that
        YAML 1.1 reads as something else (``NO``, ``12:30``, ``010``).
    """
    import yaml

    name = path.name
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise StudyError(
            [Problem(name, "no such file", f"a YAML file at {path}", "check the path", rule="missing")]
        ) from None
    except OSError as error:
        fix = "check the path and who may read it"
        raise StudyError([Problem(name, f"{error.strerror}".lower(), "a file to read", fix, rule="missing")]) from None
    except UnicodeDecodeError:
        problem = Problem(name, "text that is not UTF-8", "UTF-8", "save the file as UTF-8", rule="encoding")
        raise StudyError([problem]) from None
    if len(text) > LONGEST:
        raise StudyError(
            [Problem(name, f"{len(text)} characters", f"at most {LONGEST}", "split the study", rule="size")]
        )
    try:
        aliases, root = _tree(name, text)
    except yaml.MarkedYAMLError as error:
        raise StudyError([_syntax(name, error)]) from None
    except yaml.YAMLError:
        problem = Problem(name, "characters that YAML does not allow", "plain text", "remove them", rule="syntax")
        raise StudyError([problem]) from None
    reader = _Reader(name)
    data = None if root is None else reader.build(root, ())
    if aliases or reader.problems:
        raise StudyError([*aliases, *reader.problems])
    return YamlFile(name, data, reader.lines)


def _tree(name: str, text: str) -> tuple[list[Problem], yaml.Node | None]:
    """Return the aliases in a text, each a problem, and without any its tree.

    The parser written in C takes a tenth of the time; what it cannot read, the other one explains better.
    """
    import yaml

    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        aliases = [_alias(name, event) for event in _not_too_deep(name, yaml.parse(text, Loader=quick))]
        return aliases, None if aliases else yaml.compose(text, Loader=quick)
    except yaml.MarkedYAMLError:
        return [], yaml.compose(text, Loader=yaml.SafeLoader)


class _Reader:
    """Walks the tree once, noting lines and problems as it builds plain data."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        import yaml

        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.build(item, (*path, i)) for i, item in enumerate(node.value))
        return self._scalar(node, path)

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            if key in seen:
                self._refuse(
                    key_node, here, f"the key {key!r} twice", "each key once", "keep one of them", "duplicate key"
                )
            seen.add(key)
            self.lines[here] = key_node.start_mark.line + 1
            yield key, self.build(value_node, here)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text = node.value
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            self._refuse(node, path, "half of a character", "text", "write it again", "surrogate")
            return ""
        if node.style:  # quoted or block text
            return text
        if node.tag == "tag:yaml.org,2002:str":
            return text
        if text in _PLAIN_WORDS:
            return _PLAIN_WORDS[text]
        if node.tag.endswith(":int") and _INTEGER.fullmatch(text):
            return int(text)
        if node.tag.endswith(":float") and _NUMBER.fullmatch(text):
            return float(text)
        if node.tag.endswith(":timestamp") and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return self._date(node, path)
        found = f"{text} without quotes, which YAML reads as something else"
        self._refuse(node, path, found, "text in quotes, true, false or a plain number", f'write "{text}"', "bare word")
        return text

    def _date(self, node: yaml.ScalarNode, path: KeyPath) -> date | str:
        try:
            return date.fromisoformat(node.value)
        except ValueError:
            self._refuse(node, path, f"{node.value}, which is no day", "a day as YYYY-MM-DD", "correct the day", "date")
            return node.value

    def _refuse(self, node: yaml.Node, path: KeyPath, found: str, expected: str, fix: str, rule: str) -> None:
        row = node.start_mark.line + 1
        self.problems.append(Problem(self.name, found, expected, fix, row=row, column=dotted(path), rule=rule))


def _not_too_deep(name: str, events: Iterator[yaml.Event]) -> Iterator[yaml.AliasEvent]:
    """Yield the aliases among events; stop where keys and lists stand too deep within each other."""
    import yaml

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            found, row = "keys or lists within each other, too deep", event.start_mark.line + 1
            raise StudyError([Problem(name, found, "a few levels", "write it plainly", row=row, rule="syntax")])
        if isinstance(event, yaml.AliasEvent):
            yield event


def _alias(name: str, event: yaml.AliasEvent) -> Problem:
    fix = "write the value out in full"
    return Problem(name, "an alias (*name)", "plain values", fix, row=event.start_mark.line + 1, rule="alias")


def _syntax(name: str, error: yaml.MarkedYAMLError) -> Problem:
    row = error.problem_mark.line + 1 if error.problem_mark else None
    found = f"text that is not YAML ({error.problem})"
    return Problem(name, found, "YAML", "check indentation, colons and quotes on this line", row=row, rule="syntax")
