"""What a drawing tells who opens its file: words, marks and strokes with their places, read from SVG, PDF and EPS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
SPOKEN = re.compile(r"aria-|data-|title$|alt$")  # attributes that hold words
PLACE = re.compile(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)")
STROKE = re.compile(r"\s*M ([-\d.]+) ([-\d.]+)\s+L ([-\d.]+) ([-\d.]+)\s*")
MARK_OF_EPS = re.compile(r"^/(\w+) \{\s*gsave\s+newpath\s+translate\b", re.M)
WORD_OF_EPS = re.compile(r"([-\d.]+) ([-\d.]+) translate\s+[-\d.]+ rotate\s+((?:[-\d.]+ [-\d.]+ m /\w+ glyphshow\s+)+)")
STROKE_OF_EPS = re.compile(r"^([-\d.]+) ([-\d.]+) m\s+([-\d.]+) ([-\d.]+) l\s+stroke", re.M)
NUMBER = re.compile(r"[\u2212-]?\d+(\.\d+)?")
LEFT = 60.0  # points from the left edge, where the numbers of a scale stand
ACROSS = 300.0  # points; a line as long as this goes through all panels
TICK, LINE, LEVEL = 5.0, 6.0, 0.01  # length of a tick, height of a line of text, what is level
ROUND = 0.02  # how far the sides of a mark may differ, as a share
LARGEST_MARK = 12.0  # points
DEEPEST = 8  # forms within forms; one that draws itself would never end


@dataclass
class Drawing:
    """Places in points (1/72 inch), upwards from the lower edge.

    Parameters
    ----------
    words : list of (str, float, float)
        Text, and where it begins.
    marks : list of (float, float)
        Points of a chart, and ticks of its axes.
    strokes : list of (float, float, float, float)
        Straight lines from one place to another.
    said : str
        What is said of it to who does not see it: its alternative text.
    """

    words: list[tuple[str, float, float]] = field(default_factory=list)
    marks: list[tuple[float, float]] = field(default_factory=list)
    strokes: list[tuple[float, float, float, float]] = field(default_factory=list)
    said: str = ""

    def text(self) -> str:
        """Return the words, one line each."""
        return "\n".join(word for word, _, _ in self.words)

    def axis(self) -> float:
        """Return how far from the left the ticks of a scale stand, one at each of its numbers; -1 if there are none."""
        numbers = np.array([(x, y) for word, x, y in self.words if NUMBER.fullmatch(word)]).reshape(-1, 2)
        places = np.array([mark for mark in self.marks if mark[0] < LEFT]).reshape(-1, 2)
        for x in np.unique(places[:, 0]):
            heights, said = places[places[:, 0] == x, 1], numbers[numbers[:, 0] < x, 1]
            if len(heights) == len(said) and (np.abs(said[:, None] - heights).min(axis=1) < LINE).all():
                return float(x)
        return -1.0

    def scale(self) -> list[tuple[float, float]]:
        """Return height on the page and value of every number on the scale at the left, lowest first."""
        axis = self.axis()
        level = [(y, abs(to_x - x), x) for x, y, to_x, to_y in self.strokes if abs(y - to_y) < LEVEL]
        heights = [y for y, length, x in level if length > ACROSS or (length < TICK and x < LEFT)]
        heights += [y for x, y in self.marks if abs(x - axis) < TICK / 10]
        found = set()
        for word, x, y in self.words:
            close = [height for height in heights if abs(height - y) < LINE]
            if NUMBER.fullmatch(word) and x < LEFT and close:
                value = float(word.replace("\N{MINUS SIGN}", "-"))
                found.add((min(close, key=lambda height: abs(height - y - LINE / 3)), value))
        return sorted(found)

    def points(self) -> list[tuple[float, float, float]]:
        """Return place and value of every mark beside the scale at the left; none if there is no scale."""
        scale, axis = self.scale(), self.axis()
        if len(scale) < 2:
            return []
        heights = np.array([height for height, _ in scale])
        marks = np.array([mark for mark in dict.fromkeys(self.marks) if abs(mark[0] - axis) >= TICK / 10])
        marks = marks.reshape(-1, 2)
        marks = marks[marks[:, 1] > heights[0] - 1]
        at = np.clip(np.searchsorted(heights, marks[:, 1] - 1e-6), 1, len(scale) - 1)
        (floor, low), (top, high) = np.array(scale)[at - 1].T, np.array(scale)[at].T
        values = low + (high - low) * (marks[:, 1] - floor) / (top - floor)
        return list(zip(*marks.T.tolist(), values.tolist(), strict=True))


def read_drawing(source: bytes, kind: str) -> Drawing:
    """Read a drawing.

    Parameters
    ----------
    kind : str
        ".svg", ".pdf" or ".eps".
    """
    return {".svg": _svg, ".pdf": _pdf, ".eps": _eps}[kind](source)


def _svg(source: bytes) -> Drawing:
    from lxml import etree

    tree = etree.fromstring(source, etree.XMLParser(resolve_entities=False, huge_tree=True))
    height = float((tree.get("viewBox") or "0 0 0 0").split()[3])
    found = Drawing()
    for comment in tree.iter(etree.Comment):
        following = comment.getnext()
        at = PLACE.search("" if following is None else following.get("transform", ""))
        x, y = (float(at[1]), height - float(at[2])) if at else (np.nan, np.nan)
        found.words.append((comment.text.strip(), x, y))
    found.words += _texts(tree, height)
    for use in tree.iter(f"{SVG}use"):
        if use.get("x") is not None:
            found.marks.append((float(use.get("x")), height - float(use.get("y"))))
    for path in tree.iter(f"{SVG}path"):
        if line := STROKE.fullmatch(path.get("d", "")):
            x, y, to_x, to_y = map(float, line.groups())
            found.strokes.append((x, height - y, to_x, height - to_y))
    return found


def _texts(tree: Any, height: float) -> Iterator[tuple[str, float, float]]:
    """Yield all that a drawing says in letters, and what is said of its parts to who does not see them."""
    from lxml import etree

    if next(tree.iter(etree.Entity), None) is not None:
        raise ValueError("words under other names cannot be read")
    for part in tree.iter(etree.Element):
        name = etree.QName(part).localname
        at = (float(part.get("x", "nan")), height - float(part.get("y", "nan"))) if name == "text" else (np.nan, np.nan)
        said = "".join(part.itertext()) if name == "text" else part.text if name != "style" else ""
        spoken = [value for key, value in part.items() if SPOKEN.match(key)]
        for word in (said or "", *spoken):
            if word.strip():
                yield " ".join(word.split()), *at


def _eps(source: bytes) -> Drawing:
    text = source.decode("latin-1")
    found = Drawing()
    for x, y, glyphs in WORD_OF_EPS.findall(text):
        found.words.append(("".join(map(_letter, re.findall(r"/(\w+) glyphshow", glyphs))), float(x), float(y)))
    for name in set(MARK_OF_EPS.findall(text)):
        marks = re.findall(rf"^([-\d.]+) ([-\d.]+) {name}$", text, re.M)
        found.marks += [(float(x), float(y)) for x, y in marks]
    found.strokes += [tuple(map(float, ends)) for ends in STROKE_OF_EPS.findall(text)]
    return found


def _letter(glyph: str) -> str:
    from fontTools.agl import toUnicode

    return toUnicode(glyph)


def _pdf(source: bytes) -> Drawing:
    from io import BytesIO

    import pikepdf

    with pikepdf.open(BytesIO(source)) as pdf:
        return drawn_in(pdf)


def drawn_in(pdf: Any) -> Drawing:
    """Return what is drawn on the pages of an open PDF."""
    found = Drawing()
    for page in pdf.pages:
        _Reader(found, page, page.resources, np.eye(3)).read()
    return found


class _Reader:
    """Follows a page of PDF: where the next thing would be drawn, and what is drawn there."""

    def __init__(self, found: Drawing, page: Any, resources: Any, at: np.ndarray, depth: int = 0) -> None:
        from joyeval.disclosure.pdf import fonts_of

        self.found, self.page, self.resources, self.depth = found, page, resources, depth
        self.fonts = fonts_of(resources)
        self.letters: dict[int, str] = {}
        self.at, self.kept, self.text_at = at, [], (np.nan, np.nan)
        self.path: list[tuple[str, list[float]]] = []

    def read(self) -> None:
        import pikepdf

        for operands, operator in pikepdf.parse_content_stream(self.page):
            if act := getattr(self, f"_{NAMES.get(str(operator), operator)}", None):
                act(operands)

    def _q(self, _: Any) -> None:
        self.kept.append(self.at)

    def _Q(self, _: Any) -> None:  # noqa: N802 - the operator's name
        self.at = self.kept.pop() if self.kept else np.eye(3)

    def _cm(self, six: Any) -> None:
        self.at = _matrix(six) @ self.at

    def _Do(self, operands: Any) -> None:  # noqa: N802 - the operator's name
        form = self.resources.get("/XObject", {}).get(str(operands[0]), {})
        if form.get("/Subtype") != "/Form" or _is_mark(form) or self.depth == DEEPEST:
            self.found.marks.append((self.at[2, 0], self.at[2, 1]))
            return
        at = _matrix(form.get("/Matrix", (1, 0, 0, 1, 0, 0))) @ self.at
        _Reader(self.found, form, form.get("/Resources", self.resources), at, self.depth + 1).read()

    def _Tf(self, operands: Any) -> None:  # noqa: N802 - the operator's name
        self.letters = self.fonts.get(str(operands[0]), {})

    def _Td(self, operands: Any) -> None:  # noqa: N802 - the operator's name
        self.text_at = self._place(*map(float, operands))

    def _Tm(self, six: Any) -> None:  # noqa: N802 - the operator's name
        self.text_at = self._place(float(six[4]), float(six[5]))

    def _show(self, operands: Any) -> None:
        import pikepdf

        from joyeval.disclosure.pdf import shown_letters

        parts = operands[0] if isinstance(operands[0], pikepdf.Array) else operands
        if word := "".join(shown_letters(parts, self.letters)).strip():
            self.found.words.append((word, *self.text_at))

    def _segment(self, kind: str, operands: Any) -> None:
        self.path.append((kind, [part for place in _pairs(operands) for part in self._place(*place)]))

    def _m(self, operands: Any) -> None:
        self._segment("m", operands)

    def _l(self, operands: Any) -> None:
        self._segment("l", operands)

    def _c(self, operands: Any) -> None:
        self._segment("c", operands)

    def _paint(self, _: Any) -> None:
        kinds = "".join(kind for kind, _ in self.path)
        if kinds == "ml":
            self.found.strokes.append((*self.path[0][1], *self.path[1][1]))
        elif re.fullmatch("mc{4,}l?", kinds):
            ends = np.array([place[-2:] for _, place in self.path])
            low, high = ends.min(axis=0), ends.max(axis=0)
            wide, tall = high - low
            if max(wide, tall) < LARGEST_MARK and abs(wide - tall) <= ROUND * max(wide, tall):
                self.found.marks.append(tuple((low + high) / 2))
        self.path = []

    def _place(self, x: float, y: float) -> tuple[float, float]:
        there = np.array([x, y, 1.0]) @ self.at
        return float(there[0]), float(there[1])


NAMES = {"Tj": "show", "TJ": "show"} | dict.fromkeys(("S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "n"), "paint")


def _is_mark(form: Any) -> bool:
    """Whether a form that is drawn time and again is as small as the mark of a point."""
    left, low, right, top = map(float, form.get("/BBox", (0, 0, 0, 0)))
    return max(right - left, top - low) < LARGEST_MARK


def _matrix(six: Any) -> np.ndarray:
    a, b, c, d, e, f = map(float, six)
    return np.array([[a, b, 0], [c, d, 0], [e, f, 1]])


def _pairs(operands: Any) -> Iterator[tuple[float, float]]:
    numbers = list(map(float, operands))
    return zip(numbers[::2], numbers[1::2], strict=True)
