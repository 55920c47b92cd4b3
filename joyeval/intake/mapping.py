"""A column map proposed for a person to confirm: which heading is which item, why, and how sure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from joyeval.intake.answers import answer_table, code_answers
from joyeval.intake.columns import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from joyeval.instruments.model import Instrument
    from joyeval.intake.columns import Headings
    from joyeval.intake.raw import Raw

CLOSE_ENOUGH = 70  # of 100: below this a heading is not proposed for an item
SURE, LIKELY = (90, 0.95), (80, 0.80)  # likeness and share of answers known: at least so much of both
HELD, HELD_WELL = 1 / 2, 1 / 3  # shares of its items found, and found likely, in a file that holds an instrument
LOOKED_AT = 2000  # rows whose answers are held against the options

FEWEST_PARTS = 3  # of a self-made code
LONGEST = 40  # characters of a heading or question that may ask who answered
ABOUT = {  # who answered and when, told by the heading, or else by the question beside it
    "date": r"(end ?date|completion time|submit ?date|date ?submitted|submitted|date|survey date|timestamp)",
    "team": r".*\b(team|ward|unit|department)\b.*",
    "role": r".*\b(role|profession|occupation|staff group|job title)\b.*",
    "person": r".*\b(panel|participant|study)[ _]?(id|number|code|no)\b.*",
}
CODE = r"(your |personal |linkage )?code\b.*"  # a part of a code that people make up themselves


class _Wish(NamedTuple):
    name: str
    text: str
    because: str
    instrument: Instrument | None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A column map for a person to confirm.

    Parameters
    ----------
    raw : Raw
        The export.
    instruments : tuple of Instrument
        Those that the file is taken to hold.
    columns : polars.DataFrame
        As `propose_map` returns it.
    """

    raw: Raw
    instruments: tuple[Instrument, ...]
    columns: pl.DataFrame

    @property
    def found(self) -> dict[str, str]:
        """Our name to the heading proposed for it."""
        rows = self.columns.filter(pl.col("heading").is_not_null())
        return dict(zip(rows["name"], rows["heading"], strict=True))

    @property
    def absent(self) -> list[str]:
        """Names for which nothing in the file is like enough."""
        return self.columns.filter(pl.col("heading").is_null())["name"].to_list()

    @property
    def unused(self) -> list[str]:
        """Headings that are proposed for nothing."""
        used = set(self.found.values())
        return [heading for heading in self.raw.frame.columns if heading not in used]

    def sentence(self) -> str:
        """Say what was recognised and how sure."""
        names = ", ".join(one.title for one in self.instruments) or "no questionnaire (name one with --instrument)"
        n = dict(self.columns.filter(pl.col("heading").is_not_null())["sure"].value_counts().iter_rows())
        return (
            f"recognised: {names}. Columns proposed: {n.get('sure', 0)} sure, {n.get('likely', 0)} likely, "
            f"{n.get('look', 0)} to check; {len(self.absent)} names without a column, {len(self.unused)} columns "
            "without a name"
        )


def propose(
    raw: Raw,
    instruments: Iterable[Instrument] | None = None,
    *,
    earlier: Mapping[str, Headings] | None = None,
    answers: Mapping[str, Mapping[str, str | int | float]] | None = None,
) -> Proposal:
    """Propose a column map.

    Parameters
    ----------
    raw : Raw
        The export.
    instruments : iterable of Instrument, optional
        Instruments that the survey holds; without it those of the registry that it seems to hold.
    earlier : mapping, optional
        Column map of an earlier wave, whose headings are looked for first.
    answers : mapping, optional
        Answer tables of the study file.
    """
    chosen = recognised(raw, answers or {}) if instruments is None else list(instruments)
    return Proposal(raw=raw, instruments=tuple(chosen), columns=propose_map(raw, chosen, earlier, answers))


def propose_map(
    raw: Raw,
    instruments: Iterable[str | Instrument],
    earlier: Mapping[str, Headings] | None = None,
    answers: Mapping[str, Mapping[str, str | int | float]] | None = None,
) -> pl.DataFrame:
    """Propose which heading is which of our names; each heading is proposed once, the best fit over all.

    Parameters
    ----------
    raw, earlier, answers
        As in `propose`.
    instruments : iterable of str or Instrument
        Instruments that the survey holds.

    Returns
    -------
    DataFrame
        name, heading, likeness (of the texts, 0 to 100), known (share of the answers that are options of the item),
        because, sure ("sure", "likely", "look"); names for which nothing is like enough have no heading.
    """
    from joyeval.instruments import load

    wishes = {name: _Wish(name, " ".join(listed(h)), "earlier wave", None) for name, h in (earlier or {}).items()}
    for instrument in map(load, instruments):
        for name, item in instrument.items.items():
            by_text = _Wish(name, item.text or item.topic, "wording" if item.text else "topic", instrument)
            wishes[name] = wishes[name]._replace(instrument=instrument) if name in wishes else by_text
    table = _matched(raw, list(wishes.values()), answers or {})
    return pl.concat([table, _about(raw, table)])


def recognised(raw: Raw, answers: Mapping[str, Mapping[str, str | int | float]]) -> list[Instrument]:
    """Instruments of the registry that a file seems to hold, those with most items found first."""
    from joyeval.instruments import load, names

    found = []
    for instrument in map(load, names()):
        wishes = [_Wish(n, i.text or i.topic, "", instrument) for n, i in instrument.items.items()]
        good = _matched(raw, wishes, answers).filter(pl.col("known") >= LIKELY[1])
        well = good.filter(pl.col("sure") != "look").height
        if (
            good.height >= HELD * len(wishes)
            and well >= HELD_WELL * len(wishes)
            and (good["likeness"] >= SURE[0]).any()
        ):
            found.append((good["likeness"].sum() * good["known"].mean(), instrument, set(good["heading"])))
    kept: list[Instrument] = []
    taken: set[str] = set()
    for _, instrument, headings in sorted(found, key=lambda one: -one[0]):
        if len(headings - taken) > len(headings) / 2:  # else another instrument explains these columns better
            kept.append(instrument)
            taken |= headings
    return kept


def _matched(raw: Raw, wishes: list[_Wish], answers: Mapping) -> pl.DataFrame:
    """Give each wish the heading that makes likeness and known answers largest over all wishes together."""
    from scipy.optimize import linear_sum_assignment

    headings = raw.frame.columns
    likeness = _likeness(raw, wishes)
    known = np.ones_like(likeness)
    seen: dict[tuple, float] = {}
    for i, j in zip(*np.nonzero(likeness >= CLOSE_ENOUGH), strict=True):
        known[i, j] = _share_known(raw, headings[j], wishes[i], answers, seen)
    worth = np.where(likeness >= CLOSE_ENOUGH, likeness * (0.6 + 0.4 * known), 0)
    partner = dict(zip(*linear_sum_assignment(worth, maximize=True), strict=True))
    rows = []
    for i, wish in enumerate(wishes):
        j = partner.get(i)
        if j is None or worth[i, j] == 0:
            rows.append((wish.name, None, 0.0, None, "nothing is like it", "look"))
            continue
        why = "key" if _bare(headings[j]) == _bare(wish.name) else wish.because
        sure = _grade(likeness[i, j], known[i, j])
        rows.append((wish.name, headings[j], float(likeness[i, j]), float(known[i, j]), why, sure))
    return _table(rows)


def _likeness(raw: Raw, wishes: list[_Wish]) -> np.ndarray:
    """Likeness of every wish to every heading: shared words count most, words that only one has a little."""
    from rapidfuzz import fuzz, process, utils

    headings = raw.frame.columns
    if not wishes or not headings:
        return np.zeros((len(wishes), len(headings)))
    asked = [utils.default_process(wish.text) for wish in wishes]
    both = [utils.default_process(f"{heading} {raw.labels.get(heading, '')}") for heading in headings]
    short = [utils.default_process(raw.labels.get(heading, heading)) for heading in headings]
    shared = process.cdist(asked, both, scorer=fuzz.token_set_ratio)
    whole = process.cdist(asked, short, scorer=fuzz.token_sort_ratio)
    same = process.cdist(asked, [utils.default_process(h) for h in headings], scorer=fuzz.ratio) == 100
    keys, bare = [_bare(wish.name) for wish in wishes], [_bare(heading) for heading in headings]
    exact = same | (np.array(keys)[:, None] == np.array(bare)[None, :])
    return np.where(exact, 100.0, np.round(0.8 * shared + 0.2 * whole))


def _share_known(raw: Raw, heading: str, wish: _Wish, answers: Mapping, seen: dict[tuple, float]) -> float:
    """Share of a column's answers that are options of the item; 1 for what is no item."""
    if wish.instrument is None:
        return 1.0
    own = wish.name if wish.name in answers else ""
    key = heading, wish.instrument.id, wish.instrument.items[wish.name].responses, own
    if key not in seen:
        cells = raw.frame[heading].head(LOOKED_AT)
        table = answer_table(wish.instrument, wish.name, own=answers)
        labels, declined = raw.answer_labels.get(heading, {}), raw.declined.get(heading, frozenset())
        unknown = code_answers(cells, table, labels, declined).unknown
        seen[key] = 1.0 if unknown is None else 1 - unknown.sum() / cells.count()
    return seen[key]


def _about(raw: Raw, table: pl.DataFrame) -> pl.DataFrame:
    """Columns that say who answered and when, among those that are no item."""
    used = set(table["heading"].drop_nulls())
    named = set(table["name"])
    rows = []
    for name, pattern in ABOUT.items():
        free = [heading for heading in raw.frame.columns if name not in named and heading not in used]
        by_heading = ((heading, "heading", heading) for heading in free)
        by_question = ((heading, "question", raw.labels.get(heading, "")) for heading in free)
        for heading, because, text in (*by_heading, *by_question):
            short = " ".join(text.casefold().replace("_", " ").split())
            if len(short) <= LONGEST and re.fullmatch(pattern, short):
                rows.append((name, heading, 100.0, None, because, "look"))
                used.add(heading)
                break
    parts = [h for h in raw.frame.columns if h not in used and re.fullmatch(CODE, h.casefold().replace("_", " "))]
    if len(parts) >= FEWEST_PARTS and not any(name.startswith("code_") for name in named):
        rows += [(f"code_{i}", part, 100.0, None, "heading", "look") for i, part in enumerate(parts, start=1)]
    return _table(rows)


def _table(rows: list[tuple]) -> pl.DataFrame:
    schema = {
        "name": pl.String,
        "heading": pl.String,
        "likeness": pl.Float64,
        "known": pl.Float64,
        "because": pl.String,
        "sure": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _grade(likeness: float, known: float) -> str:
    for word, (alike, answered) in (("sure", SURE), ("likely", LIKELY)):
        if likeness >= alike and known >= answered:
            return word
    return "look"


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())
