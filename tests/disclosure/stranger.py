"""A stranger with finished files, all of joyeval's source and the list of teams: what few people can be told apart.

Every route yields claims, `(kind, who, what, value)`, from files alone; the truth is used to score them, nowhere else.
A claim is right if it is the statistic of a group of fewer people than the holder of these files may know of.
"""

from __future__ import annotations

import csv
import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from lxml import html

from joyeval.disclosure.drawings import Drawing, read_drawing
from joyeval.disclosure.pdf import pdf_text
from tests.disclosure.attacks import claims, solved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = re.compile(r"\b(\d+)(?: of \d+)? (?:respondents?|raters?|people|persons?|participants?|colleagues|staff)\b")
NUMBER = re.compile(r"(?<![\d.])[−-]?\d+(?:\.\d+)?")
LINE = 6.0  # points: two lines of text in one cell of a map
WHOLE = 0.01  # of a point: what all coordinates of a drawing are near, if they were rounded


@dataclass
class Document:
    """One finished file."""

    name: str
    text: str = ""
    tables: list[tuple[str, list[list[str]]]] = field(default_factory=list)
    drawings: list[tuple[str, Drawing]] = field(default_factory=list)


def read(path: Path) -> Document:
    """Read a file as anybody can."""
    match path.suffix:
        case ".html":
            return _page(path)
        case ".svg" | ".eps":
            return Document(path.name, drawings=[("", read_drawing(path.read_bytes(), path.suffix))])
        case ".pdf" if not path.name.startswith("report"):
            return Document(path.name, pdf_text(path), drawings=[("", read_drawing(path.read_bytes(), ".pdf"))])
        case ".pdf":
            return Document(path.name, pdf_text(path))
        case ".csv":
            rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
            return Document(path.name, tables=[(path.name, rows)])
        case ".txt":
            return Document(path.name, path.read_text(encoding="utf-8"))
    return Document(path.name)


def _page(path: Path) -> Document:
    page = html.fromstring(path.read_bytes())
    for unseen in page.xpath("//style"):
        unseen.drop_tree()
    tables = [
        (_text(table, ".//caption"), [[" ".join(cell.itertext()).strip() for cell in row] for row in table.iter("tr")])
        for table in page.iter("table")
    ]
    drawings = []
    for picture in page.iter("img"):
        kind, _, content = picture.get("src", "").partition(";base64,")
        if kind == "data:image/svg+xml":
            caption = _text(picture, "ancestor::figure//figcaption") + " " + picture.get("alt", "")
            drawings.append((caption, read_drawing(b64decode(content), ".svg")))
    words = "\n".join([*page.itertext(), *page.xpath("//@alt | //@title")])
    return Document(path.name, words, tables, drawings)


def _text(element, path: str) -> str:
    return " ".join(" ".join(part.itertext()) for part in element.xpath(path))


# ---- routes ----------------------------------------------------------------------------------------------------------


def by_coordinates(document: Document, teams) -> Iterator[tuple]:
    """Exact shares of panels that name a team, where not all values of the drawing are rounded."""
    for caption, drawing in document.drawings:
        points = solved(drawing, teams)
        named = points[points["panel"] != ""]
        if len(named) and (np.abs(named["value"] - named["value"].round()) > WHOLE).any():
            for row in named.itertuples():
                for share in claims([row.value]):
                    yield "share", row.panel, (caption, int(row.period)), float(share)


def by_source_data(document: Document, teams) -> Iterator[tuple]:
    """Exact shares from a column of values beside names of teams."""
    for caption, (heading, *rows) in ((caption, rows) for caption, rows in document.tables if rows):
        if not {"team", "value"} <= set(heading):
            continue
        table = pd.DataFrame([row for row in rows if len(row) == len(heading)], columns=heading)
        values = pd.to_numeric(table["value"], errors="coerce")
        if (np.abs(values - values.round()) > WHOLE).any():
            turn = table.groupby("team").cumcount()
            for team, number, value in zip(table["team"], turn, values, strict=True):
                for share in claims([value]) if team in set(teams) else ():
                    yield "share", team, (caption, int(number)), float(share)


def by_rows(document: Document, groups) -> Iterator[tuple]:
    """Numbers of a row that names a group, with all other words of the row; not of points over time."""
    for caption, rows in document.tables:
        for row in rows[1:] if rows and not {"team", "value"} <= set(rows[0]) else ():
            named = [cell for cell in row if cell in groups]
            for number in (found for cell in row for found in NUMBER.findall(cell)) if named else ():
                yield "row", named[0], (caption, " | ".join(row)), float(number.replace("−", "-"))


def by_drawn_rows(document: Document, groups) -> Iterator[tuple]:
    """Numbers written in a drawing right of the name of a group."""
    for caption, drawing in document.drawings:
        for name, x, y in drawing.words:
            beside = [word for word, at, height in drawing.words if at > x and abs(height - y) < LINE]
            for word in beside if name in groups else ():
                for number in NUMBER.findall(word):
                    yield "row", name, (caption, word), float(number.replace("\u2212", "-"))


def by_prose(document: Document, groups) -> Iterator[tuple]:
    """Numbers in a sentence that names a group."""
    named = re.compile("|".join(rf"(?<!\w){re.escape(group)}(?!\w)" for group in groups)) if groups else None
    for sentence in re.split(r"(?<=[.;!?])\s+|\n", document.text) if named else ():
        if found := named.search(sentence):
            for number in NUMBER.findall(sentence):
                yield "prose", found[0], ("", sentence), float(number.replace("−", "-"))


def beyond_chance(found: pd.DataFrame) -> list[str]:
    """Return the routes by which more claims were right than a random guess would have."""
    counts = found.groupby("route")[["right", "by_chance"]].sum()
    return list(counts.index[counts["right"] > counts["by_chance"] + 3 * np.sqrt(counts["by_chance"] + 1)])


def by_counts(document: Document, threshold: int) -> Iterator[tuple]:
    """Counts of fewer people than the threshold, in words."""
    for found in COUNT.finditer(document.text):
        before = document.text[max(found.start() - 20, 0) : found.start()]
        if 0 < int(found[1]) < threshold and not re.search(r"(fewer than|at least|under|below|of) $", before):
            yield "count", "", ("", document.text[max(found.start() - 60, 0) : found.end() + 20]), float(found[1])


ROUTES = {
    "coordinates": by_coordinates,
    "source data": by_source_data,
    "rows": by_rows,
    "drawn rows": by_drawn_rows,
    "prose": by_prose,
}


# ---- truth, to score by ----------------------------------------------------------------------------------------------


@dataclass
class Truth:
    """Exact statistics of the groups of a cohort of which a holder of documents may know nothing.

    Parameters
    ----------
    shares : dict of str to DataFrame
        Team to its points of too few people: turn (periods from the first of the cohort), period, share.
    numbers : dict of str to array
        Team, role or workgroup of too few people to its means of scores and of ties, and shares in per cent.
    """

    teams: list[str]
    shares: dict[str, pd.DataFrame]
    numbers: dict[str, np.ndarray]

    def right(self, kind: str, who: str, what: tuple, value: float, units: int = 0) -> bool:
        """Whether a claim, or a number so many units of its last place higher, is the statistic of a small group."""
        if kind == "share":
            points = self.shares.get(who, pd.DataFrame(columns=["turn", "period", "share"]))
            when = points["turn"] if isinstance(what[1], int) else points["period"].astype(str)
            return bool((np.abs(points.loc[when == what[1], "share"] - value) < 1e-6).any())
        printed = re.search(rf"{re.escape(f'{abs(value):g}')}(\.?\d*)", what[1])
        places = len(f"{value}".partition(".")[2].rstrip("0")) or (1 if printed and printed[1].startswith(".") else 0)
        exact = self.numbers.get(who, np.zeros(0))
        return places > 0 and bool((np.abs(exact.round(places) - value - units / 10**places) < 1e-9).any())

    def by_chance(self, kind: str, who: str, what: tuple, value: float) -> bool:
        """Whether a number close to it, or the share of another team, would have been right: a random guess."""
        teams = sorted(self.shares)
        if kind == "share":
            return self.right(kind, teams[teams.index(who) - 1] if who in teams else "", what, value)
        return self.right(kind, who, what, value, units=2)


def truth_of(store, threshold: int) -> Truth:
    """Work out what is true of small groups from the stored tables of a cohort."""
    there = store.tables()
    staff = store.table("teams").set_index("team")["headcount"].astype(float)
    shares, numbers = {}, {}
    pulse = store.table("pulse")
    first, step = pulse["period"].min(), pulse["period"].drop_duplicates().sort_values().diff().min()
    exact = pulse.assign(
        share=pulse["positive"] / pulse["answers"],
        turn=((pulse["period"] - first) / step).round().astype(int),
        people=np.minimum(pulse["answers"], pulse["team"].map(staff)),
    )
    few = exact[(exact["people"] < threshold) & (exact["people"] > 0)]
    shares = dict(iter(few[["team", "measure", "turn", "period", "share"]].groupby("team")))
    for team, rows in exact[exact["team"].map(staff) < threshold].groupby("team"):
        whole = rows[["positive", "answers"]].sum()
        numbers[team] = [100 * whole["positive"] / whole["answers"]]  # single weeks are claimed as shares
    for name in (name for name in there if name.startswith("wave_")):
        table = store.table(name)
        scales = [column.removesuffix("_answered") for column in table if column.endswith("_answered")]
        for by in (column for column in ("team", "role") if column in table):
            parts = table.groupby([by, "wave"], observed=True)[scales]
            few = parts.count().groupby(level=0).max().max(axis=1) < threshold  # in every wave and score
            for group, rows in parts.mean().groupby(level=0):
                if few[group]:
                    numbers[group] = [*numbers.get(group, []), *rows.to_numpy().ravel()]
    if "ties" in there:
        ties = store.table("ties").query("answered > 0")
        names = ["process", "workgroup", "target", "wave"]
        by = ties.groupby(names, observed=True)
        few = by["person"].nunique().groupby(level="workgroup").max() < threshold  # in every process: maps name none
        means = by["rc"].mean()
        small = means[means.index.get_level_values("workgroup").isin(few.index[few])]
        for group, rows in small.groupby(level="workgroup"):
            numbers[str(group)] = [*numbers.get(str(group), []), *rows]
    found = {name: np.array(values, dtype=float) for name, values in numbers.items()}
    numbers = {name: values[np.isfinite(values)] for name, values in found.items() if np.isfinite(values).any()}
    return Truth(list(staff.index), shares, numbers)


def recovered(
    folder: Path, truth: Truth, threshold: int, files=("report.*", "tables/*", "figures/*/*")
) -> pd.DataFrame:
    """Attack all files of one edition; return claims by route, whether each is right, and whether a guess would be."""
    rows = []
    for path in sorted(path for pattern in files for path in folder.glob(pattern) if path.is_file()):
        document = read(path)
        for route, attack in ROUTES.items():
            known = truth.teams if route in ("coordinates", "source data") else list(truth.numbers)
            for claim in attack(document, known):
                rows.append((route, path.name, *claim, truth.right(*claim), truth.by_chance(*claim)))
        rows += [("counts", path.name, *claim, True, False) for claim in by_counts(document, threshold)]
    found = pd.DataFrame(rows, columns=["route", "file", "kind", "who", "what", "value", "right", "by_chance"])
    return found.astype({"right": bool, "by_chance": bool})
