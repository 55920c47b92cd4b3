"""Which survey tool made an export: told by the shape of its first rows, and said."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from joyeval.intake.days import is_period

PREVIEWS = {"survey preview", "survey test", "spam", "1", "2", "8", "9", "17"}  # codes of Qualtrics' Status column
UNFINISHED = {"false", "0", "no"}  # of Qualtrics' Finished column
PERSONAL = {
    "ipaddress",
    "ipaddr",
    "locationlatitude",
    "locationlongitude",
    "locationaccuracy",
    "recipientlastname",
    "recipientfirstname",
    "recipientemail",
    "emailaddress",
    "email",
    "refurl",
    "referrerurl",
    "redcapsurveyidentifier",
}
NAMES = {"name", "firstname", "lastname", "surname", "respondentname"}  # in survey tools only: elsewhere a team's name

_TOOLS = (  # headings that only this tool writes; how many of them are enough; heading of its response number
    ("Microsoft Forms", {"id", "starttime", "completiontime"}, 3, "id"),
    ("LimeSurvey", {"responseid", "datesubmitted", "lastpage"}, 3, "responseid"),
    ("LimeSurvey", {"antwortid", "datumabgeschickt", "letzteseite"}, 3, "antwortid"),
    ("LimeSurvey (codes)", {"submitdate", "lastpage", "startlanguage"}, 2, "id"),
    ("REDCap", {"redcapeventname"}, 1, ""),
    ("REDCap", {"redcaprepeatinstance"}, 1, ""),
    ("REDCap", {"redcapdataaccessgroup"}, 1, ""),
    ("REDCap", {"redcapsurveyidentifier"}, 1, ""),
    ("REDCap", {"recordid", "eventname"}, 2, ""),
    ("SurveyMonkey", {"respondentid", "collectorid"}, 2, "respondentid"),
    ("Jisc Online Surveys", {"uniqueresponsenumber"}, 1, "uniqueresponsenumber"),
)
_QUALTRICS = (  # of these columns, which Qualtrics writes before the answers, four are enough
    {"startdate", "enddate", "status", "ipaddress", "progress", "durationinseconds", "finished", "recordeddate"}
    | {"responseid", "recipientlastname", "recipientfirstname", "recipientemail", "externalreference"}
    | {"externaldatareference", "locationlatitude", "locationlongitude", "distributionchannel", "userlanguage"}
)
_CODE_AND_TEXT = re.compile(r"\w+(\[\w+\])?\. .")  # LimeSurvey's "affSat1. I find real enjoyment in my job"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the first rows say: who made the file, its headings, and how many rows come before the answers.

    Parameters
    ----------
    headings : list of str
        One per column, made unique.
    labels : mapping
        Heading to question text.
    cells : list of str
        The headings as they stand in the file.
    above : int
        Rows above the headings.
    two_rows : bool
        Whether the row above the headings seems to belong to them.
    identifier : str, optional
        Heading of the response number.
    """

    source: str
    headings: list[str]
    labels: dict[str, str]
    cells: list[str]
    above: int = 0
    header_rows: int = 1
    two_rows: bool = False
    identifier: str | None = None

    def personal(self) -> list[str]:
        """Headings of what identifies a person and no analysis needs."""
        names = NAMES if self.source != PLAIN else set()
        return [heading for heading in self.headings if _bare(heading) in PERSONAL | names]


PLAIN = "a table"


def recognise(top: list[list[str]]) -> Layout:
    """Tell the tool from the first rows, the first of which holds the headings."""
    for look in (_qualtrics, _qualtrics_legacy, _surveymonkey, _google_forms, _one_row_tool):
        layout = look(top)
        if layout:
            return layout
    return _layout(PLAIN, top[0])


def joined(top: list[list[str]], header_rows: int) -> Layout:
    """Return headings of several rows as one: ``upper | lower``, upper ones filled to the right like merged cells."""
    width = max(map(len, top[:header_rows]))
    levels = [[" ".join(cell.split()) for cell in [*row, *[""] * (width - len(row))]] for row in top[:header_rows]]
    for upper, below in zip(levels[-2::-1], levels[:0:-1], strict=True):
        upper[:] = _filled_right(upper, below)
    cells = [" | ".join(dict.fromkeys(cell for cell in column if cell)) for column in zip(*levels, strict=True)]
    return _layout(PLAIN, cells, header_rows=header_rows)


def _filled_right(row: list[str], below: list[str]) -> list[str]:
    """Fill a row of headings to the right of those that have another one below them."""
    filled, last = [], ""
    for cell, under in zip(row, below, strict=True):
        last = (cell if under else "") if cell else last
        filled.append(cell or last)
    return filled


def find_header(top: list[list[str]]) -> int:
    """Index of the row of headings, below any notes: the first row of words that is about as full as the table."""
    filled = [[cell for cell in row if cell.strip()] for row in top]
    widths = Counter(len(cells) for cells in filled if cells)
    often = [width for width, rows in widths.items() if rows >= 0.1 * widths.total()]
    width = 1 if widths[1] > 0.8 * widths.total() else max(often, default=0)
    for i, cells in enumerate(filled):
        words = sum(is_period(cell) or not is_number(cell) for cell in cells)
        if len(cells) >= max(0.6 * width, 1) and words >= 0.7 * len(cells):
            return i
    return 0


def two_rows(top: list[list[str]], header: int) -> bool:
    """Whether the headings seem to stand in the row found and the one above it: a few words over repeated ones."""
    if header == 0:
        return False
    upper, lower = ([cell.strip() for cell in top[i]] for i in (header - 1, header))
    words = [cell for cell in upper if cell]
    return 2 <= len(words) < len(lower) and len(set(lower)) < len(lower) and not any(map(is_number, words))


def _qualtrics(top: list[list[str]]) -> Layout | None:
    """Tell Qualtrics by its row of ImportIds, or by the columns that it writes before the answers."""
    if len(top) > 2 and any("ImportId" in cell for cell in top[2]):
        return _layout("Qualtrics", top[0], top[1], header_rows=3, identifier="responseid")
    bare = [_bare(cell) for cell in top[0]]
    if len(_QUALTRICS & set(bare)) < 4 or not _QUALTRICS.intersection(bare[:1]):
        return None
    if len(top) > 1 and {"startdate", "enddate"} & {_bare(cell) for cell in top[1]}:  # texts of the questions
        return _layout("Qualtrics (two header rows)", top[0], top[1], header_rows=2, identifier="responseid")
    return _layout("Qualtrics (one header row)", top[0], identifier="responseid")


def _qualtrics_legacy(top: list[list[str]]) -> Layout | None:
    if len(top) < 2 or top[0][:1] != ["V1"] or _bare(top[1][0]) != "responseid":
        return None
    named = [label if re.fullmatch(r"V\d+", code) else code for code, label in zip(top[0], top[1], strict=False)]
    return _layout("Qualtrics (legacy)", named, top[1], header_rows=2, identifier="responseid")


def _surveymonkey(top: list[list[str]]) -> Layout | None:
    """Row 1 holds the questions, blank for further options of the same one; row 2 the options, or nothing."""
    if len(top) < 2 or _bare(top[0][0]) != "respondentid" or top[1][0].strip():
        return None
    headings, question = [], ""
    for asked, option in zip(top[0], [*top[1], *[""] * len(top[0])], strict=False):
        question = asked or question
        headings.append(question if option in ("", "Response", "Open-Ended Response") else f"{question} [{option}]")
    return _layout("SurveyMonkey", headings, header_rows=2, identifier="respondentid")


def _google_forms(top: list[list[str]]) -> Layout | None:
    """Tell Google Forms by its Timestamp, which comes first and holds a day and a time."""
    stamped = [row[0] for row in top[1:4] if row]
    if top[0][0].strip() != "Timestamp" or not all(re.search(r"\d[ T]\d{1,2}:\d{2}", cell) for cell in stamped):
        return None
    return _layout("Google Forms", top[0])


def _one_row_tool(top: list[list[str]]) -> Layout | None:
    bare = {_bare(cell) for cell in top[0]}
    for source, signs, enough, identifier in _TOOLS:
        if len(signs & bare) >= enough:
            return _layout(source, top[0], identifier=identifier)
    if sum(bool(_CODE_AND_TEXT.match(cell)) for cell in top[0]) > len(top[0]) / 2:
        labels = [re.sub(r"^\w+(\[\w+\])?\. ?", "", cell) for cell in top[0]]
        return _layout("LimeSurvey (codes and texts)", top[0], labels)
    if any(cell.endswith("_complete") for cell in top[0]) and (any("___" in c for c in top[0]) or "recordid" in bare):
        return _layout("REDCap", top[0])
    return None


def _layout(source: str, cells: list[str], labels: list[str] | None = None, header_rows=1, identifier="") -> Layout:
    headings = _unique(cells)
    texts = {h: label.strip() for h, label in zip(headings, labels or [], strict=False) if label.strip()}
    number = next((heading for heading in headings if identifier and _bare(heading) == identifier), None)
    return Layout(
        source=source, headings=headings, labels=texts, cells=list(cells), header_rows=header_rows, identifier=number
    )


def _unique(cells: list[str]) -> list[str]:
    """Headings without stray blanks; an empty one is numbered, a repeated one counted: `Score`, `Score (2)`."""
    seen: Counter[str] = Counter()
    headings = []
    for position, cell in enumerate(cells, start=1):
        heading = " ".join(cell.replace("\ufeff", "").split()) or f"(column {position})"
        seen[heading] += 1
        headings.append(heading if seen[heading] == 1 else f"{heading} ({seen[heading]})")
    return headings


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    return re.fullmatch(r"-?\d+(\.\d+)?", text.strip()) is not None
