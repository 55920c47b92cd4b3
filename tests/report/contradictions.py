"""Sentences and tables of a finished page that their own numbers, or each other, deny."""

from __future__ import annotations

import re

from lxml import html

CLEAR = r"clearly (?:better|worse|changed)|leaves out no change|[Aa] link was found|does not show what brought it about"
OPEN = r"not clear|cannot be told|no change fits|a rise, a fall"
NUMBER = r"[+−-]?[\d,]+(?:\.\d+)?"
INTERVAL = re.compile(rf"95% (?:CI|interval) ({NUMBER}) to ({NUMBER})")


def number(text: str) -> float:
    """Return a number as a page writes it."""
    return float(text.replace("−", "-").replace(",", "").rstrip("%"))


def contradictions(page: str) -> list[str]:
    """Return what contradicts itself on an HTML page: words and intervals, tables, the aim, measures told twice."""
    tree = html.fromstring(page)
    return [*_sentences(tree), *_verdicts(tree), *_aims(tree), *_measures(tree), *_outcomes(tree), *_counts(tree)]


def _texts(tree) -> list[str]:
    """Paragraphs, items and rows of tables, each as one text."""
    return [" ".join(part.text_content().split()) for part in tree.iter("p", "li", "tr")]


def _sentences(tree) -> list[str]:
    found = []
    for text in _texts(tree):
        for part in re.split(r"(?<=[.!?]) (?=[A-Z“])", text):
            ends = INTERVAL.search(part)
            if ends is None:
                continue
            low, high = map(number, ends.groups())
            clear, unclear = re.search(CLEAR, part), re.search(OPEN, part)
            if low > high or (clear and not unclear and low <= 0 <= high) or (unclear and not clear and low * high > 0):
                found.append(part)
    return found


def _verdicts(tree) -> list[str]:
    """Rows of tables that hold a verdict and the two ends of its interval."""
    found = []
    for row in tree.iter("tr"):
        cells = [" ".join(cell.text_content().split()) for cell in row.iter("td", "th")]
        word = next((cell for cell in cells if re.fullmatch(CLEAR + "|not clear", cell)), None)
        ends = next((re.fullmatch(rf"({NUMBER}) to ({NUMBER})", cell) for cell in cells if " to " in cell), None)
        if word and ends:
            low, high = map(number, ends.groups())
            if (low <= 0 <= high) == word.startswith("clearly"):
                found.append(" | ".join(cells))
    return found


def _aims(tree) -> list[str]:
    """The aim is called reached just where the value reaches it; all our aims are to have more."""
    told = re.search(rf"Was the aim reached: “[^”]*” ({NUMBER})%.*?(Yes|No): ({NUMBER})%", tree.text_content(), re.S)
    return [told[0]] if told and (number(told[3]) >= number(told[1])) != (told[2] == "Yes") else []


def _measures(tree) -> list[str]:
    """The change of a cohort is the same on the first page and in its chapter, and equally clear."""
    text = " ".join(tree.text_content().split())
    first = re.search(rf"From ({NUMBER})% [a-z ]+ to ({NUMBER})% [a-z ]+: ({NUMBER}) percentage points", text)
    chapter = re.search(rf"The cohort as a whole.{{0,200}}?({NUMBER}) \(from ({NUMBER}) to ({NUMBER}),", text)
    if not first or not chapter:
        return []
    near = all(
        abs(number(a) - number(b)) <= 1
        for a, b in zip(first.groups(), (chapter[2], chapter[3], chapter[1]), strict=True)
    )
    return [] if near else [f"{first[0]} / {chapter[0]}"]


def _questions(tree) -> dict[str, str]:
    """Answers of the first page by their question."""
    rows = ([" ".join(cell.text_content().split()) for cell in row.iter("td", "th")] for row in tree.iter("tr"))
    return {cells[0]: cells[1] for cells in rows if len(cells) == 3 and cells[0].endswith("?")}


def _outcomes(tree) -> list[str]:
    """A series has the same levels and change on the first page and in its chapter."""
    text, found = " ".join(tree.text_content().split()), []
    for question, answer in _questions(tree).items():
        title = re.match(r"“(.*)”: did it change\?", question)
        first = re.search(rf"From ({NUMBER}) .*? to ({NUMBER}) [^.]*?\): ({NUMBER})", answer)
        if not title or not first:
            continue
        said = re.search(rf"{re.escape(title[1])}\. [^.]*?({NUMBER}) [^(]*\(from ({NUMBER}) to ({NUMBER}),", text)
        told = said and (said[2], said[3], said[1])
        if not told or any(abs(number(a) - number(b)) > 1 for a, b in zip(first.groups(), told, strict=True)):
            found.append(f"{question} {answer} / {said and said[0]}")
    return found


def _counts(tree) -> list[str]:
    """Verdicts are counted alike on the first page and in their chapter."""
    text, found, counts = " ".join(tree.text_content().split()), [], rf"({NUMBER}) [a-z ]+: ([^.(]+)"
    for question, answer in _questions(tree).items():
        if question.startswith("How many"):  # of one team its chapter tells the change
            first = re.match(rf"Of {counts}\.", answer)
            chapter = [said[2].strip() for said in re.finditer(rf"Of {counts}\(by the", text)]
            if first and first[1] != "1" and first[2] not in chapter:
                found.append(answer)
        if question.startswith("What became of outcomes"):
            for part in answer.rstrip(".").split("; "):
                title, listed = re.sub(r" \(of .*\)$", "", part).rsplit(": ", 1)
                if not re.search(rf"{re.escape(title)}\. Of {NUMBER} [a-z ]+: {re.escape(listed)} \(by the", text):
                    found.append(part)
    return found
